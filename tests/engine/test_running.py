"""One run: order, reading ahead, overlapping windows, progress, stopping."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Barrier, Event, Lock

import pytest

from helpers import DictionarySpecialist, english_portuguese
from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.errors import EndpointError
from scalemt.generalists import Generalist
from scalemt.generalists.base import Progress
from scalemt.generalists.fake import FakeGeneralist
from scalemt.types import Completion, Decoding, Draft, Pair, Prompt, Segment


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))


def engine(generalist: Generalist | None = None, **fields: object) -> Engine:
    given = {"shots": 0, "gate": "off", "cache": False, **fields}
    return Engine(Profile(**given), specialists=[english_portuguese()], generalist=generalist)  # type: ignore[arg-type]


def echo(prompt: Prompt) -> str:
    return prompt.prediction


class Counted(FakeGeneralist):
    """Answers with the draft, and counts how many calls are under way at once."""

    def __init__(self, *, overlaps: bool) -> None:
        super().__init__(echo)
        self.overlaps = overlaps
        self.under_way = self.most = 0
        self._counting = Lock()
        self._both = Barrier(2)

    def _complete(self, prompts: Sequence[Prompt], decoding: Decoding, progress: Progress) -> list[Completion]:
        with self._counting:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        if self.overlaps:
            self._both.wait(timeout=20)  # nobody comes through alone
        done = super()._complete(prompts, decoding, progress)
        with self._counting:
            self.under_way -= 1
        return done


def read(count: int, seen: list[int]) -> Iterator[str]:
    for number in range(count):
        seen.append(number)
        yield f"the house {number}"


@pytest.mark.parametrize("overlaps", [True, False])
def test_a_generalist_that_can_take_two_windows_gets_them_and_order_is_kept(overlaps: bool) -> None:
    counted = Counted(overlaps=overlaps)
    done = engine(counted, batch=3).translate([f"the house {n}" for n in range(12)], "en", "pt")
    assert [item.text for item in done] == [f"a casa {n}" for n in range(12)]
    assert counted.most == (2 if overlaps else 1)


@pytest.mark.parametrize("method", ["draft", "refine"])
def test_the_input_is_read_only_a_little_ahead(method: str) -> None:
    seen: list[int] = []
    stream = engine(FakeGeneralist(echo), method=method, batch=4).stream(read(100_000, seen), "en", "pt")
    assert [next(stream).text for _ in range(4)] == [f"a casa {n}" for n in range(4)]
    assert len(seen) <= 4 * 5
    stream.close()  # type: ignore[attr-defined]
    assert len(seen) <= 4 * 5


def test_windows_grow_for_a_specialist_alone_unless_a_batch_was_asked_for() -> None:
    sizes: dict[bool, list[int]] = {}

    class Sized(DictionarySpecialist):
        def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
            found.append(len(texts))
            return super()._draft(texts, pair, n)

    for asked in (False, True):
        found: list[int] = sizes.setdefault(asked, [])
        fields: dict[str, object] = {"method": "draft", "cache": False} | ({"batch": 50} if asked else {})
        specialist = Sized(english_portuguese().tables)
        built = Engine(Profile(**fields), specialists=[specialist])  # type: ignore[arg-type]
        assert len(built.translate([f"the house {n}" for n in range(1200)], "en", "pt")) == 1200
    assert sizes[False] == [32, 64, 128, 256, 512, 208]
    assert sizes[True] == [50] * 24


@pytest.mark.parametrize(("method", "third"), [("draft", "none"), ("refine", "none"), ("refine", "few-shot")])
def test_progress_tells_of_each_segment_once(method: str, third: str) -> None:
    told: list[int] = []
    texts = ["the house", "", "x" * 30 + ". " + "y" * 40, "blue"] * 3
    built = engine(FakeGeneralist(lambda _: "a"), method=method, third=third, gate="quality", batch=5,
                   max_characters=50)  # fmt: skip
    assert len(built.translate(texts, "en", "pt", told.append)) == 12
    assert sum(told) == 12
    assert min(told) >= 1


def test_progress_moves_while_a_window_is_being_answered() -> None:
    told: list[int] = []
    before: list[int] = []

    def answer(prompt: Prompt) -> str:
        before.append(sum(told))
        return prompt.prediction

    engine(FakeGeneralist(answer)).translate([f"the house {n}" for n in range(8)], "en", "pt", told.append)
    assert before == [0, 1, 2, 3, 4, 5, 6, 7]


def test_a_fault_in_a_later_window_comes_after_the_results_before_it() -> None:
    def answer(prompt: Prompt) -> str:
        if "7" in prompt.prediction:
            raise EndpointError("The server went away.")
        return prompt.prediction

    stream = engine(FakeGeneralist(answer), batch=2).stream(read(20, []), "en", "pt")
    assert [next(stream).text for _ in range(6)] == [f"a casa {n}" for n in range(6)]
    with pytest.raises(EndpointError, match="went away"):
        next(stream)


def test_a_run_that_is_given_up_tells_the_generalist() -> None:
    class Waiting(FakeGeneralist):
        def __init__(self) -> None:
            super().__init__(echo)
            self.stopped = Event()

        def _complete(self, prompts: Sequence[Prompt], decoding: Decoding, progress: Progress) -> list[Completion]:
            if any("casa 4" in prompt.prediction for prompt in prompts):
                assert self.stopped.wait(20)
            return super()._complete(prompts, decoding, progress)

        def cancel(self) -> None:
            self.stopped.set()

    waiting = Waiting()
    stream = engine(waiting, batch=2).stream(read(20, []), "en", "pt")
    assert next(stream).text == "a casa 0"
    stream.close()  # type: ignore[attr-defined]
    assert waiting.stopped.is_set()


def test_the_seconds_of_all_segments_are_those_of_the_run() -> None:
    def slow(prompt: Prompt) -> str:
        time.sleep(0.01)
        return prompt.prediction

    built = engine(FakeGeneralist(slow), batch=4)
    began = time.perf_counter()
    done = built.translate([f"the house {n}" for n in range(24)], "en", "pt")
    wall = time.perf_counter() - began
    assert 0.24 <= sum(item.seconds for item in done) <= wall


def test_batches_come_back_as_they_were_given() -> None:
    given = [[Segment(f"the house {number} {one}") for one in range(number + 1)] for number in range(6)]
    made = engine(FakeGeneralist(echo), batch=2).batches(given, "en", "pt")
    assert [[item.text for item in batch] for batch in made] == [
        [f"a casa {number} {one}" for one in range(number + 1)] for number in range(6)
    ]


def test_batches_are_read_a_few_ahead_and_end_with_their_fault() -> None:
    seen: list[int] = []

    def batches() -> Iterator[list[Segment]]:
        for number in range(20):
            seen.append(number)
            if number == 9:
                raise ValueError("the input is broken")
            yield [Segment(f"the house {number}")]

    stream = engine(FakeGeneralist(echo)).batches(batches(), "en", "pt")
    assert [item.text for item in next(stream)] == ["a casa 0"]
    assert len(seen) < 8
    assert [next(stream)[0].text for _ in range(8)] == [f"a casa {number}" for number in range(1, 9)]
    with pytest.raises(ValueError, match="broken"):
        next(stream)


def test_each_batch_keeps_to_the_budget_by_itself() -> None:
    """What becomes of a batch must not depend on those before it."""
    texts = [Segment(f"the house {word} {number}") for number, word in enumerate("blue green old x y z".split())]
    (alone,) = engine(FakeGeneralist(echo), budget=0.5).batches([texts], "en", "pt")
    _, _, after = engine(FakeGeneralist(echo), budget=0.5).batches([texts[:1], [], texts[1:2], texts], "en", "pt")
    assert [item.decisions for item in alone] == [item.decisions for item in after]
    assert 0 < sum(item.usage.calls for item in alone) <= 3
