from __future__ import annotations

from pathlib import Path

import pytest

from scalemt.errors import ModelError
from scalemt.specialists.bergamot.shortlist import read_shortlist
from specialists.bergamot.small_models import shortlist_bytes

LISTS = [[], [30, 31], [31, 32, 33], [2]]


def write(folder: Path, lists: list[list[int]], first: int = 3) -> Path:
    path = folder / "lex.enpt.s2t.bin"
    path.write_bytes(shortlist_bytes(lists, first))
    return path


def test_candidates_are_first_listed_copied_and_filled_up(tmp_path: Path) -> None:
    shortlist = read_shortlist(write(tmp_path, LISTS), 40, shared=True)
    # 0 1 2 are the first, 30 to 33 the lists of 1 and 2, 9 is copied; 3 and so on fill up to a multiple of eight.
    assert shortlist.candidates([1, 2, 0]).tolist() == [0, 1, 2, 3, 30, 31, 32, 33]
    assert shortlist.candidates([1, 2, 9]).tolist() == [0, 1, 2, 9, 30, 31, 32, 33]
    assert shortlist.candidates([1, 9]).tolist() == [0, 1, 2, 3, 4, 9, 30, 31]


def test_separate_vocabularies_copy_nothing(tmp_path: Path) -> None:
    shortlist = read_shortlist(write(tmp_path, LISTS), 40, shared=False)
    assert 9 not in shortlist.candidates([9]).tolist()


def test_source_tokens_past_the_offsets_have_no_list(tmp_path: Path) -> None:
    shortlist = read_shortlist(write(tmp_path, LISTS), 40, shared=False)
    assert shortlist.candidates([39]).tolist() == list(range(8))


def test_a_list_as_large_as_the_vocabulary_is_not_filled_up(tmp_path: Path) -> None:
    shortlist = read_shortlist(write(tmp_path, [[]], first=50), 10, shared=True)
    assert shortlist.candidates([0]).tolist() == list(range(10))


@pytest.mark.parametrize("length", [0, 20, 60, -1])
def test_a_broken_file_is_named(tmp_path: Path, length: int) -> None:
    path = write(tmp_path, LISTS)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ModelError, match=r"lex\.enpt\.s2t\.bin"):
        read_shortlist(path, 40, shared=True)


def test_a_file_for_another_vocabulary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not fit a vocabulary of 20 tokens"):
        read_shortlist(write(tmp_path, LISTS), 20, shared=True)


def test_garbage_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lex.enpt.s2t.bin"
    path.write_bytes(b"word other 0.5\n" * 20)
    with pytest.raises(ModelError, match="not a binary lexical shortlist"):
        read_shortlist(path, 40, shared=True)
