"""What becomes of a try: it stands, is made again, is given up, or shows that the backend is at fault."""

from __future__ import annotations

import pytest

from jobs.ledgers import settings
from scalemt.errors import IntegrityError, PausedError, SpecialistError
from scalemt.jobs.answers import Limits
from scalemt.jobs.leases import Chunk, Result, Row
from scalemt.jobs.verdicts import Verdicts
from scalemt.retry import RetryBudget
from scalemt.types import Decision, Pair, Segment, Translation

EN_PT = Pair("en", "pt")
TIMEOUT = Decision("generalist", "no refine", "gave no answer within 60 s")


def chunk(*attempts: int) -> Chunk:
    return Chunk(
        1, tuple(Row(number, Segment(f"text {number}"), tries) for number, tries in enumerate(attempts, 1)), 1
    )


def good(row: Row) -> Translation:
    return Translation(row.segment, "texto", "refine", EN_PT)


def fallback(row: Row) -> Translation:
    return Translation(row.segment, "texto", "refine", EN_PT, decisions=(TIMEOUT,))


def nothing(row: Row) -> Translation:
    return Translation(row.segment, "", "refine", EN_PT, decisions=(TIMEOUT,), error=SpecialistError("no draft"))


def told(results: list[Result]) -> list[tuple[str, str]]:
    return [(item.state, item.reason) for item in results]


def test_what_went_well_stands() -> None:
    one = chunk(0, 0)
    assert told(Verdicts(Limits(), RetryBudget(0)).of(one, [good(row) for row in one.rows])) == [("done", "")] * 2


@pytest.mark.parametrize(("make", "end"), [(fallback, "done"), (nothing, "failed")])
def test_a_fault_of_the_generalist_is_tried_again_and_then_told(make: object, end: str) -> None:
    verdicts = Verdicts(Limits(attempts=3), RetryBudget(None))
    assert callable(make)
    states = []
    for tries in range(3):
        one = chunk(tries)
        states += told(verdicts.of(one, [make(one.rows[0])]))
    assert states == [
        ("waiting", TIMEOUT.reason),
        ("waiting", TIMEOUT.reason),
        (end, f"{TIMEOUT.reason} (try 3 of 3)"),
    ]


def test_without_retries_left_the_first_try_is_the_last() -> None:
    one, budget = chunk(0, 0), RetryBudget(1)
    verdicts = Verdicts(Limits(attempts=3), budget)
    found = told(verdicts.of(one, [fallback(row) for row in one.rows]))
    assert found == [
        ("waiting", TIMEOUT.reason),
        ("done", f"{TIMEOUT.reason} (try 1; the retries of the job are spent)"),
    ]
    assert (verdicts.spent(), verdicts.spent()) == (1, 0)


def test_what_would_come_back_is_final() -> None:
    one = chunk(0)
    lost = Translation(one.rows[0].segment, "", "draft", EN_PT, error=IntegrityError("A tag was lost."))
    assert told(Verdicts(Limits(), RetryBudget(None)).of(one, [lost])) == [("failed", "")]


def test_many_in_a_row_are_not_the_segments() -> None:
    verdicts = Verdicts(Limits(), RetryBudget(None))
    one = chunk(*[0] * 11)
    verdicts.of(one, [fallback(row) for row in one.rows])
    with pytest.raises(
        PausedError, match=r"12 segments failed one after the other.*no answer within 60 s.*resume"
    ):
        verdicts.of(chunk(0), [fallback(chunk(0).rows[0])])


def test_few_in_a_row_and_second_tries_do_not_pause() -> None:
    verdicts = Verdicts(Limits(attempts=9), RetryBudget(None))
    for _ in range(5):
        one = chunk(*[0] * 11)
        verdicts.of(one, [fallback(row) for row in one.rows])
        verdicts.of(chunk(0), [good(chunk(0).rows[0])])
    poison = chunk(*[1] * 30)  # the poison of a whole job, tried again at its end
    assert {item.state for item in verdicts.of(poison, [fallback(row) for row in poison.rows])} == {"waiting"}


def test_what_was_raised_is_the_reason() -> None:
    verdicts = Verdicts(Limits(attempts=1), RetryBudget(None))
    row = chunk(0).rows[0]
    assert told([verdicts.fault(row, SpecialistError("It broke."), settings())]) == [
        ("failed", "It broke. (try 1 of 1)")
    ]
    assert told([verdicts.fault(row, ValueError("odd"), settings())]) == [
        ("failed", "ValueError: odd (try 1 of 1)")
    ]
    assert told([verdicts.fault(row, ValueError(), settings())])[0][1].startswith("ValueError")
