"""Python source as a tree, from any thread."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any


def parse(source: str, mode: str = "exec") -> Any:
    """What `ast.parse` gives, from any thread."""
    return steady(lambda: ast.parse(source, mode=mode))


def steady(read: Callable[[], Any]) -> Any:
    """What `read`, which parses Python source, gives.

    Before Python 3.11.8 and 3.12.2 two threads that read sources at once can spoil each other's count of the depth
    (python/cpython#106905): a SystemError that says nothing of the source, and is gone when it is read again.
    """
    for _ in range(20):
        try:
            return read()
        except SystemError:
            continue
    return read()
