"""Reports, reviews and stored runs in a real JupyterLab: by mouse and by keyboard, and what the notebook's file keeps."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

SETUP = """from bench import *
from bench import _reply, right, Router
lmnb.configure(lm=lmnb.FakeLM(_reply))
tuned = Router()
tuned.route.demos = tickets(200, 205)
devset = tickets(0, 40)
first, second = (lmnb.Evaluate(devset, right, num_threads=4)(program) for program in (Router(), tuned))"""


def test_a_report_is_sorted_filtered_compared_and_opened(notebook, desk):
    """Failures and the lowest scores first; a head sorts, a chip and a search filter; a row opens its trace, by key too."""
    one = notebook(SETUP, "first", "second")
    panel = one.place.locator(".lmv.report").nth(1)
    rows = panel.locator("[data-kind=example]")
    rows.first.wait_for()
    assert panel.get_attribute("data-state") == "finished"
    wrong = one.ask("[row.index for row in second if not row.score]")
    assert int(rows.first.get_attribute("data-id")) == wrong[0]
    panel.locator("[data-sort=index]").click()
    panel.locator("[data-sort=index]").click()
    panel.locator("[data-kind=example][data-id='39']").wait_for()
    panel.locator("[data-only=wrong]").click()
    panel.locator("[data-kind=example][data-id='39']").wait_for(state="detached" if 39 not in wrong else "attached")
    panel.locator("[data-only='']").click()
    panel.locator("select").select_option(label=one.ask("f'Router · {first.score:.1f} %'"))
    panel.get_by_text(one.ask("second.compare(first).words()")).wait_for()
    panel.locator("[data-only=fixed]").click()
    panel.locator("input[type=search]").first.fill("ticket 7,")
    rows.nth(1).wait_for(state="detached")
    panel.locator("input[type=search]").first.fill("")
    rows.nth(1).wait_for()
    rows.first.focus()
    one.page.keyboard.press("ArrowDown")
    one.page.keyboard.press("Enter")
    panel.locator(".one [data-kind=span]").first.wait_for()
    chosen = int(panel.locator("[aria-selected=true][data-kind=example]").get_attribute("data-id"))
    assert chosen in one.ask("second.compare(first).fixed")
    desk.picture(panel, "report")
    one.page.keyboard.press("Escape")
    panel.locator(".one").wait_for(state="detached")
    saved = one.save()
    assert "widget-view" not in saved and "Rows, failures and lowest scores first" in saved


def test_a_review_by_keyboard_and_by_mouse(notebook, desk):
    """Each key is an answer that is in the file at once; the finished review is what the notebook keeps."""
    one = notebook(SETUP, "queue = lmnb.review(list(second)[:7], 'answers.jsonl', name='Routing')\nqueue")
    panel, keyboard = one.place.locator(".lmv.review"), one.page.keyboard
    answered = "[(a.verdict, a.reason) for a in queue.answers]"

    def reviewed(count):
        panel.get_by_text(f"{count} of 7 reviewed").wait_for()

    reviewed(0)
    assert panel.get_attribute("data-state") == "waiting"
    panel.focus()
    keyboard.press("a")
    reviewed(1)
    keyboard.press("x")
    panel.locator("[data-confirm]").wait_for()
    keyboard.press("2")
    reviewed(2)
    keyboard.press("4")
    reviewed(3)
    keyboard.press("Backspace")
    reviewed(2)
    keyboard.press("e")
    panel.locator("textarea[data-field=team]").fill("cedar")
    keyboard.press("Control+Enter")
    reviewed(3)
    keyboard.press("Space")
    reviewed(4)
    keyboard.press("ArrowLeft")
    panel.get_by_text("skipped", exact=True).wait_for()
    keyboard.press("ArrowRight")
    panel.locator("h3", has_text="Item 5").wait_for()
    keyboard.press("?")
    panel.get_by_role("dialog", name="Keys").wait_for()
    keyboard.press("Escape")
    desk.picture(panel, "review")
    one.act("accept", panel=panel)
    reviewed(5)
    one.act("reject", panel=panel)
    panel.locator("[data-field=reason]").fill("too <b>late</b>")
    panel.locator("[data-confirm]").click()
    reviewed(6)
    panel.get_by_role("button", name="Trace").click()
    panel.locator("[data-kind=span]").first.wait_for()
    one.run("queue.answer('keep')")
    one.place.locator(".lmv.review[data-state=finished]").wait_for()
    assert one.ask(answered) == [
        ["keep", None],
        ["reject", "wrong answer"],
        ["edit", None],
        ["skip", None],
        ["keep", None],
        ["reject", "too <b>late</b>"],
        ["keep", None],
    ]
    again = one.ask("repr(lmnb.review(list(second)[:7], 'answers.jsonl'))")
    assert again == "Review(7 of 7 reviewed: 3 kept, 2 rejected, 1 edited, 1 skipped; answers.jsonl)"
    saved = one.save()
    assert "7 of 7 reviewed" in saved and "too &lt;b&gt;late" in saved and "widget-view" not in saved


def test_pairs_are_judged_blind_in_the_panel(notebook):
    """What is left and right is what `sides` drew, and a key prefers what is shown there."""
    one = notebook(SETUP, "queue = lmnb.review(second.compare(first))\nqueue")
    panel = one.place.locator(".lmv.review")
    panel.locator("[data-action=answer]").first.wait_for()
    shown = panel.locator(".sides > div").all_inner_texts()
    outputs = one.ask("[dict(queue.items[0].outputs[n])['team'] for n in queue.sides(queue.items[0])]")
    assert [text.split()[-1] for text in shown] == outputs
    panel.focus()
    one.page.keyboard.press("b")
    assert one.until("len(queue.answers) == 1")
    assert one.ask("queue.answers[0].choice == queue.sides(queue.items[0])[1]")


def test_stored_runs_are_searched_set_beside_each_other_and_opened(notebook, desk):
    """A run's Studio stands inside of the table's panel, and is a live one."""
    cell = "for name in ('one', 'two'):\n    start(1, seed=len(name), run_dir=f'stored/{name}').wait()\nlmnb.runs('stored')"
    one = notebook("from bench import *", cell)
    panel = one.place.locator(".lmv.runs")
    rows = panel.locator("[data-kind=run]")
    rows.nth(1).wait_for()
    panel.locator("input[type=search]").first.fill("two")
    rows.nth(1).wait_for(state="detached")
    rows.first.click()
    panel.locator("[data-field=other]").select_option("one")
    one.act("compare", panel=panel)
    panel.locator("table.both").wait_for()
    assert one.ask("lmnb.runs('stored').compare('two', 'one').words()") in panel.inner_text()
    desk.picture(panel, "runs")
    one.act("open", panel=panel)
    studio = panel.locator("[data-lmnb=studio][data-state=finished]")
    studio.locator("[data-kind=candidate]").first.click()
    studio.locator(".pane[aria-busy=false]").wait_for()
    panel.get_by_role("button", name="Close").first.click()
    studio.wait_for(state="detached")
