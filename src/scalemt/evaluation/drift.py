"""Find which lines of an output file are too many or lacking, when it no longer pairs up with its references."""

from __future__ import annotations

from collections.abc import Sequence

WIDEST = 200
"""Files whose counts differ by more than this have nothing to do with each other."""

_MOST_CELLS = 2_000_000
"""Pairs of lines that are compared, a few seconds' worth; an error message must not take longer."""

_SHOWN = 400
"""Characters of a line by which it is known; likeness takes time with their square."""

_SKIP = 0.2
"""What a line must be alike to its reference, in [0, 1], before pairing them beats leaving both out."""


def align_lines(lines: Sequence[str], references: Sequence[str]) -> list[int | None]:
    """Return for each reference the line that belongs to it, keeping the order, or None.

    A monotone alignment that maximises the summed likeness (normalised edit similarity of `rapidfuzz`) of paired
    lines (Needleman and Wunsch, 1970, within a band of the difference of the counts).

    Args:
        lines: N output lines.
        references: M reference lines; |N - M| at most `WIDEST`.

    Returns:
        M entries, indices into `lines` or None.
    """
    lines, references = ([text[:_SHOWN] for text in texts] for texts in (lines, references))
    band = _band(len(lines), len(references))
    best = [[0.0] * (2 * band + 1) for _ in range(len(references) + 1)]
    step = [bytearray(2 * band + 1) for _ in range(len(references) + 1)]
    for row in range(len(references) + 1):
        for place in range(2 * band + 1):
            column = row + place - band
            if 0 <= column <= len(lines) and (row or column):
                best[row][place], step[row][place] = _best(best, row, place, column, lines, references)
    return _trace(step, band, len(lines), len(references))


def _band(lines: int, references: int) -> int:
    return abs(lines - references) + 8


_PAIR, _EXTRA, _LACKING = 1, 2, 3


def _best(
    best: list[list[float]], row: int, place: int, column: int, lines: Sequence[str], references: Sequence[str]
) -> tuple[float, int]:
    """Return the value of a cell and the step that leads there; a cell's diagonal neighbour has the same place."""
    from rapidfuzz import fuzz

    choices = [(-1.0, _EXTRA)]
    if column and row:
        alike = fuzz.ratio(lines[column - 1], references[row - 1]) / 100
        choices.append((best[row - 1][place] + alike - _SKIP, _PAIR))
    if column and place:
        choices.append((best[row][place - 1], _EXTRA))
    if row and place + 1 < len(best[row]):
        choices.append((best[row - 1][place + 1], _LACKING))
    return max(choices)


def _trace(step: list[bytearray], band: int, lines: int, references: int) -> list[int | None]:
    found: list[int | None] = [None] * references
    row, column = references, lines
    while row or column:
        taken = step[row][column - row + band]
        if taken == _PAIR:
            row, column = row - 1, column - 1
            found[row] = column
        elif taken == _EXTRA:
            column -= 1
        else:
            row -= 1
    return found


def describe_drift(lines: Sequence[str], references: Sequence[str]) -> str:
    """Return which lines seem too many or lacking, in a sentence; "" for files that are too unlike or too long."""
    if abs(len(lines) - len(references)) > WIDEST or not lines or not references:
        return ""
    if len(references) * (2 * _band(len(lines), len(references)) + 1) > _MOST_CELLS:
        return ""
    found = align_lines(lines, references)
    paired = {place for place in found if place is not None}
    extra = [place for place in range(len(lines)) if place not in paired]
    lacking = [place for place, line in enumerate(found) if line is None]
    if len(paired) < 0.5 * min(len(lines), len(references)):
        return ""
    told = []
    if extra:
        told.append(f"line {_numbers(extra)} (the first begins {lines[extra[0]][:40]!r}) seems to be too many")
    if lacking:
        told.append(f"segment {_numbers(lacking)} seems to have no line")
    return f"By likeness to the references, {' and '.join(told)}. " if told else ""


def _numbers(places: Sequence[int]) -> str:
    shown = ", ".join(str(place + 1) for place in places[:5])
    return shown + (f" and {len(places) - 5} more" if len(places) > 5 else "")
