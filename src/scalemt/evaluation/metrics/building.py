"""Build metrics from specifications: a name, with an argument behind a colon."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from scalemt.errors import ConfigurationError
from scalemt.evaluation.metrics.base import Metric
from scalemt.registry import Registry
from scalemt.types import Pair

if TYPE_CHECKING:
    from scalemt.evaluation.alignment import AlignmentCache

METRICS = Registry(
    "metric",
    "scalemt.metrics",
    {
        "chrf": "scalemt.evaluation.metrics.lexical:ChrF",
        "chrf++": "scalemt.evaluation.metrics.lexical:ChrFPlusPlus",
        "bleu": "scalemt.evaluation.metrics.lexical:BLEU",
        "spbleu": "scalemt.evaluation.metrics.lexical:SpBLEU",
        "ter": "scalemt.evaluation.metrics.lexical:TER",
        "copy": "scalemt.evaluation.metrics.behaviour:CopyRate",
        "length": "scalemt.evaluation.metrics.behaviour:LengthRatio",
        "language": "scalemt.evaluation.metrics.behaviour:LanguageAccuracy",
        "empty": "scalemt.evaluation.metrics.behaviour:EmptyOutputs",
        "truncated": "scalemt.evaluation.metrics.behaviour:TruncatedOutputs",
        "terms": "scalemt.evaluation.metrics.terms:TermAccuracy",
        "comet": "scalemt.evaluation.metrics.comet:COMET",
        "cometkiwi": "scalemt.evaluation.metrics.comet:COMETKiwi",
        "bleurt": "scalemt.evaluation.metrics.bleurt:BLEURT",
        "metricx": "scalemt.evaluation.metrics.metricx:MetricX",
        "metricx-qe": "scalemt.evaluation.metrics.metricx:MetricXQE",
        "usw": "scalemt.evaluation.characteristics:UnalignedSourceWords",
        "nm": "scalemt.evaluation.characteristics:NonMonotonicity",
        "perplexity": "scalemt.evaluation.fluency:Perplexity",
    },
)


@dataclass(frozen=True)
class MetricContext:
    """What metrics may be built with; a metric takes what its constructor names, and nothing else.

    `argument` is what stands behind the colon of `name:argument` (a folder, a tokenizer); `aligner` and
    `generalist` are specifications too, `glossary` is the path of a term list, `alignments` takes the place of
    `aligner` where several metrics share one.
    """

    argument: str = ""
    pair: Pair | None = None
    aligner: str = ""
    alignments: AlignmentCache | None = None
    generalist: str = ""
    glossary: str = ""
    threads: int = 1


def build_metric(spec: str, context: MetricContext | None = None) -> Metric:
    """Return the metric that `spec` names: `chrf++`, `bleu:zh`, `comet:/models/wmt22-comet-da` …

    Raises:
        UnknownNameError: no such name; the message lists the valid ones.
        ConfigurationError: an argument where none is taken.
        MissingExtraError: its library is not installed.
        ModelError: its weights are not where the argument says.
    """
    name, _, argument = _known(spec).partition(":")
    factory = METRICS.load(name)
    given = vars(replace(context or MetricContext(), argument=argument))
    parameters = inspect.signature(factory).parameters
    if argument and "argument" not in parameters:
        raise ConfigurationError(f"The metric {name} takes no argument behind the colon, found {argument!r}.")
    chosen: dict[str, Any] = {key: value for key, value in given.items() if key in parameters}
    metric: Metric = factory(**chosen)
    return metric


def build_metrics(specs: Sequence[str], context: MetricContext | None = None) -> list[Metric]:
    """Return one metric a specification, each specification once, in whatever case its name is written.

    Those that align words share one aligner. Two of one name, as of `bleu` and `bleu:intl`, are told apart: the
    later ones are named as they were asked for.

    Raises:
        UsageError: as `build_metric`.
    """
    context = _with_alignments(specs, context or MetricContext())
    metrics: list[Metric] = []
    for spec in dict.fromkeys(map(_known, specs)):
        metric = build_metric(spec, context)
        if metric.name in [other.name for other in metrics]:
            metric.name = spec
        metrics.append(metric)
    return metrics


def _known(spec: str) -> str:
    """Return a specification with its name in lower case, unless a plug-in is called just so."""
    name, colon, argument = spec.partition(":")
    return spec if name in METRICS.names() else f"{name.lower()}{colon}{argument}"


def _with_alignments(specs: Sequence[str], context: MetricContext) -> MetricContext:
    """Add what metrics that align words share, where any is asked for: fitted once, each system aligned once."""
    factories = [METRICS.load(_known(spec).partition(":")[0]) for spec in specs]
    if context.alignments or not any(
        "alignments" in inspect.signature(factory).parameters for factory in factories
    ):
        return context
    from scalemt.evaluation.alignment import AlignmentCache, build_aligner

    aligner = build_aligner(context.aligner, threads=context.threads, pair=context.pair)
    return replace(context, alignments=AlignmentCache(aligner, context.pair))
