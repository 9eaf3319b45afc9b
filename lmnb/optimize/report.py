"""The frozen Studio: a run as static, script-free HTML, made of its snapshot, its best candidate and the examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lmnb.counts import counted
from lmnb.html import Html, duration, el, heading, join, money, page, root, shorten
from lmnb.optimize.curve import CURVE_CSS, curve
from lmnb.optimize.ending import ended_words, far_words, progress
from lmnb.optimize.front import Front, front_part
from lmnb.optimize.heldout import check_part
from lmnb.optimize.lineage import lineage_part
from lmnb.optimize.prompt_origins import PromptOrigins, origins_part
from lmnb.optimize.report_page import others_part
from lmnb.optimize.report_pane import PANE_CSS, candidate_pane, pending_pane, suspects_pane

MAX_CANDIDATES = 60
MAX_EXAMPLES = 12
MAX_DECISIONS = 40
MAX_WHOLE = 1_000  # of each in a whole document
MAX_TEXT = 300

Json = Mapping[str, Any]


def run_html(
    snapshot: Json, detail: Json | None = None, examples: Json | None = None, suspects: Sequence[Json] = ()
) -> str:
    """HTML of `run.snapshot()`, `run.detail(best)`, `run.examples(best)` and the dicts of `run.suspects()`; all but the first
    may be left out.

    Of long lists the first rows are shown, of examples those that failed or changed; how many more there are is said.
    """
    return _studio(snapshot, detail, examples, suspects, rows=MAX_EXAMPLES)


def run_page(
    snapshot: Json,
    detail: Json | None = None,
    examples: Json | None = None,
    suspects: Sequence[Json] = (),
    origins: PromptOrigins | None = None,
    front: Front | None = None,
    others: Iterable[Json] = (),
) -> str:
    """The same as a whole document, with every example that it was given, where each sentence and demo of the prompt comes from, score
    against cost, all candidates as a tree, and the prompts of other candidates (`run.detail(...)` of each) as far as they fit.
    """
    title = f"{snapshot['optimizer']} on {snapshot['program']} · {snapshot['run']['name']}"
    tree = lineage_part(snapshot) if len(snapshot["candidates"]) > 1 else None
    parts = [origins_part(origins) if origins else None, front_part(front) if front and len(front) > 1 else None, tree]
    more = el("div", {"class": "lm-pane"}, *parts) if any(parts) else None
    more = join([more, others_part(snapshot, others)])
    return page(title, _studio(snapshot, detail, examples, suspects, rows=None, more=more))


def _studio(
    snapshot: Json,
    detail: Json | None,
    examples: Json | None,
    suspects: Sequence[Json],
    *,
    rows: int | None,
    more: Html | None = None,
) -> Html:
    drawing = curve(snapshot["candidates"], snapshot["best"])
    pane = candidate_pane(snapshot, detail, examples, rows=rows) if detail else _nothing(snapshot)
    return root(
        "studio",
        _head(snapshot),
        el("div", {"class": "lm-error lm-bad"}, snapshot["error"]) if snapshot.get("error") else None,
        el("div", {"class": "lm-error lm-warn"}, _sentence(ended_words(snapshot))) if snapshot.get("ended") else None,
        el("div", {"class": "lm-chart"}, drawing) if drawing else None,
        el("div", {"class": "lm-pane"}, check_part(snapshot["check"])) if snapshot.get("check") else None,
        pending_pane(snapshot["pending"]) if snapshot.get("pending") else None,
        el("div", {"class": "lm-cols"}, _candidates(snapshot, detail, MAX_CANDIDATES if rows else MAX_WHOLE), pane),
        more,
        suspects_pane(suspects, rows) if suspects else None,
        _decisions(snapshot["decisions"], MAX_DECISIONS if rows else MAX_WHOLE),
        state=snapshot["state"],
        css=CURVE_CSS + PANE_CSS + _CSS,
    )


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


# -- the header


def _head(snapshot: Json) -> Html:
    state = snapshot["state"]
    return el(
        "div",
        {"class": "lm-top lm-num"},
        el(
            "span",
            {"class": f"lm-state {_MOOD.get(state, 'lm-muted')}"},
            el("span", {"class": "lm-dot"}),
            " ",
            _name(state),
        ),
        " ",
        el(
            "span",
            None,
            el("strong", None, snapshot["optimizer"]),
            el("span", {"class": "lm-muted"}, " on "),
            snapshot["program"],
            el("span", {"class": "lm-muted"}, f" · {_progress(snapshot)}"),
        ),
        " ",
        el("span", {"class": "lm-meters"}, *_meters(snapshot)),
    )


_MOOD = {"running": "lm-good", "finished": "lm-good", "failed": "lm-bad", "cancelled": "lm-bad"} | dict.fromkeys(
    ("pausing", "paused", "waiting", "stopping"), "lm-warn"
)


def _name(state: str) -> Html:
    return el("strong", {"class": "lm-ink"}, state.capitalize())


def _progress(snapshot: Json) -> str:
    if snapshot["state"] in ("finished", "stopped", "cancelled"):
        far = progress(snapshot["candidates"], None, finished=snapshot["state"] == "finished")
        total, evalset = far.total or snapshot["progress"]["total"], snapshot["evalset"]
        who = counted(total, "candidate") if far.scored == total else f"{far_words(far.scored, total)} scored"
        return f"{who} on {counted(evalset['size'], 'example')} ({evalset['name']})"
    return snapshot["progress"]["label"]


def _meters(snapshot: Json) -> list[Html]:
    budget, meters = snapshot["budget"], []
    for kind, unit in (("calls", "calls"), ("tokens", "tokens"), ("usd", "")):
        used = budget.get(kind) or {"spent": 0, "limit": None}
        if kind == "calls" or used["limit"] is not None or (kind == "usd" and used["spent"]):
            write = money if kind == "usd" else "{:,.0f}".format
            limit = "" if used["limit"] is None else f" / {write(used['limit'])}"
            meters.append(
                _meter(write(used["spent"]), f"{limit} {unit}".rstrip(), _share(used["spent"], used["limit"]))
            )
    left = snapshot.get("eta")
    if left is not None:
        whole = left + (snapshot["elapsed"] or 0)
        meters.append(_meter(duration(left), " left", _share(snapshot["elapsed"] or 0, whole)))
    else:
        limit = (budget.get("seconds") or {}).get("limit")
        of = "" if limit is None else f" / {duration(limit)}"
        meters.append(_meter(duration(snapshot["elapsed"]), of or " in all", _share(snapshot["elapsed"] or 0, limit)))
    return meters


def _share(spent: float, limit: float | None) -> float | None:
    return None if not limit else min(100.0, 100 * spent / limit)


def _meter(amount: str, words: str, share: float | None) -> Html:
    bar = None
    if share is not None:
        bar = el("span", {"class": "lm-meter"}, el("span", {"style": f"width:{share:.1f}%"}))
    return el("span", None, el("strong", None, amount), el("span", {"class": "lm-muted"}, words), " ", bar)


# -- the candidates


def _candidates(snapshot: Json, detail: Json | None, most: int) -> Html:
    rows = sorted(snapshot["candidates"], key=_rank)
    first = [row for row in rows if row["id"] == snapshot["best"]]
    rows = first + [row for row in rows if row["id"] != snapshot["best"]]
    selected = detail["id"] if detail else None
    more = f"{len(rows) - most:,} more: run.to_pandas()" if len(rows) > most else None
    return el(
        "div",
        {"class": "lm-list"},
        heading(f"Candidates {len(rows):,}", level=4),
        el("table", {"class": "lm-num"}, *(_candidate(row, snapshot, selected) for row in rows[:most])),
        el("div", {"class": "lm-muted lm-more"}, more) if more else None,
        el("div", {"class": "lm-muted lm-more lm-how"}, shorten(_how_scored(snapshot), MAX_TEXT)),
    )


def _how_scored(snapshot: Json) -> str:
    """How the examples were split, and what makes a candidate the best."""
    objective = snapshot.get("objective", "mean")
    by = "" if objective == "mean" else f"; the result is by {objective}"
    return f"{snapshot.get('note', '')}{by}"


def _rank(row: Json) -> tuple[int, float, int]:
    order = {"scored": 0, "dropped": 0, "evaluating": 1, "partial": 1, "unscored": 2, "waiting": 3}[row["status"]]
    if row["status"] == "dropped" and row["score"] is None:
        order = 3
    return order, -(row["score"] or 0.0), row["number"]


def _candidate(row: Json, snapshot: Json, selected: str | None) -> Html:
    best, status, dropped = row["id"] == snapshot["best"], row["status"], row["status"] == "dropped"
    share = row["score"] if status in ("scored", "dropped", "partial") else 100 * row["done"] / (row["total"] or 1)
    expected = snapshot.get("expected")
    look = ["lm-cand", f"lm-{status}", "lm-selected" if row["id"] == selected else ""]
    number = el("s", None, row["number"]) if dropped else join(["★ " if best else None, row["number"]])
    score = "…" if status in ("evaluating", "waiting") else "–" if row["score"] is None else f"{row['score']:.1f}"
    return el(
        "tr",
        {"class": " ".join(filter(None, look)), "data-kind": "candidate", "data-id": row["id"]},
        el("td", {"class": "lm-tight"}, number),
        el(
            "td",
            None,
            el(
                "span",
                {"class": "lm-scorebar"},
                el("span", {"style": f"width:{max(0.0, min(100.0, share or 0)):.1f}%"}),
            ),
            el("span", {"class": "lm-how lm-muted"}, _how(row)),
            el("span", {"class": "lm-how"}, f"{expected:.1f} expected on new data") if best and expected else None,
            el("span", {"class": "lm-tag lm-good"}, "accepted by you") if row["id"] == snapshot["accepted"] else None,
            el("span", {"class": "lm-tag lm-warn"}, "yours") if row["human"] else None,
        ),
        el("td", {"class": "lm-right"}, el("strong", None, score) if best else score),
    )


def _how(row: Json) -> Html:
    if row["status"] == "dropped":
        return join(["dropped: ", shorten(row["reason"] or "by you", 120)])
    if row["status"] in ("evaluating", "partial"):
        return join([shorten(row["label"], 120), f" · {row['done']} of {row['total']} examples"])
    return shorten(row["label"], 120)


def _nothing(snapshot: Json) -> Html:
    words = "No candidate yet." if not snapshot["candidates"] else "No candidate can win yet: none is scored and kept."
    return el("div", {"class": "lm-pane lm-muted"}, words)


# -- the decisions


def _decisions(decisions: Sequence[Json], most: int) -> Html | None:
    if not decisions:
        return None
    shown = decisions[-most:]
    rest = len(decisions) - len(shown)
    return el(
        "div",
        {"class": "lm-foot lm-num"},
        el("span", {"class": "lm-muted"}, "Decisions "),
        el("span", {"class": "lm-muted"}, f"{rest} earlier, ") if rest else None,
        *(_decision(decision) for decision in shown),
    )


def _decision(decision: Json) -> Html:
    words = join([f"{decision['time']} ", shorten(decision["text"], MAX_TEXT)])
    struck = join([el("s", {"class": "lm-muted"}, words), el("span", {"class": "lm-muted"}, " (undone)")])
    attributes = {"data-kind": "decision", "data-id": decision["id"], "class": "lm-decision"}
    return el("span", attributes, struck if decision["undone"] else words, " ")


_CSS = """
.lmnb .lm-state{display:inline-flex;align-items:center;gap:7px}
.lmnb .lm-ink{color:var(--lm-ink)}
.lmnb .lm-dot{width:8px;height:8px;border-radius:50%;background:currentColor;
box-shadow:0 0 0 3px color-mix(in srgb,currentColor 22%,transparent)}
.lmnb .lm-meters{display:flex;flex-wrap:wrap;gap:4px 18px;margin-left:auto}
.lmnb .lm-meter{display:block;height:3px;margin-top:3px;border-radius:2px;background:var(--lm-line)}
.lmnb .lm-meter span,.lmnb .lm-scorebar span{display:block;height:100%;border-radius:2px;background:var(--lm-accent)}
.lmnb .lm-error{padding:8px 14px;border-bottom:1px solid var(--lm-line);white-space:pre-wrap;overflow-wrap:anywhere}
.lmnb .lm-cols{display:flex;flex-wrap:wrap;align-items:stretch}
.lmnb .lm-list{flex:1 1 250px;min-width:220px;border-right:1px solid var(--lm-line)}
.lmnb .lm-cols>.lm-pane{flex:999 1 460px}
.lmnb .lm-list .lm-h4{margin:0;padding:8px 14px}
.lmnb .lm-list table{width:100%;margin:0;border:0;border-collapse:collapse;font-size:13px;table-layout:auto}
.lmnb .lm-list tr.lm-cand{background:none}
.lmnb .lm-list td{padding:6px 6px;border:0;text-align:left;vertical-align:middle;max-width:none;white-space:normal}
.lmnb .lm-list td:first-child{padding-left:14px;width:50px;white-space:nowrap}
.lmnb .lm-list td:last-child{padding-right:14px;width:58px;text-align:right;white-space:nowrap}
.lmnb .lm-list tr.lm-selected{background:var(--lm-sel);box-shadow:inset 3px 0 0 var(--lm-accent)}
.lmnb .lm-list tr.lm-dropped{opacity:.6}
.lmnb .lm-list tr.lm-evaluating .lm-scorebar span,.lmnb .lm-list tr.lm-waiting .lm-scorebar span{opacity:.5}
.lmnb .lm-scorebar{display:block;height:4px;border-radius:2px;background:var(--lm-line)}
.lmnb .lm-how{display:block;font-size:11px;overflow-wrap:anywhere}
.lmnb .lm-more{padding:6px 0}
.lmnb .lm-list .lm-more{padding:6px 14px}
.lmnb .lm-foot{display:flex;flex-wrap:wrap;gap:2px 14px;padding:8px 14px;font-size:12px;
background:var(--lm-bg2);border-top:1px solid var(--lm-line)}
.lmnb .lm-decision{overflow-wrap:anywhere}
"""
