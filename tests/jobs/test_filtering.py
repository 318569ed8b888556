"""Exports of translated data sets: columns, scores, thresholds, both outputs, in all formats."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.errors import InputError, UsageError
from scalemt.formats import FormatOptions, Target
from scalemt.jobs.filtering import SCORES, Report, Shape, Thresholds, export_records
from scalemt.jobs.outcomes import Outcome
from scalemt.types import Segment

CHAT = """\
{"id": 12345678901234567890, "messages": [{"role": "user", "content": "good"}, {"role": "bot", "content": "fair"}], "n": 0.10}
{"id":2, "id":3 , "messages":[{"content": "unchecked"}], "n": 1e400}
{"id": 4, "messages": [], "n": null}
{"id": 5, "messages": [{"content": "broken"}, {"content": "good"}]}
{"id": 6, "messages": [{"content": "later"}]}
"""  # noqa: E501
FIELDS = ("messages[*].content",)
SCORED: dict[str, dict[str, float]] = {
    "good": {"faith": 5.0, "confidence": 0.75},
    "fair": {"faith": 3.5, "confidence": 0.25},
    "unchecked": {"faith": float("nan"), "confidence": 0.5},
}


def outcomes(segments: Sequence[Segment]) -> list[Outcome]:
    """What a ledger might know: texts are shouted, one fails checks, one failed, one waits, one is not judged."""
    made = []
    for segment in segments:
        target = Target(segment.text.upper(), segment.spans)
        outcome = Outcome("done", target, scores=SCORED.get(segment.text, {}), origin="draft")
        if segment.text == "fair":
            outcome = replace(outcome, checks=("length", "copied"))
        if segment.text in ("broken", "later"):
            state: Any = "failed" if segment.text == "broken" else "waiting"
            outcome = Outcome(state, replace(Target.same(segment), failed=True))
        made.append(outcome)
    return made


def export(
    path: Path, fields: Sequence[str], shape: Shape | None = None, thresholds: Thresholds | None = None
) -> tuple[bytes, bytes, Report]:
    out, dropped = io.BytesIO(), io.BytesIO()
    options = FormatOptions(fields=tuple(fields))
    report = export_records(
        path, None, options, outcomes, shape or Shape(), thresholds or Thresholds(), out, dropped
    )
    return out.getvalue(), dropped.getvalue(), report


def chats(tmp_path: Path) -> Path:
    path = tmp_path / "a.jsonl"
    path.write_text(CHAT)
    return path


def lines(data: bytes) -> list[Any]:
    return [json.loads(line) for line in data.decode().splitlines()]


def ids(data: bytes) -> list[int]:
    return [record["id"] for record in lines(data)]


def test_records_are_rebuilt_and_numbers_survive(tmp_path: Path) -> None:
    out, dropped, report = export(chats(tmp_path), FIELDS)
    first, second, third, *_ = CHAT.splitlines(keepends=True)
    assert (
        out.decode()
        == first.replace("good", "GOOD").replace("fair", "FAIR") + second.replace("unchecked", "UNCHECKED") + third
    )
    assert ids(dropped) == [5, 6]
    assert (report.read, report.kept, report.dropped) == (5, 3, 2)
    assert report.reasons == {"failed": 1, "waiting": 1}


@pytest.mark.parametrize(
    ("thresholds", "kept", "reasons"),
    [
        (Thresholds(failed=False), [12345678901234567890, 3, 4, 5, 6], {}),
        (Thresholds(checks=True), [3, 4], {"check length": 1, "check copied": 1, "failed": 1, "waiting": 1}),
        (
            Thresholds({"faith": 3.5}),
            [12345678901234567890, 4],
            {"faith not known": 3, "failed": 1, "waiting": 1},
        ),
        (
            Thresholds({"faith": 4, "confidence": 0.5}, failed=False),
            [4],
            {"faith below 4": 1, "confidence below 0.5": 1, "faith not known": 3, "confidence not known": 2},
        ),
    ],
)
def test_thresholds_hold_for_each_segment(
    tmp_path: Path, thresholds: Thresholds, kept: list[int], reasons: dict[str, int]
) -> None:
    out, dropped, report = export(chats(tmp_path), FIELDS, thresholds=thresholds)
    assert ids(out) == kept
    assert sorted(ids(out) + ids(dropped)) == sorted([12345678901234567890, 3, 4, 5, 6])
    assert report.reasons == reasons


def test_names_of_scores_and_columns_are_checked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no score named 'bleu'. Valid choices: confidence, meaning, .*format"):
        Thresholds({"bleu": 1})
    with pytest.raises(UsageError, match="The least faith is nan"):
        Thresholds({"faith": float("nan")})
    with pytest.raises(InputError, match=r"a.jsonl: there is no column named 'title'\. .* id, messages, n"):
        export(chats(tmp_path), FIELDS, Shape(keep=("id", "title")))
    with pytest.raises(InputError, match="no column named 'x', 'y'"):
        export(chats(tmp_path), FIELDS, Shape(keep=("x",), drop=("y",)))


def test_columns_of_lines(tmp_path: Path) -> None:
    out, _, _ = export(chats(tmp_path), FIELDS, Shape(drop=("n",), both=True))
    first, second, third = out.decode().splitlines()
    assert first.startswith('{"id": 12345678901234567890, "messages": [{"role": "user", "content": "GOOD"}')
    assert json.loads(first)["messages_source"] == json.loads(CHAT.splitlines()[0])["messages"]
    assert second == (
        '{"id": 2, "id": 3, "messages": [{"content": "UNCHECKED"}], "messages_source": [{"content": "unchecked"}]}'
    )
    assert third == '{"id": 4, "messages": []}'
    kept, _, _ = export(chats(tmp_path), FIELDS, Shape(keep=("n",)))
    assert kept.decode() == '{"n": 0.10}\n{"n": 1e400}\n{"n": null}\n'


def test_a_name_that_is_taken_is_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": "x"}\n{"a": "y", "a_source": 1}\n')
    with pytest.raises(InputError, match=r"a.jsonl, line 2: a column named 'a_source' is there already. Drop"):
        export(path, ["a"], Shape(both=True))
    out, _, _ = export(path, ["a"], Shape(both=True, drop=("a_source",)))
    assert lines(out) == [{"a": "X", "a_source": "x"}, {"a": "Y", "a_source": "y"}]


def test_scores_of_lines(tmp_path: Path) -> None:
    shape = Shape(keep=("id",), scores=True, segments=True)
    out, dropped, _ = export(chats(tmp_path), FIELDS, shape, Thresholds(checks=True))
    held, failed, _ = lines(dropped)
    segments = held.pop("scalemt_segments")
    assert held == {
        "id": 12345678901234567890, "scalemt_passed": False, "scalemt_state": "done",
        "scalemt_failed_checks": ["copied", "length"], "scalemt_confidence": 0.25, "scalemt_confidence_mean": 0.5,
        "scalemt_faith": 3.5, "scalemt_faith_mean": 4.25,
    }  # fmt: skip
    assert segments[1] == {
        "field": "messages[1].content", "source": "fair", "translation": "FAIR",
        "scores": {"faith": 3.5, "confidence": 0.25}, "checks": ["length", "copied"], "origin": "draft",
    }  # fmt: skip
    assert failed["scalemt_state"] == "failed"
    assert [item["translation"] for item in failed["scalemt_segments"]] == [None, "GOOD"]
    unknown, empty = lines(out)
    assert (unknown["scalemt_passed"], unknown["scalemt_faith"], unknown["scalemt_confidence"]) == (
        True,
        None,
        0.5,
    )
    assert (empty["scalemt_passed"], empty["scalemt_state"], empty["scalemt_segments"]) == (True, "done", [])


def test_scores_that_are_known_need_no_second_asking(tmp_path: Path) -> None:
    asked: list[int] = []

    def ask(segments: Sequence[Segment]) -> list[Outcome]:
        asked.append(len(segments))
        return outcomes(segments)

    options, out = FormatOptions(fields=FIELDS), io.BytesIO()
    shape = Shape(scores=True, known=("faith",))
    export_records(chats(tmp_path), None, options, ask, shape, Thresholds(), out)
    assert asked == [6]
    assert "scalemt_faith_mean" in lines(out.getvalue())[2]
    assert "scalemt_confidence" not in lines(out.getvalue())[0]


def test_lines_that_are_no_objects(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('["good", 1.0]\n "fair" \n{}\n')
    assert export(path, ["*", "$[0]", "..*"])[0].decode() == '["GOOD", 1.0]\n "fair" \n{}\n'
    out, _, _ = export(path, ["*"], Shape(both=True, scores=True, known=()))
    assert out.decode().splitlines()[0] == (
        '{"value": ["GOOD", 1.0], "value_source": ["good", 1.0], "scalemt_passed": true, "scalemt_state": "done", '
        '"scalemt_failed_checks": []}'
    )
    assert out.decode().splitlines()[2].startswith('{"scalemt_passed": true')


def test_segments_are_asked_for_in_batches(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"t": ["good"] * count}) + "\n" for count in (2500, 1, 0, 700, 400, 3)))
    asked: list[int] = []

    def ask(segments: Sequence[Segment]) -> list[Outcome]:
        asked.append(len(segments))
        return outcomes(segments)

    out = io.BytesIO()
    export_records(path, None, FormatOptions(fields=("t[*]",)), ask, Shape(), Thresholds(), out)
    assert max(asked) == 1000
    assert sum(asked) == 3604
    assert lines(out.getvalue())[3]["t"] == ["GOOD"] * 700
    with pytest.raises(ValueError, match="1000 segments were asked for, 0 outcomes came"):
        export_records(path, None, FormatOptions(fields=("t[*]",)), lambda _: [], Shape(), Thresholds(), out)


# Tables

TABLE = 'id;text;n\n1;"good";0.10\n2;fair\n3;broken;1e400\n4;;4\n'


def rows(data: bytes, delimiter: str = ";") -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter))


def test_columns_of_tables(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TABLE)
    out, dropped, report = export(path, ["text"])
    assert out.decode() == 'id;text;n\n1;"GOOD";0.10\n2;FAIR\n4;;4\n'
    assert dropped.decode() == "id;text;n\n3;broken;1e400\n"
    assert report.reasons == {"failed": 1}
    assert export(path, ["text"], Shape(keep=("n", "text")))[0].decode() == 'text;n\n"GOOD";0.10\nFAIR\n;4\n'
    shape = Shape(drop=("id",), both=True, scores=True, segments=True)
    out, dropped, _ = export(path, ["text"], shape, Thresholds({"faith": 4}))
    header, first, last = rows(out)
    assert header == [
        "text", "n", "text_source", "scalemt_passed", "scalemt_state", "scalemt_failed_checks",
        "scalemt_confidence", "scalemt_confidence_mean", "scalemt_faith", "scalemt_faith_mean", "scalemt_segments",
    ]  # fmt: skip
    assert first[:10] == ["GOOD", "0.10", "good", "true", "done", "", "0.75", "0.75", "5.0", "5.0"]
    assert json.loads(first[10])[0]["translation"] == "GOOD"
    assert last == ["", "4", "", "true", "done", "", "", "", "", "", "[]"]
    assert rows(dropped)[1][:6] == ["FAIR", "", "fair", "false", "done", "copied, length"]


def test_tables_without_a_header_and_with_uneven_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("1\tgood\n2\tfair\tmore\n")
    assert export(path, ["2"], Shape(drop=("1",)))[0].decode() == "GOOD\nFAIR\tmore\n"
    assert export(path, ["2"], Shape(keep=("2",)))[0].decode() == "GOOD\nFAIR\n"
    with pytest.raises(InputError, match=r"a.tsv, row 2 \(line 2\): it has 3 cells, the first row 2\. .*add none"):
        export(path, ["2"], Shape(both=True))
    path.write_text("text\ta\ttext_source\ngood\t1\t2\n")
    with pytest.raises(InputError, match=r"a.tsv: a column named 'text_source' is there already"):
        export(path, ["text"], Shape(both=True))
    with pytest.raises(InputError, match=r"no column named 'title'. Those that are there: text, a, text_source"):
        export(path, ["text"], Shape(drop=("title",)))


def test_a_column_of_its_own_may_be_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("\ufeffsep=,\r\ntext\r\ngood\r\n\r\nfair\r\n".encode())
    out, _, report = export(path, ["text"], Shape(scores=True, known=()))
    assert out.decode() == (
        "\ufeffsep=,\r\ntext,scalemt_passed,scalemt_state,scalemt_failed_checks\r\nGOOD,true,done,\r\n"
        ',true,done,\r\nFAIR,true,done,"copied, length"\r\n'
    )
    assert report.read == 3


# Parquet


def parquet(tmp_path: Path) -> Path:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    records = [json.loads(line, parse_float=str) for line in CHAT.splitlines()]
    messages = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    schema = pa.schema(
        [pa.field("id", pa.uint64(), nullable=False), ("messages", messages), ("at", pa.timestamp("ns"))],
        metadata={"licence": "CC0"},
    )
    columns = [
        [record["id"] for record in records],
        [record["messages"] for record in records],
        pa.array([1, 2, 3, None, 5], pa.timestamp("ns")),
    ]
    pq.write_table(pa.table(columns, schema=schema), tmp_path / "a.parquet", row_group_size=2, compression="zstd")
    return tmp_path / "a.parquet"


def test_columns_of_parquet(tmp_path: Path) -> None:
    path = parquet(tmp_path)
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    before = pq.read_schema(path)
    shape = Shape(both=True, scores=True, segments=True)
    out, dropped, report = export(path, FIELDS, shape, Thresholds({"confidence": 0.5}))
    assert report.reasons == {"confidence below 0.5": 1, "failed": 1, "waiting": 1, "confidence not known": 2}
    kept, left = pq.ParquetFile(io.BytesIO(out)), pq.ParquetFile(io.BytesIO(dropped))
    schema = kept.schema_arrow
    assert schema.equals(left.schema_arrow, check_metadata=True)
    assert schema.metadata == {b"licence": b"CC0"}
    assert [schema.field(at).equals(before.field(at)) for at in range(3)] == [True] * 3
    assert schema.field("messages_source").type == before.field("messages").type
    assert [str(schema.field(name).type) for name in schema.names[4:9]] == [
        "bool", "string", "list<element: string>", "double", "double",
    ]  # fmt: skip
    assert kept.metadata.row_group(0).column(0).compression == "ZSTD"
    assert [left.metadata.row_group(at).num_rows for at in range(left.metadata.num_row_groups)] == [1, 1, 1]
    table = kept.read()
    assert table["at"].cast(pa.int64()).to_pylist() == [2, 3]
    first = table.drop(["at"]).to_pylist()[0]
    assert (first["id"], first["messages"][0]["content"]) == (3, "UNCHECKED")
    assert first["messages_source"][0]["content"] == "unchecked"
    assert (first["scalemt_passed"], first["scalemt_confidence"], first["scalemt_faith"]) == (True, 0.5, None)
    segments = left.read().drop(["at"]).to_pylist()[0]["scalemt_segments"]
    assert segments[1]["translation"] == "FAIR"
    assert dict(segments[1]["scores"]) == SCORED["fair"]


def test_parquet_of_which_nothing_stays_is_a_file_all_the_same(tmp_path: Path) -> None:
    path = parquet(tmp_path)
    pq = pytest.importorskip("pyarrow.parquet")
    out = io.BytesIO()
    options = FormatOptions(fields=("messages[*].role",))
    shape = Shape(keep=("id",), scores=True, known=("faith",))
    report = export_records(path, None, options, outcomes, shape, Thresholds({"faith": 4}), out)
    assert report.reasons == {"faith not known": 1}
    table = pq.read_table(io.BytesIO(out.getvalue()))
    assert table.schema.names == [
        "id", "scalemt_passed", "scalemt_state", "scalemt_failed_checks", "scalemt_faith", "scalemt_faith_mean",
    ]  # fmt: skip
    assert table.num_rows == 4
    with pytest.raises(InputError, match=r"no column named 'x'. Those that are there: id, messages, at"):
        export(path, FIELDS, Shape(drop=("x",)))


def test_what_fails_on_the_way_leaves_no_file_that_looks_whole(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    asked: list[Segment] = []

    def ask(segments: Sequence[Segment]) -> list[Outcome]:
        asked.extend(segments)
        if len(asked) > 2000:
            raise InputError("the ledger is gone")
        return outcomes(segments)

    path, out, dropped = tmp_path / "a.parquet", io.BytesIO(), io.BytesIO()
    pq.write_table(pa.table({"text": ["good"] * 5000}), path, row_group_size=500)
    options = FormatOptions(fields=("text",))
    with pytest.raises(InputError, match="the ledger is gone"):
        export_records(path, None, options, ask, Shape(), Thresholds(), out, dropped)
    assert out.getvalue()
    for data in (out, dropped):
        with pytest.raises(pa.ArrowInvalid):
            pq.ParquetFile(io.BytesIO(data.getvalue()))


# Properties

WORDS = st.sampled_from(["good", "fair", "unchecked", "broken", "later", "12", ""])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(WORDS, max_size=3), min_size=1, max_size=8),
    st.dictionaries(st.sampled_from(SCORES[:3]), st.sampled_from([0.5, 3.5, 4]), max_size=2),
    st.booleans(),
    st.booleans(),
)
def test_formats_agree_and_no_record_is_lost(
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[list[str]],
    least: dict[str, float],
    checks: bool,
    failed: bool,
) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    folder = tmp_path_factory.mktemp("exports")
    records = [{"id": number, "texts": held} for number, held in enumerate([*texts, ["good"]])]
    lined, columned = folder / "a.jsonl", folder / "a.parquet"
    lined.write_text("".join(json.dumps(record) + "\n" for record in records))
    schema = pa.schema([("id", pa.int64()), ("texts", pa.list_(pa.string()))])
    pq.write_table(pa.Table.from_pylist(records, schema=schema), columned, row_group_size=3)
    shape, thresholds = Shape(both=True, scores=True), Thresholds(least, checks, failed)
    out, dropped, report = export(lined, ["texts[*]"], shape, thresholds)
    out_2, dropped_2, report_2 = export(columned, ["texts[*]"], shape, thresholds)
    assert report == report_2
    assert sorted(ids(out) + ids(dropped)) == [record["id"] for record in records]
    for data, data_2 in ((out, out_2), (dropped, dropped_2)):
        made = [{"texts_source": record["texts"], **record} for record in lines(data)]
        assert pq.read_table(io.BytesIO(data_2)).to_pylist() == [
            {name: record[name] for name in pq.read_schema(io.BytesIO(data_2)).names} for record in made
        ]


_MANY = 40_000
_MEASURE = r"""
import re, sys
from pathlib import Path
from scalemt.formats import FormatOptions, Target
from scalemt.jobs.filtering import Shape, Thresholds, export_records
from scalemt.jobs.outcomes import Outcome
if sys.argv[1].endswith("parquet"):
    import pyarrow.parquet

def peak():
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])

def ask(segments):
    return [Outcome("done", Target(item.text.upper()), scores={"faith": 4.0}) for item in segments]

started = peak()
options, shape = FormatOptions(fields=("text",), selective="off"), Shape(both=True, scores=True, segments=True)
with open(sys.argv[2], "wb") as out:
    report = export_records(Path(sys.argv[1]), None, options, ask, shape, Thresholds({"faith": 3}), out)
print(report.kept, peak() - started)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read as Linux tells it")
@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, name: str) -> None:
    path, out = tmp_path / name, tmp_path / f"out-{name}"
    texts = (f"A text that is never the same, number {number}. " * 10 for number in range(_MANY))
    if name == "a.jsonl":
        with path.open("w") as file:
            file.writelines(json.dumps({"text": text}) + "\n" for text in texts)
    else:
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        pq.write_table(pa.table({"text": list(texts)}), path, row_group_size=2_000)
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(path), str(out)], capture_output=True, text=True, check=True
    )
    kept, grown = map(int, done.stdout.split())
    assert kept == _MANY
    assert grown < 100_000, grown
