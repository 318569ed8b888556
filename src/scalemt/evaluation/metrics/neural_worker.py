"""Runs unbabel-comet or bleurt-pytorch in an interpreter that has them, and answers requests as JSON lines.

This file is executed, not imported: `PYTHON neural_worker.py`, by `scalemt.evaluation.metrics.worker`. It needs
no scalemt, for PYTHON is an environment of the user's choosing, and runs on Python 3.10 or later.

On starting it says {"hello": {package: version}}, with "python" among them. Then, a line each:

    {"op": "open", "library": "comet" | "bleurt", "path": …, "threads": n}  ->  {"facts": {…}}
    {"op": "score", "samples": [{"src", "mt", "ref"}, …]}  ->  {"progress": n} …, {"scores": [x, …]}

or {"error": text, "kind": "library" | "memory" | "encoder" | "other"} in place of an answer.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

# This folder holds a comet.py and a bleurt.py of its own, which must not stand before the libraries.
_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or os.curdir) != _HERE]

PACKAGES = ("unbabel-comet", "bleurt-pytorch", "torch", "transformers")
BATCH = 16
CHUNK = 8 * BATCH
"""Samples between two reports of progress."""

Samples = list[dict[str, str]]
Score = Callable[[Samples], list[float]]


class EncoderError(Exception):
    """The encoder that a COMET checkpoint names is neither a folder nor in the Hugging Face cache."""


def versions() -> dict[str, str]:
    """Return the packages this interpreter has, with their versions; nothing is imported for it."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": "{}.{}.{}".format(*sys.version_info)}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


class CometModel:
    """A COMET checkpoint, read by unbabel-comet (Rei et al. 2020, 2022)."""

    def __init__(self, path: str, threads: int) -> None:
        import yaml

        self.path = path
        self.folder = os.path.dirname(os.path.dirname(path))
        self.threads = threads
        with open(os.path.join(self.folder, "hparams.yaml"), encoding="utf-8") as file:
            hparams = yaml.safe_load(file)
        if not isinstance(hparams, dict):
            raise ValueError("hparams.yaml does not hold named values")
        self.facts = {key: hparams.get(key) for key in ("class_identifier", "input_segments", "pretrained_model")}

    def load(self) -> Score:
        """Load the weights, and return what scores samples."""
        # A name like xlm-roberta-large then also stands for a folder of that name beside the checkpoint's.
        os.chdir(os.path.dirname(self.folder))
        self._find_encoder(str(self.facts["pretrained_model"]))
        import torch
        from comet import load_from_checkpoint

        torch.set_num_threads(self.threads)
        model = load_from_checkpoint(self.path, local_files_only=True)
        gpus = int(torch.cuda.is_available())

        def score(samples: Samples) -> list[float]:
            done = model.predict(samples, batch_size=BATCH, gpus=gpus, progress_bar=False, num_workers=0)
            return [float(value) for value in done["scores"]]

        return score

    def _find_encoder(self, name: str) -> None:
        from huggingface_hub import try_to_load_from_cache

        if os.path.isdir(name):
            return
        try:
            known = try_to_load_from_cache(name, "config.json")
        except ValueError:  # a path, no name of a repository
            known = None
        if not isinstance(known, str):
            raise EncoderError(name)


class BleurtModel:
    """A BLEURT folder in the PyTorch format of bleurt-pytorch (Sellam et al. 2020; Pu et al. 2021)."""

    def __init__(self, path: str, threads: int) -> None:
        self.path = path
        self.threads = threads
        self.facts: dict[str, Any] = {}

    def load(self) -> Score:
        """Load the weights, and return what scores samples."""
        import torch
        from bleurt_pytorch import BleurtConfig, BleurtForSequenceClassification

        torch.set_num_threads(self.threads)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        tokenizer = self._tokenizer()
        config = BleurtConfig.from_pretrained(self.path)
        model = BleurtForSequenceClassification.from_pretrained(self.path, config=config).to(device).eval()
        longest = config.max_position_embeddings

        def score(samples: Samples) -> list[float]:
            scores: list[float] = []
            for start in range(0, len(samples), BATCH):
                part = samples[start : start + BATCH]
                inputs = tokenizer(
                    [sample["ref"] for sample in part],
                    [sample["mt"] for sample in part],
                    padding="longest",
                    truncation="longest_first",
                    max_length=longest,
                    return_tensors="pt",
                ).to(device)
                with torch.no_grad():
                    scores += model(**inputs).logits.flatten().tolist()
            return scores

        return score

    def _tokenizer(self) -> Any:
        # The library's own BleurtTokenizer guesses by catching exceptions, which other versions raise differently.
        from bleurt_pytorch.bleurt.tokenization_bleurt_fast import BleurtTokenizerFast
        from bleurt_pytorch.bleurt.tokenization_bleurt_sp import BleurtSPTokenizer

        pieces = os.path.exists(os.path.join(self.path, "spm.model"))
        return (BleurtSPTokenizer if pieces else BleurtTokenizerFast).from_pretrained(self.path)


MODELS = {"comet": CometModel, "bleurt": BleurtModel}


class Server:
    """Answers requests one by one; the model is loaded when the first samples come."""

    def __init__(self, say: Callable[[dict[str, Any]], None]) -> None:
        self._say = say
        self._model: Any = None
        self._score: Score | None = None

    def answer(self, request: dict[str, Any]) -> None:
        """Carry out one request, and say its answer or its error."""
        try:
            if request["op"] == "open":
                self._model = MODELS[request["library"]](request["path"], request["threads"])
                self._score = None
                self._say({"facts": self._model.facts})
            else:
                self._say({"scores": self._scores(request["samples"])})
        except Exception as error:
            self._say({"error": f"{type(error).__name__}: {error}", "kind": kind_of(error)})

    def _scores(self, samples: Samples) -> list[float]:
        if self._score is None:
            self._score = self._model.load()
        # Texts of like length share a batch: less padding, and across chunks too.
        order = sorted(range(len(samples)), key=lambda index: sum(map(len, samples[index].values())))
        scores = [0.0] * len(samples)
        for start in range(0, len(order), CHUNK):
            chunk = order[start : start + CHUNK]
            for index, score in zip(chunk, self._score([samples[index] for index in chunk]), strict=True):
                scores[index] = score
            self._say({"progress": len(chunk)})
        return scores


def kind_of(error: Exception) -> str:
    """Return what sort of mend an error asks for."""
    if isinstance(error, ImportError):
        return "library"
    if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__ or "can't allocate" in str(error):
        return "memory"
    return "encoder" if isinstance(error, EncoderError) else "other"


def main() -> None:
    """Serve requests from standard input until it ends."""
    # The libraries print to standard output: it is led to standard error, and the answers get a pipe of their own.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(value: dict[str, Any]) -> None:
        channel.write(json.dumps(value) + "\n")
        channel.flush()

    server = Server(say)
    say({"hello": versions()})
    for line in sys.stdin.buffer:
        server.answer(json.loads(line))


if __name__ == "__main__":
    main()
