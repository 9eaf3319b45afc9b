"""A notebook's tab is closed, its kernel interrupted or restarted in the midst of a run: what is shown and kept stays true."""

from __future__ import annotations

import pytest
from test_freeze import assert_of_a_moment, assert_static

pytestmark = pytest.mark.browser

LONG = "from bench import *\npace(0.1)\nrun = start(candidates=400)\nrun"
KERNEL = "jupyterapp.shell.currentWidget.sessionContext.session.kernel"


def test_a_tab_that_is_closed_and_opened_again_steers_the_run(notebook):
    """The kernel goes on without the tab; in the new one the panel is live, and a stop leaves panel and report."""
    one = notebook(LONG)
    one.state("running")
    one.save()
    one.page.evaluate("jupyterapp.shell.currentWidget.dispose()")
    one.page.locator(".lmv").wait_for(state="detached")
    again = one.desk.open(one.name)
    again.place.locator(".lmv.studio[data-state=running] .pane[aria-busy=false]").wait_for()
    again.act("pause")
    again.until("run.state == 'paused'")
    again.state("paused")
    again.act("stop")
    again.place.locator(".lmv[data-state=stopped] [data-action=resume]").wait_for()
    text = again.save()
    assert_static(text)
    assert "in progress" not in text and 'data-state=\\"stopped\\"' in text


def test_a_run_that_its_budget_stopped_goes_on_in_its_panel(notebook):
    """The form is there with more than was spent, nothing has to be run again; the file has the report all the while, at the end alone."""
    one = notebook("from bench import *\nrun = start(budget=lmnb.Budget(calls=40))\nrun")
    one.place.locator(".lmv[data-state=stopped]").wait_for()
    text = one.save()
    assert_static(text)
    assert 'data-state=\\"stopped\\"' in text and "in progress" not in text
    one.place.locator(".lmv.studio").focus()
    one.page.keyboard.press("p")
    field = one.panel.locator("form [data-field=calls]")
    field.wait_for()
    assert float(field.input_value()) > one.ask("run.snapshot()['budget']['calls']['spent']")
    field.fill("900")
    one.page.keyboard.press("Enter")
    one.place.locator(".lmnb[data-state=finished]:visible").wait_for()
    one.place.locator(".lmv").wait_for(state="detached")
    assert one.ask("[run.limits['calls'], len(run.candidates)]") == [900, 7]
    assert_static(one.save())
    assert len(one.outputs(0)) == 1


def test_what_is_typed_goes_on_while_the_static_form_follows(notebook):
    """A text is saved, its output is published again a second later; the words typed meanwhile, the focus and the caret stay."""
    one = notebook("from bench import *", "lmnb.edit(lmnb.Predict('ticket -> team'))")
    panel = one.place.locator(".lmv.editor")
    text = panel.locator("[data-slot='self.instructions']")
    text.fill("Say which team.")
    text.press("Control+Enter")
    panel.get_by_text("1 edit, not applied").wait_for()
    told = panel.locator("textarea[data-slot$='.desc']").first
    told.click()
    one.page.keyboard.type("a mail from")
    for _ in range(4):
        one.page.keyboard.press("ArrowLeft")
    one.page.wait_for_function(
        "JSON.stringify(jupyterapp.shell.currentWidget.content.widgets[1].model.outputs.toJSON()).includes('1 edit, not applied')"
    )
    one.page.wait_for_timeout(200)
    one.page.keyboard.type("not ")
    assert told.input_value() == "a mail not from"
    assert_static(one.save())
    one.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    one.place.locator(".jp-RenderedHTMLCommon [data-lmnb=editor]").wait_for()  # dressed again as an HTML output


def test_a_restarted_kernel_resumes_the_run_from_its_folder(notebook):
    """The output is the report of a moment; the reopened run is shown as it was, goes on by a click, and asks nothing again."""
    one = notebook("from bench import *\nrun = start(paused=True)\nrun")
    one.state("paused")
    one.step(2)
    path, before, calls = one.ask("[str(run.path), [[c.id, c.score] for c in run.candidates if c.score], len(asked)]")
    one.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    one.place.locator(".lmv").wait_for(state="detached")
    assert_of_a_moment(one.save())

    one.run(
        f"import bench\nfrom bench import *\nlmnb.configure(lm=lmnb.FakeLM(bench._reply))\nrun = lmnb.reopen({path!r})"
    )
    one.run("run")
    live = one.place.locator(".lmv.studio")
    for candidate, _ in before:
        one.row(candidate, "scored", live).wait_for()
    assert one.ask("len(asked)") == 0
    one.act("resume", panel=live)
    one.place.locator(".lmnb[data-state=finished]:visible").wait_for()
    live.wait_for(state="detached")
    assert one.ask("[[c.id, c.score] for c in run.candidates if c.score][:2]") == before
    assert one.ask("[len(run.candidates), run.snapshot()['budget']['calls']['spent'] - len(asked)]") == [7, calls]
    text = one.save()
    assert_static(text)
    assert 'data-state=\\"paused\\"' in text and 'data-state=\\"finished\\"' in text


def test_an_interrupt_stops_a_run_that_is_waited_for_and_no_other(notebook):
    """An idle kernel has nothing to interrupt, and the run goes on; `run.wait()` ends it, with the program that is best so far."""
    one = notebook(LONG)
    one.until("len(run.candidates) > 2")
    one.page.evaluate(f"{KERNEL}.interrupt()")
    known = one.ask("len(run.candidates)")
    one.until(f"len(run.candidates) > {known} and run.state == 'running'")
    one.run("program = run.wait()\nprint('goes on with a', type(program).__name__)", wait=False)
    one.page.wait_for_function(f"{KERNEL}.status === 'busy'")
    one.page.evaluate(f"{KERNEL}.interrupt()")
    one.place.get_by_text("goes on with a Router").wait_for()
    one.place.locator(".lmv[data-state=stopped]").wait_for()
    assert one.ask("[run.state, run.error is None]") == ["stopped", True]
    assert_static(one.save())


def test_a_panel_that_is_an_output_of_its_own_is_replaced_at_the_end(notebook):
    """Where a front end makes models only for widget outputs, as VS Code and Colab do, the run is one until its report takes the place."""
    one = notebook("import os\nos.environ['VSCODE_PID'] = '1'", "from bench import *\nrun = start(paused=True)\nrun")
    one.state("paused")
    assert "application/vnd.jupyter.widget-view+json" in one.outputs(1)[0]["data"]
    one.step()
    one.act("resume")
    one.place.locator(".lmnb[data-state=finished]:visible").wait_for()
    one.place.locator(".lmv").wait_for(state="detached")
    assert [set(output["data"]) for output in one.outputs(1)] == [{"text/html", "text/plain"}]
    text = one.save()
    assert "widget-view" not in text and 'data-state=\\"finished\\"' in text
