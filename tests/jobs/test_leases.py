"""Leases: each chunk belongs to one process, and to nobody when that process is gone."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from jobs.ledgers import read_job, settings
from scalemt.errors import PausedError
from scalemt.jobs.leases import Chunk, Leases, Result, reopen, try_again
from scalemt.jobs.ledger import Ledger
from scalemt.jobs.processes import born, is_alive
from scalemt.jobs.status import status_of
from scalemt.types import Decision, Draft, Pair, Translation, Word


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    source = tmp_path / "a.txt"
    source.write_text("".join(f"Line number {number}.\n" for number in range(1, 11)) + "Line number 3.\n", "utf-8")
    return read_job(tmp_path / "job", source, batch=4)


def results(chunk: Chunk, state: str = "done") -> list[Result]:
    return [
        Result(row, state, Translation(row.segment, row.segment.text.upper(), "draft", Pair("en", "pt")))
        for row in chunk.rows
    ]


def kill(ledger: Ledger, leases: Leases) -> None:
    """Have a runner look as if its process had been killed."""
    with ledger.writing() as file:
        file.execute("UPDATE runners SET process = 999999999 WHERE id = ?", (leases.runner,))


def test_each_chunk_is_leased_once(ledger: Ledger) -> None:
    one, other = Leases(ledger, 3), Leases(ledger, 3)
    chunks = [one.next(), other.next(), one.next(), other.next()]
    numbers = [[row.number for row in chunk.rows] for chunk in chunks if chunk]
    assert numbers == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]  # a repetition is no row
    assert chunks[3] is None
    assert (one.others(), other.others()) == (1, 1)


def test_what_is_committed_is_done(ledger: Ledger) -> None:
    leases = Leases(ledger, 3)
    while chunk := leases.next():
        assert leases.commit(chunk, results(chunk), "signature")
    leases.end()
    found = status_of(ledger)
    assert (found.done, found.failed, found.waiting, found.runners) == (10, 0, 0, 0)
    assert ledger.rows("SELECT COUNT(*) FROM segments WHERE state = 'done' AND text LIKE 'LINE%'") == [(10,)]


def test_leases_of_a_dead_process_are_given_anew(ledger: Ledger) -> None:
    dead, alive = Leases(ledger, 3), Leases(ledger, 3)
    lost = dead.next()
    kill(ledger, dead)
    others = [alive.next(), alive.next()]  # those that nothing is held against come first
    again = alive.next()
    assert lost
    assert again
    assert [chunk.leases for chunk in others if chunk] == [1, 1]
    assert (again.number, again.leases) == (lost.number, 2)
    assert not dead.commit(lost, results(lost), "late")  # the work of two is never mixed
    assert alive.commit(again, results(again), "signature")


def test_a_process_that_ends_well_says_nothing_against_its_chunks(ledger: Ledger) -> None:
    for _ in range(10):
        leases = Leases(ledger, 3)
        chunk = leases.next()
        assert chunk
        assert chunk.leases == 1
        leases.end()


def test_a_segment_that_kills_each_process_is_found_and_given_up(ledger: Ledger) -> None:
    """Nobody but the dead processes knows of it: leases that came to nothing are all there is."""
    deaths = 0
    while True:
        leases = Leases(ledger, 2)
        while chunk := leases.next():
            if any(row.number == 6 for row in chunk.rows):
                deaths += 1
                kill(ledger, leases)
                break
            leases.commit(chunk, results(chunk), "signature")
        else:
            break
    assert deaths == 4 + 2
    found = status_of(ledger)
    assert (found.done, found.failed) == (9, 1)
    reason = ledger.rows("SELECT reason FROM segments WHERE id = 6")[0][0]
    assert reason.startswith("2 times the process ended")


def test_what_waits_again_is_a_chunk_of_its_own(ledger: Ledger) -> None:
    leases = Leases(ledger, 3)
    first = leases.next()
    assert first
    mixed = [*results(first)[:2], *results(first, "waiting")[2:]]
    leases.commit(first, mixed, "signature")
    rest = []
    while chunk := leases.next():
        rest.append([(row.number, row.attempts) for row in chunk.rows])
        leases.commit(chunk, results(chunk), "signature")
    assert rest[-2:] == [[(3, 1)], [(4, 1)]]
    assert status_of(ledger).done == 10


def test_a_batch_that_failed_is_tried_one_by_one(ledger: Ledger) -> None:
    leases = Leases(ledger, 3)
    first = leases.next()
    assert first
    leases.split(first)
    numbers = []
    while chunk := leases.next():
        numbers.append([row.number for row in chunk.rows])
        leases.commit(chunk, results(chunk), "signature")
    assert numbers == [[5, 6, 7, 8], [9, 10], [1], [2], [3], [4]]


def test_failed_segments_can_be_tried_again(ledger: Ledger) -> None:
    leases = Leases(ledger, 3)
    while chunk := leases.next():
        leases.commit(chunk, results(chunk, "failed" if chunk.rows[0].number == 1 else "done"), "signature")
    assert (status_of(ledger).done, status_of(ledger).failed) == (6, 4)
    assert try_again(ledger) == 4
    assert (status_of(ledger).failed, status_of(ledger).waiting, ledger.state) == (0, 4, "running")
    while chunk := leases.next():
        leases.commit(chunk, results(chunk), "signature")
    assert (status_of(ledger).done, status_of(ledger).failed) == (10, 0)
    assert try_again(ledger) == 0


def test_fallbacks_can_be_tried_again(ledger: Ledger) -> None:
    leases = Leases(ledger, 3)
    chunk = leases.next()
    assert chunk
    done = results(chunk)
    leases.commit(chunk, [Result(done[0].row, "done", done[0].translation, "a time-out"), *done[1:]], "signature")
    assert status_of(ledger).fallbacks == 1
    assert try_again(ledger) == 0
    assert try_again(ledger, fallbacks=True) == 1
    assert status_of(ledger).fallbacks == 0


def test_all_of_a_translation_is_kept(ledger: Ledger) -> None:
    leases = Leases(ledger, 3)
    chunk = leases.next()
    assert chunk
    row = chunk.rows[0]
    draft = Draft("Linha 1.", (Word("Linha", 0.5), Word("1.", 1.0)), engine="x")
    made = Translation(
        row.segment,
        "Linha 1.",
        "refine",
        Pair("en", "pt"),
        (draft,),
        decisions=(Decision("gate", "draft", "why"),),
    )
    leases.commit(chunk, [Result(row, "done", made), *results(chunk)[1:]], "what made it")
    columns = "text, draft, decisions, scores, origin, (SELECT text FROM signatures WHERE id = signature)"
    text, kept, decisions, scores, origin, signature = ledger.rows(f"SELECT {columns} FROM segments WHERE id = 1")[
        0
    ]
    assert (text, scores, origin, signature) == ("Linha 1.", '{"confidence":0.75}', "draft", "what made it")
    assert '"confidence":0.5' in kept.replace(" ", "")
    assert decisions == '[["gate","draft","why"]]'


def test_one_process_writes_the_files(ledger: Ledger) -> None:
    one, other = Leases(ledger, 3), Leases(ledger, 3)
    assert one.may_write()
    assert not other.may_write()
    kill(ledger, one)
    assert other.may_write()


def test_a_runner_that_could_not_sign_off_is_not_waited_for(ledger: Ledger) -> None:
    """On a full disk nothing can be written, and the process may go on with another run."""
    first = Leases(ledger, 3)
    assert first.next()
    with sqlite3.connect(ledger.path, isolation_level=None) as other:
        ledger._file.execute("PRAGMA busy_timeout = 50")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(PausedError):
            first.end()
        other.execute("ROLLBACK")
    second = Leases(ledger, 3)
    assert second.others() == 0
    numbers = [chunk.number for chunk in iter(second.next, None)]
    assert sorted(numbers) == [1, 2, 3]


def test_who_is_alive() -> None:
    here = socket.gethostname()
    assert is_alive(here, os.getpid(), born(os.getpid()), 0.0)
    assert not is_alive(here, os.getpid(), "another start", time.time())
    assert is_alive("elsewhere", 1, "", time.time())
    assert not is_alive("elsewhere", 1, "", time.time() - 3600)


def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen(["sleep", "60"])
    assert born(child.pid)
    child.kill()
    for _ in range(1000):
        if not born(child.pid):
            break
        time.sleep(0.01)
    assert Path(f"/proc/{child.pid}").exists()  # nobody has waited for it yet
    assert not born(child.pid)
    child.wait()


def test_a_paused_job_is_opened_where_it_stopped(tmp_path: Path, ledger: Ledger) -> None:
    ledger.turn("cancelled", "why")
    reopen(ledger)
    assert (ledger.state, ledger.get("reason")) == ("running", "")
    unread = Ledger.create(tmp_path / "unread", settings())
    unread.turn("cancelled", "why")
    reopen(unread)
    assert unread.state == "reading"
