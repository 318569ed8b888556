"""The values that travel: frozen, comparable, and what they compute."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from scalemt.types import (
    THINKING_OVERHEAD,
    Completion,
    Decoding,
    Draft,
    Likelihood,
    Message,
    Pair,
    Prompt,
    Segment,
    Thought,
    Translation,
    Usage,
    Word,
)


def test_pair() -> None:
    pair = Pair("en", "pt-BR")
    assert str(pair) == "en->pt-BR"
    assert pair.reversed == Pair("pt-BR", "en")


def test_confidence_of_a_draft_is_the_mean_of_what_is_known() -> None:
    assert Draft("a b c", (Word("a", 0.2), Word("b"), Word("c", 0.4))).confidence == pytest.approx(0.3)
    assert Draft("a", (Word("a"),)).confidence is None
    assert Draft("").confidence is None
    assert Draft("a", (Word("a", 0.0),)).confidence == 0.0


def test_likelihood_of_an_empty_continuation_is_zero() -> None:
    assert Likelihood(-6.0, 3).per_token == -2.0
    assert Likelihood(0.0, 0).per_token == 0.0


def test_usage_adds_up() -> None:
    total = sum([Usage(1, 10, 5, 0.25), Usage(2, 20, 6, 0.5)], Usage())
    assert total == Usage(3, 30, 11, 0.75)


def test_a_prompt_as_json_is_chat_or_text() -> None:
    chat = Prompt((Message("system", "s"), Message("user", "u")), prefill="p", stop=("x",))
    assert chat.as_json() == {
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        "prefill": "p",
        "stop": ["x"],
    }
    assert Prompt(text="English: a\nBasque:", stop=("\n",)).as_json() == {
        "prompt": "English: a\nBasque:",
        "stop": ["\n"],
    }


def test_values_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Segment("a").text = "b"  # type: ignore[misc]


def test_the_draft_of_a_translation_is_its_first() -> None:
    made = Translation(Segment("a"), "b", "draft", Pair("en", "pt"), drafts=(Draft("b"), Draft("c")))
    assert made.draft == Draft("b")
    assert Translation(Segment("a"), "b", "few-shot", Pair("en", "pt")).draft is None


def test_an_answer_costs_what_was_evaluated_and_nothing_from_the_cache() -> None:
    known = Completion(
        "x", prompt_tokens=100, completion_tokens=9, cost=0.5, evaluated_tokens=0, accepted_tokens=4
    )
    assert known.usage == Usage(1, 100, 9, 0.5, evaluated_tokens=0, accepted_tokens=4)
    assert Completion("x", prompt_tokens=100).usage == Usage(1, 100, evaluated_tokens=100)
    assert Completion("x", prompt_tokens=100, cost=0.5, cached=True).usage == Usage(cached=1)
    assert sum([known.usage, known.usage, Usage(cached=1)], Usage()) == Usage(2, 200, 18, 1.0, 0, 8, 1)


def test_what_was_thought_is_counted_among_the_tokens_of_an_answer() -> None:
    said = Completion("x", completion_tokens=50, thought=Thought("hm", 40))
    assert (said.answer_tokens, said.usage.thinking_tokens, said.usage.completion_tokens) == (10, 40, 50)
    assert (said.usage + said.usage).thinking_tokens == 80
    assert Completion("x", completion_tokens=50).answer_tokens == 50
    assert Decoding(max_tokens=10).most_tokens == Decoding(max_tokens=10, thinking=0).most_tokens == 10
    assert Decoding(max_tokens=10, thinking=100).most_tokens == 110 + THINKING_OVERHEAD
