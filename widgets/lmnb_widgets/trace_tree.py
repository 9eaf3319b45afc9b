"""The tree of a trace as a panel lists it: a row a span with its place in time; the totals in its head.

`Tree` and `Line` of `src/traces/view.tsx` are the other half of this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmnb_widgets.parts import Part, as_text, duration, el, money, plural, several

MOST = 3_000
"""So many rows travel in one message."""

Json = dict[str, Any]


def tree(trace: Any, words: str = "") -> Json:
    """The head, the rows, and the span that is shown first; with `words` the rows that have them, and what leads there."""
    whole = trace.to_dict(media=False)
    spans = whole["spans"]
    end = max(span["start"] + (span["seconds"] or 0.0) for span in spans) or 1.0
    parents = {span["parent"] for span in spans}
    shown = _matching(spans, words.strip().casefold()) if words.strip() else spans
    return {
        "head": several(_head(whole), _more(len(shown))),
        "first": first_of(spans),
        "lone": len(spans) == 1,
        "rows": [_row(span, end) | {"kids": span["id"] in parents} for span in shown[:MOST]],
    }


def first_of(spans: Sequence[Mapping[str, Any]]) -> int:
    """The predictor that went wrong, else the first whose outputs stood, else the root."""
    wrong = (span["id"] for span in spans if span["status"] == "error" and span["kind"] == "predict")
    return next(wrong, next((span["id"] for span in spans if span.get("path")), 0))


def said_score(score: float) -> str:
    """A score as it stands in a tag.

    >>> said_score(1), said_score(0.66667)
    ('1.0', '0.667')
    """
    return f"{score:.1f}" if score == int(score) else f"{score:.3g}"


def _head(whole: Mapping[str, Any]) -> Part:
    repaired, cached = whole["repaired"], sum(span.get("cache") == "hit" for span in whole["spans"])
    facts = [
        duration(whole["seconds"]),
        plural(whole["calls"], "LM call") + (f", {repaired:,} repaired" if repaired else ""),
        f"{cached:,} cached" if cached else "",
        plural(whole["tokens"], "token"),
        money(whole["cost"]) if whole["cost"] else "",
    ]
    checks = [el(".muted" if check["holds"] else ".err", f" · {check['text']}") for check in whole.get("checks") or ()]
    score = whole["score"]
    tag = None if score is None else el(".tag.kept" if score > 0 else ".tag.rejected", f"score {said_score(score)}")
    return several(el("b", whole["name"]), el(".muted.num", " · ".join(filter(None, facts)), *checks), tag)


def _more(shown: int) -> Part:
    return el(".muted", f"the first {MOST:,} of {shown:,} spans; a filter finds the others") if shown > MOST else None


def _row(span: Mapping[str, Any], end: float) -> Json:
    start, seconds, status, label = span["start"], span["seconds"], span["status"], span["label"]
    left = min(98.5, max(0.0, 100 * start / end))
    wide = min(100 - left, max(1.5, 100 * (end - start if seconds is None else seconds) / end))
    failed = " · error" if status == "error" and "error" not in label.lower() else ""
    return {
        **{name: span[name] for name in ("id", "parent", "depth", "name", "status")},
        "label": ("" if label == span["name"] else label) + failed,
        "title": (span["error"] or "")[:2_000],
        "cached": span.get("cache") == "hit",
        "time": duration(seconds),
        "x": f"{left:.1f}%",
        "w": f"{wide:.1f}%",
    }


def _matching(spans: Sequence[Mapping[str, Any]], words: str) -> list[Mapping[str, Any]]:
    found: set[int] = set()
    for span in spans:
        at = span["id"] if words in _text(span) else None
        while at is not None and at not in found:
            found.add(at)
            at = spans[at]["parent"]
    return [span for span in spans if span["id"] in found]


def _text(span: Mapping[str, Any]) -> str:
    texts = [span["name"], span["label"], span["kind"], span["error"], span.get("response")]
    fields = [*span["inputs"].values(), *(span["outputs"] or {}).values()]
    messages = [as_text(message["content"]) for message in span.get("messages") or ()]
    return "\n".join(str(text) for text in (*texts, *fields, *messages) if text).casefold()
