"""Workers that are killed, kill themselves, hang or cannot start: the server says so, and goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from jobs.sentences import sentences
from serve.operations.brittle import installed
from serve.operations.watching import children, lives, metric, records, told, translated, until, workers
from serve.serving import COMMAND, Served, served

pytestmark = pytest.mark.slow  # each starts a server


@contextmanager
def two_workers(folder: Path, *more: str) -> Iterator[Served]:
    """Run a server of two workers with a specialist that does what its texts say."""
    with served("--specialist", "brittle", "--workers", "2", *more, environment=installed(folder)) as server:
        yield server
        sys.stdout.write(server.logged[-10_000:])  # shown where a test fails


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with two_workers(tmp_path_factory.mktemp("plugins")) as server:
        yield server


@pytest.fixture
def brittle(running: Served) -> Served:
    """A server, shared, both of whose workers are ready."""
    until(lambda: all(item["ready"] for item in httpx.get(f"{running.url}/ready").json()["workers"]))
    return running


def restarts(server: Served) -> int:
    return int(metric(server.url, "scalemt_worker_restarts_total"))


@pytest.mark.parametrize("which", ["one", "all"])
def test_kill_9_of_workers_costs_nobody_an_answer(which: str) -> None:
    texts = sentences(300)
    with served("--workers", "2") as server, ThreadPoolExecutor(4) as pool:
        expected = [item["translation"] for item in translated(server.url, *texts[:40])]
        asked = [pool.submit(translated, server.url, *texts[at : at + 75]) for at in range(0, 300, 75)]
        until(lambda: metric(server.url, "scalemt_segments_total") > 50)
        victims = workers(server)
        assert len(victims) == 2
        for victim in victims if which == "all" else victims[:1]:
            os.kill(victim, signal.SIGKILL)
        answers = [item for future in asked for item in future.result()]
        assert [item["source"] for item in answers] == texts
        assert [item["error"] for item in answers] == [None] * 300
        assert all(item["translation"] for item in answers)
        # Float sums depend on the size of a batch in their last bits, so that a rare word may come out otherwise.
        assert sum(got["translation"] == want for got, want in zip(answers, expected, strict=False)) >= 38
        assert told(server, "ended (signal 9)")
        until(lambda: all(item["ready"] for item in httpx.get(f"{server.url}/ready").json()["workers"]))
        assert len(workers(server)) == 2
        told_by = [item["restarts"] for item in httpx.get(f"{server.url}/ready").json()["workers"]]
        assert sum(told_by) == restarts(server) == (2 if which == "all" else 1)


def test_without_any_worker_it_is_not_ready_and_requests_wait(brittle: Served) -> None:
    for victim in workers(brittle):
        os.kill(victim, signal.SIGKILL)
    until(lambda: httpx.get(f"{brittle.url}/ready").status_code == 503)
    assert httpx.get(f"{brittle.url}/ready").json()["ready"] is False
    assert httpx.get(f"{brittle.url}/health").json()["status"] == "ok"
    assert translated(brittle.url, "the house")[0]["translation"] == "THE HOUSE"
    assert httpx.get(f"{brittle.url}/ready").status_code == 200


def test_a_segment_that_kills_is_given_up_alone(brittle: Served) -> None:
    """Two processes end over it, and whatever shared its batches or stood behind it is translated."""
    good, before = [f"sentence number {number}" for number in range(40)], restarts(brittle)
    with ThreadPoolExecutor(4) as pool:
        mixed = pool.submit(translated, brittle.url, *good[:20], "please KILL me", *good[20:])
        others = [pool.submit(translated, brittle.url, f"of somebody else {number}") for number in range(3)]
        answers = mixed.result()
        assert [other.result()[0]["error"] for other in others] == [None] * 3
    failed = [item for item in answers if item["error"]]
    assert [item["source"] for item in failed] == ["please KILL me"]
    assert "ended, twice" in failed[0]["error"]
    assert [item["translation"] for item in answers if not item["error"]] == [text.upper() for text in good]
    assert restarts(brittle) == before + 2


def test_many_segments_that_kill_leave_others_their_translations(brittle: Served) -> None:
    texts = [f"KILL {number}" if number % 2 else f"keep {number}" for number in range(4)]
    with ThreadPoolExecutor(2) as pool:
        answers = pool.submit(translated, brittle.url, *texts).result()
    assert [bool(item["error"]) for item in answers] == [False, True, False, True]


def test_a_fault_of_a_plug_in_fails_its_segment_and_its_words_stay_out_of_the_log(brittle: Served) -> None:
    answers = translated(brittle.url, "a secret meeting", "a secret BREAK", "another secret", "SLOW secret")
    assert [item["translation"] for item in answers] == ["A SECRET MEETING", "", "ANOTHER SECRET", "SLOW SECRET"]
    assert "fault of its own (ValueError)" in answers[1]["error"]
    assert "secret" not in answers[1]["error"]
    assert "brittle.py" in brittle.logged
    assert "ValueError" in brittle.logged
    assert "secret" not in brittle.logged.lower()


def test_a_backend_that_fails_takes_no_request_of_others_along(brittle: Served) -> None:
    with ThreadPoolExecutor(8) as pool:
        busy = [pool.submit(translated, brittle.url, "SLOW") for _ in range(2)]
        time.sleep(0.2)  # the workers have their hands full: what comes now shares a batch
        failing = pool.submit(translated, brittle.url, "one", "FAIL")
        good = [pool.submit(translated, brittle.url, f"good {number}") for number in range(4)]
        assert [future.result()[0]["error"] for future in good] == [None] * 4
        assert all("crack" in item["error"] for item in failing.result())
        assert all(not future.result()[0]["error"] for future in busy)


def test_a_hung_model_is_ended_and_others_are_served(tmp_path: Path) -> None:
    limits = ("--limit", "seconds=5", "--limit", "grace=1")
    with two_workers(tmp_path, *limits) as server, ThreadPoolExecutor(1) as pool:
        body = {"text": "HANG", "source": "en", "target": "pt"}
        hung = pool.submit(httpx.post, f"{server.url}/v1/translate", json=body, timeout=30)
        time.sleep(0.5)
        assert translated(server.url, "the house")[0]["translation"] == "THE HOUSE"
        assert not hung.done()
        answer = hung.result()
        assert answer.status_code == 504
        assert answer.json()["error"]["type"] == "deadline"
        until(lambda: told(server, "does not end a task and is ended"))
        until(lambda: told(server, "ended (signal 9)"))
        assert translated(server.url, "the house")[0]["translation"] == "THE HOUSE"
        assert restarts(server) == 1


def test_a_supervisor_that_signals_the_whole_group_does_not_end_workers_early(brittle: Served) -> None:
    before = restarts(brittle)
    for process in workers(brittle):
        os.kill(process, signal.SIGTERM)
        os.kill(process, signal.SIGINT)
    time.sleep(0.3)
    assert restarts(brittle) == before
    assert translated(brittle.url, "the house")[0]["translation"] == "THE HOUSE"


# The first start.


def started(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "serve", "--port", "0", "--state", str(tmp_path / "state"), "--workers", "1", *arguments]
    environment = {**os.environ, **installed(tmp_path / "plugins"), **environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_what_cannot_be_served_is_told_at_once(tmp_path: Path) -> None:
    done = started(tmp_path, "--profile", "fast", "--specialist", "brittle", BRITTLE_START="misfit")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Error: The brittle specialist lacks its glue. Buy some." in done.stderr
    assert "Traceback" not in done.stderr
    done = started(tmp_path, "--profile", "fast", "--specialist", "nobody")
    assert done.returncode == 2
    assert "There is no specialist named 'nobody'" in done.stderr


def test_workers_that_die_before_any_was_ready_are_not_started_for_ever(tmp_path: Path) -> None:
    done = started(tmp_path, "--profile", "fast", "--specialist", "brittle", BRITTLE_START="die")
    assert done.returncode == 1
    assert "No worker lives long enough" in done.stderr
    assert "signal 9" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_log_is_json_and_tells_of_each_worker(brittle: Served) -> None:
    lines = records(brittle)
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    assert sum("is ready after" in line["message"] for line in lines) == 2 + restarts(brittle)
    assert not children(workers(brittle)[0])


def test_workers_end_with_a_front_that_is_killed(tmp_path: Path) -> None:
    with two_workers(tmp_path) as server:
        mine = workers(server)
        assert len(mine) == 2
        server.process.kill()
        until(lambda: not any(lives(process) for process in mine), 10)
