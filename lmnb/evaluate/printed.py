"""What user code prints while it is watched: kept for its trace, and nobody else's output is touched.

Standard output belongs to the whole process, so it cannot be swapped for each of many rollouts at once. One stand-in
takes its place while anything is watched, and asks a context variable whose text this is.
"""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO

LIMIT = 20_000


class Printed:
    """The text printed so far, at most 20,000 characters."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = 0
        self._lock = threading.Lock()

    def write(self, part: str) -> None:
        with self._lock:
            if self._size < LIMIT:
                self._parts.append(part[: LIMIT - self._size])
            self._size += len(part)

    def text(self) -> str | None:
        """None where nothing was printed."""
        cut = f"\n… {self._size - LIMIT:,} more characters" if self._size > LIMIT else ""
        return "".join(self._parts) + cut or None


_mine: ContextVar[Printed | None] = ContextVar("lmnb_printed", default=None)
_lock = threading.Lock()
_watching = 0


class _StandIn(io.TextIOBase):
    """Standard output while something is watched; all but what watched code writes goes on to the real one."""

    def __init__(self, real: TextIO) -> None:
        self.real = real

    def write(self, part: str, /) -> int:
        mine = _mine.get()
        if mine is None:
            return self.real.write(part)
        mine.write(part)
        return len(part)

    def flush(self) -> None:
        if _mine.get() is None:
            self.real.flush()

    def isatty(self) -> bool:
        return _mine.get() is None and self.real.isatty()

    def __getattr__(self, name: str) -> Any:
        if name == "real":  # at its end the interpreter takes it away before the last flush
            raise AttributeError(name)
        return getattr(self.real, name)


# kept after its time: `print` borrows sys.stdout without holding on to it, and would write to what is gone
_kept: _StandIn | None = None


@contextmanager
def printed() -> Iterator[Printed]:
    """Keep what this context prints inside a `with` block, also in coroutines and threads that carry the context."""
    global _kept, _watching
    watch = Printed()
    with _lock:
        _watching += 1
        if not isinstance(sys.stdout, _StandIn):
            if _kept is None or _kept.real is not sys.stdout:
                _kept = _StandIn(sys.stdout)
            sys.stdout = _kept
    token = _mine.set(watch)
    try:
        yield watch
    finally:
        _mine.reset(token)
        with _lock:
            _watching -= 1
            # where somebody else has put something in its place meanwhile, that stays: the stand-in only passes text on
            if _watching == 0 and isinstance(sys.stdout, _StandIn):
                sys.stdout = sys.stdout.real
