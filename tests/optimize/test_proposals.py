"""Proposals: an optimizer asks an LM for new text through the driver, which journals, budgets and replays it like a rollout."""

from __future__ import annotations

import re
from typing import Any

import pytest
import worlds

import lmnb
from lmnb.optimize.search import Search, evaluate, gate, propose, rollouts, together
from lmnb.optimize.task import Task


class Rewriter(lmnb.Optimizer):
    """Scores the program, then with each of `number` instructions that the proposer writes."""

    needs_evalset = True

    def __init__(self, metric: Any = None, prompt_model: Any = None, number: int = 3) -> None:
        super().__init__(metric=metric)
        self.prompt_model = prompt_model
        self.number = number

    def proposers(self) -> dict[str, Any]:
        return {"rewrite": lmnb.Predict("instruction: str, past: list[str] -> better: str")}

    def search(self, task: Task) -> Search:
        slot = "rewrite.instructions"
        baseline = yield from gate(task.baseline)
        yield from evaluate(baseline, task)
        written = yield from together(
            *(
                propose(
                    "rewrite",
                    {"instruction": task.baseline.values[slot], "past": [f"try {number}"]},
                    rollout_id=number,
                    temperature=1.0,
                    slot=slot,
                )
                for number in range(self.number)
            )
        )
        for values in written:
            if values is not None:
                candidate = yield from gate(
                    task.baseline.put(slot, values["better"], origin="proposed", label=values["better"])
                )
                if candidate is not None:
                    yield from evaluate(candidate, task)


def number_in(messages: Any) -> int:
    return int(re.findall(r"try (\d+)", messages[-1]["content"])[-1])


def writer() -> lmnb.FakeLM:
    """A proposer that numbers its texts by what it is asked."""
    return lmnb.FakeLM(lambda messages: {"better": f"Instruction {number_in(messages)}"})


def start(prompt_model: Any, lm: Any = None, **options: Any) -> Any:
    with lmnb.context(lm=lm or lmnb.FakeLM(worlds.reply)):
        return Rewriter(worlds.exact, prompt_model, options.pop("number", 3)).start(
            worlds.TwoCalls(), trainset=worlds.questions(0, 6), valset=worlds.questions(100, 104), **options
        )


def test_proposals_become_candidates_with_their_origin() -> None:
    """Each text that the proposer wrote is a candidate; the LM of the task is not asked for them."""
    proposer = writer()
    run = start(proposer)
    run.wait(60)
    assert [c.label for c in run.candidates] == ["baseline", "Instruction 0", "Instruction 1", "Instruction 2"]
    assert len(proposer.calls) == 3


def test_without_a_prompt_model_the_lm_of_the_task_is_asked() -> None:
    """The proposer asks the LM in force where the optimizer has none of its own."""

    def both(messages: Any, **options: Any) -> Any:
        return {"better": "Mine"} if "better" in messages[0]["content"] else worlds.reply(messages, **options)

    run = start(None, lmnb.FakeLM(both), number=1)
    run.wait(60)
    assert [c.label for c in run.candidates] == ["baseline", "Mine"]


def test_the_name_of_a_prompt_model_is_no_prompt_model() -> None:
    """A model given by its name is refused with what to write."""
    with pytest.raises(
        lmnb.InputError, match=r"prompt_model is 'openai/x', which is no LM\. Write prompt_model=lmnb\.LM\("
    ):
        start("openai/x")


def test_a_replay_asks_no_proposer() -> None:
    """The journal holds what was written: a replay and a resume buy nothing twice."""
    proposer = writer()
    run = start(proposer)
    tuned = run.wait(60)
    asked = len(proposer.calls)
    again = lmnb.reopen(run.path)
    assert again.replay().slots() == tuned.slots()
    assert len(proposer.calls) == asked


def test_a_stopped_run_goes_on_with_the_proposals_that_it_has() -> None:
    """After a stop in the midst, resume asks only what was not answered before."""
    proposer, lm = writer(), lmnb.FakeLM(worlds.reply)
    run = start(proposer, lm, paused=True)
    run.step()
    run.until("paused", 30)
    run.stop()
    run.wait(60)
    with lmnb.context(lm=lm):
        again = lmnb.reopen(run.path, worlds.TwoCalls(), worlds.exact, prompt_model=proposer)
        again.resume()
        again.wait(60)
    whole = start(writer())
    whole.wait(60)
    assert [(c.id, c.score) for c in again.candidates] == [(c.id, c.score) for c in whole.candidates]
    assert len(proposer.calls) == 3


def test_another_prompt_model_is_not_the_same_run() -> None:
    """A stored run refuses to go on with another proposer's model."""
    run = start(writer())
    run.wait(60)
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)), pytest.raises(lmnb.Diverged, match="prompt_model"):
        lmnb.reopen(run.path, worlds.TwoCalls(), worlds.exact, prompt_model=lmnb.LM("openai/other"))


def test_the_budget_counts_proposals() -> None:
    """A run of 4 examples and two calls each has 8 calls for the baseline; with a budget of 10 only two proposals are bought."""
    proposer = writer()
    run = start(proposer, budget=lmnb.Budget(calls=10), num_threads=1)
    run.wait(60)
    assert run.state == "stopped"
    assert len(proposer.calls) <= 2


def test_a_proposal_that_fails_is_passed_over() -> None:
    """An unreadable reply of the proposer costs its candidate, not the run."""

    def half(messages: Any) -> Any:
        return (
            "nothing of use"
            if "try 1" in messages[1]["content"]
            else {"better": f"Instruction {number_in(messages[:2])}"}
        )

    run = start(lmnb.FakeLM(half))
    run.wait(60)
    assert run.state == "finished"
    assert [c.label for c in run.candidates] == ["baseline", "Instruction 0", "Instruction 2"]


def test_a_proposer_that_always_fails_says_so() -> None:
    """A wrong key of the prompt model ends the run with its cause, not with the baseline and silence."""

    def refused(messages: Any, **_: Any) -> Any:
        raise lmnb.AuthError("the key is refused")

    run = start(lmnb.FakeLM(refused), number=12)
    with pytest.raises(lmnb.SystematicFailure, match=r"proposer.*the key is refused"):
        run.wait(60)


def test_a_run_of_an_optimizer_that_is_gone_can_be_looked_at() -> None:
    """Its class was made in a function: a reopened run shows what it has, with its data given too, and says why it cannot go on."""

    class Gone(Rewriter):
        pass

    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        data = {"trainset": worlds.questions(0, 6), "valset": worlds.questions(100, 104)}
        run = Gone(worlds.exact, writer(), 1).start(worlds.TwoCalls(), **data)
        run.wait(60)
        again = lmnb.reopen(run.path, worlds.TwoCalls(), worlds.exact, **data)
        assert [c.label for c in again.candidates] == ["baseline", "Instruction 0"]
        with pytest.raises(lmnb.RunError, match=r"optimizer .*Gone of this run is not importable here"):
            again.reject(1)


class Halves(lmnb.Optimizer):
    """Scores the program on all examples, and a candidate on the first half of them."""

    needs_evalset = True

    def search(self, task: Task) -> Search:
        baseline = yield from gate(task.baseline)
        yield from evaluate(baseline, task)
        half = yield from gate(task.baseline.put("rewrite.instructions", "Half.", origin="proposed", label="half"))
        yield from rollouts(half, "val", range(2))


def test_a_candidate_that_is_left_half_scored_says_so_and_cannot_win() -> None:
    """Its row has the mean of what was asked and how much that was; the result is a candidate that was scored on all examples."""
    lm = lmnb.FakeLM(
        lambda messages, **_: worlds.reply(messages) if "Half." not in messages[0]["content"] else {"query": "x"}
    )
    with lmnb.context(lm=lm):
        run = Halves(metric=lambda example, prediction, trace=None: float(prediction.answer != "")).start(
            worlds.TwoCalls(), trainset=worlds.questions(0, 6), valset=worlds.questions(100, 104)
        )
        run.wait(60)
    half = run.candidates[1]
    assert (half.status, half.done, half.total, half.score) == ("partial", 2, 4, 100.0)
    assert run.best.id == run.candidates[0].id
    again = lmnb.reopen(run.path)
    assert [c.status for c in again.candidates] == ["scored", "partial"]
    assert "2 of 4 examples" in run.to_html()
