"""Reading PO and XLIFF."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from scalemt.errors import InputError
from scalemt.formats.base import FormatOptions
from scalemt.formats.choosing import format_for
from scalemt.memory.exchange import ReadOptions, read_units
from scalemt.memory.units import Unit
from scalemt.types import Pair

PO = r"""
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Language: pt_BR\n"
"Plural-Forms: nplurals=2; plural=(n > 1);\n"

#. On a button
msgctxt "menu"
msgid "Open %s"
msgstr "Abrir %s"

msgid "%d file"
msgid_plural "%d files"
msgstr[0] "%d ficheiro"
msgstr[1] "%d ficheiros"

#, fuzzy
msgid "Close"
msgstr "Fechar"

msgid "Save"
msgstr ""

#~ msgid "Old"
#~ msgstr "Velho"
"""


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Read what a file of a name and a content gives."""

    def reader(name: str, content: str | bytes, **options: Any) -> list[Unit]:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(read_units(path, **options))

    return reader


def sides(units: list[Unit]) -> list[tuple[str, str]]:
    return [(unit.source, unit.target) for unit in units]


def test_po_gives_what_is_translated(read: Any) -> None:
    skipped: Counter[str] = Counter()
    units = read("a.po", PO, source="en", skipped=skipped)
    assert sides(units) == [("Open %s", "Abrir %s"), ("%d file", "%d ficheiro"), ("%d files", "%d ficheiros")]
    assert {unit.pair for unit in units} == {Pair("en", "pt-BR")}
    assert (units[0].context, units[0].note) == ("menu", "On a button")
    assert skipped == {"not confirmed (fuzzy, draft, machine translation)": 1, "without a translation": 1}


def test_po_gives_fuzzy_entries_when_asked(read: Any) -> None:
    units = read("a.po", PO, source="en", target="pt", options=ReadOptions(unsure=True))
    assert sides(units)[-1] == ("Close", "Fechar")


def test_po_of_a_language_with_one_form(read: Any) -> None:
    content = 'msgid "%d file"\nmsgid_plural "%d files"\nmsgstr[0] "%d 個"\n'
    assert sides(read("a.po", content, source="en", target="ja")) == [("%d file", "%d 個"), ("%d files", "%d 個")]


def test_po_needs_its_languages(read: Any) -> None:
    with pytest.raises(InputError, match=r"a\.po does not say its source language\. Give it with --from LANG\."):
        read("a.po", PO)
    assert read("a.po", PO, source="en", target="fr") == []
    content = PO.replace("Language: pt_BR", 'Language: sr@latin\\n"\n"X-Source-Language: en_GB')
    assert read("a.po", content)[0].pair == Pair("en-GB", "sr")


def test_po_that_is_broken(read: Any) -> None:
    with pytest.raises(InputError, match="line 2"):
        read("a.po", 'msgid "a"\nmsgstr b\n', source="en", target="pt")


OLD = """<?xml version="1.0"?>
<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">
<file original="a.html" source-language="en" target-language="pt-BR" datatype="html"><body>
<trans-unit id="1"><source>A <g id="1">b</g><x id="2"/></source><target>C <x id="2"/><g id="1">d</g></target>
<note>Look</note></trans-unit>
<trans-unit id="2"><source>Two</source><target state="needs-review-translation">Dois</target></trans-unit>
<trans-unit id="3"><source>Three</source></trans-unit>
<trans-unit id="4" approved="yes"><source>Four</source><target state="new">Quatro</target></trans-unit>
<trans-unit id="5"><source>One. Two.</source>
<seg-source><mrk mtype="seg" mid="0">One.</mrk> <g id="1"><mrk mtype="seg" mid="1">Two.</mrk></g></seg-source>
<target><g id="1"><mrk mtype="seg" mid="1">Dois.</mrk></g> <mrk mtype="seg" mid="0">Um.</mrk></target></trans-unit>
</body></file></xliff>"""

NEW = """<?xml version="1.0"?>
<xliff version="2.0" xmlns="urn:oasis:names:tc:xliff:document:2.0" srcLang="en" trgLang="pt"><file
id="f" original="a"><unit id="u"><notes><note>Look</note></notes>
<segment state="final"><source>A <pc id="1">b</pc></source><target>C <pc id="1">d</pc></target></segment>
<ignorable><source> </source></ignorable>
<segment><source>Two<ph id="2"/></source><target>Dois<ph id="2"/></target></segment>
<segment state="initial"><source>Three</source><target>Três</target></segment>
<segment state="translated" subState="scalemt:mt"><source>Four</source><target>Quatro</target></segment>
<segment><source>Five</source></segment></unit></file></xliff>"""


def test_xliff_1_2(read: Any) -> None:
    skipped: Counter[str] = Counter()
    units = read("a.xlf", OLD, skipped=skipped)
    assert sides(units) == [
        ("A <g1>b</g1><x2/>", "C <x2/><g1>d</g1>"), ("Four", "Quatro"), ("One.", "Um."), ("Two.", "Dois."),
    ]  # fmt: skip
    first = units[0]
    assert (first.context, first.note, first.origin, first.pair) == ("1", "Look", "a.html", Pair("en", "pt-BR"))
    assert [span.key for span in first.target_spans] == [2, 0, 1]
    assert first.codes == {0: '<g id="1">', 1: "</g>", 2: '<x id="2"/>'}
    assert [unit.context for unit in units] == ["1", "4", "5 #1", "5 #2"]
    assert skipped == {"not confirmed (fuzzy, draft, machine translation)": 1, "without a translation": 1}
    unsure = read("a.xlf", OLD, options=ReadOptions(unsure=True))
    assert ("Two", "Dois") in sides(unsure)


def test_xliff_2(read: Any) -> None:
    skipped: Counter[str] = Counter()
    units = read("a.xlf", NEW, skipped=skipped)
    assert sides(units) == [("A <g1>b</g1>", "C <g1>d</g1>"), ("Two<x1/>", "Dois<x1/>")]
    assert [(unit.context, unit.note) for unit in units] == [("u", "Look"), ("u #2", "Look")]
    assert sum(skipped.values()) == 3
    assert len(read("a.xlf", NEW, options=ReadOptions(unsure=True))) == 4


def test_ids_are_those_that_the_format_gives_its_segments(read: Any, tmp_path: Path) -> None:
    for content in (OLD, NEW):
        units = read("a.xlf", content, options=ReadOptions(unsure=True))
        found = format_for("a.xlf").read(tmp_path / "a.xlf", FormatOptions(overwrite=True))
        names = {segment.text: segment.id for segment in found}
        assert {unit.source: unit.context for unit in units}.items() <= names.items()


def test_xliff_of_another_pair(read: Any) -> None:
    skipped: Counter[str] = Counter()
    assert read("a.xlf", NEW, source="en", target="fr", skipped=skipped) == []
    assert skipped == {"in no language that was asked for": 1}
    assert read("a.xlf", OLD, target="pt-BR")[0].pair == Pair("en", "pt-BR")


def test_xliff_without_languages(read: Any) -> None:
    content = NEW.replace(' trgLang="pt"', "")
    with pytest.raises(InputError, match="does not say its target language"):
        read("a.xlf", content)
    assert read("a.xlf", content, target="pt-PT")[0].pair == Pair("en", "pt-PT")


def test_marks_of_trados_and_phrase(read: Any) -> None:
    def marks(texts: str) -> str:
        return "".join(f'<mrk mtype="seg" mid="{mid}">{text}</mrk>' for mid, text in enumerate(texts, 1))

    trados = (
        '<xliff xmlns:sdl="x" version="1.2"><file source-language="en" target-language="pt"><body>'
        f'<trans-unit id="a"><source>A B</source><seg-source>{marks("AB")}</seg-source>'
        f"<target>{marks('CD')}</target><sdl:seg-defs>"
        '<sdl:seg id="1" conf="Draft"/><sdl:seg id="2" conf="Translated"/></sdl:seg-defs></trans-unit>'
        "</body></file></xliff>"
    )
    assert sides(read("a.sdlxliff", trados)) == [("B", "D")]
    phrase = (
        '<xliff xmlns:m="x" version="1.2"><file source-language="en" target-language="pt"><body>'
        '<trans-unit id="1" m:confirmed="0"><source>A</source><target>B</target></trans-unit>'
        '<trans-unit id="2" m:confirmed="1"><source>C</source><target>D</target></trans-unit>'
        "</body></file></xliff>"
    )
    assert sides(read("a.mxliff", phrase)) == [("C", "D")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_codes_in_every_encoding(read: Any, encoding: str) -> None:
    content = OLD.replace('"1.0"', f'"1.0" encoding="{encoding}"').encode(encoding)
    assert read("a.xlf", content)[0].codes[0] == '<g id="1">'


def test_entities_of_xliff_stay_unexpanded(read: Any) -> None:
    content = OLD.replace("<xliff", '<!DOCTYPE xliff [<!ENTITY b "BOOM">]><xliff', 1).replace("Four", "&b;")
    unit = read("a.xlf", content)[1]
    assert "BOOM" not in unit.source + "".join(unit.codes.values())


def test_broken_xliff(read: Any) -> None:
    with pytest.raises(InputError, match=r"line 4, column .*: not well-formed XML"):
        read("a.xlf", OLD.replace("</g>", "", 1))
