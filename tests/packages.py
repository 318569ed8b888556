"""Small office documents and books, written for the tests, and what changes them."""

# ruff: noqa: E501  # markup reads better in whole lines

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from scalemt.formats import FormatOptions, Target, format_for
from scalemt.text.spans import rewrite
from scalemt.types import Segment

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
_RELATED = f"{_OFFICE}/relationships"
_TYPES = "application/vnd.openxmlformats-officedocument."
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
_SLIDES = "http://schemas.openxmlformats.org/presentationml/2006/main"
ODF = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{address}:1.0"'
    for name, address in {
        "office": "office", "text": "text", "table": "table", "style": "style", "fo": "xsl-fo-compatible",
        "svg": "svg-compatible", "draw": "drawing",
    }.items()
) + ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:dc="http://purl.org/dc/elements/1.1/"'  # fmt: skip


def packed(path: Path, members: Mapping[str, str | bytes]) -> Path:
    """Write a zip file; `mimetype` is stored, the rest deflated."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, held in members.items():
            info = zipfile.ZipInfo(name, (2026, 11, 24, 12, 0, 0))
            info.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            file.writestr(info, held)
    return path


def unpacked(data: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert file.testzip() is None
        return {name: file.read(name).decode("utf-8", "replace") for name in file.namelist()}


def _relations(listed: Mapping[str, tuple[str, str]]) -> str:
    rows = "".join(
        f'<Relationship Id="{key}" Type="{_RELATED}/{kind}" Target="{target}"'
        + (' TargetMode="External"/>' if "://" in target else "/>")
        for key, (kind, target) in listed.items()
    )
    return f'{_XML}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{rows}</Relationships>'


def _types(kinds: Mapping[str, str]) -> str:
    rows = "".join(f'<Override PartName="/{part}" ContentType="{kind}"/>' for part, kind in kinds.items())
    return (
        f'{_XML}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{rows}</Types>'
    )


def _core(title: str) -> str:
    return (
        f'{_XML}<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title><dc:creator>Ana Lima</dc:creator>'
        "</cp:coreProperties>"
    )


def docx(path: Path, body: str, notes: str = "", title: str = "The title", prefix: str = "w") -> Path:
    """Write a Word document; `body` and `notes` are WordprocessingML with the prefix "w"."""
    spaces = f'xmlns:{prefix}="{_WORD}" xmlns:r="{_RELATED}" xmlns:a="{_DRAWING}"'
    kinds = {
        "word/document.xml": f"{_TYPES}wordprocessingml.document.main+xml",
        "word/footnotes.xml": f"{_TYPES}wordprocessingml.footnotes+xml",
        "docProps/core.xml": "application/vnd.openxmlformats-package.core-properties+xml",
    }
    return packed(
        path,
        {
            "[Content_Types].xml": _types(kinds),
            "_rels/.rels": _relations(
                {"rId1": ("officeDocument", "word/document.xml"), "rId2": ("core-properties", "docProps/core.xml")}
            ),
            "word/_rels/document.xml.rels": _relations(
                {"rId1": ("footnotes", "footnotes.xml"), "rId2": ("hyperlink", "https://example.org/a")}
            ),
            "word/document.xml": f"{_XML}<{prefix}:document {spaces}><{prefix}:body>{body}</{prefix}:body></{prefix}:document>",
            "word/footnotes.xml": f"{_XML}<{prefix}:footnotes {spaces}>{notes}</{prefix}:footnotes>",
            "docProps/core.xml": _core(title),
        },
    )


def pptx(path: Path, slides: list[str], notes: str = "") -> Path:
    """Write a presentation; the parts are numbered against the order of the slides."""
    spaces = f'xmlns:p="{_SLIDES}" xmlns:a="{_DRAWING}" xmlns:r="{_RELATED}"'
    count = len(slides)
    parts = {f"ppt/slides/slide{count - place}.xml": held for place, held in enumerate(slides)}
    ids = "".join(f'<p:sldId id="{256 + place}" r:id="rId{place + 1}"/>' for place in range(count))
    shape = "<p:cSld><p:spTree><p:sp><p:txBody><a:bodyPr/>{}</p:txBody></p:sp></p:spTree></p:cSld>"
    kinds = {"ppt/presentation.xml": f"{_TYPES}presentationml.presentation.main+xml"}
    kinds |= dict.fromkeys(parts, f"{_TYPES}presentationml.slide+xml")
    kinds["ppt/notesSlides/notesSlide1.xml"] = f"{_TYPES}presentationml.notesSlide+xml"
    listed = {f"rId{place + 1}": ("slide", part.removeprefix("ppt/")) for place, part in enumerate(parts)}
    return packed(
        path,
        {
            "[Content_Types].xml": _types(kinds),
            "_rels/.rels": _relations({"rId1": ("officeDocument", "ppt/presentation.xml")}),
            "ppt/_rels/presentation.xml.rels": _relations(dict(reversed(listed.items()))),
            "ppt/presentation.xml": f"{_XML}<p:presentation {spaces}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>",
            f"ppt/slides/_rels/slide{count}.xml.rels": _relations(
                {"rId1": ("notesSlide", "../notesSlides/notesSlide1.xml")}
            ),
            "ppt/notesSlides/notesSlide1.xml": f"{_XML}<p:notes {spaces}>{shape.format(notes)}</p:notes>",
            **{part: f"{_XML}<p:sld {spaces}>{shape.format(held)}</p:sld>" for part, held in parts.items()},
        },
    )


def xlsx(path: Path, shared: list[str], rows: str, table: str = "", more: str = "", names: str = "") -> Path:
    """Write a workbook of one sheet, "Plants"; `shared` are the contents of `si` elements."""
    spaces = f'xmlns="{_SHEET}" xmlns:r="{_RELATED}"'
    kinds = {
        "xl/workbook.xml": f"{_TYPES}spreadsheetml.sheet.main+xml",
        "xl/worksheets/sheet1.xml": f"{_TYPES}spreadsheetml.worksheet+xml",
        "xl/sharedStrings.xml": f"{_TYPES}spreadsheetml.sharedStrings+xml",
        "xl/tables/table1.xml": f"{_TYPES}spreadsheetml.table+xml",
    }
    members: dict[str, str | bytes] = {
        "[Content_Types].xml": _types(kinds),
        "_rels/.rels": _relations({"rId1": ("officeDocument", "xl/workbook.xml")}),
        "xl/_rels/workbook.xml.rels": _relations(
            {"rId1": ("worksheet", "worksheets/sheet1.xml"), "rId2": ("sharedStrings", "sharedStrings.xml")}
        ),
        "xl/workbook.xml": f'{_XML}<workbook {spaces}><sheets><sheet name="Plants" sheetId="1" r:id="rId1"/></sheets>'
        f"{names}</workbook>",
        "xl/worksheets/sheet1.xml": f"{_XML}<worksheet {spaces}><sheetData>{rows}</sheetData>{more}</worksheet>",
        "xl/sharedStrings.xml": f"{_XML}<sst {spaces}>"
        + "".join(f"<si>{item}</si>" for item in shared)
        + "</sst>",
    }
    if table:
        members["xl/worksheets/_rels/sheet1.xml.rels"] = _relations({"rId1": ("table", "../tables/table1.xml")})
        members["xl/tables/table1.xml"] = f"{_XML}<table {spaces} {table}</table>"
    return packed(path, members)


def odt(path: Path, body: str, styles: str = "", manifest: str = "", kind: str = "text") -> Path:
    """Write an OpenDocument file; `styles` are automatic ones."""
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<office:document-content {ODF} office:version="1.3">'
        f"<office:automatic-styles>{styles}</office:automatic-styles><office:body><office:{kind}>{body}"
        f"</office:{kind}></office:body></office:document-content>"
    )
    default = (
        f'<office:document-styles {ODF} office:version="1.3"><office:styles><style:default-style style:family="paragraph">'
        '<style:paragraph-properties style:writing-mode="page"/><style:text-properties fo:language="en" '
        'fo:country="GB"/></style:default-style></office:styles></office:document-styles>'
    )
    meta = f"<office:document-meta {ODF}><office:meta><dc:title>My garden</dc:title></office:meta></office:document-meta>"
    return packed(
        path,
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": content,
            "styles.xml": default,
            "meta.xml": meta,
            "META-INF/manifest.xml": '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            f"{manifest}</manifest:manifest>",
        },
    )


def epub(path: Path, chapters: Mapping[str, str], more: Mapping[str, str] | None = None) -> Path:
    """Write a book; `chapters` are the bodies of its documents, in reading order, by their file names."""
    items = "".join(
        f'<item id="c{n}" href="{name.replace(" ", "%20")}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    page = '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" xml:lang="en"><head>{}</head><body>{}</body></html>'
    return packed(
        path,
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0">'
            '<rootfiles><rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
            "OEBPS/content.opf": '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata '
            'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>My book</dc:title><dc:creator>Ana Lima</dc:creator>'
            '<dc:language>en</dc:language></metadata><manifest><item id="nav" href="nav.xhtml" properties="nav" '
            'media-type="application/xhtml+xml"/><item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
            f'{items}</manifest><spine toc="ncx">{spine}</spine></package>',
            "OEBPS/nav.xhtml": page.format(
                "", '<nav epub:type="toc"><ol><li><a href="a.xhtml">First part</a></li></ol></nav>'
            ),
            "OEBPS/toc.ncx": '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><docTitle><text>My book</text></docTitle>'
            "<docAuthor><text>Ana Lima</text></docAuthor><navMap><navPoint><navLabel><text>First part</text></navLabel>"
            "</navPoint></navMap></ncx>",
            **{f"OEBPS/{name}": page.format("", body) for name, body in chapters.items()},
            **(more or {}),
        },
    )


def read(path: Path, options: FormatOptions | None = None) -> list[Segment]:
    return list(format_for(path).read(path, options or FormatOptions()))


def written(
    path: Path, change: Callable[[Segment], Target] = Target.same, options: FormatOptions | None = None
) -> bytes:
    made, out, how = format_for(path), io.BytesIO(), options or FormatOptions()
    made.write(path, how, iter([change(segment) for segment in read(path, how)]), out)
    return out.getvalue()


def shouted(segment: Segment) -> Target:
    """All letters outside of spans large."""
    return Target(*rewrite(segment.text, segment.spans, lambda _, held: held, lambda plain: plain.upper()))
