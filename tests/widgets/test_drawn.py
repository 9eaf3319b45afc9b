"""What only a browser can show of a Studio: when a change is announced, what stands in a list of options, how high a text is."""

from __future__ import annotations

from typing import Any

import pytest
from fake_run import AFTER, FakeRun, name
from test_panel import launched, open_panel, studio, tell  # noqa: F401 - fixtures

pytestmark = pytest.mark.browser


def test_a_state_is_announced_when_it_comes_and_a_new_best_one_later(studio: Any) -> None:  # noqa: F811
    """A reader of the screen does not hear "Running." while the run waits for an answer."""
    page = studio()
    said = page.locator("[aria-live=polite]").last
    page.wait_for_function(
        "one => one.textContent.startsWith('Running. Best: candidate 12')", arg=said.element_handle()
    )
    page.evaluate(
        "(later => { window.setTimeout = (call, ms) => ms > 1000 ? 0 : later(call, ms); })(window.setTimeout)"
    )
    tell(page, 2, 1, best=name(9))
    tell(page, 3, 2, state="waiting")
    page.wait_for_function("one => one.textContent.startsWith('Waiting for you.')", arg=said.element_handle())
    tell(page, 4, 3, best=name(12))
    page.wait_for_selector(f".cand[data-id='{name(12)}'] >> text=★")
    assert said.text_content() == "Waiting for you. Best: candidate 9, 77.0 percent."


def test_the_baseline_stands_against_nothing(studio: Any) -> None:  # noqa: F811
    """Every choice has words; others stand against the baseline."""
    page = studio()
    words = "one => one.selectedOptions[0]?.text"
    assert page.get_by_label("against").evaluate(words) == "the baseline"
    page.click(f".cand[data-id='{name(0)}']")
    page.wait_for_function("document.querySelector('.pane h3').textContent === 'Candidate 0'")
    assert page.get_by_label("against").evaluate(words) == "nothing"


def test_a_text_to_edit_is_as_high_as_it_needs_where_it_stands(studio: Any) -> None:  # noqa: F811
    """A narrow panel breaks its lines earlier: nothing of the text is below the edge of the field, and it has no empty half."""
    run = FakeRun()
    page = studio(run)
    page.click(".actions [data-action=edit]")
    area = page.locator("form.edit textarea").first
    assert area.input_value() == AFTER
    for width in ("1200px", "420px"):
        page.evaluate("width => { document.querySelector('[data-lmnb]').style.maxWidth = width; }", width)
        fits = "one => one.scrollHeight <= one.clientHeight + 4 && one.clientHeight < one.scrollHeight + 50"
        page.wait_for_function(fits, arg=area.element_handle())
    assert int(area.get_attribute("rows")) > 4
