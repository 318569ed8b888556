"""Servers that tests of several surfaces share."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from serve.serving import COMMAND, make_key, serving


@dataclass(frozen=True)
class Guarded:
    """A server that wants keys.

    Args:
        url: its address.
        key: may do all.
        poor: may translate 200 characters a month.
        reader: may translate, and nothing else.
    """

    url: str
    key: str
    poor: str
    reader: str


@pytest.fixture(scope="session")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that wants no keys: English and Portuguese, drafts, a memory."""
    memory = tmp_path_factory.mktemp("memory") / "memory.db"
    unit = ("The kettle sings.", "A chaleira canta.", "--from", "en", "--to", "pt")
    subprocess.run([*COMMAND, "memory", "add", str(memory), *unit], check=True, capture_output=True)
    with serving("--specialist", "bergamot", "--memory", str(memory)) as url:
        yield url


@pytest.fixture(scope="session")
def guarded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A server that wants keys, and has no memory."""
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    key = make_key(path, "owner", "all")
    poor = make_key(path, "poor", "translate", limits={"monthly": 200})
    reader = make_key(path, "reader", "translate")
    with serving("--specialist", "bergamot", "--key-file", str(path)) as url:
        yield Guarded(url, key, poor, reader)
