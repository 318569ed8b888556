"""Banks of demonstrations whose targets all show one regional variety, one formality, or one of both.

Five examples that show an attribute are enough for a generalist to follow it, without labels or training, and
only if every one shows it (Garcia et al., ICML 2023, "The unreasonable effectiveness of few-shot learning for
machine translation", on regional varieties and formality). A bank therefore never mixes values.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from scalemt import languages
from scalemt.drafts import draft_from_json
from scalemt.errors import ConfigurationError, InputError, UnknownLanguageError, UnknownNameError
from scalemt.lines import read_jsonl
from scalemt.types import Demonstration, Draft, Pair

FORMALITIES = ("formal", "informal", "neutral")
"""How a target addresses people; "neutral": nobody, or in a form that serves for both."""


@dataclass(frozen=True, slots=True)
class BankEntry:
    """One demonstration and what its target shows; an attribute that nobody stated is an empty string.

    Args:
        source, target: the two texts.
        pair: the languages of the texts, without territories (`en`, `pt`).
        variety: canonical tag of the target's regional variety (`pt-PT`).
        formality: one of `FORMALITIES`.
        drafts: what specialists made of the source, where known.
    """

    source: str
    target: str
    pair: Pair
    variety: str = ""
    formality: str = ""
    drafts: tuple[Draft, ...] = ()


@dataclass(frozen=True)
class AttributeBank:
    """Entries of any pairs and values, from which one prompt's worth of a single value is taken.

    Args:
        entries: all of them, in the order in which they are shown.
        name: what messages call the bank.
    """

    entries: tuple[BankEntry, ...]
    name: str = "The packaged bank"

    def varieties(self, pair: Pair) -> list[str]:
        """Return the regional varieties that targets of the pair show, sorted."""
        return sorted({entry.variety for entry in self._of(pair)} - {""})

    def formalities(self, pair: Pair) -> list[str]:
        """Return the formalities that targets of the pair show, sorted."""
        return sorted({entry.formality for entry in self._of(pair)} - {""})

    def select(self, pair: Pair, *, variety: str = "", formality: str = "") -> list[BankEntry]:
        """Return the entries of a pair whose targets show all wanted values; empty where there are none.

        Args:
            pair: its territories say nothing here: `wanted_variety` reads them.
            variety, formality: "" takes any value.
        """
        return [
            entry
            for entry in self._of(pair)
            if variety in ("", entry.variety) and formality in ("", entry.formality)
        ]

    def demonstrations(self, pair: Pair, *, variety: str = "", formality: str = "") -> list[Demonstration]:
        """Return the entries that show all wanted values as demonstrations.

        Without a wanted formality, sources that the bank has in several are left out where it has others: a prompt
        would show one sentence twice, addressed in two ways.

        Raises:
            ConfigurationError: the variety is not one of the target language, nothing is wanted, or the bank has
                nothing for the pair, no such attribute, or no entry that shows both values together.
            UnknownNameError: the bank does not know the value; the message lists those that it has.
        """
        _refuse_unknown(formality)
        if not variety and not formality and pair.target == languages.base(pair.target):
            raise ConfigurationError(
                f"A bank for {pair} was asked for without a value. Name a variety or a formality. "
                f"{self._said(pair)}"
            )
        variety = self.wanted_variety(pair, variety)
        found = self.select(pair, variety=variety, formality=formality)
        if not found:
            raise self._missing(pair, variety, formality)
        if not formality:
            found = _without_contrasts(found)
        return [Demonstration(entry.source, entry.target, entry.drafts) for entry in found]

    def wanted_variety(self, pair: Pair, variety: str = "") -> str:
        """Return the canonical tag of the variety that a request means, "" where any will do.

        A target with a territory (`pt-PT`) asks for that variety if the bank knows varieties; one without, where
        the bank holds several, for the one that the language's name alone stands for (`pt` is `pt-BR`, CLDR likely
        subtags): taking all would mix them.

        Raises:
            ConfigurationError: not a language code, of another language than the target, or another variety than
                the target's own territory says.
        """
        held = self.varieties(pair)
        if variety:
            return _checked_variety(pair, variety)
        if pair.target != languages.base(pair.target):
            return pair.target if held else ""
        return _likely_variety(pair.target) if len(held) > 1 else ""

    def _of(self, pair: Pair) -> list[BankEntry]:
        wanted = _bare(pair)
        return [entry for entry in self.entries if entry.pair == wanted]

    def _said(self, pair: Pair) -> str:
        if not self._of(pair):
            known = sorted({str(entry.pair) for entry in self.entries})
            return f"{self.name} has nothing for {_bare(pair)}; it has: {', '.join(known) or 'no pair'}."
        return (
            f"{self.name} has for {_bare(pair)} the varieties {', '.join(self.varieties(pair)) or 'none'} "
            f"and the formalities {', '.join(self.formalities(pair)) or 'none'}."
        )

    def _missing(self, pair: Pair, variety: str, formality: str) -> ConfigurationError | UnknownNameError:
        held = [("variety", variety, self.varieties(pair)), ("formality", formality, self.formalities(pair))]
        for kind, value, choices in held:
            if value and choices and value not in choices:
                return UnknownNameError(f"bank of a {kind} for {_bare(pair)}", value, choices)
        wanted = " and ".join(value for _, value, _ in held if value)
        return ConfigurationError(f"There are no demonstrations for {pair} that are {wanted}. {self._said(pair)}")


def packaged_bank(pair: Pair, *, variety: str = "", formality: str = "") -> list[Demonstration]:
    """Return the project's own demonstrations whose targets show all wanted values, without drafts.

    Args:
        pair: the direction; a territory of its target is a wanted variety.
        variety: tag of a regional variety of the target language, "" for that of the pair.
        formality: one of `FORMALITIES`, "" for any.

    Raises:
        ConfigurationError: the variety is not one of the target language, nothing is wanted, or there is nothing
            for the pair or for both values together; the message says what there is.
        UnknownNameError: the bank does not know the value; the message lists those that it has for the pair.
    """
    return _packaged().demonstrations(pair, variety=variety, formality=formality)


def varieties(pair: Pair) -> list[str]:
    """Return the regional varieties that the project has a bank of for a pair."""
    return _packaged().varieties(pair)


def formalities(pair: Pair) -> list[str]:
    """Return the formalities that the project has a bank of for a pair."""
    return _packaged().formalities(pair)


def load_bank(
    path: str | Path,
    pair: Pair,
    variety: str = "",
    formality: str = "",
    notice: Callable[[str], None] | None = None,
) -> list[Demonstration]:
    """Read the demonstrations of a user's file whose targets show all wanted values.

    The file is JSON Lines: `{"source", "target", "variety"?, "formality"?, "drafts"?}`, all of one pair. Entries
    that state no value, or another one, are left out.

    Args:
        path: the file.
        pair: the direction of its entries.
        variety, formality: the wanted values, "" for any.
        notice: is told how many entries were left out, where some were.

    Raises:
        ConfigurationError: the variety is not one of the target language, or the formality is none.
        InputError: not such a file, or no entry shows what is wanted; the message says what the file has.
    """
    entries = [_entry(value, pair, f"{path}, line {number}") for number, value in read_jsonl(path)]
    if not entries:
        raise InputError(f"{path} holds no demonstrations. Expected one JSON object a line: source, target.")
    bank = AttributeBank(tuple(entries), str(path))
    variety = bank.wanted_variety(pair, variety)
    _refuse_unknown(formality)
    found = bank.select(pair, variety=variety, formality=formality)
    wanted = " and ".join(value for value in (variety, formality) if value)
    if not found:
        raise InputError(f"{path} has no entry that is {wanted}. It has {_counted(entries)}.")
    if notice and len(found) < len(entries):
        left_out = f"{len(entries) - len(found)} of {len(entries)} entries"
        notice(f"{path}: {left_out} are not {wanted} and were left out.")
    return [Demonstration(entry.source, entry.target, entry.drafts) for entry in found]


@lru_cache(maxsize=1)
def _packaged() -> AttributeBank:
    text = (files("scalemt.memory") / "data" / "banks.jsonl").read_text("utf-8")
    rows = (json.loads(line) for line in text.split("\n") if line)
    return AttributeBank(
        tuple(
            BankEntry(
                row["source"],
                target["target"],
                Pair(row["source_language"], target["language"]),
                target.get("variety", ""),
                target["formality"],
            )
            for row in rows
            for target in row["targets"]
        )
    )


def _without_contrasts(entries: Sequence[BankEntry]) -> list[BankEntry]:
    known = {(entry.source, entry.formality) for entry in entries}
    times = Counter(source for source, _ in known)
    return [entry for entry in entries if times[entry.source] == 1] or list(entries)


def _bare(pair: Pair) -> Pair:
    return Pair(languages.base(pair.source), languages.base(pair.target))


def _likely_variety(tag: str) -> str:
    import langcodes

    return f"{tag}-{langcodes.Language.get(tag).maximize().territory}"


def _checked_variety(pair: Pair, variety: str) -> str:
    try:
        tag = languages.parse(variety)
    except UnknownLanguageError as fault:
        raise ConfigurationError(f"The variety {variety!r} is not a language tag. {fault}") from None
    target = languages.base(pair.target)
    if languages.base(tag) != target or tag == target:
        raise ConfigurationError(
            f"The variety {variety} is not one of {languages.name(target)}, the target of {pair}. "
            f"Expected a tag such as {_likely_variety(target)}."
        )
    if pair.target not in (target, tag):
        raise ConfigurationError(
            f"The variety {variety} contradicts the target of {pair}. Translate into {target}, or leave it out."
        )
    return tag


def _refuse_unknown(formality: str) -> None:
    if formality and formality not in FORMALITIES:
        raise ConfigurationError(
            f"The formality {formality!r} is none that banks know. Valid choices: {', '.join(FORMALITIES)}."
        )


def _counted(entries: Sequence[BankEntry]) -> str:
    def listed(values: Iterable[str]) -> str:
        return ", ".join(f"{value or 'not stated'} ({count})" for value, count in sorted(Counter(values).items()))

    return (
        f"the varieties {listed(entry.variety for entry in entries)} "
        f"and the formalities {listed(entry.formality for entry in entries)}"
    )


def _entry(value: object, pair: Pair, where: str) -> BankEntry:
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected a JSON object with source and target, found {value!r:.60}.")
    text = {key: _text(value.get(key), key, where) for key in ("source", "target")}
    drafts = value.get("drafts") or []
    if not isinstance(drafts, list):
        drafts = [drafts]
    return BankEntry(
        text["source"],
        text["target"],
        _bare(pair),
        _variety(value.get("variety"), where),
        _formality(value.get("formality"), where),
        tuple(draft_from_json(draft, f"{where}, drafts[{i}]") for i, draft in enumerate(drafts)),
    )


def _text(value: object, key: str, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where}: {key} is {value!r:.60}; expected a text that is not empty.")
    return value


def _variety(value: object, where: str) -> str:
    if value in (None, ""):
        return ""
    try:
        return languages.parse(_text(value, "variety", where))
    except UnknownLanguageError as fault:
        raise InputError(f"{where}: variety: {fault}") from None


def _formality(value: object, where: str) -> str:
    if value in (None, ""):
        return ""
    if not isinstance(value, str) or value not in FORMALITIES:
        raise InputError(f"{where}: formality is {value!r:.60}. Valid choices: {', '.join(FORMALITIES)}.")
    return value
