"""A real Ray cluster of several nodes on loopback, whose nodes can be killed; never anybody else's."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
AVAILABLE = find_spec("ray") is not None and find_spec("pyarrow") is not None

PLUGINS = {
    "scalemt.specialists": {
        "phrasebook": "jobs.job_parts:Phrasebook",
        "deadly": "jobs.ray_parts:Deadly",
    }
}
_RAY = Path(sys.executable).with_name("ray")
QUICKLY = {
    # A dead node is noticed after 1.5 s and not after 15.
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",  # whatever token the tester has
    "RAY_DISABLE_IMPORT_WARNING": "1",
    # Several nodes of one machine listen on ports of their own; without this, agents fight over one.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1",
}


@dataclass
class RayCluster:
    """A head and other nodes, each a process group of its own.

    Args:
        folder: for Ray's files; its path must be short, for sockets are in it.
        cpus: logical CPUs of each node.
    """

    folder: Path
    cpus: int = 2
    nodes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    port: int = 0

    @property
    def address(self) -> str:
        """What `--on` takes."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the head."""
        self.port = _free_port()
        self._launch(
            "--head", f"--port={self.port}", f"--temp-dir={self.folder / 't'}", "--include-dashboard=false"
        )
        wait_until(lambda: b"Ray runtime started" in (self.folder / "node-0.log").read_bytes(), 60)

    def add(self) -> subprocess.Popen[bytes]:
        """Start another node."""
        return self._launch(f"--address={self.address}")

    def kill(self, node: subprocess.Popen[bytes]) -> None:
        """Kill a node with all its workers, as the failure of a machine would."""
        self.nodes.remove(node)
        with suppress(ProcessLookupError):
            os.killpg(node.pid, signal.SIGKILL)
        node.wait()

    def stop(self) -> None:
        """Kill all nodes."""
        for node in list(self.nodes):
            self.kill(node)
        shutil.rmtree(self.folder, ignore_errors=True)

    def pids(self, name: str, node: subprocess.Popen[bytes] | None = None) -> list[int]:
        """Return the workers of a node, or of all, that have a name: `ray::MapWorker…`; a node is their parent."""
        groups = {one.pid for one in ([node] if node else self.nodes)}
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                parent = int((path.parent / "stat").read_text("utf-8").rpartition(")")[2].split()[1])
                if path.read_bytes().startswith(f"ray::{name}".encode()) and os.getpgid(parent) in groups:
                    found.append(int(path.parent.name))
        return found

    def _launch(self, *arguments: str) -> subprocess.Popen[bytes]:
        common = (
            "--block",
            "--node-ip-address=127.0.0.1",
            "--disable-usage-stats",
            "--object-store-memory=100000000",
        )
        log = (self.folder / f"node-{len(self.nodes)}.log").open("wb")
        with log:
            node = subprocess.Popen(
                [str(_RAY), "start", *arguments, *common, f"--num-cpus={self.cpus}"],
                env={**os.environ, **QUICKLY, "PYTHONPATH": os.pathsep.join([str(TESTS), str(self._plugins())])},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.nodes.append(node)
        return node

    def _plugins(self) -> Path:
        """Lay down a distribution with entry points: nodes find backends of tests as they find any plug-in."""
        home = self.folder / "plugins"
        about = home / "job_parts-1.0.dist-info"
        about.mkdir(parents=True, exist_ok=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: job-parts\nVersion: 1.0\n", "utf-8")
        lines = [
            f"[{group}]\n" + "".join(f"{name} = {where}\n" for name, where in table.items())
            for group, table in PLUGINS.items()
        ]
        (about / "entry_points.txt").write_text("\n".join(lines), "utf-8")
        return home


@contextmanager
def running_cluster(nodes: int = 1, cpus: int = 2) -> Iterator[RayCluster]:
    """Run a cluster of so many nodes until the block ends."""
    cluster = RayCluster(Path(mkdtemp(prefix="r", dir="/tmp")), cpus)
    try:
        cluster.start()
        for _ in range(nodes - 1):
            cluster.add()
        yield cluster
    finally:
        cluster.stop()


def alive_nodes() -> int:
    """Return how many nodes the cluster has that this process is connected to."""
    ray: Any = import_module("ray")
    return sum(bool(node["Alive"]) for node in ray.nodes())


def has_nodes(count: int, seconds: float = 30) -> None:
    """Wait until so many nodes are alive."""
    wait_until(lambda: alive_nodes() == count, seconds)


def wait_until(happened: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something has happened."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            raise AssertionError(f"it did not happen within {seconds:g} s")
        time.sleep(0.02)


def _free_port() -> int:
    """Return a port that neither Ray (10002 to 19999) nor the system (from 32768) gives to anybody meanwhile."""
    while True:
        port = random.randint(20000, 32000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def events(output: str) -> list[dict[str, object]]:
    """Return the events of `--json`: every line must be one."""
    return [json.loads(line) for line in output.splitlines()]
