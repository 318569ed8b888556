"""What must never stand in a log: keys and texts, whatever happens to the requests that hold them."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from serve.operations.brittle import installed
from serve.operations.raw import answer, request
from serve.operations.watching import metric, until, workers
from serve.serving import make_key, served

pytestmark = pytest.mark.slow  # a server is started

MARK = "Zanzibar"  # stands in all texts
FOREIGN = "scalemt_not-a-key-of-this-server-0123456789abcdef"


def test_neither_keys_nor_texts_stand_in_the_log(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    key = make_key(keys, "owner", "all")
    poor = make_key(keys, "poor", "translate", limits={"characters": 50})
    arguments = ("--specialist", "brittle", "--key-file", str(keys), "--log-level", "debug")
    with served(*arguments, environment=installed(tmp_path / "plugins")) as server:
        for secret in (key, poor, FOREIGN):
            every_way(server.url, secret)
        failing(server.url, key)
        headers = {"Authorization": f"Bearer {key}"}
        assert httpx.get(f"{server.url}/metrics").status_code == 401
        numbers = httpx.get(f"{server.url}/metrics", headers=headers).text
        log = server.logged
    for text in (log, numbers):
        for secret in (key, poor, FOREIGN, key[8:], poor[8:], MARK, MARK.lower(), "secret-name"):
            assert secret not in text
    assert '"caller": "owner"' in log
    assert "ValueError" in log  # the fault of the plug-in was told, without what it quoted


def every_way(url: str, key: str) -> None:
    """Present a key wherever one can stand, and wherever somebody may put it by mistake."""
    body = {"text": MARK, "source": "en", "target": "pt"}
    other = {"q": MARK, "source": "en", "target": "pt", "api_key": key}
    for headers in (
        {"Authorization": f"Bearer {key}"},
        {"X-API-Key": key},
        {"Authorization": f"DeepL-Auth-Key {key}"},
    ):
        httpx.post(f"{url}/v1/translate", json=body, headers=headers)
    httpx.post(f"{url}/translate", json=other)
    httpx.post(f"{url}/translate", data=other)
    httpx.get(f"{url}/v1/memory", params={"text": MARK, "source": "en", "target": "pt", "api_key": key})
    httpx.get(f"{url}/{MARK}/{key}", headers={"User-Agent": key, "Referer": f"{url}/?key={key}"})
    httpx.post(f"{url}/v1/jobs/{key}", content=MARK)
    httpx.get(f"{url}/v1/languages", params={"profile": key}, headers={"X-API-Key": key, "X-Request-ID": "one"})
    files = {"file": (f"secret-name-{MARK}.txt", f"{MARK} BREAK".encode())}
    data = {"source": "en", "target": "pt"}
    httpx.post(f"{url}/v1/jobs", files=files, data=data, headers={"X-API-Key": key})


def failing(url: str, key: str) -> None:
    """Have requests fail in all ways there are."""
    headers = {"X-API-Key": key}
    for order in ("BREAK", "FAIL", "KILL"):
        body = {"text": [f"{MARK} {order}", MARK], "source": "en", "target": "pt"}
        httpx.post(f"{url}/v1/translate", json=body, headers=headers, timeout=60)
        httpx.post(f"{url}/v1/translate", json={**body, "stream": True}, headers=headers, timeout=60)
    httpx.post(f"{url}/v1/translate", json={"text": MARK, "target": MARK}, headers=headers)
    httpx.post(f"{url}/v1/translate", content=f'{{"text": "{MARK}', headers=headers)
    httpx.post(f"{url}/v1/translate", json={"text": {MARK: MARK}, "target": "pt"}, headers=headers)
    httpx.post(f"{url}/v1/translate", content=f'{{"text": "\\ud800{MARK}", "target": "pt"}}', headers=headers)
    answer(url, request(f"/v1/translate?q={MARK}", f"X-API-Key: {key}", host=f"{MARK}.example"))
    answer(url, f"{MARK} {key} rubbish\r\n\r\n".encode())


def test_the_command_lines_of_workers_hold_no_key(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    key = make_key(keys, "owner", "all")
    with served("--specialist", "brittle", "--key-file", str(keys), environment=installed(tmp_path)) as server:
        until(lambda: metric_of(server.url, key) == 1)
        for process in (server.process.pid, *workers(server)):
            assert key.encode() not in Path(f"/proc/{process}/cmdline").read_bytes()
            assert key.encode() not in Path(f"/proc/{process}/environ").read_bytes()


def metric_of(url: str, key: str) -> float:
    text = httpx.get(f"{url}/metrics", headers={"X-API-Key": key}).text
    return float(next(line.split()[1] for line in text.splitlines() if line.startswith("scalemt_workers_ready ")))


def test_metrics_of_an_open_server_are_open(tmp_path: Path) -> None:
    with served("--specialist", "brittle", environment=installed(tmp_path)) as server:
        assert metric(server.url, "scalemt_workers_ready") == 1
        assert metric(server.url, "process_resident_memory_bytes") > 10**7
        assert metric(server.url, "scalemt_worker_resident_memory_bytes", worker="0") > 10**7
        assert "_created" not in httpx.get(f"{server.url}/metrics").text
