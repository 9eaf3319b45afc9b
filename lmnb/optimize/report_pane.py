"""The frozen Studio's view of one candidate: its gain, prompt, demos, examples and ancestors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmnb.counts import counted
from lmnb.evaluate.report_html import values
from lmnb.html import Html, el, heading, join, shorten, table_of
from lmnb.optimize.leaks import leak_words
from lmnb.trace_html import check_counts, check_lines
from lmnb.word_diff import word_diff

MAX_DEMOS = 40
MAX_TEXTS = 40
MAX_TEXT = 300
MAX_PENDING = 12
MAX_PROMPT = 8_000
_TABLE = "lm-table lm-num"

Json = Mapping[str, Any]


def candidate_pane(snapshot: Json, detail: Json, examples: Json | None, *, rows: int | None) -> Html:
    """Of the examples at most `rows` are shown, those that failed or changed; None shows all that were given."""
    gain = detail.get("gain")
    accepted = detail["id"] == snapshot["accepted"]
    return el(
        "div",
        {"class": "lm-pane"},
        el(
            "div",
            {"class": "lm-title"},
            heading(f"Candidate {detail['number']}"),
            " ",
            _gain(gain) if gain else None,
            el("span", {"class": "lm-tag lm-good"}, "accepted by you") if accepted else None,
        ),
        el("div", {"class": "lm-muted lm-num"}, " · ".join(_facts(detail, gain))),
        _leaks(detail.get("leaks") or ()),
        *(_prompt(part, _against(snapshot, gain)) for part in detail["predictors"]),
        _texts(detail["texts"], _against(snapshot, gain)),
        *(_demos(part, len(detail["predictors"]) > 1) for part in detail["predictors"]),
        _examples(examples, rows) if examples and examples["rows"] else None,
        _lineage(detail["lineage"]),
    )


def _leaks(leaked: Sequence[int]) -> Html | None:
    words = f"The prompt {leak_words(leaked)}: that part of the score is of what it was shown."
    return el("div", {"class": "lm-warn"}, words) if leaked else None


def _gain(gain: Json) -> Html:
    colour = "lm-good" if gain["mean"] > 0 else "lm-bad" if gain["mean"] < 0 else "lm-muted"
    return el("strong", {"class": f"lm-num {colour}"}, f"{gain['mean']:+.1f} over #{gain['against']}")


def _facts(detail: Json, gain: Json | None) -> list[str]:
    row, facts = detail["row"], []
    if row["score"] is not None:
        facts.append(f"{row['score']:.1f} %")
    if gain:
        facts.append(f"95 % interval of the gain {gain['low']:+.1f} … {gain['high']:+.1f}")
        facts.append(f"{gain['fixed']} fixed, {gain['broken']} broken of {gain['n']}")
    elif row["low"] is not None:
        facts.append(f"95 % interval {row['low']:.1f} … {row['high']:.1f}")
    if detail.get("expected") is not None:
        facts.append(f"{detail['expected']:.1f} expected on new data (shrunken)")
    if detail.get("worst"):
        low = detail["worst"]
        facts.append(f"worst group {low['group']!r} {low['score']:.1f} % of {counted(low['n'], 'example')}")
    if detail.get("tokens"):
        facts.append(f"{detail['tokens']:,.0f} tokens a call")
    facts += [f"{path} asks {weights}" for path, weights in (detail.get("weights") or {}).items()]
    return facts


def _against(snapshot: Json, gain: Json | None) -> str:
    baseline = next((row["number"] for row in snapshot["candidates"] if row["id"] == snapshot["baseline"]), None)
    return "baseline" if gain is None or gain["against"] == baseline else f"#{gain['against']}"


def _prompt(part: Json, against: str) -> Html:
    name = f"{part['path']} · instruction"
    text = _text(name, part["before"] or "", part["instructions"] or "", against)
    return join([heading("Prompt", level=4), text, _held(part["locked"], part.get("pinned"))])


def _held(locked: Sequence[str] = (), pinned: Any = False) -> Html | None:
    """What the person fixed of a slot."""
    pins = f"pinned: {', '.join(pinned)}" if isinstance(pinned, Sequence) and pinned else "pinned" if pinned else ""
    spans = [join(["locked: “", shorten(span, 120), "”"]) for span in locked]
    return el("div", {"class": "lm-muted lm-more"}, join([pins] * bool(pins) + spans, " · ")) if pins or spans else None


def _texts(texts: Sequence[Json], against: str) -> Html | None:
    """How outputs and tools are described: in full where that is another text than before."""
    changed = [text for text in texts if text["text"] != (text["before"] or "")]
    same = len(texts) - len(changed)
    if not texts:
        return None
    return join(
        [
            heading("Descriptions", level=4),
            *(
                join([_text(each["slot"], each["before"] or "", each["text"], against), held])
                for each in changed[:MAX_TEXTS]
                for held in [_held(each.get("locked", ()), each.get("pinned"))]
            ),
            el("div", {"class": "lm-muted lm-more"}, f"{len(changed) - MAX_TEXTS} more")
            if len(changed) > MAX_TEXTS
            else None,
            el("div", {"class": "lm-muted lm-more"}, f"{counted(same, 'description')} as in {against}")
            if same
            else None,
        ]
    )


def _text(name: str, before: str, after: str, against: str) -> Html:
    """A text as what it changed of the one before."""
    diff = shorten(after, MAX_PROMPT) if max(len(before), len(after)) > MAX_PROMPT else word_diff(before, after)
    caption = f"{name}, " + (f"as in {against}" if before == after else f"against {against}")
    return join([el("div", {"class": "lm-code lm-muted"}, caption), el("pre", {"class": "lm-diff"}, diff)])


def _demos(part: Json, several: bool) -> Html | None:
    demos = part["demos"]
    if not demos:
        return el("div", {"class": "lm-muted lm-more"}, f"{part['path']} has no demos") if several else None
    known = [*part["inputs"], *part["outputs"]]
    names = known + sorted({name for demo in demos for name in demo["fields"]} - set(known))
    names = [name for name in names if any(name in demo["fields"] for demo in demos)]
    more = f"{len(demos) - MAX_DEMOS} more demos" if len(demos) > MAX_DEMOS else None
    return join(
        [
            heading(f"Demos in this prompt{' · ' + part['path'] if several else ''} {len(demos)}", level=4),
            table_of(["#", *names, "from"], [_demo(demo, names) for demo in demos[:MAX_DEMOS]], _TABLE),
            el("div", {"class": "lm-muted lm-more"}, more) if more else None,
        ]
    )


def _demo(demo: Json, names: Sequence[str]) -> Html:
    status, origin = demo["status"], demo["origin"]
    tag = {"kept": ("kept by you", " lm-good"), "rejected": ("rejected by you", " lm-bad")}.get(status or "")
    words, colour = tag or ("yours" if origin == "human" else origin, " lm-warn" if origin == "human" else "")
    return el(
        "tr",
        {"data-kind": "demo", "data-id": demo["id"]},
        el("td", {"class": "lm-tight"}, demo["number"]),
        *(el("td", None, shorten(demo["fields"].get(name, "–"), MAX_TEXT)) for name in names),
        el("td", {"class": "lm-tight"}, el("span", {"class": f"lm-tag{colour}"}, words)),
    )


def _examples(examples: Json, limit: int | None) -> Html:
    rows = sorted(examples["rows"], key=lambda row: (_ORDER.index(_kind(row)), row["index"]))
    telling = [row for row in rows if _kind(row) != "same" or row.get("checks")]
    shown = rows if limit is None else (telling or rows)[:limit]
    counts, total = examples["counts"], examples["total"]
    failed = sum(row["error"] is not None for row in rows)
    summary = f"Examples {total:,} · {counts['fixed']} fixed · {counts['broken']} broken · {counts['same']} the same"
    rest = total - len(shown)
    more = f"{rest:,} more: run.examples(run.best)" if rest else None
    inputs, labels, outputs = ([*dict.fromkeys(n for row in shown for n in row[part] or {})] for part in _PARTS)
    head = ["#", *inputs, *(f"{n} (label)" for n in labels), *(f"{n} (answer)" for n in outputs), "", "score"]
    return join(
        [
            heading(" · ".join([summary, *[f"{failed} failed"] * bool(failed), *check_counts(rows)]), level=4),
            table_of(head, [_example(row, inputs, labels, outputs) for row in shown], _TABLE),
            el("div", {"class": "lm-muted lm-more"}, more) if more else None,
        ]
    )


_PARTS = ("inputs", "labels", "outputs")
_ORDER = ("error", "broken", "fixed", "same")


def _kind(row: Json) -> str:
    return "error" if row["error"] is not None else row["change"] or "same"


def _example(row: Json, inputs: Sequence[str], labels: Sequence[str], outputs: Sequence[str]) -> Html:
    kind, found, checks = _kind(row), row["outputs"] or {}, check_lines(row.get("checks"))
    if row["error"] is not None:
        told = join([shorten(row["error"], MAX_TEXT), *checks])
        answer = [el("td", {"class": "lm-bad", "colspan": max(1, len(outputs))}, told)]
    else:
        shown = [shorten(found.get(name, "–"), MAX_TEXT) for name in outputs]
        shown[-1:] = [join([last, *checks]) for last in shown[-1:]]
        answer = [el("td", None, each) for each in shown]
    colour = {"error": " lm-bad", "broken": " lm-bad", "fixed": " lm-good"}.get(kind, "")
    score = "–" if row["score"] is None else f"{row['score']:g}"
    before = "" if row["before"] is None or kind == "same" else f"{row['before']:g} → "
    return el(
        "tr",
        {"data-kind": "example", "data-id": row["index"]},
        el("td", {"class": "lm-tight"}, row["index"]),
        *(el("td", None, shorten(row["inputs"].get(name, "–"), MAX_TEXT)) for name in inputs),
        *(el("td", None, shorten(row["labels"].get(name, "–"), MAX_TEXT)) for name in labels),
        *answer,
        el(
            "td", {"class": "lm-tight"}, el("span", {"class": f"lm-tag{colour}"}, "failed" if kind == "error" else kind)
        ),
        el("td", {"class": "lm-tight"}, f"{before}{score}"),
    )


def pending_pane(pending: Sequence[Json]) -> Html:
    """What waits for the person's answer, of `run.snapshot()`."""
    shown = pending[:MAX_PENDING]
    rows = [
        el(
            "tr",
            {"data-kind": "pending", "data-id": item["id"]},
            el("td", {"class": "lm-tight"}, item["kind"]),
            el("td", None, shorten(item["label"], 120)),
            el("td", None, values(item["values"])),
        )
        for item in shown
    ]
    more = f"{len(pending) - len(shown):,} more: run.pending" if len(pending) > len(shown) else None
    return el(
        "div",
        {"class": "lm-pane"},
        heading(f"Waits for your answer {len(pending):,}", level=4),
        table_of(["kind", "what", "values"], rows, _TABLE),
        el("div", {"class": "lm-muted lm-more"}, more) if more else None,
    )


def suspects_pane(suspects: Sequence[Json], limit: int | None) -> Html:
    """The rows of `run.suspects()`; at most `limit`, where it is not None."""
    shown = suspects[:limit]
    more = f"{len(suspects) - len(shown):,} more: run.suspects()" if len(suspects) > len(shown) else None
    words = "Every candidate near the best gives the same answer here, and the metric calls it wrong."
    return el(
        "div",
        {"class": "lm-pane"},
        heading(f"Suspect labels {len(suspects):,}", level=4),
        el("div", {"class": "lm-muted"}, words),
        table_of(["#", "input", "label", "they answer", "candidates"], [_suspect(row) for row in shown], _TABLE),
        el("div", {"class": "lm-muted lm-more"}, more) if more else None,
    )


def _suspect(row: Json) -> Html:
    return el(
        "tr",
        {"data-kind": "example", "data-id": row["index"]},
        el("td", {"class": "lm-tight"}, row["index"]),
        *(el("td", None, values(row[part])) for part in ("inputs", "label", "answer")),
        el("td", {"class": "lm-tight"}, len(row["candidates"])),
    )


def _lineage(lineage: Sequence[Json]) -> Html | None:
    if len(lineage) < 2:
        return None
    steps = [
        el(
            "li",
            None,
            f"#{item['number']} ",
            shorten(item["label"], 120),
            "" if item["score"] is None else f" · {item['score']:.1f}",
        )
        for item in lineage
    ]
    return join([heading("Lineage", level=4), el("ul", {"class": "lm-lineage lm-num"}, *steps)])


PANE_CSS = """
.lmnb .lm-title{display:flex;flex-wrap:wrap;align-items:baseline;gap:4px 10px}
.lmnb .lm-code{font:12.5px/1.6 var(--lm-mono)}
.lmnb pre.lm-diff{margin:0;padding:0 0 10px;border:0;border-bottom:1px solid var(--lm-line);background:none;
color:var(--lm-ink);font:12.5px/1.6 var(--lm-mono);white-space:pre-wrap;overflow-wrap:anywhere;word-break:normal}
.lmnb ul.lm-lineage{margin:4px 0 0;padding:0;list-style:none}
"""
