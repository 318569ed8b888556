"""Candidates for a glossary, from sentences and their translations.

Phrase pairs that are often aligned are ranked by the Dice coefficient (Smadja, McKeown and Hatzivassiloglou 1996)
times the logarithm of their count. A person, or a generalist as `judge`, says which of them are terms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log1p
from random import Random

from scalemt.errors import UsageError
from scalemt.glossary.entries import Glossary, TermEntry
from scalemt.glossary.fields import is_acronym
from scalemt.glossary.phrases import Ids, PhrasePair, align, count_phrases, phrase_pairs
from scalemt.glossary.tokens import tokenise
from scalemt.glossary.vocabulary import Vocabulary
from scalemt.types import Pair

Judge = Callable[[list[tuple[str, str]]], list[bool]]

MOST_PAIRS = 50_000
"""Of more sentence pairs so many are drawn, always the same: alignment holds them all in memory."""

_MOST_WORDS = 100  # of a sentence; longer ones are no sentences, and slow to align
_LEAST_DICE = 0.3
_PART_OF_LONGER = 0.8


@dataclass(frozen=True, slots=True)
class ExtractedTerm:
    """A candidate for a glossary.

    Args:
        source, target: as they are written most often.
        count: how often they were aligned with each other.
        source_count, target_count: how often each occurs, in all its forms.
        score: Dice coefficient times log(1 + count).
    """

    source: str
    target: str
    count: int
    source_count: int
    target_count: int
    score: float


def extract(
    pairs: Iterable[tuple[str, str]],
    pair: Pair,
    *,
    least: int = 3,
    longest: int = 3,
    most: int = 1000,
    judge: Judge | None = None,
    say: Callable[[str], None] | None = None,
) -> list[ExtractedTerm]:
    """Return candidates for terms, the best first, each source with the best of its translations.

    A phrase neither begins nor ends with a function word, a number or a single letter, nor inside a word with
    hyphens, and holds no punctuation.
    Function words are taken from the 100 most frequent words of each side (fewer in a small text). Forms of a word
    are counted together. A phrase that mostly stands inside a longer candidate is left out.

    Args:
        pairs: sentences with their translations; of more than `MOST_PAIRS`, that many are drawn at random.
        pair: the languages.
        least: how often two phrases must have been aligned.
        longest: most words of a source phrase; its translation may have two more ("período de incubação"). In a
            script without spaces, twice as many letters.
        most: how many to return at most.
        judge: asked once with the (source, target) of all candidates; those that it refuses are left out.
        say: is told when only a part of the pairs is looked at.

    Raises:
        MissingExtraError: systran-align is not installed.
        UsageError: the judge answered more or fewer candidates than it was asked.
    """
    texts = _drawn(pairs, say)
    corpus = _Corpus(texts, pair, least)
    if not corpus.lines:
        return []
    counts = _aligned(corpus, least, corpus.longest(longest))
    best = _best(corpus, counts)
    ranked = sorted(_without_parts(best), key=lambda found: (-found.score, found.key))[:most]
    terms = list(_written(corpus, texts, ranked))
    return _judged(terms, judge) if judge else terms


def as_glossary(terms: Iterable[ExtractedTerm], pair: Pair, name: str = "") -> Glossary:
    """Return candidates as a glossary: admitted, for nobody has preferred them, with their counts as notes."""
    entries = [
        TermEntry(
            term.source,
            term.target,
            status="admitted",
            case_sensitive=is_acronym(term.source),
            note=f"found {term.count} times, score {term.score:.2f}",
        )
        for term in terms
    ]
    return Glossary(tuple(entries), pair.source, pair.target, name)


def _drawn(pairs: Iterable[tuple[str, str]], say: Callable[[str], None] | None) -> list[tuple[str, str]]:
    """Return the pairs, or so many of them as are looked at (reservoir sampling, Vitter 1985), in their order."""
    kept: list[tuple[int, tuple[str, str]]] = []
    draw, total = Random(0), 0  # noqa: S311  # a sample, no secret
    for total, texts in enumerate(pairs, 1):
        if len(kept) < MOST_PAIRS:
            kept.append((total, texts))
        elif (place := draw.randrange(total)) < MOST_PAIRS:
            kept[place] = (total, texts)
    if total > MOST_PAIRS and say:
        say(f"{MOST_PAIRS} of {total} sentence pairs are looked at, drawn at random.")
    return [texts for _, texts in sorted(kept, key=lambda item: item[0])]


class _Corpus:
    """Sentence pairs as numbers.

    `lines` are the places, in the texts, of the pairs that are used; `sources` and `targets` their sides.
    """

    def __init__(self, texts: Sequence[tuple[str, str]], pair: Pair, least: int) -> None:
        self.words = Vocabulary(pair.source), Vocabulary(pair.target)
        self.lines: list[int] = []
        for line, (source, target) in enumerate(texts):
            units = tokenise(source), tokenise(target)
            if all(0 < len(tokens) <= _MOST_WORDS for tokens in units):
                self.words[0].add(source, units[0])
                self.words[1].add(target, units[1])
                self.lines.append(line)
        self.sources = self.words[0].sides(least)
        self.targets = self.words[1].sides(least)

    def longest(self, words: int) -> tuple[int, int]:
        """Return how many units a source phrase and its translation may have, given the words of the former."""
        one, other = (2 if side.is_unspaced else 1 for side in self.words)
        return words * one, words * other + 2


def _aligned(corpus: _Corpus, least: int, lengths: tuple[int, int]) -> Counter[PhrasePair]:
    """Return how often phrases are aligned with each other, for those that are often enough."""
    counts: Counter[PhrasePair] = Counter()
    sides = list(zip(corpus.sources, corpus.targets, strict=True))
    for (source, target), links in zip(sides, align([(one.all, other.all) for one, other in sides]), strict=True):
        counts.update(phrase_pairs(source, target, links, lengths))
    return Counter({phrases: count for phrases, count in counts.items() if count >= least})


@dataclass(frozen=True, slots=True)
class _Found:
    key: PhrasePair
    count: int
    source_count: int
    target_count: int

    @property
    def dice(self) -> float:
        return 2 * self.count / (self.source_count + self.target_count)

    @property
    def score(self) -> float:
        return self.dice * log1p(self.count)


def _best(corpus: _Corpus, counts: Counter[PhrasePair]) -> dict[Ids, _Found]:
    """Return each source phrase with the best of its translations."""
    sources = count_phrases(corpus.sources, {source for source, _ in counts})
    targets = count_phrases(corpus.targets, {target for _, target in counts})
    best: dict[Ids, _Found] = {}
    for (source, target), count in counts.items():
        found = _Found((source, target), count, sources[source], targets[target])
        held = best.get(source)
        if found.dice >= _LEAST_DICE and (held is None or (held.score, held.key) < (found.score, found.key)):
            best[source] = found
    return best


def _without_parts(best: dict[Ids, _Found]) -> list[_Found]:
    """Leave out the phrases that mostly stand inside a longer one."""
    parts = {
        source[start:end]
        for source, found in best.items()
        for start in range(len(source))
        for end in range(start + 1, len(source) + 1)
        if end - start < len(source)
        and (held := best.get(source[start:end]))
        and found.count >= _PART_OF_LONGER * held.source_count
    }
    return [found for source, found in best.items() if source not in parts]


def _written(
    corpus: _Corpus, texts: Sequence[tuple[str, str]], ranked: Sequence[_Found]
) -> Iterator[ExtractedTerm]:
    """Yield the phrases as they are written most often in the texts."""
    shapes = [_shapes(corpus, texts, {found.key[side] for found in ranked}, side) for side in (0, 1)]
    for found in ranked:
        source, target = (shapes[side][found.key[side]].most_common(1)[0][0] for side in (0, 1))
        yield ExtractedTerm(
            source, target, found.count, found.source_count, found.target_count, round(found.score, 4)
        )


def _shapes(
    corpus: _Corpus, texts: Sequence[tuple[str, str]], wanted: set[Ids], side: int
) -> dict[Ids, Counter[str]]:
    shapes: dict[Ids, Counter[str]] = {phrase: Counter() for phrase in wanted}
    lengths = sorted({len(phrase) for phrase in wanted})
    for line in corpus.lines:
        text = texts[line][side]
        tokens = tokenise(text)
        keys = tuple(corpus.words[side].numbers(tokens))
        for length in lengths:
            for start in range(len(keys) - length + 1):
                counter = shapes.get(keys[start : start + length])
                if counter is not None:
                    counter[text[tokens[start].start : tokens[start + length - 1].end]] += 1
    return shapes


def _judged(terms: list[ExtractedTerm], judge: Judge) -> list[ExtractedTerm]:
    verdicts = judge([(term.source, term.target) for term in terms]) if terms else []
    if len(verdicts) != len(terms):
        raise UsageError(
            f"The judge answered {len(verdicts)} of {len(terms)} candidates. It must say yes or no to each."
        )
    return [term for term, kept in zip(terms, verdicts, strict=True) if kept]
