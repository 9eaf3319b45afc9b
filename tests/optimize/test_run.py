"""Steering a live run: pause, stop, cancel, resume, decisions in flight, and what a reopened run needs."""

from __future__ import annotations

import signal
import threading
import time

import pytest
import worlds

import lmnb


class Gated:
    """A model that answers as the world does, but only while its gate is open."""

    def __init__(self):
        self.gate = threading.Event()
        self.gate.set()
        self.asked = 0

    def __call__(self, messages, **options):
        self.asked += 1
        assert self.gate.wait(30)
        return worlds.reply(messages)


def search(**options):
    return lmnb.BootstrapFewShotWithRandomSearch(
        metric=worlds.exact, max_bootstrapped_demos=2, max_labeled_demos=3, num_candidate_programs=2, **options
    )


def start(model=worlds.reply, optimizer=None, **options):
    given = {"trainset": worlds.questions(0, 12), "valset": worlds.questions(100, 112), "num_threads": 4, **options}
    with lmnb.context(lm=lmnb.FakeLM(model)):
        return (optimizer or search()).start(worlds.TwoCalls(), **given)


def reopened(run):
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        return lmnb.reopen(run.path, program=worlds.TwoCalls(), metric=worlds.exact)


def ids(run):
    return [(c.id, c.score) for c in run.candidates]


def test_after_pause_nothing_is_dispatched_and_resume_goes_on():
    """Pause lets the calls in flight finish and sends no other; resume ends the run as if nothing had been."""
    model = Gated()
    run = start(model, paused=True)
    model.gate.clear()
    run.resume()
    while model.asked < 4:
        time.sleep(0.005)
    run.pause()
    assert run.state == "pausing"
    model.gate.set()
    run.until("paused", 10)
    at_pause = model.asked
    time.sleep(0.3)
    assert model.asked == at_pause <= 8  # each of the four rollouts in flight makes two calls
    run.resume()
    run.wait(30)
    headless = start()
    headless.wait(30)
    assert ids(run) == ids(headless)


def test_step_runs_to_the_next_scored_candidate():
    """Each step scores one candidate and pauses."""
    run = start(paused=True)
    for count in (1, 2, 3):
        run.step()
        run.until("paused", 10)
        assert sum(c.status == "scored" for c in run.candidates) == count
    run.stop()
    run.wait(10)


def test_stop_keeps_the_best_and_resume_makes_it_whole():
    """A stopped run has a result; resumed, also after reopening, it ends as an uninterrupted one, and says that it was stopped."""
    run = start(paused=True)
    run.step()
    run.until("paused", 10)
    run.stop()
    assert run.wait(10) is not None and run.state == "stopped" and run.best is not None
    again = reopened(run)
    assert again.state == "stopped" and ids(again) == ids(run)
    again.resume()
    again.wait(30)
    headless = start()
    headless.wait(30)
    assert again.state == "finished" and ids(again) == ids(headless)
    assert [d.kind for d in again.decisions] == ["stop", "undo"]
    assert again.replay().slots() == headless.result().slots()


def test_a_larger_budget_takes_a_stopped_run_on():
    """A run that met its budget goes on under a larger one and buys nothing twice."""
    run = start(budget=lmnb.Budget(calls=60))
    run.wait(30)
    assert run.state == "stopped" and run.snapshot()["budget"]["calls"]["spent"] <= 60
    run = reopened(run)
    run.resume(budget=lmnb.Budget(calls=100_000))
    run.wait(30)
    headless = start()
    headless.wait(30)
    assert ids(run) == ids(headless)
    assert run.snapshot()["budget"]["calls"]["spent"] == headless.snapshot()["budget"]["calls"]["spent"]


@pytest.mark.parametrize("case", ["finished", "without its code"])
def test_a_budget_that_takes_no_run_on_is_refused_before_anything_is_written(case):
    """The journal stays as it was, and the run is not held: another process can go on with it."""

    def local(example, prediction, trace=None):
        return worlds.exact(example, prediction)

    run = start(optimizer=lmnb.BootstrapFewShot(metric=local, max_bootstrapped_demos=1), paused=case != "finished")
    if case != "finished":
        run.stop()
    run.wait(30)
    journal = run.path / "journal.jsonl"
    before = journal.read_bytes()
    refused, says = (run, "run is finished") if case == "finished" else (lmnb.reopen(run.path), "Pass it: lmnb.reopen")
    with pytest.raises(lmnb.RunError, match=says):
        refused.resume(budget=lmnb.Budget(calls=100_000))
    assert journal.read_bytes() == before
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        other = lmnb.reopen(run.path, program=worlds.TwoCalls(), metric=local)
    if case == "finished":
        other.inject(instructions={"rewrite.instructions": "Another."})
    else:
        other.resume()
    other.wait(30)
    assert other.state == "finished"


def test_cancel_gives_up_the_calls_in_flight():
    """Cancel ends at once, although a model never answers."""
    model = Gated()
    run = start(model, paused=True)
    run.step()
    run.until("paused", 10)
    model.gate.clear()
    run.resume()
    before = model.asked
    while model.asked == before:
        time.sleep(0.005)
    run.cancel()
    run.until("ended", 5)
    assert run.state == "cancelled" and run.best is not None
    model.gate.set()


def test_rejecting_a_candidate_in_flight_drops_its_rollouts_and_undo_completes_it():
    """A candidate that is rejected while it is evaluated gets no further rollout; undone, it is scored to the end."""
    model = Gated()
    run = start(model, paused=True, num_threads=1)
    run.step()
    run.until("paused", 10)
    model.gate.clear()
    run.resume()
    while len(run.candidates) < 2 or (run.candidates[1].status == "waiting" and model.asked < 30):
        model.gate.set()
        time.sleep(0.001)
    model.gate.clear()
    victim = run.candidates[1]
    run.reject(victim, "not this one")
    model.gate.set()
    run.until("candidate", 10)
    dropped = run.candidates[1]
    assert dropped.status == "dropped" and dropped.done < dropped.total
    run.undo()
    run.wait(30)
    headless = start()
    headless.wait(30)
    assert run.candidates[1].status == "scored"
    assert run.candidates[1].score == headless.candidates[1].score
    replayed = reopened(run).replay()
    assert replayed.slots() == run.result().slots()


def test_redo_puts_an_undone_decision_in_force_again():
    """Undo and redo are records of their own; any decision can be undone, not only the last."""
    run = start()
    run.wait(30)
    best = run.best
    run.reject(best, "a")
    run.reject(run.best, "b")
    first = run.decisions[0]
    run.undo(first)
    assert run.best.id == best.id
    run.redo()
    assert run.best.id != best.id
    assert [d.kind for d in run.decisions] == ["reject", "reject", "undo", "redo"]
    assert reopened(run).best.id == run.best.id


def test_accept_endorses_a_candidate_until_a_later_reject():
    """The accepted candidate is the result, whatever its score; it does not end the run."""
    run = start(paused=True)
    run.step()
    run.until("paused", 10)
    run.accept(0)
    run.resume()
    run.wait(30)
    assert run.best.number == 0 and run.result().provenance["accepted"]
    run.reject(0)
    assert run.best.number != 0


def test_an_edited_demo_makes_a_child_with_the_change():
    """edit_demo changes one demo in the best candidate that holds it; the child is scored and tagged human."""
    run = start()
    run.wait(30)
    holder = next(c for c in run.candidates if list(run.candidate(c).demos()))
    slot, demo = next(iter(run.candidate(holder).demos()))
    field = "query" if slot.startswith("rewrite") and "query" in demo else next(k for k in demo if k != "question")
    child = run.edit_demo(demo, {field: "changed by hand"}, candidate=holder)
    run.until("ended", 10)
    assert "changed by hand" in [held[field] for _, held in child.demos() if field in held]
    assert run.candidates[-1].human and run.candidates[-1].status == "scored"


def test_a_kept_demo_goes_first_into_later_candidates():
    """Labelled demos that a person kept are drawn before all others."""
    run = start(paused=True)
    keep = worlds.questions(0, 12)[7]
    run.keep_demo(keep)
    run.resume()
    run.wait(30)
    labelled = next(c for c in run.candidates if "labelled demos" in c.label and c.origin == "labelled")
    assert run.candidate(labelled).values["respond.predict.demos"][0].question == keep.question


def test_decisions_carry_over_to_another_run():
    """A fresh run, also of another optimizer, starts with the decisions of a former one."""
    run = start()
    run.wait(30)
    run.reject_demo(worlds.questions(0, 12)[3], "wrong")
    run.edit(0, "rewrite.instructions", "Carried over.")
    run.until("ended", 10)
    other = start(
        optimizer=lmnb.BootstrapFewShot(metric=worlds.exact, max_bootstrapped_demos=2, max_labeled_demos=9),
        decisions=run.decisions,
    )
    other.wait(30)
    assert all(demo.question != "q3" for demo in other.demos)
    assert any(c.human and c.status == "scored" for c in other.candidates)


def test_growing_a_search_buys_only_the_new_candidates():
    """The same search with more candidates repeats the first ones exactly."""
    short, long = (
        start(),
        start(
            optimizer=lmnb.BootstrapFewShotWithRandomSearch(
                metric=worlds.exact, max_bootstrapped_demos=2, max_labeled_demos=3, num_candidate_programs=4
            )
        ),
    )
    for run in (short, long):
        run.wait(30)
    assert ids(long)[: len(ids(short))] == ids(short)


def test_stop_at_score_ends_the_search():
    """stop_at_score ends the search with the first candidate that reaches it."""
    run = start(optimizer=search(stop_at_score=1.0))
    run.wait(30)
    assert run.state == "finished" and run.candidates[-1].score >= 1.0
    assert all(c.score < 1.0 for c in run.candidates[:-1])


def test_a_threshold_of_zero_is_a_threshold():
    """D9: metric_threshold=0 lets a score of 0 pass, as the number says."""
    optimizer = lmnb.BootstrapFewShot(
        metric=lambda e, p, t=None: 0.0, metric_threshold=0, max_bootstrapped_demos=2, max_labeled_demos=0
    )
    run = start(optimizer=optimizer)
    run.wait(30)
    assert any(demo.origin == "bootstrapped" for demo in run.demos)


def test_a_teacher_gives_the_demos_and_may_use_another_lm():
    """teacher_settings hold for the teacher alone."""
    strong = lmnb.FakeLM(
        lambda messages: {
            **worlds.reply(messages),
            **({"reasoning": "strong"} if "reasoning" in worlds.reply(messages) else {}),
        }
    )
    optimizer = lmnb.BootstrapFewShot(
        metric=None, teacher_settings={"lm": strong}, max_bootstrapped_demos=2, max_labeled_demos=0
    )
    run = start(optimizer=optimizer)
    run.wait(30)
    assert {demo.reasoning for demo in run.demos if "reasoning" in demo} == {"strong"}


def test_without_a_valset_random_search_holds_examples_out():
    """What selects is not what trains, and the header says how the data was split."""
    run = start(valset=None, cross_fit=False)
    run.wait(30)
    assert run.snapshot()["evalset"] == {"name": "valset", "size": 4}
    assert "every third training example is held out" in run.header.note


def test_a_second_process_cannot_go_live():
    """A run that is at work is locked; looking at it is allowed."""
    run = start(paused=True)
    other = reopened(run)
    assert len(other.candidates) <= 1 and repr(other)
    with pytest.raises(lmnb.RunLocked, match="is at work in this process"):
        other.resume()
    run.stop()
    run.wait(10)


def test_changed_code_is_refused_with_what_changed():
    """A run does not go on with another metric than it began with."""
    run = start(paused=True)
    run.step()
    run.until("paused", 10)
    run.stop()
    run.wait(10)

    def another(example, prediction, trace=None):
        return True

    with pytest.raises(lmnb.Diverged, match=r"the metric changed since this run began.*decisions=run\.decisions"):
        lmnb.reopen(run.path, program=worlds.TwoCalls(), metric=another)


def test_a_run_without_its_code_can_be_looked_at_but_says_what_it_needs():
    """A metric typed in a cell is not found again: the run shows itself, and resume says what to pass."""

    def local(example, prediction, trace=None):
        return worlds.exact(example, prediction)

    run = start(optimizer=lmnb.BootstrapFewShot(metric=local, max_bootstrapped_demos=1), paused=True)
    run.stop()
    run.wait(10)
    again = lmnb.reopen(run.path)
    assert again.candidates == run.candidates
    with pytest.raises(
        lmnb.RunError, match=r"local is not importable.*lmnb\.reopen\(path, program=\.\.\., metric=\.\.\.\)"
    ):
        again.resume()
    assert not again.snapshot()["live"]


def test_unknown_names_are_told():
    """Wrong ids, slots and fields are errors that name what there is."""
    run = start()
    run.wait(30)
    with pytest.raises(lmnb.InputError, match="no candidate 99; its 5 candidates"):
        run.reject(99)
    with pytest.raises(
        lmnb.InputError, match=r"no instruction slot 'rewrite\.instruction'; this program has rewrite\.instructions"
    ):
        run.edit(0, "rewrite.instruction", "x")
    with pytest.raises(lmnb.InputError, match="this program has 2 predictors; say which"):
        run.inject(instructions="x")
    with pytest.raises(lmnb.InputError, match="there is no decision to undo"):
        run.undo()
    with pytest.raises(lmnb.InputError, match="no predictor has a field 'colour'"):
        run.inject(demo={"colour": "red"})


def test_an_interrupt_stops_cleanly_and_leaves_the_run_resumable():
    """KeyboardInterrupt in wait() stops the run and returns the best so far."""
    model = Gated()
    run = start(model, paused=True)
    run.step()
    run.until("paused", 10)
    main = threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
    try:
        threading.Timer(0.3, lambda: signal.pthread_kill(main.ident, signal.SIGINT)).start()
        program = run.wait(30)
    finally:
        signal.signal(signal.SIGINT, before)
    assert program is not None and run.state == "stopped"


def test_runs_lists_what_is_stored(tmp_path):
    """lmnb.runs() is a table of the stored runs."""
    run = start(run_dir=tmp_path / "one")
    run.wait(30)
    rows = lmnb.runs(tmp_path)
    assert len(rows) == 1 and rows[0]["state"] == "finished" and rows[0]["best"] == run.best.score
    assert "BootstrapFewShotWithRandomSearch" in repr(rows)


def test_a_label_that_no_reply_could_equal_is_refused():
    """A training label outside the Literal is a mistake in the data, named before anything runs."""
    program = lmnb.Predict("ticket -> team: Literal['otter', 'falcon']")
    trainset = [lmnb.Example(ticket="a", team=team).with_inputs("ticket") for team in ("otter", "Otters")]
    with pytest.raises(
        lmnb.InputError, match=r"trainset\[1\]\.team is 'Otters', which is not \(one of: otter, falcon\)"
    ):
        lmnb.LabeledFewShot(k=1).compile(program, trainset=trainset)


def test_a_cell_that_is_run_again_ends_its_former_run():
    """Running a notebook cell twice leaves one run at work; two runs of one execution stay."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    try:

        def executed(message):
            parent = {"header": {"msg_id": message}, "metadata": {"cellId": "cell-1"}}
            shell.get_parent = lambda: parent
            return [start(paused=True), start(paused=True)]

        first = executed("one")
        assert [run.state in ("paused", "pausing") for run in first] == [True, True]
        second = executed("two")
        for run in first:
            run.until("ended", 10)
        assert [run.state for run in first] == ["stopped", "stopped"]
        assert [run.state in ("paused", "pausing") for run in second] == [True, True]
        for run in second:
            run.stop()
            run.until("ended", 10)
    finally:
        InteractiveShell.clear_instance()
