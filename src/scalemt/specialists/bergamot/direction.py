"""One loaded direction: ids in, hypotheses out, in batches of like length."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from scalemt.errors import MissingExtraError, ModelError
from scalemt.specialists.base import DraftOptions
from scalemt.specialists.bergamot.files import ModelFiles
from scalemt.specialists.bergamot.marian import read_model
from scalemt.specialists.bergamot.network import Network
from scalemt.specialists.bergamot.output import I64
from scalemt.specialists.bergamot.search import Beam, Chooser, Greedy, Hypothesis, Sampler, force, search
from scalemt.specialists.bergamot.shortlist import Shortlist, read_shortlist
from scalemt.specialists.bergamot.vocabulary import Vocabulary
from scalemt.specialists.confidence import MARK

# Bounds the memory of one batch: sources x longest source, in pieces.
_BATCH_PIECES = 4096
# Most tokens of a target are `max_ratio` times the source's, and this many more: one word may become a few.
_SPARE_TOKENS = 8

ChooserFactory = Callable[[list[list[int]]], Chooser]


class Direction:
    """The model, vocabularies and shortlist of one language pair.

    Raises:
        MissingExtraError: sentencepiece is not installed.
        ModelError: a file is broken, not covered, or does not belong to the others.
    """

    def __init__(self, files: ModelFiles, *, shortlist: bool, batch_size: int) -> None:
        self.source = Vocabulary(files.source_vocabulary)
        self.target = self.source if files.shared else Vocabulary(files.target_vocabulary)
        self.network = Network(read_model(files.model))
        self._batch_size = batch_size
        for vocabulary, path, size in (
            (self.source, files.source_vocabulary, self.network.source_vocabulary),
            (self.target, files.target_vocabulary, self.network.vocabulary),
        ):
            if vocabulary.size != size:
                raise ModelError(
                    f"{path} has {vocabulary.size} pieces but {files.model} has embeddings for {size}. "
                    "Use the vocabulary that belongs to the model."
                )
        self._shortlist: Shortlist | None = None
        if shortlist and files.shortlist:
            self._shortlist = read_shortlist(files.shortlist, self.network.vocabulary, shared=files.shared)

    def encode(self, text: str) -> list[int]:
        """Return the source ids of a text, end of sentence included."""
        return [*self.source.encode(text), self.source.end]

    def alignment(
        self, source: str, parts: Sequence[Sequence[int]], text: str, found: Sequence[Hypothesis]
    ) -> tuple[tuple[int, int], ...]:
        """Return links between the white-space words of a source and of its draft, both from 0.

        Args:
            source: the text, and `parts` its ids in parts, each with its end of sentence.
            text: the draft, put together from what was `found` for each part.
        """
        if any(len(hypothesis.attended) != len(hypothesis.tokens) for hypothesis in found):
            return ()
        links: set[tuple[int, int]] = set()
        sources = targets = 0
        for ids, hypothesis in zip(parts, found, strict=True):
            ours = _numbered(self.source.pieces(ids[:-1]), sources)
            theirs = _numbered(self.target.pieces(hypothesis.tokens), targets)
            for word, place in zip(theirs, hypothesis.attended, strict=True):
                if place < len(ours):  # not the end of the sentence
                    links.add((ours[place], word))
            sources, targets = max([sources - 1, *ours]) + 1, max([targets - 1, *theirs]) + 1
        # A control character or a no-break space can make the pieces count other words than white space does.
        whole = sources == len(source.split()) and targets == len(text.split())
        return tuple(sorted(links)) if whole else ()

    def candidates(self, source: Sequence[int]) -> I64 | None:
        """Return the sorted target ids a source allows, or None when every token is."""
        if self._shortlist is None:
            return None
        # Every published list has these two among the first tokens; nothing could end without the one.
        return np.union1d(self._shortlist.candidates(source), [self.target.end, self.target.unknown])

    def translate(self, sources: Sequence[list[int]], options: DraftOptions, n: int) -> list[list[Hypothesis]]:
        """Return `n` hypotheses for each source (ids with end of sentence), in order.

        With `n` = 1 the greedy or best beam target; with more, samples. What a source gets does not depend on the
        others.
        """
        found: list[list[Hypothesis]] = [[] for _ in sources]
        width = n if n > 1 else options.beam
        for numbers in batches([len(source) for source in sources], self._batch_size, width):
            batch = [sources[number] for number in numbers]
            for number, hypotheses in zip(numbers, self._search(batch, options, n), strict=True):
                found[number] = hypotheses[:n]
        return found

    def _search(self, batch: list[list[int]], options: DraftOptions, n: int) -> list[list[Hypothesis]]:
        limits = np.asarray([int(options.max_ratio * len(source)) + _SPARE_TOKENS for source in batch])
        memory = self.network.encode(batch)
        lists = [self.candidates(source) for source in batch]
        output = self.network.output_layer([one for one in lists if one is not None] or None)
        chooser = _chooser(batch, options, n)
        return search(self.network, memory, output, limits, chooser, self.target.end, self.target.unknown)

    def force(self, sources: Sequence[list[int]], targets: Sequence[list[int]]) -> list[list[float]]:
        """Return the log-probability of each target token, for ids with end of sentence on both sides.

        The candidates are the source's shortlist and the target's own tokens, so that any target has a finite
        score and a draft of this model has the score it was drafted with.
        """
        found: list[list[float]] = [[] for _ in sources]
        lengths = [max(len(source), len(target)) for source, target in zip(sources, targets, strict=True)]
        for numbers in batches(lengths, self._batch_size, 1):
            batch = [sources[number] for number in numbers]
            given = [targets[number] for number in numbers]
            lists = [self.candidates(source) for source in batch]
            widened = [
                np.union1d(one, target) for one, target in zip(lists, given, strict=True) if one is not None
            ]
            output = self.network.output_layer(widened or None)
            scores = force(self.network, self.network.encode(batch), output, given)
            for number, score in zip(numbers, scores, strict=True):
                found[number] = score
        return found


def _numbered(pieces: Sequence[str], first: int) -> list[int]:
    """Return the number of the word that each piece is a part of."""
    numbers: list[int] = []
    for piece in pieces:
        opens = piece.startswith(MARK) or not numbers
        numbers.append((numbers[-1] + 1 if numbers else first) if opens else numbers[-1])
    return numbers


def _chooser(batch: list[list[int]], options: DraftOptions, n: int) -> Chooser:
    if n > 1:
        # Seeded by the source itself: the same text is sampled alike wherever it stands in the input.
        seeds = [[options.seed, *source] for source in batch]
        return Sampler(n, options.temperature, options.top_k, seeds)
    return Greedy() if options.beam <= 1 else Beam(options.beam, len(batch))


def batches(lengths: Sequence[int], size: int, width: int) -> Iterator[list[int]]:
    """Yield batches of positions, longest first, so that like lengths stand together.

    A batch has at most `size` sources, and at most `_BATCH_PIECES` pieces when each is as long as the longest and
    counted `width` times (beams, samples); at least one source.
    """
    order = sorted(range(len(lengths)), key=lambda number: -lengths[number])
    start = 0
    while start < len(order):
        most = max(1, min(size, _BATCH_PIECES // (lengths[order[start]] * width)))
        yield order[start : start + most]
        start += most


class _BlasThreads:
    """Limits the threads of numpy's BLAS while at least one caller computes.

    The limit belongs to the process, so callers in several threads share it: the first one sets it, the last one
    gives back what was before.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._limiter: Any = None

    @contextmanager
    def limited(self, threads: int) -> Iterator[None]:
        """Limit BLAS to `threads` inside the block.

        Raises:
            MissingExtraError: threadpoolctl is not installed.
        """
        with self._lock:
            if self._users == 0:
                self._limiter = _controller().limit(limits=threads, user_api="blas")
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._limiter.restore_original_limits()


def _controller() -> Any:
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError as error:
        raise MissingExtraError(
            "Limiting the threads of the bergamot specialist (threadpoolctl)", "embedded"
        ) from error
    return ThreadpoolController()


BLAS_THREADS = _BlasThreads()
