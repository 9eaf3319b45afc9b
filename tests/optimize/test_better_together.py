"""BetterTogether: optimizers one after the other in one run."""

from __future__ import annotations

import json
import re

import pytest
import worlds

import lmnb
from lmnb.lm.recall import RecallTrainer
from lmnb.optimize.steps import inverse, moved


def sums(count, start=0):
    rows = [lmnb.Example(question=f"{n} + 1?", answer=str(n + 1)) for n in range(start, start + count)]
    return [row.with_inputs("question") for row in rows]


def right(example, made, trace=None):
    return made.answer == example.answer


def other(example, made, trace=None):
    return True


def adds(messages, **options):
    """Right where the prompt shows a demo; a proposer's texts otherwise."""
    asked = re.findall(r"^- `(\w+)`", messages[0]["content"].partition("Output fields:")[2], re.M)
    if "answer" not in asked:
        return {name: f"Add one, says {name}." for name in asked}
    number = int(messages[-1]["content"].split("[[ ## question ## ]]\n")[1].split()[0])
    return {"answer": str(number + 1) if len(messages) > 2 or number % 2 else "?"}


def start(strategy="p -> w -> p", student=None, optimizers=None, metric=right, **options):
    optimizers = optimizers or {
        "p": lmnb.BootstrapFewShot(max_bootstrapped_demos=2, max_labeled_demos=2),
        "w": lmnb.BootstrapFinetune(),
    }
    given = {"trainset": sums(10), "valset": sums(4, 20), "strategy": strategy, **options}
    with lmnb.context(lm=lmnb.FakeLM(adds)):
        return lmnb.BetterTogether(metric, **optimizers).start(student or lmnb.Predict("question -> answer"), **given)


def test_each_step_goes_on_from_what_the_step_before_made():
    """p -> w -> p: prompts, then weights under these prompts, then prompts on the new weights; a tie goes to the earlier."""
    run = start()
    tuned = run.wait(30)
    values = [run.candidate(c).values for c in run.candidates]
    assert [c.label.partition(" ")[0] for c in run.candidates] == ["baseline", "2", "fine-tuned", "2"]
    assert [c.score for c in run.candidates] == [50.0, 100.0, 100.0, 100.0]
    assert ["self.lm" in each for each in values] == [False, False, True, True]
    assert values[2]["self.demos"] == values[1]["self.demos"] != values[3]["self.demos"]  # another order of examples
    assert run.candidates[2].parents == (run.candidates[1].id,) and run.best.number == 1 and tuned.lm is None
    assert [report.message.partition(":")[0] for report in run.reports if "step" in report.message] == [
        "step 1 of 3 (p)",
        "step 2 of 3 (w)",
        "step 3 of 3 (p)",
    ]


def test_demos_and_records_name_their_training_examples_in_every_order():
    """Where a step takes the examples in an order of its own, demos and training records still name those of the trainset."""
    run = start("w -> p -> w")
    run.wait(30)
    data = sums(10)
    demos = [demo for c in run.candidates for _, demo in run.candidate(c).demos()]
    assert demos and all(data[demo.provenance.source].question == demo.question for demo in demos)
    for path in run.path.glob("weights/*.jsonl"):
        for record in map(json.loads, path.open()):
            (source,) = record["from"]["examples"]
            assert data[source].question in record["messages"][-2]["content"]
    assert [c.id for c in lmnb.reopen(run.path).candidates] == [c.id for c in run.candidates]


def test_an_order_and_its_inverse_give_a_candidate_back():
    """Taking sources through an order and back changes nothing, and never the candidate's id."""
    demo = lmnb.Example(question="1 + 1?", answer="2").with_origin("bootstrapped", source=2)
    candidate, order = lmnb.Candidate({"self.demos": (demo,)}), [2, 0, 1]
    there = moved(candidate, order)
    assert [d.provenance.source for _, d in there.demos()] == [1] and there == candidate
    assert [d.provenance.source for _, d in moved(there, inverse(order)).demos()] == [2]


def test_a_step_that_fails_leaves_the_best_so_far():
    """A training that fails ends the strategy at its step; what came before is the result, and a report says why."""

    class Full(RecallTrainer):
        def fit(self, *given):
            raise OSError("the disk is full")

    student = lmnb.Predict("question -> answer", lm=lmnb.FakeLM(adds))
    student.lm.trainer = Full()
    run = start(student=student)
    run.wait(30)
    assert run.state == "finished" and run.best.score == 100.0 and len(run.candidates) == 2
    assert "step 2 of 3 (w) failed" in run.reports[-1].message and "the disk is full" in run.reports[-1].message
    assert lmnb.reopen(run.path).replay_candidate().id == run.best.id


def test_optimizers_that_ask_proposers_are_steps_like_others():
    """MIPROv2 and GEPA keep their own arguments, proposers and counts inside a step."""
    mipro = lmnb.MIPROv2(right, auto=None, num_candidates=3, max_bootstrapped_demos=2, max_labeled_demos=2)
    optimizers = {"w": lmnb.BootstrapFinetune(right), "m": mipro, "g": lmnb.GEPA(right, max_metric_calls=30)}
    run = start(
        "w -> m -> g", optimizers=optimizers, optimizer_compile_args={"m": {"num_trials": 4, "minibatch": False}}
    )
    run.wait(60)
    labels = [c.label for c in run.candidates]
    after = [run.candidate(c).values for c in run.candidates[2:]]
    assert labels[1].startswith("fine-tuned") and len(after) >= 2 and all("self.lm" in values for values in after)
    assert run.header.options["optimizer_compile_args"]["m"]["num_trials"] == 4
    again = lmnb.reopen(run.path)
    assert {type(each).__name__ for each in again.header.optimizer().optimizers.values()} == {
        "BootstrapFinetune",
        "MIPROv2",
        "GEPA",
    }
    assert again.replay_candidate().id == run.best.id


def test_a_part_of_the_trainset_is_held_out_where_no_valset_is_given():
    """valset_ratio says how much, and the header states it; without any part the trainset is scored on."""
    run = start("p", trainset=sums(20), valset=None, valset_ratio=0.25)
    run.wait(30)
    assert "every 4th training example is held out for scoring (15 train, 5 score)" in run.header.note
    run = start("p", trainset=sums(20), valset=None, valset_ratio=0)
    run.wait(30)
    assert run.header.evalset == "train"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"strategy": "p -> x"}, r"names 'x'; write names of the optimizers \(p, w\)"),
        ({"strategy": ""}, "names ''"),
        ({"valset_ratio": 1.5}, "valset_ratio is 1.5"),
        ({"optimizer_compile_args": {"q": {}}}, "names 'q'; the optimizers are p, w"),
        ({"optimizers": {"p": lmnb.BootstrapFewShot(other)}, "strategy": "p"}, "share one"),
        ({"optimizers": {"p": lmnb.Ensemble()}, "strategy": "p"}, "no optimizer that learns from a trainset"),
        ({"optimizers": {"p": lmnb.COPRO()}, "strategy": "p", "metric": None}, r"Write COPRO\(metric=...\)"),
    ],
)
def test_what_cannot_be_one_run_is_refused_before_it_begins(options, words):
    """A wrong strategy, ratio or argument, and optimizers that do not go together, are named at once."""
    with pytest.raises(lmnb.InputError, match=words):
        start(**options)


def test_no_step_shows_a_teacher_the_answer_that_it_is_asked_for():
    """A compiled teacher has the training examples as demos; in each step's own order, the one that is asked is left out."""
    data, shown = sums(8), []

    def spy(messages, **options):
        asked = [message["content"].split("?")[0] for message in messages if message["role"] == "user"]
        shown.append(asked[-1] in asked[:-1])
        return {"answer": "no"}

    teacher = lmnb.LabeledFewShot(k=8).compile(lmnb.Predict("question -> answer"), trainset=data, run_dir=None)
    prompts = lmnb.BootstrapFewShot(max_bootstrapped_demos=8, teacher_settings={"lm": lmnb.FakeLM(spy)})
    run = start("p -> p", optimizers={"p": prompts}, trainset=data, teacher=teacher)
    run.wait(30)
    assert run.state == "finished" and shown and not any(shown)


def test_a_step_goes_on_from_what_the_objective_selects():
    """Of two candidates with the same mean, the one whose worst group is better."""
    data, group = worlds.questions(0, 24), lambda example: str(int(example.question[1:]) // 4)
    few = lmnb.BootstrapFewShotWithRandomSearch(
        max_bootstrapped_demos=2, max_labeled_demos=4, num_candidate_programs=4, metric=worlds.exact
    )
    optimizer = lmnb.BetterTogether(worlds.exact, p=few, w=lmnb.BootstrapFinetune())
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        how = {"group": group, "objective": "worst group", "strategy": "p -> w", "valset_ratio": 0.5}
        run = optimizer.start(worlds.TwoCalls(), trainset=data, **how)
        run.wait(60)
    *tried, trained = run.candidates
    worst = {row.id: min(mean for mean, _ in run.group_scores(row).values()) for row in tried[1:]}
    [parent] = run.candidate(trained).parents
    assert worst[parent] == max(worst.values()) > min(worst.values())


@pytest.mark.parametrize("name", ["review", "group", "cross_fit", "seed", "valset"])
def test_what_the_steps_share_is_no_argument_of_one_of_them(name):
    """An argument of the whole run would be passed over in a step's own, so it is refused, with where to write it."""
    with pytest.raises(
        lmnb.InputError, match=rf"has {name!r}, which all steps of a run share. Write compile\(..., {name}="
    ):
        start(optimizer_compile_args={"p": {name: "candidates"}}, run_dir=None)


def test_two_runs_that_trained_are_compared_by_where_their_weights_come_from():
    """A slot of weights is told in words, and as nothing where the other run trained none."""
    trained, prompted = start("w", run_dir=None), start("p", run_dir=None)
    trained.wait(30), prompted.wait(30)
    trained.accept(1)
    found = trained.compare(prompted)
    assert found.texts["self.lm"][0] == ""
    assert re.fullmatch(r".+: .*, fine-tuned on \d+ records", found.texts["self.lm"][1])
    assert "fine-tuned on" in found._repr_html_()
