"""The shared pieces of the views, by keyboard, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from fake_run import FakeTrace
from test_panel import launched, looked_at, open_panel, studio  # noqa: F401 - fixtures

pytestmark = pytest.mark.browser

FOCUSED = "() => document.activeElement.dataset.id ?? document.activeElement.dataset.tab"


def test_the_rows_of_a_table_are_walked_by_arrows_and_opened_by_enter(studio: Any) -> None:  # noqa: F811
    """One row is in the order of Tab, the others are reached from it; far ones are drawn when they are reached."""
    page = studio()
    page.click("[data-tab=examples]")
    page.wait_for_selector("[data-kind=example]")
    assert page.locator("[data-kind=example][tabindex='0']").count() == 1
    page.focus("[data-kind=example][tabindex='0']")
    walk = [("ArrowDown", "1"), ("ArrowDown", "2"), ("ArrowUp", "1"), ("End", "99"), ("Home", "0"), ("ArrowUp", "0")]
    for key, row in walk:
        page.keyboard.press(key)
        page.wait_for_function("row => document.activeElement.dataset.id === row", arg=row)
    assert page.inner_text(".pane h3") == "Candidate 12"  # the arrows were the table's
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-tab=traces][aria-selected=true]")
    assert page.locator("select[aria-label=Example]").input_value() == "1"


def test_tabs_are_turned_by_arrows_and_the_focus_goes_along(open_panel: Any) -> None:  # noqa: F811
    """The tabs of a span, where no shortcut of the view turns them."""
    head = {
        "id": 0,
        "name": "Router",
        "label": "",
        "took": "1.00 s",
        "tokens": 1,
        "time": None,
        "status": "ok",
        "preview": "",
    }
    page = open_panel({"view": "traces", "traces": [head]}, looked_at(FakeTrace()))
    page.wait_for_selector("[role=tab]")
    page.focus("[role=tab][aria-selected=true]")
    seen = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
        assert page.locator(f"[data-tab={page.evaluate(FOCUSED)}]").get_attribute("aria-selected") == "true"
        seen.append(page.evaluate(FOCUSED))
    assert seen == ["messages", "response", "messages", "fields", "request"]
