"""Running a coroutine that never waits: how the one async core serves synchronous calls, also where an event loop
already runs.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from lmnb.errors import LmnbError

T = TypeVar("T")


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of `coroutine`, which must finish without waiting for anything.

    >>> async def double(x):
    ...     return 2 * x
    >>> drive(double(4))
    8
    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    name = getattr(coroutine, "__qualname__", "the coroutine")
    raise LmnbError(f"{name!r} waited for something in a synchronous call. Write 'await program.acall(...)' instead.")
