"""Which worker of a graph is to get which segment: every worker on every segment, and ways to choose beside it.

Each worker translates all of the test sets, as arms of a bench do. From that a router is fitted, and told of by
what fits choose that had not seen a segment. Beside it stand each worker alone, the best of them, chance, an
oracle that knows every score, and routers that need no fit, which really are run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from scalemt.engine.crew import DispatchPlan
from scalemt.engine.dispatching import DispatchRun
from scalemt.errors import ConfigurationError, InputError
from scalemt.evaluation.bench.arms import Arm, Choice, first, with_fields
from scalemt.evaluation.report.numbers import fixed
from scalemt.evaluation.results import without_nan
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.evaluation.tables import Table
from scalemt.methods.route.fitting import Development, RouterFit, fit_router
from scalemt.methods.route.learned import LearnedRouter
from scalemt.text.protection import protect
from scalemt.types import Pair, Segment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalemt.evaluation.bench.running import Bench, Task
    from scalemt.evaluation.metrics import Metric
    from scalemt.methods.route import Request

    Numbers = NDArray[np.float64]
    Places = NDArray[np.int64]

_DRAWS = 200
_SAME = 1e-6  # scores nearer than this are the same


@dataclass(frozen=True)
class Field:
    """One pair of a study: what its graph is, and the tasks of every worker and router on each of its sets."""

    pair: Pair
    plan: DispatchPlan
    run: DispatchRun
    sets: tuple[TestSet, ...]
    workers: Mapping[str, Sequence[Task]]
    routers: Mapping[str, Sequence[Task]]

    @property
    def tasks(self) -> list[Task]:
        """All tasks, those of the workers first."""
        return [task for tasks in (*self.workers.values(), *self.routers.values()) for task in tasks]


@dataclass(frozen=True)
class Way:
    """One way to choose workers, and what came of it.

    Args:
        score: of the whole by the metric.
        deviation: of the score over draws, where it is chance.
        right: share of segments that came out as well as by their best worker.
        regret: points a segment by which it is below that, on average.
        calls, tokens: of the generalist, for all segments.
        seconds: a segment.
        shares: of the segments, by worker.
    """

    name: str
    score: float
    right: float
    regret: float
    calls: float
    tokens: float
    seconds: float
    shares: Mapping[str, float]
    deviation: float = 0.0


@dataclass(frozen=True)
class Study:
    """What was found for one pair."""

    pair: Pair
    metric: str
    segments: int
    ways: tuple[Way, ...]
    fit: RouterFit
    strange: Mapping[str, float]


def route_profile(choice: Choice) -> Arm:
    """Return the profile that routes, whatever method the chosen one has.

    Raises:
        ConfigurationError: an option of the method is wrong.
    """
    profile = choice.configuration.profile(choice.profile, **{**choice.overrides, "method": "route"})
    return Arm("route", profile)


def prepare(bench: Bench, arm: Arm, sets: Sequence[TestSet], routers: Sequence[str]) -> list[Field]:
    """Return what is to be run, pair by pair: each worker that is there, and each router.

    Raises:
        UsageError: no worker is there for a pair.
    """
    found = []
    for pair in dict.fromkeys(item.pair for item in sets if item.pair):
        own = tuple(first(item, bench.limit) for item in sets if item.pair == pair)
        rules = _by(arm, "rules")
        engine = bench.backends.engine(rules, pair, own[0].sources)
        plan, run = engine.plan(*pair), engine.run(*pair)
        if not isinstance(plan, DispatchPlan) or not isinstance(run, DispatchRun):
            raise ConfigurationError(f"The method {plan.method.name} has no workers to compare.")
        if len(plan.hands) < 2:
            why = "; ".join(f"{name}: {reason}" for name, reason in plan.left_out.items())
            raise ConfigurationError(f"Only {plan.workers[0].name} is there for {pair}: nothing to choose. {why}")
        workers = {
            hand.worker.name: bench.prepare([Arm(hand.worker.name, hand.profile)], own) for hand in plan.hands
        }
        tasks = {name: bench.prepare([replace(_by(arm, name), name=f"by {name}")], own) for name in routers}
        found.append(Field(pair, plan, run, own, workers, tasks))
    return found


def _by(arm: Arm, router: str) -> Arm:
    options = {**arm.profile.options, "router": router}
    return Arm(arm.name, with_fields(arm.profile, options=options))


def studied(field: Field, metric: Metric) -> Study:
    """Return what the finished tasks of a pair tell, with a router fitted on them.

    Args:
        field: its tasks; workers of which one was not done are left out.
        metric: says which of two outputs is better.

    Raises:
        InputError: the metric does not say which is better.
        ConfigurationError: too few segments or workers are left for a fit.
    """
    if metric.higher_is_better is None:
        raise InputError(f"{metric.name} does not say which of two outputs is better; chrf++ does.")
    whole = _joined(field.sets)
    done = {name: _rows(tasks) for name, tasks in field.workers.items() if all(t.state == "done" for t in tasks)}
    routed = {name: _rows(tasks) for name, tasks in field.routers.items() if all(t.state == "done" for t in tasks)}
    measured = _Measured.of(metric, whole, {**done, **{f"by {name}": rows for name, rows in routed.items()}})
    names = list(done)
    scores = np.stack([measured.segments[name] for name in names], axis=1) if names else np.zeros((0, 0))
    requests = [item for one in field.sets for item in _requests(field.run, one)]
    costs = [worker.cost for worker in field.plan.workers if worker.name in done]
    known = Development(field.plan.graph, requests, names, costs, scores)
    fit = fit_router(known)
    ways = _ways(measured, names, scores, fit, list(routed))
    strange = _strange(known, field.sets, field.plan)
    return Study(field.pair, metric.name, len(whole), ways, fit, strange)


def _rows(tasks: Sequence[Task]) -> list[Mapping[str, Any]]:
    return [task.rows[place] for task in tasks for place in range(len(task.test_set))]


def _requests(run: DispatchRun, test_set: TestSet) -> list[Request]:
    return run.requests([protect(Segment(text)) for text in test_set.sources])


def _joined(sets: Sequence[TestSet]) -> TestSet:
    if len({len(item.references) for item in sets}) > 1:
        raise InputError("The test sets of one pair have different numbers of references.")
    columns = zip(*(item.references for item in sets), strict=True)
    references = tuple(tuple(text for part in parts for text in part) for parts in columns)
    sources = tuple(text for item in sets for text in item.sources)
    ids = tuple(f"{item.name} {name}" for item in sets for name in item.ids)
    return TestSet(" + ".join(item.name for item in sets), sources, references, sets[0].pair, ids)


@dataclass(frozen=True)
class _Measured:
    """Statistics, segment scores (higher is better) and rows of systems by name, and the metric."""

    metric: Metric
    statistics: Mapping[str, Numbers]
    segments: Mapping[str, Numbers]
    rows: Mapping[str, Sequence[Mapping[str, Any]]]

    @classmethod
    def of(cls, metric: Metric, whole: TestSet, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> _Measured:
        systems = [System(name, tuple(Output(row["translation"]) for row in made)) for name, made in rows.items()]
        metric.prepare(whole, systems)
        found = {system.name: metric.measure(system, whole) for system in systems}
        sign = 1.0 if metric.higher_is_better else -1.0
        scores = {name: sign * np.nan_to_num(item.segments) for name, item in found.items()}
        return cls(metric, {name: item.statistics for name, item in found.items()}, scores, rows)

    def chosen(self, title: str, names: Sequence[str], places: Places, best: Numbers) -> Way:
        """Return a way that takes for each segment what the worker of a place has made."""
        every = np.arange(len(places))
        stats = np.stack([self.statistics[name] for name in names])[places, every]
        scores = np.stack([self.segments[name] for name in names])[places, every]
        rows = [self.rows[names[place]][at] for at, place in enumerate(places)]
        shares = {name: float((places == place).mean()) for place, name in enumerate(names)}
        return self._way(title, stats, scores, rows, best, shares)

    def whole(self, name: str, best: Numbers) -> Way:
        """Return a way that was really run."""
        rows = self.rows[name]
        taken = [row["steps"][-1]["worker"] if row.get("steps") else "" for row in rows]
        shares = {worker: taken.count(worker) / len(taken) for worker in sorted(set(taken)) if worker}
        return self._way(name, self.statistics[name], self.segments[name], rows, best, shares)

    def _way(
        self,
        title: str,
        stats: Numbers,
        scores: Numbers,
        rows: Sequence[Mapping[str, Any]],
        best: Numbers,
        shares: Mapping[str, float],
    ) -> Way:
        usage = [row["usage"] for row in rows]
        return Way(
            title,
            float(self.metric.score(stats.sum(0)[None])[0]),
            float((scores >= best - _SAME).mean()),
            float((best - scores).mean()),
            float(sum(item.get("calls", 0) for item in usage)),
            float(sum(item.get("prompt_tokens", 0) + item.get("completion_tokens", 0) for item in usage)),
            float(np.mean([row["seconds"] for row in rows])),
            shares,
        )


def _ways(
    measured: _Measured, names: Sequence[str], scores: Numbers, fit: RouterFit, routers: Sequence[str]
) -> tuple[Way, ...]:
    best = scores.max(axis=1)
    count = len(scores)
    alone = [measured.chosen(name, names, np.full(count, place), best) for place, name in enumerate(names)]
    made = [
        *alone,
        measured.chosen("best single, of the other folds", names, fit.single, best),
        _chance(measured, names, best),
        *(measured.whole(f"by {name}", best) for name in routers),
        measured.chosen("learned, on held-out folds", names, fit.chosen, best),
        measured.chosen("oracle", names, scores.argmax(axis=1), best),
    ]
    return tuple(made)


def _chance(measured: _Measured, names: Sequence[str], best: Numbers) -> Way:
    """Return the mean of random choices."""
    generator = np.random.default_rng(0)
    drawn = generator.integers(len(names), size=(_DRAWS, len(best)))
    ways = [measured.chosen("random", names, places, best) for places in drawn]
    means = {
        name: float(np.mean([getattr(way, name) for way in ways]))
        for name in ("score", "right", "regret", "calls", "tokens", "seconds")
    }
    deviation = float(np.std([way.score for way in ways]))
    return Way("random", shares=dict.fromkeys(names, 1 / len(names)), deviation=deviation, **means)


def _strange(known: Development, sets: Sequence[TestSet], plan: DispatchPlan) -> dict[str, float]:
    """Return the share of each set that a router which was fitted on the others takes for another kind of text."""
    ends = np.cumsum([len(item) for item in sets])
    found = {}
    for item, end in zip(sets, ends, strict=True):
        inside = np.zeros(len(known.requests), dtype=bool)
        inside[end - len(item) : end] = True
        others = replace(
            known,
            requests=[request for request, held in zip(known.requests, inside, strict=True) if not held],
            scores=known.scores[~inside],
        )
        try:
            model = fit_router(others).model
        except ConfigurationError:
            continue  # of one set alone there are no others
        held = [request for request, left in zip(known.requests, inside, strict=True) if left]
        choices = LearnedRouter(model).route(held, plan.workers, plan.general)
        found[item.name] = sum("another kind" in choice.reason for choice in choices) / len(held)
    return found


def table(found: Study) -> Table:
    """Return the ways to choose, a row each."""
    header = ("chosen", found.metric, "as the best", "regret", "calls", "tokens", "seconds", "shares")
    rows = []
    for way in found.ways:
        score = fixed(way.score, 2) + (f" ± {fixed(way.deviation, 2)}" if way.deviation else "")
        numbers = (f"{way.right:.0%}", fixed(way.regret, 2), f"{way.calls:.0f}", f"{way.tokens:.0f}")
        shares = ", ".join(f"{name} {share:.0%}" for name, share in way.shares.items() if share)
        rows.append((way.name, score, *numbers, fixed(way.seconds, 2), shares))
    return Table(f"{found.pair}, {found.segments} segments", header, tuple(rows))


def notes(found: Study, plan: DispatchPlan) -> list[str]:
    """Return sentences on what the fit is worth, and who of the graph was not there."""
    measured, model = found.fit.model.measured, found.fit.model
    gain, error = measured["gain over the best single worker"], measured["its standard error"]
    verdict = (
        "The router chooses by what it has learnt."
        if model.trusted
        else f"That is not more than its error: the router gives everything to {model.best}."
    )
    told = [
        f"{found.pair}: on held-out folds the fitted router gains {gain:+.2f} ± {error:.2f} points a segment "
        f"over the best single worker, costs included. {verdict}",
        f"{found.pair}: its probabilities are off by {measured['calibration error']:.3f} on average "
        f"({measured['before calibration']:.3f} before calibration).",
    ]
    told += [
        f"{found.pair}: a router that was fitted on the other sets takes {share:.0%} of {name} for another "
        "kind of text, and gives it to the general worker."
        for name, share in found.strange.items()
    ]
    return told + [f"{found.pair}: {name} is left out: {reason}" for name, reason in plan.left_out.items()]


def as_json(found: Study) -> dict[str, Any]:
    """Return a study as JSON values."""
    values: dict[str, Any] = without_nan(
        {
            "pair": str(found.pair),
            "metric": found.metric,
            "segments": found.segments,
            "ways": [asdict(way) for way in found.ways],
            "fit": {
                "trusted": found.fit.model.trusted,
                "best": found.fit.model.best,
                **found.fit.model.measured,
            },
            "strange": dict(found.strange),
        }
    )
    return values
