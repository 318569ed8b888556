"""Any server that speaks OpenAI's protocol: vLLM, llama-server, Ollama, hosted ones.

Source: the OpenAI API reference, chat completions and (legacy) completions.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scalemt.connections import Connections
from scalemt.errors import (
    ConfigurationError,
    DeadlineError,
    EndpointError,
    GeneralistError,
    RateLimitError,
)
from scalemt.generalists.base import BaseGeneralist, GeneralistKind, Progress
from scalemt.generalists.client import Budget, chat_messages, cut
from scalemt.generalists.notes import answer_noted
from scalemt.generalists.prediction import Predictions, accepted_tokens, count, evaluated_tokens
from scalemt.generalists.reasoning import STYLES, Style, read_thought, refused_mend, style_of, thinking_fields
from scalemt.limiter import Limiter
from scalemt.retry import RetryBudget, RetryPolicy, redact, send
from scalemt.types import Completion, Decoding, FinishReason, Likelihood, Prompt
from scalemt.workers import in_order

if TYPE_CHECKING:
    import httpx

_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "filter",
}
_MOST_STOPS = 4  # the protocol's limit; more are cut here
_CONNECT_SECONDS = 10.0
_REFUSING = frozenset({400, 422})  # for a field that a server does not know or does not want
_HOPELESS = {
    401: "The server refused the key. Check the environment variable {key_env}.",
    402: "The server wants payment. Check the account.",
    403: "The server refused access. Check the environment variable {key_env} and what the key may do.",
    404: "Check the base URL (it usually ends in /v1) and the model name {model!r}.",
    405: "Check the base URL (it usually ends in /v1).",
}


class HopelessError(EndpointError):
    """No request can succeed; the rest of the run is not sent."""


@dataclass(slots=True)
class _Run:
    """What the requests of one call tell each other: the fault that ends it, and whether any succeeded."""

    fatal: HopelessError | None = None
    lock: Lock = field(default_factory=Lock)


class OpenAIGeneralist(BaseGeneralist):
    """A model behind an OpenAI-compatible base URL, asked concurrently, with one retry layer and one budget.

    Args:
        url: base URL, such as `http://127.0.0.1:8000/v1`.
        model: the name under which the server knows it.
        api_key_env: the environment variable that holds the key; unset means that none is sent.
        kind: "chat" uses /chat/completions, "base" /completions.
        concurrency: most requests under way at a time, whatever the number of threads that ask; after refusals
            for overload they are fewer, see `Limiter`.
        timeout: seconds for one request; connecting may take at most 10 of them.
        retries: tries after the first for rate limits, overload, broken connections and time-outs.
        max_tokens_budget, max_cost: what this object may spend in its life, see `Budget`; prompts beyond it
            are not sent and fail with BudgetError. A server that reports no usage is counted by an estimate.
        price_prompt, price_completion: per million tokens, for `Completion.cost` and `max_cost`.
        extra_body: fields added to each request; None takes one out (`{"max_tokens": None,
            "max_completion_tokens": 500}` for servers that want the newer name).
        scoring: whether the server can score given text (vLLM's /completions with echo can; llama-server and
            chat models cannot). Only then does this object offer `score`, and count as `ScoringGeneralist`.
        prediction: whether `Prompt.prediction` is sent with chat prompts (OpenAI's predicted outputs). None does
            so where guesses cost nothing: no price_completion, and not at OpenAI or Azure, which bill those that
            were not used. A server that refuses it is not sent it again, and `predictions.refused` says so.
        thinking: how the server is told a budget of thinking: "effort" (reasoning_effort), "template"
            (chat_template_kwargs, and thinking_budget_tokens for llama-server), "vllm" (the same with
            thinking_token_budget), "qwen" (enable_thinking, thinking_budget), "openrouter" (reasoning.max_tokens),
            or "none". None goes by the host, and takes "template" for those that are not known.

    `Prompt.prefill` is not sent: the protocol has no place for it.

    Prompts are sent in an order in which shared beginnings are neighbours, for servers that keep prefixes.

    Raises:
        ConfigurationError: an argument cannot be used.
    """

    name = "openai"
    overlaps = True

    def __init__(  # noqa: PLR0913 each is one line of a profile
        self,
        url: str,
        model: str,
        *,
        api_key_env: str = "OPENAI_API_KEY",
        kind: GeneralistKind = "chat",
        concurrency: int = 8,
        timeout: float = 60.0,
        retries: int = 5,
        max_tokens_budget: int | None = None,
        max_cost: float | None = None,
        price_prompt: float = 0.0,
        price_completion: float = 0.0,
        extra_body: Mapping[str, Any] | None = None,
        scoring: bool = False,
        prediction: bool | None = None,
        thinking: Style | None = None,
    ) -> None:
        shown = redact(url)
        _require(_is_web(url), f"{shown} is not a URL such as http://127.0.0.1:8000/v1")
        _require(kind in {"chat", "base"}, f"kind is {kind!r}; valid choices are chat, base")
        _require(concurrency >= 1 and timeout > 0 and retries >= 0, "concurrency, timeout or retries is too low")
        _require(not scoring or kind == "base", "scoring needs kind='base': chat completions cannot echo")
        priced = price_prompt > 0 or price_completion > 0
        _require(max_cost is None or priced, "max_cost needs price_prompt or price_completion")
        _require(thinking in {None, *STYLES}, f"thinking is {thinking!r}; valid choices are {', '.join(STYLES)}")
        base, mark, query = url.partition("?")
        self._url, self._query = base.rstrip("/"), mark + query
        self._shown, self._model = shown.rstrip("/"), model
        self._key_env = api_key_env
        self._kind = kind
        self._concurrency, self._timeout = concurrency, timeout
        self._prices = (price_prompt, price_completion)
        self._extra = dict(extra_body or {})
        self._thinking: Style = thinking or style_of(url)
        self._answered = False
        self.limiter = Limiter(concurrency)
        self.predictions = Predictions(url, prediction, price_completion > 0)
        self.policy = RetryPolicy(attempts=retries + 1)
        self.retries: RetryBudget | None = None  # of a job, over all its requests
        self.budget = Budget(max_tokens_budget, max_cost)
        self._scoring = scoring
        self._open()

    @property
    def kind(self) -> GeneralistKind:
        """What the constructor was told."""
        return self._kind

    @property
    def concurrency(self) -> int:
        """What the constructor was told."""
        return self._concurrency

    @property
    def prices(self) -> tuple[float, float]:
        """Of a million tokens of prompts, and of answers."""
        return self._prices

    @property
    def signature(self) -> str:
        """The model's name and the server's host."""
        host = self._shown.partition("://")[2].partition("/")[0]
        return f"openai:{'_'.join(self._model.split())}@{host}"

    @property
    def cache_key(self) -> str:
        """The signature, and a hash of the whole address and of the fields added to each request.

        Which weights a server has behind a name it does not say: after changing them there, clear the cache.
        """
        asked = json.dumps([self._url, self._query, self._extra], sort_keys=True, default=repr)
        own = "" if self._thinking == style_of(self._url) else f"|thinking={self._thinking}"
        return f"{self.signature}|{sha256(asked.encode()).hexdigest()}{own}"

    def close(self) -> None:
        """Close the connections. The next use opens new ones."""
        self._connections.close()

    def cancel(self) -> None:
        """Give up all requests under way and waiting; the calls that wait for them raise CancelledError."""
        self.limiter.cancel(self._group)
        self._connections.break_off()

    def twin(self) -> OpenAIGeneralist:
        """Return a client of the same server, with the same limiter and budgets, that is cancelled by itself."""
        twin = copy(self)
        twin._open()
        return twin

    def _open(self) -> None:
        """Take connections of its own: what is cancelled is what goes over them."""
        self._group = object()
        self._connections = Connections(partial(_client, self._key_env, self._timeout, self._concurrency))
        if self._scoring:
            # An attribute and not a method, so that isinstance(…, ScoringGeneralist) tells the truth.
            self.score: Callable[[Sequence[Prompt], Sequence[str]], list[Likelihood]] = self._score_all

    def _complete(self, prompts: Sequence[Prompt], decoding: Decoding, progress: Progress) -> list[Completion]:
        run = _Run()
        order = sorted(range(len(prompts)), key=lambda index: _beginning(prompts[index]))
        sent = in_order(
            lambda index: self._one(run, prompts[index], decoding),
            order,
            self._concurrency,
            progress,
            self.cancel,
        )
        answered = dict(zip(order, sent, strict=True))
        completions = [answered[index] for index in range(len(prompts))]
        if run.fatal and all(completion.finish_reason == "error" for completion in completions):
            raise run.fatal
        return completions

    def _one(self, run: _Run, prompt: Prompt, decoding: Decoding) -> Completion:
        if run.fatal:
            return Completion("", "error", error=run.fatal)
        try:
            if decoding.thinking and prompt.text and prompt.after_thinking:
                return answer_noted(prompt, decoding, partial(self._stage, decoding))
            return self._asked(prompt, decoding)
        except HopelessError as error:
            with run.lock:
                run.fatal = run.fatal or error
            return Completion("", "error", error=error)
        except GeneralistError as error:
            return Completion("", "error", error=error)

    def _stage(self, decoding: Decoding, prompt: Prompt, most: int) -> Completion:
        return self._asked(prompt, replace(decoding, max_tokens=most, thinking=None))

    def _asked(self, prompt: Prompt, decoding: Decoding) -> Completion:
        self.budget.check()
        path, body = self._request(prompt, decoding)
        # A guess of the answer says nothing of what is thought before it.
        predicting = body if decoding.thinking else self.predictions.added(body, prompt)
        mend = refused_mend(self._thinking, decoding.thinking) if prompt.messages else ""
        return self._read(self._post(path, body, predicting, mend), prompt, decoding)

    def _request(self, prompt: Prompt, decoding: Decoding) -> tuple[str, dict[str, Any]]:
        body: dict[str, Any] = {
            "model": self._model,
            "max_tokens": decoding.most_tokens if prompt.messages else decoding.max_tokens,
            "temperature": decoding.temperature,
            "top_p": decoding.top_p,
            "seed": decoding.seed,
        }
        if prompt.messages:
            body |= thinking_fields(self._thinking, decoding.thinking)
        # A stop string would end a thought, too: there the answer is cut here.
        if prompt.stop and not (prompt.messages and decoding.thinking):
            body["stop"] = list(prompt.stop[:_MOST_STOPS])
        if prompt.messages:
            path, body["messages"] = "/chat/completions", chat_messages(prompt)
        else:
            path, body["prompt"] = "/completions", prompt.text
        return path, {key: value for key, value in (body | self._extra).items() if value is not None}

    def _read(self, answer: Any, prompt: Prompt, decoding: Decoding) -> Completion:
        """Make a completion of an answer; usage is counted even when the rest cannot be used."""
        prompt_tokens, completion_tokens, cost = self._account(answer, prompt.content)
        try:
            choice = answer["choices"][0]
            raw = choice["message"].get("content") if prompt.messages else choice["text"]
            raw = raw if raw is None else _text(raw)
            finish = str(choice.get("finish_reason") or "")
            message = choice["message"] if prompt.messages else {}
            ended = _FINISH.get(finish, "stop")
            thought, said = read_thought(message, answer, decoding, raw or "", ended)
            text = cut(said, prompt.stop)
            refused = bool(prompt.messages and not raw and choice["message"].get("refusal"))
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise EndpointError(
                f"{self._shown} answered without choices[0], so this is no completion. "
                "Check that the URL is that of an OpenAI-compatible server."
            ) from error
        # A stop string that the server did not know ends the answer as well as one that it did.
        reason = "stop" if said and text != said else _FINISH.get("content_filter" if refused else finish)
        if reason is None:
            raise EndpointError(f"{self._shown} ended the answer with the unknown finish_reason {finish!r}.")
        return Completion(
            text,
            reason,
            prompt_tokens,
            completion_tokens,
            cost,
            evaluated_tokens=evaluated_tokens(answer, prompt_tokens),
            accepted_tokens=accepted_tokens(answer),
            thought=thought,
        )

    def _account(self, answer: Any, sent: str) -> tuple[int, int, float]:
        """Return tokens and cost of an answer, and take them from the budget."""
        usage = answer.get("usage") if isinstance(answer, dict) else None
        if not isinstance(usage, dict):
            # About four bytes are a token; the budget must not be blind where a server does not count.
            self.budget.spend((len(sent.encode()) + len(json.dumps(answer))) // 4)
            return 0, 0, 0.0
        prompt_tokens = count(usage, "prompt_tokens") or 0
        completion_tokens = count(usage, "completion_tokens") or 0
        cost = (prompt_tokens * self._prices[0] + completion_tokens * self._prices[1]) / 1e6
        self.budget.spend(prompt_tokens + completion_tokens, cost)
        return prompt_tokens, completion_tokens, cost

    def _post(
        self, path: str, body: dict[str, Any], predicting: dict[str, Any] | None = None, mend: str = ""
    ) -> Any:
        """Send one request, again where that can help, and return the decoded answer.

        Args:
            predicting: the body that is tried first, with a prediction.
            mend: what may help where the server refuses the fields of the request.
        """
        import httpx

        tried = 0

        def attempt(fields: dict[str, Any]) -> httpx.Response:
            nonlocal tried
            tried += 1
            return self._attempt(path, fields)

        def post(fields: dict[str, Any]) -> httpx.Response:
            once = partial(attempt, fields)
            return send(
                once,
                self.policy,
                self.limiter,
                retry_on=(httpx.TransportError,),
                budget=self.retries,
                group=self._group,
            )

        try:
            response = self.predictions.send(post, predicting or body, body)
        except httpx.TimeoutException as error:
            raise DeadlineError(
                f"{self._shown} gave no answer within {self._timeout:g} s, in {tried} tries. "
                "Raise `timeout`, lower `concurrency`, or check the server.",
                tried,
            ) from error
        except httpx.TransportError as error:
            raise EndpointError(
                f"The connection to {self._shown} broke off ({type(error).__name__}), in {tried} tries. "
                "Check the server."
            ) from error
        if response.status_code != 200:
            raise self._refusal(response, tried, mend)
        try:
            return response.json()
        except ValueError as error:
            raise EndpointError(
                f"{self._shown} answered something that is not JSON. "
                "Check that the URL is that of an OpenAI-compatible server."
            ) from error

    def _attempt(self, path: str, body: dict[str, Any]) -> httpx.Response:
        import httpx

        try:
            response = self._connections.request("POST", f"{self._url}{path}{self._query}", json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
            # A server that never answered is not there; one that did may be restarting.
            if self._answered:
                raise
            raise HopelessError(
                f"{self._shown} cannot be reached ({type(error).__name__}). "
                "Check that the server runs and that host and port are right."
            ) from error
        self._answered = True
        return response

    def _refusal(self, response: httpx.Response, tried: int, mend: str) -> GeneralistError:
        status = response.status_code
        if status in _HOPELESS:
            # The server's own words are left out: some repeat the key.
            mend = _HOPELESS[status].format(key_env=self._key_env, model=self._model)
            return HopelessError(f"{self._shown} answered with status {status}. {mend}")
        said = self._said(response)
        if status == 429:
            return RateLimitError(
                f"{self._shown} asked for fewer requests (status 429), in {tried} tries{said}. "
                "Lower `concurrency`, raise `retries`, or check the quota."
            )
        mend = mend if status in _REFUSING else ""
        return EndpointError(
            f"{self._shown} answered with status {status}{said}. Check the server and the model.{mend}"
        )

    def _said(self, response: httpx.Response) -> str:
        """Return the server's own message, short and without the key, or nothing."""
        try:
            error = response.json()["error"]
            message = str(error["message"] if isinstance(error, dict) else error)
        except (ValueError, KeyError, TypeError):
            return ""
        key = _key(self._key_env)
        message = message.replace(key, "***") if key else message
        return f": {message[:300].rstrip('.')}"

    def _score_all(self, prompts: Sequence[Prompt], continuations: Sequence[str]) -> list[Likelihood]:
        """The likelihood of `continuations[i]` after `prompts[i]`.

        Raises:
            GeneralistError: a prompt is a chat prompt, the budget is spent, or the server does not echo.
        """
        jobs = list(zip(prompts, continuations, strict=True))
        return in_order(lambda job: self._score(*job), jobs, self._concurrency, cancel=self.cancel)

    def _score(self, prompt: Prompt, continuation: str) -> Likelihood:
        if prompt.messages:
            raise GeneralistError("This generalist scores plain prompts only, and was given a chat prompt.")
        if not continuation:
            return Likelihood(0.0, 0)
        self.budget.check()
        text = prompt.text + continuation
        body = {"model": self._model, "prompt": text, "max_tokens": 1, "temperature": 0.0}
        answer = self._post("/completions", body | {"echo": True, "logprobs": 1})
        self._account(answer, text)
        return self._echoed(answer, len(prompt.text), len(text))

    def _echoed(self, answer: Any, start: int, end: int) -> Likelihood:
        """Sum the log-probabilities of the tokens that reach beyond `start` and begin before `end`."""
        try:
            choice = answer["choices"][0]
            found = choice["logprobs"]
            tokens, offsets, values = found["tokens"], found["text_offset"], found["token_logprobs"]
            spans = zip(offsets, tokens, values, strict=True)
            inside = [value for at, token, value in spans if at + len(token) > start and at < end]
        except (KeyError, IndexError, TypeError, ValueError):
            inside = []
        if not inside or None in inside:
            raise GeneralistError(
                f"{self._shown} cannot score: it did not echo the prompt with log-probabilities. "
                "vLLM does; for other servers set scoring = false, and the gate works without it."
            )
        return Likelihood(float(sum(inside)), len(inside))


def _beginning(prompt: Prompt) -> str:
    """What the server reads, from the start."""
    return prompt.text or "\0".join(message.content for message in prompt.messages)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _key(variable: str) -> str:
    return os.environ.get(variable, "").strip()


def _client(key_env: str, timeout: float, concurrency: int) -> httpx.Client:
    import httpx

    key = _key(key_env)
    return httpx.Client(
        headers={"Authorization": f"Bearer {key}"} if key else {},
        timeout=httpx.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS)),
        limits=httpx.Limits(max_connections=concurrency),
    )


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        return False


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ConfigurationError(f"The generalist openai cannot be made: {message}.")
