"""The static, script-free form of the trace viewer: a row for every span with its place in time, its fields folded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lmnb.data_uri import without_data
from lmnb.html import Html, duration, el, heading, join, money, picture, root, shorten
from lmnb.trace_file import check_trace
from lmnb.types.parts import content_text, part_text

MAX_SPANS = 300
MAX_TEXT = 4_000
MAX_CHECK = 400
MAX_PICTURES = 300_000  # characters of all data URIs together


def trace_html(trace: Mapping[str, Any]) -> str:
    """HTML of `Trace.to_dict()` data. A long text is cut and says so; so is a trace of more than 300 spans. SaveError for other data."""
    spans = check_trace(trace)["spans"]
    ends = [span["start"] + (span.get("seconds") or 0.0) for span in spans]
    total = max([trace.get("seconds") or 0.0, *ends])
    pictures = _Pictures()
    rows = [
        _row(span, total, pictures, opened=i == 0 or span["status"] != "ok") for i, span in enumerate(spans[:MAX_SPANS])
    ]
    if len(spans) > MAX_SPANS:
        more = f"{len(spans) - MAX_SPANS:,} more spans are not shown here"
        rows.append(el("div", {"class": "lm-more lm-muted"}, more))
    return root("traces", _head(trace), el("div", {"class": "lm-spans lm-num"}, *rows), css=_CSS)


def _head(trace: Mapping[str, Any]) -> Html:
    calls, repaired, tokens, cost = (trace.get(key) or 0 for key in ("calls", "repaired", "tokens", "cost"))
    facts = [
        duration(trace.get("seconds")),
        f"{calls:,} LM call{'s' * (calls != 1)}" + (f", {repaired:,} repaired" if repaired else ""),
        f"{tokens:,} tokens",
        money(cost) if cost else None,
    ]
    score = trace.get("score")
    colour = "" if score is None else "lm-good" if score >= 0.5 else "lm-bad"
    return el(
        "div",
        {"class": "lm-top"},
        el("strong", None, trace["name"]),
        " ",
        el("span", {"class": "lm-muted lm-num"}, " · ".join(fact for fact in facts if fact)),
        None if score is None else " ",
        None if score is None else el("span", {"class": f"lm-tag {colour}"}, f"score {round(float(score), 3)}"),
        *check_lines(trace.get("checks")),
    )


def check_lines(checks: Sequence[Mapping[str, Any]] | None) -> list[Html]:
    """A line for every check that failed (`Check.to_dict()`); one that was repaired is told in a lower voice."""
    colours = [(check["text"], "lm-muted" if check.get("holds") else "lm-bad") for check in checks or ()]
    return [el("div", {"class": colour}, shorten(words, MAX_CHECK)) for words, colour in colours]


def check_counts(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """How many rows have a failed check, and how many were repaired; nothing where there are none."""
    kinds = [all(check["holds"] for check in row["checks"]) for row in rows if row.get("checks")]
    failed, repaired = kinds.count(False), kinds.count(True)
    return [f"{failed:,} with a failed check"] * bool(failed) + [f"{repaired:,} repaired by a check"] * bool(repaired)


def _row(span: Mapping[str, Any], total: float, pictures: _Pictures, *, opened: bool) -> Html:
    seconds, status = span.get("seconds") or 0.0, span["status"]
    left = min(100.0, 100 * span["start"] / total) if total else 0.0
    wide = min(100.0 - left, 100 * seconds / total) if total else 100.0
    bar = el(
        "span",
        {"class": f"lm-bar{'' if status == 'ok' else ' lm-failed'}", "style": f"left:{left:.2f}%;width:{wide:.2f}%"},
    )
    label = "" if span["label"] == span["name"] else span["label"]
    failed = status != "ok" and "did not parse" not in label
    row = el(
        "summary",
        {"class": "lm-row", "data-kind": "span", "data-id": span["id"]},
        el(
            "span",
            {"class": "lm-name", "style": f"padding-left:{16 * min(span['depth'], 24)}px"},
            span["name"],
            " ",
            el("span", {"class": f"lm-kind {'lm-muted' if status == 'ok' else 'lm-bad'}"}, label) if label else None,
            el("span", {"class": "lm-kind lm-bad"}, f" {status}") if failed else None,
        ),
        " ",
        el("span", {"class": "lm-fall", "aria-hidden": "true"}, bar),
        " ",
        el("span", {"class": "lm-muted lm-time"}, duration(span.get("seconds"))),
    )
    return el("details", {"class": "lm-span", "open": opened}, row, _body(span, pictures))


def _body(span: Mapping[str, Any], pictures: _Pictures) -> Html:
    is_lm = span["kind"] == "lm"
    facts = _facts(span)
    fields = {**span["inputs"], **(span.get("outputs") or {})}
    messages = span.get("messages") or []
    return el(
        "div",
        {"class": "lm-pane"},
        el("div", {"class": "lm-muted"}, facts) if facts else None,
        _failure(span["error"]) if span.get("error") else None,
        _fields(span["inputs"], span.get("outputs")) if fields and not is_lm else None,
        _messages(messages, pictures) if messages else None,
        _named("Response", _box(span.get("response") or "")) if is_lm and span.get("response") is not None else None,
        _request(span.get("request")),
        _named("Printed", _box(span["printed"])) if span.get("printed") else None,
    )


def _facts(span: Mapping[str, Any]) -> str:
    usage, request = span.get("usage") or {}, span.get("request") or {}
    facts = []
    if usage:
        facts = [f"{usage.get('prompt_tokens') or 0:,} in", f"{usage.get('completion_tokens') or 0:,} out"]
    if span.get("cost"):
        facts.append(money(span["cost"]))
    if request.get("temperature") is not None:
        facts.append(f"temperature {request['temperature']}")
    if span.get("cache") in ("hit", "miss"):
        facts.append(f"cache {span['cache']}")
    if (span.get("attempts") or 1) > 1:
        facts.append(f"{span['attempts']} attempts")
    return " · ".join(facts)


def _failure(error: str) -> Html:
    return el("div", {"class": "lm-failure"}, el("strong", {"class": "lm-bad"}, "Error: "), shorten(error, MAX_TEXT))


def _fields(inputs: Mapping[str, Any], outputs: Mapping[str, Any] | None) -> Html:
    rows = [_field(name, value, "") for name, value in inputs.items()]
    rows += [_field(name, value, "→ ") for name, value in (outputs or {}).items()]
    return el("dl", {"class": "lm-fields"}, *rows)


def _field(name: str, value: object, sign: str) -> Html:
    return join([el("dt", None, sign, name), el("dd", None, _box(value))])


def _messages(messages: list[Mapping[str, Any]], pictures: _Pictures) -> Html:
    parts: list[Html | None] = []
    for message in messages:
        parts.append(el("div", {"class": "lm-role lm-muted"}, message.get("role", "")))
        content = message.get("content")
        parts.append(_box(content_text(content)))
        parts += map(pictures.shown, content if isinstance(content, list) else ())
    return _named(f"Messages {len(messages)}", *parts)


class _Pictures:
    """Those of one trace: each is shown once, and not more than a notebook bears."""

    def __init__(self) -> None:
        self.left = MAX_PICTURES
        self.seen: set[str] = set()

    def shown(self, part: object) -> Html | None:
        """The picture of a content part, where it is one that came along."""
        inner = part.get("image_url") if isinstance(part, Mapping) else None
        uri = inner.get("url") if isinstance(inner, Mapping) else None
        if not isinstance(uri, str) or uri in self.seen or len(uri) > self.left:
            return None
        try:
            made = picture(uri, part_text(part), height=120)
        except ValueError:  # an address: nothing is loaded for a trace
            return None
        self.seen.add(uri)
        self.left -= len(uri)
        return made


def _request(request: Mapping[str, Any] | None) -> Html | None:
    if not request:
        return None
    return _named("Request", _box("\n".join(f"{name} = {value}" for name, value in request.items())))


def _named(name: str, *content: object) -> Html:
    return el("details", {"class": "lm-part"}, el("summary", None, heading(name, level=4)), *content)


def _box(value: object) -> Html:
    return el("pre", {"class": "lm-box"}, shorten(without_data(str(value)), MAX_TEXT))


_CSS = """
.lmnb .lm-spans{padding:6px 0}
.lmnb .lm-row{display:grid;grid-template-columns:minmax(0,1fr) 96px 56px;gap:10px;align-items:center;padding:3px 14px;
list-style:none}
.lmnb .lm-row::-webkit-details-marker{display:none}
.lmnb .lm-row .lm-name::before{content:"▸ ";color:var(--lm-ink2)}
.lmnb .lm-span[open]>.lm-row .lm-name::before{content:"▾ "}
.lmnb .lm-row:hover{background:var(--lm-bg2)}
.lmnb .lm-span[open]>.lm-row{background:var(--lm-sel);box-shadow:inset 3px 0 0 var(--lm-accent)}
.lmnb .lm-name{white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.lmnb .lm-kind{font-size:11px;margin-left:6px}
.lmnb .lm-fall{display:block;position:relative;height:6px;border-radius:3px;background:var(--lm-line)}
.lmnb .lm-bar{position:absolute;top:0;bottom:0;min-width:2px;border-radius:3px;background:var(--lm-accent)}
.lmnb .lm-bar.lm-failed{background:var(--lm-bad)}
.lmnb .lm-time{text-align:right}
.lmnb .lm-span>.lm-pane{padding:6px 16px 12px 30px;border-bottom:1px solid var(--lm-line)}
.lmnb dl.lm-fields{display:grid;grid-template-columns:minmax(70px,110px) minmax(0,1fr);gap:8px 12px;margin:8px 0}
.lmnb .lm-fields dt{margin:0;padding:6px 0 0;font-weight:400;color:var(--lm-ink2);overflow-wrap:anywhere}
.lmnb .lm-fields dd{margin:0}
.lmnb .lm-part{margin:4px 0}
.lmnb .lm-part>summary{color:var(--lm-ink2)}
.lmnb .lm-part>summary .lm-h4{display:inline-block;margin:2px 0}
.lmnb .lm-role{font-size:11px;margin:6px 0 2px}
.lmnb .lm-failure{margin:6px 0;overflow-wrap:anywhere;white-space:pre-wrap}
.lmnb .lm-more{padding:6px 14px}
"""
