"""What runs inside the Deno sandbox, in Pyodide: code, piece by piece, in one session of full Python; `lmnb.tools.deno` is its outside."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import enum
import inspect
import io
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Collection, Mapping
from typing import Any

from lmnb.tools.wire import SCALARS, decode, encode, hashable

_DEEPEST = 100
_LONGEST = 2_000  # characters of an error's message
_BASES: tuple[Any, ...] = (int, float, complex, str, bytes)
_AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_HIDDEN = ("js", "pyodide_js")  # JavaScript, which has no rights of its own either: hidden for a plain error


class Session:
    """Runs requests, lines of JSON. `ask` sends a call outside and gives the answer to it, both as JSON."""

    def __init__(self, ask: Callable[[str], str]) -> None:
        self.ask = ask
        self.space = vars(sys.modules["__main__"])
        self.loop = Loop()
        self.given: dict[str, Callable[..., Any]] = {}
        self.count = 0
        self.spare: Any = bytes(2**20)  # to tell of it when memory is out

    def execute(self, request: str) -> str:
        """The value of the last expression, or the error, and what was printed."""
        self.count += 1
        name = f"<code {self.count}>"
        answer: dict[str, Any] = {}
        printed = Printed(0)
        try:
            asked = json.loads(request)
            printed.left = asked["max_output"]
            self._offer(asked["tools"])
            self.space.update({key: decode(value) for key, value in asked["variables"].items()})
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                answer["value"] = encode(plain(self._run(asked["code"], name), "the result"))
        except BaseException as error:  # noqa: BLE001  all of it is told outside
            self.spare = None
            answer["error"] = report(error, name)
        answer["printed"] = "".join(printed.parts)
        return json.dumps(answer)

    def _run(self, code: str, name: str) -> Any:
        tree = ast.parse(code, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        self._evaluated(compile(tree, name, "exec", _AWAIT, dont_inherit=True))
        if not isinstance(last, ast.Expr):
            return None
        return self._evaluated(compile(ast.Expression(last.value), name, "eval", _AWAIT, dont_inherit=True))

    def _evaluated(self, code: Any) -> Any:
        asyncio.set_event_loop(self.loop)
        value = eval(code, self.space)  # noqa: S307  this is the sandbox
        return self.loop.run_until_complete(value) if code.co_flags & inspect.CO_COROUTINE else value

    def _offer(self, names: list[str]) -> None:
        """The tools as names of the code, which may give these names another meaning."""
        for name, tool in self.given.items():
            if self.space.get(name) is tool:
                del self.space[name]
        self.given = {name: self.given.get(name) or self._caller(name) for name in names}
        for name, tool in self.given.items():
            self.space.setdefault(name, tool)

    def _caller(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            placed = [encode(plain(value, f"an argument of {name}")) for value in args]
            named = {key: encode(plain(value, f"the argument {key!r} of {name}")) for key, value in kwargs.items()}
            said = json.loads(self.ask(json.dumps({"call": name, "args": placed, "kwargs": named})))
            if "value" in said:
                return decode(said["value"])
            if "error" in said:
                raise known(*said["error"])
            raise SystemExit

        call.__name__ = call.__qualname__ = name
        return call


class Loop(asyncio.BaseEventLoop):
    """An event loop with nothing outside to wait for: a sleep only moves its clock."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._selector = self

    def time(self) -> float:
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("the code waits for what never comes")
        self._now += timeout
        return []

    def _process_events(self, events: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


class OutputLimit(BaseException):
    """More was printed than may be."""


class Printed(io.TextIOBase):
    """What the code prints, `left` bytes of it at most."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.parts: list[str] = []

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.left -= len(text.encode("utf-8", "surrogatepass"))
        if self.left < 0:
            raise OutputLimit
        self.parts.append(text)
        return len(text)


def plain(value: Any, what: str, depth: int = 0) -> Any:
    """`value` in types that cross the border: an object of a class becomes the dict of its attributes, a function or class its name."""
    if type(value) in SCALARS:
        return value
    if depth > _DEEPEST:
        raise ValueError(f"{what} is nested deeper than {_DEEPEST}. Pass flat data.")
    if isinstance(value, enum.Enum):
        return plain(value.value, what, depth + 1)
    for kind in _BASES:
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, Mapping):
        return {hashable(plain(key, what, depth + 1)): plain(item, what, depth + 1) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return type(value)(hashable(plain(item, what, depth + 1)) for item in value)
    if isinstance(value, tuple):
        return tuple(plain(item, what, depth + 1) for item in value)
    if isinstance(value, (type, BaseException)) or not (isinstance(value, Collection) or hasattr(value, "__dict__")):
        return getattr(value, "__name__", None) or str(value)
    if isinstance(value, Collection):
        return [plain(item, what, depth + 1) for item in value]
    return getattr(value, "__name__", None) or plain(vars(value), what, depth + 1)


def known(kind: str, message: str) -> BaseException:
    """The error of a tool as the code may catch it."""
    found = vars(sys.modules["builtins"]).get(kind)
    if isinstance(found, type) and issubclass(found, Exception):
        with contextlib.suppress(TypeError):  # one that takes more than a message
            return found(message)
    return RuntimeError(f"{kind}: {message}")


def report(error: BaseException, name: str) -> dict[str, Any]:
    """What is told of an error: its kind, its message, and the innermost line of the code called `name`."""
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == name]
    message, line = "", lines[-1] if lines else None
    with contextlib.suppress(BaseException):
        message = str(error)
        if isinstance(error, SyntaxError) and error.filename == name:
            message, line = error.msg, error.lineno
    told = {"kind": type(error).__name__, "message": message[:_LONGEST], "line": line}
    return {**told, "limit": isinstance(error, OutputLimit), "system": isinstance(error, OSError)}


def begin(ask: Callable[[str], str]) -> Callable[[str], str]:
    """Make this Python a sandbox: no JavaScript, no input, nothing to wait for. Gives what executes a request."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "JsFinder"]
    modules: dict[str, Any] = sys.modules
    modules.update(dict.fromkeys(_HIDDEN))
    sys.stdin = None
    for module in (os, sys.modules["posix"]):
        vars(module).pop("system", None)  # it would end this process instead of failing
    time.sleep = _no_sleep
    asyncio._set_running_loop(None)
    asyncio.new_event_loop = asyncio.events.new_event_loop = Loop
    return Session(ask).execute


def _no_sleep(seconds: float) -> None:
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
