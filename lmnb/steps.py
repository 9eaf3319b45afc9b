"""Calls that a program does not make twice: where a check sends it back, what a step gave before is given again.

Steps are the calls of predictors, retrievers and tools. A program that goes back keeps them (`lmnb.modules.backtrack`); who makes
a call finds them here.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol

from lmnb.errors import BudgetExceeded, Cancelled
from lmnb.snapshots import owned, plain, snapshot
from lmnb.spans import Span


class Outcome(NamedTuple):
    """What a call gave, or the error that it failed with."""

    value: Any = None
    error: Exception | None = None


class Attempt(Protocol):
    """One run of an outermost program, from its beginning to its end or to the check that sends it back."""

    def before(self, made: step) -> None:
        """A step begins: it is given its outcome of an earlier attempt, or what it is to be told. Raises Cancelled where the
        program has gone back meanwhile.
        """
        ...

    def done(self, made: step) -> None:
        """The step has its outcome."""
        ...


attempt: ContextVar[Attempt | None] = ContextVar("lmnb_attempt", default=None)


class step:
    """Around a call: `with step(function, opened) as made: if not made.again: made.value = function(...)`.

    `doer` is whose call it is: a predictor, a retriever, the function of a tool. `opened` is its span, with the inputs as they are
    when it begins; `asked` says what besides them decides what a predictor gives. A call that failed before fails again in the
    same way; one that was called off is made. What can be read only once, an iterator, is not kept. `retry` is what a
    predictor is told that is asked again; `outcome` is what the call gave, whatever the program does with `value`.
    """

    __slots__ = (
        "_attempt",
        "again",
        "asked",
        "began",
        "content",
        "doer",
        "entry",
        "outcome",
        "place",
        "retry",
        "span",
        "value",
        "within",
    )
    again: bool
    retry: Any
    value: Any
    outcome: Outcome | None
    place: int  # how many steps had begun before it
    content: str | None  # its hash, where it was taken as the call began
    began: int  # how many steps were done when it began
    entry: Any  # what is remembered of it from attempt to attempt, once a check has failed
    within: list[step]  # those that were done below it, in a tool or a retriever

    def __init__(self, doer: Any, opened: Span, asked: tuple[Any, ...] = ()) -> None:
        self.doer, self.span, self.asked = doer, opened, asked
        self.again, self.retry, self.value, self.outcome, self.entry = False, None, None, None, None
        self.content = None
        self._attempt = attempt.get()

    @property
    def kept(self) -> Any:
        """What the call gave, as it was then."""
        return None if self.outcome is None else self.outcome.value

    @property
    def answered(self) -> bool:
        """Whether it is a predictor's, and has outputs: one that can be asked again."""
        return self.span.kind == "predict" and self.outcome is not None and self.outcome.error is None

    def __enter__(self) -> step:
        if self._attempt is None:
            return self
        self._attempt.before(self)
        if self.outcome is not None:
            self.again = True
            self.span.data["label"] = "replayed"
            if self.outcome.error is not None:
                self._attempt.done(self)
                raise self.outcome.error.with_traceback(None)
            self.value = self._own(self.outcome.value)
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is None:
            self.outcome = self.outcome or Outcome(self._own(self.value))
        elif isinstance(error, Exception) and not isinstance(error, (BudgetExceeded, Cancelled)):
            self.outcome = Outcome(error=error)
        else:
            return
        if self._attempt is not None and not hasattr(self.value, "__next__") and not hasattr(self.value, "__anext__"):
            self._attempt.done(self)

    def _own(self, value: Any) -> Any:
        """Outputs whole; of other results the containers."""
        if self.span.kind != "predict":
            return snapshot(value)
        return value if len(value) == 1 and plain(value[0]) else owned(value)
