"""A folder of documents as a source: parallel ones give translations, others contexts, and what is written at all.

`folder:PATH`. Files of two languages (TMX, XLIFF, PO, TSV …) are read as memories import them. Of all other
formats that scalemt reads, the language is told by the name (`guide.en.md`, `en/guide.md`), else by the text. Two
files named alike but for the language, with as many segments, are parallel; all others are texts of one language.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from scalemt import languages
from scalemt.errors import ConfigurationError, InputError, UsageError
from scalemt.formats.base import FormatOptions
from scalemt.formats.choosing import format_for
from scalemt.glossary import Glossary, TermEntry, TermFinder
from scalemt.glossary.lemmas import forms
from scalemt.glossary.tokens import tokenise
from scalemt.memory.exchange.files import SUFFIXES, read_units
from scalemt.methods.agents.sources.base import Finding, Setting, Source, SourceMissingError
from scalemt.methods.agents.sources.parallel import going_with
from scalemt.quality.language import identify
from scalemt.text import split_sentences
from scalemt.types import Pair

MOST_FILES = 500
MOST_CHARACTERS = 20_000_000
_MOST_HELD = 40  # texts that hold a term and are looked at
_MOST_CONTEXTS = 2
_LONGEST_CONTEXT = 300  # characters
_SURE = 0.5  # probability of a language from which on a text is taken to be in it
_NAMED = re.compile(r"^(?P<name>.*?)[._-](?P<code>[A-Za-z]{2,3}(?:[-_][A-Za-z]{2,4})?)$")


@dataclass(frozen=True, slots=True)
class Text:
    """A text of a document, its translation where there is one, and where it stands."""

    text: str
    place: str
    translation: str = ""


@dataclass
class Shelf:
    """Texts of one language, found by the lemmas of their words."""

    language: str
    texts: list[Text] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._forms = forms(self.language)
        self._by_lemma: defaultdict[str, list[int]] = defaultdict(list)

    def add(self, text: Text) -> None:
        """Take in a text."""
        for lemma in self._lemmas(text.text):
            self._by_lemma[lemma].append(len(self.texts))
        self.texts.append(text)

    def holding(self, term: str) -> list[Text]:
        """Return the texts that hold a term, in any of its forms."""
        rows = [self._by_lemma.get(lemma, []) for lemma in self._lemmas(term)]
        if not rows:
            return []
        shared = set(rows[0]).intersection(*rows[1:])
        finder = TermFinder(Glossary((TermEntry(term, term),)), Pair(self.language, self.language))
        return [self.texts[number] for number in sorted(shared) if finder.find(self.texts[number].text)]

    def _lemmas(self, text: str) -> set[str]:
        return {
            self._forms.lemma(token.text) if token.kind == "word" else token.folded
            for token in tokenise(text)
            if token.kind in ("word", "letter")
        }


class FolderSource(Source):
    """What the documents of a folder say; files that cannot be read are passed over, and named in `faults`."""

    trust = 0.7

    def __init__(self, setting: Setting, argument: str = "") -> None:
        if not argument:
            raise ConfigurationError("The source folder must be told which: write folder:PATH.")
        self._root = Path(argument)
        if not self._root.is_dir():
            raise SourceMissingError(f"{self._root} is not a folder. Give the path of a folder of documents.")
        self._pair = setting.pair
        self.sources, self.targets = Shelf(setting.pair.source), Shelf(setting.pair.target)
        self._faults: list[str] = []
        self.name = f"folder {self._root.name or self._root}"
        self._read()
        self.faults = tuple(self._faults)
        if not self.sources.texts and not self.targets.texts:
            told = f" {self._faults[0]}" if self._faults else ""
            raise SourceMissingError(f"{self._root} holds no text in either language of {setting.pair}.{told}")

    @property
    def signature(self) -> str:
        """The name, the number of texts, and a hash over them."""
        digest = blake2b(digest_size=4)
        for item in (*self.sources.texts, *self.targets.texts):
            digest.update(f"{item.text}\0{item.translation}\0".encode("utf-8", "surrogatepass"))
        return f"{super().signature}[{len(self.sources.texts)}+{len(self.targets.texts)}.{digest.hexdigest()}]"

    def look_up(self, terms: Sequence[str]) -> list[list[Finding]]:
        """Return what parallel texts suggest for each term, and sentences that hold it."""
        return [self._findings(term) for term in terms]

    def _findings(self, term: str) -> list[Finding]:
        held = self.sources.holding(term)[:_MOST_HELD]
        parallel = [item for item in held if item.translation]
        known = {item.place for item in held}
        others = [item.translation for item in self.sources.texts if item.translation and item.place not in known]
        places = ", ".join(item.place for item in parallel[:3])
        phrases = going_with([item.translation for item in parallel], others, self._pair.target)
        found = [Finding("translation", phrase, places) for phrase in phrases]
        return found + [
            Finding("context", item.text[:_LONGEST_CONTEXT], item.place)
            for item in sorted(held, key=lambda item: _tells_little(item.text, term))[:_MOST_CONTEXTS]
        ]

    def attested(self, translations: Sequence[str]) -> list[int]:
        """Return how many sentences of the target language hold each translation."""
        return [len(self.targets.holding(text)) for text in translations]

    def _read(self) -> None:
        single: dict[tuple[str, str], tuple[str, list[Text]]] = {}
        room = MOST_CHARACTERS
        for path in self._files():
            where = str(path.relative_to(self._root))
            try:
                if path.suffix.lower() in SUFFIXES:
                    room -= self._add_units(path, where)
                else:
                    language, texts = self._monolingual(path, where)
                    single[_series(path), language] = (where, texts)
                    room -= sum(len(item.text) for item in texts)
            except (InputError, UsageError, ValueError) as fault:
                self._faults.append(f"{where}: {fault}")
            if room < 0:
                self._faults.append(f"{where}: {MOST_CHARACTERS} characters are read; what follows is left out.")
                break
        for (name, language), (_, texts) in single.items():
            if language == self._pair.source:
                # Asked about one language alone, a text is no translation of itself.
                other = self._pair.target if self._pair.target != self._pair.source else ""
                self._add(texts, single.get((name, other), ("", []))[1])
            elif language:
                for item in texts:
                    self.targets.add(item)

    def _files(self) -> Iterator[Path]:
        files = sorted(path for path in self._root.rglob("*") if path.is_file() and not path.name.startswith("."))
        if len(files) > MOST_FILES:
            self._faults.append(f"{self._root}: of {len(files)} files the first {MOST_FILES} are read.")
        yield from files[:MOST_FILES]

    def _add_units(self, path: Path, where: str) -> int:
        size = 0
        for number, unit in enumerate(read_units(path, source=self._pair.source, target=self._pair.target), 1):
            place = f"{where}, unit {number}"
            self.sources.add(Text(unit.source, place, unit.target))
            self.targets.add(Text(unit.target, place))
            size += len(unit.source) + len(unit.target)
            if size > MOST_CHARACTERS:
                break
        return size

    def _monolingual(self, path: Path, where: str) -> tuple[str, list[Text]]:
        """Return which language of the pair a document is in, "" for neither, and its segments."""
        segments = list(format_for(path).read(path, FormatOptions()))
        language = self._told(path) or self._looks_like(" ".join(item.text for item in segments[:50]))
        return language, [Text(item.text, f"{where}, {item.id}") for item in segments]

    def _told(self, path: Path) -> str:
        named = _NAMED.match(path.stem)
        for code in filter(None, (named["code"] if named else "", path.parent.name)):
            tag = languages.find(code)
            for wanted in self._pair if tag else ():
                if languages.base(tag or "") == languages.base(wanted):
                    return wanted
        return ""

    def _looks_like(self, text: str) -> str:
        known = identify(text[:4000])
        chances = {tag: known.get(languages.base(tag).split("-")[0], 0.0) for tag in self._pair}
        best = max(chances, key=lambda tag: chances[tag])
        return best if chances[best] >= _SURE else ""

    def _add(self, sources: Sequence[Text], targets: Sequence[Text]) -> None:
        if len(sources) == len(targets):
            for one, other in zip(sources, targets, strict=True):
                self.sources.add(Text(one.text, one.place, other.text))
            return
        for item in sources:
            # Without a translation beside it nothing ties it to a whole segment: sentences say more.
            for sentence, _ in split_sentences(item.text, self._pair.source):
                self.sources.add(Text(sentence, item.place))


def _series(path: Path) -> str:
    """Return what two files have in common that differ in the language alone."""
    named = _NAMED.match(path.stem)
    if named and languages.find(named["code"]):
        return str(path.with_name(named["name"] + path.suffix))
    if languages.find(path.parent.name):
        return str(path.parent.parent / path.name)
    return str(path)


def _tells_little(text: str, term: str) -> tuple[bool, int]:
    """Rank sentences: those that begin with the term define it most often; short ones are quicker to read."""
    return term.casefold() not in text[: len(term) + 4].casefold(), len(text)
