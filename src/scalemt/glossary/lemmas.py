"""Which words are forms of one word: by dictionaries of lemmas, by stemming rules, by what words look like.

Lemmas are those of simplemma (Barbaresi 2021, with its data), stems those of Snowball (Porter 2001). Both err,
each in its own way: simplemma takes many nouns for verbs, Snowball brings "universe" and "university" together.
Where the dictionary knows both words and gives them different lemmas, they are still forms of one word if the
stems agree and only short endings differ.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import lru_cache
from threading import Lock
from typing import Literal, Protocol

from scalemt import languages
from scalemt.glossary.tokens import fold

Kind = Literal["lemmas", "stems", "words"]

_DICTIONARIES = {"fil": "tl", "sh": "hbs", "hr": "hbs", "bs": "hbs", "no": "nb"}
_STEMMERS = {
    "ar": "arabic", "hy": "armenian", "eu": "basque", "ca": "catalan", "cs": "czech", "da": "danish",
    "nl": "dutch", "en": "english", "eo": "esperanto", "et": "estonian", "fi": "finnish", "fr": "french",
    "de": "german", "el": "greek", "hi": "hindi", "hu": "hungarian", "id": "indonesian", "ga": "irish",
    "it": "italian",
    "lt": "lithuanian", "ne": "nepali", "nb": "norwegian", "nn": "norwegian", "fa": "persian", "pl": "polish",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "st": "sesotho", "es": "spanish",
    "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip

# Languages whose endings are many and regular, and that no dictionary covers: the whole endings, after which
# two words of them are forms of one. Basque: article, number and cases. Korean: particles.
_ENDINGS = {
    "eu": frozenset(
        """
        a ak ek en ei ok ik rik an ean ra era raino tik etik ko eko z az ez n t
        aren arena arekin arentzat arengatik ari az agatik
        eta etan etara etatik etako etaz ekin entzat engatik eki
        ren rena rekin rentzat ri ra raino rako ta tan tara tatik tako
        """.split()
    )
    | {""},
    "ko": frozenset(
        """
        은 는 이 가 을 를 의 에 에서 에게 에게서 께 께서 한테 로 으로 로서 으로서 로써 으로써 와 과 도 만 까지 부터
        보다 처럼 이나 나 이라 라 들 들은 들이 들을 들의 들에 들에게 들도 이다 입니다 이며 인 이란 란
        """.split()
    )
    | {""},
}
# Where most short endings make another word ("pathogenic" of "pathogen"), those that do not.
_SHORT_ENDINGS = {"en": frozenset({"", "s", "es", "d", "ed"})}
_SHORTEST_STEM = {"ko": 2}

_LONGEST_WORD = 60  # longer ones are no words, and stemmers would take their time over them
_MOST_KEPT = 400_000
_VOWELS = frozenset("aeiouyаеёиоуыэюяієαεηιουω")


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802  # as Snowball calls it


class _Dictionary(Protocol):
    def __call__(self, word: str) -> tuple[str, bool]: ...


class Forms:
    """The forms of the words of one language; safe to use from several threads.

    Args:
        language: the first part of a canonical BCP-47 tag.
        dictionary: gives the lemma of a word, and whether it knows the word at all.
        stemmer: a Snowball stemmer.
    """

    def __init__(self, language: str, dictionary: _Dictionary | None, stemmer: _Stemmer | None) -> None:
        self._dictionary = dictionary
        self._stemmer = stemmer
        self._endings = _ENDINGS.get(language)
        self._short = _SHORT_ENDINGS.get(language, frozenset())
        self._shortest = _SHORTEST_STEM.get(language, 4)
        self._lock = Lock()  # a Snowball stemmer keeps the word that it works on
        self._lemmas: dict[str, tuple[str, bool]] = {}
        self._stems: dict[str, str] = {}
        self._same: dict[tuple[str, str], bool] = {}

    @property
    def kind(self) -> Kind:
        """What `lemma` gives: "lemmas" of a dictionary, "stems" of rules, or "words" in small letters."""
        return "lemmas" if self._dictionary else "stems" if self._stemmer else "words"

    def lemma(self, word: str) -> str:
        """Return the lemma of a word, or what stands in for it, case-folded."""
        return self._known(word)[0]

    def knows(self, word: str) -> bool | None:
        """Whether the dictionary has a word, in any case; None where there is no dictionary."""
        return self._known(word)[1] if self._dictionary else None

    def start(self, word: str) -> str:
        """Return how a word begins, by which most of its forms are found; "" for one too short to be compared."""
        plain = _bare(fold(word))
        return plain[: self._shortest] if len(plain) >= self._shortest else ""

    def same(self, one: str, other: str) -> bool:
        """Whether two words are forms of one."""
        left, right = fold(one), fold(other)
        if left == right:
            return True
        # What is kept is read once: another thread may empty it at any time.
        verdict = self._same.get((one, other))
        if verdict is None:
            _limit(self._same)
            verdict = self._same[one, other] = self._compare(one, other, left, right)
        return verdict

    def _compare(self, one: str, other: str, left: str, right: str) -> bool:
        if _bare(left) == _bare(right):
            return False  # they differ in accents alone: another word, or a misspelling
        if self._endings:
            return self._by_endings(left, right, self._endings)
        (first, sure), (second, also_sure) = self._known(one), self._known(other)
        if first == second:
            return True
        if self._dictionary and sure and also_sure:
            return _extends(left, right, self._short) and self._stem(left) == self._stem(right) != ""
        return _near(left, right, self._short) or (
            _alike(left, right) and self._stem(left) == self._stem(right) != ""
        )

    def _by_endings(self, left: str, right: str, endings: frozenset[str]) -> bool:
        shared = _shared(left, right)
        return any({left[cut:], right[cut:]} <= endings for cut in range(shared, self._shortest - 1, -1))

    def _known(self, word: str) -> tuple[str, bool]:
        found = self._lemmas.get(word)
        if found is None:
            _limit(self._lemmas)
            found = self._lemmas[word] = self._look_up(word)
        return found

    def _look_up(self, word: str) -> tuple[str, bool]:
        folded = fold(word)
        if not folded or len(folded) > _LONGEST_WORD or self._endings:
            return folded, False
        if not self._dictionary:
            return self._stem(folded) or folded, False
        # As it stands first, for German writes its nouns with a capital.
        for shape in dict.fromkeys((word, folded, folded.capitalize())):
            lemma, known = self._dictionary(shape)
            if known:
                return fold(lemma), True
        return fold(lemma) or folded, False

    def _stem(self, folded: str) -> str:
        if self._stemmer is None or len(folded) > _LONGEST_WORD:
            return ""
        stem = self._stems.get(folded)
        if stem is None:
            _limit(self._stems)
            with self._lock:
                stem = self._stems[folded] = self._stemmer.stemWord(folded)
        return stem


def _limit(kept: dict[str, str] | dict[str, tuple[str, bool]] | dict[tuple[str, str], bool]) -> None:
    if len(kept) >= _MOST_KEPT:
        kept.clear()


def _near(left: str, right: str, endings: frozenset[str] = frozenset()) -> bool:
    """Whether two words of five letters and more share all but short endings, as "máscara" and "máscaras" do.

    Of two endings both begin with a vowel: "Clara" and "Clark" are two names. An accent may come or go near the
    end, as in "ratón" and "ratones".
    """
    if min(len(left), len(right)) < 5:
        return False
    ends = _ends(left, right)
    if endings:
        return endings.issuperset(ends)
    return not all(ends) or (ends[0][0] in _VOWELS and ends[1][0] in _VOWELS and max(map(len, ends)) <= 2)


def _extends(left: str, right: str, endings: frozenset[str]) -> bool:
    """Whether one of two words is the other with a short ending."""
    ends = _ends(left, right)
    return not all(ends) and (not endings or endings.issuperset(ends))


def _ends(left: str, right: str) -> tuple[str, str]:
    """Return what two words end in after all that they share; themselves where that is too much to be endings."""
    one, other = _bare(left), _bare(right)
    shared = _shared(one, other)
    ends = one[shared:], other[shared:]
    short = shared >= 4 and max(map(len, ends)) <= 2 and _shared(left, right) >= shared - 2
    return ends if short else (one, other)


def _alike(left: str, right: str) -> bool:
    """Whether two words share so much of their beginning that their stems are worth comparing."""
    return 5 * _shared(_bare(left), _bare(right)) >= 3 * min(len(left), len(right))


def _shared(one: str, other: str) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


@lru_cache(maxsize=2**17)
def _bare(folded: str) -> str:
    """Return a word without the accents of European scripts; the vowel signs of Indian scripts are no accents."""
    if folded.isascii():
        return folded
    decomposed = unicodedata.normalize("NFD", folded)
    return unicodedata.normalize("NFC", "".join(sign for sign in decomposed if not "\u0300" <= sign <= "\u036f"))


@lru_cache(maxsize=256)
def forms(language: str) -> Forms:
    """Return the forms of a language, with the best that is installed for it.

    Args:
        language: a canonical BCP-47 tag; territory and script do not matter.
    """
    first = languages.base(language).split("-", maxsplit=1)[0] if language else ""
    return _forms(first)


@lru_cache(maxsize=64)
def _forms(first: str) -> Forms:
    return Forms(first, None if first in _ENDINGS else _dictionary(first), _stemmer(first))


def _dictionary(first: str) -> _Dictionary | None:
    try:
        import simplemma
    except ImportError:
        return None
    code = _DICTIONARIES.get(first, first)
    try:
        simplemma.is_known("a", lang=code)
    except (ValueError, KeyError, OSError):  # a language that it does not have
        return None
    lemmatize: Callable[..., str] = simplemma.lemmatize
    is_known: Callable[..., bool] = simplemma.is_known

    def look_up(word: str) -> tuple[str, bool]:
        return lemmatize(word, lang=code), is_known(word, lang=code)

    return look_up


def _stemmer(first: str) -> _Stemmer | None:
    try:
        import snowballstemmer

        stemmer: _Stemmer = snowballstemmer.stemmer(_STEMMERS[first])
    except (ImportError, KeyError):
        return None
    return stemmer
