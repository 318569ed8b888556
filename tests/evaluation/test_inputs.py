"""Files of outputs, references, sources and labels: by line, by id, and what is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from scalemt.errors import InputError
from scalemt.evaluation.inputs import build_test_set, read_column, read_labels, read_system, system_names
from scalemt.evaluation.systems import TestSet

REFERENCES = ["The cat sleeps.", "It rains in the valley.", "We left the house early.", "Nobody saw the fox."]


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def lines(path: Path, texts: list[str]) -> Path:
    return write(path, "".join(text + "\n" for text in texts))


def rows(path: Path, values: Sequence[object]) -> Path:
    return lines(path, [json.dumps(value, ensure_ascii=False) for value in values])


@pytest.fixture
def test_set(tmp_path: Path) -> TestSet:
    return build_test_set("set", None, [read_column(lines(tmp_path / "ref.txt", REFERENCES), "reference")])


def test_plain_text_is_a_segment_a_line_numbered_from_one(tmp_path: Path, test_set: TestSet) -> None:
    system = read_system("a", lines(tmp_path / "a.txt", REFERENCES), test_set)
    assert system.texts == REFERENCES
    assert test_set.ids == ("1", "2", "3", "4")


def test_only_a_newline_ends_a_line(tmp_path: Path) -> None:
    column = read_column(write(tmp_path / "a.txt", "one\u2028still one\x0c\ntwo\n"), "hypothesis")
    assert column.texts == ("one\u2028still one\x0c", "two")


def test_the_json_of_translate_tells_draft_decision_and_cost(tmp_path: Path, test_set: TestSet) -> None:
    row = {
        "id": "1",
        "translation": "The cat sleeps.",
        "method": "refine",
        "draft": {"text": "Cat sleeps.", "engine": "x", "words": [{"text": "Cat", "confidence": 0.5}]},
        "decisions": [{"step": "gate", "outcome": "refine", "reason": "r"}],
        "usage": {"calls": 1, "prompt_tokens": 12, "completion_tokens": 3, "cost": 0.25},
        "seconds": 0.5,
        "error": None,
    }
    values = [row, *({**row, "id": str(number), "error": "gone"} for number in (2, 3, 4))]
    system = read_system("a", rows(tmp_path / "a.jsonl", values), test_set)
    first, second = system.outputs[:2]
    assert first.draft is not None
    assert first.draft.words[0].confidence == 0.5
    assert first.decision == "refine"
    assert first.facts == {"calls": 1, "prompt_tokens": 12, "completion_tokens": 3, "cost": 0.25, "seconds": 0.5}
    assert (first.failed, second.failed) == (False, True)


def test_a_drafts_file_is_its_own_draft(tmp_path: Path, test_set: TestSet) -> None:
    value = {"text": "cat", "words": [{"text": "cat", "confidence": 0.25}]}
    system = read_system("a", rows(tmp_path / "a.jsonl", [value] * 4), test_set)
    assert system.outputs[0].draft is not None
    assert system.outputs[0].draft.confidence == 0.25


def test_other_counts_are_refused_and_the_odd_line_is_named(tmp_path: Path, test_set: TestSet) -> None:
    outputs = [*REFERENCES[:2], "Target sentence: 2. It rains.", *REFERENCES[2:]]
    with pytest.raises(InputError) as fault:
        read_system("a", lines(tmp_path / "a.txt", outputs), test_set)
    told = str(fault.value)
    assert "a.txt has 5 lines, but set has 4 segments" in told
    assert "line 3 (the first begins 'Target sentence" in told
    assert "--align-by-id" in told


def test_a_lacking_line_is_named(tmp_path: Path, test_set: TestSet) -> None:
    with pytest.raises(InputError, match="segment 2 seems to have no line"):
        read_system("a", lines(tmp_path / "a.txt", [REFERENCES[0], *REFERENCES[2:]]), test_set)


@pytest.mark.parametrize("suffix", ["jsonl", "tsv"])
def test_ids_pair_outputs_in_any_order(tmp_path: Path, test_set: TestSet, suffix: str) -> None:
    order = [3, 0, 2, 1]
    path = tmp_path / f"a.{suffix}"
    if suffix == "tsv":
        lines(path, [f"{place + 1}\t{REFERENCES[place]}" for place in order] + ["99\textra"])
    else:
        rows(path, [{"id": place + 1, "translation": REFERENCES[place]} for place in order])
    assert read_system("a", path, test_set, by_id=True).texts == REFERENCES


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([{"id": "1", "translation": "x"}], "lacks 3 of the 4 ids of set: 2, 3, 4"),
        ([{"id": "1", "translation": "x"}] * 4, "has the id '1' more than once"),
        ([{"translation": "x"}] * 4, "has no ids to align by"),
        ([{"id": "1", "translation": "x"}, {"translation": "x"}], 'item 2 has no "id"'),
        ([{"id": "1", "score": 3}], "line 1: no hypothesis in it"),
        ([{"id": "1", "translation": None}], "line 1: no hypothesis in it"),
    ],
)
def test_bad_ids_and_fields_are_refused(
    tmp_path: Path, test_set: TestSet, values: list[object], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        read_system("a", rows(tmp_path / "a.jsonl", values), test_set, by_id=True)


def test_plain_text_has_no_ids(tmp_path: Path, test_set: TestSet) -> None:
    with pytest.raises(InputError, match="has no ids to align by"):
        read_system("a", lines(tmp_path / "a.txt", REFERENCES), test_set, by_id=True)


def test_empty_and_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is empty; expected one reference a line"):
        read_column(write(tmp_path / "a.txt", ""), "reference")
    with pytest.raises(InputError, match="cannot be read"):
        read_column(tmp_path / "none.txt", "reference")
    (tmp_path / "latin.txt").write_bytes("caf\u00e9\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"line 1, byte 4"):
        read_column(tmp_path / "latin.txt", "reference")


def test_sources_and_references_must_pair_up(tmp_path: Path) -> None:
    long, short = lines(tmp_path / "long.txt", REFERENCES), lines(tmp_path / "short.txt", REFERENCES[:3])
    with pytest.raises(InputError, match=r"short.txt has 3 lines, but .*long.txt has 4"):
        build_test_set("set", read_column(long, "source"), [read_column(short, "reference")])
    with pytest.raises(InputError, match="nothing to evaluate against"):
        build_test_set("set", None, [])
    with pytest.raises(InputError, match="The metadata has 2 labels"):
        build_test_set("set", read_column(long, "source"), [], domains=["news", "news"])


def test_references_with_ids_in_another_order_are_refused(tmp_path: Path) -> None:
    one = rows(tmp_path / "one.jsonl", [{"id": "a", "text": "x"}, {"id": "b", "text": "y"}])
    other = rows(tmp_path / "other.jsonl", [{"id": "b", "text": "y"}, {"id": "a", "text": "x"}])
    with pytest.raises(InputError, match="has the id 'b' where"):
        build_test_set("set", read_column(one, "source"), [read_column(other, "reference")])


def test_labels_are_one_column_of_a_table(tmp_path: Path) -> None:
    table = write(tmp_path / "meta.tsv", 'url\tdomain\nx\tnews\ny\t"wiki\n')
    assert read_labels(table) == ["news", '"wiki']
    with pytest.raises(InputError, match="has no column 'topic'; its first line names: url, domain"):
        read_labels(table, "topic")
    with pytest.raises(InputError, match="line 2: 1 fields, while the header has 2"):
        read_labels(write(tmp_path / "bad.tsv", "url\tdomain\nx\n"))
    with pytest.raises(InputError, match="no labels below it"):
        read_labels(write(tmp_path / "none.tsv", "url\tdomain\n"))
    assert read_labels(write(tmp_path / "long.tsv", f"domain\n{'x' * 200_000}\n")) == ["x" * 200_000]
    with pytest.raises(InputError, match="line 2: not CSV"):
        read_labels(write(tmp_path / "long.csv", f"domain\n{'x' * 200_000}\n"))
    assert read_labels(write(tmp_path / "meta.csv", 'url,domain\nx,"a, b"\n')) == ["a, b"]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a.txt", "b.txt"], ["a", "b"]),
        (["scale/xh.out", "gpt/xh.out"], ["scale", "gpt"]),
        (["x/scale/xh.out", "y/scale/xh.out"], ["x", "y"]),
        (["mine=x/xh.out", "x/xh.out"], ["mine", "xh"]),
        (["a.txt", "a.jsonl"], ["a.txt", "a.jsonl"]),
    ],
)
def test_systems_are_named_by_what_tells_them_apart(paths: list[str], names: list[str]) -> None:
    assert list(system_names(paths)) == names


def test_two_systems_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="Two systems are named 'a'"):
        system_names(["a=x.txt", "a=y.txt"])


def test_a_file_name_that_is_not_utf8_gives_a_name_that_can_be_written() -> None:
    assert list(system_names([os.fsdecode(b"caf\xe9.txt")])) == ["caf\ufffd"]


def test_the_ids_of_the_test_set_in_another_order_are_refused_by_line(tmp_path: Path, test_set: TestSet) -> None:
    turned = [{"id": number, "translation": "x"} for number in (1, 3, 2, 4)]
    with pytest.raises(InputError, match=r"has the id '3' where set has '2'\. Give --align-by-id"):
        read_system("a", rows(tmp_path / "a.jsonl", turned), test_set)
    assert read_system("a", tmp_path / "a.jsonl", test_set, by_id=True).texts == ["x"] * 4
    from_zero = [{"id": number, "translation": str(number)} for number in range(4)]
    assert read_system("b", rows(tmp_path / "b.jsonl", from_zero), test_set).texts == ["0", "1", "2", "3"]


def test_a_test_set_with_an_id_twice_is_not_paired_by_id(tmp_path: Path) -> None:
    twice = read_column(rows(tmp_path / "ref.jsonl", [{"id": 1, "text": "x"}] * 2), "reference")
    outputs = rows(tmp_path / "a.jsonl", [{"id": 1, "text": "x"}, {"id": 2, "text": "y"}])
    with pytest.raises(InputError, match="The test set set has the id '1' more than once"):
        read_system("a", outputs, build_test_set("set", None, [twice]), by_id=True)


@pytest.mark.parametrize(
    "strange",
    [
        {"decisions": 5},
        {"decisions": ["gate", {"step": 1}]},
        {"usage": {"prompt_tokens": 10**400}},
        {"usage": [1], "seconds": "long"},
        {"seconds": True},
    ],
)
def test_what_is_strange_beside_the_text_is_left_out(
    tmp_path: Path, test_set: TestSet, strange: dict[str, object]
) -> None:
    values = [{"translation": "x", **strange}] * 4
    first = read_system("a", rows(tmp_path / "a.jsonl", values), test_set).outputs[0]
    assert (first.text, first.decision, dict(first.facts)) == ("x", "", {})


@pytest.mark.data
def test_the_authors_odd_files_are_refused_and_pair_up_by_likeness(shared_data: Path) -> None:
    from scalemt.evaluation.drift import align_lines
    from scalemt.lines import read_lines

    references = read_column(shared_data / "flores200/devtest/eng_Latn.txt", "reference")
    test_set = build_test_set("eng_Latn", None, [references])
    for paths, count in ((3, 1013), (4, 1014), (5, 1015)):
        path = shared_data / f"scale-authors/outputs/multi-path-sampling/path_number_{paths}.output"
        with pytest.raises(InputError, match=f"has {count} lines, but eng_Latn has 1012 segments"):
            read_system("a", path, test_set)
        found = align_lines(read_lines(path), references.texts)
        assert None not in found
        assert found == sorted(found, key=lambda place: place or 0)
