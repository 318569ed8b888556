"""From the rows of the ledgers to numbers: quality with significance, time, calls, cost, decisions, changes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from scalemt.config import Profile
from scalemt.errors import InputError
from scalemt.evaluation.bench.ledger import fell_back
from scalemt.evaluation.bench.outputs import (
    Prices,
    as_system,
    cost,
    fault,
    gate_outcome,
    once,
    standing_draft,
)
from scalemt.evaluation.bench.running import Task
from scalemt.evaluation.metrics import Metric, MetricContext, build_metric, build_metrics
from scalemt.evaluation.results import Cell, Evaluation, MetricInfo, without_nan
from scalemt.evaluation.run import evaluate
from scalemt.evaluation.significance import Options
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.retry import redact
from scalemt.types import Pair

_SAME = 1e-9  # two sentence scores nearer than this are the same


@dataclass(frozen=True)
class Seconds:
    """Time a segment: median, 95th percentile (linear interpolation), sum over all; and the batch size.

    A segment's time is the mean of its batch, so percentiles are those of single segments only where `batch` is 1.
    """

    p50: float = math.nan
    p95: float = math.nan
    total: float = math.nan
    batch: int = 1


@dataclass(frozen=True)
class Row:
    """One arm on one test set.

    Args:
        state: "done", "not applicable" or "failed"; the latter two have a `reason`.
        segments: how many are finished, of `expected`.
        called: the share of segments for which the generalist was asked.
        calls, prompt_tokens, completion_tokens: of answers; what the gate asks for to score is not counted.
        cost: at the given prices, else as the generalist told it; NaN where neither is known.
        decisions: the share of segments by what the gate took; empty where there was none.
        worse, better: segments whose sentence chrF++ is below or above that of the draft; None without one.
        compared: what they are compared with: "own" draft, or the name of the arm whose outputs stood in for it.
        draft: score of the drafts themselves on `Summary.lead`; NaN where there are none.
        fallbacks: segments where the generalist failed and something else stands in.
        failed: segments without a translation.
        fault: the most frequent reason of both.
        scores: the cells of the evaluation by metric; empty unless done.
    """

    test_set: str
    arm: str
    state: str
    reason: str = ""
    segments: int = 0
    expected: int = 0
    seconds: Seconds = Seconds()
    called: float = math.nan
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = math.nan
    decisions: Mapping[str, float] = field(default_factory=dict)
    worse: int | None = None
    better: int | None = None
    compared: str = ""
    draft: float = math.nan
    fallbacks: int = 0
    failed: int = 0
    fault: str = ""
    scores: Mapping[str, Cell] = field(default_factory=dict)
    signature: str = ""
    profile: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scoring:
    """How outputs are scored: metrics by specification, the baseline by name, tests, and prices if known."""

    metrics: Sequence[str] = ("chrf++", "bleu")
    baseline: str = "draft"
    options: Options = field(default_factory=Options)
    prices: Prices | None = None
    context: MetricContext = field(default_factory=MetricContext)
    _built: dict[Pair | None, list[Metric]] = field(default_factory=dict, repr=False)

    def build(self, test_set: TestSet) -> list[Metric]:
        """Return the metrics for a test set.

        Raises:
            InputError: the set lacks what a metric needs; better known before hours of translating.
            UsageError: a metric that cannot be built.
        """
        if test_set.pair not in self._built:
            context = replace(self.context, pair=test_set.pair)
            self._built[test_set.pair] = build_metrics(self.metrics, context)
        metrics = self._built[test_set.pair]
        for metric in metrics:
            if lacking := metric.lacks(test_set):
                raise InputError(f"{metric.name} needs {' and '.join(lacking)}, which {test_set.name} lacks.")
        return metrics


@dataclass(frozen=True)
class Summary:
    """What a bench found: a row an arm and set, and an evaluation a set on which anything was finished."""

    rows: tuple[Row, ...]
    evaluations: tuple[Evaluation, ...]
    notes: tuple[str, ...] = ()

    def of(self, test_set: str) -> list[Row]:
        """Return the rows of one test set."""
        return [row for row in self.rows if row.test_set == test_set]

    @property
    def metrics(self) -> list[MetricInfo]:
        """The columns of quality; the same for all sets but for their signatures."""
        return list(self.evaluations[0].metrics) if self.evaluations else []

    @property
    def lead(self) -> MetricInfo | None:
        """The first metric of quality: drafts are scored with it, and the curve is drawn of it."""
        return next((info for info in self.metrics if leads(info)), None)


def leads(metric: Metric | MetricInfo) -> bool:
    """Whether a metric says how good outputs are; the others describe them, or need all systems at once."""
    return metric.group == "quality" and metric.higher_is_better is not None


def summarise(tasks: Sequence[Task], scoring: Scoring) -> Summary:
    """Score what is finished.

    An arm that stopped half-way on a set has a row and no scores: they would be of another text than the others'.
    """
    rows: list[Row] = []
    evaluations: list[Evaluation] = []
    notes: list[str] = []
    for name in dict.fromkeys(task.test_set.name for task in tasks):
        of_set = [task for task in tasks if task.test_set.name == name]
        evaluation, note = _evaluated(of_set, scoring)
        if evaluation:
            evaluations.append(evaluation)
        if note:
            notes.append(note)
        rows += _rows(of_set, evaluation, scoring)
    return Summary(tuple(rows), tuple(evaluations), tuple(notes))


def _whole(tasks: Sequence[Task]) -> list[Task]:
    return [task for task in tasks if task.state == "done" and len(task.rows) == len(task.test_set)]


def _evaluated(tasks: Sequence[Task], scoring: Scoring) -> tuple[Evaluation | None, str]:
    whole = _whole(tasks)
    if not whole:
        return None, ""
    test_set = tasks[0].test_set
    systems = [as_system(task, scoring.prices) for task in whole]
    names = [system.name for system in systems]
    baseline = scoring.baseline if scoring.baseline in names else names[0]
    note = ""
    if baseline != scoring.baseline and len(names) > 1:
        note = f"{test_set.name}: {scoring.baseline} has no outputs to compare with; {baseline} is the baseline."
    metrics = scoring.build(test_set)
    found = evaluate(
        test_set, once(systems), metrics, baseline=baseline if len(names) > 1 else "", options=scoring.options
    )
    # Drafts in the language of a pivot have no reference that they could be right by.
    known = {name: item for name, item in found.reliability.items() if item.words}
    notes = (*([note] if note else ()), *found.notes)
    return replace(found, systems=tuple(systems), reliability=known, notes=notes), note


def _rows(tasks: Sequence[Task], evaluation: Evaluation | None, scoring: Scoring) -> list[Row]:
    whole = _whole(tasks)
    against = next((task for task in whole if task.plan and task.plan.method.name == "draft"), None)
    found = []
    for task in tasks:
        row = _costs(task, scoring.prices)
        if task in whole and evaluation:
            row = replace(row, scores=evaluation.cells[task.arm.name], **_beside_draft(task, against, scoring))
        found.append(row)
    return found


def _costs(task: Task, prices: Prices | None) -> Row:
    rows = list(task.rows.values())
    usages = [row["usage"] for row in rows]
    outcomes = Counter(outcome for row in rows if (outcome := gate_outcome(row)))
    costs = [cost(usage, prices) for usage in usages]
    return Row(
        test_set=task.test_set.name,
        arm=task.arm.name,
        state=task.state,
        reason=task.reason,
        segments=len(rows),
        expected=len(task.test_set),
        seconds=_seconds(rows),
        called=sum(bool(usage.get("calls")) for usage in usages) / len(rows) if rows else math.nan,
        calls=sum(usage.get("calls", 0) for usage in usages),
        prompt_tokens=sum(usage.get("prompt_tokens", 0) for usage in usages),
        completion_tokens=sum(usage.get("completion_tokens", 0) for usage in usages),
        cost=sum(costs) if costs else math.nan,
        decisions={outcome: count / len(rows) for outcome, count in outcomes.most_common()},
        fallbacks=sum(map(fell_back, rows)),
        failed=sum(bool(row.get("error")) for row in rows),
        fault=fault(rows),
        signature=task.plan.signature if task.plan else "",
        profile=_shown(task.arm.profile),
    )


def _seconds(rows: Sequence[Mapping[str, Any]]) -> Seconds:
    import numpy as np

    if not rows:
        return Seconds()
    values = np.asarray([row["seconds"] for row in rows], dtype=np.float64)
    p50, p95 = np.percentile(values, (50, 95))
    return Seconds(float(p50), float(p95), float(values.sum()), max(row["batch"] for row in rows))


def _shown(profile: Profile) -> dict[str, Any]:
    """Return the fields of a profile without what a URL may hold of secrets."""
    fields = profile.model_dump()
    fields["generalist"] = _redacted(profile.generalist)
    fields["specialists"] = [_redacted(spec) for spec in profile.specialists]
    return fields


def _redacted(spec: str) -> str:
    name, colon, argument = spec.partition(":")
    if "://" not in argument:
        return spec
    url, hash_, model = argument.partition("#")
    return f"{name}{colon}{redact(url)}{hash_}{model}"


def _beside_draft(task: Task, against: Task | None, scoring: Scoring) -> dict[str, Any]:
    """Compare each segment with its own draft, or with the outputs of the arm `draft` where it had none."""
    test_set = task.test_set
    rows = [task.rows[place] for place in range(len(test_set))]
    drafts = [standing_draft(row) for row in rows]
    compared = "own"
    if not any(text is not None for text in drafts):
        if against is None or against is task:
            return {}
        drafts = [against.rows[place]["translation"] for place in range(len(test_set))]
        compared = against.arm.name
    texts = [row["translation"] for row in rows]
    standing = [text if draft is None else draft for draft, text in zip(drafts, texts, strict=True)]
    result: dict[str, Any] = {"compared": compared}
    if compared == "own":
        lead = next(filter(leads, scoring.build(test_set)), None)
        result["draft"] = _corpus_score(standing, lead, test_set) if lead else math.nan
    if test_set.references and task.plan and task.plan.method.name != "draft":
        worse, better = _changes(standing, texts, test_set)
        result |= {"worse": worse, "better": better}
    return result


def _system(name: str, texts: Sequence[str]) -> System:
    return System(name, tuple(Output(text) for text in texts))


def _corpus_score(texts: Sequence[str], metric: Metric, test_set: TestSet) -> float:
    measured = metric.measure(_system("drafts", texts), test_set)
    return float(metric.score(measured.statistics.sum(0, keepdims=True))[0])


def _changes(before: Sequence[str], after: Sequence[str], test_set: TestSet) -> tuple[int, int]:
    import numpy as np

    metric = build_metric("chrf++")
    scores = [metric.measure(_system("one side", texts), test_set).segments for texts in (before, after)]
    change = np.nan_to_num(scores[1] - scores[0])
    return int((change < -_SAME).sum()), int((change > _SAME).sum())


def as_json(summary: Summary) -> dict[str, Any]:
    """Return all but texts and segment scores, which the ledgers and the report hold, as JSON values."""
    rows = []
    for row in summary.rows:
        fields = asdict(replace(row, scores={}))
        fields["scores"] = {
            name: {key: value for key, value in asdict(cell).items() if key != "segments"}
            for name, cell in row.scores.items()
        }
        rows.append(fields)
    sets = [
        {
            "name": item.test_set.name,
            "pair": str(item.test_set.pair),
            "segments": len(item.test_set),
            "baseline": item.baseline,
            "alpha": item.alpha,
            "metrics": [asdict(info) for info in item.metrics],
            "reliability": {name: asdict(found) for name, found in item.reliability.items()},
        }
        for item in summary.evaluations
    ]
    cleaned: dict[str, Any] = without_nan({"sets": sets, "rows": rows, "notes": list(summary.notes)})
    return cleaned
