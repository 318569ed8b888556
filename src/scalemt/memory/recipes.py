"""What a sentence-transformers folder says of how its vectors are made: modules, pooling, length, prompt.

Source: the files that `SentenceTransformer.save` writes, in versions 2 to 6 of sentence-transformers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalemt.errors import ModelError
from scalemt.huggingface import model_files, read_json, weight_files

_POOLING = ("cls", "max", "mean")
# Each was a key of its own once, true or false; vectors are put together in this order.
_OLD_MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the vectors of a folder are made.

    Args:
        folder: of the transformers model.
        pooling: "cls", "max", "mean"; several give vectors that are put together.
        longest: tokens of a text, the rest is cut off; None where only the model sets a limit.
        lower: texts are put into lower case first.
        prompt: what stands before each text.
        files: all that decides about a vector.
    """

    folder: Path
    pooling: tuple[str, ...]
    longest: int | None
    lower: bool
    prompt: str
    files: tuple[Path, ...]


def read_recipe(folder: Path) -> Recipe:
    """Return how the vectors of a folder are made; one without modules.json has its tokens averaged.

    Raises:
        ModelError: a file is missing or broken, or a part is not known; the message names it.
    """
    if not (folder / "modules.json").exists():
        weight_files(folder)
        return Recipe(folder, ("mean",), None, False, "", tuple(model_files(folder)))
    modules = _modules(folder)
    kinds = [kind for kind, _ in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise ModelError(
            f"The modules of {folder} are {', '.join(kinds) or 'none'}. Known are a Transformer, a Pooling and "
            "perhaps a Normalize, in this order: choose another encoder."
        )
    inner, pooling = modules[0][1], modules[1][1]
    weight_files(inner)
    about = _first(inner.glob("sentence_*_config.json"))
    places = dict.fromkeys([folder, inner, pooling])
    return Recipe(
        inner,
        _pooling(pooling),
        _length(about.get("max_seq_length"), inner),
        bool(about.get("do_lower_case", False)),
        _prompt(folder),
        tuple(model_files(*places)),
    )


def _modules(folder: Path) -> list[tuple[str, Path]]:
    """Return kind and folder of each module, and see that all kinds are known."""
    path = folder / "modules.json"
    try:
        listed = json.loads(path.read_text("utf-8"))
        found = [(str(item["type"]).rpartition(".")[2], folder / str(item.get("path", ""))) for item in listed]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"The file {path} cannot be read as a list of modules: {error!r}.") from error
    for kind, _ in found:
        if kind not in ("Transformer", "Pooling", "Normalize"):
            raise ModelError(
                f"The folder {folder} has a module {kind}, which scalemt does not know (known: Transformer, "
                "Pooling, Normalize). Choose another encoder."
            )
    return found


def _pooling(folder: Path) -> tuple[str, ...]:
    about = read_json(folder / "config.json")
    told: Any = about.get("pooling_mode") or [name for key, name in _OLD_MODES.items() if about.get(key)]
    modes = tuple(told) if isinstance(told, list) else (told,)
    unknown = [str(mode) for mode in modes if mode not in _POOLING]
    if unknown or not modes:
        raise ModelError(
            f"The pooling of {folder / 'config.json'} is {', '.join(unknown) or 'not told'}. "
            f"Known are {', '.join(_POOLING)}: choose another encoder."
        )
    if about.get("include_prompt") is False:
        raise ModelError(
            f"{folder / 'config.json'} leaves the prompt out of the pooling, which is not known here."
        )
    return modes


def _length(value: object, folder: Path) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ModelError(f"The max_seq_length in {folder} is {value!r}, but should be a number from 1.")
    return value


def _prompt(folder: Path) -> str:
    """Return the prompt that the folder sets before all texts unless another is asked for."""
    about = read_json(folder / "config_sentence_transformers.json")
    prompts = about.get("prompts")
    name = about.get("default_prompt_name")
    return str(prompts.get(name) or "") if isinstance(prompts, Mapping) and name else ""


def _first(paths: Any) -> dict[str, Any]:
    return read_json(next(iter(sorted(paths)), Path("nothing")))
