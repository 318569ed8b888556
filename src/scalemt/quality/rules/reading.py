"""Rules as people write them: `max-words=12; avoid=foo`, and files of them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from scalemt.errors import ConfigurationError, InputError
from scalemt.quality.rules.base import Rule
from scalemt.quality.rules.ruleset import RuleSet
from scalemt.registry import Registry

_HERE = "scalemt.quality.rules"

RULES = Registry(
    "rule",
    "scalemt.rules",
    {
        "avoid": f"{_HERE}.words:Avoid",
        "casing": f"{_HERE}.writing:Casing",
        "clock": f"{_HERE}.figures:Clock",
        "date": f"{_HERE}.figures:DateForm",
        "decimal": f"{_HERE}.figures:Decimal",
        "delimiter": f"{_HERE}.words:Delimiter",
        "end": f"{_HERE}.words:End",
        "honorifics": f"{_HERE}.style:Honorifics",
        "json": f"{_HERE}.writing:Json",
        "keep": f"{_HERE}.words:Keep",
        "lines": f"{_HERE}.amounts:Lines",
        "max-characters": f"{_HERE}.amounts:MaxCharacters",
        "max-ratio": f"{_HERE}.amounts:MaxRatio",
        "max-words": f"{_HERE}.amounts:MaxWords",
        "min-characters": f"{_HERE}.amounts:MinCharacters",
        "min-words": f"{_HERE}.amounts:MinWords",
        "no-emoji": f"{_HERE}.words:NoEmoji",
        "quotes": f"{_HERE}.writing:Quotes",
        "start": f"{_HERE}.words:Start",
        "temperature": f"{_HERE}.figures:Temperature",
        "thousands": f"{_HERE}.figures:Thousands",
        "use": f"{_HERE}.words:Use",
        "variety": f"{_HERE}.style:VarietyRule",
        "without": f"{_HERE}.words:Without",
        "wrap": f"{_HERE}.writing:Wrap",
    },
)
"""Rules by name; a plug-in adds one by an entry point in `scalemt.rules`."""


def read_rules(written: str | Iterable[str]) -> RuleSet:
    """Return the rules that a text holds.

    Args:
        written: `max-words=12; avoid=foo`, parted by semicolons or line breaks (`\\;` stands for a semicolon), or
            several of such texts.

    Raises:
        UnknownNameError: there is no rule of a name.
        ConfigurationError: a rule has a value that it cannot have, or two cannot both be kept.
    """
    texts = [written] if isinstance(written, str) else list(written)
    parts = [part for text in texts for part in re.split(r"(?<!\\);|\n", text)]
    return RuleSet(tuple(_rule(part.replace("\\;", ";").strip()) for part in parts if part.strip()))


def _rule(text: str) -> Rule:
    name, _, value = text.partition("=")
    kind = RULES.load(name.strip().lower().replace("_", "-"))
    # Rules without a value refuse one, the others refuse none: both say what they expect.
    made: Rule = kind(value)
    return made


def load_rules(path: str | Path) -> RuleSet:
    """Return the rules of a file: TOML, or JSON where its name ends so.

    It holds `rules`, a list of rules as they are written, or a table of them; in JSON also such a list by itself.
    In a table a list of values is a rule a value, and `true` a rule without value.

    Raises:
        InputError: the file cannot be read.
        ConfigurationError, UnknownNameError: it holds something else than rules.
    """
    path = Path(path)
    try:
        text = path.read_text("utf-8")
        content = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except OSError as error:
        raise InputError(f"The rules in {path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
        raise InputError(f"{path} is not valid {kind}: {error}.") from error
    found = content.get("rules") if isinstance(content, dict) else content
    if isinstance(found, Mapping):
        found = [item for name, value in found.items() for item in _written(name, value)]
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ConfigurationError(f'{path} holds no rules. Write rules = ["max-words=12"], or a table [rules].')
    return read_rules(item.replace(";", "\\;") for item in found)


def _written(name: str, value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [name if item is True else f"{name}={item}" for item in values if item is not False]
