"""Where demonstrations come from: the pool written by the project, or a user's file of triplets."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from scalemt import languages
from scalemt.drafts import draft_from_json
from scalemt.errors import InputError
from scalemt.lines import read_jsonl
from scalemt.types import Demonstration, Pair


@lru_cache(maxsize=1)
def _packaged() -> tuple[dict[str, str], ...]:
    text = (files("scalemt.memory") / "data" / "demonstrations.jsonl").read_text("utf-8")
    return tuple(json.loads(line) for line in text.split("\n") if line)


def packaged_languages() -> list[str]:
    """Return the tags of the languages that the project's own pool holds."""
    return sorted(_packaged()[0].keys() - {"id", "domain"})


def packaged_demonstrations(pair: Pair) -> list[Demonstration]:
    """Return the project's own demonstrations for a pair, without drafts; empty if it lacks a language."""
    columns = [_column(tag) for tag in pair]
    if None in columns:
        return []
    source, target = columns
    return [Demonstration(row[str(source)], row[str(target)]) for row in _packaged()]


def packaged_sentences(language: str) -> list[tuple[str, str]]:
    """Return the sentences of the project's own pool in a language, each with its domain; empty if it lacks it."""
    column = _column(language)
    return [(row[column], row["domain"]) for row in _packaged()] if column else []


def _column(tag: str) -> str | None:
    known = {languages.base(column): column for column in packaged_languages()}
    return known.get(languages.base(tag))


def load_demonstrations(path: str | Path) -> list[Demonstration]:
    """Read triplets from JSON Lines: `{"source", "drafts": [draft …], "target"}`; drafts may be left out.

    A single draft may stand without the list, also as "draft", which is how `--drafts` and `--json` have it.

    Raises:
        InputError: not UTF-8, not JSON, or not a triplet; the message names file, line and field.
    """
    found = [_triplet(value, f"{path}, line {number}") for number, value in read_jsonl(path)]
    if not found:
        raise InputError(f"{path} holds no demonstrations. Expected one JSON object a line: source, target.")
    return found


def _triplet(value: object, where: str) -> Demonstration:
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected a JSON object with source and target, found {value!r:.60}.")
    drafts = value.get("drafts") or value.get("draft") or []
    if isinstance(drafts, dict):
        drafts = [drafts]
    if not isinstance(drafts, list):
        raise InputError(f"{where}: drafts is {drafts!r:.60}; expected a list of drafts.")
    read = tuple(draft_from_json(draft, f"{where}, drafts[{i}]") for i, draft in enumerate(drafts))
    return Demonstration(_text(value, "source", where), _text(value, "target", where), read)


def _text(value: dict[str, Any], key: str, where: str) -> str:
    text = value.get(key)
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{where}: {key} is {text!r:.60}; expected a text that is not empty.")
    return text
