"""A gate that only a free event loop opens: shows that what is awaited does not block the loop, without measuring time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from typing import Any

PATIENCE = 20


class Gate:
    """Called by synchronous code at work, it holds that up until a task beside it, on the loop, has had its turn."""

    def __init__(self) -> None:
        self._entered, self._open = threading.Event(), threading.Event()

    @classmethod
    def opened(cls) -> Gate:
        """One that holds nobody up."""
        made = cls()
        made._open.set()
        return made

    def __call__(self) -> None:
        self._entered.set()
        assert self._open.wait(PATIENCE), "the event loop was blocked"

    async def _opened_by_the_loop(self) -> None:
        while not self._entered.is_set():
            await asyncio.sleep(0.001)
        self._open.set()

    async def passed(self, work: Awaitable[Any]) -> Any:
        """What `work` gives, which goes through this gate on its way; an error where it did not."""
        opening = asyncio.create_task(self._opened_by_the_loop())
        result = await asyncio.wait_for(work, 2 * PATIENCE)
        await asyncio.wait_for(opening, PATIENCE)
        return result
