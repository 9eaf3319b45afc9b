"""A call of a trace as Python source that makes it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmnb.canonical import jsonable
from lmnb.errors import InputError
from lmnb.spans import Span

_NOT_ASKED = ("model", "messages", "rollout_id")


def trace_code(item: Span) -> str:
    """The LM with its messages, or the predictor with its inputs. Values stand as `repr` writes them, so that nothing in
    a text is hidden or becomes code.
    """
    messages = item.data.get("messages")
    if item.kind == "lm" and messages:
        lines = "".join(f"    {message!r},\n" for message in jsonable(messages))
        return f"import lmnb\n\nlm = lmnb.LM({item.name!r})\nlm(messages=[\n{lines}]{_options(item.data.get('request'))})\n"
    outputs = [name for name in item.outputs or () if name.isidentifier()]
    if item.kind != "predict" or not item.inputs or not outputs or not all(name.isidentifier() for name in item.inputs):
        raise InputError(f"{item!r} is no call that Python could make again. Name one of a predictor or an LM.")
    inputs = "".join(f"    {name}={value!r},\n" for name, value in jsonable(item.inputs).items())
    task = f"{', '.join(item.inputs)} -> {', '.join(outputs)}"
    return f"import lmnb\n\npredict = lmnb.Predict({task!r})\npredict(\n{inputs})\n"


def _options(request: Mapping[str, Any] | None) -> str:
    given = {name: value for name, value in (request or {}).items() if value is not None and name not in _NOT_ASKED}
    return "".join(f", {name}={jsonable(value)!r}" for name, value in given.items() if name.isidentifier())
