"""A span: one call as it happens. The open span is kept in a context variable, so calls nest by themselves, also across
coroutines and the threads that lmnb starts. Callbacks are told here of its start and its end.
"""

from __future__ import annotations

import time
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import Any

from lmnb.callbacks import NOTHING, BaseCallback, Told, heard
from lmnb.settings import current
from lmnb.snapshots import plain, snapshot

_open: ContextVar[Span | None] = ContextVar("lmnb_span", default=None)


@dataclass(slots=True, eq=False)
class Span:
    """One call: `kind` is "module", "predict", "lm", "tool", "retrieval", "check" or "metric"; `started` is in seconds since the epoch.
    Its inputs are those that it had when it began.

    `id` and `parent_id` are there where a callback is told of the call, `result` while it ends.
    """

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
    id: str | None = None
    parent_id: str | None = None
    result: Any = NOTHING

    def __repr__(self) -> str:
        return f"Span({self.kind} {self.name!r})"


class span:
    """Opens a span for a `with` block: `with span("tool", "search", inputs={"query": q}) as s: ...`.

    `instance` is whose call it is; callbacks have a hook for a call that is somebody's. With `apart` the span is no part of
    the trace, and is there for callbacks alone.
    """

    __slots__ = ("_apart", "_clock", "_instance", "_span", "_token", "_told")
    _token: Token[Span | None] | None

    def __init__(
        self,
        kind: str,
        name: str,
        *,
        inputs: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        module: Any = None,
        instance: Any = None,
        apart: bool = False,
    ) -> None:
        held = {} if inputs is None else inputs if plain(inputs) else snapshot(inputs)
        self._span = Span(kind, name, inputs=held, data={} if data is None else data, module=module)
        self._instance = instance
        self._apart = apart

    def __enter__(self) -> Span:
        opened, parent = self._span, _open.get()
        if parent is None or self._apart:
            opened.root = opened
        else:
            opened.root = parent.root
            parent.children.append(opened)
        watching = heard(self._instance, current("callbacks")) if BaseCallback.exists else None
        self._told = self._tell(watching) if watching else None
        self._token = None if self._apart else _open.set(opened)
        opened.started = time.time()
        self._clock = time.perf_counter()
        return opened

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        closed = self._span
        closed.seconds = time.perf_counter() - self._clock
        if error is not None:
            closed.error = f"{type(error).__name__}: {error}"
        if self._token is not None:
            _open.reset(self._token)
        if self._told is not None:
            self._tell_end(self._told, error)
        closed.result = NOTHING  # a prediction holds its trace, and the trace must not hold it

    def _tell(self, watching: list[BaseCallback]) -> Told:
        token = _open.set(None)  # calls that a hook makes are no part of this trace
        try:
            return Told(watching, self._span, self._instance)
        finally:
            _open.reset(token)

    def _tell_end(self, told: Told, error: BaseException | None) -> None:
        token = _open.set(None)
        try:
            told.end(error)
        finally:
            _open.reset(token)


def watched(instance: Any) -> bool:
    """Whether a callback is told of the calls of `instance` here."""
    return bool(heard(instance, current("callbacks")))


class below:
    """Inside, spans open below `parent`."""

    __slots__ = ("_parent", "_token")
    _token: Token[Span | None]

    def __init__(self, parent: Span) -> None:
        self._parent = parent

    def __enter__(self) -> None:
        self._token = _open.set(self._parent)

    def __exit__(self, *error: object) -> None:
        _open.reset(self._token)


def open_span() -> Span | None:
    """The innermost span that is open here, if any."""
    return _open.get()
