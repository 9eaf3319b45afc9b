"""The traces of a run's candidates, an example at a time: what the Studio asks about them, and what can be done there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lmnb_widgets.listing import joined
from lmnb_widgets.parts import Part, el, field
from lmnb_widgets.span_acts import in_a_row, keeping
from lmnb_widgets.span_pane import around, looked_at, pane
from lmnb_widgets.trace_tree import said_score

if TYPE_CHECKING:
    from lmnb_widgets.widget import Calls

OFFERED = 500
LEAK = "although candidates are scored on this example"
SHORT = 80

Json = dict[str, Any]


def traced(run: Any, candidate: str) -> list[tuple[int, str]]:
    """The first examples of a candidate that have a trace, each with its words."""
    rows = run.examples(candidate, limit=OFFERED)["rows"]
    return [(row["index"], _words(row)) for row in rows if row["has_trace"]]


def _words(row: Json) -> str:
    state = " · error" if row["error"] else " · wrong" if row["score"] == 0 else ""
    return f"example {row['index']}{state} · {joined(row['inputs'])[:SHORT]}"


def _trace(run: Any, a: Json) -> Any:
    return run.trace(a["candidate"], a["example"])


def _span(run: Any, a: Json) -> Json:
    trace, name = _trace(run, a), f"{a['candidate']}.{a['example']}.{a['span']}"
    return pane(trace, a["span"], in_a_row(*_acts(run, trace, a, name)) if a.get("live") else None, name)


def _acts(run: Any, trace: Any, a: Json, name: str) -> Iterator[Part]:
    _, step, _ = around(trace, a["span"])
    if not step or not step["outputs"]:
        return
    args = {"candidate": a["candidate"], "example": a["example"], "span": step["id"], "parent": a.get("parent")}
    title = f"A new candidate: {'this one' if a.get('parent') else 'the best one'} with these fields as one more demo. It is evaluated next."
    yield from keeping(
        step,
        name,
        args,
        words="Add as demo",
        title=title,
        expected=_labels(run, a),
        more=[field("allow_leak", "false", label=LEAK, as_="check")],
    )
    yield el(".muted", "makes a new candidate")
    if trace.score is not None:
        yield el(".tag.kept" if trace.score > 0 else ".tag.rejected", f"this example scored {said_score(trace.score)}")


def _labels(run: Any, a: Json) -> Json:
    """What the example expects; its row is at its index or, where not all were evaluated, before it."""
    for offset, limit in ((a["example"], 1), (0, a["example"])):
        for row in run.examples(a["candidate"], offset=offset, limit=limit)["rows"]:
            if row["index"] == a["example"]:
                return row["labels"]
    return {}


def _add(run: Any, a: Json) -> Json:
    trace = _trace(run, a)
    was = trace.to_example(a["span"])
    fields = {name: _like(was.get(name), text) for name, text in (a.get("fields") or {}).items()}
    demo = trace.to_example(a["span"], **fields)
    run.inject(demo=demo, parent=a.get("parent"), allow_leak=bool(a.get("allow_leak")))
    return {"said": "Added: a new candidate with this demo. It is evaluated next."}


def _like(value: Any, text: str) -> Any:
    """What was typed, as a value of the same kind: a run's trace holds no signature that says it."""
    if isinstance(value, str) or value is None:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


QUESTIONS: Calls = {**looked_at(_trace), "span": _span, "traced": lambda run, a: traced(run, a["candidate"])}
COMMANDS: Calls = {"keep-as-demo": _add}
