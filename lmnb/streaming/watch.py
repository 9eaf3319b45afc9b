"""A program's run as it is streamed: which of its predictors' calls are told, and under which name."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from lmnb.adapters.field_reader import is_text
from lmnb.feed import Feed
from lmnb.streaming.call import CallStream
from lmnb.streaming.listener import StreamListener
from lmnb.trace import Span, Trace


class Watch:
    """Gives `feed` what `listeners` ask for; without listeners every str output of every predictor."""

    def __init__(self, program: Any, listeners: Sequence[StreamListener], feed: Feed[Any]) -> None:
        self._names = {id(predictor): name for name, predictor in program.named_predictors()}
        self._feed = feed
        self._all = not listeners
        self._wanted: dict[int, list[tuple[StreamListener, str]]] = {}
        for listener in listeners:
            predictor, field = listener.of(program)
            self._wanted.setdefault(id(predictor), []).append((listener, field))
        self._used: dict[int, CallStream] = {}  # by the listener that is told of one call only
        self._calls: dict[int, tuple[Span, CallStream]] = {}
        self._lock = threading.Lock()

    def opened(self, predictor: Any, signature: Any, span: Span) -> CallStream | None:
        """A predictor is called; None where nobody wants its fields."""
        outputs = signature.output_fields
        with self._lock:
            free = [(by, name) for by, name in self._wanted.get(id(predictor), ()) if id(by) not in self._used]
            names = list(outputs) if self._all else [name for _, name in free if name in outputs]
            wanted = {name: is_text(outputs[name].type) for name in names}
            if self._all:
                wanted = {name: True for name, text in wanted.items() if text}
            if not wanted:
                return None
            name, number = self._names.get(id(predictor), span.name), span.id or uuid4().hex
            made = CallStream(self._feed, name, number, wanted, self._free)
            self._used.update({id(by): made for by, _ in free if not by.allow_reuse})
            self._calls[id(span)] = (span, made)
        return made

    def _free(self, call: CallStream) -> None:
        """A call that came to nothing: who listened to it hears the next one."""
        with self._lock:
            self._used = {by: told for by, told in self._used.items() if told is not call}

    def withdraw(self, span: Span) -> None:
        """The calls at or below the span are no part of the program's outcome."""
        for _, each in Trace(span).spans():
            with self._lock:
                _, told = self._calls.pop(id(each), (None, None))
            if told is not None:
                self._free(told)
                told.drop()
