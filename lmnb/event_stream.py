"""The event stream: every start and end of a call, in order, for whoever looks on from another thread or coroutine."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from lmnb.callbacks import HOOKS, BaseCallback, inputs_of, listen, outputs_of
from lmnb.canonical import jsonable
from lmnb.data_uri import shortened
from lmnb.errors import InputError
from lmnb.feed import Feed
from lmnb.spans import Span

KINDS = (*HOOKS, "check", "metric")


@dataclass(frozen=True, slots=True, repr=False)
class Event:
    """The start or the end of a call. `parent_id` is the id of the call around it, `time` in seconds since the epoch.

    `outputs` and `exception` belong to an end. `span` is the span of the call, with `.seconds` and, for an LM, usage, cost and
    cache in `.data`.
    """

    phase: Literal["start", "end"]
    kind: str
    name: str
    call_id: str | None
    parent_id: str | None
    time: float
    inputs: dict[str, Any]
    outputs: Any = None
    exception: BaseException | None = None
    span: Span = field(kw_only=True)

    def to_dict(self, *, media: bool = False) -> dict[str, Any]:
        """JSON-able: one line of a log. Without `media`, pictures, sounds and files are named by kind and size only."""
        row = self._row()
        return row if media else shortened(row)

    def _row(self) -> dict[str, Any]:
        named = ("phase", "kind", "name", "call_id", "parent_id", "time")
        row: dict[str, Any] = {name: getattr(self, name) for name in named}
        if self.phase == "start":
            return {**row, "inputs": jsonable(self.inputs)}
        outputs = self.span.outputs if self.span.outputs is not None else self.outputs
        row |= {"seconds": self.span.seconds, "outputs": jsonable(outputs), "error": self.span.error}
        used = {name: self.span.data.get(name) for name in ("usage", "cost", "cache")} if self.kind == "lm" else {}
        return row | jsonable(used)

    def __repr__(self) -> str:
        return f"Event({self.phase} of {self.kind} {self.name!r}{' with an error' if self.exception else ''})"


class EventStream(BaseCallback):
    """Events as they come: a loop over it, `for` or `async for`, waits for the next one and ends when the stream is closed.

    Each event is given once, to one reader. It is a callback too: `lmnb.configure(callbacks=[EventStream()])` hears of every call
    of the process. InputError for a kind that there is not.
    """

    def __init__(self, kinds: Collection[str] = KINDS) -> None:
        unknown = [kinds] if isinstance(kinds, str) else [kind for kind in kinds if kind not in KINDS]
        if unknown:
            raise InputError(f"kinds={kinds!r}: write a list of some of these: {', '.join(KINDS)}.")
        self.kinds = frozenset(kinds)
        self._feed: Feed[Event] = Feed()

    @property
    def closed(self) -> bool:
        """Whether nothing more is taken in."""
        return self._feed.closed

    def close(self) -> None:
        """Take in nothing more; readers are given what is left, and then end."""
        self._feed.close()

    def __iter__(self) -> Iterator[Event]:
        return iter(self._feed)

    def __aiter__(self) -> AsyncIterator[Event]:
        return aiter(self._feed)

    def _started(self, call: Any, instance: Any) -> None:
        self._put("start", call)

    def _ended(self, call: Any, instance: Any, exception: BaseException | None) -> None:
        self._put("end", call, exception)

    def _put(self, phase: Any, call: Span, exception: BaseException | None = None) -> None:
        if call.kind not in self.kinds or self.closed:
            return
        event = Event(
            phase,
            call.kind,
            call.name,
            call.id,
            call.parent_id,
            time.time(),
            inputs_of(call),
            outputs_of(call) if phase == "end" and exception is None else None,
            exception,
            span=call,
        )
        self._feed.put(event)


@contextmanager
def events(kinds: Collection[str] = KINDS) -> Iterator[EventStream]:
    """The events of a block, in every thread and coroutine that lmnb starts there; the stream is closed at the block's end.

    Read it afterwards, or live from another thread or task. Events that nobody reads are kept until the stream is let go of;
    `kinds` takes in some only.

    >>> import lmnb
    >>> qa = lmnb.Predict("question -> answer", lm=lmnb.FakeLM([{"answer": "Paris"}]))
    >>> with lmnb.events(kinds=["predict", "lm"]) as stream:
    ...     made = qa(question="The capital of France?")
    >>> for event in stream:
    ...     print(event.phase, event.kind, event.outputs)
    start predict None
    start lm None
    end lm ['[[ ## answer ## ]]\\nParis\\n\\n[[ ## completed ## ]]']
    end predict Prediction(answer='Paris')
    """
    stream = EventStream(kinds)
    try:
        with listen(stream):
            yield stream
    finally:
        stream.close()
