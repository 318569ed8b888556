"""Word documents (.docx): paragraphs of runs, fields, tracked changes.

Source: ISO/IEC 29500-1, section 17 (WordprocessingML).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from scalemt.formats.base import FormatOptions
from scalemt.formats.inline import Piece
from scalemt.formats.member import Dialect, Member, Node, attribute
from scalemt.formats.ooxml import OoxmlFormat, right_to_left

# What comes and goes with editing and spelling, and breaks a word into runs that look alike.
_NOISE = {"w:proofErr", "w:lastRenderedPageBreak", "w:softHyphen"}
_NOISY_LOOK = {"w:lang", "w:noProof", "w:rPrChange"}
_AROUND = {
    "w:hyperlink", "w:ins", "w:moveTo", "w:smartTag", "w:customXml", "w:sdt", "w:fldSimple", "w:dir", "w:bdo",
}  # fmt: skip
_PROPERTIES = {"w:smartTagPr", "w:customXmlPr", "w:fldData"}
_DEEPEST = 40
# Results that are numbers, dates or names, or that another program writes again: they are copied.
_COPIED_FIELDS = {
    "=", "ADDIN", "AUTHOR", "AUTONUM", "AUTONUMLGL", "AUTONUMOUT", "BARCODE", "BIBLIOGRAPHY", "CITATION",
    "CREATEDATE", "DATE", "DISPLAYBARCODE", "EDITTIME", "EQ", "FILENAME", "FILESIZE", "FORMCHECKBOX",
    "LASTSAVEDBY", "LISTNUM",
    "MERGEFIELD", "NOTEREF", "NUMCHARS", "NUMPAGES", "NUMWORDS", "PAGE", "PAGEREF", "PRINTDATE", "REVNUM",
    "SAVEDATE", "SECTION", "SECTIONPAGES", "SEQ", "SYMBOL", "TIME", "USERADDRESS", "USERINITIALS", "USERNAME",
}  # fmt: skip
# What must stand behind `w:bidi` in the properties of a paragraph, behind `w:rtl` and `w:lang` in those of a run.
_AFTER_BIDI = {
    "w:adjustRightInd", "w:snapToGrid", "w:spacing", "w:ind", "w:contextualSpacing", "w:mirrorIndents",
    "w:suppressOverlap", "w:jc", "w:textDirection", "w:textAlignment", "w:textboxTightWrap", "w:outlineLvl",
    "w:divId", "w:cnfStyle", "w:rPr", "w:sectPr", "w:pPrChange",
}  # fmt: skip
_AFTER_LANG = {"w:eastAsianLayout", "w:specVanish", "w:oMath"}
_AFTER_RTL = {"w:cs", "w:em", *_AFTER_LANG}


@dataclass(slots=True)
class _Field:
    """A complex field that is open: where it begins and where its result does, -1 for in an earlier paragraph."""

    start: int
    code: str = ""
    separated: bool = False
    separator: int = -1

    @property
    def copied(self) -> bool:
        """Nothing between its marks so far is text to translate."""
        return not self.separated or _is_copied(self.code)


def _is_copied(code: str) -> bool:
    words = code.split()
    return not words or words[0].upper() in _COPIED_FIELDS or words[0].startswith("=")


class Word(Dialect):
    """A paragraph of WordprocessingML, `w:p`.

    Args:
        options: with a target language, translated runs are marked as of it, and paragraphs too where it is
            written from right to left.
    """

    def __init__(self, options: FormatOptions) -> None:
        self._language = options.target
        self._to_left = right_to_left(options.target)
        self._fields: list[_Field] = []
        self._looks: dict[bytes, bytes] = {}

    def pieces(self, block: Node, member: Member) -> tuple[bytes, list[Piece], bytes]:  # noqa: D102
        properties = block.child("w:pPr")
        head = block.open + (properties.raw if properties else b"")
        if self._to_left:
            inner = self._with(properties, "w:bidi", _AFTER_BIDI, {}, member)
            head = block.open + member.start("w:pPr", {}) + inner + member.end("w:pPr")
        content = [child for child in block.children if child.name != "w:pPr"]
        return head, self._without_fields(list(self._content(content, member, 0))), block.close

    def _content(self, nodes: list[Node], member: Member, depth: int) -> Iterator[Piece]:
        for node in nodes:
            if not node.name or node.name in _NOISE:
                continue
            if node.name == "w:r":
                yield from self._run(node, member)
            elif node.name in _AROUND and depth < _DEEPEST and (around := self._around(node)):
                first, inner, last = around
                yield Piece("open", first)
                yield from self._content(inner, member, depth + 1)
                yield Piece("close", last)
            else:
                yield Piece("alone", node.raw)

    def _around(self, node: Node) -> tuple[bytes, list[Node], bytes] | None:
        """Return the bytes before, the nodes inside, and the bytes behind the content of something around runs."""
        holder: Node | None = node
        if node.name == "w:sdt":
            holder = node.child("w:sdtContent")
        if holder is None or not holder.children or _is_copied_simple(node):
            return None
        start, inner = holder.start + 1, [child for child in holder.children if child.name]
        if inner and inner[0].name in _PROPERTIES:
            start = inner.pop(0).end
        first = b"".join(event.raw for event in node.source[node.start : start])
        last = b"".join(event.raw for event in node.source[holder.end - 1 : node.end])
        return first, inner, last

    def _run(self, run: Node, member: Member) -> Iterator[Piece]:
        properties = run.child("w:rPr")
        if properties and _is_hidden(properties):
            yield Piece("alone", run.raw)
            return
        look = self._look(properties, member)
        first = run.open + (properties.raw if properties else b"")
        for child in run.children:
            if not child.name or child.name == "w:rPr" or child.name in _NOISE:
                continue
            raw = first + child.raw + run.close
            if child.name == "w:t":
                yield Piece("text", raw, _shown(child), look)
            elif child.name == "w:noBreakHyphen":
                yield Piece("text", raw, "\u2011", look)
            elif child.name == "w:fldChar":
                yield Piece("alone", raw, mark=attribute(child.event, "fldCharType"))
            elif child.name == "w:instrText":
                yield Piece("alone", raw, child.text, mark="instruction")
            else:
                yield Piece("alone", raw)

    def _look(self, properties: Node | None, member: Member) -> bytes:
        """Return the properties of a run without what does not show."""
        raw = properties.raw if properties else b""
        if raw not in self._looks:
            self._looks[raw] = self._made_look(properties, member)
        return self._looks[raw]

    def _made_look(self, properties: Node | None, member: Member) -> bytes:
        children = [child for child in properties.children if child.name] if properties else []
        kept = [child for child in children if child.name not in _NOISY_LOOK and not _is_hint(child)]
        late = [child for child in kept if child.name in _AFTER_LANG]
        later = [child for child in kept if child.name in _AFTER_RTL and child.name not in _AFTER_LANG]
        early = [child for child in kept if child.name not in _AFTER_RTL and child.name != "w:rtl"]
        rtl = member.start("w:rtl", {}, empty=True) if self._to_left else _join(kept, "w:rtl")
        inner = _join(early) + rtl + _join(later) + self._marked(member) + _join(late)
        return member.start("w:rPr", {}) + inner + member.end("w:rPr") if inner else b""

    def _marked(self, member: Member) -> bytes:
        if not self._language:
            return b""
        names = ("w:val", "w:eastAsia", "w:bidi")
        return member.start("w:lang", {member.tag(name): self._language for name in names}, empty=True)

    def _with(
        self, properties: Node | None, name: str, after: set[str], held: Mapping[str, str], member: Member
    ) -> bytes:
        """Return the content of properties with one more, in the place that the schema gives it."""
        children = [child for child in properties.children if child.name] if properties else []
        early = [child for child in children if child.name not in after and child.name != name]
        late = [child for child in children if child.name in after]
        return _join(early) + member.start(name, held, empty=True) + _join(late)

    def _without_fields(self, pieces: list[Piece]) -> list[Piece]:
        """Return pieces in which a complex field is a pair around its result, or one that is copied."""
        out: list[Piece] = []
        fields = self._fields
        for piece in pieces:
            if piece.mark == "begin":
                fields.append(_Field(len(out)))
            elif piece.mark == "instruction" and fields:
                fields[-1].code += piece.text
            elif piece.mark == "separate" and fields and not fields[-1].separated:
                fields[-1].separated, fields[-1].separator = True, len(out)
            out.append(piece)
            if piece.mark == "end" and fields:
                _close_field(out, fields.pop())
        for field in fields:
            if field.copied:
                _hold(out, max(field.start, 0))
            # The rest of it stands in a later paragraph, as with a table of contents.
            field.start = field.separator = -1
        return out

    def text(self, text: str, look: bytes | None, member: Member) -> bytes:  # noqa: D102
        parts = []
        for part in re.split(r"(\r\n|[\n\r\v\u2028]|\t)", text):
            if part == "\t":
                parts.append(f"<{member.tag('w:tab')}/>")
            elif part and part in "\r\n\v\u2028":
                parts.append(f"<{member.tag('w:br')}/>")
            elif held := member.escaped(part):
                space = ' xml:space="preserve"' if part != part.strip() or "  " in part else ""
                parts.append(f"<{member.tag('w:t')}{space}>{held}</{member.tag('w:t')}>")
        if not parts:
            return b""
        return member.start("w:r", {}) + (look or b"") + member.encode("".join(parts)) + member.end("w:r")


def _close_field(out: list[Piece], field: _Field) -> None:
    """Make one of a field whose end has just been read."""
    if field.copied:
        _hold(out, max(field.start, 0))
        return
    start, separator = field.start, field.separator
    if start < 0 or not _balanced(out[start : separator + 1]) or not _balanced(out[separator + 1 : -1]):
        return
    out[-1] = Piece("close", out[-1].raw)
    out[start : separator + 1] = [Piece("open", b"".join(piece.raw for piece in out[start : separator + 1]))]


def _hold(out: list[Piece], start: int) -> None:
    """Keep text from the translator."""
    for piece in out[start:]:
        if piece.kind == "text":
            piece.kind = "alone"


def _balanced(pieces: list[Piece]) -> bool:
    depth = 0
    for piece in pieces:
        depth += (piece.kind == "open") - (piece.kind == "close")
        if depth < 0:
            return False
    return depth == 0


def _join(nodes: list[Node], name: str = "") -> bytes:
    return b"".join(node.raw for node in nodes if not name or node.name == name)


def _shown(text: Node) -> str:
    """The text of a `w:t` as Word shows it."""
    held = re.sub(r"[\t\n\r]", " ", text.text)
    return held if text.event.attributes.get("xml:space") == "preserve" else held.strip(" ")


def _is_hidden(properties: Node) -> bool:
    hidden = properties.child("w:vanish")
    return hidden is not None and attribute(hidden.event, "val", "1") not in {"0", "false", "off"}


def _is_hint(child: Node) -> bool:
    """Tell whether fonts are only hinted at, as an input method does for single characters."""
    return child.name == "w:rFonts" and all(name.endswith("hint") for name in child.event.attributes)


def _is_copied_simple(node: Node) -> bool:
    return node.name == "w:fldSimple" and _is_copied(attribute(node.event, "instr"))


class DocxFormat(OoxmlFormat):
    """Word documents."""

    name = "docx"
    title = "Word document"
    suffixes = (".docx", ".docm", ".dotx", ".dotm")
    kinds: ClassVar[Mapping[str, tuple[str, ...]]] = {
        ".main+xml": ("w:p", "a:p"),
        "macroEnabledTemplate.main+xml": ("w:p", "a:p"),
        "wordprocessingml.header+xml": ("w:p", "a:p"),
        "wordprocessingml.footer+xml": ("w:p", "a:p"),
        "wordprocessingml.footnotes+xml": ("w:p", "a:p"),
        "wordprocessingml.endnotes+xml": ("w:p", "a:p"),
        "wordprocessingml.comments+xml": ("w:p", "a:p"),
    }

    def _dialects(self, options: FormatOptions) -> Mapping[str, Dialect]:
        return {**super()._dialects(options), "w:p": Word(options)}
