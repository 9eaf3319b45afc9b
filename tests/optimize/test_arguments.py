"""The arguments of optimizers: counted ones are checked, all are recorded, and those of other libraries are answered with what to write."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
import worlds

import lmnb
from lmnb.optimize.search import gate

DATA: dict[str, Any] = {"trainset": worlds.questions(0, 12), "valset": worlds.questions(100, 106)}


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            lambda: lmnb.LabeledFewShot(k=-1),
            "k is -1, and it is how many demos a predictor has: write a whole number from 0",
        ),
        (lambda: lmnb.GEPA(worlds.judged, max_metric_calls="100"), "max_metric_calls is '100'"),  # type: ignore[arg-type]
        (lambda: lmnb.GEPA(worlds.judged, auto="light", max_merge_invocations=-1), "max_merge_invocations is -1"),
        (lambda: lmnb.SIMBA(metric=worlds.exact, max_steps=-1), "max_steps is -1"),
        (lambda: lmnb.BootstrapRS(worlds.exact, num_candidate_programs=2.0), "num_candidate_programs is 2.0"),  # type: ignore[arg-type]
        (lambda: lmnb.MIPROv2(worlds.exact, auto=None, num_candidates="3").plan(worlds.TwoCalls(), **DATA), "not '3'"),  # type: ignore[arg-type]
        (lambda: lmnb.BootstrapRS(worlds.exact, stop_at_score="90"), "stop_at_score is '90'"),  # type: ignore[arg-type]
        (lambda: lmnb.BootstrapFewShot(worlds.exact, metric_threshold=[1]), r"metric_threshold is \[1\]"),  # type: ignore[arg-type]
        (lambda: lmnb.MIPROv2(worlds.exact, metric_threshold=float("nan")), "metric_threshold is nan"),
        (lambda: lmnb.LabeledFewShot().plan(worlds.TwoCalls()), r"Write plan\(program, trainset=\.\.\.\)"),
    ],
)
def test_a_count_that_is_none_is_refused_in_a_sentence(made: Any, said: str) -> None:
    """It is refused where it is given, and not by an error from the middle of the search."""
    with pytest.raises(lmnb.InputError, match=said):
        made()


@pytest.mark.parametrize(
    ("optimizer", "candidates"),
    [
        (lambda: lmnb.BootstrapRS(worlds.exact, num_candidate_programs=0), 3),
        (lambda: lmnb.SIMBA(metric=worlds.exact, max_steps=0, bsize=4), 1),
    ],
)
def test_a_search_of_no_steps_scores_what_it_has_without_them(optimizer: Any, candidates: int) -> None:
    """No shuffled candidate, or no step, is a search too, and its forecast holds."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        plan = optimizer().plan(worlds.TwoCalls(), **DATA)
        run = optimizer().start(worlds.TwoCalls(), run_dir=None, **DATA)
        run.wait(60)
    assert len(run.candidates) == candidates and run._archive.runs <= plan.runs.high


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            lambda: lmnb.GEPA(worlds.judged, auto="light", use_wandb=True),
            r"GEPA has no argument 'use_wandb'\. A run keeps its own journal",
        ),  # type: ignore[call-arg]
        (lambda: lmnb.GEPA(worlds.judged, auto="light", gepa_kwargs={}), "arguments of GEPA itself"),  # type: ignore[call-arg]
        (lambda: lmnb.BootstrapFinetune(worlds.exact, target="t5-large"), r"student\.set_lm"),  # type: ignore[call-arg]
        (
            lambda: lmnb.BootstrapFinetune(worlds.exact).start(worlds.TwoCalls(), target="t5", **DATA),
            r"student\.set_lm",
        ),
        (
            lambda: lmnb.BootstrapRS(worlds.exact).compile(worlds.TwoCalls(), eval_kwargs={"num_threads": 2}, **DATA),
            r"no argument 'eval_kwargs' of compile or start\. Write num_threads=",
        ),
    ],
)
def test_an_argument_of_another_library_is_answered_with_what_to_write(made: Any, said: str) -> None:
    """Who ports a program is told what takes its place here."""
    with pytest.raises(lmnb.InputError, match=said):
        made()


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            lambda: lmnb.LabeledFewShot(metrik=1),
            r"LabeledFewShot has no argument 'metrik'\. Did you mean 'metric'\? It takes k, metric\.",
        ),
        (lambda: lmnb.LabeledFewShot(sise=3), r"LabeledFewShot has no argument 'sise'\. It takes k, metric\."),
        (lambda: lmnb.GEPA(worlds.judged, max_demo=1), r"GEPA has no argument 'max_demo'\. Did you mean 'max_demos'\?"),
        (lambda: lmnb.MIPROv2(), r"MIPROv2 needs 'metric'\. Write MIPROv2\(metric=\.\.\.\)"),
        (lambda: lmnb.LabeledFewShot(1, 2, 3), r"LabeledFewShot: too many positional .* It takes k, metric\."),
        (lambda: Renames(metrik=1), r"Renames has no argument 'metrik'\. Did you mean 'metric'\?"),
        (
            lambda: lmnb.LabeledFewShot(k=1).start(worlds.TwoCalls(), samplee=True, **DATA),
            r"no argument 'samplee' of compile or start\. Did you mean 'sample'\? It takes sample, trainset",
        ),
    ],
)
def test_an_argument_that_there_is_not_is_answered_with_the_nearest_and_all_that_there_are(
    made: Any, said: str
) -> None:
    """In one place for every optimizer, also those of others that hand their options on; it is a TypeError as elsewhere in Python."""
    with pytest.raises(lmnb.ArgumentError, match=said) as caught:
        made()
    assert isinstance(caught.value, TypeError) and isinstance(caught.value, lmnb.InputError)


def test_what_is_no_optimizer_is_none_of_those_that_work_together() -> None:
    """BetterTogether takes optimizers by names of one's own, so a misspelt argument is told by its value."""
    with pytest.raises(
        lmnb.InputError, match=r"metrik=1 is no optimizer\. BetterTogether takes a metric, and optimizers"
    ):
        lmnb.BetterTogether(metrik=1)  # type: ignore[arg-type]


class Renames(lmnb.Optimizer):
    """Keeps its arguments under names of its own, and hands some on."""

    def __init__(self, size: int = 3, picks: Any = None, **others: Any) -> None:
        super().__init__(**others)
        self._n = size
        self._how = picks

    def search(self, task: Any) -> Any:
        bare = yield from gate(task.baseline)
        if bare is not None:
            yield from gate(
                bare.put("self.instructions", "Say it. " * self._n).child_of(bare, origin="proposed", label="longer")
            )


class Keyed(Renames):
    """Asks somewhere else, with a key."""

    def __init__(self, api_key: str) -> None:
        super().__init__()
        self.api_key = self._key = api_key


class HandsOn(lmnb.BootstrapRS):
    """Gives its base all that it is given."""

    def __init__(self, *args: Any, **others: Any) -> None:
        super().__init__(*args, **others)


def test_arguments_that_are_handed_on_are_recorded(tmp_path: Any) -> None:
    """A constructor of *args and **others is called anew as it was, and a base's default of now is no default of before."""
    optimizer = HandsOn(worlds.exact, None, 2, num_candidate_programs=2)
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = optimizer.start(worlds.TwoCalls(), run_dir=tmp_path / "run", **DATA)
        made = run.wait(60)
    stored = lmnb.reopen(tmp_path / "run")
    again = stored.header.optimizer()
    assert (again.max_bootstrapped_demos, again.num_candidate_programs, again.racing) == (2, 2, True)
    assert stored.replay().dump_state() == made.dump_state()


def test_arguments_under_other_names_are_recorded(tmp_path: Any) -> None:
    """A reopened run searches with what its optimizer was given, also where no attribute has the argument's name; keys are no part of it."""
    optimizer = Renames(2, metric=worlds.exact, max_errors=7)
    run = optimizer.start(lmnb.Predict("question -> answer"), run_dir=tmp_path / "run", **DATA)
    made = run.wait(60)
    header = json.loads((tmp_path / "run" / "journal.jsonl").read_text(encoding="utf-8").split("\n")[0])
    assert header["arguments"] == {"size": 2, "picks": None, "max_errors": 7}
    stored = lmnb.reopen(tmp_path / "run")
    assert stored.header.optimizer()._n == 2 and stored.replay().dump_state() == made.dump_state()
    keyed = Keyed("sk-123456789").start(lmnb.Predict("question -> answer"), run_dir=tmp_path / "keyed", **DATA)
    keyed.wait(60)
    assert "sk-123456789" not in (tmp_path / "keyed" / "journal.jsonl").read_text(encoding="utf-8")
    assert repr(optimizer) == "Renames(size=2, picks=None, max_errors=7)"


def test_an_argument_that_no_journal_can_hold_is_warned_of() -> None:
    """What would be lost in silence is named, with what to write."""
    with pytest.warns(
        UserWarning, match=r"Renames keeps its argument 'picks' under another name.*Write self\.picks = picks"
    ):
        Renames(picks=len).start(lmnb.Predict("question -> answer"), run_dir=None, **DATA).wait(60)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for optimizer in worlds.optimizers(worlds.judged).values():
            assert optimizer._lost() == []
