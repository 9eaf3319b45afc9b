"""`Budget`: a limit on calls, tokens, money or time that is checked before a call is sent."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from typing import Any

from lmnb.errors import BudgetExceeded, InputError
from lmnb.nearest import did_you_mean

KINDS = ("calls", "tokens", "usd", "seconds")  # of limits


class Budget:
    """Limits for everything that runs under it; safe for many threads.

    `calls` counts logical calls, whether a cache or a recording answered them or not, so a run does not depend on what
    a cache holds. `tokens` and `usd` count what was bought, and set aside the running mean for each call in flight.
    `seconds` runs from the first call.

    >>> import lmnb
    >>> budget = lmnb.Budget(calls=2)
    >>> budget.reserve(), budget.reserve()
    (None, None)
    >>> budget.reserve()
    Traceback (most recent call last):
    lmnb.errors.BudgetExceeded: the budget of 2 calls is spent (2 used). Raise it with Budget(calls=...).
    """

    def __init__(
        self,
        calls: float | None = None,
        tokens: float | None = None,
        usd: float | None = None,
        seconds: float | None = None,
        **unknown: Any,
    ) -> None:
        given = {"calls": calls, "tokens": tokens, "usd": usd, "seconds": seconds, **unknown}
        self.limits: dict[str, float | None] = checked_limits(given, "Budget")
        self._spent: dict[str, float] = {"calls": 0, "tokens": 0, "usd": 0.0}
        self._in_flight = 0
        self._settled = 0  # calls whose tokens and money are known: what the running mean is taken over
        self._bought = {"tokens": 0, "usd": 0.0}
        self._started: float | None = None
        self._before = 0.0  # seconds of restored work
        self._lock = threading.Lock()

    @property
    def spent(self) -> dict[str, float]:
        """What is used so far, by kind."""
        with self._lock:
            return {**self._spent, "seconds": self._seconds()}

    def left(self) -> dict[str, float | None]:
        """What is left, by kind; None where there is no limit."""
        spent = self.spent
        return {kind: None if limit is None else max(0, limit - spent[kind]) for kind, limit in self.limits.items()}

    def extend(self, calls: float = 0, tokens: float = 0, usd: float = 0.0, seconds: float = 0.0) -> None:
        """Allow so much more, also while calls run under it; what has no limit keeps none.

        >>> import lmnb
        >>> budget = lmnb.Budget(calls=2)
        >>> budget.extend(calls=3)
        >>> budget
        Budget(calls=0 of 5)
        """
        with self._lock:
            for kind, more in zip(KINDS, (calls, tokens, usd, seconds), strict=True):
                limit = self.limits[kind]
                self.limits[kind] = None if limit is None else limit + more

    def reserve(self) -> None:
        """Take one call, before it is sent. Raises `BudgetExceeded` where a limit is reached; nothing is taken then."""
        with self._lock:
            if self._started is None:
                self._started = time.monotonic()
            self._check()
            self._spent["calls"] += 1
            self._in_flight += 1

    def release(self) -> None:
        """Give a reserved call back that was not sent after all."""
        with self._lock:
            self._spent["calls"] -= 1
            self._in_flight -= 1

    def settle(self, usage: Mapping[str, Any] | None, cost: float | None, *, bought: bool = True) -> None:
        """Close a reserved call. `bought=False`: a cache answered it, so it counts as a call only."""
        with self._lock:
            self._in_flight -= 1
            if not bought:
                return
            self._settled += 1
            amounts = {"tokens": _tokens(usage), "usd": cost or 0.0}
            for kind, amount in amounts.items():
                self._spent[kind] += amount
                self._bought[kind] += amount

    def add(self, calls: float = 0, tokens: float = 0, usd: float = 0.0, seconds: float = 0.0) -> None:
        """Count work that was done before, for instance in the part of a run that is restored; never raises."""
        with self._lock:
            self._spent["calls"] += calls
            self._spent["tokens"] += tokens
            self._spent["usd"] += usd
            self._before += seconds

    def _check(self) -> None:
        for kind, limit in self.limits.items():
            if limit is None:
                continue
            used = self._seconds() if kind == "seconds" else self._spent[kind]
            ahead = 0.0
            if kind in self._bought and self._settled:
                ahead = (self._in_flight + 1) * self._bought[kind] / self._settled
            if used >= limit or used + ahead > limit * (1 + 1e-9):
                raise BudgetExceeded(kind, used, limit)

    def _seconds(self) -> float:
        return self._before + (0.0 if self._started is None else time.monotonic() - self._started)

    def __repr__(self) -> str:
        spent = self.spent
        parts = [f"{kind}={spent[kind]:g} of {limit:g}" for kind, limit in self.limits.items() if limit is not None]
        return f"Budget({', '.join(parts) or 'no limit'})"


def checked_limits(given: Mapping[str, Any], call: str) -> dict[str, float | None]:
    """Limits by kind, as they were given to `call`. InputError for a kind that there is not, and for what is no finite number of it.

    >>> checked_limits({"calls": 3, "usd": None}, "Budget")
    {'calls': 3, 'usd': None}
    >>> checked_limits({"call": 3}, "Budget")
    Traceback (most recent call last):
    lmnb.errors.InputError: Budget(call=3) is no limit that there is. Did you mean 'calls'?
    """
    for kind, limit in given.items():
        if kind not in KINDS:
            hint = did_you_mean(kind, KINDS, f"It takes {', '.join(KINDS)}.")
            raise InputError(f"{call}({kind}={limit!r}) is no limit that there is. {hint}")
        number = isinstance(limit, (int, float)) and not isinstance(limit, bool) and 0 <= limit < math.inf
        if limit is not None and not number:
            raise InputError(f"{call}({kind}={limit!r}) is no limit. Write a number of {kind}, or leave it out.")
    return dict(given)


def checked_budget(budget: Any) -> Budget | None:
    """`budget`, which is one or None. InputError for anything else.

    >>> checked_budget(300)
    Traceback (most recent call last):
    lmnb.errors.InputError: the budget is 300. Write lmnb.Budget(calls=...), of calls, tokens, usd or seconds.
    """
    if budget is not None and not isinstance(budget, Budget):
        raise InputError(f"the budget is {budget!r}. Write lmnb.Budget(calls=...), of calls, tokens, usd or seconds.")
    return budget


class Purse:
    """Several budgets as one: a call is sent only if all of them allow it, and counts in each. None stands for no budget."""

    def __init__(self, *budgets: Any) -> None:
        self._budgets = [budget for budget in budgets if budget is not None]

    def reserve(self) -> None:
        taken: list[Any] = []
        try:
            for budget in self._budgets:
                budget.reserve()
                taken.append(budget)
        except BaseException:
            for budget in taken:  # the call is not sent: it is given back
                budget.release()
            raise

    def release(self) -> None:
        for budget in self._budgets:
            budget.release()

    def settle(self, usage: Mapping[str, Any] | None, cost: float | None, *, bought: bool = True) -> None:
        for budget in self._budgets:
            budget.settle(usage, cost, bought=bought)

    def add(self, calls: float = 0, tokens: float = 0, usd: float = 0.0, seconds: float = 0.0) -> None:
        """What a recording answered counts for the first budget only, the run's own: nothing was asked of the others now."""
        if self._budgets:
            self._budgets[0].add(calls, tokens, usd, seconds)


def _tokens(usage: Mapping[str, Any] | None) -> int:
    if not usage:
        return 0
    return int(usage.get("total_tokens") or (usage.get("prompt_tokens") or 0) + (usage.get("completion_tokens") or 0))
