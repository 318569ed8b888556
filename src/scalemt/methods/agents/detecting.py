"""CRAT's detector of unknown terms: what the generalist names, and what the specialist's draft gives away.

Evidence needs no generalist: words of which the draft is unsure or that the specialist does not know, names and
abbreviations, words that no dictionary of lemmas has, phrases that come again in the document or that a dictionary
has an entry for, and words that come again and of whose translations in a dictionary the draft uses none.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from scalemt import languages
from scalemt.glossary import Glossary, TermEntry, TermFinder
from scalemt.glossary.lemmas import forms
from scalemt.glossary.tokens import Token, fold, term_tokens, tokenise
from scalemt.methods.agents.asking import text_in
from scalemt.methods.agents.graph import key_of
from scalemt.methods.agents.words import is_content, is_headword
from scalemt.types import Draft, Pair, Segment

UNSURE = 0.5
"""Confidence of a draft's word below which its source is looked at."""

LONGEST = 5
"""Most words of a term, names aside."""

_PHRASE = 4  # most words of a phrase that dictionaries are asked for
_LONGEST_RUN = 3  # words of a phrase that comes again
_AGAIN = 2  # segments that hold it
_ROOT, _ROOT_SHARE = 4, 0.7  # letters that words of one root share: at least so many, and of one word
_CAPITALISING = frozenset({"de", "lb"})  # languages that write nouns with a capital
_SHOUTING = 0.5  # share of words with a capital from which on capitals tell nothing
_JOINED = frozenset({"", " ", "-", "\u2010", "\u2011"})  # between the words of a name

Capitals = Literal["all", "inside", "no"]
Translating = Callable[[Sequence[str]], list[list[str]]]
"""Gives the translations that quick sources have of each text."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A term where it stands in a text; `weight` orders those of a segment, the most doubtful first."""

    start: int
    end: int
    text: str
    reasons: tuple[tuple[str, str], ...]
    weight: float

    def meets(self, start: int, end: int) -> bool:
        """Whether it shares a character with a stretch."""
        return self.start < end and start < self.end


@dataclass(frozen=True)
class Scene:
    """A segment as the detector looks at it.

    Args:
        segment: a text with its protected spans.
        draft: of the specialist; None where there is none.
        pair: the languages of text and draft.
        taken: stretches that are terms already: of the glossary, or settled before.
    """

    segment: Segment
    draft: Draft | None
    pair: Pair
    taken: tuple[tuple[int, int], ...] = ()

    @property
    def tokens(self) -> list[Token]:
        """The units of the text, protected spans as barriers."""
        return tokenise(self.segment.text, self.segment.spans)


def by_evidence(scene: Scene, translating: Translating, counts: Counter[str]) -> list[Spot]:
    """Return the terms of a segment that need no generalist to be found, the most doubtful first.

    Args:
        scene: the segment.
        translating: asked for words and phrases of the text, many of them: sources that are quick.
        counts: how many segments of the document hold a word or phrase, by its key.
    """
    tokens = scene.tokens
    content = [token for token in tokens if is_content(token, scene.pair.source)]
    spots = [*_phrases(scene, tokens, translating), *_names(scene, tokens), *_recurring(scene, counts)]
    doubts = _doubts(scene, content)
    doubts += _unlisted(scene, content) + _disagreeing(scene, content, translating, counts)
    spots += [
        Spot(token.start, token.end, token.text, (("evidence", why),), weight) for token, why, weight in doubts
    ]
    return chosen(spots, scene.taken)


def by_generalist(answer: Sequence[Any], scene: Scene, most: int) -> tuple[list[Spot], int]:
    """Return the terms that a generalist has named and that stand in the text, and how many do not.

    Args:
        answer: the list of its answer: texts, or objects with "term" and "why".
        scene: the segment.
        most: to be taken; a model may name more than it was asked for.
    """
    spots, strange = [], 0
    for number, item in enumerate(answer[: 4 * most]):
        found = _placed(text_in(item, "term", "span", "text"), scene)
        if found is None:
            strange += 1
            continue
        why = text_in(item, "why", "reason")[:80] if isinstance(item, dict) else ""
        # Before all evidence, and in the order in which they were named.
        weight = 2.0 - 0.01 * number
        spots.append(replace(found, reasons=(("generalist", why),), weight=weight))
    return chosen(spots, scene.taken)[:most], strange


def chosen(spots: Sequence[Spot], taken: Sequence[tuple[int, int]]) -> list[Spot]:
    """Return spots that neither overlap each other nor what is taken, the most doubtful first.

    Of two that overlap the longer one stays, with the reasons of both; a text that stands twice is one.
    """
    kept: list[Spot] = []
    for spot in sorted(spots, key=lambda item: (item.start - item.end, -item.weight, item.start)):
        if any(spot.meets(start, end) for start, end in taken):
            continue
        same = [
            at
            for at, other in enumerate(kept)
            if spot.meets(other.start, other.end) or _same(spot.text, other.text)
        ]
        if not same:
            kept.append(spot)
            continue
        other = kept[same[0]]
        reasons = tuple(dict.fromkeys((*other.reasons, *spot.reasons)))
        kept[same[0]] = replace(other, reasons=reasons, weight=max(other.weight, spot.weight) + 0.05)
    return sorted(kept, key=lambda item: (-item.weight, item.start))


def _same(one: str, other: str) -> bool:
    return fold(one) == fold(other)


def _placed(text: str, scene: Scene) -> Spot | None:
    """Return where a text stands as whole words in a segment, in any case."""
    wanted = [token.folded for token in term_tokens(text)]
    if not wanted or len(wanted) > 2 * LONGEST or not any(sign.isalpha() for sign in text):
        return None
    tokens = scene.tokens
    for place in range(len(tokens) - len(wanted) + 1):
        stretch = tokens[place : place + len(wanted)]
        says = any(is_content(token, scene.pair.source) or token.kind == "letter" for token in stretch)
        if says and [token.folded for token in stretch] == wanted:
            start, end = stretch[0].start, stretch[-1].end
            return Spot(start, end, scene.segment.text[start:end], (), 0.0)
    return None


def _phrases(scene: Scene, tokens: Sequence[Token], translating: Translating) -> list[Spot]:
    """Return phrases that a source has an entry for."""
    language, text = scene.pair.source, scene.segment.text
    stretches = [
        (tokens[first].start, tokens[last].end)
        for first in range(len(tokens))
        for last in range(first + 1, min(len(tokens), first + _PHRASE))
        if is_content(tokens[first], language)
        and is_content(tokens[last], language)
        and all(token.kind == "word" for token in tokens[first : last + 1])
    ]
    found = translating([text[start:end] for start, end in stretches])
    why = (("evidence", "a phrase with an entry of its own"),)
    return [
        Spot(start, end, text[start:end], why, 0.45)
        for (start, end), known in zip(stretches, found, strict=True)
        if known
    ]


def keyed(scene: Scene) -> list[tuple[str, int, int]]:
    """Return the content words of a segment, and phrases of them, each with its key and where it stands."""
    text, language = scene.segment.text, scene.pair.source
    runs: list[list[Token]] = [[]]
    for token in scene.tokens:
        if not is_content(token, language):
            runs.append([])
            continue
        if runs[-1] and text[runs[-1][-1].end : token.start] not in _JOINED:
            runs.append([])
        runs[-1].append(token)
    return [
        (key_of(text[run[first].start : run[last].end], language), run[first].start, run[last].end)
        for run in runs
        for first in range(len(run))
        for last in range(first, min(len(run), first + _LONGEST_RUN))
    ]


def _recurring(scene: Scene, counts: Counter[str]) -> list[Spot]:
    """Return phrases that other segments of the document hold too: they should be called the same there."""
    text = scene.segment.text
    return [
        Spot(start, end, text[start:end], (("evidence", "comes again in the document"),), 0.5)
        for key, start, end in keyed(scene)
        if " " in key and counts[key] >= _AGAIN
    ]


def _names(scene: Scene, tokens: Sequence[Token]) -> list[Spot]:
    """Return names and abbreviations: capitals that no sentence begins with, and letters with digits."""
    text = scene.segment.text
    words = [token for token in tokens if token.kind == "word" and token.text[0].isalpha()]
    shouted = sum(token.text[0].isupper() for token in words) > max(2, _SHOUTING * len(words))
    usual: Capitals = (
        "no" if shouted else "inside" if languages.base(scene.pair.source) in _CAPITALISING else "all"
    )
    runs: list[list[Token]] = [[]]
    for place, token in enumerate(tokens):
        opening = place == 0 or (tokens[place - 1].kind == "sign" and tokens[place - 1].text in ".!?:…")
        capitals: Capitals = "inside" if opening and usual == "all" else usual
        joined = bool(runs[-1]) and text[runs[-1][-1].end : token.start] in _JOINED
        if not (joined and _is_name(token, capitals, inside=True)):
            runs.append([])
        if _is_name(token, capitals, inside=bool(runs[-1])):
            runs[-1].append(token)
    return [_name(run, text) for run in runs if any(sign.isalpha() for token in run for sign in token.text)]


def _is_name(token: Token, capitals: Capitals, *, inside: bool) -> bool:
    """Whether a word is one of a name; `inside` one a number is too.

    Args:
        token: a unit.
        capitals: which of them tell: "all", those "inside" a word, or, where all is in capitals, "no" others than
            those that stand beside small letters or digits.
        inside: a name goes before it.
    """
    word = token.text
    if token.kind != "word" or (word.isdigit() and not inside):
        return False
    if word.isdigit():
        return True
    upper, lower = any(map(str.isupper, word)), any(map(str.islower, word))
    digits, later = any(map(str.isdigit, word)), word[1:] != word[1:].lower()
    if len(word) < 2 or not upper:
        return False
    if digits or (later and lower) or (later and capitals != "no"):
        return True
    return capitals == "all" and word[0].isupper()


def _name(run: Sequence[Token], text: str) -> Spot:
    start, end = run[0].start, run[-1].end
    return Spot(start, end, text[start:end], (("evidence", "a name or an abbreviation"),), 0.55)


def _doubts(scene: Scene, content: Sequence[Token]) -> list[tuple[Token, str, float]]:
    """Return words of which the draft is unsure, or that the specialist has left as they are and marked."""
    if scene.draft is None:
        return []
    text, words = scene.segment.text, scene.draft.words
    sure = _confidences(scene.draft, text)
    unknown = {fold(word.text.strip(".,;:!?()[]\"'")) for word in words if word.confidence == 0.0}
    found = []
    for token in content:
        if token.folded in unknown:
            found.append((token, "unknown to the specialist", 1.0))
        elif (confidence := sure.get(word_number(text, token.start))) is not None and confidence < UNSURE:
            found.append((token, f"confidence {confidence:.2f}", 1.0 - confidence))
    return found


def word_number(text: str, place: int) -> int:
    """Return which white-space word of a text a character is in, from 0."""
    inside = place > 0 and not text[place - 1].isspace()
    return len(text[:place].split()) - inside


def _confidences(draft: Draft, source: str) -> dict[int, float]:
    """Return, by the number of a word of the source, the least confidence of the draft's words aligned with it."""
    if len(draft.words) != len(draft.text.split()):
        return {}
    least: defaultdict[int, list[float]] = defaultdict(list)
    for one, other in draft.alignment:
        if other < len(draft.words) and (confidence := draft.words[other].confidence) is not None:
            least[one].append(confidence)
    count = len(source.split())
    return {one: min(values) for one, values in least.items() if one < count}


def _unlisted(scene: Scene, content: Sequence[Token]) -> list[tuple[Token, str, float]]:
    """Return words that a dictionary of lemmas does not have, where there is one of the language."""
    known = forms(scene.pair.source)
    return [
        (token, "rare: in no list of words", 0.5)
        for token in content
        if token.text.islower() and token.text.isalpha() and known.knows(token.text) is False
    ]


def _disagreeing(
    scene: Scene, content: Sequence[Token], translating: Translating, counts: Counter[str]
) -> list[tuple[Token, str, float]]:
    """Return words that come again, and of which the draft uses none of the translations that sources give.

    Of a word that comes once the draft mostly has a better one than a dictionary.
    """
    if scene.draft is None or not scene.draft.text.strip():
        return []
    words = {
        token.folded: token
        for token in content
        if counts[key_of(token.text, scene.pair.source)] >= _AGAIN and is_headword(token.text, scene.pair.source)
    }
    found = []
    for token, known in zip(words.values(), translating([token.text for token in words.values()]), strict=True):
        if known and not _akin(scene.draft.text, known, scene.pair.target):
            found.append((token, "the draft uses none of the translations that are known", 0.4))
    return found


def _akin(text: str, translations: Sequence[str], language: str) -> bool:
    """Whether a text holds one of several translations, or a word of its root: "adaptado" for "adaptar"."""
    words = [token.folded for token in tokenise(text) if token.kind == "word"]
    roots = [
        fold(item)[: max(_ROOT, round(_ROOT_SHARE * len(item)))]
        for item in translations
        if " " not in item and len(item) >= _ROOT
    ]
    return any(word.startswith(tuple(roots)) for word in words) or holds(text, translations, language)


def holds(text: str, translations: Sequence[str], language: str) -> bool:
    """Whether a text holds one of several translations, in any of their forms."""
    entries = tuple(TermEntry(item, item) for item in translations)
    return bool(TermFinder(Glossary(entries), Pair(language, language)).find(text))
