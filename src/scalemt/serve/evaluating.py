"""Scores of translations that come with a request: metrics that need no model."""

from __future__ import annotations

from collections.abc import Sequence

from scalemt import languages
from scalemt.evaluation.metrics import MetricContext, build_metrics
from scalemt.evaluation.results import Evaluation
from scalemt.evaluation.run import evaluate
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.serve.refusals import InvalidRequest
from scalemt.types import Pair

METRICS = ("bleu", "chrf", "chrf++", "ter", "copy", "length", "empty")
"""Those that are served: they load nothing, and their time grows with the texts alone."""

_LONGEST_TER = 3_000  # characters of a text


def evaluated(
    hypotheses: Sequence[str],
    references: Sequence[str],
    *,
    sources: Sequence[str] | None = None,
    metrics: Sequence[str] = ("chrf++", "bleu"),
    target: str = "",
) -> Evaluation:
    """Score one system on N segments.

    Raises:
        InvalidRequest: a metric is not served.
        InputError: counts differ, there are none, or a metric lacks sources.
        UnknownLanguageError: the target is no language.
    """
    unknown = next((name for name in metrics if name not in METRICS), None)
    if unknown is not None:
        raise InvalidRequest(f"There is no served metric {unknown!r}. Valid choices: {', '.join(METRICS)}.")
    # "und" is BCP-47 for a language that is not told; the target is enough for these metrics.
    pair = Pair("und", languages.parse(target)) if target else None
    test_set = TestSet("request", tuple(sources or ()), (tuple(references),), pair)
    if len(hypotheses) != len(references):
        raise InvalidRequest(
            f"There are {len(hypotheses)} hypotheses and {len(references)} references. Give as many of both."
        )
    longest = max(map(len, [*hypotheses, *references]), default=0)
    if "ter" in metrics and longest > _LONGEST_TER:
        raise InvalidRequest(
            f"A text has {longest:,} characters; ter takes at most {_LONGEST_TER:,}, since its time grows with "
            "their square. Leave it out, or cut the texts."
        )
    system = System("hypotheses", tuple(Output(text) for text in hypotheses))
    built = build_metrics(list(dict.fromkeys(metrics)), MetricContext(pair=pair))
    return evaluate(test_set, [system], built)
