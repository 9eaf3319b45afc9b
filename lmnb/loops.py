"""Coroutines and the event loops that they belong to, for synchronous code that needs their result."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, copy_context
from typing import Any

from lmnb.errors import LmnbError

Make = Callable[[], Coroutine[Any, Any, Any]]
_waiting: ContextVar[tuple[asyncio.AbstractEventLoop, ...]] = ContextVar("lmnb_waiting_loops", default=())


def run_to_end(make: Make) -> Any:
    """Run a coroutine to its end from synchronous code; in a thread of its own where a loop runs here already.

    >>> async def double(x):
    ...     return 2 * x
    >>> run_to_end(lambda: double(4))
    8
    """
    try:
        here = asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(make())
    outcome: dict[str, Any] = {}

    def work() -> None:
        _waiting.set((*_waiting.get(), here))
        try:
            outcome["result"] = asyncio.run(make())
        except BaseException as error:  # noqa: BLE001
            outcome["error"] = error

    thread = threading.Thread(target=copy_context().run, args=(work,), name="lmnb-loop")
    thread.start()
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["result"]


async def at_home(home: asyncio.AbstractEventLoop, make: Make) -> Any:
    """Await a coroutine in the loop that its connection belongs to, from any loop and thread.

    LmnbError where that loop is itself waiting for the result, or has ended.
    """
    if asyncio.get_running_loop() is home:
        return await make()
    if home in _waiting.get():
        raise LmnbError("a synchronous call would wait for itself here. Write 'await ... .acall(...)' instead.")
    if not home.is_running():
        raise LmnbError("the connection's event loop has ended. Open the connection again.")
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(make(), home))
