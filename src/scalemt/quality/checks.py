"""Checks on one candidate translation: cheap, offline, each one with a reason when it fails."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from scalemt import languages
from scalemt.quality.coverage import addition, columns, omission
from scalemt.quality.injection import obeyed
from scalemt.quality.language import foreign
from scalemt.quality.numbers import differing_numbers
from scalemt.types import Check, Pair

# ASCII only: in Chinese or Japanese the sentence goes on behind an address without a space.
_ADDRESS = re.compile(
    r"https?://[^\s<>\"'\u0080-\U0010ffff]+|www\.[^\s<>\"'\u0080-\U0010ffff]+|[\w.+-]+@[\w-]+\.[\w.-]+", re.ASCII
)
_ADDRESS_END = ".,;:!?)]}*_"
# Two to twenty letters five times in a row, for scripts without spaces and for "hahahahaha".
_CHAIN = re.compile(r"([^\W\d_]{2,20}?)\1{4}")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked: a candidate with its source, the draft it came from, and how the answer ended.

    `damage` says what became of protected spans, "" where all of them are kept. `others` are the texts in other
    languages than the target that the prompt showed beside the source. `prompted` are all texts from outside that
    the prompt of an answer showed; a draft has none.
    """

    source: str
    text: str
    pair: Pair
    draft: str = ""
    finished: bool = True
    damage: str = ""
    others: tuple[str, ...] = ()
    prompted: tuple[str, ...] = ()


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


def _spans(subject: Subject) -> str:
    return subject.damage


def _length(subject: Subject) -> str:
    """Compare lengths in columns; scripts differ, so the draft is the better yardstick where there is one."""
    yardstick, low, high = (subject.draft, 0.5, 2.0) if subject.draft else (subject.source, 0.3, 3.5)
    found, due = columns(subject.text), columns(yardstick)
    # Twenty characters of grace: short texts vary more.
    if found > high * due + 20:
        return f"{found} characters for {due} of the {_named(subject)}"
    if found + 20 < low * due:
        return f"only {found} characters for {due} of the {_named(subject)}"
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
    chained = _CHAIN.search(text)
    if chained:
        return chained[1]
    words = [word.strip(".,;:!?…") for word in text.lower().split()]
    for size in range(1, 5):
        for start in range(len(words) - 4 * size + 1):
            unit = words[start : start + size]
            if words[start : start + 4 * size] == unit * 4:
                return " ".join(unit)
    return ""


def _numbers(subject: Subject) -> str:
    missing, added = differing_numbers(subject.source, subject.text)
    # The draft shows what is due here: only a loss or an addition that it does not have counts.
    if subject.draft:
        also_missing, also_added = differing_numbers(subject.source, subject.draft)
        missing -= also_missing
        added -= also_added
    if missing:
        return f"the number {_listed(missing)} of the source is missing"
    if added:
        return f"the number {_listed(added)} is not in the source"
    return ""


def _addresses(subject: Subject) -> str:
    expected = Counter(match.rstrip(_ADDRESS_END) for match in _ADDRESS.findall(subject.source))
    found = Counter(match.rstrip(_ADDRESS_END) for match in _ADDRESS.findall(subject.text))
    missing = expected - found
    return f"{_listed(missing)} of the source is missing" if missing else ""


def _copy(subject: Subject) -> str:
    akin = languages.base(subject.pair.source) == languages.base(subject.pair.target)
    copied = "" if akin else _copied(subject, subject.source, "the source")
    return copied or next(
        (found for other in subject.others if (found := _copied(subject, other, "another language's text"))), ""
    )


def _copied(subject: Subject, shown: str, named: str) -> str:
    from rapidfuzz import fuzz

    if len(shown.split()) < 4:
        return ""
    likeness = fuzz.ratio(shown.lower(), subject.text.lower())
    if likeness < 98:
        return ""
    # Close languages share whole sentences; where the draft is as like what was shown, a copy is no fault.
    if subject.draft and fuzz.ratio(shown.lower(), subject.draft.lower()) >= likeness:
        return ""
    return f"{likeness:.0f} % the same as {named}"


def _scores(subject: Subject) -> str:
    pattern = r"\w\((?:0\.\d\d|1\.00)\)"
    echoed = re.search(pattern, subject.text) and not re.search(pattern, subject.source)
    return "holds confidence scores of the prompt" if echoed else ""


def _language(subject: Subject) -> str:
    return foreign(subject.text, subject.pair.target)


def _drift(subject: Subject) -> str:
    """Fail when a refinement shares almost nothing with its draft: then it refined something else."""
    from rapidfuzz import fuzz

    if not subject.draft or len(subject.draft.split()) < 6:
        return ""
    likeness = fuzz.token_set_ratio(subject.draft.lower(), subject.text.lower())
    return f"only {likeness:.0f} % like the draft" if likeness < 30 else ""


def _omission(subject: Subject) -> str:
    return omission(subject.source, subject.text, subject.draft) if subject.draft else ""


def _addition(subject: Subject) -> str:
    return addition(subject.source, subject.text, subject.draft) if subject.draft else ""


def _injection(subject: Subject) -> str:
    if not subject.prompted:
        return ""
    return obeyed(subject.text, subject.draft, subject.source, subject.pair, subject.prompted)


def _listed(items: Counter[str]) -> str:
    return ", ".join(sorted(items)[:3])


CHECKS: dict[str, Callable[[Subject], str]] = {
    "empty": _empty,
    "truncated": _truncated,
    "spans": _spans,
    "scores": _scores,
    "length": _length,
    "repetition": _repetition,
    "numbers": _numbers,
    "addresses": _addresses,
    "copy": _copy,
    "language": _language,
    "drift": _drift,
    "omission": _omission,
    "addition": _addition,
    "injection": _injection,
}
"""Each check by name: it returns why the subject fails, or an empty string."""
