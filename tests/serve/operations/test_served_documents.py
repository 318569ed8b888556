"""Documents that are large, hostile or never end: others are served meanwhile, and the server can end."""

from __future__ import annotations

import io
import json
import os
import signal
import statistics
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from serve.operations.brittle import installed
from serve.operations.watching import children, metric, until, workers
from serve.serving import Served, served

pytestmark = pytest.mark.slow  # each starts a server

LARGE = json.dumps({f"key {number}": f"Sentence {number} of a long story." for number in range(250_000)}).encode()
"""13 MB, which take many seconds to read."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served("--specialist", "brittle", environment=installed(tmp_path_factory.mktemp("plugins"))) as running:
        yield running


def send(url: str, content: bytes, name: str = "a.txt", source: str = "en") -> str:
    data = {"source": source, "target": "pt"}
    answer = httpx.post(f"{url}/v1/jobs", files={"file": (name, content)}, data=data, timeout=60)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def job(url: str, number: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{url}/v1/jobs/{number}").json()
    return found


def clerks(server: Served) -> list[int]:
    """Return the processes that read documents."""
    return [pid for pid in workers(server) if b"serve.clerk" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def times(url: str, count: int = 100) -> list[float]:
    found = []
    with httpx.Client(base_url=url) as client:
        for _ in range(count):
            began = time.perf_counter()
            client.get("/health")
            found.append(time.perf_counter() - began)
            time.sleep(0.01)
    return sorted(found)


def test_a_large_document_keeps_nobody_waiting(server: Served) -> None:
    usual = times(server.url)
    number = send(server.url, LARGE, "large.json")
    until(lambda: bool(clerks(server)))
    meanwhile = times(server.url)
    assert job(server.url, number)["state"] == "running"
    assert statistics.median(meanwhile) < 3 * statistics.median(usual) + 0.02
    assert httpx.delete(f"{server.url}/v1/jobs/{number}").status_code == 204
    until(lambda: not clerks(server), 5)


def test_the_server_ends_while_a_document_is_read(tmp_path: Path) -> None:
    with served("--specialist", "brittle", environment=installed(tmp_path / "plugins")) as server:
        send(server.url, LARGE, "large.json")
        until(lambda: bool(clerks(server)))
        mine = children(server.process.pid)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        assert time.monotonic() - began < 10
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in mine), 5)
        assert "Traceback" not in server.logged


def test_a_document_whose_reader_dies_fails_alone(server: Served) -> None:
    number = send(server.url, LARGE, "large.json")
    other = send(server.url, b"a short one")
    until(lambda: bool(clerks(server)) and job(server.url, other)["state"] == "done")
    for pid in clerks(server):
        os.kill(pid, signal.SIGKILL)
    until(lambda: job(server.url, number)["state"] == "failed")
    told = job(server.url, number)["error"]
    assert "signal 9" in told
    assert "send it in parts" in told
    assert metric(server.url, "scalemt_worker_restarts_total") == 0
    assert httpx.get(f"{server.url}/v1/jobs/{other}/result").text == "A SHORT ONE"


def bomb() -> bytes:
    """Return a Word document that unpacks to 400 MB."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("[Content_Types].xml", "<Types/>")
        with file.open("word/document.xml", "w") as part:
            for _ in range(400):
                part.write(b" " * 2**20)
    return written.getvalue()


ENTITIES = b"""<?xml version="1.0"?><!DOCTYPE tmx [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">
<!ENTITY e SYSTEM "file:///etc/passwd">]><tmx version="1.4"><header srclang="en"/><body><tu><tuv xml:lang="en">
<seg>&d;&d;&d;&e;</seg></tuv></tu></body></tmx>"""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bomb.docx", bomb()),
        ("entities.tmx", ENTITIES),
        ("entities.xlf", ENTITIES),
        ("no-zip.docx", b"PK\x03\x04" + os.urandom(10_000)),
        ("half.json", b'{"a": "' + b"x" * 100_000),
        ("deep.json", b"[" * 100_000),
        ("binary.txt", os.urandom(100_000)),
        ("deep.md", b"> " * 50_000 + b"x"),
        ("deep.html", b"<div>" * 100_000),
        ("deep.xml.tmx", b"<a>" * 100_000),
    ],
)
def test_hostile_documents_are_done_or_fail_and_cost_little(server: Served, name: str, content: bytes) -> None:
    number = send(server.url, content, name)
    until(lambda: job(server.url, number)["state"] in ("done", "failed"), 60)
    told = job(server.url, number)
    assert told["state"] == "done" or (told["error"] and str(server.state) not in told["error"])
    assert "fault of its own" not in (told["error"] or "")
    assert metric(server.url, "process_resident_memory_bytes") < 400 * 2**20
    if told["state"] == "done":
        assert b"root:" not in httpx.get(f"{server.url}/v1/jobs/{number}/result").content
    assert "Traceback" not in server.logged


def test_the_language_of_a_document_is_told_by_its_beginning(server: Served) -> None:
    number = send(server.url, b"The old house by the sea has been empty for years.", source="auto")
    until(lambda: job(server.url, number)["state"] in ("done", "failed"))
    assert job(server.url, number)["state"] == "done"
    number = send(server.url, b"12345", source="auto")
    until(lambda: job(server.url, number)["state"] in ("done", "failed"))
    assert "cannot be told" in job(server.url, number)["error"]


def test_progress_and_failures_are_counted(server: Served) -> None:
    text = "\n\n".join(["fine"] * 70 + ["a BREAK here", "fine too"]).encode()
    number = send(server.url, text)
    until(lambda: job(server.url, number)["state"] == "done")
    told = job(server.url, number)
    assert (told["segments"], told["done"], told["failed"]) == (72, 72, 1)
    assert told["characters"] == 70 * 4 + 12 + 8
    result = httpx.get(f"{server.url}/v1/jobs/{number}/result").text
    assert result == "\n\n".join(["FINE"] * 70 + ["a BREAK here", "FINE TOO"])
