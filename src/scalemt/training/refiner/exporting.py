"""A LoRA adapter as a GGUF file that llama.cpp loads beside the weights it was trained over.

Source: llama.cpp's convert_lora_to_gguf.py and the tensor names of gguf-py. Of llama models the rows of query and
key lie in another order in GGUF than in transformers, so that the second matrix of their adapters is put in that
order.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalemt.errors import MissingExtraError, ModelError
from scalemt.huggingface import read_json
from scalemt.training.refiner.foundation import ARCHITECTURES

if TYPE_CHECKING:
    import numpy as np

_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_TENSOR = re.compile(r"layers\.(\d+)\.((?:self_attn|mlp)\.\w+)\.lora_([AB])\.weight$")


def export_adapter(adapter: Path, model: Path, target: Path) -> int:
    """Write the adapter in a folder of peft's as GGUF; return the number of tensors.

    Args:
        adapter: the folder, with adapter_config.json and adapter_model.safetensors.
        model: the transformers folder that it was trained over.
        target: the file to write.

    Raises:
        MissingExtraError: gguf is not installed.
        ModelError: an architecture or a tensor that llama.cpp would not take.
    """
    try:
        import gguf
        from safetensors.numpy import load_file
    except ImportError as error:
        raise MissingExtraError("Writing a GGUF adapter", "training") from error
    configuration = read_json(model / "config.json")
    architecture = architecture_of(configuration, model)
    settings = read_json(adapter / "adapter_config.json")
    tensors = load_file(str(adapter / "adapter_model.safetensors"))
    partial = target.with_suffix(".partial")
    writer = gguf.GGUFWriter(str(partial), architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(settings["lora_alpha"]))
    writer.add_string("general.name", target.stem)
    for name, values in sorted(tensors.items()):
        writer.add_tensor(*_turned(name, values, architecture, configuration))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.replace(target)
    return len(tensors)


def architecture_of(configuration: dict[str, Any], model: Path) -> str:
    """Return what llama.cpp calls the architecture of a model.

    Raises:
        ModelError: none that an adapter can be written for.
    """
    found = str(configuration.get("model_type"))
    if found not in ARCHITECTURES:
        raise ModelError(
            f"{model} is of the architecture {found!r}, for which no adapter of llama.cpp can be written here. "
            f"Valid choices: {', '.join(ARCHITECTURES)}. Without [base] gguf it is merged and run by transformers."
        )
    return ARCHITECTURES[found]


def _turned(
    name: str, values: np.ndarray[Any, Any], architecture: str, configuration: dict[str, Any]
) -> tuple[str, np.ndarray[Any, Any]]:
    """Return name and values of a tensor as llama.cpp expects them."""
    import numpy

    match = _TENSOR.search(name)
    if not match or match[2] not in _NAMES:
        raise ModelError(f"The adapter changes {name}, which llama.cpp has no name for.")
    layer, module, half = match.groups()
    # Half precision is finer than what the weights below are stored in, and halves what a refiner takes.
    values = values.astype(numpy.float16)
    if architecture == "llama" and half == "B" and module in ("self_attn.q_proj", "self_attn.k_proj"):
        heads = int(configuration["num_attention_heads"])
        if module.endswith("k_proj"):
            heads = int(configuration.get("num_key_value_heads") or heads)
        values = _permuted(values, heads)
    return f"blk.{layer}.{_NAMES[module]}.weight.lora_{half.lower()}", numpy.ascontiguousarray(values)


def _permuted(values: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """Put rows of a rotary projection in GGUF's order: halves of each head interleaved."""
    rows = values.shape[0] // heads // 2
    return values.reshape(heads, 2, rows, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)
