"""What may stay in another language: noun phrases at permitted switch points, up to a degree.

A switch is permitted between a determiner or preposition and what follows it, never inside a word or a phrase of
content words, whose order languages do not share (the equivalence constraint, Poplack 1980; that natural switches
are noun phrases and terms is the sheet's). There is no tagger of parts of speech: phrases are told by the
closed classes around them, and the surest come first. Where they are too few for the degree, whole clauses follow:
from a conjunction or a stop to the next one, but never all of a text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from scalemt.quality.mixing import TaggedWord
from scalemt.quality.word_evidence import closed_class, determiners, joins

MOST_WORDS = 3  # of one phrase
LEAST_OF_CLAUSE = 3
_STOP = re.compile(r"[.,;:!?…()«»“”\"]")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that may stay as they are: `text[start:end]`; `certainty` orders phrases."""

    start: int
    end: int
    words: int
    certainty: int


def phrases(text: str, words: Sequence[TaggedWord], language: str) -> list[Phrase]:
    """Return what may be embedded of a text, the surest first, else in its order.

    Args:
        text: of one language.
        words: its words; those without a language (names, numbers, protected content) open and end a phrase.
        language: of the text; without a list of closed classes for it nothing is found.
    """
    closed = closed_class(language)
    if not closed:
        return []
    found = []
    at = 0
    while at < len(words):
        run = _run(text, words, at, closed)
        if not run:
            at += 1
            continue
        found += _cut(text, words, at, at + run, language)
        at += run
    found += _clauses(text, words, language)
    return sorted(found, key=lambda item: (-item.certainty, item.start))


def chosen(found: Sequence[Phrase], total: int, degree: int) -> list[Phrase]:
    """Return the phrases that bring the share of their words nearest to a degree, in the order of the text.

    Args:
        found: as `phrases` gives them.
        total: words of the text that have a language.
        degree: per cent.
    """
    taken: list[Phrase] = []
    count, due = 0, total * degree / 100
    for item in found:
        inside = [other for other in taken if item.start <= other.start and other.end <= item.end]
        if any(item.start < other.end and other.start < item.end for other in taken if other not in inside):
            continue
        more = item.words - sum(other.words for other in inside)
        # One part stays in the matrix language: all of a text in the other one is no mixture.
        if count + more < total and abs(count + more - due) < abs(count - due):
            taken = [other for other in taken if other not in inside] + [item]
            count += more
    return sorted(taken, key=lambda item: item.start)


def _clauses(text: str, words: Sequence[TaggedWord], language: str) -> list[Phrase]:
    """Return the clauses of a text of several, the last first: people go on in the other language."""
    conjunctions = _CONJUNCTIONS.get(language.split("-", maxsplit=1)[0], frozenset())
    starts = [
        at
        for at, word in enumerate(words)
        if at and (word.text.casefold() in conjunctions or _STOP.search(text, words[at - 1].end, word.start))
    ]
    bounds = [0, *starts, len(words)]
    found = []
    for first, last in pairwise(bounds):
        count = sum(bool(word.language) for word in words[first:last])
        if starts and count >= LEAST_OF_CLAUSE:
            found.append(Phrase(words[first].start, words[last - 1].end, count, -1 - len(words) + first))
    return found


def _run(text: str, words: Sequence[TaggedWord], at: int, closed: frozenset[str]) -> int:
    """Return how many content words stand in a row, without punctuation between."""
    count = 0
    while at + count < len(words):
        word = words[at + count]
        if not word.language or word.text.casefold() in closed or word.text.endswith("'"):
            break
        if count and _STOP.search(text, words[at + count - 1].end, word.start):
            break
        count += 1
    return count


def _cut(text: str, words: Sequence[TaggedWord], first: int, last: int, language: str) -> list[Phrase]:
    """Return the phrase of a run of content words, if it can be one."""
    before = words[first - 1] if first else None
    after = words[last] if last < len(words) else None
    if before is None or _STOP.search(text, before.end, words[first].start):
        return []
    opening = before.text.casefold()
    opened = 2 if opening in determiners(language) else 1 if opening in joins(language) else 0
    if opened == 1 and opening in _BEFORE_VERBS.get(language.split("-", maxsplit=1)[0], frozenset()):
        return []
    stopped = after is None or bool(_STOP.search(text, words[last - 1].end, after.start))
    following = after.text.casefold() if after is not None else ""
    ended = stopped or following in joins(language)
    if not opened:
        return []
    if not ended and last - first > 1:
        last -= 1  # before a determiner or pronoun the last word is a verb, mostly
    if last - first > MOST_WORDS or (last - first > 2 and not stopped):
        return []
    certainty = 4 * (opened - 1) + 2 * (last - first == 1) + ended
    return [Phrase(words[first].start, words[last - 1].end, last - first, certainty)]


# What opens a verb or a clause as often as a noun phrase.
_BEFORE_VERBS = {
    "en": frozenset("to and or but because if so than while though unless as".split()),
    "es": frozenset("que y e o u pero porque si como cuando mientras aunque ni sino pues a para por sin".split()),
    "pt": frozenset("que e ou mas porque se como quando enquanto embora nem pois para pra por sem a".split()),
    "ca": frozenset("que i o però perquè si com quan mentre ni sinó doncs a per sense de".split()),
    "gl": frozenset("que e ou pero mais porque se como cando mentres nin senón pois a para por sen".split()),
    "fr": frozenset("que et ou mais parce si comme quand donc ni car à pour sans de".split()),
    "it": frozenset("che e o ma perché se come quando mentre né dunque a per senza di da".split()),
    "de": frozenset("und oder aber weil dass wenn ob als wie denn zu".split()),
    "hi": frozenset("aur ya lekin magar kyunki agar toh to ki".split()),
}

_CONJUNCTIONS = {
    "en": frozenset("and but because so if while though although when".split()),
    "es": frozenset("y pero porque si cuando mientras aunque así".split()),
    "pt": frozenset("e mas porque se quando enquanto embora então".split()),
    "ca": frozenset("i però perquè si quan mentre així".split()),
    "gl": frozenset("e pero porque se cando mentres aínda".split()),
    "fr": frozenset("et mais si quand donc parce".split()),
    "it": frozenset("e ma perché se quando mentre".split()),
    "de": frozenset("und oder aber weil wenn dass".split()),
    "eu": frozenset("eta baina".split()),
    "hi": frozenset("aur lekin magar kyunki agar toh".split()),
}
