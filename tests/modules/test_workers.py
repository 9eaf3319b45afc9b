"""Work side by side, in threads that share the settings of who began it."""

from __future__ import annotations

from lmnb.modules.workers import Workers


class Doubles(Workers[int]):
    """Work that gives twice its number."""

    def run(self, index: int) -> int:
        return 2 * index


def test_threads_begin_work_while_another_is_in_their_context() -> None:
    """The settings are read in a copy: a context can be entered by one thread at a time."""
    workers = Doubles(20, num_threads=4, timeout=None)

    def all_of_it() -> list[int]:
        workers.start()
        return list(workers.finished(0.1))

    assert sorted(workers._context.run(all_of_it)) == [2 * n for n in range(20)]
