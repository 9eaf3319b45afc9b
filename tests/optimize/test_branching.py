"""Branches and longer searches: what a run has bought is never bought again, whatever the optimizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import worlds

import lmnb

LONGER = {  # what makes each optimizer search longer
    "BootstrapFewShotWithRandomSearch": {"num_candidate_programs": 5},
    "BootstrapFewShotWithOptuna": {"num_candidate_programs": 8},
    "MIPROv2": {"num_trials": 9},
    "MIPROv2 with minibatches": {"num_trials": 12},
    "SIMBA": {"max_steps": 3},
    "GEPA": {"max_metric_calls": 100},
    "GEPA with demos": {"max_metric_calls": 110},
    "COPRO": {"depth": 3},
    "InferRules": {"num_candidates": 5},
    "IteratedBootstrapFewShot": {"rounds": 3},
    "BootstrapFewShot": {"max_bootstrapped_demos": 5},
    "KNNFewShot": {"k": 4},
    "LabeledFewShot": {"k": 4},
}


def start(name: str, lm: Any, **options: Any) -> Any:
    with lmnb.context(lm=lm):
        return worlds.optimizers(worlds.exact)[name].start(
            worlds.TwoCalls(),
            trainset=worlds.questions(0, 12),
            valset=worlds.questions(100, 108),
            **{"num_threads": 2, **options},
        )


def bought(*runs: Any) -> list[str]:
    """The keys of the rollouts and proposals that these runs have paid for."""
    keys = []
    for run in runs:
        records = [json.loads(line) for line in Path(run.path, "journal.jsonl").read_text().splitlines()]
        keys += [r["key"] for r in records if r["k"] == "rollout" and not r["res"].get("shared")]
    return keys


def costs(run: Any) -> dict[str, int]:
    """The calls that each rollout and proposal of a run took, by key."""
    records = [json.loads(line) for line in Path(run.path, "journal.jsonl").read_text().splitlines()]
    return {r["key"]: r["res"]["usage"].get("calls", 0) for r in records if r["k"] == "rollout"}


def outcome(run: Any) -> list[Any]:
    return [(row.id, row.status, row.score) for row in run.candidates]


@pytest.mark.sampled("MIPROv2", "GEPA")
@pytest.mark.parametrize("name", LONGER)
def test_a_finished_run_made_longer_buys_nothing_twice(name: str) -> None:
    """The longer search asks for no rollout and no proposal that the first has bought, and ends as it would have by itself."""
    lm = lmnb.FakeLM(worlds.reply, cache=False)
    run = start(name, lm)
    run.wait(60)
    asked = len(lm.calls)
    longer = run.branch(**LONGER[name])
    longer.wait(60)
    assert longer.state == "finished" and longer.header.parent == run.name
    keys = bought(run, longer)
    assert len(keys) == len(set(keys)) > 0
    spent = longer.snapshot()["budget"]["calls"]["spent"]
    assert spent == len(lm.calls) - asked, "only what is new counts"
    if name in ("BootstrapFewShotWithRandomSearch", "InferRules", "COPRO", "IteratedBootstrapFewShot"):
        assert outcome(longer)[: len(run.candidates)] == outcome(run)


def test_from_ten_to_fifteen_only_five_candidates_are_bought() -> None:
    """Random search: the first thirteen candidates are free, and the five new ones cost what they cost in a search that begins with 15."""
    lm = lmnb.FakeLM(worlds.reply, cache=False)
    search = {"metric": worlds.exact, "max_bootstrapped_demos": 2, "max_labeled_demos": 3}
    with lmnb.context(lm=lm):
        given = {"trainset": worlds.questions(0, 12), "valset": worlds.questions(100, 120), "num_threads": 2}
        optimizers = [
            lmnb.BootstrapFewShotWithRandomSearch(num_candidate_programs=number, racing=racing, **search)
            for number, racing in ((10, True), (15, True), (10, False))
        ]
        runs = [each.start(worlds.TwoCalls(), **given) for each in optimizers]
        for run in runs:
            run.wait(60)
    ten, fifteen, patient = runs
    longer = ten.branch(num_candidate_programs=15)
    longer.wait(60)
    assert outcome(longer) == outcome(fifteen) and len(longer.candidates) > len(ten.candidates)
    assert sorted(bought(ten, longer)) == sorted(bought(fifteen))
    old = {row.id for row in ten.candidates}
    records = [json.loads(line) for line in Path(longer.path, "journal.jsonl").read_text().splitlines()]
    shared = {record["key"] for record in records if record["k"] == "shared"}
    new = [r["of"] for r in records if r["k"] == "rollout" and r["key"] not in shared]
    assert new and not any(place["candidate"] in old for place in new if place["role"] == "student")
    raced = patient.branch(racing=True)
    raced.wait(60)
    assert bought(raced) == [] and outcome(raced) == outcome(ten), (
        "stopping someone early asks for less, never for more"
    )


@pytest.mark.sampled("MIPROv2")
@pytest.mark.parametrize("name", [name for name in LONGER if name != "LabeledFewShot"])
def test_a_branch_without_the_decision_goes_the_other_way(name: str) -> None:
    """Before a reject, a branch is the run that never had it; it shares what was bought on both ways, and the first run stays as it was."""
    lm = lmnb.FakeLM(worlds.reply, cache=False)
    whole = start(name, lm)
    whole.wait(60)
    run = start(name, lm, paused=True)
    for _ in range(2):
        run.step()
        run.until("paused", 30)
    run.reject(1 if len(run.candidates) > 1 else 0, "no")
    run.resume()
    run.wait(60)
    before = outcome(run), Path(run.path, "journal.jsonl").read_bytes()
    asked = len(lm.calls)
    branch = run.branch(at=run.decisions[0])
    branch.wait(60)
    assert outcome(branch) == outcome(whole) and branch.decisions == []
    new = costs(branch).keys() - costs(run).keys()
    assert len(lm.calls) - asked == sum(costs(branch)[key] for key in new), "it pays for what neither way had"
    assert (outcome(run), Path(run.path, "journal.jsonl").read_bytes()) == before
    again = lmnb.reopen(branch.path)
    assert outcome(again) == outcome(branch) and again.replay().slots() == branch.result().slots()


def test_a_branch_of_a_stopped_run_goes_on_where_it_stood() -> None:
    """Its stop is taken back, its budget is a new one, and it ends as the uninterrupted run; a paused branch waits to be steered."""
    lm = lmnb.FakeLM(worlds.reply, cache=False)
    whole = start("COPRO", lm)
    whole.wait(60)
    run = start("COPRO", lm, budget=lmnb.Budget(calls=60))
    run.wait(60)
    assert run.state == "stopped"
    branch = run.branch(budget=lmnb.Budget(calls=10_000), run_dir="elsewhere")
    branch.wait(60)
    assert branch.path == Path("elsewhere") and outcome(branch) == outcome(whole)
    held = run.branch(at=run.candidates[1], paused=True)
    held.until("paused", 30)
    mine = held.inject(instructions={"rewrite.instructions": "Mine."})
    held.stop()
    held.wait(30)
    assert mine.id in [row.id for row in held.candidates] and mine.id not in [row.id for row in run.candidates]


def test_a_file_that_is_just_being_written_is_not_taken_along() -> None:
    """What the run writes beside its name, to move it there when it is whole, is gone before a copy could read it."""
    run = start("LabeledFewShot", lmnb.FakeLM(worlds.reply))
    run.wait(60)
    Path(run.path, ".program.json.x1y2").write_text("{")
    Path(run.path, "weights").mkdir()
    Path(run.path, "weights", "abc.gguf").write_text("w")
    branch = run.branch(k=4)
    branch.wait(60)
    kept = {str(path.relative_to(branch.path)) for path in Path(branch.path).rglob("*")}
    assert "weights/abc.gguf" in kept and ".program.json.x1y2" not in kept


def test_a_branch_at_a_candidate_of_a_run_that_was_checked() -> None:
    """What the check wrote is no decision about a candidate."""
    run = start("BootstrapFewShotWithRandomSearch", lmnb.FakeLM(worlds.reply))
    run.wait(60)
    run.check(worlds.questions(200, 206))
    branch = run.branch(at=1)
    branch.wait(60)
    assert branch.state == "finished" and len(branch.candidates) > 1


def test_what_was_lifted_is_not_carried_over() -> None:
    """A lock or pin that was in force for a while is none of the run that goes on from there."""
    run = start("LabeledFewShot", lmnb.FakeLM(worlds.reply))
    run.wait(30)
    slot = next(name for name in run.candidate(0).values if name.endswith(".instructions"))
    words = run.candidate(0).values[slot].split()
    run.lock(slot, words[0])
    run.lock(slot, words[1])
    run.unlock(slot, words[0])
    run.pin(slot, 0)
    run.unpin(slot)
    longer = run.branch(k=2)
    longer.wait(30)
    assert [(each.kind, each.data["text"]) for each in longer.decisions] == [("lock", words[1])]


def test_what_a_branch_cannot_take_is_said() -> None:
    """Neither a place that is none, nor arguments that would make the shared results wrong."""
    run = start("LabeledFewShot", lmnb.FakeLM(worlds.reply))
    run.wait(30)
    with pytest.raises(
        lmnb.InputError, match=r"this run has no candidate 99; .* write branch\(at=run.decisions\[...\]\)"
    ):
        run.branch(at=99)
    with pytest.raises(lmnb.InputError, match="has no argument 'breadth'; it takes k, metric, task, sample"):
        run.branch(breadth=3)
    with pytest.raises(lmnb.InputError, match="so metric stays"):
        run.branch(metric=worlds.judged)
    with pytest.raises(lmnb.InputError, match=r"leave at=\.\.\. out"):
        run.branch(at=0, k=2)
    bare = start("LabeledFewShot", lmnb.FakeLM(worlds.reply), run_dir=None)
    bare.wait(30)
    with pytest.raises(lmnb.RunError, match=r"run_dir=None: .* so it cannot have branches"):
        bare.branch()


def test_what_a_branch_shares_costs_what_it_did_where_costs_are_compared() -> None:
    """It is free for the budget, and no reason to be "cheapest"; reopened, the branch has spent the same."""
    lm = lmnb.FakeLM(worlds.reply, cache=False)
    run = start("BootstrapFewShotWithRandomSearch", lm, objective="cheapest")
    run.wait(60)
    longer = run.branch(num_candidate_programs=5)
    longer.wait(60)
    calls = longer.to_pandas().calls
    assert set(calls) == {2.0} and list(calls[: len(run.candidates)]) == list(run.to_pandas().calls)
    spent = {name: part["spent"] for name, part in longer.snapshot()["budget"].items() if name != "seconds"}
    again = lmnb.reopen(longer.path).snapshot()["budget"]
    assert {name: again[name]["spent"] for name in spent} == spent
