"""The exact prompts of a program in an editor, while its inputs are still being typed, and how many tokens they have."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lmnb.adapters.misfits import being_written
from lmnb.errors import InputError, LMError, MissingExtra
from lmnb.modules.editor_slots import input_fields
from lmnb.modules.module import Module
from lmnb.modules.prompts import known_messages
from lmnb.types.parts import content_text
from lmnb.types.typed import typed

_BYTES, _FRAME = 4, 4  # of a token in a text, and tokens around a message, where no tokenizer is at hand


@dataclass(frozen=True)
class Prompt:
    """The messages that one predictor sends, and how many tokens they have: `counted` by the LM's own tokenizer, else estimated."""

    messages: list[dict[str, Any]]
    tokens: int
    counted: bool


def messages_of(program: Module, known: dict[str, Any]) -> dict[str, Any]:
    """The messages of each predictor by its name, with placeholders for what is not known."""
    with being_written():
        if len(program.predictors()) > 1:
            with suppress(InputError):  # an agent writes its own first step, once it has all inputs
                return program.messages(**known)
        return known_messages(program, known, tuple(input_fields(program)))


def as_far(field: Any, value: Any) -> Any:
    """`value` as its field's type; as it stands, while it is still being typed."""
    try:
        return typed(field, value)
    except InputError:
        return value


def prompt_of(messages: list[dict[str, Any]], lm: Any) -> Prompt:
    """The messages with their tokens as `lm` counts them, where it can."""
    with suppress(LMError, MissingExtra):  # too long for this model, or it cannot be loaded: that is for a call to say
        count = getattr(lm, "count_tokens", None)
        tokens = None if count is None else count(messages)
        if tokens is not None:
            return Prompt(messages, tokens, True)
    texts = [content_text(message["content"]).encode("utf-8", "surrogatepass") for message in messages]
    return Prompt(messages, sum(len(text) // _BYTES + _FRAME for text in texts), False)
