"""The run: systems by metrics on one test set, with intervals and significance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from scalemt.errors import InputError
from scalemt.evaluation.metrics import Measured, Metric
from scalemt.evaluation.results import Cell, Evaluation, MetricInfo, Reliability
from scalemt.evaluation.significance import Options, compare, describe
from scalemt.evaluation.systems import System, TestSet
from scalemt.version import __version__

Progress = Callable[[int], None]
"""Called with the number of outputs scored since the last call; there are systems x metrics x segments of them."""


def evaluate(
    test_set: TestSet,
    systems: Sequence[System],
    metrics: Sequence[Metric],
    *,
    baseline: str = "",
    options: Options | None = None,
    progress: Progress | None = None,
    notes: Sequence[str] = (),
) -> Evaluation:
    """Score systems on a test set.

    Args:
        test_set: sources and references.
        systems: one or more, each with as many outputs as the test set has segments.
        metrics: what to score with; their statistics are resampled together.
        baseline: the name of the system that the others are compared with; "" compares nothing.
        options: samples, trials, seed and alpha of the tests.
        progress: called as outputs are scored.
        notes: what a reader of the result should know.

    Raises:
        InputError: no systems, two of one name, no such baseline, or a metric lacks what it needs.
    """
    _refuse_bad_names(systems, baseline)
    for metric in metrics:
        # All before the first is measured: the last one's fault should not cost the others' time.
        metric.require(test_set)
    options = options or Options()
    progress = progress or (lambda _: None)
    cells: dict[str, dict[str, Cell]] = {system.name: {} for system in systems}
    for metric in metrics:
        metric.prepare(test_set, systems)
        measured = {system.name: _measure(metric, system, test_set, progress) for system in systems}
        for name, row in cells.items():
            row[metric.name] = _cell(metric, measured, name, baseline, options)
    return Evaluation(
        test_set=test_set,
        systems=tuple(systems),
        metrics=tuple(
            MetricInfo(metric.name, options.sign(metric.signature), metric.higher_is_better, metric.group)
            for metric in metrics
        ),
        cells=cells,
        baseline=baseline,
        alpha=options.alpha,
        reliability=_reliability(test_set, systems),
        notes=(*notes, *_failures(test_set, systems)),
        scalemt=__version__,
    )


def _refuse_bad_names(systems: Sequence[System], baseline: str) -> None:
    names = [system.name for system in systems]
    if not names:
        raise InputError("There is no system to evaluate: give at least one file of outputs (--hyp).")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"Two systems are named {twice!r}. Name them apart: --hyp NAME=FILE.")
    if baseline and baseline not in names:
        raise InputError(f"The baseline {baseline!r} is none of the systems: {', '.join(names)}.")


def _measure(metric: Metric, system: System, test_set: TestSet, progress: Progress) -> Measured:
    told = 0

    def count(done: int) -> None:
        nonlocal told
        told += done
        progress(done)

    measured = metric.measure(system, test_set, count)
    progress(len(test_set) - told)
    return measured


def _cell(metric: Metric, measured: Mapping[str, Measured], name: str, baseline: str, options: Options) -> Cell:
    if not baseline or name == baseline:
        return describe(metric, measured[name], options, "baseline" if name == baseline else "undefined")
    return compare(metric, measured[baseline], measured[name], options)


def _failures(test_set: TestSet, systems: Sequence[System]) -> Iterator[str]:
    for system in systems:
        if failed := sum(output.failed for output in system.outputs):
            yield f"{system.name} failed on {failed} of {len(test_set)} segments, which are scored as they are."


def _reliability(test_set: TestSet, systems: Sequence[System]) -> dict[str, Reliability]:
    if not test_set.references or not any(output.draft for system in systems for output in system.outputs):
        return {}
    from scalemt.evaluation.confidence import has_confidences, reliability

    return {system.name: reliability(system, test_set) for system in systems if has_confidences(system)}
