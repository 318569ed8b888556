"""What waits: turns, sizes of batches, lanes, documents, and what is taken out of line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

import pytest

from helpers import EN_PT, PT_EN
from scalemt.serve.line import Item, Line, Ticket, told_apart
from scalemt.serve.work import Kind, Lane, Variant
from scalemt.types import Segment, Translation

LANE = Lane(Variant("fast"), EN_PT)
OTHER = Lane(Variant("fast"), PT_EN)
Make = Callable[..., Ticket]


@pytest.fixture
def make() -> Iterator[Make]:
    """Make tickets; their futures belong to a loop that nobody runs."""
    loop = asyncio.new_event_loop()

    def made(*texts: str, lane: Lane = LANE, kind: Kind = "drafting", background: bool = False) -> Ticket:
        return Ticket(lane, kind, [Segment(text) for text in texts], loop.create_future(), background=background)

    yield made
    loop.close()


def texts(items: Sequence[Item]) -> list[str]:
    return [item.segment.text for item in items]


def numbered(name: str, count: int) -> list[str]:
    return [f"{name}{number}" for number in range(count)]


def test_a_batch_holds_segments_of_many_requests_in_turns(make: Make) -> None:
    line = Line()
    line.add(make(*numbered("huge", 500)))
    for name in "abc":
        line.add(make(*numbered(name, 2)))
    first = texts(line.take("drafting"))
    assert first[:16] == numbered("huge", 16)
    assert first[16:22] == ["a0", "a1", "b0", "b1", "c0", "c1"]
    assert len(first) == 64
    assert all(text.startswith("huge") for text in first[22:])


def test_who_comes_later_waits_one_turn_at_most(make: Make) -> None:
    line = Line()
    line.add(make(*numbered("huge", 500)))
    line.take("drafting")
    line.add(make("late"))
    assert "late" in texts(line.take("drafting"))


def test_all_segments_come_once_and_in_order(make: Make) -> None:
    line = Line()
    wanted = {name: numbered(name, 90) for name in "ab"}
    for name in "ab":
        line.add(make(*wanted[name]))
    found: list[str] = []
    while batch := line.take("drafting"):
        found += texts(batch)
    assert sorted(found) == sorted(wanted["a"] + wanted["b"])
    for name in "ab":
        assert [text for text in found if text.startswith(name)] == wanted[name]


def test_long_segments_make_small_batches_and_never_none(make: Make) -> None:
    line = Line()
    line.add(make("x" * 50_000, "y" * 7_000, "z" * 3_000, "w"))
    assert [len(line.take("drafting")) for _ in range(3)] == [1, 1, 2]
    assert line.take("drafting") == []


def test_generalists_get_smaller_batches(make: Make) -> None:
    line = Line()
    line.add(make(*numbered("a", 20), kind="answering"))
    assert line.take("drafting") == []
    assert [len(line.take("answering")) for _ in range(4)] == [8, 8, 4, 0]


def test_lanes_take_turns_and_share_no_batch(make: Make) -> None:
    line = Line()
    line.add(make(*numbered("a", 100)))
    line.add(make(*numbered("b", 100), lane=OTHER))
    lanes = [line.take("drafting")[0].ticket.lane for _ in range(4)]
    assert lanes == [LANE, OTHER, LANE, OTHER]


def test_only_a_full_batch_where_that_is_wanted(make: Make) -> None:
    line = Line()
    line.add(make(*numbered("a", 63)))
    assert line.take("drafting", full=True) == []
    line.add(make("one more"))
    assert len(line.take("drafting", full=True)) == 64
    line.add(make("x" * 9_000))
    assert len(line.take("drafting", full=True)) == 1


def test_documents_come_last_and_are_not_starved(make: Make) -> None:
    line = Line()
    line.add(make(*numbered("book", 1_000), background=True))
    line.add(make(*numbered("asked", 2_000)))
    kinds = [line.take("drafting")[0].ticket.background for _ in range(16)]
    assert kinds == [False] * 7 + [True] + [False] * 7 + [True]


def test_characters_are_those_that_wait(make: Make) -> None:
    line = Line()
    ticket = make("12345", "678")
    line.add(ticket)
    line.add(make("book", background=True))
    assert (line.characters("drafting"), line.characters("drafting", background=True)) == (8, 4)
    items = line.take("drafting")
    assert line.characters("drafting") == 0
    line.put_back(items)
    assert line.characters("drafting") == 8
    assert texts(line.take("drafting")) == ["12345", "678"]
    line.put_back(items)
    ticket.future.cancel()
    line.drop(ticket)
    assert line.characters("drafting") == 0
    assert texts(line.take("drafting")) == ["book"]
    assert line.take("drafting") == []


def test_what_is_put_back_stands_in_front(make: Make) -> None:
    line = Line()
    first, second = make("a0", "a1"), make("b0")
    for ticket in (first, second):
        line.add(ticket)
    items = line.take("drafting")
    line.add(make("c0"))
    line.put_back(items)
    assert texts(line.take("drafting")) == ["a0", "a1", "b0", "c0"]


def test_nobody_waits_for_what_was_given_up(make: Make) -> None:
    line = Line()
    ticket = make("a0", "a1")
    line.add(ticket)
    items = line.take("drafting")
    ticket.future.cancel()
    line.put_back(items)
    line.drop(ticket)
    assert line.take("drafting") == []


def test_a_ticket_apart_shares_no_batch(make: Make) -> None:
    line = Line()
    tickets = [make("a0", "a1"), make("b0"), make("c0")]
    tickets[1].apart = True
    for ticket in tickets:
        line.add(ticket)
    assert [texts(line.take("drafting")) for _ in range(3)] == [["a0", "a1"], ["b0"], ["c0"]]


def test_a_ticket_is_done_when_all_of_it_is(make: Make) -> None:
    ticket = make("a", "b")
    seen: list[int] = []
    ticket.watch = lambda index, _: seen.append(index)
    done = [Translation(segment, "x", "draft", EN_PT) for segment in ticket.segments]
    ticket.take(done[1], 1)
    assert not ticket.future.done()
    ticket.take(done[0], 0)
    assert ticket.future.result() == done
    ticket.take(done[0], 0)
    ticket.fail(ValueError())
    assert seen == [1, 0]


def test_requests_of_one_batch_are_different_documents(make: Make) -> None:
    line = Line()
    for name in "ab":
        line.add(make(f"{name}1", f"{name}2"))
    sent = told_apart(line.take("drafting"))
    assert [item.text for item in sent] == ["a1", "a2", "b1", "b2"]
    assert sent[0].document == sent[1].document != sent[2].document == sent[3].document
