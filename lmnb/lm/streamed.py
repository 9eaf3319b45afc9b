"""A provider's reply while it comes: its text as it is sent, and the whole in the end, put together by litellm."""

from __future__ import annotations

from typing import Any

from lmnb.lm.transport import Emit

# with the provider's own count of tokens, as without streaming
_STREAM = {"stream": True, "stream_options": {"include_usage": True}}


def complete(litellm: Any, request: dict[str, Any], emit: Emit) -> Any:
    """The reply to a request for a chat or, with a "prompt", a text completion; `emit` is given its text, piece by piece."""
    call = litellm.text_completion if "prompt" in request else litellm.completion
    stream, chunks = _as_chat(call(**{**request, **_STREAM}), request), []
    try:
        for chunk in stream:
            chunks.append(chunk)
            _tell(chunk, emit)
    finally:
        close = getattr(getattr(_wrapper(stream), "completion_stream", None), "close", None)
        if close is not None:
            close()  # the provider writes no further, where the rest is not wanted
    return litellm.stream_chunk_builder(chunks, messages=_messages(request))


async def acomplete(litellm: Any, request: dict[str, Any], emit: Emit) -> Any:
    """`complete` for asynchronous code."""
    call = litellm.atext_completion if "prompt" in request else litellm.acompletion
    stream, chunks = _as_chat(await call(**{**request, **_STREAM}), request), []
    try:
        async for chunk in stream:
            chunks.append(chunk)
            _tell(chunk, emit)
    finally:
        wrapper = _wrapper(stream)
        if hasattr(wrapper, "aclose"):
            await wrapper.aclose()
    return litellm.stream_chunk_builder(chunks, messages=_messages(request))


def _as_chat(stream: Any, request: dict[str, Any]) -> Any:
    """The pieces of a text completion as litellm has them before it gives them another shape, which holds no usage."""
    return stream.completion_stream if "prompt" in request else stream


def _wrapper(stream: Any) -> Any:
    """What reads the provider's events and can be closed: of a text completion it stands inside the generators that litellm gives.
    None where all was read.
    """
    while stream is not None and not hasattr(stream, "completion_stream"):
        frame = getattr(stream, "gi_frame", None) or getattr(stream, "ag_frame", None)
        inside = list(frame.f_locals.values()) if frame is not None else []
        stream = next((each for kind in _NESTED for each in inside if hasattr(each, kind)), None)
    return stream


_NESTED = ("completion_stream", "gi_frame", "ag_frame")


def _messages(request: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": request["prompt"]}] if "prompt" in request else request["messages"]


def _tell(chunk: Any, emit: Emit) -> None:
    for choice in chunk.choices:
        text = getattr(choice.delta, "content", None)
        if isinstance(text, str) and text:
            emit(text)
