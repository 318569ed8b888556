"""What a server is told when it is started: profiles, folders, workers, limits."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scalemt.config import Configuration, Profile


@dataclass(frozen=True, slots=True)
class Limits:
    """What one caller, or one request, may ask for; 0 lifts a limit.

    Args:
        characters: in one request.
        texts: in one request.
        per_minute: requests a minute.
        characters_per_minute: characters a minute.
        concurrent: requests under way at a time.
        monthly: characters in a calendar month (UTC).
    """

    characters: int = 50_000
    texts: int = 1_000
    per_minute: int = 3_000
    characters_per_minute: int = 1_000_000
    concurrent: int = 100
    monthly: int = 0


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the server as a whole takes upon itself.

    Args:
        body: bytes of a request that is no upload.
        upload: bytes of an uploaded document.
        buffered: bytes of request bodies held at a time.
        waiting: characters that wait to be translated; behind them requests are refused.
        documents: that wait or are under way at a time.
        kept: seconds that documents are kept after they are done.
        connections: open at a time.
        arrival: seconds in which a request must have arrived, head and body.
        idle: seconds that a connection is kept open between two requests.
        seconds: in which a request must be answered.
        grace: seconds that a worker is given to stop what nobody waits for, and that a shutdown waits.
    """

    body: int = 2 * 2**20
    upload: int = 20 * 2**20
    buffered: int = 256 * 2**20
    waiting: int = 200_000
    documents: int = 100
    kept: float = 3600.0
    connections: int = 2_000
    arrival: float = 20.0
    idle: float = 15.0
    seconds: float = 120.0
    grace: float = 10.0


@dataclass(frozen=True)
class ServeSettings:
    """All that a server is told.

    Args:
        profiles: those that are served, by name; the first is the default.
        configuration: where names of specialists and generalists are looked up.
        state: the folder of glossaries, documents and usage.
        key_file: API keys; None serves whoever can reach the address.
        host, port: where it listens.
        workers: processes that hold models; 0 is one a core, at most four.
        limits: of a caller without a key, or whose key says nothing else.
        capacity: of the server.
        origins: of web pages elsewhere that may call the API (CORS); "*" is all.
        hosts: names by which the server is called, beside loopback and its address; checked without keys only.
    """

    profiles: Mapping[str, Profile]
    configuration: Configuration = field(default_factory=Configuration)
    state: Path = Path("scalemt-state")
    key_file: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 0
    limits: Limits = field(default_factory=Limits)
    capacity: Capacity = field(default_factory=Capacity)
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()

    @property
    def default(self) -> str:
        """The name of the profile that is taken where a request names none."""
        return next(iter(self.profiles))

    @property
    def worker_count(self) -> int:
        """How many processes hold models."""
        return self.workers or max(1, min(4, os.cpu_count() or 1))
