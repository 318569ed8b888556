"""Checks on one candidate translation: cheap, offline, each one with a reason when it fails."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from scalemt import languages
from scalemt.types import Check, Pair

_NUMBER = re.compile(r"\d+(?:[.,'’\u00a0\u202f ]\d{3})*(?:[.,:]\d+)*")
_ADDRESS = re.compile(r"https?://[^\s<>\"']+|www\.[^\s<>\"']+|[\w.+-]+@[\w-]+\.[\w.-]+")
_MIN_LANGUAGE_CHARACTERS = 25


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked: a candidate with its source, the draft it came from, and how the answer ended."""

    source: str
    text: str
    pair: Pair
    draft: str = ""
    finished: bool = True


def run_checks(subject: Subject, names: tuple[str, ...] | None = None) -> tuple[Check, ...]:
    """Run checks in order and return a verdict for each.

    Args:
        subject: the candidate.
        names: keys of `CHECKS`; None runs all. After "empty" fails, nothing else is asked.
    """
    verdicts: list[Check] = []
    for name in names or tuple(CHECKS):
        detail = CHECKS[name](subject)
        verdicts.append(Check(name, not detail, detail))
        if name == "empty" and detail:
            break
    return tuple(verdicts)


def _empty(subject: Subject) -> str:
    return "" if subject.text.strip() or not subject.source.strip() else "the answer is empty"


def _truncated(subject: Subject) -> str:
    return "" if subject.finished else "the answer was cut off before its end"


def _length(subject: Subject) -> str:
    """Compare lengths in characters; scripts differ, so the draft is the better yardstick where there is one."""
    yardstick, low, high = (subject.draft, 0.5, 2.0) if subject.draft else (subject.source, 0.3, 3.5)
    # Twenty characters of grace: short texts vary more.
    if len(subject.text) > high * len(yardstick) + 20:
        return f"{len(subject.text)} characters for {len(yardstick)} of the {_named(subject)}"
    if len(subject.text) + 20 < low * len(yardstick):
        return f"only {len(subject.text)} characters for {len(yardstick)} of the {_named(subject)}"
    return ""


def _named(subject: Subject) -> str:
    return "draft" if subject.draft else "source"


def _repetition(subject: Subject) -> str:
    """Look for one to four words repeated at least four times in a row that the source does not repeat."""
    found = _loop(subject.text)
    if found and not _loop(subject.source):
        return f"repeats {found!r}"
    return ""


def _loop(text: str) -> str:
    words = text.lower().split()
    for size in range(1, 5):
        for start in range(len(words) - 4 * size + 1):
            unit = words[start : start + size]
            if words[start : start + 4 * size] == unit * 4:
                return " ".join(unit)
    return ""


def _numbers(subject: Subject) -> str:
    missing = numbers(subject.source) - numbers(subject.text)
    added = numbers(subject.text) - numbers(subject.source)
    # A number may be spelled out or added by a person, but the draft shows what is due here: only a loss or
    # an addition that the draft does not have counts.
    if subject.draft:
        missing -= numbers(subject.source) - numbers(subject.draft)
        added -= numbers(subject.draft) - numbers(subject.source)
    if missing:
        return f"the number {_listed(missing)} of the source is missing"
    if added:
        return f"the number {_listed(added)} is not in the source"
    return ""


def numbers(text: str) -> Counter[str]:
    """Count the numbers of a text as bare digits: 1,000.50 and 1.000,50 are the same; 7 and 07 too."""
    found = (re.sub(r"\D", "", match) for match in _NUMBER.findall(text))
    return Counter(digits.lstrip("0") or "0" for digits in found)


def _addresses(subject: Subject) -> str:
    expected = Counter(match.rstrip(".,;:!?)") for match in _ADDRESS.findall(subject.source))
    found = Counter(match.rstrip(".,;:!?)") for match in _ADDRESS.findall(subject.text))
    missing = expected - found
    return f"{_listed(missing)} of the source is missing" if missing else ""


def _copy(subject: Subject) -> str:
    from rapidfuzz import fuzz

    if subject.pair.source == subject.pair.target or len(subject.source.split()) < 4:
        return ""
    likeness = fuzz.ratio(subject.source.lower(), subject.text.lower())
    if likeness < 95:
        return ""
    # Close languages share whole sentences; where the draft is as like the source, a copy is no fault.
    if subject.draft and fuzz.ratio(subject.source.lower(), subject.draft.lower()) >= likeness:
        return ""
    return f"{likeness:.0f} % the same as the source"


def _scores(subject: Subject) -> str:
    pattern = r"\w\((?:0\.\d\d|1\.00)\)"
    echoed = re.search(pattern, subject.text) and not re.search(pattern, subject.source)
    return "holds confidence scores of the prompt" if echoed else ""


def _language(subject: Subject) -> str:
    """Fail when the identifier is nearly sure that the text is not in the target language.

    Short texts are let through: names, numbers and shared words decide nothing. So are target languages
    that the identifier does not know.
    """
    if sum(character.isalpha() for character in subject.text) < _MIN_LANGUAGE_CHARACTERS:
        return ""
    target = languages.base(subject.pair.target).split("-")[0]
    known = identify(subject.text)
    if target not in known or known[target] > 0.02:
        return ""
    best = max(known, key=lambda tag: known[tag])
    return f"looks like {languages.name(best)} ({known[best]:.0%}), not {languages.name(target)}"


def identify(text: str) -> dict[str, float]:
    """Return the probability of each known language (ISO 639-1 codes) for a text, by py3langid."""
    return {code: float(probability) for code, probability in _identifier().rank(text)}


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _drift(subject: Subject) -> str:
    """Fail when a refinement shares almost nothing with its draft: then it refined something else."""
    from rapidfuzz import fuzz

    if not subject.draft or len(subject.draft.split()) < 6:
        return ""
    likeness = fuzz.token_set_ratio(subject.draft.lower(), subject.text.lower())
    return f"only {likeness:.0f} % like the draft" if likeness < 30 else ""


def _listed(items: Counter[str]) -> str:
    return ", ".join(sorted(items)[:3])


CHECKS: dict[str, Callable[[Subject], str]] = {
    "empty": _empty,
    "truncated": _truncated,
    "scores": _scores,
    "length": _length,
    "repetition": _repetition,
    "numbers": _numbers,
    "addresses": _addresses,
    "copy": _copy,
    "language": _language,
    "drift": _drift,
}
"""Each check by name: it returns why the subject fails, or an empty string."""
