"""Parallel: many calls of modules side by side, in order, with a limit on how long each may take."""

from __future__ import annotations

import asyncio
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lmnb import listening
from lmnb.errors import BudgetExceeded, Cancelled, InputError, TimedOut
from lmnb.example import Example
from lmnb.modules.progress import progress, watched
from lmnb.modules.taint import tainted
from lmnb.modules.workers import Workers
from lmnb.settings import chosen, current
from lmnb.trace import Span, open_span, span

POLL = 0.1
TIMEOUT, STRAGGLERS = 120, 3


class Parallel:
    """Calls many pairs of a module and its example, or one module on many examples, on `num_threads` threads (default: the setting).

    The results come in the order of the calls; None where one failed, with a warning (`provide_traceback` adds the stack). When
    `max_errors` (default: the setting) have failed, the rest is called off and the first error raised; a spent budget ends it at
    once. With `return_failed_examples` the result is `(results, failed examples, their errors)`.

    A call that takes longer than `timeout` seconds (None: no limit) is a straggler: it gives its place to the next. Once at most
    `straggler_limit` calls are unfinished, each straggler is asked a second time, and what comes first counts; after twice the
    time it fails with TimedOut. With `straggler_limit=0` it fails at `timeout`. What it asks its LM later is refused.

    An example is an Example (its inputs are passed, or with `access_examples=False` it itself), a dict of inputs, a tuple of
    positional arguments, or a list of pairs for a module that is a Parallel. LM, adapter, budget and trace are the caller's. An
    example gives no options of a call, such as `config`: set them on the module, or write `functools.partial(module, config=...)`.

    >>> import lmnb
    >>> double = lmnb.Predict("number: int -> twice: int")
    >>> lm = lmnb.FakeLM(lambda messages, **_: {"twice": 2 * int(messages[-1]["content"].splitlines()[1])})
    >>> with lmnb.context(lm=lm):
    ...     [made.twice for made in lmnb.Parallel(num_threads=2)(double, [{"number": 1}, {"number": 2}, {"number": 3}])]
    [2, 4, 6]
    """

    def __init__(
        self,
        num_threads: int | None = None,
        max_errors: int | None = None,
        access_examples: bool = True,
        return_failed_examples: bool = False,
        provide_traceback: bool | None = None,
        disable_progress_bar: bool = False,
        timeout: float | None = TIMEOUT,
        straggler_limit: int = STRAGGLERS,
    ) -> None:
        self.num_threads = num_threads
        self.max_errors = max_errors
        self.access_examples = access_examples
        self.return_failed_examples = return_failed_examples
        self.provide_traceback = provide_traceback
        self.disable_progress_bar = disable_progress_bar
        self.timeout = timeout
        self.straggler_limit = straggler_limit

    def __call__(self, pairs: Any, examples: Iterable[Any] | None = None, *, num_threads: int | None = None) -> Any:
        """`parallel([(module, example), ...])`, or `parallel(module, examples)`."""
        return self.run(pairs, examples, num_threads)

    forward = __call__

    def run(self, pairs: Any, examples: Iterable[Any] | None, num_threads: int | None) -> Any:
        """What `__call__` does."""
        calls, rows = self._calls(pairs, examples, num_threads)
        return self._given(calls, rows, self._collect(calls))

    async def acall(self, pairs: Any, examples: Iterable[Any] | None = None, *, num_threads: int | None = None) -> Any:
        """`__call__` for asynchronous code: the work is done in threads, the caller's loop stays free."""
        calls, rows = self._calls(pairs, examples, num_threads)
        try:
            outcomes = await asyncio.to_thread(self._collect, calls)
        finally:
            calls.stop()
        return self._given(calls, rows, outcomes)

    def _calls(self, pairs: Any, examples: Iterable[Any] | None, num_threads: int | None) -> tuple[Calls, list[Any]]:
        listed = list(pairs) if examples is None else [(pairs, example) for example in examples]
        for at, pair in enumerate(listed):
            if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not callable(pair[0]):
                raise InputError(f"call {at} is {pair!r}, which is no pair. Write (module, example).")
        threads = num_threads or self.num_threads or current("num_threads")
        counts = (
            ("num_threads", threads, 1),
            ("straggler_limit", self.straggler_limit, 0),
            ("max_errors", self._limit, 0),
        )
        for name, value, least in counts:
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(f"{name} is {value!r}: write a whole number from {least}.")
        seconds = self.timeout
        if seconds is not None and (
            isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0
        ):
            raise InputError(f"timeout is {seconds!r}: write the seconds that a call may take, or None for no limit.")
        works = [self._work(module, example) for module, example in listed]
        made = Calls(works, num_threads=threads, timeout=self.timeout, second_tries=self.straggler_limit)
        return made, [example for _, example in listed]

    def _work(self, module: Callable[..., Any], example: Any) -> Callable[[], Any]:
        if isinstance(example, Example) and self.access_examples:
            marked = example.input_keys is not None
            inputs = dict((example.inputs() if marked else example).items())
            return lambda: _on_data(inputs, lambda: module(**inputs))
        if isinstance(example, Example):
            return lambda: _on_data(example, lambda: module(example))
        if isinstance(example, Mapping):
            return lambda: _on_data(example, lambda: module(**example))
        if isinstance(example, tuple):
            return lambda: _on_data(example, lambda: module(*example))
        if isinstance(example, list) and isinstance(module, Parallel):
            return lambda: module(example)
        raise InputError(f"an example is an Example, a dict or a tuple, not {example!r}.")

    def _collect(self, calls: Calls) -> dict[int, Outcome]:
        limit = self._limit
        outcomes: dict[int, Outcome] = {}
        errors: list[Exception] = []
        shown = not self.disable_progress_bar and open_span() is None and watched()
        with progress(calls.count, "Parallel", shown) as show:
            try:
                calls.start()
                while len(outcomes) < calls.count and not calls.stopped:
                    for outcome in calls.finished(POLL):
                        outcomes[outcome.index] = outcome
                        if outcome.error is not None:
                            errors.append(outcome.error)
                        if limit and len(errors) >= limit:
                            errors[0].add_note(f"{len(errors)} of {calls.count} calls failed: max_errors={limit}")
                            raise errors[0]
                    show(len(outcomes), None, len(errors))
            finally:
                calls.stop()
                calls.hang(outcomes)
        return outcomes

    @property
    def _limit(self) -> int:
        return current("max_errors") if self.max_errors is None else self.max_errors

    def _given(self, calls: Calls, rows: list[Any], outcomes: Mapping[int, Outcome]) -> Any:
        results = [outcomes[at].result for at in range(calls.count)]
        failed = [(at, error) for at in range(calls.count) if (error := outcomes[at].error) is not None]
        if self.return_failed_examples:
            return results, [rows[at] for at, _ in failed], [error for _, error in failed]
        if failed:
            at, error = failed[0]
            told = f"{type(error).__name__}: {error}"
            if chosen("provide_traceback", self.provide_traceback):
                told = "".join(traceback.format_exception(error)).rstrip()
            warnings.warn(f"{len(failed)} of {calls.count} examples failed, the first at {at}: {told}", stacklevel=4)
        return results


def _on_data(data: Any, call: Callable[[], Any]) -> Any:
    with tainted(data):
        return call()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one call gave, or why it failed. `carrier` holds its spans where the caller has a trace."""

    index: int
    result: Any = None
    error: Exception | None = None
    carrier: Span | None = None


class Calls(Workers[Outcome]):
    """The calls of one Parallel."""

    def __init__(
        self, works: Sequence[Callable[[], Any]], *, num_threads: int, timeout: float | None, second_tries: int
    ) -> None:
        super().__init__(len(works), num_threads=num_threads, timeout=timeout, second_tries=second_tries)
        self.works = works
        self.around = open_span()
        self._carriers: dict[int, list[Span]] = {}

    def run(self, index: int) -> Outcome:
        if self.around is None:
            return self._outcome(index, None)
        with span("module", "try") as carrier:
            # until it is known which try counts, and so that the trace is in the order of the calls
            self.around.children.remove(carrier)
            self._carriers.setdefault(index, []).append(carrier)
            return self._outcome(index, carrier)

    def _outcome(self, index: int, carrier: Span | None) -> Outcome:
        try:
            return Outcome(index, self.works[index](), carrier=carrier)
        except (BudgetExceeded, Cancelled):
            raise
        except Exception as error:  # noqa: BLE001  the boundary: what a call raises is its outcome
            return Outcome(index, error=error, carrier=carrier)

    def late(self, index: int, seconds: float) -> Outcome:
        told = (
            f"given up after {seconds:.3g} s. Parallel(timeout=..., straggler_limit=...) says how long a call may take."
        )
        return Outcome(index, error=TimedOut(told, seconds=seconds))

    def hang(self, outcomes: Mapping[int, Outcome]) -> None:
        """Hang the spans of every call below the caller's; a try that does not count stands aside."""
        if self.around is None:
            return
        for index, carriers in sorted(self._carriers.items()):
            outcome = outcomes.get(index)
            for carrier in list(carriers):
                if outcome is None or outcome.carrier is carrier:
                    self.around.children += carrier.children
                else:
                    carrier.data["aside"] = True
                    listening.withdraw(carrier)
                    self.around.children.append(carrier)
