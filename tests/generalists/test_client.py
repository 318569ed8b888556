"""Budget, order under concurrency, and the cutting of stop strings."""

import time
from threading import Barrier, Thread

import pytest

from scalemt.errors import BudgetError, EndpointError
from scalemt.generalists.client import Budget, chat_messages, cut, in_order
from scalemt.types import Message, Prompt


def test_a_budget_without_limits_is_never_spent() -> None:
    budget = Budget()
    budget.spend(10**9, 10.0**9)
    budget.check()


def test_a_spent_budget_says_which_limit() -> None:
    tokens, money = Budget(max_tokens=10), Budget(max_cost=0.5)
    tokens.spend(9)
    tokens.check()
    tokens.spend(1)
    with pytest.raises(BudgetError, match="10 of 10 tokens"):
        tokens.check()
    money.spend(10**6, 0.5)
    with pytest.raises(BudgetError, match=r"0\.5000 of 0\.5000 in cost"):
        money.check()


def test_spending_from_many_threads_loses_nothing() -> None:
    budget, start = Budget(), Barrier(8)

    def spend() -> None:
        start.wait()
        for _ in range(1000):
            budget.spend(1, 0.5)

    threads = [Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (budget.tokens, budget.cost) == (8000, 4000.0)


def test_results_come_in_the_order_of_the_items() -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.002 * (10 - number))
        return number * number

    done: list[int] = []
    assert in_order(slow_first, range(10), 4, done.append) == [number * number for number in range(10)]
    assert sum(done) == 10
    assert in_order(slow_first, [], 4) == []


def test_a_fault_ends_the_work_and_drops_what_had_not_begun() -> None:
    begun: list[int] = []

    def fails_at_three(number: int) -> int:
        begun.append(number)
        if number == 3:
            raise EndpointError("gone")
        return number

    with pytest.raises(EndpointError, match="gone"):
        in_order(fails_at_three, range(1000), 1)
    assert len(begun) < 1000


def test_text_is_cut_at_the_first_stop_string() -> None:
    assert cut("a casa\nEnglish: b", ["English:", "\n"]) == "a casa"
    assert cut("a casa", ["\n", ""]) == "a casa"
    assert cut("a casa", ()) == "a casa"


def test_messages_are_plain_dictionaries() -> None:
    prompt = Prompt(messages=(Message("system", "s"), Message("user", "u")), prefill="not here")
    assert chat_messages(prompt) == [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
