"""What the agents say to a generalist, and how their answers are read.

What stands in a prompt of theirs is one JSON object on one line, control tokens of known models escaped: whatever
a text, a dictionary or a document says, it cannot close its quotes, open a line, or end a turn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import as_file, files
from json import JSONDecoder
from typing import Any, Literal

from scalemt.generalists.base import GeneralistKind
from scalemt.prompts import Template, load_template
from scalemt.prompts.quoting import quoted
from scalemt.types import Completion, Pair, Prompt

Agent = Literal["detector", "constructor", "glosser", "judge"]

_END_OF_THOUGHT = re.compile(r"</think(?:ing)?>")
_MOST_CHARACTERS = 8000  # of an answer; longer ones are not what was asked for
_DECODER = JSONDecoder()


def prompt_of(agent: Agent, data: Mapping[str, object], pair: Pair, kind: GeneralistKind) -> Prompt:
    """Return what an agent asks.

    Args:
        agent: who asks; each has a template of its own.
        data: what it is about, as JSON.
        pair: the languages.
        kind: "chat" is told what to do, "base" is shown it.
    """
    return _template(agent, kind).render(quoted(data), (), (), pair)


def read_answer(completion: Completion, name: str) -> list[Any] | None:
    """Return the list that an answer holds, as the value of `name` in an object or bare; None where it holds none.

    A thought before it, a code fence and text around it are passed over; the first that can be read counts. An
    answer that was cut off, withheld or failed is none, whatever it holds.
    """
    answer = _object(completion)
    found = answer.get(name) if isinstance(answer, dict) else answer
    return found if isinstance(found, list) else None


def read_object(completion: Completion) -> dict[str, Any] | None:
    """Return the object that an answer holds, or None; see `read_answer`."""
    answer = _object(completion)
    return answer if isinstance(answer, dict) else None


def text_in(item: object, *names: str) -> str:
    """Return the first text that an item of an answer has under one of several names, or that it is itself."""
    if isinstance(item, str):
        return " ".join(item.split())
    values: Sequence[object] = [item.get(name) for name in names] if isinstance(item, dict) else []
    return next((" ".join(value.split()) for value in values if isinstance(value, str) and value.strip()), "")


def _object(completion: Completion) -> dict[str, Any] | list[Any] | None:
    if completion.finish_reason != "stop" or completion.error:
        return None
    answer = _END_OF_THOUGHT.split(completion.text)[-1]
    if len(answer) > _MOST_CHARACTERS:
        return None
    for start in (match.start() for match in re.finditer(r"[{\[]", answer)):
        try:
            value, _ = _DECODER.raw_decode(answer, start)
        except (ValueError, RecursionError):
            continue
        return value if isinstance(value, dict | list) else None
    return None


@cache
def _template(agent: Agent, kind: GeneralistKind) -> Template:
    # In a folder of their own: `template_names` lists what translates, and these do not.
    name = f"{agent}.toml" if kind == "chat" else f"{agent}-plain.toml"
    with as_file(files("scalemt.prompts") / "templates" / "agents" / name) as path:
        return load_template(str(path))
