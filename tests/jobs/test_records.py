"""Records of data sets: their segments are those of the formats, and they are written again as they were."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.errors import InputError, UsageError
from scalemt.formats import FormatOptions, Target, format_for
from scalemt.jobs.filtering import Shape, Thresholds, export_records
from scalemt.jobs.outcomes import Outcome
from scalemt.jobs.records import Record, read_records
from scalemt.text.selective import record_of
from scalemt.types import Segment

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)
PROSE = TEXT | st.sampled_from(["Hello\n\n```\nx = 1\n```\nBye", "- One\n- Two", '{"a": "b"}', "plain"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | PROSE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def in_file(tmp_path: Path, name: str, data: str) -> Path:
    path = tmp_path / name
    path.write_bytes(data.encode())
    return path


def records(path: Path, *fields: str, selective: str = "structure") -> list[Record]:
    return list(read_records(path, None, FormatOptions(fields=fields, selective=selective)))


def shouted(segment: Segment) -> Target:
    return Target(segment.text.upper(), segment.spans)


def same_as_the_format(path: Path, options: FormatOptions) -> None:
    """Segments are those that the format reads, and a plain export is what it writes."""
    made = format_for(path)
    found = list(read_records(path, None, options))
    segments = list(made.read(path, options))
    assert [segment for record in found for segment in record.segments] == segments
    assert all(record_of(segment.id) == record.name for record in found for segment in record.segments)
    written, exported = io.BytesIO(), io.BytesIO()
    made.write(path, options, map(shouted, segments), written)
    report = export_records(
        path, None, options, lambda asked: [Outcome("done", shouted(item)) for item in asked], Shape(),
        Thresholds(), exported,
    )  # fmt: skip
    assert (report.read, report.kept, report.dropped) == (len(found), len(found), 0)
    if made.name == "parquet":
        pq = pytest.importorskip("pyarrow.parquet")
        old, new = pq.read_table(written), pq.read_table(exported)
        assert new.equals(old)
        assert new.schema.equals(old.schema, check_metadata=True)
    else:
        assert exported.getvalue() == written.getvalue()


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.dictionaries(TEXT, VALUES, max_size=3) | VALUES, max_size=5),
    st.sampled_from(["structure", "prompt", "off"]),
    st.booleans(),
)
def test_lines_are_the_records_of_json_lines(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any], selective: str, escaped: bool
) -> None:
    lines = [json.dumps(value, ensure_ascii=escaped) for value in [*values, {"text": "Always"}]]
    path = in_file(tmp_path_factory.mktemp("records"), "a.jsonl", "\n".join(lines))
    options = FormatOptions(fields=("..*",), selective=selective)
    same_as_the_format(path, options)
    due = [value if isinstance(value, dict) else {"value": value} for value in values]
    assert [record.values for record in records(path, "..*")][:-1] == due


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.lists(PROSE, min_size=1, max_size=4), min_size=1, max_size=5),
    st.sampled_from(["a.csv", "a.tsv"]),
    st.sampled_from([("text",), ("2",), ("1", "text")]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_rows_are_the_records_of_tables(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], name: str, fields: tuple[str, ...], end: str
) -> None:
    made = io.StringIO(newline="")
    writer = csv.writer(made, delimiter="," if name == "a.csv" else "\t", lineterminator=end)
    writer.writerows([["id", "text"], *rows])
    path = in_file(tmp_path_factory.mktemp("records"), name, made.getvalue())
    same_as_the_format(path, FormatOptions(fields=fields))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.none() | PROSE, st.none() | st.lists(st.none() | PROSE, max_size=3)), max_size=6))
def test_rows_are_the_records_of_parquet(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = [[row[0] for row in rows], [row[1] for row in rows]]
    schema = pa.schema([("text", pa.string()), ("parts", pa.list_(pa.large_string()))], metadata={"a": "b"})
    path = tmp_path_factory.mktemp("records") / "a.parquet"
    pq.write_table(pa.table(columns, schema=schema), path, row_group_size=2)
    same_as_the_format(path, FormatOptions(fields=("text", "parts[*]")))
    assert [record.values for record in records(path, "text")] == [
        {"text": text, "parts": parts} for text, parts in rows
    ]


def test_values_of_numbers_are_exact(tmp_path: Path) -> None:
    big = "9" * 5000
    path = in_file(
        tmp_path, "a.jsonl", f'{{"t": "One", "a": 0.1, "b": 1e400, "c": 12345678901234567890, "d": {big}}}'
    )
    (record,) = records(path, "t")
    assert record.values == {
        "t": "One", "a": 0.1, "b": Decimal("1e400"), "c": 12345678901234567890, "d": Decimal(big),
    }  # fmt: skip
    assert record.name == "line 1"
    assert [(place, field.value) for place, field in record.fields] == [(("t",), "One")]


def test_values_of_tables_follow_the_header(tmp_path: Path) -> None:
    path = in_file(tmp_path, "a.csv", 'sep=;\nid;text\n1;"One; two"\n2\n\n3;Three;more\n')
    assert [(record.name, record.values) for record in records(path, "text")] == [
        ("row 3", {"id": "1", "text": "One; two"}),
        ("row 4", {"id": "2"}),
        ("row 6", {"id": "3", "text": "Three", "3": "more"}),
    ]
    assert records(path, "2")[0].values == {"1": "id", "2": "text"}
    assert records(path, "text")[0].fields[0][0] == ("text",)


def test_values_of_parquet_are_those_python_has(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["One"], "at": pa.array([1001], pa.time64("ns"))}), path)
    assert records(path, "text")[0].values["text"] == "One"
    assert "1" in str(records(path, "text")[0].values["at"])


def test_what_has_no_records_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a.md is Markdown, which has no records.*jsonl, csv, tsv and parquet"):
        records(in_file(tmp_path, "a.md", "x"), "text")
    with pytest.raises(InputError, match=r"none.jsonl does not exist"):
        records(tmp_path / "none.jsonl", "text")
    with pytest.raises(InputError, match="fields of a line hold text is not told"):
        records(in_file(tmp_path, "a.jsonl", '{"a": "b"}'))
