"""Estimates: what is counted, drafted, made and probed before a job begins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from generalists.chat_server import Server, ok
from scalemt.config import Configuration, Profile
from scalemt.errors import InputError
from scalemt.jobs.estimating import estimate
from scalemt.jobs.reading import find_files
from scalemt.jobs.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    lines = [f"The house number {number} is blue, and the garden is green." for number in range(40)]
    path.write_text("\n".join([*lines, lines[0]]) + "\n", "utf-8")
    return path


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    made.script = lambda _: ok("x", usage={"prompt_tokens": 300, "completion_tokens": 20})
    Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def settings(server: Server | None = None, **fields: Any) -> Settings:
    tables = {}
    if server:
        tables = {
            "it": {"type": "openai", "url": server.url, "model": "m", "price_prompt": 1.0, "price_completion": 2.0}
        }
        fields = {"method": "refine", "generalist": "it", "gate": "checks", **fields}
    profile = Profile.model_validate({"specialists": ("bergamot",), "method": "draft", **fields})
    return Settings.of(profile, Configuration(generalists=tables), "en", "pt")


def test_drafts_are_timed_and_repetitions_counted_once(source: Path, tmp_path: Path) -> None:
    found = estimate(settings(), find_files([str(source)], tmp_path / "job"))
    assert (found.files, found.segments, found.different, found.sampled) == (1, 41, 40, 40)
    assert found.characters == sum(len(line) for line in dict.fromkeys(source.read_text("utf-8").splitlines()))
    assert found.draft_seconds
    assert found.seconds == found.draft_seconds
    assert found.prompts == 0
    assert not (tmp_path / "job").exists()


def test_nothing_is_sent_unasked_where_it_costs(source: Path, tmp_path: Path, server: Server) -> None:
    found = estimate(settings(server), find_files([str(source)], tmp_path / "job"))
    assert not server.requests
    assert (found.prompts, found.probed, found.seconds) == (40, 0, None)
    assert found.prompt_tokens > 40 * 50
    assert found.cost == pytest.approx((found.prompt_tokens + 2 * found.completion_tokens) / 1e6, rel=1e-3)


def test_a_probe_measures_tokens_and_time(source: Path, tmp_path: Path, server: Server) -> None:
    found = estimate(settings(server), find_files([str(source)], tmp_path / "job"), probe=5)
    assert len(server.requests) == 6  # one before, to wake the server
    assert found.probed == 5
    assert found.prompt_tokens == pytest.approx(40 * 300, rel=0.02)
    assert found.completion_tokens == pytest.approx(40 * 20, rel=0.05)
    assert found.cost == pytest.approx((40 * 300 + 2 * 40 * 20) / 1e6, rel=0.05)
    assert found.generalist_seconds


def test_a_budget_asks_for_fewer(source: Path, tmp_path: Path, server: Server) -> None:
    found = estimate(settings(server, budget=0.25), find_files([str(source)], tmp_path / "job"))
    assert found.prompts == 10


def test_a_faulty_file_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "a.json"
    broken.write_text('{"a": ', "utf-8")
    with pytest.raises(InputError, match=r"a\.json"):
        estimate(settings(), find_files([str(broken)], tmp_path / "job"))


def test_an_empty_job(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    found = estimate(settings(), find_files([str(tmp_path / "empty.txt")], tmp_path / "job"))
    assert (found.segments, found.different, found.sampled) == (0, 0, 0)


def test_what_may_be_thought_is_counted_whole(source: Path, server: Server, tmp_path: Path) -> None:
    files = find_files([str(source)], tmp_path / "job")
    refined = estimate(settings(server), files)
    thought = estimate(settings(server, method="think", options={"budget": 100}), files)
    assert thought.prompts == 40
    assert 0 <= thought.completion_tokens - refined.completion_tokens - 40 * 100 <= 40
    assert not server.requests
    estimate(settings(server, method="think", options={"budget": 100}), files, probe=2)
    assert all(body["thinking_budget_tokens"] == 100 for _, _, body in server.requests)
