"""What every interpreter of a model's code does: the protocol, and the forms of a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from lmnb.html import Html, el, root


@runtime_checkable
class CodeInterpreter(Protocol):
    """Runs a model's code, with state that lasts from `start` to `shutdown`.

    `execute` gives the value of the last expression, or else what was printed; or a FinalOutput, where the code called
    `SUBMIT(...)`. It raises InterpreterError for code that fails.
    """

    @property
    def tools(self) -> dict[str, Callable[..., Any]]:
        """What the code may call, by name."""
        ...

    def start(self) -> None: ...

    def execute(self, code: str, variables: Mapping[str, Any] | None = None) -> Any: ...

    def shutdown(self) -> None: ...


@dataclass(frozen=True)
class FinalOutput:
    """What code handed over with `SUBMIT(...)`, by field."""

    output: dict[str, Any]


@dataclass(frozen=True)
class Execution:
    """One piece of code that ran: the value of its last expression, what it printed, what it submitted."""

    value: Any = None
    printed: str = ""
    final: FinalOutput | None = None

    @property
    def result(self) -> Any:
        """The one thing that `execute` gives of it."""
        return self.final or (self.printed if self.value is None else self.value)

    @property
    def text(self) -> str:
        """What was printed and then the value, as a model reads them."""
        value = "" if self.value is None else str(self.value)
        return "\n".join(filter(None, [self.printed.rstrip("\n"), value]))

    def _repr_html_(self) -> Html:
        shown = [self.printed] if self.printed else []
        if self.final is not None or self.value is not None:
            shown.append(repr(self.value if self.final is None else self.final.output))
        return root("execution", *(el("pre", {"class": "lm-box"}, text) for text in shown))
