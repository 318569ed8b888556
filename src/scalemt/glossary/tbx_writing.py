"""Glossaries written as TBX-Basic, version 3, in DCA style (ISO 30042:2019)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

from scalemt.errors import ConfigurationError
from scalemt.formats.xmlevents import escape
from scalemt.glossary.entries import Glossary
from scalemt.glossary.fields import written
from scalemt.glossary.tbx import NO_CONCEPT, encode_id

Fields = dict[str, str]

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<tbx style="dca" type="TBX-Basic" xml:lang="{language}" xmlns="urn:iso:std:iso:30042:ed-2">
<tbxHeader><fileDesc><titleStmt><title>{title}</title></titleStmt>
<sourceDesc><p>Written by scalemt.</p></sourceDesc></fileDesc></tbxHeader>
<text><body>
"""
_TAIL = "</body></text>\n</tbx>\n"

# TBX has no word for what is forbidden or kept: a forbidden term is deprecated, a kept one is the same in both.
_STATUSES = {
    "preferred": "preferredTerm-admn-sts",
    "admitted": "admittedTerm-admn-sts",
    "deprecated": "deprecatedTerm-admn-sts",
    "forbidden": "deprecatedTerm-admn-sts",
    "keep": "preferredTerm-admn-sts",
}


def write_tbx(glossary: Glossary) -> str:
    """Return a glossary as TBX; entries of one concept become the terms of one concept where that says the same.

    Raises:
        ConfigurationError: the languages are not known, or are one.
    """
    if not glossary.source or not glossary.target or glossary.source == glossary.target:
        raise ConfigurationError(
            "TBX names the language of each term, and the glossary has none. Give --from and --to."
        )
    parts = [_HEAD.format(language=glossary.source, title=escape(glossary.name or "Glossary"))]
    used: set[str] = set()
    parts += [
        _concept(rows, (glossary.source, glossary.target), _unused(rows[0]["concept"], used))
        for rows in _concepts([written(entry) for entry in glossary.entries])
    ]
    return "".join([*parts, _TAIL])


def _unused(concept: str, used: set[str]) -> str:
    wanted = encode_id(concept) if concept else f"{NO_CONCEPT}{len(used) + 1}"
    found = next(
        name for number in count(1) if (name := wanted if number == 1 else f"{wanted}-{number}") not in used
    )
    used.add(found)
    return found


def _concepts(rows: Iterable[Fields]) -> Iterator[list[Fields]]:
    """Yield groups of rows in which every source goes with every target, and each is said the same of."""
    groups: dict[tuple[str, ...], list[Fields]] = {}
    for row in rows:
        name = ("concept", row["concept"]) if row["concept"] else ("source", row["source"], row["pos"])
        groups.setdefault((*name, row["domain"]), []).append(row)
    for group in groups.values():
        if _is_whole(group):
            yield group
            continue
        by_source: dict[tuple[str, ...], list[Fields]] = {}
        for row in group:
            by_source.setdefault(_source(row), []).append(row)
        yield from by_source.values()


def _is_whole(rows: list[Fields]) -> bool:
    sources, targets = ({side(row) for row in rows} for side in (_source, _target))
    return len({(_source(row), _target(row)) for row in rows}) == len(sources) * len(targets)


def _source(row: Fields) -> tuple[str, ...]:
    return row["source"], row["pos"]


def _target(row: Fields) -> tuple[str, ...]:
    return row["target"], _STATUSES[row["status"]], row["note"]


def _concept(rows: list[Fields], tags: tuple[str, str], name: str) -> str:
    domain = rows[0]["domain"]
    lines = [f'<conceptEntry id="{escape(name, chr(34))}">\n']
    if domain:
        lines.append(f'<descrip type="subjectField">{escape(domain)}</descrip>\n')
    lines.append(f'<langSec xml:lang="{tags[0]}">\n')
    for term, pos in dict.fromkeys(_source(row) for row in rows):
        lines.append(f"<termSec><term>{escape(term)}</term>{_note('partOfSpeech', pos)}</termSec>\n")
    lines.append(f'</langSec>\n<langSec xml:lang="{tags[1]}">\n')
    for term, status, note in dict.fromkeys(_target(row) for row in rows):
        kept = f"<note>{escape(note)}</note>" if note else ""
        lines.append(
            f"<termSec><term>{escape(term)}</term>{_note('administrativeStatus', status)}{kept}</termSec>\n"
        )
    return "".join([*lines, "</langSec>\n</conceptEntry>\n"])


def _note(kind: str, value: str) -> str:
    return f'<termNote type="{kind}">{escape(value)}</termNote>' if value else ""
