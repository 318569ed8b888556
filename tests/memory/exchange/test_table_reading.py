"""Reading CSV, TSV and JSON Lines."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from scalemt.errors import InputError, UsageError
from scalemt.memory.exchange import ReadOptions, read_lines, read_units
from scalemt.memory.units import Unit
from scalemt.types import Pair, Span

PAIR = Pair("en", "pt")


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Read what a file of a name and a content gives."""

    def reader(
        name: str, content: str | bytes, source: str = "en", target: str = "pt", **options: Any
    ) -> list[Unit]:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(read_units(path, source=source, target=target, **options))

    return reader


def sides(units: list[Unit]) -> list[tuple[str, str]]:
    return [(unit.source, unit.target) for unit in units]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", "house\tcasa\ndog\tcão\n"),
        ("a.tsv", "house\tcasa\tmore\r\n\r\ndog\tcão"),
        ("a.tsv", "\ufeffsource\ttarget\nhouse\tcasa\ndog\tcão\n"),
        ("a.tab", "Target text\tSource text\ncasa\thouse\ncão\tdog\n"),
        ("a.csv", "house,casa\ndog,cão\n"),
        ("a.csv", 'sep=;\n"house";casa\ndog;"cão"\n'),
        ("a.csv", "note;source;target\n;house;casa\n;dog;cão\n"),
        ("a.csv", "en,pt\nhouse,casa\ndog,cão\n"),
        ("a.csv", "id,pt-BR,en-US,fr\n1,casa,house,maison\n2,cão,dog,chien\n"),
        ("a.jsonl", '{"source": "house", "target": "casa"}\n\n{"source": "dog", "target": "cão", "drafts": []}\n'),
    ],
)
def test_columns_are_told_by_header_or_order(read: Any, name: str, content: str) -> None:
    assert sides(read(name, content)) == [("house", "casa"), ("dog", "cão")]


def test_corpora_without_a_header_are_read(shared_data: Path) -> None:
    path = shared_data / "corpora" / "libreoffice-help.en-eu.train.tsv"
    units = list(read_units(path, source="en", target="eu"))
    assert len(units) == 24196
    assert units[0].pair == Pair("en", "eu")


def test_quotes_of_a_tsv_that_means_them_literally(read: Any) -> None:
    content = '"Open" it\t"Abrir"\nsay "no\tdiga "não\n'
    assert sides(read("a.tsv", content)) == [('"Open" it', '"Abrir"'), ('say "no', 'diga "não')]


def test_quoted_fields_hold_separators_and_line_breaks(read: Any) -> None:
    content = 'source,target\n"one, ""two""\nthree","um\r\ndois"\n'
    assert sides(read("a.csv", content)) == [('one, "two"\nthree', "um\r\ndois")]


def test_short_words_that_are_language_codes_too_are_no_header(read: Any) -> None:
    assert sides(read("a.tsv", "as\tos\nit\tisso\n")) == [("as", "os"), ("it", "isso")]


def test_several_languages_make_several_units(read: Any) -> None:
    units = read("a.csv", "en,pt,fr\nhouse,casa,maison\ndog,,chien\n", source="", target="")
    assert [(unit.target, unit.pair) for unit in units] == [
        ("casa", PAIR),
        ("maison", Pair("en", "fr")),
        ("chien", Pair("en", "fr")),
    ]
    skipped: Counter[str] = Counter()
    assert read("a.csv", "en,fr\nhouse,maison\n", source="en", target="fr")
    assert read("b.csv", "en,pt,fr\na,,b\nhouse,casa,\n", skipped=skipped) != []
    assert skipped == {"without a translation": 1}


def test_all_fields_are_read(read: Any) -> None:
    content = (
        "Source,Target,Source-Language,Target Language,context,quality,created,subject\n"
        "house,casa,en-GB,por,c,0.5,20260102T030405Z,law\n"
    )
    (unit,) = read("a.csv", content, source="", target="")
    assert unit == Unit(
        "house",
        "casa",
        Pair("en-GB", "pt"),
        context="c",
        quality=0.5,
        created="2026-01-02T03:04:05Z",
        domain="law",
    )


def test_rows_of_another_pair_are_passed_over(read: Any) -> None:
    skipped: Counter[str] = Counter()
    content = "source,target,target_language\nhouse,casa,pt\nhouse,maison,fr\n,x,pt\nx, ,pt\n"
    assert sides(read("a.csv", content, skipped=skipped)) == [("house", "casa")]
    assert skipped == {
        "in no language that was asked for": 1,
        "without a source": 1,
        "without a translation": 1,
    }


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tsv", "one\n", r"a\.tsv, line 1: one column, expected a source and its translation"),
        ("a.tsv", "one\ttwo\n\nthree\n", r"a\.tsv, line 3: 1 columns, where the first row has 2"),
        ("a.csv", "one,two\none,two,three\n", r"a\.csv, line 2: 3 columns, .* needs quotes around the text"),
        (
            "a.csv",
            "source,traget\none,two\n",
            r"line 1: the header has no column 'target'; it names 'source', 'tra",
        ),
        ("a.csv", 'one,"two\n', r"a\.csv, line 1: the quote that opens a field here is not closed"),
        ("a.csv", "one,caf\u00e9\n".encode("latin-1"), r"a\.csv, line 1: holds the byte 0xe9, which is not utf-8"),
        (
            "a.csv",
            "source,target,quality\na,b,good\n",
            r"line 2: quality is 'good', expected a number from 0 to 1",
        ),
        ("a.csv", "source,target,changed\na,b,May\n", r"line 2: changed is 'May', expected a date in UTC such as"),
        ("a.csv", "source,target,from\na,b,klingonic\n", r"line 2: source_language: Unknown language 'klingonic'"),
        (
            "a.csv",
            "source,target,from\na,b,Portu\0guese\n",
            "line 2: source_language is 'Portu.*', which is no code",
        ),
        ("a.csv", 'source,target,spans\na,b,"[[[0,9,""tag"",0]],[],{}]"\n', r"line 2: the spans cannot be used: "),
        ("a.csv", "source,target,spans\na,b,{\n", r"line 2: the spans cannot be used: "),
        (
            "a.jsonl",
            '{"source": "a", "target": "b"}\n{"source": "a"}\n',
            r"a\.jsonl, line 2: expected an object such",
        ),
        ("a.jsonl", '["a", "b"]\n', "line 1: expected an object such as"),
        ("a.jsonl", '{"source": "a", "target": "b"\n', "line 1: not JSON"),
        ("a.jsonl", "[" * 100_000, "line 1: not JSON"),
        ("a.jsonl", '{"source": "a", "target": 5}\n', "line 1: target is 5, expected a text in quotes"),
        ("a.jsonl", '{"source": "a", "target": "\\ud800"}\n', "line 1: half of a surrogate pair"),
        ("a.jsonl", b'{"source": "\xe9"}\n', "line 1, byte 13 of the line: 0xe9 is not UTF-8"),
        ("a.jsonl", '{"source": "a", "target": "b", "quality": NaN}\n', "quality is nan, expected a number"),
        ("a.jsonl", '{"source": "a", "target": "b", "source_spans": [[0, 1, "no", 0]]}', "no kind 'no'"),
        ("a.jsonl", '{"source": "a", "target": "b", "source_spans": [5]}', "5 is no span: expected"),
        ("a.jsonl", '{"source": "a", "target": "b", "source_spans": 5}', "spans must be a list"),
        ("a.jsonl", '{"source": "ab", "target": "b", "source_spans": [[0,1,"tag",0],[1,2,"tag",0]]}', "one key"),
        ("a.jsonl", '{"source": "a", "target": "b", "source_spans": [["0", 1, "tag", 0]]}', "whole numbers"),
        ("a.jsonl", '{"source": "a", "target": "b", "codes": {"0": 5}}', "a code is 5, expected a text"),
        ("a.jsonl", '{"source": "a", "target": "b", "codes": [5]}', "the spans cannot be used"),
    ],
)
def test_a_bad_file_is_refused_with_line_and_mend(
    read: Any, name: str, content: str | bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read(name, content)


def test_an_encoding_can_be_named(read: Any) -> None:
    content = "coffee\tcafé\n".encode("latin-1")
    assert sides(read("a.tsv", content, options=ReadOptions(encoding="latin-1"))) == [("coffee", "café")]
    assert sides(read("b.tsv", "coffee\tcafé\n".encode("utf-16"))) == [("coffee", "café")]
    with pytest.raises(UsageError, match="no encoding named 'latin-x'"):
        read("a.tsv", content, options=ReadOptions(encoding="latin-x"))


def test_an_empty_file_has_no_units(read: Any) -> None:
    assert read("a.tsv", "") == read("a.csv", "\n\n") == read("a.jsonl", "\n") == []


def test_spans_of_json_are_kept(read: Any) -> None:
    held = {
        "source": "a <b>",
        "target": "<b> b",
        "source_spans": [[2, 5, "tag", 0, "alone", -1]],
        "target_spans": [[0, 3, "tag", 0]],
        "codes": {"0": "<ph/>"},
    }
    (unit,) = read("a.jsonl", json.dumps(held))
    assert unit.source_spans == (Span(2, 5, "tag", 0),)
    assert unit.target_spans == (Span(0, 3, "tag", 0),)
    assert unit.codes == {0: "<ph/>"}


def test_nul_and_a_megabyte_survive(read: Any) -> None:
    long = "word\x00 " * 200_000
    assert sides(read("a.tsv", f"{long}\tb\x1b\n")) == [(long, "b\x1b")]
    assert sides(read("a.jsonl", json.dumps({"source": long, "target": "b"}))) == [(long, "b")]


def test_lines_are_json_or_columns() -> None:
    def given(*lines: str) -> list[tuple[str, str]]:
        return sides(list(read_lines(lines, "here", source="en", target="pt")))

    assert given('{"source": "a", "target": "b"}') == [("a", "b")]
    assert given("a\tb", "", "c\td") == [("a", "b"), ("c", "d")]
    assert list(read_lines([], "here")) == []
    with pytest.raises(InputError, match="here does not say its source language"):
        list(read_lines(["a\tb"], "here"))
