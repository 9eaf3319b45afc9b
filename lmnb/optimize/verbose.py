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
    lock, told, broken = threading.Lock(), 0, False

    def tell() -> None:
        nonlocal told, broken
        with lock:
            for event in () if broken else run.events[told:]:
                try:
                    _print(f"{event['kind']}: {event['what']}")
                except (OSError, ValueError):  # nobody reads any more, such as a pipe that was closed: the run goes on
                    broken = True
                    break
                told += 1

    end = run.subscribe(tell)
    try:
        yield
    finally:
        end()
        tell()


def _print(line: str) -> None:
    try:
        print(line, flush=True)
    except UnicodeEncodeError:  # a terminal without these characters
        print(line.encode("ascii", "backslashreplace").decode(), flush=True)
