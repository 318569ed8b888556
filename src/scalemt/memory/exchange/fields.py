"""Units as records of named fields, which tables and JSON Lines share."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from scalemt.errors import InputError, UnknownLanguageError
from scalemt.languages import parse
from scalemt.memory.exchange.base import (
    NO_LANGUAGE,
    NO_SOURCE,
    NO_TARGET,
    Reading,
    date_of,
    near,
    quality_of,
    spans_of,
)
from scalemt.memory.units import Unit, spans_to_json

TEXTS = ("before", "after", "context", "origin", "creator", "domain", "note")
DATES = ("created", "changed")
# What the fields may be called, in small letters and without what is neither letter nor digit.
_NAMES = {
    "source": "source src sourcetext sourcestring",
    "target": "target tgt trg targettext targetstring translation",
    "source_language": "sourcelanguage sourcelang srclang srclanguage from",
    "target_language": "targetlanguage targetlang trglang tgtlang tgtlanguage to",
    **{name: name for name in (*TEXTS, *DATES, "quality", "codes", "spans")},
    "domain": "domain subject",
    "note": "note notes comment comments",
    "source_spans": "sourcespans",
    "target_spans": "targetspans",
}
_FIELDS = {name: field for field, names in _NAMES.items() for name in names.split()}
_NOT_A_LETTER = re.compile(r"[\W_]+")


def field_name(name: str) -> str:
    """Return the field that a column or a key is, "" for none that units have."""
    return _FIELDS.get(_NOT_A_LETTER.sub("", name.lower()), "")


def unit_of(values: Mapping[str, Any], reading: Reading, where: str) -> Unit | None:
    """Return the unit of named fields, None where it has no translation or is of another pair.

    Args:
        values: texts, or what JSON holds; "" and None count as missing.
        reading: says which pair is wanted, and counts what is passed over.
        where: file and line, for messages.

    Raises:
        InputError: a field holds what it cannot; the message names it.
    """
    source, target = (_text(values, name, where) for name in ("source", "target"))
    if not source.strip() or not target.strip():
        reading.skipped[NO_TARGET if source.strip() else NO_SOURCE] += 1
        return None
    told = [_language(values, name, where) for name in ("source_language", "target_language")]
    if any(wanted and tag and not near(tag, wanted) for wanted, tag in _both(reading, told)):
        reading.skipped[NO_LANGUAGE] += 1
        return None
    fields: dict[str, Any] = {name: text for name in TEXTS if (text := _text(values, name, where))}
    for name in DATES:
        if text := _text(values, name, where):
            fields[name] = _date(text, name, where)
    if (quality := values.get("quality")) not in (None, ""):
        fields["quality"] = _quality(quality, where)
    try:
        fields |= _spans(values, source, target)
    except (ValueError, TypeError, AttributeError, RecursionError) as fault:
        raise InputError(f"{where}: the spans cannot be used: {fault}. Leave them out, or mend them.") from None
    return Unit(source, target, reading.told(*told), **reading.completed(fields))


def _both(reading: Reading, told: list[str]) -> list[tuple[str, str]]:
    return [(reading.source, told[0]), (reading.target, told[1])]


def _text(values: Mapping[str, Any], name: str, where: str) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(f"{where}: {name} is {value!r:.60}, expected a text in quotes.")
    return value


def _language(values: Mapping[str, Any], name: str, where: str) -> str:
    code = _text(values, name, where).strip()
    if not code.isprintable():
        raise InputError(f"{where}: {name} is {code!r:.60}, which is no code of a language such as pt-BR.")
    try:
        return parse(code) if code else ""
    except UnknownLanguageError as fault:
        raise InputError(f"{where}: {name}: {fault}") from None


def _date(text: str, name: str, where: str) -> str:
    date = date_of(text)
    if not date:
        raise InputError(f"{where}: {name} is {text!r:.60}, expected a date in UTC such as 2026-11-29T20:00:00Z.")
    return date


def _quality(value: Any, where: str) -> float:
    quality = quality_of(str(value))
    if quality is None or isinstance(value, bool):
        raise InputError(f"{where}: quality is {value!r:.60}, expected a number from 0 to 1.")
    return quality


def _spans(values: Mapping[str, Any], source: str, target: str) -> dict[str, Any]:
    """Return the fields of spans, which are told in one (`spans`) or in three."""
    if text := values.get("spans"):
        left, right, codes = json.loads(text) if isinstance(text, str) else text
    else:
        left, right, codes = (values.get(name) for name in ("source_spans", "target_spans", "codes"))
    made = {
        "source_spans": spans_of(source, left or []),
        "target_spans": spans_of(target, right or []),
        "codes": {int(key): _code(raw) for key, raw in (codes or {}).items()},
    }
    return {name: value for name, value in made.items() if value}


def _code(raw: Any) -> str:
    if not isinstance(raw, str):
        raise TypeError(f"a code is {raw!r:.60}, expected a text")
    return raw


def fields_of(unit: Unit) -> dict[str, Any]:
    """Return what a unit holds as JSON has it; what is unknown is left out."""
    told: dict[str, Any] = {
        "source": unit.source,
        "target": unit.target,
        "source_language": unit.pair.source,
        "target_language": unit.pair.target,
    }
    told |= {name: value for name in (*TEXTS, *DATES) if (value := getattr(unit, name))}
    if unit.quality is not None:
        told["quality"] = unit.quality
    if unit.source_spans or unit.target_spans:
        told["source_spans"] = spans_to_json(unit.source_spans)
        told["target_spans"] = spans_to_json(unit.target_spans)
        told["codes"] = {str(key): raw for key, raw in unit.codes.items()}
    return told
