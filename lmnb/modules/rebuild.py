"""A plain Predict or ChainOfThought made again from its saved state alone, with no code of the user's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmnb.errors import SaveError, SignatureError
from lmnb.fingerprint import import_path
from lmnb.modules.chain_of_thought import ChainOfThought
from lmnb.modules.module import Module
from lmnb.modules.predict import Predict
from lmnb.signature import InputField, OutputField, Signature, type_from_code
from lmnb.types.tool import Tool
from lmnb.types.tool_calls import ToolCalls

_PLAIN = {import_path(cls): cls for cls in (Predict, ChainOfThought)}
_KNOWN = {kind.__name__: kind for kind in (Tool, ToolCalls)}


def is_plain(class_path: str) -> bool:
    """Whether programs of this class need nothing but their state."""
    return class_path in _PLAIN


def rebuilt(class_path: str, states: Mapping[str, Any]) -> Module:
    """A program with the signature of `states` (of `dump_state`), otherwise empty.

    SaveError names what cannot be made.
    """
    cls = _PLAIN[class_path]
    where = "predict" if cls is ChainOfThought else "self"
    if list(states) != [where]:
        raise SaveError(
            f"a {cls.__name__} has the predictor {where!r}, the file has {', '.join(map(repr, states)) or 'none'}"
        )
    fields: dict[str, Any] = {}
    for field in states[where]["fields"]:
        make = {"input": InputField, "output": OutputField}.get(field["role"])
        if make is None:
            raise SaveError(f"the role of {field['name']!r} is {field['role']!r}, not 'input' or 'output'")
        try:
            kind = type_from_code(field["type"], _KNOWN)
            options = {"prefix": field.get("prefix", ""), **field.get("constraints", {})}
            fields[field["name"]] = (kind, make(desc=field["desc"], **options))
        except (SignatureError, TypeError) as error:
            raise SaveError(
                f"the {field['role']} {field['name']!r} has the type {field['type']!r}, which only its code has ({error}) "
                "Pass a program that declares it: program=..."
            ) from None
    try:
        signature = Signature(fields, states[where]["instructions"])
    except (SignatureError, TypeError) as error:
        raise SaveError(str(error)) from None
    if cls is Predict:
        return Predict(signature)
    made = ChainOfThought("question -> answer")
    made.predict.signature = signature
    return made
