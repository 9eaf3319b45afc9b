"""One run, watched and steered by clicks, in every front end on every kernel; with no network but the server's.

Which front ends and kernels there are depends on what is installed beside `lmnb[dev]`, which brings JupyterLab and
Notebook 7. `python tests/browser/matrix.py FOLDER` makes an environment in FOLDER with all of them (pip, some minutes
the first time) and runs this file there: JupyterLab, Notebook 7 and nbclassic, each on ipykernel 6.31, 7.3 and 7.4, and
marimo.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from desk import wait_for
from fronts import FRONTS, KERNELS, marimo_server

import lmnb

pytestmark = pytest.mark.browser

OWN = "python3"
"""The kernel of this environment."""

CASES = [(front, kernel) for front in FRONTS for kernel in (OWN, *(folder.name for folder in KERNELS))]
CASES = [(front, kernel) for front, kernel in CASES if front != "marimo" or kernel == OWN]  # it is a kernel itself
BROKEN = ("Error displaying widget", "model not found", "Loading widget", "Error creating widget", "Traceback")
CELLS = ("import bench\nbench.pace(0.05)\nrun = bench.start(candidates=400)\nrun", "print('beside', 6 * 7)")


@pytest.fixture(scope="module")
def marimo(tmp_path_factory):
    """The address and the folder of a marimo server."""
    folder = tmp_path_factory.mktemp("marimo") / "work"
    folder.mkdir()
    shutil.copy(Path(__file__).with_name("bench.py"), folder)
    with marimo_server(folder) as address:
        yield address, folder


@pytest.fixture
def front(request, browser):
    """The front end of the case in a page; what its console says of errors fails the test, and so does a call elsewhere."""
    name, kernel = request.param
    if find_spec(FRONTS[name].package) is None:
        pytest.skip(f"{FRONTS[name].package} is not installed; tests/browser/matrix.py runs this in every front end")
    server = request.getfixturevalue("marimo" if name == "marimo" else "desk")
    place = server if name == "marimo" else (server.address, server.folder)
    one = FRONTS[name](browser, *place, kernel)
    yield one
    one.context.close()
    assert one.heard == []
    assert one.refused == []


@pytest.mark.parametrize("front", CASES, ids=map("-".join, CASES), indirect=True)
def test_a_run_is_watched_steered_and_kept(front, request):
    """Seen at work beside other cells, paused, a candidate rejected, resumed, stopped; then a panel over its report, which stays in the
    notebook opened again.
    """
    name, page = request.node.callspec.id, front.page
    before = set((front.folder / "runs").glob("*"))
    front.make(name, *CELLS)
    front.run_all()
    live = page.locator(".lmv.studio")
    scored = live.locator("[data-kind=candidate][data-status=scored]")
    live.locator("xpath=self::*[@data-state='running']").wait_for()
    scored.nth(1).wait_for()
    page.get_by_text("beside 42", exact=True).wait_for()
    front.picture(f"{name}-running")

    live.locator("[data-action=pause]").first.click()
    page.locator(".lmv.studio[data-state=paused]").wait_for()
    best = live.locator("[data-kind=candidate][aria-selected=true]").first.get_attribute("data-id")
    live.locator(".pane[aria-busy=false] .actions [data-action=reject]").click()
    live.get_by_role("button", name="too long").click()
    live.locator(f"[data-kind=candidate][data-id='{best}'][data-status=dropped]").first.wait_for()
    front.picture(f"{name}-paused")
    live.locator("[data-action=resume]").first.click()
    page.locator(".lmv.studio[data-state=running]").wait_for()
    live.locator("[data-action=stop]").first.click()

    page.locator(".lmv.studio[data-state=stopped] [data-action=resume]").wait_for()
    front.picture(f"{name}-stopped")
    (folder,) = set((front.folder / "runs").glob("*")) - before
    run = lmnb.reopen(folder)
    assert [one.kind for one in run.decisions] == ["reject", "stop"] and run.best.id != best
    assert (run.state, [row.id for row in run.candidates if row.status == "dropped"]) == ("stopped", [best])
    (kept,) = front.save()
    assert 'data-state="stopped"' in kept and f"Candidate {run.best.number}" in kept
    assert not [word for word in ("<script", "javascript:", "anywidget", "in progress") if word in kept]

    front.reopen()
    page.locator(".lmnb[data-state=stopped]:visible").wait_for()
    shown = page.locator(".lmnb").inner_text()
    assert f"Candidate {run.best.number}" in shown and "too long" in page.locator(".lmnb").text_content()
    assert not [words for words in BROKEN if words in page.locator("body").inner_text()]
    assert live.count() == 0
    front.picture(f"{name}-reopened")


AGAIN = [
    (front, OWN) for front in ("nbclassic", "marimo")
]  # those that name no cells; of others it is in test_freeze.py


@pytest.mark.parametrize("front", AGAIN, ids=map("-".join, AGAIN), indirect=True)
def test_a_cell_that_is_run_again_leaves_one_run(front, request):
    """The former run is stopped, and the one panel there is shows the new one."""
    before = set((front.folder / "runs").glob("*"))
    front.make(f"again-{request.node.callspec.id}", *CELLS)
    front.run_all()
    live = front.page.locator(".lmv.studio[data-state=running]")
    live.wait_for()
    (first,) = set((front.folder / "runs").glob("*")) - before
    front.run_first()
    wait_for(lambda: lmnb.reopen(first).state == "stopped", 20)
    (second,) = set((front.folder / "runs").glob("*")) - before - {first}
    front.page.locator(".lmv.studio[data-state=running] [data-kind=candidate]").first.wait_for()
    assert front.page.locator("[data-lmnb=studio]:visible").count() == 1
    live.locator("[data-action=stop]").first.click()
    wait_for(lambda: lmnb.reopen(second).state == "stopped", 20)
