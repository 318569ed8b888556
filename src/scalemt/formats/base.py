"""What a document format is: it reads segments out of a file, and writes it anew around their translations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, ClassVar

from scalemt.errors import InputError
from scalemt.types import Segment, Span, Translation


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """How a document is read and written.

    Args:
        source, target: canonical language tags; some formats hold them ("" leaves what stands there).
        fields: which fields hold text, in formats that have fields (`messages[*].content`, `2`, `title`).
        encoding: of a text file, where it cannot be told ("" asks byte order mark, declaration, then UTF-8).
        overwrite: translate also what has a translation already.
        selective: how long texts inside fields are treated: "structure" copies code fences, data and formulas line
            by line; "prompt" gives a text as one segment with such parts as protected spans; "off" as one segment.
    """

    source: str = ""
    target: str = ""
    fields: tuple[str, ...] = ()
    encoding: str = ""
    overwrite: bool = False
    selective: str = "structure"


@dataclass(frozen=True, slots=True)
class Target:
    """What is written for one segment.

    Args:
        text: the translation; the source where it failed.
        spans: the segment's protected spans, by their keys, where they stand in the text.
        failed: there is no translation; a format that can leave a unit untranslated does so.
        origin: what made it, for formats that keep that (XLIFF, TMX).
        quality: probability in [0, 1] that the specialist gives its draft, None where unknown.
    """

    text: str
    spans: tuple[Span, ...] = ()
    failed: bool = False
    origin: str = ""
    quality: float | None = None

    @classmethod
    def same(cls, segment: Segment) -> Target:
        """The source itself: what an identity translation writes."""
        return cls(segment.text, segment.spans)

    @classmethod
    def of(cls, translation: Translation) -> Target:
        """What a translation writes; of one that failed, the source.

        Only the spans that the format itself marked are told: of others (placeholders) it knows nothing.
        """
        if translation.error:
            return replace(cls.same(translation.segment), failed=True)
        own = {span.key for span in translation.segment.spans}
        spans = tuple(span for span in translation.spans if span.key in own)
        draft = translation.draft
        quality = draft.confidence if draft else None
        return cls(translation.text, spans, False, f"scalemt {translation.method}", quality)


class Format(ABC):
    """One document format.

    A file is read twice: once for its segments, once while it is written anew. Nothing is kept between, so that a
    file may be larger than memory where `streams` says so. A subclass sets the attributes and implements `_read`
    and `_write`; both must come to the same segments in the same order.

    Attributes:
        name: as `--format` takes it.
        title: for people.
        suffixes: of file names, in small letters, with the full stop.
        fidelity: "bytes" (all that is not translated comes out byte for byte), or a sentence that says what may be
            written otherwise.
        streams: memory does not grow with the file.
        bilingual: source and translation stand side by side in the file.
        takes_fields: `FormatOptions.fields` means something.
        packaged: a file is a package of several (a zip), not a text.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    fidelity: ClassVar[str] = "bytes"
    streams: ClassVar[bool] = False
    bilingual: ClassVar[bool] = False
    takes_fields: ClassVar[bool] = False
    packaged: ClassVar[bool] = False

    def read(self, path: Path, options: FormatOptions) -> Iterator[Segment]:
        """Yield the segments of a file in reading order; those without an id get "unit N", from 1.

        Raises:
            InputError: the file cannot be read as this format; the message names file, place and mend.
            UsageError: the options do not fit.
        """
        with _reading(path):
            for number, segment in enumerate(self._read(path, options), 1):
                yield segment if segment.id else replace(segment, id=f"unit {number}")

    def write(self, path: Path, options: FormatOptions, targets: Iterator[Target], out: BinaryIO) -> None:
        """Write the file anew with one target a segment, in the order of `read`.

        Args:
            path: the file that was read, unchanged since.
            options: the same as for `read`.
            targets: pulled as they are needed.
            out: where the bytes go; a format that needs to seek keeps its own temporary file.

        Raises:
            InputError: the file changed meanwhile: it has more or fewer segments than there are targets.
        """
        with _reading(path):
            try:
                self._write(path, options, targets, out)
            except StopIteration:
                raise InputError(
                    f"{path} holds more segments than were read before: it changed meanwhile."
                ) from None
        if next(targets, None) is not None:
            raise InputError(f"{path} holds fewer segments than were read before: it changed meanwhile.")

    @abstractmethod
    def _read(self, path: Path, options: FormatOptions) -> Iterator[Segment]:
        """Yield the segments."""

    @abstractmethod
    def _write(self, path: Path, options: FormatOptions, targets: Iterator[Target], out: BinaryIO) -> None:
        """Write the file; `next(targets)` belongs to the next segment, and may raise StopIteration."""


class _reading:  # noqa: N801  # a context manager, used like a function
    """Tell which file could not be read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, fault: BaseException | None, trace: object) -> None:
        # Faults of writing carry no name of this file: those of the output pass as they are.
        if isinstance(fault, OSError) and str(fault.filename) == str(self._path):
            raise InputError(f"{self._path} cannot be read: {fault.strerror or fault}.") from None
