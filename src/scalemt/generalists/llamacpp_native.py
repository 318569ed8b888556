"""Log-probabilities of given tokens through the C interface of llama.cpp that `xllamacpp` exports.

The server cannot return the probabilities of prompt tokens ("Only no echo is supported"). Forcing them out of
it by a grammar costs one decoding step a token; here all tokens of a continuation go through the model in one
batch. The price is a second copy of the weights in memory.

The structures are those of llama.h. Only their first fields are touched, everything behind them is passed
back as the library filled it in, and `NativeScorer.available` refuses a library whose layout differs.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from scalemt.errors import GeneralistError, MissingExtraError, ModelError
from scalemt.generalists.llamacpp_adapter import Adapter
from scalemt.generalists.llamacpp_server import EXACT_ROWS, Rounding

_OUTPUTS = 32  # rows of logits held at a time: 32 MB for a vocabulary of 262,144
_CHUNK = 64  # tokens evaluated at a time; a larger number only makes the buffers larger
_DEFAULTS = {0: 512, 1: 2048, 2: 512, 3: 1}  # n_ctx, n_batch, n_ubatch, n_seq_max as llama.h documents them
_ROWS = 2  # n_ubatch
_THREADS = (7, 8)  # n_threads, n_threads_batch
_DEFAULT_THREADS = 4
_FLASH_ATTENTION, _CACHE_TYPES = 13, (26, 27)  # flash_attn_type (-1: automatic), type_k and type_v (1: f16)
_AUTOMATIC, _ENABLED, _F16, _BF16 = 0xFFFFFFFF, 1, 1, 30
_USE_EXTRA_BUFTS = 74  # the byte of llama_model_params that lets weights be repacked, among others that are 0


class _Parameters(ctypes.Structure):
    # Larger than the real structures: they are handed over by value in memory, and only their head is read.
    _fields_: ClassVar = [("head", ctypes.c_uint32 * 256)]


class _Batch(ctypes.Structure):
    _fields_: ClassVar = [
        ("n_tokens", ctypes.c_int32),
        ("token", ctypes.POINTER(ctypes.c_int32)),
        ("embd", ctypes.c_void_p),
        ("pos", ctypes.POINTER(ctypes.c_int32)),
        ("n_seq_id", ctypes.POINTER(ctypes.c_int32)),
        ("seq_id", ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
        ("logits", ctypes.POINTER(ctypes.c_int8)),
        ("reserve", ctypes.c_uint64 * 8),
    ]


_POINTER, _INT = ctypes.c_void_p, ctypes.c_int32
_ADAPTING: dict[str, tuple[Any, ...]] = {
    "llama_adapter_lora_init": (_POINTER, _POINTER, ctypes.c_char_p),
    "llama_set_adapters_lora": (
        _INT,
        _POINTER,
        ctypes.POINTER(_POINTER),
        ctypes.c_size_t,
        ctypes.POINTER(ctypes.c_float),
    ),
}
"""Older libraries lack the second: what has an adapter is then scored through the server."""
_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "llama_model_default_params": (_Parameters,),
    "llama_context_default_params": (_Parameters,),
    "llama_model_load_from_file": (_POINTER, ctypes.c_char_p, _Parameters),
    "llama_init_from_model": (_POINTER, _POINTER, _Parameters),
    "llama_batch_init": (_Batch, _INT, _INT, _INT),
    "llama_batch_free": (None, _Batch),
    "llama_decode": (_INT, _POINTER, _Batch),
    "llama_get_logits_ith": (ctypes.POINTER(ctypes.c_float), _POINTER, _INT),
    "llama_get_memory": (_POINTER, _POINTER),
    "llama_memory_seq_rm": (ctypes.c_bool, _POINTER, _INT, _INT, _INT),
    "llama_memory_clear": (None, _POINTER, ctypes.c_bool),
    "llama_model_get_vocab": (_POINTER, _POINTER),
    "llama_vocab_n_tokens": (_INT, _POINTER),
    "llama_n_ctx": (ctypes.c_uint32, _POINTER),
    "llama_n_batch": (ctypes.c_uint32, _POINTER),
    "llama_free": (None, _POINTER),
    "llama_model_free": (None, _POINTER),
}


@cache
def _library() -> dict[str, Callable[..., Any]] | None:
    """Return the functions by name, or None when the library lacks one or lays its structures out otherwise."""
    try:
        import xllamacpp.xllamacpp as extension
    except ImportError as error:
        raise MissingExtraError("The generalist `llamacpp`", "llamacpp") from error
    library = ctypes.CDLL(extension.__file__)
    functions: dict[str, Callable[..., Any]] = {}
    for name, (result, *arguments) in _SIGNATURES.items():
        function = getattr(library, name, None)
        if function is None:
            return None
        function.restype, function.argtypes = result, arguments
        functions[name] = function
    for name, (result, *arguments) in _ADAPTING.items():
        if (function := getattr(library, name, None)) is not None:
            function.restype, function.argtypes = result, arguments
            functions[name] = function
    head = functions["llama_context_default_params"]().head
    expected = {**_DEFAULTS, **dict.fromkeys(_THREADS, _DEFAULT_THREADS)}
    return functions if all(head[index] == value for index, value in expected.items()) else None


class NativeScorer:
    """Scores token sequences under one model; not safe to share between threads without a lock.

    The tokens of the last call stay evaluated, so that a shared prefix is evaluated once. `rounding` chooses the
    kernels (see `llamacpp_server`), where the library is laid out as expected. `adapter` is applied to the model.

    Raises:
        ModelError: llama.cpp cannot load the file, or the memory does not hold it twice.
    """

    def __init__(
        self, model: Path, *, threads: int, context: int, rounding: Rounding, adapter: Adapter | None = None
    ) -> None:
        library = _library()
        if library is None:
            raise GeneralistError("This xllamacpp does not export the C interface that native scoring needs.")
        self._c = library
        self._model = self._c["llama_model_load_from_file"](os.fsencode(model), self._model_parameters(rounding))
        if not self._model:
            raise ModelError(f"llama.cpp could not load {model} for scoring.")
        self._context = self._c["llama_init_from_model"](
            self._model, self._context_parameters(threads, context, rounding)
        )
        if not self._context or self._c["llama_n_batch"](self._context) != _CHUNK:
            raise ModelError(
                f"llama.cpp could not make a context of {context} tokens for {model}. Lower `context`."
            )
        if adapter:
            self._apply(adapter)
        self._vocabulary: int = self._c["llama_vocab_n_tokens"](self._c["llama_model_get_vocab"](self._model))
        self._batch = self._c["llama_batch_init"](_CHUNK, 0, 1)
        self._evaluated: list[int] = []

    def _apply(self, adapter: Adapter) -> None:
        loaded = self._c["llama_adapter_lora_init"](self._model, os.fsencode(adapter.path))
        if not loaded:
            raise ModelError(f"llama.cpp could not load the adapter {adapter.path} for scoring.")
        adapters, scales = (_POINTER * 1)(loaded), (ctypes.c_float * 1)(adapter.scale)
        if self._c["llama_set_adapters_lora"](self._context, adapters, 1, scales):
            raise ModelError(f"llama.cpp could not apply the adapter {adapter.path} for scoring.")

    @staticmethod
    def available(*, adapted: bool = False) -> bool:
        """Whether the installed xllamacpp exports the C interface, as expected (`adapted`: adapters too)."""
        functions = _library()
        return functions is not None and (not adapted or _ADAPTING.keys() <= functions.keys())

    def score(self, prompt: Sequence[int], continuation: Sequence[int]) -> float:
        """Return the summed natural-log probability of `continuation` after `prompt` (at least one token)."""
        kept = self._rewind(prompt)
        self._evaluate(prompt[kept:-1], kept, wanted=False)
        inputs = [prompt[-1], *continuation[:-1]]
        total = 0.0
        for start in range(0, len(inputs), _OUTPUTS):
            chunk = inputs[start : start + _OUTPUTS]
            self._evaluate(chunk, len(prompt) - 1 + start, wanted=True)
            targets = continuation[start : start + _OUTPUTS]
            total += sum(self._logprob(row, token) for row, token in enumerate(targets))
        return total

    def close(self) -> None:
        """Free the context and the model."""
        self._c["llama_batch_free"](self._batch)
        self._c["llama_free"](self._context)
        self._c["llama_model_free"](self._model)

    def _model_parameters(self, rounding: Rounding) -> _Parameters:
        parameters: _Parameters = self._c["llama_model_default_params"]()
        octets = (ctypes.c_uint8 * 1024).from_buffer(parameters)
        if rounding != "fast" and list(octets[_USE_EXTRA_BUFTS - 2 : _USE_EXTRA_BUFTS + 3]) == [0, 0, 1, 0, 0]:
            octets[_USE_EXTRA_BUFTS] = 0
        return parameters

    def _context_parameters(self, threads: int, context: int, rounding: Rounding) -> _Parameters:
        parameters: _Parameters = self._c["llama_context_default_params"]()
        parameters.head[0] = context
        parameters.head[1] = parameters.head[2] = _CHUNK
        for index in _THREADS:
            parameters.head[index] = threads
        types = [parameters.head[index] for index in _CACHE_TYPES]
        if rounding != "fast" and parameters.head[_FLASH_ATTENTION] == _AUTOMATIC and types == [_F16, _F16]:
            parameters.head[_FLASH_ATTENTION] = _ENABLED
            if rounding == "exact":
                parameters.head[_ROWS] = EXACT_ROWS
            for index in _CACHE_TYPES:
                parameters.head[index] = _BF16
        return parameters

    def _rewind(self, prompt: Sequence[int]) -> int:
        """Drop what was evaluated beyond the prefix shared with `prompt`; return the length of what stays."""
        limit = min(len(self._evaluated), len(prompt) - 1)
        kept = next((i for i in range(limit) if self._evaluated[i] != prompt[i]), limit)
        memory = self._c["llama_get_memory"](self._context)
        if not self._c["llama_memory_seq_rm"](memory, 0, kept, -1):
            # A recurrent model cannot step back: it begins anew.
            self._c["llama_memory_clear"](memory, True)
            kept = 0
        del self._evaluated[kept:]
        return kept

    def _evaluate(self, tokens: Sequence[int], position: int, *, wanted: bool) -> None:
        """Run the model over `tokens` at `position`; `wanted` keeps the logits after each of them."""
        for start in range(0, len(tokens), _CHUNK):
            chunk = tokens[start : start + _CHUNK]
            self._batch.n_tokens = len(chunk)
            for index, token in enumerate(chunk):
                self._batch.token[index] = token
                self._batch.pos[index] = position + start + index
                self._batch.n_seq_id[index] = 1
                self._batch.seq_id[index][0] = 0
                self._batch.logits[index] = wanted
            code = self._c["llama_decode"](self._context, self._batch)
            if code:
                self._c["llama_memory_clear"](self._c["llama_get_memory"](self._context), True)
                self._evaluated.clear()
                raise GeneralistError(f"llama.cpp failed while scoring: llama_decode returned {code}.")
            self._evaluated.extend(chunk)

    def _logprob(self, row: int, token: int) -> float:
        pointer = self._c["llama_get_logits_ith"](self._context, row)
        if not pointer:
            raise GeneralistError("llama.cpp returned no logits for a token that was to be scored.")
        logits = np.ctypeslib.as_array(pointer, (self._vocabulary,))
        top = float(logits.max())
        return float(logits[token]) - top - float(np.log(np.exp(logits - top).sum(dtype=np.float64)))
