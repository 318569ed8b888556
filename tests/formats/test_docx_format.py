"""Word documents: what a paragraph says, what its runs become, and what is never touched."""

# ruff: noqa: E501  # markup reads better in whole lines

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from packages import docx, packed, read, shouted, unpacked, written
from scalemt.errors import InputError, IntegrityError, UsageError
from scalemt.formats import FormatOptions, Target
from scalemt.types import Segment, Span

BOLD, ITALIC = "<w:rPr><w:b/></w:rPr>", "<w:rPr><w:i/></w:rPr>"


def run(text: str, look: str = "") -> str:
    return f'<w:r>{look}<w:t xml:space="preserve">{text}</w:t></w:r>'


def field(code: str, result: str) -> str:
    mark = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'
    return (
        mark.format("begin") + f"<w:r><w:instrText> {code} </w:instrText></w:r>" + mark.format("separate")
        + run(result) + mark.format("end")
    )  # fmt: skip


def paragraph(*runs: str) -> str:
    return f"<w:p>{''.join(runs)}</w:p>"


def texts(path: Path) -> list[str]:
    return [segment.text for segment in read(path)]


def document(path: Path, *paragraphs: str, notes: str = "", prefix: str = "w") -> Path:
    body = "".join(paragraphs)
    if prefix != "w":
        body = body.replace("<w:", f"<{prefix}:").replace("</w:", f"</{prefix}:").replace(" w:", f" {prefix}:")
    return docx(path, body, notes, prefix=prefix)


def body(data: bytes) -> str:
    held = unpacked(data)["word/document.xml"]
    return held.partition("body>")[2].rpartition("</")[0].rpartition("</")[0]


def test_runs_that_look_alike_are_one_text(tmp_path: Path) -> None:
    path = document(
        tmp_path / "a.docx",
        paragraph(
            '<w:proofErr w:type="spellStart"/>', run("Wa"), '<w:proofErr w:type="spellEnd"/>',
            run("ter ", '<w:rPr><w:lang w:val="en-GB"/></w:rPr>'), run("the", BOLD), run(" ", BOLD), run("fern", BOLD),
            run(" twice &amp; well."),
        ),
    )  # fmt: skip
    segment = read(path)[0]
    assert segment.text == "Water <g1>the fern</g1> twice & well."
    assert [(span.role, span.kind) for span in segment.spans] == [("open", "tag"), ("close", "tag")]
    assert written(path) == path.read_bytes()
    assert body(written(path, shouted)) == paragraph(
        run("WATER "), run("THE FERN", BOLD), run(" TWICE &amp; WELL.")
    ).replace('<w:t xml:space="preserve">THE FERN<', "<w:t>THE FERN<")


def test_spans_may_come_in_another_order(tmp_path: Path) -> None:
    path = document(tmp_path / "a.docx", paragraph(run("old ", BOLD), run("house by "), run("sea", ITALIC)))

    def swapped(segment: Segment) -> Target:
        if "house" not in segment.text:
            return Target.same(segment)
        keys = {span.role: [item for item in segment.spans if item.role == span.role] for span in segment.spans}
        made = "<g2>mar</g2> e <g1>velha</g1>"
        places = [
            (0, 4, keys["open"][1]),
            (7, 12, keys["close"][1]),
            (15, 19, keys["open"][0]),
            (24, 29, keys["close"][0]),
        ]
        return Target(made, tuple(replace(span, start=start, end=end) for start, end, span in places))

    assert read(path)[0].text == "<g1>old </g1>house by <g2>sea</g2>"
    held = body(written(path, swapped))
    assert (
        held.index("<w:i/>") < held.index("mar<") < held.index(" e ") < held.index("<w:b/>") < held.index("velha<")
    )


def test_a_lost_code_is_refused(tmp_path: Path) -> None:
    path = document(tmp_path / "a.docx", paragraph(run("a "), run("b", BOLD)))
    with pytest.raises(
        IntegrityError, match=r"word/document.xml:1: the translation does not hold each inline code"
    ):
        written(path, lambda segment: Target("plain"))


def test_links_fields_notes_tabs_and_hidden_text(tmp_path: Path) -> None:
    link = f'<w:hyperlink r:id="rId2">{run("our guide")}</w:hyperlink>'
    note = '<w:r><w:footnoteReference w:id="2"/></w:r>'
    hidden = run("secret", "<w:rPr><w:vanish/></w:rPr>")
    path = document(
        tmp_path / "a.docx",
        paragraph(run("See "), link, run("."), note),
        paragraph(run("Page "), field("PAGE", "7"), run(" of the book")),
        paragraph(run("Read "), field('HYPERLINK "x"', "this text"), run(" now")),
        paragraph(run("one"), "<w:r><w:tab/></w:r>", run("two"), hidden),
        paragraph(run("1."), "<w:r><w:tab/></w:r>", run("First item")),
        paragraph(
            "<w:del>" + run("gone").replace("w:t", "w:delText") + "</w:del>", "<w:ins>" + run("New") + "</w:ins>"
        ),
        paragraph(run("2026")),
        notes=paragraph(run("Not in the rain.")),
    )
    assert texts(path) == [
        "See <g1>our guide</g1>.",
        "Page <x1/> of the book",
        "Read <g1>this text</g1> now",
        "one<x1/>two",
        "First item",
        "New",
        "Not in the rain.",
        "The title",
    ]
    made = unpacked(written(path, shouted))
    assert "Ana Lima" in made["docProps/core.xml"]
    assert "THE TITLE" in made["docProps/core.xml"]
    held = made["word/document.xml"]
    assert held.count("footnoteReference") == 1
    assert "secret" in held
    assert "gone" in held
    assert '<w:instrText> HYPERLINK "x" </w:instrText>' in held
    assert "<w:t>OUR GUIDE</w:t>" in held.partition("<w:hyperlink")[2].partition("</w:hyperlink>")[0]


def test_text_boxes_inside_paragraphs(tmp_path: Path) -> None:
    box = f"<w:r><w:pict><w:txbxContent>{paragraph(run('In the box'))}</w:txbxContent></w:pict></w:r>"
    path = document(tmp_path / "a.docx", paragraph(run("Around "), box, run("the box")))
    assert texts(path)[:2] == ["In the box", "Around <x1/>the box"]
    held = body(written(path, shouted))
    assert "IN THE BOX" in held
    assert held.index("AROUND") < held.index("IN THE BOX") < held.index("THE BOX</w:t></w:r></w:p>")


def test_a_table_of_contents_over_paragraphs(tmp_path: Path) -> None:
    mark = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'
    path = document(
        tmp_path / "a.docx",
        paragraph(mark.format("begin"), "<w:r><w:instrText> TOC </w:instrText></w:r>", mark.format("separate"), run("First"),
                  "<w:r><w:tab/></w:r>", run("3")),
        paragraph(run("Second"), mark.format("end")),
    )  # fmt: skip
    assert texts(path)[:2] == ["First", "Second"]
    held = body(written(path, shouted))
    assert (
        held.index("begin")
        < held.index("separate")
        < held.index("FIRST")
        < held.index("SECOND")
        < held.index('"end"')
    )


def test_any_prefix_and_the_language_of_the_target(tmp_path: Path) -> None:
    path = document(tmp_path / "a.docx", paragraph(run("One "), run("two", BOLD)), prefix="word")
    assert written(path) == path.read_bytes()
    held = body(written(path, shouted, FormatOptions(target="pt-BR")))
    assert (
        '<word:rPr><word:b/><word:lang word:val="pt-BR" word:eastAsia="pt-BR" word:bidi="pt-BR"/></word:rPr>'
        in held
    )
    arabic = body(written(path, shouted, FormatOptions(target="ar")))
    assert "<word:pPr><word:bidi/></word:pPr>" in arabic
    assert "<word:rtl/>" in arabic


def test_text_that_looks_like_codes_and_controls(tmp_path: Path) -> None:
    path = document(tmp_path / "a.docx", paragraph(run("a &lt;g1&gt; b "), run("c", BOLD)))
    assert read(path)[0].text == "a <g1> b <g1>c</g1>"
    assert len(read(path)[0].spans) == 2
    held = body(written(path, lambda item: Target(item.text.replace("b", "\x00\ud800b\tx\ny"), _moved(item))))
    assert "a &lt;g1&gt; b</w:t><w:tab/><w:t>x</w:t><w:br/>" in held


def _moved(segment: Segment) -> tuple[Span, ...]:
    shift = 5 if "b" in segment.text else 0
    return tuple(replace(span, start=span.start + shift, end=span.end + shift) for span in segment.spans)


def test_what_is_no_word_document_is_refused(tmp_path: Path) -> None:
    def told(data: bytes, name: str = "a.docx") -> str:
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(InputError) as fault:
            read(path)
        return str(fault.value)

    good = document(tmp_path / "good.docx", paragraph(run("Hello"))).read_bytes()
    assert "is empty" in told(b"")
    assert "is no zip file" in told(b"Hello")
    assert "old binary office file" in told(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    assert "protected by a password" in told(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le")
    )
    assert "damaged or cut-off" in told(good[: len(good) // 2])
    assert "Try --format docx" in told(good, "a.xlsx")
    broken = packed(tmp_path / "b.docx", unpacked(good) | {"word/document.xml": "<w:p>"})
    with pytest.raises(InputError, match=r"b.docx \(word/document.xml\), line 1, column 6: not well-formed XML"):
        read(broken)
    assert "lacks [Content_Types].xml" in told(packed(tmp_path / "c.zip", {"a": "b"}).read_bytes())
    with pytest.raises(UsageError, match="Leave out --encoding"):
        read(tmp_path / "good.docx", FormatOptions(encoding="latin-1"))
