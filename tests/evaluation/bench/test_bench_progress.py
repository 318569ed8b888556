"""What is seen of a run: lines in a log, a bar on a terminal."""

from __future__ import annotations

import pytest

from scalemt.evaluation.bench.progress import Log, bar


def test_a_log_says_what_begins_and_how_it_goes_every_ten_seconds() -> None:
    now = [0.0]
    lines: list[str] = []
    log = Log(lines.append, lambda: now[0])
    log.start(1000, 100)
    log.task("refine", "news", 50)
    for second in range(1, 26):
        now[0] = second
        log.advance(2)
    log.advance(0)
    assert lines == [
        "1000 segments in all, 100 of them done before.",
        "refine on news: 50 segments.",
        "120/1000 segments, refine on news, 2.00 a second, 7 min 20 s left.",
        "140/1000 segments, refine on news, 2.00 a second, 7 min 10 s left.",
    ]


@pytest.mark.parametrize(("left", "told"), [(10, "5 s"), (40_000, "5 h 33 min")])
def test_spans_are_told_in_their_own_size(left: int, told: str) -> None:
    now = [0.0]
    lines: list[str] = []
    log = Log(lines.append, lambda: now[0])
    log.start(left + 20, 0)
    now[0] = 10.0
    log.advance(20)
    assert told in lines[-1]


def test_a_bar_shows_task_count_and_rate_and_takes_brackets_as_they_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    with bar() as watcher:
        watcher.start(8, 4)
        watcher.task("a[red]b", "set[/]", 4)
        watcher.advance(4)
    shown = capsys.readouterr().err
    assert "a[red]b on set[/]" in shown
    assert "8/8" in shown
    assert "/s" in shown
