"""How far a refinement depends on its demonstrations and drafts: SCALE's ablations, one factor at a time.

Cheng et al., Findings of ACL 2024, ablation study and multi-path sampling: number of demonstrations, quality of
the draft, confidences, number of sampled paths; and, which the paper holds fixed, which demonstrations are drawn.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scalemt.config import Profile
from scalemt.engine.assembly import Plan
from scalemt.engine.backends import build_method
from scalemt.errors import BackendError, ConfigurationError, UsageError
from scalemt.evaluation.bench.arms import Arm, with_fields
from scalemt.evaluation.bench.corruption import Corruption
from scalemt.evaluation.bench.running import Task
from scalemt.evaluation.bench.summary import Row, Summary
from scalemt.evaluation.bench.tables import counted, quality_columns, table
from scalemt.evaluation.results import NOTHING, MetricInfo
from scalemt.evaluation.tables import Table, number
from scalemt.specialists.road import SeveralRoads
from scalemt.types import Draft, Segment

REFERENCE = "reference"
SHOTS = "number of demonstrations"
SEEDS = "which demonstrations"
QUALITY = "quality of the draft"
CONFIDENCES = "confidences"
PATHS = "sampled paths"


@dataclass(frozen=True)
class Factors:
    """The levels of each factor; an empty one is left out.

    Args:
        shots: numbers of demonstrations.
        seeds: which demonstrations are drawn.
        rates: shares of corrupted words, each with confidences kept and shuffled.
        weaker: specialists that take the place of the profile's.
        confidences: whether prompts with and without them are compared.
        paths: numbers of sampled drafts in the prompt.
    """

    shots: Sequence[int] = (0, 1, 5, 10)
    seeds: Sequence[int] = (0, 1, 2)
    rates: Sequence[float] = (0.0, 0.1, 0.3, 0.5)
    weaker: Sequence[str] = ()
    confidences: bool = True
    paths: Sequence[int] = (1, 2, 3)


@dataclass(frozen=True)
class Level:
    """One value of one factor, and the arm that has it."""

    factor: str
    label: str
    arm: Arm


def levels(profile: Profile, factors: Factors) -> list[Level]:
    """Return the reference and every level of every factor, all else as in the profile.

    Raises:
        ConfigurationError: the method of the profile shows no drafts, or a level is out of its range.
    """
    method = build_method(profile.method, profile.options)
    if not method.needs_specialist or not method.needs_generalist:
        raise ConfigurationError(
            f"The method {profile.method} shows no drafts to a generalist, and robustness is about these. "
            "Choose a profile with refine, pivot or multi-path."
        )
    # A calibration would choose another method or number of shots for the reference than for the others.
    # It chooses no number for a file of one's own, which is shown as the engine shows it.
    fixed: dict[str, Any] = {} if profile.demonstrations else {"shots": profile.shots}
    base = with_fields(profile, method=profile.method, third=profile.third, **fixed)
    found = [Level("", REFERENCE, Arm(REFERENCE, base))]
    found += [_level(SHOTS, counted(count, "shot"), base, shots=count) for count in factors.shots]
    found += [_level(SEEDS, f"seed {seed}", base, seed=seed) for seed in factors.seeds]
    for rate in factors.rates:
        found.append(_corrupted(base, Corruption(rate)))
        if rate:
            found.append(_corrupted(base, Corruption(rate, shuffled=True)))
    found += [_level(QUALITY, f"drafts of {spec}", base, specialists=(spec,)) for spec in factors.weaker]
    if factors.confidences:
        found += [_level(CONFIDENCES, label, base, confidences=shown) for label, shown in _SHOWN.items()]
        shuffled = Arm("confidences shuffled", with_fields(base, confidences=True), Corruption(shuffled=True))
        found.append(Level(CONFIDENCES, "confidences shuffled", shuffled))
    found += [
        _level(PATHS, counted(count, "path"), base, method="multi-path", paths=count) for count in factors.paths
    ]
    return found


_SHOWN = {"with confidences": True, "without confidences": False}


def _level(factor: str, label: str, base: Profile, **fields: Any) -> Level:
    return Level(factor, label, Arm(label, with_fields(base, **fields)))


def _corrupted(base: Profile, corruption: Corruption) -> Level:
    label = f"{100 * corruption.rate:g} % corrupted" + (", confidences shuffled" if corruption.shuffled else "")
    return Level(QUALITY, label, Arm(label, base, corruption if corruption.rate else None))


def rule_out(tasks: Sequence[Task], found: Sequence[Level]) -> None:
    """Stop the tasks of levels that mean nothing for their pair and models, and say why.

    A first source is drafted to see whether the drafts have confidences and whether paths can be sampled.
    """
    factors = {level.arm.name: level for level in found}
    for task in tasks:
        if task.state != "ready":
            continue
        try:
            reason = _against(task, factors[task.arm.name])
        except (UsageError, BackendError) as error:
            reason = str(error)
        if reason:
            task.stop("not applicable", ConfigurationError(reason))


def _against(task: Task, level: Level) -> str:
    assert task.plan  # noqa: S101  # a task that is ready has been planned
    if level.factor == SHOTS:
        return _against_shots(task.plan, task.arm.profile.shots)
    if level.factor == SEEDS:
        return _against_seeds(task.plan)
    if level.factor == PATHS:
        return _against_paths(task)
    shuffled = task.arm.corruption is not None and task.arm.corruption.shuffled
    if shuffled or level.factor == CONFIDENCES:
        return _against_confidences(task, shuffled=shuffled)
    return ""


def _against_shots(plan: Plan, asked: int) -> str:
    shown = plan.kit.selector.shots if plan.kit.selector else 0
    return f"The pool of demonstrations holds only {shown}." if shown < asked else ""


def _against_seeds(plan: Plan) -> str:
    selector = plan.kit.selector
    if selector is None:
        return "No demonstrations are shown."
    if selector.name != "fixed":
        return f"Demonstrations are chosen as {selector.name}, whatever the seed."
    if selector.shots >= len(selector.pool):
        return f"All {len(selector.pool)} demonstrations of the pool are shown, whatever the seed."
    return ""


def _against_paths(task: Task) -> str:
    assert task.plan  # noqa: S101
    road = task.plan.kit.require_road("multi-path")
    if isinstance(road, SeveralRoads):
        return "Several specialists give one path each; paths are sampled from one."
    road.draft([Segment(_sample(task))], task.plan.kit.paths)
    return ""


def _against_confidences(task: Task, *, shuffled: bool) -> str:
    assert task.plan  # noqa: S101
    drafted = task.plan.kit.require_road("refine").draft([Segment(_sample(task))])
    drafts: list[Draft] = [draft for item in drafted for draft in item.shown]
    if all(draft.confidence is None for draft in drafts):
        return f"The drafts of {drafts[0].engine or 'this specialist'} have no word confidences."
    if shuffled and not task.plan.kit.confidences:
        return (
            "Prompts of this template show no confidences that could be shuffled; confidences = true shows them."
        )
    return ""


def _sample(task: Task) -> str:
    return next((text for text in task.test_set.sources if text.strip()), "")


@dataclass(frozen=True)
class Group:
    """One factor on one test set.

    `rows` are those of its levels in order, named by level; `arms` are the names of their arms. `spread` holds
    mean and standard deviation by metric where the levels are draws of the same thing.
    """

    test_set: str
    factor: str
    rows: tuple[Row, ...]
    arms: tuple[str, ...]
    spread: Mapping[str, tuple[float, float]]


def groups(summary: Summary, found: Sequence[Level], same: set[tuple[str, str]]) -> list[Group]:
    """Return the rows of a summary by factor.

    Args:
        same: pairs of test set and arm that come to the same thing as the reference.
    """
    result = []
    for test_set in dict.fromkeys(row.test_set for row in summary.rows):
        rows = {row.arm: row for row in summary.of(test_set)}
        for factor in dict.fromkeys(level.factor for level in found if level.factor):
            inside = [level for level in found if level.factor == factor]
            if not any((test_set, level.arm.name) in same for level in inside):
                inside.insert(0, found[0])
            shown = [
                _named(rows[level.arm.name], level.label, (test_set, level.arm.name) in same) for level in inside
            ]
            spread = _spread(shown, summary.metrics) if factor == SEEDS else {}
            result.append(Group(test_set, factor, tuple(shown), tuple(level.arm.name for level in inside), spread))
    return result


def _named(row: Row, label: str, same: bool) -> Row:
    return replace(row, arm=f"{label} ({REFERENCE})" if same else label)


def _spread(rows: Sequence[Row], metrics: Sequence[MetricInfo]) -> dict[str, tuple[float, float]]:
    """Return mean and standard deviation (of a sample) of each metric over the draws."""
    found = {}
    for info in metrics:
        values = [row.scores[info.name].score for row in rows if info.name in row.scores and row.arm != REFERENCE]
        values = [value for value in values if math.isfinite(value)]
        if len(values) > 1:
            found[info.name] = (statistics.fmean(values), statistics.stdev(values))
    return found


def same_as_reference(tasks: Sequence[Task]) -> set[tuple[str, str]]:
    """Return test set and arm of the tasks that have the very keys of the reference."""
    keys = {task.test_set.name: task.keys for task in tasks if task.arm.name == REFERENCE}
    return {
        (task.test_set.name, task.arm.name)
        for task in tasks
        if task.arm.name != REFERENCE and task.state == "done" and task.keys == keys.get(task.test_set.name)
    }


def group_tables(found: Sequence[Group], summary: Summary) -> list[Table]:
    """Return one table a factor, with the score of the drafts beside that of what became of them."""
    metrics, lead = summary.metrics, summary.lead
    quality = quality_columns(metrics)
    columns = [
        *quality[: len(metrics)],
        *([(f"{lead.name} of the drafts", lambda row: number(row.draft))] if lead else []),
        *quality[len(metrics) :],
        ("s / segment, p50", lambda row: number(row.seconds.p50, 3)),
    ]
    result = []
    for group in found:
        made = table(f"{group.test_set}: {group.factor}", group.rows, columns, "level")
        if group.spread:
            means = [_mean(group.spread.get(info.name)) for info in metrics]
            last = ("mean of the seeds", *means, *[""] * (len(columns) - len(means)))
            made = replace(made, rows=(*made.rows, last))
        result.append(made)
    return result


def _mean(spread: tuple[float, float] | None) -> str:
    return f"{spread[0]:.1f}, s.d. {spread[1]:.2f}" if spread else NOTHING
