"""The limiter adapts to refusals, lets all wait together, keeps turns, and gives up when nobody is answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from busy_server import BusyServer, Limits
from clocks import FakeClock
from scalemt.connections import Connections
from scalemt.errors import RateLimitError
from scalemt.generalists.openai import OpenAIGeneralist
from scalemt.limiter import Limiter, Visit
from scalemt.retry import RetryPolicy
from scalemt.specialists.http import LibreTranslateSpecialist
from scalemt.types import Completion, Decoding, Message, Pair, Prompt


def backoff(tries: int) -> float:
    return float(2 ** (tries - 1))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def limiter(clock: FakeClock) -> Limiter:
    return Limiter(8, clock)


def sent(limiter: Limiter, count: int = 1) -> list[Visit]:
    """Enter and send so many requests."""
    visits = [limiter.enter() for _ in range(count)]
    for visit in visits:
        assert limiter.admit(visit, 6)
    return visits


def answer(limiter: Limiter, count: int) -> None:
    """Send so many requests one by one, all of which are answered."""
    for _ in range(count):
        limiter.answered(sent(limiter)[0])


class TestLimit:
    """How many may be under way."""

    def test_a_burst_of_refusals_halves_the_limit_once(self, limiter: Limiter) -> None:
        for visit in sent(limiter, 8):
            limiter.refused(visit, "no", 1.0, backoff)
        assert (limiter.limit, limiter.refusals, limiter.most) == (4, 8, 8)

    def test_it_never_falls_below_one(self, limiter: Limiter) -> None:
        for _ in range(10):
            (visit,) = sent(limiter)
            limiter.refused(visit, "no", 0.0, backoff)
        assert limiter.limit == 1
        answer(limiter, 1)

    def test_it_grows_back_quickly_to_what_held_and_slowly_beyond(self, limiter: Limiter) -> None:
        limiter.refused(sent(limiter)[0], "no", 0.0, backoff)
        answer(limiter, 4 + 5 + 6)
        assert limiter.limit == 7
        answer(limiter, 38)
        assert limiter.limit == 7
        answer(limiter, 2)
        assert limiter.limit == 8
        answer(limiter, 1000)
        assert limiter.limit == 8  # the ceiling

    def test_a_limit_that_does_not_hold_is_tried_ever_more_rarely(self) -> None:
        limiter = Limiter(2, FakeClock())
        needed = []
        for _ in range(4):
            limiter.refused(sent(limiter)[0], "no", 0.0, backoff)
            answers = 0
            while limiter.limit < 2:
                answer(limiter, 1)
                answers += 1
            needed.append(answers)
        assert needed == [40, 80, 160, 320]

    def test_what_was_sent_before_a_refusal_says_nothing_of_the_limit_after_it(self, limiter: Limiter) -> None:
        first, *others = sent(limiter, 8)
        limiter.refused(first, "no", 0.0, backoff)
        for visit in others:
            limiter.answered(visit)
        assert limiter.limit == 4


class TestWaiting:
    """Who waits, and how long."""

    def test_all_wait_for_what_one_was_told(self, limiter: Limiter, clock: FakeClock) -> None:
        first, second = sent(limiter, 2)
        limiter.refused(first, "no", 7.0, backoff)
        limiter.answered(second)
        answer(limiter, 1)
        assert clock.waits == [7.0]
        assert limiter.admit(first, 6)
        assert clock.waits == [7.0]

    def test_with_others_under_way_a_refusal_without_a_time_waits_for_them_only(
        self, limiter: Limiter, clock: FakeClock
    ) -> None:
        visits = sent(limiter, 3)
        limiter.refused(visits[0], "no", None, backoff)
        assert limiter.admit(visits[0], 6)
        assert clock.waits == []

    def test_alone_it_waits_longer_each_time(self, limiter: Limiter, clock: FakeClock) -> None:
        (visit,) = sent(limiter)
        for _ in range(3):
            limiter.refused(visit, "no", None, backoff)
            assert limiter.admit(visit, 6)
        assert clock.waits == [1.0, 2.0, 4.0]

    def test_a_refused_request_keeps_its_turn(self) -> None:
        limiter = Limiter(1)
        (old,) = sent(limiter)
        young = limiter.enter()
        order: list[str] = []

        def waits(visit: Visit, name: str) -> None:
            assert limiter.admit(visit, 6)
            order.append(name)
            limiter.answered(visit)

        with ThreadPoolExecutor(2) as pool:
            pool.submit(waits, young, "young")
            limiter.refused(old, "no", 0.2, backoff)
            pool.submit(waits, old, "old")
        assert order == ["old", "young"]


class TestGivingUp:
    """When a request is not sent any more."""

    def test_rounds_in_which_nobody_is_answered_count_for_all_that_wait(self, limiter: Limiter) -> None:
        waiting = limiter.enter()
        (visit,) = sent(limiter)
        for number in range(3):
            assert limiter.tries(visit) == limiter.tries(waiting) == number
            limiter.refused(visit, "full", 0.0, backoff)
            assert limiter.admit(visit, 3) is (number < 2)
        assert not limiter.admit(waiting, 3)
        assert limiter.refusal == "full"
        assert limiter.admit(limiter.enter(), 3)  # who comes later tries anew

    def test_refusals_while_others_are_answered_cost_no_tries_but_are_bounded(self, limiter: Limiter) -> None:
        (visit,) = sent(limiter)
        admitted = True
        refused = 0
        while admitted:
            limiter.refused(visit, "no", 0.0, backoff)
            refused += 1
            answer(limiter, 1)
            assert limiter.tries(visit) == 0
            admitted = limiter.admit(visit, 3)
        assert refused == 6

    def test_its_own_faults_and_the_rounds_are_counted_together(self, limiter: Limiter) -> None:
        (visit,) = sent(limiter)
        limiter.failed(visit)
        assert limiter.admit(visit, 2)
        limiter.refused(visit, "no", 0.0, backoff)
        assert limiter.tries(visit) == 2

    def test_a_closed_server_is_asked_again_when_the_time_has_passed(
        self, limiter: Limiter, clock: FakeClock
    ) -> None:
        (visit,) = sent(limiter)
        limiter.close("tomorrow", 600.0)
        assert not limiter.admit(visit, 6)
        assert not limiter.admit(limiter.enter(), 6)
        assert limiter.refusal == "tomorrow"
        clock.time += 601
        assert limiter.admit(limiter.enter(), 6)


class TestCancelling:
    """The end of a run."""

    @pytest.mark.parametrize("kind", ["paused", "crowded", "asleep"])
    def test_those_that_wait_end_at_once(self, kind: str) -> None:
        limiter = Limiter(1)
        (first,) = sent(limiter)
        visit = limiter.enter()
        if kind == "paused":
            limiter.refused(first, "no", 1000.0, backoff)

        def waits() -> None:
            if kind == "asleep":
                limiter.sleep(visit, 1000.0)
            else:
                limiter.admit(visit, 6)

        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(waits)
            while not limiter._waiting and kind != "asleep":
                time.sleep(0.001)
            limiter.cancel()
            with pytest.raises(CancelledError):
                future.result(20)

    def test_a_request_that_broke_off_since_is_cancelled_and_later_ones_are_not(self, limiter: Limiter) -> None:
        (visit,) = sent(limiter)
        limiter.cancel()
        with pytest.raises(CancelledError):
            limiter.failed(visit)
        answer(limiter, 3)


PROMPTS = [Prompt(messages=(Message("user", f"text {number:03}"),)) for number in range(80)]
WANTED = [f"TEXT {number:03}" for number in range(80)]


def texts(completions: list[Completion]) -> list[str]:
    return [completion.text for completion in completions]


Serve = Callable[[Limits], BusyServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    running: list[BusyServer] = []
    stack = []

    def start(limits: Limits) -> BusyServer:
        context = BusyServer(limits).running()
        stack.append(context)
        running.append(context.__enter__())
        return running[-1]

    yield start
    for context in stack:
        context.__exit__(None, None, None)


LIMITS = {
    "rate": Limits(most=10),
    "rate, slow": Limits(most=10, work=0.05),
    "rate, untold": Limits(most=20, tells=False),
    "at once": Limits(at_once=3),
    "at once, untold": Limits(at_once=3, tells=False),
    "overload": Limits(at_once=2, status=503, tells=False),
}


@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
def test_a_busy_server_answers_all_prompts_without_a_storm(serve: Serve, limits: Limits) -> None:
    server = serve(limits)
    generalist = OpenAIGeneralist(f"{server.url}/v1", "tiny", concurrency=8, retries=5)
    generalist.policy = RetryPolicy(attempts=6, base=0.05)
    assert texts(generalist.complete(PROMPTS, Decoding())) == WANTED
    assert server.served == 80
    assert 0 < server.refused <= 40
    assert generalist.limiter.refusals == server.refused
    assert server.most_under_way <= generalist.limiter.most <= 8
    generalist.close()


def test_several_calls_at_once_share_one_ceiling(serve: Serve) -> None:
    server = serve(Limits())
    generalist = OpenAIGeneralist(f"{server.url}/v1", "tiny", concurrency=3)
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(generalist.complete, PROMPTS[:20], Decoding()) for _ in range(4)]
        assert [texts(call.result()) for call in calls] == [WANTED[:20]] * 4
    assert server.most_under_way == 3
    generalist.close()


@pytest.mark.parametrize("limits", [Limits(most=5), Limits(at_once=1)], ids=["rate", "at once"])
def test_a_busy_translation_service_translates_all(serve: Serve, limits: Limits) -> None:
    server = serve(limits)
    with LibreTranslateSpecialist(server.url, batch_size=2, concurrency=4) as specialist:
        drafts = specialist.draft([f"text {number:03}" for number in range(60)], Pair("en", "pt"))
        assert [draft.text for (draft,) in drafts] == WANTED[:60]
        assert server.most_under_way <= specialist.limiter.most <= 4
    assert (server.served, server.refused <= 15) == (30, True)


def test_a_server_that_serves_nobody_is_asked_by_one_for_all(serve: Serve) -> None:
    server = serve(Limits(most=0, tells=False))
    generalist = OpenAIGeneralist(f"{server.url}/v1", "tiny", concurrency=8)
    generalist.policy = RetryPolicy(attempts=6, base=0.002)
    completions = generalist.complete(PROMPTS[:40], Decoding())
    assert {type(completion.error) for completion in completions} == {RateLimitError}
    assert server.refused < 120  # each by itself would ask 240 times
    generalist.close()


def test_a_server_that_wants_to_be_left_alone_for_long_is(serve: Serve) -> None:
    server = serve(Limits(most=0, window=86400.0))
    generalist = OpenAIGeneralist(f"{server.url}/v1", "tiny", concurrency=8)
    completions = generalist.complete(PROMPTS, Decoding())
    assert {type(completion.error) for completion in completions} == {RateLimitError}
    assert server.refused <= 8
    generalist.close()


@pytest.mark.parametrize(
    "limits", [Limits(stuck=True), Limits(most=0, window=30.0), Limits(most=0, window=30.0, status=500)]
)
def test_cancelling_ends_requests_under_way_and_in_waiting(serve: Serve, limits: Limits) -> None:
    server = serve(limits)
    generalist = OpenAIGeneralist(f"{server.url}/v1", "tiny", concurrency=4, timeout=600.0)
    generalist.policy = RetryPolicy(base=600.0, cap=600.0)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(generalist.complete, PROMPTS, Decoding())
        while server.refused + server.under_way < 1:
            time.sleep(0.005)
        generalist.cancel()
        with pytest.raises(CancelledError):
            call.result(20)
    server.release.set()
    server.limits = Limits()
    generalist.limiter = Limiter(4)  # the one before honours the Retry-After of its server
    assert texts(generalist.complete(PROMPTS[:5], Decoding())) == WANTED[:5]
    generalist.close()


def test_a_twin_is_cancelled_by_itself_and_keeps_to_the_same_limit(serve: Serve) -> None:
    server = serve(Limits(stuck=True))
    generalist = OpenAIGeneralist(f"{server.url}/v1", "tiny", concurrency=2, timeout=600.0, max_tokens_budget=100)
    twin = generalist.twin()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(generalist.complete, PROMPTS[:2], Decoding())
        while server.under_way < 2:
            time.sleep(0.005)
        second = pool.submit(twin.complete, PROMPTS[2:4], Decoding())
        while len(generalist.limiter._waiting) < 2:
            time.sleep(0.005)
        generalist.cancel()
        with pytest.raises(CancelledError):
            first.result(20)
        server.release.set()
        assert texts(second.result(20)) == WANTED[2:4]
    assert generalist.limiter.most == 2
    assert generalist.budget is twin.budget
    for client in (generalist, twin):
        client.close()


def test_cancelling_a_draft_ends_it(serve: Serve) -> None:
    server = serve(Limits(stuck=True))
    with LibreTranslateSpecialist(server.url, batch_size=1, timeout=600.0) as specialist:
        specialist.pairs()
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(specialist.draft, ["a", "b", "c"], Pair("en", "pt"))
            while not server.under_way:
                time.sleep(0.005)
            specialist.cancel()
            with pytest.raises(CancelledError):
                call.result(20)


def test_connections_that_are_broken_off_while_idle_are_opened_anew(serve: Serve) -> None:
    import httpx

    server = serve(Limits())
    connections = Connections(httpx.Client)
    for _ in range(3):
        assert connections.request("GET", server.url).status_code == 200
        connections.break_off()
    connections.close()
    assert connections.request("GET", server.url).status_code == 200
    connections.close()
