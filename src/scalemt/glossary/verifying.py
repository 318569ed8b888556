"""What became of the terms of a source in its translation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scalemt.glossary.entries import FAULTS, TermEntry
from scalemt.glossary.lemmas import Forms, forms
from scalemt.glossary.matching import FoundTerm
from scalemt.glossary.tokens import Token, composed, term_tokens, tokenise
from scalemt.types import Pair, TermState, TermStatus, TermUse

Place = tuple[int, int]  # the first unit, and the one behind the last

_ORDER: dict[TermStatus, int] = {"preferred": 0, "keep": 0, "admitted": 1}


def wanted(found: FoundTerm) -> TermEntry | None:
    """Return the entry whose target a translation should hold; None where all are only listed as not to be used.

    That is the first preferred one, or the first that keeps the term as it is, else the first admitted one.
    """
    return next(iter(_good(found.entries)), None)


def missed(uses: Iterable[TermUse]) -> tuple[TermUse, ...]:
    """Return the uses that are faults: the term is missing, or what must not be used stands there."""
    return tuple(use for use in uses if use.state == "missed" or use.status in FAULTS)


def verify(found: Sequence[FoundTerm], target_text: str, pair: Pair) -> tuple[TermUse, ...]:
    """Return what became of each found term in a translation, in order.

    The best that can be said is said: "applied" where a translation to be used stands there as whole words, in any
    case unless the entry is case-sensitive; "inflected" where its words stand there in other forms; "overridden"
    where only a translation that is not to be used does; else "missed". A term that occurs twice is looked for
    once, and both occurrences are told the same. A term whose entries only say what not to use counts as
    applied, with nothing found, where none of these stands there.

    Args:
        found: the terms of the source, from `TermFinder.find`.
        target_text: the translation.
        pair: the direction of the translation.
    """
    if not found:
        return ()
    text = _Text(target_text, forms(pair.target))
    verdicts: dict[tuple[TermEntry, ...], tuple[TermState, str, TermStatus]] = {}
    uses = []
    for term in found:
        if term.entries not in verdicts:
            verdicts[term.entries] = _verdict(term.entries, text)
        state, held, status = verdicts[term.entries]
        aim = wanted(term)
        uses.append(
            TermUse(
                source=(aim or term.entries[0]).source,
                target=aim.target if aim else "",
                state=state,
                found=held,
                status=status,
                start=term.start,
                end=term.end,
            )
        )
    return tuple(uses)


class _Text:
    """A translation, and where terms stand in it."""

    def __init__(self, text: str, language: Forms) -> None:
        self._text = text
        self._tokens = tokenise(text)
        self._forms = language

    def held(self, place: Place) -> str:
        return self._text[self._tokens[place[0]].start : self._tokens[place[1] - 1].end]

    def exact(self, entry: TermEntry) -> list[Place]:
        """Return where a target stands as it is."""
        return [place for place in self._places(entry, exact=True) if self._as_written(entry, place)]

    def inflected(self, entry: TermEntry) -> list[Place]:
        """Return where a target stands in any form; of a case-sensitive one the case of each word must agree."""
        return [
            place
            for place in self._places(entry, exact=False)
            if not entry.case_sensitive or self._cased(entry, place)
        ]

    def _places(self, entry: TermEntry, exact: bool) -> list[Place]:
        units = term_tokens(entry.target)
        count = len(units)
        if not count:
            return []
        return [
            (start, start + count)
            for start in range(len(self._tokens) - count + 1)
            if all(
                mine.folded == self._tokens[start + place].folded
                or (not exact and self._are_forms(mine, self._tokens[start + place]))
                for place, mine in enumerate(units)
            )
        ]

    def _are_forms(self, one: Token, other: Token) -> bool:
        if not one.kind == other.kind == "word":
            return False
        # Many languages write the plural of an abbreviation as English does: CoVs, PCRs.
        return self._forms.same(one.text, other.text) or (one.text[-1].isupper() and other.text == f"{one.text}s")

    def _as_written(self, entry: TermEntry, place: Place) -> bool:
        # Hyphens are not among the units, and case is folded in them.
        held, term = composed(self.held(place)), composed(entry.target)
        return held == term if entry.case_sensitive else held.casefold() == term.casefold()

    def _cased(self, entry: TermEntry, place: Place) -> bool:
        """Whether the words of a case-sensitive term have their capitals in an inflected place."""
        return all(
            mine.text[:1].isupper() == other.text[:1].isupper() and mine.text.isupper() == other.text.isupper()
            for mine, other in zip(term_tokens(entry.target), self._tokens[place[0] : place[1]], strict=True)
        )


def _good(entries: Iterable[TermEntry]) -> list[TermEntry]:
    return sorted((entry for entry in entries if not entry.is_fault), key=lambda entry: _ORDER[entry.status])


def _verdict(entries: tuple[TermEntry, ...], text: _Text) -> tuple[TermState, str, TermStatus]:
    good = _good(entries)
    bad = [entry for entry in entries if entry.is_fault]
    forbidden = [place for entry in bad for place in text.exact(entry)]
    for entry in good:
        # "mask" inside "surgical mask", where it is the latter that must not be used, is not the term.
        for place in text.exact(entry):
            if not any(_within(place, other) and place != other for other in forbidden):
                return "applied", text.held(place), entry.status
    for entry in good:
        for place in text.inflected(entry):
            if not any(_within(place, other) for other in forbidden):
                return "inflected", text.held(place), entry.status
    for entry in bad:
        for place in text.exact(entry) or text.inflected(entry):
            return "overridden", text.held(place), entry.status
    return ("missed" if good else "applied"), "", "preferred"


def _within(place: Place, other: Place) -> bool:
    return other[0] <= place[0] and place[1] <= other[1]
