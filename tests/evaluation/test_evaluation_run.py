"""The run, its tables and its JSON."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest

from scalemt.errors import InputError
from scalemt.evaluation.metrics import MetricContext, build_metric, build_metrics
from scalemt.evaluation.results import Evaluation, save
from scalemt.evaluation.run import evaluate
from scalemt.evaluation.significance import Options
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.evaluation.tables import footnotes, markdown, tables
from scalemt.types import Draft, Pair, Word

WORDS = "the old boat crosses a wide river before sunrise while birds circle over quiet fields".split()
OPTIONS = Options(samples=200, trials=500)


def sentences(count: int, seed: int = 3) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(5, 12))).capitalize() + "." for _ in range(count)]


def spoilt(texts: list[str], rate: float, seed: int = 4) -> list[str]:
    draw = random.Random(seed)
    return [" ".join("xyz" if draw.random() < rate else word for word in text.split()) for text in texts]


def system(name: str, texts: list[str]) -> System:
    return System(name, tuple(map(Output, texts)))


REFERENCES = sentences(60)
TEST_SET = TestSet("small", references=(tuple(REFERENCES),), pair=Pair("pt", "en"), ids=tuple(map(str, range(60))))


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    systems = [
        system("base", spoilt(REFERENCES, 0.4)),
        system("good", spoilt(REFERENCES, 0.1)),
        system("same", spoilt(REFERENCES, 0.4)),
        system("bad", spoilt(REFERENCES, 0.8)),
    ]
    metrics = [
        build_metric(name, MetricContext(pair=TEST_SET.pair)) for name in ("chrf++", "ter", "length", "empty")
    ]
    return evaluate(TEST_SET, systems, metrics, baseline="base", options=OPTIONS)


def test_verdicts_follow_the_direction_of_the_metric(evaluation: Evaluation) -> None:
    verdicts = {
        (name, metric): evaluation.cell(name, metric).verdict
        for name in ("base", "good", "same", "bad")
        for metric in ("chrF++", "TER")
    }
    assert verdicts == {
        ("base", "chrF++"): "baseline",
        ("good", "chrF++"): "better",
        ("same", "chrF++"): "tie",
        ("bad", "chrF++"): "worse",
        ("base", "TER"): "baseline",
        ("good", "TER"): "better",
        ("same", "TER"): "tie",
        ("bad", "TER"): "worse",
    }
    assert evaluation.cell("good", "TER").delta < 0 < evaluation.cell("good", "chrF++").delta


def test_every_cell_has_an_interval_around_its_score(evaluation: Evaluation) -> None:
    for row in evaluation.cells.values():
        for cell in row.values():
            assert cell.low <= cell.score <= cell.high
            assert len(cell.segments) == 60


def test_signatures_hold_metric_seed_and_samples(evaluation: Evaluation) -> None:
    for info in evaluation.metrics:
        assert "bs:200|ar:500|seed:12345" in info.signature
        assert "version:" in info.signature


def test_tables_say_verdicts_in_marks_and_words(evaluation: Evaluation) -> None:
    text = markdown([evaluation])
    rows = {line.split("|")[1].strip(): line for line in text.split("\n") if line.startswith("| ")}
    assert "▼" in rows["bad"] or "worse" in rows["bad"]
    titles = [table.title for table in tables([evaluation])]
    assert titles == [
        "small, quality: 60 segments, against base",
        "small, behaviour: 60 segments, against base",
        "small: against base",
    ]
    compared = {row[:2]: row for row in tables([evaluation])[2].rows}
    assert compared["same", "chrF++"][2:] == ("+0.00", "–", "–", "tie: no segments differ")
    assert compared["good", "chrF++"][-1] == "better"
    assert ("good", "empty") not in compared


def test_a_suite_becomes_a_matrix_with_dashes_for_what_lacks(evaluation: Evaluation) -> None:
    metric = build_metric("chrf++")
    other = TestSet("pt-gl", references=TEST_SET.references, ids=TEST_SET.ids)
    sets = [
        evaluate(TestSet("pt-en", references=TEST_SET.references), [system("a", REFERENCES)], [metric]),
        evaluate(other, [system("b", REFERENCES), system("a", REFERENCES)], [metric]),
    ]
    (table,) = tables(sets)
    assert table.header == ("system", "en", "gl", "average")
    assert table.title == "chrF++ ↑, from pt"
    assert table.rows == (("b", "–", "100.0", "–"), ("a", "100.0", "100.0", "100.0"))


def test_json_holds_everything_and_no_nan(evaluation: Evaluation, tmp_path: Path) -> None:
    silent = evaluate(TEST_SET, [system("mute", [""] * 60)], [build_metric("length")], options=OPTIONS)
    save([evaluation, silent], tmp_path / "out.json")
    text = (tmp_path / "out.json").read_text("utf-8")
    assert "NaN" not in text
    first, second = json.loads(text)["evaluations"]
    assert first["cells"]["good"]["chrF++"]["verdict"] == "better"
    assert first["test_set"]["references"][0] == REFERENCES
    assert len(first["systems"][1]["outputs"]) == 60
    assert second["cells"]["mute"]["length"]["score"] == 0.0


def test_drafts_with_confidences_get_a_reliability(evaluation: Evaluation) -> None:
    assert evaluation.reliability == {}
    outputs = tuple(
        Output(text, Draft(text, tuple(Word(word, 0.9) for word in text.split()))) for text in REFERENCES
    )
    found = evaluate(TEST_SET, [System("sure", outputs)], [build_metric("chrf++")], options=OPTIONS)
    assert found.reliability["sure"].ece == pytest.approx(0.1)
    assert math.isnan(found.reliability["sure"].correlation["pearson"])
    assert "word confidences" in tables([found])[-1].title


def test_wrong_names_are_refused() -> None:
    one = system("one", REFERENCES)
    metric = build_metric("chrf++")
    with pytest.raises(InputError, match="Two systems are named 'one'"):
        evaluate(TEST_SET, [one, one], [metric])
    with pytest.raises(InputError, match="baseline 'two' is none of the systems: one"):
        evaluate(TEST_SET, [one], [metric], baseline="two")
    with pytest.raises(InputError, match="no system to evaluate"):
        evaluate(TEST_SET, [], [metric])
    with pytest.raises(InputError, match="copy needs sources"):
        evaluate(TEST_SET, [one], [build_metric("copy")])


def test_what_a_metric_lacks_is_said_before_any_is_measured() -> None:
    seen: list[int] = []
    metrics = [build_metric("chrf++"), build_metric("copy")]
    with pytest.raises(InputError, match="copy needs sources"):
        evaluate(TEST_SET, [system("one", REFERENCES)], metrics, progress=seen.append)
    assert seen == []


def test_metrics_that_align_words_say_that_they_need_sources() -> None:
    pytest.importorskip("systran_align")
    with pytest.raises(InputError, match="usw needs sources"):
        evaluate(TEST_SET, [system("one", REFERENCES)], build_metrics(["usw"]))


def test_an_undefined_metric_is_no_tie() -> None:
    test_set = TestSet("blank", sources=("", ""), references=(("a", "b"),))
    found = evaluate(
        test_set, [system("a", ["x", "y"]), system("b", ["z", "y"])], [build_metric("copy")], baseline="a"
    )
    assert tables([found])[-1].rows == (("b", "copy", "–", "–", "–", "undefined"),)


def test_one_segment_that_differs_is_told_as_one() -> None:
    changed = system("b", ["Other words.", *REFERENCES[1:]])
    found = evaluate(
        TEST_SET, [system("a", REFERENCES), changed], [build_metric("chrf")], baseline="a", options=OPTIONS
    )
    assert tables([found])[-1].rows[0][-1] == "tie: 1 segment differs"


def test_failed_segments_are_counted_in_a_note() -> None:
    outputs = (Output("", failed=True), Output("", failed=True), *map(Output, REFERENCES[2:]))
    found = evaluate(TEST_SET, [System("a", outputs)], [build_metric("chrf")], options=OPTIONS)
    assert found.notes == ("a failed on 2 of 60 segments, which are scored as they are.",)
    assert "a failed on 2 of 60" in markdown([found])


def test_intervals_are_explained_where_they_are_shown() -> None:
    alone = evaluate(TEST_SET, [system("a", REFERENCES)], [build_metric("chrf")], options=OPTIONS)
    assert footnotes([alone])[0] == "± is half of the 95 % interval of the bootstrap."
    assert not any("±" in line for line in footnotes([alone, alone]))


def test_a_suite_shows_what_confidences_are_worth() -> None:
    outputs = tuple(
        Output(text, Draft(text, tuple(Word(word, 0.9) for word in text.split()))) for text in REFERENCES
    )
    found = evaluate(TEST_SET, [System("sure", outputs)], [build_metric("chrf")], options=OPTIONS)
    assert [table.title for table in tables([found, found])][1:] == ["small: word confidences of the drafts"] * 2


def test_progress_counts_every_output_once() -> None:
    seen: list[int] = []
    metrics = [build_metric("chrf++"), build_metric("length")]
    evaluate(
        TEST_SET,
        [system("a", REFERENCES), system("b", REFERENCES)],
        metrics,
        options=OPTIONS,
        progress=seen.append,
    )
    assert sum(seen) == 60 * 2 * 2


def test_two_kinds_of_one_metric_are_told_apart() -> None:
    metrics = build_metrics(["bleu", "bleu:intl", "BLEU", "Bleu:intl", "chrF"])
    assert [metric.name for metric in metrics] == ["BLEU", "bleu:intl", "chrF"]
    found = evaluate(TEST_SET, [system("a", REFERENCES)], metrics, options=OPTIONS)
    assert [("tok:13a" in info.signature, "tok:intl" in info.signature) for info in found.metrics[:2]] == [
        (True, False),
        (False, True),
    ]
