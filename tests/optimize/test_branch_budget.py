"""What a branch counts: that which it buys itself, however much of it lies in the journal that it began with."""

from __future__ import annotations

import json
import re
from typing import Any

import worlds

import lmnb


def start(lm: Any, **options: Any) -> Any:
    with lmnb.context(lm=lm):
        return worlds.optimizers(worlds.exact)["BootstrapFewShotWithRandomSearch"].start(
            worlds.TwoCalls(),
            trainset=worlds.questions(0, 12),
            valset=worlds.questions(100, 106),
            **{"num_threads": 2, **options},
        )


def counts(run: Any) -> dict[str, float]:
    """Everywhere that a run says how much it has bought, in calls; of candidates and proposals what they took is summed up."""
    parts = run.spending()
    return {
        "snapshot": run.snapshot()["budget"]["calls"]["spent"],
        "runs": run.summary()["calls"],
        "spending": parts["spent"]["calls"],
    }


def cost_of(run: Any, row: Any) -> float:
    """The calls that scoring a candidate took, as its program's provenance has it; the same as in `run.spending()`."""
    [listed] = [each["calls"] for each in run.spending()["candidates"] if each["number"] == row.number]
    told = run.program(row).provenance["usage"]["calls"]
    assert told == listed
    return told


def test_a_branch_of_a_run_that_has_spent_its_budget_has_all_of_its_own() -> None:
    """What the first run has bought is no part of it: not whole rollouts, and not the one call of a rollout that the budget cut in two."""
    lm = lmnb.FakeLM(worlds.reply, cache=False)
    run = start(lm, budget=lmnb.Budget(calls=31))
    run.until("ended", 60)
    assert run.state == "stopped" and len(lm.calls) == 31
    branch = run.branch()
    branch.until("ended", 60)
    assert branch.limits["calls"] == 31 and len(lm.calls) == 62, "as many calls of its own"
    assert set(counts(branch).values()) == {31}
    first = branch.candidates[0]
    assert first.status == "scored" and cost_of(run, first) > 0 and cost_of(branch, first) == 0
    shown = " ".join(re.sub("<[^>]*>", " ", branch._repr_html_()).split())
    assert "31 / 31 calls" in shown


def test_it_counts_the_same_after_it_was_stopped_reopened_and_resumed() -> None:
    """So does a branch of the branch, which has a budget of its own again; none buys what another one has bought."""
    lm = lmnb.FakeLM(worlds.reply, cache=False)
    run = start(lm, budget=lmnb.Budget(calls=31))
    run.until("ended", 60)
    branch = run.branch()
    branch.until("ended", 60)
    with lmnb.context(lm=lm):
        again = lmnb.reopen(branch.path, program=worlds.TwoCalls(), metric=worlds.exact)
    assert counts(again)["runs"] >= 30 and cost_of(again, again.candidates[0]) == 0
    again.raise_budget(calls=41)
    again.until("ended", 60)
    assert len(lm.calls) == 72 and set(counts(again).values()) == {41}
    third = again.branch(budget=lmnb.Budget(calls=9_000))
    third.wait(60)
    assert third.state == "finished" and set(counts(third).values()) == {len(lm.calls) - 72}
    assert third.path is not None and counts(lmnb.reopen(third.path)) == counts(third)
    whole = start(lmnb.FakeLM(worlds.reply, cache=False))
    whole.wait(60)
    assert set(counts(whole).values()) == {len(lm.calls)}, "together they have bought what one run buys"
    assert [(row.id, row.score) for row in third.candidates] == [(row.id, row.score) for row in whole.candidates]
    assert third.replay().slots() == whole.result().slots()


def test_a_branch_has_its_own_time() -> None:
    """The seconds of the run that it branched off are none of the branch's limit."""
    run = start(lmnb.FakeLM(worlds.reply))
    run.wait(60)
    place = run.path / "journal.jsonl"
    records = [json.loads(line) for line in place.read_text().splitlines()]
    long = [{**record, "seconds": 1_000.0} if record["k"] == "done" else record for record in records]
    place.write_text("".join(json.dumps(record) + "\n" for record in long))
    held = run.branch(at=run.candidates[1], budget=lmnb.Budget(seconds=900), paused=True)
    held.until("paused", 60)
    assert held.elapsed < 900
    held.stop()
