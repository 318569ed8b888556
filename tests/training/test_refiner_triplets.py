"""Triplets of a corpus and drafts: made once, kept, resumed; and the texts that are learnt from them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.errors import ConfigurationError, InputError, PausedError
from scalemt.generalists.fake import FakeGeneralist
from scalemt.prompts import load_template
from scalemt.specialists.bergamot import BergamotSpecialist
from scalemt.training.refiner.configuration import Corpus
from scalemt.training.refiner.memory import check, explained
from scalemt.training.refiner.texts import refiner_template, taught, tokens_of, without_draft
from scalemt.training.refiner.triplets import Triplet, TripletFile, choose, dev_units
from training.students import corpus, student


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy student and a toy corpus of 24 pairs."""
    made = tmp_path_factory.mktemp("toy")
    student(made / "student")
    corpus(made / "corpus.tsv")
    return made


def table(folder: Path, **fields: Any) -> Corpus:
    given = {
        "files": [str(folder / "corpus.tsv")],
        "from": "en",
        "to": "pt",
        "specialists": [f"bergamot:{folder / 'student'}"],
    }
    return Corpus.model_validate(given | fields)


def test_triplets_are_made_once_and_gone_on_with(folder: Path, tmp_path: Path) -> None:
    file = TripletFile(tmp_path / "triplets.jsonl")
    several = [table(folder, words=(1, 40)), table(folder, keep=True, lines=50)]
    told: list[tuple[int, int]] = []
    made = file.make(several, 1, lambda done, of: told.append((done, of)))
    assert told == [(48, 48)]
    first = made[0]
    assert (first.pair, first.engine) == ("en->pt", f"bergamot:{folder / 'student'}")
    assert first.signature.startswith("bergamot[")
    assert first.origin.startswith("corpus.tsv#")
    assert all(item.target == item.draft for item in made[24:])
    told.clear()
    assert file.make(several, 1, lambda *both: told.append(both)) == made
    assert told == []
    lines = file.path.read_bytes()
    file.path.write_bytes(lines[: len(lines) // 2])
    assert file.make(several, 1) == made
    assert file.path.read_bytes() == lines
    other = file.make(several, 2)
    assert other != made
    assert len(file.path.read_text("utf-8").splitlines()) == 49


def test_lines_of_dev_and_of_other_lengths_are_left_out(folder: Path, tmp_path: Path) -> None:
    dev = tmp_path / "dev.tsv"
    dev.write_text("The tin is blue.\tA lata é azul.\n", "utf-8")
    dropped = Counter[str]()
    units = choose(table(folder, dev=[str(dev)]), 0, dropped)
    assert dropped == {"in the dev file": 1}
    assert len(units) == 23
    assert [unit.source for unit in dev_units(table(folder, dev=[str(dev)]), 0)] == ["The tin is blue."]
    assert choose(table(folder, lines=5), 3, Counter()) == choose(table(folder, lines=9), 3, Counter())[:5]
    with pytest.raises(InputError, match=r"left to train on for en->pt: 24 not of 9 to 12 words"):
        choose(table(folder, words=(9, 12)), 0, Counter())


def test_a_corpus_can_be_swapped(folder: Path) -> None:
    made = choose(table(folder, swapped=True, **{"from": "pt", "to": "en"}), 0, Counter())
    assert {unit.source.split()[0] for unit in made} == {"A"}
    assert {unit.target.split()[0] for unit in made} == {"The"}


@pytest.mark.parametrize("source", ["The tin is blue.", "Open <b>The tin</b> now."])
def test_what_is_learnt_is_what_is_asked(folder: Path, source: str) -> None:
    specialist = BergamotSpecialist(folder / "student")
    generalist = FakeGeneralist(lambda _: "A lata é azul.", kind="base")
    generalist.template, generalist.shots = "refiner", 0
    engine = Engine(Profile(gate="off", cache=False), specialists=[specialist], generalist=generalist)
    made = engine.translate([source], "en", "pt")[0]
    assert made.draft
    triplet = Triplet("en->pt", source, made.draft.text, made.draft.text, "toy#1")
    text = taught(triplet, load_template("refiner"))
    assert text
    assert text.prompt == generalist.prompts[0].text
    assert text.answer.startswith(" ")
    assert text.answer.endswith(generalist.prompts[0].stop[0])


def test_a_tag_is_shown_alike_in_source_draft_and_answer() -> None:
    triplet = Triplet("en->pt", "Open <b>The tin</b>.", "Abrir <b>a lata</b>.", "Abra <b>a lata</b>.", "toy#1")
    text = taught(triplet, load_template("refiner"))
    assert text
    assert "<b>" not in text.prompt + text.answer
    opening = text.prompt[text.prompt.index("<") : text.prompt.index(">") + 1]
    assert text.prompt.count(opening) == 2
    assert text.answer.count(opening) == 1
    lacking = Triplet("en->pt", "Open <b>The tin</b>.", "Abrir <b>a lata</b>.", "Abra a lata.", "toy#1")
    assert taught(lacking, load_template("refiner")) is None
    lacking = Triplet("en->pt", "Open %s.", "Abrir.", "Abra %s.", "toy#1")
    assert taught(lacking, load_template("refiner")) is None
    bare = taught(lacking, load_template("refiner"), drafted=False)
    assert bare
    assert "Draft" not in bare.prompt
    assert taught(Triplet("en->pt", "One tin.", "Uma lata.", " ", "toy#1"), load_template("refiner")) is None


def test_prompt_and_answer_are_cut_where_the_model_is_asked() -> None:
    class Greedy:
        """Cuts texts into letters, but takes a colon and a space for one."""

        def __call__(self, text: str, *, add_special_tokens: bool = True) -> dict[str, list[int]]:
            return {"input_ids": [1] * add_special_tokens + [ord(letter) for letter in text.replace(": ", "§")]}

    text = taught(Triplet("en->pt", "Tin", "Lata", "Lata!", "toy#1"), load_template("refiner"))
    assert text
    made = tokens_of(text, Greedy())
    assert bytes(made.ids[made.opening :]) == b" Lata!\n"
    assert made.ids[made.opening - 1] == ord(":")


def test_templates_that_cannot_be_taught_are_refused(tmp_path: Path) -> None:
    assert refiner_template("ladder-plain").name == "ladder-plain"
    with pytest.raises(ConfigurationError, match='needs one of kind = "plain" with a stop'):
        refiner_template("scale")
    (tmp_path / "odd.toml").write_text(
        'kind = "plain"\nstop = ["\\n"]\ndemonstration = "{{ source }}={{ target }}"\nquery = "{{ source }} >"\n'
    )
    with pytest.raises(ConfigurationError, match="a space and the target must follow"):
        refiner_template(str(tmp_path / "odd.toml"))


def test_the_share_without_draft_is_drawn_by_the_seed() -> None:
    assert without_draft(3, 0.0, 1) == [False] * 3
    assert without_draft(3, 1.0, 1) == [True] * 3
    drawn = without_draft(1000, 0.3, 1)
    assert 250 < sum(drawn) < 350
    assert drawn == without_draft(1000, 0.3, 1)


def test_memory_that_does_not_suffice_names_a_batch_of_the_same_sum() -> None:
    pytest.importorskip("torch")

    def attempt(count: int) -> None:
        if count > 3:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to")

    told = explained(MemoryError(), attempt, 8, 2)
    assert isinstance(told, PausedError)
    assert "batch = 8 does not fit. Set batch = 2 and accumulation = 8" in str(told)

    def never(_: int) -> None:
        raise MemoryError

    assert "Lower max_tokens" in str(explained(MemoryError(), never, 8, 1))
    with pytest.raises(PausedError, match="Not even one triplet"):
        check(never, 8, 1)
    held: list[bytearray] = []

    def takes(count: int) -> None:
        held[:] = [bytearray(count * 40_000_000)]  # written to: only then does the system count it
        held.clear()

    assert check(takes, 4, 1) > 100_000_000
    with pytest.raises(PausedError, match=r"GB are needed, .* GB are there \(by what one and two triplets take\)"):
        check(takes, 100_000, 1)


def test_triplets_read_back_are_those_that_were_written(folder: Path, tmp_path: Path) -> None:
    file = TripletFile(tmp_path / "t.jsonl")
    made = file.make([table(folder, lines=2)], 0)
    rows = [json.loads(line) for line in file.path.read_text("utf-8").splitlines()[1:]]
    assert [Triplet(**row) for row in rows] == made
