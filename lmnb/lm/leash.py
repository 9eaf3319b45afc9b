"""Work that can be called off: a budget that refuses every further call once it is cut."""

from __future__ import annotations

from typing import Any

from lmnb.errors import Cancelled


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
