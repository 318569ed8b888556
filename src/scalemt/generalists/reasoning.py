"""How servers are told to think, and where their thoughts stand in an answer.

Sources: the OpenAI API reference (`reasoning_effort`, `completion_tokens_details.reasoning_tokens`), OpenRouter's
page on reasoning tokens, Alibaba's on deep thinking (`enable_thinking`, `thinking_budget`), SGLang's on budgets of
thinking and vLLM's on reasoning outputs (`chat_template_kwargs`, `thinking_token_budget`, `reasoning_content`,
later `reasoning`), llama.cpp's server (`thinking_budget_tokens`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from scalemt.generalists.prediction import count
from scalemt.generalists.thoughts import split, thinks
from scalemt.types import Decoding, FinishReason, ThinkingEnd, Thought

Style = Literal["effort", "template", "vllm", "qwen", "openrouter", "none"]
STYLES: tuple[Style, ...] = get_args(Style)

_HOSTS: dict[str, Style] = {
    "openai.com": "effort",
    "azure.com": "effort",
    "x.ai": "effort",
    "groq.com": "effort",
    "googleapis.com": "effort",
    "mistral.ai": "effort",
    "openrouter.ai": "openrouter",
    "aliyuncs.com": "qwen",
}
_LOW, _MEDIUM = 1024, 8192  # tokens; what gateways make of the words


def style_of(url: str) -> Style:
    """Return how the server at an address is told to think, as far as its name tells."""
    host = urlsplit(url).hostname or ""
    for name, style in _HOSTS.items():
        if host == name or host.endswith(f".{name}"):
            return style
    return "template"


def thinking_fields(style: Style, budget: int | None) -> dict[str, Any]:
    """Return the fields of a request that give a model its budget; none where nothing was asked for."""
    if budget is None or style == "none":
        return {}
    thinks = budget > 0
    if style == "effort":
        return {"reasoning_effort": _effort(budget)}
    if style == "openrouter":
        return {"reasoning": {"max_tokens": budget} if thinks else {"enabled": False}}
    if style == "qwen":
        return {"enable_thinking": thinks, **({"thinking_budget": budget} if thinks else {})}
    # Templates know one of two names for it, and some of them the budget.
    told = {"enable_thinking": thinks, "thinking": thinks, **({"thinking_budget": budget} if thinks else {})}
    held = "thinking_token_budget" if style == "vllm" else "thinking_budget_tokens"
    return {"chat_template_kwargs": told, **({held: budget} if thinks else {})}


def _effort(budget: int) -> str:
    if budget == 0:
        return "none"
    return "low" if budget <= _LOW else "medium" if budget <= _MEDIUM else "high"


def refused_mend(style: Style, budget: int | None) -> str:
    """Return what is to be done where a server refuses a request with these fields; nothing without any."""
    fields = thinking_fields(style, budget)
    if not fields:
        return ""
    others = ", ".join(other for other in STYLES if other != style)
    return (
        f" The model was asked to think by {' and '.join(fields)}: if that is what the server refuses, set "
        f"`thinking` of the generalist to what it knows instead ({others}), or do without thinking."
    )


def read_thought(
    message: Mapping[str, Any], answer: Mapping[str, Any], decoding: Decoding, content: str, reason: FinishReason
) -> tuple[Thought | None, str]:
    """Return what a model thought, and its answer without it.

    Args:
        message: of the answer; of a plain completion empty.
        answer: the whole of what the server sent.
        decoding: what was asked for.
        content: the text of the answer.
        reason: how it ended.
    """
    told = next((said for key in ("reasoning_content", "reasoning") if (said := message.get(key))), "")
    text = told if isinstance(told, str) else ""
    if not text and decoding.thinking and thinks(content):
        # A server that does not know the tags of its model leaves the thought in the answer.
        text, content, _ = split(content)
    counted = count(answer, "usage", "completion_tokens_details", "reasoning_tokens")
    if not (text or counted):
        return None, content
    made = count(answer, "usage", "completion_tokens") or 0
    tokens = counted or round(made * len(text) / max(1, len(text) + len(content)))
    return Thought(text.strip(), tokens, _end(counted, decoding, content, reason)), content


def _end(counted: int | None, decoding: Decoding, content: str, reason: FinishReason) -> ThinkingEnd:
    if reason == "length" and not content.strip():
        return "open"
    if counted is None:
        return "unknown"
    return "forced" if decoding.thinking and counted >= decoding.thinking else "natural"
