"""Who listens to a reply while it comes: a program's run, a predictor's call and one request each have their listener here.

Where nobody listens the three are None, and a call costs no more than looking.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol


class Deltas(Protocol):
    """What an LM gives the text of one reply, piece by piece."""

    def __call__(self, text: str) -> None:
        """The next piece. Raises Cancelled where nobody wants the rest."""
        ...

    def restart(self) -> None:
        """The request failed midway and is sent again: its reply begins anew."""
        ...


class ListenedCall(Protocol):
    """A predictor's call whose fields are wanted."""

    async def during(self, asked: Awaitable[list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """The outputs of `asked`, listened to while it runs."""
        ...

    def deltas(self, reader: Callable[[], Any]) -> Deltas | None:
        """What hears one reply; `reader()` makes what reads the fields of one, or None."""
        ...

    def withdraw(self) -> None:
        """What was told of the call is not its outcome."""
        ...

    def finish(self, outputs: Mapping[str, Any]) -> None:
        """The call is done, and these are its outputs."""
        ...


class Watch(Protocol):
    """A program's run that is listened to."""

    def opened(self, predictor: Any, signature: Any, span: Any) -> ListenedCall | None:
        """A predictor is called; None where nobody wants its fields."""
        ...

    def withdraw(self, span: Any) -> None:
        """What was told of the calls at or below the span is no part of the program's outcome."""
        ...


watch: ContextVar[Watch | None] = ContextVar("lmnb_watch", default=None)
call: ContextVar[ListenedCall | None] = ContextVar("lmnb_listened_call", default=None)
deltas: ContextVar[Deltas | None] = ContextVar("lmnb_deltas", default=None)


@contextmanager
def replying(to: ListenedCall, reader: Callable[[], Any]) -> Iterator[None]:
    """Around the request of one reply: the LM finds `deltas` there, and calls that it makes itself are not those of `to`."""
    inner, heard = call.set(None), deltas.set(to.deltas(reader))
    try:
        yield
    finally:
        deltas.reset(heard)
        call.reset(inner)


@contextmanager
def unheard() -> Iterator[None]:
    """Around requests that belong to the call that is listened to, and are not what it gives in the end."""
    token = call.set(None)
    try:
        yield
    finally:
        call.reset(token)


def withdraw(span: Any) -> None:
    """Tell who listens to this run, if anybody, that the calls at or below the span are no part of its outcome."""
    watching = watch.get()
    if watching is not None:
        watching.withdraw(span)
