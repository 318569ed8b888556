"""What the card of a refiner tells: data, settings, what the training took, samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalemt.fingerprint import file_digest, library_version
from scalemt.prompts import Template
from scalemt.training.refiner.configuration import Corpus, RefinerConfiguration
from scalemt.training.refiner.difficulty import BUCKETS, Bucket
from scalemt.training.refiner.foundation import Foundation
from scalemt.training.refiner.ordering import Course
from scalemt.training.refiner.texts import Tokens
from scalemt.training.refiner.triplets import Triplet

if TYPE_CHECKING:
    from scalemt.training.refiner.fitting import Fitted


@dataclass(frozen=True)
class Material:
    """What a refiner learns from.

    Args:
        triplets: all that were made.
        items: the tokens of those that can be learnt, by index.
        buckets: of these, by index.
        dev: tokens of triplets that are measured.
        dropped: what was left out, by the reason.
    """

    triplets: list[Triplet]
    items: dict[int, Tokens]
    buckets: dict[int, Bucket]
    dev: list[Tokens]
    dropped: Counter[str]


def samples_told(corpus: Corpus, spec: str, samples: Sequence[dict[str, str]]) -> list[str]:
    """Return sample lines as Markdown."""
    lines = [f"Samples, {corpus.pair}, drafts by {spec}:", ""]
    for sample in samples:
        lines += [f"- {sample['source']}"] + [
            f"  - {key}: {sample[key]}" for key in ("draft", "refined", "reference")
        ]
    return [*lines, ""]


def data_told(configuration: RefinerConfiguration, material: Material) -> dict[str, Any]:
    """Return what was learnt from, for the card."""
    made = Counter((item.pair, item.engine, item.signature) for item in material.triplets)
    return {
        "corpora": {
            str(number): {
                "files": [Path(file).name for file in corpus.files],
                "sha256": [file_digest(Path(file)) for file in corpus.files],
                "pair": str(corpus.pair),
                "licence": corpus.licence,
            }
            for number, corpus in enumerate(configuration.corpora, 1)
        },
        "drafts": {f"{pair} {signature or engine}": count for (pair, engine, signature), count in made.items()},
        "triplets": len(material.triplets),
        "learnt_from": len(material.items),
        "buckets": {name: sum(one == name for one in material.buckets.values()) for name in BUCKETS},
        "dropped": dict(material.dropped),
    }


def drafters_told(material: Material) -> dict[str, tuple[str, ...]]:
    """Return whose drafts were learnt from, by direction."""
    found: dict[str, dict[str, None]] = {}
    for item in material.triplets:
        found.setdefault(item.pair, {})[item.engine] = None
    return {pair: tuple(names) for pair, names in found.items()}


def settings_told(
    configuration: RefinerConfiguration, template: Template, precision: str, plan: Course
) -> dict[str, Any]:
    """Return how it was learnt, for the card."""
    versions = {name: library_version(name) for name in ("torch", "transformers", "peft", "gguf", "xllamacpp")}
    return {
        **configuration.training.model_dump(),
        "precision": precision,
        "schedule": configuration.training.chosen_schedule,
        "steps": plan.steps,
        "stages": list(plan.stages),
        "lora": configuration.lora.model_dump(mode="json"),
        "difficulty": configuration.difficulty.model_dump(mode="json"),
        "seed": configuration.seed,
        "template": template.signature,
        "libraries": versions,
    }


def training_told(fitted: Fitted) -> dict[str, Any]:
    """Return what a training took and how its losses went, for the card."""
    losses = fitted.losses
    return {
        "minutes": round(fitted.seconds / 60, 2),
        "memory_gb": round(fitted.memory / 2**30, 2),
        "samples": fitted.triplets,
        "tokens": fitted.tokens,
        "steps": fitted.steps,
        "first_loss": round(sum(losses[:5]) / max(1, len(losses[:5])), 4),
        "last_loss": round(sum(losses[-5:]) / max(1, len(losses[-5:])), 4),
        "dev_losses": {str(step): round(loss, 4) for step, loss in fitted.dev_losses.items()},
    }


def licence_told(configuration: RefinerConfiguration, foundation: Foundation) -> str:
    """Return the licences of model and texts, as far as they are known."""
    base = "Gemma Terms of Use" if foundation.packaged else f"that of {foundation.shown}"
    texts = dict.fromkeys(corpus.licence for corpus in configuration.corpora if corpus.licence)
    return f"{base} (model); {', '.join(texts) or 'not told'} (texts)"
