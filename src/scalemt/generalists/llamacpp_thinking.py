"""Thinking under a budget in llama.cpp: by its server's own options in a chat, in stages for a plain prompt.

Source: llama.cpp's server, `thinking_budget_tokens`, `reasoning_budget_message`, `reasoning_content` and
`continue_final_message`, tried with xllamacpp 2026.10. The server knows the tags of the common chat templates.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from scalemt.generalists.client import chat_messages, cut
from scalemt.generalists.llamacpp_server import LlamaServer, RefusedError
from scalemt.generalists.thinking import WAIT_AFTER
from scalemt.generalists.thoughts import split, thinks
from scalemt.types import Completion, Decoding, FinishReason, Prompt, ThinkingEnd, Thought

THINKING: dict[str, Any] = {"chat_template_kwargs": {"enable_thinking": True, "thinking": True}}
"""Chat templates know one of two names for it."""

_LINE = "\n"  # before an end that is forced; words in its place are repeated by small models
_WAIT_TOKENS = 2  # of a line break and the word


def answer_chat(server: LlamaServer, prompt: Prompt, decoding: Decoding, body: dict[str, Any]) -> Completion:
    """Complete a chat prompt after a thought.

    Raises:
        RefusedError: the server refused the request.
    """
    first = _chat(server, prompt, decoding, body)
    thought = first.thought
    if not (decoding.wait and thought and thought.end == "natural" and _has_room(thought.tokens, decoding)):
        return first
    try:
        second = _chat(server, prompt, decoding, body, f"{thought.text}\nwait")
    except RefusedError:
        return first  # a template that knows no half of an answer
    waited = replace(second.thought or thought, waited=True)
    # The answer after the first thought was decoded too.
    spent = first.answer_tokens + second.completion_tokens
    return replace(second, thought=waited, completion_tokens=spent)


def _has_room(tokens: int, decoding: Decoding) -> bool:
    return WAIT_AFTER < tokens < (decoding.thinking or 0) - _WAIT_TOKENS


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


def answer_noted(server: LlamaServer, prompt: Prompt, decoding: Decoding, body: dict[str, Any]) -> Completion:
    """Complete a plain prompt that ends where notes begin: the notes first, then what follows them.

    Raises:
        RefusedError: the server refused a request.
    """
    budget = decoding.thinking or 0
    ends = [prompt.after_thinking, *prompt.stop]
    first = _text(server, prompt.text, budget, ends, body)
    notes, natural, made, waited = first["content"], first["stop_type"] != "limit", _made(first), False
    stages = [first]
    if decoding.wait and natural and _has_room(made, decoding):
        more = _text(server, f"{prompt.text}{notes} wait", budget - made - _WAIT_TOKENS, ends, body)
        stages.append(more)
        notes, natural, waited = f"{notes} wait{more['content']}", more["stop_type"] != "limit", True
        made += _WAIT_TOKENS + _made(more)
    text = f"{prompt.text}{notes}{prompt.after_thinking}"
    last = _text(server, text, decoding.max_tokens, list(prompt.stop), body)
    stages.append(last)
    timings = [stage["timings"] for stage in stages]
    return Completion(
        last["content"],
        "length" if last["stop_type"] not in ("eos", "word") else "stop",
        prompt_tokens=first["tokens_evaluated"],
        completion_tokens=made + last["tokens_predicted"],
        evaluated_tokens=sum(item["prompt_n"] for item in timings),
        accepted_tokens=sum(item.get("draft_n_accepted", 0) for item in timings),
        thought=Thought(notes.strip(), made, "natural" if natural else "forced", waited),
    )


def _text(server: LlamaServer, text: str, most: int, stop: list[str], body: dict[str, Any]) -> dict[str, Any]:
    tokens = server.tokenize(text, special=False)
    return server.post("/completion", body | {"prompt": tokens, "n_predict": most, "stop": stop})


def _made(stage: dict[str, Any]) -> int:
    """Return the tokens of a stage, that of its end left out."""
    made: int = stage["tokens_predicted"]
    return made if stage["stop_type"] == "limit" else max(0, made - 1)
