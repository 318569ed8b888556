"""The file of learnt segments."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalemt.errors import ModelError
from scalemt.specialists.thot.learnt import Learnt, LearntFile


def append(file: LearntFile, *texts: str) -> list[Learnt]:
    with file.appending() as held:
        for text in texts:
            held.append(Learnt(text, text.upper()))
        return held.missed


def test_two_processes_see_what_the_other_has_learnt(tmp_path: Path) -> None:
    one, other = LearntFile(tmp_path), LearntFile(tmp_path)
    assert one.fresh() == []
    assert one.state == "0"
    append(one, "a", "b\u2028ü")
    assert one.fresh() == []
    assert append(other, "c") == [Learnt("a", "A"), Learnt("b\u2028ü", "B\u2028Ü")]
    assert one.fresh() == [Learnt("c", "C")]
    assert one.state == other.state
    assert one.count == 3
    assert LearntFile(tmp_path).state == "0"  # nothing was read yet


def test_a_torn_line_is_not_read_and_is_dropped_by_the_next_writer(tmp_path: Path) -> None:
    append(LearntFile(tmp_path), "a")
    path = tmp_path / "learnt.jsonl"
    path.write_bytes(path.read_bytes() + b'{"source": "to')
    file = LearntFile(tmp_path)
    assert file.fresh() == [Learnt("a", "A")]
    append(file, "b")
    assert [item.source for item in LearntFile(tmp_path).fresh()] == ["a", "b"]


@pytest.mark.parametrize("line", ["nonsense", "[]", '{"source": "a"}', "3"])
def test_a_spoilt_line_is_named(tmp_path: Path, line: str) -> None:
    append(LearntFile(tmp_path), "a")
    path = tmp_path / "learnt.jsonl"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ModelError, match=r"learnt\.jsonl, line 2: expected .* Remove the line"):
        LearntFile(tmp_path).fresh()


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "learnt.jsonl").mkdir()
    with pytest.raises(ModelError, match="cannot be written"), LearntFile(tmp_path).appending():
        pass
