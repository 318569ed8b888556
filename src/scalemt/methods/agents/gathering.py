"""CRAT's constructor of the knowledge graph: who says what of a term, and how it may be translated.

Internal facts come from the text: how the specialist's drafts render the term, how it is written, and what the
generalist says of it. External ones come from the sources. Each keeps its provenance.
"""

from __future__ import annotations

import copy
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scalemt.errors import ConfigurationError, UnknownNameError
from scalemt.glossary.lemmas import forms
from scalemt.glossary.tokens import tokenise
from scalemt.methods.agents.asking import text_in
from scalemt.methods.agents.detecting import LONGEST, Scene, Spot, keyed, word_number
from scalemt.methods.agents.graph import VARIES, Fact, Graph, Provenance, Term, Witness, key_of
from scalemt.methods.agents.sources import SOURCES, Setting, Source, SourceMissingError
from scalemt.methods.agents.words import is_content, is_headword, singular
from scalemt.types import Draft, Pair, Segment

GENERALIST_TRUST = 0.5
FORM_TRUST = 0.35
DRAFT_TRUST = 0.6
"""Of the specialist's own rendering where it is quite sure of it; its confidence takes from that."""

_MOST_CHARACTERS = 60
_MOST_FACTS = 4
_SPARE_WORDS = 3  # that a translation may have more than its term
_NO_TERM = re.compile(r"[<>{}\[\]|\\^~=*#\x00-\x1f\x7f-\x9f\u2028\u2029\ufffc\ufffd]|://|[.!?:;]\s|[.!?…]$")


def implausible(text: str) -> str:
    """Say what keeps a text from being the translation of a term, "" where nothing does.

    Dictionaries hold explanations, and whoever writes into one may hold a prompt in mind: what has the shape of a
    sentence, of markup or of a command is no term. What passes is tested all the same.
    """
    units = tokenise(text)
    words = [unit for unit in units if unit.kind == "word"]
    letters = [unit for unit in units if unit.kind == "letter"]
    if not any(sign.isalpha() for sign in text):
        return "it has no letters"
    if len(text) > _MOST_CHARACTERS or len(words) > LONGEST or len(letters) > 4 * LONGEST:
        return "it is too long for a term"
    return "it has signs that no term has" if _NO_TERM.search(text) else ""


class Library:
    """The sources of a run, opened once; one that is missing or fails is told, and asked no more.

    Args:
        specs: names, with an argument behind a colon where there is one.
        setting: what they are opened for.
        tell: is told what is missing and what fails.

    Raises:
        UnknownNameError: there is no source of a name.
        ConfigurationError: a source must be told more.
    """

    def __init__(self, specs: Sequence[str], setting: Setting, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self.faults: list[str] = []
        self.sources: list[Source] = []
        for spec in specs:
            name, _, argument = spec.partition(":")
            kind = SOURCES.load(name)
            try:
                source: Source = kind(setting, argument)
            except (ConfigurationError, UnknownNameError):
                raise
            except SourceMissingError as fault:
                self._fault(f"{spec}: {fault}")
            except Exception as fault:  # a plug-in, or a damaged file: the others can still be asked
                self._fault(f"{spec} cannot be used: {fault}")
            else:
                self.sources.append(source)
                for told in source.faults:
                    self._fault(f"{spec}: {told}")

    def begun(self) -> Library:
        """Return the same for another run: a source that fails in one is asked again in the next."""
        fresh = copy.copy(self)
        fresh.faults, fresh.sources = list(self.faults), list(self.sources)
        return fresh

    def _fault(self, text: str) -> None:
        self.faults.append(text)
        self._tell(text)

    def asked(self, ask: Callable[[Source], Any], source: Source, otherwise: Any) -> Any:
        """Ask a source; one that fails is dropped."""
        try:
            return ask(source)
        except Exception as fault:  # see above
            self.sources.remove(source)
            self._fault(f"{source.name} failed and is asked no more: {fault}")
            return otherwise

    def decides(self, name: str) -> bool:
        """Whether the source of a name is one by which the user has decided."""
        return any(source.authority and source.name == name for source in self.sources)

    def quick(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the translations that sources without a search give of each text."""
        rows: list[list[str]] = [[] for _ in texts]
        for source in [item for item in self.sources if item.quick]:
            found = self.asked(lambda asked: asked.look_up(texts), source, [[] for _ in texts])
            for row, findings in zip(rows, found, strict=True):
                row += [item.text for item in findings if item.kind == "translation"]
        return rows

    def consult(self, terms: Sequence[Term]) -> None:
        """Write into terms what all sources say of them."""
        texts = [term.text for term in terms]
        for source in list(self.sources):
            found = self.asked(lambda asked: asked.look_up(texts), source, [[] for _ in texts])
            for term, findings in zip(terms, found, strict=True):
                for item in findings[: 4 * LONGEST]:
                    provenance = Provenance(source.name, item.place)
                    if item.kind == "context":
                        if sum(fact.relation == "stands in" for fact in term.facts) < _MOST_FACTS:
                            term.note(Fact("stands in", item.text, provenance))
                    elif item.kind == "forbidden":
                        term.forbidden[item.text] = provenance
                    elif why := "" if source.authority else implausible(item.text):
                        term.note(Fact("is left out", f"{item.text[:_MOST_CHARACTERS]!r}: {why}", provenance))
                    else:
                        term.propose(item.text, Witness(provenance, item.sense, source.trust))

    def attested(self, translations: Sequence[str]) -> dict[str, dict[str, int]]:
        """Return, for each translation, the sources whose texts hold it, and how many of them."""
        found: dict[str, dict[str, int]] = {text: {} for text in translations}
        for source in list(self.sources):
            counts = self.asked(lambda asked: asked.attested(translations), source, [0] * len(translations))
            for text, count in zip(translations, counts, strict=True):
                if count:
                    found[text][source.name] = count
        return found

    def back(self, translations: Sequence[str]) -> dict[str, dict[str, list[str]]]:
        """Return, for each translation, what each source says that it is in the source language."""
        found: dict[str, dict[str, list[str]]] = {text: {} for text in translations}
        for source in list(self.sources):
            rows = self.asked(lambda asked: asked.back(translations), source, [[] for _ in translations])
            for text, row in zip(translations, rows, strict=True):
                if row:
                    found[text][source.name] = row
        return found


def headword(text: str, language: str) -> str:
    """Return a term as it is listed: the last word of an English one in the singular."""
    head, space, last = text.rpartition(" ")
    return f"{head}{space}{singular(last, language)}"


def propose_draft(term: Term, segment: Segment, draft: Draft, place: tuple[int, int], pair: Pair) -> None:
    """Propose what the specialist's draft has in the place of a term."""
    text = segment.text[place[0] : place[1]]
    held, confidence = _rendered(draft, segment.text, place, pair)
    if not held or implausible(held):
        return
    if headword(text, pair.source) != text:
        held = _singular(held, text, pair.target)
    provenance = Provenance(draft.engine or "draft", f"draft of {segment.id}", "draft")
    term.propose(_uncapitalised(held, text), Witness(provenance, "as drafted", DRAFT_TRUST * confidence))


def _rendered(draft: Draft, source: str, place: tuple[int, int], pair: Pair) -> tuple[str, float]:
    """Return the words of a draft that are aligned with a stretch of its source alone, and the least confidence.

    They must stand together, hold every word of the stretch that says something, and not be many more; function
    words at their ends are left out. A word that belongs to other words of the source as well is not taken, and
    where one stands beside those that are, it cannot be told where the rendering ends.
    """
    if len(draft.words) != len(draft.text.split()):
        return "", 0.0
    first, last = word_number(source, place[0]), word_number(source, place[1] - 1)
    links: defaultdict[int, set[int]] = defaultdict(set)
    for one, other in draft.alignment:
        links[other].add(one)
    mine = sorted(other for other, ones in links.items() if ones and all(first <= one <= last for one in ones))
    words = list(re.finditer(r"\S+", draft.text))
    while mine and not _says(words[mine[0]][0], pair.target):
        mine.pop(0)
    while mine and not _says(words[mine[-1]][0], pair.target):
        mine.pop()
    beside = {mine[0] - 1, mine[-1] + 1} if mine else set()
    if any(
        _says(words[at][0], pair.target) for at in beside & links.keys() if links[at] & set(range(first, last + 1))
    ):
        return "", 0.0
    told = set().union(*(links[other] for other in mine))
    saying = {number for number in range(first, last + 1) if _says(source.split()[number], pair.source)}
    if not saying <= told:
        return "", 0.0
    if not mine or mine[-1] - mine[0] != len(mine) - 1 or len(mine) > last - first + 1 + _SPARE_WORDS:
        return "", 0.0
    start, end = words[mine[0]].start(), words[mine[-1]].end()
    known = [draft.words[number].confidence for number in mine]
    sure = [value for value in known if value is not None]
    return _bare(draft.text[start:end]), min(sure) if sure else 0.5


def _says(word: str, language: str) -> bool:
    """Whether a white-space word holds a word or a number that can begin or end a term."""
    return any(is_content(token, language) or token.text.isdigit() for token in tokenise(word))


def _bare(text: str) -> str:
    """Return a stretch without the signs around it."""
    return text.strip("".join({sign for sign in text if not sign.isalnum()}))


def _singular(held: str, source: str, language: str) -> str:
    """Return a rendering in the singular, where the source has a plural and it is plain what to do."""
    if source[:-1] in held and held.endswith("s"):  # CoVs stays CoVs
        return held[:-1]
    # Several words in the plural are left, and known again by their lemmas.
    return forms(language).lemma(held) if " " not in held and held.islower() else held


def _uncapitalised(text: str, source: str) -> str:
    """Return a rendering that only opens a sentence in small letters, as its term is."""
    opens = text[:1].isupper() and text[1:] == text[1:].lower()
    return text[0].lower() + text[1:] if opens and source[:1].islower() else text


def varying_spots(scenes: Sequence[tuple[Scene, Graph]]) -> list[list[Spot]]:
    """Return, for each segment, the nouns and phrases that the drafts of its document render in different ways.

    Args:
        scenes: segments, each with the graph of its document.
    """
    places: defaultdict[tuple[int, str], list[tuple[int, int, int, str]]] = defaultdict(list)
    for at, (scene, graph) in enumerate(scenes):
        if not scene.draft:
            continue
        text = scene.segment.text
        for key, start, end in keyed(scene):
            if " " not in key and not is_headword(text[start:end], scene.pair.source):
                continue
            held, _ = _rendered(scene.draft, text, (start, end), scene.pair)
            if held:
                places[id(graph), key].append((at, start, end, key_of(held, scene.pair.target)))
    spots: list[list[Spot]] = [[] for _ in scenes]
    why = (("evidence", VARIES),)
    spread = [rows for rows in places.values() if len({at for at, *_ in rows}) > 1]
    even = {row[:3] for rows in spread if len({row[3] for row in rows}) == 1 for row in rows}
    for rows in spread:
        if len({rendered for *_, rendered in rows}) > 1:
            for at, start, end, _ in rows:
                # A part of a longer phrase that is always rendered alike varies by its alignment alone.
                if not any(at == other and first <= start and end <= last for other, first, last in even):
                    spots[at].append(Spot(start, end, scenes[at][0].segment.text[start:end], why, 0.6))
    return spots


def propose_form(term: Term, segment: str) -> None:
    """Propose to leave a term as it is, where it is written like a name or an abbreviation."""
    if any("name" in why for by, why in term.reasons if by == "evidence"):
        term.propose(
            term.text, Witness(Provenance("the text", f"segment {segment}", "form"), "a name, kept", FORM_TRUST)
        )


def propose_generalist(
    terms: Mapping[str, Term], answer: Sequence[Any], source: str, graph: Graph, refused: bool = False
) -> int:
    """Write into terms what a generalist says of them; return how many of its items could be used.

    Args:
        terms: that it was asked about, by the text under which it was.
        answer: the list of its answer: objects with "term", "facts" and "translations".
        source: what provenance calls it.
        graph: that the terms belong to.
        refused: it was asked a second time, after all translations had been refused.
    """
    used = 0
    for item in answer[: 2 * len(terms)]:
        term = terms.get(text_in(item, "term")) or graph.known(text_in(item, "term"))
        if term is None or not isinstance(item, dict) or term not in terms.values():
            continue
        provenance = Provenance(source, "asked again" if refused else "", "generalist")
        for fact in _items(item.get("facts"))[:_MOST_FACTS]:
            relation, told = text_in(fact, "relation")[:30], text_in(fact, "object", "value")[:200]
            if relation and told and isinstance(fact, dict):
                term.note(Fact(relation, told, provenance))
                used += 1
        for said in _items(item.get("translations"))[:_MOST_FACTS]:
            text = text_in(said, "translation", "text")
            meaning = text_in(said, "meaning", "sense")[:80] if isinstance(said, dict) else ""
            if text and not implausible(text):
                term.propose(text, Witness(provenance, meaning, GENERALIST_TRUST))
                used += 1
    return used


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
