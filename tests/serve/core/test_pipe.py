"""What crosses the pipe arrives as it was sent, or tells why not."""

from __future__ import annotations

import asyncio
import pickle
import socket
import threading

import pytest

from helpers import EN_PT
from scalemt.errors import (
    DeadlineError,
    EndpointError,
    ScalemtError,
    SpecialistError,
    UnknownNameError,
    UsageError,
)
from scalemt.serve.pipe import Pipe, framed, received
from scalemt.serve.refusals import InvalidRequest, TooLarge
from scalemt.serve.work import InternalError, Outcome, Variant, portable, portable_translations
from scalemt.types import Segment, Step, Translation
from serve.core.loops import run


def test_messages_of_any_size_arrive_in_order() -> None:
    async def front(end: socket.socket) -> list[object]:
        reader, writer = await asyncio.open_unix_connection(sock=end, limit=2**16)
        writer.write(framed("go"))
        found = [await received(reader) for _ in range(4)]
        with pytest.raises(EOFError):
            await received(reader)
        writer.close()
        return found

    sent = ["short", list(range(1_000)), "long" * 1_000_000, {"a": None}]
    mine, theirs = socket.socketpair()

    def worker() -> None:
        with theirs:
            pipe = Pipe(theirs)
            assert pipe.receive() == "go"
            for message in sent:
                pipe.send(message)

    thread = threading.Thread(target=worker)
    thread.start()
    assert run(front(mine)) == sent
    thread.join()


def test_the_end_of_the_other_side_is_the_end() -> None:
    mine, theirs = socket.socketpair()
    with mine:
        theirs.sendall(framed("half a message")[:-3])
        theirs.close()
        with pytest.raises(EOFError):
            Pipe(mine).receive()
        with pytest.raises(OSError):  # noqa: PT011  # broken pipe or reset
            Pipe(mine).send("x" * 1_000_000)


def test_what_cannot_be_pickled_is_told_before_anything_is_sent() -> None:
    mine, theirs = socket.socketpair()
    with mine, theirs:
        with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
            Pipe(mine).send(lambda: None)
        Pipe(mine).send("next")
        assert Pipe(theirs).receive() == "next"


class StrangeError(SpecialistError):
    """Of a plug-in: takes other arguments."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} and {second}")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (UsageError("It is wrong."), UsageError),
        (DeadlineError("Too late.", 3), DeadlineError),
        (EndpointError("Down."), EndpointError),
        (StrangeError(1, 2), SpecialistError),
        (UnknownNameError("method", "x", ["y"]), UsageError),
        (InvalidRequest("No such metric."), InvalidRequest),
        (TooLarge("Too much."), TooLarge),
    ],
)
def test_errors_travel_as_what_they_are(fault: ScalemtError, kind: type[ScalemtError]) -> None:
    arrived = pickle.loads(pickle.dumps(Outcome(1, error=portable(fault)))).error
    assert isinstance(arrived, kind)
    assert str(arrived) == str(fault)


def test_a_foreign_error_says_its_kind_and_not_what_it_quotes() -> None:
    arrived = pickle.loads(pickle.dumps(portable(ValueError("a secret text"), "the trace")))
    assert isinstance(arrived, InternalError)
    assert str(arrived) == "A worker met a fault of its own (ValueError)."
    assert arrived.trace == "the trace"
    assert "secret" not in repr(arrived)


def test_translations_with_errors_travel() -> None:
    item = Translation(Segment("a"), "", "draft", EN_PT, error=StrangeError(1, 2))
    (made,) = portable_translations([item])
    assert type(pickle.loads(pickle.dumps(made)).error) is SpecialistError


def test_where_a_backend_runs_is_told_by_no_step_of_a_route() -> None:
    why = "refine failed: http://10.0.0.7:8000/v1 gave no answer."
    item = Translation(Segment("a"), "b", "route", EN_PT, steps=(Step("draft", "fallback", why, "b"),))
    (made,) = portable_translations([item])
    assert made.steps[0].reason == "refine failed: (an address) gave no answer."


def test_equal_wishes_are_one_variant() -> None:
    one = Variant.of("fast", formality="formal", method=None, glossary="g")
    assert one == Variant.of("fast", glossary="g", formality="formal")
    assert one.but(method="draft") == Variant.of("fast", formality="formal", glossary="g", method="draft")
    assert len({one, Variant.of("fast", glossary="g", formality="formal")}) == 1
