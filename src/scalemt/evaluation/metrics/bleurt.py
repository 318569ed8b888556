"""BLEURT by bleurt-pytorch, from a local folder (Sellam et al. 2020; Pu et al. 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from scalemt.errors import ModelError
from scalemt.evaluation.metrics.base import Progress
from scalemt.evaluation.metrics.neural import NeuralMetric, check_weights, fetching, model_name
from scalemt.evaluation.metrics.worker import BLEURT_LIBRARY, Worker
from scalemt.fingerprint import fingerprint
from scalemt.huggingface import read_json, weight_files

_VOCABULARIES = ("spm.model", "vocab.txt", "tokenizer.json")


class BLEURT(NeuralMetric):
    """100 times the mean of BLEURT's sentence scores, which are near 0 to 1.

    The library runs in the interpreter that SCALEMT_BLEURT_PYTHON names, else SCALEMT_COMET_PYTHON, else in this
    one where it is installed with transformers 4; see `scalemt.evaluation.metrics.worker`.

    Args:
        argument: a folder in the PyTorch format, such as lucadiliello/BLEURT-20.
        threads: CPU threads.

    Raises:
        ModelError: no folder is named, it lacks a file, or it is no BLEURT model.
        ConfigurationError: no interpreter with bleurt-pytorch; the message says how to make one.
    """

    name = "BLEURT"
    needs = frozenset({"references"})

    def __init__(self, argument: str = "", threads: int = 1) -> None:
        if not argument:
            raise ModelError(fetching(self.name, "bleurt", "lucadiliello/BLEURT-20"))
        self._folder = Path(argument).expanduser().absolute()
        self._files = find_files(self._folder)
        self._worker = Worker(BLEURT_LIBRARY, self._folder, threads)

    @property
    def signature(self) -> str:
        """Model, hash of its files, which reference, and the versions that ran it."""
        versions = self._worker.versions
        return "|".join([
            f"model:{model_name(self._folder)}",
            f"sha256:{fingerprint(self._files)}",
            "ref:first",
            "scale:100",
            f"bleurt-pytorch:{versions['bleurt-pytorch']}",
            f"transformers:{versions.get('transformers', '?')}",
        ])  # fmt: skip

    def _scores(self, samples: Sequence[Mapping[str, str]], progress: Progress) -> list[float]:
        return self._worker.score(samples, progress)


def find_files(folder: Path) -> list[Path]:
    """Return the files of a BLEURT folder that decide its scores.

    Raises:
        ModelError: one is missing, or the folder holds another kind of model.
    """
    weights = weight_files(folder)
    for path in weights:
        check_weights(path)
    kind = read_json(folder / "config.json").get("model_type")
    if kind != "bleurt":
        raise ModelError(f"{folder} is a {kind!r} model by its config.json, and 'bleurt' was expected.")
    vocabulary = [folder / name for name in _VOCABULARIES if (folder / name).is_file()]
    if not vocabulary:
        raise ModelError(f"The folder {folder} lacks its vocabulary: one of {', '.join(_VOCABULARIES)}.")
    return [*weights, folder / "config.json", *vocabulary]
