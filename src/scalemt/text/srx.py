"""Segmentation Rules eXchange: rule files that tell where sentences end, as CAT tools share them.

Source: SRX 2.0 (LISA OSCAR, 7 April 2008); files of version 1.0 are read too. At each place between two characters
the first rule counts whose `beforebreak` matches the text that ends there and whose `afterbreak` matches the text
that begins there; it says whether a sentence ends there. Where no rule matches, none ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from xml.parsers import expat

import regex

from scalemt.errors import InputError
from scalemt.text.icu_regex import translated

DEFAULT = Path(__file__).parent / "rules" / "default.srx"
"""The rules that come with scalemt, written by the project."""

# Patterns of users may be made to take for ever; this is far beyond what a paragraph needs.
_SECONDS = 20.0
_YES, _NO = "yes", "no"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Args:
        breaks: whether a sentence ends where it matches.
        before, after: patterns of what stands before and behind the place, in the syntax of the `regex` library.
        line: where it stands in its file, from 1.
    """

    breaks: bool
    before: str
    after: str
    line: int

    @property
    def pattern(self) -> str:
        """A pattern that matches nothing, at the places of the rule."""
        before = f"(?<={self.before})" if self.before else ""
        after = f"(?={self.after})" if self.after else ""
        return f"{before}{after}"


@dataclass(frozen=True)
class Rules:
    """The rules of one language, in order.

    Args:
        rules: of which the first that matches counts.
        name: of the file, for messages.
    """

    rules: tuple[Rule, ...]
    name: str = ""

    @cached_property
    def _breaking(self) -> Any:
        """What finds the places where any rule breaks: few of all places."""
        return _compiled([rule for rule in self.rules if rule.breaks])

    @cached_property
    def _deciding(self) -> Any:
        """What tells, at one place, which rule is the first: its group is named by its number."""
        return _compiled(self.rules)

    def ends(self, text: str) -> Iterator[int]:
        """Yield the offsets at which sentences end, in order, the end of the text not among them.

        Raises:
            InputError: a pattern takes longer than any text needs.
        """
        if not self._breaking.pattern:
            return
        try:
            for place in self._breaking.finditer(text, timeout=_SECONDS):
                at = place.start()
                if 0 < at < len(text) and self._breaks_at(text, at):
                    yield at
        except TimeoutError:
            raise InputError(
                f"{self.name}: a pattern took over {_SECONDS:.0f} s on one text. Look for repetitions inside "
                "repetitions, such as (a+)+, and write them with one."
            ) from None

    def _breaks_at(self, text: str, at: int) -> bool:
        found = self._deciding.match(text, at, timeout=_SECONDS)
        return found is not None and self.rules[int(found.lastgroup[1:])].breaks


def _compiled(rules: tuple[Rule, ...] | list[Rule]) -> Any:
    parts = [f"(?P<r{number}>{rule.pattern})" for number, rule in enumerate(rules)]
    return regex.compile("|".join(parts), regex.VERSION1)


@dataclass(frozen=True)
class SrxFile:
    """A rule file.

    Args:
        name: of the file, for messages.
        cascade: all language maps that fit count, one after the other; otherwise the first.
        rules: by the name of their group.
        maps: patterns of language codes, each with the name of a group, in order.
        subflows: `segmentsubflows` of the header: whether texts inside of inline codes are cut too.
        codes: `formathandle` of the header: whether a "start", "end" or "isolated" inline code that stands where a
            sentence ends belongs to that sentence.
    """

    name: str
    cascade: bool
    rules: Mapping[str, tuple[Rule, ...]]
    maps: tuple[tuple[str, str], ...]
    subflows: bool = True
    codes: Mapping[str, bool] = field(default_factory=lambda: {"start": False, "end": True, "isolated": False})

    @classmethod
    def read(cls, path: Path) -> SrxFile:
        """Read a rule file.

        Raises:
            InputError: it cannot be read, is not well-formed, or a rule is wrong; the message names line and mend.
        """
        try:
            data = path.read_bytes()
        except OSError as fault:
            raise InputError(f"{path} cannot be read: {fault.strerror or fault}.") from None
        return _Reader(path).read(data)

    def for_language(self, language: str) -> Rules:
        """Return the rules of a language; for one that no map fits there are none.

        Args:
            language: as BCP 47 has it ("pt-BR"); patterns that expect `pt_br` fit too.
        """
        fitting = [name for pattern, name in self.maps if _fits(pattern, language)]
        chosen = fitting if self.cascade else fitting[:1]
        # A group that two maps name counts where it comes first.
        return Rules(tuple(rule for name in dict.fromkeys(chosen) for rule in self.rules[name]), self.name)


def _fits(pattern: str, language: str) -> bool:
    spellings = {language, language.lower(), language.replace("-", "_"), language.lower().replace("-", "_")}
    return any(regex.fullmatch(pattern, item, regex.VERSION1) for item in spellings)


class _Reader:
    """Reads one file; nothing is fetched from outside, and no entity is expanded."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rules: dict[str, list[Rule]] = {}
        self._maps: list[tuple[str, str, int]] = []
        self._cascade: bool | None = None
        self._subflows = True
        self._codes = {"start": False, "end": True, "isolated": False}
        self._open: list[str] = []
        self._group = ""
        self._rule: dict[str, str] = {}
        self._line = 0
        self._breaks = True
        self._seen_root = False
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.EntityDeclHandler = self._entity
        self._parser = parser

    def read(self, data: bytes) -> SrxFile:
        try:
            self._parser.Parse(data, True)
        except expat.ExpatError as fault:
            raise InputError(
                f"{self._path}, line {fault.lineno}, column {fault.offset + 1}: not well-formed XML "
                f"({expat.ErrorString(fault.code)})."
            ) from None
        except (LookupError, ValueError) as fault:
            raise InputError(f"{self._path}: its encoding cannot be read as XML ({fault}).") from None
        if not self._maps:
            raise self._wrong("no languagemap tells which rules a language has", 0)
        for _, name, line in self._maps:
            if name not in self._rules:
                known = ", ".join(self._rules) or "none"
                raise self._wrong(f"the language map names the rules {name!r}; there are: {known}", line)
        return SrxFile(
            str(self._path),
            # Version 1.0 knows no cascade: the first map that fits counts.
            bool(self._cascade),
            {name: tuple(rules) for name, rules in self._rules.items()},
            tuple((pattern, name) for pattern, name, _ in self._maps),
            self._subflows,
            self._codes,
        )

    def _wrong(self, what: str, line: int | None = None) -> InputError:
        line = self._parser.CurrentLineNumber if line is None else line
        return InputError(f"{self._path}{f', line {line}' if line else ''}: {what}.")

    def _entity(self, name: str, *_: object) -> None:
        raise self._wrong(f"it declares the entity {name!r}; rule files need none, and it is not read")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        if not self._seen_root:
            self._seen_root = True
            if local != "srx":
                raise self._wrong(f"the root element is {local!r}; a rule file begins with 'srx'")
        self._open.append(local)
        if local == "header":
            self._cascade = self._told(attributes, "cascade", default=False)
            self._subflows = self._told(attributes, "segmentsubflows", default=True)
        elif local == "formathandle":
            self._handle(attributes)
        elif local == "languagerule":
            self._group = self._named(attributes, "languagerulename")
            self._rules.setdefault(self._group, [])
        elif local == "rule":
            self._rule, self._line = {}, self._parser.CurrentLineNumber
            self._breaks = self._told(attributes, "break", default=True)
        elif local in ("beforebreak", "afterbreak"):
            self._rule[local] = ""
        elif local == "languagemap":
            pattern = self._pattern(self._named(attributes, "languagepattern"), "languagepattern")
            self._maps.append(
                (pattern, self._named(attributes, "languagerulename"), self._parser.CurrentLineNumber)
            )

    def _handle(self, attributes: dict[str, str]) -> None:
        kind = attributes.get("type", "")
        if kind not in self._codes:
            raise self._wrong(f"formathandle has the type {kind!r}; expected start, end or isolated")
        self._codes[kind] = self._told(attributes, "include", default=self._codes[kind])

    def _end(self, name: str) -> None:
        local = self._open.pop()
        if local == "rule":
            before, after = (
                self._pattern(self._rule.get(part, ""), part) for part in ("beforebreak", "afterbreak")
            )
            if not before and not after:
                raise self._wrong("a rule has neither beforebreak nor afterbreak", self._line)
            if "languagerule" not in self._open:
                raise self._wrong("a rule stands outside of languagerule", self._line)
            self._rules[self._group].append(Rule(self._breaks, before, after, self._line))

    def _text(self, text: str) -> None:
        if self._open and self._open[-1] in ("beforebreak", "afterbreak"):
            self._rule[self._open[-1]] += text

    def _told(self, attributes: dict[str, str], name: str, *, default: bool) -> bool:
        value = attributes.get(name)
        if value is None:
            return default
        if value not in (_YES, _NO):
            raise self._wrong(f"{name} is {value!r}; expected yes or no")
        return value == _YES

    def _named(self, attributes: dict[str, str], name: str) -> str:
        if name not in attributes:
            raise self._wrong(f"{self._open[-1]} lacks {name}")
        return attributes[name]

    def _pattern(self, icu: str, where: str) -> str:
        made = translated(icu)
        try:
            regex.compile(f"(?<={made})" if made else "", regex.VERSION1)
        except (regex.error, RecursionError, OverflowError) as fault:
            line = self._line if where != "languagepattern" else None
            raise self._wrong(f"{where} {icu!r} is no pattern that is understood here ({fault})", line) from None
        return made


@lru_cache(maxsize=8)
def _file(path: Path, changed: int) -> SrxFile:
    return SrxFile.read(path)


@lru_cache(maxsize=256)
def _rules(path: Path, changed: int, language: str) -> Rules:
    return _file(path, changed).for_language(language)


def rules_for(language: str, path: Path = DEFAULT) -> Rules:
    """Return the rules that a file has for a language; each file is read once, and again when it changes.

    Raises:
        InputError: as `SrxFile.read`.
    """
    try:
        changed = path.stat().st_mtime_ns
    except OSError as fault:
        raise InputError(f"{path} cannot be read: {fault.strerror or fault}.") from None
    return _rules(path, changed, language)
