"""Evidence: what the backends can measure is measured, what they cannot is left out, faults are no disaster."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from helpers import EN_PT, PT_EN, WORDS, DictionarySpecialist, english_portuguese
from scalemt.errors import GeneralistError, SpecialistError
from scalemt.generalists.fake import FakeGeneralist, FakeScoringGeneralist
from scalemt.quality.evidence import Case, EvidenceGatherer, chrf
from scalemt.specialists import BaseSpecialist
from scalemt.types import Candidate, Draft, Likelihood, Pair, Prompt, Word

PLAIN = Prompt(text="English: the house\nPortuguese:")
DRAFT = Draft("a casa", (Word("a", 0.25), Word("casa", 1.0)))
BACK = ("roundtrip", "coverage", "support")  # from one translation back


class BrokenSpecialist(BaseSpecialist):
    """Scores and drafts nothing but faults."""

    name = "broken"

    @property
    def signature(self) -> str:
        return "broken"

    def pairs(self) -> list[Pair]:
        return [EN_PT, PT_EN]

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        raise SpecialistError("It broke while drafting.")

    def score(self, sources: Sequence[str], targets: Sequence[str], pair: Pair) -> list[Likelihood]:
        raise SpecialistError("It broke while scoring.")


class BrokenScorer(FakeGeneralist):
    """A generalist whose scoring fails."""

    def score(self, prompts: Sequence[Prompt], continuations: Sequence[str]) -> list[Likelihood]:
        raise GeneralistError("It broke while scoring.")


def case(*texts: str, draft: Draft | None = DRAFT, prompt: Prompt | None = PLAIN) -> Case:
    made = [Candidate("draft", draft.text)] if draft else []
    return Case("the house", EN_PT, draft, (*made, *(Candidate("refine", text) for text in texts)), prompt)


def names(found: Case) -> set[str]:
    return {name for item in found.candidates for name in item.evidence}


def test_all_of_it() -> None:
    both = english_portuguese()
    scorer = FakeScoringGeneralist(scores=lambda _, text: -float(len(text)))
    (found,) = EvidenceGatherer(scorer, both, both).gather([case("a velha casa")])
    draft, refined = found.candidates
    assert names(found) == {"likelihood", "forward", "backward", *BACK, "doubt", "likeness"}
    assert draft.evidence["coverage"] == draft.evidence["support"] == refined.evidence["coverage"] == 1.0
    assert refined.evidence["support"] < 1
    assert draft.evidence["likelihood"] == -7 / 2
    assert draft.evidence["roundtrip"] == draft.evidence["likeness"] == 1.0
    assert 0 < refined.evidence["roundtrip"] < 1
    assert draft.evidence["forward"] > refined.evidence["forward"]
    assert draft.evidence["doubt"] == refined.evidence["doubt"] == 0.5


def test_a_continuation_of_a_plain_prompt_begins_with_the_space_behind_the_colon() -> None:
    scorer = FakeScoringGeneralist(scores=[-1.0, -1.0])
    EvidenceGatherer(scorer).gather([case(), case(prompt=Prompt(text="Portuguese: "))])
    assert [text for _, text in scorer.scored] == [" a casa", "a casa"]


def test_each_text_is_scored_once_a_case() -> None:
    scorer = FakeScoringGeneralist(scores=[-2.0, -4.0])
    (found,) = EvidenceGatherer(scorer).gather([case("a casa", "o lar", "o lar")])
    assert [item.evidence["likelihood"] for item in found.candidates] == [-1.0, -1.0, -2.0, -2.0]


def test_what_the_backends_cannot_do_is_left_out() -> None:
    plain = DictionarySpecialist({EN_PT: WORDS, PT_EN: {}})
    (found,) = EvidenceGatherer(FakeGeneralist(), plain, plain).gather([case("o lar")])
    assert names(found) == {*BACK, "doubt", "likeness"}
    (found,) = EvidenceGatherer().gather([case("o lar", draft=Draft("a casa", (Word("a"), Word("casa"))))])
    assert names(found) == {"doubt", "likeness"}
    assert found.candidates[0].evidence["doubt"] == 0.0
    (found,) = EvidenceGatherer().gather([case("o lar", draft=None)])
    assert names(found) == set()


def test_without_a_prompt_nothing_is_scored() -> None:
    (found,) = EvidenceGatherer(FakeScoringGeneralist()).gather([case("o lar", prompt=None)])
    assert "likelihood" not in names(found)


def test_a_backend_that_breaks_only_takes_its_evidence_away() -> None:
    (found,) = EvidenceGatherer(BrokenScorer(), BrokenSpecialist(), BrokenSpecialist()).gather([case("o lar")])
    assert names(found) == {"doubt", "likeness"}
    scorer = FakeScoringGeneralist(scores=lambda _, __: -1.0)
    (found,) = EvidenceGatherer(scorer, BrokenSpecialist(), english_portuguese()).gather([case("o lar")])
    assert names(found) == {"likelihood", "backward", *BACK, "doubt", "likeness"}


def test_cases_keep_their_order_and_candidates() -> None:
    cases = [case("a"), case(), case("b", "c"), Case("x", EN_PT, None, ())]
    found = EvidenceGatherer(backward=english_portuguese()).gather(cases)
    assert [[item.text for item in each.candidates] for each in found] == [
        [item.text for item in each.candidates] for each in cases
    ]
    assert EvidenceGatherer(backward=english_portuguese()).gather([]) == []


@pytest.mark.parametrize(("one", "two", "expected"), [("abc", "abc", 1.0), ("abc", "xyz", 0.0), ("", "abc", 0.0)])
def test_chrf(one: str, two: str, expected: float) -> None:
    assert chrf(one, two) == expected
