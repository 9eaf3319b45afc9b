"""In marimo an output is the static form with its widget beside it, and the report alone once the run has ended."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import pytest
from browser_side import until
from fake_marimo import FakeMarimo
from fake_run import FakeRun, FakeTrace

import lmnb


@pytest.fixture
def marimo(widgets: None, monkeypatch: pytest.MonkeyPatch) -> FakeMarimo:
    """A cell of marimo at work."""
    fake = FakeMarimo()
    monkeypatch.setitem(sys.modules, "marimo", fake)
    return fake


def shown(show: Any, thing: Any) -> Any:
    """What marimo gets when it asks `thing` by `_display_`."""
    return import_module("lmnb_widgets.marimo_output").displayed(show, thing)


def studio(run: FakeRun) -> tuple[Any, Any]:
    """The output of a run, shown as the cell's value, and its panel."""
    module = import_module("lmnb_widgets.studio")
    output = shown(module.show, run)
    sys.modules["marimo"].output.replace(output)
    return output, output._widget


def say(widget: Any, kind: str) -> None:
    """A message from the browser."""
    widget._handle_custom_msg({"type": kind}, [])


def test_a_run_is_its_static_form_and_its_panel(marimo: FakeMarimo) -> None:
    """What a session file keeps says of which moment it is; nothing is printed or displayed besides."""
    output, widget = studio(FakeRun())
    mime, html = output._mime_()
    assert mime == "text/html"
    assert html.startswith('<div class="lmnb-place"><div class="lmnb-static"><p>The run was in progress when')
    assert html.endswith(f"</div><marimo-anywidget>{widget!r}</div>")
    assert "lmnb-mount" not in html
    widget.close()


def test_a_run_alone_in_its_cell_becomes_its_report(marimo: FakeMarimo) -> None:
    """The browser said that nothing else is there, so the end replaces the whole, and the panel closes."""
    run = FakeRun()
    _, widget = studio(run)
    say(widget, "alone")
    run.change(state="finished")
    until(lambda: "in progress" not in marimo.shown[0])
    assert len(marimo.shown) == 1 and "tickets: finished" in marimo.shown[0]
    assert "marimo-anywidget" not in marimo.shown[0]
    until(lambda: widget.comm is None and run.subscribers == 0)


def test_a_run_that_ended_before_the_browser_spoke_becomes_its_report_too(marimo: FakeMarimo) -> None:
    """What the cell holds besides is known late, and the report waits for it."""
    run = FakeRun()
    _, widget = studio(run)
    run.change(state="finished")
    until(lambda: widget.report)
    assert "marimo-anywidget" in marimo.shown[0]
    say(widget, "alone")
    until(lambda: "marimo-anywidget" not in marimo.shown[0] and "tickets: finished" in marimo.shown[0])


def test_a_run_among_other_things_keeps_its_panel(marimo: FakeMarimo) -> None:
    """Replacing the output would take the other things away: the panel stays and shows the end."""
    run = FakeRun()
    _, widget = studio(run)
    run.change(state="finished")
    until(lambda: widget.snapshot["state"] == "finished" and widget.report)
    assert "marimo-anywidget" in marimo.shown[0] and widget.comm is not None
    widget.close()


def test_the_end_of_a_run_leaves_what_its_cell_shows_by_then(marimo: FakeMarimo) -> None:
    """A cell that was run again shows another run."""
    run = FakeRun()
    output, widget = studio(run)
    say(widget, "alone")
    marimo.run_again()
    marimo.shown = ["another run"]
    run.change(state="stopped")
    until(lambda: output._thread is None)
    assert marimo.shown == ["another run"]
    widget.close()


def test_an_ended_run_keeps_its_panel_and_its_report_follows(marimo: FakeMarimo) -> None:
    """Each decision after the end brings the static form up to date, again and again."""
    run = FakeRun(state="finished")
    output, widget = studio(run)
    say(widget, "alone")
    for state in ("stopped", "finished", "stopped"):
        run.change(state=state)
        until(lambda state=state: f"tickets: {state}" in marimo.shown[0])
        assert "marimo-anywidget" in marimo.shown[0]
        until(lambda: output._thread is not None)
    widget.close()


def test_traces_and_a_second_look_in_one_cell(marimo: FakeMarimo) -> None:
    """A trace has its viewer; what is shown by a call, as by `run.studio()`, comes below what the cell shows so far."""
    traces = import_module("lmnb_widgets.traces")
    assert "static trace of" in shown(traces.show, FakeTrace())._mime_()[1]
    traces.show(FakeTrace("one"))
    traces.show(FakeTrace("two"))
    assert ["Traces(1)" in html for html in marimo.shown] == [True, True]


@pytest.fixture
def prediction() -> Any:
    """A prediction with its trace."""
    program = lmnb.Predict("a -> b", lm=lmnb.FakeLM([{"b": "2"}]))
    return program(a="1")


def test_static_forms_are_texts_for_marimo(prediction: Any) -> None:
    """What a cell shows goes through marimo's encoder, which knows text by its very type and asks all else by this method."""
    form = prediction.trace._repr_html_()
    assert type(form._marimo_serialize_()) is str
    assert form._marimo_serialize_() == form


def test_without_widgets_marimo_shows_the_static_form(prediction: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra `lab` is not needed to look at a trace."""
    monkeypatch.setattr("lmnb.views.find", lambda name: None)
    form = prediction.trace._display_()
    assert form == form._repr_html_() == prediction.trace._repr_html_()
