"""Generalists whose answers and scores are kept: what is sent again, and what is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from scalemt.caching import CacheStore, keep_generalist
from scalemt.errors import DeadlineError, EndpointError
from scalemt.generalists import Generalist, ScoringGeneralist
from scalemt.generalists.fake import FakeGeneralist, FakeScoringGeneralist
from scalemt.generalists.openai import OpenAIGeneralist
from scalemt.types import Completion, Decoding, FinishReason, Likelihood, Message, Prompt, Thought, Usage

CHAT = Prompt(messages=(Message("system", "You translate."), Message("user", "casa")), prefill="A", stop=("\n",))
PLAIN = Prompt(text="casa =", stop=("\n",))
GREEDY = Decoding(max_tokens=50)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CacheStore]:
    made = CacheStore(tmp_path / "cache.sqlite", notice=pytest.fail)
    yield made
    made.close()


def fake(cache_key: str = "model") -> FakeScoringGeneralist:
    return FakeScoringGeneralist(
        lambda prompt: Completion(f"to {prompt.text or prompt.messages[-1].content}", "stop", 7, 5, 0.1),
        scores=lambda prompt, text: -float(len(text)),
        cache_key=cache_key,
    )


def test_it_looks_like_the_one_inside(store: CacheStore) -> None:
    for inner in (FakeGeneralist(kind="base"), FakeScoringGeneralist(kind="chat")):
        kept = keep_generalist(inner, store)
        assert isinstance(kept, Generalist)
        assert isinstance(kept, ScoringGeneralist) == isinstance(inner, ScoringGeneralist)
        assert (kept.name, kept.kind, kept.signature) == (inner.name, inner.kind, inner.signature)
        assert keep_generalist(kept, store).inner is inner
    scoring = OpenAIGeneralist("http://127.0.0.1:9/v1", "m", kind="base", scoring=True)
    assert isinstance(keep_generalist(scoring, store), ScoringGeneralist)
    silent = OpenAIGeneralist("http://127.0.0.1:9/v1", "m")
    assert not isinstance(keep_generalist(silent, store), ScoringGeneralist)
    assert keep_generalist(silent, store).overlaps == silent.overlaps


def test_a_second_object_sends_only_what_is_new(store: CacheStore) -> None:
    first, second = fake(), fake()
    (made,) = keep_generalist(first, store).complete([CHAT], GREEDY)
    assert (made.cached, made.usage) == (False, Usage(1, 7, 5, 0.1, 7))
    done = keep_generalist(second, store).complete([PLAIN, CHAT], GREEDY)
    assert [item.text for item in done] == ["to casa =", "to casa"]
    assert [item.cached for item in done] == [False, True]
    assert done[1].usage == Usage(cached=1)
    assert second.prompts == [PLAIN]


def test_what_was_thought_comes_back_with_an_answer(store: CacheStore) -> None:
    thinking = replace(GREEDY, thinking=100, wait=True)
    said = Completion("água", "stop", 7, 50, thought=Thought("not agua", 45, "natural", waited=True))
    keep_generalist(FakeGeneralist([said], cache_key="model"), store).complete([CHAT], thinking)
    kept = keep_generalist(FakeGeneralist(cache_key="model"), store)
    (again,) = kept.complete([CHAT], thinking)
    assert (again.text, again.thought, again.usage) == ("água", said.thought, Usage(cached=1))
    # Five tokens are the answer; the others bound nothing.
    assert kept.complete([CHAT], replace(thinking, max_tokens=6))[0].cached
    with pytest.raises(AssertionError, match="one more"):
        kept.complete([CHAT], replace(thinking, max_tokens=5))


@pytest.mark.parametrize(
    "other",
    [
        replace(GREEDY, thinking=100, wait=True),
        replace(GREEDY, thinking=101),
        replace(GREEDY, thinking=0),
        GREEDY,
    ],
)
def test_how_long_it_may_think_counts(store: CacheStore, other: Decoding) -> None:
    inner = fake()
    kept = keep_generalist(inner, store)
    kept.complete([PLAIN], replace(GREEDY, thinking=100))
    kept.complete([PLAIN], other)
    assert len(inner.prompts) == 2


def test_where_an_answer_begins_counts_for_one_that_thinks(store: CacheStore) -> None:
    inner = fake()
    kept = keep_generalist(inner, store)
    noted = replace(PLAIN, after_thinking=" =")
    kept.complete([PLAIN, noted, replace(PLAIN, text=f"{PLAIN.text} =")], GREEDY)
    # Unthought, a prompt with room for notes goes on behind them.
    assert [prompt.text for prompt in inner.prompts] == ["casa =", "casa = ="]
    kept.complete([PLAIN, noted], replace(GREEDY, thinking=9))
    assert inner.prompts[2:] == [PLAIN, noted]


@pytest.mark.parametrize(
    "other",
    [
        replace(CHAT, messages=(Message("system", "You translate!"), CHAT.messages[1])),
        replace(CHAT, messages=(CHAT.messages[0], Message("user", "casas"))),
        replace(CHAT, messages=(CHAT.messages[0], Message("assistant", "casa"))),
        replace(CHAT, messages=(Message("user", "You translate."), *CHAT.messages[1:])),
        replace(CHAT, messages=CHAT.messages[1:]),
        replace(CHAT, prefill=""),
        replace(CHAT, prefill="B"),
        replace(CHAT, stop=()),
        replace(CHAT, stop=("\n", "###")),
        Prompt(text="casa"),
    ],
)
def test_every_part_of_a_prompt_counts(store: CacheStore, other: Prompt) -> None:
    inner = fake()
    kept = keep_generalist(inner, store)
    kept.complete([CHAT], GREEDY)
    kept.complete([other], GREEDY)
    assert inner.prompts == [CHAT, other]


@pytest.mark.parametrize(
    "other", [replace(GREEDY, temperature=0.3), replace(GREEDY, top_p=0.9), replace(GREEDY, seed=1)]
)
def test_decoding_counts(store: CacheStore, other: Decoding) -> None:
    inner = fake()
    kept = keep_generalist(inner, store)
    kept.complete([CHAT], GREEDY)
    kept.complete([CHAT], other)
    kept.complete([CHAT], GREEDY)
    assert inner.decodings == [GREEDY, other]


def test_a_prediction_does_not_count(store: CacheStore) -> None:
    inner = fake()
    kept = keep_generalist(inner, store)
    kept.complete([CHAT], GREEDY)
    assert kept.complete([replace(CHAT, prediction="a house")], GREEDY)[0].cached


@pytest.mark.parametrize(
    ("bound", "cached"), [(50, True), (51, True), (1000, True), (49, True), (6, True), (5, False), (1, False)]
)
def test_an_answer_serves_all_bounds_that_it_fits_into(store: CacheStore, bound: int, cached: bool) -> None:
    kept = keep_generalist(fake(), store)  # its answers have five tokens
    kept.complete([CHAT], GREEDY)
    assert kept.complete([CHAT], Decoding(bound))[0].cached == cached


def test_an_answer_of_unknown_length_serves_no_lower_bound(store: CacheStore) -> None:
    kept = keep_generalist(FakeGeneralist(["x", "y"], cache_key="m"), store)
    kept.complete([CHAT], GREEDY)
    assert not kept.complete([CHAT], Decoding(49))[0].cached
    assert kept.complete([CHAT], Decoding(49))[0].text == "y"


@pytest.mark.parametrize("reason", ["length", "filter", "error"])
def test_what_is_no_whole_answer_is_not_kept(store: CacheStore, reason: FinishReason) -> None:
    fault = DeadlineError("late") if reason == "error" else None
    inner = FakeGeneralist([Completion("half", reason, error=fault), "whole"], cache_key="m")
    kept = keep_generalist(inner, store)
    assert kept.complete([CHAT], GREEDY)[0].finish_reason == reason
    assert store.stats().entries == 0
    assert kept.complete([CHAT], GREEDY)[0] == Completion("whole")


def test_an_endpoint_that_is_down_is_raised(store: CacheStore) -> None:
    kept = keep_generalist(FakeGeneralist(["a", EndpointError("down")], cache_key="m"), store)
    kept.complete([CHAT], GREEDY)
    with pytest.raises(EndpointError, match="down"):
        kept.complete([CHAT, PLAIN], GREEDY)


def test_equal_prompts_of_one_call_are_sent_once(store: CacheStore) -> None:
    inner, told = fake(), list[int]()
    done = keep_generalist(inner, store).complete([CHAT, PLAIN, CHAT, CHAT], GREEDY, told.append)
    assert inner.prompts == [CHAT, PLAIN]
    assert [item.text for item in done] == ["to casa", "to casa =", "to casa", "to casa"]
    assert sum((item.usage for item in done), Usage()) == Usage(2, 14, 10, 0.2, 14, 0, 2)
    assert sum(told) == 4


def test_equal_prompts_that_fail_all_fail(store: CacheStore) -> None:
    kept = keep_generalist(FakeGeneralist([DeadlineError("late")], cache_key="m"), store)
    done = kept.complete([CHAT, CHAT], GREEDY)
    assert [item.finish_reason for item in done] == ["error", "error"]


def test_progress_tells_of_every_prompt(store: CacheStore) -> None:
    kept, told = keep_generalist(fake(), store), list[int]()
    kept.complete([CHAT], GREEDY)
    kept.complete([CHAT, PLAIN], GREEDY, told.append)
    kept.complete([CHAT, PLAIN], GREEDY, told.append)
    assert sum(told) == 4
    assert kept.complete([], GREEDY, told.append) == []


def test_scores_are_kept_by_prompt_and_continuation(store: CacheStore) -> None:
    inner = fake()
    kept = keep_generalist(inner, store)
    assert isinstance(kept, ScoringGeneralist)
    assert kept.score([PLAIN, PLAIN, PLAIN], ["ab", "c", "ab"]) == [
        Likelihood(-2, 1),
        Likelihood(-1, 1),
        Likelihood(-2, 1),
    ]
    assert kept.score([PLAIN, CHAT], ["c", "c"]) == [Likelihood(-1, 1)] * 2
    assert inner.scored == [(PLAIN, "ab"), (PLAIN, "c"), (CHAT, "c")]
    assert kept.score([], []) == []


def test_scores_that_are_no_numbers_are_not_kept(store: CacheStore) -> None:
    inner = FakeScoringGeneralist(scores=[float("-inf"), float("nan"), -1.0], cache_key="m")
    kept = keep_generalist(inner, store)
    assert isinstance(kept, ScoringGeneralist)
    for _ in range(4):
        kept.score([PLAIN], ["x"])
    assert len(inner.scored) == 3


def test_another_model_is_asked_anew_and_one_without_a_key_always(store: CacheStore) -> None:
    keep_generalist(fake(), store).complete([CHAT], GREEDY)
    other = fake("another model")
    assert not keep_generalist(other, store).complete([CHAT], GREEDY)[0].cached
    script = FakeGeneralist(["one", "two", "three"])
    kept = keep_generalist(script, store)
    assert [item.text for item in kept.complete([CHAT, CHAT, CHAT], GREEDY)] == ["one", "two", "three"]
    assert store.stats().entries == 2


def test_a_cancel_reaches_the_one_inside(store: CacheStore) -> None:
    called = []

    class Cancelling(FakeGeneralist):
        def cancel(self) -> None:
            called.append(True)

    keep_generalist(Cancelling(), store).cancel()
    assert called
