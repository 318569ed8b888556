"""A generalist that judges candidates for a glossary."""

from __future__ import annotations

import pytest

from helpers import EN_PT
from scalemt.engine.term_judging import term_judge
from scalemt.errors import GeneralistError
from scalemt.generalists.fake import FakeGeneralist, FakeScoringGeneralist
from scalemt.types import Completion, Prompt

TERMS = [("house", "casa"), ("blue", "mar"), ("tree", "árvore"), ("sun", "sol"), ("old", "velho")]
RIGHT = {"house": "casa", "tree": "árvore", "sun": "sol", "old": "velho"}


def test_a_model_that_scores_compares_with_the_sources_of_others() -> None:
    def score(prompt: Prompt, continuation: str) -> float:
        source = prompt.text.split("English: ")[1].split("\n")[0]
        return -1.0 if RIGHT.get(source) == continuation.strip() else -20.0

    judge = term_judge(FakeScoringGeneralist(scores=score, kind="base"), EN_PT)
    assert judge(TERMS) == [True, False, True, True, True]


def test_a_model_that_answers_is_asked_and_only_a_clear_yes_counts() -> None:
    answers = ["Yes", "no", "yes.", "I am not sure", ""]
    judge = term_judge(FakeGeneralist(answers), EN_PT)
    assert judge(TERMS) == [True, False, True, False, False]


def test_terms_stand_in_one_line_of_the_question() -> None:
    seen: list[Prompt] = []

    def answer(prompt: Prompt) -> str:
        seen.append(prompt)
        return "yes"

    term_judge(FakeGeneralist(answer), EN_PT)([("a\nb", "c\u2028d")])
    assert seen[0].messages[-1].content == "a b = c d"


def test_an_answer_that_was_not_had_is_no_verdict() -> None:
    fault = Completion("", "error", error=GeneralistError("quota"))
    with pytest.raises(GeneralistError, match="quota"):
        term_judge(FakeGeneralist([fault]), EN_PT)(TERMS[:1])
