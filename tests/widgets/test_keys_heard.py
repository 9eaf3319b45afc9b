"""No key is lost: when the item of a queue changes, when the button that has the focus goes, and while the kernel has not answered yet."""

from __future__ import annotations

from typing import Any

import pytest
from fake_run import FakeRun
from test_panel import PENDING, PLACE, answers, launched, open_panel, sent, studio, tell  # noqa: F401 - fixtures

pytestmark = pytest.mark.browser

THREE = [*PENDING, PENDING[0] | {"id": "p2"}]
# presses a key as soon as the page holds another item, before anything is painted
AT_ONCE = """key => new MutationObserver((all, watch) => {
    watch.disconnect();
    document.querySelector("[data-lmnb]").dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true }));
}).observe(document.querySelector("[data-kind=pending]"), { attributeFilter: ["data-id"] })"""
FOCUSED = "document.activeElement.dataset.lmnb ?? document.activeElement.dataset.action ?? document.activeElement.id"


@pytest.fixture
def waiting(studio: Any) -> Any:  # noqa: F811
    """A run that waits for three answers, and the focus in its panel."""
    run = FakeRun(state="waiting")
    run.pending = THREE
    page = studio(run)
    page.focus("[data-lmnb]")
    return page


@pytest.mark.parametrize(("key", "form"), [("x", "form.reason"), ("e", "form.fields")])
def test_a_key_at_the_very_moment_of_the_next_item_opens_its_form(waiting: Any, key: str, form: str) -> None:
    """After a skip, and after an answer by a form that the next item's form takes the place of."""
    page = waiting
    page.evaluate(AT_ONCE, key)
    page.keyboard.press(" ")
    page.wait_for_selector("[data-kind=pending][data-id=d1]")
    page.wait_for_selector(form)
    page.keyboard.press("Escape")
    page.wait_for_selector(form, state="detached")
    page.keyboard.press("x")
    page.wait_for_selector("form.reason")
    page.evaluate(AT_ONCE, key)
    page.keyboard.press("2")
    page.wait_for_selector("[data-kind=pending]:not([data-id=d1])")
    page.wait_for_selector(form)
    assert sent(page) == [{"action": "reject", "args": {"candidate": "d1", "reason": "wrong answer"}}]


def test_the_answer_to_one_item_closes_no_form_of_the_next(waiting: Any) -> None:
    """The kernel may tell what waits now before it says that the command is done."""
    page = waiting
    page.evaluate("model.hold = true")
    page.keyboard.press("a")
    tell(page, 2, 1, pending=THREE[1:])
    page.wait_for_selector("[data-kind=pending][data-id=d1]")
    page.keyboard.press("e")
    page.locator(".queue [data-field=team]").fill("B")
    page.evaluate("model.waiting.forEach((one) => model.reply(one))")
    page.wait_for_function("document.querySelector('[aria-busy=true]') === null")
    assert page.locator(".queue [data-field=team]").input_value() == "B"


def test_keys_go_on_when_the_button_with_the_focus_is_busy_or_gone(studio: Any) -> None:  # noqa: F811
    """By a command in flight, and by what the kernel tells: neither needs a click into the panel."""
    page = studio(FakeRun(state="running"))
    page.evaluate("model.hold = true")
    page.focus("[data-action=step]")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-action=step][aria-busy]")
    assert page.evaluate(FOCUSED) == "studio"
    page.keyboard.press("x")
    page.wait_for_selector("form.reason")
    page.keyboard.press("Escape")
    page.wait_for_selector("form.reason", state="detached")
    page.focus("[data-action=stop]")
    tell(page, 2, 1, state="stopping")
    page.wait_for_selector("[data-action=stop]", state="detached")
    page.keyboard.press("x")
    page.wait_for_selector("form.reason")


def test_a_command_that_is_done_takes_the_focus_from_no_other_place(studio: Any) -> None:  # noqa: F811
    """Whoever has gone on to the next cell while the kernel was busy writes there, not into the panel's keys."""
    page = studio()
    page.evaluate(
        "model.hold = true; document.body.append(Object.assign(document.createElement('input'), { id: 'cell' }))"
    )
    page.click(".actions [data-action=accept]")
    page.click(".actions [data-action=edit]")
    page.locator(".pane form textarea").fill("Say less.")
    page.keyboard.press("Control+Enter")
    page.focus("#cell")
    page.evaluate("model.waiting.forEach((one) => model.reply(one))")
    page.wait_for_selector(".actions [data-action=accept]:not([aria-busy])")
    page.wait_for_selector(".pane form textarea", state="detached")
    assert page.evaluate(FOCUSED) == "cell"


def test_keys_are_plain_to_see_only_while_the_panel_has_the_focus(studio: Any) -> None:  # noqa: F811
    """Before, the sheet's button says how to get it; a click anywhere does, also where the page keeps the focus from what is clicked."""
    page = studio()
    page.evaluate("document.addEventListener('mousedown', (event) => event.preventDefault(), true)")
    seen = """() => [
        getComputedStyle(document.querySelector('.actions kbd')).borderTopColor === 'rgba(0, 0, 0, 0)',
        getComputedStyle(document.querySelector('button[aria-label=Keys]'), '::before').content,
    ]"""
    assert page.evaluate(seen) == [True, '"click for keys:"']
    page.locator("svg").click(position={"x": 400, "y": 10})
    assert page.evaluate(seen) == [False, '"press for keys:"']
    page.keyboard.press("x")
    page.wait_for_selector("form.reason")
    page.focus(".reason input")
    page.locator("form.reason .muted").first.click()
    assert page.evaluate("document.activeElement.tagName") == "INPUT", "a field in the panel keeps the focus"


def test_a_command_is_heard_of_by_the_panel_that_was_drawn_anew_meanwhile(open_panel: Any) -> None:  # noqa: F811
    """Its form closes and its words are said, though the view that sent it is gone: another output of the cell, say, drew the panel again."""
    run = FakeRun(state="running")
    page = open_panel({"view": "studio", "snapshot": run.snapshot(), "mount": "abc"}, answers(run), draw="initialize")
    page.evaluate(PLACE)
    page.wait_for_selector("[data-lmnb=studio] .pane[aria-busy=false]")
    page.click(".actions [data-action=branch]")
    page.evaluate("model.hold = true")
    page.click("form [data-action=branch]")
    page.wait_for_function("model.waiting.length")
    page.evaluate(PLACE)
    page.wait_for_function("document.querySelectorAll('[data-lmnb=studio] .pane[aria-busy=false]').length === 1")
    page.wait_for_selector("form [data-action=branch]")
    page.evaluate(
        "model.tell({ type: 'done', id: model.waiting[0].id, ok: true, error: null, result: { said: 'A branch.' } })"
    )
    page.wait_for_selector("form [data-action=branch]", state="detached")
    page.wait_for_selector(".notice:has-text('A branch.')")


def test_between_two_items_the_keys_that_answer_do_nothing(studio: Any) -> None:  # noqa: F811
    """The place of the queue stays, so that nothing else comes under the pointer; who presses on when the run has ended decides nothing."""
    run = FakeRun(state="running")
    run.review = {"asks": True, "timeout": None, "left": None}
    page = studio(run)
    page.focus("[data-lmnb]")
    page.wait_for_selector(".queue:has-text('Nothing waits for your answer now')")
    assert page.locator(".actions [data-action=accept]").inner_text().startswith("Accept #")
    for key in ("a", "x", "e", " ", "1"):
        page.keyboard.press(key)
    assert page.locator("form.reason, .pane form").count() == 0
    tell(page, 2, 1, state="waiting", pending=THREE)
    page.wait_for_selector("[data-kind=pending]")
    for _ in THREE:
        page.keyboard.press("a")
        page.wait_for_function("document.querySelector('[aria-busy=true]') === null")
    page.wait_for_selector("[data-kind=pending]", state="detached")
    page.keyboard.press("a")
    tell(page, 3, 2, state="finished", pending=[])
    page.wait_for_selector(".queue", state="detached")
    page.keyboard.press("a")
    assert [one["args"]["candidate"] for one in sent(page)] == ["p1", "d1", "p2"]
    page.wait_for_timeout(1600)
    page.keyboard.press("a")
    assert sent(page)[-1] == {"action": "accept", "args": {"candidate": run.best}}
