"""Words that say what a text is about, lines of notes, and how much two texts have in common."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from scalemt.glossary.lemmas import forms
from scalemt.glossary.tokens import tokenise
from scalemt.methods.agents.words import is_content
from scalemt.text import split_sentences

_BULLET = re.compile(r"^\s*(?:[-*•–]|\(?\d{1,2}[.)])\s+")
_BOLD = re.compile(r"\*\*|__|^#+\s*|`")
_PAIR = re.compile(r"^(?P<term>[^=→]{1,60}?)\s*(?:=|→)\s*(?P<said>[^=→]{1,120})$")
_BREAKS = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
# Terms have four letters or more, but "new" says something as well: of words of three letters only those that are
# known to say nothing are left out.
_SHORT = 3
_FUNCTION = frozenset(
    """
    the and for are was has had its not but you all any can her his him our out she too who how why did may per via
    que uma uns dos das com por não são foi ele ela seu sua nos nas aos mas sem los las una del con sus más les des
    est sur par pas qui ses aux der die das und ist den dem ein von mit für als sie auf aus bei nur zum zur wie
    """.split()
)
# What models say in the place of a note. Only whole openings: a note may well be about an assistant.
_NOTHING = re.compile(
    r"^(?:as an ai\b|i (?:do not|don't|cannot|can't|am unable|am sorry)\b|i'm (?:sorry|unable|not sure)\b|sorry\b"
    r"|(?:there is )?(?:nothing|none|no (?:notes?|background|information))"
    r"(?: (?:is )?(?:needed|known|available))?\W*$"
    r"|n/?a\W*$|unknown\W*$|(?:sure|of course|certainly|here (?:are|is))\b.{0,80}:$)",
    re.IGNORECASE,
)


def words_of(text: str, languages: Iterable[str]) -> frozenset[str]:
    """Return the lemmas of the words that say something in a text of one of several languages.

    Of scripts without spaces, pairs of letters take the place of words.
    """
    tags = tuple(dict.fromkeys(languages))
    tokens = tokenise(text)
    found: set[str] = set()
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.kind == "letter":
            if before is not None and before.kind == "letter":
                found.add(before.folded + token.folded)
        elif token.kind == "word" and token.text[0].isdigit():
            found.add(token.folded)
        elif token.kind == "word" and (
            all(is_content(token, tag) for tag in tags)
            or (len(token.text) == _SHORT and token.folded not in _FUNCTION)
        ):
            found.update(forms(tag).lemma(token.text) for tag in tags)
    return frozenset(found)


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the cosine of two sets of words, 0 to 1."""
    return len(one & other) / math.sqrt(len(one) * len(other)) if one and other else 0.0


def pair_in(line: str) -> tuple[str, str] | None:
    """Return the term and the translation of a line `term = translation`, None where it is none."""
    found = _PAIR.match(line)
    return (found["term"].strip(), found["said"].strip()) if found else None


def lines_of(text: str, language: str) -> list[str]:
    """Return a text as lines: those that it has, without bullets; what is longer by its sentences."""
    found = []
    for row in _BREAKS.split(text):
        line = " ".join(_BOLD.sub("", _BULLET.sub("", row)).split())
        if not line:
            continue
        if pair_in(line):
            found.append(line)
        else:
            found += [sentence.strip() for sentence, _ in split_sentences(line, language)]
    return [line for line in found if line]


def says_nothing(line: str) -> bool:
    """Whether a line is what models write where they have nothing to say."""
    return not any(sign.isalnum() for sign in line) or _NOTHING.match(line) is not None
