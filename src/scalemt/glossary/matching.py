"""Finding the terms of a glossary in a text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from scalemt.glossary.entries import Glossary, TermEntry
from scalemt.glossary.lemmas import forms
from scalemt.glossary.tokens import Token, composed, term_tokens, tokenise
from scalemt.types import Pair, Span

_MOST_KEPT = 200_000


@dataclass(frozen=True, slots=True)
class FoundTerm:
    """A term where it stands in a text: `text` is what stands from `start` to `end`.

    `entries` are all entries of that term, whatever their status, in the order of the glossary.
    """

    start: int
    end: int
    text: str
    entries: tuple[TermEntry, ...]


@dataclass(frozen=True, slots=True)
class _Term:
    """A source term in units, and the unit by which it is found: the one that fewest terms have."""

    tokens: tuple[Token, ...]
    entries: tuple[TermEntry, ...]
    anchor: int


@dataclass(frozen=True, slots=True)
class _Hit:
    first: int
    count: int
    term: FoundTerm
    rank: int  # 0 as the term is written, 1 but for its case, 2 in another form


class TermFinder:
    """Finds the terms of a glossary in texts of the source language.

    A term is found as whole words, in any case and in any form of its words (`scalemt.glossary.lemmas`), an entry
    that is case-sensitive only as it is written. In scripts without spaces it is found anywhere. The longest term
    wins where two overlap. A finder may be used from several threads.

    Args:
        glossary: in either direction of the pair.
        pair: the direction of the texts.

    Raises:
        ConfigurationError: the glossary is of other languages.
    """

    def __init__(self, glossary: Glossary, pair: Pair) -> None:
        self.glossary = glossary.for_pair(pair)
        self._forms = forms(pair.source)
        self._by_word: dict[str, list[_Term]] = {}  # by the anchor, folded
        self._words_by_lemma: dict[str, dict[str, str]] = {}  # folded anchors as they are written
        self._words_by_start: dict[str, dict[str, str]] = {}
        self._like: dict[str, tuple[_Term, ...]] = {}
        for term in _terms(form for entry in self.glossary.entries for form in entry.forms):
            self._add(term)

    def _add(self, term: _Term) -> None:
        anchor = term.tokens[term.anchor]
        known = self._by_word.setdefault(anchor.folded, [])
        known.append(term)
        if anchor.kind == "word" and len(known) == 1:
            for index, name in (
                (self._words_by_lemma, self._forms.lemma(anchor.text)),
                (self._words_by_start, self._forms.start(anchor.text)),
            ):
                if name:
                    index.setdefault(name, {})[anchor.folded] = anchor.text

    def find(self, text: str, spans: Sequence[Span] = ()) -> list[FoundTerm]:
        """Return the terms of a text in the order in which they stand there, none overlapping another.

        Args:
            text: a segment.
            spans: its protected spans; what is inside them is not looked at.
        """
        tokens = tokenise(text, spans)
        hits = sorted(self._hits(text, tokens), key=lambda hit: (-len(hit.term.text), hit.rank, hit.first))
        taken = bytearray(len(tokens))
        kept = []
        for hit in hits:
            if not any(taken[hit.first : hit.first + hit.count]):
                taken[hit.first : hit.first + hit.count] = b"\1" * hit.count
                kept.append(hit.term)
        return sorted(kept, key=lambda term: term.start)

    def _hits(self, text: str, tokens: Sequence[Token]) -> Iterator[_Hit]:
        for place, token in enumerate(tokens):
            for term in self._candidates(token):
                first = place - term.anchor
                stretch = tokens[first : first + len(term.tokens)] if first >= 0 else ()
                if len(stretch) == len(term.tokens) and self._is(term, stretch):
                    hit = _hit(text, term, stretch, first)
                    if hit:
                        yield hit

    def _candidates(self, token: Token) -> tuple[_Term, ...]:
        """Return the terms whose anchor a unit can be."""
        if token.kind != "word":
            return tuple(self._by_word.get(token.folded, ()))
        found = self._like.get(token.text)
        if found is None:
            if len(self._like) >= _MOST_KEPT:
                self._like.clear()
            found = self._like[token.text] = tuple(self._terms_like(token.text, token.folded))
        return found

    def _terms_like(self, word: str, folded: str) -> Iterator[_Term]:
        near = dict(self._words_by_lemma.get(self._forms.lemma(word), {}))
        near.update(self._words_by_start.get(self._forms.start(word), {}))
        near[folded] = word
        for other, written in near.items():
            if other == folded or self._forms.same(written, word):
                yield from self._by_word.get(other, ())

    def _is(self, term: _Term, stretch: Iterable[Token]) -> bool:
        return all(
            mine.folded == other.folded
            or (mine.kind == other.kind == "word" and self._forms.same(mine.text, other.text))
            for mine, other in zip(term.tokens, stretch, strict=True)
        )


def _terms(entries: Iterable[TermEntry]) -> list[_Term]:
    grouped: dict[tuple[str, ...], list[TermEntry]] = {}
    for entry in entries:
        units = tuple(token.folded for token in term_tokens(entry.source))
        if units:
            grouped.setdefault(units, []).append(entry)
    counts = Counter(unit for units in grouped for unit in set(units))
    return [_term(tuple(group), counts) for group in grouped.values()]


def _term(entries: tuple[TermEntry, ...], counts: Counter[str]) -> _Term:
    tokens = term_tokens(entries[0].source)
    # A sign would do only where there is nothing else.
    anchor = min(
        range(len(tokens)), key=lambda place: (tokens[place].kind == "sign", counts[tokens[place].folded])
    )
    return _Term(tokens, entries, anchor)


def _hit(text: str, term: _Term, stretch: Sequence[Token], first: int) -> _Hit | None:
    start, end = stretch[0].start, stretch[-1].end
    entries = tuple(entry for entry in term.entries if not entry.case_sensitive or _as_written(entry, stretch))
    if not entries:
        return None
    found = text[start:end]
    folded = all(mine.folded == other.folded for mine, other in zip(term.tokens, stretch, strict=True))
    rank = 0 if composed(found) in {composed(entry.source) for entry in entries} else 1 if folded else 2
    return _Hit(first, len(stretch), FoundTerm(start, end, found, entries), rank)


def _as_written(entry: TermEntry, stretch: Sequence[Token]) -> bool:
    """Whether a case-sensitive term stands there as it is written; capitals may have a plural in small letters."""
    written = [composed(token.text) for token in term_tokens(entry.source)]
    found = [composed(token.text) for token in stretch]
    if found[:-1] != written[:-1]:
        return False
    last, other = written[-1], found[-1]
    return last == other or (last.isupper() and len(last) > 1 and other == f"{last}s")
