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

# The longest ending that fits counts, each with what stands in its place; one behind an apostrophe, only in words
# that bear an accent before it. Whole words stand behind an equals sign. Other letters (see `_TAKE_S`) take an s.
_RULES = {
    language: tuple(tuple(rule.split(">")) for rule in rules.split())
    for language, rules in {
        "pt": "ês>eses ás>ases ís>íses s>s x>x ão>ões 'ão>ãos al>ais el>éis il>is ol>óis ul>uis 'el>eis 'il>eis"
        " 'ol>ois m>ns r>res z>zes n>ns =mão>mãos =irmão>irmãos =grão>grãos =cidadão>cidadãos =pão>pães =cão>cães"
        " =mal>males",
        "gl": "s>s x>x al>ais el>eis il>ís ol>ois ul>uis 'el>eles 'il>iles 'al>ales r>res z>ces n>ns =mes>meses"
        " =gas>gases",
        "es": "és>eses ás>ases aís>aíses ús>uses s>s x>x ión>iones ón>ones án>anes én>enes ín>ines ún>unes z>ces"
        " í>íes d>des l>les n>nes r>res j>jes y>yes =mes>meses =gas>gases",
        "ca": "s>s x>xos ç>ços ó>ons à>ans í>ins ú>uns ca>ques ga>gues ça>ces ja>ges qua>qües gua>gües a>es",
        "fr": "s>s x>x z>z al>aux eau>eaux eu>eux au>aux =bleu>bleus =pneu>pneus =bal>bals =festival>festivals"
        " =carnaval>carnavals =fatal>fatals =naval>navals",
        "it": "ista>isti ema>emi amma>ammi oma>omi ca>che ga>ghe ia>ie ccia>cce ggia>gge ncia>nce rcia>rce"
        " scia>sce a>e io>i co>ci cco>cchi nco>nchi sco>schi rco>rchi oco>ochi go>ghi o>i e>i à>à ù>ù s>s",
    }.items()
}
_TAKE_S = {
    "pt": "aeiouáéíóúâêôãõ",
    "gl": "aeiouáéíóú",
    "es": "aeiouáéóúbcfgkptw",
    "ca": "eiouèbcdfghjklmnpqrtvwyz",
    "fr": "abcdefghijklmnopqrtuvwyéèêàç",
}
_ACCENTED = re.compile("[áéíóúâêôàèò]")
_SPANISH_EN = re.compile("([aeiou])([^aeiouáéíóú]*en)")  # in the plural the stress is written: exámenes


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
    if language == "es" and not _ACCENTED.search(word) and (stress := _SPANISH_EN.fullmatch(word, _last(word))):
        accented = stress[1].translate(str.maketrans("aeiou", "áéíóú"))
        return f"{word[: stress.start()]}{accented}{stress[2]}es"
    for ending, wanted in sorted(_RULES[language], key=lambda rule: -len(rule[0])):
        held = ending.lstrip("'=")
        if _fits(word, ending[: -len(held)], held):
            return word[: -len(held)] + wanted if ending[0] != "=" else word[0] + wanted[1:]
    return f"{word}s" if word[-1] in _TAKE_S.get(language, "") else word


def _last(word: str) -> int:
    """Return where the last vowel before the last two letters stands, or the end where there is none."""
    return max((place for place, letter in enumerate(word[:-2]) if letter in "aeiou"), default=len(word))


def _fits(word: str, mark: str, ending: str) -> bool:
    if mark == "=":
        return word.lower() == ending
    if not word.endswith(ending) or len(word) == len(ending):
        return False
    return not mark or bool(_ACCENTED.search(word[: -len(ending)]))
