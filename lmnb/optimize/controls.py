"""The line between a run and its driver: what a person wants comes in as mail, what happens goes out as news."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from lmnb.errors import BudgetExceeded
from lmnb.optimize.clock import Clock


class Controls:
    """`told` is called with the kind of a piece of news and what it is about; `max_seconds` bounds the working time."""

    def __init__(self, told: Callable[[str, Any], None], clock: Clock, max_seconds: float | None) -> None:
        self.told = told
        self.clock = clock
        self.state = "running"
        self.paused = self.stopping = False
        self.cancelled = threading.Event()
        self._stepping = False
        self._max_seconds = max_seconds
        self._mail: queue.SimpleQueue[Callable[[], Any]] = queue.SimpleQueue()

    # --- from any thread

    def pause(self) -> None:
        self.paused, self._stepping = True, False
        if self.state == "running":
            self.enter("pausing")
        self._wake()

    def resume(self) -> None:
        self._go(stepping=False)

    def step(self) -> None:
        """Run until the next candidate is fully scored, then pause."""
        self._go(stepping=True)

    def _go(self, *, stepping: bool) -> None:
        self.paused, self._stepping = False, stepping
        if self.state in ("pausing", "paused"):
            self.enter("running")
        self._wake()

    def _wake(self) -> None:
        self.post(lambda: None)

    def post(self, command: Callable[[], Any]) -> None:
        """Run `command` in the driver's thread at the next effect boundary."""
        self._mail.put(command)

    def enter(self, state: str) -> None:
        if self.state != state:
            self.state = state
            self.clock.stop() if state in ("paused", "waiting") else self.clock.start()
            self.told("state", state)

    # --- in the driver's thread

    def read(self, *, wait: bool, once: bool = False, timeout: float | None = None) -> bool:
        """Do what has arrived, or with `once` the first of it; with `wait`, wait until something has. Whether anything had."""
        heard = False
        while True:
            try:
                command = self._mail.get(block=wait, timeout=timeout)
            except queue.Empty:
                return heard
            wait, heard = False, True
            command()
            if once:
                return heard

    def halt(self, *, cancel: bool = False) -> None:
        """Dispatch nothing more; with `cancel`, refuse calls that are not sent yet and give up rollouts in flight."""
        if cancel:
            self.cancelled.set()
        self.enter("stopping")
        self.stopping = True

    def stepped(self) -> None:
        """A candidate is fully scored: a step ends."""
        if self._stepping:
            self.paused, self._stepping = True, False

    def check_time(self) -> None:
        """Tell that the time is spent, where it is."""
        spent = self.spent_time()
        if spent is not None and not self.stopping:
            self.told("budget", spent)

    def spent_time(self) -> BudgetExceeded | None:
        """What there is to raise where the time is spent; for any thread."""
        spent, limit = self.clock.seconds, self._max_seconds
        return BudgetExceeded("seconds", round(spent, 1), limit) if limit is not None and spent >= limit else None
