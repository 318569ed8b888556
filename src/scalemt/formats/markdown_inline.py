"""Inline Markdown: which characters of a text are syntax, and how plain text is kept from becoming syntax.

Source: CommonMark 0.31, section 6 (code spans, emphasis, links, images, autolinks, raw HTML, hard line breaks).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace

from scalemt.types import Span, SpanKind, SpanRole

_SPECIAL = re.compile(r"[\\`<\[\]!*_~\n ]")
_ESCAPE = re.compile(r"\\[!-/:-@\[-`{-~]")
_HARD_BREAK = re.compile(r" {2,}\n[ \t]*|\\\n[ \t]*")
_TICKS = re.compile(r"`+")
_ANGLE = re.compile(
    r"<(?:[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*|[^\s<>@]+@[^\s<>]+|/?[A-Za-z][^<>]*|!--.*?--)>", re.DOTALL
)
_DESTINATION = re.compile(
    r"\(\s*(?:<[^<>\n]*>|[^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)*)(?:\s+(?:\"[^\"]*\"|'[^']*'|\([^()]*\)))?\s*\)"
)
_LABEL = re.compile(r"\[[^\[\]]{1,999}\]")
_FOOTNOTE = re.compile(r"\[\^[^\s\[\]]{1,200}\]")
_TASK = re.compile(r"\[[ xX]\](?=\s)")
_RUN = re.compile(r"\*+|_+|~~")


@dataclass(frozen=True, slots=True)
class _Found:
    start: int
    end: int
    kind: SpanKind = "tag"
    role: SpanRole = "alone"
    partner: int = -1  # where the partner starts


class _Scanner:
    """Reads a text once from left to right."""

    def __init__(self, text: str, references: set[str]) -> None:
        self.text = text
        self._references = references
        self.found: dict[int, _Found] = {}
        self._brackets: list[tuple[int, bool]] = []
        self._runs: list[tuple[str, int, int]] = []
        self._ticks = self._tick_runs()

    def _tick_runs(self) -> dict[int, list[int]]:
        """Where runs of backticks start, by length, last first: each is looked at once."""
        runs: dict[int, list[int]] = {}
        for found in _TICKS.finditer(self.text):
            runs.setdefault(len(found[0]), []).append(found.start())
        return {length: starts[::-1] for length, starts in runs.items()}

    def scan(self) -> None:
        position = 0
        while found := _SPECIAL.search(self.text, position):
            position = self._at(found.start(), found[0])

    def _at(self, position: int, sign: str) -> int:
        if sign == "`":
            return self._code(position)
        if sign in "\\ ":
            return self._lone(position, _HARD_BREAK) or self._lone(position, _ESCAPE) or position + 1
        if sign == "<":
            return self._angle(position)
        if sign in "![":
            return self._opening(position, sign)
        if sign == "]":
            return self._closing(position)
        if sign in "*_~":
            return self._run(position)
        return position + 1

    def _lone(self, position: int, pattern: re.Pattern[str], kind: SpanKind = "tag") -> int:
        found = pattern.match(self.text, position)
        if not found:
            return 0
        self.found[position] = _Found(position, found.end(), kind)
        return found.end()

    def _code(self, position: int) -> int:
        run = _TICKS.match(self.text, position)
        assert run is not None  # noqa: S101  # the caller saw one
        # Behind a backslash a run is shorter than it looked.
        starts = self._ticks.get(len(run[0]), [])
        while starts and starts[-1] <= position:
            starts.pop()
        if not starts:
            return run.end()
        end = starts.pop() + len(run[0])
        self.found[position] = _Found(position, end, "code")
        return end

    def _angle(self, position: int) -> int:
        found = _ANGLE.match(self.text, position)
        # HTML tags are left to the search for tags, which knows pairs; their attributes hold no Markdown.
        if found and (":" in found[0].partition(" ")[0] or "@" in found[0].partition(" ")[0]):
            self.found[position] = _Found(position, found.end(), "address")
        return found.end() if found else position + 1

    def _opening(self, position: int, sign: str) -> int:
        if sign == "!" and self.text[position + 1 : position + 2] != "[":
            return position + 1
        start = position + 1 if sign == "!" else position
        for pattern in (_FOOTNOTE, _TASK) if sign == "[" else ():
            if pattern is _FOOTNOTE or position == 0:
                end = self._lone(position, pattern)
                if end:
                    return end
        self._brackets.append((position, sign == "!"))
        return start + 1

    def _closing(self, position: int) -> int:
        if not self._brackets:
            return position + 1
        start, image = self._brackets.pop()
        opening_end = start + (2 if image else 1)
        inner = self.text[opening_end:position]
        destination = _DESTINATION.match(self.text, position + 1) or _LABEL.match(self.text, position + 1)
        if destination and (destination[0][0] == "(" or _normal(destination[0][1:-1]) in self._references):
            self.found[start] = _Found(start, opening_end, role="open", partner=position)
            self.found[position] = _Found(position, destination.end(), role="close", partner=start)
            return destination.end()
        if _normal(inner) in self._references:
            # The text is the name of the link: it cannot be translated without losing where it leads.
            end = position + 3 if self.text.startswith("[]", position + 1) else position + 1
            for inside in [place for place in self.found if start <= place < end]:
                del self.found[inside]
            self.found[start] = _Found(start, end)
            return end
        return position + 1

    def _run(self, position: int) -> int:
        found = _RUN.match(self.text, position)
        if not found:
            return position + 1
        run, end = found[0], found.end()
        before, after = self.text[position - 1 : position], self.text[end : end + 1]
        opens, closes = _flanking(run[0], before, after)
        if closes:
            for depth in range(len(self._runs) - 1, max(-1, len(self._runs) - 50), -1):
                if self._runs[depth][0] == run:
                    _, start, _ = self._runs[depth]
                    self.found[start] = _Found(start, start + len(run), role="open", partner=position)
                    self.found[position] = _Found(position, end, role="close", partner=start)
                    del self._runs[depth:]
                    return end
        if opens:
            self._runs.append((run, position, end))
        return end


def _flanking(sign: str, before: str, after: str) -> tuple[bool, bool]:
    """Return whether a run can open and close emphasis (CommonMark 6.2)."""
    left = (
        bool(after)
        and not after.isspace()
        and (not _is_punctuation(after) or not before or before.isspace() or _is_punctuation(before))
    )
    right = (
        bool(before)
        and not before.isspace()
        and (not _is_punctuation(before) or not after or after.isspace() or _is_punctuation(after))
    )
    if sign != "_":
        return left, right
    return left and (not right or _is_punctuation(before)), right and (not left or _is_punctuation(after))


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


def _normal(label: str) -> str:
    return " ".join(label.split()).upper()


def inline_spans(text: str, references: set[str]) -> tuple[Span, ...]:
    """Return the spans of Markdown syntax in the text of one block.

    Args:
        text: lines joined by line feeds.
        references: names of link references, as markdown-it normalises them.
    """
    scanner = _Scanner(text, references)
    scanner.scan()
    found = _nested(sorted(scanner.found.values(), key=lambda item: item.start))
    keys = {item.start: key for key, item in enumerate(found)}
    return tuple(
        Span(item.start, item.end, item.kind, key, item.role, keys.get(item.partner, -1))
        for key, item in enumerate(found)
    )


def _nested(found: list[_Found]) -> list[_Found]:
    """Leave out what stands inside another, and pairs that cross a pair before them."""
    kept: list[_Found] = []
    for item in found:
        if not kept or item.start >= kept[-1].end:
            kept.append(item)
    there = {item.start for item in kept}
    kept = [item for item in kept if item.role == "alone" or item.partner in there]
    waiting: list[_Found] = []
    crossing: set[int] = set()
    for item in kept:
        if item.role == "open":
            waiting.append(item)
        elif item.role == "close":
            while waiting and waiting[-1].start != item.partner:
                crossing |= {waiting[-1].start, waiting.pop().partner}
            if waiting:
                waiting.pop()
    return [
        replace(item, role="alone", partner=-1) if item.start in crossing or item.partner in crossing else item
        for item in kept
    ]


def escaped(text: str, source: str, *, cell: bool) -> str:
    """Return plain text of a translation with a backslash before signs that its source does not have.

    Args:
        text: a stretch between spans.
        source: the plain text of the source: a sign that is harmless there is taken to be harmless here.
        cell: in a table, where a bar ends the cell.
    """
    signs = {sign for sign in "\\`*_[]<" if sign not in source and sign in text}
    if cell:
        signs |= {"|"} & set(text)
    if not signs:
        return text
    return "".join(f"\\{sign}" if sign in signs else sign for sign in text)
