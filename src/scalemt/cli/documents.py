"""Documents on the command line: the options that say how a file is read, and what may be written where."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from scalemt.documents import Document
    from scalemt.formats import FormatOptions

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--format", "format_name", metavar="NAME", help="Format of the file (default: by its suffix)."),
    click.option("--fields", multiple=True, metavar="PATHS",
                 help="Which fields or columns hold text: messages[*].content, title,body."),
    click.option("--encoding", default="", metavar="NAME", help="Encoding of a text file that declares none."),
    click.option("--overwrite", is_flag=True, help="Translate also what has a translation already (PO, XLIFF)."),
    click.option("--selective", type=click.Choice(["structure", "prompt", "off"]), default="structure",
                 help="How code, data and formulas inside fields are kept: cut away, as protected spans, or not."),
)  # fmt: skip
_CHECKED = 1 << 28  # bytes; a longer file of a streaming format is not read once more only to count its segments


def document_options(function: F) -> F:
    """Add the options that say how a document is read."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def open_document(path: str, options: dict[str, Any], *, source: str = "", target: str = "") -> Document:
    """Return the document that the options describe; what belongs to documents is taken out of `options`."""
    from scalemt.documents import Document

    return Document(Path(path), source, target, options.pop("format_name"), format_options(options))


def format_options(options: dict[str, Any]) -> FormatOptions:
    """Return how documents are read and written; what belongs to that is taken out of `options`."""
    from scalemt.formats import FormatOptions

    fields = tuple(item.strip() for given in options.pop("fields") for item in given.split(",") if item.strip())
    return FormatOptions(
        fields=fields,
        encoding=options.pop("encoding"),
        overwrite=options.pop("overwrite"),
        selective=options.pop("selective"),
    )


def is_lines(path: str, options: dict[str, Any]) -> bool:
    """Whether a file is a list of texts, one a line, read as it comes; pipes and devices are.

    So is `corpus.en`, as half of a parallel corpus is called. A text with a byte order mark, an encoding of its
    own or line ends of another system is a document: it is to come out likewise.
    """
    place = Path(path)
    if (place.exists() and not place.is_file()) or options["drafts"]:
        return True
    if (options["format_name"] or _by_suffix(place)) != "txt":
        return False
    if not place.is_file():
        return True
    with place.open("rb") as file:
        start = file.read(1 << 16)
    marked = start.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"))
    return not (options["encoding"] or marked or b"\r" in start)


def _by_suffix(place: Path) -> str:
    from scalemt import languages
    from scalemt.errors import UnknownLanguageError
    from scalemt.formats import suffixes

    name = place.name.lower()
    ending = next((known for known in suffixes() if name.endswith(known)), "")
    if ending or not place.suffix:
        return suffixes().get(ending, "txt")
    try:
        languages.parse(place.suffix[1:])
    except UnknownLanguageError:
        return ""
    return "txt"


def refuse_output(document: Document, target_file: str | None) -> None:
    """Refuse an output whose suffix promises another format or that is the source, and packages on a terminal.

    Raises:
        UsageError: the output would not be what its name says.
    """
    from scalemt.errors import UsageError
    from scalemt.formats import suffixes

    if target_file in (None, "-"):
        if document.format.packaged and sys.stdout is not None and sys.stdout.isatty():
            raise UsageError(f"{document.format.title} is no text for a terminal. Give a file with -o.")
        return
    if not document.format.bilingual and document.path.resolve() == Path(str(target_file)).resolve():
        raise UsageError(f"{target_file} is the source, and would be lost. Give the translation another name.")
    name = Path(str(target_file)).name.lower()
    ending = next((known for known in suffixes() if name.endswith(known)), "")
    if ending and suffixes()[ending] != document.format.name and not name.endswith(document.format.suffixes):
        raise UsageError(
            f"{target_file} is named as {suffixes()[ending]}, but the translation of {document.path} is "
            f"{document.format.title}, as its source is. Name it …{document.format.suffixes[0]}."
        )


def count(document: Document) -> int | None:
    """Return how many segments a document has, its faults found on the way; None where that would take long."""
    if document.format.streams and document.path.stat().st_size > _CHECKED:
        return None
    return sum(1 for _ in document.segments())
