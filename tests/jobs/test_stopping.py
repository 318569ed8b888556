"""Two runners on one job, Ctrl-C once and twice, a job that is cancelled, and what of it can be exported."""

from __future__ import annotations

import signal
import time

import pytest

from jobs.billing_server import Fault
from jobs.desk import OUT, Desk, Done, settled
from jobs.runs import ended, kill, until

pytestmark = pytest.mark.slow  # each is a job or several


@pytest.mark.slow
def test_two_runners_share_a_job_and_pay_nothing_twice(desk: Desk) -> None:
    texts = desk.write(count=240)
    desk.configure(batch=8)
    desk.server.latency = 0.05
    processes = [desk.place.start(*desk.arguments())]
    until(lambda: desk.server.billing.different > 0, processes[0])
    processes.append(desk.place.start("resume", OUT))
    assert_shared(desk, texts, [ended(process) for process in processes])


@pytest.mark.slow
def test_runners_that_begin_at_once_begin_one_job(desk: Desk) -> None:
    texts = desk.write(count=240)
    desk.configure(batch=8)
    desk.server.latency = 0.05
    processes = [desk.place.start(*desk.arguments()) for _ in range(4)]
    assert_shared(desk, texts, [ended(process) for process in processes])


def assert_shared(desk: Desk, texts: list[str], ends: list[Done]) -> None:
    assert {done.returncode for done in ends} == {0}, [done.stderr for done in ends]
    assert desk.output() == [settled(text) for text in texts]
    assert not desk.server.billing.repeated()
    held = desk.held()
    assert (held.states, held.doubled) == ({"done": 240}, 0)


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_lets_what_is_under_way_end(desk: Desk, sent: signal.Signals) -> None:
    texts = desk.write(count=120)
    desk.server.latency = 0.3
    process = desk.place.start(*desk.arguments())
    until(lambda: desk.server.billing.different > 8, process)
    process.send_signal(sent)
    done = ended(process, 20)
    assert done.returncode in {signal.SIGINT: (130,), signal.SIGTERM: (130, 143)}[sent], done.stderr
    assert f"scalemt job resume {OUT}" in done.stderr
    assert "Traceback" not in done.stderr
    assert desk.server.billing.outcomes().keys() == {"answered"}
    assert desk.status()["state"] in ("paused", "running")
    desk.server.latency = 0.0
    assert desk.run("resume", OUT).returncode == 0
    assert desk.output() == [settled(text) for text in texts]
    assert not desk.server.billing.repeated()  # nothing that was paid for was thrown away


@pytest.mark.slow
def test_ctrl_c_asks_for_nothing_more(desk: Desk) -> None:
    """Each answer stands in the ledger, so nothing is gained by asking for the rest of what was begun."""
    desk.write(count=120)
    desk.server.latency = 0.3
    process = desk.place.start(*desk.arguments())
    until(lambda: desk.server.billing.different > 8, process)
    process.send_signal(signal.SIGINT)
    before = len(desk.server.billing.calls)
    assert ended(process, 60).returncode == 130
    assert len(desk.server.billing.calls) - before <= 8  # four at once, and those that were just being sent


def test_ctrl_c_twice_waits_for_nothing(desk: Desk) -> None:
    texts = desk.write(count=12)
    desk.server.fail(Fault("hang"))
    process = desk.place.start(*desk.arguments())
    until(lambda: desk.server.billing.under_way > 0, process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    done = ended(process, 10)
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert f"scalemt job resume {OUT}" in done.stderr
    desk.server.mend()
    desk.server.settle()
    assert desk.run("resume", OUT).returncode == 0
    assert desk.output() == [settled(text) for text in texts]


@pytest.mark.slow
def test_a_cancelled_job_stays_cancelled_until_it_is_resumed(desk: Desk) -> None:
    texts = desk.write(count=120)
    desk.server.latency = 0.1
    process = desk.place.start(*desk.arguments())
    until(lambda: desk.server.billing.different > 8, process)
    assert desk.run("cancel", OUT).returncode == 0
    done = ended(process, 20)
    assert done.returncode == 3, done.stderr
    assert "cancel" in done.stderr.lower()
    assert desk.status()["state"] == "cancelled"
    assert not desk.has_output()
    desk.server.latency = 0.0
    assert desk.run("resume", OUT).returncode == 0
    assert desk.output() == [settled(text) for text in texts]
    assert not desk.server.billing.repeated()


@pytest.mark.slow
def test_an_unfinished_job_is_exported_only_in_part(desk: Desk) -> None:
    texts = desk.write(count=60)
    desk.configure(batch=8)
    desk.server.latency = 0.1
    process = desk.place.start(*desk.arguments())
    until(lambda: desk.server.billing.different > 30, process)
    kill(process)
    done = desk.run("export", OUT)
    assert done.returncode == 2
    assert "--partial" in done.stderr
    assert not desk.has_output()
    assert desk.run("export", OUT, "--partial").returncode in (0, 1)
    lines = desk.output()
    assert {(line in (settled(text), text)) for line, text in zip(lines, texts, strict=True)} == {True}
    assert lines[0] == settled(texts[0])
    assert lines[-1] == texts[-1]
