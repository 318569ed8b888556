"""What a generalist is asked, and how its answers are read.

As with agents, what stands in a prompt for a chat model is one JSON object on one line, control tokens escaped: a
glossary or a corpus can close no quotes, open no line, and end no turn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import as_file, files
from typing import Any, Literal

from scalemt.generalists.base import GeneralistKind
from scalemt.generalists.thoughts import without_thoughts
from scalemt.methods.agents.asking import read_object
from scalemt.prompts import Template, load_template
from scalemt.prompts.quoting import quoted
from scalemt.types import Completion, Pair, Prompt

Purpose = Literal["terms", "sentences", "documents", "contrast"]

_MOST_CHARACTERS = 3000  # of a text in an answer
_SPACE = re.compile(r"\s+")


@cache
def template_of(purpose: Purpose, kind: GeneralistKind) -> Template:
    """Return the template of a purpose for a chat or a base model."""
    # In a folder of their own: `template_names` lists what translates, and these do not.
    name = f"{purpose}.toml" if kind == "chat" else f"{purpose}-plain.toml"
    with as_file(files("scalemt.prompts") / "templates" / "synthesis" / name) as path:
        return load_template(str(path))


def chat_prompt(purpose: Purpose, data: Mapping[str, object], pair: Pair) -> Prompt:
    """Return what a chat model is asked about an object."""
    return template_of(purpose, "chat").render(quoted(data), (), (), pair)


def fault_of(answer: Completion) -> str:
    """Return why an answer cannot be used at all, "" where it can."""
    told = {"length": "cut off", "filter": "withheld by the server", "error": "no answer"}
    return told.get(answer.finish_reason, "" if answer.text.strip() else "empty")


def items_in(answer: Completion, name: str) -> list[Any]:
    """Return the list that the object in an answer has by a name; none where there is none."""
    found = (read_object(answer) or {}).get(name)
    return found if isinstance(found, list) else []


def text_of(value: object) -> str:
    """Return a text of an answer on one line, "" for what is none or far too long."""
    text = _SPACE.sub(" ", value).strip() if isinstance(value, str) else ""
    return text if len(text) <= _MOST_CHARACTERS else ""


def labelled(text: str, template: Template, pair: Pair) -> list[str]:
    """Return the lines of what a base model wrote, each without the label of the template that opens it."""
    labels = template.answer_labels(pair)
    rows = []
    for line in text.split("\n"):
        row = line.strip()
        label = next((label for label in labels if row.startswith(label)), "")
        if row := text_of(row.removeprefix(label)):
            rows.append(row)
    return rows


def said(answer: Completion) -> str:
    """Return what an answer says, thoughts before it left out."""
    return without_thoughts(answer.text)
