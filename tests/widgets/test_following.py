"""The static form that a notebook's file holds follows a review and an editor while they are worked at."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from browser_side import until

import lmnb

DEVSET = [lmnb.Example(ticket=f"ticket {n}", team="otter").with_inputs("ticket") for n in range(6)]


@pytest.fixture
def quick(widgets: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes are collected for a moment only."""
    monkeypatch.setattr("lmnb_widgets.following.PAUSE", 0.05)


def edited(editor: Any) -> None:
    editor.set("self.instructions", "Say which team.")


KINDS: dict[str, tuple[Callable[[], Any], Callable[[Any], object], str]] = {
    "review": (lambda: lmnb.review(DEVSET), lambda review: review.answer("keep"), "1 of 6 reviewed · 1 kept"),
    "editor": (lambda: lmnb.edit(lmnb.Predict("ticket -> team")), edited, "1 edit, not applied"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_static_form_follows_what_changes(notebook: Any, quick: None, kind: str) -> None:
    """One change, said in a cell or in the panel: the output is published again, still the place of its panel; the trait has the same."""
    make, change, said = KINDS[kind]
    out, thing, module = notebook(), make(), import_module(f"lmnb_widgets.{kind}")
    module.show(thing)
    before = out.outputs[0]["data"]["text/html"]
    assert said not in before
    change(thing)
    until(lambda: len(out.outputs) == 2)
    after = out.outputs[1]["data"]
    assert out.outputs[1]["update"] is True
    assert out.outputs[1]["transient"] == out.outputs[0]["transient"]
    assert said in after["text/html"] and after["text/html"][:50] == before[:50]
    place = import_module("lmnb_widgets.frontend").PLACED[before[23:55]]
    assert until(lambda: place.report) == after and after["text/plain"] == repr(thing)


def test_many_changes_are_published_together(notebook: Any, quick: None) -> None:
    """A script that answers five items draws the output anew once."""
    out, review = notebook(), lmnb.review(DEVSET)
    import_module("lmnb_widgets.review").show(review)
    for _ in range(5):
        review.answer("keep")
    until(lambda: len(out.outputs) == 2)
    assert "5 of 6 reviewed" in out.outputs[1]["data"]["text/html"]
    review.answer("keep")
    assert len(out.outputs) == 3 and "6 of 6 reviewed" in out.outputs[2]["data"]["text/html"]


def test_the_last_of_two_that_are_drawn_at_once_is_what_stays(
    notebook: Any, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last answer comes while the form of before it is being drawn: the file keeps the form with the last answer."""
    out, review = notebook(), lmnb.review(DEVSET[:2])
    import_module("lmnb_widgets.review").show(review)
    draw, begun, go_on = review._repr_html_, threading.Event(), threading.Event()
    drawn: list[threading.Thread] = []

    def slowly() -> str:
        html = draw()
        if threading.current_thread() is not threading.main_thread():
            drawn.append(threading.current_thread())
            begun.set()
            go_on.wait(10)
        return html

    monkeypatch.setattr(review, "_repr_html_", slowly)
    review.answer("keep")
    assert begun.wait(10)
    review.answer("keep")
    go_on.set()
    drawn[0].join(10)
    assert "2 of 2 reviewed" in out.outputs[-1]["data"]["text/html"]


def test_a_cell_that_runs_again_is_not_published_into(
    notebook: Any, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waited to be published for the former output goes with it."""
    out, review = notebook(), lmnb.review(DEVSET)
    shell, following = import_module("IPython").get_ipython(), import_module("lmnb_widgets.following")
    shell.kernel.get_parent = lambda: {"metadata": {"cellId": "cell-1"}}
    timers: list[Any] = []
    monkeypatch.setattr(
        following.threading, "Timer", lambda *args: timers.append(args) or SimpleNamespace(start=int, cancel=int)
    )
    import_module("lmnb_widgets.review").show(review)
    review.answer("keep")
    shell.events.trigger("pre_run_cell", SimpleNamespace(cell_id="cell-1"))
    ((_, call, args),) = timers
    call(*args)
    assert len(out.outputs) == 1
