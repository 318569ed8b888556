"""JSON, JSON Lines, CSV and TSV: fields, bytes that stay, selective translation."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.errors import InputError, UsageError
from scalemt.formats import FormatOptions, Target, format_for
from scalemt.text.spans import rewrite
from scalemt.types import Segment

CHAT = (
    '{"id": 1, "messages": [{"role": "user", "content": "Sort this:\\n\\n```python\\nx = 1\\n```\\nThanks"}, '
    '{"role": "bot", "content": "Caf\\u00e9 \\/ done"}], "n": 1.50}\n\n{"messages":[{"content":"Last"}]}'
)
TABLE = 'id,text,note\r\n1,"Hello, ""you""",keep\r\n2,plain,"two\r\nlines"\r\n3\r\n'


def in_file(tmp_path: Path, name: str, data: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def read(path: Path, *fields: str, selective: str = "structure") -> list[Segment]:
    return list(format_for(path).read(path, FormatOptions(fields=fields, selective=selective)))


def written(
    path: Path, *fields: str, change: Callable[[Segment], Target] = Target.same, selective: str = "structure"
) -> str:
    options, out = FormatOptions(fields=fields, selective=selective), io.BytesIO()
    made = format_for(path)
    made.write(path, options, iter([change(segment) for segment in made.read(path, options)]), out)
    return out.getvalue().decode()


def shouted(segment: Segment) -> Target:
    return Target(*rewrite(segment.text, segment.spans, lambda _, held: held, lambda plain: plain.upper()))


@pytest.mark.parametrize("selective", ["structure", "prompt", "off"])
def test_identity_is_byte_equal(tmp_path: Path, selective: str) -> None:
    chats = in_file(tmp_path, "a.jsonl", CHAT)
    assert written(chats, "messages[*].content", selective=selective) == CHAT
    catalogue = '{ "a" : "One",\n\t"b":["Two \\u00e9", 3, {"c": "Four\\n- five"}]}\n'
    assert written(in_file(tmp_path, "a.json", catalogue), selective=selective) == catalogue
    assert written(in_file(tmp_path, "a.csv", TABLE), "text", "note", selective=selective) == TABLE


def test_records_of_chats_are_cut_and_rebuilt(tmp_path: Path) -> None:
    path = in_file(tmp_path, "a.jsonl", CHAT)
    assert [(item.id, item.text) for item in read(path, "messages[*].content")] == [
        ("line 1: messages[0].content #1", "Sort this:"),
        ("line 1: messages[0].content #2", "Thanks"),
        ("line 1: messages[1].content", "Café / done"),
        ("line 3: messages[0].content", "Last"),
    ]
    out = [json.loads(line) for line in written(path, "messages[*].content", change=shouted).split("\n") if line]
    assert [item["content"] for record in out for item in record["messages"]] == [
        "SORT THIS:\n\n```python\nx = 1\n```\nTHANKS",
        "CAFÉ / DONE",
        "LAST",
    ]
    assert '"n": 1.50}' in written(path, "messages[*].content", change=shouted)
    (whole, *_) = read(path, "messages[*].content", selective="prompt")
    assert [whole.text[span.start : span.end] for span in whole.spans] == ["```python\nx = 1\n```"]


def test_fields_must_be_told_and_exist(tmp_path: Path) -> None:
    chats = in_file(tmp_path, "a.jsonl", CHAT)
    with pytest.raises(
        UsageError, match=r"Line 1 holds messages\[\*\]\.role, messages\[\*\]\.content\. .*--fields"
    ):
        read(chats)
    with pytest.raises(InputError, match=r"text.*messages\[\*\]\.role"):
        read(chats, "text")
    table = in_file(tmp_path, "a.csv", TABLE)
    with pytest.raises(UsageError, match=r"hold text is not told\. .*'id', 2 'text', 3 'note'.*--fields"):
        read(table)
    with pytest.raises((InputError, UsageError), match="title"):
        read(table, "title")
    with pytest.raises(UsageError, match="from 1"):
        read(table, "0")


def test_columns_by_name_and_number(tmp_path: Path) -> None:
    path = in_file(tmp_path, "a.csv", TABLE)
    assert [(item.id, item.text) for item in read(path, "text")] == [
        ("row 2: text", 'Hello, "you"'),
        ("row 3: text", "plain"),
    ]
    assert [item.text for item in read(path, "2")] == ["text", 'Hello, "you"', "plain"]
    out = written(path, "text", change=lambda item: Target(f"{item.text}, x"))
    assert out == TABLE.replace('""you"""', '""you"", x"').replace("2,plain", '2,"plain, x"')
    semicolons = in_file(tmp_path, "b.csv", "a;b\nx,y;z\n")
    assert [item.text for item in read(semicolons, "a")] == ["x,y"]
    tabs = in_file(tmp_path, "a.tsv", 'a\tb\n"open\t5" disk\n')
    assert [item.text for item in read(tabs, "a")] == ['"open']
    assert written(tabs, "a", "b") == 'a\tb\n"open\t5" disk\n'


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", '{"a": "b",}', "line 1"),
        ("a.json", '{"a": NaN}', "line 1"),
        ("a.json", "[" * 100_000, "more than 500 objects and lists"),
        ("a.jsonl", '{"a": "b"}\n{"a" "c"}\n', "line 2"),
        ("a.csv", 'a,b\n1,"open\nnever closed\n', "line 2: the quote that opens a field here is not closed"),
    ],
)
def test_malformed_files_are_refused_with_the_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(in_file(tmp_path, name, text), "a")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=100)
@given(VALUES, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_any_json_survives(
    tmp_path_factory: pytest.TempPathFactory, value: object, indent: int | str | None, escaped: bool
) -> None:
    try:
        text = json.dumps(value, indent=indent, ensure_ascii=escaped)
        path = in_file(tmp_path_factory.mktemp("json"), "a.json", text)
    except UnicodeEncodeError:
        return
    assert written(path) == text
    out = json.loads(written(path, change=lambda _: Target('é"\\\n'), selective="off"))
    assert json.dumps(out).count("null") == json.dumps(json.loads(text)).count("null")


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=5),
    st.sampled_from([",", ";", "|"]),
    st.sampled_from(["\n", "\r\n"]),
)  # fmt: skip
def test_the_csv_module_reads_what_was_meant(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], delimiter: str, end: str
) -> None:
    made = io.StringIO(newline="")
    csv.writer(made, delimiter=delimiter, lineterminator=end).writerows([["one", "two"], *rows])
    path = in_file(tmp_path_factory.mktemp("csv"), "a.csv", made.getvalue())
    assert written(path, "two", selective="off") == made.getvalue()
    out = written(path, "two", change=lambda item: Target(f'{item.text}"{delimiter}\n'), selective="off")
    again = list(csv.reader(io.StringIO(out, newline=""), delimiter=delimiter))
    due = [f'{two}"{delimiter}\n' if any(letter.isalpha() for letter in two) else two for _, two in rows]
    assert [row[1] for row in again[1:]] == due
