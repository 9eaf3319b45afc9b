"""`Transport`: the forms in which a language model sends one request; a subclass writes `forward`, and those that it has besides."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cache as once
from typing import Any

_LM_THREADS = 64  # for LMs that have no aforward: they wait, they do not compute

Emit = Callable[[str], None]


class Transport:
    """One request to a language model, once: whole or piece by piece, for synchronous code and for an event loop."""

    def forward(self, prompt: str | None = None, messages: list[dict[str, Any]] | None = None, **kwargs: Any) -> Any:
        """One request, once.

        Gives an OpenAI-shaped dict or object, a str or a list of str; raises an `LMError` (see `RETRYABLE`).
        """
        raise NotImplementedError(
            f"{type(self).__name__} needs a method forward(self, prompt=None, messages=None, **kwargs)"
        )

    async def aforward(
        self, prompt: str | None = None, messages: list[dict[str, Any]] | None = None, **kwargs: Any
    ) -> Any:
        """The asynchronous form; without one of its own a subclass runs `forward` in a thread."""
        return await self._in_thread(self.forward, prompt=prompt, messages=messages, **kwargs)

    def forward_stream(
        self,
        prompt: str | None = None,
        messages: list[dict[str, Any]] | None = None,
        *,
        emit: Emit,
        **kwargs: Any,
    ) -> Any:
        """`forward` for a program that is streamed: gives `emit` the text piece by piece, and returns the whole reply as `forward`
        does. What `emit` raises must pass through. Without a form of its own a subclass's reply comes whole.

        >>> import lmnb
        >>> class Slow(lmnb.BaseLM):
        ...     def forward(self, prompt=None, messages=None, **options):
        ...         return "one two"
        ...     def forward_stream(self, prompt=None, messages=None, *, emit, **options):
        ...         for piece in ("one", " two"):
        ...             emit(piece)
        ...         return "one two"
        >>> pieces = []
        >>> Slow("slow").forward_stream("hello", emit=pieces.append), pieces
        ('one two', ['one', ' two'])
        """
        return self._stream({"prompt": prompt, "messages": messages, **kwargs}, emit)

    async def aforward_stream(
        self,
        prompt: str | None = None,
        messages: list[dict[str, Any]] | None = None,
        *,
        emit: Emit,
        **kwargs: Any,
    ) -> Any:
        """The asynchronous form; without one of its own a subclass runs `forward_stream` in a thread."""
        asked = {"prompt": prompt, "messages": messages, **kwargs}
        if type(self).forward_stream is not Transport.forward_stream:
            return await self._in_thread(self.forward_stream, emit=emit, **asked)
        return await self._astream(asked, emit)

    async def prepare(self) -> None:
        """Awaited before an asynchronous call asks what the LM can do, for what takes long the first time, such as an import."""

    def _stream(self, asked: dict[str, Any], emit: Emit) -> Any:
        return self.forward(**asked)

    async def _astream(self, asked: dict[str, Any], emit: Emit) -> Any:
        return await self.aforward(**asked)

    async def _in_thread(self, call: Callable[..., Any], **kwargs: Any) -> Any:
        run = contextvars.copy_context().run
        return await asyncio.get_running_loop().run_in_executor(self._threads(), lambda: run(call, **kwargs))

    def _threads(self) -> Executor:
        return _threads()


@once
def _threads() -> Executor:
    return ThreadPoolExecutor(_LM_THREADS, thread_name_prefix="lmnb-lm")
