"""Keys and values of the cache: what stands in a key, and answers as JSON and back."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, get_args

from scalemt.types import Completion, Decoding, Draft, Likelihood, Pair, Prompt, ThinkingEnd, Thought, Word
from scalemt.version import __version__

KINDS = ("draft", "forced", "completion", "likelihood")
"""Of entries: drafts, and scores, of a specialist; answers, and scores, of a generalist."""

# Raised whenever values of a kind, or what is asked for under its keys, come to mean something else.
# Drafts: 2 since they hold alignments.
_FORMATS = {"draft": 2, "forced": 1, "completion": 1, "likelihood": 1}


def _key(kind: str, *parts: Any) -> bytes:
    # JSON and not joined strings: no text can be made to look like two fields. The version is in the key since
    # a backend computed by scalemt itself (bergamot), and how it asks others, may change with it.
    return sha256(json.dumps([_FORMATS[kind], __version__, kind, *parts]).encode()).digest()


def draft_key(backend: str, text: str, pair: Pair, n: int) -> bytes:
    """Return the key of the drafts of one text; `backend` says all else that can change them."""
    return _key("draft", backend, text, list(pair), n)


def forced_key(backend: str, source: str, target: str, pair: Pair) -> bytes:
    """Return the key of the score that a specialist gives a target."""
    return _key("forced", backend, source, target, list(pair))


def completion_key(backend: str, prompt: Prompt, decoding: Decoding) -> bytes:
    """Return the key of the answer to one prompt.

    Two things are left out on purpose. `prediction`: by its definition it changes the time, never the answer.
    `max_tokens`: it only says where an answer is cut off, and one that was cut off is not kept; whether one that
    ended by itself fits under another bound is seen from its length (`usable_completion`). The engine's bound
    follows the longest text of a batch, so with it in the key one changed text would have all its neighbours
    asked anew. Of the bound of thinking the same cannot be said: near to it a model is made to end its thought.
    """
    asked = prompt if decoding.thinking else prompt.straight
    parts = [backend, _content(asked), decoding.temperature, decoding.top_p, decoding.seed]
    if decoding.thinking is not None:
        # Only where it was asked for, so that all other answers keep the keys that they have had.
        parts.append([decoding.thinking, decoding.wait and decoding.thinking > 0, asked.after_thinking])
    return _key("completion", *parts)


def likelihood_key(backend: str, prompt: Prompt, continuation: str) -> bytes:
    """Return the key of the score that a generalist gives a continuation of a prompt."""
    return _key("likelihood", backend, _content(prompt.straight), continuation)


def _content(prompt: Prompt) -> list[Any]:
    messages = [[message.role, message.content] for message in prompt.messages]
    return [messages, prompt.text, prompt.prefill, list(prompt.stop)]


def drafts_value(drafts: Sequence[Draft]) -> Any:
    """Return the drafts of one text as JSON."""
    return [
        [
            draft.text,
            draft.score,
            draft.engine,
            draft.language,
            [[word.text, word.confidence] for word in draft.words],
            [list(link) for link in draft.alignment],
        ]
        for draft in drafts
    ]


def drafts_from(value: Any, n: int) -> list[Draft]:
    """Return the `n` drafts that a value holds.

    Raises:
        ValueError: it holds something else.
    """
    drafts = [_draft(item) for item in _listed(value)]
    if len(drafts) != n:
        raise ValueError(f"{len(drafts)} drafts")
    return drafts


def _draft(value: Any) -> Draft:
    text, score, engine, language, words, alignment = _listed(value, 6)
    return Draft(
        _text(text),
        tuple(Word(_text(word), _number(confidence)) for word, confidence in _rows(words)),
        _number(score),
        _text(engine),
        _text(language),
        tuple((_count(one), _count(other)) for one, other in _rows(alignment)),
    )


def likelihood_value(likelihood: Likelihood) -> Any:
    """Return a score as JSON, or None where it is no number that JSON can hold."""
    if not math.isfinite(likelihood.logprob):
        return None
    return [likelihood.logprob, likelihood.tokens]


def likelihood_from(value: Any) -> Likelihood:
    """Return the score that a value holds.

    Raises:
        ValueError: it holds something else.
    """
    logprob, tokens = _listed(value, 2)
    number = _number(logprob)
    if number is None:
        raise ValueError("no logprob")
    return Likelihood(number, _count(tokens))


def completion_value(completion: Completion, decoding: Decoding) -> Any:
    """Return an answer as JSON, or None for one that must not be kept: cut off, withheld, failed."""
    if completion.finish_reason != "stop" or completion.error is not None:
        return None
    thought = completion.thought
    told = [[thought.text, thought.tokens, thought.end, thought.waited]] if thought else []
    return [completion.text, completion.prompt_tokens, completion.completion_tokens, decoding.max_tokens, *told]


def usable_completion(value: Any, decoding: Decoding) -> Completion | None:
    """Return the answer that a value holds, or None where `max_tokens` might have cut it off.

    Raises:
        ValueError: it holds something else.
    """
    text, prompt_tokens, completion_tokens, bound, *told = _listed(value)
    if len(told) > 1:
        raise ValueError("no list of the expected length")
    thought = _thought(told[0]) if told else None
    found = Completion(
        _text(text), "stop", _count(prompt_tokens), _count(completion_tokens), cached=True, thought=thought
    )
    # An answer of just as many tokens as are allowed counts as cut off: its end would have been one more.
    if decoding.max_tokens < _count(bound) and not 0 < found.answer_tokens < decoding.max_tokens:
        return None
    return found


def _thought(value: Any) -> Thought:
    text, tokens, end, waited = _listed(value, 4)
    if end not in get_args(ThinkingEnd) or not isinstance(waited, bool):
        raise ValueError("no thought")
    return Thought(_text(text), _count(tokens), end, waited)


def _listed(value: Any, length: int | None = None) -> list[Any]:
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise ValueError("no list of the expected length")
    return value


def _rows(value: Any) -> Iterator[list[Any]]:
    return (_listed(item, 2) for item in _listed(value))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")
    return value


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("no number")
    return float(value)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("no count")
    return value
