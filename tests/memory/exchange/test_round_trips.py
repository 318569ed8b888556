"""What is written is what is read again: all fields of all units, in every format that is written."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.errors import UsageError
from scalemt.memory import MemoryStore
from scalemt.memory.exchange import READERS, SUFFIXES, WRITERS, format_of, read_units, write_units
from scalemt.memory.units import Unit
from scalemt.types import Pair, Span, SpanKind, SpanRole

# All that a memory can hold: half of a surrogate pair is no text. What XML lacks is told apart.
ANY = st.characters(exclude_categories=["Cs"])
HELD_BY_XML = re.compile("[^\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]*")
SIGNS = st.sampled_from("<>&\"',;\t\r\n|\\# =") | st.sampled_from(
    ["<g1>", "&amp;", "<seg>", "</seg>", "]]>", "sep=;"]
)
WORDS = st.sampled_from(
    ["house", "casa", "été", "家", "\U0001f600", "a\u0301", "\u2028", "\x0c", "\x1c", "\ufeff"]
)


TEXTS = st.lists(ANY | SIGNS | WORDS, max_size=8).map("".join)
SPOKEN = TEXTS.map(lambda text: text if text.strip() else f"{text}x")
XML = TEXTS.filter(lambda text: HELD_BY_XML.fullmatch(text) is not None)
FEW = settings(max_examples=20, deadline=None)


DATES = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)).map(
    lambda date: date.replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
)
PAIRS = st.sampled_from([Pair("en", "pt"), Pair("pt-BR", "en-US"), Pair("zh-Hant", "eu"), Pair("en", "fr-CA")])


@st.composite
def spans(draw: st.DrawFn, text: str) -> tuple[Span, ...]:
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    keys = draw(st.lists(st.integers(0, 9), unique=True, min_size=len(cuts), max_size=len(cuts)))
    made = []
    for start, end, key in zip(cuts[::2], cuts[1::2], keys, strict=False):
        kind: SpanKind = draw(st.sampled_from(("tag", "tag", "placeholder", "term", "code")))
        role: SpanRole = draw(st.sampled_from(("alone", "alone", "open", "close")))
        made.append(Span(start, end, kind, key, role, draw(st.sampled_from([-1, *keys]))))
    return tuple(made)


@st.composite
def units(draw: st.DrawFn, about_it: st.SearchStrategy[str] = TEXTS) -> Unit:
    source, target = draw(SPOKEN), draw(SPOKEN)
    source_spans: tuple[Span, ...] = ()
    target_spans: tuple[Span, ...] = ()
    codes: dict[int, str] = {}
    if draw(st.booleans()):
        source_spans, target_spans = draw(spans(source)), draw(spans(target))
        for span in (*source_spans, *target_spans):
            if draw(st.booleans()):
                raw = st.sampled_from(
                    ["<ph/>", '<bpt i="1">a</bpt>', '<ept i="1"/>', "<hi>", "</hi>", "<b>", "\x00"]
                )
                codes[draw(st.sampled_from([span.key, ~span.key]))] = draw(raw | TEXTS)
    fields = ("before", "after", "context", "origin", "creator", "domain", "note")
    about: dict[str, Any] = {name: draw(st.just("") | about_it) for name in fields}
    about |= {name: draw(st.just("") | DATES) for name in ("created", "changed")}
    quality = draw(st.none() | st.floats(0, 1))
    return Unit(
        source, target, draw(PAIRS), quality=quality,
        source_spans=source_spans, target_spans=target_spans, codes=codes, **about,
    )  # fmt: skip


def again(made: list[Unit], folder: Path, form: str, source: str = "") -> list[Unit]:
    path = folder / f"units.{form}"
    assert write_units(made, path, source_language=source) == len(made)
    assert [file.name for file in folder.iterdir()] == [path.name]
    return list(read_units(path))


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl"])
@given(made=st.lists(units(), max_size=3))
def test_tables_and_json_lose_nothing(
    tmp_path_factory: pytest.TempPathFactory, form: str, made: list[Unit]
) -> None:
    assert again(made, tmp_path_factory.mktemp("trip"), form) == made


@given(made=st.lists(units(XML), max_size=3), source=st.sampled_from(["", "en"]))
def test_tmx_loses_nothing(tmp_path_factory: pytest.TempPathFactory, made: list[Unit], source: str) -> None:
    assert again(made, tmp_path_factory.mktemp("trip"), "tmx", source) == made


@pytest.mark.parametrize("form", WRITERS)
@FEW
@given(made=st.lists(units(XML), max_size=3))
def test_a_memory_comes_back_whole(tmp_path_factory: pytest.TempPathFactory, form: str, made: list[Unit]) -> None:
    folder = tmp_path_factory.mktemp("trip")
    first, second = (MemoryStore(folder / f"{name}.db", create=True) for name in ("one", "two"))
    first.add(made)
    write_units(first.units(), folder / f"out.{form}")
    second.add(read_units(folder / f"out.{form}"))
    # Units of several pairs come out pair by pair: their numbers are others then.
    assert [replace(unit, id=0) for unit in second.units()] == [replace(unit, id=0) for unit in first.units()]
    first.close()
    second.close()


def test_what_xml_cannot_hold_is_replaced_in_what_is_said_of_a_unit(tmp_path: Path) -> None:
    (unit,) = again([Unit("a\x00", "b\ufffe", Pair("en", "pt"), note="c\x1b")], tmp_path, "tmx")
    assert (unit.source, unit.target, unit.note) == ("a\x00", "b\ufffe", "c\ufffd")
    assert "<seg>a\ufffd</seg>" in (tmp_path / "units.tmx").read_text("utf-8")


def test_the_header_says_what_tmx_wants(tmp_path: Path) -> None:
    unit = Unit("a", "b", Pair("pt", "en"), id=7, created="2026-11-29T20:00:00Z")
    write_units([unit], tmp_path / "one.tmx", source_language="en")
    text = (tmp_path / "one.tmx").read_text("utf-8")
    wanted = (
        'version="1.4" creationtool="scalemt" creationtoolversion=" segtype="sentence" o-tmf="scalemt" '
        'adminlang="en" srclang="en" datatype="plaintext"'
    )
    for told in (*wanted.split(), '<tu tuid="7" srclang="pt" creationdate="20261129T200000Z"'):
        assert told in text
    write_units([unit], tmp_path / "two.tmx")
    assert 'srclang="*all*"' in (tmp_path / "two.tmx").read_text("utf-8")


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "units.csv"
    path.write_text("before", "utf-8")

    def failing() -> Any:
        yield Unit("a", "b", Pair("en", "pt"))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_units(failing(), path)
    assert path.read_text("utf-8") == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["units.csv"]


def test_an_open_file_is_written_to() -> None:
    out = io.BytesIO()
    write_units([Unit("a", "b", Pair("en", "pt"))], out, "jsonl")
    assert out.getvalue() == b'{"source": "a", "target": "b", "source_language": "en", "target_language": "pt"}\n'
    with pytest.raises(UsageError, match="say which format"):
        write_units([], out)


def test_the_table_of_formats_is_complete() -> None:
    assert set(SUFFIXES.values()) == set(READERS)
    assert set(WRITERS) <= set(READERS)
    assert {format_of(f"A{suffix.upper()}") for suffix in SUFFIXES} == set(READERS)
