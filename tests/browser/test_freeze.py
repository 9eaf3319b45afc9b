"""What a notebook keeps of a run and of traces, and what it shows when it is opened again."""

from __future__ import annotations

import json

import pytest
from desk import wait_for

pytestmark = pytest.mark.browser

BROKEN = ("Error displaying widget", "model not found", "Loading widget", "Error creating widget")


def held_by(text):
    """All outputs of a notebook file."""
    return [output for cell in json.loads(text)["cells"] for output in cell.get("outputs", [])]


def assert_static(text):
    """The file holds no widget and nothing that could run."""
    assert "widget-view" not in text and "widgets" not in json.loads(text)["metadata"]
    for output in held_by(text):
        assert set(output.get("data", {})) <= {"text/html", "text/plain"}
        html = "".join(output.get("data", {}).get("text/html", ""))
        assert "<script" not in html and "javascript:" not in html


def assert_of_a_moment(text):
    """The file holds a static report of a run in progress, and says so."""
    assert_static(text)
    assert "The run was in progress when this report was made, at 20" in text


def assert_sound(one):
    words = one.place.inner_text()
    assert not [sign for sign in BROKEN if sign in words]
    assert one.place.locator(".lmv").count() == 0  # no live view: the kernel that had it is gone


def test_the_report_replaces_the_panel_and_is_what_is_saved(notebook):
    """At the end the same output is the static report; the file has no widget; opened again it shows the report."""
    one = notebook("from bench import *\npace(0.1)\nrun = start()\nrun", "'after it'")
    assert "in progress when this report was made" in one.outputs(0)[0]["data"]["text/html"]
    one.state("finished")
    one.place.locator(".lmv").wait_for(state="detached")
    assert [set(output["data"]) for output in one.outputs(0)] == [{"text/html", "text/plain"}]
    best = one.ask("run.best.number")
    assert_static(one.save())
    one.close()

    again = one.desk.open(one.name)
    again.panel.wait_for()
    assert_sound(again)
    shown = again.panel.inner_text()
    assert "Finished" in shown and f"Candidate {best}" in shown
    assert again.panel.locator("[data-kind=demo]").count() == 3
    again.close()


def test_a_run_that_fails_says_why_in_its_panel_and_in_the_file(notebook):
    """A metric that always raises ends the run early; it can be resumed there, and the saved output tells it."""
    one = notebook(
        "from bench import *\nimport bench\n"
        "bench.right = lambda example, prediction, trace=None: 1 / 0\nrun = start(paused=True)\nrun"
    )
    one.state("paused")
    one.act("resume")
    one.place.locator(".lmv[data-state=failed] [data-action=resume]").wait_for()
    assert "division by zero" in one.panel.inner_text()
    text = one.save()
    assert_static(text)
    assert "division by zero" in text and 'data-state=\\"failed\\"' in text


def test_two_views_stay_in_step(notebook):
    """What is done in one panel is seen in the other; both become the report."""
    one = notebook("from bench import *\nrun = start(paused=True)\nrun", "run")
    one.place.locator(".lmv[data-state=paused]").nth(1).wait_for()
    first, second = one.panel.nth(0), one.panel.nth(1)
    one.step(2)
    best = one.ask("run.best.id")
    one.row(best, "scored", second).wait_for()
    one.act("reject", within=".actions", panel=second)
    second.get_by_role("button", name="too long").click()
    one.row(best, "dropped", first).wait_for()
    one.row(best, "dropped", second).wait_for()
    one.act("undo", within="footer", panel=first)
    one.row(best, "scored", second).wait_for()
    one.act("resume", panel=second)
    one.until("run.state == 'finished'")
    one.place.locator(".lmv").first.wait_for(state="detached")
    one.page.wait_for_function("document.querySelectorAll('.lmnb[data-state=finished]').length === 2")
    assert_static(one.save())


def test_a_second_look_at_one_output_is_one_more_view(notebook):
    """JupyterLab's own "create new view" of the output shows the same run, live."""
    one = notebook("from bench import *\nrun = start(paused=True)\nrun")
    one.state("paused")
    one.page.evaluate("jupyterapp.commands.execute('notebook:create-output-view')")
    views = one.page.locator(".lmv.studio")
    views.nth(1).wait_for()
    one.page.evaluate("jupyterapp.shell.activateById(jupyterapp.shell.currentWidget.id)")
    views.nth(1).locator("[data-action=step]").click()
    one.page.wait_for_function(
        "[...document.querySelectorAll('.lmv.studio')].filter((one) => one.querySelector('[data-status=scored]')).length === 2"
    )


def test_running_the_cell_again_leaves_one_panel(notebook):
    """The new run's panel takes the place of the old."""
    one = notebook("from bench import *\npace(0.1)\nrun = start(candidates=400)\nrun")
    one.state("running")
    first = one.ask("run.name")
    one.rerun(0)
    one.page.wait_for_function("document.querySelectorAll('.lmv.studio').length === 1")
    assert one.ask("run.name") != first
    one.panel.locator("[data-kind=candidate]").first.wait_for()
    assert one.panel.count() == 1
    one.act("stop")
    one.state("stopped")
    assert one.panel.count() == 1


def test_running_the_cell_again_leaves_one_run_at_work(notebook):
    """The run that lost its panel and its name does not go on behind the new one."""
    one = notebook("from bench import *\nimport threading\npace(0.05)\nrun = start(candidates=400)\nrun")
    one.state("running")
    one.rerun(0)
    one.state("running")
    at_work = "sum(thread.name.startswith('lmnb-run-') for thread in threading.enumerate())"
    try:
        one.until(f"{at_work} == 1", 3)
    finally:
        one.act("stop")


def test_studio_opens_a_live_panel_again_after_the_end(notebook):
    """`run.studio()` of a finished run can still decide; what the file keeps of it is static, and follows the decision."""
    one = notebook("from bench import *\nrun = start()\nrun")
    one.state("finished")
    one.run("run.studio()")
    live = one.place.locator(".lmv.studio")
    live.wait_for()
    best = one.ask("run.best.id")
    one.act("reject", within=".actions", panel=live)
    live.get_by_role("button", name="badly written").click()
    one.row(best, "dropped", live).wait_for()
    assert one.ask("run.best.id") != best
    one.page.wait_for_function(
        "jupyterapp.shell.currentWidget.content.widgets.every((cell) => JSON.stringify(cell.model.outputs).includes('badly written'))"
    )
    text = one.save()
    assert_static(text)
    assert ["badly written" in "".join(output["data"]["text/html"]) for output in held_by(text)] == [True, True]


def test_the_report_reaches_an_output_that_was_loaded_again(notebook):
    """After F5 in the midst of a run the panel steers, and the end still leaves the report on the screen and in the file."""
    one = notebook("from bench import *\npace(0.1)\nrun = start(candidates=60)\nrun")
    one.until("len(run.candidates) > 1")
    assert_of_a_moment(one.save())
    one.desk.reload()
    again = one.desk.open(one.name)
    again.place.locator(".lmv.studio[data-state=running] .pane[aria-busy=false]").wait_for(timeout=5000)
    again.desk.picture(again.place, "f5-live")
    again.act("stop")
    again.place.locator(".lmv[data-state=stopped] .pane[aria-busy=false]").wait_for()
    assert 'data-state=\\"stopped\\"' in again.save() and "in progress" not in again.save()
    again.ask("pace(0)")
    again.act("resume")
    again.until("run.state == 'finished'")
    again.place.locator(".lmnb:visible").wait_for(timeout=1000)
    again.place.locator(".lmv").wait_for(state="detached")
    assert again.panel.get_attribute("data-state") == "finished"
    assert f"Candidate {again.ask('run.best.number')}" in again.panel.inner_text()
    assert_static(again.save())
    assert "in progress" not in again.save()
    again.until("not any(thread.name == 'lmnb-studio' for thread in __import__('threading').enumerate())", 5)


def test_a_run_that_ended_while_no_page_was_there_is_found_ended(notebook):
    """The notebook was left in the midst of a run: opened again it has the final report, also in the file."""
    one = notebook("from bench import *\npace(0.05)\nrun = start(paused=True)\nrun")
    one.state("paused")
    one.run(LATER)
    assert_of_a_moment(one.save())
    one.page.goto("about:blank")
    (one.desk.folder / "alone").touch()
    wait_for((one.desk.folder / "ended").exists, 20)
    one.desk.back()
    again = one.desk.open(one.name)
    again.place.locator(".lmnb[data-state=finished]:visible").wait_for()
    assert again.place.locator(".lmv").count() == 0
    assert_static(again.save())
    assert "in progress" not in again.save()


LATER = """import pathlib, threading
def later():
    while not pathlib.Path('alone').exists():
        time.sleep(0.05)
    run.resume()
    run.wait()
    pathlib.Path('ended').touch()
threading.Thread(target=later, daemon=True).start()"""


def test_a_kernel_that_died_in_the_midst_leaves_the_report_of_a_moment(notebook):
    """Nobody can tell the end of such a run; the file says of which moment its report is."""
    one = notebook("from bench import *\npace(0.1)\nrun = start(candidates=400)\nrun")
    one.until("len(run.candidates) > 1")
    one.close()
    again = one.desk.open(one.name)
    again.panel.wait_for()
    assert_sound(again)
    assert_of_a_moment(again.save())
    assert "The run was in progress when this report was made, at 20" in again.place.inner_text()


def test_what_is_decided_after_a_reload_is_in_the_file(notebook):
    """`run.studio()` of a finished run, F5, a rejection: the saved report follows, and the panel stays."""
    one = notebook("from bench import *\nrun = start()\nrun")
    one.state("finished")
    one.run("run.studio()")
    one.place.locator(".lmv.studio").wait_for()
    one.save()
    one.desk.reload()
    again = one.desk.open(one.name)
    live = again.place.locator(".lmv.studio")
    live.locator(".pane[aria-busy=false]").wait_for()
    best = again.ask("run.best.id")
    again.act("reject", within=".actions", panel=live)
    live.get_by_role("button", name="badly written").click()
    again.row(best, "dropped", live).wait_for()
    again.page.wait_for_function(
        "JSON.stringify(jupyterapp.shell.currentWidget.content.widgets[1].model.outputs.toJSON()).includes('badly written')"
    )
    live.wait_for()
    text = again.save()
    assert_static(text)
    assert "badly written" in "".join(held_by(text)[1]["data"]["text/html"])


TRACE = """from bench import *
import bench
lmnb.configure(lm=lmnb.FakeLM(bench._reply))
router = bench.Router()
prediction = router(ticket='This is ticket 1, please help.')
prediction.trace"""
HISTORY = """for i in range(2, 5):
    router(ticket=f'This is ticket {i}, please help.')
lmnb.history(3)"""


def test_traces_and_history_live_and_static(notebook):
    """A trace and the history show in a cell, can be looked through, and are static in the saved notebook."""
    one = notebook(TRACE, HISTORY)
    trace, history = one.place.locator(".lmv.traces").nth(0), one.place.locator(".lmv.traces").nth(1)
    trace.locator("[data-kind=span]").nth(2).click()
    trace.locator("[data-tab=messages]").click()
    trace.get_by_text("This is ticket 1, please help.").first.wait_for()
    trace.locator("[data-tab=request]").click()
    trace.get_by_label("Filter spans and text").fill("fake")
    trace.locator("[data-kind=span]").first.wait_for()
    calls = history.locator("[data-kind=trace]")
    assert calls.count() == 3
    calls.nth(2).click()
    history.locator("[data-tab=messages]").click()
    history.get_by_text("This is ticket 2, please help.").first.wait_for()
    assert_static(one.save())
    one.close()

    again = one.desk.open(one.name)
    again.place.locator("[data-lmnb=traces]:visible").first.wait_for()
    assert_sound(again)
    assert "This is ticket 1, please help." in again.place.inner_text()
    assert "This is ticket 4, please help." in again.place.text_content()
    again.close()


def test_a_restarted_kernel_leaves_the_static_form(notebook):
    """When the kernel is restarted its live views go; the static form is below them."""
    one = notebook(TRACE)
    one.place.locator(".lmv.traces [data-kind=span]").first.wait_for()
    one.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    one.place.locator(".lmv").wait_for(state="detached")
    one.place.locator(".lmnb[data-lmnb=traces]:visible").wait_for()
