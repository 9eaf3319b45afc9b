"""The rows of a trace as viewers show them: one a span, a module that is nothing but its predictor in one row with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lmnb.canonical import canonical, jsonable
from lmnb.data_uri import without_data
from lmnb.spans import Span

KEPT = (
    "path",
    "messages",
    "response",
    "request",
    "usage",
    "cost",
    "cache",
    "attempts",
    "printed",
    "label",
    "aside",
    "refused",
)


def below(root: Span) -> Iterator[tuple[int, Span]]:
    """Every span with its depth, parents first."""
    stack = [(0, root)]
    while stack:
        depth, item = stack.pop()
        yield depth, item
        stack += [(depth + 1, child) for child in reversed(item.children)]


def shown(root: Span) -> list[tuple[Span, Span | None]]:
    """The span of each row in order, and the predictor's that stands in the same row, if any; a row's number is its place here."""
    found, folded = [], set()
    for _, item in below(root):
        if id(item) not in folded:
            inner = only_predict(item)
            folded.add(id(inner))
            found.append((item, inner))
    return found


def only_predict(item: Span) -> Span | None:
    """The predictor inside a module that is nothing but that predictor (ChainOfThought): the two are shown as one row."""
    if item.kind != "module" or len(item.children) != 1:
        return None
    inner = item.children[0]
    same = inner.module is not None and getattr(item.module, "predict", None) is inner.module
    return inner if inner.kind == "predict" and same else None


def row_of(
    item: Span, inner: Span | None, names: dict[int, str], start: float, number: int, parent: int | None, depth: int
) -> dict[str, Any]:
    step = inner or item
    name = names.get(id(item.module)) if item.module is not None else None
    unparsed = item.data.get("unparsed")
    row: dict[str, Any] = {
        "id": number,
        "parent": parent,
        "depth": depth,
        "kind": step.kind,
        "name": item.name if name in (None, "", "self") or parent is None else name,
        "label": step.data.get("label") or _label(item),
        "start": max(0.0, item.started - start),
        "seconds": item.seconds,
        "status": "unparsed" if unparsed else "error" if item.error else "ok",
        "inputs": _texts(step.inputs),
        "outputs": None if step.outputs is None else _texts(step.outputs),
        "error": unparsed or item.error,
        "printed": item.data.get("printed"),
    }
    if item.data.get("aside"):
        row["aside"] = True
    if step.data.get("refused"):
        row["refused"] = step.data["refused"]
    if step.kind == "predict":
        row["path"] = step.data.get("path") or names.get(id(step.module), step.name)
        given, shown = {**step.inputs, **(step.outputs or {})}, {**row["inputs"], **(row["outputs"] or {})}
        if any(shown[name] is not value for name, value in given.items()):  # not a text, or one that was cut
            row["values"] = {"inputs": jsonable(step.inputs), "outputs": jsonable(step.outputs)}
    if item.kind == "lm":
        row |= {
            key: jsonable(item.data.get(key))
            for key in ("messages", "response", "request", "usage", "cost", "cache", "attempts")
        }
    return row


def _label(item: Span) -> str:
    if item.kind == "lm":
        mark = "did not parse" if item.data.get("unparsed") else "repair" if item.data.get("repair") else ""
        mark = mark or ("cached" if item.data.get("cache") == "hit" else "")
        return f"LM · {mark}" if mark else "LM"
    return type(item.module).__name__ if item.module is not None else item.kind


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {key: without_data(value if isinstance(value, str) else canonical(value)) for key, value in values.items()}
