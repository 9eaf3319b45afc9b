"""Tool: a function that a program or a model may call, with what it takes and what it is for."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal, NoReturn, Self

from pydantic_core import core_schema

from lmnb.errors import InputError, ToolError
from lmnb.leash import in_thread
from lmnb.loops import at_home, run_to_end
from lmnb.snapshots import snapshot
from lmnb.spans import span
from lmnb.steps import step
from lmnb.types.docstring import read_docstring
from lmnb.types.parameters import Parameters, is_async, of_function, of_schema

ResultMode = Literal["text", "structured", "raw"]


class Tool:
    """A function with a name, a description and typed parameters; immutable. A call checks and coerces the arguments
    first and is a span of kind "tool" in the trace.

    Name, description and parameters come from the function: its hints, and its docstring in Google, numpy, reST or plain
    style. `args` (JSON schemas), `arg_types` and `arg_desc`, by name, win over these.

    >>> import lmnb
    >>> def search(query: str, k: int = 5) -> list[str]:
    ...     '''Finds passages.
    ...
    ...     Args:
    ...         query: what to look for
    ...     '''
    ...     return [query] * k
    >>> tool = lmnb.Tool(search)
    >>> tool
    Tool(search(query: str, k: int = 5))
    >>> tool(query="tides", k="2")
    ['tides', 'tides']
    >>> tool(query="tides", k="two")
    Traceback (most recent call last):
    lmnb.errors.InputError: tool 'search': the argument 'k' cannot be 'two': Input should be a valid integer, unable to parse string as an integer
    """

    __slots__ = ("desc", "func", "name", "original", "parameters")
    func: Callable[..., Any]
    name: str
    desc: str
    parameters: Parameters
    original: Tool | None  # of one that `with_desc` made: the tool with its first texts

    def __init__(
        self,
        func: Callable[..., Any],
        name: str | None = None,
        desc: str | None = None,
        args: Mapping[str, Any] | None = None,
        arg_types: Mapping[str, Any] | None = None,
        arg_desc: Mapping[str, str] | None = None,
    ) -> None:
        if not callable(func):
            raise InputError(f"a tool is made of a function, not of {func!r}")
        name = _name_of(func) if name is None else name
        said, texts = read_docstring(func if inspect.isroutine(func) else getattr(func, "func", func))
        self._set(func, name, said if desc is None else desc)
        taken = of_function(func, args=args, arg_types=arg_types, arg_desc={**texts, **(arg_desc or {})})
        object.__setattr__(self, "parameters", taken)

    def _set(self, func: Callable[..., Any], name: str, desc: str) -> None:
        if not isinstance(name, str) or not name.strip() or name == "<lambda>":
            raise InputError(f"a tool needs a name, not {name!r}. Write Tool(function, name='search').")
        object.__setattr__(self, "func", func)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "desc", desc)
        object.__setattr__(self, "original", None)

    @classmethod
    def of(cls, thing: Any) -> Tool:
        """`thing` if it is a tool, else the tool made of that function."""
        return thing if isinstance(thing, Tool) else Tool(thing)

    @classmethod
    def from_schema(cls, func: Callable[..., Any], name: str, desc: str, schema: Mapping[str, Any]) -> Tool:
        """A tool whose arguments are held to a JSON schema, and are passed by name."""
        made = object.__new__(Tool)
        made._set(func, name, desc)
        object.__setattr__(made, "parameters", of_schema(name, schema))
        return made

    @classmethod
    def from_mcp_tool(cls, session: Any, tool: Any, result_mode: ResultMode = "text") -> Tool:
        """A tool of an MCP server, by an open session and what its `list_tools()` gave.

        `result_mode`: the result as its text, as its structured content where the server sends one, or "raw". Made inside
        a running event loop, it may be called from any thread and loop: each call is awaited in the session's own. An
        error of the server raises ToolError. See `lmnb.MCPServer` for a server that is started and stopped for you.
        """
        try:
            home = asyncio.get_running_loop()
        except RuntimeError:
            home = None

        async def ask(arguments: dict[str, Any]) -> Any:
            if home is None:
                return await session.call_tool(tool.name, arguments)
            return await at_home(home, lambda: session.call_tool(tool.name, arguments))

        return mcp_tool(ask, tool, result_mode)

    @classmethod
    def from_langchain(cls, tool: Any) -> Tool:
        """A tool of LangChain: its name, description and arguments, called through its `ainvoke`."""

        async def call(**arguments: Any) -> Any:
            return await tool.ainvoke(arguments)

        said = tool.tool_call_schema
        schema = said if isinstance(said, Mapping) else said.model_json_schema()
        return cls.from_schema(call, tool.name, tool.description or "", schema)

    # -- calling -----------------------------------------------------------------------------------------------------

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call it; an asynchronous function is run to its end. InputError names a wrong argument."""
        with span("tool", self.name, inputs=self._named(args, kwargs), instance=self) as opened:
            bound = self.parameters.bound(self.name, args, kwargs)
            opened.inputs = snapshot(bound)
            with step(self.func, opened) as made:
                if not made.again:
                    result = self._prepared(bound)()
                    made.value = run_to_end(lambda: _awaited(result)) if inspect.isawaitable(result) else result
            opened.result, opened.outputs = made.value, {"result": made.kept}
        return made.value

    async def acall(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call it in asynchronous code; a synchronous function runs in a thread."""
        with span("tool", self.name, inputs=self._named(args, kwargs), instance=self) as opened:
            bound = self.parameters.bound(self.name, args, kwargs)
            opened.inputs = snapshot(bound)
            with step(self.func, opened) as made:
                if not made.again:
                    call = self._prepared(bound)
                    result = call() if is_async(self.func) else await in_thread(call)
                    made.value = await result if inspect.isawaitable(result) else result
            opened.result, opened.outputs = made.value, {"result": made.kept}
        return made.value

    def _named(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        return {**dict(zip(self.parameters.in_order, args, strict=False)), **kwargs} if args else kwargs

    def _prepared(self, values: Mapping[str, Any]) -> Callable[[], Any]:
        named = self.parameters.checked(self.name, values)
        placed = [named.pop(name) for name in self.parameters.by_place if name in named]
        return functools.partial(self.func, *placed, **named)

    # -- as a value ---------------------------------------------------------------------------------------------------

    @property
    def args(self) -> dict[str, Any]:
        """The JSON schema of each argument."""
        return dict(self.parameters.args)

    @property
    def arg_types(self) -> dict[str, Any]:
        return dict(self.parameters.kinds)

    @property
    def arg_desc(self) -> Mapping[str, str]:
        """What each argument means; `with_desc` gives a tool with other texts."""
        return MappingProxyType(self.parameters.desc)

    def with_desc(self, desc: str | None = None, arg_desc: Mapping[str, str] | None = None) -> Self:
        """A copy with other texts, as an optimizer tunes them; "" takes that of an argument away. InputError for an argument
        that it does not have.
        """
        texts, known = dict(arg_desc or {}), self.parameters
        for name in texts:
            if name not in known.args:
                raise InputError(f"tool {self.name!r} has no argument {name!r}. It takes: {known.text() or 'none'}.")
        made = object.__new__(type(self))
        made._set(self.func, self.name, self.desc if desc is None else desc)
        args = {name: _described(part, texts[name]) if name in texts else part for name, part in known.args.items()}
        said = {name: text for name, text in {**known.desc, **texts}.items() if text or name not in texts}
        object.__setattr__(made, "parameters", replace(known, args=args, desc=said))
        object.__setattr__(made, "original", self.original or self)
        return made

    def with_func(self, func: Callable[..., Any]) -> Self:
        """A copy that calls `func`, which takes the same arguments: a program that is copied has its own methods as tools."""
        made = object.__new__(type(self))
        made._set(func, self.name, self.desc)
        object.__setattr__(made, "parameters", self.parameters)
        object.__setattr__(made, "original", self.original)
        return made

    def format_as_litellm_function_call(self) -> dict[str, Any]:
        """The tool as providers are told of it.

        >>> import lmnb
        >>> lmnb.Tool(len, name="size", desc="Counts.", args={"obj": {"type": "string"}}).format_as_litellm_function_call()["type"]
        'function'
        """
        said = {"name": self.name, "description": self.desc, "parameters": self.parameters.json_schema()}
        return {"type": "function", "function": said}

    def format(self) -> ToolText:
        """The tool as a prompt shows it: what it takes, what it is for, what each argument means."""
        texts = (f"  {name}: {text}" for name, text in self.parameters.desc.items())
        return ToolText("\n".join([f"{self.name}({self.parameters.text()}): {self.desc}", *texts]), self)

    def __str__(self) -> str:
        return self.format()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name}({self.parameters.text()}))"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(
            f"a tool does not change. Write tool.with_desc(...), or Tool({self.name}, {name}=...) where the program is made."
        )

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        def read(value: Any) -> Tool:
            if isinstance(value, ToolText):
                return value.tool
            if not callable(value):
                raise ValueError(f"a tool is a Tool or a function, not a {type(value).__name__}")
            return Tool.of(value)

        return core_schema.no_info_plain_validator_function(
            read, serialization=core_schema.plain_serializer_function_ser_schema(Tool.format)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string"}


class ToolText(str):
    """A tool as a prompt shows it. An adapter that hands tools to the provider by its own interface takes the `tool` itself."""

    __slots__ = ("tool",)
    tool: Tool

    def __new__(cls, text: str, tool: Tool) -> Self:
        made = super().__new__(cls, text)
        made.tool = tool
        return made

    def __getnewargs__(self) -> tuple[str, Tool]:
        return str(self), self.tool


def mcp_tool(ask: Callable[[dict[str, Any]], Awaitable[Any]], tool: Any, result_mode: ResultMode) -> Tool:
    """The tool that a server describes; `ask` sends it the arguments of a call."""
    if result_mode not in ("text", "structured", "raw"):
        raise InputError(f"result_mode is 'text', 'structured' or 'raw', not {result_mode!r}")

    async def call(**arguments: Any) -> Any:
        result = await ask(arguments)
        return result if result_mode == "raw" else _mcp_result(tool.name, result, result_mode)

    schema = getattr(tool, "input_schema", None) or getattr(tool, "inputSchema", None) or {}
    return Tool.from_schema(call, tool.name, tool.description or "", schema)


def tools_by_name(tools: Mapping[str, Any] | Any) -> dict[str, Tool]:
    """Tools and functions, in a list or by name, as tools by name; InputError where two have one name."""
    if isinstance(tools, Mapping):
        made = ((name, tool if isinstance(tool, Tool) else Tool(tool, name=name)) for name, tool in tools.items())
        return dict(made)
    found: dict[str, Tool] = {}
    for tool in map(Tool.of, tools):
        if tool.name in found:
            raise InputError(f"two tools are named {tool.name!r}. Write Tool(function, name=...) for one of them.")
        found[tool.name] = tool
    return found


def _described(schema: Mapping[str, Any], text: str) -> dict[str, Any]:
    rest = {key: value for key, value in schema.items() if key != "description"}
    return {**rest, "description": text} if text else rest


async def _awaited(value: Awaitable[Any]) -> Any:
    return await value


def _name_of(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    return getattr(function, "__name__", None) or type(function).__name__


def _mcp_result(name: str, result: Any, mode: str) -> Any:
    parts = [_mcp_text(part) for part in result.content or ()]
    if getattr(result, "is_error", getattr(result, "isError", False)):
        raise ToolError(f"tool {name!r} failed: {' '.join(parts) or 'its server gave no reason'}", tool=name)
    structured = getattr(result, "structured_content", getattr(result, "structuredContent", None))
    return structured if mode == "structured" and structured is not None else "\n".join(parts)


def _mcp_text(part: Any) -> str:
    if isinstance(getattr(part, "text", None), str):
        return part.text
    inner = getattr(getattr(part, "resource", None), "text", None)
    return inner if isinstance(inner, str) else f"<{getattr(part, 'mime_type', None) or part.type}>"
