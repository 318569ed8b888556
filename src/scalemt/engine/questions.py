"""Questions answered with knowledge cards: what `scalemt ask` does, and whoever uses it from Python.

::

    from scalemt.engine.questions import Asker

    asker = Asker.from_profile(cards=["ward=folder:handbook"])
    print(asker.ask(["When are blood samples taken?"])[0].text)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from scalemt import languages
from scalemt.config import Configuration, Profile, load_configuration
from scalemt.engine.assembly import Assembly
from scalemt.errors import UsageError
from scalemt.generalists import Generalist
from scalemt.methods.agents.sources import Setting
from scalemt.methods.answering import ask_each
from scalemt.methods.base import Question
from scalemt.methods.knowledge.asking import answer_prompt, fault_of, read_answer
from scalemt.methods.knowledge.cards import CardSpec
from scalemt.methods.knowledge.deck import Deck, Table, open_deck
from scalemt.methods.knowledge.documents import Query, Trace
from scalemt.methods.knowledge.integrating import Integration, Settings
from scalemt.methods.knowledge.reading import limited, read_card
from scalemt.methods.knowledge.selecting import Meanings
from scalemt.quality.language import identify
from scalemt.types import Completion, Decision, Decoding, Pair, Usage

MOST_CHARACTERS = 8000  # of a question
_SURE = 0.7  # probability of a language from which on a question is taken to be in it
_ANSWER_TOKENS = 512

Progress = Callable[[str], None]
"""Told what is being done."""


@dataclass(frozen=True)
class Reply:
    """What came of one question.

    Args:
        question: as it was asked.
        text: the answer; "" where there is none.
        trace: what cards have written, and what of it the answer was given with.
        usage: what it cost.
        error: why there is no answer.
    """

    question: str
    text: str
    trace: Trace
    usage: Usage = field(default_factory=Usage)
    error: str = ""

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What was decided on the way."""
        return self.trace.decisions()

    def as_json(self) -> dict[str, Any]:
        """The reply, for programs."""
        usage = {
            "calls": self.usage.calls,
            "prompt_tokens": self.usage.prompt_tokens,
            "completion_tokens": self.usage.completion_tokens,
            "cost": self.usage.cost,
            "cached": self.usage.cached,
        }
        told = {key: value for key, value in self.trace.as_json().items() if key not in ("id", "text")}
        return {"question": self.question, "answer": self.text, "error": self.error, "usage": usage, **told}


class Asker:
    """Answers questions by the generalist of a profile, with what cards write about them.

    Args:
        profile: names the generalist, and how it decodes.
        cards: who can be asked; none leaves the generalist alone.
        settings: how much is asked and kept.
        configuration: where names of generalists are looked up.
        generalist: takes the place of the profile's.
        language: of the questions, a canonical tag; "" tells it of each, and takes English where that cannot be.
        notice: told once about each thing a user should know.

    Raises:
        ConfigurationError: two cards have one name.
    """

    def __init__(
        self,
        profile: Profile,
        cards: Sequence[CardSpec] = (),
        settings: Settings | None = None,
        configuration: Configuration | None = None,
        *,
        generalist: Generalist | None = None,
        language: str = "",
        notice: Callable[[str], None] | None = None,
    ) -> None:
        self.profile = profile
        self.settings = settings or Settings()
        self._cards = limited(list(cards))
        self._assembly = Assembly(
            profile, configuration or Configuration(), specialists=(), generalist=generalist, notice=notice
        )
        self._language = language
        self._notice = notice or (lambda _: None)
        self._meanings = Meanings(self.settings.semantic, profile.core_count())
        self._decks: dict[str, Deck] = {}
        self._others: dict[str, Generalist | None] = {}

    @classmethod
    def from_profile(
        cls, name: str | None = None, *, cards: Sequence[str | CardSpec] = (), **overrides: Any
    ) -> Asker:
        """Build one from a profile by name.

        Args:
            name: of the profile.
            cards: definitions `NAME=SPEC`, or cards.
            overrides: fields of the profile.

        Raises:
            UsageError: the profile or a card is none.
        """
        configuration = load_configuration()
        read = [read_card(card) if isinstance(card, str) else card for card in cards]
        return cls(configuration.profile(name, **overrides), read, configuration=configuration)

    def ask(self, questions: Sequence[str], progress: Progress | None = None) -> list[Reply]:
        """Answer questions, in order; those of one language go together.

        Args:
            questions: none is empty.
            progress: told what is being done.

        Raises:
            UsageError: a question is empty or too long, or a card or the generalist cannot be used.
            EndpointError: the generalist cannot be reached at all.
        """
        tell = progress or (lambda _: None)
        queries = [self._query(text) for text in questions]
        found: dict[int, Reply] = {}
        for language in dict.fromkeys(query.language for query in queries):
            places = [place for place, query in enumerate(queries) if query.language == language]
            found |= zip(places, self._answered([queries[place] for place in places], tell), strict=True)
        return [found[place] for place in range(len(queries))]

    def _query(self, text: str) -> Query:
        if not text.strip():
            raise UsageError("The question is empty. Give it as an argument, or a line each on standard input.")
        if len(text) > MOST_CHARACTERS:
            raise UsageError(f"The question has {len(text)} characters; expected {MOST_CHARACTERS} at most.")
        return Query(text.strip(), self._language or _language_of(text))

    def _answered(self, queries: Sequence[Query], tell: Progress) -> list[Reply]:
        deck = self._opened(queries[0].language)
        spent = [Usage()] * len(queries)
        kind = self._assembly.generalist.kind
        steps = Integration(queries, deck, self.settings, kind, self._meanings).run()
        completions: Sequence[Completion] | None = None
        tell(f"asking {len(deck.cards)} cards" if deck.cards else "no cards")
        while True:
            try:
                asked = next(steps) if completions is None else steps.send(completions)
            except StopIteration as end:
                traces: list[Trace] = end.value
                break
            tell(f"{len(asked)} questions to cards")
            completions = self._put(asked, spent)
        prompts = [
            answer_prompt(query, trace.background, kind) for query, trace in zip(queries, traces, strict=True)
        ]
        tell("answering")
        answers = self._put(
            [Question(prompt, place, self._most_tokens) for place, prompt in enumerate(prompts)], spent
        )
        return [_reply(*row) for row in zip(queries, traces, answers, spent, strict=True)]

    @property
    def _most_tokens(self) -> int:
        chosen = "max_tokens" in self.profile.explicit
        return self.profile.max_tokens if chosen else min(_ANSWER_TOKENS, self.profile.max_tokens)

    def _put(self, questions: Sequence[Question], spent: list[Usage]) -> list[Completion]:
        decoding = Decoding(temperature=self.profile.temperature, seed=self.profile.seed)
        completions = ask_each(questions, self._assembly.generalist, decoding)
        for question, completion in zip(questions, completions, strict=True):
            spent[question.place] += completion.usage
        return completions

    def _opened(self, language: str) -> Deck:
        if language not in self._decks:
            generalist = self._assembly.generalist
            setting = Setting(Pair(language, language))
            table = Table(setting, self._other, generalist.kind, strict=True, own=generalist.signature)
            deck = self._decks[language] = open_deck(self._cards, table)
            for fault in deck.missing:
                self._notice(fault)
        return self._decks[language]

    def _other(self, spec: str) -> Generalist | None:
        if spec not in self._others:
            self._others[spec] = self._assembly.other_generalist(spec)
        return self._others[spec]


def _language_of(text: str) -> str:
    """Return the language that a question is surely in, else English."""
    known = identify(text)
    best = max(known, key=lambda code: known[code])
    return (languages.find(best) if known[best] >= _SURE else None) or "en"


def _reply(query: Query, trace: Trace, completion: Completion, usage: Usage) -> Reply:
    text = read_answer(completion)
    error = "" if text else f"The generalist gave no answer: {fault_of(completion)}."
    return Reply(query.text, text, trace, usage, error)
