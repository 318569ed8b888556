"""Drafts made elsewhere: read from files, handed out by position, faults named by file and line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scalemt.errors import ConfigurationError, InputError, SpecialistError
from scalemt.specialists import SPECIALISTS, Specialist
from scalemt.specialists.recorded import RecordedSpecialist
from scalemt.types import Draft, Pair, Word

PAIR = Pair("xh", "en")


def write(folder: Path, *lines: object) -> Path:
    path = folder / "drafts.jsonl"
    path.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines))
    return path


def test_it_is_a_specialist_of_the_registry(tmp_path: Path) -> None:
    assert SPECIALISTS.load("recorded") is RecordedSpecialist
    assert isinstance(RecordedSpecialist(drafts=[]), Specialist)


def test_a_line_is_a_draft_or_an_array_of_drafts(tmp_path: Path) -> None:
    words = [{"text": "one", "confidence": 0.5}]
    path = write(tmp_path, {"text": "one", "words": words, "engine": "nllb"}, [{"text": "a"}, {"words": words}])
    made = RecordedSpecialist(path)
    assert made.all_drafts() == [
        [Draft("one", (Word("one", 0.5),), engine="nllb")],
        [Draft("a", (Word("a"),)), Draft("one", (Word("one", 0.5),))],
    ]
    assert made.draft(["inye", "zimbini"], PAIR) == [made.all_drafts()[0], made.all_drafts()[1][:1]]


def test_every_pair_is_taken_and_none_listed() -> None:
    made = RecordedSpecialist(drafts=[[Draft("a")]])
    assert made.pairs() == []
    assert made.supports(PAIR)


def test_empty_texts_have_a_draft_of_their_own() -> None:
    made = RecordedSpecialist(drafts=[[Draft("a")], [Draft("")], [Draft("c")]])
    assert [row[0].text for row in made.draft(["x", "", "z"], PAIR)] == ["a", "", "c"]


def test_paths_is_the_number_of_drafts_where_it_is_the_same() -> None:
    two = [Draft("a"), Draft("b")]
    assert RecordedSpecialist(drafts=[two, two]).paths == 2
    assert RecordedSpecialist(drafts=[two, two[:1]]).paths is None


def test_several_drafts_are_the_first_of_each_line() -> None:
    rows = [[Draft("a"), Draft("b"), Draft("c")], [Draft("d"), Draft("e")]]
    made = RecordedSpecialist(drafts=rows)
    assert made.draft(["x", "y"], PAIR, n=2) == [rows[0][:2], rows[1]]
    with pytest.raises(InputError, match="the drafts given, line 2: 2 drafts; 3 are asked for"):
        made.draft(["x", "y"], PAIR, n=3)
    with pytest.raises(SpecialistError, match="asked for 0 drafts"):
        made.draft(["x", "y"], PAIR, n=0)


def test_a_wrong_count_names_both(tmp_path: Path) -> None:
    made = RecordedSpecialist(write(tmp_path, {"text": "a"}, {"text": "b"}))
    made.require(2)
    with pytest.raises(InputError, match=r"drafts\.jsonl holds drafts for 2 segments, and there are 3 segments"):
        made.require(3)
    with pytest.raises(InputError, match="for 2 segments, and there are 1"):
        made.draft(["x"], PAIR)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{\n", r"drafts\.jsonl, line 3, character 2: not JSON"),
        ([], r"drafts\.jsonl, line 3: no draft; expected at least one"),
        ("3\n", r"drafts\.jsonl, line 3: a draft is 3; expected a JSON object"),
        ([{"text": "a"}, 3], r"drafts\.jsonl, line 3, draft 2: a draft is 3"),
        (
            {"words": [{"text": "a", "confidence": 2}]},
            r"line 3: words\[0\].confidence is 2.0; expected a probability",
        ),
    ],
)
def test_a_line_that_is_no_draft_is_named_by_its_number_in_the_file(
    tmp_path: Path, line: object, message: str
) -> None:
    path = write(tmp_path, {"text": "a"}, "\n", line)
    with pytest.raises(InputError, match=message):
        RecordedSpecialist(path)


def test_a_file_that_is_not_utf8_is_named_by_line_and_byte(tmp_path: Path) -> None:
    path = tmp_path / "drafts.jsonl"
    path.write_bytes(b'{"text": "a"}\n{"text": "\xe1"}\n')
    with pytest.raises(InputError, match=r"line 2, byte 11 of the line: 0xe1"):
        RecordedSpecialist(path)


def test_the_signature_follows_the_drafts() -> None:
    one, two = (RecordedSpecialist(drafts=[[Draft(text)]]).signature for text in "ab")
    assert one != two
    assert one == RecordedSpecialist(drafts=[[Draft("a")]]).signature
    assert " " not in one


def test_drafts_come_from_one_place() -> None:
    with pytest.raises(ConfigurationError, match="give path or drafts"):
        RecordedSpecialist()
