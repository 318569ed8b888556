"""Servers that think: how they are told to, where their thoughts stand, and what is said where they refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest

from generalists.chat_server import Make, Server, chat, fault, ok
from scalemt.errors import ConfigurationError, EndpointError
from scalemt.generalists.openai import OpenAIGeneralist
from scalemt.generalists.reasoning import STYLES, Style, style_of, thinking_fields
from scalemt.types import THINKING_OVERHEAD, Completion, Decoding, Prompt, Thought

THINKING = Decoding(max_tokens=20, thinking=500)


def asked(generalist: OpenAIGeneralist, prompt: Prompt, decoding: Decoding = THINKING) -> Completion:
    (completion,) = generalist.complete([prompt], decoding)
    return completion


def thinking_reply(content: str | None, finish: str = "stop", tokens: int | None = None, **message: Any) -> Any:
    usage: dict[str, Any] = {"prompt_tokens": 10, "completion_tokens": 100}
    if tokens is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": tokens}
    choice = {"message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
    return 200, {}, json.dumps({"choices": [choice], "usage": usage}).encode()


@pytest.mark.parametrize(
    ("url", "style"),
    [
        ("https://api.openai.com/v1", "effort"),
        ("https://api.x.ai/v1", "effort"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "qwen"),
        ("http://127.0.0.1:8000/v1", "template"),
        ("https://max.ai/v1", "template"),
    ],
)
def test_the_host_tells_how_a_server_is_told(url: str, style: Style) -> None:
    assert style_of(url) == style


@pytest.mark.parametrize(
    ("style", "budget", "fields"),
    [
        ("effort", 500, {"reasoning_effort": "low"}),
        ("effort", 5000, {"reasoning_effort": "medium"}),
        ("effort", 9000, {"reasoning_effort": "high"}),
        ("effort", 0, {"reasoning_effort": "none"}),
        ("openrouter", 500, {"reasoning": {"max_tokens": 500}}),
        ("openrouter", 0, {"reasoning": {"enabled": False}}),
        ("qwen", 500, {"enable_thinking": True, "thinking_budget": 500}),
        ("qwen", 0, {"enable_thinking": False}),
        ("template", 0, {"chat_template_kwargs": {"enable_thinking": False, "thinking": False}}),
        (
            "vllm",
            500,
            {
                "chat_template_kwargs": {"enable_thinking": True, "thinking": True, "thinking_budget": 500},
                "thinking_token_budget": 500,
            },
        ),
        (
            "template",
            500,
            {
                "chat_template_kwargs": {"enable_thinking": True, "thinking": True, "thinking_budget": 500},
                "thinking_budget_tokens": 500,
            },
        ),
        ("none", 500, {}),
        *((style, None, {}) for style in STYLES),
    ],
)
def test_the_fields_of_each_kind_of_server(style: Style, budget: int | None, fields: dict[str, Any]) -> None:
    assert thinking_fields(style, budget) == fields


def test_a_budget_is_sent_and_has_room_beside_the_answer(server: Server, make: Make) -> None:
    server.replies = [thinking_reply("A casa.", reasoning_content="House is casa.", tokens=80)] * 3
    for style in ("effort", None, "none"):
        asked(make(thinking=style), chat("house", "\n"))
    bodies = [body for _, _, body in server.requests]
    assert all(body["max_tokens"] == 520 + THINKING_OVERHEAD for body in bodies)
    assert bodies[0]["reasoning_effort"] == "low"
    assert bodies[1]["chat_template_kwargs"]["enable_thinking"] is True
    assert not {"reasoning_effort", "chat_template_kwargs"} & bodies[2].keys()
    assert all("stop" not in body for body in bodies)  # it would end the thought


def test_unasked_nothing_is_sent(server: Server, make: Make) -> None:
    server.replies = [ok("A casa.")]
    completion = asked(make(), chat("house", "\n"), Decoding(max_tokens=20))
    (_, _, body) = server.requests[0]
    assert body.keys() == {"model", "messages", "max_tokens", "temperature", "top_p", "seed", "stop"}
    assert (body["max_tokens"], completion.thought) == (20, None)


def test_a_field_that_the_user_adds_wins(server: Server, make: Make) -> None:
    server.replies = [ok("A casa.")]
    asked(make(thinking="effort", extra_body={"reasoning_effort": "minimal"}), chat("house"))
    assert server.requests[0][2]["reasoning_effort"] == "minimal"


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thoughts_beside_the_answer(server: Server, make: Make, field: str) -> None:
    server.replies = [thinking_reply("A casa.", tokens=80, **{field: "\nHouse is casa.\n"})]
    completion = asked(make(), chat("house"))
    assert completion.text == "A casa."
    assert completion.thought == Thought("House is casa.", 80, "natural")
    assert completion.usage.thinking_tokens == 80


def test_thoughts_that_are_not_shown_are_counted(server: Server, make: Make) -> None:
    server.replies = [thinking_reply("A casa.", tokens=80), thinking_reply("A casa.", tokens=0)]
    assert asked(make(), chat("house")).thought == Thought("", 80, "natural")
    assert asked(make(), chat("house")).thought is None


@pytest.mark.parametrize("content", ["<think>House is casa.</think>A casa.", "House is casa.\n</think>\nA casa."])
def test_thoughts_that_a_server_leaves_in_the_answer(server: Server, make: Make, content: str) -> None:
    server.replies = [thinking_reply(content)] * 2
    completion = asked(make(), chat("house"))
    assert completion.text.strip() == "A casa."
    assert completion.thought
    assert completion.thought.text == "House is casa."
    # No count was told: the share of the text is taken for it, and nobody knows how the thought ended.
    assert 0 < completion.thinking_tokens < 100
    assert completion.thought.end == "unknown"
    # Unasked, the answer is left as it is: only whoever knows the source knows what belongs to it.
    assert asked(make(), chat("house"), Decoding(max_tokens=20)).text == content


def test_how_a_thought_ended(server: Server, make: Make) -> None:
    server.replies = [
        thinking_reply("A casa.", tokens=500, reasoning="hm"),
        thinking_reply("", "length", tokens=100, reasoning="hm"),
        thinking_reply(None, "length", reasoning="hm"),
        thinking_reply("<think>hm", "length"),
    ]
    found = [asked(make(), chat("house")) for _ in range(4)]
    assert [item.thought.end for item in found if item.thought] == ["forced", "open", "open", "open"]
    assert [item.finish_reason for item in found] == ["stop", "length", "length", "length"]
    assert [item.text for item in found] == ["A casa.", "", "", ""]


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_refuses_the_fields(server: Server, make: Make, status: int) -> None:
    server.replies = [fault(status, "Unknown parameter: reasoning_effort"), fault(status, "no")]
    completion = asked(make(thinking="effort"), chat("house"))
    assert isinstance(completion.error, EndpointError)
    assert "asked to think by reasoning_effort" in str(completion.error)
    assert "set `thinking` of the generalist to what it knows instead (template, vllm, " in str(completion.error)
    plain = asked(make(thinking="effort"), chat("house"), Decoding(max_tokens=20))
    assert "think" not in str(plain.error)


def test_notes_of_a_base_model_behind_a_server(server: Server, make: Make) -> None:
    server.replies = [ok(" casa is house", usage={"prompt_tokens": 9, "completion_tokens": 8}), ok(" A casa.")]
    prompt = Prompt(text="English: house\nNotes:", stop=("\n",), after_thinking="\nPortuguese:")
    completion = asked(make(kind="base"), prompt)
    first, second = (body for _, _, body in server.requests)
    assert (first["prompt"], first["max_tokens"]) == ("English: house\nNotes:", 500)
    assert first["stop"] == ["\nPortuguese:", "\n"]
    assert (second["prompt"], second["max_tokens"]) == (
        "English: house\nNotes: casa is house\nPortuguese:",
        20,
    )
    assert (completion.text, completion.thought) == (" A casa.", Thought("casa is house", 7, "natural"))
    assert (completion.prompt_tokens, completion.completion_tokens) == (19, 13)


def test_notes_wait_once_and_are_cut_at_the_budget(server: Server, make: Make) -> None:
    server.replies = [
        ok(" casa is a house", usage={"prompt_tokens": 9, "completion_tokens": 9}),
        ok(", or a home", "length", usage={"prompt_tokens": 9, "completion_tokens": 490}),
        ok(" A casa."),
    ]
    prompt = Prompt(text="house\nNotes:", stop=("\n",), after_thinking="\nPortuguese:")
    completion = asked(make(kind="base"), prompt, Decoding(max_tokens=20, thinking=500, wait=True))
    assert server.requests[1][2]["prompt"] == "house\nNotes: casa is a house wait"
    assert server.requests[1][2]["max_tokens"] == 490
    assert completion.thought == Thought("casa is a house wait, or a home", 500, "forced", waited=True)


def test_notes_that_are_withheld_are_no_answer(server: Server, make: Make) -> None:
    server.replies = [ok("", "content_filter")]
    prompt = Prompt(text="house\nNotes:", after_thinking="\nPortuguese:")
    completion = asked(make(kind="base"), prompt)
    assert (completion.text, completion.finish_reason, completion.thought) == ("", "filter", None)


def test_an_unknown_way_to_tell() -> None:
    with pytest.raises(ConfigurationError, match="thinking is 'loud'; valid choices are effort"):
        OpenAIGeneralist("http://127.0.0.1:9/v1", "m", thinking="loud")  # type: ignore[arg-type]


def test_how_a_server_is_told_is_part_of_the_cache_key() -> None:
    one, other = OpenAIGeneralist("http://h/v1", "m"), OpenAIGeneralist("http://h/v1", "m", thinking="vllm")
    assert one.cache_key != other.cache_key
    assert one.cache_key == OpenAIGeneralist("http://h/v1", "m", thinking="template").cache_key
