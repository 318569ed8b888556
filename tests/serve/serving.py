"""A real server for tests: `scalemt serve` in a process of its own, on a free port."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

_STARTED = 60.0  # seconds in which it must be ready
_ENDED = 20.0  # seconds in which it must have ended
_ADDRESS = re.compile(r"http://(?:[\d.]+|\[[\da-f:]+\]):\d+")
COMMAND = (sys.executable, "-c", "from scalemt.cli import main; main()")
"""What `scalemt` on the command line runs."""


@dataclass(frozen=True)
class Served:
    """A server that is running.

    Args:
        url: its address, without a slash at the end.
        process: of the front.
        log: the file that its standard error goes to.
        state: its folder.
    """

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    state: Path

    @property
    def logged(self) -> str:
        """What it has written so far."""
        return self.log.read_text("utf-8", errors="replace")


@contextmanager
def served(
    *arguments: str, state: Path | None = None, environment: Mapping[str, str] | None = None, ready: bool = True
) -> Iterator[Served]:
    """Run `scalemt serve`, by default with the profile `fast` and one worker, until the block is left.

    Args:
        arguments: of the command; `--profile` and `--workers` among them take the place of the defaults.
        state: its folder, kept by the caller; a temporary one otherwise.
        environment: variables beside those of the test.
        ready: whether to wait until it can translate, or only until it listens.
    """
    with TemporaryDirectory(prefix="scalemt-serving-") as name:
        folder = Path(name)
        state = state or folder / "state"
        log = folder / "log"
        command = [*COMMAND, "serve", "--port", "0", "--state", str(state), *_defaults(arguments), *arguments]
        with log.open("wb") as errors:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stderr=errors, env={**os.environ, **(environment or {})}
            )
        try:
            url = _address(process, log)
            if ready:
                _await_ready(url, process, log)
            yield Served(url, process, log, state)
        finally:
            _end(process)


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """Run `scalemt serve` as `served` does, and yield its address."""
    with served(*arguments) as server:
        yield server.url


def make_key(path: Path, name: str, *scopes: str, limits: Mapping[str, int] | None = None) -> str:
    """Add a key to a file with the real command, and return it."""
    chosen = [part for scope in scopes for part in ("--scope", scope)]
    chosen += [part for key, value in (limits or {}).items() for part in ("--limit", f"{key}={value}")]
    command = [*COMMAND, "keys", "add", name, "--key-file", str(path), *chosen]
    found = re.search(
        r"scalemt_[\w-]+", subprocess.run(command, check=True, capture_output=True, text=True).stdout
    )
    assert found
    return found[0]


def _defaults(arguments: tuple[str, ...]) -> list[str]:
    given = {argument.partition("=")[0] for argument in arguments}
    wanted = {"--profile": "fast", "--workers": "1"}
    return [part for flag, value in wanted.items() if flag not in given for part in (flag, value)]


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Wait for the line of the log that tells the address."""
    until = time.monotonic() + _STARTED
    while time.monotonic() < until:
        found = _ADDRESS.search(log.read_text("utf-8", errors="replace"))
        if found:
            return found[0]
        _require_alive(process, log)
        time.sleep(0.02)
    raise AssertionError(f"the server told no address:\n{_told(log)}")


def _await_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _STARTED
    while time.monotonic() < until:
        _require_alive(process, log)
        try:
            if httpx.get(f"{url}/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass  # it has the port, and does not listen yet
        time.sleep(0.05)
    raise AssertionError(f"the server was not ready in {_STARTED:g} s:\n{_told(log)}")


def _require_alive(process: subprocess.Popen[bytes], log: Path) -> None:
    if process.poll() is not None:
        raise AssertionError(f"the server ended with {process.returncode}:\n{_told(log)}")


def _told(log: Path) -> str:
    """Return the end of a log, without our own questions whether it is ready."""
    lines = log.read_text("utf-8", errors="replace").splitlines()
    return "\n".join([line for line in lines if '"/ready"' not in line][-40:])


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server as an operator does, and by force where that takes too long."""
    process.terminate()
    try:
        process.wait(_ENDED)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"the server did not end within {_ENDED:g} s of SIGTERM") from None
