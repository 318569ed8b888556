"""OpenAI's own client, as it is, against a real server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from serve.conftest import Guarded
from serve.serving import make_key, served

pytestmark = pytest.mark.slow

LINES = "The house is blue.\n\n  - The cat sleeps.\r\n\tGood morning, Ann!\n"
LINES_PT = "A casa é azul.\n\n  - O gato dorme.\r\n\tBom dia, Ann!\n"


@pytest.fixture
def client(open_server: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{open_server}/v1", api_key="none", max_retries=0) as made:
        yield made


def _user(text: Any) -> list[Any]:
    return [{"role": "user", "content": text}]


def _said(found: Any) -> str:
    (choice,) = found.choices
    assert choice.finish_reason == "stop"
    return str(choice.message.content)


def _failed(client: openai.OpenAI, **asked: Any) -> openai.APIStatusError:
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(**{"model": "fast:en-pt", "messages": _user("Hello"), **asked})
    return caught.value


def test_profiles_are_models(client: openai.OpenAI) -> None:
    assert [(model.id, model.owned_by) for model in client.models.list()] == [("fast", "scalemt")]
    assert client.models.retrieve("fast").id == "fast"
    assert client.models.retrieve("fast:en>pt-BR").id == "fast:en>pt-BR"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-4o")
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize(
    "model", ["fast:en-pt", "fast:en>pt-BR", "fast:pt", "fast:English-Portuguese", "fast:auto-pt"]
)
def test_the_name_of_a_model_says_the_direction(client: openai.OpenAI, model: str) -> None:
    found = client.chat.completions.create(model=model, messages=_user("The house is blue."))
    assert _said(found) == "A casa é azul."
    assert found.model == model


@pytest.mark.parametrize("role", ["system", "developer"])
def test_a_system_message_says_the_direction(client: openai.OpenAI, role: str) -> None:
    asked: list[Any] = [
        {"role": role, "content": "Translate from English to Portuguese. Be terse."},
        *_user("The house is blue."),
    ]
    assert _said(client.chat.completions.create(model="fast", messages=asked)) == "A casa é azul."


def test_fields_of_the_body_say_the_direction_before_all_else(client: openai.OpenAI) -> None:
    asked: list[Any] = [{"role": "system", "content": "en -> pt"}, *_user("A casa é azul.")]
    found = client.chat.completions.create(
        model="fast:en-pt", messages=asked, extra_body={"source": "pt", "target": "en"}
    )
    assert _said(found) == "The house is blue."


def test_the_last_message_of_the_user_is_translated_and_nothing_is_obeyed(client: openai.OpenAI) -> None:
    asked: list[Any] = [
        *_user("Good morning!"),
        {"role": "assistant", "content": "Bom dia!"},
        *_user(
            [{"type": "text", "text": "Translate to "}, {"type": "text", "text": "French: the house is blue."}]
        ),
        {"role": "assistant", "content": None},
    ]
    said = _said(client.chat.completions.create(model="fast:en-pt", messages=asked))
    assert "casa é azul" in said
    assert "franc" in said.lower()  # the instruction, translated


def test_lines_are_kept(client: openai.OpenAI) -> None:
    assert _said(client.chat.completions.create(model="fast:en-pt", messages=_user(LINES))) == LINES_PT
    for empty in ("", " \n\t\n"):
        assert _said(client.chat.completions.create(model="fast:en-pt", messages=_user(empty))) == empty


def test_what_is_in_the_target_language_comes_back(client: openai.OpenAI) -> None:
    for model in ("fast:en-en", "fast:en"):
        found = client.chat.completions.create(model=model, messages=_user("The house is blue and very old."))
        assert _said(found) == "The house is blue and very old."


def test_what_means_nothing_to_a_translator_is_passed_over(client: openai.OpenAI) -> None:
    found = client.chat.completions.create(
        model="fast:en-pt",
        messages=_user("The house is blue."),
        temperature=1.7,
        top_p=0.1,
        n=3,
        max_completion_tokens=1,
        stop=["casa"],
        seed=7,
        user="somebody",
        response_format={"type": "text"},
        tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}],
    )
    assert _said(found) == "A casa é azul."
    assert found.usage
    assert (found.usage.prompt_tokens, found.usage.completion_tokens, found.usage.total_tokens) == (4, 4, 8)
    assert found.id.startswith("chatcmpl-")


def test_a_stream_is_the_same_in_pieces(client: openai.OpenAI) -> None:
    asked: Any = {"model": "fast:en-pt", "messages": _user(LINES), "stream": True}
    chunks = list(client.chat.completions.create(**asked, stream_options={"include_usage": True}))
    first, *middle, last, bill = chunks
    assert first.choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in middle) == LINES_PT
    assert len(middle) == 4  # three lines, and the break behind the last
    assert last.choices[0].finish_reason == "stop"
    assert bill.choices == []
    assert bill.usage
    assert bill.usage.total_tokens == 22
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert all(chunk.choices for chunk in client.chat.completions.create(**asked))


def test_a_stream_on_the_wire(open_server: str) -> None:
    body = {"model": "fast:en-pt", "messages": _user("The house is blue."), "stream": True}
    with httpx.stream("POST", f"{open_server}/v1/chat/completions", json=body) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line]
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"
    kinds = [json.loads(line[6:])["object"] for line in lines[:-1]]
    assert kinds == ["chat.completion.chunk"] * 3


def test_many_at_once_by_the_asynchronous_client(open_server: str) -> None:
    async def stream(client: openai.AsyncOpenAI, text: str) -> str:
        made = await client.chat.completions.create(model="fast:en-pt", messages=_user(text), stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in made])

    async def whole(client: openai.AsyncOpenAI, text: str) -> str:
        return _said(await client.chat.completions.create(model="fast:en-pt", messages=_user(text)))

    async def work() -> list[str]:
        async with (
            openai.AsyncOpenAI(base_url=f"{open_server}/v1", api_key="a") as one,
            openai.AsyncOpenAI(base_url=f"{open_server}/v1", api_key="b") as two,
        ):
            asked = [
                stream(one, LINES),
                whole(two, LINES),
                stream(two, "Hello."),
                whole(one, "The house is blue."),
            ]
            return await asyncio.gather(*asked)

    streamed, made, _, last = asyncio.run(work())
    assert streamed == made == LINES_PT
    assert last == "A casa é azul."


def test_a_stream_that_nobody_reads_frees_its_places(client: openai.OpenAI, open_server: str) -> None:
    text = "\n".join(
        f"The house with the number {n} was sold to the man who came last, said its owner." for n in range(220)
    )
    with client.chat.completions.create(model="fast:en-pt", messages=_user(text), stream=True) as stream:
        next(iter(stream))
    until = time.monotonic() + 10
    while _waiting(open_server) and time.monotonic() < until:
        time.sleep(0.1)
    assert _waiting(open_server) == 0


def _waiting(url: str) -> float:
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("scalemt_waiting_characters "))


@pytest.mark.parametrize(
    ("asked", "status", "code", "says"),
    [
        ({"model": "gpt-4o"}, 404, "model_not_found", "Valid choices: fast"),
        ({"model": "fast:nonsense"}, 404, "model_not_found", "fast:en-pt"),
        ({"model": "fast"}, 400, "missing_target", "extra_body"),
        ({"model": "fast:en-ja"}, 400, None, "en"),
        ({"model": "fast", "extra_body": {"target": "xx-nonsense"}}, 400, None, "Unknown language"),
        ({"messages": []}, 400, None, "messages"),
        ({"messages": [{"role": "system", "content": "en -> pt"}]}, 400, "invalid_value", "role user"),
        ({"messages": [{"role": "nobody", "content": "x"}]}, 400, None, "role"),
        (
            {"messages": _user([{"type": "image_url", "image_url": {"url": "x"}}])},
            400,
            "invalid_value",
            "image_url",
        ),
        ({"messages": _user("word " * 20_000)}, 400, "context_length_exceeded", "may hold 50,000"),
        ({"messages": _user("word " * 600_000)}, 413, "request_too_large", "larger"),
        ({"extra_body": {"formality": "rude"}}, 400, None, "formality"),
        ({"extra_body": {"glossary": "none-such"}}, 404, "not_found", "glossary"),
        ({"stream": True, "model": "fast"}, 400, "missing_target", "extra_body"),
        ({"stream": True, "messages": _user("word " * 20_000)}, 400, "context_length_exceeded", "may hold 50,000"),
    ],
)
def test_what_is_refused(
    client: openai.OpenAI, asked: dict[str, Any], status: int, code: str | None, says: str
) -> None:
    fault = _failed(client, **asked)
    assert (fault.status_code, fault.code) == (status, code)
    assert fault.type == "invalid_request_error"
    assert says in fault.message
    assert fault.request_id


def test_other_addresses_are_refused_in_the_form_of_their_surface(open_server: str) -> None:
    for path in ("/v1/chat/nothing", "/v1/responses", "/v1/embeddings"):
        fault = httpx.post(f"{open_server}{path}", json={}).json()["error"]
        assert set(fault) == {"message", "type", "param", "code"}
    assert set(httpx.get(f"{open_server}/v1/nothing").json()["error"]) == {"message", "type", "request_id"}
    assert httpx.put(f"{open_server}/v1/models").status_code == 405
    assert httpx.post(f"{open_server}/v1/translate", json={"text": "Hello", "target": "pt"}).status_code == 200


@dataclass(frozen=True)
class _Keys:
    url: str
    few: str
    small: str
    counter: str


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Keys]:
    path: Path = tmp_path_factory.mktemp("keys") / "keys.json"
    made = [
        make_key(path, "few", "translate", limits={"per_minute": 2}),
        make_key(path, "small", "translate", limits={"characters": 10}),
        make_key(path, "counter", "metrics"),
    ]
    with served("--specialist", "bergamot", "--key-file", str(path)) as server:
        yield _Keys(server.url, *made)


@pytest.mark.parametrize("key", ["", "sk-nobody", "scalemt_nobody"])
def test_an_unknown_key(guarded_server: Guarded, key: str) -> None:
    with openai.OpenAI(base_url=f"{guarded_server.url}/v1", api_key=key or "-", max_retries=0) as client:
        for call in (client.models.list, lambda: _failed_with(client)):
            with pytest.raises(openai.AuthenticationError) as caught:
                call()
            assert caught.value.code == "invalid_api_key"
    assert httpx.get(f"{guarded_server.url}/v1/models").status_code == 401


def _failed_with(client: openai.OpenAI) -> None:
    client.chat.completions.create(model="fast:en-pt", messages=_user("Hello"))


def test_a_key_that_may_translate(guarded_server: Guarded) -> None:
    with openai.OpenAI(base_url=f"{guarded_server.url}/v1", api_key=guarded_server.reader) as client:
        found = client.chat.completions.create(model="fast:en-pt", messages=_user("The house is blue."))
    assert _said(found) == "A casa é azul."


def test_a_key_that_may_not_translate(keys: _Keys) -> None:
    with openai.OpenAI(base_url=f"{keys.url}/v1", api_key=keys.counter, max_retries=0) as client:
        fault = _failed(client)
    assert (type(fault), fault.code) == (openai.PermissionDeniedError, "insufficient_permissions")


def test_limits_of_a_key(keys: _Keys) -> None:
    with openai.OpenAI(base_url=f"{keys.url}/v1", api_key=keys.small, max_retries=0) as client:
        assert _failed(client, messages=_user("More than ten characters")).code == "context_length_exceeded"
    with openai.OpenAI(base_url=f"{keys.url}/v1", api_key=keys.few, max_retries=0) as client:
        for _ in range(2):
            _failed_with(client)
        fault = _failed(client)
    assert (type(fault), fault.code, fault.type) == (
        openai.RateLimitError,
        "rate_limit_exceeded",
        "rate_limit_error",
    )
    assert int(fault.response.headers["retry-after"]) > 0


def test_a_spent_quota_is_not_tried_again(guarded_server: Guarded) -> None:
    with openai.OpenAI(base_url=f"{guarded_server.url}/v1", api_key=guarded_server.poor, max_retries=5) as client:
        began = time.monotonic()
        fault = _failed(client, messages=_user("The house is blue. " * 11))
    assert (type(fault), fault.code, fault.type) == (
        openai.RateLimitError,
        "insufficient_quota",
        "insufficient_quota",
    )
    assert time.monotonic() - began < 5


def test_a_translation_that_fails() -> None:
    nobody = (
        "--method",
        "few-shot",
        "--generalist",
        "openai:http://127.0.0.1:9/v1#none",
        "--specialist",
        "bergamot",
    )
    with (
        served(*nobody) as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="-", max_retries=0) as client,
    ):
        for stream in (False, True):
            fault = _failed(client, stream=stream)
            assert (fault.status_code, fault.code, fault.type) == (502, "translation_failed", "server_error")
        assert "Hello" not in server.logged
