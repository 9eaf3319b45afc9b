"""What a search does, printed as it goes: for optimizers that are asked to be `verbose`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmnb.optimize.run import Run


@contextmanager
def printed(run: Run) -> Iterator[None]:
    """Print the events of a run while it is waited for, each on a line."""
    lock, told = threading.Lock(), 0

    def tell() -> None:
        nonlocal told
        with lock:
            for event in run.events[told:]:
                print(f"{event['kind']}: {event['what']}", flush=True)
                told += 1

    end = run.subscribe(tell)
    try:
        yield
    finally:
        end()
        tell()
