"""The rollouts of one batch between the driver's thread and the threads that run them.

A thread that has run one takes the next by itself where it may: to be woken for each would cost a quick rollout a fifth
of its time. What it has run lands in the driver's thread, which is told at once where a rollout takes long, and every few milliseconds
where it does not.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

OFTEN = 0.005  # seconds


class Lanes:
    """`waiting` are the keys that nobody has taken, `flying` those that were taken and have not landed."""

    def __init__(self, waiting: deque[str]) -> None:
        self.waiting = waiting
        self.flying: set[str] = set()
        self.busy = 0  # threads
        self._ended: deque[tuple[str, Any]] = deque()
        self._lock = threading.Lock()
        self._told = time.monotonic()

    def __bool__(self) -> bool:
        """Whether there is anything left to wait for."""
        return bool(self.waiting or self.flying)

    # --- in the driver's thread

    def take(self, width: int) -> str | None:
        """The next key, for one thread more; None where there is none, or `width` threads are busy."""
        with self._lock:
            if not self.waiting or self.busy >= width:
                return None
            self.busy += 1
            return self._taken()

    def give_up(self, key: str) -> None:
        """A key that was taken is not run."""
        with self._lock:
            self.flying.remove(key)
            self.busy -= 1

    def landed(self) -> Iterator[tuple[str, Any]]:
        """What has come to its end since, but for what was given up; the driver counts as told from here on."""
        self._told = time.monotonic()
        while self._ended:
            key, outcome = self._ended.popleft()
            if key in self.flying:
                self.flying.remove(key)
                yield key, outcome

    def clear(self) -> list[str]:
        """Let nobody take any more; gives what is not taken."""
        with self._lock:
            left = list(self.waiting)
            self.waiting.clear()
            return left

    def close(self) -> None:
        """Give up everything."""
        self.clear()
        self.flying.clear()

    # --- in a worker thread

    def next(self, key: str, outcome: Any, may: Callable[[str], bool]) -> str | None:
        """Hand in the outcome of a key; the next one for the same thread, or None where there is none that it `may` take."""
        with self._lock:
            self._ended.append((key, outcome))
            if self.waiting and may(self.waiting[0]):
                return self._taken()
            self.busy -= 1
            return None

    def overdue(self) -> bool:
        """Whether the driver was not told for a while; it counts as told from here on."""
        now = time.monotonic()
        if now - self._told < OFTEN:
            return False
        self._told = now
        return True

    def _taken(self) -> str:
        key = self.waiting[0]
        self.flying.add(key)
        self.waiting.popleft()
        return key
