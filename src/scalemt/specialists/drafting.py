"""The way of a segment to a specialist and back: sentence by sentence, its protected spans masked, restored after.

On damage the specialist is asked once more with another mask, then without any, and the spans are put back by the
words around them. A draft that still lacks a span says so by its `spans`; the engine refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from scalemt.specialists.base import Specialist
from scalemt.text.masking import Masked, Restored, mask, restore
from scalemt.text.projection import project
from scalemt.text.spans import fault, part, shifted
from scalemt.text.splitting import split_sentences
from scalemt.types import Draft, Pair, Segment, Span, Word

_SECOND = {"angle": "word", "word": "angle"}  # another mask than the first; "word" for all others

Sentences = Callable[[Segment], list[tuple[Segment, str]]]
"""Cuts a segment into sentences, each with the white space behind it."""


@dataclass(frozen=True)
class Drafting:
    """Drafts segments with one specialist.

    Args:
        specialist: drafts texts.
        pair: its direction.
        sentences: cuts a segment for specialists that take one sentence at a time.
    """

    specialist: Specialist
    pair: Pair
    sentences: Sentences

    def draft(self, segments: Sequence[Segment], n: int = 1) -> list[list[Draft]]:
        """Draft each segment `n` times, as `Specialist.draft` does texts; a lost span is missing from `spans`."""
        rows = [self._cut(segment) for segment in segments]
        parts = [sentence for row in rows for sentence, _ in row]
        made = iter(self._draft_parts(parts, n))
        return [self._joined([(next(made), gap) for _, gap in row], n) for row in rows]

    def _cut(self, segment: Segment) -> list[tuple[Segment, str]]:
        if not getattr(self.specialist, "single_sentence", False):
            return [(segment, "")]
        return self.sentences(segment)

    def _draft_parts(self, parts: Sequence[Segment], n: int) -> list[list[Draft]]:
        style = getattr(self.specialist, "mask", "word")
        drafted = self._asked(parts, style, n)
        for attempt in (_SECOND.get(style, "word"), "none"):
            broken = [
                index for index, row in enumerate(drafted) if any(_wrong(parts[index], item) for item in row)
            ]
            if not broken:
                break
            again = self._asked([parts[index] for index in broken], attempt, n)
            for index, row in zip(broken, again, strict=True):
                drafted[index] = [
                    _better(parts[index], old, new, attempt) for old, new in zip(drafted[index], row, strict=True)
                ]
        return drafted

    def _asked(self, parts: Sequence[Segment], style: str, n: int) -> list[list[Draft]]:
        """Draft with one style of masks; the same masked text is drafted once."""
        masked = [mask(segment, style) for segment in parts]
        made = self.specialist.draft([item.text for item in masked], self.pair, n)
        return [
            [_restored(item, draft) for draft in row] if item.segment.spans else list(row)
            for item, row in zip(masked, made, strict=True)
        ]

    def _joined(self, rows: Sequence[tuple[list[Draft], str]], n: int) -> list[Draft]:
        if len(rows) == 1:
            return rows[0][0]
        return [_one([(row[path], gap) for row, gap in rows]) for path in range(n)]


def _wrong(segment: Segment, draft: Draft) -> bool:
    return bool(segment.spans) and bool(fault(segment.text, segment.spans, draft.text, draft.spans))


def _better(segment: Segment, old: Draft, new: Draft, attempt: str) -> Draft:
    """Keep a draft that is whole; else put what the new one lacks back by its words."""
    if not _wrong(segment, old):
        return old
    if not _wrong(segment, new):
        return replace(new, repairs=(f"drafted again with masks of the kind {attempt}", *new.repairs))
    if attempt != "none":
        return old
    for candidate in (old, new):
        keys = {span.key for span in candidate.spans}
        lost = [span for span in segment.spans if span.key not in keys]
        alignment = candidate.alignment if not candidate.spans else ()
        made = project(segment, candidate.text, candidate.spans, lost, alignment)
        if made and not fault(segment.text, segment.spans, *made):
            text, spans = made
            told = f"put {len(lost)} of {len(segment.spans)} spans back by the words around them"
            words = _spread(text, candidate)
            return replace(candidate, text=text, spans=spans, words=words, repairs=(*candidate.repairs, told))
    return old


def _restored(masked: Masked, draft: Draft) -> Draft:
    restored: Restored = restore(masked, draft.text)
    if restored.added:
        # A mask that came twice cannot be told from a word: such a draft counts as damaged.
        spans: tuple[Span, ...] = restored.spans[:-1] if not restored.lost else restored.spans
        return replace(draft, text=restored.text, spans=spans, repairs=("a mask came out twice or spoilt",))
    words = _spread(restored.text, draft, masked, restored)
    return replace(draft, text=restored.text, words=words, spans=restored.spans, repairs=restored.repairs)


def _spread(
    text: str, draft: Draft, masked: Masked | None = None, restored: Restored | None = None
) -> tuple[Word, ...]:
    """Return the words of a text, each with the confidence of the drafted word that it comes from, in order."""
    if not draft.words:
        return ()
    known = list(draft.words)
    made: list[Word] = []
    position = 0
    for word in text.split():
        found = next((n for n in range(position, len(known)) if known[n].text == word), None)
        if found is None:
            made.append(Word(word, None))
        else:
            made.append(Word(word, known[found].confidence))
            position = found + 1
    return tuple(made)


def _one(rows: Sequence[tuple[Draft, str]]) -> Draft:
    """Join the drafts of sentences with the white space of the source."""
    text, spans, words = "", list[Span](), list[Word]()
    for number, (draft, gap) in enumerate(rows):
        spans += shifted(draft.spans, len(text))
        text += draft.text + (_gap(draft.text, gap) if number < len(rows) - 1 else "")
        words += draft.words
    scores = [draft.score for draft, _ in rows]
    score = sum(score for score in scores if score is not None) if None not in scores else None
    repairs = tuple(repair for draft, _ in rows for repair in draft.repairs)
    complete = " ".join(word.text for word in words) == " ".join(text.split())
    first = rows[0][0]
    return replace(
        first,
        text=text,
        words=tuple(words) if complete else (),
        score=score,
        spans=tuple(spans),
        repairs=repairs,
        alignment=(),
    )


_WIDE_END = re.compile(r"[。！？][」』”’）]*$")


def _gap(text: str, gap: str) -> str:
    """Chinese and Japanese put no space between sentences, other scripts do."""
    return gap.strip(" ") if _WIDE_END.search(text) else gap or " "


def by_sentences(language: str) -> Sentences:
    """Return what cuts segments of a language into sentences."""

    def sentences(segment: Segment) -> list[tuple[Segment, str]]:
        found, position = [], 0
        for text, gap in split_sentences(segment.text, language, segment.spans):
            end = position + len(text)
            found.append((part(segment, position, end), gap))
            position = end + len(gap)
        return found

    return sentences
