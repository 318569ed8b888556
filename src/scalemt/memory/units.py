"""Units of a translation memory: a source, a target that somebody has confirmed, and where they come from."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from scalemt.text.protection import protect
from scalemt.text.spans import rewrite
from scalemt.types import Pair, Segment, Span

HOLE = "\ufffc"  # OBJECT REPLACEMENT CHARACTER: stands for a protected span, whatever it holds
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Unit:
    """One confirmed translation.

    Args:
        source, target: texts in which inline codes stand as short tags (`<g1>`), as `scalemt.formats` shows them.
        pair: their languages, canonical tags.
        id: number in its memory, from 1; 0 before it is kept.
        before, after: sources of the segments around it in its document, "" where unknown.
        context: a key that the document gives it (a message context, a resource name).
        origin: the file or tool that it came from.
        creator: who made or confirmed it.
        created, changed: UTC, ISO 8601 to the second (`2026-11-29T20:00:00Z`), "" where unknown.
        quality: 0 to 1, None where nobody judged it.
        domain: what it is about.
        note: anything else.
        source_spans, target_spans: protected spans; those of the target have the keys of the source's.
        codes: what an inline code is in the format that it came from, by the key of its span; where it is written
            otherwise in the target, by `~key` too.
    """

    source: str
    target: str
    pair: Pair
    id: int = 0
    before: str = ""
    after: str = ""
    context: str = ""
    origin: str = ""
    creator: str = ""
    created: str = ""
    changed: str = ""
    quality: float | None = None
    domain: str = ""
    note: str = ""
    source_spans: tuple[Span, ...] = ()
    target_spans: tuple[Span, ...] = ()
    codes: Mapping[int, str] = field(default_factory=dict)

    @property
    def segment(self) -> Segment:
        """The source with its spans, those that a text shows by itself included."""
        return protect(Segment(self.source, spans=self.source_spans))


def skeleton(segment: Segment) -> str:
    """Return what of a text is compared: composed letters, single spaces, a sign in the place of each span.

    Two texts with the same skeleton say the same with other tags, numbers of placeholders or addresses. A term
    that is not to be translated is a word like any other: a memory does not know who keeps which.
    """
    text = segment.text
    if segment.spans:
        text, _ = rewrite(text, segment.spans, lambda span, held: held if span.kind == "term" else HOLE)
    return _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()


def digest(text: str) -> int:
    """Return 63 bits of a text's BLAKE2b hash: what an exact search looks up."""
    return int.from_bytes(blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "big") >> 1


def swap(unit: Unit) -> Unit:
    """Return a unit for the opposite direction; what stood around its source says nothing of its target."""
    return replace(
        unit,
        source=unit.target,
        target=unit.source,
        pair=unit.pair.reversed,
        before="",
        after="",
        source_spans=unit.target_spans,
        target_spans=unit.source_spans,
        codes=_swapped_codes(unit.codes),
    )


def _swapped_codes(codes: Mapping[int, str]) -> dict[int, str]:
    """Return codes with those of the target in the place of the source's."""
    made = dict(codes)
    for key in [key for key in codes if key >= 0 and ~key in codes]:
        made[key], made[~key] = codes[~key], codes[key]
    return made


def spans_to_json(spans: Sequence[Span]) -> list[list[object]]:
    """Return spans as short lists, for a column of JSON."""
    return [[span.start, span.end, span.kind, span.key, span.role, span.partner] for span in spans]


def encoded_spans(unit: Unit) -> str:
    """Return spans and codes of a unit as JSON, "" where it has none."""
    if not (unit.source_spans or unit.target_spans):
        return ""
    held = [
        spans_to_json(unit.source_spans),
        spans_to_json(unit.target_spans),
        {str(key): raw for key, raw in unit.codes.items()},
    ]
    return json.dumps(held, ensure_ascii=False)


def decoded_spans(text: str) -> tuple[tuple[Span, ...], tuple[Span, ...], dict[int, str]]:
    """Return what `encoded_spans` wrote."""
    if not text:
        return (), (), {}
    source, target, codes = json.loads(text)
    return (
        tuple(Span(*item) for item in source),
        tuple(Span(*item) for item in target),
        {int(key): raw for key, raw in codes.items()},
    )
