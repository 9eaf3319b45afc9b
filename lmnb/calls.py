"""The history of LM calls: a bounded view of the spans of this process."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any, TextIO

from lmnb.counts import counted, whole_number
from lmnb.data_uri import without_data
from lmnb.html import el, join, root, visible
from lmnb.optional import frame
from lmnb.settings import current
from lmnb.shown import Shown
from lmnb.trace import Span, Trace, span
from lmnb.trace_html import trace_html
from lmnb.types.parts import content_text
from lmnb.watchers import Watchers

SHOWN = 30  # calls in the static form
_HISTORY: deque[Span] = deque()
_WATCHERS = Watchers("the history")


@contextmanager
def remembering(call: span) -> Iterator[Span]:
    """Opens the span of an LM call, which the process's history then has: the last `max_history_size` calls, or none with
    `disable_history`. Who watches the history is told when the span is closed.
    """
    opened = None
    try:
        with call as opened:
            try:
                yield opened
            finally:
                _keep(opened)
    finally:
        if opened is not None and not current("disable_history"):
            _WATCHERS.tell(HistoryEntry(opened))


def _keep(opened: Span) -> None:
    if current("disable_history"):
        return
    _HISTORY.append(opened)
    while len(_HISTORY) > current("max_history_size"):
        try:
            _HISTORY.popleft()
        except IndexError:  # another thread was faster
            break


class HistoryEntry:
    """One LM call, read as an attribute or an item: see `keys()`; `kwargs` are those in force, the LM's own included."""

    _fields = ("prompt", "messages", "kwargs", "response", "outputs", "usage", "cost", "cache", "model", "timestamp")

    def __init__(self, lm_span: Span) -> None:
        self.span = lm_span

    def __getattr__(self, name: str) -> Any:
        data = self.span.data
        if name == "model":
            return self.span.name
        if name == "timestamp":
            return datetime.fromtimestamp(self.span.started).isoformat()
        if name == "kwargs":
            return data.get("request", {})
        if name == "outputs":
            return data.get("texts", [data.get("response")])
        if name == "prompt":
            messages = data.get("messages", [])
            return messages[0]["content"] if len(messages) == 1 else None
        if name in self._fields:
            return data.get(name)
        raise AttributeError(name)

    def __getitem__(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except AttributeError:
            raise KeyError(name) from None

    def keys(self) -> tuple[str, ...]:
        return self._fields

    def __repr__(self) -> str:
        return f"HistoryEntry({self.model}, {self.timestamp})"


class CallHistory(Shown, tuple[HistoryEntry, ...]):
    """LM calls, oldest first; shows itself in a viewer, gives `to_pandas()`. `live`: it is of all calls of the process, and a viewer goes on
    with those that are made from now on.
    """

    _view = "history"

    live = False

    def subscribe(self, callback: Callable[[HistoryEntry], object]) -> Callable[[], None]:
        """Call `callback(entry)` for every LM call of this process from now on, when it is done and in the thread that made it; gives a
        function that ends it. It must return quickly; one that raises is warned of once, and the call goes on.

        >>> import lmnb
        >>> seen = []
        >>> unsubscribe = lmnb.history().subscribe(lambda entry: seen.append(entry.model))
        >>> lmnb.FakeLM(["hello"])("hi"), seen, unsubscribe()
        (['hello'], ['fake'], None)
        """
        return _WATCHERS.add(callback)

    def last(self, n: int) -> CallHistory:
        """The last `n` of them. InputError where `n` is no whole number from 0."""
        return CallHistory(self[len(self) - min(len(self), _count(n)) :])

    def traces(self) -> list[Trace]:
        """Each call as a trace of its own."""
        return [Trace(entry.span) for entry in self]

    def to_pandas(self) -> Any:
        """One row a call."""
        return frame("CallHistory.to_pandas()", [{key: entry[key] for key in HistoryEntry._fields} for entry in self])

    def __repr__(self) -> str:
        return f"CallHistory({counted(len(self), 'LM call')})"

    def _repr_html_(self) -> str:
        earlier = len(self) - SHOWN
        shown = [trace_html(trace.to_dict()) for trace in self.traces()[-SHOWN:]]
        note = [root("traces", el("p", {}, f"{earlier} earlier calls: history().to_pandas()"))] if earlier > 0 else []
        return join(note + shown)


def history(n: int | None = None) -> CallHistory:
    """The last `n` LM calls of this process, oldest first (at most the last 2,000 are kept). Without `n` all of them: in a notebook that is a
    viewer in which new calls appear while they are made. InputError where `n` is no whole number from 0.

    >>> import lmnb
    >>> lmnb.FakeLM(["Good morning."])("Say hello.")
    ['Good morning.']
    >>> lmnb.history(1)[0].prompt, lmnb.history(1)[0].response
    ('Say hello.', 'Good morning.')
    """
    size = len(_HISTORY)
    made = CallHistory(
        HistoryEntry(item) for item in islice(_HISTORY.copy(), size - min(size, size if n is None else _count(n)), size)
    )
    made.live = n is None
    return made


def _count(n: Any) -> int:
    return whole_number("n", n, "how many calls of the history are wanted", least=0)


def inspect_history(n: int = 1, file: TextIO | None = None) -> None:
    """Print the last `n` LM calls: every message, then the reply. InputError as of `history`.

    >>> import lmnb, io
    >>> _ = lmnb.FakeLM(["Good morning."])("Say hello.")
    >>> lmnb.inspect_history(file=(told := io.StringIO()))
    >>> told.getvalue().split()[-4:]
    ['hello.', 'Response:', 'Good', 'morning.']
    """
    write_history(history(n), file)


def write_history(entries: CallHistory, file: TextIO | None = None) -> None:
    """Print `entries`, control characters as visible marks; colours only on a terminal."""
    out = file or sys.stdout
    colour = out.isatty()
    for entry in entries:
        print(f"\n\n\n\n[{entry.timestamp}]", file=out)
        for message in entry.messages or []:
            print(
                _painted(f"\n{message['role'].capitalize()} message:", 31, colour),
                f"\n\n{visible(without_data(content_text(message['content'])))}",
                file=out,
            )
        reply = visible(without_data(str(entry.response)))
        print(_painted("\nResponse:", 31, colour), "\n\n" + _painted(reply, 32, colour), file=out)
        if len(entry.outputs) > 1:
            print(_painted(f"\n(and {len(entry.outputs) - 1} other completions)", 31, colour), file=out)


def _painted(text: str, code: int, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text
