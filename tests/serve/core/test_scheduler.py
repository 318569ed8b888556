"""The scheduler with real worker processes: turns, cancelling, deaths, refusals, and what cannot be sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from helpers import EN_PT
from scalemt.config import Configuration, Profile
from scalemt.errors import UsageError
from scalemt.serve.crew import Crew
from scalemt.serve.refusals import BackendFailed, Busy
from scalemt.serve.scheduler import Scheduler
from scalemt.serve.settings import Capacity, ServeSettings
from scalemt.serve.work import Lane, Variant
from scalemt.types import Segment, Translation
from serve.core.loops import run
from serve.operations.brittle import installed
from serve.operations.watching import lives

pytestmark = pytest.mark.slow  # processes are started

LANE = Lane(Variant("fast"), EN_PT)


@dataclass
class Counted:
    """Keeps the sizes of batches."""

    batches: list[int] = field(default_factory=list)

    def batch(self, lane: Lane, segments: int, seconds: float) -> None:
        self.batches.append(segments)

    def translated(self, lane: Lane, translation: Translation) -> None:
        pass


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServeSettings:
    """One worker with the brittle specialist."""
    for name, value in installed(tmp_path).items():
        monkeypatch.setenv(name, value)
    profile = Profile(name="fast", method="draft", specialists=("brittle",), cache=False)
    return ServeSettings({"fast": profile}, Configuration(), tmp_path, workers=1)


@asynccontextmanager
async def scheduling(settings: ServeSettings, seen: Counted | None = None) -> AsyncIterator[Scheduler]:
    """A scheduler whose workers are ready."""
    scheduler = Scheduler(settings, seen or Counted())
    await scheduler.crew.start()
    try:
        await until(lambda: scheduler.crew.ready_count() == settings.worker_count)
        yield scheduler
    finally:
        await scheduler.crew.close()


async def until(happened: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


def segments(*texts: str) -> list[Segment]:
    return [Segment(text) for text in texts]


def test_clients_that_were_answered_together_are_waited_for(settings: ServeSettings) -> None:
    async def ask() -> list[int]:
        seen = Counted()
        async with scheduling(settings, seen) as scheduler:

            async def client(name: str) -> None:
                for turn in range(5):
                    (done,) = await scheduler.translate(segments(f"{name} {turn} SLOW"), LANE)
                    assert done.text
                    await asyncio.sleep(0.002)

            await asyncio.gather(*(client(name) for name in "abcdefgh"))
        return seen.batches

    batches = run(ask())
    assert sum(batches) == 40
    # The first that comes is sent alone, and the last may be; never every second batch.
    assert len([size for size in batches if size == 1]) <= 2, batches
    assert max(batches) >= 7


def test_a_short_request_overtakes_a_huge_one(settings: ServeSettings) -> None:
    async def compare() -> None:
        order: list[str] = []
        async with scheduling(settings) as scheduler:
            huge = scheduler.translate(segments(*["SLOW"] * 8, *["a"] * 992), LANE)
            huge.add_done_callback(lambda _: order.append("huge"))
            await asyncio.sleep(0.2)
            short = scheduler.translate(segments("b"), LANE)
            short.add_done_callback(lambda _: order.append("short"))
            assert [item.text for item in await short] == ["B"]
            assert len(await huge) == 1000
        assert order == ["short", "huge"]

    run(compare())


def test_requests_that_wait_share_a_batch(settings: ServeSettings) -> None:
    async def gather() -> list[int]:
        seen = Counted()
        async with scheduling(settings, seen) as scheduler:
            first = scheduler.translate(segments("SLOW"), LANE)
            others = [scheduler.translate(segments(f"{number}"), LANE) for number in range(20)]
            await asyncio.gather(first, *others)
        return seen.batches

    # What waits grows to one batch while the worker is busy, though it could take another one.
    assert run(gather()) == [1, 20]


def test_cancelling_frees_the_line_and_takes_nobody_along(settings: ServeSettings) -> None:
    async def cancel() -> None:
        async with scheduling(settings) as scheduler:
            busy = scheduler.translate(segments("SLOW"), LANE)
            leaving = scheduler.translate(segments(*["x"] * 500), LANE)
            staying = scheduler.translate(segments("y"), LANE)
            await asyncio.sleep(0.1)
            leaving.cancel()
            await asyncio.sleep(0)
            assert scheduler.waiting("drafting") <= 1
            assert [item.text for item in await staying] == ["Y"]
            assert [item.text for item in await busy] == ["SLOW"]
            assert scheduler.waiting("drafting") == 0
            assert scheduler.crew.restarts() == 0

    run(cancel())


def test_what_waits_behind_a_segment_that_kills_is_not_blamed(settings: ServeSettings) -> None:
    async def kill() -> list[int]:
        seen = Counted()
        async with scheduling(settings, seen) as scheduler:
            busy = scheduler.translate(segments("SLOW"), LANE)
            killer = scheduler.translate(segments("KILL"), LANE)
            await busy
            behind = scheduler.translate(segments(*[f"{number}" for number in range(64)]), LANE)
            assert {item.error for item in await behind} == {None}
            (failed,) = await killer
            assert failed.error is not None
            assert "ended, twice" in str(failed.error)
            assert scheduler.crew.restarts() == 2
        return seen.batches

    # The 64 are one batch, as they would be without it; suspects would be done one by one.
    assert run(kill())[1:] == [64]


def test_a_worker_that_is_killed_by_others_costs_nothing(settings: ServeSettings) -> None:
    async def kill() -> None:
        async with scheduling(replace(settings, workers=2)) as scheduler:
            work = scheduler.translate(segments("SLOW", *[f"{number}" for number in range(200)]), LANE)
            for _ in range(3):
                await asyncio.sleep(0.2)
                process = scheduler.crew.hands[0].process
                assert process is not None
                process.kill()
                await until(lambda: scheduler.crew.ready_count() == 2)
            assert {item.error for item in await work} == {None}

    run(kill())


def test_a_full_line_refuses_and_an_empty_one_takes_anything(settings: ServeSettings) -> None:
    async def fill() -> None:
        async with scheduling(replace(settings, capacity=Capacity(waiting=100))) as scheduler:
            large = scheduler.translate(segments("SLOW", *["x" * 40] * 140), LANE)
            with pytest.raises(Busy) as refused:
                scheduler.translate(segments("x" * 50), LANE)
            assert refused.value.retry_after is not None
            assert refused.value.retry_after >= 1
            # Documents are bounded by their number.
            later = scheduler.translate(segments("x" * 50), LANE, background=True)
            large.cancel()
            await asyncio.sleep(0)
            assert [item.text for item in await scheduler.translate(segments("x" * 50), LANE)] == ["X" * 50]
            await later

    run(fill())


def test_nothing_to_translate_is_done(settings: ServeSettings) -> None:
    async def nothing() -> None:
        async with scheduling(settings) as scheduler:
            assert await scheduler.translate([], LANE) == []

    run(nothing())


def test_a_watch_that_breaks_leaves_nobody_waiting(settings: ServeSettings) -> None:
    async def watch() -> None:
        def broken(index: int, item: Translation) -> None:
            raise ValueError("a secret text")

        async with scheduling(settings) as scheduler:
            with pytest.raises(ValueError, match="secret"):
                await asyncio.wait_for(scheduler.translate(segments("a", "b"), LANE, broken), 10)
            assert [item.text for item in await scheduler.translate(segments("c"), LANE)] == ["C"]

    run(watch())


def test_what_cannot_be_sent_is_told(settings: ServeSettings) -> None:
    async def send() -> None:
        async with scheduling(settings) as scheduler:
            odd: Any = lambda: None  # noqa: E731
            (done,) = await asyncio.wait_for(scheduler.translate([Segment("a", note=odd)], LANE), 10)
            assert isinstance(done.error, BackendFailed)
            assert [item.text for item in await scheduler.translate(segments("c"), LANE)] == ["C"]

    run(send())


def test_a_wrong_change_is_the_fault_of_the_request(settings: ServeSettings) -> None:
    async def change() -> None:
        async with scheduling(settings) as scheduler:
            with pytest.raises(UsageError, match="formality"):
                await scheduler.translate(segments("a"), Lane(Variant.of("fast", formality="rude"), EN_PT))

    run(change())


def test_a_crew_that_is_closed_leaves_no_process(settings: ServeSettings) -> None:
    async def close() -> list[int]:
        async with scheduling(replace(settings, workers=2)) as scheduler:
            found = [process for process in scheduler.crew.processes().values() if process]
            scheduler.translate(segments("HANG"), LANE)
            await asyncio.sleep(0.3)
        return found

    processes = run(close())
    assert len(processes) == 2
    assert not any(map(lives, processes))


def test_pauses_between_starts_grow_and_end() -> None:
    """A worker that keeps dying for days must not break the arithmetic of its pauses."""
    profile = Profile(name="fast", method="draft", specialists=("brittle",))
    crew = Crew(ServeSettings({"fast": profile}, workers=1), lambda: None)
    crew._lived = True
    (hand,) = crew.hands
    hand.began = time.monotonic()
    pauses = [crew._pause(hand, -9, 0) for _ in range(3_000)]
    assert pauses[:4] == [1.0, 2.0, 4.0, 8.0]
    assert set(pauses[6:]) == {30.0}
    hand.lanes, hand.began = 1, time.monotonic() - 60
    assert crew._pause(hand, -9, 0) == 0.0
