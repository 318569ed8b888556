"""How the fields of term entries are written in files, whatever the format."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from scalemt import languages
from scalemt.errors import InputError, UnknownLanguageError
from scalemt.glossary.entries import TermEntry
from scalemt.types import TermStatus

# Below the project's own words: TBX (ISO 30042, administrativeStatus and normativeAuthorization), UTX, TBX-Min.
_STATUSES: dict[str, TermStatus] = {
    **dict.fromkeys("preferred preferredterm approved standardized legal regulated".split(), "preferred"),
    **dict.fromkeys("admitted admittedterm provisional acceptable allowed".split(), "admitted"),
    **dict.fromkeys(
        "deprecated deprecatedterm superseded supersededterm nonstandard notrecommended obsolete".split(),
        "deprecated",
    ),
    **dict.fromkeys("forbidden prohibited rejected banned".split(), "forbidden"),
    **dict.fromkeys("keep donottranslate dnt untranslated".split(), "keep"),
}

_YES = frozenset("yes true 1 sensitive casesensitive x".split())
_NO = frozenset("no false 0 insensitive caseinsensitive".split())

_MOST_LETTERS_OF_AN_ACRONYM = 5
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


def clean(value: str) -> str:
    """Return a field as one line without control characters, which no format holds, and without outer spaces."""
    return " ".join(_CONTROLS.sub("", value).split())


def key(name: str) -> str:
    """Return the name of a column or a value without case, spaces and signs, by which it is known."""
    return re.sub(r"[\W_]+", "", name.casefold())


def is_acronym(term: str) -> bool:
    """Whether a term is capitals only and so short that it means something else in small letters: AIDS, WHO."""
    return term.isalpha() and term.isupper() and len(term) <= _MOST_LETTERS_OF_AN_ACRONYM


def read_status(value: str, where: str) -> TermStatus:
    """Return the status that a file's word for it means; "preferred" where it says nothing.

    Raises:
        InputError: a word that no format has.
    """
    plain = key(re.sub(r"-admn-sts$", "", value.strip()))
    if not plain:
        return "preferred"
    if plain not in _STATUSES:
        raise InputError(
            f"{where}: the status {value!r} is unknown. Write preferred, admitted, deprecated, forbidden or keep."
        )
    return _STATUSES[plain]


def read_case(value: str, source: str, where: str) -> bool:
    """Return whether an entry is case-sensitive; where the file says nothing, acronyms are.

    Raises:
        InputError: neither yes nor no.
    """
    plain = key(value)
    if not plain:
        return is_acronym(source)
    if plain not in _YES | _NO:
        raise InputError(f"{where}: the field case is {value!r}. Write yes (case-sensitive) or no.")
    return plain in _YES


def read_tag(code: str, where: str) -> str:
    """Return the canonical tag of a language code; a territory that means any (pt_XX) is left out.

    Raises:
        InputError: an unknown language.
    """
    try:
        return languages.parse(re.sub(r"[-_](?:xx|zz)$", "", code.strip(), flags=re.IGNORECASE))
    except UnknownLanguageError as fault:
        raise InputError(f"{where}: {fault}") from None


def make_entry(fields: Mapping[str, str], where: str) -> TermEntry:
    """Return the entry that the fields of a row make.

    Args:
        fields: any of source, target, status, case, pos, domain, note, concept.
        where: file and line, for messages.

    Raises:
        InputError: source or target is empty, or a field has a value that it cannot have.
    """
    values = {name: clean(value) for name, value in fields.items()}
    source, target = values.get("source", ""), values.get("target", "")
    status = read_status(values.get("status", ""), where)
    if status == "keep":
        target = target or source
    for name, value in (("source", source), ("target", target)):
        if not value:
            raise InputError(f"{where}: the {name} is empty. Fill it in, or take the line out.")
    if status == "keep" and target != source:
        raise InputError(
            f"{where}: the status keep means that {source!r} is not translated, but the target is {target!r}. "
            "Leave the target empty, or give another status."
        )
    return TermEntry(
        source=source,
        target=target,
        status=status,
        case_sensitive=read_case(values.get("case", ""), source, where),
        part_of_speech=values.get("pos", ""),
        domain=values.get("domain", ""),
        note=values.get("note", ""),
        concept=values.get("concept", ""),
    )


def written(entry: TermEntry) -> dict[str, str]:
    """Return the fields of an entry as `make_entry` reads them; the case only where it would be guessed wrong."""
    told = entry.case_sensitive != is_acronym(clean(entry.source))
    return {
        "source": clean(entry.source),
        "target": clean(entry.target),
        "status": entry.status,
        "case": ("yes" if entry.case_sensitive else "no") if told else "",
        "pos": clean(entry.part_of_speech),
        "domain": clean(entry.domain),
        "note": clean(entry.note),
        "concept": clean(entry.concept),
    }


def no_terms(path: str | Path) -> InputError:
    """Return the error of a file without entries."""
    return InputError(f"{path} holds no terms. A glossary has at least one term and its translation.")
