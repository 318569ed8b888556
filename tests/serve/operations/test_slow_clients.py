"""A thousand slow clients at once: others are served as ever, and what the slow ones hold is taken from them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from serve.operations.raw import BODY, connected, is_closed, request
from serve.operations.slow_clients import HALF_A_BODY, HALF_A_HEAD, MUCH, Crowd
from serve.operations.watching import metric, until
from serve.serving import Served, served

pytestmark = pytest.mark.slow  # each starts a server


@pytest.fixture
def server() -> Iterator[Served]:
    with served("--limit", "arrival=4", "--limit", "connections=1500") as running:
        yield running


def times(url: str, count: int = 40) -> list[float]:
    """Translate so many times over a new connection each, and return the seconds, the shortest first."""
    found = []
    for _ in range(count):
        began = time.perf_counter()
        assert httpx.post(f"{url}/v1/translate", json=json.loads(BODY), timeout=20).status_code == 200
        found.append(time.perf_counter() - began)
    return sorted(found)


def resident(server: Served) -> int:
    """Return the bytes of memory of the process that listens."""
    for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return 1024 * int(line.split()[1])
    raise AssertionError("no VmRSS")


def test_a_thousand_slow_clients(server: Served) -> None:
    usual = times(server.url)
    before = resident(server)
    with Crowd(server.url, (HALF_A_HEAD, HALF_A_BODY, MUCH), drip=b"a" * 100) as crowd:
        crowd.come(1_000)
        assert metric(server.url, "scalemt_connections") > 900
        meanwhile = times(server.url)
        # The middle of them; as all processes of the test share the cores, there is some play.
        assert meanwhile[20] < 2 * usual[20] + 0.1
        assert resident(server) - before < 300 * 2**20
        until(lambda: metric(server.url, "scalemt_connections") <= 3, 60)
        assert crowd.closed >= 660  # of those that listen for it
    assert metric(server.url, "scalemt_connections_ended_total") >= 660
    assert metric(server.url, "scalemt_requests_open") == 1  # that of the metrics themselves
    assert times(server.url, 5)


def test_who_is_one_too_many_is_told_so(server: Served) -> None:
    with Crowd(server.url, (HALF_A_HEAD,)) as crowd:
        crowd.come(1_500)
        answer = httpx.get(f"{server.url}/health")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        until(lambda: crowd.closed == 1_500, 30)
    assert httpx.get(f"{server.url}/health").status_code == 200


def test_half_a_head_gets_its_time_and_no_more(server: Served) -> None:
    for sent in (b"", b"\r\n", HALF_A_HEAD, HALF_A_BODY):
        with connected(server.url) as opened:
            began = time.monotonic()
            opened.sendall(sent)
            assert is_closed(opened)
            assert 3 < time.monotonic() - began < 12


def test_a_body_that_comes_steadily_has_more_time(server: Served) -> None:
    """64 KiB a second, beyond the time that any request has."""
    body = b'{"text": "The house is old.", "source": "en", "target": "pt"}' + b" " * 2_000_000
    began = time.monotonic()
    with connected(server.url) as opened:
        opened.sendall(request(length=len(body), body=b""))
        for at in range(0, len(body), 200_000):
            time.sleep(0.6)
            opened.sendall(body[at : at + 200_000])
        assert opened.recv(12) == b"HTTP/1.1 200"
    assert time.monotonic() - began > 5


def test_a_connection_that_is_kept_alive_is_kept(server: Served) -> None:
    with httpx.Client(base_url=server.url) as client:
        for pause in (0, 3, 5, 6):
            time.sleep(pause)
            assert client.get("/health").status_code == 200
