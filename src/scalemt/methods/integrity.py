"""Protected spans on their way through a prompt: shown in a typed form, restored, put back when lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scalemt.text.masking import Masked, Restored, mask, restore
from scalemt.text.projection import project
from scalemt.text.spans import between, fault, literal, rewrite
from scalemt.types import Draft, Segment, Span, Word

_TYPED = "typed"  # the style of masks that says what they stand for: see `scalemt.text.masking.STYLES`


def shown(segment: Segment) -> Masked:
    """Return a segment as a prompt shows it: tags numbered, what tells a meaning as it stands."""
    return mask(segment, _TYPED)


def shown_draft(draft: Draft, masked: Masked) -> Draft:
    """Return a draft as a prompt shows it, its spans in the same form as those of the source."""
    if not draft.spans:
        return draft
    tokens = {span.key: literal(masked.text, span) for span in masked.spans}
    text, _ = rewrite(draft.text, draft.spans, lambda span, held: tokens.get(span.key, held))
    return replace(draft, text=text, words=_words(draft, tokens), spans=())


def _words(draft: Draft, tokens: dict[int, str]) -> tuple[Word, ...]:
    """Return the words of the rewritten draft, each as sure as the word that its first letter is from."""
    if " ".join(word.text for word in draft.words) != " ".join(draft.text.split()):
        return ()
    # Confidences letter by letter: words may merge, part or go when a span is written otherwise.
    letters: list[tuple[str, float | None]] = []
    words = iter(draft.words)
    confidence: float | None = None
    gap = True
    for letter in draft.text:
        if not letter.isspace() and gap:
            confidence = next(words).confidence
        gap = letter.isspace()
        letters.append((letter, confidence))
    made: list[tuple[str, float | None]] = []
    position = 0
    for span, plain in zip((*draft.spans, None), between(draft.text, draft.spans), strict=True):
        made += letters[position : position + len(plain)]
        if span:
            first = letters[span.start][1]
            made += [(letter, first) for letter in tokens.get(span.key, literal(draft.text, span))]
            position = span.end
    return _joined(made)


def _joined(letters: Sequence[tuple[str, float | None]]) -> tuple[Word, ...]:
    words: list[Word] = []
    gap = True
    for letter, confidence in letters:
        if letter.isspace():
            gap = True
            continue
        if gap:
            words.append(Word(letter, confidence))
        else:
            words[-1] = Word(words[-1].text + letter, words[-1].confidence)
        gap = False
    return tuple(words)


@dataclass(frozen=True, slots=True)
class Held:
    """An answer with the spans of its source restored; `wrong` says what is missing or does not belong there."""

    text: str
    spans: tuple[Span, ...]
    repairs: tuple[str, ...]
    lost: tuple[Span, ...]
    wrong: str


def held(masked: Masked, segment: Segment, text: str) -> Held:
    """Restore the spans of a source in an answer in which they stand in their typed form."""
    if not segment.spans:
        return Held(text, (), (), (), "")
    restored: Restored = restore(masked, text)
    wrong = fault(segment.text, segment.spans, restored.text, restored.spans)
    if not wrong and restored.added:
        wrong = f"{', '.join(map(repr, restored.added[:3]))} is not in the source"
    return Held(restored.text, restored.spans, restored.repairs, restored.lost, wrong)


def named(masked: Masked, lost: Sequence[Span]) -> str:
    """Return what a prompt calls the spans that were lost."""
    keys = {span.key for span in lost}
    return " ".join(literal(masked.text, span) for span in masked.spans if span.key in keys)


def projected(answer: Held, segment: Segment, draft: Draft | None) -> Held:
    """Put what an answer lost where the words around it went; what has no place stays lost.

    A draft that holds all spans is the better guide: it is in the language of the answer.
    """
    guide = segment
    if draft and not fault(segment.text, segment.spans, draft.text, draft.spans):
        guide = Segment(draft.text, spans=draft.spans)
    made = project(guide, answer.text, answer.spans, answer.lost, ())
    if made is None:
        return answer
    text, spans = made
    wrong = fault(segment.text, segment.spans, text, spans)
    told = (
        f"put {', '.join(repr(literal(segment.text, span)) for span in answer.lost[:3])} back by the words around"
    )
    return answer if wrong else Held(text, spans, (*answer.repairs, told), (), "")
