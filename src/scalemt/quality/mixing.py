"""Code-mixing: the language of each word of a text, how mixed it is, and where it switches.

The index is that of Das and Gambäck (2014), as the sheet to Kaji and Shah (arXiv 2312.13179) gives it:
100 (1 - words of the main language / (words - words of no language)).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from scalemt import languages
from scalemt.quality.word_evidence import evidence, is_closed_class
from scalemt.types import Span

SWITCH = 1.2
"""What a switch costs, in natural-log odds: words without evidence go with their neighbours. Between 0.6,
where more single words are found, and 2.5 the accuracy on `benchmarks/code_switch` changes by two points."""

SWITCH_AT_STOP = 0.4
"""The same where punctuation stands between two words: clauses switch more freely."""

# Apostrophes, hyphens, and the Catalan middle dot hold a word together; digits alone are no word of any language.
# Vowel signs of Indian, Arabic and Thai scripts are no letters to `re`.
_LETTER = r"[^\W_\u0964\u0965]|[\u0300-\u036f\u064b-\u0652\u0900-\u0963\u0966-\u0dff\u0e31-\u0e4e]"
_WORD = re.compile(rf"(?:{_LETTER})+(?:['’·.@-](?:{_LETTER})+)*['’]?")  # as texts write it
_STOP = re.compile(r"[.,;:!?…()\[\]«»“”\"¡¿–—\n]")
_SENTENCE = re.compile(r"[.!?…:\n«“\"¡¿]\s*[¡¿«“\"(]*\s*$")


@dataclass(frozen=True, slots=True)
class TaggedWord:
    """One word where it stands; `language` is "" for names, numbers and addresses."""

    text: str
    start: int
    end: int
    language: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring words of one language, with what stands between them: `text[start:end]`.

    `words` are those of that language; words of none inside are not counted.
    """

    start: int
    end: int
    language: str
    words: int


@dataclass(frozen=True)
class Mixture:
    """A text with the language of each of its words.

    Args:
        text: as it was given.
        words: in order.
        languages: that were considered, the main one of the text's pair first.
    """

    text: str
    words: tuple[TaggedWord, ...]
    languages: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Words by language, the most first; words of none are left out."""
        return dict(Counter(word.language for word in self.words if word.language).most_common())

    @property
    def shares(self) -> dict[str, float]:
        """The share of each language among the words that have one."""
        total = sum(self.counts.values())
        return {tag: count / total for tag, count in self.counts.items()}

    @property
    def index(self) -> float:
        """The code-mixing index, 0 (one language) to below 100; two languages reach 50 at most."""
        counts = self.counts
        return 100.0 * (1 - max(counts.values()) / sum(counts.values())) if counts else 0.0

    @property
    def switches(self) -> tuple[int, ...]:
        """Where the language changes: characters at which the first word of the other one begins."""
        own = [word for word in self.words if word.language]
        return tuple(word.start for before, word in pairwise(own) if word.language != before.language)

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """The words of one language in a row; words of none belong to what stands before them."""
        found: list[Stretch] = []
        opening: int | None = None  # where words of no language open the text
        for word in self.words:
            last = found[-1] if found else None
            if not word.language:
                if last:
                    found[-1] = Stretch(last.start, word.end, last.language, last.words)
                elif opening is None:
                    opening = word.start
            elif last and last.language == word.language:
                found[-1] = Stretch(last.start, word.end, last.language, last.words + 1)
            else:
                start = word.start if opening is None else opening
                found.append(Stretch(start, word.end, word.language, 1))
                opening = None
        return tuple(found)

    @property
    def romanised(self) -> tuple[str, ...]:
        """Languages that are written in Latin letters here, and in other ones of their own."""
        latin = {word.language for word in self.words if word.language and _script(word.text) == "Latn"}
        return tuple(tag for tag in self.languages if tag in latin and is_romanisable(tag))

    @property
    def scripts(self) -> dict[str, float]:
        """The share of each script (ISO 15924) among the words that have letters."""
        counts = Counter(script for word in self.words if (script := _script(word.text)))
        return {script: count / counts.total() for script, count in counts.most_common()}

    def told(self) -> str:
        """The text with its words tagged, for people: "tengo/es un/es meeting/en"."""
        return " ".join(f"{word.text}/{word.language or '-'}" for word in self.words)


def mixture(text: str, among: Sequence[str], spans: Sequence[Span] = ()) -> Mixture:
    """Tell the language of each word of a text, by the word itself and its neighbours.

    Words are weighed by lists of closed classes, by the dictionaries of simplemma where they are installed, by
    their script, and by py3langid's features of letters; then the best path through all words is taken (Viterbi),
    on which each switch has its price.

    Args:
        text: any text.
        among: the tags of the languages that it may hold, the one that it most likely is first.
        spans: protected content, in which no words are.
    """
    tags = tuple(dict.fromkeys(languages.parse(tag) for tag in among))
    every = [match.span() for match in _WORD.finditer(text)]
    found = [place for place in every if not any(s.start < place[1] and place[0] < s.end for s in spans)]
    bare = [_is_bare(text, start, end, tags) for start, end in found]
    own = [place for place, none in zip(found, bare, strict=True) if not none]
    path = iter(_best_path(text, own, tags))
    words = [
        TaggedWord(text[start:end], start, end, "" if none else next(path))
        for (start, end), none in zip(found, bare, strict=True)
    ]
    return Mixture(text, tuple(words), tags)


def is_romanisable(tag: str) -> bool:
    """Whether a language has a script of its own beside Latin letters."""
    return native_script(tag) not in ("", "Latn")


@lru_cache(maxsize=256)
def native_script(tag: str) -> str:
    """Return the script that a language is mostly written in (ISO 15924), "" where nobody knows."""
    from langcodes import Language

    return Language.get(tag.split("-", maxsplit=1)[0]).maximize().script or ""


def _best_path(text: str, places: Sequence[tuple[int, int]], tags: Sequence[str]) -> list[str]:
    """Return the language of each word: the path with the most evidence, less the price of its switches."""
    if not places:
        return []
    scripts = {_script(text[start:end]) for start, end in places} - {"Latn"}
    native = [tag for tag in tags if native_script(tag) in scripts]
    score = [0.1, *[0.0] * (len(tags) - 1)]
    back: list[list[int]] = []
    before = 0
    for start, end in places:
        price = SWITCH_AT_STOP if _STOP.search(text, before, start) else SWITCH
        best = max(range(len(tags)), key=lambda index: score[index])
        came = [index if score[index] >= score[best] - price else best for index in range(len(tags))]
        gained = evidence(text[start:end], tags, native)
        score = [
            (score[origin] - (price if origin != index else 0.0)) + gained[index]
            for index, origin in enumerate(came)
        ]
        back.append(came)
        before = end
    at = max(range(len(tags)), key=lambda index: score[index])
    path = [at]
    for came in reversed(back[1:]):
        at = came[at]
        path.append(at)
    return [tags[index] for index in reversed(path)]


def _is_bare(text: str, start: int, end: int, tags: Sequence[str]) -> bool:
    """Whether a word is of no language: a number, an address, an acronym, a name."""
    word = text[start:end]
    if any(sign.isdigit() for sign in word) or "@" in word or text[start - 1 : start] in ("@", "#"):
        return True
    if "." in word:
        return True
    if _script(word) == "" or not word[0].isupper():
        return False
    if is_closed_class(word, tags):
        return False
    if word.isupper() and 2 <= len(word) <= 6:
        return not text.isupper()
    opens = not text[:start].strip() or bool(_SENTENCE.search(text[:start]))
    return not opens and "de" not in tags


def _script(word: str) -> str:
    """Return the script of the first letter (ISO 15924 of those that matter here), "" for none."""
    letter = next((sign for sign in word if sign.isalpha()), "")
    name = unicodedata.name(letter, "") if letter else ""
    return next((code for opening, code in _SCRIPTS if name.startswith(opening)), "Zyyy" if letter else "")


_SCRIPTS = (
    ("LATIN", "Latn"),
    ("DEVANAGARI", "Deva"),
    ("CYRILLIC", "Cyrl"),
    ("ARABIC", "Arab"),
    ("GREEK", "Grek"),
    ("BENGALI", "Beng"),
    ("GUJARATI", "Gujr"),
    ("TAMIL", "Taml"),
    ("TELUGU", "Telu"),
    ("HEBREW", "Hebr"),
    ("HANGUL", "Kore"),
    ("HIRAGANA", "Jpan"),
    ("KATAKANA", "Jpan"),
    ("CJK", "Hans"),
    ("THAI", "Thai"),
)
