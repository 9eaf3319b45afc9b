"""The traces that a viewer holds, by number; of a history that is live, also those of calls that are made meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any

import lmnb
from lmnb_widgets import wire
from lmnb_widgets.parts import duration

KEPT = 2_000
"""So many traces of new calls are held, and so many heads travel in a message."""
PAUSE = 0.1
LATE = 20  # heads that are sent again: whether a reply parsed is known a moment after it came
PREVIEW = 200


class Held:
    """`traces` in order. While it is watched, new calls of `history` are told in at most ten messages a second."""

    def __init__(self, traces: Sequence[Any], history: Any = None) -> None:
        self._traces = dict(enumerate(traces[-KEPT:] if history is not None else traces))
        self._next = self._told = len(self._traces)
        self._history = history
        self._counting = threading.Lock()
        self._end: Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self._traces)

    def at(self, index: int) -> Any:
        """The trace of that number."""
        if index not in self._traces:
            raise IndexError(f"call {index} is not held: the last {len(self._traces):,} are")
        return self._traces[index]

    def heads(self, after: int = -1) -> dict[str, Any]:
        """What a list says of the calls after that number, and the number of the oldest that is held."""
        with self._counting:
            self._catch_up()
            held = [(n, trace) for n, trace in self._traces.items() if n > after]
            return {"heads": [_head(n, trace) for n, trace in held], "first": next(iter(self._traces), 0)}

    def watch(self, send: Callable[[dict[str, Any]], None]) -> None:
        """Send new heads from now on, from a thread that sleeps until there are some."""
        if self._history is None or self._end is not None:
            return
        wake, over = threading.Event(), threading.Event()
        unsubscribe = self._history.subscribe(lambda entry: wake.set())

        def end() -> None:
            unsubscribe()
            over.set()
            wake.set()

        self._end = end
        wake.set()
        threading.Thread(target=self._tell, args=(send, wake, over), name="lmnb-history", daemon=True).start()

    def rest(self) -> None:
        """Nobody looks."""
        if self._end is not None:
            self._end()
            self._end = None

    def _tell(self, send: Callable[[dict[str, Any]], None], wake: threading.Event, over: threading.Event) -> None:
        again = False
        while True:
            wake.wait(1.0 if again else None)
            if over.is_set():
                return
            again = wake.is_set()
            wake.clear()
            started = time.monotonic()
            send({"type": "calls", **wire.fit(self.heads(self._told - 1 - LATE))})
            self._told = self._next
            # to describe many calls takes a while: at most a fifth of the time goes into it
            over.wait(max(PAUSE, 4 * (time.monotonic() - started)))

    def _catch_up(self) -> None:
        if self._history is None:
            return
        last = self._traces[self._next - 1].root if self._traces else None
        new = takewhile(lambda trace: trace.root is not last, reversed(lmnb.history().traces()))
        for trace in reversed(list(new)):
            self._traces[self._next] = trace
            self._next += 1
        while len(self._traces) > KEPT:
            del self._traces[next(iter(self._traces))]


def _head(number: int, trace: Any) -> dict[str, Any]:
    whole = trace.to_dict(media=False)
    top = whole["spans"][0]
    if top["kind"] == "lm":
        messages = top.get("messages") or [{"content": ""}]
        preview = top.get("response") or messages[-1]["content"]
    else:
        preview = " · ".join(top["inputs"].values())
    started = getattr(getattr(trace, "root", None), "started", None)
    return {
        "id": number,
        "name": whole["name"],
        "label": top["label"],
        "took": duration(whole["seconds"]),
        "tokens": whole["tokens"],
        "time": datetime.fromtimestamp(started).strftime("%H:%M:%S") if started else None,
        "status": top["status"],
        "preview": str(preview)[:PREVIEW],
    }
