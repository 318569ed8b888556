"""What the learned metrics share: local weights, one score a segment, the mean as the score of a system."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from scalemt.errors import ModelError
from scalemt.evaluation.metrics.base import Progress, RatioMetric
from scalemt.evaluation.systems import System, TestSet

_POINTER = b"version https://git-lfs"


class NeuralMetric(RatioMetric):
    """A metric that gives each segment a number by itself; a subclass implements `_scores`.

    With several reference sets the first is used, as these models were trained with one reference.
    """

    def _ratios(self, system: System, test_set: TestSet, progress: Progress) -> list[tuple[float, float]]:
        empty = ("",) * len(test_set)
        sources = test_set.sources or empty
        references = test_set.references[0] if test_set.references else empty
        samples = [
            {"src": source, "mt": text, "ref": reference}
            for source, text, reference in zip(sources, system.texts, references, strict=True)
        ]
        scores = self._scores(samples, progress)
        for number, score in enumerate(scores, 1):
            if not math.isfinite(score):
                raise ModelError(f"{self.name} gave {score} for segment {number} of {system.name}, no number.")
        return [(score, 1.0) for score in scores]

    @abstractmethod
    def _scores(self, samples: Sequence[Mapping[str, str]], progress: Progress) -> list[float]:
        """Return the raw scores of samples with "src", "mt" and "ref", in their order."""


def model_name(path: Path) -> str:
    """Return what a folder is called, without spaces; in a Hugging Face cache, the name of the repository."""
    for part in path.parts:
        if part.startswith("models--"):
            return part.rpartition("--")[2]
    return "_".join(path.name.split()) or "model"


def check_weights(path: Path) -> None:
    """Refuse a weight file that is not there, or is the pointer that git leaves without git-lfs.

    Raises:
        ModelError: the message says which it is.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(_POINTER))
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from error
    if start == _POINTER:
        raise ModelError(f"{path} is a git-lfs pointer, not the weights. Fetch them with: git lfs pull")


def fetching(name: str, metric: str, repository: str, extra: str = "") -> str:
    """Return how to get weights on a connected machine, and how to point a metric to them."""
    folder = f"/models/{repository.rpartition('/')[2]}"
    return (
        f"{name} needs its weights in a local folder, and none is named. They come from "
        f"https://huggingface.co/{repository} : on a connected machine, hf download {repository} --local-dir "
        f"{folder} . {extra}Then name the folder: --metrics {metric}:{folder}"
    )
