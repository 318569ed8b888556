"""More than can be done: what is too much is refused at once, the rest is served, and then all is as before."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from serve.operations.brittle import installed
from serve.operations.watching import metric, translated, until
from serve.serving import Served, served

pytestmark = pytest.mark.slow  # each starts a server

TEXT = "a sentence of fifty characters, more or less so."


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    """A worker that takes 0.2 s over each batch, and a line of 2,000 characters."""
    table = '[specialists.idle]\ntype = "brittle"\nseconds = 0.2\n'
    (tmp_path / "scalemt.toml").write_text(table)
    environment = {**installed(tmp_path / "plugins"), "SCALEMT_CONFIG_DIR": str(tmp_path)}
    with served("--specialist", "idle", "--limit", "waiting=2000", environment=environment) as running:
        yield running


def test_ten_times_too_much_is_shed_and_forgotten(server: Served) -> None:
    def one(number: int) -> httpx.Response:
        body = {"text": [TEXT] * 20, "source": "en", "target": "pt"}
        return httpx.post(f"{server.url}/v1/translate", json=body, timeout=60)

    with ThreadPoolExecutor(60) as pool:
        answers = list(pool.map(one, range(120)))
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 429}
    assert statuses.count(200) >= 2
    assert statuses.count(429) >= 30
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["error"]["type"] == "busy"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    # Refusing is quick, and nobody who was let in waits for longer than the line is.
    assert max(answer.elapsed.total_seconds() for answer in answers if answer.status_code == 200) < 20
    assert metric(server.url, "scalemt_refusals_total", kind="busy") == statuses.count(429)
    until(lambda: metric(server.url, "scalemt_waiting_characters") == 0)
    began = time.monotonic()
    assert translated(server.url, "the house")[0]["translation"] == "THE HOUSE"
    assert time.monotonic() - began < 3


def test_those_who_leave_make_room(server: Served) -> None:
    with ThreadPoolExecutor(8) as pool:
        body = {"text": [TEXT] * 200, "source": "en", "target": "pt"}
        leaving = pool.submit(httpx.post, f"{server.url}/v1/translate", json=body, timeout=0.7)
        until(lambda: metric(server.url, "scalemt_waiting_characters") > 2_000)
        refused = httpx.post(f"{server.url}/v1/translate", json={**body, "text": TEXT})
        assert refused.status_code == 429
        with pytest.raises(httpx.TimeoutException):
            leaving.result()
    until(lambda: metric(server.url, "scalemt_waiting_characters") == 0)
    assert translated(server.url, TEXT)


def test_a_huge_request_does_not_keep_small_ones_waiting(server: Served) -> None:
    with ThreadPoolExecutor(4) as pool:
        body = {"text": [TEXT] * 900, "source": "en", "target": "pt"}
        huge = pool.submit(httpx.post, f"{server.url}/v1/translate", json=body, timeout=60)
        until(lambda: metric(server.url, "scalemt_segments_total") > 0)
        small = httpx.post(f"{server.url}/v1/translate", json={**body, "text": "hi", "profile": None}, timeout=60)
        assert small.status_code == 429  # the line is full: but whoever is in it does not wait for the huge one
        assert huge.result().status_code == 200


def test_documents_wait_for_those_who_look_on_and_are_not_starved(server: Served) -> None:
    document = "\n\n".join(f"{number}. {TEXT}" for number in range(300)).encode()
    sent = httpx.post(
        f"{server.url}/v1/jobs", files={"file": ("book.txt", document)}, data={"source": "en", "target": "pt"}
    )
    number = sent.json()["id"]
    until(lambda: httpx.get(f"{server.url}/v1/jobs/{number}").json()["done"] > 0)
    took = []
    for _ in range(5):
        began = time.monotonic()
        translated(server.url, "the house")
        took.append(time.monotonic() - began)
    # Two batches may be at the worker already.
    assert sorted(took)[2] < 2
    until(lambda: httpx.get(f"{server.url}/v1/jobs/{number}").json()["state"] == "done", 60)
    result = httpx.get(f"{server.url}/v1/jobs/{number}/result").text
    assert result.upper() == document.decode().upper()
