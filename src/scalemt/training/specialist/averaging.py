"""The mean of the weights of several checkpoints (Vaswani et al. 2017, section 6.1)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def average(files: Sequence[Path]) -> dict[str, object]:
    """Return the mean of the weights in several safetensors files, summed in double precision.

    Raises:
        OSError: one cannot be read.
    """
    import torch
    from safetensors.torch import load_file

    sums: dict[str, torch.Tensor] = {}
    kinds: dict[str, torch.dtype] = {}
    for file in files:
        for name, tensor in load_file(str(file)).items():
            kinds[name] = tensor.dtype
            sums[name] = sums[name] + tensor.double() if name in sums else tensor.double()
    return {name: (tensor / len(files)).to(kinds[name]) for name, tensor in sums.items()}
