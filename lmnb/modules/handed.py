"""Outputs that code or an agent hands over by itself: checked and coerced by the signature's types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError, create_model

from lmnb.adapters.native import is_history
from lmnb.errors import InputError
from lmnb.types.checked import adapter_for, problems
from lmnb.types.history import History
from lmnb.types.wording import current_wording


def checked(signature: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` as the outputs of `signature`; InputError says what is missing or of the wrong type.

    >>> from lmnb.signature import Signature
    >>> checked(Signature("question -> answer: int"), {"answer": "4"})
    {'answer': 4}
    """
    try:
        made = outputs_model(signature).model_validate(dict(values))
    except ValidationError as error:
        raise InputError(problems(error)) from None
    return {name: getattr(made, name) for name in signature.output_fields}


@lru_cache(maxsize=256)
def outputs_model(signature: Any) -> type[BaseModel]:
    """The outputs of a signature as a pydantic model."""
    fields: dict[str, Any] = {name: (field.type, ...) for name, field in signature.output_fields.items()}
    return create_model("Outputs", **fields)


def as_steps(
    signature: Any, inputs: Mapping[str, Any], step: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> dict[str, Any]:
    """`inputs` of an agent for a step that lacks the agent's outputs: in the turns of a history these are the fields that `step` makes
    of them. Turns without an output stay as they are.

    >>> from lmnb.signature import Signature
    >>> past = {"history": [{"question": "2 + 2?", "answer": 4}], "question": "3 + 3?"}
    >>> made = as_steps(Signature("history: History, question -> answer: int"), past, lambda handed: {"code": f"SUBMIT({handed})"})
    >>> made["history"].messages
    ({'question': '2 + 2?', 'code': "SUBMIT({'answer': 4})"},)
    """

    def turned(turn: Mapping[str, Any]) -> dict[str, Any]:
        handed = {name: turn[name] for name in signature.output_fields if name in turn}
        asked = {name: turn[name] for name in signature.input_fields if name in turn}
        return {**asked, **step(handed)} if handed else dict(turn)

    made = dict(inputs)
    for name, field in signature.input_fields.items():
        if name not in inputs or not is_history(field.type):
            continue
        with suppress(ValidationError):  # it is told where the step is formatted
            past = adapter_for(field.type).validate_python(inputs[name])
            if isinstance(past, History):
                made[name] = past.model_copy(update={"messages": tuple(map(turned, past.messages))})
    return made


def known(handed: Mapping[str, Any]) -> str:
    """What an agent thinks where it hands these outputs over."""
    return current_wording().known.format(outputs=quoted(handed))


def quoted(names: Iterable[str]) -> str:
    """Names as a prompt lists them.

    >>> quoted(["question", "answer"])
    '`question`, `answer`'
    """
    return ", ".join(f"`{name}`" for name in names)
