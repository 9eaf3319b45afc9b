"""Functions that are told of what happens to somebody else: one that fails is warned of, and stops nothing."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from lmnb.errors import InputError


class Watchers:
    """Those who watch one thing. Methods may be called from any thread.

    >>> watchers = Watchers("the number")
    >>> seen = []
    >>> end = watchers.add(seen.append)
    >>> watchers.tell(3), end(), watchers.tell(4), seen
    (None, None, None, [3])
    """

    def __init__(self, watched: str) -> None:
        self.watched = watched
        # each with what it failed with first; another tuple with each change, as somebody may just be going through it
        self._all: tuple[tuple[Callable[..., object], list[Exception]], ...] = ()
        self._lock = threading.Lock()  # of the changes: none of two at once is lost

    def add(self, callback: Callable[..., object]) -> Callable[[], None]:
        """Have `callback` called by `tell`; gives a function that ends it. InputError for what cannot be called."""
        if not callable(callback):
            raise InputError(f"subscribe takes a function, not {callback!r}. Write subscribe(lambda *told: ...).")
        watcher: tuple[Callable[..., object], list[Exception]] = (callback, [])
        with self._lock:
            self._all = (*self._all, watcher)

        def end() -> None:
            with self._lock:
                self._all = tuple(each for each in self._all if each is not watcher)

        return end

    def tell(self, *told: Any) -> None:
        """Call all of them. What one raises is no concern of the others, nor of what is watched: it is warned of once."""
        for callback, failed in self._all:
            try:
                callback(*told)
            except Exception as error:  # noqa: BLE001  the boundary to whoever watches
                if failed:
                    continue
                failed.append(error)
                with suppress(RuntimeWarning):  # where warnings are errors
                    warnings.warn(
                        f"{callback!r}, which watches {self.watched}, raised {type(error).__name__}: {error}. It is told on, and not warned "
                        "of again.",
                        RuntimeWarning,
                        stacklevel=3,
                    )
