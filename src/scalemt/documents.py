"""Documents through the engine: read, each repeated segment translated once, and written anew.

::

    from scalemt import Engine
    from scalemt.documents import Document

    book = Document("book.docx", source="en", target="pt")
    with open("book.pt.docx", "wb") as out:
        book.translate(Engine.from_profile("default"), out)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from scalemt import languages
from scalemt.errors import InputError, UsageError
from scalemt.formats import Format, FormatOptions, Target, format_for
from scalemt.types import Segment, Translation, Usage

if TYPE_CHECKING:
    from scalemt.engine.running import Progress

_REMEMBERED = 100_000  # different segments whose translation is kept for their repetitions


class Translator(Protocol):
    """What translates the segments of a document: an `Engine`, or one that stands elsewhere."""

    def stream(
        self, texts: Iterable[Segment], source: str, target: str, progress: Progress | None = None
    ) -> Iterator[Translation]:
        """Yield a translation a segment, in order; see `Engine.stream`."""
        ...

    def tells_context(self) -> bool:
        """Whether equal texts behind different ones may be translated differently."""
        ...


@dataclass
class Document:
    """One file in one format.

    Args:
        path: the file; it is read several times, so a pipe will not do.
        source, target: language codes of any accepted standard.
        format_name: a format by name; None tells it by the suffix.
        options: how the format reads and writes; its languages are filled in here.
        context: how many segments before each one come with it, for prompts that show them.

    Raises:
        UsageError: no such format, an unknown language, or fields where the format has none.
        InputError: the file does not exist.
    """

    path: Path
    source: str = ""
    target: str = ""
    format_name: str | None = None
    options: FormatOptions = field(default_factory=FormatOptions)
    context: int = 0

    def __post_init__(self) -> None:
        self.path = Path(self.path)
        if not self.path.is_file():
            kind = "is not a file" if self.path.exists() else "does not exist"
            raise InputError(f"{self.path} {kind}. Give the path of a document.")
        self.format: Format = format_for(self.path, self.format_name)
        if self.options.fields and not self.format.takes_fields:
            raise UsageError(f"{self.path} is {self.format.title}, which has no fields. Leave out --fields.")
        source, target = (languages.parse(code) if code else "" for code in (self.source, self.target))
        self.options = replace(self.options, source=source, target=target)

    def segments(self) -> Iterator[Segment]:
        """Yield the segments in reading order.

        Raises:
            InputError: the file cannot be read as its format.
        """
        yield from map(InContext(self.context).placed, self.format.read(self.path, self.options))

    def translations(self, engine: Translator, progress: Progress | None = None) -> Iterator[Translation]:
        """Yield a translation a segment, in order; a repeated segment is translated once."""

        def stream(segments: Iterable[Segment]) -> Iterator[Translation]:
            return engine.stream(segments, self.source, self.target, progress)

        in_context = engine.tells_context()
        return Repeats(progress, in_context=in_context).stream(self.segments(), stream)

    def translate(
        self,
        engine: Translator,
        out: BinaryIO,
        progress: Progress | None = None,
        watch: Callable[[Translation], None] | None = None,
    ) -> None:
        """Write the document in the target language.

        A segment that failed keeps its source, or stays untranslated where the format can tell.

        Args:
            engine: translates.
            out: where the bytes of the new document go.
            progress: called with the number of segments finished since the last call.
            watch: called with each translation, in order.

        Raises:
            InputError: the file cannot be read as its format, or changed meanwhile.
            UsageError: the request cannot be done as it is.
        """

        def targets() -> Iterator[Target]:
            for item in self.translations(engine, progress):
                if watch:
                    watch(item)
                yield Target.of(item)

        self.format.write(self.path, self.options, targets(), out)


class InContext:
    """Gives segments, one after the other, what stands before them.

    Args:
        context: how many segments before each one.
    """

    def __init__(self, context: int) -> None:
        self._before: deque[str] = deque(maxlen=context)

    def placed(self, segment: Segment) -> Segment:
        """Return the next segment with the sources before it."""
        placed = replace(segment, before=tuple(self._before)) if self._before else segment
        self._before.append(segment.text)
        return placed


class Repeats:
    """Has each different segment translated once, and its translation stand wherever it is repeated.

    Args:
        progress: told of repetitions; of all else the engine tells.
        size: how many different segments are remembered; those that come later are translated each time.
        in_context: equal texts behind different ones are different segments, as a memory may tell them apart.
    """

    def __init__(
        self, progress: Progress | None = None, size: int = _REMEMBERED, *, in_context: bool = False
    ) -> None:
        self._in_context = in_context
        self._progress = progress or (lambda _: None)
        self._size = size
        self._done: dict[object, Translation] = {}
        self._waiting: deque[tuple[Segment, object, bool]] = deque()
        self._known: set[object] = set()

    def stream(
        self, segments: Iterable[Segment], translate: Callable[[Iterable[Segment]], Iterator[Translation]]
    ) -> Iterator[Translation]:
        """Yield a translation a segment, in order.

        Args:
            segments: all segments.
            translate: yields a translation for each segment that it is given, in order.
        """
        made = translate(self._fresh(segments))
        while True:
            while self._waiting and not self._waiting[0][2]:
                yield self._repeated()
            following = next(made, None)
            if following is None:
                break
            while not self._waiting[0][2]:
                yield self._repeated()
            _, key, _ = self._waiting.popleft()
            if key in self._known:
                self._done[key] = following
            yield following
        while self._waiting:
            yield self._repeated()

    def _fresh(self, segments: Iterable[Segment]) -> Iterator[Segment]:
        for segment in segments:
            key = (segment.text, segment.spans, segment.breaks, segment.syntax, self._apart(segment))
            new = key not in self._known
            if new and len(self._known) < self._size:
                self._known.add(key)
            self._waiting.append((segment, key, new))
            if new:
                yield segment

    def _apart(self, segment: Segment) -> tuple[str, ...]:
        return (segment.before[-1] if segment.before else "", segment.id) if self._in_context else ()

    def _repeated(self) -> Translation:
        segment, key, _ = self._waiting.popleft()
        self._progress(1)
        first = self._done[key]
        return replace(first, segment=segment, usage=Usage(), seconds=0.0)
