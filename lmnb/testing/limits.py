"""Promises about limits: what a run may touch, what it may cost, and what it does where something fails."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from lmnb.errors import InputError, InvalidRequestError, SystematicFailure
from lmnb.lm.budget import Budget
from lmnb.lm.fake import FakeLM
from lmnb.settings import context
from lmnb.testing.trial import PATIENCE, Trial, hold

LIMIT = 10  # examples in a row that may fail, as the settings have it


class Limits(Trial):
    """The caller's things, budgets, errors."""

    def test_the_callers_program_examples_and_lm_are_untouched(self) -> None:
        """compile gives a new program and leaves what it was given as it was."""
        program, trainset, lm = self.program(), self.trainset(), self.lm()

        def state() -> str:
            examples = [dict(example.items()) for example in trainset]
            return json.dumps([program.dump_state(), examples, lm.dump_state(), lm.kwargs], default=str)

        before = state()
        with context(lm=lm):
            tuned = self.make(self.metric).compile(program, trainset=trainset, run_dir=None)
        hold(state() == before, "compile changed the program, the examples or the LM that it was given")
        hold(tuned is not program, "compile gave back the program that it was given instead of a new one")
        shown = any(predictor.demos for predictor in tuned.predictors())
        hold(
            shown or not self.gives_demos,
            "the tuned program holds no demos; say gives_demos = False where the optimizer leaves them as they are",
        )

    def test_the_result_is_the_best_candidate_that_is_scored_in_full(self) -> None:
        """No feasible candidate has a higher score on the whole validation set; the earliest is taken on a tie."""
        run = self.finished()
        rows = [row for row in run.candidates if row.status == "scored" and row.score is not None]
        best = max(rows, key=lambda row: (row.score or 0.0, -row.number), default=None)
        hold(
            best is not None and run.best is not None and run.best.id == best.id,
            "the result is not the best scored candidate; score what you propose by evaluate(candidate, task)",
        )

    def test_the_budget_holds_at_the_request(self) -> None:
        """No call beyond the budget is made; the run stops with the best so far, and says why."""
        lm = self.lm()
        run = self.started(lm=lm, budget=Budget(calls=self.budget))
        run.wait(PATIENCE)
        hold(len(lm.calls) <= self.budget, f"with a budget of {self.budget} calls {len(lm.calls)} were made")
        if run.state != "finished":
            said = run.decisions[-1].text
            hold(len(lm.calls) == self.budget, f"the run stopped after {len(lm.calls)} of {self.budget} calls: {said}")
            hold(f"the budget of {self.budget} calls is spent" in said, f"a spent budget is said as {said!r}")
        hold(run.best is not None, "a run that met its budget has no result")

    def test_errors_of_single_rollouts_are_rows_with_the_error(self) -> None:
        """Where the metric fails on one example and the LM on another, that costs those examples and not the run."""

        valset = self.valset()
        third, fifth = valset[3], next(iter(valset[5].inputs().values()))

        def metric(example: Any, prediction: Any, trace: Any = None) -> Any:
            if example == third:
                raise ValueError("cannot be scored")
            return self.metric(example, prediction, trace)

        def model(messages: Sequence[Any], **options: Any) -> Any:
            if f"\n{fifth}\n" in messages[-1]["content"]:
                raise InvalidRequestError("cannot be asked", model="fake")
            return self.reply(messages, **options)

        run = self.finished(metric=metric, lm=FakeLM(model))
        if self.make(metric).metric is None:
            return
        rows = run.examples(run.best, only="error")["rows"]
        found = {row["index"]: row["error"] for row in rows}
        hold(
            set(found) == {3, 5},
            f"two examples of the validation set fail, and the result has errors on {sorted(found)}",
        )
        hold("cannot be scored" in found[3] and "cannot be asked" in found[5], f"the errors are said as {found}")

    def test_what_always_fails_ends_the_run_early_with_the_cause(self) -> None:
        """Systematic failure stops the run after the first ten and names the cause."""

        asked: list[Any] = []

        def broken(example: Any, prediction: Any, trace: Any = None) -> Any:
            asked.append(example)
            raise KeyError("colour")

        if self.make(broken).metric is None:
            return
        run = self.started(metric=broken, threads=1)
        try:
            run.wait(PATIENCE)
        except SystematicFailure as failure:
            hold("KeyError" in str(failure) and "colour" in str(failure), f"the cause is not named: {failure}")
        hold(run.state == "failed", f"a metric that always fails leaves the run {run.state}")
        hold(len(asked) <= 2 * LIMIT, f"a metric that always fails was found out after {len(asked)} program runs")

    def test_an_empty_trainset_says_what_to_give(self) -> None:
        """An empty training set is refused before anything runs."""
        try:
            self.make(self.metric).compile(self.program(), trainset=[], run_dir=None)
        except InputError as error:
            hold("the trainset is empty. Give at least one Example" in str(error), f"it is refused with {error}")
            return
        raise AssertionError("an empty trainset was taken")
