"""Where a decision is made: in the run's thread while it is at work, else where it is called."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from lmnb.optimize.worker import Worker

P = ParamSpec("P")
T = TypeVar("T")


def decided(method: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    """A method of a run that is carried out where decisions may be made (see `Worker.command`)."""

    @wraps(method)
    def commanded(run: Worker, *args: P.args, **kwargs: P.kwargs) -> T:
        return run.command(lambda: method(run, *args, **kwargs))

    return commanded
