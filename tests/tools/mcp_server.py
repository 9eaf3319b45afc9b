"""A small MCP server for the tests, started as a process of its own."""

from __future__ import annotations

import asyncio
import os

from mcp.server.mcpserver import MCPServer
from pydantic import BaseModel

server = MCPServer("tests")


class Place(BaseModel):
    city: str
    country: str = "Norway"


@server.tool()
def add(a: int, b: int = 1) -> int:
    """Adds two numbers."""
    return a + b


@server.tool()
def forecast(place: Place, days: int) -> list[str]:
    """The weather to come."""
    return [f"{place.city}, {place.country}: rain"] * days


@server.tool()
def environment() -> list[str]:
    """The names of the server's environment variables."""
    return sorted(os.environ)


@server.tool()
def broken(reason: str) -> str:
    """Always fails."""
    raise ValueError(reason)


@server.tool()
async def slow(seconds: float) -> str:
    """Takes its time."""
    await asyncio.sleep(seconds)
    return "done"


@server.tool(name="leave")
def leave() -> str:
    """Ends the server without a word."""
    os._exit(3)


if __name__ == "__main__":
    server.run()
