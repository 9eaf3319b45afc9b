"""The seam through which a run records every reply and plays it back, so that no call is bought twice."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Protocol


class Recorder(Protocol):
    """What an optimizer's run puts around the LM calls of one rollout."""

    def replay(self, request_hash: str) -> dict[str, Any] | None:
        """The reply recorded for the next call, as `Response.to_dict()` gave it; None to ask the model. With `"shared": True` somebody
        else has paid for it, and it counts for no budget.

        May raise `Cancelled`.
        """
        ...

    def record(self, request_hash: str, response: dict[str, Any]) -> None:
        """Called with a reply the moment it is there, before anything else happens with it."""
        ...


recorder: ContextVar[Recorder | None] = ContextVar("lmnb_recorder", default=None)
