"""XLIFF, TMX, Android strings, and the XML events below them: bytes that stay, codes that come back."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.errors import InputError
from scalemt.formats import FormatOptions, Target, format_for, xmlevents
from scalemt.formats.xmlevents import XmlReader
from scalemt.text.spans import crossing, rewrite
from scalemt.types import Segment

OLD = """<?xml version="1.0" encoding="UTF-8"?>
<xliff version='1.2' xmlns="urn:oasis:names:tc:xliff:document:1.2"><!-- a > b -->
 <file original="a.c" source-language="en" datatype="c"><body>
  <trans-unit id="1">
    <source>Click <g id="a">here &amp; <x id="b"/></g> for <ph id="c">{0}</ph></source>
    <note>About a button</note>
  </trans-unit>
  <trans-unit id="2" approved="yes"><source>Done</source><target>Feito</target></trans-unit>
  <trans-unit id="3"><source>Half</source><target state="needs-translation"></target></trans-unit>
  <trans-unit id="4" translate="no"><source>Never</source></trans-unit>
  <trans-unit id="5"><source>One. Two.</source><seg-source><mrk mtype="seg" mid="1">One.</mrk> <mrk
    mtype="seg" mid="2">Two <bpt id="1" rid="9">b</bpt>bold<ept id="2" rid="9">/b</ept>.</mrk></seg-source>
  </trans-unit>
  <group translate="no"><trans-unit id="6"><source>Nor this</source></trans-unit></group>
  <trans-unit id="7"><source>{0}</source></trans-unit>
  <trans-unit id="8"><source>Old</source><target>Velho</target></trans-unit>
 </body></file>
</xliff>
"""
NEW = """<xliff xmlns="urn:oasis:names:tc:xliff:document:2.0" version="2.0" srcLang="en">
 <file id="f"><unit id="u1"><notes><note>Said</note></notes>
  <segment id="s1">
   <source>Press <pc id="1">Save</pc> or <sc id="2"/>both<ec startRef="2"/></source>
  </segment>
  <ignorable><source> </source></ignorable>
  <segment state="final"><source>Done</source><target>Feito</target></segment>
  <segment state="initial"><source>New</source><target/></segment>
 </unit></file>
</xliff>
"""
TMX = """<?xml version="1.0"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4"><header srclang="en-US" creationtool="x"/><body>
 <tu><prop type="a">b</prop>
  <tuv xml:lang="en-US"><seg>The <bpt i="1">&lt;b></bpt>house<ept i="1">&lt;/b></ept> <ph>{0}</ph></seg></tuv>
 </tu>
 <tu><tuv xml:lang="en"><seg>Has one</seg></tuv><tuv xml:lang="pt"><seg>Tem</seg></tuv></tu>
 <tu><tuv xml:lang="fr"><seg>Autre</seg></tuv></tu>
</body></tmx>
"""
ANDROID = """<?xml version="1.0" encoding="utf-8"?>
<resources xmlns:xliff="urn:oasis:names:tc:xliff:document:1.2">
    <!-- A comment -->
    <string name="a">It\\'s <b>%1$s</b>\\n"  two  " \\u00e9</string>
    <string name="b" translatable="false">No</string>
    <string name="c">Hello <xliff:g id="x" example="Bob">%s</xliff:g> &amp; all</string>
    <string name="d"><![CDATA[<b>Bold</b> & more]]></string>
    <string name="e">@string/a</string>
    <string-array name="f"><item>One</item><item>2nd</item></string-array>
    <plurals name="g">
        <item quantity="one">%d file</item>
        <item quantity="other">%d files</item>
    </plurals>
</resources>
"""
FILES = [("a.xlf", OLD), ("b.xliff", NEW), ("a.tmx", TMX), ("strings.xml", ANDROID)]


def in_file(tmp_path: Path, name: str, data: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def read(path: Path, options: FormatOptions | None = None) -> list[Segment]:
    return list(format_for(path).read(path, options or FormatOptions()))


def written(
    path: Path, change: Callable[[Segment], Target] = Target.same, options: FormatOptions | None = None
) -> str:
    made, out, how = format_for(path), io.BytesIO(), options or FormatOptions()
    made.write(path, how, iter([change(segment) for segment in read(path, how)]), out)
    return out.getvalue().decode()


def failed(segment: Segment) -> Target:
    return replace(Target.same(segment), failed=True)


def shouted(segment: Segment) -> Target:
    return Target(*rewrite(segment.text, segment.spans, lambda _, held: held, lambda plain: plain.upper()))


@pytest.mark.parametrize(("name", "text"), FILES)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_what_is_not_translated_is_byte_equal(tmp_path: Path, name: str, text: str, ending: str) -> None:
    path = in_file(tmp_path, name, text.replace("\n", ending))
    assert read(path)
    assert written(path, failed).encode() == path.read_bytes()
    for segment in read(path):
        assert not crossing(segment.text, segment.spans)


def test_identity_of_resources_is_byte_equal(tmp_path: Path) -> None:
    assert written(in_file(tmp_path, "strings.xml", ANDROID)) == ANDROID


def test_units_of_xliff_1(tmp_path: Path) -> None:
    segments = read(in_file(tmp_path, "a.xlf", OLD))
    assert [(item.id, item.text) for item in segments] == [
        ("1", "Click <g1>here & <x2/></g1> for <x3/>"),
        ("3", "Half"),
        ("5 #1", "One."),
        ("5 #2", "Two <g1>bold</g1>."),
        ("7", "{0}"),
    ]
    assert segments[0].note == "About a button"
    every = read(tmp_path / "a.xlf", FormatOptions(overwrite=True))
    assert [item.id for item in every] == ["1", "2", "3", "5 #1", "5 #2", "7", "8"]


def test_targets_of_xliff_1(tmp_path: Path) -> None:
    out = written(in_file(tmp_path, "a.xlf", OLD), shouted, FormatOptions("en", "pt"))
    target = '<target state="needs-review-translation" state-qualifier="mt-suggestion">'
    assert (
        "</ph></source>\n    "
        + target
        + 'CLICK <g id="a">HERE &amp; <x id="b"/></g> FOR <ph id="c">{0}</ph></target>\n'
        "    <note>"
    ) in out
    assert f"<source>Half</source>{target}HALF</target>" in out
    assert (
        f'</seg-source>{target}<mrk mtype="seg" mid="1">ONE.</mrk> <mrk\n    mtype="seg" mid="2">TWO '
        '<bpt id="1" rid="9">b</bpt>BOLD<ept id="2" rid="9">/b</ept>.</mrk></target>'
    ) in out
    assert 'datatype="c" target-language="pt">' in out
    assert "<target>Velho</target>" in out
    ET.fromstring(out)
    assert read(in_file(tmp_path, "again.xlf", out)) != []


def test_quality_and_origin_stand_in_an_alternative(tmp_path: Path) -> None:
    path = in_file(tmp_path, "a.xlf", OLD)
    out = written(path, lambda item: replace(Target.same(item), quality=0.834, origin='x "y"'))
    assert '<alt-trans origin="x &quot;y&quot;" match-quality="83%"><target>Half</target></alt-trans>' in out
    ET.fromstring(out)


def test_segments_of_xliff_2(tmp_path: Path) -> None:
    path = in_file(tmp_path, "b.xliff", NEW)
    assert [(item.id, item.text) for item in read(path)] == [
        ("u1", "Press <g1>Save</g1> or <g2>both</g2>"),
        ("u1 #3", "New"),
    ]
    out = written(path, shouted, FormatOptions("en", "pt"))
    assert (
        '<segment id="s1" state="translated" subState="scalemt:mt">\n   <source>Press <pc id="1">Save</pc> or '
        '<sc id="2"/>both<ec startRef="2"/></source>\n   <target>PRESS <pc id="1">SAVE</pc> OR '
        '<sc id="2"/>BOTH<ec startRef="2"/></target>'
    ) in out
    assert '<segment state="translated" subState="scalemt:mt"><source>New</source><target>NEW</target>' in out
    assert 'srcLang="en" trgLang="pt">' in out
    assert '<segment state="final"><source>Done</source><target>Feito</target>' in out


def test_units_of_tmx(tmp_path: Path) -> None:
    path = in_file(tmp_path, "a.tmx", TMX)
    options = FormatOptions("en", "pt")
    (segment,) = read(path, options)
    assert segment.text == "The <g1>house</g1> <x2/>"
    out = written(path, shouted, options)
    made = (
        '\n  <tuv xml:lang="pt" creationtool="scalemt"><seg>THE <bpt i="1">&lt;b></bpt>HOUSE'
        '<ept i="1">&lt;/b></ept>'
        " <ph>{0}</ph></seg></tuv>"
    )
    assert out == TMX.replace("</seg></tuv>\n </tu>", f"</seg></tuv>{made}\n </tu>")
    again = written(path, shouted, FormatOptions("en", "pt", overwrite=True))
    assert '<tuv xml:lang="pt"><seg>HAS ONE</seg></tuv>' in again
    assert [item.text for item in read(path, FormatOptions("fr", "pt"))] == ["Autre"]


def test_texts_of_resources(tmp_path: Path) -> None:
    path = in_file(tmp_path, "strings.xml", ANDROID)
    assert [(item.id, item.text) for item in read(path)] == [
        ("a", "It's <g1>%1$s</g1>\n  two  é"),
        ("c", "Hello <x1/> & all"),
        ("d", "<b>Bold</b> & more"),
        ("f[0]", "One"),
        ("f[1]", "2nd"),
        ("g[one]", "%d file"),
        ("g[other]", "%d files"),
    ]
    out = written(path, lambda item: Target(*rewrite(
        item.text, item.spans, lambda _, held: held, lambda plain: plain.upper() + "'"
    )))  # fmt: skip
    assert "<string name=\"a\">IT\\'S \\'<b>%1$S\\'</b>\\n \\u0020TWO" in out
    assert '<xliff:g id="x" example="Bob">%s</xliff:g> &amp; ALL\\\'</string>' in out
    assert "<![CDATA[<B>BOLD</B> & MORE\\']]>" in out
    again = read(in_file(tmp_path, "b-strings.xml", out))
    assert again[0].text == "IT'S '<g1>%1$S'</g1>\n  TWO  É'"


def test_plurals_get_the_quantities_of_the_target(tmp_path: Path) -> None:
    path = in_file(tmp_path, "strings.xml", ANDROID)
    out = written(path, shouted, FormatOptions("en", "pl"))
    assert (
        '<item quantity="one">%D FILE</item>\n        <item quantity="other">%D FILES</item>\n'
        '        <item quantity="few">%D FILES</item>\n        <item quantity="many">%D FILES</item>\n'
        "    </plurals>"
    ) in out
    assert "many" not in written(path, failed, FormatOptions("en", "pl"))


@pytest.mark.parametrize("name", [name for name, _ in FILES])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "line 1, column 1: not well-formed XML"),
        (b"<a><b></a>", "line 1, column [89]: not well-formed XML .mismatched tag"),
        (b"<a>\n\xff</a>", "line 2"),
        (b'<?xml version="1.0" encoding="nonsense"?><a/>', "nonsense|encoding"),
        (b"<a>" * 300, "not well-formed"),
    ],
)
def test_what_is_no_xml_is_refused_with_the_place(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(in_file(tmp_path, name, data))


def test_entities_cannot_blow_up(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{("&" + chr(97 + n) + ";") * 10}">' for n in range(9)
    )
    path = in_file(tmp_path, "strings.xml", f'{bomb}]><resources><string name="x">A &j; b</string></resources>')
    assert [item.text for item in read(path)] == ["A <x1/> b"]
    assert written(path) == path.read_text()
    outside = '<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    path = in_file(tmp_path, "strings.xml", f'{outside}<resources><string name="x">A &e;</string></resources>')
    assert [item.text for item in read(path)] == ["A <x1/>"]


@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le", "utf-16-be", "iso-8859-1", "windows-1252"])
@pytest.mark.parametrize("size", [1, 3, 1 << 16])
def test_events_are_the_bytes_of_the_file(codec: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xmlevents, "_CHUNK", size)
    wide = codec.startswith("utf-16")
    told = "utf-16" if wide else codec
    text = f'<?xml version="1.0" encoding="{told}"?>\n<!-- é --><a b="é &lt;">é&amp;<c/>\r\n<![CDATA[<é>]]>é</a>\n'
    data = (("\ufeff" if wide else "") + text).encode(codec)
    reader = XmlReader(io.BytesIO(data), "x")
    events = list(reader)
    assert b"".join(event.raw for event in events) == data
    assert "".join(event.text for event in events if event.kind in ("text", "cdata")) == "é&\n<é>é"
    assert "é".encode(reader.encoding) == "é".encode(codec)


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cn", "Co")), min_size=1, max_size=40)


@settings(deadline=None, max_examples=100)
@given(TEXT.filter(lambda text: any(letter.isalnum() for letter in text)))
def test_any_translation_reads_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("xml")
    path = in_file(folder, "a.tmx", TMX)
    out = written(path, lambda _: Target(text), FormatOptions("en", "pt"))
    made = ET.fromstring(out.partition("?>")[2].partition(">\n")[2])
    assert [seg.text for seg in made.iter("seg")][1] == text
    path = in_file(folder, "strings.xml", '<resources><string name="x">a</string></resources>')
    again = in_file(folder, "b-strings.xml", written(path, lambda _: Target(text)))
    if text.strip()[:1] not in "@?":
        assert [item.text.strip() for item in read(again)] == [" ".join(text.split(" ")).strip()] or "  " in text


def test_xliff_2_says_where_a_translation_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "a.xlf"
    path.write_text(NEW)

    def sure(segment: Segment) -> Target:
        return replace(Target.same(segment), text=segment.text, origin='scalemt "x"', quality=0.875)

    out = io.BytesIO()
    form, options = format_for(path), FormatOptions()
    form.write(path, options, iter([sure(segment) for segment in form.read(path, options)]), out)
    root = ET.fromstring(out.getvalue())
    unit = root[0][0]
    mtc, core = "{urn:oasis:names:tc:xliff:matches:2.0}", "{urn:oasis:names:tc:xliff:document:2.0}"
    assert unit[0].tag == f"{mtc}matches"
    (match,) = unit[0]  # the third segment has no id to refer to
    assert match.attrib == {"ref": "#s1", "origin": 'scalemt "x"', "matchQuality": "87.5"}
    assert [child.tag for child in match] == [f"{core}source", f"{core}target"]
    assert "".join(match[1].itertext()) == "Press Save or both"
