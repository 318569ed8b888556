"""What jobs on Ray are made of, without a cluster: faults that travel, leases by number, shards, and the doors."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread

import pytest

from jobs.desk import OUT, Desk
from jobs.ray_cluster import AVAILABLE
from scalemt.errors import DeadlineError, PausedError, UnknownNameError
from scalemt.generalists.openai import HopelessError
from scalemt.jobs.answers import Limits
from scalemt.jobs.leases import Leases
from scalemt.jobs.ledger import Ledger
from scalemt.jobs.ray.actors import Room
from scalemt.jobs.ray.portable import Fault, completions_in, completions_out, pack, unpack
from scalemt.jobs.ray.shards import remove_strays, write_shards
from scalemt.types import Completion, Pair, Segment, Translation

needs_ray = pytest.mark.skipif(not AVAILABLE, reason="needs the extra ray")


@contextmanager
def leases_of(desk: Desk) -> Iterator[tuple[Ledger, Leases]]:
    """The leases of a job that is read, and of which nothing is translated."""
    done = desk.go("--max-tokens", "1")
    assert done.returncode == 3, done.stderr
    with closing(Ledger.open(desk.folder / OUT)) as ledger:
        yield ledger, Leases(ledger, Limits().attempts)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (PausedError("No more."), PausedError),
        (UnknownNameError("method", "x", ["y"]), UnknownNameError),
        (ValueError("bad"), ValueError),
        (KeyError("k"), KeyError),
    ],
)
def test_a_fault_comes_out_as_it_went_in(fault: Exception, kind: type[Exception]) -> None:
    made = Fault.of(fault).exception()
    assert type(made) is kind
    assert made.args == (str(fault),)


def test_a_fault_of_another_module_comes_out_as_the_known_one_above_it_or_by_its_name() -> None:
    class OddError(Exception):
        pass

    assert Fault.of(HopelessError("No key.")).kind == "EndpointError"
    made = Fault.of(OddError("strange")).exception()
    assert (type(made).__name__, str(made)) == ("OddError", "strange")


def test_translations_and_completions_keep_their_errors() -> None:
    pair = Pair("en", "pt")
    good = Translation(Segment("a"), "b", "draft", pair)
    bad = Translation(Segment("c"), "", "draft", pair, error=UnknownNameError("method", "x", ["y"]))
    out = unpack(pack([good, bad]))
    assert out[0] == good
    assert (type(out[1].error), str(out[1].error)) == (UnknownNameError, str(bad.error))
    late = Completion("", "error", error=DeadlineError("Too late."))
    back = completions_in(completions_out([late, Completion("x")]))
    assert (type(back[0].error), str(back[0].error), back[1]) == (DeadlineError, "Too late.", Completion("x"))


def test_chunks_are_leased_by_number_and_again_by_whoever_has_them(desk: Desk) -> None:
    desk.write(count=70)
    with leases_of(desk) as (ledger, leases):
        first, *others = leases.open(0, 10)
        assert others
        chunk = leases.take(first)
        assert chunk is not None
        assert chunk.leases == 1
        other = Leases(ledger, 3)
        assert other.take(first) is None
        assert first not in other.open(0, 10)
        again = leases.take(first)
        assert again is not None
        assert again.leases == 2


def test_a_chunk_under_suspicion_is_split_and_a_segment_at_last_given_up(desk: Desk) -> None:
    desk.write(count=2)
    with leases_of(desk) as (ledger, leases):
        (number,) = leases.open(0, 10)
        assert [leases.take(number) is not None for _ in range(5)] == [True] * 4 + [False]
        alone = leases.open(0, 10)
        assert len(alone) == 2
        assert [leases.take(alone[0]) is not None for _ in range(4)] == [True] * 3 + [False]
        assert leases.open(0, 10) == alone[1:]
        assert ledger.tallies()["failed"] == 1


@needs_ray
def test_shards_hold_what_is_to_be_done_and_nothing_is_leased_for_it(desk: Desk) -> None:
    import pyarrow.parquet as pq

    texts = desk.write(count=70)
    with leases_of(desk) as (ledger, leases):
        shards = write_shards(leases, desk.folder / OUT, None)
        table = pq.read_table(shards.folder)
        assert table["chunk"].to_pylist() == leases.open(0, 100)
        assert all(text in "".join(table["rows"].to_pylist()) for text in texts)
        assert shards.chunks == table.num_rows
        assert not ledger.rows("SELECT 1 FROM chunks WHERE state = 'leased'")
        shards.remove()
        assert not Path(shards.folder).exists()


@needs_ray
def test_shards_of_a_runner_that_is_gone_are_swept_away(desk: Desk) -> None:
    desk.write(count=3)
    with leases_of(desk) as (ledger, leases):
        gone, mine = (
            write_shards(Leases(ledger, 3), ledger.folder, None),
            write_shards(leases, ledger.folder, None),
        )
        ledger.rows("DELETE FROM runners WHERE id != ?", (leases.runner,))
        remove_strays(ledger)
        assert not Path(gone.folder).exists()
        mine.remove()
        remove_strays(ledger)
        assert not (ledger.folder / "shards").exists()


def test_calls_are_let_in_until_enough_requests_are_under_way() -> None:
    room, order = Room(4), []

    def call(count: int) -> None:
        with room.taken(count):
            order.append(count)

    with room.taken(3):
        with room.taken(1):
            late = Thread(target=call, args=(9,))
            late.start()
            time.sleep(0.05)
            assert order == []
        call(1)
    late.join(5)
    assert order == [1, 9]


@needs_ray
def test_shards_go_to_any_place_that_pyarrow_or_fsspec_knows(desk: Desk, tmp_path: Path) -> None:
    desk.write(count=3)
    with leases_of(desk) as (_, leases):
        assert Path(write_shards(leases, tmp_path, f"file://{tmp_path}/there").folder).is_dir()
        memory = write_shards(leases, tmp_path, "memory://there")
        assert memory.filesystem.get_file_info(f"{memory.folder}/00000.parquet").size > 0
        memory.remove()


@needs_ray
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--actors", "2"), "--actors says how a job runs on Ray: add --on."),
        (("--on", "ray://127.0.0.1:10001"), "cannot run through Ray Client"),
        (("--on", "nowhere"), "Valid choices: ray, auto, HOST:PORT"),
        (
            ("--on", "ray", "--method", "knowledge", "--option", "cards=a=fake"),
            "asks others too (fake)",
        ),
        (("--on", "ray", "--context", "2"), "leave out --on, or begin the job with --context 0"),
        (("--on", "ray", "--method", "draft", "--llm-stage", "m"), "leave out --llm-stage"),
        (("--on", "127.0.0.1:{closed}"), "No Ray cluster answers at 127.0.0.1"),
    ],
)
def test_what_cannot_work_is_refused_within_seconds(desk: Desk, options: tuple[str, ...], told: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = probe.getsockname()[1]
    desk.write(count=2)
    began = time.monotonic()
    done = desk.go(*(option.format(closed=closed) for option in options))
    assert done.returncode == 2
    assert told in done.stderr
    assert time.monotonic() - began < 20


@needs_ray
def test_a_port_that_is_not_of_ray_is_told_from_one_that_is(desk: Desk) -> None:
    desk.write(count=2)
    done = desk.go("--on", desk.server.url.split("/")[2])
    assert done.returncode == 2
    assert "is no Ray cluster" in done.stderr


def test_without_ray_the_line_that_installs_it_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    desk.write(count=2)
    done = desk.go("--on", "ray")
    assert done.returncode == 2
    assert "pip install 'scalemt[ray]'" in done.stderr


def test_jobs_are_imported_without_ray() -> None:
    code = (
        "import sys, scalemt.jobs.runner, scalemt.jobs.ray.crew, scalemt.cli.job;"
        "print([name for name in ('ray', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
