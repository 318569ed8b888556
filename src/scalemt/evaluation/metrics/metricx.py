"""MetricX-23 and MetricX-24 from local folders: an mT5 that predicts the MQM error score of a segment.

Juraska et al. 2023 and 2024, sections 3, and the released code (github.com/google-research/metricx, Apache-2.0):
the encoder reads the texts behind their names, the decoder takes one step, and the logit of <extra_id_10> clipped
to [0, 25] is the score; lower is better. No package on PyPI holds that code (`metricx` there is something else).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from scalemt.errors import BackendError, ConfigurationError, ModelError
from scalemt.evaluation.metrics.base import Progress
from scalemt.evaluation.metrics.neural import NeuralMetric, check_weights, fetching, model_name
from scalemt.evaluation.systems import TestSet
from scalemt.fingerprint import fingerprint
from scalemt.huggingface import choose_device, import_torch, load_model, load_tokenizer, read_json, weight_files
from scalemt.specialists.seq2seq import token_batches

_SCORE_TOKEN = 250089  # <extra_id_10> in mT5's vocabulary
_WORST = 25.0
_MOST_TOKENS = {"23": 1024, "24": 1536}  # as they were trained, the end mark counted
_BATCH_TOKENS = 4096
_NAMED = re.compile(r"metricx[-_]?(23|24)", re.IGNORECASE)
_TOKENIZERS = ("spiece.model", "tokenizer.json")
_TOKENIZER_FILES = "google/mt5-large spiece.model tokenizer_config.json special_tokens_map.json"


class MetricX(NeuralMetric):
    """Mean predicted MQM error against a reference, 0 (none) to 25; MetricX-24 reads the source as well.

    Args:
        argument: a folder whose name says metricx-23 or metricx-24, or `23:FOLDER`, `24:FOLDER`. It holds
            config.json, the weights, and the tokenizer of mT5 (spiece.model or tokenizer.json).
        threads: CPU threads; a GPU is used where there is one.

    Raises:
        ModelError: no folder is named, it lacks a file, or it is not of this kind.
        ConfigurationError: nothing says whether it is MetricX-23 or -24.
        MissingExtraError: torch or transformers is not installed.
    """

    name = "MetricX"
    higher_is_better = False
    needs = frozenset({"references"})
    scale = 1.0
    _spec: ClassVar[str] = "metricx"
    _repository: ClassVar[str] = "google/metricx-24-hybrid-large-v2p6"

    def __init__(self, argument: str = "", threads: int = 1) -> None:
        if not argument:
            raise ModelError(self._instructions())
        self._generation, self._folder = which(argument)
        self._check_kind()
        self._files = find_files(self._folder)
        self._torch, self._transformers = import_torch(self.name)
        self._config = read_json(self._folder / "config.json")
        self._dtype = "bfloat16" if "bfloat16" in self._stated_dtype() else "float32"
        self._threads = threads
        self._model: Any = None
        self._tokenizer: Any = None

    @property
    def signature(self) -> str:
        """Model, hash of its files, what it reads, number format, and the version that ran it."""
        return "|".join([
            f"model:{model_name(self._folder)}",
            f"sha256:{fingerprint(self._files)}",
            f"generation:{self._generation}",
            f"reads:{'+'.join(self._fields())}",
            f"ref:{'first' if 'ref' in self._fields() else 'none'}",
            self._dtype,
            f"transformers:{self._transformers.__version__}",
        ])  # fmt: skip

    def lacks(self, test_set: TestSet) -> list[str]:
        """Return what of `needs` is not there; a MetricX-24 needs the sources as well."""
        lacking = super().lacks(test_set)
        if "src" in self._fields() and not test_set.sources:
            lacking = sorted({*lacking, "sources"})
        return lacking

    def _fields(self) -> list[str]:
        return ["mt", "ref"] if self._generation == "23" else ["src", "mt", "ref"]

    def _check_kind(self) -> None:
        if self._generation == "23" and re.search(r"23-qe", str(self._folder), re.IGNORECASE):
            raise ModelError(f"{self._folder} looks at no reference: measure it as metricx-qe:FOLDER.")

    def _instructions(self) -> str:
        repository = self._repository
        folder = f"/models/{repository.rpartition('/')[2]}"
        extra = f"Its tokenizer goes into it: hf download {_TOKENIZER_FILES} --local-dir {folder} . "
        return fetching(self.name, self._spec, repository, extra)

    def _stated_dtype(self) -> str:
        return str(self._config.get("dtype") or self._config.get("torch_dtype"))

    def _scores(self, samples: Sequence[Mapping[str, str]], progress: Progress) -> list[float]:
        self._load()
        rows = self._encode([self._input(sample) for sample in samples])
        scores = [0.0] * len(rows)
        for batch, found in self._predict(rows):
            for index, score in zip(batch, found, strict=True):
                scores[index] = score
            progress(len(batch))
        return scores

    def _input(self, sample: Mapping[str, str]) -> str:
        names = {"src": "source", "mt": "candidate", "ref": "reference"}
        return " ".join(f"{names[field]}: {sample[field]}" for field in self._fields())

    def _encode(self, texts: list[str]) -> list[list[int]]:
        # The released code lets the tokenizer add </s> and cuts it off again: a text has one token less.
        most = _MOST_TOKENS[self._generation] - 1
        if not texts:
            return []
        rows: list[list[int]] = self._tokenizer(
            texts, add_special_tokens=False, truncation=True, max_length=most
        ).input_ids
        return rows

    def _load(self) -> None:
        self._torch.set_num_threads(self._threads)  # one number for the process, which others set too
        if self._model is not None:
            return
        size = int(self._config.get("vocab_size", 0))
        if size <= _SCORE_TOKEN:
            raise ModelError(
                f"{self._folder} is no MetricX model: its vocabulary has {size} entries, and the score is entry "
                f"{_SCORE_TOKEN}."
            )
        self._tokenizer = load_tokenizer(self._folder, self._transformers)
        device = choose_device(None, self._torch)
        auto_class = self._transformers.AutoModelForSeq2SeqLM
        self._model = load_model(auto_class, self._folder, self._torch, device, self._dtype)

    def _predict(self, rows: list[list[int]]) -> Iterator[tuple[list[int], list[float]]]:
        """Yield indices of a batch and their scores, longest rows first."""
        for batch in token_batches([len(row) for row in rows], _BATCH_TOKENS):
            try:
                with self._torch.inference_mode():
                    yield batch, self._forward([rows[index] for index in batch]).tolist()
            except RuntimeError as error:  # out of memory above all
                raise BackendError(
                    f"The model in {self._folder} failed on {len(batch)} segments: {error}"
                ) from error

    def _forward(self, rows: list[list[int]]) -> Any:
        torch, model = self._torch, self._model
        longest = max(map(len, rows))
        ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows], device=model.device)
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=model.device)
        states = model.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        start = torch.zeros((len(rows), 1), dtype=torch.long, device=model.device)
        step = model.decoder(
            input_ids=start, encoder_hidden_states=states, encoder_attention_mask=mask, use_cache=False
        ).last_hidden_state[:, 0]
        if self._config.get("tie_word_embeddings"):
            step = step * model.config.d_model**-0.5
        # One row of the output layer, not all 250,112: the others are other tokens.
        return (step.float() @ model.lm_head.weight[_SCORE_TOKEN].float()).clamp(0.0, _WORST)


class MetricXQE(MetricX):
    """Mean predicted MQM error from source and output alone: MetricX-23-QE, or a MetricX-24 without references."""

    name = "MetricX-QE"
    needs = frozenset({"sources"})
    _spec = "metricx-qe"

    def _fields(self) -> list[str]:
        return ["mt", "src"] if self._generation == "23" else ["src", "mt"]

    def _check_kind(self) -> None:
        if self._generation == "23" and re.search(r"metricx[-_]?23(?!-qe)", str(self._folder), re.IGNORECASE):
            raise ModelError(f"{self._folder} needs references: measure it as metricx:FOLDER.")


def which(argument: str) -> tuple[str, Path]:
    """Return the generation, "23" or "24", and the folder that an argument names.

    Raises:
        ConfigurationError: neither a prefix nor the folder's name tells the generation.
    """
    prefix, _, rest = argument.partition(":")
    if prefix in _MOST_TOKENS and rest:
        return prefix, Path(rest).expanduser()
    folder = Path(argument).expanduser()
    if found := _NAMED.findall(str(folder)):
        return found[-1], folder
    raise ConfigurationError(
        f"Nothing in {argument} says whether it is MetricX-23 or MetricX-24, which read their texts differently. "
        f"Write metricx:23:{argument} or metricx:24:{argument}."
    )


def find_files(folder: Path) -> list[Path]:
    """Return the files of a MetricX folder that decide its scores.

    Raises:
        ModelError: one is missing, or the folder holds another kind of model.
    """
    weights = weight_files(folder)
    for path in weights:
        check_weights(path)
    kind = read_json(folder / "config.json").get("model_type")
    if kind != "mt5":
        raise ModelError(f"{folder} is a {kind!r} model by its config.json; MetricX is an 'mt5'.")
    tokenizer = [folder / name for name in _TOKENIZERS if (folder / name).is_file()]
    if not tokenizer:
        raise ModelError(
            f"The folder {folder} lacks its tokenizer, which all sizes share and Google keeps apart: "
            f"hf download {_TOKENIZER_FILES} --local-dir {folder}"
        )
    return [*weights, folder / "config.json", *tokenizer]
