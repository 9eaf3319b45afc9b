"""Messages about what a streamed program does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lmnb.callbacks import BaseCallback


@dataclass(frozen=True, slots=True)
class StatusMessage:
    """Says in words what a program begins or has ended."""

    message: str


class StatusMessageProvider:
    """Words a message for the start or the end of a call; None says nothing. A subclass writes the methods that it wants; by
    itself it tells of tools.

    >>> import lmnb
    >>> class Search(lmnb.streaming.StatusMessageProvider):
    ...     def module_start_status_message(self, instance, inputs):
    ...         return f"Looking for {inputs['question']}"
    >>> stream = lmnb.streamify(lmnb.Predict("question -> answer"), Search(), async_streaming=False)
    >>> with lmnb.context(lm=lmnb.FakeLM([{"answer": "Paris"}])):
    ...     next(stream(question="Paris"))
    StatusMessage(message='Looking for Paris')
    """

    def module_start_status_message(self, instance: Any, inputs: dict[str, Any]) -> str | None:
        return None

    def module_end_status_message(self, outputs: Any) -> str | None:
        return None

    def lm_start_status_message(self, instance: Any, inputs: dict[str, Any]) -> str | None:
        return None

    def lm_end_status_message(self, outputs: Any) -> str | None:
        return None

    def tool_start_status_message(self, instance: Any, inputs: dict[str, Any]) -> str | None:
        return f"Calling tool {instance.name}..."

    def tool_end_status_message(self, outputs: Any) -> str | None:
        return "Tool calling finished."


class StatusCallback(BaseCallback):
    """Gives the messages of a provider to `put`."""

    def __init__(self, provider: StatusMessageProvider, put: Callable[[StatusMessage], None]) -> None:
        self._provider, self._put = provider, put

    def on_module_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        self._tell(self._provider.module_start_status_message(instance, inputs))

    def on_module_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        self._tell(self._provider.module_end_status_message(outputs))

    def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        self._tell(self._provider.lm_start_status_message(instance, inputs))

    def on_lm_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        self._tell(self._provider.lm_end_status_message(outputs))

    def on_tool_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        self._tell(self._provider.tool_start_status_message(instance, inputs))

    def on_tool_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        self._tell(self._provider.tool_end_status_message(outputs))

    def _tell(self, message: str | None) -> None:
        if message:
            self._put(StatusMessage(message))
