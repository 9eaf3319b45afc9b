"""MCP: the tools of a real local server, started as a process of its own by each test."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import lmnb
from lmnb.trace import Trace, span

mcp = pytest.importorskip("mcp", reason="the extra 'mcp' is not installed")

COMMAND = [sys.executable, str(Path(__file__).parent / "mcp_server.py")]


@pytest.fixture(scope="module")
def server() -> Iterator[lmnb.MCPServer]:
    with lmnb.MCPServer(COMMAND, timeout=60) as started:
        yield started


@pytest.fixture(scope="module")
def tools(server: lmnb.MCPServer) -> dict[str, lmnb.Tool]:
    return {tool.name: tool for tool in server.tools}


def test_tools_say_what_they_take(tools: dict[str, lmnb.Tool]) -> None:
    """Names, descriptions and parameters are those of the server."""
    assert list(tools) == ["add", "forecast", "environment", "broken", "slow", "leave"]
    assert tools["add"].format() == "add(a: int, b: int = 1): Adds two numbers."
    assert tools["environment"].format() == "environment(): The names of the server's environment variables."
    said = tools["forecast"].format_as_litellm_function_call()["function"]["parameters"]
    assert said["required"] == ["place", "days"]
    assert said["$defs"]["Place"]["properties"]["country"]["default"] == "Norway"


def test_a_call_coerces_arguments_and_gives_text(tools: dict[str, lmnb.Tool]) -> None:
    """Texts of models become numbers and objects before the call; several parts of text are lines."""
    assert tools["add"](a="2") == "3"
    assert tools["add"](2, b=5) == "7"
    assert tools["forecast"](place='{"city": "Oslo"}', days=2) == "Oslo, Norway: rain\nOslo, Norway: rain"


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("add", {"a": "x"}, "tool 'add': the argument 'a' cannot be 'x'"),
        ("add", {}, "tool 'add': the argument 'a' is missing"),
        ("add", {"a": 1, "c": 2}, "tool 'add' has no argument 'c'"),
        ("environment", {"all": True}, "tool 'environment' has no argument 'all'. It takes: none"),
        ("forecast", {"place": {"town": "Oslo"}, "days": 1}, "the argument 'place' is wrong: 'city' is a required"),
        ("forecast", {"place": {"city": 7}, "days": 1}, "the argument \"place['city']\" is wrong: 7 is not of type"),
    ],
)
def test_wrong_arguments_are_not_sent(
    tools: dict[str, lmnb.Tool], name: str, arguments: dict[str, object], said: str
) -> None:
    """The server's JSON schema is held before the call, and the error names the argument."""
    with pytest.raises(lmnb.InputError) as error:
        tools[name](**arguments)
    assert said in str(error.value)


def test_an_error_of_the_server_is_raised(tools: dict[str, lmnb.Tool]) -> None:
    """What the server answers as an error is no result."""
    with pytest.raises(lmnb.ToolError, match=r"tool 'broken' failed: .*broken") as error:
        tools["broken"](reason="no luck")
    assert error.value.tool == "broken"


def test_calls_work_from_loops_and_threads(tools: dict[str, lmnb.Tool]) -> None:
    """A notebook's running loop, another loop, and plain threads reach the one connection, side by side."""

    async def many() -> tuple[list[str], str, float]:
        began = time.perf_counter()
        slow = await asyncio.gather(*(tools["slow"].acall(seconds=0.3) for _ in range(5)))
        spent = time.perf_counter() - began
        return slow, tools["add"](a=1), spent

    slow, synchronous, spent = asyncio.run(many())
    assert (slow, synchronous) == (["done"] * 5, "2")
    assert spent < 1.2
    found: list[str] = []
    threads = [threading.Thread(target=lambda n=n: found.append(tools["add"](a=n))) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["1", "2", "3", "4"]


def test_a_call_is_a_span(tools: dict[str, lmnb.Tool]) -> None:
    """The trace shows the tool's name, arguments and result, below what called it."""
    with span("module", "outer") as opened:
        tools["add"](a=1, b=1)
    row = Trace(opened).to_dict()["spans"][1]
    assert (row["kind"], row["name"], row["outputs"]) == ("tool", "add", {"result": "2"})


def test_no_key_reaches_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server sees the variables that it is given and a few harmless ones, not this process's."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with lmnb.MCPServer(COMMAND, env={"CITY_KEY": "x"}, timeout=60) as server:
        names = {tool.name: tool for tool in server.tools}["environment"]()
    assert "CITY_KEY" in names and "OPENAI_API_KEY" not in names


def test_a_server_that_dies_is_an_error() -> None:
    """Calls to a server that has ended, or was stopped, raise at once, and a stopped one can be started again."""
    server = lmnb.MCPServer(COMMAND, timeout=60).start()
    tools = {tool.name: tool for tool in server.tools}
    for name in ("leave", "environment"):
        with pytest.raises(lmnb.ToolError, match=f"tool '{name}' failed"):
            tools[name]()
    server.stop()
    server.stop()
    with pytest.raises(lmnb.ToolError, match=r"is stopped. Write server.start\(\)"):
        tools["environment"]()
    with server:
        assert tools["add"](a=1) == "2"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["/nowhere/server"], "did not start: FileNotFoundError"),
        ([sys.executable, "-c", "import sys; sys.exit('no config found')"], "It said: no config found"),
    ],
)
def test_a_server_that_does_not_start_says_why(command: list[str], said: str) -> None:
    """The error holds the reason and the server's last words."""
    with pytest.raises(lmnb.ToolError) as error, lmnb.MCPServer(command):
        pass
    assert said in str(error.value)


def test_a_server_that_does_not_answer_is_given_up() -> None:
    """The start and each call end after `timeout` seconds."""
    with pytest.raises(lmnb.ToolError, match="did not answer in time"):
        lmnb.MCPServer([sys.executable, "-c", "import sys; sys.stdin.read()"], timeout=0.3).start()
    server = lmnb.MCPServer(COMMAND, timeout=60).start()
    server.stop()
    with pytest.raises(lmnb.InputError, match="command is a list"):
        lmnb.MCPServer("python server.py")


def test_a_session_of_ones_own() -> None:
    """`Tool.from_mcp_tool` takes an open session; results as text, as structured content, or raw."""

    async def use() -> list[object]:
        parameters = mcp.StdioServerParameters(command=COMMAND[0], args=COMMAND[1:])
        async with mcp.Client(mcp.stdio_client(parameters)) as client:
            (add, *_) = (await client.list_tools()).tools
            text, structured, raw = (
                lmnb.Tool.from_mcp_tool(client, add, mode) for mode in ("text", "structured", "raw")
            )
            with pytest.raises(lmnb.LmnbError, match="would wait for itself"):
                text(a=1)
            there = await asyncio.to_thread(text, a=4)
            return [await text.acall(a=1), await structured.acall(a=2), (await raw.acall(a=3)).content[0].text, there]

    assert asyncio.run(use()) == ["2", {"result": 3}, "4", "5"]
