"""Reading TMX: variants of the format, languages, metadata, and files that are not what they should be."""

from __future__ import annotations

import os
import threading
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from scalemt.errors import InputError
from scalemt.memory.exchange import READERS, ReadOptions, read_units
from scalemt.memory.units import Unit
from scalemt.types import Pair

HEADER = '<?xml version="1.0" encoding="UTF-8"?><tmx version="1.4"><header srclang="{}"/><body>'


def tmx(*units: str, source: str = "en", start: str = "") -> str:
    return (start or HEADER.format(source)) + "".join(units) + "</body></tmx>"


def tu(about: str = "", **variants: str) -> str:
    made = "".join(
        f'<tuv xml:lang="{code.replace("_", "-")}"><seg>{text}</seg></tuv>' for code, text in variants.items()
    )
    return f"<tu>{about}{made}</tu>"


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Read what a TMX file with this content gives."""

    def reader(content: str | bytes, **options: Any) -> list[Unit]:
        path = tmp_path / "memory.tmx"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(read_units(path, **options))

    return reader


def test_the_source_is_that_of_the_header_and_each_other_variant_makes_a_unit(read: Any) -> None:
    units = read(tmx(tu(pt="casa", en="house", fr="maison")))
    assert [(unit.source, unit.target, unit.pair) for unit in units] == [
        ("house", "casa", Pair("en", "pt")),
        ("house", "maison", Pair("en", "fr")),
    ]


def test_without_a_source_language_the_first_variant_is_the_source(read: Any) -> None:
    (unit,) = read(tmx(tu(pt="casa", en="house"), source="*all*"))
    assert (unit.source, unit.pair) == ("casa", Pair("pt", "en"))


def test_a_unit_may_say_its_own_source_language(read: Any) -> None:
    (unit,) = read(tmx('<tu srclang="pt">' + tu(en="house", pt="casa")[4:]))
    assert unit.pair == Pair("pt", "en")


def test_only_the_wanted_pair_is_read_and_the_rest_is_counted(read: Any) -> None:
    skipped: Counter[str] = Counter()
    content = tmx(
        tu(en="house", pt="casa", fr="maison"), tu(en="dog", fr="chien"), tu(en="cat"), tu(en="", fr="x")
    )
    units = read(content, source="en", target="pt", skipped=skipped)
    assert [unit.target for unit in units] == ["casa"]
    assert skipped == {"in no language that was asked for": 2, "without a translation": 1}


@pytest.mark.parametrize(
    ("wanted", "pair", "target"),
    [
        (("en", "pt"), Pair("en-US", "pt-BR"), "tela"),
        (("en", "pt-PT"), Pair("en-US", "pt-PT"), "ecrã"),
        (("en-US", "pt-BR"), Pair("en-US", "pt-BR"), "tela"),
    ],
)
def test_a_language_takes_its_territories(read: Any, wanted: Any, pair: Pair, target: str) -> None:
    content = tmx(tu(en_US="screen", pt_BR="tela", pt_PT="ecrã"), source="en-US")
    (unit,) = read(content, source=wanted[0], target=wanted[1])
    assert (unit.pair, unit.target) == (pair, target)


def test_the_same_language_is_preferred_to_a_near_one(read: Any) -> None:
    (unit,) = read(tmx(tu(en="screen", pt_BR="tela", pt="ecrã")), target="pt")
    assert (unit.target, unit.pair) == ("ecrã", Pair("en", "pt"))


def test_a_wanted_territory_is_not_served_by_another(read: Any) -> None:
    assert read(tmx(tu(en="screen", pt_BR="tela")), target="pt-PT") == []
    (unit,) = read(tmx(tu(en="screen", pt="ecrã")), target="pt-PT")
    assert unit.pair == Pair("en", "pt-PT")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_encodings_are_as_marked_or_declared(read: Any, encoding: str) -> None:
    name = encoding.removesuffix("-sig")
    start = HEADER.format("en").replace("UTF-8", name)
    (unit,) = read(tmx(tu(en="coffee", pt="café"), start=start).encode(encoding))
    assert unit.target == "café"


def test_tmx_1_1_with_a_document_type(read: Any) -> None:
    content = (
        '<?xml version="1.0"?><!DOCTYPE tmx SYSTEM "tmx11.dtd"><tmx version="1.1"><header srclang="EN-US" '
        'datatype="plaintext"><prop type="x">y</prop></header><body><tu tuid="1"><tuv lang="EN-US">'
        "<seg>house</seg></tuv><tuv lang='FR-FR'><seg>maison</seg></tuv></tu></body></tmx>"
    )
    (unit,) = read(content)
    assert (unit.target, unit.pair) == ("maison", Pair("en-US", "fr-FR"))


def test_metadata_of_memoq_and_ours(read: Any) -> None:
    about = (
        '<prop type="x-context-pre">&lt;seg&gt;Before &lt;ph/&gt;it&lt;/seg&gt;</prop>'
        '<prop type="x-context-post">After</prop><prop type="domain">law</prop><prop type="x-quality">0.5</prop>'
        "<note>one</note><note>two</note>"
    )
    attributes = 'creationdate="20250102T030405Z" changedate="20260102T030405Z" creationid="ann" changeid="bob"'
    (unit,) = read(tmx(tu(about, en="a", pt="b").replace("<tu>", f"<tu {attributes}>")))
    assert (unit.before, unit.after, unit.domain, unit.quality) == ("Before <x1/>it", "After", "law", 0.5)
    assert (unit.created, unit.changed) == ("2025-01-02T03:04:05Z", "2026-01-02T03:04:05Z")
    assert (unit.creator, unit.note) == ("bob", "one\ntwo")


def test_metadata_of_omegat_stand_at_the_variant(read: Any) -> None:
    unit = (
        '<tu><prop type="file">a.odt</prop><prop type="id">12</prop><prop type="prev">Before</prop>'
        '<prop type="next">After</prop><tuv xml:lang="en"><seg>a</seg></tuv>'
        '<tuv xml:lang="pt" changeid="ann" changedate="20260102T030405Z"><seg>b</seg></tuv></tu>'
    )
    (found,) = read(tmx(unit))
    assert (found.origin, found.context, found.before, found.after) == ("a.odt", "12", "Before", "After")
    assert (found.creator, found.changed) == ("ann", "2026-01-02T03:04:05Z")


def test_options_replace_what_the_file_says(read: Any) -> None:
    about = '<prop type="x-origin">there</prop><prop type="x-domain">law</prop>'
    options = ReadOptions(domain="medicine", otherwise="memory.tmx")
    one, other = read(tmx(tu(about, en="a", pt="b"), tu(en="c", pt="d")), options=options)
    assert [(unit.origin, unit.domain) for unit in (one, other)] == [
        ("there", "medicine"),
        ("memory.tmx", "medicine"),
    ]


@pytest.mark.parametrize(
    "declared",
    [
        '<!DOCTYPE tmx [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE tmx [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE tmx [<!ENTITY % a SYSTEM "http://example.org/x"> %a;]>',
    ],
)
def test_a_document_with_entities_of_its_own_is_refused(read: Any, declared: str) -> None:
    start = HEADER.format("en").replace("<tmx", f"{declared}\n<tmx")
    with pytest.raises(InputError, match=r"memory\.tmx, line 1: the document declares the entity '[ab]'"):
        read(tmx(tu(en="a", pt="&b;"), start=start))


def test_an_entity_that_nobody_declared_is_no_xml(read: Any) -> None:
    with pytest.raises(InputError, match=r"line 1, column .* not well-formed"):
        read(tmx(tu(en="a", pt="&nbsp;")))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (tmx(tu(en="a", pt="b"))[:-20], r"line 1, column \d+: not well-formed XML \(unclosed token\)"),
        (tmx("\n\n<tu>", tu(en="a", pt="b")), r"line 3, column \d+: not well-formed XML \(mismatched tag\)"),
        (tmx(tu(en="a", pt="caf\ue000")).encode().replace(b"\xee\x80\x80", b"\xe9"), "another than it declares"),
        (tmx(tu(en="a", pt="\x00")), "not well-formed"),
        (tmx(tu(en="a", pt="&#xD800;")), "not well-formed"),
        ("<xliff/>", "the document is <xliff>, not <tmx>"),
        (tmx().replace("UTF-8", "shift_jis").encode(), "cannot be read as XML"),
        ("", "not well-formed"),
    ],
)
def test_a_file_that_is_no_tmx_is_refused_with_its_line(read: Any, content: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(content)


def test_an_unknown_language_is_passed_over(read: Any) -> None:
    skipped: Counter[str] = Counter()
    (unit,) = read(tmx(tu(en="a", qqq="b", pt="c"), tu(en="a", qqq="b")), skipped=skipped)
    assert unit.target == "c"
    assert skipped == {"in no language that was asked for": 1}


def test_a_segment_of_a_megabyte_is_read(read: Any) -> None:
    (unit,) = read(tmx(tu(en="word " * 200_000, pt="&amp;" * 1_000_000)))
    assert unit.source.count("word") == 200_000
    assert unit.target == "&" * 1_000_000


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        path = tmp_path / "large.tmx"
        path.write_text(tmx(*(tu(en=f"house {n}", pt=f"casa {n}") + "\n" for n in range(count))), "utf-8")
        for _ in read_units(path):  # what is loaded once
            break
        tracemalloc.start()
        assert sum(1 for _ in read_units(path)) == count
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(20_000) < 1.5 * peak(1_000) + 100_000


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tmx")
    writer = threading.Thread(target=(tmp_path / "pipe.tmx").write_text, args=(tmx(tu(en="a", pt="b")),))
    writer.start()
    (unit,) = read_units(tmp_path / "pipe.tmx")
    writer.join()
    assert unit.target == "b"


def test_a_folder_or_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        list(read_units(tmp_path, format_name="tmx"))
    with pytest.raises(InputError, match="is no file, and a table is looked at more than once"):
        list(read_units(tmp_path, format_name="tsv", source="en", target="pt"))
    for name in READERS:
        with pytest.raises(InputError, match=r"none\.x cannot be read: No such file"):
            list(read_units(tmp_path / "none.x", format_name=name, source="en", target="pt"))
