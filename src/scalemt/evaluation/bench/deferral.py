"""What a budget would cost in quality: curves over budgets, from one run in which every segment was asked.

Each budget is simulated with the engine's own deferral in the engine's own windows. Beside it stand random choice
and an oracle that knows each segment's true gain. Each curve is drawn twice: with the gate deciding on every
answer, and with every answer taken, for a gate already keeps away much of the harm that deferral avoids.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from scalemt.drafts import draft_from_json
from scalemt.engine.backends import asks_generalist
from scalemt.engine.deferring import nearest
from scalemt.errors import ConfigurationError, InputError
from scalemt.evaluation.bench.arms import Arm, Choice, with_fields
from scalemt.evaluation.bench.outputs import first_draft, standing_draft
from scalemt.evaluation.metrics import Metric
from scalemt.evaluation.report.curves import Line, line_plot
from scalemt.evaluation.report.numbers import fixed
from scalemt.evaluation.results import without_nan
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.evaluation.tables import Table
from scalemt.methods import METHODS
from scalemt.quality.deferral import DeferralModel, Drafted, free_features
from scalemt.types import Draft, Segment

if TYPE_CHECKING:
    from scalemt.evaluation.bench.backends import Backends
    from scalemt.evaluation.bench.running import Task
    from scalemt.quality.deferral_fitting import Point, Sides

LOOKED_AT = 0.4
"""The budget at which losses are compared."""

_ROWS = tuple(step / 10 for step in range(11))


@dataclass(frozen=True)
class DeferralCurve:
    """Quality by budget on one test set.

    Args:
        gate: mode of the gate that decided on the answers; "off" took them all.
        chooser: "calibrated", or "rule" where no calibration is stored.
        metric: name of the metric whose corpus scores these are.
        higher_is_better: of the metric.
        segments: those that hold text.
        window: segments that the engine chooses among at once.
        worse: share of segments that come out worse than their draft when all are asked.
    """

    test_set: str
    gate: str
    chooser: str
    metric: str
    higher_is_better: bool
    segments: int
    window: int
    worse: float
    points: tuple[Point, ...]

    def at(self, budget: float) -> Point:
        """Return the point of a budget."""
        return min(self.points, key=lambda point: abs(point.budget - budget))

    def loss(self, score: float) -> float:
        """Return what a score loses against asking everybody, in points; negative where it is better than that."""
        difference = self.points[-1].expected - score
        return difference if self.higher_is_better else -difference

    @property
    def share_of_random(self) -> float:
        """The loss at `LOOKED_AT` over that of random choice; NaN where random choice loses nothing."""
        point = self.at(LOOKED_AT)
        random = self.loss(point.random)
        return self.loss(point.expected) / random if random > 1e-9 else math.nan


def asked_arm(choice: Choice) -> Arm:
    """Return the profile with every segment asked, by its own method, whatever a calibration says.

    Raises:
        ConfigurationError: the method asks no generalist, so that there is nothing to defer.
    """
    profile = choice.configuration.profile(choice.profile, **choice.overrides)
    if profile.method not in METHODS.names() or not asks_generalist(profile):
        raise ConfigurationError(
            f"The method {profile.method} asks no generalist, so there is nothing to defer. "
            "Give a profile with refine."
        )
    return Arm(profile.method, with_fields(profile, method=profile.method, budget=1.0))


def curves(task: Task, backends: Backends, metric: Metric) -> list[DeferralCurve]:
    """Return the curves of a finished task: under its gate, and, if that is not off, without any.

    Raises:
        InputError: the metric cannot say which of two texts is better, or no segment has a draft.
    """
    found = list(_filled(task))
    if not any(item.standing for item in found):
        raise InputError(f"{task.test_set.name}: no segment has a draft in the target language to fall back on.")
    rows = [_features(item, task) for item in found]
    kept = _kept(task.test_set, [item.place for item in found])
    made = [_curve(task, metric, rows, kept, found, _model(task), "gated")]
    if made[0].gate != "off":
        arm = replace(task.arm, profile=with_fields(task.arm.profile, gate="off"))
        ungated = backends.engine(arm, task.pair, task.test_set.sources).plan(*task.pair)
        made.append(_curve(task, metric, rows, kept, found, ungated.deferral, "ungated"))
    return made


@dataclass(frozen=True)
class Asked:
    """One segment that was asked: its draft, what the gate made of the answer, and the answer itself."""

    place: int
    source: str
    drafts: Sequence[Draft]
    standing: str
    gated: str
    ungated: str


def _filled(task: Task) -> Iterator[Asked]:
    for place, source in enumerate(task.test_set.sources):
        if source.strip():
            row = task.rows[place]
            standing = standing_draft(row) or ""
            yield Asked(place, source, _drafts(row), standing, row["translation"], ungated_answer(row))


def _drafts(row: Mapping[str, Any]) -> list[Draft]:
    cut = any(item.get("step") == "length" for item in row["decisions"])
    whole = first_draft(row)
    if cut or whole is None:
        return [whole] if whole else []
    return [draft_from_json(item, "a ledger") for item in row["drafts"]]


def ungated_answer(row: Mapping[str, Any]) -> str:
    """Return the generalist's answer as it is, the draft where there is none or only an empty or cut-off one."""
    pieces: list[tuple[str, str]] = []
    for item in row["candidates"]:
        if item["origin"] == "draft":
            pieces.append((item["text"], ""))
        elif item["origin"] == row["method"] and pieces and not pieces[-1][1] and _usable(item):
            pieces[-1] = (pieces[-1][0], item["text"])
    return " ".join(answer or draft for draft, answer in pieces)


def _usable(candidate: Mapping[str, Any]) -> bool:
    failed = {told.partition(":")[0] for told in candidate.get("failed", ())}
    return bool(candidate["text"].strip()) and not failed & {"empty", "truncated"}


def _features(item: Asked, task: Task) -> dict[str, float] | None:
    if not item.standing.strip():
        return None
    assert task.plan  # noqa: S101
    kit = task.plan.kit
    listed = kit.selector is None or kit.selector.name == "fixed"
    shown = () if listed else nearest(kit, kit.choose([Segment(item.source)])[0])
    return free_features(Drafted(item.source, item.drafts, item.standing, task.pair, shown))


def _model(task: Task) -> DeferralModel | None:
    return task.plan.deferral if task.plan else None


def _kept(whole: TestSet, places: Sequence[int]) -> TestSet:
    def of(texts: Sequence[str]) -> tuple[str, ...]:
        return tuple(texts[place] for place in places) if texts else ()

    references = tuple(of(texts) for texts in whole.references)
    return TestSet(whole.name, of(whole.sources), references, whole.pair, of(whole.ids), of(whole.domains))


def _curve(
    task: Task,
    metric: Metric,
    rows: Sequence[dict[str, float] | None],
    kept: TestSet,
    found: Sequence[Asked],
    model: DeferralModel | None,
    side: str,
) -> DeferralCurve:
    from scalemt.quality.deferral_fitting import curve, in_windows

    assert task.plan  # noqa: S101
    answers = [getattr(item, side) for item in found]
    sides = measured_sides(metric, kept, [item.standing for item in found], answers)
    window = task.arm.profile.batch
    points = curve(sides, in_windows(model, rows, window))
    return DeferralCurve(
        test_set=task.test_set.name,
        gate=task.plan.gate.mode if side == "gated" else "off",
        chooser="calibrated" if model else "rule",
        metric=metric.name,
        higher_is_better=metric.higher_is_better is not False,
        segments=len(found),
        window=window,
        worse=float((sides.gains < -1e-9).mean()),
        points=tuple(points),
    )


def measured_sides(metric: Metric, test_set: TestSet, drafts: Sequence[str], answers: Sequence[str]) -> Sides:
    """Measure drafts and answers by a metric; gains are positive where an answer is better.

    Raises:
        InputError: the metric describes texts, it does not say which is better.
    """
    import numpy as np

    from scalemt.quality.deferral_fitting import Sides

    if metric.higher_is_better is None:
        raise InputError(f"{metric.name} does not say which of two outputs is better; chrf++ does.")
    systems = [System(name, tuple(map(Output, texts))) for name, texts in (("draft", drafts), ("answer", answers))]
    metric.prepare(test_set, systems)
    before, after = (metric.measure(system, test_set) for system in systems)
    way = 1.0 if metric.higher_is_better else -1.0
    gains = way * np.nan_to_num(after.segments - before.segments)
    return Sides(before.statistics, after.statistics, gains, metric.score)


def table(found: DeferralCurve) -> Table:
    """Return a curve in steps of a tenth of the budget."""
    header = ("budget", "asked", "by expected gain", "random", "oracle", "made worse", "made worse, random")
    rows = []
    for budget in _ROWS:
        point = found.at(budget)
        scores = (fixed(point.expected, 2), f"{fixed(point.random, 2)} ± {fixed(point.deviation, 2)}")
        shares = (f"{point.worse:.1%}", f"{point.random_worse:.1%}")
        rows.append((f"{budget:.0%}", f"{point.asked:.0%}", *scores, fixed(point.oracle, 2), *shares))
    return Table(f"{found.test_set}, {found.metric}, {_gate(found)}", header, tuple(rows))


def _gate(found: DeferralCurve) -> str:
    return "every answer taken" if found.gate == "off" else f"gate {found.gate}"


def note(found: DeferralCurve) -> str:
    """Return a sentence on what a budget of 0.4 costs beside random choice, and who chose."""
    point, full = found.at(LOOKED_AT), found.points[-1].expected
    who = (
        "a calibration"
        if found.chooser == "calibrated"
        else "the rule without calibration (scalemt calibrate makes one)"
    )
    told = (
        f"{found.test_set}, {_gate(found)}: at budget {LOOKED_AT:g}, chosen by {who}, {point.asked:.0%} of "
        f"{found.segments} segments are asked; {found.metric} is {fixed(point.expected, 2)}, "
        f"{fixed(full, 2)} when all are asked, {fixed(found.points[0].expected, 2)} when none is. "
    )
    share = found.share_of_random
    if math.isfinite(share) and share > 0:
        return told + f"That loses {share:.0%} of what random choice loses."
    if math.isfinite(share):
        return told + "Nothing is lost; random choice loses."
    return told + "Asking all is no better than asking that share at random, so there is no loss to compare."


def figure(found: Sequence[DeferralCurve]) -> str:
    """Return the curves of one test set as one SVG element."""
    lines = []
    for item in found:
        gated = item.gate != "off" or len(found) == 1
        dash, kind = ("", "") if gated else ("4 3", ", no gate")
        lines += [
            Line(f"by gain{kind}", _points(item, "expected"), "better", dash, marked=gated),
            Line(
                f"random{kind}",
                _points(item, "random"),
                "base",
                dash,
                [point.deviation for point in item.points] if gated else (),
            ),
            Line(f"oracle{kind}", _points(item, "oracle"), "worse", dash),
        ]
    title = f"{found[0].metric} by budget on {found[0].test_set}"
    return line_plot(lines, title=title, x_label="budget: share of segments asked", y_label=found[0].metric)


def _points(found: DeferralCurve, name: str) -> list[tuple[float, float]]:
    return [(point.budget, getattr(point, name)) for point in found.points]


def as_json(found: Sequence[DeferralCurve]) -> list[dict[str, Any]]:
    """Return curves as JSON values, with the losses that `note` tells of."""
    values: list[dict[str, Any]] = without_nan(
        [
            asdict(item)
            | {
                "at": LOOKED_AT,
                "loss": item.loss(item.at(LOOKED_AT).expected),
                "loss_random": item.loss(item.at(LOOKED_AT).random),
                "loss_share_of_random": item.share_of_random,
            }
            for item in found
        ]
    )
    return values


def systems(task: Task) -> list[System]:
    """Return drafts, answers under the gate, and answers as they are, as systems to evaluate and to look at."""
    found = {item.place: item for item in _filled(task)}
    columns: dict[str, Callable[[Asked], str]] = {
        "draft": lambda item: item.standing,
        "all asked": lambda item: item.gated,
        "all asked, no gate": lambda item: item.ungated,
    }
    if task.plan and task.plan.gate.mode == "off":
        del columns["all asked, no gate"]
    places = range(len(task.test_set))
    return [
        System(name, tuple(Output(text(found[place]) if place in found else "") for place in places))
        for name, text in columns.items()
    ]
