"""Parquet: nested fields, what stays, bounded memory, files that are refused."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.errors import InputError, MissingExtraError
from scalemt.formats import FormatOptions, Target, format_for
from scalemt.formats.arrowtext import node_of, patterns
from scalemt.text.selective import record_of
from scalemt.types import Segment

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

CHAT = pa.list_(pa.struct([("role", pa.string()), ("content", pa.large_string()), ("at", pa.timestamp("ns"))]))
WHEN = pa.scalar(1_700_000_000_123_456_789, pa.timestamp("ns"))


def chats() -> Any:
    messages = [
        [{"role": "user", "content": "Hello\n\n```\nx = 1\n```\nThanks", "at": WHEN}, None],
        None,
        [],
        [{"role": "bot", "content": None, "at": None}, {"role": "bot", "content": "Bye", "at": WHEN}],
    ]
    kinds = pa.array(["good", "bad", None, "good"]).dictionary_encode()
    fields = [
        pa.field("id", pa.uint64(), nullable=False),
        pa.field("messages", CHAT),
        pa.field("kind", kinds.type),
    ]
    columns = [pa.array([2**64 - 1, 2, 3, 4], pa.uint64()), pa.array(messages, CHAT), kinds]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata={"licence": "CC0"}))


def in_file(tmp_path: Path, table: Any, name: str = "a.parquet", **how: Any) -> Path:
    path = tmp_path / name
    pq.write_table(table, path, **how)
    return path


def read(path: Path, *fields: str, selective: str = "structure") -> list[Segment]:
    return list(format_for(path).read(path, FormatOptions(fields=fields, selective=selective)))


def written(
    path: Path, *fields: str, change: Callable[[Segment], Target] = Target.same, selective: str = "structure"
) -> Any:
    options, out = FormatOptions(fields=fields, selective=selective), io.BytesIO()
    made = format_for(path)
    made.write(path, options, iter([change(segment) for segment in made.read(path, options)]), out)
    return pq.ParquetFile(pa.BufferReader(out.getvalue()))


def shouted(segment: Segment) -> Target:
    return Target(segment.text.upper(), segment.spans)


def groups(file: Any) -> list[int]:
    return [file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups)]


def codecs(file: Any) -> dict[str, str]:
    group = file.metadata.row_group(0)
    return {group.column(at).path_in_schema: group.column(at).compression for at in range(group.num_columns)}


def test_nested_fields_are_translated_and_the_rest_stays(tmp_path: Path) -> None:
    path = in_file(tmp_path, chats())
    assert [(item.id, item.text) for item in read(path, "messages[*].content", "kind")] == [
        ("row 1: messages[0].content #1", "Hello"),
        ("row 1: messages[0].content #2", "Thanks"),
        ("row 1: kind", "good"),
        ("row 2: kind", "bad"),
        ("row 4: messages[1].content", "Bye"),
        ("row 4: kind", "good"),
    ]
    assert record_of(read(path, "messages[1].content")[0].id) == "row 4"
    before, after = pq.ParquetFile(path), written(path, "messages[*].content", "kind", change=shouted)
    assert after.schema_arrow.equals(before.schema_arrow, check_metadata=True)
    assert after.schema.equals(before.schema)
    old, new = before.read(), after.read()
    assert new["id"].equals(old["id"])
    assert new["kind"].to_pylist() == ["GOOD", "BAD", None, "GOOD"]
    contents = [[item and item["content"].as_py() for item in row] for row in new["messages"] if row.is_valid]
    assert contents == [["HELLO\n\n```\nx = 1\n```\nTHANKS", None], [], [None, "BYE"]]
    times = [item["at"].value for row in new["messages"] if row.is_valid for item in row if item.is_valid]
    assert times == [WHEN.value, None, WHEN.value]


def test_row_groups_and_codecs_stay(tmp_path: Path) -> None:
    codec = {"id": "zstd", "messages.list.element.role": "none", "messages.list.element.content": "gzip"}
    path = in_file(tmp_path, chats(), row_group_size=3, compression={**codec, "kind": "snappy"})
    before, after = pq.ParquetFile(path), written(path, "messages[*].content", change=shouted)
    assert groups(after) == groups(before) == [3, 1]
    assert codecs(after) == codecs(before)
    assert len(set(codecs(after).values())) == 4
    assert after.read().drop(["messages"]).equals(before.read().drop(["messages"]))


def test_maps_fixed_lists_and_names_that_need_quotes(tmp_path: Path) -> None:
    table = pa.table({
        "a.b": pa.array([[("x", "One"), ("y", "Two")], None], pa.map_(pa.string(), pa.string())),
        "two": pa.array([["Three", None], ["Four", "Five"]], pa.list_(pa.string(), 2)),
        "n": pa.array([[(1, "Six")], []], pa.map_(pa.int32(), pa.string())),
    })  # fmt: skip
    path = in_file(tmp_path, table, "a.pq", use_compliant_nested_type=False)
    assert [item.id for item in read(path, '["a.b"].x', "two[1]", "n.*")] == [
        'row 1: ["a.b"].x',
        "row 1: n.1",
        "row 2: two[1]",
    ]
    after = written(path, '["a.b"].x', "two[*]", "n.*", change=shouted)
    assert after.schema.equals(pq.ParquetFile(path).schema)
    assert after.read().to_pydict() == {
        "a.b": [[("x", "ONE"), ("y", "Two")], None],
        "two": [["THREE", None], ["FOUR", "FIVE"]],
        "n": [[(1, "SIX")], []],
    }


def test_columns_of_one_name_are_both_translated(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["One"]), pa.array(["Two"]), pa.array(["Three"])], ["a", "b", "a"])
    path = in_file(tmp_path, table)
    assert [item.text for item in read(path, "a")] == ["One", "Three"]
    assert [column[0].as_py() for column in written(path, "a", change=shouted).read().columns] == [
        "ONE", "Two", "THREE",
    ]  # fmt: skip


def test_old_times_and_groups_without_rows_stay(tmp_path: Path) -> None:
    table = pa.table({"text": ["One"], "at": pa.array([WHEN])})
    path = tmp_path / "a.parquet"
    with pq.ParquetWriter(path, table.schema, use_deprecated_int96_timestamps=True, store_schema=False) as made:
        made.write_table(table.slice(0, 0))
        made.write_table(table)
    after = written(path, "text", change=shouted)
    assert groups(after) == [0, 1]
    assert after.metadata.row_group(1).column(1).physical_type == "INT96"
    assert after.read()["at"].equals(pq.read_table(path)["at"])
    empty = in_file(tmp_path, table.slice(0, 0), "b.parquet")
    assert read(empty, "text") == []
    assert written(empty, "text").read().num_rows == 0


def test_fields_must_be_told_and_exist(tmp_path: Path) -> None:
    path = in_file(tmp_path, chats())
    with pytest.raises(
        InputError, match=r"fields of a row .* not told.*messages\[\*\]\.role, .*--fields 'messages"
    ):
        read(path)
    with pytest.raises(InputError, match=r"a.parquet: no string stands at text, id in any row\. .* kind\."):
        read(path, "text", "messages[*].content", "id")
    with pytest.raises(InputError, match="It holds no string"):
        read(in_file(tmp_path, pa.table({"n": [1]})), "n")


def test_more_translations_than_a_dictionary_can_number_are_refused(tmp_path: Path) -> None:
    column = pa.array(["same"] * 300).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string()))
    path = in_file(tmp_path, pa.table({"a": column}))
    with pytest.raises(InputError, match=r"a.parquet, row 1 or later, column a: .* 300 different .*plain strings"):
        written(path, "a", change=lambda item: Target(f"{item.text} {item.id}"))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b'{"a": 1}\n', r"is not a Parquet file: it begins with b'\{\"a\"'.*--format"),
        (b"PAR1" + b"\0" * 50, "was cut off"),
        (b"PAR1" + b"\0" * 50 + b"PARE", "is encrypted"),
        (b"PAR1" + b"x" * 50 + b"PAR1", "damaged, or Parquet that cannot be read"),
    ],
)
def test_what_is_no_parquet_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"a.parquet.*{message}"):
        read(path, "a")


def test_a_damaged_page_is_refused_with_its_place(tmp_path: Path) -> None:
    path = in_file(tmp_path, pa.table({"a": [f"text {n}" for n in range(5000)]}), compression="zstd")
    data = bytearray(path.read_bytes())
    data[200:2000] = b"\xff" * 1800
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a.parquet, row group 1, row 1 or later: damaged"):
        read(path, "a")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    column = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff\xfe"]).buffers())
    path = in_file(tmp_path, pa.table({"a": column}))
    with pytest.raises(InputError, match=r"row 1 or later, column a: damaged.*utf-8"):
        read(path, "a")


def test_encrypted_columns_are_refused(tmp_path: Path) -> None:
    crypto = pytest.importorskip("pyarrow.parquet.encryption")

    class Keys(crypto.KmsClient):  # type: ignore[misc, name-defined]
        def wrap_key(self, key: bytes, name: str) -> str:
            return key.hex()

        def unwrap_key(self, key: str, name: str) -> bytes:
            return bytes.fromhex(key)

    factory = crypto.CryptoFactory(lambda _: Keys())
    for plain in (True, False):
        how = crypto.EncryptionConfiguration(footer_key="f", column_keys={"c": ["a"]}, plaintext_footer=plain)
        held = factory.file_encryption_properties(crypto.KmsConnectionConfig(), how)
        path = in_file(tmp_path, pa.table({"a": ["One"], "b": ["Two"]}), encryption_properties=held)
        with pytest.raises(InputError, match=r"a.parquet is encrypted"):
            read(path, "a")


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = in_file(tmp_path, chats())
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"scalemt\[parquet\]"):
        read(path, "kind")


# Any nesting

# Not nested: pyarrow cannot read a dictionary inside a struct or a list from several row groups.
DICTIONARY = st.just(pa.dictionary(pa.int32(), pa.string()))
TYPES = DICTIONARY | st.recursive(
    st.sampled_from([
        pa.string(), pa.large_string(), pa.int64(), pa.timestamp("us"),
    ]),
    lambda inner: st.one_of(
        inner.map(pa.list_),
        inner.map(pa.large_list),
        inner.map(lambda kind: pa.list_(kind, 2)),
        inner.map(lambda kind: pa.map_(pa.string(), kind)),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda kinds: pa.struct([(f"f{number}", kind) for number, kind in enumerate(kinds)])
        ),
    ),
    max_leaves=4,
)  # fmt: skip
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)


def values(kind: Any) -> st.SearchStrategy[Any]:
    types = pa.types
    if types.is_struct(kind):
        made: st.SearchStrategy[Any] = st.fixed_dictionaries({
            kind.field(number).name: values(kind.field(number).type) for number in range(kind.num_fields)
        })  # fmt: skip
    elif types.is_map(kind):
        made = st.lists(st.tuples(TEXT, values(kind.item_type)), max_size=2)
    elif types.is_fixed_size_list(kind):
        made = st.lists(values(kind.value_type), min_size=2, max_size=2)
    elif types.is_list(kind) or types.is_large_list(kind):
        made = st.lists(values(kind.value_type), max_size=3)
    elif types.is_integer(kind):
        made = st.integers(-(2**63), 2**63 - 1)
    else:
        made = st.integers(0, 2**57) if types.is_timestamp(kind) else TEXT  # until the year 6,537
    return st.none() | made


@st.composite
def tables(draw: st.DrawFn) -> Any:
    kinds = draw(st.lists(TYPES, min_size=1, max_size=3))
    length = draw(st.integers(0, 5))
    columns = [pa.array(draw(st.lists(values(kind), min_size=length, max_size=length)), kind) for kind in kinds]
    return pa.table({"text": pa.array(["Hello"] * length, pa.string())} | {
        f"c{number}": column for number, column in enumerate(columns)
    })  # fmt: skip


def strings(value: Any, upper: bool) -> Any:
    """The value with its strings changed, names in maps excepted: what a translation of everything has to give."""
    if isinstance(value, str):
        return value.upper() if upper and any(letter.isalpha() for letter in value) else value
    if isinstance(value, dict):
        return {name: strings(item, upper) for name, item in value.items()}
    if isinstance(value, tuple):
        return (value[0], strings(value[1], upper))
    return [strings(item, upper) for item in value] if isinstance(value, list) else value


@settings(deadline=None, max_examples=150)
@given(tables(), st.integers(1, 4))
def test_any_table_survives(tmp_path_factory: pytest.TempPathFactory, table: Any, size: int) -> None:
    path = in_file(tmp_path_factory.mktemp("parquet"), table, row_group_size=size)
    before, after = pq.ParquetFile(path), written(path, "..*", selective="off")
    assert after.schema_arrow.equals(before.schema_arrow, check_metadata=True)
    assert after.schema.equals(before.schema)
    assert groups(after) == groups(before)
    assert after.read().equals(before.read())
    loud = written(path, "..*", change=shouted, selective="off")
    assert loud.schema_arrow.equals(before.schema_arrow, check_metadata=True)
    assert loud.read().to_pylist() == [strings(row, True) for row in before.read().to_pylist()]
    loud.read().validate(full=True)


@settings(deadline=None, max_examples=100)
@given(TYPES.flatmap(lambda kind: st.tuples(st.just(kind), st.lists(values(kind), max_size=5))), st.data())
def test_slices_of_arrays_are_rebuilt(made: tuple[Any, list[Any]], data: st.DataObject) -> None:
    kind, held = made
    start = data.draw(st.integers(0, len(held)))
    array = pa.array(held, kind).slice(start)
    node = node_of(array, ("c",), set(patterns(kind, ("c",))))
    if node is None:
        return
    for index in range(len(array)):
        for slot in node.strings(index, ("c",)):
            slot.put(slot.value.upper() if any(letter.isalpha() for letter in slot.value) else slot.value)
    rebuilt = node.rebuilt()
    rebuilt.validate(full=True)
    assert rebuilt.type == kind
    assert rebuilt.to_pylist() == [strings(value, True) for value in array.to_pylist()]


# Memory

_MEASURE = r"""
import re, sys, threading, time
from pathlib import Path
from scalemt.formats import FormatOptions, Target, format_for
import pyarrow.parquet

def held():
    return int(re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text())[1])

peak = started = held()
def watch():
    global peak
    while True:
        peak = max(peak, held())
        time.sleep(0.005)
threading.Thread(target=watch, daemon=True).start()

path, options = Path(sys.argv[1]), FormatOptions(fields=("text",), selective="off")
made = format_for(path)
targets = (Target(segment.text.upper()) for segment in made.read(path, options))
with open(sys.argv[2], "wb") as out:
    made.write(path, options, targets, out)
print(peak - started)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read as Linux tells it")
@pytest.mark.parametrize("group", [20_000, 400_000])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, group: int) -> None:
    """400,000 rows. Not counted is what is mapped of a row group on disk: the kernel can take it back."""
    path, out = tmp_path / "a.parquet", tmp_path / "b.parquet"
    schema = pa.schema([("n", pa.int64()), ("text", pa.string()), ("other", pa.string())])
    with pq.ParquetWriter(path, schema, compression="zstd") as made:
        for start in range(0, 400_000, group):
            numbers = range(start, start + group)
            texts = [f"A text that is never the same, number {number}. " * 8 for number in numbers]
            made.write_table(pa.table([numbers, texts, texts], schema=schema))
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(path), str(out)], capture_output=True, text=True, check=True
    )
    assert pq.read_metadata(out).num_row_groups == 400_000 // group
    assert pq.read_table(out, columns=["text"])["text"][399_999].as_py().startswith("A TEXT THAT IS")
    assert int(done.stdout) < 150_000
