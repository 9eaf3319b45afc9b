"""Values on their way from where they are made to whoever reads them, across threads and event loops."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class Feed(Generic[T]):
    """A loop over it, `for` or `async for`, waits for the next value and ends when the feed is closed and empty.

    Each value is given once, to one reader.

    >>> feed = Feed()
    >>> feed.put(1)
    >>> feed.close()
    >>> list(feed)
    [1]
    """

    def __init__(self) -> None:
        self.closed = False
        self._waiting: deque[T] = deque()
        self._changed = threading.Condition()
        self._loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def put(self, value: T) -> None:
        """Take a value in; nothing, once the feed is closed."""
        with self._changed:
            if not self.closed:
                self._waiting.append(value)
                self._wake()

    def close(self) -> None:
        """Take in nothing more; readers are given what is left, and then end."""
        with self._changed:
            self.closed = True
            self._wake()

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self.closed)
                if not self._waiting:
                    return
                value = self._waiting.popleft()
            yield value

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            with self._changed:
                found = [self._waiting.popleft()] if self._waiting else []
                if not found and self.closed:
                    return
                ready = asyncio.Event()
                if not found:
                    self._loops.append((asyncio.get_running_loop(), ready))
            if found:
                yield found[0]
            else:
                await ready.wait()

    def _wake(self) -> None:
        self._changed.notify_all()
        loops, self._loops = self._loops, []
        for loop, ready in loops:
            with suppress(RuntimeError):  # that loop has ended, and its reader with it
                loop.call_soon_threadsafe(ready.set)
