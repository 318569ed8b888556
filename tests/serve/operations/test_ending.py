"""How a server ends: in peace, by force, and before it has begun; and how the next one goes on."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from serve.operations.brittle import installed
from serve.operations.watching import metric, told, translated, until, workers
from serve.serving import COMMAND, Served, served

pytestmark = pytest.mark.slow  # each starts a server


@pytest.fixture
def plugged(tmp_path: Path) -> Mapping[str, str]:
    """An environment with a specialist that can be told to wait."""
    return installed(tmp_path / "plugins")


def ended(server: Served, seconds: float = 20) -> int:
    return server.process.wait(seconds)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_what_is_under_way_be_answered(
    plugged: Mapping[str, str], sent: signal.Signals, tmp_path: Path
) -> None:
    go_on = tmp_path / "go on"
    plugged = {**plugged, "BRITTLE_HOLD": str(go_on)}
    with served("--specialist", "brittle", environment=plugged) as server, ThreadPoolExecutor(3) as pool:
        mine = workers(server)
        asked = [pool.submit(translated, server.url, f"HOLD {number}") for number in range(3)]
        until(lambda: metric(server.url, "scalemt_requests_open") == 4)  # this one too
        server.process.send_signal(sent)
        until(lambda: told(server, "Shutting down"))
        go_on.touch()
        assert [future.result()[0]["translation"] for future in asked] == [f"HOLD {number}" for number in range(3)]
        assert ended(server) == 0
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{server.url}/health")
        assert "Traceback" not in server.logged
        assert '"level": "error"' not in server.logged
        until(lambda: not any(Path(f"/proc/{process}").exists() for process in mine), 5)


def test_what_takes_too_long_at_the_end_is_told_so(plugged: Mapping[str, str]) -> None:
    with served("--specialist", "brittle", "--limit", "grace=1", environment=plugged) as server:
        body = {"text": "HANG", "source": "en", "target": "pt"}
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(httpx.post, f"{server.url}/v1/translate", json=body, timeout=30)
            until(lambda: httpx.get(f"{server.url}/ready").json()["workers"][0]["tasks"] > 0)
            began = time.monotonic()
            server.process.terminate()
            answer = asked.result()
            assert answer.status_code == 503
            assert answer.json()["error"]["message"] == "The server is ending. Try again soon."
            assert ended(server) == 0
        assert time.monotonic() - began < 12
        assert "Traceback" not in server.logged


def test_a_second_ctrl_c_waits_for_nothing(plugged: Mapping[str, str]) -> None:
    with served("--specialist", "brittle", "--limit", "grace=60", environment=plugged) as server:
        mine = workers(server)
        body = {"text": "HANG", "source": "en", "target": "pt"}
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(httpx.post, f"{server.url}/v1/translate", json=body, timeout=30)
            until(lambda: httpx.get(f"{server.url}/ready").json()["workers"][0]["tasks"] > 0)
            server.process.send_signal(signal.SIGINT)
            until(lambda: told(server, "Shutting down"))
            server.process.send_signal(signal.SIGINT)
            ended(server, 10)
            # Whether the last word still gets out is chance.
            assert asked.exception() or asked.result().status_code == 503
        until(lambda: not any(Path(f"/proc/{process}").exists() for process in mine), 10)


def documents(url: str) -> dict[str, dict[str, Any]]:
    return {job["name"]: job for job in httpx.get(f"{url}/v1/jobs").json()["jobs"]}


@pytest.mark.parametrize("how", ["killed", "ended"])
def test_the_next_server_goes_on_with_documents(tmp_path: Path, plugged: Mapping[str, str], how: str) -> None:
    state = tmp_path / "state"
    text = "\n\n".join(f"Paragraph {number} is SLOW." for number in range(12))
    with served("--specialist", "brittle", state=state, environment=plugged) as server:
        done = send(server.url, "done.txt", "a short one")
        until(lambda: documents(server.url)["done.txt"]["state"] == "done")
        for name in ("one.txt", "two.txt", "three.txt"):
            send(server.url, name, text)
        until(lambda: documents(server.url)["one.txt"]["state"] == "running")
        server.process.send_signal(signal.SIGKILL if how == "killed" else signal.SIGTERM)
        ended(server)
    broken = state / "documents" / "0f0f0f0f-0000-4000-8000-000000000000"
    broken.mkdir()
    (broken / "source.txt").write_text("sent, and the server died before it noted that")
    with served("--specialist", "brittle", state=state, environment=plugged) as server:
        assert set(documents(server.url)) == {"done.txt", "one.txt", "two.txt", "three.txt"}
        assert not broken.exists()
        assert httpx.get(f"{server.url}/v1/jobs/{done}/result").text == "A SHORT ONE"
        until(lambda: all(job["state"] == "done" for job in documents(server.url).values()), 120)
        number = documents(server.url)["two.txt"]["id"]
        assert httpx.get(f"{server.url}/v1/jobs/{number}/result").text == text.upper()


def send(url: str, name: str, text: str) -> str:
    """Send a document, and return its id."""
    data = {"source": "en", "target": "pt"}
    answer = httpx.post(f"{url}/v1/jobs", files={"file": (name, text.encode())}, data=data)
    assert answer.status_code == 202
    return str(answer.json()["id"])


# Before it has begun.


def refused(tmp_path: Path, *arguments: str) -> str:
    """Start a server that cannot be, and return what it says."""
    command = [*COMMAND, "serve", "--profile", "fast", "--state", str(tmp_path / "state"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines[-1].startswith("Error: ")
    return lines[-1]


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = refused(tmp_path, "--port", str(port))
    assert f"cannot listen at port {port}" in said
    assert "--port" in said


@pytest.mark.parametrize("host", ["no-such-host.invalid", "203.0.113.1", "a" * 300])
def test_an_address_that_is_not_ours(tmp_path: Path, host: str) -> None:
    assert host[:20] in refused(tmp_path, "--host", host, "--open", "--port", "0")


def test_an_open_address_wants_keys(tmp_path: Path) -> None:
    assert "--key-file" in refused(tmp_path, "--host", "0.0.0.0", "--port", "0")


def test_a_state_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    assert "is a file" in refused(tmp_path, "--port", "0")


def test_a_server_that_is_ended_while_it_starts(tmp_path: Path) -> None:
    command = [*COMMAND, "serve", "--profile", "fast", "--port", "0", "--state", str(tmp_path / "state")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "startup complete" in line:
                break
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        assert process.wait(20) == 0
    assert "Traceback" not in rest


def test_port_0_takes_a_free_one_and_says_which(tmp_path: Path, plugged: Mapping[str, str]) -> None:
    with served("--specialist", "brittle", "--host", "::1", environment=plugged, ready=False) as server:
        assert server.url.startswith("http://[::1]:")
        until(lambda: httpx.get(f"{server.url}/ready").status_code == 200)
        assert translated(server.url, "the house")
