"""A run steered by clicks, in a real JupyterLab, on a real kernel."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

PAUSED = "from bench import *\nrun = start(paused=True)\nrun"
HOLDERS = "[c.id for c in run.candidates if any(demo.provenance.id == {0!r} for _, demo in run.candidate(c).demos())]"
DROPPED = "[c.id for c in run.candidates if c.status == 'dropped']"
FIELDS = "[dict(demo) for _, demo in run.candidate({0!r}).demos()]"


@pytest.fixture
def paused(notebook):
    """`paused(n)` is a notebook with a run that has scored `n` candidates and waits."""

    def make(scored: int):
        one = notebook(PAUSED)
        one.state("paused")
        one.step(scored)
        return one

    return make


def finish(one):
    """Resume by click, and wait for the end."""
    one.act("resume")
    one.state("finished")
    return one.ask("run.best.id")


def test_another_cell_runs_while_the_run_is_live(notebook):
    """A cell typed by hand and run with Shift+Enter prints, and the run goes on."""
    one = notebook("from bench import *\npace(0.1)\nrun = start(candidates=400)\nrun")
    one.state("running")
    one.type_and_run('print("while", run.state, 6 * 7)')
    one.place.get_by_text("while running 42", exact=True).wait_for()
    assert one.ask("run.state") == "running"
    assert one.panel.get_attribute("data-state") == "running"
    one.act("stop")
    one.state("stopped")


def test_a_panel_that_is_drawn_again_is_whole_from_its_first_frame(notebook):
    """JupyterLab takes outputs out of the page and puts them back while one scrolls: the panel never stands there empty."""
    one = notebook("from bench import *\npace(0.1)\nrun = start(candidates=400)\nrun")
    one.state("running")
    assert one.page.evaluate(REDRAW) == ["running", True]
    one.act("stop")
    one.state("stopped")


REDRAW = """() => new Promise((done) => {
    const place = document.querySelector('[class*=lmnb-mount-]');
    const copy = place.cloneNode(false);
    new MutationObserver((_, watch) => {
        const root = copy.querySelector('[data-lmnb=studio]');
        if (!root) return;
        watch.disconnect();
        done([root.dataset.state, root.querySelectorAll('[data-action]').length > 3]);
    }).observe(copy, { childList: true, subtree: true });
    place.replaceWith(copy);
})"""


def test_pause_sends_nothing_more_and_resume_goes_on(notebook):
    """Within half a second of the click no rollout is dispatched, those in flight finish; resume brings the run to its end."""
    one = notebook("from bench import *\npace(0.3)\nrun = start()\nrun")
    one.until("len(asked) > 12")
    one.page.evaluate(WATCH)
    one.act("pause")
    one.state("paused")
    clicked = one.page.evaluate("seen.clicked")
    assert one.page.evaluate("seen.states") == ["pausing", "paused"]
    one.until(f"time.time() > {clicked + 1.2}")
    assert one.ask(f"[round(t - {clicked}, 3) for t in asked if t > {clicked + 0.5}]") == []
    one.run("pace(0.01)")
    finish(one)
    assert one.ask("len(run.candidates)") == 7


WATCH = """() => {
    const root = document.querySelector('[data-lmnb=studio]');
    window.seen = { states: [], clicked: null };
    new MutationObserver(() => seen.states.push(root.dataset.state)).observe(root, { attributeFilter: ['data-state'] });
    root.querySelector('[data-action=pause]').addEventListener('pointerdown', () => (seen.clicked = Date.now() / 1000));
}"""


def test_the_panel_is_heard_after_a_subshell_is_gone(notebook):
    """Something was carried out in a subshell of the kernel that was ended then, as when a page is loaded again."""
    one = notebook("from bench import *\npace(0.3)\nrun = start(candidates=400)\nrun")
    one.state("running")
    one.until("len(run.candidates) > 2")
    if not one.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.supportsSubshells"):
        pytest.skip("this kernel has no subshells")
    for action, state in (("pause", "paused"), ("resume", "running"), ("pause", "paused")):
        one.place.locator(".pane[aria-busy=false]").wait_for()
        one.page.evaluate(SUBSHELL, "time.sleep(0.5)")
        one.act(action)
        one.state(state)


SUBSHELL = """async (code) => {
    const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const made = await kernel.requestCreateSubshell({}).done;
    kernel.subshellId = made.content.subshell_id;
    await kernel.requestExecute({ code, store_history: false }).done;
    kernel.subshellId = null;
    await kernel.requestDeleteSubshell(made.content).done;
}"""


def test_step_scores_one_candidate_more(paused):
    """After each step the run is paused again and one more candidate has a score, in the kernel and in the panel."""
    one = paused(1)
    for count in (2, 3):
        one.step()
        newest = one.ask("run.candidates[-1].id")
        one.row(newest, "scored").wait_for()
        assert one.panel.locator("[data-kind=candidate][data-status=scored]").count() == count


def test_a_rejected_demo_drops_its_candidates_and_undo_brings_them_back(paused):
    """Candidates holding the demo are marked, also when scored and best, and never win; undo restores them with their scores."""
    one = paused(4)
    best, scores = one.ask("run.best.id"), one.ask("[[c.id, c.score] for c in run.candidates]")
    one.choose(best)
    demo = one.panel.locator("[data-kind=demo]").first.get_attribute("data-id")
    holders = one.ask(HOLDERS.format(demo))
    assert best in holders

    reject_demo(one, demo)
    for holder in holders:
        one.row(holder, "dropped").wait_for()
    assert sorted(one.ask(DROPPED)) == sorted(holders)
    assert "holds demo" in one.row(best).inner_text()
    assert one.ask("run.best.id") not in holders

    one.act("undo", within="footer")
    for holder in holders:
        one.row(holder, "scored").wait_for()
    assert one.ask("run.best.id") == best
    assert one.ask("[[c.id, c.score] for c in run.candidates]") == scores

    reject_demo(one, demo)
    one.row(best, "dropped").wait_for()
    winner = finish(one)
    assert winner not in holders
    assert demo not in one.ask("[d.provenance.id for _, d in run.candidate(run.best).demos()]")
    assert one.ask(HOLDERS.format(demo)) == holders  # none was made after the decision
    assert "rejected demo" in one.panel.inner_text()


def reject_demo(one, demo):
    """Reject by click, with the first of the offered reasons."""
    one.act("reject-demo", demo)
    one.panel.get_by_role("button", name="wrong label").click()
    one.panel.locator(f"[data-kind=demo][data-id='{demo}'].rejected").wait_for()
    one.panel.locator("footer", has_text="wrong label").wait_for()


def test_an_edited_instruction_is_a_human_candidate_evaluated_next_and_undo_withdraws_it(paused):
    """The text area makes a candidate that is scored before any other; undone, it is out, and redo brings it back."""
    one = paused(2)
    one.choose(one.ask("run.candidates[0].id"))
    one.act("edit", within=".actions")
    words = "Route the ticket. Answer otter, falcon or maple."
    one.panel.locator("textarea[data-field='route.instructions']").fill(words)
    one.act("edit", within="form")
    mine = one.until("next((c.id for c in run.candidates if c.human), None)")
    one.row(mine).wait_for()
    assert one.ask(f"run.candidate({mine!r}).values['route.instructions']") == words

    one.step()
    assert one.ask("run.candidates[-1].id") == mine
    one.row(mine, "scored").wait_for()
    one.choose(mine)
    assert "your edit" in one.panel.locator(".pane .title").inner_text()
    assert one.panel.locator(".diff ins").count() > 0

    one.act("undo", within="footer")
    one.row(mine, "dropped").wait_for()
    one.act("redo")
    one.row(mine, "scored").wait_for()
    one.act("undo", within="footer")
    one.row(mine, "dropped").wait_for()
    assert finish(one) != mine


def test_a_kept_demo_is_marked_and_drawn_first(paused):
    """Keep marks the demo; candidates made later hold it."""
    one = paused(2)
    one.choose(one.ask("run.candidates[1].id"))
    demo = one.panel.locator("[data-kind=demo]").first.get_attribute("data-id")
    one.act("keep-demo", demo)
    one.panel.locator(f"[data-kind=demo][data-id='{demo}'].kept").wait_for()
    finish(one)
    held = one.ask("[[list(d.values()) for _, d in run.candidate(c).demos()] for c in run.candidates[2:]]")
    kept = one.ask(f"[list(d.values()) for d in run.demos if d.provenance.id == {demo!r}][0]")
    assert all(kept in demos for demos in held)


def test_an_edited_demo_makes_a_candidate(paused):
    """The fields of a demo are edited in the table; a child candidate holds the change."""
    one = paused(2)
    one.choose(one.ask("run.candidates[1].id"))
    demo = one.panel.locator("[data-kind=demo]").first.get_attribute("data-id")
    one.act("edit-demo", demo)
    one.panel.locator("textarea[data-field=team]").fill("heron")
    one.act("edit-demo", demo, within="form")
    mine = one.until("next((c.id for c in run.candidates if c.human), None)")
    one.row(mine).wait_for()
    assert "heron" in [fields["team"] for fields in one.ask(FIELDS.format(mine))]
    one.step()
    one.row(mine, "scored").wait_for()


def test_an_instruction_and_a_demo_can_be_injected(paused):
    """What a person adds of their own becomes candidates, scored before the search goes on."""
    one = paused(2)
    one.panel.get_by_role("button", name="+ Add").click()
    one.panel.get_by_label("New instruction").fill("Say which team can help.")
    one.act("inject", "instruction", within="form")
    first = one.until("next((c.id for c in run.candidates if c.human), None)")
    one.row(first).wait_for()
    one.panel.get_by_role("button", name="+ Add").click()
    one.panel.get_by_role("button", name="a new demo").click()
    one.panel.locator("textarea[data-field=ticket]").fill("This is ticket 55, please help.")
    one.panel.locator("textarea[data-field=team]").fill("falcon")
    one.act("inject", "demo", within="form")
    second = one.until(f"next((c.id for c in run.candidates if c.human and c.id != {first!r}), None)")
    one.step(2)
    one.row(first, "scored").wait_for()
    one.row(second, "scored").wait_for()
    assert {"ticket": "This is ticket 55, please help.", "team": "falcon"} in one.ask(FIELDS.format(second))


def test_a_step_of_a_trace_is_no_demo_in_silence(paused):
    """The traces are of the examples that candidates are scored on: the panel shows why one is not taken over, and nothing is decided."""
    one = paused(2)
    one.tab("traces")
    one.panel.locator("[data-kind=span]").first.wait_for()
    one.act("keep-as-demo")
    one.panel.locator("[role=alert]:has-text('is validation example')").wait_for()
    assert "This is ticket 100, please help." in one.panel.locator("[role=alert]").inner_text()
    assert one.ask("[len(run.decisions), any(c.human for c in run.candidates)]") == [0, False]


def test_accept_endorses_and_reject_with_a_reason_rules_out(paused):
    """An accepted candidate is the result whatever its score; a rejected one is dropped with the words that were typed."""
    one = paused(3)
    first, best = one.ask("[run.candidates[0].id, run.best.id]")
    one.choose(best)
    one.act("reject", within=".actions")
    one.panel.get_by_label("Why? (optional)").fill("knows too much")
    one.panel.locator("[data-confirm=true]").click()
    one.row(best, "dropped").wait_for()
    one.panel.locator("footer", has_text="knows too much").wait_for()
    assert one.ask("run.best.id") != best
    one.choose(first)
    one.act("accept")
    one.panel.locator("[data-action=accept][aria-pressed=true]").wait_for()
    assert finish(one) == first


@pytest.mark.parametrize("kind", ["json", "python"])
def test_export_writes_a_file(paused, kind):
    """The best candidate is saved under the name that the form proposes, and loads as a program."""
    one = paused(2)
    one.panel.get_by_role("button", name="Export…").click()
    one.panel.locator(".export [data-field=format]").select_option(kind)
    one.act("export", within=".export")
    one.panel.get_by_text("Saved as").wait_for()
    name = "router.json" if kind == "json" else "router.py"
    load = "lmnb.load('router.json', trust_import=True)" if kind == "json" else "__import__('router').program"
    assert (one.desk.folder / name).exists()
    assert one.ask(f"{load}.route.instructions") == "Route the ticket to the right team."


def test_stop_keeps_the_best_feasible_candidate(notebook):
    """Stopped in the midst, the run has the best of what it scored; what was rejected is not it."""
    one = notebook("from bench import *\npace(0.05)\nrun = start(candidates=400)\nrun")
    one.until(f"{SCORED} >= 3")
    best = one.ask("run.best.id")
    one.choose(best)
    one.act("reject", within=".actions")
    one.panel.get_by_role("button", name="not typical").click()
    one.row(best, "dropped").wait_for()
    one.act("stop")
    one.state("stopped")
    assert one.ask("len(run.candidates)") < 400
    scores = one.ask("[c.score for c in run.candidates if c.status == 'scored']")
    assert one.ask("[run.best.score, run.best.id, run.state]") == [max(scores), one.ask("run.best.id"), "stopped"]
    assert one.ask("run.best.id") != best
    assert one.ask("type(run.wait()).__name__") == "Router"


SCORED = "sum(c.status == 'scored' for c in run.candidates)"
