"""COMET and COMETKiwi by unbabel-comet, from local checkpoints (Rei et al. 2022: COMET-22, CometKiwi)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from scalemt.errors import ModelError
from scalemt.evaluation.metrics.base import Progress
from scalemt.evaluation.metrics.neural import NeuralMetric, check_weights, fetching, model_name
from scalemt.evaluation.metrics.worker import COMET_LIBRARY, Worker
from scalemt.fingerprint import fingerprint

_CLASSES = ("regression_metric", "referenceless_regression_metric", "unified_metric", "xcomet_metric")


class COMET(NeuralMetric):
    """100 times the mean of the scores of a COMET checkpoint that compares with a reference.

    The library runs in the interpreter that SCALEMT_COMET_PYTHON names, or in this one where it is installed;
    see `scalemt.evaluation.metrics.worker`. A GPU is used where that interpreter's torch sees one.

    Args:
        argument: a folder with hparams.yaml and checkpoints/model.ckpt, as the hub has it, or the .ckpt file.
        threads: CPU threads.

    Raises:
        ModelError: no folder is named, it lacks a file, or the model is not of this kind.
        ConfigurationError: no interpreter with unbabel-comet; the message says how to make one.
    """

    name = "COMET"
    needs = frozenset({"sources", "references"})
    _spec: ClassVar[str] = "comet"
    _repository: ClassVar[str] = "Unbabel/wmt22-comet-da"
    _encoder: ClassVar[tuple[str, str]] = ("FacebookAI/xlm-roberta-large", "xlm-roberta-large")
    _terms: ClassVar[str] = ""

    def __init__(self, argument: str = "", threads: int = 1) -> None:
        if not argument:
            raise ModelError(self._instructions())
        self._checkpoint = find_checkpoint(Path(argument).expanduser())
        self._worker = Worker(COMET_LIBRARY, self._checkpoint, threads)
        try:
            self._check_kind()
        except ModelError:
            self._worker.close()
            raise

    @property
    def signature(self) -> str:
        """Model, hash of its files, which reference, and the versions that ran it."""
        folder = self._checkpoint.parents[1]
        versions = self._worker.versions
        return "|".join([
            f"model:{model_name(folder)}",
            f"sha256:{fingerprint([self._checkpoint, folder / 'hparams.yaml'])}",
            f"ref:{'first' if 'references' in self.needs else 'none'}",
            "scale:100",
            f"unbabel-comet:{versions['unbabel-comet']}",
            f"transformers:{versions.get('transformers', '?')}",
        ])  # fmt: skip

    def _scores(self, samples: Sequence[Mapping[str, str]], progress: Progress) -> list[float]:
        return self._worker.score([self._sample(sample) for sample in samples], progress)

    def _sample(self, sample: Mapping[str, str]) -> Mapping[str, str]:
        return sample

    def _check_kind(self) -> None:
        """Refuse a model that cannot do without references, or would ignore them."""
        kind = self._worker.facts["class_identifier"]
        if kind not in _CLASSES:
            raise ModelError(
                f"{self._checkpoint} is a {kind!r} by its hparams.yaml. Valid choices: {', '.join(_CLASSES)}."
            )
        if not self._takes(str(kind), self._worker.facts["input_segments"] or ["mt", "src", "ref"]):
            raise ModelError(self._mismatch())

    def _takes(self, kind: str, segments: Sequence[str]) -> bool:
        return kind != "referenceless_regression_metric" and "ref" in segments

    def _mismatch(self) -> str:
        return f"{self._checkpoint} is a model that looks at no reference: measure it as cometkiwi:FOLDER."

    def _instructions(self) -> str:
        source, name = self._encoder
        extra = (
            f"{self._terms}Its encoder's tokenizer goes beside it: hf download {source} --include '*.json' "
            f"--local-dir /models/{name} , and once more with '*.model'. "
        )
        return fetching(self.name, self._spec, self._repository, extra)


class COMETKiwi(COMET):
    """100 times the mean of the scores of a COMET checkpoint that looks at source and output only."""

    name = "COMETKiwi"
    needs = frozenset({"sources"})
    _spec = "cometkiwi"
    _repository = "Unbabel/wmt22-cometkiwi-da"
    _encoder = ("microsoft/infoxlm-large", "microsoft/infoxlm-large")
    _terms = "Its licence must be accepted on that page first (hf auth login). "

    def _sample(self, sample: Mapping[str, str]) -> Mapping[str, str]:
        return {"src": sample["src"], "mt": sample["mt"]}

    def _takes(self, kind: str, segments: Sequence[str]) -> bool:
        return kind != "regression_metric" and "src" in segments

    def _mismatch(self) -> str:
        return f"{self._checkpoint} is a model that needs references: measure it as comet:FOLDER."


def find_checkpoint(path: Path) -> Path:
    """Return the .ckpt file of a COMET model given by its folder or by that file.

    Raises:
        ModelError: there is none, there are several, or hparams.yaml is not in the folder above it.
    """
    if path.is_dir():
        found = sorted((path / "checkpoints").glob("*.ckpt"))
        if len(found) != 1:
            told = ", ".join(file.name for file in found) or "none"
            raise ModelError(
                f"A COMET folder holds hparams.yaml and one file checkpoints/*.ckpt; {path} has {told}. "
                "Name the folder as it was downloaded, or the .ckpt file itself."
            )
        path = found[0]
    check_weights(path)
    path = path.absolute()
    if not (path.parents[1] / "hparams.yaml").is_file():
        raise ModelError(f"{path} lacks {path.parents[1] / 'hparams.yaml'}, which says what kind of model it is.")
    return path
