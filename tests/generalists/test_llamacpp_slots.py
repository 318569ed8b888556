"""Which slot takes which prompt, with requests that only remember what they were given."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Lock, Thread

import pytest

from scalemt.generalists.llamacpp_slots import Slots, Tokens, common_prefix

Request = Callable[[int, int], str]


def recording(into: list[tuple[int, int]], pause: float = 0.0) -> Request:
    def request(index: int, slot: int) -> str:
        into.append((index, slot))
        time.sleep(pause)
        return f"answer {index}"

    return request


def evaluated(prompts: list[Tokens], order: list[tuple[int, int]], slots: int) -> int:
    """Count the tokens that slots evaluate which hold what they evaluated last."""
    held: list[Tokens] = [[] for _ in range(slots)]
    total = 0
    for index, slot in order:
        prompt = prompts[index]
        total += len(prompt) - len(common_prefix([held[slot], prompt]))
        held[slot] = prompt
    return total


@pytest.mark.parametrize(
    ("sequences", "shared"),
    [
        ([[1, 2, 3], [1, 2, 4]], [1, 2]),
        ([[1, 2, 3]], [1, 2, 3]),
        ([[1, 2], [1, 2, 3], [1, 2]], [1, 2]),
        ([[1], [2]], []),
        ([[], [1]], []),
    ],
)
def test_the_common_prefix(sequences: list[Tokens], shared: Tokens) -> None:
    assert common_prefix(sequences) == shared


@pytest.mark.parametrize("count", [1, 3, 8])
def test_answers_come_in_the_order_of_the_prompts(count: int) -> None:
    asked: list[tuple[int, int]] = []
    done: list[int] = []
    answers = Slots(count).run([[n] for n in range(20)], recording(asked, 0.001), done.append)
    assert answers == [f"answer {n}" for n in range(20)]
    assert sorted(index for index, _ in asked) == list(range(20))
    assert {slot for _, slot in asked} <= set(range(count))
    assert sum(done) == 20


def test_no_prompts_ask_nothing() -> None:
    assert Slots(2).run([], recording([])) == []


def test_a_slot_takes_the_waiting_prompt_that_shares_most_with_what_it_holds() -> None:
    slots = Slots(1)
    asked: list[tuple[int, int]] = []
    prompts = [[1, 1, 1, 0], [2, 2, 2, 0], [1, 1, 1, 5], [2, 2, 9, 9], [1, 1, 7, 7]]
    slots.run(prompts, recording(asked))
    assert [index for index, _ in asked] == [0, 2, 4, 1, 3]
    in_turn = [(index, 0) for index in range(len(prompts))]
    assert evaluated(prompts, asked, 1) < evaluated(prompts, in_turn, 1)


def test_what_a_slot_holds_outlasts_the_call() -> None:
    slots = Slots(2)
    slots.run([[7, 7, 7, 1]], recording([]))
    asked: list[tuple[int, int]] = []
    slots.run([[7, 7, 7, 2]], recording(asked))
    assert asked == [(0, 0)]


def test_a_slot_runs_one_request_at_a_time_and_all_are_busy() -> None:
    slots, lock = Slots(3), Lock()
    busy: set[int] = set()
    most = 0

    def request(index: int, slot: int) -> None:
        nonlocal most
        with lock:
            assert slot not in busy
            busy.add(slot)
            most = max(most, len(busy))
        time.sleep(0.01)
        with lock:
            busy.remove(slot)

    threads = [Thread(target=slots.run, args=([[n] for n in range(9)], request)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert most == 3
    assert not busy


def test_a_later_call_gets_the_slots_that_the_earlier_one_has_no_prompts_for() -> None:
    slots, release, began = Slots(2), Event(), Event()

    def held(index: int, slot: int) -> int:
        began.set()
        assert release.wait(10)
        return slot

    earlier = Thread(target=slots.run, args=([[1]], held))
    earlier.start()
    assert began.wait(10)
    asked: list[tuple[int, int]] = []
    slots.run([[2], [3]], recording(asked))  # the first call still holds its slot
    assert {slot for _, slot in asked} == {1}
    release.set()
    earlier.join(10)


def test_the_first_error_is_raised_and_the_slots_are_free_again() -> None:
    slots = Slots(2)

    def failing(index: int, slot: int) -> str:
        if index == 1:
            raise ValueError("number 1")
        return ""

    with pytest.raises(ValueError, match="number 1"):
        slots.run([[n] for n in range(6)], failing)
    assert slots.run([[1], [2]], recording([])) == ["answer 0", "answer 1"]


def test_a_prefix_is_seeded_once() -> None:
    slots = Slots(2)
    copies = []

    def copy() -> int:
        copies.append(1)
        return 3

    assert slots.seed([1, 2, 3], copy) == 3
    slots.run([[1, 2, 3, 4], [1, 2, 3, 5]], recording([]))
    assert slots.seed([1, 2, 3], copy) == 0
    assert slots.seed([1, 2], copy) == 0
    assert slots.seed([9, 9], copy) == 3
    assert len(copies) == 2


def test_a_busy_slot_is_not_seeded() -> None:
    slots = Slots(2)
    found = slots.run([[1]], lambda index, slot: slots.seed([5], lambda: 1))
    assert found == [0]


def test_a_failed_copy_leaves_the_slots_free() -> None:
    slots = Slots(2)

    def copy() -> int:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        slots.seed([1, 2], copy)
    assert slots.run([[1]], recording([])) == ["answer 0"]
