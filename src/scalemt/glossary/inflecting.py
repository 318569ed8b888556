"""Putting a term into the number that a source has it in, for languages whose plural is regular enough.

Only plurals are made, and only of terms that stand in the plural in an English source: what a verb or a case would
need is left to a generalist. The rules are those of school grammars, applied to the head of a term and to the
adjectives behind it, up to the first preposition; a term with an ending that no rule knows stays as it is, and the
checks afterwards know it again by its lemma.
"""

from __future__ import annotations

import re

from scalemt.languages import base

_LINKS = frozenset(
    "de da do das dos del du des em no na nos nas en para por com con sem sin sans a à al au aux o e y et".split()
)

# The longest ending that fits counts, each with what stands in its place; other vowels (see `_TAKE_S`) take an s.
_RULES = {
    language: tuple(tuple(rule.split(">")) for rule in rules.split())
    for language, rules in {
        "pt": "ês>eses ás>ases s>s x>x ão>ões ável>áveis ível>íveis al>ais el>éis il>is ol>óis ul>uis m>ns r>res"
        " z>zes n>nes",
        "gl": "s>s x>x al>ais el>eis ol>ois ul>uis r>res z>ces n>ns l>les",
        "es": "és>eses s>s x>x ión>iones ón>ones án>anes én>enes ín>ines ún>unes z>ces í>íes d>des l>les n>nes"
        " r>res j>jes y>yes",
        "ca": "s>s x>x ó>ons à>ans í>ins ú>uns ca>ques ga>gues ça>ces ja>ges a>es",
        "fr": "s>s x>x z>z al>aux eau>eaux eu>eux",
        "it": "ista>isti ca>che ga>ghe ia>ie a>e io>i co>ci go>ghi o>i e>i à>à ù>ù s>s",
    }.items()
}
_TAKE_S = {
    "pt": "aeiouáéíóúâêôãõ",
    "gl": "aeiouáéíóú",
    "es": "aeiouáéóú",
    "ca": "eiou",
    "fr": "abcdefghijklmnopqrtuvwyéèêàç",
}


def fitted(target: str, source: str, found: str, language: str) -> str | None:
    """Return a target term in the number in which a source has its source term; None where it cannot be told.

    Args:
        target: as the glossary has it.
        source: the source term as the glossary has it.
        found: the source term as it stands in the text.
        language: of the target.
    """
    if found.casefold() == source.casefold():
        return target
    if not _is_plural(source.casefold(), found.casefold()):
        return None
    return plural(target, language)


def _is_plural(source: str, found: str) -> bool:
    """Whether an English text has a term in the plural that the glossary has in the singular."""
    regular = {f"{source}s", f"{source}es", f"{source[:-1]}ies" if source.endswith("y") else ""}
    return found in regular


def plural(term: str, language: str) -> str | None:
    """Return the plural of a term, or None for a language without rules here.

    Args:
        term: one or several words, the head first.
        language: a tag.
    """
    rules = _RULES.get(base(language))
    if rules is None:
        return None
    words = re.findall(r"\S+|\s+", term)
    made = []
    for place, word in enumerate(words):
        if word.isspace():
            made.append(word)
            continue
        if place and (word.casefold() in _LINKS or word.casefold().startswith(("d'", "d’", "l'", "l’"))):
            return "".join([*made, *words[place:]])
        made.append(_plural_word(word, base(language)))
    return "".join(made)


def _plural_word(word: str, language: str) -> str:
    if not word.isalpha() or word.isupper():
        return word
    for ending, wanted in sorted(_RULES[language], key=lambda rule: -len(rule[0])):
        if word.endswith(ending) and len(word) > len(ending):
            return word[: -len(ending)] + wanted
    return f"{word}s" if word[-1] in _TAKE_S.get(language, "") else word
