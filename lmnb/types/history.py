"""History: the earlier turns of a conversation as a field's value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import field_validator, model_validator

from lmnb.counts import counted
from lmnb.types.base import Type


class History(Type):
    """Earlier turns, each a dict of the signature's fields: as an input they become user and assistant turns of the
    prompt, before the question. Fields of a turn that the signature does not have are left out there; agents, whose steps lack
    their outputs, show an earlier output as the step that handed it over.

    A value like any other: `with_turn` gives a longer history, and what a trace holds stays as it was.

    >>> import lmnb
    >>> history = lmnb.History(messages=[{"question": "The capital of France?", "answer": "Paris"}])
    >>> chat = lmnb.Predict("history: History, question -> answer")
    >>> [turn["role"] for turn in chat.messages(history=history, question="And of Italy?")]
    ['system', 'user', 'assistant', 'user']
    >>> len(history.with_turn(question="And of Italy?", answer="Rome"))
    2
    """

    messages: tuple[dict[str, Any], ...] = ()

    def with_turn(self, fields: Any = None, /, **more: Any) -> Self:
        """This history and one turn more: fields by name, a dict or a prediction."""
        turn = {**dict(fields.items() if fields is not None else ()), **more}
        return type(self)(messages=(*self.messages, turn))

    @classmethod
    def description(cls) -> str:
        return "earlier turns"

    @model_validator(mode="before")
    @classmethod
    def _read_value(cls, data: Any) -> Any:
        """Also a bare list of turns."""
        return {"messages": data} if isinstance(data, (list, tuple)) else data

    @field_validator("messages", mode="before")
    @classmethod
    def _as_dicts(cls, turns: Any) -> Any:
        """Records, such as predictions, as plain dicts."""
        if not isinstance(turns, (list, tuple)):
            return turns
        return tuple(
            dict(turn.items()) if not isinstance(turn, Mapping) and hasattr(turn, "items") else turn for turn in turns
        )

    def __len__(self) -> int:
        return len(self.messages)

    def __repr__(self) -> str:
        return f"History({counted(len(self), 'turn')})"

    def __str__(self) -> str:
        return repr(self)
