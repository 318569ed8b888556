"""A toy refiner: a tiny model, a tiny student that drafts, and pairs that the project made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scalemt.training.refiner import RefinerConfiguration
from scalemt.training.watching import Progress, Silent
from training.students import corpus, student
from training.tiny_gguf import write_tiny


def toy(folder: Path, **training: Any) -> RefinerConfiguration:
    """Return a configuration that trains a tiny Gemma to refine a tiny student's drafts of English-Portuguese."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "tiny.gguf").exists():
        write_tiny(folder / "tiny.gguf", "gemma3")
        student(folder / "student")
        lines = corpus(folder / "corpus.tsv").read_text("utf-8").splitlines(keepends=True)
        (folder / "dev.tsv").write_text("".join(lines[::6]), "utf-8")
    return RefinerConfiguration.model_validate(
        {
            "name": "toy",
            "corpora": [
                {
                    "files": [str(folder / "corpus.tsv")], "from": "en", "to": "pt", "licence": "CC0",
                    "specialists": [f"bergamot:{folder / 'student'}"], "dev": [str(folder / "dev.tsv")],
                    "dev_lines": 3,
                }
            ],
            "base": {"model": str(folder / "tiny.gguf")},
            "lora": {"rank": 4, "alpha": 8, "dropout": 0.1},
            "training": {
                "steps": 6, "batch": 4, "learning_rate": 0.02, "precision": "float32", "checkpoint_every": 2,
                "measure_every": 3, **training,
            },
        }
    )  # fmt: skip


def toy_file(folder: Path) -> Path:
    """Write the toy's configuration as TOML."""
    made = toy(folder)
    corpus, lora, training = made.corpora[0], made.lora, made.training
    path = folder / "toy.toml"
    path.write_text(
        f"""name = "toy"
[[corpora]]
files = ["corpus.tsv"]
from = "en"
to = "pt"
licence = "CC0"
specialists = ["{corpus.specialists[0]}"]
dev = ["dev.tsv"]
dev_lines = 3
[base]
model = "tiny.gguf"
[lora]
rank = {lora.rank}
alpha = {lora.alpha}
dropout = {lora.dropout}
[training]
steps = {training.steps}
batch = {training.batch}
learning_rate = {training.learning_rate}
precision = "float32"
checkpoint_every = {training.checkpoint_every}
measure_every = {training.measure_every}
""",
        "utf-8",
    )
    return path


class Quiet(Silent):
    """A watcher that keeps what it is told."""

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.losses: dict[int, float] = {}
        self.notes: list[str] = []

    def phase(self, name: str) -> None:
        """See `Watcher`."""
        self.phases.append(name)

    def progress(self, told: Progress) -> None:
        """See `Watcher`."""
        self.losses[told.step] = told.loss

    def note(self, text: str) -> None:
        """See `Watcher`."""
        self.notes.append(text)
