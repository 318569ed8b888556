"""The way of a segment to a specialist and back, with small real specialists that keep, move or spoil masks."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import EN_PT, WORDS, DictionarySpecialist
from scalemt.caching.specialists import keep_specialist
from scalemt.caching.store import CacheStore
from scalemt.evaluation.bench.corruption import Corruption, corrupted
from scalemt.specialists import BaseSpecialist
from scalemt.specialists.drafting import Drafting, by_sentences, recorded, setting
from scalemt.specialists.road import DirectRoad, PivotRoad
from scalemt.text.peeling import gap_behind
from scalemt.text.protection import protect
from scalemt.text.spans import fault
from scalemt.types import Draft, Pair, Segment, Span, Word
from spanned import segments


class Saying(BaseSpecialist):
    """Says of each word what a function makes of it, with its own alignment; remembers what it was asked."""

    name = "saying"

    def __init__(self, say: Callable[[str], str] = str, *, single: bool = False, aligns: bool = True) -> None:
        self._say = say
        self._aligns = aligns
        self.single_sentence = single
        self.asked: list[str] = []

    @property
    def signature(self) -> str:
        return "saying[test]"

    def pairs(self) -> list[Pair]:
        return [EN_PT, Pair("pt", "es")]

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        self.asked += texts
        return [[self._one(text, path) for path in range(n)] for text in texts]

    def _one(self, text: str, path: int) -> Draft:
        said = [(index, self._say(word)) for index, word in enumerate(text.split())]
        kept = [(index, word) for index, word in said if word]
        words = tuple(Word(word, round(0.9 - 0.1 * path, 1)) for _, word in kept)
        links = tuple((index, number) for number, (index, word) in enumerate(kept))
        text = " ".join(word for _, word in kept)
        return Draft(text, words, -1.0, self.name, "pt", links if self._aligns else ())


def drafting(specialist: BaseSpecialist) -> Drafting:
    return Drafting(specialist, EN_PT, by_sentences("en"))


def one(specialist: BaseSpecialist, text: str) -> Draft:
    ((draft,),) = drafting(specialist).draft([protect(Segment(text))])
    return draft


def test_a_sentence_without_spans_goes_as_it_is() -> None:
    specialist = DictionarySpecialist({EN_PT: WORDS})
    specialist.single_sentence = True
    segment = Segment("the house  is blue", "7", note="kept out of it")
    assert drafting(specialist).draft([segment]) == specialist.draft([segment.text], EN_PT)
    assert drafting(specialist).draft([segment], 3) == specialist.draft([segment.text], EN_PT, 3)


def test_sentences_go_one_by_one_and_come_back_with_their_white_space() -> None:
    specialist = Saying(str.upper, single=True)
    draft = one(specialist, "One thing.  Another thing.\tA third.")
    assert specialist.asked == ["One thing.", "Another thing.", "A third."]
    assert draft.text == "ONE THING.  ANOTHER THING.\tA THIRD."
    assert [word.text for word in draft.words] == draft.text.split()
    assert draft.score == -3.0
    assert draft.alignment == tuple((index, index) for index in range(6))
    assert one(Saying(str.upper), "One. Two.").score == -1.0


def test_spans_come_back_with_words_scores_and_alignment() -> None:
    specialist = Saying(str.lower)
    specialist.mask = "bracket"
    draft = one(specialist, 'Click <a href="x y">HERE NOW</a>, %s Files')
    assert specialist.asked == ["Click [1]HERE NOW[2], [3] Files"]
    assert draft.text == 'click <a href="x y">here now</a>, %s files'
    assert [span.key for span in draft.spans] == [0, 1, 2]
    assert draft.repairs == ()
    assert [word.text for word in draft.words] == draft.text.split()
    assert {word.confidence for word in draft.words} == {0.9}
    assert (4, 4) in draft.alignment  # NOW</a>, of the source, in which the tag before it is three words
    assert (6, 6) in draft.alignment


def test_a_second_mask_is_tried_and_told() -> None:
    specialist = Saying(lambda word: "" if "[" in word else word)
    draft = one(specialist, "Delete %s now")
    assert specialist.asked == ["Delete [1] now", "Delete XX1 now"]
    assert draft.text == "Delete %s now"
    assert draft.repairs == ("masked again as word",)


def test_tags_are_put_back_by_the_alignment() -> None:
    specialist = Saying(lambda word: "" if re.search(r"\[|XX", word) else word.upper())
    draft = one(specialist, "Click <b> here </b> or <i> there </i> now")
    assert specialist.asked[-1] == "Click here or there now"
    assert draft.text == "CLICK <b>HERE</b> OR <i>THERE</i> NOW"
    assert draft.repairs == (
        "left tags out",
        "projected <b>, </b>, <i> and 1 more by the specialist's alignment",
    )


def test_content_that_cannot_be_kept_is_told() -> None:
    specialist = Saying(lambda word: "" if re.search(r"\[|XX|%", word) else "字", aligns=False)
    draft = one(specialist, "Copied to %s yesterday <b>now</b>")
    assert "could not be kept" in draft.repairs[-1]
    assert "'%s', '<b>', '</b>' of the source is missing" in draft.repairs[-1]
    assert 0 not in [span.key for span in draft.spans]


def test_a_mask_that_comes_twice_is_never_taken_for_whole() -> None:
    specialist = Saying(lambda word: f"{word} {word}")
    draft = one(specialist, "Delete %s now")
    assert draft.spans == ()
    assert "is left over" in draft.repairs[-1]


def test_the_same_masked_text_is_drafted_once() -> None:
    specialist = Saying()
    texts = ["Delete %s now", "Delete %d now", "Delete {0} now"]
    rows = drafting(specialist).draft([protect(Segment(text)) for text in texts])
    assert [row[0].text for row in rows] == texts
    assert specialist.asked == ["Delete [1] now"]


def test_what_holds_nothing_to_translate_is_not_asked_for() -> None:
    specialist = Saying()
    assert one(specialist, "%(name)s: %(value)s").text == "%(name)s: %(value)s"
    assert specialist.asked == []


def test_tags_at_the_edges_of_sentences_stay_outside() -> None:
    specialist = Saying(str.upper, single=True)
    draft = one(specialist, "<b>One thing. Two things.</b> Three <br> four.")
    assert specialist.asked == ["One thing.", "Two things.", "Three [1] four."]
    assert draft.text == "<b>ONE THING. TWO THINGS.</b> THREE <br> FOUR."
    assert [(span.role, span.partner) for span in draft.spans] == [("open", 1), ("close", 0), ("alone", -1)]
    assert [word.text for word in draft.words] == draft.text.split()


def test_paths_are_restored_one_by_one() -> None:
    ((first, second, third),) = drafting(Saying()).draft([protect(Segment("Delete %s now"))], 3)
    assert first.text == second.text == third.text == "Delete %s now"
    assert [draft.words[0].confidence for draft in (first, second, third)] == [0.9, 0.8, 0.7]


def test_kinds_that_are_left_out_are_projected() -> None:
    specialist = Saying(str.upper)
    specialist.left_out = frozenset({"tag"})
    draft = one(specialist, "Click <b>here</b> for %s")
    assert specialist.asked == ["Click here for [1]"]
    assert draft.text == "CLICK <b>HERE</b> FOR %s"
    assert draft.repairs == ("projected <b>, </b> by the specialist's alignment",)


def test_a_second_leg_gets_the_spans_of_the_first() -> None:
    road = PivotRoad(Saying(str.upper), Saying(str.lower), Pair("en", "es"), "pt")
    (drafted,) = road.draft([protect(Segment("Delete <b>{Name}</b> NOW"))])
    assert drafted.shown[0].text == "DELETE <b>{Name}</b> NOW"
    assert drafted.standing
    assert drafted.standing.text == "delete <b>{Name}</b> now"
    assert len(drafted.standing.spans) == 3


def test_wrappers_say_what_the_specialist_says(tmp_path: Path) -> None:
    inner = Saying(single=True)
    inner.mask, inner.second_mask, inner.left_out = "hash", "under", frozenset({"code"})
    for wrapped in (keep_specialist(inner, CacheStore(tmp_path)), corrupted(inner, EN_PT, Corruption(), [])):
        assert setting(wrapped, "mask", "") == "hash"
        assert setting(wrapped, "second_mask", "") == "under"
        assert setting(wrapped, "left_out", frozenset()) == {"code"}
        assert setting(wrapped, "single_sentence", False)


def test_recorded_drafts_keep_what_they_hold() -> None:
    segment = protect(Segment("Open <b>Django</b> %s"))
    whole = recorded(segment, Draft("Abra <b>Django</b> %s"))
    assert [span.key for span in whole.spans] == [0, 1, 2]
    assert whole.repairs == ()
    assert recorded(segment, Draft("Abra Django %s")).text == "Abra <b>Django</b> %s"
    assert "could not be kept" in recorded(segment, Draft("Abra <b>Django</b>")).repairs[-1]
    assert recorded(Segment("Open"), Draft("Abra")) == Draft("Abra")


@pytest.mark.parametrize(
    ("text", "source", "gap", "expected"),
    [("A.", "a.", "  ", "  "), ("你。", "a.", " ", ""), ("A.", "你。", "", " "), ("你。", "我。", "", "")],
)
def test_the_gap_behind_a_sentence(text: str, source: str, gap: str, expected: str) -> None:
    assert gap_behind(text, source, gap) == expected


class Echo(BaseSpecialist):
    """Gives each text back; with dice, some of its words in another order, twice, or not at all."""

    name = "echo"

    def __init__(self, *, single: bool, dice: random.Random | None = None) -> None:
        self.single_sentence = single
        self._dice = dice

    @property
    def signature(self) -> str:
        return "echo[test]"

    def pairs(self) -> list[Pair]:
        return [EN_PT]

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        return [[Draft(self._spoilt(text), language="pt")] * n for text in texts]

    def _spoilt(self, text: str) -> str:
        if self._dice is None:
            return text
        words = [word for word in text.split(" ") for _ in range(self._dice.choice([0, 1, 1, 1, 1, 2]))]
        if self._dice.random() < 0.3:
            self._dice.shuffle(words)
        return " ".join(words)


@settings(deadline=None, max_examples=150)
@given(segment=segments(), single=st.booleans())
def test_a_specialist_that_echoes_gives_the_source(segment: Segment, single: bool) -> None:
    ((draft,),) = drafting(Echo(single=single)).draft([segment])
    if segment.text.strip():
        assert draft.text == segment.text
        assert draft.spans == segment.spans
        assert draft.repairs == ()
        assert not segment.spans or [word.text for word in draft.words] == segment.text.split()


@settings(deadline=None, max_examples=200)
@given(segment=segments(), single=st.booleans(), seed=st.integers(0, 10**6))
def test_a_specialist_that_spoils_is_mended_or_found_out(segment: Segment, single: bool, seed: int) -> None:
    ((draft,),) = drafting(Echo(single=single, dice=random.Random(seed))).draft([segment])
    wrong = fault(segment.text, segment.spans, draft.text, draft.spans)
    assert bool(wrong) == any("could not be kept" in repair for repair in draft.repairs)
    for span in draft.spans:
        assert isinstance(span, Span)
        source = segment.spans[span.key]
        assert draft.text[span.start : span.end] == segment.text[source.start : source.end]


def test_a_road_drafts_segments() -> None:
    (drafted,) = DirectRoad(Saying(str.upper), EN_PT).draft([protect(Segment("Open %s now"))], 2)
    assert drafted.standing
    assert drafted.standing.text == "OPEN %s NOW"
    assert [draft.text for draft in drafted.shown] == ["OPEN %s NOW"] * 2


class _Emptying(Echo):
    """Moves what stands between two masks before them."""

    def _spoilt(self, text: str) -> str:
        return re.sub(r"(\S+) (\[\S+\]) ?(\w+) ?(\[\S+\])", r"\1 \3 \2\4", text)


def test_a_pair_that_came_out_empty_is_put_around_its_words() -> None:
    spans = (Span(10, 13, "tag", 0, "open", 1), Span(17, 21, "tag", 1, "close", 0))
    segment = Segment("Close the <b>door</b> now", spans=spans)
    ((draft,),) = drafting(_Emptying(single=False)).draft([segment])
    assert draft.text == "Close the <b>door</b> now"
    assert any("projected <b>" in repair for repair in draft.repairs)
