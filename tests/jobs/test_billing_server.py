"""The billing server itself: what it bills, and that each fault is the one it is called."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from jobs.billing_server import REVISED, SPOILT, BillingServer, Fault, answer_to, asked
from scalemt.retry import parse_retry_after

PROMPT = (
    "Source sentence: One.\nPotentially useful reference answer: Um.(1.00)\nTarget sentence: Um.\n\n"
    "Source sentence: {}\nPotentially useful reference answer: A(0.90) casa(1.00) é.(0.71)"
)


def body(source: str = "The house is 1.") -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": PROMPT.format(source)}]}


@pytest.fixture
def post(server: BillingServer) -> Iterator[Callable[..., httpx.Response]]:
    with httpx.Client(timeout=0.5) as client:
        yield lambda source="The house is 1.", **headers: client.post(
            f"{server.url}/chat/completions", json=body(source), headers=headers
        )


def test_a_prompt_is_taken_apart() -> None:
    assert asked(body()) == ("The house is 1.", "A casa é.")
    plain = {"messages": [{"role": "user", "content": "Translate: hello"}]}
    assert asked(plain) == ("Translate: hello", "")


def test_some_answers_win_some_lose_and_some_are_the_draft() -> None:
    answers = [answer_to(f"Sentence number {number}.", "Frase.") for number in range(100)]
    kinds = {answer.removeprefix("Frase.") for answer in answers}
    assert kinds == {"", REVISED, SPOILT}
    assert answers == [answer_to(f"Sentence number {number}.", "Frase.") for number in range(100)]
    assert 20 < sum(answer.endswith(REVISED) for answer in answers) < 80


def test_every_answered_call_is_billed_and_doubles_are_seen(
    server: BillingServer, post: Callable[..., httpx.Response]
) -> None:
    first, second, other = post().json(), post().json(), post("The house is 2.").json()
    assert first == second
    assert first["usage"]["completion_tokens"] > 0
    billing = server.billing
    assert (len(billing.billed()), len(billing.prompts()), sum(billing.repeated().values())) == (3, 2, 1)
    assert billing.sources() == {"The house is 1.": 2, "The house is 2.": 1}
    assert billing.tokens() == sum(sum(item["usage"].values()) for item in (first, second, other))
    assert billing.since(billing.calls[2].answered or 0.0) == [billing.calls[2]]


def test_calls_under_way_are_told_while_they_are(server: BillingServer) -> None:
    server.latency = 0.4
    address = f"{server.url}/chat/completions"
    threads = [threading.Thread(target=httpx.post, args=(address,), kwargs={"json": body()}) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        if server.billing.under_way == 3:
            break
        threading.Event().wait(0.005)
    assert server.billing.under_way == 3
    assert len(server.billing.since(0)) == 3
    server.settle()
    assert (server.billing.under_way, server.billing.most_under_way) == (0, 3)
    for thread in threads:
        thread.join()


def test_a_client_that_is_gone_is_billed_all_the_same(server: BillingServer) -> None:
    server.latency = 0.2
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{server.url}/chat/completions", json=body(), timeout=0.05)
    assert not server.billing.billed()
    server.settle()
    assert len(server.billing.billed()) == 1


def test_a_key_is_wanted_where_there_is_one(server: BillingServer, post: Callable[..., httpx.Response]) -> None:
    server.key = "s3cret"
    assert post().status_code == 401
    assert post(authorization="Bearer s3cret").status_code == 200
    assert server.billing.outcomes() == {"401": 1, "answered": 1}


@pytest.mark.parametrize(
    ("fault", "status", "told"),
    [
        (Fault("status", 500), 500, "scripted 500"),
        (Fault("status", 503, retry_after=2), 503, "scripted 503"),
        (Fault("status", 402), 402, "scripted 402"),
        (Fault("quota"), 429, "insufficient_quota"),
        (Fault("truncated"), 200, '"length"'),
        (Fault("garbage"), 200, "<html>"),
        (Fault("no choices"), 200, '"usage"'),
        (Fault("none of them"), 200, '"choices": []'),
        (Fault("two choices"), 200, '"index": 1'),
        (Fault("empty"), 200, '"content": ""'),
    ],
)
def test_faults_that_answer(
    server: BillingServer, post: Callable[..., httpx.Response], fault: Fault, status: int, told: str
) -> None:
    server.fail(fault)
    answer = post()
    assert (answer.status_code, told in answer.text) == (status, True)
    assert answer.headers.get("retry-after") == (None if fault.retry_after is None else "2")
    server.mend()
    assert post().json()["choices"][0]["finish_reason"] == "stop"


def test_retry_after_is_told_as_a_date_that_is_late_enough(
    server: BillingServer, post: Callable[..., httpx.Response]
) -> None:
    server.fail(Fault("status", 429, retry_after=2, as_date=True))
    told = post().headers["retry-after"]
    assert told.endswith("GMT")
    assert 1.0 < (parse_retry_after(told) or 0) <= 3.0


def test_faults_that_do_not_answer(server: BillingServer, post: Callable[..., httpx.Response]) -> None:
    server.fail(Fault("reset", first=1), Fault("hang"))
    with pytest.raises(httpx.TransportError):
        post()
    with pytest.raises(httpx.ReadTimeout):
        post()
    server.mend()
    server.settle()
    assert post().status_code == 200
    assert server.billing.outcomes() == {"reset": 1, "hang": 1, "answered": 1}
    assert len(server.billing.billed()) == 1


def test_faults_can_be_for_a_marker_for_the_first_calls_and_once_a_prompt(
    server: BillingServer, post: Callable[..., httpx.Response]
) -> None:
    def statuses(*sources: str) -> list[int]:
        return [post(source).status_code for source in sources]

    server.fail(Fault("status", 500, marker="poison"), Fault("status", 503, first=2))
    assert statuses("a", "poison", "b", "c", "poison") == [503, 500, 503, 200, 500]
    server.fail(Fault("status", 502, per_prompt=1))
    assert statuses("a", "b", "a", "b", "a") == [502, 502, 200, 200, 200]
