"""A run where several act on it at once: decisions before and after a stop, who looks while it is built anew, a disk that is full."""

from __future__ import annotations

import resource
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import worlds

import lmnb
from lmnb.optimize.blobs import Blobs
from lmnb.optimize.journal import Journal, is_live, read_records

DATA = {"trainset": worlds.questions(0, 6), "valset": worlds.questions(100, 124)}


@contextmanager
def full_disk(room):
    """No file can be written beyond so many bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def in_turns(job, watcher, turns=150):
    """Do `job` many times, and `watcher` meanwhile in a thread; what either raises first is raised."""
    over = threading.Event()

    def watch():
        while not over.is_set():
            watcher()

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        try:
            for _ in range(turns):
                job()
        finally:
            over.set()
        watching.result(30)


def test_the_last_word_counts_also_after_a_stop(tmp_path):
    """What was decided while a run stood still within a batch comes before what is decided when that batch goes on."""
    reached, go_on = {30: threading.Event(), 32: threading.Event()}, threading.Semaphore(0)

    def slow(messages):
        if (number := len(lm.calls)) in reached:
            reached[number].set()
            go_on.acquire(timeout=30)
        return {"answer": "a1"}

    lm = lmnb.FakeLM(slow)
    with lmnb.context(lm=lm):
        optimizer = lmnb.BootstrapRS(worlds.exact, num_candidate_programs=1, max_bootstrapped_demos=1)
        student = lmnb.Predict("question -> answer")
        run = optimizer.start(student, **DATA, run_dir=tmp_path / "run", num_threads=1)
        reached[30].wait(30)
        run.stop()
        run.command(lambda: None)  # once the stop is in force
        go_on.release()
        run.until("ended", 30)
        run.accept(0)
        run.resume()
        reached[32].wait(30)
        run.reject(0, "it guesses")
        go_on.release()
        run.wait(30)
    reopened = lmnb.reopen(tmp_path / "run")
    assert [each.kind for each in run.decisions] == ["stop", "accept", "undo", "reject"]
    assert [run.best.number, run.candidates[0].reason] == [1, "rejected: it guesses"]
    assert [reopened.best.number, reopened.decisions] == [1, run.decisions]


def test_a_watcher_that_raises_ends_no_run():
    """What a function raises that watches a run is a warning, and the run goes on to its end."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = lmnb.LabeledFewShot(2, worlds.exact).start(worlds.TwoCalls(), **DATA, run_dir=None, paused=True)
        run.subscribe(lambda: 1 / 0)
        with pytest.warns(RuntimeWarning, match="which watches a run, raised ZeroDivisionError"):
            run.resume()
            run.wait(30)
    assert run.state == "finished"


def test_a_lock_has_one_holder_and_who_looks_is_none(tmp_path):
    """A run's folder is taken while others look whether it is live, by one at a time."""
    folder = tmp_path / "run"
    journal = Journal(folder)
    journal.begin({"k": "header", "format": 1})
    journal.close()
    holders, seen = threading.Semaphore(1), []

    def take():
        journal = Journal(folder)
        try:
            journal.open()
        except lmnb.RunLocked:
            return
        seen.append(holders.acquire(blocking=False))
        holders.release()
        journal.close()

    def take_alone():
        journal = Journal(folder)
        journal.open()
        journal.close()

    in_turns(take_alone, lambda: is_live(folder))
    in_turns(take, take)
    assert all(seen)


def test_who_looks_at_a_run_sees_it_before_or_after_it_is_built_anew(tmp_path):
    """A snapshot that is made while a run is put together again is of one state of it, and `lmnb.runs()` lists it meanwhile."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        optimizer = lmnb.BootstrapRS(worlds.exact, num_candidate_programs=3, max_bootstrapped_demos=1)
        optimizer.start(worlds.TwoCalls(), **DATA, run_dir=tmp_path / "run").wait(30)
        run = lmnb.reopen(tmp_path / "run", program=worlds.TwoCalls(), metric=worlds.exact)
        seen = set()
        in_turns(lambda: run.with_code(run._code, ""), lambda: seen.add(run.snapshot()["best"]), 60)
    assert seen == {run.best.id}


def test_a_program_that_is_asked_for_while_the_run_is_resumed_is_given(tmp_path, monkeypatch):
    """The run is built anew after the candidate was found, and before its program is filled."""
    run = worlds.search(run_dir=tmp_path / "run")
    run.until("ended", 30)
    filled, score = run._trained.filled, run.candidates[0].score

    def meanwhile(*given):
        run._build()
        return filled(*given)

    monkeypatch.setattr(run._trained, "filled", meanwhile)
    assert run.program(0).provenance["score"] == score


def test_a_full_disk_leaves_no_half_of_a_record(tmp_path):
    """A record or a value that finds no room is not there, and says so; what is written once there is room again stands."""
    journal = Journal(tmp_path)
    journal.begin({"k": "header", "format": 1})
    with full_disk(room=100), pytest.raises(OSError, match="No space left"):
        journal.append({"k": "long", "text": "x" * 200})
    journal.append({"k": "short"})
    journal.close()
    assert [record["k"] for record in read_records(tmp_path)[0]] == ["header", "short"]
    blobs = Blobs(tmp_path)
    before = blobs.put("before")
    with full_disk(room=100), pytest.raises(OSError, match="No space left"):
        blobs.put("x" * 200)
    after, again = blobs.put("after"), blobs.put("x" * 200)
    for known in (blobs, Blobs(tmp_path)):
        assert [known.get(name) for name in (before, after, again)] == ["before", "after", "x" * 200]


def test_an_end_that_cannot_be_written_is_told(tmp_path):
    """A run whose result cannot be saved says so where one waits for it, and gives its folder back."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        optimizer = lmnb.LabeledFewShot(2, worlds.exact)
        run = optimizer.start(worlds.TwoCalls(), **DATA, run_dir=tmp_path / "run", paused=True)
        (tmp_path / "run" / "program.json").mkdir()
        run.resume()
        with pytest.raises(lmnb.RunError, match=r"the run is finished, but that could not be written .* is a folder"):
            run.wait(30)
    assert not is_live(tmp_path / "run")


def test_a_run_without_a_candidate_is_an_empty_table():
    """`to_pandas` of a run that has made none yet has no rows."""
    optimizer = lmnb.BootstrapFewShotWithOptuna(worlds.exact, num_candidate_programs=2)
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = optimizer.start(worlds.TwoCalls(), **DATA, run_dir=None, paused=True)
        run.until("paused", 30)
        table = run.to_pandas()
        run.stop()
    assert len(table) == 0


def test_of_two_proposals_that_say_the_same_each_keeps_its_answer(tmp_path):
    """Where one proposal was rejected and its twin of the same batch edited, a replay knows both answers."""
    texts = {"proposed_instruction": "Say the number.", "proposed_description": "a number"}
    optimizer = lmnb.COPRO(metric=worlds.exact, breadth=3, depth=1)
    with lmnb.context(lm=lmnb.FakeLM(lambda messages, **_: worlds.reply(messages) | texts)):
        run = optimizer.start(
            lmnb.Predict("question -> answer"), **DATA, run_dir=tmp_path / "run", review="instructions"
        )
        run.until("pending", 30)
        first, second = run.pending
        run.reject(first, "too short")
        written = dict(zip(texts, ("Answer with the number asked for.", "digits alone"), strict=True))
        run.edit(second, written)
        run.wait(30)
        assert run.candidate(run.best).values["self.instructions"] == written["proposed_instruction"]
        assert run.replay_candidate() == run.candidate(run.best)
