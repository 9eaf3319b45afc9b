"""Modules whose synchronous and asynchronous calls are one text."""

from __future__ import annotations

from typing import Any

from lmnb.errors import InputError
from lmnb.modules.module import Module


class OneCore(Module):
    """The base of modules that write `_steps(inputs, sync=...)` in the place of `forward` and `aforward`."""

    def forward(self, **inputs: Any) -> Any:
        """The same as calling it."""
        return self(**inputs)

    async def aforward(self, **inputs: Any) -> Any:
        """The same as `acall`."""
        return await self.acall(**inputs)

    async def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any], *, sync: bool) -> Any:
        if args:
            raise InputError(f"{type(self).__name__} takes its inputs by name, not {args[0]!r} by position.")
        return await self._steps(kwargs, sync=sync)

    async def _steps(self, inputs: dict[str, Any], *, sync: bool) -> Any:
        """The work of a call. With `sync` it calls the program's parts, and never suspends; else it awaits their `acall`."""
        raise NotImplementedError
