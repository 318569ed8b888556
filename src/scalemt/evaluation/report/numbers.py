"""How the report writes numbers: as papers do, with aligned decimals and a true minus sign."""

from __future__ import annotations

import math
from collections.abc import Iterable

from scalemt.evaluation.results import NOTHING


def decimals(values: Iterable[float]) -> int:
    """Return how many decimals a column needs: one on a scale of 100, three on a scale of 1."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    return 3 if 0 < largest <= 1.5 else 1


def fixed(value: float, places: int, *, signed: bool = False) -> str:
    """Return a number with a fixed count of decimals, or an en dash where it is undefined.

    Numbers of more than nine digits turn to scientific notation, since no table column could hold them.
    """
    if not math.isfinite(value):
        return NOTHING
    if abs(value) >= 1e9:
        return f"{value:+.2e}".replace("-", "−") if signed else f"{value:.2e}".replace("-", "−")
    text = f"{abs(value):,.{places}f}"
    zero = not text.strip("0.,")
    sign = "−" if value < 0 and not zero else ("+" if signed and not zero else "")
    return ("±" if signed and zero else sign) + text


def p_value(value: float) -> str:
    """Return a p-value as papers print it: three decimals, "< 0.001" below that."""
    if not math.isfinite(value):
        return f"= {NOTHING}"
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def short(value: float) -> str:
    """Return an axis number without trailing zeros, with k, M and G for large ones."""
    for limit, unit, letter in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= limit:
            return short(value / unit) + letter
    return f"{value:.6g}".replace("-", "−")
