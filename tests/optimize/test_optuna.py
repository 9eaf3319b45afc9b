"""BootstrapFewShotWithOptuna: which demos its trials choose, and what it tells Optuna of vetoes."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest
import worlds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lmnb


def start(lm: Any = None, *, val: int = 4, metric: Any = worlds.exact, **options: Any) -> Any:
    arguments = {"max_bootstrapped_demos": 3, "max_labeled_demos": 4, "num_candidate_programs": 6}
    search = {name: options.pop(name) for name in list(options) if name in arguments}
    with lmnb.context(lm=lm or lmnb.FakeLM(worlds.reply)):
        return lmnb.BootstrapFewShotWithOptuna(metric=metric, **{**arguments, **search}).start(
            worlds.TwoCalls(), trainset=worlds.questions(0, 12), valset=worlds.questions(100, 100 + val), **options
        )


def sources(run: Any, number: int, slot: str = "rewrite.demos") -> list[int]:
    return [demo.provenance.source for demo in run.candidate(number).values[slot]]


def test_the_first_trials_are_no_demo_and_every_demo() -> None:
    """Zero demos are among the choices, and so is the whole of the bootstrap; the others hold subsets of it."""
    run = start()
    run.wait(60)
    none, everything, *others = (run.candidate(c) for c in run.candidates)
    assert not list(none.demos()) and none.label == "zero-shot"
    for slot in ("rewrite.demos", "respond.predict.demos"):
        made = {d.provenance.id for d in everything.values[slot] if d.provenance.origin == "bootstrapped"}
        assert len(made) == 3
        for candidate in others:
            held = {d.provenance.id for d in candidate.values[slot] if d.provenance.origin == "bootstrapped"}
            assert held <= made
    assert len({c.id for c in run.candidates}) == len(run.candidates) == 6
    assert any(0 < len(sources(run, c.number)) < len(sources(run, 1)) for c in run.candidates)


def test_one_bootstrap_serves_every_trial() -> None:
    """The teacher runs once over the examples that it needs, however many candidates there are."""
    run = start(num_candidate_programs=8)
    run.wait(60)
    records = [json.loads(line) for line in Path(run.path, "journal.jsonl").read_text().splitlines()]
    taught = [
        record["of"]["index"] for record in records if record["k"] == "rollout" and record["of"]["role"] == "teacher"
    ]
    assert taught and len(taught) == len(set(taught))


def test_a_longer_search_begins_as_the_shorter_one() -> None:
    """Nine candidates are the six of a shorter search and three more: what was bought serves again."""
    short, long = start(num_candidate_programs=6), start(num_candidate_programs=9)
    for run in (short, long):
        run.wait(60)
    assert [c.id for c in long.candidates][:6] == [c.id for c in short.candidates] and len(long.candidates) == 9


def test_max_demos_bootstraps_another_number() -> None:
    """`compile(max_demos=1)` leaves one bootstrapped demo a predictor to choose, and no labelled ones where none are wanted."""
    run = start(max_demos=1, max_labeled_demos=0)
    run.wait(60)
    assert max(len(sources(run, c.number)) for c in run.candidates) == 1
    assert len(run.candidates) == 4, "two predictors with one demo each give four programs, and the search ends there"


def test_a_trial_that_is_vetoed_is_told_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What holds a rejected demo is infeasible for Optuna, not a score of 0; others take its place."""
    told = []
    tell = optuna.Study.tell

    def heard(study: Any, trial: Any, values: Any = None, state: Any = None) -> Any:
        told.append((values, state))
        return tell(study, trial, values, state=state)

    monkeypatch.setattr(optuna.Study, "tell", heard)
    run = start(paused=True)
    run.step()
    run.until("paused", 30)
    pool = start()
    pool.wait(60)
    demo = next(demo for _, demo in pool.candidate(1).demos() if demo.provenance.origin == "bootstrapped")
    del told[:]
    run.reject_demo(demo, "wrong")
    run.resume()
    run.wait(60)
    failed = [(values, state) for values, state in told if state is not None]
    assert failed and set(failed) == {(None, optuna.trial.TrialState.FAIL)}
    assert all(values is not None for values, state in told if state is None)
    held = {d.provenance.id for c in run.candidates if c.status == "scored" for _, d in run.candidate(c).demos()}
    assert demo.provenance.id not in held
    assert sum(c.status == "scored" for c in run.candidates) == 6


def test_the_header_names_optunas_version() -> None:
    """The journal says which Optuna drew the trials, since another may draw others."""
    run = start()
    run.wait(60)
    assert run.header.libraries == {"optuna": optuna.__version__}
    assert lmnb.reopen(run.path).header.libraries == {"optuna": optuna.__version__}


def test_without_optuna_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from `start`, before anything is bought."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    lm = lmnb.FakeLM(worlds.reply)
    with pytest.raises(lmnb.MissingExtra, match=r"pip install 'lmnb\[optuna\]'"):
        start(lm)
    assert lm.calls == []


def test_the_log_level_of_optuna_is_left_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    """The search is quiet, and the user's own studies log as before."""
    before = optuna.logging.get_verbosity()
    start().wait(60)
    assert optuna.logging.get_verbosity() == before
    assert capsys.readouterr().err == ""


def test_a_kept_demo_joins_the_labelled_ones() -> None:
    """What the person keeps during the run comes first where later trials fill up with labelled demos."""
    run = start(paused=True, num_candidate_programs=10)
    for _ in range(2):
        run.step()
        run.until("paused", 30)
    given = run.candidate(1).values["respond.predict.demos"]
    fresh = next(e for i, e in enumerate(worlds.questions(0, 12)) if i not in [d.provenance.source for d in given])
    run.keep_demo(fresh)
    run.resume()
    run.wait(60)
    later = [run.candidate(c).values["respond.predict.demos"] for c in run.candidates[2:]]
    filled = [[d for d in demos if d.provenance.origin == "labelled"] for demos in later]
    assert any(filled) and all(demos[0].question == fresh.question for demos in filled if demos)


def test_a_rejected_labelled_demo_makes_room_for_the_next() -> None:
    """One wrong label costs one demo of the filling, not every choice that fills up."""
    run = start(paused=True, max_bootstrapped_demos=2, max_labeled_demos=6, num_candidate_programs=10)
    for _ in range(2):
        run.step()
        run.until("paused", 30)
    slot = "respond.predict.demos"
    wrong, *others = [d for d in run.candidate(1).values[slot] if d.provenance.origin == "labelled"]
    run.reject_demo(wrong, "wrong")
    run.resume()
    run.wait(60)
    later = [demo for row in run.candidates[2:] for demo in run.candidate(row).values[slot]]
    assert wrong not in later and any(demo in later for demo in others)


def test_what_the_estimator_draws_is_better_than_chance() -> None:
    """Where some demos help and others harm, the last trials of a search hold better choices than its first, random ones."""

    def telling(messages: Any, **_: Any) -> dict[str, str]:
        asked = int(re.findall(r"\bq(\d+)", messages[-1]["content"])[-1])
        shown = [int(number) for message in messages[1:-1] for number in re.findall(r"\bq(\d+)", message["content"])]
        gain = sum(1 if number % 2 == 0 else -1 for number in shown)
        return {"answer": f"a{asked}" if asked < 100 or gain > asked - 103 else "wrong"}

    search = lmnb.BootstrapFewShotWithOptuna(
        metric=worlds.exact, max_bootstrapped_demos=7, max_labeled_demos=0, num_candidate_programs=24
    )
    first, last = 0.0, 0.0
    for seed in range(3):
        with lmnb.context(lm=lmnb.FakeLM(telling)):
            run = search.start(
                lmnb.Predict("question -> answer"),
                trainset=worlds.questions(0, 12),
                valset=worlds.questions(100, 106),
                seed=seed,
                run_dir=None,
            )
        run.wait(60)
        scores = [c.score for c in run.candidates]
        first, last = first + sum(scores[:6]) / 6, last + sum(scores[-9:]) / 9
    assert last > first + 30, "ten points a seed"


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), vetoed=st.lists(st.integers(0, 11), max_size=3), threads=st.sampled_from([1, 6]))
def test_a_replay_asks_for_the_same_trials(seed: int, vetoed: list[int], threads: int) -> None:
    """Whatever the seed, the vetoes and the threads: a second run and the replay of the journal give the same candidates in order."""

    def steered() -> Any:
        run = start(seed=seed, num_threads=threads, paused=True, val=3)
        run.step()
        run.until("paused", 30)
        for index in vetoed:
            run.reject_demo(worlds.questions(0, 12)[index], "no")
        run.resume()
        run.wait(60)
        return run

    one, other = steered(), steered()
    rows = [(c.id, c.label, c.score, c.reason) for c in one.candidates]
    assert [(c.id, c.label, c.score, c.reason) for c in other.candidates] == rows
    assert one.replay_candidate().id == one.best.id
