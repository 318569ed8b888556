"""Cards as users write them: a TOML file, `NAME=SPEC`, or `NAME[LANGUAGES] (DESCRIPTION)=SPEC`.

[cards.ward]
spec = "openai:http://127.0.0.1:8001/v1#ward-model"
description = "words and customs of hospital wards"
languages = ["en", "pt"]
domains = ["medicine"]
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from scalemt import languages
from scalemt.errors import ConfigurationError, InputError, UnknownLanguageError, UnknownNameError
from scalemt.generalists import GENERALISTS
from scalemt.methods.agents.sources import SOURCES
from scalemt.methods.knowledge.cards import CardSpec

MOST_CARDS = 50
AUTO = "auto"
"""In the place of cards: what is in use anyway."""
_DEFINED = re.compile(
    r"^(?P<name>[^=:/\\()\[\]]+?)\s*(?:\[(?P<languages>[^\[\]]*)\])?\s*(?:\((?P<description>[^()]*)\))?"
    r"\s*=\s*(?P<spec>\S.*)$"
)
_FIELDS = tuple(item.name for item in fields(CardSpec) if item.name != "name")
_LISTS = ("languages", "domains")


def read_cards(path: str | Path) -> list[CardSpec]:
    """Return the cards of a file.

    Raises:
        InputError: it cannot be read, or is no TOML.
        ConfigurationError: it holds something else than cards.
    """
    try:
        content = tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as fault:
        raise InputError(f"{path} cannot be read: {fault.strerror or fault}.") from None
    except ValueError as fault:  # no TOML, no UTF-8, or a NUL in the path
        raise InputError(f"{str(path)!r} is not valid TOML: {fault}.") from None
    tables = content.get("cards")
    if set(content) != {"cards"} or not isinstance(tables, dict) or not tables:
        raise ConfigurationError(f"{path} holds no cards. Write each as a table [cards.NAME] with a spec.")
    return limited([card_of(name, table, f"{path}, [cards.{name}]") for name, table in tables.items()])


def card_of(name: str, table: object, where: str) -> CardSpec:
    """Return a card from what a table says.

    Raises:
        ConfigurationError: a field is missing, unknown, or has a value that it cannot have.
    """
    if not isinstance(table, Mapping):
        raise ConfigurationError(f"{where} must be a table with a spec.")
    for key in table:
        if key not in _FIELDS:
            raise ConfigurationError(f"{where} has an unknown field {key!r}. Valid choices: {', '.join(_FIELDS)}.")
    given: dict[str, Any] = {key: _field(key, value, where) for key, value in table.items()}
    if not given.get("spec"):
        raise ConfigurationError(f"{where} lacks spec: a generalist, or a source such as folder:PATH.")
    return CardSpec(name, **given)


def _field(key: str, value: object, where: str) -> object:
    if key == "documents":
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise ConfigurationError(f"{where}: documents is {value!r}; expected a number.")
    if key not in _LISTS:
        if isinstance(value, str):
            return value.strip()
        raise ConfigurationError(f"{where}: {key} is {value!r}; expected a text.")
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, Sequence) or not all(isinstance(item, str) for item in listed):
        raise ConfigurationError(f"{where}: {key} is {value!r}; expected a list of texts.")
    if key == "domains":
        return tuple(listed)
    try:
        return tuple(languages.parse(tag) for tag in listed)
    except UnknownLanguageError as fault:
        raise ConfigurationError(f"{where}: {fault}") from None


def read_card(text: str, known: Mapping[str, CardSpec] | None = None) -> CardSpec:
    """Return the card that an option names or defines.

    Args:
        text: the name of a known card; a definition; or a bare SPEC, whose card is named like what it is.
        known: cards by name, of a file.

    Raises:
        UnknownNameError: it is none of these.
        ConfigurationError: it is empty.
    """
    text = text.strip()
    if known and text in known:
        return known[text]
    if defined := _DEFINED.match(text):
        name = defined["name"].strip()
        told = [tag.strip() for tag in (defined["languages"] or "").split(",") if tag.strip()]
        table = {"spec": defined["spec"], "description": defined["description"] or "", "languages": told}
        return card_of(name, table, f"The card {name}")
    kind = text.partition(":")[0]
    if kind in (*SOURCES.names(), *GENERALISTS.names()):
        return CardSpec(kind, text)
    if not text:
        raise ConfigurationError("A card is empty. Write it as NAME=SPEC, such as ward=glossary:ward.csv.")
    raise UnknownNameError("card", text, [*(known or ()), "NAME=SPEC", *SOURCES.names(), *GENERALISTS.names()])


def cards_of(given: object) -> list[CardSpec] | None:
    """Return the cards that the option of a method tells; None where it leaves the choice.

    Args:
        given: "auto"; the path of a TOML file; definitions with semicolons between; or a list of definitions and
            tables with a name.

    Raises:
        InputError: the file cannot be read.
        ConfigurationError: something is no card.
    """
    if given in (AUTO, (), [], ""):
        return None
    if isinstance(given, str):
        if given.endswith(".toml"):
            return read_cards(given)
        given = [part for part in given.split(";") if part.strip()]
    if not isinstance(given, Sequence):
        raise ConfigurationError(f"cards is {given!r}; expected a file, or a list.")
    return limited([_listed(item) for item in given])


def _listed(item: object) -> CardSpec:
    if isinstance(item, str):
        return read_card(item)
    if not isinstance(item, Mapping) or not isinstance(item.get("name"), str):
        raise ConfigurationError(f"The card {item!r} lacks a name.")
    table = {key: value for key, value in item.items() if key != "name"}
    return card_of(item["name"], table, f"The card {item['name']}")


def limited(cards: list[CardSpec]) -> list[CardSpec]:
    """Return cards whose names are all different, and that are not too many.

    Raises:
        ConfigurationError: they are.
    """
    names = [card.name for card in cards]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigurationError(f"Two cards are named {twice!r}. Give each a name of its own: NAME=SPEC.")
    if len(cards) > MOST_CARDS:
        raise ConfigurationError(f"There are {len(cards)} cards; expected {MOST_CARDS} at most.")
    return cards
