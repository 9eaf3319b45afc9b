"""The keys of the Studio: they do what the buttons do, only where nobody types, and JupyterLab does not take them."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def held(notebook):
    """A paused run with three scored candidates, and the focus in its Studio."""
    one = notebook("from bench import *\nrun = start(paused=True)\nrun", "'the next cell'")
    one.state("paused")
    one.step(3)
    one.panel.locator("header .what").click()
    one.page.keyboard.press("ArrowDown")  # whoever was there before, the panel has the keys now
    one.panel.locator("[aria-selected=true][data-kind=candidate]").wait_for()
    return one


def test_keys_steer_the_run(held):
    """s steps, p resumes and pauses, x and a number reject with that reason, Backspace undoes, a accepts."""
    one, press = held, held.page.keyboard.press
    cells = one.cells()
    press("s")
    one.until("sum(c.status == 'scored' for c in run.candidates) == 4 and run.state == 'paused'")
    one.state("paused")
    best = one.ask("run.best.id")
    one.choose(best)
    press("x")
    one.panel.locator("[data-confirm=true]").wait_for()
    press("3")
    one.row(best, "dropped").wait_for()
    one.panel.locator("footer", has_text="not typical").wait_for()
    press("Backspace")
    one.row(best, "scored").wait_for()
    press("a")
    one.until(f"run.snapshot()['accepted'] == {best!r}")
    one.run("pace(0.3)")
    one.panel.locator("header .what").click()
    press("p")
    one.state("running")
    press("p")
    one.state("paused")
    assert one.ask("run.state") == "paused"
    assert one.cells() == [*cells, "code"]


def test_arrows_tabs_and_the_sheet(held):
    """Arrows and space choose candidates and tabs, ? shows what there is, Escape closes it."""
    one, press = held, held.page.keyboard.press
    chosen = one.panel.locator("[aria-selected=true][data-kind=candidate]")
    seen = [chosen.get_attribute("data-id")]
    for key in ("ArrowDown", "ArrowUp", " "):
        press(key)
        one.page.wait_for_function(
            "id => document.querySelector('.cand.sel').dataset.id !== id", arg=seen[-1], timeout=3000
        ) if key != "ArrowDown" or one.ask("run.candidates[0].id") != seen[-1] else None
        seen.append(chosen.get_attribute("data-id"))
    press("ArrowRight")
    one.panel.locator("[data-tab=demos][aria-selected=true]").wait_for()
    press("ArrowLeft")
    one.panel.locator("[data-tab=prompt][aria-selected=true]").wait_for()
    press("?")
    one.panel.get_by_role("dialog", name="Keys").wait_for()
    press("Escape")
    one.panel.get_by_role("dialog", name="Keys").wait_for(state="detached")


def test_jupyterlab_takes_no_key_of_the_panel(held):
    """b, a, d d, m, y and Enter change no cell while something in the Studio has the focus, whether it knows the key or not."""
    one = held
    cells = one.cells()
    for place in (None, ".list .virtual", "header [data-action=step]", "[aria-label='Order of the candidates']"):
        if place:
            one.panel.locator(place).focus()
        for key in ("b", "d", "d", "m", "r", "y", "c", "v", "z", "j", "k", "0", "0", "Shift+m", "Delete"):
            one.page.keyboard.press(key)
        one.page.keyboard.press("Escape")
    assert one.cells() == cells
    assert one.page.locator(".jp-Dialog").count() == 0
    assert one.page.evaluate("document.activeElement.closest('[data-lmnb=studio]') !== null")


def test_no_key_is_a_shortcut_while_typing(held):
    """In the text area of an instruction every letter is a letter; Escape leaves it, and e opens it again with the draft in it."""
    one, press = held, held.page.keyboard.press
    decisions, states = one.ask("len(run.decisions)"), one.ask("run.state")
    press("e")
    area = one.panel.locator(".pane form textarea")
    area.wait_for()
    press("Control+a")
    one.page.keyboard.type("apes xp ab? dd")
    assert area.input_value() == "apes xp ab? dd"
    press("Escape")
    area.wait_for(state="detached")
    assert (one.ask("len(run.decisions)"), one.ask("run.state")) == (decisions, states)
    press("e")
    area.wait_for()
    assert area.input_value() == "apes xp ab? dd"
    press("Control+Enter")
    mine = one.until("next((c.id for c in run.candidates if c.human), None)")
    assert one.ask(f"run.candidate({mine!r}).values['route.instructions']") == "apes xp ab? dd"
    assert len(one.cells()) == 2


def test_what_is_typed_stays_while_the_run_goes_on(notebook):
    """Messages of a live run neither overwrite a draft nor take the focus from it."""
    one = notebook("from bench import *\npace(0.05)\nrun = start(candidates=400)\nrun")
    one.until("len(run.candidates) > 1")
    one.panel.locator("[data-action=edit]").first.click()
    area = one.panel.locator(".pane form textarea")
    area.fill("")
    for word in ("Route", " every", " ticket", " well."):
        before = one.ask("run.snapshot()['seq']")
        one.page.keyboard.type(word)
        one.until(f"run.snapshot()['seq'] > {before} + 8")
    assert area.input_value() == "Route every ticket well."
    assert one.page.evaluate("document.activeElement.dataset.field") == "route.instructions"
    one.act("stop")
    one.state("stopped")
