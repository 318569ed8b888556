"""What cards, and the model that is helped, are asked, and how what they say is read.

As with the agents, what stands in a prompt is one JSON object on one line, control tokens of known models escaped:
whatever a text or a card says, it cannot close its quotes, open a line, or end a turn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import as_file, files
from typing import Literal

from scalemt import languages
from scalemt.generalists.base import GeneralistKind
from scalemt.generalists.thoughts import without_thoughts
from scalemt.methods.agents.asking import read_object, text_in
from scalemt.methods.knowledge.documents import Query
from scalemt.prompts import Template, load_template
from scalemt.prompts.quoting import quoted
from scalemt.types import Completion, Prompt

Purpose = Literal["card", "continue", "need", "need-named", "answer"]

_YES, _NO = re.compile(r"\W*yes\b\W*", re.IGNORECASE), re.compile(r"\W*no\b", re.IGNORECASE)
_MOST_ABOUT = 200  # characters
_LABEL = re.compile(r"^(?:answer|a)\s*:\s*", re.IGNORECASE)


def card_prompt(query: Query, description: str, about: str, kind: GeneralistKind, style: str) -> Prompt:
    """Return what a card is asked.

    Args:
        query: what it is to write about.
        description: what it knows.
        about: what is wanted to be known, "" for all that helps.
        kind: of the model; "chat" is told what to do, "base" is shown it.
        style: "continue" has a base model go on from the text.
    """
    if style == "continue":
        return _template("continue", "base").render(query.text, (), (), query.pair)
    return _rendered("card", _asked(query) | {"you know": description} | _wanted(about), query, kind)


def need_prompt(query: Query, notes: Sequence[str], cards: Mapping[str, str], kind: GeneralistKind) -> Prompt:
    """Return the question whether more is to be known, and of what.

    Args:
        query: what is to be translated or answered.
        notes: what is known already.
        cards: names and descriptions to choose from; none leaves the choice to whoever asks.
        kind: of the model.
    """
    data = _asked(query) | {"notes": list(notes)}
    if not cards:
        return _rendered("need", data, query, kind)
    listed = [{"name": name, "knows": knows} for name, knows in cards.items()]
    return _rendered("need-named", data | {"cards": listed}, query, kind)


def answer_prompt(query: Query, notes: Sequence[str], kind: GeneralistKind) -> Prompt:
    """Return the prompt for the answer to a question, with what is known beside it."""
    return _rendered("answer", _asked(query) | {"notes": list(notes)}, query, kind)


def read_need(completion: Completion, cards: Sequence[str] = ()) -> tuple[bool, str] | None:
    """Return whether more is wanted, and what: a subject, or the name of one of the cards; None for no answer.

    An object `{"more": true, "about": "…"}`, or an answer that begins with yes or no, a subject behind it: the
    paper's own code looks for "no" anywhere, so that "I know" says no. Of a card that is none the name comes back
    as it is.
    """
    if completion.finish_reason != "stop" or completion.error:
        return None
    if said := read_object(completion):
        more = said.get("more")
        chosen = text_in(said, "card", "about") if cards else text_in(said, "about", "card")
        if isinstance(more, bool):
            return more, chosen[:_MOST_ABOUT]
        return (True, chosen[:_MOST_ABOUT]) if chosen and more is None else None
    text = without_thoughts(completion.text).strip().split("\n")[0]
    if _NO.match(text):
        return False, ""
    if yes := _YES.match(text):
        return True, text[yes.end() :].strip(" .\"'")[:_MOST_ABOUT]
    return None


def read_answer(completion: Completion) -> str:
    """Return the answer to a question, "" where there is none that can be used."""
    if completion.finish_reason != "stop" or completion.error:
        return ""
    return _LABEL.sub("", without_thoughts(completion.text).strip()).strip()


def fault_of(completion: Completion) -> str:
    """Say what is wrong with an answer."""
    if completion.error:
        return str(completion.error).rstrip(".")
    reasons = {"length": "it was cut off", "filter": "it was withheld", "error": "no reason was given"}
    return reasons.get(completion.finish_reason, "it cannot be read" if completion.text.strip() else "it is empty")


def _asked(query: Query) -> dict[str, object]:
    if not query.target:
        return {"question": query.text}
    return {"text": query.text, "to be translated to": languages.name(query.target)}


def _wanted(about: str) -> dict[str, object]:
    return {"wanted": about} if about else {}


def _rendered(purpose: Purpose, data: Mapping[str, object], query: Query, kind: GeneralistKind) -> Prompt:
    return _template(purpose, kind).render(quoted(dict(data)), (), (), query.pair)


@cache
def _template(purpose: Purpose, kind: GeneralistKind) -> Template:
    # In a folder of their own: `template_names` lists what translates, and these do not.
    name = f"{purpose}.toml" if kind == "chat" else f"{purpose}-plain.toml"
    with as_file(files("scalemt.prompts") / "templates" / "knowledge" / name) as path:
        return load_template(str(path))
