"""What tests of operations look at: workers, logs, numbers."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from serve.serving import Served


def until(happened: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something has happened."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            raise AssertionError(f"it did not happen within {seconds:g} s")
        time.sleep(0.01)


def workers(server: Served) -> list[int]:
    """Return the processes of a server's workers."""
    return children(server.process.pid)


def children(process: int) -> list[int]:
    """Return the processes that a process has started and that live."""
    told = [path.read_text() for path in Path(f"/proc/{process}/task").glob("*/children")]
    return [int(number) for text in told for number in text.split() if lives(int(number))]


def lives(process: int) -> bool:
    """Whether a process runs, and has not ended without being asked for its exit code."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def records(server: Served) -> list[dict[str, Any]]:
    """Return all lines of the log, which are JSON where nobody looks at a terminal."""
    return [json.loads(line) for line in server.logged.splitlines()]


def told(server: Served, part: str) -> bool:
    """Whether a message of the log holds a text."""
    return any(part in record["message"] for record in records(server))


def metric(url: str, name: str, **labels: str) -> float:
    """Return the sum of the samples of a metric that have these labels."""
    total = 0.0
    for line in httpx.get(f"{url}/metrics").text.splitlines():
        found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
        if found and found[1] == name:
            have = dict(re.findall(r'(\w+)="([^"]*)"', found[2] or ""))
            if labels.items() <= have.items():
                total += float(found[3])
    return total


def translated(url: str, *texts: str, **more: Any) -> list[dict[str, Any]]:
    """Translate from English to Portuguese, and return the translations."""
    body = {"text": list(texts), "source": "en", "target": "pt", **more}
    answer = httpx.post(f"{url}/v1/translate", json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["translations"]
    return found
