"""The draft sent as predicted output, given up where it is refused, and what servers say of reused tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from generalists.chat_server import Make, Server, fault, ok, only
from scalemt.generalists.openai import OpenAIGeneralist
from scalemt.generalists.prediction import Predictions, accepted_tokens, count, evaluated_tokens
from scalemt.types import Decoding, Message, Prompt

DRAFT = "A casa é azul."
PROMPT = Prompt(messages=(Message("user", "The house is blue."),), prediction=DRAFT)


def sent(server: Server) -> list[str | None]:
    return [body["prediction"]["content"] if "prediction" in body else None for _, _, body in server.requests]


def test_the_draft_is_sent_as_the_protocol_wants(server: Server, make: Make) -> None:
    server.replies = [ok("x")]
    only(make(), PROMPT)
    assert server.requests[0][2]["prediction"] == {"type": "content", "content": DRAFT}


@pytest.mark.parametrize(
    "options",
    [
        {"prediction": False},
        {"price_completion": 0.6},
        {"extra_body": {"max_tokens": None, "max_completion_tokens": 50}, "prediction": True},
        {"extra_body": {"n": 1}, "prediction": True},
    ],
    ids=str,
)
def test_it_is_left_out_where_it_is_not_wanted_or_not_possible(
    server: Server, make: Make, options: dict[str, Any]
) -> None:
    server.replies = [ok("x")]
    assert only(make(**options), PROMPT).text == "x"
    assert sent(server) == [None]


def test_plain_prompts_and_prompts_without_a_draft_carry_none(server: Server, make: Make) -> None:
    server.replies = [ok("x"), ok("x")]
    only(make(prediction=True, kind="base"), Prompt(text="The house is blue.\n", prediction=DRAFT))
    only(make(prediction=True), Prompt(messages=PROMPT.messages))
    assert sent(server) == [None, None]


def test_a_price_does_not_count_against_the_users_word(server: Server, make: Make) -> None:
    server.replies = [ok("x")]
    only(make(prediction=True, price_completion=0.6), PROMPT)
    assert sent(server) == [DRAFT]


def test_a_prediction_of_the_users_own_is_not_replaced(server: Server, make: Make) -> None:
    server.replies = [ok("x")]
    only(make(extra_body={"prediction": {"type": "content", "content": "mine"}}), PROMPT)
    assert sent(server) == ["mine"]


@pytest.mark.parametrize(
    ("url", "sends"),
    [
        ("https://api.openai.com/v1", False),
        ("https://me.openai.azure.com/openai/v1", False),
        ("https://notopenai.com/v1", True),
        ("http://127.0.0.1:8000/v1", True),
    ],
)
def test_those_who_bill_wrong_guesses_get_none_unasked(url: str, sends: bool) -> None:
    body: dict[str, Any] = {"messages": []}
    assert ("prediction" in Predictions(url, None, priced=False).added(body, PROMPT)) is sends
    assert "prediction" in Predictions(url, True, priced=True).added(body, PROMPT)


@pytest.mark.parametrize(
    ("status", "message"),
    [(400, "Unrecognized request argument supplied: prediction"), (422, "Extra inputs are not permitted")],
)
def test_a_server_that_refuses_it_is_asked_without_and_for_good(
    server: Server, make: Make, status: int, message: str
) -> None:
    server.replies = [fault(status, message), ok("um"), ok("dois")]
    generalist = make(concurrency=1)
    completions = generalist.complete([PROMPT, PROMPT], Decoding())
    assert [completion.text for completion in completions] == ["um", "dois"]
    assert sent(server) == [DRAFT, None, None]
    assert generalist.predictions.refused == f"status {status}"
    assert generalist.signature == make(prediction=False).signature


def test_a_refusal_with_another_reason_is_told_and_changes_nothing(server: Server, make: Make) -> None:
    server.replies = [fault(400, "too long"), fault(400, "too long"), ok("um"), fault(400, "too long")]
    generalist = make()
    assert "status 400: too long" in str(only(generalist, PROMPT).error)
    assert only(generalist, PROMPT).text == "um"
    assert "too long" in str(only(generalist, PROMPT).error)
    assert sent(server) == [DRAFT, None, DRAFT, DRAFT]  # once it was taken, it is not what is refused
    assert generalist.predictions.refused == ""


def test_a_model_that_cannot_although_others_can_is_found_out_later(server: Server, make: Make) -> None:
    server.replies = [ok("um"), fault(400, "`prediction` is not supported here"), ok("dois"), ok("três")]
    generalist = make()
    assert [only(generalist, PROMPT).text for _ in range(3)] == ["um", "dois", "três"]
    assert sent(server) == [DRAFT, DRAFT, None, None]


USAGE = {"prompt_tokens": 100, "completion_tokens": 20}


@pytest.mark.parametrize(
    ("answer", "evaluated", "accepted"),
    [
        ({"usage": USAGE}, None, 0),
        ({"usage": USAGE | {"prompt_tokens_details": {"cached_tokens": 64}}}, 36, 0),
        ({"usage": USAGE | {"prompt_tokens_details": {"cached_tokens": 0}}}, 100, 0),
        ({"usage": USAGE | {"prompt_tokens_details": None, "completion_tokens_details": None}}, None, 0),
        ({"usage": USAGE | {"completion_tokens_details": {"accepted_prediction_tokens": 12}}}, None, 12),
        ({"usage": USAGE, "timings": {"prompt_n": 7, "draft_n": 16, "draft_n_accepted": 11}}, 7, 11),
        ({"usage": USAGE | {"prompt_tokens_details": {"cached_tokens": 999}}}, 0, 0),
        ({"usage": USAGE, "timings": {"prompt_n": 999}}, 100, 0),
        ({"usage": USAGE, "timings": {"prompt_n": -1, "draft_n_accepted": "many"}}, None, 0),
        ({"usage": USAGE, "timings": ["prompt_n"]}, None, 0),
        ({"usage": USAGE, "timings": {"prompt_n": True}}, None, 0),
    ],
)
def test_what_servers_say_of_reused_tokens(
    answer: Mapping[str, Any], evaluated: int | None, accepted: int
) -> None:
    assert evaluated_tokens(answer, 100) == evaluated
    assert accepted_tokens(answer) == accepted


def test_reused_tokens_reach_the_completion(server: Server, make: Make) -> None:
    details = {"prompt_tokens_details": {"cached_tokens": 6}}
    guessed = {"completion_tokens_details": {"accepted_prediction_tokens": 3, "rejected_prediction_tokens": 1}}
    usage: dict[str, Any] = {"prompt_tokens": 10, "completion_tokens": 5} | details | guessed
    server.replies = [ok("x", usage=usage), ok("x", usage={"prompt_tokens": "ten", "completion_tokens": -5})]
    generalist: OpenAIGeneralist = make()
    completion = only(generalist, PROMPT)
    assert (completion.evaluated_tokens, completion.accepted_tokens) == (4, 3)
    assert completion.usage.evaluated_tokens == 4
    nonsense = only(generalist, PROMPT)
    assert (nonsense.prompt_tokens, nonsense.completion_tokens, nonsense.text) == (0, 0, "x")


ODD: list[object] = [1.5, "3", None, [], False, -1]


def test_only_numbers_of_things_are_counts() -> None:
    assert count({"a": {"b": 3}}, "a", "b") == 3
    assert [count({"a": value}, "a") for value in ODD] == [None] * len(ODD)
    assert count(["a"], "a") is None
