"""Servers and plug-ins that fail: what can wait is waited for, what cannot stops the job, and nothing is lost."""

from __future__ import annotations

import time

import pytest

from jobs.billing_server import BILLED_FAULTS, Fault, FaultKind
from jobs.desk import OUT, Desk, assert_paused, assert_whole, settled
from jobs.job_parts import translated

pytestmark = pytest.mark.slow  # each is a job or several

# Faults that pass.


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_waited_for(desk: Desk, as_date: bool) -> None:
    texts = desk.write(count=12)
    desk.server.fail(Fault("status", 429, retry_after=1, as_date=as_date, first=3))
    began = time.monotonic()
    done = desk.go()
    assert (done.returncode, time.monotonic() - began > 0.9) == (0, True), done.stderr
    assert_whole(desk, texts)
    assert desk.server.billing.outcomes()["429"] == 3


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", 500, first=3),
        Fault("status", 503, retry_after=0.1, first=3),
        Fault("reset", first=2),
        Fault("hang", first=2),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status}",
)
def test_what_passes_is_tried_again(desk: Desk, fault: Fault) -> None:
    texts = desk.write(count=12)
    desk.configure(timeout=0.4)
    desk.server.fail(fault)
    done = desk.go()
    assert done.returncode == 0, done.stderr
    assert_whole(desk, texts)
    assert len(desk.server.billing.calls) == len(texts) + (fault.first or 0)


def test_a_server_that_never_answers_pauses_the_job(desk: Desk) -> None:
    texts = desk.write(count=40)
    desk.configure(timeout=0.15, retries=0, concurrency=8)
    desk.server.fail(Fault("hang"))
    done = desk.go()
    assert_paused(desk, done.returncode, done.stderr, "gave no answer within 0.15 s")
    desk.server.mend()
    desk.server.settle()
    assert desk.run("resume", OUT).returncode == 0
    assert_whole(desk, texts)


def test_no_server_pauses_the_job(desk: Desk) -> None:
    desk.write(count=4)
    desk.configure(url="http://127.0.0.1:9/v1")
    done = desk.go()
    assert_paused(desk, done.returncode, done.stderr, "cannot be reached", "host and port")


# Answers that are none.


@pytest.mark.parametrize("kind", ["truncated", "garbage", "no choices", "none of them", "empty"])
def test_the_draft_stands_for_an_answer_that_is_none(desk: Desk, kind: FaultKind) -> None:
    texts = desk.write("A POISON sentence is in here.", count=12)
    desk.server.fail(Fault(kind, marker="POISON"))
    done = desk.go()
    assert done.returncode == 0, done.stderr
    poisoned = texts[-1]
    assert desk.output() == [*(settled(text) for text in texts[:-1]), translated(poisoned)]
    decisions = desk.column("decisions")[poisoned]
    told = {"truncated": "cut off before its end", "garbage": "not JSON", "empty": "the answer is empty"}.get(
        kind, "without choices[0]"
    )
    assert told in decisions
    assert desk.column("origin")[poisoned] == "draft"


@pytest.mark.parametrize("kind", ["truncated", "empty", "two choices"])
def test_what_was_answered_is_not_asked_again(desk: Desk, kind: FaultKind) -> None:
    """A server that always answers so would be paid for it time and again."""
    assert kind in BILLED_FAULTS
    desk.write("A POISON sentence is in here.", count=3)
    desk.server.fail(Fault(kind, marker="POISON"))
    assert desk.go().returncode == 0
    assert not desk.server.billing.repeated()


def test_the_first_of_two_choices_is_taken(desk: Desk) -> None:
    texts = desk.write(count=12)
    desk.server.fail(Fault("two choices"))
    assert desk.go().returncode == 0
    assert_whole(desk, texts)


@pytest.mark.parametrize("kind", ["garbage", "no choices"])
def test_a_server_that_speaks_something_else_pauses_the_job(desk: Desk, kind: FaultKind) -> None:
    texts = desk.write(count=240)
    desk.server.fail(Fault(kind))
    done = desk.go()
    assert_paused(desk, done.returncode, done.stderr, "OpenAI-compatible server")
    assert len(desk.server.billing.calls) <= 4 * 32  # what was begun, and no more
    desk.server.mend()
    assert desk.run("resume", OUT).returncode == 0
    assert desk.output() == [settled(text) for text in texts]


# Faults that somebody must mend.


def test_a_wrong_key_pauses_the_job_and_the_right_one_completes_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = desk.write(count=12)
    desk.server.key = "another-key"
    done = desk.go()
    assert_paused(desk, done.returncode, done.stderr, "OPENAI_API_KEY", "status 401")
    assert desk.status()["done"] == 0
    monkeypatch.setenv("OPENAI_API_KEY", "another-key")
    assert desk.run("resume", OUT).returncode == 0
    assert_whole(desk, texts)


def test_a_key_that_ends_in_the_middle_loses_nothing(desk: Desk) -> None:
    texts = desk.write(count=60)
    desk.server.fail(Fault("status", 401, marker=texts[45]))
    done = desk.go()
    assert_paused(desk, done.returncode, done.stderr, "OPENAI_API_KEY")
    before = len(desk.server.billing.billed())
    assert before > 20
    desk.server.mend()
    assert desk.run("resume", OUT).returncode == 0
    assert_whole(desk, texts)
    assert len(desk.server.billing.billed()) == 60


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("quota"), ("quota",)),
        (Fault("quota", retry_after=3600), ("quota",)),
        (Fault("status", 402), ("status 402", "payment")),
        (Fault("status", 429, retry_after=3600), ("status 429", "quota")),
    ],
    ids=["quota", "quota with Retry-After", "402", "429 for an hour"],
)
def test_a_quota_pauses_the_job_at_once(desk: Desk, fault: Fault, words: tuple[str, ...]) -> None:
    texts = desk.write(count=40)
    desk.server.fail(fault)
    began = time.monotonic()
    done = desk.go()
    assert_paused(desk, done.returncode, done.stderr, *words)
    assert time.monotonic() - began < 10
    desk.server.mend()
    assert desk.run("resume", OUT).returncode == 0
    assert_whole(desk, texts)


# Plug-ins that do not keep count.


def test_a_segment_that_spoils_its_batch_is_found_and_the_others_are_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = desk.write("A POISON sentence is in here.", count=40)
    done = desk.go("--attempts", "2", specialist="forgetful")
    assert done.returncode == 1, done.stderr
    assert "line 41" in done.stderr
    assert "drafts" in done.stderr
    assert f"scalemt job retry-failed {OUT}" in done.stderr
    status = desk.status()
    assert (status["done"], status["failed"]) == (40, 1)
    assert [text for text in desk.output() if text] == [*(settled(text) for text in texts[:-1]), texts[-1]]
    monkeypatch.setenv("JOB_MENDED", "1")
    again = desk.run("retry-failed", OUT)
    assert again.returncode == 0, again.stderr
    assert_whole(desk, texts)


@pytest.mark.parametrize(
    "name",
    ["lost", "unruly"],
)
def test_a_generalist_that_miscounts_is_told_of_and_crashes_nothing(desk: Desk, name: str) -> None:
    desk.write(count=4)
    done = desk.run("run", "source.txt", "-o", OUT, "--from", "en", "--to", "pt", "--specialist", "phrasebook",
                    "--shots", "0", "--generalist", name)  # fmt: skip
    assert "Traceback" not in done.stderr
    assert name in done.stderr
    assert "completions for" in done.stderr
    assert done.returncode in (1, 3), done.stderr


# One segment that always fails.


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_a_poisoned_segment_is_given_up_after_so_many_attempts(desk: Desk, attempts: int) -> None:
    """No draft can stand in for it here, so it has failed; all others are done."""
    texts = desk.write("A POISON sentence is in here.", count=40)
    desk.configure(retries=0)
    desk.server.fail(Fault("status", 500, marker="POISON"))
    done = desk.go("--method", "few-shot", "--attempts", str(attempts))
    assert done.returncode == 1, done.stderr
    assert "line 41" in done.stderr
    assert (
        f"status 500: scripted 500. Check the server and the model. (try {attempts} of {attempts})" in done.stderr
    )
    assert f"scalemt job retry-failed {OUT}" in done.stderr
    assert "Traceback" not in done.stderr
    status = desk.status()
    assert (status["state"], status["done"], status["failed"], status["waiting"]) == ("done", 40, 1, 0)
    assert desk.server.billing.outcomes() == {"answered": 40, "500": attempts}
    assert desk.output()[-1] == texts[-1]  # the source stands there, and not nothing
    desk.server.mend()
    again = desk.run("retry-failed", OUT)
    assert again.returncode == 0, again.stderr
    assert (desk.status()["done"], desk.status()["failed"]) == (41, 0)
    assert desk.output()[-1] != texts[-1]
    assert not desk.server.billing.repeated()


def test_where_there_is_a_draft_it_stands_in_until_it_is_tried_again(desk: Desk) -> None:
    texts = desk.write("A POISON sentence is in here.", count=40)
    desk.configure(retries=0)
    desk.server.fail(Fault("status", 500, marker="POISON"))
    done = desk.go("--attempts", "2")
    assert done.returncode == 0, done.stderr
    assert "1 of 41" in done.stderr
    assert desk.output() == [*(settled(text) for text in texts[:-1]), translated(texts[-1])]
    assert "status 500" in desk.column("reason")[texts[-1]]
    assert desk.status()["fallbacks"] == 1
    assert desk.server.billing.outcomes()["500"] == 2
    desk.server.mend()
    assert "no segment has failed" in desk.run("retry-failed", OUT).stderr.lower()
    again = desk.run("retry-failed", "--fallbacks", OUT)
    assert again.returncode == 0, again.stderr
    assert desk.status()["fallbacks"] == 0
    assert_whole(desk, texts)


def test_retries_of_a_job_are_bounded(desk: Desk) -> None:
    desk.write(count=60)
    desk.configure(retries=5)
    desk.server.fail(Fault("status", 500))
    done = desk.go("--max-retries", "4")
    assert_paused(desk, done.returncode, done.stderr, "status 500")
    calls = desk.server.billing.calls
    assert len(calls) - len({call.prompt for call in calls}) == 4
