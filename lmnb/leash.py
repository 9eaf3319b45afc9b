"""Work that can be called off: a budget that refuses every further call once it is cut, and threads that are held by one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from lmnb.errors import Cancelled
from lmnb.settings import context, current

T = TypeVar("T")


class Leash:
    """The budget of one piece of work: the caller's, if there is one, until `cut` is set; then every call is refused."""

    def __init__(self, budget: Any) -> None:
        self.budget = budget
        self.cut = False

    def reserve(self) -> None:
        if self.cut:
            raise Cancelled("this work was called off, so its LM is not asked any more")
        if self.budget is not None:
            self.budget.reserve()

    def release(self) -> None:
        if self.budget is not None:
            self.budget.release()

    def settle(self, *args: Any, **kwargs: Any) -> None:
        if self.budget is not None:
            self.budget.settle(*args, **kwargs)

    def add(self, *args: Any, **kwargs: Any) -> None:
        if self.budget is not None:
            self.budget.add(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.budget, name)


async def in_thread(call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """What `call` gives, in a thread. A thread cannot be stopped: where the caller is cancelled it goes on, and the LM calls that
    it makes from then on are refused.
    """
    leash = Leash(current("budget"))
    try:
        with context(budget=leash):
            return await asyncio.to_thread(call, *args, **kwargs)
    except asyncio.CancelledError:
        leash.cut = True
        raise
