"""The bundle as marimo draws it: in a shadow root, beside the static form that it covers while a kernel answers."""

from __future__ import annotations

from typing import Any

import pytest
from fake_run import FakeRun
from test_panel import answers
from test_panel import launched as launched
from test_panel import open_panel as open_panel

pytestmark = pytest.mark.browser

CELL = """async (besides) => {
    const add = (parent, name) => {
        const one = document.createElement("div");
        one.className = one.id = name;
        parent.append(one);
        return one;
    };
    const output = add(add(document.body, "output-abc"), "output");
    const place = add(output, "lmnb-place");
    const still = add(place, "lmnb-static");
    add(still, "lmnb-mount-abc").textContent = "the static form";
    if (besides) add(output, "besides").textContent = "something else";
    const { default: widget } = await import("/lmnb.js");
    const el = add(place, "host").attachShadow({ mode: "open" }).appendChild(document.createElement("div"));
    window.close = widget.render({ model, el });
    widget.initialize({ model }); // looks for a place of the model's at once
}"""


@pytest.fixture
def cell(open_panel: Any) -> Any:
    """`cell(besides, deaf)` is the output of a cell of marimo, with something besides the run or not; the kernel may be deaf."""

    def make(besides: bool, deaf: int = 0) -> Any:
        run = FakeRun()
        traits = {"view": "studio", "mount": "abc", "snapshot": run.snapshot(), "deaf": deaf}
        page = open_panel(traits, answers(run), draw="initialize")
        page.evaluate(CELL, besides)
        return page

    return make


@pytest.mark.parametrize("besides", [False, True])
def test_the_panel_covers_the_static_form_while_a_kernel_answers(cell: Any, besides: bool) -> None:
    """The kernel learns whether the output is the run's alone; closed, the panel uncovers the form."""
    page = cell(besides)
    page.locator(".lmv[data-state=running]").wait_for()
    assert page.locator(".lmv").count() == 1
    assert not page.get_by_text("the static form").is_visible()
    assert page.evaluate("model.sent.some((message) => message.type === 'alone')") is not besides
    page.evaluate("window.close()")
    page.get_by_text("the static form").wait_for()
    assert page.locator(".lmv").count() == 0


def test_the_static_form_stays_where_no_kernel_answers(cell: Any) -> None:
    """As in an exported page: the panel is there, but nobody sees it, and it claims nothing."""
    page = cell(False, deaf=1_000)
    page.locator(".lmv").wait_for(state="attached")
    page.wait_for_function("model.sent.some((message) => message.type === 'hello')")
    assert page.get_by_text("the static form").is_visible()
    assert not page.locator(".lmv").is_visible()
    assert not page.evaluate("model.sent.some((message) => message.type === 'alone')")
