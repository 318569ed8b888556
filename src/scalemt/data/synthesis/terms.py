"""Bilingual sentences around the terms of a glossary (Moslem et al., WMT 2023, arXiv 2310.14451, step 1).

The generalist writes both sides, as in the paper. Small models can hardly do that; then it writes the source
alone, or sentences of a corpus that hold a term are taken, and the engine translates them, the terms enforced.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from scalemt.data.synthesis.asking import (
    Purpose,
    chat_prompt,
    fault_of,
    items_in,
    labelled,
    template_of,
    text_of,
)
from scalemt.data.synthesis.base import Kind, Made, Request, Setting, Side, origin_of
from scalemt.data.synthesis.corpora import check_texts, texts_of
from scalemt.data.tables import below
from scalemt.errors import UsageError
from scalemt.glossary import Glossary, TermEntry, TermFinder, load_glossary
from scalemt.memory.demonstrations import packaged_demonstrations, packaged_sentences
from scalemt.memory.units import Unit, digest
from scalemt.prompts import Surroundings
from scalemt.types import Completion, Demonstration, Pair, Prompt

_WORDS = ("6 to 10", "10 to 18", "18 to 30")  # of a sentence: the paper's synthetic sentences were all alike
_SHOTS = 4
_SHORTEST, _LONGEST = 4, 60  # words of a sentence of a corpus that is taken
_BLOCK = 32  # sentences of a corpus in one request


class Terms(Kind):
    """Sentences around terms.

    Args:
        glossary: the terms; those that must not be used are left out.
        each: pairs wanted a term.
        sources: who writes the source: the generalist, or a corpus of the source language.
        targets: who writes the target: the generalist, or the engine; the engine too after a corpus.
        together: pairs that a chat model is asked for at once; a base model writes one.
        corpus: text files, one sentence a line, or files of pairs, whose source side counts.
        about: what the texts are about, for the generalist and for the column `domain`.
        openings: what may stand before the term where a base model goes on from it, one a round; "" for nothing.
    """

    name: ClassVar[str] = "terms"

    glossary: Annotated[str, Field(min_length=1)]
    each: Annotated[int, Field(ge=1, le=1000)] = 5
    sources: Literal["generalist", "corpus"] = "generalist"
    targets: Literal["generalist", "engine"] = "generalist"
    together: Annotated[int, Field(ge=1, le=20)] = 3
    corpus: tuple[str, ...] = ()
    about: str = ""
    openings: tuple[str, ...] = ("",)

    @property
    def fills(self) -> Side:
        """The target, where the engine writes it."""
        return "target" if self.targets == "engine" or not self.asks else ""

    @property
    def asks(self) -> bool:
        """Whether the generalist writes a side."""
        return self.sources == "generalist"

    @property
    def files(self) -> tuple[str, ...]:
        """The glossary and the corpora."""
        return (self.glossary, *self.corpus)

    def placed(self, folder: Path) -> Kind:
        """See `Kind`."""
        corpus = tuple(below(folder, file) for file in self.corpus)
        return self.model_copy(update={"glossary": below(folder, self.glossary), "corpus": corpus})

    def profile(self) -> dict[str, Any]:
        """Drafts with the terms put in by the specialist; see `methods.constraining`."""
        return {"method": "terminology", "options": {"by": "specialist"}, "glossary": self.glossary}

    def glossary_file(self) -> str:
        """The glossary."""
        return self.glossary

    def refused(self, checks: Sequence[str]) -> Sequence[str]:
        """The filter `terms` judges the terms."""
        return [name for name in checks if name != "terms"]

    def check(self, pair: Pair) -> None:
        """See `Kind`."""
        if not self._entries(pair):
            raise UsageError(f"{self.glossary} holds no term that is to be used. Add some, or name another file.")
        finder = TermFinder(Glossary(tuple(self._entries(pair))), pair)
        for opening in self.openings:
            if found := finder.find(opening):
                raise UsageError(
                    f"The opening {opening!r} (in [terms] openings) holds the term {found[0].text!r}, which every "
                    "sentence of a round would then repeat. Write it without terms of the glossary."
                )
        if self.sources == "corpus":
            check_texts(self.corpus, "[terms] corpus")

    def requests(self, setting: Setting) -> Iterator[Request]:
        """See `Kind`; round by round, so that whatever ends it, all terms have had the same."""
        if self.sources == "corpus":
            yield from self._taken(setting)
            return
        entries = self._entries(setting.pair)
        at_once = self.together if setting.teller == "chat" else 1
        for number in range(-(-self.each // at_once) * len(entries)):
            turn, place = divmod(number, len(entries))
            opening = self._opening(entries[place], turn) if setting.teller == "base" else ""
            prompt = self._prompt(entries[place], opening, setting.seed + turn, setting, at_once)
            yield Request(number, prompt, setting.seed + turn, (entries[place], opening))

    def read(self, request: Request, answer: Completion | None, setting: Setting) -> Made:
        """See `Kind`; a source without its term is a fault here, before anybody translates it."""
        made = Made()
        if answer is None:
            made.units = [self._unit(entry, text, "", request, setting) for entry, text in request.about]
            return made
        if why := fault_of(answer):
            made.faults.append(why)
            return made
        entry, opening = request.about
        pairs = self._pairs(opening, answer, setting)
        if not pairs:
            made.faults.append("nothing in it that can be read")
        finder = TermFinder(Glossary((entry,)), setting.pair)
        for source, target in pairs:
            if len(source.split()) < _SHORTEST:
                made.faults.append("a source of hardly a word")
            elif finder.find(source):
                made.units.append(self._unit(entry, source, target, request, setting))
            else:
                made.faults.append("a source without its term")
        return made

    # Asking

    @property
    def _purpose(self) -> Purpose:
        return "sentences" if self.fills else "terms"

    def _prompt(self, entry: TermEntry, opening: str, seed: int, setting: Setting, at_once: int) -> Prompt:
        if setting.teller == "chat":
            data: dict[str, Any] = {"term": entry.source}
            if self._purpose == "terms":
                data["translation"] = entry.target
            counted = {"terms": "pairs", "sentences": "sentences"}[self._purpose]
            data |= {"about": self.about, counted: at_once, "words": _WORDS[seed % len(_WORDS)]}
            return chat_prompt(self._purpose, data, setting.pair)
        if self._purpose == "terms":
            around = Surroundings(framed=False, note=self.about, terms=((entry.source, entry.target),))
            shown = _pairs_shown(setting.pair, seed)
            return template_of("terms", "base").render(opening, (), shown, setting.pair, surroundings=around)
        # The same for all terms of a round: a model that keeps the beginning of a prompt evaluates the rest alone.
        shown = _shown(setting.pair.source, seed)
        around = Surroundings(framed=False, terms=((entry.source, self.about or "general"),))
        return template_of("sentences", "base").render(opening, (), shown, setting.pair, surroundings=around)

    def _opening(self, entry: TermEntry, turn: int) -> str:
        """Return how the sentence begins that a base model goes on with."""
        before = self.openings[turn % len(self.openings)].strip() if self.openings else ""
        return f"{before} {entry.source}" if before else entry.source[0].upper() + entry.source[1:]

    def _pairs(self, opening: str, answer: Completion, setting: Setting) -> list[tuple[str, str]]:
        if setting.teller == "base":
            return self._continued(opening, answer, setting)
        if self.fills:
            found = [(text_of(item), "") for item in items_in(answer, "sentences")]
        else:
            items = [item for item in items_in(answer, "pairs") if isinstance(item, dict)]
            found = [(text_of(item.get("source")), text_of(item.get("target"))) for item in items]
        return [(source, target) for source, target in found if source and (target or self.fills)]

    def _continued(self, opening: str, answer: Completion, setting: Setting) -> list[tuple[str, str]]:
        """Return what a base model made of the opening that it was given."""
        gap = "" if answer.text[:1].isspace() or not answer.text[:1].isalnum() else " "
        template, text = template_of(self._purpose, "base"), f"{opening}{gap}{answer.text}"
        source, _, rest = text.partition("\n")
        if self.fills:
            return [(text_of(source), "")]
        # Without the label of the target it is whatever the model felt like, in another language often.
        label = template.answer_labels(setting.pair)[-1]
        targets = labelled(rest, template, setting.pair) if rest.strip().startswith(label) else []
        return [(text_of(source), targets[0])] if targets else []

    # Taking from corpora

    def _taken(self, setting: Setting) -> Iterator[Request]:
        chosen = self._chosen(setting)
        for number, start in enumerate(range(0, len(chosen), _BLOCK)):
            yield Request(number, about=chosen[start : start + _BLOCK])

    def _chosen(self, setting: Setting) -> list[tuple[TermEntry, str]]:
        """Return, of each term, the `each` sentences whose hashes are least: a draw that order does not change."""
        finder = TermFinder(Glossary(tuple(self._entries(setting.pair))), setting.pair)
        held: defaultdict[TermEntry, list[tuple[int, str]]] = defaultdict(list)
        for text in texts_of(self.corpus, setting.pair, "source"):
            if not _SHORTEST <= len(text.split()) <= _LONGEST:
                continue
            for found in finder.find(text):
                rows = held[found.entries[0]]
                rows.append((digest(f"{setting.seed}\0{text}"), text))
                if len(rows) > 8 * self.each:
                    held[found.entries[0]] = sorted(set(rows))[: self.each]
        rows_of = {entry: sorted(set(rows))[: self.each] for entry, rows in held.items()}
        return [(entry, text) for entry, rows in rows_of.items() for _, text in rows]

    def _unit(self, entry: TermEntry, source: str, target: str, request: Request, setting: Setting) -> Unit:
        about: dict[str, Any] = {"terms": [[entry.source, entry.target]]}
        if request.prompt:
            template = template_of(self._purpose, setting.teller)
            about |= {"template": template.signature, "seed": request.seed}
        else:
            about["sources"] = "corpus"
        return Unit(
            source, target, setting.pair, domain=self.about, creator=setting.maker,
            origin=origin_of(self.name, setting, **about),
        )  # fmt: skip

    @cached_property
    def _known(self) -> dict[Pair, list[TermEntry]]:
        return {}

    def _entries(self, pair: Pair) -> list[TermEntry]:
        if pair not in self._known:
            entries = load_glossary(self.glossary, pair).entries
            self._known[pair] = list(dict.fromkeys(entry.forms[0] for entry in entries if not entry.is_fault))
        return self._known[pair]


def _shown(language: str, seed: int) -> list[Demonstration]:
    """Return sentences of the project's own pool, each with its longest word and its domain."""
    pool = [row for row in packaged_sentences(language) if 6 <= len(row[0].split()) <= 25]
    chosen = Random(seed).sample(pool, min(_SHOTS, len(pool)))  # noqa: S311
    return [Demonstration(text, "", terms=((_longest(text), domain),)) for text, domain in chosen]


def _pairs_shown(pair: Pair, seed: int) -> list[Demonstration]:
    """Return pairs of the project's own pool; none where it lacks a language."""
    pool = [item for item in packaged_demonstrations(pair) if 6 <= len(item.source.split()) <= 25]
    return Random(seed).sample(pool, min(_SHOTS, len(pool)))  # noqa: S311


def _longest(text: str) -> str:
    words = ["".join(letter for letter in word if letter.isalnum() or letter == "-") for word in text.split()]
    return max(words, key=len)
