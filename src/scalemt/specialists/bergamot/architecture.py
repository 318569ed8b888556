"""Which Marian architectures are covered, and the sizes of one that is.

Covered: the students of the Bergamot project and of Firefox Translations: a transformer encoder and a decoder
whose self-attention is replaced by the simpler simple recurrent unit (SSRU; Kim et al. 2019, "From Research to
Production and Back: Ludicrously Fast Neural Machine Translation", section 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scalemt.errors import ModelError
from scalemt.specialists.bergamot.marian import MarianModel

# Every option that changes the computation, with the values that the network computes. Absent means the first.
_COVERED: dict[str, tuple[Any, ...]] = {
    "type": ("transformer",),
    "transformer-decoder-autoreg": ("rnn",),
    "dec-cell": ("ssru",),
    "transformer-preprocess": ("",),
    "transformer-postprocess": ("dan", "an"),
    "transformer-postprocess-emb": ("d", ""),
    "transformer-postprocess-top": ("",),
    "transformer-ffn-activation": ("relu", "swish"),
    "transformer-ffn-depth": (2,),
    "transformer-decoder-ffn-depth": (0, 2),
    "transformer-train-position-embeddings": (False,),
    "transformer-no-projection": (False,),
    "transformer-rnn-projection": (False,),
    "transformer-pool": (False,),
    "transformer-tied-layers": ([],),
    "dec-cell-base-depth": (2,),
    "lemma-dim-emb": (0,),
    "input-types": ([],),
    "right-left": (False,),
    "ulr": (False,),
}
_REQUIRED = ("type", "transformer-decoder-autoreg", "dec-cell", "enc-depth", "dec-depth", "transformer-heads")


@dataclass(frozen=True, slots=True)
class Architecture:
    """The sizes of a covered model; `activation` is that of the feed-forward layers."""

    encoder_depth: int
    decoder_depth: int
    dim: int
    heads: int
    activation: str
    source_embedding: str
    target_embedding: str
    output: str


def architecture_of(model: MarianModel) -> Architecture:
    """Return the architecture that the model's own configuration describes.

    Raises:
        ModelError: an option has a value that is not covered, or a tensor that it asks for is missing.
    """
    config = model.config
    for key in _REQUIRED:
        if key not in config:
            raise ModelError(f"The configuration inside {model.path} does not say {key}; it is not a full model.")
    for key, covered in _COVERED.items():
        value = config.get(key, covered[0])
        if value not in covered:
            choices = " or ".join(repr(choice) for choice in covered)
            raise ModelError(
                f"{model.path} has {key}: {value!r}, which the bergamot specialist does not compute "
                f"(covered: {choices}). It runs Bergamot / Firefox Translations students: transformer encoder, "
                "SSRU decoder. Convert other Marian models for the ctranslate2 specialist."
            )
    return _sizes(model)


def _sizes(model: MarianModel) -> Architecture:
    config = model.config
    shared = bool(config.get("tied-embeddings-all"))
    source = "Wemb" if shared or config.get("tied-embeddings-src") else "encoder_Wemb"
    target = "Wemb" if shared or config.get("tied-embeddings-src") else "decoder_Wemb"
    tied = shared or bool(config.get("tied-embeddings"))
    output = target if tied else "decoder_ff_logit_out_W"
    for name in (source, target, output):
        if name not in model.tensors:
            raise ModelError(f"{model.path} has no tensor {name}, which its configuration asks for.")
    dim, heads = model.tensors[source].shape[-1], int(config["transformer-heads"])
    if heads < 1 or dim % heads:
        raise ModelError(f"{model.path} has {heads} attention heads for {dim} dimensions, which do not divide.")
    return Architecture(
        encoder_depth=int(config["enc-depth"]),
        decoder_depth=int(config["dec-depth"]),
        dim=dim,
        heads=heads,
        activation=str(config.get("transformer-ffn-activation", "relu")),
        source_embedding=source,
        target_embedding=target,
        output=output,
    )
