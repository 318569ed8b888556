"""Lines over a common axis: quality against the share of segments that the generalist is asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scalemt.evaluation.report.numbers import short
from scalemt.evaluation.report.svg import Canvas, Scale, around

_WIDTH, _HEIGHT, _BOTTOM, _TOP = 440, 310, 46, 44
_PER_ROW = 3  # names that fit beside each other above the plot


@dataclass(frozen=True)
class Line:
    """One line of a plot: its name, points (x, y), and how it is drawn.

    Args:
        spread: half the height of a band around it, a number a point; none draws no band.
        ink, dash: colour by class, and pattern, as `svg.Canvas.path` has them.
        marked: whether each point is shown, with its numbers under the pointer.
    """

    name: str
    points: Sequence[tuple[float, float]]
    ink: str = "better"
    dash: str = ""
    spread: Sequence[float] = ()
    marked: bool = False


def line_plot(lines: Sequence[Line], *, title: str, x_label: str, y_label: str) -> str:
    """Return lines over one axis as an SVG element, 440 pixels wide; points that are not finite are left out."""
    shown = [(line, _finite(line)) for line in lines]
    told = "; ".join(f"{line.name}: {_told(points)}" for line, points in shown)
    canvas = Canvas(_WIDTH, _HEIGHT, title, told)
    x, y = _scales(shown)
    canvas.y_axis(y, x.start, x.end, y_label)
    canvas.x_axis(x, y.end, y.start, x_label)
    for line, points in shown:
        for way in (-1, 1) if line.spread else ():
            edge = [(x(at), y(value + way * width)) for at, value, width in points]
            canvas.path(edge, "axis", 0.8, "1 3")
    for line, points in shown:
        canvas.path([(x(at), y(value)) for at, value, _ in points], line.ink, 1.8, line.dash)
        for at, value, _ in points if line.marked else ():
            canvas.dot(x(at), y(value), line.ink, f"{line.name} at {short(at)}: {value:.2f}", radius=2.8)
    _legend(canvas, [line for line, _ in shown], x.start)
    return canvas.svg()


def _finite(line: Line) -> list[tuple[float, float, float]]:
    spread = line.spread or [0.0] * len(line.points)
    rows = [(at, value, width) for (at, value), width in zip(line.points, spread, strict=True)]
    return [row for row in rows if all(map(math.isfinite, row))]


def _told(points: Sequence[tuple[float, float, float]]) -> str:
    return ", ".join(f"{short(at)} {value:.2f}" for at, value, _ in points) or "nothing is known"


def _scales(shown: Sequence[tuple[Line, Sequence[tuple[float, float, float]]]]) -> tuple[Scale, Scale]:
    rows = [row for _, points in shown for row in points]
    low, high = around([value + way * width for _, value, width in rows for way in (-1, 1)])
    places = [at for at, _, _ in rows] or [0.0, 1.0]
    first, last = min(places), max(places)
    x = Scale(first, last if last > first else first + 1, 58, _WIDTH - 16)
    return x, Scale(low, high, _HEIGHT - _BOTTOM, _TOP)


def _legend(canvas: Canvas, lines: Sequence[Line], left: float) -> None:
    for number, line in enumerate(lines):
        row, column = divmod(number, _PER_ROW)
        at, level = left + column * (_WIDTH - left - 8) / _PER_ROW, 12 + 16 * row
        canvas.line(at, level, at + 18, level, line.ink, 2, line.dash)
        canvas.text(at + 23, level + 4, line.name, font_size="11")
