"""The real `scalemt mcp` over standard input and output, by the client of the PyPI package `mcp`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from serve.mcp.using import fresh, text_of, use_all_tools, use_the_memory
from serve.serving import COMMAND

pytestmark = pytest.mark.slow


def _arguments(folder: Path, *more: str) -> list[str]:
    return [*COMMAND[1:], "mcp", "--profile", "fast", "--specialist", "bergamot", "--state", str(folder), *more]


def _command(folder: Path, *more: str) -> StdioServerParameters:
    return StdioServerParameters(command=COMMAND[0], args=_arguments(folder, *more), env=dict(os.environ))


@contextmanager
def _running(folder: Path, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command with pipes of our own."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [COMMAND[0], *_arguments(folder, *more)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(BrokenPipeError):
                if pipe:
                    pipe.close()


def _send(process: subprocess.Popen[bytes], message: dict[str, Any]) -> None:
    assert process.stdin
    process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
    process.stdin.flush()


def _initialize(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    _send(process, {"id": 1, "method": "initialize", "params": about})
    assert process.stdout
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    _send(process, {"method": "notifications/initialized"})
    return answer


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_all_tools(tmp_path: Path, mode: str) -> None:
    memory = tmp_path / "memory.db"
    unit = ("The kettle sings.", "A chaleira canta.", "--from", "en", "--to", "pt")
    subprocess.run([*COMMAND, "memory", "add", str(memory), *unit], check=True, capture_output=True)

    async def work() -> None:
        async with Client(_command(tmp_path, "--memory", str(memory)), mode=mode) as client:
            assert client.server_info
            assert client.server_info.name == "scalemt"
            assert client.instructions
            await use_all_tools(client)
            await use_the_memory(client)

    asyncio.run(work())


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_progress_and_taking_back(tmp_path: Path, mode: str) -> None:
    told: list[tuple[float, float | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total))

    async def work() -> None:
        async with Client(_command(tmp_path), mode=mode) as client:
            done = await client.call_tool(
                "translate", {"texts": fresh(200), "target": "pt"}, progress_callback=hear
            )
            assert len(done.content) == 200
            call = asyncio.create_task(client.call_tool("translate", {"texts": fresh(150), "target": "pt"}))
            await asyncio.sleep(0.5)
            call.cancel()
            await asyncio.wait({call})
            assert call.cancelled()
            # What was taken back is not done first.
            found = await client.call_tool("translate", {"texts": ["The house is blue."], "target": "pt"})
            assert text_of(found) == "A casa é azul."

    asyncio.run(work())
    assert told
    assert [total for _, total in told] == [200] * len(told)
    assert [progress for progress, _ in told] == sorted({progress for progress, _ in told})


def test_it_answers_before_models_are_loaded_and_writes_nothing_else(tmp_path: Path) -> None:
    with _running(tmp_path) as process:
        answer = _initialize(process)
        assert answer["result"]["serverInfo"]["name"] == "scalemt"
        assert "is ready" not in (tmp_path / "log").read_text("utf-8")
        assert process.stdin
        process.stdin.write(b"this is no message\n\n[]\n\xff\xfe\n")
        call = {"name": "translate", "arguments": {"texts": ["Nobody may see this secret."], "target": "pt"}}
        _send(process, {"id": 2, "method": "tools/call", "params": call})
        assert process.stdout
        answer = json.loads(process.stdout.readline())
        assert answer["id"] == 2
        assert not answer["result"]["isError"]
        process.stdin.close()
        assert process.wait(10) == 0
        assert process.stdout.read() == b""
    logged = (tmp_path / "log").read_text("utf-8")
    assert "is ready" in logged
    assert "secret" not in logged


def test_it_ends_with_its_input_also_in_the_middle_of_a_call(tmp_path: Path) -> None:
    with _running(tmp_path) as process:
        _initialize(process)
        call = {"name": "translate", "arguments": {"texts": fresh(800), "target": "pt"}}
        _send(process, {"id": 2, "method": "tools/call", "params": call})
        time.sleep(0.5)
        workers = _children(process.pid)
        assert workers
        assert process.stdin
        process.stdin.close()
        assert process.wait(10) == 0
    assert _gone(workers)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_its_workers(tmp_path: Path, number: signal.Signals) -> None:
    with _running(tmp_path) as process:
        _initialize(process)
        workers = _children(process.pid)
        assert workers
        process.send_signal(number)
        assert process.wait(10) == 128 + number
    assert _gone(workers)
    assert "Traceback" not in (tmp_path / "log").read_text("utf-8")


def test_it_ends_when_nobody_reads(tmp_path: Path) -> None:
    with _running(tmp_path) as process:
        _initialize(process)
        workers = _children(process.pid)
        assert process.stdout
        process.stdout.close()
        for number in range(2, 5):
            _send(process, {"id": number, "method": "ping"})
            time.sleep(0.3)
            if process.poll() is not None:
                break
        assert process.wait(10) == 0
    assert _gone(workers)
    assert "Traceback" not in (tmp_path / "log").read_text("utf-8")


def test_what_cannot_be_served_is_told_at_once(tmp_path: Path) -> None:
    command = [*COMMAND, "mcp", "--profile", "nonsense", "--state", str(tmp_path)]
    done = subprocess.run(command, input=b"", capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"nonsense" in done.stderr


def test_what_no_worker_can_serve_is_told_when_one_has_tried(tmp_path: Path) -> None:
    with _running(tmp_path, "--memory", str(tmp_path / "none.db")) as process:
        _initialize(process)
        assert process.wait(30) == 2
    assert "There is no translation memory" in (tmp_path / "log").read_text("utf-8")


def test_the_configuration_of_the_docs(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "serving.md").read_text("utf-8")
    blocks = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)]
    (host,) = [block["mcpServers"]["scalemt"] for block in blocks if "mcpServers" in block]
    assert host["command"].endswith("/scalemt")
    environment = {**os.environ, "SCALEMT_DATA_DIR": str(tmp_path)}
    command = StdioServerParameters(command=COMMAND[0], args=[*COMMAND[1:], *host["args"]], env=environment)

    async def work() -> int:
        async with Client(command) as client:
            return len((await client.list_tools()).tools)

    assert asyncio.run(work()) == 10
    assert list(tmp_path.rglob("usage.db"))


def _children(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text("utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(status.parent.name))
    return found


def _gone(processes: list[int]) -> bool:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if not any(Path(f"/proc/{number}").exists() for number in processes):
            return True
        time.sleep(0.05)
    return False
