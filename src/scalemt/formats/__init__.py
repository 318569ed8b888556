"""Documents: each format in a file of its own reads segments and writes a file anew around their translations."""

from __future__ import annotations

from pathlib import Path

from scalemt.errors import UsageError
from scalemt.formats.base import Format, FormatOptions, Target
from scalemt.registry import Registry

__all__ = ["FORMATS", "Format", "FormatOptions", "Target", "format_for"]

FORMATS = Registry(
    "document format",
    "scalemt.formats",
    {
        "android": "scalemt.formats.android:AndroidFormat",
        "arb": "scalemt.formats.arb:ArbFormat",
        "csv": "scalemt.formats.table:CsvFormat",
        "docx": "scalemt.formats.docx:DocxFormat",
        "epub": "scalemt.formats.epub:EpubFormat",
        "html": "scalemt.formats.html:HtmlFormat",
        "json": "scalemt.formats.json:JsonFormat",
        "jsonl": "scalemt.formats.jsonl:JsonlFormat",
        "markdown": "scalemt.formats.markdown:MarkdownFormat",
        "odt": "scalemt.formats.odt:OdtFormat",
        "po": "scalemt.formats.po:PoFormat",
        "pptx": "scalemt.formats.pptx:PptxFormat",
        "properties": "scalemt.formats.properties:PropertiesFormat",
        "srt": "scalemt.formats.srt:SrtFormat",
        "strings": "scalemt.formats.strings:StringsFormat",
        "tmx": "scalemt.formats.tmx:TmxFormat",
        "tsv": "scalemt.formats.table:TsvFormat",
        "txt": "scalemt.formats.txt:TxtFormat",
        "vtt": "scalemt.formats.vtt:VttFormat",
        "xliff": "scalemt.formats.xliff:XliffFormat",
        "xlsx": "scalemt.formats.xlsx:XlsxFormat",
    },
)


def format_for(path: str | Path, name: str | None = None) -> Format:
    """Return the format of a file by its suffix, or the one that is named.

    Raises:
        UnknownNameError: no format of that name.
        UsageError: no format has that suffix; the message lists those that there are.
    """
    if name:
        found: Format = FORMATS.load(name)()
        return found
    file_name = Path(path).name.lower()
    formats: list[Format] = [FORMATS.load(known)() for known in FORMATS.names()]
    for suffix, candidate in sorted(((s, f) for f in formats for s in f.suffixes), key=lambda item: -len(item[0])):
        if file_name.endswith(suffix):
            return candidate
    listed = "; ".join(f"{item.name} ({' '.join(item.suffixes)})" for item in formats)
    raise UsageError(
        f"{path}: {Path(path).suffix or 'a name without a suffix'} is no format that scalemt reads. Formats: {listed}. "
        "A text of one segment a line, whatever its name: --format txt."
    )
