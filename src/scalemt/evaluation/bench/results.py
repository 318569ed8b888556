"""What a bench leaves behind: one JSON file, a curve, tables."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from scalemt.evaluation.bench.robustness import REFERENCE, Group, Level, group_tables, groups, same_as_reference
from scalemt.evaluation.bench.running import Task
from scalemt.evaluation.bench.summary import Scoring, Summary, as_json, summarise
from scalemt.evaluation.bench.tables import footnotes, markdown, quality_cost_curve, tables, trusted
from scalemt.evaluation.results import without_nan
from scalemt.evaluation.tables import Table
from scalemt.lines import write_whole
from scalemt.version import __version__

__all__ = ["Shown", "conclude", "markdown", "notes", "store"]


class Shown(Protocol):
    """Makes the tables: one wide one a test set for papers, or two for terminals."""

    def __call__(self, *, wide: bool) -> list[Table]:
        """Return the tables."""
        ...


def conclude(
    tasks: Sequence[Task], scoring: Scoring, levels: Sequence[Level] = ()
) -> tuple[Summary, Shown, dict[str, Any]]:
    """Score what is finished, and return it as values, as tables and as JSON.

    Args:
        levels: of a study of robustness; then tables and JSON are grouped by factor.
    """
    summary = summarise(tasks, scoring)
    content = _head() | as_json(summary) | {"prices": asdict(scoring.prices) if scoring.prices else None}
    if not levels:
        return summary, lambda *, wide: tables(summary, wide=wide), content
    found = groups(summary, levels, same_as_reference(tasks))
    content["factors"] = [_group(group) for group in found]
    return summary, lambda *, wide: [*group_tables(found, summary), *trusted(summary)], content


def _head() -> dict[str, Any]:
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    return {"scalemt": __version__, "machine": machine}


def _group(group: Group) -> dict[str, Any]:
    spread = {name: {"mean": mean, "deviation": deviation} for name, (mean, deviation) in group.spread.items()}
    levels = [{"level": row.arm, "arm": arm} for row, arm in zip(group.rows, group.arms, strict=True)]
    found: dict[str, Any] = without_nan(
        {"test_set": group.test_set, "factor": group.factor, "levels": levels, "spread": spread}
    )
    return found


def notes(summary: Summary, levels: Sequence[Level] = ()) -> list[str]:
    """Return what stands below the tables; of a study of robustness, only the reference is signed there."""
    return footnotes(summary, [REFERENCE] if levels else None)


def store(folder: Path, summary: Summary, content: dict[str, Any], name: str) -> None:
    """Write `NAME.json`, and for a bench the curve of quality against cost, each in one step."""
    write_whole(folder / f"{name}.json", json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    curve = quality_cost_curve(summary) if name == "bench" else ""
    if curve:
        write_whole(folder / "quality-cost.svg", curve)
