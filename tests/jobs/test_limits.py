"""What a job may spend and how long it may take: never more, and no less than that allows."""

from __future__ import annotations

import pytest

from jobs.desk import OUT, Desk, assert_paused, assert_whole, settled

pytestmark = pytest.mark.slow  # each is a job or several


def test_tokens_are_never_spent_beyond_the_limit(desk: Desk) -> None:
    texts = desk.write(count=60)
    whole = desk.go(out="whole")
    assert whole.returncode == 0
    everything = desk.server.billing.tokens()
    desk.server.billing.forget()
    limit = everything // 2
    done = desk.go("--max-tokens", str(limit))
    assert_paused(desk, done.returncode, done.stderr, f"{limit:,} tokens", "--max-tokens")
    spent = desk.server.billing.tokens()
    assert 0 < spent <= limit
    assert desk.status()["tokens"] == spent
    # What was paid for is used, and the same limit still holds.
    again = desk.run("resume", OUT, "--max-tokens", str(limit))
    assert again.returncode == 3, again.stderr
    assert desk.server.billing.tokens() <= limit
    last = desk.run("resume", OUT, "--max-tokens", str(100 * everything))
    assert last.returncode == 0, last.stderr
    assert_whole(desk, texts)
    assert desk.server.billing.tokens() == everything


def test_a_limit_is_used_up_to_the_last_request_that_fits(desk: Desk) -> None:
    desk.write(count=60)
    done = desk.go("--max-tokens", "3000")
    assert done.returncode == 3
    assert 3000 - 1000 < desk.server.billing.tokens() <= 3000


@pytest.mark.slow
def test_calls_that_time_out_count_towards_the_limit(desk: Desk) -> None:
    desk.write(count=60)
    desk.configure(timeout=0.15, retries=2, concurrency=2)
    desk.server.latency = 0.5
    done = desk.go("--max-tokens", "4000")
    assert done.returncode == 3
    desk.server.settle()
    assert desk.server.billing.tokens() <= 4000


def test_money_is_never_spent_beyond_the_limit(desk: Desk) -> None:
    texts = desk.write(count=60)
    desk.configure(price_prompt=1000.0, price_completion=2000.0)
    assert desk.go(out="whole").returncode == 0
    everything = desk.status("whole")["cost"]
    assert everything > 0
    desk.server.billing.forget()
    limit = everything / 2
    done = desk.go("--max-cost", f"{limit:.4f}")
    assert_paused(desk, done.returncode, done.stderr, "--max-cost")
    assert 0 < desk.status()["cost"] <= limit
    assert desk.run("resume", OUT, "--max-cost", f"{2 * everything:.4f}").returncode == 0
    assert_whole(desk, texts)
    assert desk.status()["cost"] == pytest.approx(everything)


def test_a_run_ends_when_its_time_is_over(desk: Desk) -> None:
    texts = desk.write(count=400)
    desk.server.latency = 0.2
    done = desk.go("--max-time", "3s")
    assert_paused(desk, done.returncode, done.stderr, "time")
    assert 0 < len(desk.server.billing.billed()) < 400
    desk.server.latency = 0.0
    assert desk.run("resume", OUT).returncode == 0
    assert_whole(desk, texts)


def test_a_server_that_counts_no_tokens_is_counted_for(desk: Desk) -> None:
    """Ollama's and llama-server's older answers hold no usage: a limit must not be blind to them."""
    desk.write(count=60)
    desk.server.counts = False
    desk.configure(concurrency=1)
    done = desk.go("--max-tokens", "3000")
    assert_paused(desk, done.returncode, done.stderr, "--max-tokens")
    assert 0 < desk.server.billing.tokens() <= 3000


def test_money_without_prices_is_refused(desk: Desk) -> None:
    desk.write(count=4)
    done = desk.go("--max-cost", "1")
    assert done.returncode == 2
    assert "price_prompt" in done.stderr
    assert not desk.server.billing.calls
    assert desk.go("--max-tokens", "100000").returncode == 0  # and the folder is not spoilt


@pytest.mark.parametrize("wrong", ["0", "-1", "soon", "2 parsecs", "h"])
def test_a_time_that_is_none_is_refused(desk: Desk, wrong: str) -> None:
    desk.write(count=4)
    done = desk.go("--max-time", wrong)
    assert done.returncode == 2
    assert "2h" in done.stderr
    assert not (desk.folder / OUT).exists()


def test_a_limit_that_is_raised_in_the_configuration_holds_for_what_goes_on(desk: Desk) -> None:
    """The message says to raise `timeout`: whoever does so, and resumes, is to be heard."""
    texts = desk.write(count=24)
    desk.configure(timeout=0.1, retries=0)
    desk.server.latency = 0.4
    done = desk.go()
    assert_paused(desk, done.returncode, done.stderr, "Raise `timeout`")
    desk.configure(timeout=5.0, retries=2, concurrency=8)
    for arguments in (("resume", OUT), desk.arguments()):
        again = desk.run(*arguments)
        assert again.returncode == 0, again.stderr
    assert desk.output() == [settled(text) for text in texts]
