"""Whether a new version is promoted: it must not be worse where it is used, nor have forgotten the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from scalemt.evaluation.results import Cell
from scalemt.training.updating.comparing import Compared
from scalemt.training.updating.configuration import Promotion

_LEAST_DIFFERING = 6  # segments: of fewer no test can find anything (see `significance.compare`)


@dataclass(frozen=True, slots=True)
class Check:
    """One question and its answer.

    Args:
        question: what was asked.
        passed: whether the answer is as it must be.
        found: the answer.
    """

    question: str
    passed: bool
    found: str

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return asdict(self)


def checks(compared: Sequence[Compared], promotion: Promotion) -> list[Check]:
    """Return what is asked of the new version.

    On dev and on what was held out it must not be worse by both paired tests (bootstrap and randomisation), alone
    or inside SCALE; on general text it may lose no more chrF++ than the margin, significant or not.
    """
    made = []
    for item in compared:
        if item.test == "general":
            delta = item.cell.delta
            question = f"general: no more than {promotion.margin:g} chrF++ lost"
            made.append(Check(question, delta >= -promotion.margin, _shown(item.cell)))
            continue
        made.append(_not_worse(f"{item.test}, alone", item.cell))
        if item.scale_cell:
            made.append(_not_worse(f"{item.test}, inside SCALE", item.scale_cell))
    return made


def _not_worse(where: str, cell: Cell) -> Check:
    return Check(f"{where}: not significantly worse", cell.verdict != "worse", _shown(cell))


def _shown(cell: Cell) -> str:
    told = f"chrF++ {cell.score:.2f}, {cell.delta:+.2f}"
    if cell.differing < _LEAST_DIFFERING:
        return f"{told} ({cell.differing} {'segment differs' if cell.differing == 1 else 'segments differ'}): tie"
    tests = ", ".join(f"p {p:.4f} by {name}" for name, p in cell.p_values.items())
    return f"{told} ({tests}): {cell.verdict}"
