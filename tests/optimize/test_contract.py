"""What every optimizer must hold: a new one is in as soon as it is listed in `worlds.optimizers`."""

from __future__ import annotations

import json

import pytest
import worlds

import lmnb

NAMES = list(worlds.optimizers(worlds.exact))


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def start(name, *, metric=worlds.exact, lm=None, threads=4, **options):
    with lmnb.context(lm=lm or lmnb.FakeLM(worlds.reply)):
        return worlds.optimizers(metric)[name].start(
            worlds.TwoCalls(),
            trainset=worlds.questions(0, 12),
            valset=worlds.questions(100, 108),
            num_threads=threads,
            **options,
        )


def outcome(run):
    """What must be equal between two runs: candidates, scores, decisions and the result; times and costs aside."""
    rows = [(c.id, c.label, c.status, c.score, c.reason, c.parents) for c in run.candidates]
    return rows, [(d.kind, d.text, d.data, d.batch, d.during) for d in run.decisions], run.best and run.best.id


def test_a_seeded_run_repeats_exactly(name):
    """Two runs with one seed give the same candidates and result, whatever the number of threads."""
    runs = [start(name, threads=threads) for threads in (1, 8)]
    for run in runs:
        run.wait(60)
    assert outcome(runs[0]) == outcome(runs[1])


def test_another_seed_is_another_run(name):
    """The seed matters, and 0 is a seed like any other."""
    runs = [start(name, seed=seed) for seed in (0, 9)]
    for run in runs:
        run.wait(60)
    assert outcome(runs[0]) != outcome(runs[1])


def test_the_callers_program_and_examples_are_untouched(name):
    """compile gives a new program and leaves what it was given as it was."""
    program, trainset = worlds.TwoCalls(), worlds.questions(0, 12)
    before = json.dumps(program.dump_state(), default=str), [dict(e.items()) for e in trainset]
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        tuned = worlds.optimizers(worlds.exact)[name].compile(program, trainset=trainset)
    assert (json.dumps(program.dump_state(), default=str), [dict(e.items()) for e in trainset]) == before
    assert tuned is not program
    assert any(predictor.demos for predictor in tuned.predictors()) or name in worlds.WITHOUT_DEMOS


def test_the_budget_holds_at_the_request(name):
    """No call beyond the budget is made; the run stops with the best so far, and says why."""
    lm = lmnb.FakeLM(worlds.reply)
    run = start(name, lm=lm, budget=lmnb.Budget(calls=41))
    run.wait(60)
    assert len(lm.calls) <= 41
    if len(lm.calls) == 41:
        assert run.state == "stopped" and "the budget of 41 calls is spent" in run.decisions[-1].text
    assert run.best is not None


def test_stepped_equals_headless(name):
    """Stepping candidate by candidate gives what an uninterrupted run gives."""
    headless = start(name)
    headless.wait(60)
    stepped = start(name, paused=True)
    while stepped.state not in ("finished", "failed"):
        stepped.until("paused", 30)
        if stepped.state == "paused":
            stepped.step()
    assert outcome(stepped) == outcome(headless)


def test_replay_asks_no_model_and_gives_the_same_program(name):
    """The journal alone gives the program again, decisions of a person included, with no LM call and no person."""
    lm = lmnb.FakeLM(worlds.reply)
    run = start(name, lm=lm, paused=True)
    run.step()
    run.until("paused", 30)
    run.reject_demo(worlds.questions(0, 12)[3], "wrong")
    run.edit(0, "rewrite.instructions", "Write a better query.")
    run.resume()
    tuned = run.wait(60)
    asked = len(lm.calls)
    again = lmnb.reopen(run.path)
    assert outcome(again) == outcome(run)
    program = again.replay()
    assert len(lm.calls) == asked
    assert program.messages(question="q1") if hasattr(program, "signature") else program.slots() == tuned.slots()


def test_a_finished_run_reopens_as_it_was(name):
    """Reopening from the folder shows the same candidates, scores and result."""
    run = start(name)
    run.wait(60)
    again = lmnb.reopen(run.path, program=worlds.TwoCalls(), metric=worlds.exact)
    assert again.state == "finished" and outcome(again) == outcome(run)
    assert again.result().slots() == run.result().slots()


def test_a_rejected_demo_never_reaches_the_result(name):
    """Rejecting a demo drops every candidate that holds it, also one that was scored before."""
    run = start(name)
    run.wait(60)
    if name in worlds.WITHOUT_DEMOS:
        run.inject(demo=worlds.questions(0, 12)[3].with_origin("labelled", source=3))
        run.until("ended", 30)
    holders = [c for c in run.candidates if c.status in ("scored", "unscored") and list(run.candidate(c).demos())]
    holder = holders[0]
    run.accept(holder)
    assert run.best.id == holder.id
    demo = next(demo for _, demo in run.candidate(holder).demos())
    run.reject_demo(demo, "wrong")
    assert run.candidates[holder.number].reason == f"holds demo {demo.source}"
    assert demo not in [held for _, held in run.candidate(run.best).demos()]
    run.undo()
    assert run.best.id == holder.id


def test_a_rejected_candidate_never_wins_and_undo_brings_it_back(name):
    """A reject after scoring takes the candidate out of the result; undo brings it back with its score."""
    run = start(name)
    run.wait(60)
    best = run.best
    run.reject(best, "no")
    assert run.best.id != best.id and "rejected: no" in [c.reason for c in run.candidates]
    run.undo()
    assert run.best == best


def test_an_edited_instruction_is_a_human_candidate_and_scored(name):
    """An edit makes a child tagged human, which the driver evaluates, also after the end."""
    run = start(name)
    run.wait(60)
    child = run.edit(run.best, "rewrite.instructions", "Write a short query.")
    run.until("ended", 30)
    row = next(c for c in run.candidates if c.id == child.id)
    assert row.human and row.status == "scored" and row.done == 8
    assert run.state == "finished"


def test_an_injected_candidate_is_evaluated(name):
    """What a person injects is scored like any other."""
    run = start(name, paused=True)
    child = run.inject(instructions={"rewrite.instructions": "Say it in other words."})
    run.resume()
    run.wait(60)
    assert next(c for c in run.candidates if c.id == child.id).status == "scored"


def test_a_pinned_slot_never_changes(name):
    """After a pin every later candidate carries the pinned value."""
    run = start(name, paused=True)
    run.inject(instructions={"rewrite.instructions": "Pinned."})
    run.step()
    run.until("paused", 30)
    run.pin("rewrite.instructions", len(run.candidates) - 1)
    run.resume()
    tuned = run.wait(60)
    assert tuned.rewrite.instructions == "Pinned."
    assert all(
        run.candidate(c).values["rewrite.instructions"] == "Pinned."
        for c in run.candidates
        if c.status == "scored" and c.reason is None
    )


def test_one_failing_example_is_a_row_with_the_error(name):
    """A metric that fails on one example costs that example, not the run."""

    def picky(example, prediction, trace=None):
        if example.question == "q103":
            raise ValueError("cannot score q103")
        return worlds.exact(example, prediction)

    run = start(name, metric=picky)
    run.wait(60)
    if name != "LabeledFewShot":  # it has no metric
        errors = run.examples(run.best, only="error")["rows"]
        assert [row["index"] for row in errors] == [3] and "cannot score q103" in errors[0]["error"]


def test_a_metric_that_always_fails_ends_the_run_early_with_the_cause(name):
    """Systematic failure stops the run after the first ten and names the cause."""
    if name == "LabeledFewShot":
        pytest.skip("has no metric")
    lm = lmnb.FakeLM(worlds.reply)

    def broken(example, prediction, trace=None):
        raise KeyError("colour")

    run = start(name, metric=broken, lm=lm, threads=1)
    with pytest.raises(lmnb.SystematicFailure, match=r"KeyError.*colour"):
        run.wait(60)
    assert run.state == "failed" and len(lm.calls) <= 40


def test_an_empty_trainset_says_what_to_give(name):
    """An empty training set is refused before anything runs."""
    with pytest.raises(lmnb.InputError, match=r"the trainset is empty\. Give at least one Example"):
        worlds.optimizers(worlds.exact)[name].compile(worlds.TwoCalls(), trainset=[])


def test_an_argument_that_there_is_not_says_which_there_are(name):
    """A slip in the name of an option is refused before anything runs, and what was meant is named."""
    with pytest.raises(lmnb.InputError, match=r"has no argument 'val_set' of compile or start\. Did you mean 'valset'"):
        start(name, val_set=[])


def test_a_search_that_scores_needs_a_metric(name):
    """Without one it would end with whatever it made last."""
    optimizer = worlds.optimizers(worlds.exact)[name]
    if not optimizer.needs_evalset:
        pytest.skip("does without")
    optimizer.metric = None
    with pytest.raises(lmnb.InputError, match=r"scores what it tries\. Write \w+\(metric=\.\.\.\)"):
        optimizer.start(worlds.TwoCalls(), trainset=worlds.questions(0, 12))


def test_what_is_no_program_is_refused(name):
    """A signature in place of a program is told how to make one of it."""
    with pytest.raises(
        lmnb.InputError, match=r"no program\. Write a module, such as lmnb\.Predict\('question -> answer'\)"
    ):
        worlds.optimizers(worlds.exact)[name].start("question -> answer", trainset=worlds.questions(0, 12))
