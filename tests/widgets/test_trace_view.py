"""The trace viewer in a real browser: what is typed into a form of a span, and what is copied."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from lmnb_widgets.wire import fit
from test_panel import launched, open_panel, sent  # noqa: F401 - fixtures

import lmnb

pytestmark = pytest.mark.browser


def looked_at(open_panel: Any, signature: str, **inputs: str) -> Any:  # noqa: F811
    """A call of a program whose every span the kernel answers, as it does through the wire."""
    trace = lmnb.Predict(signature, lm=lmnb.FakeLM([{"team": "otter"}]))(**inputs).trace
    widget = import_module("lmnb_widgets.traces").TracesWidget([trace])
    said = {f"span {n}": fit(widget.questions["span"](widget, {"index": 0, "span": n})) for n in (0, 1)}
    said["trace"] = widget.questions["trace"](widget, {"index": 0})
    page = open_panel({"view": "traces", "traces": widget.traces}, said)
    widget.close()
    page.wait_for_selector(".span-pane")
    return page


@pytest.fixture
def viewer(open_panel: Any, widgets: None) -> Any:  # noqa: F811
    """One that is short."""
    return looked_at(open_panel, "ticket -> team", ticket="Help!")


def test_what_is_typed_for_a_re_run_stays_for_the_next_one(viewer: Any) -> None:
    """It survives a look at another span and the reply; the form stands where the fields were, so nothing is printed twice."""
    viewer.click("[data-action=rerun]")
    assert viewer.locator("[role=tab]").count() == 0
    assert viewer.evaluate("document.activeElement.dataset.field") == "ticket"
    viewer.fill("[data-field=ticket]", "Help me!")
    viewer.fill("[data-field='other temperature']", "0.5")
    viewer.click("[data-kind=span][data-id='1']")
    viewer.wait_for_selector("[data-tab=messages]")
    viewer.click("[data-kind=span][data-id='0']")
    viewer.wait_for_selector("[data-field=ticket]")
    asked = len(sent(viewer, "get"))
    viewer.press("[data-field=ticket]", "Control+Enter")
    viewer.wait_for_function("asked => model.sent.filter((one) => one.type === 'get').length > asked", arg=asked)
    args = {"index": 0, "span": 0, "inputs": {"ticket": "Help me!"}, "other temperature": 0.5}
    assert sent(viewer) == [{"action": "rerun", "args": args}]
    assert viewer.input_value("[data-field=ticket]") == "Help me!"
    viewer.keyboard.press("Escape")
    viewer.wait_for_selector("[role=tab]")


def test_the_code_of_a_call_is_copied_or_shown_to_be_copied_by_hand(viewer: Any) -> None:
    """A page that is not served safely has no clipboard."""
    viewer.get_by_role("button", name="Copy as code").click()
    assert viewer.get_by_label("Code").input_value().endswith("predict(\n    ticket='Help!',\n)\n")
    viewer.evaluate("navigator.clipboard ??= { writeText: (text) => { window.copied = text; } }")
    viewer.get_by_role("button", name="Copy as code").click()
    viewer.get_by_role("button", name="Copied").wait_for()
    assert viewer.evaluate("copied").startswith("import lmnb")


def test_a_field_may_have_any_name(open_panel: Any, widgets: None) -> None:  # noqa: F811
    """Also one that every object of the browser's language has: its form opens, and what is typed is sent under it."""
    page = looked_at(open_panel, "constructor -> team", constructor="Who?")
    page.click("[data-action=rerun]")
    assert page.input_value("[data-field=constructor]") == "Who?"
    page.fill("[data-field=constructor]", "Lotus?")
    page.press("[data-field=constructor]", "Control+Enter")
    page.wait_for_function("model.sent.some((one) => one.type === 'command')")
    assert sent(page)[0]["args"]["inputs"] == {"constructor": "Lotus?"}


def test_a_text_that_is_cut_says_so_where_it_would_be_changed_or_copied(open_panel: Any, widgets: None) -> None:  # noqa: F811
    """A message holds less than 1 MB: the form does not take the rest for gone, and nobody copies half a call unknowing."""
    page = looked_at(open_panel, "ticket -> team", ticket="word " * 50_000)
    page.get_by_text("The code is cut: it is too long for a panel.").wait_for()
    page.click("[data-action=rerun]")
    page.get_by_text("Cut: it is too long for a panel, so change it in a cell.").first.wait_for()
    assert page.locator("[data-field=ticket]").get_attribute("readonly") is not None
