"""Many pieces of work side by side: on threads, or on one event loop where the work can only be awaited.

Threads are measured to be as fast as the loop for a program that has both forms (64 at once on a model of 50 ms), and
they keep synchronous metrics and user code off the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from lmnb import settings
from lmnb.errors import Cancelled
from lmnb.leash import Leash

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class Try:
    """One piece of work, tried once. It is late when its time is over and its place went to another piece."""

    index: int
    leash: Leash
    begun: float = field(default_factory=time.monotonic)
    late: bool = False


class Workers(Generic[T]):
    """Does pieces of work, known by their number, and hands the results back as they finish, in no order.

    A subclass writes `run`, and `late` for what took longer than `timeout` seconds; `arun` and `on_one_loop` where the work is
    awaited. Each piece runs in a copy of the caller's context. What cannot be stopped (a thread that is past its time, or that
    was at work when the rest was called off) is left behind: its later LM calls are refused, its result is thrown away.

    Once at most `second_tries` pieces are unfinished, those that are late are tried a second time, and the try that ends first
    counts. A piece is given up after twice its time, and its second try not before it had its own; with 0 as soon as it is late.
    """

    on_one_loop = False

    def __init__(self, count: int, *, num_threads: int, timeout: float | None, second_tries: int = 0) -> None:
        self.count = count
        self.num_threads = min(num_threads, count)
        self.timeout = timeout
        self.second_tries = second_tries
        self._context = copy_context()
        self._begun = 0
        self._lock = threading.Lock()
        self._done: SimpleQueue[T | BaseException] = SimpleQueue()
        self._stopped = threading.Event()
        self._running: dict[int, list[Try]] = {}
        self._tasks: list[Callable[[], object]] = []  # what calls off the event loop's work

    def run(self, index: int) -> T:
        """The work of that number. What it raises ends all the work and is raised by `finished`."""
        raise NotImplementedError

    async def arun(self, index: int) -> T:
        raise NotImplementedError

    def late(self, index: int, seconds: float) -> T:
        """The result of work that was given up."""
        raise NotImplementedError

    def start(self) -> None:
        if self.on_one_loop:
            self._thread(lambda: asyncio.run(self._on_loop()))
        else:
            for _ in range(self.num_threads):
                self._thread(self._on_thread)

    def stop(self) -> None:
        """Start nothing more, and refuse the LM calls of what still runs."""
        self._stopped.set()
        with self._lock:
            running, tasks = [each for tries in self._running.values() for each in tries], list(self._tasks)
        for each in running:
            each.leash.cut = True
        for cancel in tasks:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                cancel()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def finished(self, wait: float) -> Iterator[T]:
        """The results there are by now, the first of them awaited for `wait` seconds. Raises what stops the whole."""
        until = time.monotonic() + wait
        with contextlib.suppress(Empty):
            item = self._done.get(timeout=wait)
            while True:
                if isinstance(item, BaseException):
                    raise item
                yield item
                if time.monotonic() > until:
                    break
                item = self._done.get_nowait()
        if self.timeout is not None and not self.on_one_loop:
            yield from self._overdue(self.timeout)

    def _thread(self, work: Callable[[], None]) -> None:
        # daemons: a thread that hangs must not hold up the end of the process
        threading.Thread(target=self._guarded, args=(work,), name="lmnb-worker", daemon=True).start()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  handed to the thread that waits for results, which raises it
            self._done.put(error)

    def _budget(self) -> Any:
        return self._context.copy().run(
            settings.current, "budget"
        )  # a copy: two threads cannot be in one context at a time

    def _next(self) -> Try | None:
        leash = Leash(self._budget())
        with self._lock:
            if self._stopped.is_set() or self._begun == self.count:
                return None
            begun = Try(self._begun, leash)
            self._running[begun.index] = [begun]
            self._begun += 1
        return begun

    def _ended(self, begun: Try) -> bool:
        """Whether its result is wanted; the other try of the same work is called off then."""
        with self._lock:
            tries = self._running.get(begun.index, ())
            if begun not in tries:
                return False
            del self._running[begun.index]
        for each in tries:
            if each is not begun:
                each.leash.cut = True
        return True

    def _on_thread(self) -> None:
        while (begun := self._next()) is not None:
            self._attempt(begun)
            if begun.late:
                return  # another thread took this one's place

    def _attempt(self, begun: Try) -> None:
        try:
            result = self._context.copy().run(self._leashed, begun)
        except Cancelled:
            if begun.leash.cut:
                return
            raise
        if self._ended(begun):
            self._done.put(result)

    def _leashed(self, begun: Try) -> T:
        with settings.context(budget=begun.leash):
            return self.run(begun.index)

    def _overdue(self, limit: float) -> Iterator[T]:
        now, places, given_up, again = time.monotonic(), 0, [], []
        with self._lock:
            unfinished = self.count - self._begun + len(self._running)
            for index, tries in list(self._running.items()):
                first = tries[0]
                if now - first.begun <= limit:
                    continue
                if not first.late:
                    first.late = True
                    places += 1
                if len(tries) == 1 and unfinished <= self.second_tries and now - first.begun <= 2 * limit:
                    again.append(Try(index, Leash(self._budget())))
                    tries.append(again[-1])
                elif now - first.begun > (2 * limit if self.second_tries else limit) and now - tries[-1].begun > limit:
                    del self._running[index]
                    given_up.append(tries)
        for tries in given_up:
            for each in tries:
                each.leash.cut = True
            yield self.late(tries[0].index, now - tries[0].begun)
        for _ in range(places):
            self._thread(self._on_thread)
        for begun in again:
            self._thread(lambda begun=begun: self._attempt(begun))

    async def _on_loop(self) -> None:
        loop = asyncio.get_running_loop()
        # synchronous metrics, and LMs that only have a synchronous transport, wait in threads of their own
        loop.set_default_executor(ThreadPoolExecutor(self.num_threads, thread_name_prefix="lmnb-worker"))
        everything = asyncio.gather(*(self._lane() for _ in range(self.num_threads)))
        with self._lock:
            self._tasks.append(lambda: loop.call_soon_threadsafe(everything.cancel))
        if self._stopped.is_set():
            everything.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await everything

    async def _lane(self) -> None:
        while (begun := self._next()) is not None:
            result = await asyncio.create_task(self._timed(begun), context=self._context.copy())
            if self._ended(begun):
                self._done.put(result)

    async def _timed(self, begun: Try) -> T:
        try:
            with settings.context(budget=begun.leash):
                async with asyncio.timeout(self.timeout):
                    return await self.arun(begun.index)
        except TimeoutError:
            return self.late(begun.index, time.monotonic() - begun.begun)
