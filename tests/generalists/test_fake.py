"""The public fake generalist: queue, faults, records."""

import pytest

from scalemt.errors import DeadlineError, EndpointError
from scalemt.generalists import Generalist, ScoringGeneralist
from scalemt.generalists.fake import FakeGeneralist, FakeScoringGeneralist
from scalemt.types import Completion, Decoding, Message, Prompt


def prompt(text: str) -> Prompt:
    return Prompt(messages=(Message("user", text),))


def test_answers_come_in_order_and_prompts_are_recorded() -> None:
    fake = FakeGeneralist(["um", Completion("do", "length"), "três"])
    done: list[int] = []
    prompts = [prompt("one"), prompt("two"), prompt("three")]
    completions = fake.complete(prompts, Decoding(max_tokens=7), done.append)
    assert [completion.text for completion in completions] == ["um", "do", "três"]
    assert completions[1].finish_reason == "length"
    assert fake.prompts == prompts
    assert {decoding.max_tokens for decoding in fake.decodings} == {7}
    assert sum(done) == 3


def test_a_function_answers_from_the_prompt() -> None:
    fake = FakeGeneralist(lambda asked: asked.messages[0].content.upper(), kind="base")
    assert fake.complete([prompt("a"), prompt("b")], Decoding())[1].text == "B"
    assert fake.kind == "base"


def test_a_transient_fault_fails_one_prompt_only() -> None:
    fault = DeadlineError("No answer within 60 s.")
    bad, good = FakeGeneralist([fault, "ok"]).complete([prompt("a"), prompt("b")], Decoding())
    assert (bad.finish_reason, bad.error, bad.text) == ("error", fault, "")
    assert (good.finish_reason, good.text) == ("stop", "ok")


def test_an_endpoint_error_is_raised() -> None:
    with pytest.raises(EndpointError, match="refused"):
        FakeGeneralist([EndpointError("refused")]).complete([prompt("a")], Decoding())


def test_running_out_is_said() -> None:
    fake = FakeGeneralist(["only one"])
    with pytest.raises(AssertionError, match="given 1 answers and is asked for one more"):
        fake.complete([prompt("a"), prompt("b")], Decoding())


def test_no_prompt_asks_nothing() -> None:
    assert FakeGeneralist().complete([], Decoding()) == []


def test_only_the_scoring_fake_is_a_scoring_generalist() -> None:
    assert isinstance(FakeGeneralist(), Generalist)
    assert not isinstance(FakeGeneralist(), ScoringGeneralist)
    assert isinstance(FakeScoringGeneralist(), ScoringGeneralist)


def test_scores_come_from_queue_or_function() -> None:
    queued = FakeScoringGeneralist(scores=[-2.0, -3.0])
    first, second = queued.score([prompt("a"), prompt("a")], ["uma casa", "casa"])
    assert (first.logprob, first.tokens, first.per_token) == (-2.0, 2, -1.0)
    assert second.logprob == -3.0
    assert queued.scored[0] == (prompt("a"), "uma casa")
    computed = FakeScoringGeneralist(scores=lambda _, continuation: -float(len(continuation)))
    assert computed.score([prompt("a")], ["abc"])[0].logprob == -3.0
    with pytest.raises(AssertionError, match="scores"):
        queued.score([prompt("a")], ["x"])
