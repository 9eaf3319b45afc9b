"""A run as a terminal shows it: one line for each candidate, or a table that is redrawn in place."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmnb.optimize.run import Run

ENDED = {"stopped", "cancelled", "finished", "failed"}


def watch(run: Run) -> Any:
    """Show the run until it ends and give its program. Ctrl-C stops it, keeps what was bought, and ends the command."""
    try:
        show_live(run) if sys.stdout.isatty() else show_lines(run)
    except KeyboardInterrupt:
        run.stop()
        print(f"stopping; go on later with: lmnb resume {run.name}", file=sys.stderr)
        run.until("ended")
        raise
    return run.wait()  # it has ended


def show_lines(run: Run) -> None:
    """One line for each candidate that is done with, one for the end."""
    told: set[int] = set()
    ended = False
    while not ended:
        ended = _sleep(run)
        for row in run.candidates:
            left = ended and row.status == "partial"  # it could not win any more, or the run ends
            if (left or row.status in ("scored", "dropped")) and row.number not in told:
                told.add(row.number)
                reason = f"  ({row.reason})" if row.reason else ""
                reason = f"  (on {row.done} of {row.total})" if left else reason
                line = f"candidate {row.number:2d}  {percent(row.score)}  {row.label}{reason}"
                print(line, flush=True)
    print(_summary(run.snapshot()))


def show_live(run: Run) -> None:
    """A table of the candidates under a line of progress, redrawn in place."""
    from rich.live import Live

    with Live(_table(run), refresh_per_second=4, transient=False) as live:
        ended = False
        while not ended:
            ended = _sleep(run)
            live.update(_table(run))


def _table(run: Run) -> Any:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    snapshot = run.snapshot()
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("#", "score", "95 %", "candidate", "state"):
        table.add_column(name, justify="right" if name in ("#", "score") else "left")
    for row in snapshot["candidates"]:
        best = row["id"] == snapshot["best"]
        score = "" if row["score"] is None else f"{row['score']:.1f}"
        interval = "" if row["low"] is None else f"{row['low']:.0f} to {row['high']:.0f}"
        state = f"{row['done']} of {row['total']}" if row["status"] == "evaluating" else row["reason"] or row["status"]
        cells = (str(row["number"]), score, interval, row["label"], "best" if best else state)
        table.add_row(*(Text(cell) for cell in cells), style="bold" if best else None)
    return Group(table, Text(_summary(snapshot)))


def _summary(snapshot: dict[str, Any]) -> str:
    calls = snapshot["budget"]["calls"]
    limit = f" of {calls['limit']}" if calls["limit"] else ""
    parts = [snapshot["state"], f"{calls['spent']}{limit} calls", f"{snapshot['elapsed']:.0f} s"]
    if snapshot["expected"] is not None:
        parts.append(f"the best: {snapshot['expected']:.1f} % expected on new data")
    if snapshot["state"] == "stopped":
        parts += [row["text"] for row in snapshot["decisions"] if row["kind"] == "stop" and not row["undone"]][-1:]
    if snapshot["state"] not in ENDED:
        parts.insert(0, snapshot["progress"]["label"])
        if snapshot["eta"]:
            parts.append(f"about {snapshot['eta']:.0f} s left")
    return " · ".join(parts)


def percent(score: float | None) -> str:
    """A score as it is printed.

    >>> percent(7.25), percent(None)
    ('  7.2 %', 'unscored')
    """
    return "unscored" if score is None else f"{score:5.1f} %"


def _sleep(run: Run, seconds: float = 0.25) -> bool:
    """Wait a little, or less if the run ends; gives whether it has."""
    end = time.monotonic() + seconds
    while run.state not in ENDED and time.monotonic() < end:
        time.sleep(0.02)
    return run.state in ENDED
