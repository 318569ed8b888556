"""Budget forcing for local models (Test-Time Scaling of Reasoning Models for MT, arXiv 2510.06471).

Near the budget a model is nudged to end its thought, at the budget it is made to; once, if that is wanted, the end
of a thought becomes the word "wait". Each row has a state of its own: rows open their thoughts at other places,
end them at different times, or think nothing at all, and then nothing is changed.

The authors' code looks at the first row only, and multiplies logits near the budget, which pushes a negative one
further down; here the nudge is added.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from scalemt.types import ThinkingEnd, Thought

SOFT_FROM = 0.95
"""The share of the budget from which on the end is nudged; the paper's."""

SOFT_BIAS = 2.5
"""Nats that are added to a line break and to what ends a thought, times 1 + share of the budget that is spent; the
paper's factor, as an addend."""

WAIT_AFTER = 5
"""Tokens of a thought before which no "wait" is put in; the paper's."""

_WAIT = "wait"
_SLACK = 4  # tokens beside those of a tag, in which it is looked for: tokenizers cut it in more ways than one


@dataclass(frozen=True, slots=True)
class Marks:
    """How a thought is told in what is written after one prompt.

    Args:
        open: what opens it; "" where the prompt has opened it.
        close: what ends it; the answer follows.
        ends: what ends it too; then `close`, or the rest of it, is put in.
        lined: whether an end at the budget begins a line.
    """

    open: str
    close: str
    ends: tuple[str, ...] = ()
    lined: bool = True


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one row may take: tokens of thought, one "wait", and tokens of the answer."""

    thinking: int
    answer: int
    wait: bool = False


@dataclass(frozen=True, slots=True)
class Coder:
    """A tokenizer, as a row needs it.

    Args:
        encode: token ids of a text, special tokens in it being such.
        decode: the text of token ids, special tokens in it being shown.
        ends: tokens that end an answer.
    """

    encode: Callable[[str], list[int]]
    decode: Callable[[Sequence[int]], str]
    ends: frozenset[int]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done to the logits of a row: one token forced, or some nudged."""

    forced: int | None = None
    nudged: tuple[int, ...] = ()
    nudge: float = 0.0


State = Literal["waiting", "thinking", "closing", "answering"]


@dataclass
class Row:
    """What one row has written, and where in it the thought and the answer begin.

    Args:
        marks: of its thought; None for a row that is not to think.
        allowance: what it may take.
        coder: its tokenizer.

    `full` is set when the answer has all the tokens that it may have.
    """

    marks: Marks | None
    allowance: Allowance
    coder: Coder
    ids: list[int] = field(default_factory=list)
    state: State = "answering"
    full: bool = False
    ended: bool = False
    forced: bool = False
    waited: bool = False
    _first: int = 0  # of the thought
    _last: int | None = None  # the token after it
    _answer: int = 0  # the first token of the answer
    _queue: list[int] = field(default_factory=list)  # tokens to come, whatever the model wants

    def __post_init__(self) -> None:
        self._told = self.marks or Marks("", "")
        if self.marks is not None:
            self.state = "waiting" if self.marks.open else "thinking"
        self._close = self.coder.encode(self._told.close)
        self._line = self.coder.encode("\n") if self._told.lined else []

    @property
    def thought_tokens(self) -> int:
        """Tokens of the thought until now."""
        if not self._thinks:
            return 0
        return (len(self.ids) if self._last is None else self._last) - self._first

    @property
    def _thinks(self) -> bool:
        return self.state in ("thinking", "closing") or self._last is not None

    @property
    def answer(self) -> list[int]:
        """Tokens of the answer until now, without the one that ended it."""
        written = self.ids[:-1] if self.ended else self.ids
        return written[self._answer :] if self.state == "answering" else []

    def thought(self) -> Thought | None:
        """Return what was thought; None where nothing was."""
        if not self._thinks:
            return None
        end: ThinkingEnd = "open" if self.state != "answering" else "forced" if self.forced else "natural"
        last = len(self.ids) if self._last is None else self._last
        text = self.coder.decode(self.ids[self._first : last]).strip()
        return Thought(text, self.thought_tokens, end, self.waited)

    def feed(self, token: int) -> None:
        """Take the token that was chosen for this row."""
        if self.ended or self.full:
            return  # what follows is padding
        self.ids.append(token)
        if self._queue:
            self._queue.pop(0)
        if token in self.coder.ends:
            self.ended = True
        elif self.state == "waiting":
            self._look_for_opening()
        elif self.state == "thinking":
            self._look_for_end()
        elif self.state == "closing" and not self._queue:
            self._begin_answer()
        if self.state in ("waiting", "answering"):
            self.full = len(self.ids) - self._answer >= self.allowance.answer

    def _look_for_opening(self) -> None:
        text = self.coder.decode(self.ids).lstrip()
        if text.startswith(self._told.open):
            self.state, self._first = "thinking", len(self.ids)
        elif not self._told.open.startswith(text):
            self.state = "answering"  # it does not think: from here on it is let alone

    def _look_for_end(self) -> None:
        recent = self._recent()
        if self._told.close in self.coder.decode(recent):
            self._last = len(self.ids) - self._length(recent, lambda text: self._told.close in text)
            self._begin_answer()
        elif not self._queue and any(end in self.coder.decode(recent[-1:]) for end in self._told.ends):
            self._end()

    def _recent(self) -> list[int]:
        """The last tokens of the thought, in which its end would stand."""
        return self.ids[max(self._first, len(self.ids) - len(self._close) - _SLACK) :]

    def _length(self, recent: list[int], holds: Callable[[str], bool]) -> int:
        """Return how many of the last tokens it takes to hold what all of them hold."""
        counts = range(1, len(recent) + 1)
        return next(count for count in counts if holds(self.coder.decode(recent[-count:])))

    def _begin_answer(self) -> None:
        self.state, self._answer = "answering", len(self.ids)

    def _end(self, line: Sequence[int] = ()) -> None:
        """Put in what ends the thought, behind a line break, or the rest of it where it has been begun."""
        close, recent = self._told.close, self._recent()
        text = self.coder.decode(recent)
        begun = next((size for size in range(len(close) - 1, 0, -1) if text.endswith(close[:size])), 0)
        if begun:
            self._last = len(self.ids) - self._length(recent, lambda tail: tail.endswith(close[:begun]))
            self._queue = self.coder.encode(close[begun:])
        else:
            self._last = len(self.ids) + len(line)
            self._queue = [*line, *self._close]
        self.state = "closing"

    def wish(self, likeliest: int) -> Wish | None:
        """Return what is to be done before the next token is chosen; None lets the model alone.

        Args:
            likeliest: the token that the model would choose.
        """
        if self.ended or self.full:
            return None
        if self.state == "thinking" and not self._queue:
            self._steer(likeliest)
        if self._queue:
            return Wish(forced=self._queue[0])
        return self._nudge() if self.state == "thinking" else None

    def _steer(self, likeliest: int) -> None:
        """Decide whether the thought goes on."""
        spent, most = self.thought_tokens, self.allowance.thinking
        if spent >= most - len(self._line):
            self.forced = True
            self._end(self._line[: max(0, most - spent)])
        elif self._would_end(likeliest):
            wait = self._wait()
            if wait and spent > WAIT_AFTER and spent + len(wait) < most - len(self._line):
                self.waited, self._queue = True, wait
            elif likeliest in self.coder.ends:
                # The end of all ends the thought only: else there would be no answer.
                self._end()

    def _would_end(self, token: int) -> bool:
        if token in self.coder.ends or token == self._close[0]:
            return True
        text = self.coder.decode([token]) if self._told.ends else ""
        return any(end in text for end in self._told.ends)

    def _wait(self) -> list[int]:
        """Return the tokens of the word, where it is still to come."""
        if self.waited or not self.allowance.wait:
            return []
        before = self.coder.decode(self.ids[-1:])
        return self.coder.encode(_WAIT if not before or before[-1].isspace() else f" {_WAIT}")

    def _nudge(self) -> Wish | None:
        spent, most = self.thought_tokens, self.allowance.thinking
        if spent < SOFT_FROM * most:
            return None
        return Wish(nudged=(*self._line[:1], self._close[0]), nudge=SOFT_BIAS * (1 + spent / most))


class ThinkingProcessor:
    """A logits processor of `transformers` that keeps each row of a batch to its allowance.

    Args:
        rows: one a row of the batch.
        start: tokens of the padded prompts, which stand before what a row writes.
    """

    def __init__(self, rows: Sequence[Row], start: int) -> None:
        self.rows = rows
        self._seen = start

    def follow(self, input_ids: Any) -> None:
        """Have the rows take what was chosen since the last call."""
        for row, tokens in zip(self.rows, input_ids[:, self._seen :].tolist(), strict=True):
            for token in tokens:
                row.feed(token)
        self._seen = input_ids.shape[1]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Return the logits of the next tokens, changed where the thought of a row is to be steered."""
        self.follow(input_ids)
        likeliest = scores.argmax(-1).tolist()
        wishes = [row.wish(token) for row, token in zip(self.rows, likeliest, strict=True)]
        if not any(wishes):
            return scores
        scores = scores.clone()
        for logits, wish in zip(scores, wishes, strict=True):
            if wish and wish.forced is not None:
                logits.fill_(float("-inf"))
                logits[wish.forced] = 0.0
            for token in wish.nudged if wish else ():
                logits[token] += wish.nudge if wish else 0.0
        return scores
