"""What a notebook shows, and what its file keeps."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from browser_side import until
from fake_run import FakeRun, FakeTrace

WIDGET = "application/vnd.jupyter.widget-view+json"
MOMENT = r"The run was in progress when this report was made, at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\."


@pytest.fixture
def studio(widgets: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module, in a front end that finds the place of a model; with `made`, the panels that were opened."""
    module = import_module("lmnb_widgets.studio")
    for name in ("VSCODE_PID", "VSCODE_CWD"):
        monkeypatch.delenv(name, raising=False)
    made: list[Any] = []

    class Panel(module.StudioWidget):  # type: ignore[misc, name-defined]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(self)

    monkeypatch.setattr(module, "StudioWidget", Panel)
    monkeypatch.setattr(module, "made", made, raising=False)
    yield module
    for one in made:
        one.close()


@pytest.fixture
def traces(widgets: None) -> Any:
    """The module."""
    return import_module("lmnb_widgets.traces")


def say(widget: Any, **message: Any) -> None:
    """A message from the browser."""
    widget._handle_custom_msg(message, [])


def kept(published: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The outputs as a notebook file keeps them: an update replaces what has its display id."""
    outputs: dict[Any, dict[str, Any]] = {}
    for number, one in enumerate(published):
        outputs[one["transient"].get("display_id", number)] = one["data"]
    return list(outputs.values())


def panel_threads(before: set[threading.Thread]) -> list[threading.Thread]:
    """The threads of panels that were opened since."""
    return [thread for thread in threading.enumerate() if thread not in before and thread.name.startswith("lmnb-")]


def test_a_run_in_progress_is_saved_static_and_looked_at_live(notebook: Any, studio: Any) -> None:
    """The output is a report that says of which moment it is, and the panel's place: no page load can lose it."""
    out, run = notebook(), FakeRun()
    assert studio.show(run) is None
    (output,) = kept(out.outputs)
    assert set(output) == {"text/html", "text/plain"}
    place = studio.made[0].mount
    assert re.match(rf'<div class="lmnb-mount-{place}"><p>{MOMENT}</p><div class="lmnb-run">', output["text/html"])
    assert "static report of 2025-01-31-tickets: running" in output["text/html"]


def test_the_end_of_a_run_leaves_its_static_report_alone(notebook: Any, studio: Any) -> None:
    """It replaces place and panel in their own output; when the browser says so, the panel's threads end."""
    out, before = notebook(), set(threading.enumerate())
    run = FakeRun()
    studio.show(run)
    run.change(state="finished")
    until(lambda: len(out.outputs) == 2)
    report = {"text/html": run._repr_html_(), "text/plain": "Run(2025-01-31-tickets, finished)"}
    assert kept(out.outputs) == [report]
    until(lambda: studio.made[0].report)
    say(studio.made[0], type="gone")
    until(lambda: not panel_threads(before))
    assert run.subscribers == 0


def test_a_run_that_can_be_resumed_keeps_its_panel_until_it_is_finished(notebook: Any, studio: Any) -> None:
    """Its budget stopped it: the file has the report, the place stays the panel's; resumed, the file says that it is of a moment."""
    out, run = notebook(), FakeRun()
    studio.show(run)
    place = f'<div class="lmnb-mount-{studio.made[0].mount}">'
    run.change(state="stopped", ended="the budget of 3,000 calls is spent")
    until(lambda: kept(out.outputs)[0]["text/html"] == f"{place}{run._repr_html_()}</div>")
    say(studio.made[0], type="hello", view="a")
    run.change(state="running", ended=None)
    until(lambda: re.match(f"{place}<p>{MOMENT}</p>", kept(out.outputs)[0]["text/html"]))
    run.change(state="finished")
    until(lambda: kept(out.outputs)[0]["text/html"] == run._repr_html_())


@pytest.mark.parametrize("end", [{"state": "finished"}, {"state": "stopped", "live": False}], ids=str)
def test_a_run_that_cannot_go_on_leaves_its_report_alone(notebook: Any, studio: Any, end: dict[str, Any]) -> None:
    """There is nothing that a panel could do with it."""
    out, run = notebook(), FakeRun()
    studio.show(run)
    run.change(**end)
    until(lambda: kept(out.outputs)[0]["text/html"] == run._repr_html_())


def test_a_studio_closes_when_its_cell_runs_again(notebook: Any, studio: Any) -> None:
    """Its output goes, and with it a panel that no end would close: of a run that was stopped, or is shown over and over."""
    notebook()
    shell, run, before = import_module("IPython").get_ipython(), FakeRun(), set(threading.enumerate())
    shell.kernel.get_parent = lambda: {"metadata": {"cellId": "cell-1"}}
    studio.show(run)
    shell.events.trigger("pre_run_cell", SimpleNamespace(cell_id="another"))
    assert panel_threads(before)
    shell.events.trigger("pre_run_cell", SimpleNamespace(cell_id="cell-1"))
    until(lambda: not panel_threads(before))
    assert run.subscribers == 0
    studio.freeze(run)


def test_a_trace_viewer_closes_when_its_cell_runs_again(notebook: Any, traces: Any) -> None:
    """A cell that is run a hundred times holds one viewer, and its traces."""
    notebook()
    shell, frontend = import_module("IPython").get_ipython(), import_module("lmnb_widgets.frontend")
    shell.kernel.get_parent = lambda: {"metadata": {"cellId": "cell-1"}}
    known = set(frontend.PLACED)
    traces.show(FakeTrace())
    (viewer,) = (one for place, one in frontend.PLACED.items() if place not in known)
    shell.events.trigger("pre_run_cell", SimpleNamespace(cell_id="cell-1"))
    assert viewer.closed and viewer.comm is None


def test_a_panel_whose_report_did_not_arrive_stays_and_has_it(notebook: Any, studio: Any) -> None:
    """A page that was loaded again knows no display ids: the panel shows the end, and hands the report to whoever asks."""
    out, run = notebook(), FakeRun()
    studio.show(run)
    run.change(state="stopped")
    (widget,) = studio.made
    until(lambda: widget.report)
    assert widget.report == kept(out.outputs)[0]
    assert widget.comm is not None
    assert until(lambda: widget.snapshot["state"] == "stopped")
    assert run.subscribers == 1


def test_a_run_that_ends_while_it_is_shown_is_frozen(
    notebook: Any, studio: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end finds no output yet, so showing it looks again."""
    out, run, publish = notebook(), FakeRun(), studio.frontend.publish

    def slow(*args: Any) -> Any:
        handle = publish(*args)
        run.change(state="finished")
        until(lambda: studio.made[0].snapshot["state"] == "finished")
        return handle

    monkeypatch.setattr(studio.frontend, "publish", slow)
    studio.show(run)
    assert kept(out.outputs) == [{"text/html": run._repr_html_(), "text/plain": "Run(2025-01-31-tickets, finished)"}]


@pytest.mark.parametrize("sign", ["VSCODE_PID", "VSCODE_CWD", "__vsc_ipynb_file__", "google.colab"])
def test_where_panels_come_only_as_outputs_a_run_in_progress_is_one(
    notebook: Any, studio: Any, monkeypatch: pytest.MonkeyPatch, sign: str
) -> None:
    """VS Code and Colab make no model that no output names; the end replaces it, and its threads end."""
    out, run, before = notebook(), FakeRun(), set(threading.enumerate())
    if sign.startswith("VSCODE"):
        monkeypatch.setenv(sign, "1")
    elif sign.startswith("__"):
        monkeypatch.setitem(import_module("IPython").get_ipython().user_ns, sign, "n.ipynb")
    else:
        monkeypatch.setitem(sys.modules, sign, ModuleType(sign))
    studio.show(run)
    assert WIDGET in out.outputs[0]["data"]
    run.change(state="finished")
    until(lambda: len(out.outputs) == 2)
    assert kept(out.outputs) == [{"text/html": run._repr_html_(), "text/plain": "Run(2025-01-31-tickets, finished)"}]
    until(lambda: not panel_threads(before))
    assert run.subscribers == 0


def test_every_output_of_a_run_is_frozen(notebook: Any, studio: Any) -> None:
    """Shown in two cells, frozen in both."""
    out, run = notebook(), FakeRun()
    studio.show(run)
    studio.show(run)
    run.change(state="stopped")
    until(lambda: all("tickets: stopped" in one.get("text/html", "") for one in kept(out.outputs)))
    assert len(kept(out.outputs)) == 2


def test_freeze_publishes_the_report_again_from_the_calling_thread(notebook: Any, studio: Any) -> None:
    """`run.wait()` does so, since what another thread published after its cell is not saved everywhere."""
    out, run = notebook(), FakeRun()
    studio.show(run)
    run.change(state="finished")
    until(lambda: len(out.outputs) == 2)
    studio.freeze(run)
    assert len(out.outputs) == 3
    assert out.outputs[2]["update"] is True
    assert out.outputs[2]["data"] == kept(out.outputs)[0]


def test_freeze_of_a_run_that_is_shown_nowhere_does_nothing(notebook: Any, studio: Any) -> None:
    """`compile()` waits for runs that nobody displayed."""
    out = notebook()
    studio.freeze(FakeRun())
    assert out.outputs == []


def test_without_a_front_end_a_run_is_static_from_the_start(notebook: Any, studio: Any) -> None:
    """nbconvert would save the state of every widget, bundle included; the report still comes at the end."""
    out, run = notebook(False), FakeRun()
    studio.show(run)
    assert kept(out.outputs)[0]["text/plain"] == "Run(2025-01-31-tickets, running)"
    assert re.match(f"<p>{MOMENT}</p>", kept(out.outputs)[0]["text/html"])
    run.change(state="finished")
    until(lambda: len(out.outputs) == 2)
    assert kept(out.outputs) == [{"text/html": run._repr_html_(), "text/plain": "Run(2025-01-31-tickets, finished)"}]
    assert not any(WIDGET in one["data"] for one in out.outputs)


def test_in_a_terminal_a_run_is_one_line(capsys: pytest.CaptureFixture[str], studio: Any) -> None:
    """No HTML, no object address, no thread."""
    studio.show(FakeRun())
    assert capsys.readouterr().out == "Run(2025-01-31-tickets, running)\n"


def test_an_ended_run_is_saved_static_and_looked_at_live(notebook: Any, studio: Any) -> None:
    """The output is the report, and the place of a panel that exists only while the kernel does."""
    out, run = notebook(), FakeRun(state="finished")
    studio.show(run)
    (output,) = kept(out.outputs)
    assert WIDGET not in output
    mount = re.match(r'<div class="lmnb-mount-([0-9a-f]{32})">', output["text/html"])
    assert mount
    assert "static report of 2025-01-31-tickets: finished" in output["text/html"]
    run.change(state="running")
    run.change(state="finished")
    until(lambda: len(out.outputs) == 2)
    assert f"lmnb-mount-{mount[1]}" in kept(out.outputs)[0]["text/html"]


def test_a_run_reopened_without_its_code_is_saved_static(notebook: Any, studio: Any) -> None:
    """There is nothing to steer."""
    out = notebook()
    studio.show(FakeRun(state="paused", live=False))
    assert WIDGET not in out.outputs[0]["data"]


def test_a_trace_is_saved_static_and_looked_at_live(notebook: Any, traces: Any) -> None:
    """Bare `trace` in a cell: what the file keeps has no widget in it."""
    out = notebook()
    assert traces.show(FakeTrace()) is None
    (output,) = kept(out.outputs)
    assert set(output) == {"text/html", "text/plain"}
    assert re.match(r'<div class="lmnb-mount-[0-9a-f]{32}"><div class="lmnb-trace">static trace', output["text/html"])
    assert output["text/plain"] == "Trace(MultiHop)"


def test_a_trace_without_a_front_end_is_static(notebook: Any, traces: Any) -> None:
    """No place is left for a panel that cannot come."""
    out = notebook(False)
    traces.show(FakeTrace())
    assert kept(out.outputs)[0]["text/html"] == '<div class="lmnb-trace">static trace of MultiHop</div>'


def test_a_list_of_traces_has_heads_and_sends_a_trace_on_demand(traces: Any) -> None:
    """No trace is in a trait, where it might be saved with the notebook."""
    sent: list[dict[str, Any]] = []
    viewer = traces.TracesWidget([FakeTrace("one"), FakeTrace("two")])
    viewer.send = sent.append
    assert [head["name"] for head in viewer.traces] == ["one", "two"]
    assert "messages" not in str(viewer.get_state(["traces", "view"]))
    say(viewer, type="get", id=1, what="trace", args={"index": 1})
    assert "two" in str(sent[0]["value"]["head"])
    say(viewer, type="get", id=2, what="trace", args={"index": 9})
    assert sent[1]["error"] == "IndexError: call 9 is not held: the last 2 are"
    assert repr(viewer) == "Traces(2)"
    viewer.close()


def test_what_a_widget_sends_is_sent_by_the_cell_that_made_it(traces: Any) -> None:
    """A kernel routes answers by the request that a message belongs to: another one may be gone with its page."""
    request: ContextVar[str] = ContextVar("request", default="")
    sent: list[tuple[str, str]] = []
    request.set("the cell")
    viewer = traces.TracesWidget([FakeTrace()])
    viewer.comm.publish_msg = lambda kind, *args, **options: sent.append((request.get(), kind))
    request.set("a click")
    say(viewer, type="get", id=1, what="trace", args={"index": 0})
    threading.Thread(target=lambda: setattr(viewer, "mount", "abc")).start()
    until(lambda: len(sent) == 2)
    assert sent == [("the cell", "comm_msg")] * 2
    viewer.close()


def test_a_history_is_shown_as_its_traces(notebook: Any, traces: Any) -> None:
    """Anything with `traces()` will do."""

    class History:
        def traces(self) -> list[FakeTrace]:
            return [FakeTrace("one"), FakeTrace("two")]

        def _repr_html_(self) -> str:
            return "<p>two calls</p>"

        def __repr__(self) -> str:
            return "History(2 LM calls)"

    out = notebook()
    traces.show_history(History())
    assert out.outputs[0]["data"]["text/plain"] == "History(2 LM calls)"
    assert "two calls" in out.outputs[0]["data"]["text/html"]


def test_a_branch_is_shown_below_its_run_in_the_same_output(notebook: Any, studio: Any) -> None:
    """The new run's panel has its place under that of the first; each becomes its report at its own end, and the panels close."""
    out, run = notebook(), FakeRun()
    studio.show(run)
    assert " is below;" in studio.branch(run, {"paused": True})["said"]
    (first, second), (made,) = studio.made, run.branches
    (output,) = kept(out.outputs)
    places = re.findall(r"lmnb-mount-(\w+)", output["text/html"])
    assert places == [first.mount, second.mount]
    assert output["text/plain"] == f"{run!r}\n{made!r}"
    run.change(state="finished")
    until(lambda: f"static report of {run.name}: finished" in kept(out.outputs)[0]["text/html"])
    (output,) = kept(out.outputs)
    assert re.findall(r"lmnb-mount-(\w+)", output["text/html"]) == [second.mount]
    made.change(state="finished")
    until(lambda: "mount" not in kept(out.outputs)[0]["text/html"])
    assert f"static report of {made.name}: finished" in kept(out.outputs)[0]["text/html"]
    until(lambda: first.report == second.report == kept(out.outputs)[0])


def test_a_branch_where_no_front_end_can_show_it_says_so(notebook: Any, studio: Any) -> None:
    """In a kernel without a panel it runs all the same, and no thread is left for it."""
    notebook(False)
    run, before = FakeRun(), set(threading.enumerate())
    where = "lies in runs/2025-01-31-tickets-branch; in Python it is run.branches[-1]."
    assert studio.branch(run, {}) == {"said": f"The branch 2025-01-31-tickets-branch {where}"}
    assert len(run.branches) == 1 and not panel_threads(before)
