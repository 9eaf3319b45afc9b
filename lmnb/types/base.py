"""`Type`: the base of values that say themselves how they stand in a prompt."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, SerializationInfo, SerializerFunctionWrapHandler, model_serializer

from lmnb.types.parts import Content, Placed


class Type(BaseModel):
    """The base of typed field values: a frozen pydantic model that may stand in a prompt as more than its JSON.

    `format()` gives its text or its content parts in a user turn, `description()` the words for it in the list of
    fields, `parse_lm_response()` reads it from the text of a reply.

    >>> import lmnb
    >>> class Note(lmnb.Type):
    ...     title: str
    ...     def format(self):
    ...         return f"# {self.title}"
    >>> print(lmnb.Predict("note: Note -> answer").messages(note=Note(title="Tides"))[-1]["content"].splitlines()[1])
    # Tides
    """

    model_config = ConfigDict(frozen=True)

    def format(self) -> Content:
        """How the value stands in a user turn: a text, or parts such as `{"type": "image_url", ...}`; its JSON, where a
        subclass says no more.
        """
        return self.model_dump_json()

    @classmethod
    def description(cls) -> str:
        """What the list of fields says of the type, in place of its JSON schema; the schema where this is empty."""
        return ""

    @classmethod
    def parse_lm_response(cls, response: str) -> Self | None:
        """The value in the text of a reply; ValueError says what is wrong. None: it is read as JSON. A subclass that writes
        this reads what its `format()` gives, where that is a text.
        """
        return None

    def _as_json(self, fields: Any) -> Any:
        """The JSON form in files, cache keys and traces; `fields` is the plain form of the model."""
        return fields

    @model_serializer(mode="wrap")
    def _serialized(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> Any:
        if isinstance(info.context, Placed) and type(self).format is not Type.format:  # a message is being written
            return info.context.put(self.format())
        return self._as_json(handler(self))


def holds_type(kind: Any, seen: frozenset[Any] = frozenset()) -> bool:
    """Whether values of `kind` may hold a `Type`: in a list, a dict, a field of a pydantic model or a dataclass."""
    if isinstance(kind, type) and get_origin(kind) is None:
        if issubclass(kind, Type):
            return True
        if kind in seen:
            return False
        seen |= {kind}
        if issubclass(kind, BaseModel):
            return any(holds_type(field.annotation, seen) for field in kind.model_fields.values())
        if is_dataclass(kind):
            return any(holds_type(field.type, seen) for field in fields(kind))
    return any(holds_type(arg, seen) for arg in get_args(kind))
