"""A run's working time: it stands still while the run is paused, and goes on where an earlier process left it."""

from __future__ import annotations

import time


class Clock:
    """`seconds` counts between `start` and `stop`; both may be called twice."""

    def __init__(self, before: float = 0.0) -> None:
        self._before = before
        self._started: float | None = None

    @property
    def seconds(self) -> float:
        started = self._started
        return self._before + (0.0 if started is None else time.monotonic() - started)

    def start(self) -> None:
        if self._started is None:
            self._started = time.monotonic()

    def stop(self) -> None:
        self._before, self._started = self.seconds, None
