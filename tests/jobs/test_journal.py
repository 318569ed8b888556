"""The journal: every answer is written down as it comes, asked for once, and kept within the limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import settings as testing
from hypothesis import strategies as st

from jobs.ledgers import settings
from scalemt.errors import BudgetError, DeadlineError, EndpointError, GeneralistError, PausedError, RateLimitError
from scalemt.generalists import Generalist, ScoringGeneralist
from scalemt.generalists.fake import Answer, FakeGeneralist, FakeScoringGeneralist
from scalemt.jobs.answers import Deadline, LedgerJournal, Limits, _holds
from scalemt.jobs.journal import JournaledGeneralist, most_tokens, write_down
from scalemt.jobs.ledger import Ledger
from scalemt.types import THINKING_OVERHEAD, Completion, Decoding, Message, Prompt, Thought


class Many(FakeGeneralist):
    """A fake one that takes several calls at once, as a server does."""

    overlaps = True
    concurrency = 4


def prompts(*texts: str) -> list[Prompt]:
    return [Prompt((Message("user", text),)) for text in texts]


def paid(prompt: Prompt) -> Completion:
    return Completion(prompt.messages[0].content.upper(), "stop", 100, 10, 0.5)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path / "job", settings())


def journaled(
    ledger: Ledger, inner: Generalist, limits: Limits | None = None, stopped: Callable[[], str] = lambda: ""
) -> JournaledGeneralist:
    return write_down(inner, LedgerJournal(ledger, limits or Limits(), (1000.0, 1000.0), stopped))


@pytest.mark.parametrize("kind", [FakeGeneralist, Many])
def test_an_answer_is_asked_for_once(ledger: Ledger, kind: type[FakeGeneralist]) -> None:
    first, second = kind(paid), kind(paid)
    one = journaled(ledger, first).complete(prompts("a", "b", "a"), Decoding())
    other = journaled(ledger, second).complete(prompts("b", "a", "c"), Decoding())
    assert [item.text for item in one] == ["A", "B", "A"]
    assert [item.text for item in other] == ["B", "A", "C"]
    assert len(first.prompts) == 2
    assert [prompt.messages[0].content for prompt in second.prompts] == ["c"]
    # What comes from the journal was paid for: the same numbers, whoever killed the process in between.
    assert other[0] == one[1]
    assert ledger.tallies() == {"calls": 3, "prompt_tokens": 300, "completion_tokens": 30, "cost": 1.5}


def test_what_was_thought_is_written_down_with_the_answer(ledger: Ledger) -> None:
    thought = Thought("água, not agua", 40, "forced", waited=True)
    said = Completion("A água.", "stop", 100, 50, thought=thought)
    thinking = Decoding(max_tokens=20, thinking=40, wait=True)
    (one,) = journaled(ledger, FakeGeneralist([said])).complete(prompts("a"), thinking)
    (other,) = journaled(ledger, FakeGeneralist()).complete(prompts("a"), thinking)
    assert one == other == said
    # Another budget, or none, is another question.
    plain = journaled(ledger, FakeGeneralist(["x", "y"]))
    assert plain.complete(prompts("a"), Decoding(max_tokens=20, thinking=41, wait=True))[0].text == "x"
    assert plain.complete(prompts("a"), Decoding(max_tokens=20))[0].text == "y"
    assert ledger.tallies()["thinking_tokens"] == 40


def test_a_limit_leaves_room_for_what_may_be_thought(ledger: Ledger) -> None:
    decoding = Decoding(max_tokens=20, thinking=500)
    most = most_tokens(prompts("a")[0]) + 20 + 500 + THINKING_OVERHEAD
    short = journaled(ledger, FakeGeneralist(["x"]), Limits(max_tokens=most - 1))
    with pytest.raises(PausedError, match="limit"):
        short.complete(prompts("a"), decoding)
    assert journaled(ledger, FakeGeneralist(["x"]), Limits(max_tokens=most)).complete(prompts("a"), decoding)


def test_progress_counts_what_is_known_too(ledger: Ledger) -> None:
    told: list[int] = []
    generalist = journaled(ledger, Many(paid))
    generalist.complete(prompts("a"), Decoding())
    generalist.complete(prompts("a", "b", "c"), Decoding(), told.append)
    assert sum(told) == 3


def test_each_answer_is_written_down_while_others_are_waited_for(ledger: Ledger) -> None:
    """A kill loses calls under way, not those that were answered in the same batch."""
    gate, seen = Event(), Event()

    def answer(prompt: Prompt) -> Answer:
        if prompt.messages[0].content == "slow":
            assert gate.wait(10)
        else:
            seen.set()
        return paid(prompt)

    class Loose(Many):
        def _complete(self, asked: Sequence[Prompt], decoding: Decoding, progress: object) -> list[Completion]:
            return [paid_of(answer(prompt)) for prompt in asked]

    def paid_of(found: Answer) -> Completion:
        assert isinstance(found, Completion)
        return found

    generalist = journaled(ledger, Loose())
    thread = Thread(target=generalist.complete, args=(prompts("slow", "quick"), Decoding()))
    thread.start()
    assert seen.wait(10)
    for _ in range(1000):
        if ledger.tallies().get("calls"):
            break
        Event().wait(0.01)
    assert ledger.rows("SELECT text FROM answers") == [("QUICK",)]
    gate.set()
    thread.join()
    assert ledger.tallies()["calls"] == 2


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (EndpointError("The server refused the key. Check OPENAI_API_KEY."), "OPENAI_API_KEY"),
        (RateLimitError("The server asked for fewer requests."), "fewer requests"),
        (BudgetError("The budget of this run is spent."), "budget"),
    ],
)
@pytest.mark.parametrize("kind", [FakeGeneralist, Many])
def test_what_no_prompt_is_to_blame_for_pauses_the_job(
    ledger: Ledger, kind: type[FakeGeneralist], fault: GeneralistError, told: str
) -> None:
    with pytest.raises(PausedError, match=told):
        journaled(ledger, kind(lambda _: fault)).complete(prompts("a", "b"), Decoding())
    assert ledger.tallies() == {}


def test_what_was_answered_before_a_pause_is_kept(ledger: Ledger) -> None:
    def answer(prompt: Prompt) -> Answer:
        return RateLimitError("Too many.") if prompt.messages[0].content == "d" else paid(prompt)

    with pytest.raises(PausedError, match="Too many"):
        journaled(ledger, Many(answer)).complete(prompts("a", "b", "c", "d"), Decoding())
    after = Many(paid)
    journaled(ledger, after).complete(prompts("a", "b", "c", "d"), Decoding())
    assert len(after.prompts) < 4
    assert ledger.tallies()["calls"] == 4


def test_a_fault_of_one_prompt_is_its_own(ledger: Ledger) -> None:
    def answer(prompt: Prompt) -> Answer:
        return DeadlineError("No answer.") if prompt.messages[0].content == "b" else paid(prompt)

    found = journaled(ledger, Many(answer)).complete(prompts("a", "b", "c"), Decoding())
    assert [item.finish_reason for item in found] == ["stop", "error", "stop"]
    again = Many(paid)
    journaled(ledger, again).complete(prompts("a", "b", "c"), Decoding())
    assert len(again.prompts) == 1  # a fault is nothing to keep


def test_an_answer_that_was_cut_off_was_paid_for(ledger: Ledger) -> None:
    cut = Completion("half of", "length", 100, 20, 0.5)
    first, second = Many(lambda _: cut), Many(paid)
    journaled(ledger, first).complete(prompts("a"), Decoding(max_tokens=20))
    assert journaled(ledger, second).complete(prompts("a"), Decoding(max_tokens=20)) == [cut]
    assert not second.prompts
    # With more room it may come to an end.
    assert journaled(ledger, second).complete(prompts("a"), Decoding(max_tokens=40))[0].text == "A"


@pytest.mark.parametrize("concurrency", [1, 4])
def test_money_and_tokens_are_never_exceeded(ledger: Ledger, concurrency: int) -> None:
    """Each call takes 110 tokens and 0.11; what it could take at most is what is allowed for before it is sent."""
    many = Many(lambda _: Completion("x", "stop", 100, 10, 0.11))
    many.concurrency = concurrency
    texts = [f"{number} " + "x" * 100 for number in range(40)]
    with pytest.raises(PausedError, match=r"limit of 2 in cost is reached.*--max-cost"):
        journaled(ledger, many, Limits(max_cost=2.0)).complete(prompts(*texts), Decoding(max_tokens=10))
    spent = ledger.tallies()
    assert 1.5 < spent["cost"] <= 2.0
    with pytest.raises(PausedError, match=r"limit of 2,500 tokens is reached.*--max-tokens"):
        journaled(ledger, many, Limits(max_tokens=2500)).complete(prompts(*texts), Decoding(max_tokens=10))
    assert 2000 < ledger.tallies()["prompt_tokens"] + ledger.tallies()["completion_tokens"] <= 2500
    journaled(ledger, many, Limits(max_cost=100.0)).complete(prompts(*texts), Decoding(max_tokens=10))
    assert ledger.tallies()["calls"] == 40  # in the end each was paid for once


def test_nothing_is_sent_when_the_job_is_to_stop(ledger: Ledger) -> None:
    many = Many(paid)
    with pytest.raises(PausedError, match="time of this run is over"):
        journaled(ledger, many, stopped=lambda: Deadline(1e-9).reached).complete(prompts("a"), Decoding())
    assert not many.prompts


def test_a_cancelled_run_waits_for_what_is_paid(ledger: Ledger) -> None:
    gate = Event()
    calls: list[str] = []

    class Slow(Many):
        cancelled = False

        def _complete(self, asked: Sequence[Prompt], decoding: Decoding, progress: object) -> list[Completion]:
            calls.append(asked[0].messages[0].content)
            assert gate.wait(10)
            return [paid(prompt) for prompt in asked]

        def cancel(self) -> None:
            self.cancelled = True

    slow = Slow()
    slow.concurrency = 1
    generalist = journaled(ledger, slow)
    faults: list[BaseException] = []

    def run() -> None:
        try:
            generalist.complete(prompts("a", "b"), Decoding())
        except CancelledError as fault:
            faults.append(fault)

    thread = Thread(target=run)
    thread.start()
    for _ in range(1000):
        if calls:
            break
        Event().wait(0.01)
    generalist.cancel()
    gate.set()
    thread.join()
    assert (calls, len(faults), slow.cancelled) == (["a"], 1, False)
    assert ledger.tallies()["calls"] == 1
    generalist.open()
    assert [item.text for item in generalist.complete(prompts("a", "b"), Decoding())] == ["A", "B"]
    generalist.patient = False
    generalist.cancel()
    assert slow.cancelled


def test_scores_are_passed_on(ledger: Ledger) -> None:
    scoring = journaled(ledger, FakeScoringGeneralist(scores=[-1.5]))
    assert isinstance(scoring, ScoringGeneralist)
    assert scoring.score(prompts("a"), ["b c"])[0].logprob == -1.5
    assert not isinstance(journaled(ledger, FakeGeneralist()), ScoringGeneralist)


@testing(deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 60))
def test_an_answer_holds_under_another_bound_only_if_it_would_end_alike(
    bound: int, asked: int, whole: int
) -> None:
    """A greedy model that has so many tokens to say stops after them, or is cut off by the bound."""

    def said(most: int) -> Completion:
        # What was thought before it counts for nothing here.
        thought = Thought("so", 7)
        if whole < most:
            return Completion("x", "stop", completion_tokens=whole + 7, thought=thought)
        return Completion("x", "length", completion_tokens=most + 7, thought=thought)

    if _holds(said(bound), bound, asked):
        assert said(asked).finish_reason == said(bound).finish_reason
