"""HTML: segments, spans, attributes, what is copied, and that the rest stays byte for byte."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.errors import InputError
from scalemt.formats import FormatOptions, Target, format_for
from scalemt.formats.html_tokens import tokens
from scalemt.text.spans import crossing, literal, rewrite
from scalemt.types import Segment

PAGE = """<!DOCTYPE html>
<html lang='en'><head><meta charset="utf-8">
<title>My &amp; page</title><meta name=description content="About it"><style>p > a {}</style></head>
<body class=x><!-- note --><p>Click <b>here</b> &amp; go to
 <a href="x?a=1&b=2" title="The page">this&nbsp;page</a>.<br>Next&hellip; <img src=i alt='An "image"'></p>
<pre>code  <b>x</b></pre><div>Run <code>ls <i>-l</i></code> at <span translate="no">ACME</span> 5 < 6</div>
<script>var x = "<p>no</p>";</script><ul><li>One<li>Two <i>three</ul>
<input type=submit value=Send><input type=text value=kept placeholder="Your name">
<div translate=no>None of <b>this</b></div><p class="a notranslate">nor this</p><textarea>nor that</textarea>
</body></html>
"""


def in_file(tmp_path: Path, text: str | bytes, name: str = "a.html") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(path: Path, options: FormatOptions | None = None) -> list[Segment]:
    return list(format_for(path).read(path, options or FormatOptions()))


def written(
    path: Path, change: Callable[[Segment], Target] = Target.same, options: FormatOptions | None = None
) -> bytes:
    made, out, how = format_for(path), io.BytesIO(), options or FormatOptions()
    made.write(path, how, iter([change(segment) for segment in read(path, how)]), out)
    return out.getvalue()


def shouted(segment: Segment) -> Target:
    return Target(*rewrite(segment.text, segment.spans, lambda _, held: held, lambda plain: plain.upper()))


def test_segments_in_reading_order(tmp_path: Path) -> None:
    segments = read(in_file(tmp_path, PAGE))
    assert [segment.text for segment in segments] == [
        "My & page",
        "About it",
        "The page",
        'An "image"',
        'Click <b>here</b> & go to\n <a href="x?a=1&b=2" title="The page">this\u00a0page</a>.<br>Next… ',
        'Run <code>ls <i>-l</i></code> at <span translate="no">ACME</span> 5 < 6',
        "One",
        "Two <i>three",
        "Send",
        "Your name",
    ]
    click, run = segments[4:6]
    assert [(literal(click.text, span), span.role) for span in click.spans] == [
        ("<b>", "open"),
        ("</b>", "close"),
        ('<a href="x?a=1&b=2" title="The page">', "open"),
        ("</a>", "close"),
        ("<br>", "alone"),
    ]
    assert [(literal(run.text, span), span.kind) for span in run.spans] == [
        ("<code>ls <i>-l</i></code>", "code"),
        ('<span translate="no">ACME</span>', "tag"),
    ]
    assert {segment.breaks for segment in segments} == {"soft"}


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_identity_is_byte_equal(tmp_path: Path, ending: str) -> None:
    text = PAGE.replace("\n", ending)
    assert written(in_file(tmp_path, text)) == text.encode()
    assert written(in_file(tmp_path, "\ufeff" + text)) == ("\ufeff" + text).encode()


def test_a_translation_stands_where_its_source_stood_and_makes_no_markup(tmp_path: Path) -> None:
    out = written(in_file(tmp_path, PAGE), shouted).decode()
    assert '<title>MY &amp; PAGE</title><meta name=description content="ABOUT IT">' in out
    assert '<p>CLICK <b>HERE</b> &amp; GO TO\n <a href="x?a=1&b=2" title="THE PAGE">THIS&nbsp;PAGE</a>' in out
    assert "</a>.<br>NEXT… <img" in out
    assert "alt='AN \"IMAGE\"'" in out
    assert '<code>ls <i>-l</i></code> AT <span translate="no">ACME</span> 5 < 6</div>' in out
    assert "<li>ONE<li>TWO <i>THREE</ul>" in out
    assert '<input type=submit value="SEND"><input type=text value=kept placeholder="YOUR NAME">' in out
    assert "<div translate=no>None of <b>this</b></div>" in out
    hostile = written(in_file(tmp_path, "<p title='a'>b</p>"), lambda _: Target("""<script>"'&"""))
    assert hostile == b"<p title='&lt;script&gt;\"&#39;&amp;'>&lt;script&gt;\"'&amp;</p>"


def test_spans_may_come_in_another_order(tmp_path: Path) -> None:
    path = in_file(tmp_path, "<p>The <b>red</b> <i>car</i></p>")

    def turned(segment: Segment) -> Target:
        one, two, three, four = segment.spans
        text = "O <i>carro</i> <b>vermelho</b>"
        places = ((three, "<i>"), (four, "</i>"), (one, "<b>"), (two, "</b>"))
        spans = tuple(
            type(span)(
                text.index(held), text.index(held) + len(held), span.kind, span.key, span.role, span.partner
            )
            for span, held in places
        )
        return Target(text, spans)

    assert written(path, turned) == b"<p>O <i>carro</i> <b>vermelho</b></p>"


@pytest.mark.parametrize(
    ("page", "target", "due"),
    [
        ('<html lang="en"><p>a</p>', "pt-BR", '<html lang="pt-BR"><p>a</p>'),
        ('<html lang="en"><p>a</p>', "ar", '<html dir="rtl" lang="ar"><p>a</p>'),
        ('<html lang="en" dir="ltr"><p>a</p>', "he", '<html lang="he" dir="rtl"><p>a</p>'),
        ("<html><p>a</p>", "ar", "<html><p>a</p>"),
        ('<html lang="en"><p>a</p>', "en", '<html lang="en"><p>a</p>'),
    ],
)
def test_the_language_is_told_where_it_was(tmp_path: Path, page: str, target: str, due: str) -> None:
    assert written(in_file(tmp_path, page), options=FormatOptions("en", target)).decode() == due


def test_encodings_are_those_that_are_declared(tmp_path: Path) -> None:
    page = '<meta charset="iso-8859-1"><p>São</p>'
    path = in_file(tmp_path, page.encode("latin-1"))
    assert read(path)[0].text == "São"
    assert written(path, lambda _: Target("não 中")) == page.replace("São", "não &#20013;").encode("latin-1")
    with pytest.raises(InputError, match=r"line 2: holds the byte 0xe3, which is not utf-8"):
        read(in_file(tmp_path, b"<p>\nS\xe3o</p>", "b.html"))
    assert read(path, FormatOptions(encoding="cp1252"))[0].text == "São"
    wide = in_file(tmp_path, "\ufeff<p>São</p>".encode("utf-16-le"))
    assert written(wide, shouted) == "\ufeff<p>SÃO</p>".encode("utf-16-le")


@pytest.mark.parametrize("sign", ["<", "<a ", '<a "', "<!--", "<b>", "</b>", "<p", "&", "<script>", "<a b='"])
def test_hostile_pages_come_out_as_they_are(tmp_path: Path, sign: str) -> None:
    text = sign * 3000 + "a>"
    assert written(in_file(tmp_path, text)).decode() == text


PARTS = st.sampled_from(
    ["<p>", "</p>", "<b>", "</b>", "<b", ">", "<", "&amp;", "&", "&lt", "<br/>", "<!--", "-->", "a", " word", "\n",
     "<code>", "</code>", '"', "'", "<a title='x y'>", "</a>", "<img alt=x>", "<script>", "</script>", "<title>",
     "</title>", "<i translate=no>", "</i>", "é", "中", "<pre>", "</pre>", "\x00", "<?x?>", "<html lang=en>"]
)  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(st.lists(PARTS, max_size=30))
def test_any_page_survives(tmp_path_factory: pytest.TempPathFactory, parts: list[str]) -> None:
    text = "".join(parts)
    path = in_file(tmp_path_factory.mktemp("html"), text)
    assert "".join(text[token.start : token.end] for token in tokens(text)) == text
    assert written(path).decode() == text
    for segment in read(path):
        assert not crossing(segment.text, segment.spans)
    written(path, shouted)
