"""Selective translation: what in a long text is prose, and what is copied: code, data, formulas, list markers.

Two ways, after arXiv 2507.14304 and the stages for it in NVIDIA NeMo Curator. By structure: `cut` gives the parts,
and only prose is translated; nothing else can be spoilt. By prompt: the text stays whole, and `protected` gives
spans that a translation must hold. Rules for lines would miss JSON and code inside a line: `inline` finds those.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from scalemt.text import blocks
from scalemt.text.blocks import Block, Looking
from scalemt.text.spans import prose as outside
from scalemt.text.spans import shifted
from scalemt.types import Span, SpanKind


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a text.

    Args:
        text: as it stands there.
        copied: it is not to be translated.
        why: of what is copied: "space", "marker" (list, heading, quotation), "code", "console", "data", "table"
            (borders of cells), "formula", "tag", "address", "no letters"; empty for prose.
        wrapped: the line breaks in it are white space.
    """

    text: str
    copied: bool = False
    why: str = ""
    wrapped: bool = False


_KINDS: dict[str, SpanKind] = {
    "marker": "tag", "table": "tag", "tag": "tag", "formula": "formula", "address": "address",
}  # fmt: skip
_BULLET = (
    r"(?:[-*+•‣◦▪●○·–—]|\(?\d{1,3}(?:\.\d{1,3}){0,4}[.)]|\(?[A-Za-z]\)|\(?[ivx]{2,5}[.)]|#{1,6})[ \t]++"
    r"(?:\[[ xX]\][ \t]++)?"
)
_MARKER = re.compile(rf"(?:[ \t]*+>)*+[ \t]*+(?:{_BULLET}){{0,2}}")
_LETTERED = re.compile(r"^[ \t]*([A-Za-z])\.[ \t]+", re.MULTILINE)
_HEADING_END = re.compile(r"(?<![ \t])[ \t]++#++$")
_TAG = re.compile(r"<!--[^<>]{0,2000}-->|<[!?/]?[A-Za-z][\w:.-]{0,60}(?:\s[^<>]{0,2000})?/?\??>")
_ADDRESS = re.compile(r"<?(?:(?:https?|ftp|file)://\S+|www\.\S+\.\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+)>?[ \t\r]*")
_INSIDE = re.compile(r"\$\$|\\\[|\\begin\{|[{\[](?=\s*(?:[\"{\[]|$))")
_INLINE = re.compile(r"`+|\*\*|\{(?=\s*\")|\[(?=\s*[\"{\[])")
_BOLD = re.compile(r"\*\*(?![\s*])[^*\n]{1,300}(?<!\s)\*\*(?!\*)")
_NARROW, _WIDE = 50, 120  # characters of a line of a wrapped paragraph
_SENTENCE_END = (".", "!", "?", ":", ";", "…", "。", "।", '."', '!"', '?"', ".)")


def cut(text: str) -> list[Part]:
    """Return the parts of a text in order; together they are the text, and no two neighbours are both white space.

    White space, markers of lists, headings and quotations stand beside the prose, not in it.
    """
    parts: list[Part] = []
    position = 0
    for start, end, part in _parts(text):
        parts += _gap(text[position:start])
        if end > start:
            parts.append(part)
        position = end
    return parts + _gap(text[position:])


def _gap(text: str) -> list[Part]:
    """Return what stands between the parts: white space, or the borders of cells, a part a line."""
    if not text.strip():
        return [Part(text, True, "space")] if text else []
    lines = text.splitlines(keepends=True)
    return [Part(line, True, "table" if line.strip() else "space") for line in lines]


def protected(text: str) -> tuple[Span, ...]:
    """Return what `cut` would copy as spans of the whole text, and what `inline` finds in its prose."""
    spans: list[Span] = []
    position = 0
    for part in cut(text):
        if not part.copied:
            found = inline(part.text)
        elif held := part.text.strip():
            start = part.text.index(held)
            found = (Span(start, start + len(held), _KINDS.get(part.why, "code"), 0),)
        else:
            found = ()
        key = len(spans)
        spans += [
            replace(span, key=span.key + key, partner=span.partner + key if span.partner >= 0 else -1)
            for span in shifted(found, position)
        ]
        position += len(part.text)
    return tuple(spans)


def inline(text: str) -> tuple[Span, ...]:
    """Return the spans of code and JSON inside prose, and of the asterisks around bold words (pairs)."""
    spans: list[Span] = []
    look = Looking(text)
    runs = _runs(text)
    position = 0
    while opened := _INLINE.search(text, position):
        start, mark = opened.start(), opened[0]
        position = opened.end()
        key = len(spans)
        if mark[0] == "`":
            end = _closing(runs, len(mark), position)
        elif mark == "**":
            bold = _BOLD.match(text, start)
            if bold and not _INLINE.search(text, start + 2, bold.end() - 2):
                spans.append(Span(start, start + 2, "tag", key, "open", key + 1))
                spans.append(Span(bold.end() - 2, bold.end(), "tag", key + 1, "close", key))
                position = bold.end()
            continue
        else:
            end = blocks.data(look, start)
        if end > 0:
            spans.append(Span(start, end, "code", key))
            position = end
    return tuple(spans)


def _runs(text: str) -> dict[int, list[int]]:
    """Return where the runs of backticks end, by their length."""
    found: dict[int, list[int]] = {}
    if "`" in text:
        for run in re.finditer("`+", text):
            found.setdefault(len(run[0]), []).append(run.end())
    return found


def _closing(runs: dict[int, list[int]], length: int, position: int) -> int:
    ends = runs.get(length, [])
    number = bisect_right(ends, position)
    return ends[number] if number < len(ends) else -1


def speaks(text: str, spans: Sequence[Span] = ()) -> bool:
    """Whether a text has a letter outside of spans."""
    return any(character.isalpha() for character in outside(text, spans))


def field_of(segment_id: str) -> str:
    """Return the name of the field that a segment is part of: "line 12: text #3" -> "line 12: text"."""
    return re.sub(r" #[0-9]+$", "", segment_id)


def record_of(segment_id: str) -> str:
    """Return the record that a segment is part of, for scores by record.

    "line 12: messages[0].content #3" (JSONL) -> "line 12"; "row 7: title" (CSV, TSV) -> "row 7". In JSON each
    string is a record: "menu.open #2" -> "menu.open".
    """
    record = re.match(r"((?:line|row) [0-9]+): ", segment_id)
    return record[1] if record else field_of(segment_id)


# Walking over the lines.


def _parts(text: str) -> Iterator[tuple[int, int, Part]]:
    """Yield the parts with something in them; what lies between is white space or the border of a table."""
    look = Looking(text)
    lettered = _letters(text)
    lines: list[tuple[int, int]] = []  # prose whose paragraph is not over
    position, after_blank, in_list = 0, True, False
    while position <= len(text):
        end = look.end(position)
        line = text[position:end]
        found = [] if not line.strip() else _found(look, position, after_blank and not in_list)
        if found or not line.strip():
            yield from _paragraph(text, lines, lettered)
            lines = []
            after_blank = not found
            if found:
                yield from _blocks(text, found)
                end = found[-1].end
                position = end + 1 if text.startswith("\n", end) or end == len(text) else end
                continue
        else:
            end = _until_block(look, position, end)
            marked = _marker(text, position, end, lettered).end != position + _indent(line)
            if marked:
                yield from _paragraph(text, lines, lettered)
                lines = []
            in_list = (marked and line.lstrip()[0] not in "#>") or (in_list and line[0] in " \t")
            lines.append((position, end))
            after_blank = False
            if end < look.end(position):
                yield from _paragraph(text, lines, lettered)
                lines, position = [], end
                continue
        position = end + 1
    yield from _paragraph(text, lines, lettered)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _found(look: Looking, start: int, indented: bool) -> list[Block]:
    """Return the blocks that begin with a line."""
    if found := blocks.fenced(look, start) or blocks.console(look, start):
        return found
    text, line_end = look.text, look.end(start)
    line = text[start:line_end]
    first = start + len(line) - len(line.lstrip())
    end, why = -1, "formula"
    if text[first] in "$\\":
        end = blocks.formula(look, first)
    elif text[first] in "{[":
        end, why = blocks.data(look, first), "data"
    if end > line_end:
        return [Block(start, end, why)]
    if end >= 0 and not text[end : look.end(end)].strip(" \t\r,;."):
        return [Block(start, look.end(end), why)]
    if why := _whole_line(line):
        # A row of a table may have no letters, or only addresses.
        return blocks.table(look, start) or [Block(start, line_end, why)]
    return blocks.table(look, start) or blocks.code(look, start, indented)


def _whole_line(line: str) -> str:
    """Return why a line is copied, or an empty string."""
    if not speaks(line):
        return "no letters"
    body = line.strip()
    if body[0] == "<" and not speaks(_TAG.sub("", body)):
        return "address" if _ADDRESS.fullmatch(body) else "tag"
    return "address" if _ADDRESS.fullmatch(body) else ""


def _until_block(look: Looking, start: int, end: int) -> int:
    """Return where prose ends in a line: where a formula or JSON begins that goes on over the next lines."""
    position = start
    while opened := _INSIDE.search(look.text, position, end):
        begin = opened.start()
        find = blocks.data if opened[0] in "{[" else blocks.formula
        after = find(look, begin)
        if after > end:
            return begin if begin > start else end
        position = after if after > 0 else begin + 1
    return end


def _blocks(text: str, found: Sequence[Block]) -> Iterator[tuple[int, int, Part]]:
    for start, end, why in found:
        if why:
            yield start, end, Part(text[start:end], True, why)
        else:
            yield _prose(text, start, end)


def _prose(text: str, start: int, end: int, wrapped: bool = False) -> tuple[int, int, Part]:
    held = text[start:end]
    if speaks(held, inline(held)):
        return start, end, Part(held, wrapped=wrapped)
    return start, end, Part(held, True, "code" if speaks(held) else "no letters")


def _letters(text: str) -> frozenset[str]:
    """Return the letters that number a list: "A." and "B." do, the initial of a name does not."""
    found = set(_LETTERED.findall(text))
    return frozenset(a for a in found if chr(ord(a) + 1) in found or chr(ord(a) - 1) in found)


def _marker(text: str, start: int, end: int, lettered: frozenset[str]) -> Block:
    """Return the marks that a line begins with, white space included."""
    found = _MARKER.match(text, start, end)
    after = found.end() if found else start
    letter = _LETTERED.match(text, start, end)
    if letter and letter[1] in lettered:
        after = letter.end()
    return Block(start, after, "marker")


def _paragraph(
    text: str, lines: Sequence[tuple[int, int]], lettered: frozenset[str]
) -> Iterator[tuple[int, int, Part]]:
    """Yield the parts of lines of prose: one a line, or one for all when they are a wrapped paragraph."""
    if len(lines) > 1 and _is_wrapped([text[start:end].rstrip() for start, end in lines]):
        lines = [(lines[0][0], lines[-1][1])]
        wrapped = True
    else:
        wrapped = False
    for start, end in lines:
        _, inner, _ = _marker(text, start, end, lettered)
        if text[start:inner].strip():
            yield start, inner, Part(text[start:inner], True, "marker")
        last = inner + len(text[inner:end].rstrip())
        close = _HEADING_END.search(text, inner, last) if "#" in text[start:inner] else None
        if close:
            last = close.start()
        if last > inner:
            yield _prose(text, inner, last, wrapped)
        if close:
            yield last, close.end(), Part(text[last : close.end()], True, "marker")


def _is_wrapped(lines: Sequence[str]) -> bool:
    """Whether a program filled the lines: no next word would have fitted, and a sentence runs on somewhere."""
    width = max(map(len, lines))
    if not _NARROW <= width <= _WIDE:
        return False
    runs_on = False
    for line, following in pairwise(lines):
        word = following.split(maxsplit=1)[0]
        if len(line) + 1 + len(word) <= width:
            return False
        runs_on |= word[0].islower() and not line.endswith(_SENTENCE_END)
    return runs_on
