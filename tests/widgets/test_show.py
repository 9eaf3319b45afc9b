"""What a notebook shows, and what its file keeps."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest
from browser_side import until
from fake_run import FakeRun, FakeTrace
from lmnb_widgets import studio, traces

WIDGET = "application/vnd.jupyter.widget-view+json"


def kept(published: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The outputs as a notebook file keeps them: an update replaces what has its display id."""
    outputs: dict[Any, dict[str, Any]] = {}
    for number, one in enumerate(published):
        outputs[one["transient"].get("display_id", number)] = one["data"]
    return list(outputs.values())


def test_a_live_run_is_shown_live_and_becomes_its_static_report(notebook: Any) -> None:
    """The end of the run replaces the widget in its own output, and its threads end."""
    out, before = notebook(), threading.active_count()
    run = FakeRun()
    assert studio.show(run) is None
    assert WIDGET in out.outputs[0]["data"]
    run.change(state="finished")
    until(lambda: len(out.outputs) == 2)
    assert kept(out.outputs) == [{"text/html": run._repr_html_(), "text/plain": "Run(2025-01-31-tickets, finished)"}]
    until(lambda: threading.active_count() == before)
    assert run.subscribers == 0


def test_every_output_of_a_run_is_frozen(notebook: Any) -> None:
    """Shown in two cells, frozen in both."""
    out, run = notebook(), FakeRun()
    studio.show(run)
    studio.show(run)
    run.change(state="stopped")
    until(lambda: all("static report" in one.get("text/html", "") for one in kept(out.outputs)))
    assert len(kept(out.outputs)) == 2


def test_freeze_publishes_the_report_again_from_the_calling_thread(notebook: Any) -> None:
    """`run.wait()` does so, since what another thread published after its cell is not saved everywhere."""
    out, run = notebook(), FakeRun()
    studio.show(run)
    run.change(state="finished")
    until(lambda: len(out.outputs) == 2)
    studio.freeze(run)
    assert len(out.outputs) == 3
    assert out.outputs[2]["update"] is True
    assert out.outputs[2]["data"] == kept(out.outputs)[0]


def test_freeze_of_a_run_that_is_shown_nowhere_does_nothing(notebook: Any) -> None:
    """`compile()` waits for runs that nobody displayed."""
    out = notebook()
    studio.freeze(FakeRun())
    assert out.outputs == []


def test_without_a_front_end_a_run_is_static_from_the_start(notebook: Any) -> None:
    """nbconvert would save the state of every widget, bundle included; the report still comes at the end."""
    out, run = notebook(False), FakeRun()
    studio.show(run)
    assert kept(out.outputs)[0]["text/plain"] == "Run(2025-01-31-tickets, running)"
    run.change(state="finished")
    until(lambda: len(out.outputs) == 2)
    assert kept(out.outputs) == [{"text/html": run._repr_html_(), "text/plain": "Run(2025-01-31-tickets, finished)"}]
    assert not any(WIDGET in one["data"] for one in out.outputs)


def test_in_a_terminal_a_run_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """No HTML, no object address, no thread."""
    studio.show(FakeRun())
    assert capsys.readouterr().out == "Run(2025-01-31-tickets, running)\n"


def test_an_ended_run_is_saved_static_and_looked_at_live(notebook: Any) -> None:
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


def test_a_run_reopened_without_its_code_is_saved_static(notebook: Any) -> None:
    """There is nothing to steer."""
    out = notebook()
    studio.show(FakeRun(state="paused", live=False))
    assert WIDGET not in out.outputs[0]["data"]


def test_a_trace_is_saved_static_and_looked_at_live(notebook: Any) -> None:
    """Bare `trace` in a cell: what the file keeps has no widget in it."""
    out = notebook()
    assert traces.show(FakeTrace()) is None
    (output,) = kept(out.outputs)
    assert set(output) == {"text/html", "text/plain"}
    assert re.match(r'<div class="lmnb-mount-[0-9a-f]{32}"><div class="lmnb-trace">static trace', output["text/html"])
    assert output["text/plain"] == "Trace(MultiHop)"


def test_a_trace_without_a_front_end_is_static(notebook: Any) -> None:
    """No place is left for a panel that cannot come."""
    out = notebook(False)
    traces.show(FakeTrace())
    assert kept(out.outputs)[0]["text/html"] == '<div class="lmnb-trace">static trace of MultiHop</div>'


class Viewer(traces.TracesWidget):
    """A viewer that keeps what it would send."""

    def send(self, content: Any, buffers: Any = None) -> None:
        self.sent = [*getattr(self, "sent", []), content]


def test_a_list_of_traces_has_heads_and_sends_a_trace_on_demand() -> None:
    """No trace is in a trait, where it might be saved with the notebook."""
    viewer = Viewer([FakeTrace("one"), FakeTrace("two")])
    assert [head["name"] for head in viewer.traces] == ["one", "two"]
    assert "messages" not in str(viewer.get_state(["traces", "view"]))
    viewer._handle_custom_msg({"type": "get", "id": 1, "what": "trace", "args": {"index": 1}}, [])
    assert viewer.sent[0]["value"]["name"] == "two"
    viewer._handle_custom_msg({"type": "get", "id": 2, "what": "trace", "args": {"index": 9}}, [])
    assert viewer.sent[1]["error"] == "IndexError: list index out of range"
    assert repr(viewer) == "Traces(2)"
    viewer.close()


def test_a_history_is_shown_as_its_traces(notebook: Any) -> None:
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
