"""Which regional variety a text is in, and how formally it addresses people: judged by rules, without a model.

The rules are the lists of `data/attributes.toml`, which says what each kind of mark is and how ambiguous forms are
treated. A text without marks has no verdict: a variety shows only where a sentence holds something that differs,
formality only where somebody is addressed (Garcia et al., ICML 2023; compare lexical accuracy in FRMT, Riley et
al., TACL 2023, and matched accuracy in CoCoA-MT, Nădejde et al., Findings of NAACL 2022).
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import chain
from typing import Any, Literal

from scalemt import languages

Attribute = Literal["variety", "formality"]

_TOKEN = re.compile(r"[^\W\d_]+")
_SENTENCE_END = frozenset('.!?…:¿¡"“”„«»\n\u2028*•')
_CLAUSE_END = frozenset(";([|")
# What follows a quotation goes on with the sentence around it: "…", writes the historian.
_QUOTED = re.compile(r"[”\"»“]\s*[,–—]")
_SURE = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the marks of a text say.

    Args:
        value: the value with most votes; None when nothing marks the text, or the votes tie.
        votes: votes by value, of the values that have any.
        markers: the marks that were counted, as they stand in the text, in its order.
    """

    value: str | None
    votes: dict[str, int]
    markers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    """A word and where it stands; `clause` also holds where a sentence opens, `comma` after a comma."""

    text: str
    raw: str
    start: int
    end: int
    sentence: bool
    clause: bool
    comma: bool


@dataclass(frozen=True, slots=True)
class _Marks:
    """The marks of one value, compiled; see the head of attributes.toml."""

    value: str
    words: Mapping[str, int]
    inner: frozenset[str]
    openers: frozenset[str]
    skips: frozenset[str]
    not_before: tuple[str, ...]
    endings: tuple[str, ...]
    not_endings: frozenset[str]
    patterns: tuple[tuple[re.Pattern[str], int], ...]
    cancelled_by: tuple[re.Pattern[str], ...]


@dataclass(frozen=True, slots=True)
class _Rules:
    """The rules of one attribute in one language."""

    marks: tuple[_Marks, ...]
    ignored: tuple[re.Pattern[str], ...]
    leads: frozenset[str]
    enclitics: tuple[str, ...]


_Vote = tuple[int, str, int, str]
"""Where it stands, for which value, how many votes, and what stands there."""


def variety_of(text: str, language: str) -> Verdict:
    """Judge which regional variety of its language a text is in: words, spelling, syntax.

    Args:
        text: any text.
        language: canonical tag of its language; the territory is not asked. One without rules gives no verdict.

    Returns:
        A verdict whose value is the tag of a variety (`pt-PT`).
    """
    return _judge(text, "variety", languages.base(language), "")


def formality_of(text: str, language: str) -> Verdict:
    """Judge whether a text addresses people formally: pronouns, possessives, verbs, formulas of courtesy.

    Args:
        text: any text.
        language: canonical tag of its language. The territory counts: "você" is informal in pt-BR and polite in
            pt-PT. Without one it is read off the text's own marks, or else is the one that the language's name
            stands for alone (CLDR likely subtags). A language without rules gives no verdict.

    Returns:
        A verdict whose value is "formal" or "informal".
    """
    base = languages.base(language)
    if language == base:
        language = variety_of(text, base).value or _likely(base)
    return _judge(text, "formality", base, language)


def judged_languages(attribute: Attribute) -> list[str]:
    """Return the languages that the rules can judge for an attribute, as tags without territory, sorted."""
    return sorted(tag for tag, table in _tables().items() if attribute in table and tag == languages.base(tag))


def _judge(text: str, attribute: Attribute, base: str, territory: str) -> Verdict:
    rules = _rules(attribute, base, territory)
    if rules is None:
        return Verdict(None, {}, ())
    text = text.replace("’", "'")
    for pattern in rules.ignored:
        text = pattern.sub(lambda found: "=" * len(found[0]), text)
    tokens = list(_tokens(text))
    found = sorted(chain.from_iterable(_votes(text, tokens, marks, rules) for marks in rules.marks))
    votes: dict[str, int] = {}
    for _, value, weight, _ in found:
        votes[value] = votes.get(value, 0) + weight
    most = max(votes.values(), default=0)
    leading = [value for value, count in votes.items() if count == most]
    return Verdict(leading[0] if len(leading) == 1 else None, votes, tuple(marker for *_, marker in found))


def _tokens(text: str) -> Iterator[_Token]:
    end = 0
    for match in _TOKEN.finditer(text):
        gap = text[end : match.start()]
        sentence = not end or (not _SENTENCE_END.isdisjoint(gap) and not _QUOTED.search(gap))
        clause = sentence or not _CLAUSE_END.isdisjoint(gap)
        yield _Token(match[0].lower(), match[0], match.start(), match.end(), sentence, clause, "," in gap)
        end = match.end()


def _votes(text: str, tokens: Sequence[_Token], marks: _Marks, rules: _Rules) -> Iterator[_Vote]:
    if any(pattern.search(text) for pattern in marks.cancelled_by):
        return
    counted = set()
    opening = _opening(tokens, marks, rules.leads) if marks.openers else set()
    for place, token in enumerate(tokens):
        weight = _word_weight(token, marks)
        if not weight and place in opening and not text.startswith(marks.not_before, token.end):
            weight = int(not marks.openers.isdisjoint(_bare_forms(token.text, rules.enclitics)))
        if weight:
            counted.add((token.start, token.end))
            yield token.start, marks.value, weight, token.raw
    for pattern, weight in marks.patterns:
        for match in pattern.finditer(text):
            if match.span() not in counted:
                yield match.start(), marks.value, weight, match[0].strip()


def _word_weight(token: _Token, marks: _Marks) -> int:
    if token.text in marks.words:
        return marks.words[token.text]
    if token.raw in marks.inner and not token.sentence:
        return _SURE
    # Names end as they like: Martínez, Fernandez, Satanás.
    name = token.raw[0].isupper() and not token.sentence
    ends = bool(marks.endings) and token.text.endswith(marks.endings) and token.text not in marks.not_endings
    return int(ends and not name and token.text not in marks.endings)


def _opening(tokens: Sequence[_Token], marks: _Marks, leads: frozenset[str]) -> set[int]:
    """Return the places where an imperative may stand: where a clause opens, also behind words to be skipped.

    After a comma only where a sentence opened with a lead ("Se quiser, ligue"), for enumerations have commas too.
    """
    places = set()
    skipping = led = False
    for place, token in enumerate(tokens):
        if token.sentence:
            led = token.text in leads
        if token.clause or skipping or (led and token.comma):
            places.add(place)
            skipping = token.text in marks.skips
    return places


def _bare_forms(word: str, enclitics: tuple[str, ...]) -> set[str]:
    """Return a word, and what it is without the pronouns written onto it and their accent: dígamelo -> diga."""
    forms = {word}
    for _ in range(2):
        for form in tuple(forms):
            forms |= {form[: -len(end)] for end in enclitics if form.endswith(end) and len(form) > len(end) + 1}
    return forms | {_plain(form) for form in forms - {word}}


def _plain(word: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFD", word) if not unicodedata.combining(sign))


@lru_cache(maxsize=1)
def _tables() -> dict[str, Any]:
    return tomllib.loads((files("scalemt.quality") / "data" / "attributes.toml").read_text("utf-8"))


@lru_cache(maxsize=256)
def _likely(base: str) -> str:
    import langcodes

    return f"{base}-{langcodes.Language.get(base).maximize().territory}"


@lru_cache(maxsize=64)
def _rules(attribute: Attribute, base: str, territory: str) -> _Rules | None:
    """Compile the rules of a language, with those that its territory adds; None where it has none."""
    table = _tables().get(base, {})
    if attribute not in table:
        return None
    parts = [table[attribute], _tables().get(territory, {}).get(attribute, {})]
    columns = table[attribute].get("columns", [])
    values = sorted({value for part in parts for value, marks in part.items() if isinstance(marks, dict)})
    compiled = []
    for value in values:
        column = [row[columns.index(value)] for row in parts[0]["pairs"]] if value in columns else []
        compiled.append(_compiled(value, [part[value] for part in parts if value in part], column))
    return _Rules(
        tuple(compiled),
        tuple(re.compile(pattern) for pattern in table.get("ignored", [])),
        frozenset(table.get("leads", "").split()),
        tuple(table.get("enclitics", "").split()),
    )


def _compiled(value: str, tables: Sequence[Mapping[str, Any]], column: Sequence[str]) -> _Marks:
    def words(key: str) -> list[str]:
        return [form for table in tables for entry in table.get(key, "").split() for form in _expanded(entry)]

    def listed(key: str) -> list[str]:
        return [item for table in tables for item in table.get(key, [])]

    weights = dict.fromkeys(words("words"), 1) | dict.fromkeys(words("sure"), _SURE)
    for entry in chain.from_iterable(cell.split() for cell in column):
        weights |= dict.fromkeys(_expanded(entry.removeprefix("~")), 1 if entry.startswith("~") else _SURE)
    phrases = {form: weight for form, weight in weights.items() if not _TOKEN.fullmatch(form)}
    patterns = [(pattern, _SURE) for pattern in listed("patterns")] + [(pattern, 1) for pattern in listed("hints")]
    patterns += [(_phrase_pattern(phrases, weight), weight) for weight in sorted(set(phrases.values()))]
    return _Marks(
        value,
        {form: weight for form, weight in weights.items() if form not in phrases},
        frozenset(words("inner")),
        frozenset(words("openers")),
        frozenset(words("skips")),
        tuple(listed("not_before")),
        tuple(words("endings")),
        frozenset(words("not_endings")),
        tuple((re.compile(pattern), weight) for pattern, weight in patterns),
        tuple(re.compile(pattern) for pattern in listed("cancelled_by")),
    )


def _expanded(entry: str) -> list[str]:
    """Return the forms that an entry stands for: "casa(s)_de_banho" -> casa de banho, casas de banho."""
    entry = entry.replace("_", " ")
    return sorted({re.sub(r"\([^)]*\)", "", entry), entry.replace("(", "").replace(")", "")})


def _phrase_pattern(phrases: Mapping[str, int], weight: int) -> str:
    chosen: Iterable[str] = (form for form, own in phrases.items() if own == weight)
    return rf"(?i)\b(?:{'|'.join(re.escape(form) for form in sorted(chosen, key=len, reverse=True))})\b"
