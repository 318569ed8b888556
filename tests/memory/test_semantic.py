"""The semantic index, compared with products of all vectors, and its files under all that can happen to them."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scalemt.memory import vectors
from scalemt.memory.encoders import Encoder
from scalemt.memory.index import drop_index, index_folder
from scalemt.memory.semantic import SemanticIndex, plain
from scalemt.memory.store import MemoryStore
from scalemt.memory.units import HOLE, Unit
from scalemt.types import Pair

PAIR = Pair("en", "pt")
WORDS = "file open menu close window print page cell chart table row column save export import style".split()


class Bags(Encoder):
    """Random vectors of words, added up: texts with words in common are near."""

    dimensions = 32

    def __init__(self, name: str = "bags/1") -> None:
        super().__init__()
        self._name = name
        self.asked: list[str] = []

    @property
    def signature(self) -> str:
        return self._name

    def _vectors(self, texts: list[str]) -> Any:
        self.asked += texts
        return np.array([sum(word_vector(self._name, word) for word in text.lower().split()) for text in texts])


@cache
def word_vector(name: str, word: str) -> Any:
    return np.random.default_rng(zlib.crc32(f"{name} {word}".encode())).standard_normal(Bags.dimensions)


def sentences(count: int, seed: int = 1) -> list[str]:
    drawn = random.Random(seed)
    made: dict[str, None] = {}
    while len(made) < count:
        made[" ".join(drawn.choices(WORDS, k=drawn.randint(3, 9))) + f" {len(made)}"] = None
    return list(made)


def units(texts: list[str], pair: Pair = PAIR) -> list[Unit]:
    return [Unit(text, f"alvo {text}", pair) for text in texts]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MemoryStore]:
    made = MemoryStore(tmp_path / "memory.db", create=True)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def few_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalemt.memory.semantic._TOGETHER", 100)
    monkeypatch.setattr(vectors, "_BLOCK", 64)


def index_of(store: MemoryStore, encoder: Encoder | None = None, *, swapped: bool = False) -> SemanticIndex:
    index = SemanticIndex(store, PAIR, encoder or Bags(), swapped=swapped)
    index.refresh()
    return index


def expected(encoder: Encoder, texts: list[str], query: str, limit: int, floor: float) -> list[tuple[float, int]]:
    """Return cosines of the vectors as they are kept, computed for all."""
    kept = encoder.encode(texts).astype(np.float16).astype(np.float64)
    kept /= np.linalg.norm(kept, axis=1, keepdims=True)
    products = kept @ encoder.encode([query])[0].astype(np.float64)
    rows = sorted(((100 * score, place + 1) for place, score in enumerate(products.tolist())), reverse=True)
    return [row for row in rows if row[0] >= floor][:limit]


def folder_of(store: MemoryStore) -> Path:
    return next(index_folder(store.path).glob("en--pt--source/semantic-*"))


def manifest_of(store: MemoryStore) -> dict[str, Any]:
    return dict(json.loads((folder_of(store) / "manifest.json").read_text()))


def same(found: list[tuple[float, int]], wanted: list[tuple[float, int]]) -> bool:
    scores = [score for score, _ in found]
    return [number for _, number in found] == [number for _, number in wanted] and scores == pytest.approx(
        [score for score, _ in wanted], abs=1e-4
    )


@pytest.mark.parametrize(("limit", "floor"), [(1, 0), (5, 40), (30, -100), (2000, 20), (10, 99.9)])
def test_search_agrees_with_all_products(store: MemoryStore, limit: int, floor: float) -> None:
    texts = sentences(777)
    store.add(units(texts))
    index = index_of(store)
    queries = [*sentences(40, seed=2), texts[300], texts[0]]
    for query, row in zip(queries, index.search(queries, limit, floor), strict=True):
        assert same(row, expected(Bags(), texts, query, limit, floor))


def test_more_queries_than_are_looked_up_together(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = sentences(150)
    store.add(units(texts))
    index = index_of(store)
    queries = [text if place % 5 else "" for place, text in enumerate(texts)]
    whole = index.search(queries, 3, 50)
    monkeypatch.setattr(vectors, "_QUERIES", 7)
    assert index.search(queries, 3, 50) == whole
    assert [bool(row) for row in whole] == [bool(query) for query in queries]
    assert all(row[0][1] == place + 1 for place, row in enumerate(whole) if row)


def test_the_same_text_is_100_percent_and_the_newest_comes_first(store: MemoryStore) -> None:
    # As many equals as several blocks hold, among others.
    others = units(sentences(200))
    store.add([*others[:100], *(Unit("save the file", f"alvo {n}", PAIR) for n in range(300)), *others[100:]])
    index = index_of(store)
    row = index.search(["save the file"], 5, 50)[0]
    assert [number for _, number in row] == [400, 399, 398, 397, 396]
    assert all(score == pytest.approx(100, abs=1e-4) for score, _ in row)


def test_units_are_taken_up_as_they_come(store: MemoryStore) -> None:
    texts = sentences(330)
    encoder = Bags()
    index = index_of(store, encoder)
    other = index_of(store, encoder)
    assert index.search([texts[0]], 5, 0) == [[]]
    store.add(units(texts[:250]))
    seen: list[int] = []
    index.refresh(seen.append)
    assert seen == [100, 100, 50]
    store.add(units(texts[250:]))
    index.refresh()
    assert len(index) == 330
    assert encoder.asked.count(texts[0]) == encoder.asked.count(texts[329]) == 1
    # Another reader takes what is written, without encoding anything.
    asked = len(encoder.asked)
    other.refresh()
    assert len(other) == 330
    assert len(encoder.asked) == asked
    assert same(other.search([texts[260]], 9, 0)[0], expected(Bags(), texts, texts[260], 9, 0))


def test_what_is_kept_is_read_again(store: MemoryStore) -> None:
    texts = sentences(120)
    store.add(units(texts))
    index_of(store)
    encoder = Bags()
    again = index_of(store, encoder)
    assert not encoder.asked
    assert len(again) == 120
    assert again.search([texts[7]], 1, 0)[0][0][1] == 8
    store.add(units(["a new one"]))
    again.refresh()
    assert encoder.asked[1:] == ["a new one"]


def test_units_of_other_pairs_and_sides_are_apart(store: MemoryStore) -> None:
    store.add([*units(["open the file"]), *units(["close the file"], Pair("en", "es"))])
    assert index_of(store).search(["close the file"], 5, 0)[0][0][1] == 1
    encoder = Bags()
    targets = index_of(store, encoder, swapped=True)
    assert encoder.asked == ["alvo open the file"]
    assert targets.search(["alvo open"], 5, 0)[0][0][1] == 1
    # Once more from the files, whose hashes are those of the targets.
    index_of(store, encoder, swapped=True)
    assert len(encoder.asked) == 2


def test_what_was_added_to_another_pair_is_not_looked_at_twice(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(units(["open the file"]))
    index = index_of(store)
    store.add(units(["close the file"], Pair("en", "es")))
    index.refresh()
    with monkeypatch.context() as patch:
        patch.setattr(store, "sides", None)
        index.refresh()
    store.add(units(["print the page"]))
    index.refresh()
    assert len(index) == 2
    assert len(index_of(store)) == 2


@pytest.mark.parametrize("limit", [0, -1])
def test_nothing_is_asked_for(store: MemoryStore, limit: int) -> None:
    store.add(units(["open the file"]))
    index = index_of(store)
    assert index.search(["open the file"], limit, 0) == [[]]
    assert index.search([], 5, 0) == []


def test_an_empty_memory_and_empty_texts(store: MemoryStore) -> None:
    index = index_of(store)
    assert index.search(["open", ""], 5, 0) == [[], []]
    assert not index_folder(store.path).exists()
    store.add([Unit("<b></b>", "<b></b>", PAIR), Unit("open <b>the</b> file", "x", PAIR)])
    encoder = Bags()
    index = index_of(store, encoder)
    assert encoder.asked == ["open the file"]
    assert index.search(["", " ", HOLE, f"{HOLE}open{HOLE} file"], 5, -100)[:3] == [[], [], []]
    assert len(index) == 1


def test_a_memory_without_any_text_is_read_once(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.add([Unit("<b></b>", "<b></b>", PAIR)])
    index = index_of(store)
    monkeypatch.setattr(store, "sides", None)
    index.refresh()
    assert (len(index), index.search(["open"], 5, 0)) == (0, [[]])


def test_signs_of_spans_are_not_encoded() -> None:
    assert plain(f"Click {HOLE}OK{HOLE}.") == "Click OK."
    assert plain(f"{HOLE} files {HOLE} here") == "files here"


def test_removed_units_are_still_found(store: MemoryStore) -> None:
    store.add(units(["open the file", "open the page"]))
    index = index_of(store)
    store.remove([1])
    index.refresh()
    assert [number for _, number in index.search(["open the file"], 5, 0)[0]] == [1, 2]
    # Files whose newest units are gone are still of this memory.
    store.remove([2])
    encoder = Bags()
    index_of(store, encoder)
    assert not encoder.asked


def test_another_encoder_has_files_of_its_own(store: MemoryStore) -> None:
    store.add(units(sentences(20)))
    index_of(store)
    encoder = Bags("bags/2")
    assert len(index_of(store, encoder)) == 20
    assert len(encoder.asked) == 20
    names = {path.name for path in index_folder(store.path).glob("*/semantic-*")}
    assert names == {"semantic-bags_1", "semantic-bags_2"}


def test_encoders_whose_folder_is_the_same_are_told_apart(store: MemoryStore) -> None:
    store.add(units(["open the file"]))
    index_of(store, Bags("bags/1"))
    encoder = Bags("bags:1")
    index_of(store, encoder)
    assert encoder.asked == ["open the file"]


def _shorten_vectors(store: MemoryStore) -> None:
    path = next(folder_of(store).glob("*.f16"))
    path.write_bytes(path.read_bytes()[:-2])


def _shorten_rows(store: MemoryStore) -> None:
    path = next(folder_of(store).glob("*.i64"))
    path.write_bytes(path.read_bytes()[:-8])


def _remove_vectors(store: MemoryStore) -> None:
    next(folder_of(store).glob("*.f16")).unlink()


def _garble_manifest(store: MemoryStore) -> None:
    (folder_of(store) / "manifest.json").write_text("[1", "utf-8")


def _change(**values: object) -> Callable[[MemoryStore], None]:
    def change(store: MemoryStore) -> None:
        (folder_of(store) / "manifest.json").write_text(json.dumps(manifest_of(store) | values), "utf-8")

    return change


DAMAGE: dict[str, Callable[[MemoryStore], None]] = {
    "vectors cut": _shorten_vectors,
    "rows cut": _shorten_rows,
    "vectors gone": _remove_vectors,
    "manifest broken": _garble_manifest,
    "another layout": _change(layout=0),
    "another memory": _change(uuid="f" * 32),
    "other dimensions": _change(dimensions=64),
    "too many rows": _change(count=10_000),
    "no rows": _change(count=0),
    "newer than the memory": _change(last=10_000),
    "a name elsewhere": _change(name="../vectors"),
    "a key too many": _change(more=1),
    "a count that is none": _change(count="many"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_or_foreign_files_are_made_anew(store: MemoryStore, damage: str) -> None:
    texts = sentences(250)
    store.add(units(texts))
    index_of(store)
    DAMAGE[damage](store)
    encoder = Bags()
    index = index_of(store, encoder)
    assert len(encoder.asked) == len(index) == 250
    assert same(index.search([texts[9]], 9, 0)[0], expected(Bags(), texts, texts[9], 9, 0))
    assert manifest_of(store)["count"] == 250
    # What is no longer needed is gone, and the next one has nothing to do.
    assert sorted(path.suffix for path in folder_of(store).glob("vectors-*")) == [".f16", ".i64"]
    index_of(store, encoder)
    assert len(encoder.asked) == 251


def test_a_memory_put_back_from_a_copy_is_told_by_its_texts(store: MemoryStore) -> None:
    store.add(units(["open the file", "close the window"]))
    index_of(store)
    store._file.execute("UPDATE units SET source = 'print a page' WHERE id = 2")
    encoder = Bags()
    index = index_of(store, encoder)
    assert encoder.asked == ["open the file", "print a page"]
    assert index.search(["print a page"], 1, 0)[0][0][1] == 2


def test_a_memory_that_becomes_older_while_it_is_open(store: MemoryStore) -> None:
    store.add(units(["open the file", "close the window", "print the page"]))
    index = index_of(store)
    store._file.execute("DELETE FROM units WHERE id > 1")
    store._file.execute("UPDATE sqlite_sequence SET seq = 1 WHERE name = 'units'")
    index.refresh()
    assert len(index) == 1
    store.add(units(["save the chart"]))
    index.refresh()
    assert index.search(["save the chart"], 5, 90)[0][0][1] == 2


def test_an_interrupted_append_leaves_what_was_before(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = sentences(250)
    store.add(units(texts[:150]))
    index_of(store)
    store.add(units(texts[150:]))

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(vectors.VectorFiles, "_save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            index_of(store)
    assert manifest_of(store)["count"] == 150
    for path in folder_of(store).glob("vectors-*"):
        whole = path.read_bytes()
        kept = len(whole) * 150 // 250
        path.write_bytes(whole[:kept] + b"torn" * 9)
    encoder = Bags()
    index = index_of(store, encoder)
    assert encoder.asked == texts[150:]
    assert same(index.search([texts[200]], 9, 0)[0], expected(Bags(), texts, texts[200], 9, 0))


def test_what_was_encoded_before_an_error_is_kept(store: MemoryStore) -> None:
    texts = sentences(250)
    store.add(units(texts))

    class Failing(Bags):
        def _vectors(self, texts: list[str]) -> Any:
            if len(self.asked) >= 200:
                raise RuntimeError("no more")
            return super()._vectors(texts)

    with pytest.raises(RuntimeError):
        index_of(store, Failing())
    encoder = Bags()
    assert len(index_of(store, encoder)) == 250
    assert encoder.asked == texts[200:]


def test_after_an_error_the_same_index_goes_on(store: MemoryStore) -> None:
    texts = sentences(250)
    store.add(units(texts))

    class Failing(Bags):
        fails = True

        def _vectors(self, texts: list[str]) -> Any:
            if self.fails and self.asked:
                raise RuntimeError("not now")
            return super()._vectors(texts)

    encoder = Failing()
    index = SemanticIndex(store, PAIR, encoder, swapped=False)
    with pytest.raises(RuntimeError):
        index.refresh()
    encoder.fails = False
    index.refresh()
    assert encoder.asked == texts
    assert len(index) == manifest_of(store)["count"] == 250


def test_two_writers_at_once_write_each_unit_once(store: MemoryStore) -> None:
    texts = sentences(250)
    store.add(units(texts))
    second = SemanticIndex(store, PAIR, Bags(), swapped=False)

    class Interrupting(Bags):
        """While one encodes the first units, another takes up all of them."""

        def _vectors(self, texts: list[str]) -> Any:
            if not self.asked:
                second.refresh()
            return super()._vectors(texts)

    encoder = Interrupting()
    first = index_of(store, encoder)
    assert encoder.asked == texts[:100]
    assert len(first) == len(second) == manifest_of(store)["count"] == 250
    for index in (first, second, index_of(store)):
        assert same(index.search([texts[200]], 9, 0)[0], expected(Bags(), texts, texts[200], 9, 0))


def test_an_index_that_was_dropped_is_made_again(store: MemoryStore) -> None:
    texts = sentences(30)
    store.add(units(texts[:20]))
    index = index_of(store)
    drop_index(store.path)
    # What is mapped stays, whatever becomes of its name.
    assert index.search([texts[3]], 1, 0)[0][0][1] == 4
    store.add(units(texts[20:]))
    index.refresh()
    assert len(index) == manifest_of(store)["count"] == 30


def test_an_index_dropped_while_it_grows_is_made_again(store: MemoryStore) -> None:
    texts = sentences(250)

    class Dropping(Bags):
        def _vectors(self, texts: list[str]) -> Any:
            if len(self.asked) == 100:
                drop_index(store.path)
            return super()._vectors(texts)

    store.add(units(texts))
    index = index_of(store, Dropping())
    assert len(index) == manifest_of(store)["count"] == 250
    assert same(index.search([texts[200]], 9, 0)[0], expected(Bags(), texts, texts[200], 9, 0))


def test_without_a_writable_folder_vectors_stay_in_memory(store: MemoryStore) -> None:
    texts = sentences(250)
    index_folder(store.path).write_text("a file where the folder should be")
    store.add(units(texts[:220]))
    encoder = Bags()
    index = index_of(store, encoder)
    store.add(units(texts[220:]))
    index.refresh()
    assert encoder.asked == texts
    assert same(index.search([texts[230]], 9, 0)[0], expected(Bags(), texts, texts[230], 9, 0))


def test_where_writing_fails_later_the_rest_stays_in_memory(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = sentences(250)
    store.add(units(texts[:120]))
    index = index_of(store)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(vectors.VectorFiles, "_write", full)
    store.add(units(texts[120:]))
    index.refresh()
    assert len(index) == 250
    assert same(index.search([texts[230]], 9, 0)[0], expected(Bags(), texts, texts[230], 9, 0))
    assert manifest_of(store)["count"] == 120
    # Put back to an older state, the index begins again.
    store._file.execute("DELETE FROM units WHERE id > 2")
    store._file.execute("UPDATE sqlite_sequence SET seq = 2 WHERE name = 'units'")
    index.refresh()
    assert len(index) == 2


def test_what_lives_in_memory_is_not_read_from_another_writer_too(store: MemoryStore) -> None:
    texts = sentences(40)
    place = index_folder(store.path)
    place.write_text("a file where the folder should be")
    store.add(units(texts[:20]))
    index = index_of(store)
    place.unlink()
    store.add(units(texts[20:]))
    assert len(index_of(store)) == 40
    index.refresh()
    assert len(index) == 40
    assert same(index.search([texts[30]], 9, 0)[0], expected(Bags(), texts, texts[30], 9, 0))


def test_half_precision_is_widened_exactly() -> None:
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)]
    widened = vectors._widened(finite)
    np.testing.assert_array_equal(widened.view(np.uint32), finite.astype(np.float32).view(np.uint32))
