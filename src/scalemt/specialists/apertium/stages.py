"""The stages of a mode by what they remember, so that no text depends on those before it.

Found by running each stage of Apertium 3.8.3 / cg3 over the same sentences in several orders:

- `apertium-tagger` (hidden Markov model) remembers two things. The last tag of a text is the left context of
  the next; a full stop put before each text resets that. And when a word has an ambiguity class that
  training did not see, `find_similar_ambiguity_class` overwrites the open class (what an unknown word may be)
  of the running process for good: `ret` there is a reference to it. Nothing sent can undo that. With `-d` the
  tagger reports each such word on standard error before it answers, so a tagger that reported anything new
  is replaced before the next text.
- `cg-proc` keeps something that changes a few later results (4 of 1,012 sentences of Spanish); what it is and what
  triggers it is not known, no neutral text undoes it, and it reports nothing. So every text gets a fresh one.
- `apertium-tagger -x` (perceptron), `lt-proc`, `lrx-proc`, `lsx-proc`, transfer, anaphora: order had no effect.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from scalemt.specialists.apertium.processes import TAIL, Chain, ChainError, Spares

_FULL_STOP = b"^./.<sent>$"

# Lines that `apertium-tagger -d` writes about single words and that leave no trace in its state.
_HARMLESS = re.compile(
    rb"^(Warning: There is not coarse tag|\s+This is because of an incomplete tagset|Problem with word)"
)


class Stage(Protocol):
    """One or several processes that turn N items into N items, each by itself."""

    @property
    def pids(self) -> list[int]:
        """The ids of all its processes."""
        ...

    def run(self, items: Sequence[bytes]) -> list[bytes]:
        """Return one answer an item, in order."""
        ...

    def complaints(self) -> bytes:
        """Return the end of standard error."""
        ...

    def close(self) -> None:
        """End all processes."""
        ...


class Stateless:
    """Stages that remember nothing: one chain, fed without waiting for answers."""

    def __init__(self, commands: Sequence[Sequence[str]], timeout: float) -> None:
        self._chain = Chain(commands, timeout)
        self.complaints = self._chain.complaints
        self.close = self._chain.close

    @property
    def pids(self) -> list[int]:
        """The ids of all its processes."""
        return self._chain.pids

    def run(self, items: Sequence[bytes]) -> list[bytes]:
        """Return one answer an item, in order."""
        return self._chain.exchange_checked(items)


class FreshForEach:
    """A stage that remembers and does not say so: a fresh process for each item."""

    def __init__(self, command: Sequence[str], timeout: float, ahead: int) -> None:
        self._spares = Spares(command, timeout, ahead)
        self._complaints = b""

    @property
    def pids(self) -> list[int]:
        """The ids of all its processes."""
        return self._spares.pids

    def run(self, items: Sequence[bytes]) -> list[bytes]:
        """Return one answer an item, in order."""
        return [self._one(item) for item in items]

    def _one(self, item: bytes) -> bytes:
        chain = self._spares.take()
        try:
            return chain.exchange([item])[0]
        finally:
            self._complaints = chain.complaints()
            chain.close()

    def complaints(self) -> bytes:
        """Return the end of standard error."""
        return self._complaints

    def close(self) -> None:
        """End all processes."""
        self._spares.close()


class WatchedTagger:
    """The hidden Markov tagger: kept while its state is clean, replaced when it says it is not."""

    def __init__(self, command: Sequence[str], timeout: float, ahead: int) -> None:
        self._spares = Spares([command[0], "-d", *command[1:]], timeout, ahead)
        self._current: Chain | None = None
        self._complaints = b""

    @property
    def pids(self) -> list[int]:
        """The ids of all its processes."""
        return [*(self._current.pids if self._current else []), *self._spares.pids]

    def run(self, items: Sequence[bytes]) -> list[bytes]:
        """Return one answer an item, in order."""
        return [self._one(item) for item in items]

    def _one(self, item: bytes) -> bytes:
        if self._current is None:
            self._current = self._spares.take()
        answer = self._current.exchange([_FULL_STOP + item])[0]
        # Standard error is not buffered, and written before the answer: all of it has come by now.
        self._complaints = self._current.complaints()
        if not _is_clean(self._complaints):
            self._current.close()
            self._current = None
        return _without_full_stop(answer)

    def complaints(self) -> bytes:
        """Return the end of standard error."""
        return (self._current.complaints() if self._current else b"") or self._complaints

    def close(self) -> None:
        """End all processes."""
        if self._current is not None:
            self._current.close()
        self._current = None
        self._spares.close()


def _is_clean(complaints: bytes) -> bool:
    if len(complaints) >= TAIL:  # more was said than was kept: who knows what
        return False
    return all(_HARMLESS.match(line) for line in complaints.splitlines() if line.strip())


def _without_full_stop(answer: bytes) -> bytes:
    head, end, rest = answer.partition(b"$")
    if not end or not head.startswith(b"^."):
        raise ChainError(f"the tagger answered {head[:40]!r} to a full stop")
    return rest
