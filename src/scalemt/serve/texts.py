"""Whole texts through the service layer, with or without markup: cut, translated together, put together again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from scalemt import languages
from scalemt.formats.base import Target
from scalemt.serve.asking import AUTO, Ask, Wish
from scalemt.serve.detection import Detected
from scalemt.serve.keys import Caller
from scalemt.serve.markup import Cut
from scalemt.serve.refusals import BackendFailed, as_refusal
from scalemt.text.spans import prose
from scalemt.types import Segment, Translation

if TYPE_CHECKING:
    from scalemt.serve.service import Service


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one text.

    Args:
        text: its translation.
        detected: its language, where that was to be detected and there was something to tell it by.
        translations: of its segments.
    """

    text: str
    detected: Detected | None = None
    translations: tuple[Translation, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """How whole texts are to be translated.

    Args:
        source: a language code, or "auto", which is told of each text by itself.
        target: a language code.
        wish: see `Ask`.
        before: what stands before the texts, the nearest last.
    """

    source: str
    target: str
    wish: Wish = field(default_factory=Wish)
    before: tuple[str, ...] = ()


async def translate_texts(service: Service, cuts: Sequence[Cut], order: Order, caller: Caller) -> list[Done]:
    """Translate whole texts; one that is in the target language already comes back as it is.

    Args:
        service: translates.
        cuts: N texts.
        order: how.
        caller: who wants it.

    Returns:
        N texts, in order.

    Raises:
        Refusal: see `Service.translate`; BackendFailed also where a single segment failed, since a text of which a
            part is untranslated looks like one that is translated.
    """
    if order.source != AUTO and _is_same(order.source, order.target):
        return [Done(cut.put([Target.same(segment) for segment in cut.segments])) for cut in cuts]
    reply = await service.translate(_ask(cuts, order), caller)
    translations, detected = iter(reply.translations), iter(reply.detected or ())
    made = []
    for cut in cuts:
        mine = tuple(next(translations) for _ in cut.segments)
        told = [next(detected, None) for _ in cut.segments]
        failed = next((item.error for item in mine if item.error), None)
        if failed:
            raise BackendFailed(str(as_refusal(failed)))
        made.append(Done(cut.put([Target.of(item) for item in mine]), next(iter(told), None), mine))
    return made


def _is_same(source: str, target: str) -> bool:
    return languages.base(languages.parse(source)) == languages.base(languages.parse(target))


def _ask(cuts: Sequence[Cut], order: Order) -> Ask:
    segments: list[Segment] = []
    told: list[str] = []
    for cut in cuts:
        # A heading of two words says less of its language than the page that it stands on.
        whole = "\n".join(prose(segment.text, segment.spans) for segment in cut.segments)
        for segment in cut.segments:
            segments.append(replace(segment, id=str(len(segments) + 1), before=order.before))
            told.append(whole)
    markup = sum(span.end - span.start for segment in segments for span in segment.spans)
    return Ask(segments, order.source, order.target, order.wish, free=markup, told=told)
