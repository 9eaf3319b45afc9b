"""ToolCalls: which tools a model asks for, and what they gave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

from lmnb.canonical import canonical
from lmnb.errors import BudgetExceeded, Cancelled, InputError
from lmnb.nearest import did_you_mean
from lmnb.types.tool import Tool, tools_by_name

Functions = Mapping[str, Any] | Iterable[Any]


def _for_prompts(schema: dict[str, Any]) -> None:
    """A model that writes calls is shown neither our docstrings nor the ids that providers give."""
    schema.pop("description", None)
    schema["properties"].pop("id", None)


class ToolCall(BaseModel):
    """One call that a model asks for.

    >>> import lmnb
    >>> lmnb.ToolCall(name="double", args={"x": 4}).execute(functions={"double": lambda x: 2 * x})
    8
    """

    model_config = ConfigDict(frozen=True, json_schema_extra=_for_prompts)
    name: str
    args: dict[str, Any] = {}
    id: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: Any) -> Any:
        """Also the form of providers: {"id": ..., "function": {"name": ..., "arguments": "{...}"}}."""
        if not isinstance(data, Mapping):
            return data
        inner = data.get("function")
        inner = inner if isinstance(inner, Mapping) else data
        args = inner.get("args", inner.get("arguments", {}))
        if isinstance(args, str):
            try:
                args = json.loads(args or "{}")
            except (ValueError, RecursionError):
                raise ValueError("its arguments are no JSON object") from None
        return {"name": inner.get("name"), "args": {} if args is None else args, "id": data.get("id")}

    def execute(self, functions: Functions) -> Any:
        """What the tool of that name gives; `functions` are tools or functions, in a list or by name.

        InputError for a tool that is not among them, and for wrong arguments.
        """
        return self._tool(functions)(**self.args)

    async def aexecute(self, functions: Functions) -> Any:
        """`execute` in asynchronous code."""
        return await self._tool(functions).acall(**self.args)

    def _tool(self, functions: Functions) -> Tool:
        tools = tools_by_name(functions)
        if self.name in tools:
            return tools[self.name]
        hint = did_you_mean(self.name, tools, f"The tools are: {', '.join(tools) or 'none'}.")
        raise InputError(f"there is no tool {self.name!r}. {hint}")


class ToolCalls(BaseModel):
    """The calls that a model asks for, in order.

    >>> import lmnb
    >>> calls = lmnb.ToolCalls.from_dict_list([{"name": "double", "args": {"x": 4}}, {"name": "halve", "args": {"x": 4}}])
    >>> print(calls.execute({"double": lambda x: 2 * x}))
    double: 8
    halve: failed: InputError: there is no tool 'halve'. The tools are: double.
    """

    model_config = ConfigDict(frozen=True, json_schema_extra=_for_prompts)
    tool_calls: tuple[ToolCall, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: Any) -> Any:
        """Also a bare list of calls, or one call."""
        if isinstance(data, (list, tuple)):
            return {"tool_calls": data}
        if isinstance(data, Mapping) and "tool_calls" not in data and ("name" in data or "function" in data):
            return {"tool_calls": [data]}
        return data

    @classmethod
    def from_dict_list(cls, calls: Iterable[Mapping[str, Any]]) -> Self:
        """From `[{"name": ..., "args": {...}}, ...]`, or the form of providers."""
        return cls.model_validate(list(calls))

    def execute(self, functions: Functions) -> ToolCallResults:
        """All calls, one after the other; a call that fails is a result with its error."""
        return ToolCallResults(results=tuple(_result(call, lambda call=call: call.execute(functions)) for call in self))

    async def aexecute(self, functions: Functions) -> ToolCallResults:
        """All calls, side by side."""
        ended = await asyncio.gather(*(call.aexecute(functions) for call in self), return_exceptions=True)

        def given(value: Any) -> Any:
            if isinstance(value, BaseException):
                raise value
            return value

        pairs = zip(self, ended, strict=True)
        return ToolCallResults(results=tuple(_result(call, lambda value=value: given(value)) for call, value in pairs))

    def format(self) -> list[dict[str, Any]]:
        """The calls as they stand in an assistant message to a provider."""
        return [
            {"type": "function", "id": call.id, "function": {"name": call.name, "arguments": canonical(call.args)}}
            for call in self
        ]

    def __iter__(self) -> Iterator[ToolCall]:
        return iter(self.tool_calls)

    def __len__(self) -> int:
        return len(self.tool_calls)


class ToolCallResult(BaseModel):
    """What one call gave, or the error that it failed with."""

    model_config = ConfigDict(frozen=True)
    name: str
    value: Any = None
    error: str | None = None
    id: str | None = None

    def __str__(self) -> str:
        if self.error is not None:
            return f"failed: {self.error}"
        return self.value if isinstance(self.value, str) else str(self.value)


class ToolCallResults(BaseModel):
    """What the calls gave, in their order."""

    model_config = ConfigDict(frozen=True)
    results: tuple[ToolCallResult, ...] = ()

    def format(self) -> list[dict[str, Any]]:
        """The results as messages to a provider."""
        return [{"role": "tool", "tool_call_id": r.id, "name": r.name, "content": str(r)} for r in self.results]

    def __iter__(self) -> Iterator[ToolCallResult]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __str__(self) -> str:
        return "\n".join(f"{result.name}: {result}" for result in self.results)


def _result(call: ToolCall, run: Any) -> ToolCallResult:
    try:
        return ToolCallResult(name=call.name, value=run(), id=call.id)
    except (BudgetExceeded, Cancelled):
        raise
    except Exception as error:  # noqa: BLE001
        return ToolCallResult(name=call.name, error=f"{type(error).__name__}: {error}", id=call.id)
