"""WebVTT subtitles (.vtt): header, notes, styles, regions and settings stay, the lines of a cue are one segment.

Source: W3C, WebVTT: The Web Video Text Tracks Format, section 4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from scalemt.errors import InputError
from scalemt.formats.subtitles import SubtitleFormat

_TIME = r"(?:\d{2,}:)?\d{2}:\d{2}\.\d{3}"
_TIMING = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}")
_BLOCK = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s|$)")


class VttFormat(SubtitleFormat):
    """Cues of WebVTT files."""

    name = "vtt"
    title = "WebVTT subtitles"
    suffixes = (".vtt",)

    def _places(self, lines: list[str], path: Path) -> Iterator[tuple[int, int, str]]:
        if not lines:
            return
        if not re.match(r"WEBVTT(?:\s|$)", lines[0]):
            raise InputError(
                f"{path}, line 1: expected WEBVTT, found {lines[0].strip()[:40]!r}. Is it a .srt file?"
            )
        number = _behind(lines, 0)
        while number < len(lines):
            end = _behind(lines, number)
            timing = next((place for place in (number, number + 1) if place < end and "-->" in lines[place]), None)
            if timing is None:
                if lines[number].strip() and not _BLOCK.match(lines[number]):
                    raise InputError(
                        f"{path}, line {number + 1}: expected the times of a cue (00:01.000 --> 00:02.500), NOTE, "
                        f"STYLE or REGION, found {lines[number].strip()[:40]!r}. Mend the file there."
                    )
            elif not _TIMING.match(lines[timing]):
                raise InputError(
                    f"{path}, line {timing + 1}: {lines[timing].strip()[:60]!r} are no times of a cue "
                    "(00:01.000 --> 00:02.500). Mend the file there."
                )
            else:
                name = lines[number].strip() if timing > number else lines[timing].split("-->")[0].strip()
                if end > timing + 1:
                    yield timing + 1, end, f"cue {name[:40]}"
            number = max(end, number) + 1


def _behind(lines: list[str], number: int) -> int:
    """Return the line behind a block: the next empty one."""
    while number < len(lines) and lines[number].strip():
        number += 1
    return number
