"""Hostile text through every static form: it comes out as text, whatever it was written as."""

from __future__ import annotations

import copy
import dataclasses
import io
import json
import re
import runpy
from html.parser import HTMLParser
from pathlib import Path

import payloads
import pytest
from payloads import FIRED, PAYLOADS

import lmnb
from lmnb.optimize.report import run_html, run_page
from lmnb.testing import ContractReport, Promise

# written here once more, not taken from the code under test
ELEMENTS = frozenset(
    """a b body br caption code dd del details div dl dt em figcaption figure footer g head header hr html i ins kbd li line
    main mark meta ol p path polygon polyline pre rect circle s section small span strong style summary svg table tbody td
    text th thead title tr ul""".split()
)
ATTRIBUTES = frozenset(
    """charset class cols colspan content cx cy d dir fill fill-opacity font-family font-size font-weight height href
    http-equiv lang name opacity open points preserveaspectratio r role rowspan rx ry scope stroke stroke-dasharray
    stroke-linecap stroke-linejoin stroke-opacity stroke-width style tabindex text-anchor title transform viewbox width
    x x1 x2 y y1 y2 cx""".split()
)
WORD_LISTS = ("data-", "aria-")
PLAIN_STYLE = re.compile(r"[-\w\s.%#:;,()]*")
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


class Markup(HTMLParser):
    """Raises for whatever a page could run, load or follow; keeps the text that is shown and the style sheets."""

    def __init__(self, markup):
        super().__init__(convert_charrefs=True)
        self.inside: list[str] = []
        self.shown: list[str] = []
        self.sheets: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        assert tag in ELEMENTS, f"<{tag}> {attrs}"
        for name, value in attrs:
            assert name in ATTRIBUTES or name.startswith(WORD_LISTS), f"<{tag} {name}={value!r}>"
            assert not name.startswith("data-commandlinker"), name
            if name == "href":
                assert re.match(r"https?://|#", value), value
            if name == "style":
                assert PLAIN_STYLE.fullmatch(value), value
            if name == "http-equiv":
                assert value == "Content-Security-Policy", value
            if name == "class":
                assert "__fire" not in value
        self.inside.append(tag)

    def handle_endtag(self, tag):
        if tag in self.inside:
            while self.inside.pop() != tag:
                pass

    def handle_data(self, data):
        (self.sheets if self.inside and self.inside[-1] == "style" else self.shown).append(data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data!r}")

    def unknown_decl(self, data):
        raise AssertionError(f"a declaration: {data!r}")

    def handle_pi(self, data):
        raise AssertionError(f"an instruction: {data!r}")


def check(markup):
    """The text that a page shows of this HTML, which must hold nothing but text and our own elements."""
    seen = Markup(markup)
    sheets = "".join(seen.sheets)
    assert "fire" not in sheets.lower() and "url(" not in sheets and "@import" not in sheets
    assert "<script" not in markup.lower()
    text = "".join(seen.shown)
    assert not UNSEEN.search(text)
    assert not UNSEEN.search(markup)
    return text


def squeezed(text):
    """Without marks, spaces and control characters, to compare what is shown with what was said."""
    return re.sub(r"⟨U\+[0-9A-F]+⟩|[\u2400-\u2421\s]|" + UNSEEN.pattern, "", text)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run whose every text is a payload, with a person's decisions full of them."""
    folder = tmp_path_factory.mktemp("hostile")
    before = {name: lmnb.settings.current(name) for name in ("lm", "run_dir")}
    made = payloads.hostile_run(run_dir=folder / "run")
    made.wait(60)
    payloads.decide(made)
    made.until("ended", 60)
    yield made
    lmnb.configure(**before)
    assert not [*folder.rglob(FIRED), *Path.cwd().glob(FIRED)]


@pytest.fixture(autouse=True)
def nothing_ran():
    """No text was taken for Python."""
    yield
    assert not Path(FIRED).exists()


def test_there_are_enough_of_them():
    """At least forty, all different, each with its own number."""
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 40
    calls = [re.findall(r"__fire\((\d+)\)", text) for text in PAYLOADS[:-5]]
    assert all(str(n) in found for n, found in enumerate(calls))


def test_the_report_of_a_run(run):
    """The output that a notebook keeps and the page that is exported, whole; every reason of a decision on its own is shown."""
    shown = check(run._repr_html_())
    assert "Hostile" in shown
    whole = squeezed(check(run.to_html()))
    texts = [squeezed(decision.text) for decision in run.decisions[-20:]]
    assert all(text[:60] in whole for text in texts)


def test_origins_matrix_comparison_and_table(run):
    """Where a prompt comes from, what was fixed and broken, two runs side by side and the table of runs."""
    origins = squeezed(check(run.provenance(1)._repr_html_()))
    assert sum(squeezed(text)[:40] in origins for text in PAYLOADS) > 40
    assert "example number" in check(run.flips()._repr_html_())
    assert squeezed(run.candidates[0].label)[:40] in squeezed(check(run.front()._repr_html_()))
    other = payloads.hostile_run(candidates=1, run_dir=None)
    other.wait(60)
    other.edit(other.best, "ask.instructions", PAYLOADS[5])
    comparison = squeezed(check(other.compare(run)._repr_html_()))
    assert sum(squeezed(decision.text)[:40] in comparison for decision in run.decisions[:20]) > 5
    check(lmnb.runs(run.path.parent)._repr_html_())


def test_forecast_headroom_and_contract(tmp_path):
    """What stands before a run, and the report of a contract: names, notes, advice and broken promises that are payloads."""
    lm = lmnb.FakeLM(payloads.reply, model=PAYLOADS[1])
    options = {"trainset": payloads.examples(24), "valset": payloads.examples(24), "metric": payloads.judge}
    for text in PAYLOADS[:-5]:
        plan = lmnb.Plan(text, text, *[None] * 7, measured=False, notes=(text,))
        assert squeezed(text)[:40] in squeezed(check(plan._repr_html_()))
        promise = Promise("test", text, text, 0.0)
        assert squeezed(text)[:40] in squeezed(check(ContractReport([promise])._repr_html_()))
    with lmnb.context(lm=lm, max_errors=10**6):
        found = lmnb.headroom(payloads.Hostile(), num_candidates=3, run_dir=tmp_path / "run", **options)
    for text in PAYLOADS:
        assert squeezed(text)[:40] in squeezed(check(dataclasses.replace(found, advice=text)._repr_html_()))


def test_the_shift_between_parts():
    """Fields, values, words and groups that are payloads."""
    for text in PAYLOADS[:-5]:
        rows = [lmnb.Example({text: text, "q": f"{n}"}).with_inputs("q") for n in range(8)]
        other = [lmnb.Example({text: "x", "q": f"other {n}"}).with_inputs("q") for n in range(8)]
        shown = check(lmnb.data.shift(rows, other, group=lambda row: row[text])._repr_html_())
        assert squeezed(text)[:20] in squeezed(shown)


def brief(run):
    """A snapshot with few rows, so that every payload can have its own."""
    known = run.snapshot()
    return known | {"candidates": known["candidates"][:3], "decisions": known["decisions"][:3]}


PLACES = ("label", "reason", "decision", "pending", "error", "program", "optimizer", "name", "progress")


@pytest.mark.parametrize("place", PLACES)
def test_every_payload_in_a_snapshot(run, place):
    """Each text of a run's snapshot, one payload after the other: candidates, decisions, names and the error."""
    known, best = brief(run), run.best
    detail, examples = run.detail(best), run.examples(best, limit=2)
    detail["predictors"] = detail["predictors"][:1]
    for text in PAYLOADS:
        now = copy.deepcopy(known)
        if place == "decision":
            now["decisions"] = [{"id": 1, "time": text, "kind": text, "text": text, "undone": False}]
        elif place == "pending":
            now["pending"] = [{"kind": text, "id": text, "label": text, "slot": text, "values": {text: text}}]
        elif place in ("label", "reason"):
            now["candidates"] = [{**row, place: text, "status": "dropped"} for row in now["candidates"][:2]]
            now["best"] = now["candidates"][0]["id"]
        elif place == "error":
            now |= {"error": text, "state": "failed"}
        elif place == "name":
            now["run"]["name"] = text
        elif place == "progress":
            now |= {"progress": {"label": text, "done": 1, "total": 2}, "state": "running"}
            now["evalset"]["name"] = text
        else:
            now[place] = text
        shown = check(run_html(now, detail, examples))
        page = check(run_page(now, detail, examples))
        if place != "name":
            assert squeezed(text)[:40] in squeezed(shown)
        assert squeezed(text)[:40] in squeezed(page)


@pytest.mark.parametrize("place", ["instruction", "demo", "path", "origin", "example", "field", "lineage"])
def test_every_payload_in_a_candidate(run, place):
    """Each text of a candidate: instructions before and after, demos, field names, examples with their errors."""
    known, known_detail, known_examples = brief(run), run.detail(run.best), run.examples(run.best, limit=2)
    known_detail["predictors"] = known_detail["predictors"][:1]
    for text in PAYLOADS:
        detail, examples = copy.deepcopy(known_detail), copy.deepcopy(known_examples)
        predictor = detail["predictors"][0]
        demo = {"id": "d", "number": 1, "fields": {"text": text}, "origin": "labelled", "status": None}
        if place == "instruction":
            predictor |= {"instructions": text, "before": "x " + text, "locked": [text], "pinned": [text]}
        elif place == "demo":
            predictor["demos"] = [demo]
        elif place == "field":
            predictor |= {"demos": [{**demo, "fields": {text: text}}], "inputs": [text], "outputs": [text]}
        elif place == "path":
            predictor["path"] = text
        elif place == "origin":
            predictor["demos"] = [{**demo, "origin": text}]
        elif place == "lineage":
            detail["lineage"] = [{"id": "x", "number": 0, "label": text, "score": 1.0}] * 2
        else:
            fields = {text: text}
            examples["rows"] = [
                {**row, "inputs": fields, "labels": fields, "outputs": fields, "error": text}
                for row in examples["rows"]
            ]
        shown = check(run_html(known, detail, examples))
        assert squeezed(text)[:20] in squeezed(shown)


def test_traces(run):
    """The static viewer of every example: messages, replies that did not parse, fields, errors, the model's name."""
    text = ""
    for number in range(len(PAYLOADS)):
        text += check(run.trace(run.candidates[0], number)._repr_html_())
    assert all(squeezed(payload)[:60] in squeezed(text) for payload in PAYLOADS)


def test_history_on_a_page_and_on_a_terminal(run):
    """The calls of this process as HTML, and printed on a terminal: there nothing but our own colours is a control sequence."""
    check(lmnb.history(30)._repr_html_())

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    out = Terminal()
    lmnb.inspect_history(200, file=out)
    printed = re.sub(r"\x1b\[(31|32|0)m", "", out.getvalue())
    assert not UNSEEN.search(printed)
    assert squeezed(PAYLOADS[59])[:40] in squeezed(printed)


def test_a_failing_model_is_told_as_text():
    """An LM's error is shown in the trace and in a report's row."""
    lm = lmnb.FakeLM([*(lmnb.LMError(text) for text in PAYLOADS[:-1]), {"thought": "x", "answer": "x"}])
    with lmnb.context(lm=lm):
        report = lmnb.Evaluate(payloads.examples(), lambda *_: 1.0, num_threads=1, max_errors=10**6)(payloads.Hostile())
    assert len(report.errors) == len(PAYLOADS) - 1
    text = check(report._repr_html_())
    assert squeezed(PAYLOADS[0]) in squeezed(text)
    for row in report.rows:
        check(row.trace._repr_html_())


def test_the_report_of_an_evaluation():
    """Inputs, labels, answers and feedback of an Evaluate, in its table and in its comparison."""
    with lmnb.context(lm=lmnb.FakeLM(payloads.reply)):
        evaluate = lmnb.Evaluate(payloads.examples(), payloads.judge, num_threads=1, max_errors=10**6)
        report = evaluate(payloads.Hostile())
    shown = squeezed(check(report._repr_html_()))
    assert sum(squeezed(text)[:40] in shown for text in PAYLOADS) > 50
    comparison = report.compare(report)
    if hasattr(comparison, "_repr_html_"):
        check(comparison._repr_html_())


def test_reviews(tmp_path):
    """Demos, outputs with their reasons and edits, and pairs; what a file of answers holds, read again."""
    demos, path = payloads.examples(), tmp_path / "answers.jsonl"
    for given in (demos, [(demo, lmnb.Prediction(answer=demo.answer)) for demo in demos]):
        queue = lmnb.review(given, path, name=PAYLOADS[3])
        for number, text in enumerate(PAYLOADS):
            verdict = ("reject", "skip", "edit")[number % 3]
            said = {"reject": {"reason": text}, "skip": {}, "edit": {"reason": text, "fields": {"answer": text}}}[
                verdict
            ]
            queue.answer(verdict, number, **said)
        shown = squeezed(check(lmnb.review(given, path)._repr_html_()))
        assert sum(squeezed(text)[:40] in shown for text in PAYLOADS) > 45
    pairs = lmnb.review([({"answer": text}, {"answer": "x"}) for text in PAYLOADS])
    shown = squeezed(check(pairs._repr_html_()))
    assert sum(squeezed(text)[:40] in shown for text in PAYLOADS) > 45


def test_cards_of_signatures_and_programs():
    """Instructions and descriptions on a signature's card, demos and names on a program's."""
    for text in PAYLOADS:
        assert squeezed(text) in squeezed(check(payloads.signature_of(text)._repr_html_()))
    program = payloads.Hostile()
    program.ask.demos = payloads.examples(16)
    program.ask.lm = lmnb.FakeLM([], model=PAYLOADS[1])
    shown = squeezed(check(program._repr_html_()))
    assert all(squeezed(text) in shown for text in PAYLOADS)
    for text in PAYLOADS[:-5]:
        named = type(text.replace("\0", ""), (lmnb.Predict,), {})("question -> answer")
        assert squeezed(text)[:20] in squeezed(check(named._repr_html_()))


def test_figures(run):
    """Plotly's own data holds no markup but its line breaks and bold; the static drawing is as all static forms."""
    pytest.importorskip("plotly")
    more = (run.plot_pareto(), run.plot_budget(), run.plot_lineage())
    for figure in (run.plot_scores(), run.plot_flips(), run.plot_flips(1, 0), *more):
        check(figure._repr_html_())
        data = json.dumps(figure._repr_mimebundle_()["application/vnd.plotly.v1+json"])
        assert set(re.findall(r"<[^>]*>?", json.loads(f'"{json.dumps(data)[1:-1]}"'))) <= {"<br>", "<b>", "</b>"}
        assert "$" not in data and not UNSEEN.search(json.loads(json.dumps(figure.layout.title.text)))


def test_saved_programs_are_data(run, tmp_path):
    """The JSON file and the Python module of a hostile program load with its texts unchanged, and run none of them."""
    program = payloads.Hostile()
    program.ask.demos = payloads.examples()
    for predictor, text in zip(program.others, PAYLOADS, strict=True):
        assert predictor.instructions.split() == text.split()
    program.export(tmp_path / "hostile.py", format="python")
    loaded = runpy.run_path(str(tmp_path / "hostile.py"))["program"]
    assert [p.instructions for p in loaded.predictors()] == [p.instructions for p in program.predictors()]
    assert [dict(demo) for demo in loaded.ask.demos] == [dict(demo) for demo in program.ask.demos]
    program.save(tmp_path / "hostile.json")
    again = lmnb.load(tmp_path / "hostile.json", program=payloads.Hostile())
    assert [dict(demo) for demo in again.ask.demos] == [dict(demo) for demo in program.ask.demos]
