"""CTranslate2 folders as a specialist: NLLB-200, M2M100, OPUS-MT, MADLAD-400 and T5-style models."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from scalemt.errors import ConfigurationError, MissingExtraError, ModelError, SpecialistError
from scalemt.huggingface import read_json
from scalemt.specialists.base import DraftOptions
from scalemt.specialists.confidence import Pairing
from scalemt.specialists.families import Convention, family_named, guess_family
from scalemt.specialists.pieces import load_pieces
from scalemt.specialists.seq2seq import Row, Seq2SeqSpecialist, Settings

_VOCABULARIES = tuple(
    f"{side}_vocabulary.{end}" for side in ("shared", "source", "target") for end in ("json", "txt")
)


class CTranslate2Specialist(Seq2SeqSpecialist):
    """A model converted to CTranslate2, with its sentencepiece models or tokenizer.json beside it.

    Confidences come from `Translator.score_batch` over what was decoded: the model's own distribution, also
    when sampling. CTranslate2 seeds its random generators only when a worker starts, so a call with n > 1
    opens the model anew: that makes sampled drafts repeatable, and costs one load of the weights.

    Args:
        path: the folder that `ct2-transformers-converter` (or another converter) wrote.
        family: "nllb", "nllb-legacy", "m2m100", "opus", "madlad" or "t5"; None guesses from the vocabulary.
        pairs: directions as "en->pt"; needed for a single-pair model that does not say, else a restriction.
        tokenizer: a file or folder of the tokenizer, where the model folder has none.
        compute_type: CTranslate2's number format, such as "int8" or "float32".
        options: how to decode.
        threads: CPU threads of one translation.
        batch_tokens: source tokens decoded together, padding counted.
        pairing: "aligned", or "shifted" for the off-by-one of SCALE's released code.
        device: "cpu", "cuda" or "auto".

    Raises:
        ModelError: the folder lacks a file, or is not of this format; the message says which and what to do.
        ConfigurationError: an option has a value that cannot be used.
        MissingExtraError: ctranslate2 or a tokenizer package is not installed.
    """

    name = "ctranslate2"

    def __init__(  # noqa: PLR0913 - each is an option of a profile
        self,
        path: str | Path,
        *,
        family: str | None = None,
        pairs: Sequence[str] | None = None,
        tokenizer: str | Path | None = None,
        compute_type: str = "default",
        options: DraftOptions | None = None,
        threads: int = 1,
        batch_tokens: int = 2048,
        pairing: Pairing = "aligned",
        device: str = "cpu",
    ) -> None:
        folder = Path(path).expanduser()
        vocabulary = _read_vocabulary(folder)
        self._library = _import_ctranslate2(compute_type, device)
        self._compute_type = compute_type
        self._device = device
        self._adds_end = not read_json(folder / "config.json").get("add_source_eos", False)
        self._translator: Any = None
        self._lock = RLock()
        chosen = family_named(family) if family else guess_family(vocabulary, str(folder), _hint(folder))
        settings = Settings(pairs, options or DraftOptions(), pairing, threads, batch_tokens)
        pieces = load_pieces(folder, Path(tokenizer).expanduser() if tokenizer else None, extra=self.name)
        super().__init__(folder, Convention(chosen, vocabulary), pieces, settings, tokenizer)

    def _weights(self) -> list[Path]:
        return [self._folder / "model.bin"]

    def _precision(self) -> str:
        return self._compute_type

    def _computed_by(self) -> str:
        return f"ctranslate2 {self._library.__version__}|{self._device}"

    def _open(self, *, fresh: bool = False) -> Any:
        with self._lock:
            if self._translator is None or fresh:
                self._translator = None  # frees the old weights before the new ones are read
                self._translator = self._load()
            return self._translator

    def _load(self) -> Any:
        try:
            return self._library.Translator(
                str(self._folder),
                device=self._device,
                compute_type=self._compute_type,
                intra_threads=self._settings.threads,
                inter_threads=1,
            )
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"CTranslate2 cannot load the model in {self._folder}: {error}") from error

    @contextmanager
    def _sampling(self) -> Iterator[None]:
        with self._lock:
            self._library.set_random_seed(self._settings.options.seed)
            self._open(fresh=True)
            yield

    def _decode(self, rows: list[Row], limit: int, n: int) -> list[list[list[str]]]:
        prefix_length = len(rows[0].prefix)
        results = self._call(
            "translate_batch",
            [row.source for row in rows],
            target_prefix=[row.prefix for row in rows] if prefix_length else None,
            max_decoding_length=limit + prefix_length,
            max_input_length=0,
            **self._search(n),
        )
        paths = [[tokens[prefix_length:] for tokens in result.hypotheses] for result in results]
        return [several if len(several) == n else several * n for several in paths]

    def _search(self, n: int) -> dict[str, Any]:
        options = self._settings.options
        if n == 1:
            return {"beam_size": options.beam}
        if options.top_k == 1:  # greedy, of which CTranslate2 gives one
            return {"beam_size": 1}
        return {
            "beam_size": 1,
            "num_hypotheses": n,
            "sampling_topk": options.top_k,
            "sampling_temperature": options.temperature,
        }

    def _force(self, rows: list[Row], targets: list[list[str]]) -> list[list[float]]:
        results = self._call(
            "score_batch",
            [row.source for row in rows],
            [[*row.prefix, *target] for row, target in zip(rows, targets, strict=True)],
            max_batch_size=self._settings.batch_tokens,
            batch_type="tokens",
            max_input_length=0,
        )
        return [list(result.log_probs[len(row.prefix) :]) for row, result in zip(rows, results, strict=True)]

    def _call(self, method: str, *arguments: Any, **options: Any) -> Any:
        try:
            return getattr(self._open(), method)(*arguments, **options)
        except (RuntimeError, ValueError) as error:
            raise SpecialistError(f"CTranslate2 failed on the model in {self._folder}: {error}") from error


def _import_ctranslate2(compute_type: str, device: str) -> Any:
    try:
        import ctranslate2
    except ImportError as error:
        raise MissingExtraError("The ctranslate2 specialist", "ctranslate2") from error
    known = {"default", "auto"} | ctranslate2.get_supported_compute_types("cpu" if device == "auto" else device)
    if compute_type not in known:
        choices = ", ".join(sorted(known))
        raise ConfigurationError(f"compute_type is {compute_type!r}. Valid choices on this machine: {choices}.")
    return ctranslate2


def _read_vocabulary(folder: Path) -> frozenset[str]:
    """The tokens of both sides, after checking that this is a CTranslate2 folder at all."""
    if not folder.is_dir():
        raise ModelError(f"There is no model folder {folder}.")
    if not (folder / "model.bin").exists():
        if "model_type" in read_json(folder / "config.json"):
            raise ModelError(
                f"The folder {folder} holds a transformers model that is not converted to CTranslate2. Convert "
                f"it: ct2-transformers-converter --model {folder} --output_dir {folder}-ct2 --quantization int8. "
                "(Take transformers 4 for that where the model is an M2M100 or a T5: with transformers 5, "
                "CTranslate2 4.8 leaves out the language tokens of the one and mis-scales the other.)"
            )
        raise ModelError(f"The folder {folder} lacks model.bin: it is no CTranslate2 model.")
    found = [folder / name for name in _VOCABULARIES if (folder / name).exists()]
    if not found:
        raise ModelError(f"The folder {folder} lacks its vocabulary: one of {', '.join(_VOCABULARIES)}.")
    return frozenset(token for path in found for token in _tokens(path))


def _tokens(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".txt":
        return text.split("\n")  # not splitlines(): a token may be a line separator of Unicode
    try:
        return [str(token) for token in json.loads(text)]
    except ValueError as error:
        raise ModelError(f"The file {path} cannot be read as JSON: {error}.") from error


def _hint(folder: Path) -> str:
    """What else in a converted folder tells the family, in the words of config.json's `model_type`."""
    return "marian" if (folder / "source.spm").exists() else ""
