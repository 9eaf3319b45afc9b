"""A panel without a browser: what it would send is kept, what a browser would say can be said."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def until(test: Callable[[], Any], seconds: float = 5.0) -> Any:
    """Wait until `test()` is true, and give what it gave."""
    end = time.monotonic() + seconds
    while not (value := test()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)
    return value


class BrowserSide:
    """Mixed into a widget: messages to the browser are kept in `sent`, with the time of each."""

    def __init__(self, run: Any, **options: Any) -> None:
        self.sent: list[tuple[float, dict[str, Any]]] = []
        self.traits_sent: list[tuple[float, dict[str, Any]]] = []
        super().__init__(run, **options)
        if self.has_trait("snapshot"):
            self.observe(lambda change: self.traits_sent.append((time.monotonic(), change["new"])), "snapshot")

    def send(self, content: Any, buffers: Any = None) -> None:
        self.sent.append((time.monotonic(), content))

    def say(self, **message: Any) -> None:
        """A message from the browser."""
        self._handle_custom_msg(message, [])

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for _, message in list(self.sent) if message["type"] == kind]

    def reply(self, kind: str, name: str, ident: int = 1, **args: Any) -> dict[str, Any]:
        """Ask and wait for the answer."""
        key = "action" if kind == "command" else "what"
        self.say(type=kind, id=ident, args=args, **{key: name})
        answer = "done" if kind == "command" else "got"
        return until(lambda: next((one for one in self.of(answer) if one["id"] == ident), None))
