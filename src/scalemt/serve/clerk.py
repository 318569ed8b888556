"""A process that reads one document and writes its translation; the server has the segments translated.

Started by `errands.py` as `python -m scalemt.serve.clerk FD`. What a file does to its reader (time, memory, a
crash) happens here, and ends with this process: the server goes on answering, and can end it at any moment.
"""

from __future__ import annotations

import logging
import os
import resource
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from scalemt.documents import Document
from scalemt.serve.pipe import Pipe, own_end
from scalemt.serve.refusals import TooLarge, Unavailable
from scalemt.serve.work import Errand, Measured, Opening, Window, Written, portable
from scalemt.types import Segment, Translation

if TYPE_CHECKING:
    from scalemt.engine.running import Progress

_WINDOW = 64  # segments that are in line together
_AHEAD = 2  # windows
_OPENING = 50  # segments by which the language is told
_MEMORY = 2 * 2**30  # bytes of data
_SECONDS = 1_800  # of a processor
_NICENESS = 5  # a document leaves the processors to those who look on


class _Distant:
    """Has segments translated by the server, in windows; counts what became of them.

    Args:
        pipe: to the server.
    """

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self.done = self.failed = 0

    def tells_context(self) -> bool:
        """Equal texts are translated each by itself where a memory could tell them apart."""
        return False

    def stream(
        self, texts: Iterable[Segment], source: str, target: str, progress: Progress | None = None
    ) -> Iterator[Translation]:
        """Yield a translation a segment, in order; a few windows are in line at a time."""
        segments, asked, ahead = iter(texts), 0, True
        while ahead or asked:
            while ahead and asked < _AHEAD:
                window = list(islice(segments, _WINDOW))
                ahead = bool(window)
                if window:
                    self._pipe.send(Window(window, self.done, self.failed))
                    asked += 1
            if asked:
                yield from self._pipe.receive()
                asked -= 1

    def count(self, item: Translation) -> None:
        """Count a segment of the document."""
        self.done += 1
        self.failed += item.error is not None


def run(pipe: Pipe, errand: Errand) -> Written:
    """Do what is to be done, as long as the server answers.

    Raises:
        ScalemtError: the document cannot be read or written.
        OSError: nor can the disk.
        EOFError: the server has gone.
    """
    source = errand.source
    if not source:
        document = Document(errand.path, "", errand.target, errand.format)
        pipe.send(Opening("\n".join(item.text for item in islice(document.segments(), _OPENING))))
        source = pipe.receive()
    document = Document(errand.path, source, errand.target, errand.format)
    segments = characters = 0
    for segment in document.segments():
        segments, characters = segments + 1, characters + len(segment.text)
    pipe.send(Measured(segments, characters))
    pipe.receive()
    distant = _Distant(pipe)
    with errand.result.open("wb") as out:
        document.translate(distant, out, watch=distant.count)
    return Written(distant.done, distant.failed)


def _bound() -> None:
    """Take no more of the machine than a document may."""
    for kind, most in (
        (resource.RLIMIT_DATA, _MEMORY),
        (resource.RLIMIT_CPU, _SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        with suppress(OSError, ValueError):
            resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    with suppress(OSError):
        os.nice(_NICENESS)


def main() -> None:
    """Serve the socket whose descriptor is the first argument."""
    pipe = own_end()
    # What libraries warn of may quote the document.
    logging.basicConfig(handlers=[logging.NullHandler()], force=True)
    warnings.simplefilter("ignore")
    _bound()
    try:
        written = run(pipe, pipe.receive())
    except EOFError:
        os._exit(0)
    except MemoryError:
        written = Written(fault=TooLarge("The document takes more memory than one may. Send it in parts."))
    except OSError as fault:
        written = Written(fault=Unavailable(f"{fault.strerror}."))
    except Exception as fault:
        from scalemt.serve.logs import trace_of

        written = Written(fault=portable(fault, trace_of(fault)))
    with suppress(OSError):
        pipe.send(written)


if __name__ == "__main__":
    main()
