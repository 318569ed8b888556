"""The side of the server of a document that a clerk reads and writes: see `clerk.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from scalemt.serve.pipe import framed, how_ended, received, spawned
from scalemt.serve.refusals import BackendFailed
from scalemt.serve.work import Errand, Measured, Opening, Window, Written
from scalemt.types import Segment, Translation

_MEND = "The document may take more memory or time than one may: send it in parts."


@dataclass(frozen=True, slots=True)
class Office:
    """What a clerk asks for.

    Args:
        language: returns that of a text.
        admit: told of the count of segments and characters; returns, or raises, before anything is translated.
        translate: returns the translations of segments in a language.
        progress: told how many segments are done, and how many of them failed.
    """

    language: Callable[[str], Awaitable[str]]
    admit: Callable[[int, int], Awaitable[None]]
    translate: Callable[[Sequence[Segment], str], Awaitable[Sequence[Translation]]]
    progress: Callable[[int, int], None]


async def send_out(errand: Errand, office: Office) -> None:
    """Have a document read, translated and written; cancelled, it ends at once.

    Raises:
        ScalemtError: whatever the clerk or the office says.
        OSError: no process can be started.
    """
    process, reader, writer = await spawned("scalemt.serve.clerk", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    try:
        writer.write(framed(errand))
        async with asyncio.TaskGroup() as group:
            windows: asyncio.Queue[asyncio.Task[Sequence[Translation]] | None] = asyncio.Queue()
            answering = group.create_task(_answer(windows, writer))
            await _listen(errand.source, office, reader, writer, windows, group)
            windows.put_nowait(None)
            await answering
    except BaseExceptionGroup as faults:
        first = _first(faults)
        if isinstance(first, EOFError):
            code = await asyncio.to_thread(process.wait)
            raise BackendFailed(f"The process that read the document ended ({how_ended(code)}). {_MEND}") from None
        raise first from None
    finally:
        writer.close()
        process.kill()
        await asyncio.shield(asyncio.to_thread(process.wait))


async def _listen(
    source: str,
    office: Office,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    windows: asyncio.Queue[asyncio.Task[Sequence[Translation]] | None],
    group: asyncio.TaskGroup,
) -> None:
    """Hear what the clerk says until it is done."""
    while True:
        match await received(reader):
            case Opening(text):
                source = await office.language(text)
                writer.write(framed(source))
            case Measured(segments, characters):
                await office.admit(segments, characters)
                writer.write(framed(True))
            case Window(segments, done, failed):
                office.progress(done, failed)
                windows.put_nowait(group.create_task(_translated(office, segments, source)))
            case Written(done, failed, fault):
                if fault is not None:
                    raise fault
                office.progress(done, failed)
                return


async def _translated(office: Office, segments: Sequence[Segment], source: str) -> Sequence[Translation]:
    return await office.translate(segments, source)


async def _answer(
    windows: asyncio.Queue[asyncio.Task[Sequence[Translation]] | None], writer: asyncio.StreamWriter
) -> None:
    """Send translations in the order of their windows."""
    while (window := await windows.get()) is not None:
        writer.write(framed(list(await window)))
        await writer.drain()


def _first(faults: BaseExceptionGroup[BaseException]) -> BaseException:
    found: BaseException = faults
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
