"""Thoughts in the text of an answer: the tags that models put around them, and what stands outside.

The tags are those of the makers' chat templates: Qwen and DeepSeek `<think>`, Mistral `[THINK]`, Cohere
`<|START_THINKING|>`, Seed `<seed:think>`, Kimi `◁think▷`, gpt-oss channels; DRT has `<thought>` and `<output>`.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import NamedTuple


class Tags(NamedTuple):
    """What opens a thought, and what ends it."""

    open: str
    close: str


KNOWN = (
    Tags("<think>", "</think>"),
    Tags("<thinking>", "</thinking>"),
    Tags("<thought>", "</thought>"),
    Tags("<reasoning>", "</reasoning>"),
    Tags("[THINK]", "[/THINK]"),
    Tags("<seed:think>", "</seed:think>"),
    Tags("◁think▷", "◁/think▷"),
    Tags("<|START_THINKING|>", "<|END_THINKING|>"),
    Tags("<|begin_of_thought|>", "<|end_of_thought|>"),
    Tags("<|channel>thought", "<channel|>"),
)
"""Tags that a chat template or a vocabulary may hold, the commonest first."""

_WORDS = "think|thinking|thoughts?|reasoning|reflection|analysis|scratchpad|seed:think"
_TAG = re.compile(
    rf"(?P<open><\s*(?:{_WORDS})(?:\s[^<>]*)?>|\[THINK\]|◁think▷|<\|START_THINKING\|>|<\|begin_of_thought\|>"
    r"|<\|channel\|?>\s*(?:analysis|commentary|thought)(?:\s*<\|message\|>)?)"
    rf"|(?P<close><\s*/\s*(?:{_WORDS})\s*>|\[/THINK\]|◁/think▷|<\|END_THINKING\|>|<\|end_of_thought\|>"
    r"|<\|channel\|>\s*final(?:\s*<\|message\|>)?|<channel\|>)",
    re.IGNORECASE,
)
# What some reasoning models put around the answer itself.
_ANSWER = re.compile(
    r"<(?P<tag>answer|output|response|final|final_answer)>\s*(?P<inside>.*?)\s*(?:</(?P=tag)>|\Z)",
    re.DOTALL | re.IGNORECASE,
)


def split(text: str, *, inside: bool = False) -> tuple[str, str, bool]:
    """Return the thought of an answer, what is no thought, and whether the thought was ended.

    What ends a thought that nothing opened ends one that began with the text: many templates open it themselves.
    So nested thoughts end with the last end. What is open at the end of the text is thought.

    Args:
        text: an answer as a model wrote it.
        inside: whether the prompt had opened a thought.
    """
    thought: list[str] = []
    outside: list[str] = []
    opened = 0 if inside else None
    rest = 0
    for tag in _TAG.finditer(text):
        if tag["open"]:
            if opened is None:
                outside.append(text[rest : tag.start()])
                opened = tag.end()
        else:
            before = text[opened if opened is not None else 0 : tag.start()]
            thought = [*thought, before] if opened is not None else [before]
            outside = outside if opened is not None else []
            opened, rest = None, tag.end()
    if opened is None:
        outside.append(text[rest:])
    else:
        thought.append(text[opened:])
    return "\n".join(_TAG.sub("", part).strip() for part in thought), "".join(outside), opened is None


def thinks(text: str) -> bool:
    """Whether an answer begins with a thought: with what opens one, or with what ends one that a prompt opened."""
    tags = list(_TAG.finditer(text))
    return bool(tags) and (bool(tags[0]["close"]) or not text[: tags[0].start()].strip())


def without_thoughts(text: str, source: str = "") -> str:
    """Return what of an answer is no thought, without what stands around an answer proper.

    Args:
        text: an answer as a model wrote it.
        source: what was to be translated; tags that it has itself are no sign of a thought.
    """
    own = len(_TAG.findall(source))
    if own:
        # The answer may hold the tags of its source; with more of them, it thought before it.
        first = _TAG.match(text.lstrip())
        if len(_TAG.findall(text)) <= own or first is None or not first["open"]:
            return text
        end = next((tag for tag in _TAG.finditer(text) if tag["close"]), None)
        return text[end.end() :] if end else ""
    _, outside, _ = split(text)
    wrapped = None if _ANSWER.search(source) else _ANSWER.search(outside)
    return wrapped["inside"] if wrapped else outside


def tags_in(template: str, vocabulary: Container[str] = ()) -> Tags | None:
    """Return the tags of a model, as its chat template or its vocabulary tells them; None where neither does."""
    for tags in KNOWN:
        if tags.close in template or (tags.open in vocabulary and tags.close in vocabulary):
            return tags
    return None
