"""A program's card: what a reviewer asks of it on one page, here as static HTML; `card_text` writes the same as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmnb.adapters.values import plain
from lmnb.canonical import jsonable
from lmnb.counts import counted
from lmnb.data_uri import without_data
from lmnb.example import Example
from lmnb.html import Html, el, heading, money, root, shorten, table_of
from lmnb.lm.private import public, redact
from lmnb.modules.tool_texts import named_tools
from lmnb.types.card import signature_body

SHOWN = 16  # demos of one predictor
MAX_TEXT = 300


def program_card(program: Any) -> Html:
    """The card that a program shows in a notebook."""
    named = program.named_predictors()
    top = el(
        "div",
        {"class": "lm-top"},
        heading(type(program).__name__),
        el("span", {"class": "lm-muted"}, counted(len(named), "predictor")),
    )
    facts = provenance_facts(program.provenance)
    return root(
        "program",
        top,
        el("div", {"class": "lm-pane"}, _facts(facts)) if facts else None,
        *(_predictor(name, predictor, opened=len(named) == 1) for name, predictor in named),
        *(_tool(name, tool) for name, tool in named_tools(program).items()),
    )


# -- what a card says, whatever its form ---------------------------------------------------------------------------------


def provenance_facts(provenance: Mapping[str, Any]) -> dict[str, str]:
    """Where a program comes from, in words: the score and its cost first, then whatever else is recorded.

    >>> usage = {"calls": 80, "tokens": 30200, "usd": 0.042}
    >>> provenance_facts({"optimizer": "BootstrapRS", "score": 87.5, "scored_on": "40 examples (val)", "usage": usage})
    {'score': '87.5 % of 40 examples (val)', 'scoring took': '80 calls, 30,200 tokens, $0.0420', 'optimizer': 'BootstrapRS'}
    """
    rest, facts = dict(provenance), {}
    if isinstance(rest.get("score"), (int, float)):
        facts["score"] = f"{rest.pop('score'):.1f} %"
        if isinstance(rest.get("interval"), (list, tuple)) and len(rest["interval"]) == 2:
            facts["score"] += " (95 % interval {} … {})".format(*map(plain, rest.pop("interval")))
        if rest.get("scored_on"):
            facts["score"] += f" of {plain(rest.pop('scored_on'))}"
        if isinstance(rest.get("expected"), (int, float)):
            facts["expected"] = f"{rest.pop('expected'):.1f} % on new data, shrunken"
            many = rest.pop("picked_from", None)
            facts["expected"] += f" for the best of {many}" if isinstance(many, int) and many > 1 else ""
        if rest.get("check"):
            facts["held-out check"] = plain(rest.pop("check"))
    if isinstance(rest.get("edited"), (list, tuple)) and rest["edited"]:
        facts["edited"] = ", ".join(map(plain, rest.pop("edited")))
        facts["edited"] += ": the score is of the program before that" if "score" in facts else ""
    used = rest.get("usage")
    if isinstance(used, dict) and all(isinstance(used.get(key), (int, float)) for key in ("calls", "tokens", "usd")):
        bought = f", {used['tokens']:,.0f} tokens, {money(used['usd'])}" if used["tokens"] else ""
        facts["scoring took"] = f"{used['calls']:,.0f} calls{bought}"
        del rest["usage"]
    said = {name.replace("_", " "): plain(value) for name, value in rest.items() if value is not None}
    return facts | {name: redact(value, {}) for name, value in said.items() if value not in ("", "{}", "[]")}


def policy_words(predictor: Any) -> str:
    """How the demos of a prompt are chosen, in words.

    >>> import lmnb
    >>> predict = lmnb.Predict("ticket -> team")
    >>> predict.demos, predict.demo_policy = [lmnb.Example(ticket=word) for word in "abcd"], lmnb.NearestDemos(3)
    >>> policy_words(predict)
    'the 3 of 4 nearest to the inputs, by lmnb/tiny'
    """
    policy, count = predictor.demo_policy, len(predictor.demos)
    return f"the {policy.k} of {count} nearest to the inputs, by {policy.by}"


def predictor_facts(predictor: Any) -> dict[str, str]:
    """The LM and the options of a predictor, without secrets."""
    lm, options = predictor.lm, jsonable(public(predictor.config))
    facts = {"LM": "the one that is configured"}
    if lm is not None:
        state = lm.dump_state() if hasattr(lm, "dump_state") else {}
        told = {name: value for name, value in state.items() if name not in _LM_DEFAULTS or value != _LM_DEFAULTS[name]}
        more = ", ".join(f"{name}={_shown(name, value)}" for name, value in told.items() if name != "model")
        model = state.get("model") or getattr(lm, "model", "")
        facts["LM"] = redact(f"{type(lm).__name__} {model}" + (f" ({more})" if more else ""), {})
    if predictor.demo_policy is not None:
        facts["demos"] = policy_words(predictor)
    if options:
        facts["options"] = redact(", ".join(f"{name}={plain(value)}" for name, value in options.items()), {})
    return facts


def _shown(name: str, value: Any) -> str:
    return f"SHA-256 {value[:12]}…" if name == "weights" and isinstance(value, str) else plain(value)


_LM_DEFAULTS = {"model_type": "chat", "cache": True, "num_retries": 3}


def origin_of(demo: Example) -> str:
    """Where a demo comes from: how it was made, and its place in the training set; one that nothing made was given with the program.

    >>> origin_of(Example(question="2 + 2?").with_origin("bootstrapped", 31))
    'bootstrapped, training example 31'
    >>> origin_of(Example(question="2 + 2?"))
    'given'
    """
    origin, source, _ = demo.provenance
    place = None if source is None else f"training example {source}"
    return ", ".join(filter(None, ["yours" if origin == "human" else origin, place])) or "given"


# -- as HTML ---------------------------------------------------------------------------------------------------------


def _predictor(name: str, predictor: Any, *, opened: bool) -> Html:
    count = len(predictor.demos)
    summary = el(
        "summary",
        {"class": "lm-top"},
        el("code", None, name),
        el("span", {"class": "lm-muted"}, predictor.signature.signature),
        el("span", {"class": "lm-tag"}, counted(count, "demo")),
        None if predictor.lm is None else el("span", {"class": "lm-tag"}, getattr(predictor.lm, "model", "LM")),
    )
    return el(
        "details",
        {"open": opened},
        summary,
        signature_body(predictor.signature),
        el("div", {"class": "lm-pane"}, _facts(predictor_facts(predictor))),
        _demos(predictor) if count else None,
    )


def _tool(name: str, tool: Any) -> Html:
    summary = el(
        "summary",
        {"class": "lm-top"},
        el("code", None, name),
        el("span", {"class": "lm-muted"}, shorten(tool.desc, 80)),
    )
    return el("details", None, summary, el("div", {"class": "lm-pane"}, el("pre", {"class": "lm-box"}, tool.format())))


def _facts(facts: Mapping[str, str]) -> Html:
    rows = (
        el("tr", None, el("th", {"scope": "row", "class": "lm-tight"}, name), el("td", None, shorten(text, MAX_TEXT)))
        for name, text in facts.items()
    )
    return el("table", {"class": "lm-table lm-num"}, el("tbody", None, *rows))


def _demos(predictor: Any) -> Html:
    names = list(predictor.signature.fields)
    rows = (
        el(
            "tr",
            None,
            *(
                el("td", None, shorten(without_data(plain(demo[name])), MAX_TEXT) if name in demo else "–")
                for name in names
            ),
            el("td", {"class": "lm-muted"}, origin_of(demo)),
        )
        for demo in predictor.demos[:SHOWN]
    )
    left = len(predictor.demos) - SHOWN
    more = el("div", {"class": "lm-muted"}, f"… {left} more demos") if left > 0 else None
    return el("div", {"class": "lm-pane"}, heading("Demos", level=4), table_of([*names, "from"], rows), more)
