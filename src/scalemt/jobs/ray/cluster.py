"""Find a cluster, or start one on this machine, and keep Ray's own noise out of the command's output."""

from __future__ import annotations

import logging
import math
import os
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalemt.errors import ConfigurationError, PausedError
from scalemt.jobs.ray.library import load_ray

_CONNECT_SECONDS = 5.0
_JOIN_SECONDS = 60.0  # Ray itself would try for minutes
_SETTINGS = b"\0\0\0\4\0\0\0\0\0"  # a frame of HTTP/2 that both sides begin with
_QUIET = {
    # What C++ parts say of things that are dealt with here (a lost node, a restarted actor).
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    # What is pushed to drivers goes to standard output, where our events are: all of it is "repeated".
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".*",
}


@dataclass(frozen=True)
class Options:
    """How a job runs on Ray.

    Args:
        address: "ray" attaches to the cluster of this machine or starts one for this run, "auto" only attaches;
            otherwise HOST:PORT of the head.
        actors: engines; None takes as many as the cores of the cluster allow.
        generalist_actors: processes that ask the generalist, where the method does.
        actor_gpus: of each engine, may be a fraction.
        shards: where chunks are written for the cluster to read; None is the job's folder, read on this machine.
        llm_stage: a model for Ray's own LLM stage, which answers prompts before the engines ask for them.
    """

    address: str = "ray"
    actors: int | None = None
    generalist_actors: int = 1
    actor_gpus: float = 0.0
    shards: str | None = None
    llm_stage: str | None = None


@dataclass(frozen=True)
class Cluster:
    """A cluster that this process is in; `node` is this machine's, `own` says that it is left after the run."""

    node: str
    own: bool

    def nodes(self) -> list[Mapping[str, Any]]:
        """Return what Ray tells of each node that is alive."""
        return [node for node in load_ray().nodes() if node["Alive"]]

    def room(self, threads: int, gpus: float = 0.0, taken: float = 0.0) -> int:
        """Return how many engines have room on the nodes that are alive, whoever else may be using them.

        Args:
            threads: of each, and as many logical CPUs.
            gpus: of each.
            taken: logical CPUs that others of this job hold.
        """
        room = 0
        for node in self.nodes():
            held = node["Resources"]
            fitting = int(held.get("CPU", 0.0) // threads)
            room += min(fitting, int(held.get("GPU", 0.0) / gpus)) if gpus else fitting
        return max(min(room, 1), room - math.ceil(taken / threads))

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        ray = load_ray()

        if self.own:
            with _handlers_kept():
                ray.shutdown()


def join(address: str) -> Cluster:
    """Connect to the cluster of an address, or start one; see `Options.address`.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigurationError: nothing answers there, or it cannot be used.
        PausedError: a cluster that should answer does not.
    """
    _check(address)
    os.environ.update({name: value for name, value in _QUIET.items() if name not in os.environ})
    if "RAY_AUTH_MODE" not in os.environ and _has_token():
        # Clusters that were started where there is a token ask for it; Ray thinks of that only where it finds the
        # address itself. One that does not ask does not mind.
        os.environ["RAY_AUTH_MODE"] = "token"
    ray = load_ray()
    # Its modules warn of each other's settings, and of rounds with fewer chunks than engines.
    warnings.filterwarnings("ignore", module=r"ray\.")
    own = not ray.is_initialized()
    if own:
        _connect(ray, address)
    _hush()
    return Cluster(ray.get_runtime_context().get_node_id(), own)


def _check(address: str) -> None:
    """Refuse what cannot work, within seconds: Ray itself takes minutes to say so."""
    if address in ("ray", "auto"):
        return
    if address.startswith("ray://"):
        raise ConfigurationError(
            f"A job cannot run through Ray Client ({address}): Ray Data needs a driver inside the cluster. Run "
            "the command on a machine of the cluster, with --on auto or --on HOST:PORT of the head."
        )
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ConfigurationError(f"--on {address!r} is no address. Valid choices: ray, auto, HOST:PORT.")
    try:
        speaks = _speaks_grpc(host, int(port))
    except (OSError, OverflowError) as fault:
        raise ConfigurationError(
            f"No Ray cluster answers at {address}: {fault}. Start one with ray start --head --port={port}, or "
            "check the address with ray status."
        ) from None
    if not speaks:
        raise ConfigurationError(f"What listens at {address} is no Ray cluster. See ray status for its address.")


def _has_token() -> bool:
    given = any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    return given or (Path.home() / ".ray" / "auth_token").is_file()


def _speaks_grpc(host: str, port: int) -> bool:
    """Whether a port answers as a gRPC server does, which the head of a cluster is (RFC 9113, section 3.4)."""
    with socket.create_connection((host, port), timeout=_CONNECT_SECONDS) as line:
        if os.environ.get("RAY_USE_TLS", "0") == "1":
            return True  # what is behind the encryption only Ray can tell
        try:
            line.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _SETTINGS)
            return line.recv(9)[3:4] == _SETTINGS[3:4]
        except OSError:
            return False


def _connect(ray: Any, address: str) -> None:
    """Connect, and give up after a while: a port that is not Ray's would be tried for minutes."""
    said: list[BaseException] = []
    how: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL, "namespace": "scalemt"}
    if address != "ray":
        how["address"] = address
    elif not os.environ.get("RAY_ADDRESS"):
        how["include_dashboard"] = False

    def go() -> None:
        try:
            ray.init(**how)
        except BaseException as fault:
            said.append(fault)

    with _handlers_kept(), _muted():
        if address == "ray":
            # Never in a thread: processes that are started here die with the thread that has started them.
            go()
        elif not _in_time(go):
            raise PausedError(
                f"The cluster at {address} has not let this process in for {_JOIN_SECONDS:.0f} s. See ray status."
            )
    if said:
        raise ConfigurationError(_refusal(address, said[0])) from None


def _in_time(act: Callable[[], None]) -> bool:
    """Do something in a thread that is left behind if it hangs; return whether it came to its end."""
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    thread.join(_JOIN_SECONDS)
    return not thread.is_alive()


def _refusal(address: str, fault: BaseException) -> str:
    said = " ".join(str(fault).split())
    if isinstance(fault, ConnectionError) and address == "auto":
        return "No Ray cluster runs on this machine. Start one with ray start --head, or use --on ray."
    mend = (
        "Run the command on a machine of the cluster, with the same versions of Python and Ray as there and, "
        "where it asks for one, its token (RAY_AUTH_TOKEN_PATH)."
    )
    return f"Ray cannot be joined at {address}: {said.rstrip('.')}. {mend}"


@contextmanager
def _muted() -> Iterator[None]:
    """Drop what is written to standard error meanwhile: there the C++ part says that it will say nothing."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def _handlers_kept() -> Iterator[None]:
    """Put back the handlers of signals that Ray changes: Ctrl-C is the runner's."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)


def _hush() -> None:
    """Let Ray say nothing on the terminal: this program shows how far it is. Its log files keep all."""
    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.verbose_progress = False
    for name in ("ray", "ray.data"):
        for handler in logging.getLogger(name).handlers:
            if getattr(handler, "stream", None) in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
                handler.setLevel(logging.CRITICAL + 1)
