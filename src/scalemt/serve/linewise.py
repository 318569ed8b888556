"""A text through the service layer line by line, for clients who read it while it is written."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scalemt import languages
from scalemt.documents import InContext
from scalemt.serve.asking import AUTO, Ask, Reply
from scalemt.serve.keys import Caller
from scalemt.serve.refusals import BackendFailed, as_refusal
from scalemt.serve.texts import Order
from scalemt.types import Segment, Translation

if TYPE_CHECKING:
    from scalemt.serve.service import Service

_MOST = 200  # segments of one text; of a longer one several lines go together
_BREAK = re.compile(r"(\r\n|\n|\r)")


@dataclass(frozen=True, slots=True)
class Lines:
    """A text as segments, and what stands around them.

    Args:
        gaps: what stands before each segment, and behind the last: N + 1 texts of white space and line breaks.
        texts: of the N segments.
    """

    gaps: tuple[str, ...]
    texts: tuple[str, ...]

    @classmethod
    def of(cls, text: str, most: int = _MOST) -> Lines:
        """Cut a text at its line breaks.

        Args:
            text: any text.
            most: segments; where there are more lines, several of them make one.
        """
        parts = _BREAK.split(text)
        lines = ["".join(parts[place : place + 2]) for place in range(0, len(parts), 2)]
        filled = sum(not line.isspace() for line in lines if line)
        size = -(-filled // most)  # lines in a segment
        gaps, texts, held, count = [""], list[str](), "", 0
        for line in lines:
            held += line
            count += bool(line.strip())
            if count and count == size:
                _close(held, gaps, texts)
                held, count = "", 0
        if count:
            _close(held, gaps, texts)
        else:
            gaps[-1] += held
        return cls(tuple(gaps), tuple(texts))


def _close(held: str, gaps: list[str], texts: list[str]) -> None:
    """Make a segment of what is held, without the white space around it."""
    text = held.strip()
    start = held.index(text)
    gaps[-1] += held[:start]
    texts.append(text)
    gaps.append(held[start + len(text) :])


@dataclass(frozen=True, slots=True)
class Piece:
    """What can be written next of a translation.

    Args:
        text: with the white space that stands before it.
        translation: of the segment in it, None of white space alone.
    """

    text: str
    translation: Translation | None = None


async def translate_lines(
    service: Service, text: str, order: Order, caller: Caller
) -> AsyncGenerator[Piece, None]:
    """Yield a translation in pieces, from its beginning on, each as soon as it is there; together they are all.

    A text that is in the target language already comes back as it is.

    Args:
        service: translates.
        text: cut at its line breaks, which are kept.
        order: how.
        caller: who wants it.

    Raises:
        Refusal: see `Service.translate`; BackendFailed also where a single segment failed.
    """
    lines = Lines.of(text, min(_MOST, caller.limits.texts or _MOST))
    if not lines.texts or _is_same(order):
        yield Piece(text)
        return
    happened: asyncio.Queue[tuple[int, Translation] | None] = asyncio.Queue()
    ask = _ask(service, lines.texts, text, order)
    working = asyncio.ensure_future(
        service.translate(ask, caller, lambda index, item: happened.put_nowait((index, item)))
    )
    working.add_done_callback(lambda done: _over(done, happened))
    finished: dict[int, Translation] = {}
    place = 0
    try:
        while (event := await happened.get()) is not None:
            finished[event[0]] = event[1]
            while place in finished:
                yield _piece(lines.gaps[place], finished.pop(place))
                place += 1
        await working
        yield Piece(lines.gaps[-1])
    finally:
        working.cancel()


def _is_same(order: Order) -> bool:
    if order.source == AUTO:
        return False
    return languages.base(languages.parse(order.source)) == languages.base(languages.parse(order.target))


def _ask(service: Service, texts: Sequence[str], whole: str, order: Order) -> Ask:
    placing = InContext(service.profile(order.wish.profile).context)
    segments = [placing.placed(Segment(text, str(number))) for number, text in enumerate(texts, 1)]
    # One language for all of it: a line of two words says less of it than the text around.
    return Ask(segments, order.source, order.target, order.wish, told=[whole] * len(segments))


def _over(done: asyncio.Future[Reply], happened: asyncio.Queue[tuple[int, Translation] | None]) -> None:
    if not done.cancelled():
        done.exception()  # seen, also where nobody reads on
    happened.put_nowait(None)


def _piece(gap: str, item: Translation) -> Piece:
    if item.error:
        raise BackendFailed(str(as_refusal(item.error)))
    return Piece(gap + item.text, item)
