"""The figures that need no script: scores with intervals, reliability, and quality against cost.

All return one SVG element as text, 440 pixels wide, fit for a web page and for a paper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scalemt.evaluation.report.numbers import decimals, fixed, p_value, short
from scalemt.evaluation.report.svg import INK, Canvas, Scale, around, shorten
from scalemt.evaluation.results import MARKS, Cell, Evaluation, MetricInfo, Reliability

_Box = tuple[float, float, float, float]  # left, top, width, height

WIDTH = 440
HEIGHT = 290
_BOTTOM = 46
"""The sign of a verdict; the baseline and what is undefined have none."""


def told(cell: Cell, baseline: str, places: int = 1) -> str:
    """Return a sentence on one cell: score, interval, difference to the baseline and both p-values."""
    if not math.isfinite(cell.score):
        return "undefined"
    text = fixed(cell.score, places)
    if math.isfinite(cell.low) and math.isfinite(cell.high):
        text += f", 95 % interval {fixed(cell.low, places)} to {fixed(cell.high, places)}"
    if cell.verdict == "baseline":
        return text + "; the baseline"
    if not baseline or cell.verdict == "undefined":
        return text
    verdict = "no significant difference" if cell.verdict == "tie" else f"significantly {cell.verdict}"
    tests = ", ".join(f"p {p_value(value)} ({name})" for name, value in cell.p_values.items())
    return f"{text}; {fixed(cell.delta, places + 1, signed=True)} against {baseline}, {verdict}" + (
        f": {tests}" if tests else ""
    )


def dot_plot(evaluation: Evaluation, metric: MetricInfo) -> str:
    """Return the scores of all systems on one metric, with 95 % intervals and the baseline as a line.

    A filled point differs significantly from the baseline, a hollow one does not. Systems stand in the order of
    their scores, the undefined ones last.
    """
    rows = _ranked(evaluation, metric)
    pitch = max(19.0, (HEIGHT - _BOTTOM - 8) / max(1, len(rows)))
    pitch = min(pitch, 34.0)
    bottom = 8 + pitch * len(rows)
    left = 12 + 6.4 * min(23, max((len(name) for name, _ in rows), default=0))
    cells = [cell for _, cell in rows]
    low, high = around([value for cell in cells for value in (cell.score, cell.low, cell.high)])
    scale = Scale(low, high, left, WIDTH - 62)
    places = decimals([cell.score for cell in cells])
    listed = "; ".join(f"{name} {told(cell, evaluation.baseline, places)}" for name, cell in rows)
    canvas = Canvas(WIDTH, bottom + _BOTTOM, f"{metric.name} on {evaluation.test_set.name}", listed)
    canvas.x_axis(scale, 4, bottom, metric.label)
    _baseline(canvas, evaluation, metric, scale, bottom)
    for number, (name, cell) in enumerate(rows):
        _row(canvas, scale, 8 + pitch * (number + 0.5), name, cell, (left, places, evaluation.baseline))
    return canvas.svg()


def _ranked(evaluation: Evaluation, metric: MetricInfo) -> list[tuple[str, Cell]]:
    rows = [
        (system.name, evaluation.cells.get(system.name, {}).get(metric.name, Cell(math.nan)))
        for system in evaluation.systems
    ]
    way = 1 if metric.higher_is_better is False else -1
    return sorted(rows, key=lambda row: way * row[1].score if math.isfinite(row[1].score) else math.inf)


def _baseline(canvas: Canvas, evaluation: Evaluation, metric: MetricInfo, scale: Scale, bottom: float) -> None:
    cell = evaluation.cells.get(evaluation.baseline, {}).get(metric.name)
    if cell is None or not math.isfinite(cell.score):
        return
    canvas.line(scale(cell.score), 4, scale(cell.score), bottom, "base", 1.2, "4 3")


def _row(canvas: Canvas, scale: Scale, y: float, name: str, cell: Cell, how: tuple[float, int, str]) -> None:
    left, places, baseline = how
    strong = {"font_weight": "600"} if name == baseline else {}
    canvas.text(left - 10, y + 4, shorten(name, 23), text_anchor="end", **strong)
    number = fixed(cell.score, places)
    canvas.text(WIDTH - 22, y + 4, number, "ink", text_anchor="end")
    if not math.isfinite(cell.score):
        return
    ink = {"better": "better", "worse": "worse", "baseline": "base"}.get(cell.verdict, "base")
    canvas.text(WIDTH - 15, y + 4, MARKS[cell.verdict], ink, font_size="10")
    if math.isfinite(cell.low) and math.isfinite(cell.high):
        canvas.line(scale(cell.low), y, scale(cell.high), y, ink, 1.8)
        for end in (cell.low, cell.high):
            canvas.line(scale(end), y - 3.5, scale(end), y + 3.5, ink, 1.4)
    hollow = cell.verdict in ("tie", "undefined")
    canvas.dot(scale(cell.score), y, ink, f"{name}: {told(cell, baseline, places)}", hollow=hollow)


def reliability_diagram(name: str, found: Reliability) -> str:
    """Return the share of correct words by confidence, over a histogram of the words.

    On the dashed diagonal confidence equals correctness; the shaded gap is what the expected calibration error
    averages (Guo et al. 2017, figure 1). Bins without words stay empty.
    """
    told_bins = "; ".join(
        f"{low:.2f} to {high:.2f}: {words} words, confidence {mean:.2f}, correct {share:.2f}"
        for low, high, words, mean, share in found.bins
        if words
    )
    desc = f"Expected calibration error {found.ece:.3f} over {found.words} words. {told_bins}"
    canvas = Canvas(WIDTH, HEIGHT, f"Reliability of the word confidences of {name}", desc)
    x, y = Scale(0, 1, 52, WIDTH - 14), Scale(0, 1, HEIGHT - _BOTTOM - 40, 10)
    canvas.y_axis(y, x.start, x.end, "share of correct words")
    canvas.x_axis(x, y.end, HEIGHT - _BOTTOM, "word confidence")
    _histogram(canvas, found, x)
    points = [(x(mean), y(share)) for _, _, words, mean, share in found.bins if words]
    for low, high, words, mean, share in found.bins:
        if words:
            top, foot = min(y(mean), y(share)), max(y(mean), y(share))
            canvas.rect(x(low) + 2, top, x(high) - x(low) - 4, foot - top, "band")
    canvas.line(x(0), y(0), x(1), y(1), "soft", 1.2, "4 3")
    canvas.path(points, "better", 1.6)
    for low, high, words, mean, share in found.bins:
        if words:
            tip = f"{low:.2f} to {high:.2f}: {words:,} words, mean confidence {mean:.3f}, correct {share:.3f}"
            canvas.dot(x(mean), y(share), "better", tip, radius=3.6)
    canvas.text(x.start + 10, 26, f"ECE {fixed(found.ece, 3)}", font_weight="600")
    return canvas.svg()


def _histogram(canvas: Canvas, found: Reliability, x: Scale) -> None:
    most = max((words for _, _, words, _, _ in found.bins), default=0)
    base = HEIGHT - _BOTTOM
    for low, high, words, _, _ in found.bins:
        if words:
            height = 30 * words / most
            canvas.rect(x(low) + 2, base - height, x(high) - x(low) - 4, height, "axis", f"{words:,} words")


@dataclass(frozen=True)
class Point:
    """One system in a scatter plot: its name, what it costs, its score, and the bounds of the score if known."""

    label: str
    x: float
    y: float
    low: float = math.nan
    high: float = math.nan
    strong: bool = False


def scatter(
    points: Sequence[Point], *, title: str, x_label: str, y_label: str, higher_is_better: bool | None = True
) -> str:
    """Return quality against cost, with the systems that no other beats in both joined by a line.

    Points without finite coordinates are left out. The horizontal axis is logarithmic when costs are positive and
    spread over more than a factor of eight. `higher_is_better` says which way y is better; None draws no line.
    """
    shown = [point for point in points if math.isfinite(point.x) and math.isfinite(point.y)]
    listed = "; ".join(f"{point.label}: {x_label} {short(point.x)}, {y_label} {short(point.y)}" for point in shown)
    canvas = Canvas(WIDTH, HEIGHT, title, listed or "No system has both values.")
    x, y = _scales(shown)
    canvas.y_axis(y, x.start, x.end, y_label)
    canvas.x_axis(x, y.end, y.start, x_label)
    if higher_is_better is not None:
        best = frontier(shown, higher_is_better)
        canvas.path([(x(point.x), y(point.y)) for point in best], "axis", 1.3, "4 3")
    taken = [(x(point.x) - 5, y(point.y) - 5, 10.0, 10.0) for point in shown]
    for point in shown:
        at, level = x(point.x), y(point.y)
        if math.isfinite(point.low) and math.isfinite(point.high):
            canvas.line(at, y(point.low), at, y(point.high), "base" if point.strong else "better", 1.4)
        tip = f"{point.label}: {x_label} {short(point.x)}, {y_label} {short(point.y)}"
        canvas.dot(at, level, "base" if point.strong else "better", tip)
        _label(canvas, shorten(point.label, 24), at, level, taken)
    return canvas.svg()


def _scales(shown: Sequence[Point]) -> tuple[Scale, Scale]:
    costs = [point.x for point in shown]
    log = bool(costs) and min(costs) > 0 and max(costs) / min(costs) > 8
    low, high = (min(costs) / 1.6, max(costs) * 1.6) if log else around(costs, 0.1)
    if not log and costs and min(costs) >= 0:
        low = max(0.0, low)
    bottom, top = around([value for point in shown for value in (point.y, point.low, point.high)], 0.12)
    return Scale(low, high, 58, WIDTH - 14, log), Scale(bottom, top, HEIGHT - _BOTTOM, 10)


def frontier(points: Sequence[Point], higher_is_better: bool = True) -> list[Point]:
    """Return the points that no other beats or equals at a lower or the same cost, by rising cost."""
    way = -1 if higher_is_better else 1
    kept: list[Point] = []
    for point in sorted(points, key=lambda item: (item.x, way * item.y)):
        if not kept or way * point.y < way * kept[-1].y:
            kept.append(point)
    return kept


def _label(canvas: Canvas, text: str, at: float, level: float, taken: list[_Box]) -> None:
    # The nearest place that hides nothing, with a thin line to the point when it lies apart. Where all are taken
    # the name is left to the tip under the pointer.
    width, height = 6.4 * len(text), 12.0
    for far in (9.0, 20.0, 34.0, 50.0):
        low, high = -height / 2 - far, -height / 2 + far
        places = [(far, -6.0), (-far - width, -6.0), (-width / 2, low), (-width / 2, high)]
        places += [(far * 0.8, low), (far * 0.8, high), (-far * 0.8 - width, low), (-far * 0.8 - width, high)]
        for dx, dy in places:
            box = (at + dx, level + dy, width, height)
            if _inside(box) and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                if far > 9:
                    edge = min(max(at, box[0]), box[0] + width)
                    canvas.line(at, level, edge, box[1] + (0 if dy > 0 else height), "axis", 0.7)
                canvas.text(
                    box[0], box[1] + 10, text, font_size="11.5", paint_order="stroke", stroke=INK["paper"],
                    stroke_width="3", stroke_linejoin="round",
                )  # fmt: skip
                return


def _inside(box: _Box) -> bool:
    return box[0] >= 60 and box[0] + box[2] <= WIDTH - 2 and box[1] >= 2 and box[1] + box[3] <= HEIGHT - _BOTTOM


def _overlap(one: _Box, two: _Box) -> bool:
    apart = one[0] + one[2] <= two[0] or two[0] + two[2] <= one[0]
    return not (apart or one[1] + one[3] <= two[1] or two[1] + two[3] <= one[1])
