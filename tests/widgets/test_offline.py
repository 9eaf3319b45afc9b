"""Nothing is loaded from anywhere: not by the bundle, not by what a widget sends, not by a static form; and what Colab needs is there."""

from __future__ import annotations

import json
import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from fake_run import FakeRun, FakeTrace

import lmnb
from lmnb.testing import TwoCalls, exact, questions, reply

NAMESPACES = r"http://www\.w3\.org/(?:1999/xhtml|2000/svg|1998/Math/MathML)"
ADDRESS = re.compile(rf"(?!{NAMESPACES})(?:https?|wss?|ftp)://|localhost|127\.0\.0\.1")
ASKING = r"\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|\bimport\(|importScripts|new Worker|\brequire\("
LOADING = re.compile(r"""<(?:script|link|img|iframe|object|embed|base|video|audio)\b|\bsrc=|@import|url\(""")


def bundle(root: Path) -> str:
    return (root / "widgets" / "lmnb_widgets" / "static" / "lmnb.js").read_text(encoding="utf-8")


def test_the_bundle_names_no_address_and_cannot_ask(root: Path) -> None:
    """One module without imports of its own, in which only the namespaces of XML look like addresses."""
    text = bundle(root)
    assert ADDRESS.findall(text) == []
    assert re.findall(ASKING, text) == []
    assert not re.search(r"""(?:^|[;}])import[ {*"']""", text)


@pytest.mark.parametrize("kind", ["studio", "traces"])
def test_what_a_widget_sends_holds_the_bundle_and_no_address(root: Path, widgets: None, kind: str) -> None:
    """A front end needs nothing of ours but the message that opens the model: VS Code and Colab have no server to ask."""
    module = import_module(f"lmnb_widgets.{kind}")
    widget: Any = module.StudioWidget(FakeRun()) if kind == "studio" else module.TracesWidget([FakeTrace()])
    state = widget.get_state()
    assert str(state.pop("_esm")) == bundle(root)
    text = json.dumps(state, default=str)
    assert ADDRESS.findall(text) == [] and len(text) < 1_000_000
    assert (state["_model_module"], state["_view_module"]) == ("anywidget", "anywidget")
    widget.close()


def test_no_static_form_loads_anything() -> None:
    """Of a run, its whole page, a trace, the history, a report and a program."""
    lmnb.configure(lm=lmnb.FakeLM(reply))
    optimizer = lmnb.BootstrapFewShotWithRandomSearch(metric=exact, num_candidate_programs=2)
    run = optimizer.start(TwoCalls(), trainset=questions(0, 6), valset=questions(10, 14))
    program = run.wait()
    report = lmnb.Evaluate(questions(10, 14), exact)(program)
    things = [run, run.trace(0, 0), lmnb.history(5), report, run.flips(), run.provenance()]
    forms = [*(thing._repr_html_() for thing in things), run.to_html()]
    for form in forms:
        assert len(form) > 200
        assert ADDRESS.findall(form) + LOADING.findall(form) == []


def test_colab_is_told_which_manager_shows_the_panel(notebook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Colab shows a widget of another package only by its custom manager, which the output names; anywidget asks Colab for it."""
    studio = import_module("lmnb_widgets.studio")
    colab: Any = ModuleType("google.colab.output")
    colab.asked, colab._widgets = [], SimpleNamespace(_installed_url=None)

    def enable_custom_widget_manager() -> None:
        colab.asked.append(True)
        colab._widgets._installed_url = "of Colab"

    colab.enable_custom_widget_manager = enable_custom_widget_manager
    once = import_module("anywidget._util").enable_custom_widget_manager_once
    once.cache_clear()
    for name, module in {"google.colab": ModuleType("google.colab"), "google.colab.output": colab}.items():
        monkeypatch.setitem(sys.modules, name, module)
    out, run = notebook(), FakeRun()
    studio.show(run)
    once.cache_clear()
    kind = "application/vnd.jupyter.widget-view+json"
    assert kind in out.outputs[0]["data"]
    assert out.outputs[0]["metadata"] == {kind: {"colab": {"custom_widget_manager": {"url": "of Colab"}}}}
    assert colab.asked == [True]
    run.change(state="finished")
