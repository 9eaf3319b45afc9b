"""PythonInterpreter: a model's Python in a sandbox, in a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

from lmnb.errors import InputError, InterpreterError
from lmnb.optional import need
from lmnb.tools.bridge import Bridge
from lmnb.tools.complaints import LIMITS, explained
from lmnb.tools.crossing import received, sent
from lmnb.tools.interpreter import Execution
from lmnb.trace import span
from lmnb.types.tool import tools_by_name
from lmnb.types.wording import ENGLISH

_MOST_CROSSINGS = 20_000  # tool calls and look-ups in one session, whatever the code catches


class PythonInterpreter:
    """Runs a subset of Python (Monty) without files, network, processes or installed packages; state lasts between calls.
    `DenoInterpreter` runs all of Python.

    `tools`: what the code may call, functions or Tools. `output_fields`: the names of what `SUBMIT(...)` hands over by
    position. `max_seconds` counts the code's own time, not that of its tools, and sleeping returns at once;
    `max_memory` and `max_output` are in bytes; `max_tool_calls` holds for one `execute`. Beyond a limit, a call raises
    InterpreterError; the state is lost then, and the next call starts afresh.

    >>> import lmnb
    >>> def price(item: str) -> float:
    ...     return {"apple": 0.5, "pear": 0.75}[item]
    >>> with lmnb.PythonInterpreter(tools=[price]) as python:
    ...     _ = python.execute("total = sum(price(item) for item in ['apple', 'pear'])")
    ...     python.execute("total * 2")
    2.5
    """

    language = ENGLISH.small_python

    def __init__(
        self,
        *,
        tools: Mapping[str, Any] | Iterable[Any] = (),
        output_fields: Sequence[str] = (),
        max_seconds: float = 5.0,
        max_memory: int = 128 * 2**20,
        max_output: int = 100_000,
        max_tool_calls: int = 200,
    ) -> None:
        self.tools: dict[str, Callable[..., Any]] = dict(tools_by_name(tools))
        self.output_fields = tuple(output_fields)
        self.max_seconds = max_seconds
        self.max_memory = max_memory
        self.max_output = max_output
        self.max_tool_calls = max_tool_calls
        self._busy = threading.Lock()
        self._ended = False
        self._session: Any = None
        self._process: int | None = None
        self._close: Callable[[], object] = _nothing

    def start(self) -> None:
        """Start the sandbox; `execute` does it too."""
        if self._session is not None:
            return
        monty = need("pydantic_monty", "interpreter", "PythonInterpreter")
        with contextlib.ExitStack() as opened:
            pool = opened.enter_context(monty.Monty(min_processes=0, max_processes=1))
            limits = {
                "max_feed_duration_secs": self.max_seconds,
                "max_memory": self.max_memory,
                "max_suspensions": _MOST_CROSSINGS,
            }
            self._session = opened.enter_context(pool.checkout(limits=limits, os_policy={"sleep": "zero"}))
            self._process = self._session.worker_pid
            self._close = weakref.finalize(self, opened.pop_all().close)

    def shutdown(self) -> None:
        """End the sandbox and forget its state; also done when the interpreter is let go of. Code that another thread runs fails there."""
        self._ended = True
        if self._busy.acquire(blocking=False):
            try:
                self._forget()
            finally:
                self._busy.release()
        else:  # to close would wait for the code: its process ends now, and who runs it closes
            self._kill()

    def _kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process, getattr(signal, "SIGKILL", signal.SIGTERM))

    def _forget(self) -> None:
        self._ended, self._session, self._process = False, None, None
        close, self._close = self._close, _nothing
        close()

    def execute(self, code: str, variables: Mapping[str, Any] | None = None) -> Any:
        """The value of the last expression, or else what was printed; a FinalOutput where the code called `SUBMIT(...)`.

        `variables` are set first. InterpreterError says which line failed and why.
        """
        return self.run(code, variables).result

    __call__ = execute

    def run(self, code: str, variables: Mapping[str, Any] | None = None) -> Execution:
        """`execute` with the value and the printed text apart."""
        if not isinstance(code, str):
            raise InputError(f"code is a text, not {type(code).__name__}")
        given = {name: sent(value, f"the variable {name!r}") for name, value in (variables or {}).items()}
        for name in given:
            if not name.isidentifier():
                raise InputError(f"the variable {name!r} is no name in Python")
        if not self._busy.acquire(blocking=False):
            raise InterpreterError(
                "this interpreter is running other code: a tool of it called it, or another thread. Make one for each."
            )
        try:
            self.start()
            inputs = {"code": code, "variables": dict(variables or {})}
            with span("interpreter", "python", inputs=inputs, instance=self, apart=True) as opened:
                execution = self._run(code, given)
                opened.result = execution.result
            return execution
        finally:
            self._busy.release()
            if self._ended:
                self.shutdown()

    def _run(self, code: str, variables: dict[str, Any]) -> Execution:
        monty = need("pydantic_monty", "interpreter", "PythonInterpreter")
        printed = monty.CollectString(self.max_output)
        bridge = Bridge(self.tools, self.output_fields, self.max_tool_calls)
        try:
            if variables:  # in a run of their own: Monty forgets the inputs of code that does not compile
                self._session.feed_run("None", inputs=variables)
            value = self._session.feed_run(code, external_lookup=bridge.lookup(), print_callback=printed)
        except monty.MontyError as error:
            failed = explained(error, code, printed.output, self._limits())
            if failed.kind in LIMITS:
                self._forget()
            bridge.end()
            if bridge.final is None:
                raise failed from None
            value = None
        except BaseException:
            self._forget()
            raise
        bridge.end()
        return Execution(received(value, "the result"), printed.output, bridge.final)

    def _limits(self) -> dict[str, float]:
        return {"max_seconds": self.max_seconds, "max_memory": self.max_memory, "max_output": self.max_output}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.shutdown()

    def __repr__(self) -> str:
        return f"PythonInterpreter(tools={sorted(self.tools)}, max_seconds={self.max_seconds:g})"


def language_of(factory: Any) -> str:
    """What a model is told of the Python that the sandboxes of `factory` run; of PythonInterpreter's where it does not say."""
    return getattr(getattr(factory, "func", factory), "language", PythonInterpreter.language)  # of a partial too


def _nothing() -> None:
    pass
