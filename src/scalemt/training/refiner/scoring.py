"""What a refiner is worth: drafts and their refinements, both scored, nothing held back by the gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scalemt.config import load_configuration
from scalemt.engine import Engine
from scalemt.engine.backends import build_specialist
from scalemt.generalists import Generalist
from scalemt.memory.units import Unit
from scalemt.types import Pair

_SAMPLES = 4


@dataclass(frozen=True)
class Scored:
    """Texts of one pair, drafted by one specialist.

    Args:
        drafts, answers: one a line; of a line whose answer was refused the draft stands in its place.
        scores: of both, by metric.
        samples: a few lines, to be looked at.
        seconds: that the answers took.
        refused: how many answers could not be taken.
    """

    drafts: tuple[str, ...]
    answers: tuple[str, ...]
    scores: dict[str, dict[str, float]]
    samples: tuple[dict[str, str], ...]
    seconds: float
    refused: int


def score(
    generalist: Generalist,
    units: Sequence[Unit],
    pair: Pair,
    specialist: str,
    *,
    gate: str = "off",
    method: str = "",
) -> Scored:
    """Draft and refine lines, and score both.

    Args:
        generalist: refines; it names its template.
        units: lines with their references.
        pair: the direction.
        specialist: drafts, by name.
        gate: as of a profile; "off" takes every answer.
        method: "" refines; "few-shot" shows no drafts.
    """
    configuration = load_configuration()
    profile = configuration.profile(
        None, method=method or "refine", gate=gate, specialists=(specialist,), cache=False, third="none"
    )
    drafter = build_specialist(specialist, configuration, profile)
    engine = Engine(profile, configuration, specialists=[drafter], generalist=generalist)
    made = engine.translate([unit.source for unit in units], pair.source, pair.target)
    if method:
        plain = Engine(profile.model_copy(update={"method": "draft"}), configuration, specialists=[drafter])
        drafts = [item.text for item in plain.translate([unit.source for unit in units], pair.source, pair.target)]
    else:
        drafts = [item.draft.text if item.draft else "" for item in made]
    answers = [item.text or draft for item, draft in zip(made, drafts, strict=True)]
    references = [unit.target for unit in units]
    return Scored(
        tuple(drafts),
        tuple(answers),
        {"draft": lexical(drafts, references), "refined": lexical(answers, references)},
        tuple(
            {"source": unit.source, "draft": draft, "refined": answer, "reference": unit.target}
            for unit, draft, answer in list(zip(units, drafts, answers, strict=True))[:_SAMPLES]
        ),
        sum(item.seconds for item in made),
        sum(bool(item.error) or not item.text for item in made),
    )


def lexical(outputs: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """Return chrF++ and BLEU of a corpus (sacreBLEU's defaults)."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    scorers: dict[str, Any] = {"chrf++": CHRF(word_order=2), "bleu": BLEU()}
    rows = list(outputs)
    return {
        name: round(float(scorer.corpus_score(rows, [list(references)]).score), 2)
        for name, scorer in scorers.items()
    }
