"""Which format a file has: by its suffix, or as the user says."""

from __future__ import annotations

from pathlib import Path

from scalemt.errors import UsageError
from scalemt.formats.base import Format
from scalemt.registry import Registry

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
        "parquet": "scalemt.formats.parquet:ParquetFormat",
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


# Beside the classes, so that a suffix is told without importing all of them; a test holds both together.
_SUFFIXES = {
    "android": ("strings.xml",),
    "arb": (".arb",),
    "csv": (".csv",),
    "docx": (".docx", ".docm", ".dotx", ".dotm"),
    "epub": (".epub",),
    "html": (".html", ".htm", ".xhtml"),
    "json": (".json", ".webmanifest"),
    "jsonl": (".jsonl", ".ndjson"),
    "markdown": (".md", ".markdown"),
    "odt": (".odt", ".ott", ".ods", ".ots", ".odp", ".otp", ".odg", ".otg"),
    "parquet": (".parquet", ".pq"),
    "po": (".po", ".pot"),
    "pptx": (".pptx", ".pptm", ".potx", ".potm", ".ppsx", ".ppsm"),
    "properties": (".properties",),
    "srt": (".srt",),
    "strings": (".strings",),
    "tmx": (".tmx",),
    "tsv": (".tsv", ".tab"),
    "txt": (".txt", ".text"),
    "vtt": (".vtt",),
    "xliff": (".xlf", ".xliff", ".sdlxliff", ".mxliff"),
    "xlsx": (".xlsx", ".xlsm", ".xltx", ".xltm"),
}


def suffixes() -> dict[str, str]:
    """Return the name of the format of each known suffix; of a plug-in its class is asked."""
    table = dict(_SUFFIXES)
    table |= {name: FORMATS.load(name).suffixes for name in FORMATS.names() if name not in table}
    return {suffix: name for name, endings in table.items() for suffix in endings}


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
    known = suffixes()
    for ending in sorted(known, key=len, reverse=True):
        if file_name.endswith(ending):
            return format_for(path, known[ending])
    listed = "; ".join(
        f"{item} ({' '.join(end for end, owner in known.items() if owner == item)})" for item in FORMATS.names()
    )
    suffix = Path(path).suffix or "a name without a suffix"
    raise UsageError(
        f"{path}: {suffix} is no format that scalemt reads. Formats: {listed}. "
        "A text of one segment a line, whatever its name: --format txt."
    )
