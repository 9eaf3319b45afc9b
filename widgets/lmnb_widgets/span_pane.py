"""What a panel shows of one span: its facts, and by tabs its fields, messages, reply and request.

`Pane` of `src/traces/span.tsx` is the other half of this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import lmnb
from lmnb_widgets.parts import Part, duration, el, long, money, pairs, several
from lmnb_widgets.trace_tree import tree

if TYPE_CHECKING:
    from lmnb_widgets.widget import Calls

LONG = 6_000
"""Longer messages and replies are drawn cut."""

Json = dict[str, Any]


def looked_at(at: Any) -> Calls:
    """The questions about a trace and about a span of it; `at` gives the trace of what a widget is about and of the arguments."""
    return {
        "trace": lambda about, a: tree(at(about, a), a.get("filter", "")),
        "span": lambda about, a: pane(at(about, a), a["span"]),
    }


def pane(trace: Any, number: int, acts: Part = None, name: str = "") -> Json:
    """A span by the number of its row; `acts` is what can be done with it, and `name` the id of the forms in there."""
    span, step, call = around(trace, number)
    shown = step or span
    tabs: list[tuple[str, str, int | None, Part]] = []
    if shown["inputs"] or shown["outputs"] is not None or not call:
        tabs.append(("fields", "Fields", None, _fields(shown, span["printed"] or shown["printed"])))
    if call:
        messages = call.get("messages") or []
        told = pairs([(one["role"], one["content"]) for one in messages], "m", LONG)
        tabs.append(("messages", "Messages", len(messages), told))
        tabs.append(("response", "Response", None, _block(call.get("response"))))
        tabs.append(("request", "Request", None, _request(call)))
    asked = f"{step['name']} → " if step and step is not span else ""
    error = span["error"] and el("div.notice.bad", span["error"], role="alert")
    facts = el("div.muted.num.facts", " · ".join(_facts(span)))
    return {
        "head": several(el("h3", asked, span["name"]), facts, error),
        "tabs": tabs,
        "acts": acts,
        "code": _code(trace, number),
        "name": name,
    }


def around(trace: Any, number: int) -> tuple[Json, Json | None, Json | None]:
    """The rows of a span, of the predictor whose fields it shows, and of the LM call whose messages: itself or the call that it
    is part of, itself or its last call.
    """
    trace.find(number)  # says it where there is no such row
    spans: Sequence[Json] = trace.to_dict(media=False)["spans"]
    span = spans[number]
    if span["kind"] == "lm":
        above = None if span["parent"] is None else spans[span["parent"]]
        return span, above if above and above["kind"] == "predict" else None, span
    if span["kind"] != "predict":
        return span, None, None
    calls = [other for other in spans if other["parent"] == number and other["kind"] == "lm"]
    return span, span, calls[-1] if calls else None


def _facts(span: Mapping[str, Any]) -> list[str]:
    usage, request, attempts = span.get("usage") or {}, span.get("request") or {}, span.get("attempts") or 1
    said = [] if span["kind"] == "lm" else [span["label"] or span["kind"]]
    if usage:
        said += [f"{usage.get('prompt_tokens') or 0:,} in", f"{usage.get('completion_tokens') or 0:,} out"]
    said += [duration(span["seconds"]), money(span["cost"]) if span.get("cost") else ""]
    if request.get("temperature") is not None:
        said.append(f"temperature {request['temperature']}")
    said += ["from the cache" * (span.get("cache") == "hit"), f"{attempts} attempts" if attempts > 1 else ""]
    return list(filter(None, said))


def _fields(span: Mapping[str, Any], printed: str | None) -> Part:
    kinds = (("input", span["inputs"]), ("output", span["outputs"] or {}))
    rows = [(el("span", name, title=kind), text) for kind, fields in kinds for name, text in fields.items()]
    rows += [(el("span", "printed"), printed)] if printed else []
    return pairs(rows, "m") if rows else el("p.muted.none", "No fields.")


def _block(text: str | None) -> Part:
    return el("div.m", long(text, LONG)) if text else el("p.muted.none", "Empty.")


def _request(call: Mapping[str, Any]) -> Part:
    asked = [one for one in (call.get("request") or {}).items() if one[0] not in ("messages", "model")]
    more = [(name, call[name]) for name in ("cache", "attempts") if call.get(name) is not None]
    return pairs([("model", call["name"]), *asked, *more], "m")


def _code(trace: Any, number: int) -> str:
    try:
        return trace.to_code(number)
    except lmnb.InputError:  # of a module, a tool, a check
        return ""
