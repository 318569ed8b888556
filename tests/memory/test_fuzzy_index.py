"""The fuzzy index against a look at every unit, however it came about and whatever has become of its files."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz import fuzz, process

from scalemt.memory import index as index_module
from scalemt.memory import shard as shard_module
from scalemt.memory.index import FuzzyIndex, drop_index, index_folder, index_size
from scalemt.memory.recall import Memories, MemoryUse
from scalemt.memory.shard import Hit, Shard, build, merge
from scalemt.memory.store import MemoryStore
from scalemt.memory.units import Unit, skeleton
from scalemt.types import Pair, Segment

EN_PT = Pair("en", "pt")
WORDS = (
    "the a house home file files open close save print printer network cable red blue green old new small large "
    "and or of in on with without user users password settings window door key keys table text line lines page"
).split()


def sentences(
    count: int, seed: int, words: Sequence[str] = WORDS, joint: str = " ", longest: int = 18
) -> list[str]:
    dice = random.Random(seed)
    return [joint.join(dice.choices(words, k=dice.randint(1, longest))) for _ in range(count)]


def spoilt(text: str, dice: random.Random, letters: str) -> str:
    """Return a text with a tenth of its letters changed, dropped or doubled."""
    made = []
    for letter in text:
        chance = dice.random()
        if chance < 0.04:
            continue
        made.append(dice.choice(letters) if chance < 0.08 else letter)
        if chance > 0.98:
            made.append(letter)
    return "".join(made)


def units(texts: Sequence[str], pair: Pair = EN_PT) -> list[Unit]:
    return [
        Unit(text, f"alvo {place}", pair, changed="2020-01-01T00:00:00Z") for place, text in enumerate(texts, 1)
    ]


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[MemoryStore]:
    kept = MemoryStore(tmp_path / "memory.db", create=True)
    yield kept
    kept.close()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards of a few units, so that a small memory has all that a large one has."""
    monkeypatch.setattr(index_module, "_TAIL", 20)
    monkeypatch.setattr(index_module, "_LARGEST", 150)


def opened(memory: MemoryStore, *, swapped: bool = False) -> FuzzyIndex:
    made = FuzzyIndex(memory, EN_PT, swapped=swapped)
    made.refresh()
    return made


def exhaustive(text: str, known: Sequence[tuple[int, str]], limit: int, floor: float) -> list[tuple[float, int]]:
    """Return what a look at every unit finds: the best first, the newest of equals first."""
    found = process.extract(text, [held for _, held in known], scorer=fuzz.ratio, limit=None, score_cutoff=floor)
    hits = [(score, known[place][0]) for _, score, place in found]
    return sorted(hits, key=lambda hit: (-hit[0], -hit[1]))[:limit]


def held_by(memory: MemoryStore) -> list[tuple[int, str]]:
    return [(unit.id, skeleton(unit.segment)) for unit in memory.units(EN_PT)]


def agreement(index: FuzzyIndex, known: Sequence[tuple[int, str]], queries: Sequence[str]) -> tuple[int, int]:
    """Return how often the best hit above 75 % is as like as the best there is, and of how many."""
    right = due = 0
    for query in queries:
        best = exhaustive(query, known, 1, 75)
        if best:
            found = index.search(query, 5, 50)
            due += 1
            right += bool(found) and found[0][0] == pytest.approx(best[0][0])
    return right, due


def bare(hits: Sequence[Hit]) -> list[tuple[float, int]]:
    return [(score, number) for score, number, _ in hits]


THAI = [chr(code) for code in range(0x0E01, 0x0E2F)]
HAN = [chr(code) for code in range(0x4E00, 0x4E00 + 300)]


@pytest.mark.parametrize(
    ("texts", "letters"),
    [
        (sentences(3000, 1), "abcdefghij "),
        (sentences(2000, 2, HAN, "", 30), "".join(HAN)),
        (sentences(2000, 3, THAI, "", 40), "".join(THAI)),
        (sentences(2000, 4, list("abcdefgh"), "", 8), "abcdefgh"),
        (sentences(1500, 5, WORDS, "", 6), "abcdefgh"),
        (
            sentences(1500, 6, [chr(0x1F600 + n) for n in range(60)], "", 40),
            "".join(map(chr, range(0x1F600, 0x1F640))),
        ),
        (sentences(1500, 7, list(".,;:-!?*#/"), "", 50), ".,;:-"),
    ],
    ids=["words", "chinese", "thai", "short", "compounds", "emoji", "signs"],
)
def test_the_best_hit_is_that_of_a_look_at_every_unit(memory: MemoryStore, texts: list[str], letters: str) -> None:
    memory.add(units(list(dict.fromkeys(texts))))
    index = opened(memory)
    assert index._shards
    dice = random.Random(9)
    queries = [skeleton(Segment(spoilt(text, dice, letters))) for text in dice.sample(texts, 200)]
    right, due = agreement(index, held_by(memory), [query for query in queries if query])
    assert due > 100
    assert right >= 0.99 * due


@pytest.mark.data
@pytest.mark.parametrize("name", ["libreoffice-help.en-pt-BR", "debian-descriptions.en-pt-BR", "firefox-ui.en-eu"])
def test_so_it_is_for_what_people_translate(memory: MemoryStore, shared_data: Path, name: str) -> None:
    def read(part: str) -> list[list[str]]:
        lines = (shared_data / "corpora" / f"{name}.{part}.tsv").read_text("utf-8").split("\n")
        return [line.split("\t") for line in lines if line.count("\t")]

    memory.add(Unit(row[0], row[1], EN_PT) for row in read("train")[:6000])
    index = opened(memory)
    queries = [skeleton(Unit(row[0], row[1], EN_PT).segment) for row in read("dev")[:250]]
    right, due = agreement(index, held_by(memory), [query for query in queries if query])
    assert due > 20
    assert right >= 0.99 * due


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(min_size=1, max_size=25), min_size=1, max_size=30), st.text(max_size=25), st.data())
def test_so_it_is_for_any_text(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], other: str, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("shard")
    known = [(number, text) for number, text in enumerate(texts, 1)]
    build(folder, known)
    shard = Shard(folder).open()
    query = data.draw(st.sampled_from([*texts, f"{texts[0]}{other[:3]}", other]))
    if query:
        found = shard.search(query, 3, 75)
        best = exhaustive(query, known, 3, 75)
        assert all(fuzz.ratio(query, held) == pytest.approx(score) for score, _, held in found)
        if best and best[0][0] == 100:
            assert bare(found)[0] == best[0]
        for score, number, held in found:
            assert dict(known)[number] == held
            assert score >= 75


@pytest.mark.usefixtures("small")
def test_odd_batches_give_the_same_answers_as_one(tmp_path: Path) -> None:
    texts = list(dict.fromkeys(sentences(900, 11)))
    once = MemoryStore(tmp_path / "once.db", create=True)
    once.add(units(texts))
    whole = opened(once)
    grown = MemoryStore(tmp_path / "grown.db", create=True)
    index = FuzzyIndex(grown, EN_PT, swapped=False)
    dice = random.Random(4)
    waiting = units(texts)
    while waiting:
        size = dice.choice([1, 2, 7, 19, 20, 21, 22, 160, 400])
        grown.add(waiting[:size])
        del waiting[:size]
        index.refresh()
    assert len(index._shards) > 1
    known = held_by(once)
    assert held_by(grown) == known
    for query in [*texts[::9], *(spoilt(text, dice, "abc ") for text in texts[::7])]:
        expected = exhaustive(query, known, 5, 70)
        assert bare(whole.search(query, 5, 70)) == expected
        assert bare(index.search(query, 5, 70)) == expected
    again = FuzzyIndex(grown, EN_PT, swapped=False)
    again.refresh()
    assert bare(again.search(texts[3], 5, 70)) == exhaustive(texts[3], known, 5, 70)
    once.close()
    grown.close()


@pytest.mark.parametrize("together", [1 << 22, 1000, 7])
def test_merged_shards_are_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: int) -> None:
    monkeypatch.setattr(shard_module, "_TOGETHER", together)
    texts = [*sentences(400, 13), "é ü ß", "日本語", "a"]
    known = list(enumerate(texts, 1))
    folders = [tmp_path / name for name in ("one", "two", "merged", "whole")]
    for folder in folders:
        folder.mkdir()
    build(folders[0], known[:150])
    build(folders[1], known[150:])
    merge(folders[2], [Shard(folders[0]).open(), Shard(folders[1]).open()])
    build(folders[3], known)
    for name in ("tokens", "starts", "postings", "lengths", "bags", "ids", "offsets"):
        merged, whole = (np.load(folder / f"{name}.npy") for folder in folders[2:])
        assert merged.dtype == whole.dtype
        assert np.array_equal(merged, whole), name
    assert (folders[2] / "texts.bin").read_bytes() == (folders[3] / "texts.bin").read_bytes()


def test_the_swapped_side_is_an_index_of_its_own(memory: MemoryStore) -> None:
    memory.add([Unit("The old house", "A casa velha", EN_PT), Unit("The door", "A porta", EN_PT)])
    assert [held for _, _, held in opened(memory, swapped=True).search("A casa velha", 3, 60)] == ["A casa velha"]
    assert opened(memory, swapped=True).search("The old house", 3, 60) == []


def test_limit_floor_and_empty_texts(memory: MemoryStore) -> None:
    memory.add(units(["abcdefgh", "abcdefgx", "abcdefxy", "abcdexyz", "a"]))
    index = opened(memory)
    for _ in range(2):  # compared one by one, then by an index
        assert [held for _, _, held in index.search("abcdefgh", 9, 60)] == [
            "abcdefgh",
            "abcdefgx",
            "abcdefxy",
            "abcdexyz",
        ]
        assert [held for _, _, held in index.search("abcdefgh", 2, 60)] == ["abcdefgh", "abcdefgx"]
        assert [score for score, _, _ in index.search("abcdefgh", 9, 87.5)] == [100.0, 87.5]
        assert index.search("abcdefgh", 9, 100) == [(100.0, 1, "abcdefgh")]
        assert index.search("a", 9, 100) == [(100.0, 5, "a")]
        assert index.search("", 9, 0) == []
        assert index.search("日", 9, 50) == []
        if index._tail:
            index._make_shard()
            assert index._shards


@pytest.mark.usefixtures("small")
def test_of_equals_the_newest_are_kept_however_many_there_are(memory: MemoryStore) -> None:
    """Many translations of one text: a correction must not be the one that is cut off."""
    memory.add(Unit("Yes", f"Sim {number}", EN_PT) for number in range(130))
    memory.add(units(sentences(60, 3)))
    memory.add(Unit("Yes", f"Sim {number}", EN_PT) for number in range(130, 140))
    index = opened(memory)
    assert index._shards
    numbers = [number for _, number, _ in index.search("Yes", 5, 50)]
    newest = sorted((unit.id for unit in memory.units() if unit.source == "Yes"), reverse=True)
    assert numbers == newest[:5]


def test_so_they_are_among_more_than_are_ever_looked_at(
    memory: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_module, "_CANDIDATES", 40)
    monkeypatch.setattr(shard_module, "_LEAST_CANDIDATES", 40)
    memory.add(Unit("Press any key", f"Prima {number}", EN_PT) for number in range(1500))
    assert [number for _, number, _ in opened(memory).search("Press any key", 3, 50)] == [1500, 1499, 1498]


def test_units_of_another_store_and_of_another_process_are_seen(memory: MemoryStore) -> None:
    index = opened(memory)
    assert index.search("The red door", 3, 50) == []
    other = MemoryStore(memory.path)
    other.add([Unit("The red door", "A porta vermelha", EN_PT)])
    other.close()
    index.refresh()
    assert [held for _, _, held in index.search("The red door", 3, 90)] == ["The red door"]
    script = (
        "import sys\nfrom scalemt.memory import MemoryStore, Unit\nfrom scalemt.types import Pair\n"
        "kept = MemoryStore(sys.argv[1])\nkept.add([Unit('The red gate', 'x', Pair('en', 'pt'))])\nkept.close()\n"
    )
    subprocess.run([sys.executable, "-c", script, str(memory.path)], check=True)
    index.refresh()
    assert [held for _, _, held in index.search("The red gate", 3, 95)] == ["The red gate"]


@pytest.mark.usefixtures("small")
def test_an_index_is_kept_and_only_grows(memory: MemoryStore) -> None:
    memory.add(units(sentences(100, 1)))
    told: list[int] = []
    first = FuzzyIndex(memory, EN_PT, swapped=False)
    first.refresh(told.append)
    assert sum(told) == 100
    memory.add(units(["one more", "and another"]))
    second = FuzzyIndex(memory, EN_PT, swapped=False)
    told.clear()
    second.refresh(told.append)
    assert sum(told) == 2
    # Units of other languages are none of its business.
    memory.add(units(["uno", "dos"], Pair("es", "pt")))
    told.clear()
    second.refresh(told.append)
    second.refresh(told.append)
    assert told == []
    assert index_size(memory.path) > 0
    drop_index(memory.path)
    assert index_size(memory.path) == 0
    assert second.search("one more", 3, 90)


Damage = Callable[[Path], None]


def _cut_array(folder: Path) -> None:
    for path in folder.glob("shard-*/postings.npy"):
        path.write_bytes(path.read_bytes()[:-40])


def _empty_array(folder: Path) -> None:
    for path in folder.glob("shard-*/ids.npy"):
        path.write_bytes(b"")


def _other_array(folder: Path) -> None:
    for path in folder.glob("shard-*/offsets.npy"):
        np.save(path, np.zeros(3, np.int64))


def _cut_texts(folder: Path) -> None:
    for path in folder.glob("shard-*/texts.bin"):
        path.write_bytes(path.read_bytes()[:-9])


def _no_texts(folder: Path) -> None:
    for path in folder.glob("shard-*/texts.bin"):
        path.unlink()


def _no_shards(folder: Path) -> None:
    for path in folder.glob("shard-*"):
        shutil.rmtree(path)


def _index_of(**fields: object) -> Damage:
    def damage(folder: Path) -> None:
        told = json.loads((folder / "index.json").read_text())
        (folder / "index.json").write_text(json.dumps(told | fields))

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        _cut_array,
        _empty_array,
        _other_array,
        _cut_texts,
        _no_texts,
        _no_shards,
        shutil.rmtree,
        lambda folder: (folder / "index.json").unlink(),
        lambda folder: (folder / "index.json").write_bytes(b"\xff{"),
        lambda folder: (folder / "index.json").write_text("[]"),
        lambda folder: (folder / "index.json").write_text("null"),
        _index_of(shards=[]),
        _index_of(shards=7),
        _index_of(shards=["../.."]),
        _index_of(last="many"),
        _index_of(last=100_000),
        _index_of(last=0),
        _index_of(layout=0),
        _index_of(uuid="of another memory"),
    ],
)
@pytest.mark.usefixtures("small")
def test_an_index_that_cannot_be_used_is_made_anew(memory: MemoryStore, damage: Damage) -> None:
    texts = list(dict.fromkeys(sentences(120, 5)))
    memory.add(units(texts))
    opened(memory)
    damage(index_folder(memory.path) / "en--pt--source")
    index = opened(memory)
    assert all(index.search(text, 1, 100) for text in texts)


@pytest.mark.usefixtures("small")
def test_the_index_of_a_file_that_was_put_back_from_a_copy_does_not_lie(tmp_path: Path) -> None:
    path, copy = tmp_path / "memory.db", tmp_path / "copy.db"
    first = MemoryStore(path, create=True)
    first.add(units(sentences(50, 1)))
    first.close()
    shutil.copy(path, copy)
    later = MemoryStore(path)
    later.add(units([f"the door is number {number}" for number in range(100)]))
    opened(later)
    later.close()
    shutil.copy(copy, path)
    back = MemoryStore(path)
    assert opened(back).search("the door is number 7", 3, 99) == []
    # Units that have got the same numbers since are not taken for those that had them.
    back.add(units([f"a window was closed by {number} users" for number in range(110)]))
    back.close()
    memories = Memories([MemoryUse(path)])
    (row,) = memories.search([Segment("the door is number 7")], EN_PT, 5, 90)
    assert row == []
    memories.stores[0].close()


@pytest.mark.usefixtures("small")
def test_without_a_place_beside_the_memory_the_index_lies_elsewhere(memory: MemoryStore) -> None:
    # A file where the folder would be: nobody can make it, not even root.
    index_folder(memory.path).write_bytes(b"")
    texts = list(dict.fromkeys(sentences(120, 5)))
    memory.add(units(texts))
    index = opened(memory)
    assert index._shards
    assert index._shards[0].folder.parent.name.startswith("scalemt-memory-")
    assert all(index.search(text, 1, 100) for text in texts)
    memory.add(units(["one more of them", *sentences(60, 6)]))
    index.refresh()
    assert index.search("one more of them", 1, 100)
    assert index_folder(memory.path).read_bytes() == b""


@pytest.mark.usefixtures("small")
def test_without_room_on_any_disk_units_are_compared_one_by_one(
    memory: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shard_module, "_header", full)
    texts = list(dict.fromkeys(sentences(120, 5)))
    memory.add(units(texts))
    index = opened(memory)
    assert index._shards == []
    assert all(index.search(text, 1, 100) for text in texts)
    assert list(index_folder(memory.path).rglob("shard-*")) == []


@pytest.mark.usefixtures("small")
def test_shards_that_were_merged_do_not_stay_on_the_disk(memory: MemoryStore) -> None:
    index = opened(memory)
    for seed in range(6):
        memory.add(units(sentences(100, seed)))
        index.refresh()
    kept = json.loads(next(index_folder(memory.path).rglob("index.json")).read_text("utf-8"))["shards"]
    assert sorted(folder.name for folder in index_folder(memory.path).rglob("shard-*")) == sorted(kept)


@pytest.mark.usefixtures("small")
def test_files_that_are_removed_while_they_are_searched_are_not_missed(memory: MemoryStore) -> None:
    texts = list(dict.fromkeys(sentences(120, 5)))
    memory.add(units(texts))
    index = opened(memory)
    drop_index(memory.path)
    assert all(index.search(text, 1, 100) for text in texts)
    memory.add(units(sentences(90, 8)))
    index.refresh()
    assert all(index.search(text, 1, 100) for text in texts)
    assert all(opened(memory).search(text, 1, 100) for text in texts)


@pytest.mark.usefixtures("small")
def test_threads_share_one_index_while_it_grows(memory: MemoryStore) -> None:
    index = opened(memory)
    texts = list(dict.fromkeys(sentences(300, 5)))
    faults: list[BaseException] = []

    def work(mine: Sequence[str]) -> None:
        try:
            for text in mine:
                memory.add(units([text]))
                index.refresh()
                assert index.search(text, 1, 100)[0][2] == text
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(texts[start::3],)) for start in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


@pytest.mark.usefixtures("small")
def test_two_indexes_of_one_memory_may_be_made_at_once(memory: MemoryStore) -> None:
    one, other = (FuzzyIndex(memory, EN_PT, swapped=False) for _ in range(2))
    texts = list(dict.fromkeys(sentences(400, 5)))
    for start in range(0, len(texts), 30):
        memory.add(units(texts[start : start + 30]))
        one.refresh()
        other.refresh()
    third = opened(memory)
    for text in texts:
        assert one.search(text, 1, 100) == other.search(text, 1, 100) == third.search(text, 1, 100) != []


def test_a_text_of_a_megabyte_is_not_compared_letter_by_letter(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "long.db", create=True)
    text = "word and another word " * 50_000
    store.add([Unit(text, "x", Pair("en", "pt")), Unit("word and another", "y", Pair("en", "pt"))])
    index = FuzzyIndex(store, Pair("en", "pt"), swapped=False)
    index.refresh()
    assert index.search(text, 5, 50.0) == []
    assert index.search("word and another", 5, 90.0)[0][0] == 100
