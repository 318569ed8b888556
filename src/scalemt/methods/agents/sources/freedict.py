"""FreeDict: free bilingual dictionaries, as the Debian packages `dict-freedict-XXX-YYY` install them.

`freedict` looks in dictd's folder for the dictionary of a pair and for that of the opposite direction;
`freedict:FOLDER` looks in another folder, for files of the same names (`freedict-eng-por.index`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scalemt import languages
from scalemt.glossary.lemmas import forms
from scalemt.glossary.tokens import fold
from scalemt.methods.agents.sources.base import Finding, Setting, Source, SourceMissingError
from scalemt.methods.agents.sources.dictd import Dictionary
from scalemt.types import Pair

FOLDER = Path("/usr/share/dictd")
_NUMBERED = re.compile(r"(\d{1,3})\.(?:\s+|$)")
_ASIDE = re.compile(r"\{[^{}]*\}|<[^<>]*>|\([^()]*\)")
_LABEL = re.compile(r"\[([^\[\]]*)\]")
_NO_TRANSLATION = re.compile(
    r"\s*(?:see|see also|note|synonyms?|antonyms?|example|cf)\b\.?:|\s*[\"“]|\s*\(.*\)\s*$", re.I
)
_VERSION = re.compile(r"ver\. ?(\S+)|Edition: (\S+)")


@dataclass(frozen=True, slots=True)
class Sense:
    """One numbered meaning of an entry; `label` is a field that it belongs to, where the entry says one."""

    number: int
    translations: tuple[str, ...]
    label: str = ""


class FreeDictSource(Source):
    """Translations by sense; the dictionary of the opposite direction tells what a translation is, back again."""

    trust = 0.6
    quick = True

    def __init__(self, setting: Setting, argument: str = "") -> None:
        folder = Path(argument) if argument else FOLDER
        index, opposite = _index(setting.pair, folder), _index(setting.pair.reversed, folder)
        if index is None:
            raise SourceMissingError(_missing(setting.pair, folder, standard=not argument))
        self._dictionary = Dictionary(index)
        self._opposite = Dictionary(opposite) if opposite else None
        self._forms = forms(setting.pair.source)
        self._target_forms = forms(setting.pair.target)
        self.name = " ".join(part for part in (index.stem, _version(self._dictionary)) if part)

    def look_up(self, terms: Sequence[str]) -> list[list[Finding]]:
        """Return the translations of each term, or, where it has no entry, of its lemma."""
        return [self._findings(term) for term in terms]

    def _findings(self, term: str) -> list[Finding]:
        for headword in _headwords(term, self._forms.lemma):
            found = [
                Finding("translation", text, f"{headword}, {sense.number}", _named(sense))
                for entry in self._dictionary.entries(headword)
                for sense in senses(entry)
                for text in sense.translations
            ]
            if found:
                return found
        return []

    def back(self, translations: Sequence[str]) -> list[list[str]]:
        """Return what the dictionary of the opposite direction says of each translation."""
        return [self._backwards(text) for text in translations]

    def _backwards(self, translation: str) -> list[str]:
        if self._opposite is None:
            return []
        found: list[str] = []
        for headword in _headwords(translation, self._target_forms.lemma):
            for entry in self._opposite.entries(headword):
                found += [text for sense in senses(entry) for text in sense.translations]
        return list(dict.fromkeys(found))


def senses(entry: str) -> list[Sense]:
    """Return the meanings of an entry as dictfmt prints FreeDict's TEI: what is no translation is left out.

    The first line holds the headword with its pronunciation and grammar. Lines that begin with a number open a
    sense; examples, notes and references are told by how they begin or by how far they are indented.
    """
    rows: dict[int, list[str]] = {}
    labels: dict[int, str] = {}
    number = 1
    for line in entry.split("\n")[1:]:
        opened = _NUMBERED.match(line)
        number = int(opened[1]) if opened else number
        said = line[opened.end() :] if opened else line
        if _NO_TRANSLATION.match(said) or (not opened and line.startswith("   ")):
            continue
        if (label := _LABEL.search(said)) and number not in labels:
            labels[number] = label[1].strip()
        rows.setdefault(number, []).extend(_translations(said))
    return [
        Sense(number, tuple(dict.fromkeys(texts)), labels.get(number, ""))
        for number, texts in rows.items()
        if texts
    ]


def _translations(line: str) -> Iterator[str]:
    plain = _LABEL.sub(" ", _ASIDE.sub(" ", line))
    for part in re.split(r"[,;،、]", plain):
        text = " ".join(part.split()).strip(" .:")
        if any(sign.isalpha() for sign in text):
            yield text


def _named(sense: Sense) -> str:
    return f"sense {sense.number}" + (f" ({sense.label})" if sense.label else "")


def _headwords(term: str, lemma: Callable[[str], str]) -> list[str]:
    """Return under what a term may stand: as it is, its last word as a lemma, each word as a lemma."""
    words = fold(term).split()
    if not words:
        return []
    last = [*words[:-1], lemma(words[-1])]
    return list(dict.fromkeys((" ".join(words), " ".join(last), " ".join(map(lemma, words)))))


def _index(pair: Pair, folder: Path) -> Path | None:
    """Return the index of the dictionary of a pair, territory and script aside."""
    wanted = tuple(languages.base(tag).split("-")[0] for tag in pair)
    for path in sorted(folder.glob("freedict-???-???.index")) if folder.is_dir() else ():
        _, source, target = path.stem.split("-")
        # FreeDict names individual languages (swh, nob) where tags have macrolanguages.
        if tuple(languages.find(code) for code in (source, target)) == wanted:
            return path
    return None


def _version(dictionary: Dictionary) -> str:
    for headword in ("00databaseshort", "00-database-short", "00databaseinfo"):
        for entry in dictionary.entries(headword):
            if found := _VERSION.search(entry):
                return found[1] or found[2]
    return ""


def _missing(pair: Pair, folder: Path, *, standard: bool) -> str:
    name = f"freedict-{languages.to_iso3(pair.source)}-{languages.to_iso3(pair.target)}"
    said = f"There is no FreeDict dictionary of {pair} in {folder}."
    if not standard:
        return f"{said} It would be called {name}.index, with {name}.dict.dz beside it."
    return f"{said} `apt-cache search dict-freedict` lists those of Debian; this one would be called dict-{name}."
