"""A trained Thot model as a specialist that learns from each corrected segment.

Ortiz-Martínez and Casacuberta 2014, "The New Thot Toolkit for Fully-Automatic and Interactive Statistical Machine
Translation" (EACL, demonstrations); online learning by Ortiz-Martínez, García-Varea and Casacuberta 2010, "Online
Learning for Interactive Statistical Machine Translation" (NAACL).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from threading import RLock

from scalemt.errors import InputError, NoRoadError
from scalemt.specialists.base import BaseSpecialist
from scalemt.specialists.thot.about import CASING, About
from scalemt.specialists.thot.casing import Recaser, lowered
from scalemt.specialists.thot.learnt import Learnt, LearntFile
from scalemt.specialists.thot.native import MOST_TOKENS, Decoded, NativeModel, require_thot
from scalemt.specialists.thot.tokens import detokenise, tokenise
from scalemt.types import Draft, Pair, Word

_REPEATED, _FEW = 20, 0.2  # of a side of more tokens than that, the share that must be different ones


class ThotSpecialist(BaseSpecialist):
    """A folder that `scalemt.specialists.thot.train` wrote.

    A word has the mean lexical probability of its tokens as confidence; one that the model does not know is copied
    from the source with confidence 0. Drafts beyond the first are the next best, repeated where there are too few.
    What was learnt is kept in the folder, shared by all processes that have it open, and learnt again when the
    model is loaded (some 50 ms a segment).

    Args:
        folder: of the model; it must be writable for `learn`.

    Raises:
        ModelError: the folder lacks a file, or is not of this kind; the message says which and what to do.
        MissingExtraError: sil-machine or sil-thot is not installed.
    """

    name = "thot"
    # The decoder copies what it does not know and keeps the order, so that nearly any mask survives: of 150
    # segments of en-eu with a pair or a placeholder all came back whole but in "angle" (149) and "address" (145
    # without repairs). A mask of this form stands in no training data.
    mask = "tags"
    second_mask = "word"

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder).expanduser()
        self._about = About.read(self._folder)
        self._about.check_files(self._folder)
        require_thot()
        self._pair = Pair(self._about.source, self._about.target)
        self._learnt = LearntFile(self._folder)
        self._waiting: list[Learnt] = self._learnt.fresh()  # counted, not yet known to the model
        self._model: NativeModel | None = None
        self._recaser = Recaser()
        self._lock = RLock()

    @property
    def signature(self) -> str:
        """One token with the pair, the training, and what was learnt since."""
        about = self._about
        return f"thot[{self._pair};{about.aligner};{about.pairs};{about.id};learnt:{self._learnt.state}]"

    def cache_key(self, pair: Pair) -> str:
        """Return "": the next draft of a text may be another, so that none is kept."""
        return ""

    def pairs(self) -> list[Pair]:
        """The one direction that it was trained for."""
        return [self._pair]

    @property
    def model_id(self) -> str:
        """What stays the same while it learns: the training."""
        return f"thot-{self._about.id}"

    @property
    def learnt_count(self) -> int:
        """How many segments were learnt since the training."""
        return self._learnt.count

    def learn(self, source: str, target: str, pair: Pair) -> None:
        """Learn one confirmed translation, at once and for good; the same again is no fault.

        Args:
            source, target: texts of 1 to 100 tokens (words and signs).
            pair: their languages.

        Raises:
            NoRoadError: the model is of another pair.
            InputError: a text has no token or too many, or repeats itself.
            ModelError: the model cannot be loaded, or its folder not be written to.
        """
        if not self.supports(pair):
            raise NoRoadError(self._no_road(pair))
        fault = _unlearnable(source, target)
        if fault:
            raise InputError(fault)
        item = Learnt(source, target)
        with self._lock:
            model = self._open()
            with self._learnt.appending() as file:
                for missed in file.missed:
                    self._take_in(model, missed)
                self._take_in(model, item)
                file.append(item)

    def learn_all(self, items: Iterable[tuple[str, str]], pair: Pair) -> int:
        """Learn several translations in order but those that `learn` refuses; return how many were learnt."""
        count = 0
        for source, target in items:
            if not _unlearnable(source, target):
                self.learn(source, target, pair)
                count += 1
        return count

    def close(self) -> None:
        """Free the model; a later draft loads it again."""
        with self._lock:
            if self._model is not None:
                self._model.close()
                self._model = None
                self._learnt = LearntFile(self._folder)
                self._waiting = self._learnt.fresh()

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        with self._lock:
            model = self._open()
            return [self._drafts(model, text, pair, n) for text in texts]

    def _open(self) -> NativeModel:
        """Return the model, knowing all that was learnt up to now, also by other processes."""
        self._waiting += self._learnt.fresh()
        if self._model is None:
            self._recaser = Recaser.load(self._folder / CASING)
            self._model = NativeModel(self._folder, self._about.aligner, self._about.weights)
        for item in self._waiting:
            self._take_in(self._model, item)
        self._waiting = []
        return self._model

    def _take_in(self, model: NativeModel, item: Learnt) -> None:
        if _unlearnable(item.source, item.target):  # a line that somebody wrote by hand
            return
        source, target = tokenise(item.source), tokenise(item.target)
        model.learn(lowered(source), lowered(target))
        self._recaser.observe(source, target, model.aligned(lowered(source), lowered(target)))

    def _drafts(self, model: NativeModel, text: str, pair: Pair, n: int) -> list[Draft]:
        source = tokenise(text)
        paths = _decoded(model, lowered(source), n) if source else []
        made = [self._made(model, text, source, decoded, pair) for decoded in paths]
        found = [draft for draft in made if draft.text] or [self._as_it_is(text, pair)]
        return [found[min(number, len(found) - 1)] for number in range(n)]

    def _as_it_is(self, text: str, pair: Pair) -> Draft:
        """Copy what holds nothing that could be translated: control characters and the like."""
        words = tuple(Word(word, 0.0) for word in text.split())
        return Draft(text, words, engine=self.name, language=pair.target)

    def _made(self, model: NativeModel, text: str, source: Sequence[str], decoded: Decoded, pair: Pair) -> Draft:
        small = lowered(source)
        sure, aligned = [], list[int | None]()
        for place, token in enumerate(decoded.tokens):
            start, end = decoded.origins[place]
            known = {origin: model.probability(small[origin], token) for origin in range(start, end)}
            best = max(known, key=lambda origin: known[origin], default=None)
            if place in decoded.unknown:
                best = start
            aligned.append(best)
            chances = [*known.values(), model.probability(None, token)]
            sure.append(0.0 if place in decoded.unknown else min(max(chances), 1.0))
        made, places = detokenise(self._recaser.restore(decoded.tokens, source, aligned))
        return Draft(
            made,
            _words(made, places, sure),
            engine=self.name,
            language=pair.target,
            alignment=_by_words(text, source, aligned, places),
        )


def _unlearnable(source: str, target: str) -> str:
    """Return why a pair of texts cannot be learnt, "" if it can."""
    for side, text in (("source", source), ("target", target)):
        tokens = tokenise(text)
        count = len(tokens)
        if not count:
            return f"The {side} to learn is empty. Give a text and its translation."
        if count > MOST_TOKENS:
            return (
                f"The {side} to learn has {count} tokens, and at most {MOST_TOKENS} can be learnt. "
                "Cut the segment into sentences and learn these."
            )
        if count > _REPEATED and len(set(tokens)) < _FEW * count:  # the decoder would need minutes ever after
            return f"The {side} to learn repeats a few words over and over: nothing can be learnt from it."
    return ""


def _decoded(model: NativeModel, tokens: Sequence[str], n: int) -> list[Decoded]:
    """Decode tokens of any number; what the library gives nothing for is copied."""
    paths: list[list[Decoded]] = []
    starts = []
    for start, end in _chunks(tokens):
        chunk = tokens[start:end]
        starts.append(start)
        paths.append(model.translate(chunk, n) or [_copied(chunk)])
    count = max(map(len, paths))
    return [_together([path[min(number, len(path) - 1)] for path in paths], starts) for number in range(count)]


def _chunks(tokens: Sequence[str]) -> Iterator[tuple[int, int]]:
    start = 0
    while len(tokens) - start > MOST_TOKENS:
        end = start + MOST_TOKENS
        ends = [place + 1 for place in range(start, end) if tokens[place] in ("￭.", "￭!", "￭?", "￭;")]
        end = ends[-1] if ends else end
        yield start, end
        start = end
    yield start, len(tokens)


def _copied(tokens: Sequence[str]) -> Decoded:
    places = range(len(tokens))
    return Decoded(tuple(tokens), frozenset(places), tuple((place, place + 1) for place in places))


def _together(parts: Sequence[Decoded], starts: Sequence[int]) -> Decoded:
    tokens, unknown, origins = list[str](), set[int](), list[tuple[int, int]]()
    for part, start in zip(parts, starts, strict=True):
        unknown |= {len(tokens) + place for place in part.unknown}
        origins += [(first + start, end + start) for first, end in part.origins]
        tokens += part.tokens
    return Decoded(tuple(tokens), frozenset(unknown), tuple(origins))


def _words(text: str, places: Sequence[int], sure: Sequence[float]) -> tuple[Word, ...]:
    """Return the white-space words of a text, each with the mean confidence of its tokens."""
    words = text.split()
    known: list[list[float]] = [[] for _ in words or " "]
    for place, confidence in zip(places, sure, strict=True):
        known[place].append(confidence)
    return tuple(
        Word(word, sum(of_word) / len(of_word) if of_word else None)
        for word, of_word in zip(words, known, strict=bool(words))
    )


def _by_words(
    text: str, source: Sequence[str], aligned: Sequence[int | None], places: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    """Return the alignment of white-space words; none where cleaning has changed the number of source words."""
    cleaned, origins = detokenise(source)
    if len(cleaned.split()) != len(text.split()):
        return ()
    return tuple(
        sorted({(origins[one], other) for one, other in zip(aligned, places, strict=True) if one is not None})
    )
