"""A real `scalemt translate` ends soon when it is told to, whatever its requests are waiting for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from busy_server import BusyServer, Limits

# A parent that ignores Ctrl-C hands that down; a terminal does not.
_MAIN = (
    "import signal; from scalemt.cli import main; signal.signal(signal.SIGINT, signal.default_int_handler); main()"
)
_WAITS = {"an answer": Limits(stuck=True), "the Retry-After": Limits(most=0, window=50.0)}


@pytest.mark.slow
@pytest.mark.parametrize("lines", [3, 200], ids=["one window", "several windows"])
@pytest.mark.parametrize("limits", _WAITS.values(), ids=_WAITS)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_run_that_waits(
    tmp_path: Path, number: signal.Signals, code: int, limits: Limits, lines: int
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("The house is blue.\n" * lines, "utf-8")
    with BusyServer(limits).running() as server:
        command = [sys.executable, "-c", _MAIN, "translate", str(text), "--from", "en", "--to", "pt"]
        command += ["--method", "few-shot", "--generalist", f"openai:{server.url}/v1#tiny"]
        environment = os.environ | {"SCALEMT_CONFIG_DIR": str(tmp_path), "SCALEMT_CACHE_DIR": str(tmp_path)}
        run = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        end = time.monotonic() + 60
        while server.under_way + server.refused == 0 and time.monotonic() < end and run.poll() is None:
            time.sleep(0.01)
        time.sleep(0.3)
        run.send_signal(number)
        _, said = run.communicate(timeout=20)  # requests would wait for 50 seconds
    assert run.returncode == code, said.decode()
