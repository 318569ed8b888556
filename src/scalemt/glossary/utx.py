"""Glossaries as UTX: tab-separated, with the languages in the first line and the columns in the last of the head.

Source: UTX 1.11 specification (AAMT, 2011) and UTX 1.20 (AAMT, 2018). Columns beyond those of the
specification are allowed in it: `domain`, `case` and `keep` are ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from scalemt import languages
from scalemt.errors import ConfigurationError, InputError
from scalemt.glossary.entries import Glossary, TermEntry
from scalemt.glossary.fields import clean, key, make_entry, no_terms, read_tag, written
from scalemt.lines import read_lines
from scalemt.types import Pair

_FIELDS = {
    "src": "source",
    "tgt": "target",
    "srcpos": "pos",
    "tgtpos": "tgtpos",
    "termstatus": "status",
    "conceptid": "concept",
    "comment": "note",
    "tgtcomment": "note",
    "srccomment": "srcnote",
    "domain": "domain",
    "case": "case",
    "keep": "keep",
}
_COLUMNS = {
    "source": "src",
    "target": "tgt",
    "pos": "src:pos",
    "status": "term status",
    "concept": "concept ID",
    "note": "comment",
    "domain": "domain",
    "case": "case",
    "keep": "keep",
}
_ALWAYS = ("source", "target", "pos", "status")
_STATUSES = {
    "preferred": "approved",
    "admitted": "provisional",
    "deprecated": "non-standard",
    "forbidden": "forbidden",
    "keep": "approved",
}


def read_utx(path: Path, pair: Pair | None) -> Glossary:
    """Read a UTX file, 1.00 to 1.20; what its other columns and header fields say is not kept.

    Raises:
        InputError: not UTF-8, no UTX header, a row without target, an unknown status; file and line are named.
        ConfigurationError: columns of several languages, and no pair that chooses.
    """
    lines = read_lines(path)
    head = lines[0] if lines else ""
    if not head.upper().startswith("#UTX"):
        raise InputError(f"{path}, line 1: not a UTX header. It begins #UTX 1.20; en/pt-BR; and so on.")
    source, target = _languages(head, f"{path}, line 1")
    places: Mapping[str, int] = {"source": 0, "target": 1, "pos": 2}
    entries: list[TermEntry] = []
    for number, line in enumerate(lines, 1):
        where = f"{path}, line {number}"
        if line.startswith("#"):
            if not entries and key(line.split("\t")[0].split(":")[0]) in ("src", "term"):
                places, source, target = _columns(line, (source, target), pair, where)
        elif line.strip():
            entries.append(make_entry(_fields(line.split("\t"), places), where))
    if not entries:
        raise no_terms(path)
    return Glossary(tuple(dict.fromkeys(entries)), source, target, path.stem)


def _languages(head: str, where: str) -> tuple[str, str]:
    parts = [part.strip() for part in head.split(";")]
    codes = parts[1].split("/") if len(parts) > 1 else []
    if len(codes) < 2 or not all(code.strip() for code in codes[:2]):
        raise InputError(f"{where}: no pair of languages. The second field of the header is such as en/pt-BR.")
    return read_tag(codes[0], where), read_tag(codes[1], where)


def _columns(
    line: str, head: tuple[str, str], pair: Pair | None, where: str
) -> tuple[Mapping[str, int], str, str]:
    """Return the places of the fields and the languages, which 1.20 may give as columns `term:en`, `term:pt`."""
    names = [clean(name) for name in line[1:].split("\t")]
    places = {
        _FIELDS[key(name)]: place for place, name in reversed(list(enumerate(names))) if key(name) in _FIELDS
    }
    terms = {
        read_tag(name.partition(":")[2], where): place
        for place, name in enumerate(names)
        if name.casefold().startswith("term:")
    }
    source, target = head
    if terms:
        source, target = _sides(list(terms), head, pair, where)
        places |= {"source": terms[source], "target": terms[target]}
    if not {"source", "target"} <= set(places):
        raise InputError(f"{where}: no columns src and tgt. The last line of the header is #src, tgt, src:pos …")
    return places, source, target


def _sides(held: Sequence[str], head: tuple[str, str], pair: Pair | None, where: str) -> tuple[str, str]:
    for wanted in (tuple(pair) if pair else head, head):
        found = [
            next((tag for tag in held if tag == side), None)
            or next((tag for tag in held if languages.base(tag) == languages.base(side)), None)
            for side in wanted
        ]
        if found[0] and found[1] and found[0] != found[1]:
            return found[0], found[1]
    raise ConfigurationError(f"{where}: columns of {' and '.join(held)}, none of {' to '.join(head)}.")


def _fields(row: Sequence[str], places: Mapping[str, int]) -> dict[str, str]:
    values = {name: row[place].strip() if place < len(row) else "" for name, place in places.items()}
    for name in ("pos", "tgtpos"):
        if values.get(name) == "-":  # a mandatory column that says nothing
            values[name] = ""
    values["pos"] = values.get("pos") or values.pop("tgtpos", "")
    values["note"] = values.get("note") or values.pop("srcnote", "")
    if values.pop("keep", ""):
        values["status"] = "keep"
    return values


def write_utx(glossary: Glossary) -> str:
    """Return a glossary as UTX 1.20.

    Raises:
        ConfigurationError: the languages are not known, and UTX names them.
        InputError: a term that begins with #, which begins a comment.
    """
    if not (glossary.source and glossary.target):
        raise ConfigurationError("UTX names its two languages, and the glossary has none. Give --from and --to.")
    rows = [{**written(entry), "keep": "yes" if entry.status == "keep" else ""} for entry in glossary.entries]
    used = [name for name in _COLUMNS if name in _ALWAYS or any(row[name] for row in rows)]
    lines = [
        f"#UTX 1.20; {glossary.source}/{glossary.target}; {datetime.now(UTC):%Y-%m-%d}",
        "#" + "\t".join(_COLUMNS[name] for name in used),
    ]
    for row in rows:
        if row["source"].startswith("#"):
            raise InputError(
                f"UTX cannot hold the term {row['source']!r}: a line that begins with # is a comment there. "
                "Write CSV, TSV or TBX."
            )
        row["status"] = _STATUSES[row["status"]]
        row["pos"] = row["pos"] or "-"
        lines.append("\t".join(row[name] for name in used))
    return "".join(f"{line}\n" for line in lines)
