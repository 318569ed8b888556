"""Inline codes of both sides of a unit: those of a translation are tied to those of its source."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from scalemt.formats.xmlunits import Content
from scalemt.text.spans import literal, rewrite
from scalemt.types import Span

_NUMBER = re.compile(r"\d+")
_ATTRIBUTE = re.compile(r"""\s([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_NAME = re.compile(r"</?([\w:.-]+)")
_HALVES = frozenset("bpt ept bx ex sc ec sm em g hi pc mrk".split())
# What ties codes of two languages to each other, the surest first.
_TIES = ("x", "id", "rid", "i", "type")


@dataclass(frozen=True, slots=True)
class Coded:
    """A text with short tags for its codes, and what each code is in its file, by the key of its span."""

    text: str
    spans: tuple[Span, ...] = ()
    raw: tuple[str, ...] = ()

    @classmethod
    def of(cls, content: Content, encoding: str) -> Coded:
        """Return the content of an XML element."""
        return cls(content.text, content.spans, tuple(code.decode(encoding) for code in content.raw))


class Tied(NamedTuple):
    """The sides of a unit as `scalemt.memory.Unit` holds them."""

    source: str
    target: str
    source_spans: tuple[Span, ...]
    target_spans: tuple[Span, ...]
    codes: dict[int, str]


def tied(source: Coded, target: Coded) -> Tied:
    """Give the codes of a target the keys and the short tags of those of its source.

    Codes are the same where they hold the same, else by the attributes that tie them (`x`, `id`, `i`, `type`),
    else by role and order. One that the source lacks gets a key of its own. Where a code reads otherwise in the
    target, `codes` has that under `~key`, so that it can be written back.
    """
    if not target.spans:
        return Tied(source.text, target.text, source.spans, (), dict(enumerate(source.raw)))
    codes = dict(enumerate(source.raw))
    keys = _partners(source, target)
    shown = {span.key: literal(source.text, span) for span in source.spans}
    numbers = [int(found[0]) for name in shown.values() if (found := _NUMBER.search(name))]
    number, fresh = max(numbers, default=0) + 1, len(source.raw)
    for span in target.spans:
        if span.key in keys:
            if codes[keys[span.key]] != target.raw[span.key]:
                codes[~keys[span.key]] = target.raw[span.key]
            continue
        keys[span.key] = fresh
        codes[fresh] = target.raw[span.key]
        # Both halves of a pair have one number.
        opener = _NUMBER.search(shown.get(keys.get(span.partner, -1), "")) if span.role == "close" else None
        shown[fresh] = _NUMBER.sub(opener[0] if opener else str(number), literal(target.text, span))
        fresh, number = fresh + 1, number + (opener is None)
    text, moved = rewrite(target.text, target.spans, lambda span, _: shown[keys[span.key]])
    spans = tuple(replace(span, key=keys[span.key], partner=keys.get(span.partner, -1)) for span in moved)
    return Tied(source.text, text, source.spans, spans, codes)


Item = tuple[int, ...]
"""A code that stands alone, or both halves of a pair, by their keys."""


def _partners(source: Coded, target: Coded) -> dict[int, int]:
    """Return the source's key of each code of the target that the source has too."""
    free, waiting = list(_items(source.spans)), list(_items(target.spans))
    keys: dict[int, int] = {}
    for measure in (_same, *(_by(name) for name in _TIES), _shape):
        if not waiting:
            return keys
        waiting, free = _matched(source, target, (waiting, free), measure, keys)
    singles = [(key,) for item in waiting for key in item], [(key,) for item in free for key in item]
    _matched(source, target, singles, _same, keys)
    return keys


Measure = Callable[[Coded, Item], Hashable]


def _matched(
    source: Coded,
    target: Coded,
    items: tuple[Sequence[Item], Sequence[Item]],
    measure: Measure,
    keys: dict[int, int],
) -> tuple[list[Item], list[Item]]:
    """Tie items that a measure calls the same, in order, and return those that are left of target and source."""
    waiting, free = items
    due: dict[Hashable, deque[Item]] = defaultdict(deque)
    for item in free:
        due[measure(source, item)].append(item)
    due.pop(None, None)
    left: list[Item] = []
    for item in waiting:
        same = due.get(measure(target, item))
        if same and len(same[0]) == len(item):
            keys.update(zip(item, same.popleft(), strict=True))
        else:
            left.append(item)
    taken = set(keys.values())
    return left, [item for item in free if item[0] not in taken]


def _items(spans: Sequence[Span]) -> Iterator[Item]:
    for span in spans:
        if span.role == "open":
            yield span.key, span.partner
        elif span.role == "alone":
            yield (span.key,)


def _same(side: Coded, item: Item) -> Hashable:
    return tuple(side.raw[key] for key in item)


def _shape(side: Coded, item: Item) -> Hashable:
    element = _NAME.match(side.raw[item[0]])
    # Half of a pair whose other half is missing stands for no other half.
    half = element[1] if len(item) == 1 and element and element[1] in _HALVES else ""
    return len(item), half


def _by(name: str) -> Measure:
    def measure(side: Coded, item: Item) -> Hashable:
        raw = side.raw[item[0]]
        held = {found[1]: found[2] or found[3] for found in _ATTRIBUTE.finditer(raw[: raw.find(">")])}
        if not held.get(name):
            return None
        element = _NAME.match(raw)
        return len(item), element[1] if element else "", held[name]

    return measure
