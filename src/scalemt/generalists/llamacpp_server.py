"""The llama.cpp server inside `xllamacpp`: started in this process, spoken to over loopback.

Its in-process handlers cover two endpoints only and are no faster, so everything goes over HTTP; the port is
guarded by a random key that never leaves this process.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from scalemt.connections import Connections
from scalemt.errors import GeneralistError, MissingExtraError, ModelError
from scalemt.generalists.llamacpp_adapter import Adapter

Rounding = Literal["fast", "steady", "exact"]
"""Which kernels compute; see `LlamaCppGeneralist`."""

NO_THINKING: dict[str, Any] = {"chat_template_kwargs": {"enable_thinking": False}}
"""A model that can think would spend max_tokens on it and leave no translation."""

_IDLE = 2.0  # seconds after which a connection is not used again; the server closes it after five

EXACT_ROWS = 7
"""The most tokens computed together that llama.cpp's kernels for the CPU round as they round one."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How the server runs.

    `context` is tokens per slot. `guess` is after how many tokens that appeared before how many are guessed, None
    for no guess. `rounding` says how far what is computed for one token may depend on the batch it is in, and
    `adapter` is applied to the model.
    """

    model: Path
    threads: int
    slots: int
    context: int
    guess: tuple[int, int] | None
    rounding: Rounding
    adapter: Adapter | None = None


class RefusedError(GeneralistError):
    """The server refused one request; `kind` is its own word for why."""

    def __init__(self, message: str, kind: str, details: dict[str, Any]) -> None:
        super().__init__(message)
        self.kind = kind
        self.details = details


class LlamaServer:
    """One loaded model behind HTTP on loopback, quiet, with `slots` requests decoded side by side.

    Raises:
        MissingExtraError: xllamacpp is not installed.
        ModelError: llama.cpp cannot load the file.
    """

    def __init__(self, options: ServerOptions) -> None:
        import httpx

        try:
            import xllamacpp
        except ImportError as error:
            raise MissingExtraError("The generalist `llamacpp`", "llamacpp") from error
        self._slots = options.slots
        self._folder = tempfile.mkdtemp(prefix="scalemt-llamacpp-")
        key = secrets.token_urlsafe(32)
        try:
            self._server = xllamacpp.Server(_parameters(options, self._folder, key))
        except Exception as error:  # the binding raises plain RuntimeError for whatever went wrong inside
            shutil.rmtree(self._folder, ignore_errors=True)
            raise ModelError(
                f"llama.cpp could not load {_loaded(options)}: {error}. The file may be damaged, of an "
                "architecture that this xllamacpp does not know, or too large for the memory."
            ) from error
        self.address: str = self._server.listening_address
        self.key = key
        self._http = Connections(
            lambda: httpx.Client(
                base_url=self.address,
                headers={"Authorization": f"Bearer {key}"},
                timeout=None,  # noqa: S113 a slow machine is no fault, and the server lives in this process
                limits=httpx.Limits(keepalive_expiry=_IDLE),
                trust_env=False,  # a proxy from the environment must not see loopback
            )
        )

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send one request and return the answer.

        Raises:
            RefusedError: the server answered with an error.
            GeneralistError: the connection broke.
            CancelledError: the request was broken off.
        """
        import httpx

        breaks = self._http.breaks
        try:
            try:
                response = self._http.request("POST", path, json=body)
            except httpx.RemoteProtocolError:
                if breaks != self._http.breaks:
                    raise
                # The server closes connections that were idle for long, and may do so just as one is used again:
                # then it has not read the request.
                response = self._http.request("POST", path, json=body)
        except httpx.TransportError as broken:
            if breaks != self._http.breaks:
                raise CancelledError from broken
            raise GeneralistError(
                f"llama.cpp, which runs in this process, broke the connection: {broken or type(broken).__name__}. "
                "Run it again; if it happens again, the machine may lack memory."
            ) from broken
        answer = response.json()
        if response.status_code != 200:
            error = answer.get("error", {})
            message = f"llama.cpp refused the request: {error.get('message', response.status_code)}"
            raise RefusedError(message, str(error.get("type", "")), error)
        found: dict[str, Any] = answer
        return found

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """Return token ids with the model's opening token; `special` reads control tokens in the text."""
        body = {"content": text, "add_special": True, "parse_special": special}
        tokens: list[int] = self.post("/tokenize", body)["tokens"]
        return tokens

    def chat_text(self, messages: list[dict[str, str]], thinking: dict[str, Any] = NO_THINKING) -> str:
        """Return the messages as the chat template of the model writes them, told whether it is to think."""
        text: str = self.post("/apply-template", {"messages": messages, **thinking})["prompt"]
        return text

    def seed(self, prefix: Sequence[int]) -> int:
        """Evaluate `prefix` once, put it into all slots, and return how many tokens were evaluated.

        Without this every slot would evaluate the demonstrations by itself: four times half a thousand tokens.
        """
        body = {"prompt": list(prefix), "n_predict": 0, "cache_prompt": True, "id_slot": 0}
        evaluated: int = self.post("/completion", body)["timings"]["prompt_n"]
        name = {"filename": "prefix.bin"}
        self.post("/slots/0?action=save", name)
        for slot in range(1, self._slots):
            self.post(f"/slots/{slot}?action=restore", name)
        Path(self._folder, name["filename"]).unlink(missing_ok=True)
        return evaluated

    def break_off(self) -> None:
        """End all requests under way; the server stops decoding them when it sees the connection closed."""
        self._http.break_off()

    def close(self) -> None:
        """Stop the server and free the model."""
        self._http.close()
        del self._server  # its destructor stops the threads
        shutil.rmtree(self._folder, ignore_errors=True)


def on_cpu() -> bool:
    """Whether llama.cpp finds no GPU to compute on."""
    import xllamacpp

    return all(device["type"].name.endswith("_CPU") for device in xllamacpp.get_device_info())


def _parameters(options: ServerOptions, folder: str, key: str) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(options.model)
    params.n_parallel = options.slots
    params.n_ctx = options.context * options.slots
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.threads
    params.verbosity = -1
    params.hostnames = ["127.0.0.1"]
    params.api_keys = [key]
    params.ui = False
    params.ctx_shift = False  # a prompt that does not fit is an error, not a prompt with its head cut off
    # A sliding-window cache cannot step back to the end of a shared prefix: Gemma 3 would evaluate the
    # demonstrations again for every prompt (measured: 6249 tokens instead of 1387 for 12 prompts).
    params.swa_full = True
    params.cache_ram_mib = 0  # the slots hold the prefix; old prompts are not worth up to 8 GiB
    params.slot_save_path = f"{folder}/"
    if options.rounding != "fast" and on_cpu():
        _round_alike(params, exact=options.rounding == "exact")
    if options.guess:
        _speculate(params, *options.guess)
    if options.adapter:
        applied = xllamacpp.CommonAdapterLoraInfo()
        applied.path, applied.scale = str(options.adapter.path), options.adapter.scale
        params.lora_adapters = [applied]
    return params


def _loaded(options: ServerOptions) -> str:
    return f"{options.model} with the adapter {options.adapter.path}" if options.adapter else str(options.model)


def _round_alike(params: Any, *, exact: bool) -> None:
    """Choose kernels that round alike whatever the size of the batch.

    Found by comparing logits of the same tokens in batches of 1 to 429: repacked weights have other kernels for 1,
    4 and 8 rows, attention over a cache of f16 others from 8 and 64 rows on, and weights that are not repacked
    others from 8 rows on. Without repacking and with a cache of bf16, logits are the same to the last bit in all
    batches of 1 to 7 and in all of 8 and more; `exact` computes no more than seven rows at a time.
    """
    import xllamacpp

    params.no_extra_bufts = True
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_BF16
    if exact:
        params.n_ubatch = EXACT_ROWS


def _speculate(params: Any, after: int, length: int) -> None:
    """Guess the next tokens from the prompt, in which the draft stands; guesses are verified in one batch."""
    import xllamacpp

    kind = xllamacpp.common_speculative_type.COMMON_SPECULATIVE_TYPE_NGRAM_SIMPLE
    params.speculative.types = [kind]
    params.speculative.ngram_simple.size_n = after
    params.speculative.ngram_simple.size_m = length
