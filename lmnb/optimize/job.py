"""A decision on its way to the run's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Job:
    """Whoever claims it carries it out, and nobody else does."""

    def __init__(self, action: Callable[[], Any]) -> None:
        self.done = threading.Event()
        self.value: Any = None
        self.error: Exception | None = None
        self._action = action
        self._claimed = threading.Lock()

    def claim(self) -> bool:
        return self._claimed.acquire(blocking=False)

    def run(self) -> None:
        if not self.claim():
            return
        try:
            self.value = self._action()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a decision is its caller's to know, and no end of the run
            self.error = error
        self.done.set()
