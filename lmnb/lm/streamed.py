"""A provider's reply while it comes: its text as it is sent, and the whole in the end, put together by litellm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# with the provider's own count of tokens, as without streaming
_STREAM = {"stream": True, "stream_options": {"include_usage": True}}


def complete(litellm: Any, request: dict[str, Any], emit: Callable[[str], None]) -> Any:
    """The reply to a chat request; `emit` is given its text, piece by piece."""
    stream, chunks = litellm.completion(**{**request, **_STREAM}), []
    try:
        for chunk in stream:
            chunks.append(chunk)
            _tell(chunk, emit)
    finally:
        close = getattr(getattr(stream, "completion_stream", None), "close", None)
        if close is not None:
            close()  # the provider writes no further, where the rest is not wanted
    return litellm.stream_chunk_builder(chunks, messages=request["messages"])


async def acomplete(litellm: Any, request: dict[str, Any], emit: Callable[[str], None]) -> Any:
    """`complete` for asynchronous code."""
    stream, chunks = await litellm.acompletion(**{**request, **_STREAM}), []
    try:
        async for chunk in stream:
            chunks.append(chunk)
            _tell(chunk, emit)
    finally:
        if hasattr(stream, "aclose"):
            await stream.aclose()
    return litellm.stream_chunk_builder(chunks, messages=request["messages"])


def _tell(chunk: Any, emit: Callable[[str], None]) -> None:
    for choice in chunk.choices:
        text = getattr(choice.delta, "content", None)
        if isinstance(text, str) and text:
            emit(text)
