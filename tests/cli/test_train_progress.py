"""What is shown while something is trained."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from scalemt.cli import train_progress
from scalemt.cli.train_progress import Lines, View, clock, curve
from scalemt.training.watching import Measured, Progress, Watcher


def told(watcher: Watcher) -> None:
    watcher.phase("Drafting")
    watcher.moved(64, 1640)
    watcher.moved(1640, 1640)
    watcher.phase("Training")
    for step in range(1, 5):
        watcher.progress(Progress(step, 4, step / 2, 3.0 - step / 2, 1e-4, 1234.5, 61.0 * (4 - step)))
    watcher.measured(Measured(4, 1.25, 3.0))
    watcher.measured(Measured(4, 1.25, 3.0, 41.234, 42.0))
    watcher.note("Going on after [step] 1.")


def test_log_files_get_a_line_now_and_then_and_the_last_one(capsys: pytest.CaptureFixture[str]) -> None:
    told(Lines())
    assert capsys.readouterr().err.splitlines() == [
        "Drafting …",
        "Drafting: 64 of 1,640",
        "Drafting: 1,640 of 1,640",
        "Training …",
        "update 1 of 4, pass 0.5: loss 2.500, 1,234 tokens/s, 0:03:03 left",
        "update 4 of 4, pass 2.0: loss 1.000, 1,234 tokens/s, 0:00:00 left",
        "update 4: dev loss 1.250, measured in 3 s",
        "update 4: dev chrF++ 41.23 (best 42.00), loss 1.250, measured in 3 s",
        "Going on after [step] 1.",
    ]


def test_every_line_is_told_that_comes_late_enough(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_progress, "_LINE_EVERY", 0.0)
    told(Lines())
    assert [line.partition(" of ")[0] for line in capsys.readouterr().err.splitlines() if "left" in line] == [
        f"update {step}" for step in range(1, 5)
    ]


def test_people_see_a_table_with_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(
        "rich.console.Console",
        lambda **_: Console(file=written, force_terminal=True, width=120, color_system=None),
    )
    view = View()
    try:
        told(view)
    finally:
        view.close()
    last = [line.rstrip() for line in written.getvalue().splitlines() if line.strip()]
    assert any("Going on after [step] 1." in line for line in last)
    assert any("4 of 4, pass 2.0" in line for line in last)
    assert any("1.000  █▅▃▁" in line for line in last)
    assert any("chrF++ 41.23 (best 42.00), loss 1.250" in line for line in last)
    assert any("1,234 tokens/s, 0:00:00 left, rate 1.00e-04" in line for line in last)


def test_a_curve_of_equal_values_and_a_time_that_is_not_known() -> None:
    assert curve([1.0, 1.0]) == "▁▁"
    assert len(curve([float(value) for value in range(100)])) == 60
    assert clock(float("inf")) == "?"
    assert clock(3661.0) == "1:01:01"
