"""A toy student with its vocabulary and shortlist, and texts to teach it."""

from __future__ import annotations

from pathlib import Path

from scalemt.training.bergamot import FineTuning
from specialists.bergamot.small_models import (
    CONFIG,
    marian_bytes,
    random_tensors,
    shortlist_bytes,
    train_vocabulary,
    vocabulary_size,
)

_NOUNS = {"ferry": "balsa", "garden": "jardim", "tin": "lata", "box": "caixa", "month": "mês", "museum": "museu"}
_STATES = {"blue": "azul", "open": "aberto", "old": "velho", "small": "pequeno"}


def student(folder: Path) -> Path:
    """Write a student with random weights, and a shortlist of next to nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    train_vocabulary(folder / "vocab.enpt.spm")
    size = vocabulary_size(folder / "vocab.enpt.spm")
    (folder / "model.enpt.bin").write_bytes(marian_bytes(CONFIG, random_tensors((size, size)), int8=True))
    (folder / "lex.enpt.s2t.bin").write_bytes(shortlist_bytes([[0]] * size, first=10))
    return folder


def corpus(path: Path) -> Path:
    """Write pairs of sentences that the project made."""
    pairs = [
        (f"The {one} is {state}.", f"A {other} está {how}.")
        for one, other in _NOUNS.items()
        for state, how in _STATES.items()
    ]
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs), "utf-8")
    return path


def task(folder: Path, **training: object) -> FineTuning:
    """Return a configuration that trains the student on the corpus."""
    lines = corpus(folder / "corpus.tsv").read_text("utf-8").splitlines(keepends=True)
    (folder / "dev.tsv").write_text("".join(lines[::6]), "utf-8")
    (folder / "general.tsv").write_text("My grandmother signs.\tMinha avó assina.\n", "utf-8")
    return FineTuning.model_validate(
        {
            "name": "toy", "from": "en", "to": "pt", "base": str(student(folder / "base")), "licence": "CC0",
            "corpora": [{"files": [str(folder / "corpus.tsv")]}], "dev": {"files": [str(folder / "dev.tsv")]},
            "general": {"files": [str(folder / "general.tsv")]},
            "training": {"steps": 12, "batch": 4, "rate": 0.02, "every": 3, "patience": 0, **training},
        }
    )  # fmt: skip
