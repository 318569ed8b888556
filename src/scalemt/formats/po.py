"""Gettext PO and POT files: every byte outside of the translations that are written stays as it is.

Source: GNU gettext manual, section 3 (the format of PO files).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from scalemt import languages
from scalemt.errors import InputError
from scalemt.formats.base import Format, FormatOptions, Target
from scalemt.formats.encoding import Encoding, decode, find_encoding
from scalemt.formats.plurals import first_is_one, form_count, plural_forms
from scalemt.text.protection import protect
from scalemt.text.spans import literal
from scalemt.types import Segment

_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"\s*\Z')
_KEYWORD = re.compile(r"(msgctxt|msgid_plural|msgid|msgstr(?:\[(\d+)\])?)\s*(?=\")")
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ESCAPED = {value: f"\\{key}" for key, value in _LETTERS.items()} | {'"': '\\"', "\\": "\\\\"}
_CHARSET = re.compile(rb"Content-Type:[^\"]*charset=([\w.:-]+)", re.IGNORECASE)
_WIDTH = 75  # characters between the quotes; gettext wraps at 79 with quotes and a margin
_SYNTAXES = {
    "c": "c",
    "objc": "objc",
    "python": "python",
    "python-brace": "python-brace",
    "java": "java",
    "java-printf": "java",
    "php": "php",
    "ruby": "ruby",
    "sh": "shell",
    "qt": "qt",
    "qt-plural": "qt",
    "kde": "qt",
    "perl": "c",
    "perl-brace": "python-brace",
    "lua": "c",
    "boost": "c",
    "gcc-internal": "c",
    "javascript": "c",
}


@dataclass
class Entry:
    """One message: its strings, and in which lines (from 0) each stands."""

    first: int
    comments: list[str] = field(default_factory=list)
    reference: str = ""
    flags: list[str] = field(default_factory=list)
    flag_line: int | None = None
    body: int = 0
    context: str | None = None
    singular: str | None = None
    plural: str | None = None
    forms: dict[int, str] = field(default_factory=dict)
    lines: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def is_header(self) -> bool:
        """Whether it is the header entry."""
        return self.singular == "" and self.context is None

    @property
    def translated(self) -> bool:
        """Whether somebody has translated it and is sure."""
        return "fuzzy" not in self.flags and all(self.forms.values()) and bool(self.forms)

    def syntax(self) -> tuple[str, ...] | None:
        """Return the placeholder languages that the flags declare, None where they are silent."""
        told = [flag[:-7] for flag in self.flags if flag.endswith("-format")]
        known = tuple(dict.fromkeys(_SYNTAXES[name] for name in told if name in _SYNTAXES))
        denied = any(name.startswith("no-") for name in told)
        return known or (() if denied else None)


class PoFormat(Format):
    """Messages without a translation, or with a fuzzy one; what is written is marked fuzzy for people to check."""

    name = "po"
    title = "gettext PO"
    suffixes = (".po", ".pot")
    bilingual = True

    def _read(self, path: Path, options: FormatOptions) -> Iterator[Segment]:
        lines, _ = _lines(path, options)
        for entry in _entries(lines, path):
            yield from _segments(entry, options)

    def _write(self, path: Path, options: FormatOptions, targets: Iterator[Target], out: BinaryIO) -> None:
        lines, encoding = _lines(path, options)
        end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
        out.write(encoding.mark)
        count, position, forms = 2, 0, ""
        for entry in _entries(lines, path):
            if entry.is_header:
                changed = _header(entry.forms.get(0, ""), options)
                forms = _field(changed, "Plural-Forms")
                count = form_count(forms) or count
                made = {0: changed} if changed != entry.forms.get(0, "") else {}
            else:
                made = _translated(entry, [next(targets) for _ in _segments(entry, options)], count, forms)
            if made:
                out.write(encoding.encode("".join(lines[position : entry.first]), path))
                position = max(last for _, last in entry.lines.values())
                out.write(encoding.encode("".join(_written(lines, entry, made, end)), path))
        out.write(encoding.encode("".join(lines[position:]), path))


def _lines(path: Path, options: FormatOptions) -> tuple[list[str], Encoding]:
    data = path.read_bytes()
    declared = _CHARSET.search(data[:20_000])
    name = declared[1].decode() if declared and declared[1] != b"CHARSET" else ""
    encoding = find_encoding(data[:4], options.encoding or name, path)
    text = decode(data[len(encoding.mark) :], encoding, path)
    # Only what editors count as line ends: a form feed or U+2028 inside a string ends no line.
    return re.findall(r"[^\n]*\n|[^\n]+\Z", text), encoding


def _entries(lines: list[str], path: Path) -> Iterator[Entry]:
    """Yield the entries of a file; obsolete ones (#~) are passed over.

    Raises:
        InputError: a line is neither comment, keyword nor string.
    """
    entry = Entry(0)
    where: str | None = None
    form = 0
    for number, line in enumerate(lines):
        text = line.strip()
        if not text or text.startswith("#"):
            if where is not None or not text or text.startswith("#~"):
                yield from _complete(entry, path)
                entry, where = Entry(number), None
            if text.startswith("#") and not text.startswith("#~"):
                _comment(entry, text, number)
            continue
        keyword = _KEYWORD.match(text)
        if keyword:
            name = keyword[1].partition("[")[0]
            if name in ("msgctxt", "msgid") and entry.forms:
                yield from _complete(entry, path)
                entry = Entry(number)
            form = int(keyword[2] or 0)
            where, text = name, text[keyword.end() :]
            entry.body = entry.body or number
        _add(entry, where, form, _string(text, where, path, number), number)
    yield from _complete(entry, path)


def _complete(entry: Entry, path: Path) -> Iterator[Entry]:
    if entry.singular is None and not entry.forms:
        return
    if entry.singular is None or not entry.forms:
        missing = "msgid" if entry.singular is None else "msgstr"
        raise InputError(
            f"{path}, line {entry.body + 1}: an entry has no {missing}. Mend it there (msgfmt --check tells more)."
        )
    yield entry


def _comment(entry: Entry, text: str, number: int) -> None:
    if text.startswith("#,"):
        entry.flags += [flag.strip() for flag in text[2:].split(",") if flag.strip()]
        entry.flag_line = number
    elif text.startswith("#:"):
        entry.reference = entry.reference or text[2:].strip().split(" ")[0]
    elif text.startswith("#."):
        entry.comments.append(text[2:].strip())


def _string(text: str, where: str | None, path: Path, number: int) -> str:
    found = _STRING.match(text)
    if not found or where is None:
        raise InputError(
            f"{path}, line {number + 1}: {text[:60]!r} is no line of a PO file. Expected a comment (#), a keyword "
            'such as msgid "…", or a string in double quotes on one line.'
        )
    return unescape(found[1])


def _add(entry: Entry, where: str | None, form: int, text: str, number: int) -> None:
    if where == "msgctxt":
        entry.context = (entry.context or "") + text
    elif where == "msgid":
        entry.singular = (entry.singular or "") + text
    elif where == "msgid_plural":
        entry.plural = (entry.plural or "") + text
    else:
        entry.forms[form] = entry.forms.get(form, "") + text
        start, _ = entry.lines.get(form, (number, number))
        entry.lines[form] = (start, number + 1)


def unescape(text: str) -> str:
    """Return what a quoted string of a PO file holds."""

    def plain(found: re.Match[str]) -> str:
        if found[1] or found[2]:
            return chr(int(found[1], 8) if found[1] else int(found[2], 16))
        return _LETTERS.get(found[3], found[3])

    return _ESCAPE.sub(plain, text) if "\\" in text else text


def _segments(entry: Entry, options: FormatOptions) -> Iterator[Segment]:
    """Yield what of an entry is to be translated: its singular, and its plural where it has one."""
    if entry.is_header or not entry.singular or (entry.translated and not options.overwrite):
        return
    key = f"{entry.context}|{entry.singular}" if entry.context is not None else entry.singular
    told = [f"context: {entry.context}" if entry.context else "", *entry.comments, entry.reference]
    note = "; ".join(item for item in told if item)
    syntax = entry.syntax()
    yield Segment(entry.singular, key[:60].replace("\n", " "), syntax=syntax, note=note)
    if entry.plural is not None:
        yield Segment(entry.plural, f"{key[:50]} (plural)".replace("\n", " "), syntax=syntax, note=note)


def _translated(entry: Entry, targets: list[Target], count: int, forms: str) -> dict[int, str]:
    """Return the new strings of an entry by form; nothing where a translation failed: the entry stays as it is."""
    if not targets or any(target.failed for target in targets):
        return {}
    sources = [entry.singular or "", entry.plural or ""]
    texts = [_framed(source, target.text) for source, target in zip(sources, targets, strict=False)]
    if entry.plural is None:
        return {0: texts[0]}
    # "One file" will not do where the first form also stands for 21: there it must hold the number, as the plural.
    if count == 1 or (not first_is_one(forms) and _placeholders(entry, 0) != _placeholders(entry, 1)):
        return dict.fromkeys(range(count), texts[1])
    return {0: texts[0]} | dict.fromkeys(range(1, count), texts[1])


def _placeholders(entry: Entry, form: int) -> Counter[str]:
    text = (entry.plural if form else entry.singular) or ""
    return Counter(literal(text, span) for span in protect(Segment(text, syntax=entry.syntax())).spans)


def _framed(source: str, text: str) -> str:
    """Begin and end a translation with a line break where its source does, and only there: msgfmt checks that."""
    text = "\n" + text.lstrip("\n") if source.startswith("\n") else text.lstrip("\n")
    return text.rstrip("\n") + "\n" if source.endswith("\n") else text.rstrip("\n")


def _written(lines: list[str], entry: Entry, made: dict[int, str], end: str) -> Iterator[str]:
    """Yield the lines of an entry with new strings, marked fuzzy."""
    start = min(first for first, _ in entry.lines.values())
    for number in range(entry.first, start):
        line = lines[number]
        if not entry.is_header and "fuzzy" not in entry.flags:
            if number == entry.flag_line:
                line = line.replace("#,", "#, fuzzy,", 1)
            elif entry.flag_line is None and number == _flag_place(lines, entry):
                yield f"#, fuzzy{end}"
        yield line
    for form, text in sorted(made.items()):
        keyword = "msgstr" if entry.plural is None else f"msgstr[{form}]"
        yield from (f"{line}{end}" for line in _wrapped(keyword, text))
    # Comments between the forms of one entry would be lost with their lines; gettext writes none there.


def _flag_place(lines: list[str], entry: Entry) -> int:
    """Flags stand before the previous msgid (#|), which stands before the message."""
    return next((n for n in range(entry.first, entry.body) if lines[n].lstrip().startswith("#|")), entry.body)


def _wrapped(keyword: str, text: str) -> list[str]:
    """Return the lines of one string as gettext wraps them: after each line break, and at spaces."""
    whole = f'{keyword} "{_escape(text)}"'
    if "\n" not in text[:-1] and len(whole) <= _WIDTH + 4:
        return [whole]
    made = [f'{keyword} ""']
    for part in re.findall(r"[^\n]*\n|[^\n]+", text):
        line = ""
        for word in re.findall(r"\S*\s*", _escape(part)):
            if line and len(line) + len(word) > _WIDTH:
                made.append(f'"{line}"')
                line = ""
            line += word
        if line:
            made.append(f'"{line}"')
    return made


def _escape(text: str) -> str:
    return "".join(_ESCAPED.get(character, character) for character in text)


def _field(header: str, name: str) -> str:
    found = re.search(rf"^{name}:\s*(.*)$", header, re.MULTILINE)
    return found[1].strip() if found else ""


def _header(header: str, options: FormatOptions) -> str:
    """Return the header with the language, and the plural forms where they are missing or of another language."""
    if not options.target:
        return header
    told = _field(header, "Language")
    name = options.target.replace("-", "_")
    if told.replace("_", "-").lower() != options.target.lower():
        header = _with_field(header, "Language", name)
    forms = _field(header, "Plural-Forms")
    other = told and languages.base(told.replace("_", "-").lower()) != languages.base(options.target)
    if form_count(forms) is None or other:
        header = _with_field(header, "Plural-Forms", plural_forms(options.target))
    return header


def _with_field(header: str, name: str, value: str) -> str:
    pattern = re.compile(rf"^{name}:[^\n]*$", re.MULTILINE)
    if pattern.search(header):
        return pattern.sub(lambda _: f"{name}: {value}", header, count=1)
    return f"{header}{'' if not header or header.endswith(chr(10)) else chr(10)}{name}: {value}\n"
