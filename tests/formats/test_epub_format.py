"""Books: contents, spine, description; the rest of the archive stays."""

# markup reads better in whole lines

from __future__ import annotations

from pathlib import Path

import pytest

from packages import epub, packed, read, shouted, unpacked, written
from scalemt.errors import InputError
from scalemt.formats import FormatOptions

CHAPTERS = {
    "b 2.xhtml": "<h1>First part</h1><p>It was <em>cold</em> &amp; dark.</p><pre>code</pre>",
    "a.xhtml": '<p>The <img src="x.png" alt="A fern"/> end.</p>',
}


def test_a_book_in_the_order_of_reading(tmp_path: Path) -> None:
    path = epub(tmp_path / "a.epub", CHAPTERS, {"OEBPS/lost.xhtml": "<html><body><p>Not listed</p></body></html>"})
    assert [segment.text for segment in read(path)] == [
        "My book",
        '<a href="a.xhtml">First part</a>',
        "My book",
        "First part",
        "First part",
        "It was <em>cold</em> & dark.",
        "A fern",
        'The <img src="x.png" alt="A fern"/> end.',
    ]
    assert written(path) == path.read_bytes()


def test_a_translated_book(tmp_path: Path) -> None:
    data = written(epub(tmp_path / "a.epub", CHAPTERS), shouted, FormatOptions(source="en", target="pt-BR"))
    made = unpacked(data)
    assert next(iter(made)) == "mimetype"
    assert data[30:38] == b"mimetype"
    assert b"application/epub+zip" in data[:80]
    assert (
        "<dc:title>MY BOOK</dc:title><dc:creator>Ana Lima</dc:creator><dc:language>pt-BR<"
        in made["OEBPS/content.opf"]
    )
    assert "<docAuthor><text>Ana Lima</text></docAuthor>" in made["OEBPS/toc.ncx"]
    assert '<a href="a.xhtml">FIRST PART</a>' in made["OEBPS/nav.xhtml"]
    chapter = made["OEBPS/b 2.xhtml"]
    assert "<p>IT WAS <em>COLD</em> &amp; DARK.</p><pre>code</pre>" in chapter
    assert 'xml:lang="pt-BR"' in chapter
    assert 'alt="A FERN"' in made["OEBPS/a.xhtml"]


def test_locked_and_damaged_books(tmp_path: Path) -> None:
    lock = (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" xmlns:enc="http://www.w3.org/2001/04/xmlenc#">'
        '<enc:EncryptedData><enc:EncryptionMethod Algorithm="{}"/></enc:EncryptedData></encryption>'
    )
    book = epub(
        tmp_path / "a.epub",
        CHAPTERS,
        {"META-INF/encryption.xml": lock.format("http://www.w3.org/2001/04/xmlenc#aes128-cbc")},
    )
    with pytest.raises(InputError, match="digital rights management"):
        read(book)
    fonts = epub(
        tmp_path / "b.epub",
        CHAPTERS,
        {"META-INF/encryption.xml": lock.format("http://www.idpf.org/2008/embedding")},
    )
    assert len(read(fonts)) == 8
    members = unpacked(fonts.read_bytes())
    with pytest.raises(InputError, match=r"lacks META-INF/container\.xml"):
        read(packed(tmp_path / "c.epub", {"mimetype": "application/epub+zip"}))
    with pytest.raises(InputError, match="names no package document"):
        read(packed(tmp_path / "d.epub", members | {"META-INF/container.xml": "<a/>"}))
    with pytest.raises(InputError, match=r"d.epub \(OEBPS/a.xhtml\)|d.epub lacks OEBPS/content.opf"):
        read(
            packed(tmp_path / "d.epub", {key: held for key, held in members.items() if key != "OEBPS/content.opf"})
        )
