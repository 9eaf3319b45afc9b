"""DenoInterpreter: a model's Python, all of it, in a sandbox of Pyodide and Deno."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lmnb.errors import InputError, InterpreterError
from lmnb.tools.bridge import Bridge
from lmnb.tools.complaints import LIMITS, reported, stopped
from lmnb.tools.crossing import received
from lmnb.tools.deno_process import DenoProcess, Ended, checked_pyodide, find_deno, find_pyodide
from lmnb.tools.interpreter import Execution
from lmnb.tools.python import PythonInterpreter
from lmnb.tools.wire import decode, encode
from lmnb.types.wording import ENGLISH

_MALFORMED = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError)
_LONGEST = 2**24  # bytes of a message out, beside max_memory


class DenoInterpreter(PythonInterpreter):
    """Runs full Python and its standard library (CPython as WebAssembly, in a Deno process without rights) with the arguments and the
    results of `PythonInterpreter`; starting takes some seconds.

    It has files of its own alone, in memory, and no network, processes, threads or environment. What is granted: the folders
    `enable_read_paths`, the folders `enable_write_paths` (which it can read too), under their own paths, with all that links in
    them lead to; the environment variables `enable_env_vars`. Network is not: give a tool that does it.

    `max_seconds` counts the code's own time; `max_memory` counts what it takes beyond Python itself. Needs the extra `lmnb[deno]`
    and Pyodide, fetched once by `deno cache npm:pyodide`, or in the folder `pyodide` (default: what `LMNB_PYODIDE` names), the
    npm package of that name. `deno_command`: how Deno is started. Nothing is fetched when code runs.

    >>> import lmnb
    >>> with lmnb.DenoInterpreter() as python:  # doctest: +SKIP
    ...     python.execute("from fractions import Fraction\\nsum(Fraction(1, n) for n in range(1, 4))")
    '11/6'
    """

    language = ENGLISH.whole_python

    def __init__(
        self,
        *,
        tools: Mapping[str, Any] | Iterable[Any] = (),
        output_fields: Sequence[str] = (),
        max_seconds: float = 5.0,
        max_memory: int = 128 * 2**20,
        max_output: int = 100_000,
        max_tool_calls: int = 200,
        enable_read_paths: Iterable[str | os.PathLike[str]] = (),
        enable_write_paths: Iterable[str | os.PathLike[str]] = (),
        enable_env_vars: Iterable[str] = (),
        deno_command: Sequence[str] = (),
        pyodide: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__(
            tools=tools,
            output_fields=output_fields,
            max_seconds=max_seconds,
            max_memory=max_memory,
            max_output=max_output,
            max_tool_calls=max_tool_calls,
        )
        self.enable_read_paths = tuple(enable_read_paths)
        self.enable_write_paths = tuple(enable_write_paths)
        self.enable_env_vars = tuple(enable_env_vars)
        self.deno_command = tuple(deno_command)
        self.pyodide = pyodide

    def start(self) -> None:
        """Start the process and load Python; `execute` does it too."""
        if self._session is not None:
            return
        reads, writes = _folders(self.enable_read_paths), _folders(self.enable_write_paths)
        env = {name: os.environ[name] for name in self.enable_env_vars if name in os.environ}
        deno = self.deno_command or find_deno()
        folder = find_pyodide(deno) if self.pyodide is None else Path(self.pyodide).expanduser().resolve()
        try:
            process = DenoProcess(deno, checked_pyodide(folder), reads, writes, self.max_memory + _LONGEST)
        except OSError as error:
            raise InputError(
                f"{deno[0]!r} cannot be started: {error}. Write DenoInterpreter(deno_command=[...])."
            ) from None
        self._session, self._close = process, weakref.finalize(self, process.close)
        try:
            process.begin(env, self.max_memory)
        except Ended as ended:
            self.shutdown()
            why = ended.why or "it took too long"
            raise InterpreterError(f"Deno could not start Pyodide in {str(folder)!r}: {why}", kind="Crash") from None
        except BaseException:
            self.shutdown()
            raise

    def _kill(self) -> None:
        session = self._session
        if session is not None:
            session.kill()

    def _run(self, code: str, variables: dict[str, Any]) -> Execution:
        bridge = Bridge(self.tools, self.output_fields, self.max_tool_calls)
        try:
            answer = self._answered(code, variables, bridge.lookup())
            printed, wrong = str(answer["printed"]), answer.get("error")
            failed = None if wrong is None else reported(wrong, code, printed, self._limits())
            value = received(decode(answer["value"]), "the result") if failed is None else None
        except Ended as ended:
            value, printed, failed = None, "", stopped(ended.why, late=ended.late, limits=self._limits())
        except _MALFORMED:
            value, printed, failed = None, "", stopped("it wrote what is no message", late=False, limits=self._limits())
        except BaseException:
            self.shutdown()
            raise
        if failed is not None and failed.kind in LIMITS:
            self.shutdown()
        bridge.end()
        if failed is not None and bridge.final is None:
            raise failed
        return Execution(value, printed, bridge.final)

    def _answered(self, code: str, variables: dict[str, Any], lookup: dict[str, Callable[..., Any]]) -> dict[str, Any]:
        """What the sandbox says in the end; the tools that it asks for on the way are called."""
        given = {name: encode(value) for name, value in variables.items()}
        message = {"code": code, "variables": given, "tools": list(lookup), "max_output": self.max_output}
        left = self.max_seconds
        while True:
            began = time.monotonic()
            done, said = self._session.ask(message, left)
            left -= time.monotonic() - began
            if done:
                return said
            args = [decode(value) for value in said["args"]]
            message = _called(lookup[said["call"]], args, {key: decode(value) for key, value in said["kwargs"].items()})

    def __repr__(self) -> str:
        return f"DenoInterpreter(tools={sorted(self.tools)}, max_seconds={self.max_seconds:g})"


def _called(tool: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """What the sandbox is told of a call. SystemExit ends the code there, and is no error here."""
    try:
        return {"value": encode(tool(*args, **kwargs))}
    except SystemExit:
        return {"exit": True}
    except Exception as error:  # noqa: BLE001  whatever it is, the code may catch it
        message = error.args[0] if len(error.args) == 1 and isinstance(error.args[0], str) else str(error)
        return {"error": [type(error).__name__, message]}


def _folders(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    found = [Path(path).expanduser().resolve() for path in paths]
    for path in found:
        if not path.is_dir():
            raise InputError(f"{str(path)!r} is no folder, and only folders can be granted. Write that of its files.")
        if "," in str(path):
            raise InputError(f"{str(path)!r} has a comma, and Deno takes none in what it grants. Rename it.")
    return found
