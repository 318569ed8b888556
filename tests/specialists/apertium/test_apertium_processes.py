"""Chains of real processes: order, death, hanging, reaping."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator

import pytest

from scalemt.specialists.apertium.processes import Chain, ChainError, ChainTimeoutError, Spares

UPPER = [
    sys.executable,
    "-c",
    "import sys\nfor b in iter(lambda: sys.stdin.buffer.read1(65536), b''):\n"
    "    sys.stdout.buffer.write(b.upper()); sys.stdout.buffer.flush()",
]
# As Apertium's programs do, one NUL more at the end of the input.
POLITE = [sys.executable, "-c", UPPER[2].replace("b.upper()", "b") + "\nsys.stdout.buffer.write(b'\\0')"]
CAT = ["cat"]

pytestmark = pytest.mark.skipif(shutil.which("cat") is None, reason="needs cat")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def chain() -> Iterator[Chain]:
    made = Chain([CAT, UPPER, CAT], timeout=30.0)
    yield made
    made.close()


def test_answers_come_in_order(chain: Chain) -> None:
    items = [f"text {number}".encode() for number in range(500)]
    assert chain.exchange(items) == [item.upper() for item in items]


def test_nothing_sent_is_nothing_answered(chain: Chain) -> None:
    assert chain.exchange([]) == []


def test_more_than_all_pipes_hold_passes(chain: Chain) -> None:
    items = [b"x" * 300_000] * 5
    assert chain.exchange(items) == [b"X" * 300_000] * 5


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_killed_process_is_noticed(chain: Chain, position: int) -> None:
    assert chain.exchange([b"a"]) == [b"A"]
    os.kill(chain.pids[position], signal.SIGKILL)
    with pytest.raises(ChainError):
        chain.exchange([b"b"] * 100)


def test_an_answer_that_nobody_gave_is_noticed() -> None:
    chain = Chain([CAT, POLITE], timeout=30.0)
    assert chain.exchange_checked([b"a", b"b"]) == [b"a", b"b"]
    os.kill(chain.pids[0], signal.SIGKILL)
    with pytest.raises(ChainError):
        chain.exchange_checked([])  # POLITE writes the one NUL that is waited for
    chain.close()


def test_a_stopped_process_runs_into_the_deadline() -> None:
    chain = Chain([CAT, CAT], timeout=0.2)
    os.kill(chain.pids[1], signal.SIGSTOP)
    with pytest.raises(ChainTimeoutError, match=r"0\.2 seconds"):
        chain.exchange([b"a"])
    chain.close()
    assert not any(map(alive, chain.pids))


def test_standard_error_is_kept_and_given_once() -> None:
    chain = Chain([["sh", "-c", "echo first >&2; cat; echo second >&2"]], timeout=30.0)
    assert chain.exchange([b"a"]) == [b"a"]
    assert chain.complaints() == b"first\n"
    assert chain.complaints() == b""
    chain.close()


def test_closing_reaps_every_process_and_may_be_repeated(chain: Chain) -> None:
    pids = chain.pids
    assert all(map(alive, pids))
    chain.close()
    chain.close()
    assert not any(map(alive, pids))


def test_a_program_that_is_not_there_leaves_nothing_behind() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        Chain([CAT, ["/no/such/program"]], timeout=1.0)
    assert len(os.listdir("/proc/self/fd")) == before


def test_spares_are_fresh_and_end_together() -> None:
    spares = Spares(CAT, 30.0, ahead=2)
    taken = [spares.take() for _ in range(3)]
    pids = [pid for chain in taken for pid in chain.pids] + spares.pids
    assert len(set(pids)) == 5
    assert [chain.exchange([b"x"]) for chain in taken] == [[b"x"]] * 3
    for chain in taken:
        chain.close()
    spares.close()
    assert not any(map(alive, pids))
