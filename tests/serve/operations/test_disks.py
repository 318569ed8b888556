"""A state folder whose disk is full, and one that cannot be written."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from serve.operations.brittle import installed
from serve.operations.watching import told, translated, until
from serve.serving import COMMAND, served

pytestmark = pytest.mark.slow  # each starts a server


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    where = tmp_path / "disk"
    where.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(where)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")
    yield where
    subprocess.run(["umount", "-l", str(where)], check=True)


def fill(disk: Path, leave: int = 0) -> Path:
    """Fill a disk up to so many bytes."""
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    room = os.statvfs(disk)
    with ballast.open("wb") as file:
        file.write(bytes(max(0, room.f_bavail * room.f_bsize - leave)))
    return ballast


def send(url: str, text: str) -> httpx.Response:
    data = {"source": "en", "target": "pt"}
    return httpx.post(f"{url}/v1/jobs", files={"file": ("a.txt", text.encode())}, data=data)


def test_a_full_disk_keeps_documents_out_and_lets_texts_be_translated(tmp_path: Path, small_disk: Path) -> None:
    arguments = ("--specialist", "brittle")
    environment = installed(tmp_path / "plugins")
    with served(*arguments, state=small_disk / "state", environment=environment) as server:
        jobs = f"{server.url}/v1/jobs"
        assert translated(server.url, "the house")[0]["translation"] == "THE HOUSE"
        # There is room for the source, and not for the translation beside it.
        fill(small_disk, leave=500_000)
        number = send(server.url, "A sentence that is not short.\n\n" * 10_000).json()["id"]
        until(lambda: httpx.get(f"{jobs}/{number}").json()["state"] == "failed")
        assert "No space left on device" in httpx.get(f"{jobs}/{number}").json()["error"]
        assert httpx.get(f"{jobs}/{number}/result").status_code == 409
        assert httpx.delete(f"{jobs}/{number}").status_code == 204

        ballast = fill(small_disk)
        refused = send(server.url, "A sentence that is not short.\n\n" * 1_000)
        assert refused.status_code == 503
        assert refused.json()["error"]["type"] == "unavailable"
        assert "No space left on device" in refused.json()["error"]["message"]
        assert httpx.get(jobs).json()["jobs"] == []
        glossary = {"name": "g", "source": "en", "target": "pt", "entries": [{"source": "a", "target": "b"}]}
        kept = httpx.post(f"{server.url}/v1/glossaries", json=glossary)
        assert kept.status_code in (201, 503)
        assert translated(server.url, "the house")[0]["translation"] == "THE HOUSE"
        assert httpx.get(f"{server.url}/ready").status_code == 200

        ballast.unlink()
        number = send(server.url, "a short one").json()["id"]
        until(lambda: httpx.get(f"{jobs}/{number}").json()["state"] == "done")
        assert "Traceback" not in server.logged
        assert len(list((small_disk / "state" / "documents").iterdir())) == 1


def test_usage_that_cannot_be_written_is_told_and_goes_on(tmp_path: Path, small_disk: Path) -> None:
    environment = installed(tmp_path / "plugins")
    with served("--specialist", "brittle", state=small_disk / "state", environment=environment) as server:
        ballast = fill(small_disk)
        for number in range(1_000):  # what the journal of SQLite has room for is written all the same
            translated(server.url, f"the house {number}")
            if told(server, "Usage cannot be written"):
                break
            time.sleep(1.1 if number > 2 else 0)
        assert translated(server.url, "the house")[0]["translation"] == "THE HOUSE"
        ballast.unlink()
        until(lambda: told(server, "Usage can be written"))


def test_a_state_folder_that_cannot_be_written_is_refused(tmp_path: Path, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for state in (small_disk, small_disk / "state"):
        command = [*COMMAND, "serve", "--profile", "fast", "--port", "0", "--state", str(state)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2
        assert "Read-only file system" in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
