"""Budget, messages, and the cutting of stop strings."""

from threading import Barrier, Thread

import pytest

from scalemt.errors import BudgetError
from scalemt.generalists.client import Budget, chat_messages, cut
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


def test_text_is_cut_at_the_first_stop_string() -> None:
    assert cut("a casa\nEnglish: b", ["English:", "\n"]) == "a casa"
    assert cut("a casa", ["\n", ""]) == "a casa"
    assert cut("a casa", ()) == "a casa"


def test_messages_are_plain_dictionaries() -> None:
    prompt = Prompt(messages=(Message("system", "s"), Message("user", "u")), prefill="not here")
    assert chat_messages(prompt) == [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
