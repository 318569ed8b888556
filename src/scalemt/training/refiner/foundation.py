"""The model that a refiner is made of: a GGUF file turned into a transformers folder once, or such a folder; LoRA.

`save_pretrained` refuses a model that was read from GGUF, as it still calls itself quantised: its weights are put
into a fresh model of the same shape. The folder is kept in the cache, for reading a GGUF file takes a minute.
"""

from __future__ import annotations

import copy
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from scalemt.errors import ConfigurationError, MissingExtraError, ModelError
from scalemt.fingerprint import exact_fingerprint, fingerprint
from scalemt.folders import cache_dir
from scalemt.generalists.gguf import read_metadata
from scalemt.generalists.llamacpp import LlamaCppGeneralist, default_model
from scalemt.huggingface import load_tokenizer, quiet, weight_files
from scalemt.training.refiner.configuration import Base, Lora, Precision

ARCHITECTURES = {"gemma3_text": "gemma3", "qwen2": "qwen2", "llama": "llama"}
"""What transformers calls an architecture whose adapters can be written for llama.cpp, and what that calls it."""


@dataclass(frozen=True, slots=True)
class Foundation:
    """A model to train.

    Args:
        folder: as transformers reads it.
        gguf: the file that llama.cpp runs with the adapter; None where transformers runs it all.
        packaged: whether that is the file that the generalist `llamacpp` takes by itself.
        shown: what the card calls it.
    """

    folder: Path
    gguf: Path | None
    packaged: bool
    shown: str


def libraries() -> tuple[Any, Any, Any]:
    """Return torch, transformers and peft.

    Raises:
        MissingExtraError: one is not installed.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        import accelerate  # noqa: F401  # the Trainer cannot do without
        import peft
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtraError("Training a refiner", "training") from error
    return torch, transformers, peft


def found(base: Base) -> Foundation:
    """Return the model that a configuration names, converted where it is GGUF.

    Raises:
        ModelError: it is missing, or of an architecture that cannot be trained here.
        MissingExtraError: the packaged model is not installed.
    """
    if base.model and Path(base.model).is_dir():
        folder = Path(base.model)
        weights = weight_files(folder)
        gguf = Path(base.gguf) if base.gguf else None
        if gguf:
            read_metadata(gguf)
        return Foundation(folder, gguf, False, f"{folder.name}:{fingerprint(weights)}")
    file = Path(base.model) if base.model else default_model()
    read_metadata(file)
    shown = f"{file.stem}:{fingerprint([file])}"
    return Foundation(converted(file), file, not base.model, shown)


def converted(file: Path) -> Path:
    """Return the folder that a GGUF file was converted to; done once, into the cache.

    Raises:
        ModelError: transformers cannot read the file, or the cache cannot be written.
    """
    target = cache_dir() / "converted" / f"{file.stem}-{exact_fingerprint([file])[:12]}"
    if (target / "config.json").is_file():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=target.parent, prefix=".converting-"))
        try:
            _convert(file, unfinished)
            unfinished.chmod(0o755)
            if not target.exists():
                unfinished.rename(target)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as fault:
        raise ModelError(
            f"{file} could not be converted into {target.parent}: {fault}. Have some GB free there, or name "
            "another cache folder in SCALEMT_CACHE_DIR."
        ) from fault
    return target


def _convert(file: Path, folder: Path) -> None:
    torch, transformers, _ = libraries()
    try:
        # The reader of GGUF shows a bar without asking whether it may.
        with quiet(), redirect_stderr(StringIO()):
            tokenizer = transformers.AutoTokenizer.from_pretrained(str(file.parent), gguf_file=file.name)
            read = transformers.AutoModelForCausalLM.from_pretrained(
                str(file.parent), gguf_file=file.name, dtype=torch.float32
            )
    except ImportError as error:
        raise MissingExtraError("Reading a GGUF file with transformers", "training") from error
    except (ValueError, KeyError, NotImplementedError, RuntimeError) as fault:
        raise ModelError(f"transformers cannot read {file}: {fault}. Name a transformers folder.") from fault
    configuration = copy.deepcopy(read.config)
    if hasattr(configuration, "quantization_config"):
        del configuration.quantization_config
    with quiet():
        plain = transformers.AutoModelForCausalLM.from_config(configuration, dtype=torch.float32)
        plain.load_state_dict(read.state_dict())
        plain.tie_weights()
        tokenizer.save_pretrained(str(folder))
        plain.save_pretrained(str(folder))


def tokenizer_of(folder: Path) -> Any:
    """Return the tokenizer of a folder.

    Raises:
        ModelError: it cannot be loaded.
    """
    _, transformers, _ = libraries()
    return load_tokenizer(folder, transformers)


def fits(ids: Iterable[int], folder: Path) -> None:
    """Check that a tokenizer makes no token that the model of its folder has no row for.

    Raises:
        ModelError: it does.
    """
    _, transformers, _ = libraries()
    rows = transformers.AutoConfig.from_pretrained(str(folder)).get_text_config().vocab_size
    highest = max(ids, default=0)
    if highest >= rows:
        raise ModelError(
            f"The tokenizer in {folder} makes the token {highest:,}, and the model has {rows:,}: they do not "
            "belong together. Put the tokenizer files of that model into the folder."
        )


def agree(tokenizer: Any, gguf: Path, texts: Sequence[str]) -> None:
    """Check that the tokenizer that is trained with cuts texts as llama.cpp does.

    Args:
        tokenizer: of the transformers folder.
        gguf: the file that llama.cpp runs.
        texts: prompts of the training.

    Raises:
        ModelError: it does not; the message shows where.
        MissingExtraError: xllamacpp is not installed: better known before the training than after.
    """
    asked = LlamaCppGeneralist(gguf, slots=1, context=512)
    try:
        for text in texts:
            mine, theirs = tokenizer(text)["input_ids"], asked.server().tokenize(text, special=False)
            if mine != theirs:
                at = next((at for at, both in enumerate(zip(mine, theirs, strict=False)) if both[0] != both[1]), 0)
                raise ModelError(
                    f"The tokenizer of the model and {gguf.name} cut texts differently: of {text[:60]!r} token "
                    f"{at + 1} is {mine[at : at + 1]} here and {theirs[at : at + 1]} there. They do not belong "
                    "together: name a GGUF file that was made from that folder, or its own tokenizer."
                )
    finally:
        asked.close()


def chosen_precision(wanted: Precision) -> str:
    """Return "bfloat16" or "float32": the former where the device computes in it, unless another was chosen."""
    if wanted != "auto":
        return wanted
    torch, _, _ = libraries()
    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    return "bfloat16" if _computes_bfloat16() else "float32"


def _computes_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16; without them it is slower than float32."""
    try:
        flags = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def adapted(folder: Path, lora: Lora, *, precision: str, seed: int) -> Any:
    """Return the model of a folder with a fresh adapter: its weights frozen, those of the adapter in float32.

    Raises:
        ModelError: the model cannot be loaded.
        ConfigurationError: it has none of the projections.
    """
    torch, transformers, peft = libraries()
    try:
        with quiet():
            model = transformers.AutoModelForCausalLM.from_pretrained(
                str(folder), local_files_only=True, dtype=getattr(torch, precision)
            )
    except Exception as error:  # missing files, wrong shapes, an unknown architecture: as many kinds as causes
        raise ModelError(f"The model in {folder} cannot be loaded: {error}") from error
    torch.manual_seed(seed)
    settings = peft.LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout,
        target_modules=list(lora.targets), task_type="CAUSAL_LM",
    )  # fmt: skip
    try:
        with quiet():
            return peft.get_peft_model(model, settings)
    except ValueError as error:
        raise ConfigurationError(f"[lora] targets do not fit the model in {folder}: {error}") from error
