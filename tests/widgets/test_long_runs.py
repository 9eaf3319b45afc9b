"""A panel of a run with thousands of candidates: rows in order, by the page, and what is sent when."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from browser_side import until
from fake_run import FakeRun, row

import lmnb

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.long_search import write

ROWS = 10_000


def long_run() -> FakeRun:
    return FakeRun([row(number, 50.0) for number in range(ROWS)])


def fetched(view: Any) -> list[dict[str, Any]]:
    """All rows, as a browser gets them: the first with the snapshot, the others by the page."""
    rows = list(view.snapshot["candidates"])
    while len(rows) < view.snapshot["candidates_total"]:
        rows += view.reply("get", "candidates", len(rows), offset=len(rows))["value"]["rows"]
    return rows


def test_a_stored_run_is_shown_as_its_journal_says(panel: Any, tmp_path: Path) -> None:
    """Written by the journal, reopened, and sent by the page: every candidate in order, with the scores of its records."""
    rollouts = write(tmp_path / "run", candidates=1_010, examples=8)
    run = lmnb.reopen(tmp_path / "run")
    assert run.state == "finished" and len(run.candidates) == 1_010
    rows = fetched(panel(run))
    assert [one["number"] for one in rows] == list(range(1_010))
    assert sum(one["done"] for one in rows) == rollouts
    assert [(one["id"], one["score"]) for one in rows] == [(one.id, one.score) for one in run.candidates]
    page = run.examples(rows[7]["id"], only="fixed", limit=3)
    assert [one["change"] for one in page["rows"]] == ["fixed"] * min(3, page["counts"]["fixed"])


def test_a_change_of_more_rows_than_a_message_holds_is_the_whole_by_the_page(panel: Any) -> None:
    """A decision drops five thousand candidates at once: the panel is told that all may be different, and asks."""
    run = long_run()
    view = panel(run)
    run.change(rows=[{**one, "status": "dropped"} if one["number"] >= 5_000 else one for one in run.rows])
    whole = until(lambda: view.of("snapshot"))[0]["snapshot"]
    assert (len(whole["candidates"]), whole["candidates_total"]) == (1_000, ROWS)
    page = view.reply("get", "candidates", 1, offset=9_000)["value"]
    assert {one["status"] for one in page["rows"]} == {"dropped"}
    assert max(len(json.dumps(message)) for _, message in view.sent) < 1_000_000


def test_what_somebody_did_is_shown_at_once_however_long_the_run(panel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two messages of a long run a panel rests, but not when a command was carried out."""
    monkeypatch.setattr("lmnb_widgets.studio.A_ROW", 1.0)  # hours for this run
    run = long_run()
    view = panel(run)
    run.pause = lambda: run.change(state="paused")  # type: ignore[method-assign]
    run.change_row(3, score=60.0)
    until(lambda: view.of("delta"))
    view.reply("command", "pause")
    assert until(lambda: view.of("delta")[1:])[0]["changes"]["state"] == "paused"


def test_a_run_that_nobody_looks_at_is_not_looked_at(panel: Any) -> None:
    """A panel that no browser shows makes no snapshot while the run goes on; at its end it does what is due."""
    run, ended = FakeRun(), list[str]()
    panel(run, look=False, on_end=lambda: ended.append(run.state))
    before = run.snapshots
    for done in range(40, 60):
        run.change_row(14, done=done)
    time.sleep(0.3)
    assert run.snapshots == before
    run.change(state="finished")
    until(lambda: ended)
    assert ended == ["finished"]
