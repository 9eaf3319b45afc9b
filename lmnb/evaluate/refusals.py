"""What was refused while an example ran, whatever the program did with the error.

A program that falls back on any exception would otherwise turn a spent budget into a real score.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lmnb import settings
from lmnb.errors import BudgetExceeded, Cancelled
from lmnb.lm.recorder import recorder


class Refusals:
    """The first call that the budget or the recorder in force refused, if any."""

    def __init__(self) -> None:
        self.first: BudgetExceeded | Cancelled | None = None

    def check(self) -> None:
        """Raise what was refused."""
        if self.first is not None:
            raise self.first


class _Watched:
    """A budget or recorder that notes its refusals; in all else the one that it stands for."""

    def __init__(self, inner: Any, refusals: Refusals) -> None:
        self._inner = inner
        self._refusals = refusals

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # also what a copy looks for before it has the other one
            raise AttributeError(name)
        return getattr(self._inner, name)


class _WatchedBudget(_Watched):
    def reserve(self) -> None:
        try:
            self._inner.reserve()
        except (BudgetExceeded, Cancelled) as error:
            self._refusals.first = self._refusals.first or error
            raise


class _WatchedRecorder(_Watched):
    def replay(self, request_hash: str) -> dict[str, Any] | None:
        try:
            return self._inner.replay(request_hash)
        except (BudgetExceeded, Cancelled) as error:
            self._refusals.first = self._refusals.first or error
            raise

    def record(self, request_hash: str, response: dict[str, Any]) -> None:
        self._inner.record(request_hash, response)


@contextmanager
def watched_refusals() -> Iterator[Refusals]:
    """Watch the budget and the recorder that are in force here; also in the coroutines and threads of the block.

    A budget that the program itself sets inside is its own affair.
    """
    refusals = Refusals()
    budget, tape = settings.current("budget"), recorder.get()
    token = None if tape is None else recorder.set(_WatchedRecorder(tape, refusals))
    try:
        if budget is None:
            yield refusals
        else:
            with settings.context(budget=_WatchedBudget(budget, refusals)):
                yield refusals
    finally:
        if token is not None:
            recorder.reset(token)
