"""What sandboxed code may call outside: tools, and `SUBMIT` to end with a result."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from lmnb.errors import BudgetExceeded, Cancelled, InterpreterError
from lmnb.tools.crossing import received, sent
from lmnb.tools.interpreter import FinalOutput

SUBMIT = "SUBMIT"


class Bridge:
    """The calls of one execution. An error of a tool is raised inside the code, which may catch it; what must not be
    caught there (a submission, a spent budget, an interrupt) ends the code and is raised by `end`.
    """

    def __init__(self, tools: Mapping[str, Callable[..., Any]], fields: Sequence[str], most: int) -> None:
        self.tools = tools
        self.fields = fields
        self.left = most
        self.most = most
        self.final: FinalOutput | None = None
        self.stopped: BaseException | None = None

    def lookup(self) -> dict[str, Callable[..., Any]]:
        """The callables by the names that the code knows them by."""
        return {**{identifier(name): self._caller(name) for name in self.tools}, SUBMIT: self._submit}

    def end(self) -> None:
        """Raise what stopped the code."""
        if self.stopped is not None:
            raise self.stopped

    def _caller(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self._go_on()
            if self.left <= 0:
                error = f"the code called its tools more than {self.most} times (max_tool_calls)"
                self._stop(InterpreterError(error, kind="CallLimit"))
            self.left -= 1
            args = tuple(received(value, f"an argument of {name}") for value in args)
            kwargs = {key: received(value, f"the argument {key!r} of {name}") for key, value in kwargs.items()}
            try:
                return sent(self.tools[name](*args, **kwargs), f"the result of {name}")
            except (BudgetExceeded, Cancelled) as error:
                self._stop(error)
            except Exception as error:  # noqa: BLE001  whatever a tool raises, the code may catch
                raise _known(error) from None
            except BaseException as error:  # noqa: BLE001  an interrupt is for this side, not for the code
                self._stop(error)

        return call

    def _submit(self, *args: Any, **kwargs: Any) -> NoReturn:
        self._go_on()
        fields = self.fields or (("answer",) if args else ())
        if len(args) > len(fields):
            raise TypeError(f"{SUBMIT} takes {', '.join(fields)}, and was given {len(args)} values by position")
        values = {**dict(zip(fields, args, strict=False)), **kwargs}
        missing = [name for name in self.fields if name not in values]
        extra = [name for name in values if self.fields and name not in self.fields]
        if missing or extra:
            wrong = f"lacks {', '.join(missing)}" if missing else f"has no {', '.join(extra)}"
            raise TypeError(f"{SUBMIT} {wrong}. Write {SUBMIT}({', '.join(f'{name}=...' for name in self.fields)})")
        self.final = FinalOutput(received(values, "what was submitted"))
        raise SystemExit

    def _go_on(self) -> None:
        if self.final is not None or self.stopped is not None:
            raise SystemExit

    def _stop(self, error: BaseException) -> NoReturn:
        self.stopped = error
        raise SystemExit


def _known(error: Exception) -> Exception:
    """The error as the code may catch it: an exception that Python itself has, and its message."""
    if type(error).__module__ == "builtins":
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")


def identifier(name: str) -> str:
    """A tool's name as code can write it: `read-file` is `read_file`.

    >>> identifier("read-file")
    'read_file'
    """
    word = re.sub(r"\W", "_", name)
    return word if word.isidentifier() else f"_{word}"
