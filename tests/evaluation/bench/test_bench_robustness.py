"""Robustness: one factor at a time, what does not apply is ruled out, and seeds have a mean and a spread."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest

from evaluation.bench.bench_parts import Plain, bench, choice, improver, small_set
from helpers import english_portuguese
from scalemt.config import Configuration
from scalemt.errors import ConfigurationError
from scalemt.evaluation.bench.backends import Backends
from scalemt.evaluation.bench.results import conclude
from scalemt.evaluation.bench.robustness import (
    CONFIDENCES,
    PATHS,
    QUALITY,
    REFERENCE,
    SEEDS,
    SHOTS,
    Factors,
    levels,
    rule_out,
)
from scalemt.evaluation.bench.running import Bench, Task
from scalemt.evaluation.bench.summary import Scoring, Summary
from scalemt.evaluation.significance import Options
from scalemt.specialists import Specialist

FACTORS = Factors(shots=(0, 2, 5), seeds=(0, 1, 2), rates=(0.0, 0.6), paths=(1, 2))


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))


def study(
    folder: Path, factors: Factors, specialist: Specialist | None = None, **fields: object
) -> tuple[list[Task], Summary, dict[str, Any], list[Any]]:
    profile = choice(**{"gate": "off", "shots": 2, **fields}).arm("refine").profile
    found = levels(profile, factors)
    parts = Backends(
        Configuration(), lambda _: None, specialists=[specialist or english_portuguese()], generalist=improver()
    )
    work = Bench(folder, parts)
    tasks = work.prepare([level.arm for level in found], [small_set()])
    rule_out(tasks, found)
    work.run(tasks)
    summary, shown, content = conclude(tasks, Scoring(("chrf++",), REFERENCE, Options(50, 50)), found)
    return tasks, summary, content, shown(wide=True)


def of(content: dict[str, Any], factor: str) -> dict[str, str]:
    (group,) = (item for item in content["factors"] if item["factor"] == factor)
    return {item["level"]: item["arm"] for item in group["levels"]}


def test_one_factor_at_a_time_beside_the_reference(tmp_path: Path) -> None:
    tasks, summary, content, found = study(tmp_path, FACTORS)
    rows = {row.arm: row for row in summary.rows}
    assert {task.state for task in tasks} == {"done"}
    assert list(of(content, SHOTS)) == ["0 shots", "2 shots (reference)", "5 shots"]
    assert list(of(content, SEEDS)) == ["seed 0 (reference)", "seed 1", "seed 2"]
    assert list(of(content, PATHS)) == ["reference", "1 path", "2 paths"]
    assert list(of(content, CONFIDENCES)) == [
        "with confidences (reference)", "without confidences", "confidences shuffled",
    ]  # fmt: skip
    assert rows["60 % corrupted"].draft < rows["0 % corrupted"].draft
    assert rows["60 % corrupted"].draft == rows["60 % corrupted, confidences shuffled"].draft
    assert rows["reference"].draft == rows["0 % corrupted"].draft
    assert [table.title for table in found] == [
        f"small: {name}" for name in (SHOTS, SEEDS, QUALITY, CONFIDENCES, PATHS, "word confidences of the drafts")
    ]
    assert found[1].rows[-1][0] == "mean of the seeds"
    assert found[1].rows[-1][1] == "100.0, s.d. 0.00"
    by_shots = {task.arm.name: task.rows[0]["demonstrations"] for task in tasks}
    assert (by_shots["0 shots"], by_shots["reference"], by_shots["5 shots"]) == (0, 2, 5)


def test_levels_that_equal_the_reference_are_not_translated_again(tmp_path: Path) -> None:
    tasks, _, _, _ = study(tmp_path, FACTORS)
    fresh = {task.arm.name: task.fresh for task in tasks}
    assert fresh["reference"] == 4
    assert fresh["2 shots"] == fresh["seed 0"] == fresh["0 % corrupted"] == fresh["with confidences"] == 0
    again, _, _, _ = study(tmp_path, FACTORS)
    assert sum(task.fresh for task in again) == 0


def test_prompts_of_corrupted_arms_show_corrupted_drafts(tmp_path: Path) -> None:
    tasks, _, _, _ = study(tmp_path, Factors((), (), (0.6,), (), confidences=False, paths=()))
    drafts = {task.arm.name: [task.rows[i]["drafts"][0]["text"] for i in range(4)] for task in tasks}
    assert drafts["60 % corrupted"] != drafts[REFERENCE]
    assert drafts["60 % corrupted"] == drafts["60 % corrupted, confidences shuffled"]


def test_what_a_plain_specialist_cannot_do_is_ruled_out_with_the_reason(tmp_path: Path) -> None:
    for _ in range(2):  # the second time rows of the reference could pass for those of a level
        tasks, summary, content, found = study(tmp_path, FACTORS, Plain())
        reasons = {task.arm.name: task.reason for task in tasks if task.state == "not applicable"}
        assert set(reasons) == {
            "60 % corrupted, confidences shuffled", "with confidences", "without confidences",
            "confidences shuffled", "1 path", "2 paths",
        }  # fmt: skip
        assert reasons["with confidences"] == "The drafts of plain have no word confidences."
        assert reasons["2 paths"] == "This dictionary has one draft a text."
        assert next(iter(of(content, CONFIDENCES))) == "reference"
        assert [row[1] for row in found[3].rows[1:]] == ["not applicable"] * 3
        assert json.dumps(content)
        assert len(summary.evaluations[0].systems) == len(tasks) - len(reasons)


@pytest.mark.parametrize(
    ("fields", "arm", "reason"),
    [
        ({"shots": 0}, "seed 1", "No demonstrations are shown."),
        ({"selection": "nearest"}, "seed 1", "chosen as nearest, whatever the seed"),
        ({"confidences": False}, "60 % corrupted, confidences shuffled", "show no confidences"),
    ],
)
def test_levels_that_would_change_nothing_are_ruled_out(
    tmp_path: Path, fields: dict[str, Any], arm: str, reason: str
) -> None:
    tasks, _, _, _ = study(tmp_path, FACTORS, **fields)
    (task,) = (task for task in tasks if task.arm.name == arm)
    assert task.state == "not applicable"
    assert reason in task.reason


def test_a_small_pool_has_neither_more_shots_nor_other_seeds(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    row = {"source": "the house", "target": "a casa"}
    path.write_text("".join(json.dumps(row) + "\n" for _ in range(3)))
    tasks, _, _, _ = study(tmp_path, FACTORS, demonstrations=str(path), shots=None)
    states = {task.arm.name: (task.state, task.reason) for task in tasks}
    assert states["2 shots"][0] == "done"
    assert states["5 shots"] == ("not applicable", "The pool of demonstrations holds only 3.")
    assert "All 3 demonstrations of the pool are shown" in states["seed 1"][1]


@pytest.mark.parametrize("method", ["draft", "few-shot"])
def test_a_method_without_drafts_to_show_is_refused(method: str) -> None:
    with pytest.raises(ConfigurationError, match=f"The method {method} shows no drafts"):
        levels(choice().arm(method).profile, FACTORS)


def test_an_impossible_level_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="paths is 0"):
        levels(choice().arm("refine").profile, Factors(paths=(0,)))
    assert bench(Path("unused")).limit is None


def test_the_spread_of_seeds_is_that_of_their_scores(tmp_path: Path) -> None:
    """A generalist whose answer depends on the demonstrations, so that seeds differ."""
    from scalemt.generalists.fake import FakeGeneralist
    from scalemt.types import Prompt

    def moody(prompt: Prompt) -> str:
        return "a casa é azul" if len(prompt.messages[-1].content) % 2 else "a casa velha"

    profile = choice(gate="off", shots=3).arm("refine").profile
    found = levels(profile, Factors((), (0, 1, 2, 3), (), (), confidences=False, paths=()))
    work = bench(tmp_path, FakeGeneralist(moody))
    tasks = work.prepare([level.arm for level in found], [small_set()])
    work.run(tasks)
    summary, _, content = conclude(tasks, Scoring(("chrf++",), REFERENCE, Options(50, 50)), found)
    scores = [row.scores["chrF++"].score for row in summary.rows if row.arm.startswith("seed")]
    assert len(set(scores)) > 1
    told = content["factors"][0]["spread"]["chrF++"]
    assert told["mean"] == pytest.approx(statistics.fmean(scores))
    assert told["deviation"] == pytest.approx(statistics.stdev(scores))
