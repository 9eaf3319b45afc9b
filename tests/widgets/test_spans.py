"""What panels are told of a trace: the rows of its tree, what there is to see of a span, and to do with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_run import FakeRun, FakeTrace, name, pictured
from lmnb_widgets import run_traces
from lmnb_widgets.parts import el, go, pairs, several
from lmnb_widgets.span_pane import pane
from lmnb_widgets.trace_tree import first_of, tree
from lmnb_widgets.wire import LIMIT
from parts_said import actions, fields, parts, texts


def spans(*rows: tuple[int | None, str], **more: Any) -> list[dict[str, Any]]:
    """Rows by their parent and kind, those after the first a second each."""
    base = {"depth": 0, "label": "", "seconds": 1.0, "status": "ok", "inputs": {}, "outputs": None, "error": None}
    return [
        {
            "id": n,
            "parent": parent,
            "kind": kind,
            "name": f"{kind}{n}",
            "start": float(n),
            "printed": None,
            **base,
            **more,
        }
        for n, (parent, kind) in enumerate(rows)
    ]


def of(rows: list[dict[str, Any]]) -> FakeTrace:
    return FakeTrace(data=pictured("it") | {"spans": rows})


def test_a_filter_gives_the_rows_that_have_the_words_and_what_leads_there() -> None:
    """In names, fields, messages, replies and errors, whatever the case."""
    rows = spans((None, "module"), (0, "predict"), (1, "lm"), (0, "tool"))
    rows[2] |= {"messages": [{"role": "user", "content": "hidden needle"}]}
    assert [row["id"] for row in tree(of(rows), " NEEDLE ")["rows"]] == [0, 1, 2]
    assert [row["id"] for row in tree(of(rows), "tool")["rows"]] == [0, 3]
    assert tree(of(rows), "nowhere")["rows"] == []
    assert [row["kids"] for row in tree(of(rows))["rows"]] == [True, True, False, False]


def test_a_trace_of_thousands_of_spans_is_one_message_and_says_what_it_leaves_out() -> None:
    """The others are found by a filter."""
    told = tree(of(spans((None, "module"), *[(0, "lm")] * 9_999)))
    assert len(told["rows"]) == 3_000 and len(json.dumps(told)) < LIMIT
    assert "the first 3,000 of 10,000 spans; a filter finds the others" in texts(told["head"])
    assert [row["id"] for row in tree(of(spans((None, "module"), *[(0, "lm")] * 9_999)), "lm9999")["rows"]] == [
        0,
        9_999,
    ]


def test_bars_lie_inside_the_row_and_can_be_seen_however_short() -> None:
    """Also of a call that was not finished."""
    rows = spans((None, "module"), (0, "lm"), (0, "lm"))
    rows[0]["seconds"], rows[1] = 1000.0, rows[1] | {"start": 999.99, "seconds": 0.001}
    rows[2]["seconds"] = None
    for row in tree(of(rows))["rows"]:
        left, wide = float(row["x"][:-1]), float(row["w"][:-1])
        assert left >= 0 and wide >= 1.5 and left + wide <= 100.01


def test_what_is_shown_first_is_a_step_that_stood_not_one_that_a_check_sent_back() -> None:
    """A step that went wrong comes before it; where there is none, the root."""
    rows = spans((None, "module"), (0, "check"), (1, "predict"), (0, "predict"), (0, "predict"))
    rows[1]["status"], rows[3]["path"] = "error", "answer"
    assert first_of(rows) == 3
    rows[4]["status"] = "error"
    assert first_of(rows) == 4
    assert first_of(rows[:1]) == 0


def test_a_call_shows_the_fields_of_its_predictor_and_a_predictor_the_messages_of_its_call() -> None:
    """Of several calls the last; a retrieval has fields alone, and no code."""
    trace = FakeTrace()
    told = {n: pane(trace, n) for n in (3, 4, 5, 6)}
    for n in (4, 5, 6):
        assert [tab[:3] for tab in told[n]["tabs"]][:2] == [("fields", "Fields", None), ("messages", "Messages", 6)]
        assert "film The Lovers director" in texts(told[n]["tabs"][0][3])
    assert texts(told[6]["head"])[:3] == [
        "hops[1].query → ",
        "openai/gpt-5-mini",
        "812 in · 64 out · 0.32 s · $0.0006 · temperature 0",
    ]
    assert "ParseError: the reply has no field 'search_query'" in texts(told[5]["head"])
    assert [tab[0] for tab in told[3]["tabs"]] == ["fields"] and told[3]["code"] == ""
    assert told[4]["acts"] is None and told[4]["code"].startswith("import lmnb")
    with pytest.raises(ValueError, match="there is no row 99"):
        pane(trace, 99)


class Asked(FakeRun):
    """A run whose example 3 expects another query."""

    def examples(self, *args: Any, **options: Any) -> dict[str, Any]:
        page = super().examples(*args, **options)
        return page | {"rows": [row | {"labels": {"search_query": "The Lovers"}} for row in page["rows"]]}


def test_a_step_of_an_example_becomes_a_demo_as_it_is_or_corrected() -> None:
    """The form says what was expected, the buttons what comes of them and what the example scored; the rest is `run.inject`."""
    run, asked = Asked(), {"candidate": name(12), "example": 3, "span": 1, "live": True, "parent": name(12)}
    acts = run_traces.QUESTIONS["span"](run, asked)["acts"]
    (add, given), (edit, opening) = actions(acts)
    assert (add, edit, opening["opens"]) == ("Add as demo", "Edit it first…", True)
    assert "A new candidate: this one with these fields" in given["title"]
    assert {"makes a new candidate", "this example scored 1.0"} <= set(texts(acts))
    assert list(fields(acts, "keep-as-demo"))[:4] == ["context", "question", "reasoning", "search_query"]
    ((_, form, *_),) = parts(acts, "form")
    answer, leak = form["fields"][-2:]
    assert answer["label"] == "search_query, expected: The Lovers"
    assert (leak["name"], leak["as"], leak["text"]) == ("allow_leak", "check", "false")
    for made in ({}, {"fields": {"search_query": "The Lovers"}}):
        done = run_traces.COMMANDS["keep-as-demo"](run, given["args"] | made)
        assert done == {"said": "Added: a new candidate with this demo. It is evaluated next."}
    (_, _, first, _, parent), (_, _, second, *_) = run.commands
    assert (first["search_query"], second["search_query"], parent) == (
        "film The Lovers director",
        "The Lovers",
        name(12),
    )
    run_traces.COMMANDS["keep-as-demo"](run, given["args"] | {"allow_leak": True})
    assert run.commands[-1][-1] == "leak"
    assert run_traces.QUESTIONS["span"](run, asked | {"live": False})["acts"] is None


def test_what_is_typed_for_a_value_that_is_no_text_is_read_as_one() -> None:
    """A run's trace knows the value, not the signature."""
    rows = pictured("it")["spans"]
    values = {"inputs": {"context": ["a"], "question": "?"}, "outputs": {"reasoning": "r", "search_query": "q"}}
    rows[1] |= {"values": values}
    run = FakeRun()
    run.trace = lambda candidate, example: of(rows)
    for typed in ('["b", "c"]', "no list"):
        run_traces.COMMANDS["keep-as-demo"](
            run, {"candidate": name(1), "example": 0, "span": 1, "fields": {"context": typed}}
        )
    assert [command[2]["context"] for command in run.commands] == [["b", "c"], "no list"]


def test_the_examples_of_a_candidate_are_told_in_a_line_each() -> None:
    """Those that have a trace, and which went wrong."""
    told = dict(run_traces.QUESTIONS["traced"](FakeRun(), {"candidate": name(12)}))
    assert len(told) == 100 and told[50].startswith("example 50 · error · ")
    assert told[0].startswith("example 0") and "I was charged twice" in told[0]


def test_an_element_that_a_file_writes_is_read_as_its_text() -> None:
    """A list where a word is meant, such as the role of a message, becomes neither a button nor anything else but text."""
    button = ["act", {"action": "export", "args": {"path": "x.py"}}, "Look"]
    rows = spans((None, "lm"), messages=[{"role": button, "content": button}], response="", request={})
    (body,) = (body for ident, _, _, body in pane(of(rows), 0)["tabs"] if ident == "messages")
    assert actions(body) == [] and [json.loads(text) for text in texts(body)] == [button, button]
    made = el("p", button, {"look": "b"}, el("b", button), *several(button)[2:], pairs([(button, 1)]), go(button))
    assert actions(made) == [] and texts(el("p", None, 2, 0.5)) == ["2", "0.5"]
