"""What must not go wrong quietly: scores, budgets, decisions and resumed runs under awkward programs, metrics and moments."""

from __future__ import annotations

import contextlib
import datetime
import json
import threading
import time
from pathlib import Path

import pytest
import worlds

import lmnb
from lmnb.optimize.effects import Inbox, Report, Rollout
from lmnb.optimize.job import Job
from lmnb.optimize.search import evaluate, gate, together


def start(optimizer, *, program=None, lm=None, train=None, val=None, **options):
    with lmnb.context(lm=lm or lmnb.FakeLM(worlds.reply)):
        return optimizer.start(
            program or worlds.TwoCalls(),
            trainset=train or worlds.questions(0, 12),
            valset=worlds.questions(100, 106) if val is None else val,
            **{"num_threads": 2, **options},
        )


def bootstrap(metric=worlds.exact, **options):
    return lmnb.BootstrapFewShot(metric=metric, max_bootstrapped_demos=2, max_labeled_demos=3, **options)


def reopened(run, metric=worlds.exact, program=None, lm=None, **given):
    with lmnb.context(lm=lm or lmnb.FakeLM(worlds.reply)):
        return lmnb.reopen(run.path, program=program or worlds.TwoCalls(), metric=metric, **given)


def test_every_reply_is_in_the_journal_before_the_next_call_is_made():
    """A reply is written down the moment it is there: when the next call is sent, the journal holds all replies so far."""
    seen = []

    def model(messages):
        lines = Path(run.path, "journal.jsonl").read_text().splitlines() if seen is not None else []
        seen.append(sum(json.loads(line)["k"] == "call" for line in lines))
        return worlds.reply(messages)

    run = start(bootstrap(metric=worlds.judged), lm=lmnb.FakeLM(model), num_threads=1, paused=True)
    run.resume()
    run.wait(30)
    assert seen == list(range(len(seen))) and len(seen) > 20


def test_a_wrong_argument_is_its_callers_error_and_no_end_of_the_run():
    """Whatever is wrong with a decision reaches who made it; the run goes on."""
    run = start(bootstrap(), paused=True)
    with pytest.raises(lmnb.InputError, match="'text' is no demo"):
        run.inject(demo="text")
    with pytest.raises(lmnb.InputError, match="is no text"):
        run.reject(0, reason=Path("x"))
    run.resume()
    run.wait(30)
    assert run.state == "finished" and not run.decisions


def test_without_a_metric_nothing_is_scored_and_the_proposal_is_the_result():
    """LabeledFewShot without a metric gives its demos, also with a valset, and makes no call."""
    lm = lmnb.FakeLM(worlds.reply)
    run = start(lmnb.LabeledFewShot(k=3), lm=lm)
    tuned = run.wait(30)
    assert len(tuned.rewrite.demos + tuned.respond.predict.demos) == 3 and lm.calls == []
    assert "there is no metric" in run.header.note


def test_equal_scores_are_equal_in_whatever_order_they_came():
    """Fractional scores are summed alike: a tie goes to the earlier candidate, live, reopened and replayed."""

    def fraction(example, prediction, trace=None):
        return [0.1, 0.2, 0.3, 0.7, 0.6, 0.15][int(example.question[1:]) % 6]

    run = start(bootstrap(metric=fraction), num_threads=6)
    run.wait(30)
    assert run.candidates[0].score == run.candidates[1].score and run.best.number == 0
    assert lmnb.reopen(run.path).best.number == 0
    lmnb.reopen(run.path).replay_candidate()


def test_a_refused_call_is_no_score_even_if_the_program_hides_it():
    """A program that falls back on errors does not turn a spent budget into scores."""

    class Hiding(worlds.TwoCalls):
        def forward(self, question):
            try:
                return super().forward(question)
            except Exception:  # noqa: BLE001 - the point of the test
                return lmnb.Prediction(answer="fallback")

    run = start(bootstrap(), program=Hiding(), budget=lmnb.Budget(calls=9))
    run.wait(30)
    assert run.state == "stopped"
    outputs = [row["outputs"]["answer"] for c in run.candidates for row in run.examples(c)["rows"]]
    assert "fallback" not in outputs


def test_a_teacher_brings_its_own_instructions():
    """A teacher without demos still teaches with its own instructions."""
    teacher = worlds.TwoCalls()
    teacher.rewrite.instructions = "TEACHER"
    lm = lmnb.FakeLM(worlds.reply)
    run = start(bootstrap(), lm=lm, teacher=teacher)
    run.wait(30)
    assert any(call["messages"][0]["content"].startswith("TEACHER") for call in lm.calls)


def test_teacher_settings_must_be_given_again():
    """A run with teacher_settings does not go on without them, nor with others."""
    strong = lmnb.FakeLM(worlds.reply, model="strong")
    run = start(bootstrap(teacher_settings={"lm": strong}), paused=True)
    run.stop()
    run.wait(10)
    with pytest.raises(lmnb.RunError, match=r"its teacher_settings .* are not kept"):
        reopened(run).resume()
    with pytest.raises(lmnb.Diverged, match="teacher_settings changed"):
        reopened(run, teacher_settings={"lm": lmnb.FakeLM(worlds.reply, model="weak")})
    again = reopened(run, teacher_settings={"lm": strong})
    again.resume()
    again.wait(30)
    assert again.state == "finished"


def test_typed_examples_are_asked_for_again():
    """Dates do not survive JSON: such a run does not go on with other data than it began with."""

    def due(example, prediction, trace=None):
        return example.due == datetime.date(2026, 1, 2)

    rows = [e.copy(due=datetime.date(2026, 1, 2)) for e in worlds.questions(0, 9)]
    run = start(bootstrap(metric=due), train=rows, val=rows[:4], paused=True)
    run.step()
    run.until("paused", 10)
    run.stop()
    run.wait(10)
    with pytest.raises(lmnb.RunError, match="values that JSON changes"):
        reopened(run, metric=due).resume()
    again = reopened(run, metric=due, trainset=rows, valset=rows[:4])
    again.resume()
    again.wait(30)
    assert {c.score for c in again.candidates} == {100.0}
    with pytest.raises(lmnb.Diverged, match="data changed"):
        reopened(run, metric=due, trainset=rows[1:], valset=rows[:4])


def test_a_failed_run_resumed_with_the_cause_gone_is_a_clean_run():
    """What failed is asked again, and the reopened run shows what the live one shows."""
    broken = threading.Event()
    broken.set()

    class Flaky(lmnb.FakeLM):
        def forward(self, prompt=None, messages=None, **options):
            if broken.is_set() and len(self.calls) > 20:
                raise lmnb.AuthError("the key was refused", model="flaky")
            return super().forward(prompt=prompt, messages=messages, **options)

    lm = Flaky(worlds.reply)
    run = start(bootstrap(), lm=lm, val=worlds.questions(100, 130))
    with pytest.raises(lmnb.SystematicFailure, match="the key was refused"):
        run.wait(30)
    broken.clear()
    again = reopened(run, lm=lm)
    again.resume()
    again.wait(30)
    clean = start(bootstrap(), val=worlds.questions(100, 130))
    clean.wait(30)
    expected = [(c.id, c.score) for c in clean.candidates]
    assert [(c.id, c.score) for c in again.candidates] == expected
    assert [(c.id, c.score) for c in lmnb.reopen(run.path).candidates] == expected
    assert again.replay().slots() == clean.result().slots()


def test_one_fault_after_a_resume_is_one_fault():
    """Recorded successes count: a single error in the rest of a resumed run does not fail it."""

    def picky(example, prediction, trace=None):
        if example.question == "q105" and len(example.keys()) == 2:
            raise ValueError("cannot score q105")
        return worlds.exact(example, prediction)

    run = start(lmnb.LabeledFewShot(k=2, metric=picky), num_threads=1)
    run.wait(30)
    journal = Path(run.path, "journal.jsonl")
    lines = journal.read_text().splitlines(keepends=True)
    last = max(i for i, line in enumerate(lines) if json.loads(line)["k"] == "rollout")
    journal.write_text("".join(lines[:last]))
    again = reopened(run, metric=picky)
    again.resume()
    again.wait(30)
    assert again.state == "finished"


def test_budgets_of_the_caller_hold_too_and_count():
    """A budget in force around a run, or given to two runs, is spent by both."""
    lm = lmnb.FakeLM(worlds.reply)
    with lmnb.context(lm=lm, budget=lmnb.Budget(calls=5)):
        run = bootstrap().start(worlds.TwoCalls(), trainset=worlds.questions(0, 12), valset=worlds.questions(100, 106))
        run.wait(30)
    assert run.state == "stopped" and len(lm.calls) == 5
    shared = lmnb.Budget(calls=30)
    spent = lmnb.FakeLM(worlds.reply)
    for _ in range(2):
        start(bootstrap(), lm=spent, budget=shared).wait(30)
    assert len(spent.calls) == 30 and shared.spent["calls"] == 30


def test_a_pause_spends_no_time():
    """The seconds of a budget are working time."""
    run = start(bootstrap(), paused=True, budget=lmnb.Budget(seconds=0.6))
    time.sleep(0.8)
    assert run.elapsed < 0.4
    run.resume()
    run.wait(30)
    assert run.state == "finished"


def test_time_is_a_limit_and_outlives_the_process():
    """A budget of seconds stops the run; the time spent is in the journal."""
    slow = lmnb.FakeLM(worlds.reply, delay=0.02)
    run = start(bootstrap(), lm=slow, budget=lmnb.Budget(seconds=0.2), num_threads=1)
    run.wait(30)
    assert run.state == "stopped" and "seconds" in run.decisions[-1].text
    assert lmnb.reopen(run.path).elapsed == pytest.approx(run.elapsed, abs=0.05)


def test_a_raised_budget_is_kept():
    """The limit that a person gave on resume stands in the journal."""
    run = start(bootstrap(), budget=lmnb.Budget(calls=9))
    run.wait(30)
    again = reopened(run)
    again.resume(budget=lmnb.Budget(calls=1_000))
    again.wait(30)
    assert lmnb.reopen(run.path).snapshot()["budget"]["calls"]["limit"] == 1_000
    here = start(bootstrap(), budget=lmnb.Budget(calls=9))
    here.wait(30)
    here.resume(budget=lmnb.Budget(calls=1_000))
    here.wait(30)
    assert here.state == again.state == "finished"


def test_redo_after_a_resume_takes_the_right_decision():
    """The undo that a resume makes of a stop is no person's undo."""
    run = start(bootstrap(), paused=True)
    run.step()
    run.until("paused", 10)
    run.reject(0, "no")
    run.stop()
    run.until("ended", 10)
    again = reopened(run)
    again.resume()
    again.wait(30)
    with pytest.raises(lmnb.InputError, match="nothing to redo"):
        again.redo()
    again.undo()
    again.redo()
    assert again.candidates[0].reason == "rejected: no" and again.state == "finished"


def test_a_resume_that_diverges_leaves_the_run_as_it_was():
    """With another optimizer argument in the journal, resuming fails and neither result nor journal change."""
    run = start(bootstrap(), val=worlds.questions(100, 110), budget=lmnb.Budget(calls=40))
    run.wait(30)
    folder = Path(run.path)
    journal = folder / "journal.jsonl"
    lines = journal.read_text().splitlines()
    header = json.loads(lines[0])
    lines[0] = json.dumps({**header, "arguments": {**header["arguments"], "max_labeled_demos": 0}})
    journal.write_text("\n".join(lines) + "\n")
    before = (folder / "program.json").read_text(), journal.read_text()
    again = reopened(run)
    shown = again.candidates
    again.resume(budget=lmnb.Budget(calls=10_000))
    with pytest.raises(lmnb.Diverged):
        again.wait(30)
    assert (folder / "program.json").read_text() == before[0] and again.candidates == shown
    assert journal.read_text().startswith(before[1])


def test_seeds_draw_different_demos_also_where_nothing_is_bootstrapped():
    """When no rollout succeeds, the candidates of a search still differ in their labelled demos."""
    search = lmnb.BootstrapFewShotWithRandomSearch(
        metric=lambda e, p, t=None: False, max_bootstrapped_demos=2, max_labeled_demos=3, num_candidate_programs=5
    )
    run = start(search)
    run.wait(60)
    assert len({c.id for c in run.candidates}) >= 7


def test_restrict_takes_any_collection_of_seeds():
    """restrict=range(...) runs those seeds; what cannot be written down is refused."""
    search = lmnb.BootstrapFewShotWithRandomSearch(metric=worlds.exact, max_labeled_demos=3, num_candidate_programs=3)
    run = start(search, restrict=range(-3, 0))
    run.wait(30)
    assert len(run.candidates) == 3
    with pytest.raises(lmnb.InputError, match="cannot be written down"):
        start(search, restrict=object())


def test_one_unreadable_folder_does_not_hide_the_others(tmp_path):
    """lmnb.runs() shows a broken run as a row, and imports nothing that a folder names."""
    run = start(bootstrap(), run_dir=tmp_path / "good")
    run.wait(30)
    for number, change in enumerate(
        [{"optimizer_path": ":X"}, {"budget": {"wishes": 3}}, {"arguments": [1]}, {"evalset": "moon"}, {"shape": {}}]
    ):
        folder = tmp_path / f"bad-{number}"
        folder.mkdir()
        (folder / "blobs.jsonl").write_bytes((tmp_path / "good" / "blobs.jsonl").read_bytes())
        lines = (tmp_path / "good" / "journal.jsonl").read_text().splitlines()
        lines[0] = json.dumps({**json.loads(lines[0]), **change})
        (folder / "journal.jsonl").write_text("\n".join(lines) + "\n")
    rows = lmnb.runs(tmp_path)
    assert len(rows) == 6 and sum(row["state"] == "finished" for row in rows) in (1, 2)


class Paired(lmnb.Optimizer):
    """Scores two edited instructions side by side, then whatever the person injected."""

    needs_evalset = True

    def search(self, task):
        yield [Report("two at once")]
        made = [task.baseline.put("rewrite.instructions", text, origin="edited") for text in ("One.", "Two.")]
        scores = yield from together(*[self.scored(candidate, task) for candidate in made])
        for candidate in (yield [Inbox()])[0]:
            scores.append((yield from evaluate(candidate, task)))
        assert all(score is not None for score in scores)

    def scored(self, candidate, task):
        admitted = yield from gate(candidate)
        return (yield from evaluate(admitted, task))


def test_an_optimizer_of_ones_own_runs_searches_side_by_side_and_reads_the_inbox():
    """Effects are enough to write an optimizer: `together` merges batches, Inbox gives what was injected, Report is an event."""
    run = start(Paired(metric=worlds.exact), paused=True)
    run.inject(instructions={"rewrite.instructions": "Mine."})
    run.resume()
    run.wait(30)
    assert [c.status for c in run.candidates] == ["scored"] * 3
    assert any(event["what"] == "two at once" for event in run.events)
    assert isinstance(Rollout(run.candidate(0), 0).key(), str)


def outcome(run):
    return sorted((row.id, row.status, row.score) for row in run.candidates)


@pytest.mark.parametrize("call", range(1, 32, 3))
def test_a_run_cancelled_at_any_call_resumes_to_the_outcome_it_would_have_had(call):
    """Whenever cancel comes, the run ends cancelled, and resumed it buys only what is missing and ends as if uninterrupted."""
    whole = start(bootstrap())
    whole.wait(30)
    calls = []

    def model(messages):
        calls.append(messages)
        if len(calls) == call:
            run.cancel()
        return worlds.reply(messages)

    run = start(bootstrap(), lm=lmnb.FakeLM(model), paused=True)
    run.resume()
    with contextlib.suppress(lmnb.RunError):  # nothing is scored yet
        run.wait(30)
    assert run.state == "cancelled"
    run.resume()
    run.wait(30)
    assert outcome(run) == outcome(whole)
    records = [json.loads(line) for line in Path(run.path, "journal.jsonl").read_text().splitlines()]
    kept = [(record["n"], record["key"]) for record in records if record["k"] == "rollout"]
    assert len(kept) == len(set(kept))


def test_a_rollout_that_a_cancel_gave_up_writes_nothing_into_the_resumed_run():
    """A metric still at work when its run is cancelled, resumed and done again ends unheard: no rollout is in the journal twice."""
    entered, leave, done = threading.Event(), threading.Event(), threading.Event()

    def slow(example, prediction, trace=None):
        if not entered.is_set():
            entered.set()
            leave.wait(30)
            done.set()
        return worlds.exact(example, prediction)

    run = start(bootstrap(metric=slow), num_threads=1, paused=True)
    run.resume()
    entered.wait(30)
    run.cancel()
    with contextlib.suppress(lmnb.RunError):
        run.wait(30)
    left = [thread for thread in threading.enumerate() if thread.name.startswith("lmnb-rollout")]
    run.resume()
    run.until("candidate", 30)
    leave.set()
    for thread in left:
        thread.join(30)
    run.wait(30)
    assert done.is_set() and run.state == "finished"
    records = [json.loads(line) for line in Path(run.path, "journal.jsonl").read_text().splitlines()]
    kept = [record["key"] for record in records if record["k"] == "rollout"]
    assert len(kept) == len(set(kept)) > 0


@pytest.mark.parametrize("rows", range(2, 8))
def test_decisions_made_while_a_run_ends_are_carried_out_once_each(rows):
    """A decision that races with the end of the run is neither lost nor doubled."""
    run = start(bootstrap(), val=worlds.questions(100, 100 + rows), paused=True)
    texts = [f"Answer in way {number}." for number in range(12)]
    at_work = threading.Event()

    def decide():
        at_work.wait(30)
        for text in texts:
            run.inject(instructions={"rewrite.instructions": text})

    decider = threading.Thread(target=decide)
    decider.start()
    run.subscribe(at_work.set)
    run.resume()
    run.wait(30)
    decider.join(30)
    run.until("ended", 30)
    assert [decision.kind for decision in run.decisions] == ["inject"] * len(texts)
    assert len({decision.id for decision in run.decisions}) == len(texts)
    mine = [row for row in run.candidates if row.human]
    assert len(mine) == len(texts) and all(row.status == "scored" for row in mine)


def test_whoever_claims_a_decision_carries_it_out_alone():
    """A decision that waits in the mail when its run ends is done by its caller, and not again by the run's next thread."""
    done = []
    job = Job(lambda: done.append("by the run"))
    assert job.claim()  # its caller, who saw the run end
    job.run()  # the thread that reads the mail later
    assert done == [] and not job.done.is_set()
    other = Job(lambda: done.append("by the run"))
    other.run()
    assert not other.claim() and done == ["by the run"]


class Awaited(lmnb.BootstrapFewShot):
    """Begins its search when it is told to."""

    begun, may = threading.Event(), threading.Event()

    def search(self, task):
        self.begun.set()
        self.may.wait(20)
        yield from super().search(task)


def test_a_stop_during_the_replay_of_a_resumed_run_comes_after_what_was_decided_before():
    """Who stops a run that is still playing back what it has does so where the journal ends, and it can go on from there."""
    optimizer = Awaited(metric=worlds.exact, max_bootstrapped_demos=2, max_labeled_demos=3)
    optimizer.may.set()
    clean = start(optimizer)
    clean.wait(30)
    run = start(optimizer, paused=True)
    run.step()
    run.until("paused", 20)
    run.stop()
    run.until("ended", 20)
    again = reopened(run)
    optimizer.begun.clear()
    optimizer.may.clear()
    again.resume()
    assert optimizer.begun.wait(20)
    again.stop()
    optimizer.may.set()
    again.until("ended", 20)
    assert [decision.kind for decision in again.decisions] == ["stop", "undo", "stop"]
    assert [decision.id for decision in again.decisions] == [0, 1, 2]
    again.resume()
    again.wait(30)
    assert [(c.id, c.score) for c in again.candidates] == [(c.id, c.score) for c in clean.candidates]
    again.replay_candidate()
