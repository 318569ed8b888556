"""SVG drawn as text: a canvas with axes, in colours that also hold outside the report.

Every element carries its colour twice: as attributes, for the light figure that a paper takes, and as a class, by
which the page's style sheet gives the dark one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from scalemt.evaluation.report.numbers import short

FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', Arial, sans-serif"

INK = {
    "ink": "#1b1f24",
    "soft": "#5b636d",
    "axis": "#8b939c",
    "grid": "#e4e7ea",
    "paper": "#ffffff",
    "band": "#e9ebee",
    "better": "#0072b2",
    "worse": "#d55e00",
    "base": "#3c434b",
}
"""Colours by class. Blue and vermillion are of the palette of Okabe and Ito (2008), safe for the colour-blind."""


def clean(text: str) -> str:
    """Return a text without the characters that XML cannot hold, which become U+FFFD."""
    return "".join(sign if _allowed(ord(sign)) else "\ufffd" for sign in text)


def _allowed(code: int) -> bool:
    return code in (9, 10, 13) or 32 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or code > 0xFFFF


def shorten(text: str, characters: int) -> str:
    """Return a label that is cut in its middle, where names differ least, when it is too long."""
    if len(text) <= characters:
        return text
    head = characters // 2
    return f"{text[:head]}…{text[len(text) - (characters - head - 1) :]}"


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round numbers in [low, high], about `count` of them, at steps of 1, 2 or 5 times a power of ten."""
    if not low < high:
        return [low]
    rough = (high - low) / max(1, count)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.7)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 12) for number in range(first, math.floor(high / step + 1e-9) + 1)]


@dataclass(frozen=True)
class Scale:
    """Values in [low, high] laid onto pixels in [start, end]; `log` for data over orders of magnitude."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        low, high, at = (math.log10(item) if self.log else item for item in (self.low, self.high, value))
        return self.start + (at - low) / (high - low) * (self.end - self.start)

    def ticks(self, count: int = 5) -> list[float]:
        """Return round values to mark."""
        if not self.log:
            return ticks(self.low, self.high, count)
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        factors = (1,) if last - first > 4 else (1, 2, 5)
        marks = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
        return [mark for mark in marks if self.low <= mark <= self.high]


def around(values: Sequence[float], share: float = 0.06) -> tuple[float, float]:
    """Return bounds that hold the finite values with some room at both ends."""
    finite = [value for value in values if abs(value) < 1e300]  # neither NaN nor what would overflow a span
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    room = (high - low) * share or abs(high) * 0.05 or 1.0
    return low - room, high + room


class Canvas:
    """A drawing of `width` x `height` pixels; `title` and `desc` are what a screen reader says of it."""

    def __init__(self, width: float, height: float, title: str, desc: str) -> None:
        self.width, self.height = width, height
        self.parts = [f"<title>{escape(clean(title))}</title><desc>{escape(clean(desc))}</desc>"]

    def line(
        self, x1: float, y1: float, x2: float, y2: float, ink: str = "axis", width: float = 1, dash: str = ""
    ) -> None:
        """Draw a straight line."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<line class="s-{ink}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{INK[ink]}" stroke-width="{width}"{dashed}/>'
        )

    def rect(self, x: float, y: float, width: float, height: float, ink: str, tip: str = "") -> None:
        """Draw a filled rectangle; `tip` is shown under the pointer."""
        self.parts.append(
            f'<rect class="f-{ink}" x="{x:.1f}" y="{y:.1f}" width="{max(0.0, width):.1f}" '
            f'height="{max(0.0, height):.1f}" fill="{INK[ink]}">{_tip(tip)}</rect>'
        )

    def dot(
        self, x: float, y: float, ink: str, tip: str = "", *, hollow: bool = False, radius: float = 4.2
    ) -> None:
        """Draw a point, filled with its own colour or with the paper's."""
        fill = "paper" if hollow else ink
        self.parts.append(
            f'<circle class="s-{ink} f-{fill}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{INK[fill]}" '
            f'stroke="{INK[ink]}" stroke-width="1.6">{_tip(tip)}</circle>'
        )

    def path(self, points: Sequence[tuple[float, float]], ink: str, width: float = 1.5, dash: str = "") -> None:
        """Draw a line through points."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(
            f'<polyline class="s-{ink}" points="{drawn}" fill="none" stroke="{INK[ink]}" '
            f'stroke-width="{width}"{dashed}/>'
        )

    def text(self, x: float, y: float, text: str, ink: str = "ink", **how: str) -> None:
        """Write a text; `how` holds further attributes, with underscores for hyphens (text_anchor="end")."""
        given = "".join(f" {name.replace('_', '-')}={quoteattr(value)}" for name, value in how.items())
        halo = " s-paper" if "stroke" in how else ""
        self.parts.append(
            f'<text class="f-{ink}{halo}" x="{x:.1f}" y="{y:.1f}" fill="{INK[ink]}"{given}>'
            f"{escape(clean(text))}</text>"
        )

    def x_axis(self, scale: Scale, top: float, bottom: float, label: str, count: int = 5) -> None:
        """Draw ticks and a label under the plot, and grid lines through it."""
        for mark in scale.ticks(count):
            at = scale(mark)
            self.line(at, top, at, bottom, "grid")
            self.text(at, bottom + 16, short(mark), "soft", text_anchor="middle")
        self.line(scale.start, bottom, scale.end, bottom)
        self.text((scale.start + scale.end) / 2, bottom + 34, label, "ink", text_anchor="middle")

    def y_axis(self, scale: Scale, left: float, right: float, label: str, count: int = 5) -> None:
        """Draw ticks at the left, a label along the axis, and grid lines through the plot."""
        for mark in scale.ticks(count):
            at = scale(mark)
            self.line(left, at, right, at, "grid")
            self.text(left - 7, at + 4, short(mark), "soft", text_anchor="end")
        self.line(left, scale.start, left, scale.end)
        middle = (scale.start + scale.end) / 2
        self.text(13, middle, label, "ink", text_anchor="middle", transform=f"rotate(-90 13 {middle:.1f})")

    def svg(self) -> str:
        """Return the drawing as one SVG element that also stands by itself as a file."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {self.width:g} {self.height:g}" '
            f'width="{self.width:g}" height="{self.height:g}" font-family={quoteattr(FONT)} font-size="12">'
            f"{''.join(self.parts)}</svg>"
        )


def _tip(text: str) -> str:
    return f"<title>{escape(clean(text))}</title>" if text else ""
