"""Limits that are raised while a run is at work, after its budget has stopped it, and in what branches off."""

from __future__ import annotations

import json
from typing import Any

import pytest
import worlds

import lmnb
from lmnb.errors import RunError


def start(budget: Any, **options: Any) -> Any:
    return worlds.search(**{"num_threads": 2, "budget": budget, **options})


def outcome(run: Any) -> list[Any]:
    return [(row.id, row.status, row.score) for row in run.candidates]


def test_a_limit_raised_while_the_run_is_paused_holds_from_then_on() -> None:
    """The run comes to the end that it has without a budget; the raise stands among its decisions and the replay needs none."""
    budget = lmnb.Budget(calls=40)
    run = start(budget, paused=True)
    run.raise_budget(calls=9_000)
    assert run.snapshot()["budget"]["calls"]["limit"] == 9_000 and budget.limits["calls"] == 9_000
    run.resume()
    tuned = run.wait(60)
    free = start(None)
    free.wait(60)
    assert run.state == "finished" and outcome(run) == outcome(free)
    [decision] = run.decisions
    assert (decision.kind, decision.text) == ("raise-budget", "raised the budget to 9,000 calls")
    again = lmnb.reopen(run.path)
    assert again.limits["calls"] == 9_000 and again.replay().slots() == tuned.slots()


def test_a_run_that_its_budget_stopped_goes_on_when_it_is_raised() -> None:
    """Too small a raise stops it again; the right one brings it to the end, in another process too, and buys nothing twice."""
    run = start(lmnb.Budget(calls=30))
    run.until("ended", 60)
    assert run.state == "stopped" and run.decisions[-1].by == "budget"
    run.raise_budget(calls=60)
    run.until("ended", 60)
    assert run.state == "stopped" and run.snapshot()["budget"]["calls"]["spent"] <= 60
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        again = lmnb.reopen(run.path, program=worlds.TwoCalls(), metric=worlds.exact)
    again.raise_budget(calls=9_000)
    tuned = again.wait(60)
    free = start(None)
    free.wait(60)
    assert again.state == "finished" and outcome(again) == outcome(free)
    assert again.snapshot()["budget"]["calls"]["spent"] == free.snapshot()["budget"]["calls"]["spent"]
    assert lmnb.reopen(run.path).replay().slots() == tuned.slots()


def test_a_raise_is_no_matter_of_other_runs() -> None:
    """A branch begins with the limits in force, or its own; decisions that are carried over leave the raise behind; undo passes it over."""
    run = start(lmnb.Budget(calls=500, usd=1.0), paused=True)
    run.raise_budget(calls=9_000, usd=2.5)
    assert run.decisions[-1].text == "raised the budget to 9,000 calls, $2.50"
    with pytest.raises(lmnb.InputError, match="no decision to undo"):
        run.undo()
    like, own = run.branch(paused=True), run.branch(budget=lmnb.Budget(calls=700), paused=True)
    assert like.limits["calls"] == 9_000 and like.limits["usd"] == 2.5 and own.limits["calls"] == 700
    fresh = start(None, decisions=run.decisions, paused=True)
    assert fresh.limits["calls"] is None and not fresh.decisions and not own.decisions
    for each in (run, like, own, fresh):
        each.stop()


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({}, "name the limit to raise"),
        ({"calls": 10}, r"calls=10 raises nothing: write a number above the limit of 40"),
        ({"calls": float("inf")}, r"raise_budget\(calls=inf\) is no limit. Write a number of calls, or leave it out"),
        ({"calls": "90"}, r"raise_budget\(calls='90'\) is no limit"),
        ({"cals": 90}, r"raise_budget\(cals=90\) is no limit that there is. Did you mean 'calls'\?"),
        ({"tokens": 5}, "has no limit of tokens, so there is none to raise"),
    ],
)
def test_what_raises_nothing_is_told(wanted: Any, words: str) -> None:
    """A limit that is not higher, is none, or is not there; nothing changes."""
    run = start(lmnb.Budget(calls=40), paused=True)
    with pytest.raises(lmnb.InputError, match=words):
        run.raise_budget(**wanted)
    assert run.limits["calls"] == 40 and not run.decisions
    run.stop()


def test_a_run_that_cannot_go_on_says_what_can() -> None:
    """A finished run names branch; one without a folder cannot be resumed."""
    run = start(None)
    run.wait(60)
    with pytest.raises(RunError, match=r"run\.branch\("):
        run.raise_budget(calls=5)
    bare = start(lmnb.Budget(calls=5), run_dir=None)
    bare.until("ended", 60)
    with pytest.raises(RunError, match="run_dir=None"):
        bare.raise_budget(calls=9_000)


@pytest.mark.parametrize(
    "limits", ["abc", 5, None, {"calls": "x"}, {"calls": True}, {"calls": -5}, {"friends": 3}], ids=repr
)
@pytest.mark.parametrize("kind", ["decision", "budget"])
def test_limits_that_a_hostile_journal_raises_are_refused(limits: Any, kind: str) -> None:
    """Whatever stands there, `reopen` says that the journal cannot be read, and `lmnb.runs()` lists the others."""
    run = start(lmnb.Budget(calls=40), paused=True)
    run.raise_budget(calls=9_000)
    run.stop()
    run.until("ended", 60)
    place = run.path / "journal.jsonl"
    records = [json.loads(line) for line in place.read_text().splitlines()]
    at = next(at for at, record in enumerate(records) if record.get("kind") == "raise-budget")
    records[at] = (
        {**records[at], "data": {"limits": limits}} if kind == "decision" else {"k": "budget", "limits": limits}
    )
    place.write_text("".join(json.dumps(record) + "\n" for record in records))
    with pytest.raises(lmnb.JournalError, match="cannot be read"):
        lmnb.reopen(run.path)
    assert run.name in [row["name"] for row in lmnb.runs(run.path.parent)]
