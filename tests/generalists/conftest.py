"""A scripted server on loopback, and generalists that ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest

from clocks import FakeClock
from generalists.chat_server import Server
from scalemt.generalists.openai import OpenAIGeneralist
from scalemt.limiter import Limiter
from scalemt.retry import RetryPolicy


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def make(server: Server) -> Iterator[Callable[..., OpenAIGeneralist]]:
    made: list[OpenAIGeneralist] = []

    def build(**options: Any) -> OpenAIGeneralist:
        generalist = OpenAIGeneralist(options.pop("url", server.url), "tiny", **options)
        attempts = generalist.policy.attempts
        generalist.policy = RetryPolicy(attempts=attempts, base=0.01, jitter=0.0)
        generalist.limiter = Limiter(generalist.limiter.ceiling, clock)
        made.append(generalist)
        return generalist

    clock = FakeClock()
    build.waits = clock.waits  # type: ignore[attr-defined]
    yield build
    for generalist in made:
        generalist.close()
