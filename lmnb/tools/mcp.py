"""MCPServer: the tools of a local server that speaks the Model Context Protocol over its standard input and output."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

from lmnb.errors import InputError, ToolError
from lmnb.loops import at_home
from lmnb.optional import need
from lmnb.types.tool import ResultMode, Tool, mcp_tool

_SHOWN = 500  # characters of the server's last words


class MCPServer:
    """Starts a server as a process and gives its tools, callable from any cell, thread and event loop.

    `command` is the program with its arguments. It gets the environment variables of `env` besides a few harmless ones
    (PATH, HOME, ...), not those of this process: no key reaches it that is not given. `timeout` in seconds holds for the
    start and for each call. ToolError says what went wrong, with the server's last words.

        with lmnb.MCPServer(["python", "weather_server.py"]) as server:
            forecast = server.tools[0]
            forecast(city="Oslo")
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        timeout: float = 30.0,
        result_mode: ResultMode = "text",
    ) -> None:
        if isinstance(command, str) or not command:
            raise InputError(f"command is a list, such as ['python', 'server.py'], not {command!r}")
        self.command = tuple(command)
        self.env = dict(env or {})
        self.cwd = cwd
        self.timeout = timeout
        self.result_mode: ResultMode = result_mode
        self.tools: list[Tool] = []
        self._serving: _Serving | None = None

    def start(self) -> Self:
        """Start the server and ask for its tools."""
        if self._serving is None:
            mcp = need("mcp", "mcp", "MCPServer")
            parameters = mcp.StdioServerParameters(
                command=self.command[0], args=list(self.command[1:]), env=self.env or None, cwd=self.cwd
            )
            serving = _Serving(mcp, parameters, self.timeout)
            self.tools = [self._tool(said) for said in serving.begin()]
            self._serving = serving
            weakref.finalize(self, serving.end)
        return self

    def _tool(self, said: Any) -> Tool:
        async def ask(arguments: dict[str, Any]) -> Any:
            serving = self._serving
            if serving is None:
                raise ToolError(f"the MCP server {self.command[0]!r} is stopped. Write server.start().", tool=said.name)
            return await at_home(serving.loop, lambda: serving.call(said.name, arguments))

        return mcp_tool(ask, said, self.result_mode)

    def stop(self) -> None:
        """End the server's process; its tools raise from now on."""
        serving, self._serving = self._serving, None
        if serving is not None:
            serving.end()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"MCPServer({' '.join(self.command)}: {', '.join(tool.name for tool in self.tools) or 'no tools'})"


class _Serving:
    """A connection that lives in a thread and an event loop of its own."""

    def __init__(self, mcp: Any, parameters: Any, timeout: float) -> None:
        self.mcp = mcp
        self.parameters = parameters
        self.timeout = timeout
        self.listed: list[Any] = []
        self.failed = ""
        self.ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="lmnb-mcp", daemon=True)

    def begin(self) -> list[Any]:
        """What the server says of its tools, once it has started; ToolError where it has not."""
        self.thread.start()
        self.ready.wait()
        if self.failed:
            self.thread.join()
            raise ToolError(f"the MCP server {self.parameters.command!r} did not start: {self.failed}")
        return self.listed

    async def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """One call, in this thread's loop."""
        try:
            return await self.client.call_tool(name, arguments)
        except (self.mcp.MCPError, OSError) as error:
            raise ToolError(f"tool {name!r} failed: {error}", tool=name) from None

    def end(self) -> None:
        """Close the connection and wait for the process to end."""
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.stopping.set)
            self.thread.join()

    async def _serve(self) -> None:
        self.loop, self.stopping = asyncio.get_running_loop(), asyncio.Event()
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as self.log:
            try:
                transport = self.mcp.stdio_client(self.parameters, errlog=self.log)
                async with (
                    asyncio.timeout(self.timeout) as starting,
                    self.mcp.Client(transport, read_timeout_seconds=self.timeout) as self.client,
                ):
                    self.listed = await _listed(self.client)
                    starting.reschedule(None)
                    self.ready.set()
                    await self.stopping.wait()
            except Exception as error:  # noqa: BLE001  it ends a thread: whoever waits for the start raises it
                self.failed = f"{_innermost(error)}{_last_words(self.log)}"
            finally:
                self.ready.set()


async def _listed(client: Any) -> list[Any]:
    found, cursor = [], None
    while True:
        page = await client.list_tools(cursor=cursor) if cursor else await client.list_tools()
        found += page.tools
        cursor = getattr(page, "next_cursor", None)
        if not cursor:
            return found


def _innermost(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return "it did not answer in time (timeout)"
    return f"{type(error).__name__}: {error}"


def _last_words(log: IO[str]) -> str:
    log.seek(0)
    said = log.read().strip()[-_SHOWN:]
    return f". It said: {said}" if said else ""
