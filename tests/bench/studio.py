"""What the Studio costs on a large run: how soon it is drawn, how it scrolls, what it holds in memory, what watching takes from a run.

    python tests/bench/studio.py
    python tests/bench/studio.py --candidates 10000 --examples 1000 --keep runs/long

Needs JupyterLab, playwright and Chromium (`CHROMIUM` names another binary). A stored run of ten thousand candidates is written
(see `long_search.py`), opened in a real JupyterLab and used by a script as a hand would; then a live run is timed with and without
a panel, watched and unwatched by turns. Nothing here asserts a time: a busy machine is no failure.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.long_search import write
from browser.desk import CHROMIUM, Desk, Notebook, jupyter_lab

SETUP = f"""import sys, threading, time
sys.path.insert(0, {str(Path(__file__).resolve().parents[1])!r})
import lmnb
from bench.long_search import Route, Wide, right, tickets
from lmnb_widgets.studio import StudioWidget

def start(candidates, examples, delay, **options):
    began, lm = time.process_time(), lmnb.FakeLM(lambda messages, **options: {{"team": "otter"}}, delay=delay)
    data = {{"trainset": tickets(3, first=examples), "valset": tickets(examples)}}
    with lmnb.context(lm=lm):
        run = Wide(right, candidates).start(lmnb.Predict(Route), **data, num_threads=4, **options)
    threading.Thread(target=end, args=(run, began)).start()
    return run

def end(run, began):
    global took
    took = None
    run.until("ended")
    took = run.elapsed, time.process_time() - began
"""
OPEN = "began = time.perf_counter(); run = lmnb.reopen({folder!r}); took = time.perf_counter() - began"

# runs a cell and tells after how many ms its live panel was drawn, and after how many all rows were there
PAINT = """async ([code, rows]) => {
    const frame = () => new Promise(requestAnimationFrame);
    const notebook = jupyterapp.shell.currentWidget.content;
    notebook.model.sharedModel.insertCell(notebook.widgets.length, { cell_type: 'code', source: code });
    notebook.activeCellIndex = notebook.widgets.length - 1;
    const start = performance.now();
    jupyterapp.commands.execute('notebook:run-cell');
    const after = async (test) => {
        while (!test()) await frame();
        await frame();
        return performance.now() - start;
    };
    const first = await after(() => document.querySelector('.lmv.studio [data-kind=candidate]'));
    const whole = await after(() => document.querySelector('.lmv .list .virtual-space').clientHeight >= rows * 38);
    return [first, whole];
}"""
# scrolls a list for three seconds, as far in a frame as a strong turn of the wheel, and gives the gaps between frames in ms
SCROLL = """async (list) => {
    const box = document.querySelector(`.lmv ${list}`);
    const gaps = [];
    let last = await new Promise(requestAnimationFrame);
    const start = last;
    let by = 170;
    while (last - start < 3000) {
        const now = await new Promise(requestAnimationFrame);
        gaps.push(now - last);
        last = now;
        if (box.scrollTop + box.clientHeight >= box.scrollHeight - 2) by = -170;
        else if (box.scrollTop === 0) by = 170;
        box.scrollTop += by;
    }
    return gaps;
}"""
# from a click on a row to the frame that shows its candidate, in ms
SELECT = """async (count) => {
    const frame = () => new Promise(requestAnimationFrame);
    const took = [];
    for (let n = 0; n < count; n++) {
        const box = document.querySelector('.lmv .list .virtual');
        box.scrollTop = (n * 7919) % (box.scrollHeight - box.clientHeight);
        await frame(); await frame();
        const rows = box.querySelectorAll('[data-kind=candidate]:not(.sel)');
        const row = rows[Math.floor(rows.length / 2)];
        const number = row.querySelector('.no').textContent;
        const start = performance.now();
        row.click();
        while (!(document.querySelector('.lmv .pane h3').textContent === `Candidate ${number}`
            && document.querySelector('.lmv .pane[aria-busy=false]'))) await frame();
        await frame();
        took.push(performance.now() - start);
        await new Promise((done) => setTimeout(done, 100));
    }
    return took;
}"""
LINE = "{:62}{:>16}{:>16}   {}"


def line(title: str, value: float, unit: str, aim: float | None = None) -> None:
    """A row of the table."""
    shown = f"{value:,.2f} {unit}" if value < 10 else f"{value:,.0f} {unit}"
    within = "" if aim is None else "yes" if value <= aim else "NO"
    print(LINE.format(title, shown, "" if aim is None else f"{aim:g} {unit}", within), flush=True)


def share(values: Sequence[float], part: float) -> float:
    """The value that so large a part of all stays below."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


class Memory:
    """Of the tab: what its scripts hold, and what its process holds alone."""

    def __init__(self, browser: Any, page: Any) -> None:
        self._browser, self._page = browser.new_browser_cdp_session(), page.context.new_cdp_session(page)
        self._page.send("Performance.enable")

    def megabytes(self) -> tuple[float, float]:
        self._page.send("HeapProfiler.collectGarbage")
        found = {one["name"]: one["value"] for one in self._page.send("Performance.getMetrics")["metrics"]}
        processes = self._browser.send("SystemInfo.getProcessInfo")["processInfo"]
        renderers = [one["id"] for one in processes if one["type"] == "renderer"]
        return found["JSHeapUsedSize"] / 1e6, max(map(_private, renderers), default=0.0)


def _private(process: int) -> float:
    """The memory in MB that a process shares with none, on Linux."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(one.split()[1]) for one in lines if one.startswith("Private_")) / 1e3


def stored(one: Notebook, folder: Path, candidates: int, memory: Memory, frames: list[int]) -> None:
    """The figures of a stored run."""
    before = memory.megabytes()
    one.run(OPEN.format(folder=str(folder)))
    line("lmnb.reopen", one.ask("took"), "s")
    there = one.ask("len(run.candidates)")
    if there != candidates:
        raise SystemExit(f"{folder} holds {there:,} candidates, not {candidates:,}: give its number, or another --keep")
    frames.clear()
    first, whole = one.page.evaluate(PAINT, ["run", candidates])
    line("first paint of the Studio, from running the cell", first / 1e3, "s", 1.5)
    line("all candidates in the list", whole / 1e3, "s")
    one.page.wait_for_timeout(1_000)
    gaps = one.page.evaluate(SCROLL, ".list .virtual")
    line("scrolling candidates: 95 % of the frame gaps", share(gaps, 0.95), "ms", 33)
    took = one.page.evaluate(SELECT, 30)
    line("selecting a candidate, median of 30", statistics.median(took), "ms", 200)
    line("selecting a candidate, 95 % of 30", share(took, 0.95), "ms", 200)
    one.tab("examples")
    one.page.locator(".lmv .ex-table [data-kind=example]").first.wait_for()
    gaps = one.page.evaluate(SCROLL, ".ex-table .virtual")
    line("scrolling examples: 95 % of the frame gaps", share(gaps, 0.95), "ms", 33)
    heap, private = memory.megabytes()
    line("memory of the tab's scripts, JupyterLab's included", heap, "MB", 300)
    line("    of that the panel's", heap - before[0], "MB")
    line("private memory of the tab's process", private, "MB")
    line("    more than before the panel", private - before[1], "MB", 300)
    line("largest message", max(frames, default=0) / 1e3, "kB", 1_000)


def moving(one: Notebook, candidates: int) -> None:
    """The figures of a run that goes on, with thousands of candidates and more every moment."""
    one.run(f"run = start({candidates}, 5, 0.0, run_dir=None)\nrun")
    one.until(f"len(run.candidates) > {candidates // 2}", 240)
    gaps = one.page.evaluate(SCROLL, ".list .virtual")
    took = one.page.evaluate(SELECT, 20)
    state = f"with {one.ask('len(run.candidates)'):,} candidates, {one.ask('run.state')}"
    line("scrolling candidates of a live run: 95 % of the gaps", share(gaps, 0.95), "ms", 33)
    line(f"selecting one, median of 20 ({state})", statistics.median(took), "ms", 200)
    one.run("run.stop()")
    one.until("took")


def live(one: Notebook, candidates: int, delay: float, repeats: int) -> None:
    """What a panel takes from a live run."""
    shown = {
        "alone": "",
        "with a panel that nobody looks at": "panel = StudioWidget(run)",
        "with a panel in the browser": "run",
    }
    found: dict[str, list[list[float]]] = {how: [] for how in shown}
    for _ in range(repeats):
        for how, show in shown.items():
            one.run(f"run = start({candidates}, 100, {delay})\n{show}")
            one.page.wait_for_timeout(1_000)
            one.until("took", 240)
            found[how].append(one.ask("took"))
    alone = found["alone"]
    wall, cpu = (statistics.median(each[at] for each in alone) for at in (0, 1))
    line(f"a live run of {100 * candidates:,} rollouts alone, the median of {repeats}", wall, "s")
    line("    processor time of its kernel", cpu, "s")
    for how in list(shown)[1:]:  # turn by turn: what else the machine does changes within minutes
        pairs = list(zip(found[how], alone, strict=True))
        tell(f"{how}: more wall time", [100 * (each[0] / beside[0] - 1) for each, beside in pairs])
        tell(
            "    more processor time of the kernel", [100 * (each[1] - beside[1]) / beside[0] for each, beside in pairs]
        )


def tell(title: str, shares: Sequence[float]) -> None:
    """A row of the table: the median of what each turn's run took more than that turn's run alone, and how far they lie apart."""
    line(title, statistics.median(shares), "% of the wall", 3)
    if len(shares) > 3:
        low, _, high = statistics.quantiles(shares, n=4)
        line("    the middle half of the turns lies between", low, "%")
        line("    and", high, "%")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--candidates", type=int, default=10_000)
    parser.add_argument("--examples", type=int, default=1_000)
    parser.add_argument("--live", type=int, default=40, help="candidates of the timed live run, on 100 examples each")
    parser.add_argument("--delay", type=float, default=0.005, help="seconds that its model takes for a reply")
    parser.add_argument("--repeat", type=int, default=5, help="repeats of the live run")
    parser.add_argument("--keep", type=Path, help="keep the stored run here, and use it where it is there")
    given = parser.parse_args()
    from playwright.sync_api import sync_playwright

    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {load}\n")
    print(LINE.format("", "measured", "aim", "within"))
    with tempfile.TemporaryDirectory() as made, sync_playwright() as driver:
        folder = (given.keep or Path(made) / "run").resolve()
        if not (folder / "journal.jsonl").exists():
            write(folder, given.candidates, given.examples)
        work = Path(made) / "work"
        work.mkdir()
        chromium = driver.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=CHROMIUM
        )
        with jupyter_lab(work) as address:
            page = chromium.new_page(viewport={"width": 1400, "height": 1300})
            frames: list[int] = []
            page.on("websocket", lambda socket: socket.on("framereceived", lambda data: frames.append(len(data))))
            desk = Desk(page, address, work)
            for part in (
                lambda one: stored(one, folder, given.candidates, Memory(chromium, page), frames),
                lambda one: moving(one, given.candidates),
                lambda one: live(one, given.live, given.delay, given.repeat),
            ):
                one = desk.make()
                one.run(SETUP)
                part(one)
                one.close()
        chromium.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
