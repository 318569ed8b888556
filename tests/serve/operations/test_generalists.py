"""A generalist that never answers: who waits for it is told, and nobody else notices."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from serve.operations.hanging_server import HangingServer
from serve.operations.watching import metric, translated, until
from serve.serving import Served, served

pytestmark = pytest.mark.slow  # each starts a server

TEXT = {"text": "The cat answered.", "source": "en", "target": "pt", "profile": "default"}


@pytest.fixture
def generalist() -> Iterator[HangingServer]:
    with HangingServer().running() as running:
        yield running


@pytest.fixture
def server(generalist: HangingServer) -> Iterator[Served]:
    arguments = ("--generalist", f"openai:{generalist.url}#tiny", "--gate", "off", "--limit", "seconds=8")
    with served("--profile", "default", "--profile", "fast", *arguments) as running:
        generalist.release.set()
        assert ask(running.url, text="The first one takes longer.").status_code == 200
        generalist.release.clear()
        generalist.answered = 0
        yield running
        assert metric(running.url, "scalemt_worker_restarts_total") == 0


def ask(url: str, **more: object) -> httpx.Response:
    return httpx.post(f"{url}/v1/translate", json={**TEXT, **more}, timeout=30)


def test_a_hung_generalist_is_given_up_in_time(server: Served, generalist: HangingServer) -> None:
    with ThreadPoolExecutor(40) as pool:
        began = time.monotonic()
        waiting = [pool.submit(ask, server.url, text=f"The cat has {number} lives.") for number in range(30)]
        until(lambda: generalist.held >= 4)  # a batch a lane, and no more
        drafts = [translated(server.url, "The cat sleeps.", profile="fast") for _ in range(10)]
        assert all(not item[0]["error"] for item in drafts)
        assert not any(future.done() for future in waiting)
        answers = [future.result() for future in waiting]
    assert {answer.status_code for answer in answers} == {504}
    assert {answer.json()["error"]["type"] for answer in answers} == {"deadline"}
    assert 7.5 < time.monotonic() - began < 20
    # What nobody waits for is not asked any more, and its place is free: the next one is answered.
    until(lambda: generalist.held == 0)
    generalist.release.set()
    assert ask(server.url).json()["translations"][0]["translation"] == "O gato respondeu."
    assert metric(server.url, "scalemt_waiting_characters") == 0


def test_who_hangs_up_frees_the_generalist_at_once(server: Served, generalist: HangingServer) -> None:
    for stream in (False, True):
        with httpx.Client(timeout=1) as client, pytest.raises(httpx.TimeoutException):
            client.post(f"{server.url}/v1/translate", json={**TEXT, "stream": stream}).read()
        until(lambda: generalist.held == 0, 2)
    assert generalist.hung_up == 2
    assert metric(server.url, "scalemt_requests_total", status="499") >= 1
    assert metric(server.url, "scalemt_requests_open") == 1


def test_who_hangs_up_takes_no_other_along(server: Served, generalist: HangingServer) -> None:
    """Two batches are with one generalist: the request of whoever stays is never sent a second time."""
    with ThreadPoolExecutor(2) as pool:
        leaving = pool.submit(httpx.post, f"{server.url}/v1/translate", json=TEXT, timeout=1.5)
        until(lambda: generalist.held == 1)
        staying = pool.submit(ask, server.url, text="The cat stayed.")
        until(lambda: generalist.held == 2)
        with pytest.raises(httpx.TimeoutException):
            leaving.result()
        until(lambda: generalist.hung_up == 1)
        time.sleep(0.5)
        assert (generalist.held, generalist.hung_up) == (1, 1)
        generalist.release.set()
        assert staying.result().json()["translations"][0]["translation"] == "O gato respondeu."
    assert generalist.answered == 1


def test_segments_of_one_batch_stay_while_one_of_its_requests_does(
    server: Served, generalist: HangingServer
) -> None:
    with ThreadPoolExecutor(3) as pool:
        first = [pool.submit(ask, server.url, text=["a cat"] * 8 * 4)]  # fills all lanes
        until(lambda: generalist.held >= 1)
        second = pool.submit(ask, server.url, text="The cat stayed.")
        generalist.release.set()
        assert [future.result().status_code for future in [*first, second]] == [200, 200]


def test_a_stream_of_a_hung_generalist_has_its_draft_and_ends(server: Served, generalist: HangingServer) -> None:
    with httpx.stream("POST", f"{server.url}/v1/translate", json={**TEXT, "stream": True}, timeout=30) as answer:
        assert answer.status_code == 200
        lines = [line for line in answer.iter_lines() if line.startswith("event:")]
    assert lines == ["event: draft", "event: fault"]
    until(lambda: generalist.held == 0)


def test_a_generalist_that_is_down_leaves_the_drafts(server: Served) -> None:
    with served("--profile", "default", "--generalist", "openai:http://127.0.0.1:9/v1#tiny") as broken:
        answer = ask(broken.url).json()
        # The draft stands, or the reason is told: never an empty translation without a word.
        found = answer["translations"][0] if "translations" in answer else answer["error"]
        assert found.get("translation") or found.get("error") or found.get("message")
        told = httpx.post(f"{broken.url}/v1/translate", json={**TEXT, "explain": True}, timeout=60).text
        assert "(an address)" in told
        # Where the generalist runs is nobody's business outside.
        assert "127.0.0.1:9" not in told + str(answer)
        assert translated(server.url, "The cat sleeps.", profile="fast")
