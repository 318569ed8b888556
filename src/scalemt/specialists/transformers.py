"""Local `transformers` folders as a specialist: NLLB-200, M2M100, OPUS-MT, MADLAD-400 and T5-style models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from scalemt.errors import SpecialistError
from scalemt.huggingface import (
    choose_device,
    import_torch,
    load_model,
    load_tokenizer,
    number_format,
    quiet,
    read_json,
    weight_files,
)
from scalemt.specialists.base import DraftOptions
from scalemt.specialists.confidence import Pairing
from scalemt.specialists.families import END, UNKNOWN, Convention, family_named, guess_family
from scalemt.specialists.pieces import load_pieces
from scalemt.specialists.seq2seq import MOST_TOKENS, Row, Seq2SeqSpecialist, Settings, token_batches

_MOST_LOGITS = 2**26  # numbers in one block of logits: 256 MiB as float32


class TransformersSpecialist(Seq2SeqSpecialist):
    """An encoder-decoder model in a local folder, run by PyTorch through `generate`.

    Confidences come from one forced pass over what was decoded, so they are probabilities of the model's own
    distribution. For greedy drafts they equal `compute_transition_scores(normalize_logits=True)`, which SCALE
    uses; for sampled ones that function would give the sampler's truncated, re-normalised probabilities.

    Args:
        path: the folder, as `save_pretrained` writes it. Nothing is downloaded.
        family: "nllb", "nllb-legacy", "m2m100", "opus", "madlad" or "t5"; None guesses from the vocabulary.
        pairs: directions as "en->pt"; needed for a single-pair model that does not say, else a restriction.
        tokenizer: a file or folder of the sub-word tokenizer, where the model folder has none.
        options: how to decode.
        device: of torch; None takes cuda where there is one.
        dtype: "float32", "bfloat16" or "float16".
        threads: CPU threads; torch has one number for the whole process, and this sets it.
        batch_tokens: source tokens decoded together, padding counted.
        pairing: "aligned", or "shifted" for the off-by-one of SCALE's released code.

    Raises:
        ModelError: the folder lacks a file; the message says which. Weights are loaded, and may turn out to be
            damaged, when first needed.
        ConfigurationError: an option has a value that cannot be used.
        MissingExtraError: torch, transformers or a tokenizer package is not installed.
    """

    name = "transformers"

    def __init__(  # noqa: PLR0913 - each is an option of a profile
        self,
        path: str | Path,
        *,
        family: str | None = None,
        pairs: Sequence[str] | None = None,
        tokenizer: str | Path | None = None,
        options: DraftOptions | None = None,
        device: str | None = None,
        dtype: str = "float32",
        threads: int = 1,
        batch_tokens: int = 2048,
        pairing: Pairing = "aligned",
    ) -> None:
        folder = Path(path).expanduser()
        self._files = weight_files(folder)
        settings = Settings(pairs, options or DraftOptions(), pairing, threads, batch_tokens)
        self._torch, self._transformers = import_torch("The transformers specialist")
        self._torch.set_num_threads(threads)
        self._dtype = dtype
        self._config = read_json(folder / "config.json")
        self._tokens = vocabulary_of(load_tokenizer(folder, self._transformers), int(self._config["vocab_size"]))
        self._ids = {token: index for index, token in reversed(list(enumerate(self._tokens)))}
        model_type = str(self._config.get("model_type", ""))
        chosen = family_named(family) if family else guess_family(self._ids, str(folder), model_type)
        pieces = load_pieces(folder, Path(tokenizer).expanduser() if tokenizer else None, extra=self.name)
        super().__init__(folder, Convention(chosen, self._ids), pieces, settings, tokenizer)
        number_format(dtype, self._torch)
        self._device = choose_device(device, self._torch)
        self._model: Any = None
        self._loading = Lock()

    def _load(self) -> None:
        """Load the weights, at the first text that is not known from the cache."""
        with self._loading:
            if self._model is None:
                auto_class = self._transformers.AutoModelForSeq2SeqLM
                self._model = load_model(auto_class, self._folder, self._torch, self._device, self._dtype)
                self._start, self._end = self._prepare_decoding()

    def _prepare_decoding(self) -> tuple[int, int]:
        """Ids of decoder start and `</s>`; the folder's own decoding defaults (beams, bans) are set aside."""
        config = self._model.config
        start = self._model.generation_config.decoder_start_token_id
        start = config.pad_token_id if start is None else start
        end = self._ids.get(END, config.eos_token_id)
        self._never = [self._ids[token] for token in self._convention.family.never if token in self._ids]
        self._model.generation_config = self._transformers.GenerationConfig(
            decoder_start_token_id=start, eos_token_id=end, pad_token_id=config.pad_token_id
        )
        return int(start), int(end)

    def _weights(self) -> list[Path]:
        return self._files

    def _precision(self) -> str:
        return self._dtype

    def _computed_by(self) -> str:
        return f"torch {self._torch.__version__}|transformers {self._transformers.__version__}|{self._device}"

    def _most_tokens(self) -> int:
        return min(super()._most_tokens(), int(self._config.get("max_position_embeddings", MOST_TOKENS)))

    @contextmanager
    def _sampling(self) -> Iterator[None]:
        with self._torch.random.fork_rng():  # leaves the caller's own generator as it was
            self._torch.manual_seed(self._settings.options.seed)
            yield

    def _decode(self, rows: list[Row], limit: int, n: int) -> list[list[list[str]]]:
        self._load()
        options = self._settings.options
        chosen: dict[str, Any] = {"num_beams": options.beam, "do_sample": False}
        if n > 1:
            chosen = {
                "num_beams": 1,
                "do_sample": True,
                "num_return_sequences": n,
                "top_k": options.top_k,
                "temperature": options.temperature,
            }
        starts = [[self._start, *self._to_ids(row.prefix)] for row in rows]
        settings = self._transformers.GenerationConfig(
            **{**self._model.generation_config.to_diff_dict(), **chosen},
            max_new_tokens=limit,
            suppress_tokens=self._never or None,
        )
        with self._failing(), quiet(), self._torch.inference_mode():
            sequences = self._model.generate(
                **self._encoder_inputs(rows),
                decoder_input_ids=self._tensor(starts),
                generation_config=settings,
            )
        paths = [self._to_pieces(ids[len(starts[0]) :]) for ids in sequences.tolist()]
        return [paths[index : index + n] for index in range(0, len(paths), n)]

    def _force(self, rows: list[Row], targets: list[list[str]]) -> list[list[float]]:
        self._load()
        lengths = [len(row.source) + len(target) + 3 for row, target in zip(rows, targets, strict=True)]
        budget = min(self._settings.batch_tokens, max(1, _MOST_LOGITS // len(self._tokens)))
        known: list[list[float]] = [[] for _ in rows]
        for batch in token_batches(lengths, budget):
            forced = self._force_batch([rows[index] for index in batch], [targets[index] for index in batch])
            for index, log_probs in zip(batch, forced, strict=True):
                known[index] = log_probs
        return known

    def _force_batch(self, rows: list[Row], targets: list[list[str]]) -> list[list[float]]:
        ids = [self._to_ids(target) for target in targets]
        starts = [[self._start, *self._to_ids(row.prefix)] for row in rows]
        inputs = [start + target for start, target in zip(starts, ids, strict=True)]
        skip = len(starts[0]) - 1
        with self._failing(), self._torch.inference_mode():
            logits = (
                self._model(**self._encoder_inputs(rows), decoder_input_ids=self._tensor(inputs), use_cache=False)
                .logits[:, skip:]
                .float()
            )
            if self._never:
                logits[..., self._never] = float("-inf")
            wanted = self._tensor([[*target, self._end] for target in ids])
            found = logits.gather(-1, wanted.unsqueeze(-1)).squeeze(-1) - logits.logsumexp(-1)
        return [row[: len(target) + 1] for row, target in zip(found.tolist(), ids, strict=True)]

    def _encoder_inputs(self, rows: list[Row]) -> dict[str, Any]:
        ids = [self._to_ids(row.source) for row in rows]
        mask = self._tensor([[1] * len(row) for row in ids], padding=0)
        return {"input_ids": self._tensor(ids), "attention_mask": mask}

    def _tensor(self, rows: list[list[int]], padding: int | None = None) -> Any:
        """A matrix of ids, short rows filled at the right."""
        filler = self._model.config.pad_token_id if padding is None else padding
        longest = max(len(row) for row in rows)
        padded = [row + [filler] * (longest - len(row)) for row in rows]
        return self._torch.tensor(padded, device=self._model.device)

    def _to_ids(self, tokens: list[str]) -> list[int]:
        unknown = self._ids[UNKNOWN]
        return [self._ids.get(token, unknown) for token in tokens]

    def _to_pieces(self, ids: list[int]) -> list[str]:
        end = ids.index(self._end) if self._end in ids else len(ids)
        return [self._tokens[index] for index in ids[:end]]

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, ValueError, IndexError) as error:
            raise SpecialistError(f"transformers failed on the model in {self._folder}: {error}") from error


def vocabulary_of(tokenizer: Any, size: int) -> list[str]:
    """Token of each id of the output layer; ids without one are named as CTranslate2 names them."""
    tokens = [f"madeupword{index}" for index in range(size)]
    # M2M100Tokenizer keeps its language tokens out of get_vocab()
    for token, index in {**tokenizer.get_vocab(), **getattr(tokenizer, "lang_token_to_id", {})}.items():
        if index < size:
            tokens[index] = token
    return tokens
