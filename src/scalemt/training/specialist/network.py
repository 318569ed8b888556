"""The network that is trained: a small Marian model from nothing, or one that a folder holds."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any, NamedTuple

from scalemt.errors import ConfigurationError, ModelError, UnknownNameError
from scalemt.huggingface import choose_device, import_torch, load_tokenizer, quiet, read_json, weight_files
from scalemt.specialists.transformers import vocabulary_of
from scalemt.trained import TrainedModels
from scalemt.training.pairs import Pairs
from scalemt.training.specialist.configuration import Recipe
from scalemt.training.specialist.vocabulary import make_vocabulary, tokenizer_settings

WEIGHTS = "model"
"""The folder of a registered model that holds it as transformers has it, to be trained further."""

_POSITIONS = 512  # most tokens of a side
_COPIED = {".json", ".spm", ".model", ".txt", ".bpe", ".vocab"}
_QUICKER = 1.15  # times that bfloat16 must be quicker to be taken


class Machine(NamedTuple):
    """What a training is computed on: device and number format."""

    device: str
    precision: str


def machine_of(recipe: Recipe) -> Machine:
    """Return device and number format, measured where the recipe leaves it open.

    Raises:
        ConfigurationError: there is no such device, or no such format on it.
    """
    torch, _ = import_torch("Training a specialist")
    wanted = recipe.training
    device = choose_device(wanted.device or None, torch)
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigurationError("device is 'cuda', but torch finds no GPU here. Leave it out, or take 'cpu'.")
    if wanted.precision == "float16" and not device.startswith("cuda"):
        raise ConfigurationError(
            "precision is 'float16', which needs a GPU. Take 'auto', 'bfloat16' or 'float32'."
        )
    if wanted.precision != "auto":
        return Machine(device, wanted.precision)
    if device.startswith("cuda"):
        return Machine(device, "bfloat16" if torch.cuda.is_bf16_supported() else "float16")
    return Machine(device, "bfloat16" if _bfloat16_is_quicker(torch) else "float32")


def _bfloat16_is_quicker(torch: Any) -> bool:
    """Whether matrices as they occur in training are multiplied quicker in bfloat16, by trying."""

    def seconds(dtype: Any) -> float:
        left, right = torch.ones(1024, 256, dtype=dtype), torch.ones(256, 1024, dtype=dtype)
        times = []
        for _ in range(7):
            began = time.perf_counter()
            left @ right
            times.append(time.perf_counter() - began)
        return min(times)

    return seconds(torch.float32) > _QUICKER * seconds(torch.bfloat16)


def base_folder(base: str) -> tuple[Path, str]:
    """Return the folder of transformers that `base` means, and how a card names it.

    Raises:
        ModelError: it has no weights that can be trained.
        UnknownNameError: it is neither a folder nor the name of a trained model.
    """
    if Path(base).is_dir():
        weight_files(Path(base))
        return Path(base), base
    shelf = TrainedModels()
    try:
        card, folder = shelf.resolve(base)
    except UnknownNameError as fault:
        raise ModelError(f"model.base is {base!r}, which is no folder. {fault}") from None
    if not (folder / WEIGHTS).is_dir():
        raise ModelError(
            f"{card.shown} was not trained by `scalemt train specialist`: it holds no weights of transformers "
            "that could be trained further. Take another base."
        )
    return folder / WEIGHTS, card.shown


def prepare(recipe: Recipe, corpora: tuple[Pairs, ...], folder: Path) -> None:
    """Fill a folder with what says how texts become ids: vocabulary and configuration, no weights.

    Args:
        recipe: see there.
        corpora: what a vocabulary is trained on, where there is none yet.
        folder: is made anew.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if recipe.model.base:
        base, _ = base_folder(recipe.model.base)
        for path in base.iterdir():
            if path.is_file() and path.suffix in _COPIED:
                shutil.copy(path, folder / path.name)
        return
    sources = [text for pairs in corpora for text in pairs.sources]
    targets = [text for pairs in corpora for text in pairs.targets]
    size = make_vocabulary(sources, targets, recipe.vocabulary, folder, recipe.training.threads)
    settings = tokenizer_settings(recipe.source, recipe.target, _POSITIONS)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1), "utf-8")
    _marian(recipe, size).save_pretrained(str(folder))
    # The configuration alone must be enough for the tokenizer to be found.
    _, transformers = import_torch("Training a specialist")
    vocabulary_of(load_tokenizer(folder, transformers), size)


def _marian(recipe: Recipe, size: int) -> Any:
    """Post-norm, ReLU and sinusoids as in Vaswani et al. 2017; one table of embeddings for all three places."""
    _, transformers = import_torch("Training a specialist")
    shape, pad = recipe.model, size - 1
    dropout = 0.1 if shape.dropout is None else shape.dropout
    return transformers.MarianConfig(
        vocab_size=size, decoder_vocab_size=size, d_model=shape.width,
        encoder_layers=shape.layers, decoder_layers=shape.decoder_layers,
        encoder_attention_heads=shape.heads, decoder_attention_heads=shape.heads,
        encoder_ffn_dim=shape.inner, decoder_ffn_dim=shape.inner,
        dropout=dropout, attention_dropout=0.0, activation_dropout=0.0, activation_function="relu",
        max_position_embeddings=_POSITIONS, scale_embedding=True, share_encoder_decoder_embeddings=True,
        pad_token_id=pad, bos_token_id=None, eos_token_id=0, forced_eos_token_id=None, decoder_start_token_id=pad,
        architectures=["MarianMTModel"],
    )  # fmt: skip


def build(recipe: Recipe, folder: Path, machine: Machine) -> Any:
    """Return the network, with the weights that training starts from: drawn by the seed, or those of the base.

    Raises:
        ModelError: the base cannot be loaded.
    """
    torch, transformers = import_torch("Training a specialist")
    # Measured on AVX-512 in bfloat16: torch's fused attention is a fifth slower backwards than the plain one.
    attention = "sdpa" if machine.device.startswith("cuda") else "eager"
    if not recipe.model.base:
        torch.manual_seed(recipe.seed)
        config = transformers.MarianConfig(**read_json(folder / "config.json"), attn_implementation=attention)
        return _with_zero_padding(transformers.MarianMTModel(config))
    base, _ = base_folder(recipe.model.base)
    changes = {} if recipe.model.dropout is None else {"dropout": recipe.model.dropout}
    try:
        with quiet():
            model = transformers.AutoModelForSeq2SeqLM.from_pretrained(
                str(base), local_files_only=True, dtype=torch.float32, attn_implementation=attention, **changes
            )
    except Exception as error:  # missing files, wrong shapes, an unknown architecture
        raise ModelError(f"The model in {base} cannot be loaded: {error}") from error
    return _with_zero_padding(model) if model.config.model_type == "marian" else model


def _with_zero_padding(model: Any) -> Any:
    """Keep the vector of `<pad>` zero: as a row of the output layer it would be moved with each update."""
    pad = model.config.pad_token_id

    def still(gradient: Any) -> Any:
        gradient[pad] = 0
        return gradient

    for weight in zero_padding(model):
        weight.register_hook(still)
    return model


def zero_padding(model: Any) -> list[Any]:
    """Set the vector of `<pad>` to zero, and return the tables that hold it.

    Marian's decoders start from a zero vector, and CTranslate2 counts on it.
    """
    torch, _ = import_torch("Training a specialist")
    pad = model.config.pad_token_id
    tables = {id(table.weight): table.weight for table in model.modules() if isinstance(table, torch.nn.Embedding)}
    found = [weight for weight in tables.values() if weight.requires_grad and weight.shape[0] > pad]
    with torch.no_grad():
        for weight in found:
            weight[pad] = 0
    return found
