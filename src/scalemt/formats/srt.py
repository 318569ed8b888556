"""SubRip subtitles (.srt): numbers and timings stay, the lines of a cue are one segment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from scalemt.errors import InputError
from scalemt.formats.subtitles import SubtitleFormat

_TIMING = re.compile(r"\s*-?\d{1,3}:\d{1,2}:\d{1,2}[,.]\d{1,3}\s*-->\s*-?\d{1,3}:\d{1,2}:\d{1,2}[,.]\d{1,3}")


class SrtFormat(SubtitleFormat):
    """Cues of SubRip files."""

    name = "srt"
    title = "SubRip subtitles"
    suffixes = (".srt",)

    def _places(self, lines: list[str], path: Path) -> Iterator[tuple[int, int, str]]:
        number = 0
        while number < len(lines):
            if not lines[number].strip():
                number += 1
                continue
            timing = number if "-->" in lines[number] else number + 1
            if timing >= len(lines) or not _TIMING.match(lines[timing]):
                raise InputError(
                    f"{path}, line {min(timing, len(lines) - 1) + 1}: expected the times of a cue "
                    "(00:00:01,000 --> 00:00:02,500), behind its number. Mend the file there."
                )
            name = lines[number].strip() if timing > number else str(number + 1)
            first = last = timing + 1
            while last < len(lines) and lines[last].strip():
                last += 1
            yield first, last, f"cue {name[:40]}"
            number = last
