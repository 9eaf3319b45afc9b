"""A span: one call as it happens. The open span is kept in a context variable, so calls nest by themselves, also across
coroutines and the threads that lmnb starts.
"""

from __future__ import annotations

import time
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import Any

_open: ContextVar[Span | None] = ContextVar("lmnb_span", default=None)


@dataclass(slots=True, eq=False)
class Span:
    """One call: `kind` is "module", "predict", "lm", "tool", "retrieval", "check" or "metric"; `started` is in seconds since the epoch."""

    kind: str
    name: str
    started: float = 0.0
    seconds: float | None = None
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] | None = None
    error: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    children: list[Span] = field(default_factory=list)
    module: Any = None
    root: Span | None = None

    def __repr__(self) -> str:
        return f"Span({self.kind} {self.name!r})"


class span:
    """Opens a span for a `with` block: `with span("tool", "search", inputs={"query": q}) as s: ...`."""

    __slots__ = ("_clock", "_span", "_token")
    _token: Token[Span | None]

    def __init__(self, kind: str, name: str, *, inputs: dict[str, Any] | None = None, module: Any = None) -> None:
        self._span = Span(kind, name, inputs={} if inputs is None else inputs, module=module)

    def __enter__(self) -> Span:
        opened, parent = self._span, _open.get()
        if parent is None:
            opened.root = opened
        else:
            opened.root = parent.root
            parent.children.append(opened)
        self._token = _open.set(opened)
        opened.started = time.time()
        self._clock = time.perf_counter()
        return opened

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._span.seconds = time.perf_counter() - self._clock
        if error is not None:
            self._span.error = f"{type(error).__name__}: {error}"
        _open.reset(self._token)


def open_span() -> Span | None:
    """The innermost span that is open here, if any."""
    return _open.get()
