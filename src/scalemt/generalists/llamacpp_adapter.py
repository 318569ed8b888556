"""A LoRA adapter (Hu et al. 2022) in a GGUF file, which llama.cpp applies to a model that it has loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalemt.errors import ConfigurationError, ModelError
from scalemt.fingerprint import fingerprint
from scalemt.generalists.gguf import read_metadata


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter and how strongly it is applied."""

    path: Path
    scale: float

    @classmethod
    def of(cls, file: str | Path, scale: float, model: Mapping[str, Any]) -> Adapter:
        """Return the adapter in a file.

        Args:
            file: GGUF.
            scale: 1 as it was trained.
            model: the metadata of the model that it is for.

        Raises:
            ModelError: the file is missing, is no adapter, or one for another architecture.
            ConfigurationError: the scale is negative.
        """
        path = Path(file).expanduser()
        if scale < 0:
            raise ConfigurationError(
                f"The generalist llamacpp cannot use adapter_scale={scale:g}: expected 0 or more; 1 is as trained."
            )
        found = read_metadata(path)
        if found.get("general.type") != "adapter":
            raise ModelError(f"{path} is no adapter. Name it as `model`, or give a GGUF LoRA adapter.")
        for_, of = found.get("general.architecture"), model.get("general.architecture")
        if for_ != of:
            raise ModelError(
                f"{path} is an adapter for {for_}, and the model is {of}: they do not belong together."
            )
        return cls(path, scale)

    @property
    def signature(self) -> str:
        """What stands behind the signature of the model."""
        scale = "" if self.scale == 1 else f"*{self.scale:g}"
        return f"+lora:{fingerprint([self.path])}{scale}"
