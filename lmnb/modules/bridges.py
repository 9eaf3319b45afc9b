"""`asyncify` and `syncify`: code of one kind called by code of the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from inspect import isawaitable
from typing import Any

from lmnb.leash import in_thread
from lmnb.loops import run_to_end
from lmnb.modules.module import Module
from lmnb.types.parameters import is_async


def asyncify(program: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """`program`, to be awaited: a module by its `acall`, what is asynchronous as it is, any other function in a thread, with the
    caller's context.

    >>> import lmnb
    >>> import asyncio, lmnb
    >>> program = lmnb.Predict("question -> answer", lm=lmnb.FakeLM([{"answer": "Paris"}]))
    >>> asyncio.run(lmnb.asyncify(program)(question="The capital of France?"))
    Prediction(answer='Paris')
    """
    if isinstance(program, Module):
        return program.acall
    if is_async(program):
        return program

    @wraps(program)
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        made = await in_thread(program, *args, **kwargs)
        return await made if isawaitable(made) else made

    return awaited


def syncify(program: Any, in_place: bool = True) -> Any:
    """`program`, to be called without `await`, also where an event loop runs, as in a notebook.

    A module can be called either way as it is, one that has only `aforward` too, and is given back (a copy of it where
    `in_place` is False); of an asynchronous function one is made that waits for it.

    >>> import lmnb
    >>> async def double(number):
    ...     return 2 * number
    >>> lmnb.syncify(double)(4)
    8
    """
    if isinstance(program, Module):
        return program if in_place else program.deepcopy()
    if not is_async(program):
        return program

    @wraps(program)
    def waited(*args: Any, **kwargs: Any) -> Any:
        return run_to_end(lambda: program(*args, **kwargs))

    return waited
