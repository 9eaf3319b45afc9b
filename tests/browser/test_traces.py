"""Calls made again and kept from the trace viewer, a history that goes on, and the editor of a program, in JupyterLab."""

from __future__ import annotations

import json

import pytest
from test_freeze import assert_static

pytestmark = pytest.mark.browser

PROGRAM = """import lmnb
from bench import Router
lmnb.configure(lm=lmnb.FakeLM(lambda messages, **_: {"team": "maple" if "Guess" in messages[0]["content"] else "otter"}))
router = Router()"""


def test_a_call_is_made_again_kept_and_added_to_a_data_set(notebook):
    """By the buttons of the viewer: the old call stays, the program has what was kept and no longer what was undone."""
    one = notebook(PROGRAM, "trace = router(ticket='Help!').trace\ntrace")
    viewer = one.place.locator(".lmv.traces")
    viewer.locator("[data-kind=span]").nth(1).click()
    one.act("rerun", panel=viewer)
    viewer.locator("[data-field='other instructions']").fill("Guess.")
    viewer.locator("[data-field='other instructions']").press("Control+Enter")
    reply = viewer.get_by_role("table", name="Two replies")
    reply.locator("ins", has_text="maple").wait_for()
    assert one.ask("trace.root.outputs") == {"team": "otter"}

    one.act("keep-as-demo", "0.1", panel=viewer)
    viewer.locator("[data-field=team]").fill("falcon")
    one.act("keep-as-demo", within="form", panel=viewer)
    one.until("[demo.team for demo in router.route.demos] == ['falcon']")
    one.act("undo", panel=viewer)
    one.until("router.route.demos == []")
    one.act("export", panel=viewer)
    viewer.locator("[data-field='to the file']").fill("new/tickets.jsonl")
    viewer.locator("[data-field=team]").fill("maple")
    one.act("export", within="form", panel=viewer)
    viewer.get_by_text("reads the file").wait_for()
    assert json.loads((one.desk.folder / "new" / "tickets.jsonl").read_text()) == {"ticket": "Help!", "team": "maple"}


def test_new_calls_appear_in_an_open_history(notebook):
    """Also those of other cells, newest first; what the file keeps is static."""
    one = notebook(PROGRAM, "lmnb.history()")
    viewer = one.place.locator(".lmv.traces")
    viewer.get_by_text("They appear here while they are made.").wait_for()
    one.run("for n in range(3): router(ticket=f'ticket {n}')")
    viewer.get_by_text("3 calls").wait_for()
    viewer.locator("[data-kind=trace]").first.click()
    viewer.get_by_text("ticket 2").first.wait_for()
    assert_static(one.save())


def test_a_program_is_edited_tried_undone_and_applied(notebook):
    """By keyboard where there is one: the prompt follows what is typed, the program changes by the button alone."""
    one = notebook(PROGRAM, "editor = lmnb.edit(router, {'ticket': 'Help!'})\neditor")
    panel = one.place.locator(".lmv.editor")
    panel.locator("[data-action=rerun]", has_text="Try").first.click()
    panel.locator("[data-kind=trial][data-id='1']").wait_for()
    panel.focus()
    one.page.keyboard.press("e")
    one.page.keyboard.press("Control+a")
    one.page.keyboard.type("Guess which team it is.")
    panel.locator("[data-kind=prompt]", has_text="Guess which team it is.").wait_for()
    assert one.ask("editor.edits") == {}
    one.page.keyboard.press("Control+Enter")
    panel.get_by_text("1 edit, not applied").wait_for()
    panel.locator("[data-action=rerun]", has_text="Try").first.click()
    panel.get_by_role("table", name="Two replies").locator("ins", has_text="maple").wait_for()
    panel.focus()
    one.page.keyboard.press("Backspace")
    panel.get_by_text("0 edits", exact=True).wait_for()
    one.act("redo", panel=panel)
    panel.get_by_text("1 edit, not applied").wait_for()
    assert one.ask("router.route.instructions") == "Route the ticket to the right team."
    one.act("accept", panel=panel)
    panel.get_by_text("1 edit, applied").wait_for()
    assert one.ask("router.route.instructions") == "Guess which team it is."
    one.page.wait_for_function(
        "JSON.stringify(jupyterapp.shell.currentWidget.content.widgets[1].model.outputs.toJSON()).includes('1 edit, applied')"
    )
    assert_static(one.save())
    one.close()
    again = one.desk.open(one.name)
    again.place.locator("[data-lmnb=editor]:visible").first.wait_for()
    assert "Guess" in again.place.locator("[data-lmnb=editor]").first.text_content()  # as it was when it was saved
    again.close()
