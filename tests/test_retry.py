"""The retry loop decides by exception, status and Retry-After; URLs are shown without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from clocks import FakeClock
from scalemt.limiter import Limiter
from scalemt.retry import RetryBudget, RetryPolicy, parse_retry_after, redact, send


@dataclass
class Response:
    status_code: int
    headers: Mapping[str, str] = field(default_factory=dict)


def run(*outcomes: Response | Exception, **options: float) -> tuple[Response | Exception, list[float]]:
    """Play outcomes one after the other; return the final one and the waits between them."""
    left = list(outcomes)
    clock = FakeClock()

    def request() -> Response:
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    policy = RetryPolicy(**{"attempts": 3, "jitter": 0.0} | options)  # type: ignore[arg-type]
    try:
        return send(request, policy, Limiter(4, clock)), clock.waits
    except Exception as fault:
        return fault, clock.waits


def test_a_good_answer_is_final() -> None:
    assert run(Response(200)) == (Response(200), [])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 456, 501])
def test_a_refusal_is_final(status: int) -> None:
    assert run(Response(status), Response(200)) == (Response(status), [])


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_fault_is_tried_again_with_growing_waits(status: int) -> None:
    assert run(Response(status), Response(status), Response(200), base=0.5) == (Response(200), [0.5, 1.0])


def test_the_last_answer_is_returned_whatever_it_is() -> None:
    last = Response(503, {"x": "last"})
    assert run(Response(500), Response(429), last, base=1.0) == (last, [1.0, 2.0])


def test_connection_faults_are_tried_again_and_the_last_is_raised() -> None:
    assert run(ConnectionError("1"), Response(200), base=1.0) == (Response(200), [1.0])
    last = TimeoutError("3")
    assert run(ConnectionError("1"), OSError("2"), last, base=1.0) == (last, [1.0, 2.0])


def test_other_exceptions_pass_at_once() -> None:
    fault = ValueError("no")
    assert run(fault, Response(200)) == (fault, [])


def test_retry_after_takes_the_place_of_the_growing_wait() -> None:
    assert run(Response(429, {"retry-after": "7"}), Response(200)) == (Response(200), [7.0])


def test_a_retry_after_beyond_the_cap_ends_it() -> None:
    refused = Response(429, {"retry-after": "3600"})
    assert run(refused, Response(200), cap=60.0) == (refused, [])


def test_waits_stop_growing_at_the_cap() -> None:
    policy = RetryPolicy(base=1.0, cap=5.0, jitter=0.0)
    assert [policy.backoff(tries) for tries in (1, 2, 3, 4, 5000)] == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_jitter_lengthens_by_its_share_at_most() -> None:
    waits = {RetryPolicy(base=1.0, jitter=0.5).backoff(1) for _ in range(200)}
    assert len(waits) > 1
    assert min(waits) >= 1.0
    assert max(waits) <= 1.5


NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 12 ", 12.0),
        ("1.5", 1.5),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 12:00:30 -0000", 30.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("Monday, 23-Nov-26 12:01:00 GMT", 60.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        (".", None),
        (None, None),
        ("1" * 400, float("inf")),
    ],
)
def test_both_forms_of_retry_after_are_read(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:secret@host.org:8080/v1?key=secret#part", "https://host.org:8080/v1"),
        ("https://secret@host.org", "https://host.org"),
        ("http://host/a", "http://host/a"),
        ("user:secret@host.org/v1", "host.org/v1"),
        ("host.org", "host.org"),
        ("http://[::1]:80/", "http://[::1]:80/"),
        ("http://[broken", "(a URL that cannot be read)"),
    ],
)
def test_urls_are_shown_without_secrets(url: str, shown: str) -> None:
    assert redact(url) == shown


def test_the_clock_is_read_when_no_time_is_given() -> None:
    assert parse_retry_after("Thu, 01 Jan 2015 00:00:00 GMT") == 0.0


def test_a_budget_of_retries_is_shared_and_makes_faults_final() -> None:
    budget = RetryBudget(3, spent=1)
    calls: list[int] = []

    def request() -> Response:
        calls.append(1)
        return Response(500)

    def ask() -> int:
        policy = RetryPolicy(attempts=10, base=0.0, jitter=0.0)
        return send(request, policy, Limiter(4, FakeClock()), budget=budget).status_code

    assert (ask(), ask()) == (500, 500)
    assert len(calls) == 4  # two first tries, and the two retries that were left
    assert (budget.spent, budget.take()) == (3, False)


def test_waiting_because_a_server_asks_for_it_costs_no_retry() -> None:
    budget = RetryBudget(0)
    replies = [Response(429, {"retry-after": "1"}), Response(429), Response(200)]
    found = send(lambda: replies.pop(0), RetryPolicy(jitter=0.0), Limiter(4, FakeClock()), budget=budget)
    assert (found.status_code, budget.spent) == (200, 0)


def test_a_budget_without_end() -> None:
    budget = RetryBudget(None)
    assert all(budget.take() for _ in range(1000))
    assert budget.spent == 1000
