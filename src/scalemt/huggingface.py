"""Hugging Face `transformers` as both the specialist and the generalist use it: local, quiet, few threads."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from scalemt.errors import ConfigurationError, MissingExtraError, ModelError

_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_DECIDING = {".safetensors", ".bin", ".json", ".jinja", ".model", ".spm", ".txt", ".bpe", ".vocab"}


def import_torch(what: str) -> tuple[Any, Any]:
    """Import and return torch and transformers.

    Raises:
        MissingExtraError: one of them is not installed; `what` names who needs it.
    """
    try:
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtraError(what, "transformers") from error
    return torch, transformers


@contextmanager
def quiet() -> Iterator[None]:
    """Keep progress bars, log lines and warnings of `transformers` from a user's terminal."""
    logging: Any = import_module("transformers.utils.logging")
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def read_json(path: Path) -> dict[str, Any]:
    """Return the object a JSON file holds, {} when there is no such file.

    Raises:
        ModelError: the file holds something else.
    """
    if not path.exists():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ModelError(f"The file {path} cannot be read as JSON: {error}.") from error
    if not isinstance(value, dict):
        raise ModelError(f"The file {path} should hold a JSON object, but holds a {type(value).__name__}.")
    return value


def weight_files(folder: Path) -> list[Path]:
    """Return the weight files of a model folder, sorted.

    Raises:
        ModelError: no such folder, or it lacks config.json or weights; the message says which.
    """
    if not folder.is_dir():
        raise ModelError(f"There is no model folder {folder}.")
    if not (folder / "config.json").exists():
        raise ModelError(f"The folder {folder} lacks config.json: it is no transformers model.")
    found = sorted(path for pattern in _WEIGHTS for path in folder.glob(pattern))
    if found:
        return found
    if (folder / "model.bin").exists():
        raise ModelError(f"The folder {folder} holds a CTranslate2 model: use the ctranslate2 specialist for it.")
    raise ModelError(f"The folder {folder} lacks its weights: model.safetensors or pytorch_model.bin.")


def load_tokenizer(folder: Path, transformers: Any) -> Any:
    """Load the tokenizer of a local folder.

    Raises:
        ModelError: it cannot be loaded; the message holds why.
    """
    try:
        with quiet():
            return transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except Exception as error:  # tokenizers fail in as many ways as there are classes of them
        raise ModelError(f"The tokenizer in {folder} cannot be loaded: {error}") from error


def load_model(auto_class: Any, folder: Path, torch: Any, device: str, dtype: str) -> Any:
    """Load a local model for inference on a device.

    Raises:
        ConfigurationError: torch has no such number format.
        ModelError: the weights cannot be loaded; the message holds why.
    """
    wanted = number_format(dtype, torch)
    try:
        with quiet():
            model = auto_class.from_pretrained(str(folder), local_files_only=True, dtype=wanted)
            return model.to(device).eval()
    except Exception as error:  # the same: missing files, wrong shapes, an unknown architecture, no such device
        raise ModelError(f"The model in {folder} cannot be loaded: {error}") from error


def number_format(dtype: str, torch: Any) -> Any:
    """Return torch's number format of a name.

    Raises:
        ConfigurationError: torch has no such number format.
    """
    found = getattr(torch, dtype, None)
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise ConfigurationError(f"dtype is {dtype!r}. Valid choices: float32, bfloat16, float16.")
    return found


def model_files(*places: Path) -> list[Path]:
    """Return all files that can change what a model answers: weights, configuration, vocabulary, templates.

    Args:
        places: model folders, of which only the files directly inside count, and single files.
    """
    found = [path for place in places for path in (sorted(place.iterdir()) if place.is_dir() else [place])]
    return [path for path in dict.fromkeys(found) if path.is_file() and path.suffix.lower() in _DECIDING]


def choose_device(device: str | None, torch: Any) -> str:
    """Return the device asked for, or cuda where there is one, else cpu."""
    return device or ("cuda" if torch.cuda.is_available() else "cpu")
