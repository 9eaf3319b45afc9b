"""Many examples side by side: on threads, or on one event loop where the program can only be awaited.

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
from contextvars import Context, copy_context
from queue import Empty, SimpleQueue
from typing import Any

from lmnb import settings
from lmnb.errors import Cancelled
from lmnb.evaluate.run_example import Row, arun_example, needs_loop, run_example
from lmnb.example import Example


class Leash:
    """The budget of one example: the caller's, if there is one, until `cut` is set; then every call is refused."""

    def __init__(self, budget: Any) -> None:
        self.budget = budget
        self.cut = False

    def reserve(self) -> None:
        if self.cut:
            raise Cancelled("this example was called off, so its LM is not asked any more")
        if self.budget is not None:
            self.budget.reserve()

    def release(self) -> None:
        if self.budget is not None:
            self.budget.release()

    def settle(self, *args: Any, **kwargs: Any) -> None:
        if self.budget is not None:
            self.budget.settle(*args, **kwargs)

    def add(self, *args: Any, **kwargs: Any) -> None:
        if self.budget is not None:
            self.budget.add(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.budget, name)


class Workers:
    """Runs every example once and hands the rows back as they finish, in no order.

    Each example runs in a copy of the caller's context. What cannot be stopped (a thread that is past its time, or that
    was at work when the rest was called off) is left behind: its later LM calls are refused, its row is thrown away.
    """

    def __init__(
        self,
        program: Callable[..., Any],
        examples: list[Example],
        metric: Callable[..., Any],
        *,
        num_threads: int,
        timeout: float | None,
    ) -> None:
        self.program, self.examples, self.metric = program, examples, metric
        self.num_threads, self.timeout = min(num_threads, len(examples)), timeout
        self.program_name, self.metric_name = (getattr(f, "__name__", type(f).__name__) for f in (program, metric))
        self._on_one_loop = needs_loop(program)
        self._context = copy_context()
        self._todo = iter(range(len(examples)))
        self._lock = threading.Lock()
        self._done: SimpleQueue[Row | BaseException] = SimpleQueue()
        self._stopped = threading.Event()
        self._running: dict[int, tuple[float, Leash]] = {}
        self._tasks: list[Callable[[], object]] = []  # what calls off the event loop's work

    def start(self) -> None:
        if self._on_one_loop:
            self._thread(lambda: asyncio.run(self._on_loop()))
        else:
            for _ in range(self.num_threads):
                self._thread(self._on_thread)

    def stop(self) -> None:
        """Start nothing more, and refuse the LM calls of what still runs."""
        self._stopped.set()
        with self._lock:
            running, tasks = list(self._running.values()), list(self._tasks)
        for _, leash in running:
            leash.cut = True
        for cancel in tasks:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                cancel()

    def finished(self, wait: float) -> Iterator[Row]:
        """The rows finished by now, the first of them awaited for `wait` seconds. Raises what stops the whole."""
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
        if self.timeout is not None and not self._on_one_loop:
            yield from self._overdue(self.timeout)

    def _thread(self, work: Callable[[], None]) -> None:
        # daemons: a thread that hangs must not hold up the end of the process
        threading.Thread(target=self._guarded, args=(work,), name="lmnb-evaluate", daemon=True).start()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  handed to the thread that waits for rows, which raises it
            self._done.put(error)

    def _next(self) -> int | None:
        with self._lock:
            return None if self._stopped.is_set() else next(self._todo, None)

    def _begin(self, index: int) -> tuple[Context, Leash]:
        context = self._context.copy()
        leash = Leash(context.run(settings.current, "budget"))
        with self._lock:
            self._running[index] = time.monotonic(), leash
        return context, leash

    def _end(self, index: int) -> bool:
        """Whether the row is still wanted."""
        with self._lock:
            return self._running.pop(index, None) is not None

    def _on_thread(self) -> None:
        while (index := self._next()) is not None:
            context, leash = self._begin(index)
            try:
                row = context.run(self._leashed, leash, index)
            except Cancelled:
                if leash.cut:
                    return
                raise
            if not self._end(index):
                return  # overdue: another thread took this one's place
            self._done.put(row)

    def _leashed(self, leash: Leash, index: int) -> Row:
        with settings.context(budget=leash):
            return run_example(self.program, self.examples[index], self.metric, index=index)

    def _overdue(self, limit: float) -> Iterator[Row]:
        now = time.monotonic()
        with self._lock:
            late = [(index, begun, leash) for index, (begun, leash) in self._running.items() if now - begun > limit]
            for index, _, leash in late:
                del self._running[index]
                leash.cut = True
        for index, begun, _ in late:
            yield self._late_row(index, now - begun)
            self._thread(self._on_thread)

    def _late_row(self, index: int, seconds: float) -> Row:
        error = f"timed out after {self.timeout:g} s an example. Evaluate(timeout=...) sets the limit."
        return Row(index, self.examples[index], error=error, error_kind="timeout", seconds=seconds)

    async def _on_loop(self) -> None:
        loop = asyncio.get_running_loop()
        # synchronous metrics, and LMs that only have a synchronous transport, wait in threads of their own
        loop.set_default_executor(ThreadPoolExecutor(self.num_threads, thread_name_prefix="lmnb-evaluate"))
        everything = asyncio.gather(*(self._lane() for _ in range(self.num_threads)))
        with self._lock:
            self._tasks.append(lambda: loop.call_soon_threadsafe(everything.cancel))
        if self._stopped.is_set():
            everything.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await everything

    async def _lane(self) -> None:
        while (index := self._next()) is not None:
            context, leash = self._begin(index)
            row = await asyncio.create_task(self._timed(index, leash), context=context)
            if self._end(index):
                self._done.put(row)

    async def _timed(self, index: int, leash: Leash) -> Row:
        begun = time.monotonic()
        try:
            with settings.context(budget=leash):
                async with asyncio.timeout(self.timeout):
                    return await arun_example(self.program, self.examples[index], self.metric, index=index)
        except TimeoutError:
            return self._late_row(index, time.monotonic() - begun)
