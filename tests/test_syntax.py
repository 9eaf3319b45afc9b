import ast
import gc
from collections.abc import Callable
from typing import Any

from lmnb.syntax import parse

SOURCE = "\n".join(f"def f{i}(a, b=({i}, [{i}])):\n    return [x for x in a if x.y[b]({i})]" for i in range(40))


class Late:
    """Garbage that reads source itself when it is collected, as another thread may in that moment."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        ast.parse("a + b")


def _read(read: Callable[[str], Any]) -> int:
    """How many of 40 readings of `SOURCE` fail while the collector finds such garbage in their midst."""
    failed = 0
    before = gc.get_threshold()
    try:
        for at in range(40):
            for _ in range(5):
                Late()
            gc.set_threshold(60 + 7 * at)
            try:
                assert len(read(SOURCE).body) == 40
            except SystemError:
                failed += 1
            gc.set_threshold(*before)
    finally:
        gc.set_threshold(*before)
    return failed


def test_source_is_read_although_other_source_is_read_in_the_midst_of_it():
    """Where the interpreter mixes up two readings (some of 3.11 and 3.12 do), `parse` gives the tree all the same."""
    assert _read(parse) == 0
