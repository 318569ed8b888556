"""Thinking under a budget in the chats of llama.cpp, by its server's own options.

Source: llama.cpp's server, `thinking_budget_tokens`, `reasoning_budget_message`, `reasoning_content` and
`continue_final_message`, tried with xllamacpp 2026.10. The server knows the tags of the common chat templates.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from scalemt.generalists.client import chat_messages, cut
from scalemt.generalists.llamacpp_server import LlamaServer, RefusedError
from scalemt.generalists.notes import has_room
from scalemt.generalists.thoughts import split, thinks
from scalemt.types import Completion, Decoding, FinishReason, Prompt, ThinkingEnd, Thought

THINKING: dict[str, Any] = {"chat_template_kwargs": {"enable_thinking": True, "thinking": True}}
"""Chat templates know one of two names for it."""

_LINE = "\n"  # before an end that is forced; words in its place are repeated by small models


def answer_chat(server: LlamaServer, prompt: Prompt, decoding: Decoding, body: dict[str, Any]) -> Completion:
    """Complete a chat prompt after a thought.

    Raises:
        RefusedError: the server refused the request.
    """
    first = _chat(server, prompt, decoding, body)
    thought = first.thought
    if not (decoding.wait and thought and thought.end == "natural" and has_room(thought.tokens, decoding)):
        return first
    try:
        second = _chat(server, prompt, decoding, body, f"{thought.text}\nwait")
    except RefusedError:
        return first  # a template that knows no half of an answer
    waited = replace(second.thought or thought, waited=True)
    # The answer after the first thought was decoded too.
    spent = first.answer_tokens + second.completion_tokens
    return replace(second, thought=waited, completion_tokens=spent)


def _chat(
    server: LlamaServer, prompt: Prompt, decoding: Decoding, body: dict[str, Any], begun: str = ""
) -> Completion:
    """Ask once; `begun` is a thought that is to be gone on with."""
    messages: list[dict[str, str]] = chat_messages(prompt)
    asked = body | THINKING | {
        "n_predict": decoding.most_tokens,
        "thinking_budget_tokens": decoding.thinking,
        "reasoning_budget_message": _LINE,
        "messages": messages,
        "stop": [],  # it would end a thought, too
    }  # fmt: skip
    if begun:
        asked["messages"] = [*messages, {"role": "assistant", "content": "", "reasoning_content": begun}]
        asked |= {"continue_final_message": True, "add_generation_prompt": False}
    answer = server.post("/v1/chat/completions", asked)
    choice, usage = answer["choices"][0], answer["usage"]
    content, told = choice["message"].get("content") or "", choice["message"].get("reasoning_content") or ""
    reason: FinishReason = "stop" if choice["finish_reason"] == "stop" else "length"
    if not told and thinks(content):  # in tags that the server does not know
        told, content, _ = split(content)
    whole = bool(content.strip()) or reason == "stop"
    thought = _thought(server, told, decoding.thinking or 0, whole=whole) if told else None
    kept = cut(content, prompt.stop)
    return Completion(
        kept,
        "stop" if kept != content else reason,
        prompt_tokens=usage["prompt_tokens"],
        completion_tokens=usage["completion_tokens"] + (_length(server, begun) if begun else 0),
        evaluated_tokens=answer["timings"]["prompt_n"],
        accepted_tokens=answer["timings"].get("draft_n_accepted", 0),
        thought=thought,
    )


def _thought(server: LlamaServer, text: str, budget: int, *, whole: bool) -> Thought:
    # The server says neither how many tokens a thought had nor why it ended: the text is cut into tokens anew, and
    # may then have one more or less.
    tokens = _length(server, text)
    end: ThinkingEnd = "open" if not whole else "forced" if tokens >= budget - 1 else "natural"
    return Thought(text.strip(), min(tokens, budget), end)


def _length(server: LlamaServer, text: str) -> int:
    return len(server.tokenize(text, special=False)) - len(server.tokenize("", special=False))
