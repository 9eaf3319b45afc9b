"""Takes the pictures of the README and the notebooks from the first two notebooks, run for real: `python tests/browser/pictures.py [folder]`."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from desk import CHROMIUM, SCORED, Desk, jupyter_lab

ROOT = Path(__file__).resolve().parents[2]
INSTRUCTION = (
    "Route the ticket to the right team. If it is about billing, answer otter. If it is about shipping, answer falcon. "
    "If it is about login, answer maple."
)
# a scored candidate that is not the best, and a demo of it that the best does not hold: a wrong one where there is one
CHOSEN = """(lambda held: min(
    (demo.ticket not in wrong, c.number, c.id, demo.provenance.id)
    for c in run.candidates if c.status == 'scored' and c.id != run.best.id
    for _, demo in run.candidate(c).demos() if demo.ticket not in held
))({demo.ticket for _, demo in run.candidate(run.best).demos()})[2:]"""


def cells(name: str) -> list[str]:
    """The code of a notebook."""
    notebook = json.loads((ROOT / "notebooks" / name).read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def studio(desk: Desk, folder: Path) -> None:
    """Paused after some candidates, a wrong demo rejected, an instruction edited, and on."""
    one = desk.make()
    code = cells("01_first_compile.ipynb")
    for start in (
        "import lmnb\n",
        "from lmnb.data import tickets",
        "class RouteTicket",
        "def right_team",
        "optimizer =",
    ):
        cell = _without_work(next(cell for cell in code if cell.startswith(start)))
        one.run(
            cell.replace("num_candidate_programs=10", "num_candidate_programs=40")
        )  # at work while pictures are taken
    one.run(next(cell for cell in code if cell.startswith("wrong =")).partition("for example")[0])
    one.run(next(cell for cell in code if cell.startswith("import shutil")))
    one.until(f"{SCORED} >= 6", 60)
    one.act("pause")
    one.state("paused")
    victim, demo = one.ask(CHOSEN)
    one.choose(victim)
    one.act("reject-demo", demo)
    one.panel.get_by_role("button", name="wrong label").click()
    one.panel.locator("[data-status=dropped]").first.wait_for()
    one.choose(one.ask("run.best.id"))
    one.act("edit", within=".actions")
    one.panel.locator(".pane form textarea").fill(INSTRUCTION)
    one.page.keyboard.press("Control+Enter")
    mine = one.until("next((c.id for c in run.candidates if c.human), None)")
    one.act("resume")
    one.row(mine, "scored").wait_for(timeout=60_000)
    one.choose(mine)
    keep = one.panel.locator("[data-kind=demo]").nth(1).get_attribute("data-id")
    one.act("keep-demo", keep)
    one.panel.locator("[data-kind=demo].kept").wait_for()
    one.panel.locator("[data-status=evaluating]").first.wait_for()
    one.act("pause")
    one.state("paused")
    shoot(desk, one.panel, folder, "studio")
    one.panel.evaluate("one => (one.style.maxWidth = '')")
    one.act("stop")
    one.state("stopped")
    judged(desk, one, folder)
    one.close()


def judged(desk: Desk, one: Any, folder: Path) -> None:
    """The same program's evaluations, one beside the other; its wrong rows in review; the runs so far."""
    one.run("def right_team(example, prediction, trace=None):\n    return prediction.team == example.team")
    one.run("evaluate = lmnb.Evaluate(data.test, right_team)\nzero_shot = evaluate(run.program(0))\nzero_shot")
    one.run("tuned = evaluate(run.program(1))\ntuned")
    panel = one.place.locator(".lmv.report").last
    panel.locator("select").select_option(index=1)
    panel.locator("[data-only=fixed]").click()
    panel.locator("[data-kind=example]").nth(3).click()
    panel.locator(".one [data-kind=span]").first.wait_for()
    shoot(desk, panel, folder, "report")
    one.run("queue = lmnb.review([row for row in tuned if not row.score][:12], name='Wrong teams')\nqueue")
    panel = one.place.locator(".lmv.review")
    for action in ("accept", "skip"):
        one.act(action, panel=panel)
    panel.get_by_text("2 of ").wait_for()
    panel.locator("[data-action=reject]").click()
    panel.locator("[data-confirm]").wait_for()
    shoot(desk, panel, folder, "review")
    one.run("run.branch(num_candidate_programs=12, run_dir='runs/longer').wait()\nlmnb.runs()")
    panel = one.place.locator(".lmv.runs")
    panel.locator("[data-kind=run]").first.click()
    panel.locator(".one").wait_for()
    shoot(desk, panel, folder, "runs")


def traces(desk: Desk, folder: Path) -> None:
    """The second notebook's program of two calls."""
    one = desk.make()
    code = cells("02_look_inside.ipynb")
    for start in ("import lmnb\n", "signature =", "RULES ="):
        one.run(next(cell for cell in code if cell.startswith(start)))
    one.run("answer.trace")
    viewer = one.place.locator(".lmv.traces")
    viewer.locator("[data-kind=span]").nth(4).click()
    shoot(desk, viewer, folder, "traces")
    one.close()


def editor(desk: Desk, folder: Path) -> None:
    """The same program with an instruction that is edited and tried beside the one before."""
    one = desk.make()
    code = cells("02_look_inside.ipynb")
    for start in ("import lmnb\n", "RULES ="):
        one.run(next(cell for cell in code if cell.startswith(start)))
    one.run("lmnb.edit(careful, {'ticket': 'The parcel came without a label.'})")
    panel = one.place.locator(".lmv.editor")
    one.act("rerun", panel=panel)
    panel.locator("[data-kind=trial][data-id='1']").wait_for()
    text = panel.locator("textarea[data-slot='route.instructions']")
    text.fill(text.input_value().replace("shipping, answer falcon", "shipping, answer maple"))
    text.press("Control+Enter")
    panel.get_by_text("1 edit, not applied").wait_for()
    one.act("rerun", panel=panel)
    panel.locator("[data-kind=trial][data-id='2']").wait_for()
    panel.locator("[aria-busy=false] > [data-kind=prompt]").first.wait_for()
    shoot(desk, panel, folder, "editor")
    one.close()


def shoot(desk: Desk, view: Any, folder: Path, name: str) -> None:
    """In both themes, and in a cell of 600 pixels."""
    for theme in ("Dark", "Light"):
        desk.theme(theme)
        desk.page.locator("#jupyterlab-splash").wait_for(state="detached")
        view.screenshot(path=str(folder / f"{name}-{theme.lower()}.png"))
    view.evaluate("one => (one.style.maxWidth = '600px')")
    view.screenshot(path=str(folder / f"{name}-narrow.png"))


def _without_work(code: str) -> str:
    """A cell without its evaluation and its output."""
    lines = code.split("\n")
    stop = next(
        (n for n, line in enumerate(lines) if line.startswith(("evaluate", "compiled", "prediction", "print"))), None
    )
    return "\n".join(lines[:stop])


def main(folder: Path) -> None:
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as driver:
        work = Path(place, "work")
        work.mkdir()
        with jupyter_lab(work) as address:
            browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
            page = browser.new_page(viewport={"width": 1380, "height": 1400})
            desk = Desk(page, address, work)
            studio(desk, folder)
            page.set_viewport_size({"width": 1380, "height": 2400})
            traces(desk, folder)
            editor(desk, folder)
            browser.close()


PICTURES, COPIES = ROOT / ".github" / "images", ROOT / "notebooks" / "images"

if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES)
    if len(sys.argv) < 2:
        for light in PICTURES.glob("*-light.png"):
            shutil.copy(light, COPIES)  # JupyterLab serves no hidden folder, and nothing above that of its notebooks
