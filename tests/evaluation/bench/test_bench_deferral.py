"""Curves by budget from real runs of the bench: they end where they must, and the folder can go on."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from sacrebleu.metrics.chrf import CHRF

from evaluation.bench.bench_parts import KNOWN, better, choice, source_of
from helpers import EN_PT, english_portuguese
from scalemt.config import Configuration
from scalemt.errors import ConfigurationError, InputError
from scalemt.evaluation.bench.arms import Arm
from scalemt.evaluation.bench.backends import Backends
from scalemt.evaluation.bench.deferral import (
    DeferralCurve,
    as_json,
    asked_arm,
    curves,
    figure,
    note,
    systems,
    table,
    ungated_answer,
)
from scalemt.evaluation.bench.running import Bench, Task
from scalemt.evaluation.metrics import build_metric
from scalemt.evaluation.systems import TestSet
from scalemt.folders import config_dir
from scalemt.generalists.fake import Answer, FakeGeneralist
from scalemt.quality.calibration import Calibration, calibration_path
from scalemt.quality.deferral import DeferralModel
from scalemt.types import Prompt

METRIC = build_metric("chrf++")


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))


def mixed(prompt: Prompt) -> Answer:
    """Helps where a word is unknown to the dictionary, and spoils what needs no help."""
    known = all(word in {"the", "house", "is", "blue", "green", "old"} for word in source_of(prompt).split())
    return "uma frase bem diferente" if known else better(prompt)


def mixed_set(count: int = 40) -> TestSet:
    """Every second sentence holds a word that the dictionary lacks."""
    sources = tuple(f"the {'door' if number % 2 else 'house'} is blue" for number in range(count))
    references = tuple(" ".join(KNOWN[word] for word in text.split()) for text in sources)
    return TestSet("mixed", sources, (references,), EN_PT, tuple(map(str, range(count))))


def bench_of(folder: Path, answers: Any = mixed) -> tuple[Bench, FakeGeneralist]:
    generalist = FakeGeneralist(answers)
    parts = Backends(Configuration(), lambda _: None, specialists=[english_portuguese()], generalist=generalist)
    return Bench(folder, parts), generalist


def done(bench: Bench, arm: Arm, test_set: TestSet) -> Task:
    (task,) = bench.prepare([arm], [test_set])
    bench.run([task])
    assert task.state == "done", task.reason
    return task


def test_every_segment_is_asked_and_the_curve_ends_at_draft_and_answer(tmp_path: Path) -> None:
    bench, generalist = bench_of(tmp_path)
    arm = asked_arm(choice(gate="off", budget=0.2))
    task = done(bench, arm, mixed_set())
    assert len(generalist.prompts) == 40
    (found,) = curves(task, bench.backends, METRIC)
    metric, lines = CHRF(word_order=2), [list(task.test_set.references[0])]
    drafts, answers = ([output.text for output in system.outputs] for system in systems(task))
    assert found.points[0].expected == pytest.approx(metric.corpus_score(drafts, lines).score)
    assert found.points[-1].expected == pytest.approx(metric.corpus_score(answers, lines).score)
    assert found.worse == 0.5
    assert (found.gate, found.chooser, found.segments) == ("off", "rule", 40)


def test_the_rule_asks_the_doubtful_and_beats_chance(tmp_path: Path) -> None:
    bench, _ = bench_of(tmp_path)
    (found,) = curves(done(bench, asked_arm(choice(gate="off")), mixed_set()), bench.backends, METRIC)
    half = found.at(0.5)
    assert half.asked == 0.5
    assert half.expected == pytest.approx(half.oracle) == pytest.approx(100.0)
    assert half.worse == 0.0
    assert half.random < half.expected - 3 * half.deviation
    assert found.at(1.0).worse == 0.5


def test_a_second_run_goes_on_from_the_ledger(tmp_path: Path) -> None:
    bench, _ = bench_of(tmp_path)
    first = curves(done(bench, asked_arm(choice(gate="off")), mixed_set()), bench.backends, METRIC)
    again, generalist = bench_of(tmp_path)
    second = curves(done(again, asked_arm(choice(gate="off")), mixed_set()), again.backends, METRIC)
    assert second == first
    assert generalist.prompts == []


def test_with_a_gate_there_is_a_second_curve_without(tmp_path: Path) -> None:
    bench, _ = bench_of(tmp_path)
    task = done(bench, asked_arm(choice(gate="checks")), mixed_set())
    gated, ungated = curves(task, bench.backends, METRIC)
    assert (gated.gate, ungated.gate) == ("checks", "off")
    assert [system.name for system in systems(task)] == ["draft", "all asked", "all asked, no gate"]
    drawing = figure([gated, ungated])
    assert drawing.startswith("<svg")
    assert drawing.count("<polyline") == 8  # six curves, and the band of the first random one


def test_what_a_calibration_knows_is_used(tmp_path: Path) -> None:
    arm = asked_arm(choice(gate="off"))
    bench, _ = bench_of(tmp_path / "out")
    (task,) = bench.prepare([arm], [mixed_set()])
    assert task.plan
    model = DeferralModel({"doubt": 100.0}, {"doubt": 0.1}, 0.0)
    Calibration(
        "en->pt", task.plan.backends, "draft", 0, "none", 1.0, {}, 80, deferral={"off": model, "quality": model}
    ).save(calibration_path(config_dir(), arm.profile.name, EN_PT))
    bench, _ = bench_of(tmp_path / "out")
    (found,) = curves(done(bench, arm, mixed_set()), bench.backends, METRIC)
    assert found.chooser == "calibrated"
    # Beyond the half that can gain, no call is spent.
    assert found.at(0.9).asked == 0.5
    assert found.at(0.9).expected == pytest.approx(100.0)


def test_empty_lines_are_no_segments(tmp_path: Path) -> None:
    whole = mixed_set(20)
    holes = TestSet("holes", ("", *whole.sources, " "), (("", *whole.references[0], ""),), EN_PT,
                    tuple(map(str, range(22))))  # fmt: skip
    bench, _ = bench_of(tmp_path)
    (found,) = curves(done(bench, asked_arm(choice(gate="off")), holes), bench.backends, METRIC)
    assert found.segments == 20
    assert found.at(0.5).expected == pytest.approx(100.0)


def test_an_error_metric_is_turned_round(tmp_path: Path) -> None:
    bench, _ = bench_of(tmp_path)
    (found,) = curves(done(bench, asked_arm(choice(gate="off")), mixed_set()), bench.backends, build_metric("ter"))
    half = found.at(0.5)
    assert half.oracle == 0.0
    assert half.expected < found.at(0.0).expected < half.random < found.at(1.0).expected
    # Fewer errors than when all are asked: a loss below nothing.
    assert found.loss(half.expected) == half.expected - found.at(1.0).expected


def test_a_metric_without_merit_is_refused(tmp_path: Path) -> None:
    bench, _ = bench_of(tmp_path)
    task = done(bench, asked_arm(choice(gate="off")), mixed_set(20))
    with pytest.raises(InputError, match="does not say which of two outputs is better"):
        curves(task, bench.backends, build_metric("length"))


@pytest.mark.parametrize("method", ["draft", "no such"])
def test_a_method_without_generalist_is_refused(method: str) -> None:
    with pytest.raises(ConfigurationError, match="nothing to defer"):
        asked_arm(choice(method=method))


def test_few_shot_has_no_draft_to_fall_back_on(tmp_path: Path) -> None:
    bench, _ = bench_of(tmp_path)
    task = done(bench, asked_arm(choice(method="few-shot", gate="off")), mixed_set(20))
    with pytest.raises(InputError, match="no segment has a draft"):
        curves(task, bench.backends, METRIC)


def test_the_note_and_the_table_tell_the_loss(tmp_path: Path) -> None:
    bench, _ = bench_of(tmp_path, better)
    (found,) = curves(done(bench, asked_arm(choice(gate="off")), mixed_set()), bench.backends, METRIC)
    point, full = found.at(0.4), found.at(1.0).expected
    assert found.share_of_random == pytest.approx((full - point.expected) / (full - point.random))
    assert f"loses {found.share_of_random:.0%} of what random choice loses" in note(found)
    assert "the rule without calibration" in note(found)
    rows = table(found).rows
    assert [row[0] for row in rows] == [f"{step * 10}%" for step in range(11)]
    (value,) = as_json([found])
    assert value["loss_share_of_random"] == pytest.approx(found.share_of_random)
    assert len(value["points"]) == 21


def test_where_chance_loses_nothing_there_is_no_share(tmp_path: Path) -> None:
    bench, _ = bench_of(tmp_path, lambda _: "uma frase bem diferente")
    (found,) = curves(done(bench, asked_arm(choice(gate="off")), mixed_set()), bench.backends, METRIC)
    assert isinstance(found, DeferralCurve)
    assert math.isnan(found.share_of_random)
    assert "no loss to compare" in note(found)
    assert as_json([found])[0]["loss_share_of_random"] is None


def candidate(origin: str, text: str, *failed: str) -> dict[str, Any]:
    return {"origin": origin, "text": text, "failed": list(failed)}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([candidate("draft", "a"), candidate("refine", "b")], "b"),
        ([candidate("draft", "a"), candidate("few-shot", "c"), candidate("refine", "b")], "b"),
        ([candidate("draft", "a"), candidate("refine", "b", "numbers: 12 is missing")], "b"),
        ([candidate("draft", "a"), candidate("refine", "b", "truncated: cut off")], "a"),
        ([candidate("draft", "a"), candidate("refine", " ", "empty: nothing")], "a"),
        ([candidate("draft", "a")], "a"),
        ([candidate("draft", "a"), candidate("refine", "b"), candidate("draft", "c")], "b c"),
    ],
)
def test_the_ungated_answer_is_the_usable_one_of_each_piece(found: list[dict[str, Any]], expected: str) -> None:
    assert ungated_answer({"candidates": found, "method": "refine"}) == expected


def test_a_budget_in_a_bench_is_kept_over_the_whole_set(tmp_path: Path) -> None:
    bench, generalist = bench_of(tmp_path)
    arm = choice(gate="off").variant("some", {"method": "refine", "budget": 0.25, "batch": 1})
    task = done(bench, arm, mixed_set())
    # One by one each segment's quarter would be rounded down to nothing.
    assert len(generalist.prompts) == 10
    assert sum(bool(row["usage"]["calls"]) for row in task.rows.values()) == 10
