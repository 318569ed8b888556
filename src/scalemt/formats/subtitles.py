"""What SubRip and WebVTT share: cues whose lines are one text, and a translation wrapped into as many lines."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scalemt.formats.base import Format, FormatOptions, Target
from scalemt.formats.encoding import read_text
from scalemt.text.spans import prose
from scalemt.types import Segment, Span, SpanRole

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")
_TAG = re.compile(r"<(/?)([A-Za-z]*)[^<>\n]*>|\{\\[^{}\n]*\}")
_DIALOGUE = re.compile(r"\s*[-–—]\s?\S")
_WIDEST = 42  # characters in a line, as most guidelines for subtitles have it


@dataclass(frozen=True, slots=True)
class Cue:
    """A cue's text: the lines it stands in (from 0, the last not included), and the segment made of them."""

    first: int
    last: int
    segment: Segment


class SubtitleFormat(Format):
    """A format of cues; a subclass finds where the text of each stands."""

    def _read(self, path: Path, options: FormatOptions) -> Iterator[Segment]:
        text, _ = read_text(path, options.encoding)
        for cue in self._cues(_LINE.findall(text), path):
            yield cue.segment

    def _write(self, path: Path, options: FormatOptions, targets: Iterator[Target], out: BinaryIO) -> None:
        text, encoding = read_text(path, options.encoding)
        lines = _LINE.findall(text)
        out.write(encoding.mark)
        position = 0
        for cue in self._cues(lines, path):
            made = "".join(lines[position : cue.first]) + _written(lines, cue, next(targets))
            out.write(encoding.encode(made, path))
            position = cue.last
        out.write(encoding.encode("".join(lines[position:]), path))

    def _cues(self, lines: list[str], path: Path) -> Iterator[Cue]:
        for first, last, name in self._places(lines, path):
            text = "\n".join(line.rstrip("\r\n") for line in lines[first:last])
            segment = _segment(text, name)
            if any(character.isalnum() for character in prose(segment.text, segment.spans)):
                yield Cue(first, last, segment)

    @abstractmethod
    def _places(self, lines: list[str], path: Path) -> Iterator[tuple[int, int, str]]:
        """Yield the first line of each cue's text, the line behind its last, and its name."""


def _segment(text: str, name: str) -> Segment:
    dialogue = any(_DIALOGUE.match(_TAG.sub("", line)) for line in text.split("\n"))
    return Segment(text, name, _spans(text), breaks="hard" if dialogue else "soft")


def _spans(text: str) -> tuple[Span, ...]:
    found = list(_TAG.finditer(text))
    roles: dict[int, tuple[SpanRole, int]] = {}
    waiting: list[tuple[str, int]] = []
    for key, tag in enumerate(found):
        if not tag[2]:
            continue
        if not tag[1]:
            waiting.append((tag[2], key))
        elif waiting and waiting[-1][0] == tag[2]:
            opener = waiting.pop()[1]
            roles[opener], roles[key] = ("open", key), ("close", opener)
    return tuple(
        Span(tag.start(), tag.end(), "tag", key, *roles.get(key, ("alone", -1))) for key, tag in enumerate(found)
    )


def _written(lines: list[str], cue: Cue, target: Target) -> str:
    source = lines[cue.first : cue.last]
    ends = [line[len(line.rstrip("\r\n")) :] for line in source]
    ending = next((end for end in ends if end), "\n")
    # An empty line would end the cue; what a translation breaks itself stays broken.
    parts = [part for part in target.text.split("\n") if part.strip()] or [target.text.replace("\n", " ")]
    if target.text == cue.segment.text:
        parts = target.text.split("\n")
    elif len(parts) < len(source):
        parts = balanced(" ".join(parts), len(source), target)
    return ending.join(parts) + ends[-1]


def balanced(text: str, count: int, target: Target) -> list[str]:
    """Break a text into at most `count` lines of about the same length, at spaces outside of spans.

    A text that fits into fewer lines of the usual width has fewer.
    """
    visible = len(_TAG.sub("", text))
    count = min(count, max(1, -(-visible // _WIDEST)))
    lines = []
    for left in range(count, 1, -1):
        goal = len(text) / left
        inside = [(found.start(), found.end()) for found in _TAG.finditer(text)]
        places = [
            found.start()
            for found in re.finditer(r" ", text)
            if not any(start < found.start() < end for start, end in inside)
        ]
        if not places:
            break
        place = min(places, key=lambda offset: abs(offset - goal))
        lines.append(text[:place])
        text = text[place + 1 :]
    return [*lines, text]
