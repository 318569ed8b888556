"""How cards and selectors work together (Knowledge Card, arXiv 2305.09955): bottom-up and top-down."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from scalemt.errors import ConfigurationError
from scalemt.generalists.base import GeneralistKind
from scalemt.methods.base import Question
from scalemt.methods.knowledge.asking import fault_of, need_prompt, read_need
from scalemt.methods.knowledge.cards import Card, ModelCard, SourceCard
from scalemt.methods.knowledge.deck import Deck
from scalemt.methods.knowledge.documents import Document, Query, Trace
from scalemt.methods.knowledge.selecting import (
    NAMES,
    Brevity,
    Evidence,
    Factuality,
    Meanings,
    Relevance,
    Selector,
    named,
)
from scalemt.methods.knowledge.text import likeness, words_of
from scalemt.types import Completion

Mode = Literal["bottom-up", "automatic", "explicit"]
MODES: tuple[Mode, ...] = ("bottom-up", "automatic", "explicit")
EVIDENCE: tuple[Evidence, ...] = ("preferred", "required", "any")

MOST_ROUNDS = 3
MOST_CALLS = 50
MOST_KEPT = 10
MOST_CHARACTERS = 4000
_NEED_TOKENS = 80

Step = Generator[Sequence[Question], Sequence[Completion], None]
Steps = Generator[Sequence[Question], Sequence[Completion], list[Trace]]


@dataclass(frozen=True)
class Settings:
    """How much is asked and kept.

    Args:
        mode: "bottom-up" asks all cards; top-down the model that is helped is asked what it needs: "automatic"
            finds the card by what it says, by description, "explicit" has it name one.
        relevant: documents that relevance keeps (n2 of the paper).
        keep, among: documents that are shown (n3), and among how many of the best they are drawn.
        characters: of all that is shown.
        rounds: top-down, how often it may ask for more.
        calls: questions for one query, at most.
        selectors: which of relevance, brevity and factuality are used, with commas between.
        evidence: "preferred", "required" or "any"; see `Factuality`.
        domain: asks, of the cards that are for certain domains, those of this one.
        semantic: encoder of meaning, "auto" or "off".
        seed: of what is drawn.

    Raises:
        ConfigurationError: a value is out of range.
    """

    mode: Mode = "bottom-up"
    relevant: int = 8
    keep: int = 3
    among: int = 5
    characters: int = 600
    rounds: int = MOST_ROUNDS
    calls: int = 12
    selectors: str = ",".join(NAMES)
    evidence: Evidence = "preferred"
    domain: str = ""
    semantic: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        bounds = (
            ("relevant", self.relevant, 1, 50),
            ("keep", self.keep, 1, MOST_KEPT),
            ("among", self.among, self.keep, 50),
            ("characters", self.characters, 50, MOST_CHARACTERS),
            ("rounds", self.rounds, 1, MOST_ROUNDS),
            ("calls", self.calls, 0, MOST_CALLS),
        )
        for name, value, least, most in bounds:
            if not least <= value <= most:
                raise ConfigurationError(f"{name} is {value}; expected {least} to {most}.")
        if self.mode not in MODES:
            raise ConfigurationError(f"mode is {self.mode!r}. Valid choices: {', '.join(MODES)}.")
        if self.evidence not in EVIDENCE:
            raise ConfigurationError(f"evidence is {self.evidence!r}. Valid choices: {', '.join(EVIDENCE)}.")
        named(self.selectors)

    @property
    def signature(self) -> str:
        """All that decides what is shown."""
        told = [self.mode, f"keep:{self.keep}/{self.among}/{self.relevant}", f"characters:{self.characters}"]
        told += [f"rounds:{self.rounds}"] if self.mode != "bottom-up" else []
        told += [f"calls:{self.calls}", f"selectors:{'+'.join(named(self.selectors)) or 'none'}"]
        told += [f"evidence:{self.evidence}"]
        told += [f"domain:{self.domain}"] if self.domain else []
        return ",".join(told)


def calls_of(documents: Sequence[int], settings: Settings) -> int:
    """Return how many questions may be put for one query, by how many documents each model card writes."""
    if settings.mode == "bottom-up":
        return min(settings.calls, sum(documents))
    return min(settings.calls, settings.rounds * (1 + max(documents, default=0)))


class Integration:
    """Has cards write about queries, and selects.

    Args:
        queries: each asked for by itself; their questions go together.
        deck: the cards.
        settings: how much is asked and kept.
        kind: of the model that is helped.
        meanings: encoders, kept between runs.
    """

    def __init__(
        self, queries: Sequence[Query], deck: Deck, settings: Settings, kind: GeneralistKind, meanings: Meanings
    ) -> None:
        self._traces = [Trace(query, settings.mode) for query in queries]
        self._deck = deck
        self._settings = settings
        self._kind = kind
        self._relevance = Relevance(settings.relevant, meanings.encoder)
        self._selectors = self._made()

    def _made(self) -> list[Selector]:
        settings, top_down = self._settings, self._settings.mode != "bottom-up"
        # Top-down one document a round is kept, the one that is borne out best.
        keep, among = (1, 1) if top_down else (settings.keep, settings.among)
        parts = settings.rounds if top_down else settings.keep
        all_of_them: dict[str, Selector] = {
            "relevance": self._relevance,
            "brevity": Brevity(settings.characters // parts),
            "factuality": Factuality(
                self._deck.sources, keep, among, evidence=settings.evidence, seed=settings.seed
            ),
        }
        return [all_of_them[name] for name in named(settings.selectors)]

    def run(self) -> Steps:
        """Return a trace a query, in order."""
        for trace in self._traces:
            for fault in self._deck.missing[:5]:
                trace.note("missing", fault)
        yield from self._bottom_up() if self._settings.mode == "bottom-up" else self._top_down()
        return self._traces

    def _bottom_up(self) -> Step:
        wanted = {place: (self._fitting(trace, []), "") for place, trace in enumerate(self._traces)}
        written = yield from self._write(wanted, 0)
        for place, documents in written.items():
            self._select(self._traces[place], documents)

    def _top_down(self) -> Step:
        """Ask for what is needed, round after round, until nothing more is, or no card is left."""
        asked: dict[int, list[str]] = {place: [] for place in range(len(self._traces))}
        for number in range(1, self._settings.rounds + 1):
            left = {place: self._fitting(self._traces[place], names) for place, names in asked.items()}
            for place in [place for place, cards in left.items() if not cards]:
                self._traces[place].note("no more", "no card is left to be asked")
                del left[place]
            chosen = yield from self._chosen(left)
            wanted = {place: ([card], about) for place, (card, about) in chosen.items()}
            written = yield from self._write(wanted, number)
            for place, documents in written.items():
                self._select(self._traces[place], documents)
            asked = {place: [*asked[place], card.name] for place, (card, _) in chosen.items()}
            if not asked:
                return
        for place in asked:
            why = f"the model was asked {self._settings.rounds} times, and is asked no more"
            self._traces[place].note("rounds spent", why)

    def _fitting(self, trace: Trace, used: Sequence[str]) -> list[Card]:
        """Return the cards that may be asked about a query; one that was asked already has said what it knows."""
        found: list[Card] = []
        for card in self._deck.cards:
            if unfit := card.spec.unfit(trace.query, self._settings.domain):
                trace.note(f"passed over: {card.name}", unfit)
            elif card.name not in used:
                found.append(card)
        return found

    def _chosen(
        self, left: Mapping[int, Sequence[Card]]
    ) -> Generator[Sequence[Question], Sequence[Completion], dict[int, tuple[Card, str]]]:
        """Ask whether more is needed, and return the card for it and the subject; where nothing is, nothing."""
        questions = []
        for place, cards in left.items():
            trace = self._traces[place]
            if self._may_ask(trace, 1):
                listed = {card.name: card.spec.about for card in cards}
                named_cards = listed if self._settings.mode == "explicit" else {}
                prompt = need_prompt(trace.query, trace.background, named_cards, self._kind)
                questions.append(Question(prompt, place, _NEED_TOKENS))
        completions = (yield questions) if questions else ()
        found: dict[int, tuple[Card, str]] = {}
        for question, completion in zip(questions, completions, strict=True):
            trace, cards = self._traces[question.place], left[question.place]
            names = [card.name for card in cards] if self._settings.mode == "explicit" else []
            said = read_need(completion, names)
            if said is None:
                trace.note("no more", f"the answer says neither yes nor no: {fault_of(completion)}")
            elif not said[0]:
                trace.note("no more", "the model needs no more information")
            elif card := self._card(cards, said[1], trace):
                found[question.place] = (card, said[1] if self._settings.mode == "automatic" else "")
        return found

    def _card(self, cards: Sequence[Card], wanted: str, trace: Trace) -> Card | None:
        """Return the card that is named, or whose description is most like what is wanted."""
        if self._settings.mode == "explicit":
            folded = wanted.casefold().strip(" .\"'")
            card = next((item for item in cards if item.name.casefold() == folded), None)
            if card is None:
                trace.note("no more", f"the model names {wanted!r}, and that is none of the cards")
                return None
            trace.note(f"asked: {card.name}", "the model names it")
            return card
        subject = wanted or trace.query.text
        scores = self._described(cards, subject, trace.query)
        best = max(range(len(cards)), key=lambda place: scores[place])
        trace.note(f"asked: {cards[best].name}", f"wanted is {subject!r}; likeness {scores[best]:.2f}")
        return cards[best]

    def _described(self, cards: Sequence[Card], subject: str, query: Query) -> list[float]:
        """Return how like a subject the descriptions of cards are."""
        about = Query(subject, query.language)
        texts = [f"{card.name} {card.spec.about}" for card in cards]
        words = words_of(subject, about.languages)
        lexical = [likeness(words, words_of(text, about.languages)) for text in texts]
        _, near = self._relevance.compared(about, texts)
        return [one + other for one, other in zip(lexical, near, strict=True)] if near else lexical

    def _write(
        self, wanted: Mapping[int, tuple[Sequence[Card], str]], number: int
    ) -> Generator[Sequence[Question], Sequence[Completion], dict[int, list[Document]]]:
        """Have cards write, sources at once and models in one round of questions."""
        written: dict[int, list[Document]] = {place: [] for place in wanted}
        questions: list[Question] = []
        cards: list[ModelCard] = []
        for place, (row, about) in wanted.items():
            for card in row:
                if isinstance(card, SourceCard):
                    written[place] += self._looked_up(card, self._traces[place], number)
                elif isinstance(card, ModelCard) and self._may_ask(self._traces[place], card.spec.documents):
                    asked = card.questions(self._traces[place].query, place, about)
                    questions += asked
                    cards += [card] * len(asked)
        completions = (yield questions) if questions else ()
        for question, card, completion in zip(questions, cards, completions, strict=True):
            text, told = card.heard(completion)
            if told:
                self._traces[question.place].note(f"faulty: {card.name}", told)
            if text:
                written[question.place].append(Document(card.name, text, round=number))
        for place, documents in written.items():
            self._traces[place].documents += documents
        return written

    @staticmethod
    def _looked_up(card: SourceCard, trace: Trace, number: int) -> list[Document]:
        try:
            found = card.look_up(trace.query)
        except Exception as fault:  # a plug-in, or a file that was damaged since
            trace.note(f"faulty: {card.name}", f"it cannot be asked: {fault}")
            return []
        for item in found:
            item.round = number
        return found

    def _may_ask(self, trace: Trace, count: int) -> bool:
        """Take so many of the questions that a query may cost."""
        if trace.calls + count > self._settings.calls:
            why = f"{self._settings.calls} questions may be asked for one text, and no more are"
            trace.note("calls spent", why)
            return False
        trace.calls += count
        return True

    def _select(self, trace: Trace, documents: Sequence[Document]) -> None:
        """Run the selectors, and see that no more is kept than there is room for, whichever they are."""
        left = list(documents)
        for selector in self._selectors:
            left = selector.select(trace, left)
        most = 1 if self._settings.mode != "bottom-up" else self._settings.keep
        room = self._settings.characters - sum(len(item.shown) for item in trace.kept)
        for place, item in enumerate(left):
            if place >= most:
                item.drop(f"no more than {most} are shown")
            elif len(item.shown) > room:
                item.drop(f"there is no room for it in {self._settings.characters} characters")
            else:
                item.keep()
                room -= len(item.shown)
