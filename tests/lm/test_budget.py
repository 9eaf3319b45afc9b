"""Limits are checked before a call is sent, and hold exactly."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import lmnb
from lmnb import Budget, BudgetExceeded, FakeLM


def reply(tokens: int, cost: float) -> dict[str, Any]:
    return {
        "choices": [{"message": {"content": "x"}}],
        "usage": {"prompt_tokens": tokens - 1, "completion_tokens": 1},
        "cost": cost,
    }


class Priced(lmnb.BaseLM):
    """Every call takes 10 tokens and a cent."""

    def __init__(self, **options: Any) -> None:
        super().__init__("priced", **{"cache": False, **options})
        self.sent = 0
        self.lock = threading.Lock()

    def forward(self, prompt: str | None = None, messages: Any = None, **kwargs: Any) -> dict[str, Any]:
        with self.lock:
            self.sent += 1
        time.sleep(0.001)
        return reply(10, 0.01)


def spend(lm: lmnb.BaseLM, budget: Budget, calls: int) -> str | None:
    with lmnb.context(budget=budget):
        for number in range(calls):
            try:
                lm(f"call {number}")
            except BudgetExceeded as error:
                return error.which
    return None


def test_calls_are_exact_under_many_threads() -> None:
    """With 32 threads at it, exactly as many calls are sent as the budget has."""
    lm, budget = Priced(), Budget(calls=100)

    def work() -> int:
        return spend(lm, budget, 50) == "calls"

    with ThreadPoolExecutor(32) as pool:
        stopped = sum(pool.map(lambda _: work(), range(32)))
    assert lm.sent == 100
    assert stopped == 32
    assert budget.spent["calls"] == 100
    assert budget.left()["calls"] == 0


@pytest.mark.parametrize(("limit", "sent"), [({"tokens": 100}, 10), ({"tokens": 105}, 10), ({"usd": 0.05}, 5)])
def test_tokens_and_money_stop_before_the_limit_is_passed(limit: dict[str, float], sent: int) -> None:
    """The next call is held back where its usual price would pass the limit."""
    lm, budget = Priced(), Budget(**limit)
    assert spend(lm, budget, 50) == next(iter(limit))
    assert lm.sent == sent


def test_calls_in_flight_are_set_aside_at_their_mean_price() -> None:
    """Threads side by side do not spend the same money twice."""
    lm, budget = Priced(), Budget(tokens=1000)
    spend(lm, budget, 1)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: spend(lm, budget, 50), range(16)))
    assert lm.sent == 100
    assert budget.spent["tokens"] == 1000


def test_time_runs_from_the_first_call() -> None:
    """A budget of seconds stops the calls that come after."""
    budget = Budget(seconds=0.05)
    assert budget.spent["seconds"] == 0
    budget.reserve()
    time.sleep(0.06)
    with pytest.raises(BudgetExceeded, match=r"the budget of 0.05 seconds is spent"):
        budget.reserve()


def test_the_error_says_which_limit_and_how_to_raise_it() -> None:
    """The message names the kind, the limit and what was used, also as attributes."""
    budget = Budget(calls=1)
    budget.reserve()
    with pytest.raises(
        BudgetExceeded, match=r"the budget of 1 calls is spent \(1 used\). Raise it with Budget\(calls=...\)."
    ) as caught:
        budget.reserve()
    assert (caught.value.which, caught.value.spent, caught.value.limit) == ("calls", 1, 1)


def test_a_cached_call_counts_as_a_call_and_buys_nothing() -> None:
    """What a cache holds changes neither how many calls a run makes nor what it pays."""
    lm, budget = Priced(cache=True), Budget(calls=10)
    with lmnb.context(budget=budget):
        for _ in range(3):
            lm("the same")
    assert lm.sent == 1
    assert (budget.spent["calls"], budget.spent["tokens"]) == (3, 10)


def test_a_failed_call_is_closed() -> None:
    """A call that fails counts, and leaves nothing set aside."""
    lm, budget = FakeLM([lmnb.AuthError("no")]), Budget(calls=2)
    with lmnb.context(budget=budget), pytest.raises(lmnb.AuthError):
        lm("hello")
    assert budget.spent["calls"] == 1
    budget.reserve()


def test_restored_work_counts() -> None:
    """`add` takes over what an interrupted run had spent, and never raises."""
    budget = Budget(calls=5, usd=1)
    budget.add(calls=7, tokens=70, usd=2.0)
    assert budget.spent["calls"] == 7
    assert budget.left() == {"calls": 0, "tokens": None, "usd": 0, "seconds": None}


@pytest.mark.parametrize("limit", [-1, "10", True, float("nan"), float("inf")])
def test_a_limit_that_is_none_says_so(limit: Any) -> None:
    """A wrong limit fails where it is written."""
    with pytest.raises(lmnb.InputError, match=r"is no limit. Write a number of calls"):
        Budget(calls=limit)


def test_a_misspelt_limit_says_what_was_meant() -> None:
    """A kind of limit that there is not is no silent absence of one."""
    with pytest.raises(lmnb.InputError, match=r"Budget\(call=3\) is no limit that there is. Did you mean 'calls'\?"):
        Budget(call=3)
