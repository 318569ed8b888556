"""Lines end at \\n and nowhere else; faults are named by line and byte."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from scalemt.errors import InputError
from scalemt.lines import (
    count_lines,
    decode_lines,
    iterate_lines,
    read_jsonl,
    read_lines,
    stream_lines,
    write_whole,
)


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a", ["a"]),
        (b"a\n", ["a"]),
        (b"a\n\nb", ["a", "", "b"]),
        (b"a\n\n", ["a", ""]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\rb\n", ["a\rb"]),
        (b"\xef\xbb\xbfa\n", ["a"]),
        (b"\xef\xbb\xbf", []),
        ("a\u2028b\x85c\x0cd\n".encode(), ["a\u2028b\x85c\x0cd"]),
        ("a\n\ufeffb".encode(), ["a", "\ufeffb"]),
    ],
)
def test_lines_are_split_at_line_feeds_only(tmp_path: Path, data: bytes, lines: list[str]) -> None:
    path = tmp_path / "in.txt"
    path.write_bytes(data)
    assert decode_lines(data, "standard input") == lines
    assert read_lines(path) == lines
    assert list(iterate_lines(path)) == lines
    assert count_lines(path) == len(lines)


def test_lines_are_read_one_at_a_time_and_checked_whole_before() -> None:
    taken: list[bytes] = []

    def source() -> Iterator[bytes]:
        for row in (b"\xef\xbb\xbfone\n", b"two\r\n", b"th\xff\n"):
            taken.append(row)
            yield row

    lines = stream_lines(source(), "it")
    assert (next(lines), len(taken)) == ("one", 1)
    assert (next(lines), len(taken)) == ("two", 2)
    with pytest.raises(InputError, match=r"it, line 3, byte 3 of the line: 0xff"):
        next(lines)


def test_a_count_finds_the_fault_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "in.txt"
    path.write_bytes(b"fine\n" * 1000 + b"\xff")
    assert next(iterate_lines(path)) == "fine"
    with pytest.raises(InputError, match="line 1001"):
        count_lines(path)


def test_a_byte_that_is_not_utf8_is_named_by_line_and_place(tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes("ok\nolá mundo\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"latin\.txt, line 2, byte 3 of the line: 0xe1 is not UTF-8.*iconv"):
        read_lines(path)


def test_a_file_that_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_lines(tmp_path / "none.txt")


def test_json_lines_come_with_the_number_of_their_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('\ufeff{"a": 1}\n\n  \n[2, "é"]\r\nnull\n', encoding="utf-8")
    assert list(read_jsonl(path)) == [(1, {"a": 1}), (4, [2, "é"]), (5, None)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"line 2, character 2: not JSON \(Expecting property name"),
        ('{"a": NaN}', "line 2: not JSON .NaN is not a JSON value"),
        ("[-Infinity]", "line 2: not JSON"),
        ("[" * 200_000, "line 2: not JSON"),
        ("{} {}", r"line 2, character 4: not JSON \(Extra data"),
        ('{"a": "\\ud800 b"}', r"line 2: \\ud800 is half of a surrogate pair"),
    ],
)
def test_a_line_that_is_not_json_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f"{{}}\n{line}\n")
    with pytest.raises(InputError, match=message):
        list(read_jsonl(path))


def test_a_whole_surrogate_pair_and_an_escaped_backslash_are_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('["\\ud83d\\ude00", "\\\\ud800"]\n')
    assert list(read_jsonl(path)) == [(1, ["\U0001f600", "\\ud800"])]


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    write_whole(path, "first é\n")
    (tmp_path / "link.json").symlink_to(path)
    write_whole(tmp_path / "link.json", "second\n")
    assert path.read_text("utf-8") == "second\n"
    assert (tmp_path / "link.json").is_symlink()
    write_whole("/dev/null", "gone")
    assert Path("/dev/null").is_char_device()
    with pytest.raises(InputError, match="cannot be written"):
        write_whole(tmp_path / "no" / "out.json", "x")
    with pytest.raises(InputError, match="cannot be written"):
        write_whole(tmp_path, "x")
    assert sorted(item.name for item in tmp_path.iterdir()) == ["link.json", "out.json"]


def test_a_pipe_without_a_path_of_its_own_is_written_to() -> None:
    reading, writing = os.pipe()
    write_whole(f"/dev/fd/{writing}", "text\n")
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        assert pipe.read() == "text\n"
