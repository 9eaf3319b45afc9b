"""The static trace viewer: what it shows, and that nothing in a trace becomes markup."""

from __future__ import annotations

import json
import re

import pytest

import lmnb
from lmnb.trace_html import MAX_SPANS, trace_html


def row(number, kind="predict", name="answer", **changes):
    base = {
        "id": number,
        "parent": None if number == 0 else 0,
        "depth": min(number, 1),
        "kind": kind,
        "name": name,
        "label": name,
        "start": 0.1 * number,
        "seconds": 0.1,
        "status": "ok",
        "inputs": {},
        "outputs": None,
        "error": None,
        "printed": None,
    }
    return base | changes


def trace(*rows, **changes):
    base = {"name": "QA", "seconds": 1.84, "calls": 4, "repaired": 1, "tokens": 2911, "cost": 0.0021, "score": 1.0}
    return base | changes | {"spans": list(rows)}


def plain(markup):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", re.sub(r"<style>.*?</style>", "", markup, flags=re.S)))


def test_the_head_tells_time_calls_repairs_tokens_cost_and_score():
    """The first line is the trace in brief."""
    shown = plain(trace_html(trace(row(0, "module", "QA"))))
    assert "QA 1.84 s · 4 LM calls, 1 repaired · 2,911 tokens · $0.0021 score 1.0" in shown


def test_the_head_names_the_checks_that_failed():
    """A check that stayed unmet stands out, one that was repaired does not; both in words."""
    checks = [
        {"text": "Suggest failed at attempt 3 of answer: One word.", "holds": False},
        {"text": "Assert repaired at attempt 2 of query: Ask <b>once</b>.", "holds": True},
    ]
    html = trace_html(trace(row(0, "module", "QA"), checks=checks))
    assert '<div class="lm-bad">Suggest failed at attempt 3 of answer: One word.</div>' in html
    assert '<div class="lm-muted">Assert repaired at attempt 2 of query: Ask &lt;b&gt;once&lt;/b&gt;.</div>' in html


def test_a_trace_without_checks_says_nothing_of_them():
    """Also one that was stored before checks were told."""
    html = trace_html(trace(row(0)))
    assert "attempt" not in plain(html) and html == trace_html(trace(row(0), checks=[]))


def test_a_span_shows_its_fields():
    """Inputs and outputs stand under their names, outputs marked with an arrow."""
    shown = plain(trace_html(trace(row(0, inputs={"question": "who?"}, outputs={"answer": "Louis"}, printed="hi"))))
    assert "questionwho?" in shown
    assert "→ answerLouis" in shown
    assert "Printedhi" in shown


def test_an_lm_call_shows_messages_reply_and_request():
    """What was sent and what came back is there in full, with tokens, cost and cache."""
    call = row(
        0,
        "lm",
        "openai/gpt",
        messages=[{"role": "user", "content": "Who?"}],
        response="Louis",
        request={"temperature": 0},
        usage={"prompt_tokens": 812, "completion_tokens": 64},
        cost=0.0006,
        cache="miss",
        attempts=2,
    )
    shown = plain(trace_html(trace(call)))
    assert "812 in · 64 out · $0.0006 · temperature 0 · cache miss · 2 attempts" in shown
    assert "Messages 1userWho?" in shown
    assert "ResponseLouis" in shown
    assert "Requesttemperature = 0" in shown


def test_what_failed_is_open_and_says_why():
    """A failed span is unfolded with its error, others but the first are folded."""
    html = trace_html(
        trace(row(0), row(1), row(2, status="unparsed", label="LM · did not parse", error="no field 'x'"))
    )
    assert [bool(found) for found in re.findall(r'<details class="lm-span"( open)?>', html)] == [True, False, True]
    assert "Error: no field &#x27;x&#x27;" in plain(html)


def test_the_waterfall_stays_inside():
    """Bars lie between 0 and 100 %, also of a span that outlives its root, one without an end, a trace of no time."""
    html = trace_html(trace(row(0, seconds=0.5), row(1, start=0.4, seconds=9.0), row(2, seconds=None), seconds=0.5))
    for left, width in re.findall(r"left:([\d.]+)%;width:([\d.]+)%", html):
        assert 0 <= float(left) + float(width) <= 100.01
    assert "width:100.00%" in trace_html(trace(row(0, seconds=0.0), seconds=0.0))


def test_long_texts_and_long_traces_are_cut_and_say_so():
    """A viewer in a saved notebook stays small."""
    html = trace_html(trace(*[row(i, inputs={"q": "x" * 5_000}) for i in range(MAX_SPANS + 5)]))
    assert "1,000 more characters" in html
    assert "5 more spans are not shown here" in html


@pytest.mark.parametrize(
    "hostile", ["<script>x</script>", "</style><img src=x onerror=x>", '" onclick="x', "$$\\href{x}{y}$$"]
)
def test_hostile_text_stays_text(hostile):
    """Names, labels, fields, messages and errors are all escaped."""
    call = row(
        0,
        "lm",
        hostile,
        label=hostile,
        status="error",
        error=hostile,
        inputs={hostile: hostile},
        printed=hostile,
        messages=[{"role": hostile, "content": hostile}],
        response=hostile,
        request={hostile: hostile},
    )
    html = trace_html(trace(call, row(1, inputs={hostile: hostile}, outputs={hostile: hostile}), name=hostile))
    assert "<script" not in html and "<img" not in html
    assert " onclick=" not in re.sub(r">[^<]*<", "><", html).replace("&quot; onclick=", "")


def test_messages_of_parts_name_what_is_no_text():
    """An image part is named by kind and size, and its data is never text."""
    parts = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    shown = plain(trace_html(trace(row(0, "lm", messages=[{"role": "user", "content": parts}], response="ok"))))
    assert "look(image/png, 3 B)" in shown
    assert "AAAA" not in shown


ODD = [None, 3, True, "x\ud800", [], {}, [None], {"a": 1}, float("nan"), 10**400, "missing"]


def places(value, path=()):
    """Every place in the data of a trace."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inner:
        yield from places(item, (*path, name))


def changed(value, path, odd):
    """A copy with something else at that place, or nothing."""
    if not path:
        return odd
    made = dict(value) if isinstance(value, dict) else list(value)
    if path[1:] or odd != "missing":
        made[path[0]] = changed(value[path[0]], path[1:], odd)
    else:
        del made[path[0]]
    return made


def test_whatever_a_file_holds_it_is_a_trace_or_is_refused_with_the_place():
    """Every part of a real trace by turns as something else: SaveError, or a trace that can be shown, read and taken apart."""
    program = lmnb.ChainOfThought("question -> answer", lm=lmnb.FakeLM([{"reasoning": "So.", "answer": "Paris"}]))
    stored = json.loads(json.dumps(program(question="The capital of France?").trace.to_dict()))
    check = row(2, "check", "Suggest", inputs={"check": "One word.", "at": "self"}, outputs={"attempts": "2"})
    stored["spans"].append(check)
    refused = 0
    for path in places(stored):
        for odd in ODD:
            bad = changed(stored, path, odd)
            try:
                trace_html(bad)
                read = lmnb.Trace.from_dict(bad)
            except lmnb.SaveError as error:
                assert str(error).startswith("this is no trace: ")
                refused += 1
                continue
            assert read._repr_html_() and repr(read) and read.checks() is not None
            assert len(list(read.spans())) == len(bad["spans"]) == len(list(read.to_dict()["spans"]))
    assert refused > 200
    with pytest.raises(lmnb.SaveError, match=r"spans\[1\] has the id 1 and the parent 2, and parents come first"):
        trace_html(trace(row(0), row(1, parent=2), row(2)))
