"""Calls that a program does not make twice: where a check sends it back, what a step gave before is given again.

Steps are the calls of predictors, retrievers and tools. A program that goes back keeps them (`lmnb.modules.backtrack`); who makes
a call finds them here.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

from lmnb.errors import BudgetExceeded, Cancelled
from lmnb.spans import Span


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call gave, or the error that it failed with."""

    value: Any = None
    error: Exception | None = None


class Scope(Protocol):
    """One call of an outermost program."""

    def before(self, doer: Any, opened: Span) -> tuple[Outcome | None, Any, int]:
        """What this call of `doer` gave in an earlier attempt; or None, and what a predictor is to be told. And how many
        steps were done when it began.
        """
        ...

    def done(self, doer: Any, opened: Span, outcome: Outcome, began: int) -> None:
        """The call is done."""
        ...


scope: ContextVar[Scope | None] = ContextVar("lmnb_scope", default=None)


class step:
    """Around a call: `with step(function, opened) as made: if not made.again: made.value = function(...)`.

    `doer` is whose call it is: a predictor, a retriever, the function of a tool. `opened` is its span, with the inputs. A call
    that failed before fails again in the same way; one that was called off is made. What can be read only once, an iterator,
    is not kept. `retry` is what a predictor is told that is asked again.
    """

    __slots__ = ("_began", "_doer", "_opened", "_scope", "again", "retry", "value")
    again: bool
    retry: Any
    value: Any

    def __init__(self, doer: Any, opened: Span) -> None:
        self._doer, self._opened, self._scope = doer, opened, scope.get()
        self.again, self.retry, self.value = False, None, None

    def __enter__(self) -> step:
        if self._scope is not None:
            known, self.retry, self._began = self._scope.before(self._doer, self._opened)
            if known is not None:
                self.again, self.value = True, known.value
                self._opened.data["label"] = "replayed"
                if known.error is not None:
                    self._scope.done(self._doer, self._opened, known, self._began)
                    raise known.error
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if self._scope is None or hasattr(self.value, "__next__") or hasattr(self.value, "__anext__"):
            return
        if error is None:
            self._scope.done(self._doer, self._opened, Outcome(self.value), self._began)
        elif isinstance(error, Exception) and not isinstance(error, (BudgetExceeded, Cancelled)):
            self._scope.done(self._doer, self._opened, Outcome(error=error), self._began)
