"""Specialists whose drafts and scores are kept: what is asked again, and what is not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from helpers import EN_PT, PT_EN, DictionarySpecialist, ScoringDictionary, english_portuguese
from scalemt.caching import CachedSpecialist, CacheStore, keep_specialist
from scalemt.caching.codec import drafts_from
from scalemt.errors import NoRoadError, SpecialistError
from scalemt.specialists import ScoringSpecialist, Specialist
from scalemt.specialists.recorded import RecordedSpecialist
from scalemt.types import Draft, Likelihood, Pair, Word


class Counting(ScoringDictionary):
    """Remembers what it was asked."""

    def __init__(self, signature: str = "counting") -> None:
        known = english_portuguese()
        super().__init__(known.tables, signature)
        self.asked: list[tuple[list[str], Pair, int]] = []
        self.scored: list[tuple[list[str], list[str]]] = []
        self.key = signature

    def cache_key(self, pair: Pair) -> str:
        return self.key

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        self.asked.append((list(texts), pair, n))
        return super()._draft(texts, pair, n)

    def score(self, sources: Sequence[str], targets: Sequence[str], pair: Pair) -> list[Likelihood]:
        self.scored.append((list(sources), list(targets)))
        return [Likelihood(-0.1 * len(target), len(target)) for target in targets]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CacheStore]:
    made = CacheStore(tmp_path / "cache.sqlite", notice=pytest.fail)
    yield made
    made.close()


def test_it_looks_like_the_one_inside(store: CacheStore) -> None:
    plain = DictionarySpecialist({EN_PT: {}}, "plain")
    for inner in (plain, Counting()):
        kept = keep_specialist(inner, store)
        assert isinstance(kept, Specialist)
        assert isinstance(kept, ScoringSpecialist) == isinstance(inner, ScoringSpecialist)
        assert (kept.name, kept.signature, kept.pairs()) == (inner.name, inner.signature, inner.pairs())
        assert kept.signature_for(EN_PT) == inner.signature_for(EN_PT)
        assert kept.supports(EN_PT)
        assert not kept.supports(Pair("en", "xh"))
        again = keep_specialist(kept, store)
        assert again.inner is inner


def test_a_second_object_is_asked_only_what_is_new(store: CacheStore) -> None:
    first, second = Counting(), Counting()
    made = keep_specialist(first, store).draft(["the house", "blue", "the house"], EN_PT)
    assert first.asked == [(["the house", "blue"], EN_PT, 1)]
    assert made == Counting().draft(["the house", "blue", "the house"], EN_PT)
    kept = keep_specialist(second, store)
    assert kept.draft(["blue", "old", "the house"], EN_PT) == [made[1], *Counting().draft(["old"], EN_PT), made[0]]
    assert second.asked == [(["old"], EN_PT, 1)]


def test_pair_count_and_key_each_make_it_anew(store: CacheStore) -> None:
    one = Counting()
    kept = keep_specialist(one, store)
    kept.draft(["a"], EN_PT)
    kept.draft(["a"], EN_PT, 3)
    kept.draft(["a"], PT_EN)
    kept.draft(["a"], Pair("en", "pt-BR"))
    keep_specialist(one, store).draft(["a"], EN_PT)
    assert len(one.asked) == 4
    other = Counting("other")
    keep_specialist(other, store).draft(["a"], EN_PT)
    assert len(other.asked) == 1


def test_everything_of_a_draft_comes_back(store: CacheStore) -> None:
    drafts = [
        [Draft("", (), None, "e", "pt")],
        [
            Draft(
                "á\ud83d\ude00 \u2028 b",
                (Word("á", 0.1 + 0.2), Word("", None)),
                -1e-300,
                "e:m",
                "pt-BR",
                ((0, 1), (2, 0)),
            )
        ],
        [Draft("x" * 100_000, (Word("x", 0.0),), float("-inf"), "", "")],
    ]

    class Scripted(DictionarySpecialist):
        def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
            self.calls += 1
            return [drafts[int(text)] for text in texts]

    inner = Scripted({EN_PT: {}})
    assert keep_specialist(inner, store).draft(["0", "1", "2"], EN_PT) == drafts
    assert keep_specialist(inner, store).draft(["0", "1"], EN_PT) == drafts[:2]
    assert inner.calls == 1
    # JSON has no infinity, so that one draft is made each time.
    assert keep_specialist(inner, store).draft(["2"], EN_PT) == drafts[2:]
    assert inner.calls == 2


@pytest.mark.parametrize("tail", [[], [[], [[0, -1]]], [[], [[0]]]])
def test_a_draft_kept_before_there_were_alignments_is_not_read(tail: list[object]) -> None:
    assert drafts_from([["a", None, "e", "pt", [["a", 0.5]], [[0, 0]]]], 1)[0].alignment == ((0, 0),)
    with pytest.raises(ValueError, match=r"no list|no count"):
        drafts_from([["a", None, "e", "pt", *tail]], 1)


def test_empty_texts_and_wrong_requests_are_left_to_it(store: CacheStore) -> None:
    inner = Counting()
    kept = keep_specialist(inner, store)
    assert kept.draft([], EN_PT) == []
    assert kept.draft(["", "blue", " "], EN_PT) == Counting().draft(["", "blue", " "], EN_PT)
    assert keep_specialist(inner, store).draft(["", "blue", " "], EN_PT) == Counting().draft(
        ["", "blue", " "], EN_PT
    )
    assert [texts for texts, _, _ in inner.asked] == [["blue"]]
    assert store.stats().entries == 1
    with pytest.raises(SpecialistError, match="at least 1"):
        kept.draft(["a"], EN_PT, 0)
    with pytest.raises(NoRoadError):
        kept.draft(["a"], Pair("en", "xh"))


def test_faults_are_raised_and_not_kept(store: CacheStore) -> None:
    class Failing(Counting):
        def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
            if not self.asked:
                self.asked.append((list(texts), pair, n))
                raise SpecialistError("no")
            return super()._draft(texts, pair, n)

    inner = Failing()
    kept = keep_specialist(inner, store)
    with pytest.raises(SpecialistError, match="no"):
        kept.draft(["blue"], EN_PT)
    assert kept.draft(["blue"], EN_PT)[0][0].text == "azul"
    assert len(inner.asked) == 2


def test_scores_are_kept_by_source_target_and_pair(store: CacheStore) -> None:
    inner = Counting()
    kept = keep_specialist(inner, store)
    assert isinstance(kept, ScoringSpecialist)
    made = kept.score(["a", "b", "a"], ["x", "yy", "x"], EN_PT)
    assert made == [Likelihood(-0.1, 1), Likelihood(-0.2, 2), Likelihood(-0.1, 1)]
    assert kept.score(["b", "a"], ["yy", "yy"], EN_PT) == [Likelihood(-0.2, 2), Likelihood(-0.2, 2)]
    assert inner.scored == [(["a", "b"], ["x", "yy"]), (["a"], ["yy"])]
    kept.score(["a"], ["x"], PT_EN)
    assert len(inner.scored) == 3
    assert kept.score([], [], EN_PT) == []


@pytest.mark.parametrize(
    "stored",
    ["[]", "7", "{}", "[7]", '[["x"]]', '[["x",1,"","",[["y"]]]]', '[["x","1","","",[]]]', '[["x",1,2,"",[]]]'],
)
def test_a_value_of_another_form_is_made_again(store: CacheStore, stored: str) -> None:
    inner = Counting()
    kept = keep_specialist(inner, store)
    expected = kept.draft(["the house"], EN_PT)
    file = sqlite3.connect(store.path)
    file.execute("UPDATE entries SET value = ?", (stored.encode(),))
    file.commit()
    file.close()
    assert kept.draft(["the house"], EN_PT) == expected
    assert len(inner.asked) == 2
    assert kept.draft(["the house"], EN_PT) == expected
    assert len(inner.asked) == 2


def test_recorded_drafts_belong_to_positions_and_are_never_kept(store: CacheStore) -> None:
    recorded = RecordedSpecialist(drafts=[[Draft("one")], [Draft("two")]])
    kept = keep_specialist(recorded, store)
    assert [row[0].text for row in kept.draft(["same", "same"], EN_PT)] == ["one", "two"]
    assert store.stats().entries == 0


def test_a_model_that_is_replaced_while_it_runs_is_neither_read_nor_kept_as_the_new_one(store: CacheStore) -> None:
    inner = Counting("old file")
    kept = keep_specialist(inner, store)
    kept.draft(["a"], EN_PT)
    inner.key = "new file"  # the model in memory is still the old one, or is being loaded: nobody knows
    kept.draft(["b"], EN_PT)
    assert store.stats().entries == 1
    fresh = Counting("new file")
    keep_specialist(fresh, store).draft(["a", "b"], EN_PT)
    assert fresh.asked == [(["a", "b"], EN_PT, 1)]


class Plugin:
    """A specialist that derives from nothing, and knows of no cache key."""

    name = "plugin"
    signature = "plugin[1]"

    def __init__(self) -> None:
        self.calls = 0

    def signature_for(self, pair: Pair) -> str:
        return self.signature

    def pairs(self) -> list[Pair]:
        return [EN_PT]

    def supports(self, pair: Pair) -> bool:
        return pair == EN_PT

    def draft(self, texts: Sequence[str], pair: Pair, n: int = 1) -> list[list[Draft]]:
        self.calls += 1
        return [[Draft(text.upper())] * n for text in texts]


def test_a_plugin_is_kept_by_its_signature(store: CacheStore) -> None:
    inner = Plugin()
    assert isinstance(inner, Specialist)
    for _ in range(2):
        assert CachedSpecialist(inner, store).draft(["a"], EN_PT)[0][0].text == "A"
    assert inner.calls == 1


def test_a_cancel_reaches_the_specialist_inside(store: CacheStore) -> None:
    called = []

    class Cancelling(Counting):
        def cancel(self) -> None:
            called.append(True)

    keep_specialist(Counting(), store).cancel()  # one that cannot be stopped is let be
    keep_specialist(Cancelling(), store).cancel()
    assert called == [True]
