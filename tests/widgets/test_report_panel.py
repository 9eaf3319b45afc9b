"""The panels of reports, reviews and stored runs, without a browser: what they send, and that every request is a method."""

from __future__ import annotations

import dataclasses
import json
import re
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from browser_side import until
from parts_said import actions, fields, parts, texts

import lmnb
from lmnb.evaluate import exact_match

TEAMS = ("otter", "falcon")
DEVSET = [lmnb.Example(ticket=f"ticket {n}", team=TEAMS[n % 2]).with_inputs("ticket") for n in range(6)]


def evaluated(team: str, examples: Any = DEVSET) -> lmnb.Report:
    program = lmnb.Predict("ticket -> team", lm=lmnb.FakeLM(lambda messages, **options: {"team": team}))
    return lmnb.Evaluate(examples, exact_match("team"), num_threads=1)(program)


class Ear:
    """A widget whose messages are kept instead of sent."""

    def __init__(self, widget: Any) -> None:
        self.widget, self.sent = widget, []
        widget.send = lambda content, buffers=None: self.sent.append(content)

    def ask(self, name: str, /, **args: Any) -> Any:
        """The answer to a question or a command."""
        ident = f"{len(self.sent)}-{name}"
        kind, key = ("get", "what") if name in self.widget.questions else ("command", "action")
        self.widget._handle_custom_msg({"type": kind, key: name, "id": ident, "args": args}, [])
        answer = until(lambda: next((one for one in list(self.sent) if one["id"] == ident), None))
        assert answer["error"] is None, answer["error"]
        return answer["value" if kind == "get" else "result"]

    def refused(self, name: str, /, **args: Any) -> str:
        """The error that a request is answered with."""
        with pytest.raises(AssertionError) as problem:
            self.ask(name, **args)
        return str(problem.value)


@pytest.fixture
def open_(widgets: None) -> Any:
    """`open_("report", ...)` makes a panel and listens to it."""
    made: list[Any] = []

    def make(module: str, *args: Any) -> Ear:
        kind = getattr(import_module(f"lmnb_widgets.{module}"), f"{module.capitalize()}Widget")
        made.append(kind(*args))
        return Ear(made[-1])

    yield make
    for one in made:
        one.close()


def mounted(out: Any) -> str:
    """The HTML of the only output, which has a place for a panel and no widget in it."""
    (output,) = out.outputs
    assert set(output["data"]) == {"text/html", "text/plain"}
    assert re.match(r'<div class="lmnb-mount-[0-9a-f]{32}">', output["data"]["text/html"])
    return output["data"]["text/html"]


def test_a_report_sends_its_rows_by_the_page(open_: Any) -> None:
    """The trait has the head alone; a page is what `report.page` gives, cut to cells; an open row is whole, with its trace."""
    report = evaluated("otter")
    ear = open_("report", report)
    assert ear.widget.head["state"] == "finished"
    title, score, facts, *_ = texts(ear.widget.head["said"])
    assert (title, score) == ("Predict(ticket -> team)", "50.0 %")
    assert "6 examples · metric" in facts
    assert "ticket 5" not in str(ear.widget.get_state())
    page = ear.ask("rows", sort="-index", only="wrong", search="ticket")
    assert [row["id"] for row in page["rows"]] == [5, 3, 1]
    assert {name: n for name, n in page["counts"].items() if n} == {"": 6, "wrong": 3, "right": 3}
    cells = dict(zip([column[0] for column in page["columns"]], page["rows"][0]["cells"], strict=True))
    assert cells["input"] == ("ticket 5", "")
    assert cells["predicted"] == ("otter", "wrong")
    assert (cells["score"], cells["expected"]) == (("0", "num wrong"), ("falcon", "muted"))
    opened = ear.ask("row", row=3)
    assert texts(opened["said"]) == [
        *("Row 3", "Close"),
        *("ticket", "ticket 3", "team (expected)", "falcon", "team (predicted)", "otter"),
    ]
    assert opened["trace"] is True and ear.ask("trace", row=3)["rows"][0]["name"] == "Predict"
    assert "ticket 3" in str(ear.ask("span", row=3, span=0)["tabs"])
    assert "this report has no row 9" in ear.refused("row", row=9)
    assert "Did you mean 'wrong'" in ear.refused("rows", only="wron")


def test_thousands_of_long_rows_are_small_messages(open_: Any) -> None:
    """A page has at most 200 rows of short cells, a cell one line; all of them are counted."""
    row = lmnb.evaluate.Row(0, lmnb.Example(q="long\n" * 5_000, a="b").with_inputs("q"), error="x" * 9_000)
    rows = tuple(dataclasses.replace(row, index=n, seconds=0.1) for n in range(5_000))
    ear = open_("report", lmnb.Report(rows, total=5_000))
    page = ear.ask("rows", offset=4_000)
    assert (page["total"], len(page["rows"]), page["counts"]["failed"]) == (5_000, 200, 5_000)
    assert len(json.dumps(page)) < 900_000
    assert page["rows"][0]["cells"][1][0].startswith("long long long")
    assert texts(ear.ask("row", row=7)["said"])[2:4] == ["q", "long\n" * 5_000]


def test_a_report_offers_what_it_can_be_compared_with(open_: Any, notebook: Any) -> None:
    """Reports of the same examples that the kernel still holds, shown or not; not those of others."""
    notebook()
    first, other, second = evaluated("otter"), evaluated("otter", DEVSET[3:]), evaluated("falcon")
    ear = open_("report", second)
    offers = dict(ear.widget.head["others"])
    assert offers[id(first)] == "Predict(ticket -> team) · 50.0 %"
    assert id(other) not in offers
    page = ear.ask("rows", against=id(first), only="fixed", sort="index")
    assert [row["id"] for row in page["rows"]] == [1, 3, 5]
    assert page["note"] == second.compare(first).words()
    assert page["rows"][0]["cells"][-1] == ("▲ fixed", "up")
    assert ear.ask("row", row=1, against=id(first))["said"][2][3] == [".tag.kept", None, "fixed"]


def test_examples_that_cannot_say_whether_they_are_equal_are_not_compared(open_: Any, notebook: Any) -> None:
    """A second report on arrays is shown, without an offer."""

    class Array:
        def __eq__(self, other: object) -> Any:
            return self

        def __bool__(self) -> bool:
            raise ValueError("the truth value of an array is ambiguous")

    def made() -> lmnb.Report:
        example = lmnb.Example(q=Array()).with_inputs("q")
        return lmnb.Report((lmnb.evaluate.Row(0, example, score=1.0),), total=1)

    notebook()
    import_module("lmnb_widgets.report").show(first := made())
    assert id(first) not in dict(open_("report", made()).widget.head["others"])


def test_a_comparison_is_a_report_beside_the_other(notebook: Any, widgets: None) -> None:
    """What the file keeps is the static form with the place of the panel."""
    module = import_module("lmnb_widgets.report")
    out = notebook()
    module.show(evaluated("falcon").compare(evaluated("otter")))
    assert "3 fixed, 3 broken" in mounted(out)
    out = notebook(False)
    module.show(evaluated("falcon"))
    assert "lmnb-mount" not in out.outputs[0]["data"]["text/html"]


def test_every_key_of_a_review_is_a_method(open_: Any) -> None:
    """Two panels of one review stay in step, and a script beside them too."""
    review = lmnb.review(DEVSET)
    ear, other = open_("review", review), open_("review", review)
    first, second, third, fourth = (item.id for item in review.items[:4])
    assert ear.ask("accept", item=first)["id"] == second
    ear.ask("reject", item=second, reason=2)
    ear.ask("edit", item=third, fields={"team": "maple"})
    other.ask("skip", item=fourth)
    assert ear.widget.changes == other.widget.changes == review.changes == 4
    assert [answer.verdict for answer in review.answers] == ["keep", "reject", "edit", "skip"]
    assert ear.ask("undo")["id"] == fourth
    assert "kept" in texts(ear.ask("go", item=0)["item"])
    seen = ear.ask("snapshot")
    assert (seen["changes"], seen["state"], seen["id"]) == (6, "waiting", first)
    said = texts(seen["head"])
    assert "3 of 6 reviewed" in said and "1 kept · 1 rejected · 1 edited · the answers are not saved" in said
    assert [(given["action"], words, given["shortcut"]) for words, given in actions(seen["item"])] == [
        ("accept", "Keep", "A"),
        ("reject", "Reject", "X"),
        ("edit", "Edit", "E"),
        ("skip", "Skip", "Space"),
    ]
    assert {name.split(":")[0] for name in seen["keys"].values()} <= {*ear.widget.commands}
    assert fields(seen["item"], "edit") == {"ticket": "ticket 0", "team": "otter"}
    review.answer("keep", 5)
    assert ear.widget.changes == review.changes
    assert "there is no item 'x'" in ear.refused("accept", item="x")
    assert "this item has no trace" in ear.refused("trace", item=first)
    assert "ticket" not in str(ear.widget.get_state())


def test_pairs_and_traces_of_a_review(open_: Any) -> None:
    """A preference is answered as shown; an output's trace is sent when it is asked for."""
    pairs = lmnb.review(evaluated("falcon").compare(evaluated("otter")))
    ear = open_("review", pairs)
    seen = ear.ask("snapshot")
    sides = [given["args"]["verdict"] for _, given in actions(seen["item"]) if given["action"] == "answer"]
    assert (sides, seen["reasons"]) == (["A", "B", "tie"], [])
    assert "1 of 6 reviewed" in texts(ear.ask("answer", item=seen["id"], verdict="B")["head"])
    assert pairs.answers[0].choice == pairs.sides(pairs.items[0])[1]
    outputs = lmnb.review(evaluated("otter"))
    assert "ticket 2" in str(open_("review", outputs).ask("span", item=outputs.items[2].id, span=0)["tabs"])


def test_the_last_answer_brings_the_static_form_up_to_date(notebook: Any, widgets: None) -> None:
    """The notebook's file then has the finished review, still the place of its panel."""
    out, review = notebook(), lmnb.review(DEVSET[:2])
    import_module("lmnb_widgets.review").show(review)
    assert "0 of 2 reviewed" in mounted(out)
    review.answer("keep")
    assert len(out.outputs) == 1
    review.answer("reject", reason="too long")
    assert out.outputs[1]["update"] is True
    assert "2 of 2 reviewed · 1 kept · 1 rejected" in out.outputs[1]["data"]["text/html"]
    assert out.outputs[1]["data"]["text/html"][:50] == out.outputs[0]["data"]["text/html"][:50]


def test_where_panels_come_only_as_outputs_a_review_is_one(notebook: Any, widgets: None, monkeypatch: Any) -> None:
    """Without it nobody could answer there."""
    monkeypatch.setenv("VSCODE_PID", "1")
    out = notebook()
    import_module("lmnb_widgets.review").show(lmnb.review(DEVSET))
    assert "application/vnd.jupyter.widget-view+json" in out.outputs[0]["data"]


@pytest.fixture
def stored(tmp_path: Any) -> Any:
    """Two stored runs of other seeds."""
    for seed in (1, 2):
        program = lmnb.Predict("ticket -> team", lm=lmnb.FakeLM(lambda messages, **options: {"team": "otter"}))
        optimizer = lmnb.LabeledFewShot(k=2, metric=exact_match("team"))
        optimizer.compile(program, trainset=DEVSET, valset=DEVSET, seed=seed, run_dir=tmp_path / f"seed-{seed}")
    return lmnb.runs(tmp_path)


def test_stored_runs_are_compared_and_opened(open_: Any, stored: Any) -> None:
    """Side by side by `runs.compare`; opening one makes its Studio, which the browser draws by the model's id."""
    ear = open_("runs", stored)
    page = ear.ask("rows", sort="name")
    assert [row["id"] for row in page["rows"]] == ["seed-1", "seed-2"]
    assert ear.ask("rows", search="seed-2")["total"] == 1
    assert (ear.ask("rows", only="finished")["total"], ear.ask("rows", only="other")["total"]) == (2, 0)
    assert [row["id"] for row in ear.ask("rows", sort="-best")["rows"]]
    chosen = ear.ask("row", row="seed-1")["said"]
    assert "seed" in texts(chosen) and actions(chosen)[0][1]["args"] == {"run": "seed-1"}
    (form,) = (one[1] for one in parts(chosen, "form"))
    assert (form["args"], form["fields"][0]["as"]) == (
        {"one": "seed-1"},
        [("", "choose another run"), ("seed-2", "seed-2")],
    )
    known, found = stored.compare("seed-2", "seed-1"), ear.ask("compare", one="seed-2", other="seed-1")
    said = texts(found["found"])
    assert said[0] == known.words() and said[1:4] == ["", "seed-2", "seed-1"]
    assert f"{len(known.common)} candidate{'s' * (len(known.common) != 1)} in both" in said
    made = ear.ask("open", run="seed-1")["model"]
    studio = import_module("ipywidgets.widgets.widget")._instances[made]
    assert studio.snapshot["run"]["name"] == "seed-1"
    studio._handle_custom_msg({"type": "hello", "view": "a", "id": "a-1"}, [])
    ear.ask("open", run="seed-2")
    assert studio.comm is not None  # another view of the table looks at it
    studio._handle_custom_msg({"type": "bye", "view": "a"}, [])
    ear.ask("open", run="seed-2")
    assert studio.comm is None  # nobody does
    assert "there is no run 'seed-3' here. Did you mean 'seed-" in ear.refused("open", run="seed-3")


@pytest.mark.parametrize("when", ["before the table is made", "after"])
@pytest.mark.parametrize("record", ['{"what": 1}', '{"type": "header"}'])
def test_a_damaged_run_says_that_it_is(open_: Any, stored: Any, tmp_path: Any, when: str, record: str) -> None:
    """It is neither opened nor compared, and the other runs are."""
    (tmp_path / "seed-1" / "journal.jsonl").write_text(f"{record}\n" * 4, encoding="utf-8")
    ear = open_("runs", stored if when == "after" else lmnb.runs(tmp_path))
    said = "the run 'seed-1' is damaged|seed-1.journal.jsonl, line 1"
    assert re.search(said, ear.refused("open", run="seed-1"))
    assert re.search(said, ear.refused("compare", one="seed-2", other="seed-1"))
    assert ear.ask("open", run="seed-2")["model"]


def test_stored_runs_are_saved_static(notebook: Any, stored: Any, tmp_path_factory: Any) -> None:
    """What the file keeps is the table; where there is none, a sentence."""
    module, out = import_module("lmnb_widgets.runs"), notebook()
    module.show(stored)
    assert "seed-1" in mounted(out)
    out = notebook()
    module.show(lmnb.runs(tmp_path_factory.mktemp("empty")))
    assert "lmnb-mount" not in out.outputs[0]["data"]["text/html"]


def test_a_cell_that_runs_again_closes_the_panels_of_its_output(notebook: Any, widgets: None, stored: Any) -> None:
    """Those of other cells stay, and where the cells of a front end have no names, all do."""
    notebook()
    shell, known = import_module("IPython").get_ipython(), import_module("ipywidgets.widgets.widget")._instances
    report, queue = evaluated("otter"), lmnb.review(DEVSET)

    def showing(cell: str | None, module: str, thing: Any) -> Any:
        before = set(known)
        shell.kernel.get_parent = lambda: {"metadata": {"cellId": cell} if cell else {}}
        import_module(f"lmnb_widgets.{module}").show(thing)
        return next(known[key] for key in known if key not in before and hasattr(known[key], "mount"))

    first = [showing("a", "report", report), showing("a", "editor", lmnb.edit(lmnb.Predict("q -> a")))]
    other = [showing("b", "review", queue), showing(None, "runs", stored)]
    shell.events.trigger("pre_run_cell", SimpleNamespace(cell_id="a"))
    shell.events.trigger("pre_run_cell", SimpleNamespace(cell_id=None))
    assert [one.comm is None for one in first + other] == [True, True, False, False]
    shell.events.trigger("pre_run_cell", SimpleNamespace(cell_id="b"))
    assert other[0].comm is None
