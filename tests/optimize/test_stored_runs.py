"""Runs in their folders: the one that is at work here, damaged ones, and what a folder must hold to go on."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import worlds

import lmnb


class HandsOn(lmnb.BootstrapFewShotWithRandomSearch):
    """An optimizer of somebody's own: all that it does not know is for its base, which needs a metric."""

    def __init__(self, extra: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self.extra = extra


class WithoutDefault(lmnb.LabeledFewShot):
    """One that a journal cannot make again, for it keeps its argument under another name and as no plain value."""

    def __init__(self, thing: Any, **options: Any) -> None:
        super().__init__(**options)
        self._thing = thing


def start(optimizer: Any = None, **options: Any) -> Any:
    optimizer = optimizer or lmnb.LabeledFewShot(k=2, metric=worlds.exact)
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        return optimizer.start(
            worlds.TwoCalls(), trainset=worlds.questions(0, 6), valset=worlds.questions(100, 103), **options
        )


def test_a_run_that_is_at_work_here_is_opened_as_itself() -> None:
    """By name, place or row; a second object of it is told where the first is, and once it has ended it is read from its folder."""
    run = start(paused=True)
    rows = lmnb.runs()
    assert rows.open(run.name) is run and rows.open(0) is run and rows.open(rows[0]) is run
    assert rows[0]["state"] == run.state
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        other = lmnb.reopen(run.path, program=worlds.TwoCalls(), metric=worlds.exact)
    with pytest.raises(
        lmnb.RunLocked, match=rf"is at work in this process: lmnb\.runs\(.*\)\.open\('{run.name}'\) gives it"
    ):
        other.inject(instructions={"rewrite.instructions": "x"})
    run.resume()
    run.wait(30)
    again = lmnb.runs().open(run.name)
    assert again is not run and again.state == "finished"


def test_two_stored_runs_are_compared_by_name_place_or_row() -> None:
    """And what is no pair of runs, or no folder, says what to write."""
    for k in (1, 2):
        start(lmnb.LabeledFewShot(k=k, metric=worlds.exact)).wait(30)
    rows = lmnb.runs()
    assert repr(rows.compare(0, 1)) == repr(rows.compare(rows[0], rows[1]["name"]))
    with pytest.raises(lmnb.InputError, match=r"two runs are compared, .*: runs\(\)\.compare\(0, 1\)"):
        rows.compare(list(rows))
    with pytest.raises(
        lmnb.InputError, match=r"5 is no folder. Write lmnb.runs\(\) for all runs, lmnb.runs\(\).open\(5\)"
    ):
        lmnb.runs(5)  # pyright: ignore[reportArgumentType]


def _limit(records: list[dict[str, Any]]) -> list[str]:
    return [json.dumps({**records[0], "budget": {"calls": float("inf")}})]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_limit, r"Budget\(calls=inf\) is no limit"),
        (
            lambda records: [json.dumps(records[0]), '{"k":"budget","limits":{"usd":Infinity}}'],
            r"usd=inf\) is no limit",
        ),
        (lambda records: [json.dumps(records[0]), "[" * 50_000], "is not a record (nested too deeply)"),
        (lambda records: [], "is not a header"),
    ],
)
def test_a_damaged_run_is_a_row_with_its_error(
    damage: Callable[[list[dict[str, Any]]], list[str]], words: str, tmp_path: Path
) -> None:
    """It hides none of the others, nor makes their table too wide to read; opening it says the same as an error of lmnb."""
    run = start()
    run.wait(30)
    bad = run.path.with_name("bad")
    shutil.copytree(run.path, bad)
    records = [json.loads(line) for line in (bad / "journal.jsonl").read_text().splitlines()]
    (bad / "journal.jsonl").write_text(
        "".join(f"{line}\n" for line in [*damage(records), *["{}"] * bool(damage(records))])
    )
    rows = {row["name"]: row for row in lmnb.runs()}
    assert rows[run.name]["state"] == "finished" and rows["bad"]["state"].startswith("unreadable: ")
    assert words.replace("\\", "") in rows["bad"]["state"]
    assert "unreadable: " in repr(lmnb.runs()) and max(map(len, repr(lmnb.runs()).splitlines())) < 300
    with pytest.raises(lmnb.JournalError):
        lmnb.runs().open("bad")


def test_a_report_is_written_to_a_path(tmp_path: Path) -> None:
    """The same document as without one; the path is given back."""
    run = start(run_dir=None)
    run.wait(30)
    path = run.to_html(tmp_path / "report.html")
    assert path == tmp_path / "report.html" and path.read_text(encoding="utf-8") == run.to_html()


def test_an_optimizer_that_hands_its_options_on_is_made_again() -> None:
    """Its base wants a metric, which no journal holds; the reopened run replays. What cannot be made again says so."""
    run = start(HandsOn(extra=3, metric=worlds.exact, num_candidate_programs=1, max_bootstrapped_demos=1))
    run.wait(30)
    again = lmnb.reopen(run.path)
    assert again.header.optimizer().extra == 3 and again.replay().slots() == run.result().slots()
    with pytest.warns(UserWarning, match="keeps its argument 'thing' under another name"):
        lost = start(WithoutDefault(object(), k=2, metric=worlds.exact))
    lost.wait(30)
    with pytest.raises(lmnb.RunError, match=r"WithoutDefault of this run cannot be made again .* needs 'thing'"):
        lmnb.reopen(lost.path).header.optimizer()


@pytest.mark.parametrize("closed", [True, False])
def test_a_verbose_compile_bears_with_a_broken_stdout(closed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads any more, or the terminal lacks a character: the search comes to its end."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    if closed:
        out.close()
    monkeypatch.setattr(sys, "stdout", out)
    optimizer = lmnb.MIPROv2(worlds.exact, auto=None, num_candidates=2, max_bootstrapped_demos=0, verbose=True)
    model = lmnb.FakeLM(
        lambda messages, **options: {**worlds.reply(messages, **options), "proposed_instruction": "Größer"}
    )
    with lmnb.context(lm=model):
        tuned = optimizer.compile(
            lmnb.Predict("question -> answer"), trainset=worlds.questions(0, 6), num_trials=2, run_dir=None
        )
    assert tuned is not None
    if not closed:
        out.seek(0)
        assert "Gr\\xf6" in out.read()
