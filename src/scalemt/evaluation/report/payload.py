"""What the page's scripts read: evaluations as compact JSON that no text can break out of.

Texts and drafts stand once in a pool and are named by their place in it, since systems often share drafts and
now and then outputs; segment scores are rounded, NaN is null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from scalemt.errors import InputError
from scalemt.evaluation.report.numbers import decimals
from scalemt.evaluation.results import Evaluation, MetricInfo
from scalemt.evaluation.systems import Output, System
from scalemt.types import Draft

_HARMLESS: dict[str, str | int | None] = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def embed(value: object) -> str:
    """Return JSON that may stand inside a `<script>` element whatever texts it holds.

    `<`, `>`, `&` and the two line separators of Unicode are written as escapes: no end tag, comment or character
    reference can arise (OWASP, cross-site scripting prevention, rule 3.1).
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(str.maketrans(_HARMLESS))


class _Pool:
    """Values by the order of their first use; the same value twice takes one place."""

    def __init__(self) -> None:
        self.places: dict[Hashable, int] = {}

    def add(self, value: Hashable) -> int:
        return self.places.setdefault(value, len(self.places))

    def values(self) -> list[Hashable]:
        return list(self.places)


class _Packer:
    """Packs one evaluation; texts, drafts and labels of it share three pools."""

    def __init__(self, evaluation: Evaluation) -> None:
        self.evaluation = evaluation
        self.texts, self.drafts, self.labels = _Pool(), _Pool(), _Pool()

    def pack(self) -> dict[str, Any]:
        found = self.evaluation
        systems = [self._system(system) for system in found.systems]
        sources = [self.texts.add(text) for text in found.test_set.sources]
        references = [[self.texts.add(text) for text in texts] for texts in found.test_set.references]
        domains = [self.labels.add(label) for label in found.test_set.domains]
        return {
            "name": found.test_set.name,
            "from": found.test_set.pair.source if found.test_set.pair else "",
            "to": found.test_set.pair.target if found.test_set.pair else "",
            "size": len(found.test_set),
            "ids": _ids(found.test_set.ids),
            "baseline": found.baseline,
            "metrics": [self._metric(metric) for metric in found.metrics],
            "systems": systems,
            "sources": sources,
            "references": references,
            "domains": domains,
            "texts": self.texts.values(),
            "drafts": self.drafts.values(),
            "labels": self.labels.values(),
        }

    def _metric(self, metric: MetricInfo) -> dict[str, Any]:
        cells = [row[metric.name].score for row in self.evaluation.cells.values() if metric.name in row]
        return {"name": metric.name, "better": metric.higher_is_better, "places": decimals(cells)}

    def _system(self, system: System) -> dict[str, Any]:
        cells = self.evaluation.cells.get(system.name, {})
        named = [cells.get(metric.name) for metric in self.evaluation.metrics]
        return {
            "name": system.name,
            "outputs": [self.texts.add(output.text) for output in system.outputs],
            "drafts": _unless_empty([self._draft(output.draft) for output in system.outputs], -1),
            "decisions": _unless_empty([self._label(output.decision) for output in system.outputs], -1),
            "flags": _unless_empty([_flags(output) for output in system.outputs], 0),
            "facts": _facts(system.outputs),
            "scores": [_number(cell.score) if cell else None for cell in named],
            "segments": [_rounded(cell.segments) if cell else [] for cell in named],
        }

    def _label(self, label: str) -> int:
        return self.labels.add(label) if label else -1

    def _draft(self, draft: Draft | None) -> int:
        if draft is None:
            return -1
        texts = tuple(word.text for word in draft.words)
        known = any(word.confidence is not None for word in draft.words)
        percents = tuple(_percent(word.confidence) for word in draft.words) if known else ()
        # Words are usually what white space makes of the text: then only their confidences are worth writing.
        spelled = () if not known or list(texts) == draft.text.split() else texts
        return self.drafts.add((self.texts.add(draft.text), draft.engine, draft.language, percents, spelled))


def payload(evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    """Return all evaluations as JSON values for the page's scripts.

    Raises:
        InputError: there is none, or outputs or segment scores do not pair up with their test set.
    """
    if not evaluations:
        raise InputError("A report needs at least one evaluation, found none.")
    for evaluation in evaluations:
        _check(evaluation)
    return {"sets": [_Packer(evaluation).pack() for evaluation in evaluations]}


def _check(evaluation: Evaluation) -> None:
    size = len(evaluation.test_set)
    for system in evaluation.systems:
        if len(system.outputs) != size:
            raise InputError(
                f"{system.name} has {len(system.outputs)} outputs, {evaluation.test_set.name} {size} segments. "
                "A report needs one output a segment."
            )
        for metric, cell in evaluation.cells.get(system.name, {}).items():
            if len(cell.segments) not in (0, size):
                raise InputError(
                    f"{metric} of {system.name} has {len(cell.segments)} segment scores, "
                    f"{evaluation.test_set.name} {size} segments. Give one a segment, or none."
                )


def _ids(ids: Sequence[str]) -> list[str]:
    """Return identifiers, or none where they only count the lines."""
    return [] if all(text == str(number) for number, text in enumerate(ids, 1)) else list(ids)


def _unless_empty(values: list[int], nothing: int) -> list[int]:
    return [] if all(value == nothing for value in values) else values


def _flags(output: Output) -> int:
    return (1 if output.truncated else 0) + (2 if output.failed else 0) + (4 if not output.text.strip() else 0)


def _facts(outputs: Sequence[Output]) -> dict[str, list[float | None]]:
    names = sorted({name for output in outputs for name in output.facts})
    return {name: [_number(output.facts.get(name, math.nan)) for output in outputs] for name in names}


def _percent(confidence: float | None) -> int | None:
    return None if confidence is None or not math.isfinite(confidence) else round(100 * confidence)


def _number(value: float, digits: int = 4) -> float | int | None:
    if not math.isfinite(value):
        return None
    rounded = float(f"{value:.{digits}g}") if abs(value) < 1 else round(value, 4)
    return int(rounded) if rounded == int(rounded) else rounded


def _rounded(scores: Iterable[float]) -> list[float | int | None]:
    """Return segment scores with two decimals, with four where the whole scale is about 1."""
    values = list(scores)
    places = 4 if max((abs(value) for value in values if math.isfinite(value)), default=100.0) <= 1.5 else 2
    return [_brief(round(value, places)) if math.isfinite(value) else None for value in values]


def _brief(value: float) -> float | int:
    return int(value) if value == int(value) else value
