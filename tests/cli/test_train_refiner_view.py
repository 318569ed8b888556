"""What is shown while a refiner is trained."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from scalemt.cli.train_refiner import _Bar, _Lines


def told(watcher: _Bar | _Lines) -> None:
    watcher.phase("Drafting", None)
    watcher.move(64, {"of": 640})
    watcher.phase("Training", 2)
    watcher.move(1, {"loss": 2.0, "tokens_per_second": 1234.5})
    watcher.move(1, {"dev_loss": 1.25})
    watcher.move(2, {"loss": 1.0})
    watcher.note("Going on after step 1.")


def test_lines_for_log_files(capsys: pytest.CaptureFixture[str]) -> None:
    told(_Lines())
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["Drafting …", "Drafting: 64 of 640"]
    assert "Training: 1 of 2, dev loss 1.250" in lines
    assert lines[-1] == "Note: Going on after step 1."


def test_a_bar_shows_a_mean_loss_that_forgets() -> None:
    written = io.StringIO()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} {task.fields[told]}"),
    )
    console = Console(file=written, force_terminal=True, width=120)
    with Progress(*columns, console=console, auto_refresh=False) as progress:
        bar = _Bar(progress)
        told(bar)
        progress.refresh()
    shown = written.getvalue()
    assert "Going on after step 1." in shown
    assert "loss 1.900, 1,234 tokens/s, dev loss 1.250" in shown or "loss 1.900, dev loss 1.250" in shown
