"""The answers of a review as data: examples, table rows, lines of a file; and what an edit changes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lmnb.alike import alike
from lmnb.canonical import jsonable
from lmnb.data_uri import shortened
from lmnb.errors import InputError
from lmnb.evaluate.report_view import texts
from lmnb.evaluate.review_file import Answer
from lmnb.evaluate.review_items import ReviewItem
from lmnb.example import Example
from lmnb.nearest import did_you_mean

Judged = Sequence[tuple[ReviewItem, Answer]]


def kept(judged: Judged) -> list[Example]:
    """The items that were kept, edited or preferred, as examples."""
    made = []
    for item, answer in judged:
        if answer.verdict in ("keep", "edit"):
            fields = {**item.outputs[0], **(answer.fields or {})}
            made.append(item.with_outputs(fields, edited=answer.verdict == "edit"))
        elif answer.choice is not None:
            made.append(item.with_outputs(item.outputs[answer.choice], edited=False))
    return made


def rejected(judged: Judged) -> list[tuple[Example, str | None]]:
    """The items that were rejected, as examples, each with its reason."""
    found = [(item, answer) for item, answer in judged if answer.verdict == "reject"]
    return [(item.with_outputs(item.outputs[0], edited=False), answer.reason) for item, answer in found]


def changed_fields(item: ReviewItem, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the new values that differ. A text for what was no text is read as JSON; InputError where it is none, or for other fields."""
    before = {**(item.inputs if item.kind == "demo" else {}), **item.outputs[0]}
    changed = {}
    for name, value in fields.items():
        if name not in before:
            hint = did_you_mean(name, before, f"It has: {', '.join(before)}.")
            raise InputError(f"this {item.kind} has no field {name!r} to edit. {hint}")
        if isinstance(value, str) and value == texts({name: before[name]})[name]:
            continue  # as it is shown: of a picture that is its kind and size
        if isinstance(value, str) and not isinstance(before[name], str):
            value = _read(name, value)
        if not alike(value, before[name]):
            changed[name] = value
    return changed


def _read(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(
            f"{name!r} holds no text, so its new value is read as JSON, and {text[:80]!r} is none"
        ) from None


def about(item: ReviewItem) -> dict[str, Any]:
    """What a line of the file says of the item, for whoever reads the file alone."""
    outputs: Any = item.outputs if item.kind == "pair" else item.outputs[0]
    return {"kind": item.kind, "inputs": shortened(jsonable(item.inputs)), "outputs": shortened(jsonable(outputs))}


def flat_row(item: ReviewItem, answer: Answer | None) -> dict[str, Any]:
    """An item and its answer as a row of a table."""
    row: dict[str, Any] = {"item": item.id, "kind": item.kind, **item.inputs}
    if item.kind == "pair":
        row |= {f"{name}_{n}": value for n, outputs in enumerate(item.outputs) for name, value in outputs.items()}
    else:
        row |= {f"label_{name}": value for name, value in item.labels.items()} | dict(item.outputs[0])
    said = {key: getattr(answer, key, None) for key in ("verdict", "reason", "choice", "time")}
    edited = {f"edited_{name}": value for name, value in ((answer and answer.fields) or {}).items()}
    return {**row, **{f"review_{key}" if key in row else key: value for key, value in said.items()}, **edited}
