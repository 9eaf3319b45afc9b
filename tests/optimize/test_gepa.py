"""GEPA: reflection on feedback, the Pareto pool, merges, budgets, and the person who steers."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
import worlds
from hypothesis import given
from hypothesis import strategies as st

import lmnb
from lmnb.optimize.archive import Archive
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.gepa_result import GEPAResult
from lmnb.optimize.pareto import Pool
from lmnb.optimize.task import Task, baseline_of, shape_of

FIRST, SECOND = "first.instructions", "second.instructions"
NAME, ANSWER = "Name the topic.", "Answer from the topic."


class Steps(lmnb.Module):
    """Finds the topic of a question, then answers."""

    def __init__(self) -> None:
        self.first = lmnb.Predict(lmnb.Signature("question -> topic", "Think."))
        self.second = lmnb.Predict(lmnb.Signature("question, topic -> answer", "Speak."))

    def forward(self, question: str) -> Any:
        topic = self.first(question=question).topic
        return lmnb.Prediction(topic=topic, answer=self.second(question=question, topic=topic).answer)


def outputs_of(messages: list[dict[str, Any]]) -> list[str]:
    return re.findall(r"^- `(\w+)`", messages[0]["content"].partition("Output fields")[2], re.M)


class World(lmnb.FakeLM):
    """Follows the two good instructions; as a proposer it writes the right one where the feedback asks for it. `asked` are its proposals' prompts."""

    def __init__(self, propose: Any = None) -> None:
        self.asked: list[str] = []
        self.propose = propose or self.better
        super().__init__(self.reply)

    def better(self, prompt: str) -> str:
        return NAME if "topic: " not in prompt.partition("feedback")[0].replace("replied topic", "") else ANSWER

    def reply(self, messages: list[dict[str, Any]], **_: Any) -> Any:
        system, told = messages[0]["content"], messages[-1]["content"]
        if "proposed_instruction" in outputs_of(messages):
            self.asked.append(told)
            return {"proposed_instruction": self.propose(told)}
        if "topic" in outputs_of(messages):
            return {"topic": "good" if NAME in system else "bad"}
        return {"answer": "good" if ANSWER in system else "bad"}


def halves(example: Any, prediction: Any, trace: Any = None) -> Any:
    """Half for the topic, half for the answer, with words for both."""
    topic, answer = prediction.topic == "good", prediction.answer == "good"
    return lmnb.Score(0.5 * topic + 0.5 * answer, feedback=f"topic {topic}, answer {answer}")


def started(metric: Any = halves, lm: Any = None, program: Any = None, budget: int = 80, **given: Any) -> Any:
    names = ("trainset", "valset", "run_dir", "paused", "decisions", "num_threads")
    options = {"trainset": worlds.questions(0, 9), "valset": worlds.questions(100, 106), "run_dir": None}
    options |= {name: given.pop(name) for name in names if name in given}
    if not {"auto", "max_full_evals"} & given.keys():
        given["max_metric_calls"] = budget
    with lmnb.context(lm=lm or World()):
        return lmnb.GEPA(metric, **given).start(program or Steps(), **options)


def finished(*args: Any, **given: Any) -> Any:
    run = started(*args, **given)
    run.wait(60)
    return run


def rows(run: Any) -> list[Any]:
    return [(c.id, c.label, c.status, c.score, c.parents) for c in run.candidates]


# -- reflection --------------------------------------------------------------------------------------------------------


def test_both_steps_get_the_instruction_that_the_feedback_asks_for() -> None:
    """Round robin works on one step after the other; each child that does better on its minibatch is scored and becomes a parent."""
    lm = World()
    run = finished(lm=lm)
    assert (run.best.score, run.result().first.instructions, run.result().second.instructions) == (100.0, NAME, ANSWER)
    assert [c.score for c in run.candidates] == [0.0, 50.0, 100.0]
    assert [run.candidate(c).origin for c in run.candidates] == ["baseline", "reflected", "reflected"]
    assert "[[ ## current_instruction ## ]]\nThink." in lm.asked[0]
    assert re.search(r"question: q\d\nreplied topic: bad\nfeedback: topic False, answer False", lm.asked[0])
    assert re.search(
        r"question: q\d\ntopic: good\nreplied answer: bad\nfeedback: topic True, answer False", lm.asked[1]
    )
    assert "tried_in_vain" not in lm.asked[0] and "rejected" not in lm.asked[0], "what is empty is not in the prompt"


def test_all_components_can_be_changed_at_once() -> None:
    """With component_selector="all" one child has a new text in every slot."""
    run = finished(component_selector="all")
    assert [c.score for c in run.candidates] == [0.0, 100.0]


def test_without_feedback_the_proposer_is_told_score_and_label() -> None:
    """A metric that gives a number only still says what was expected."""
    lm = World()
    finished(lambda example, prediction, trace=None: prediction.topic == "good", lm)
    assert re.search(r"feedback: The score is 0\. Expected:\nanswer: a\d", lm.asked[0])


def test_what_did_no_better_is_told_the_next_time() -> None:
    """A text that did not improve its minibatch is an earlier attempt in the next proposal for that slot of that parent."""
    lm = World(lambda prompt: f"Attempt {prompt.count('Attempt')}." if "tried" in prompt else "Attempt.")
    run = finished(lambda example, prediction, trace=None: 0.5, lm, component_selector=only_first)
    tried = [prompt.partition("tried_in_vain ## ]]\n")[2].partition("\n\n")[0] for prompt in lm.asked]
    assert tried[0] == "" and "Attempt." in tried[1]
    assert run.best.number == 0


def only_first(state: Any, trajectories: Any, subsample_scores: Any, candidate_idx: int, candidate: Any) -> list[str]:
    """A component selector: always the first step, by the name of its predictor."""
    assert state.candidates[candidate_idx] and len(trajectories) == len(subsample_scores)
    assert set(candidate) == {FIRST, SECOND}
    return ["first"]


def test_a_function_selects_components() -> None:
    """It is asked as the field's selectors are, and may name predictors; a name that is none is said."""
    run = finished(component_selector=only_first)
    assert run.result().second.instructions == "Speak." and run.best.score == 50.0
    bad = started(component_selector=lambda *_: ["third"])
    with pytest.raises(
        lmnb.InputError, match=r"component_selector gave \['third'\]; it gives a list of some of \['first"
    ):
        bad.wait(60)


def test_an_unreadable_reply_is_shown_as_it_came() -> None:
    """D8: a reply without the asked fields is an example with its raw text, not one that is silently left out."""

    def babble(messages: list[dict[str, Any]], **_: Any) -> Any:
        return "I would rather not." if "topic" in outputs_of(messages) else World.reply(lm, messages)

    seen = {}
    for flag in (False, True):
        lm = World()
        lm_run = lmnb.FakeLM(babble)
        run = finished(lm=lm_run, reflection_lm=lm, add_format_failure_as_feedback=flag)
        assert run.state == "finished"
        seen[flag] = lm.asked[0]
        assert seen[flag].count("replied: I would rather not.\nfeedback: The reply could not be read") == 3
    assert "has no headers" in seen[True] and "has no headers" not in seen[False]


def test_a_batch_without_fault_is_passed_over() -> None:
    """Where everything on a minibatch is perfect nothing is proposed, unless skip_perfect_score=False; the search ends all the same."""
    lm = World()
    run = finished(lambda example, prediction, trace=None: 1.0, lm)
    assert not lm.asked and len(run.candidates) == 1
    assert any("found nothing new to run" in event["what"] for event in run.events)
    finished(lambda example, prediction, trace=None: 1.0, lm, skip_perfect_score=False)
    assert lm.asked


def test_a_proposer_that_repeats_itself_ends_the_search() -> None:
    """The same text again costs no program run and no run without end."""
    run = finished(lm=World(lambda prompt: "Think."), budget=10_000)
    assert run.state == "finished" and len(run.candidates) == 2  # the second step has got it too


def test_from_zero_it_climbs_over_steps_that_score_nothing() -> None:
    """Where 0 = 0 a child stands in for its parent in the next reflection: two steps that are worth nothing alone are found one after the other."""

    def both(example: Any, prediction: Any, trace: Any = None) -> float:
        return float(prediction.topic == "good" and prediction.answer == "good")

    run = finished(both)
    assert run.best.score == 100.0
    assert run.candidate(run.best).parents == (run.candidates[1].id,) and run.candidates[1].score is None


def test_a_wrong_key_of_the_reflection_lm_ends_the_run() -> None:
    """The rollouts between failing proposals do not hide their cause."""

    def refused(messages: Any, **_: Any) -> Any:
        raise lmnb.AuthError("the key is refused")

    run = started(reflection_lm=lmnb.FakeLM(refused), budget=500, trainset=worlds.questions(0, 60))
    with pytest.raises(lmnb.SystematicFailure, match=r"proposer.*the key is refused"):
        run.wait(60)


# -- own proposers -----------------------------------------------------------------------------------------------------


def rewriting(candidate: Any, reflective_dataset: Any, components_to_update: list[str]) -> dict[str, str]:
    """A proposer of one's own: reads the reflective dataset in the field's form."""
    (name,) = components_to_update
    assert candidate[name] in ("Think.", "Speak.")
    assert {"Inputs", "Generated Outputs", "Feedback"} == set(reflective_dataset[name][0])
    return {name.removesuffix(".instructions"): NAME if name == FIRST else ANSWER}


class Rewriting(lmnb.Module):
    """A program as a proposer: asks an LM of its own words."""

    def __init__(self) -> None:
        self.write = lmnb.Predict("current, examples -> proposed_instruction")

    def forward(self, candidate: Any, reflective_dataset: Any, components_to_update: list[str]) -> Any:
        (name,) = components_to_update
        return self.write(current=candidate[name], examples=str(reflective_dataset[name]))


@pytest.mark.parametrize("proposer", [rewriting, Rewriting()])
def test_a_proposer_of_ones_own(proposer: Any, tmp_path: Any) -> None:
    """A function or a program writes the texts, by way of the journal: a replay, and a run that is reopened without it, ask it nothing."""
    lm = World(lambda prompt: NAME if "Think." in prompt else ANSWER)
    run = finished(lm=lm, instruction_proposer=proposer, run_dir=tmp_path / "run")
    assert run.best.score == 100.0
    calls = len(lm.calls)
    assert lmnb.reopen(tmp_path / "run").replay().slots() == run.result().slots() and len(lm.calls) == calls
    again = lmnb.reopen(tmp_path / "run", Steps(), halves)
    assert again.header.optimizer().proposers() and rows(again) == rows(run)


def test_a_proposer_that_gives_no_text_says_what_to_give() -> None:
    """What a function of one's own must give is in the message."""
    run = started(instruction_proposer=lambda **_: 3, budget=500, trainset=worlds.questions(0, 60))
    with pytest.raises(
        lmnb.SystematicFailure, match=r"instruction_proposer gave 3\. It gives the new texts by component"
    ):
        run.wait(60)


def test_a_selector_that_is_gone_is_missed_by_name(tmp_path: Any) -> None:
    """A search that needs a function which no import finds cannot be replayed, and says which."""
    finished(component_selector=lambda *_: ["first"], run_dir=tmp_path / "run")
    with pytest.raises(lmnb.RunError, match=r"component_selector .*<lambda> of this run is not importable here"):
        lmnb.reopen(tmp_path / "run").replay()


# -- budgets -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [18, 30, 47, 90])
def test_the_budget_counts_every_metric_call_once(budget: int) -> None:
    """D12: a metric with feedback is called once a program run, never a second time for its words, and never beyond the budget."""
    calls = []

    def metric(example: Any, prediction: Any, trace: Any = None) -> Any:
        calls.append(example.question)
        return lmnb.Score(0.3 if prediction.topic == "bad" else 0.6, feedback="so so")

    run = finished(metric, World(lambda prompt: f"Variant {len(prompt)} {prompt.count('Variant')}"), budget=budget)
    assert len(calls) == GEPAResult.of(run).total_metric_calls <= budget
    assert len(calls) > budget - 12 or any("nothing new" in event["what"] for event in run.events)


@pytest.mark.parametrize(
    ("auto", "P", "V", "calls"),
    [("light", 1, 50, 580), ("light", 1, 300, 1580), ("light", 4, 100, 2465), ("heavy", 4, 300, 6900)],
)
def test_auto_budgets_are_those_of_the_field(auto: str, P: int, V: int, calls: int) -> None:
    """The named budgets are worth what users of the field know."""

    class Parts(lmnb.Module):
        def __init__(self) -> None:
            self.parts = [lmnb.Predict("question -> answer") for _ in range(P)]

    task = Task(
        baseline=baseline_of(shape_of(Parts()), {}),
        predictors=(),
        trainset=worlds.questions(0, 9),
        valset=worlds.questions(100, 100 + V),
        evalset="val",
        seed=0,
        teacher=None,
        teacher_compiled=False,
        archive=Archive("val", V, {}, dict),
    )
    assert lmnb.GEPA(halves, auto=auto).limit(task) == calls


def test_full_evals_are_passes_over_all_examples() -> None:
    """max_full_evals=4 is worth four times the training and validation examples."""
    run = finished(max_full_evals=4)
    assert GEPAResult.of(run).total_metric_calls <= 4 * (9 + 6) and run.best.score == 100.0


def test_a_budget_without_room_for_a_proposal_is_refused() -> None:
    """Scoring the program alone would look like a search that found nothing."""
    with pytest.raises(lmnb.InputError, match=r"17 metric calls has no room .* Write max_metric_calls=18 or more"):
        started(budget=17).wait(60)


def test_a_handful_of_examples_is_enough_to_start() -> None:
    """Below six examples they train and score; what was run on a minibatch is not bought again for the score."""
    with lmnb.context(lm=World()):
        tuned = lmnb.GEPA(halves, max_metric_calls=30).compile(Steps(), trainset=worlds.questions(0, 4), run_dir=None)
    assert tuned.detailed_results.val_aggregate_scores == [0.0, 0.5, 1.0]
    assert tuned.detailed_results.total_metric_calls == 3 * 4


def about(gold: Any, pred: Any, trace: Any, pred_name: str | None, pred_trace: Any) -> Any:
    """A metric of the field with words for each predictor."""
    score = 0.5 * (pred.topic == "good") + 0.5 * (pred.answer == "good")
    if pred_name is None:
        return score
    (_, inputs, outputs) = pred_trace[0]
    return lmnb.Prediction(score=score, feedback=f"{pred_name} gave {outputs} for {sorted(inputs)}, steps {len(trace)}")


def test_a_metric_of_five_parameters_speaks_of_the_predictor_at_work() -> None:
    """It is called once, with the name and the last call of the predictor whose turn it is; on the validation set with None."""
    lm = World()
    run = finished(about, lm)
    assert "feedback: first gave {'topic': 'bad'} for ['question'], steps 2" in lm.asked[0]
    assert "feedback: second gave {'answer': 'bad'} for ['question', 'topic'], steps 2" in lm.asked[1]
    assert run.best.score == 100.0


def test_a_metric_of_five_parameters_speaks_of_each_predictor_where_all_are_changed() -> None:
    """With component_selector="all" each proposal reads what the metric says of its own predictor, and those runs are within the budget."""
    lm = World()
    run = finished(about, lm, component_selector="all", budget=30)
    assert "feedback: first gave {'topic': 'bad'} for ['question'], steps 2" in lm.asked[0]
    assert "feedback: second gave {'answer': 'bad'} for ['question', 'topic'], steps 2" in lm.asked[1]
    assert [c.score for c in run.candidates] == [0.0, 100.0] and run._archive.runs <= 30
    with pytest.raises(lmnb.InputError, match="Write max_metric_calls=24 or more"):  # 6, then 4 minibatches of 3, and 6
        started(about, component_selector="all", budget=23).wait(60)


# -- the budget and the objective --------------------------------------------------------------------------------------


def test_what_a_person_injects_is_taken_from_the_budget_that_is_left() -> None:
    """An injection between two steps is scored, and the search buys so much less: the limit holds."""
    run = started(budget=30, paused=True)
    for _ in range(2):
        run.step()
        run.until("paused", 30)
    assert run._archive.runs == 6 + 3 + 3 + 6
    run.inject(instructions={FIRST: "Guess."})
    run.resume()
    run.wait(60)
    assert run.candidates[2].human and run.candidates[2].status == "scored" and run._archive.runs == 18 + 6 + 3


def test_the_result_and_its_pool_go_by_the_objective() -> None:
    """Where all score alike the cheapest is the best in `best_idx` too, and the parent of "current_best"."""
    lm = World(lambda prompt: "Think about it at length.")
    with lmnb.context(lm=lm):
        run = lmnb.GEPA(
            lambda example, prediction, trace=None: lmnb.Score(0.5, feedback="so so"),
            max_metric_calls=40,
            candidate_selection_strategy="current_best",
        ).start(
            Steps(),
            trainset=worlds.questions(0, 9),
            valset=worlds.questions(100, 106),
            objective="cheapest",
            paused=True,
            run_dir=None,
        )
        run.inject(instructions={FIRST: "T."})
        run.resume()
        tuned = run.wait(60)
    short = next(row.number for row in run.candidates if row.human)
    assert run.best.number == tuned.detailed_results.best_idx == short
    assert tuned.detailed_results.to_dict()["best_idx"] == short
    parents = {run.candidate(row).parents for row in run.candidates if run.candidate(row).origin == "reflected"}
    assert parents == {(run.candidates[short].id,)}


def test_the_pool_drops_the_worst_by_the_order_that_it_is_given() -> None:
    """Without an order the mean says which of two stays in their fronts; with one, the order does."""
    a, b = Candidate({FIRST: "a"}), Candidate({FIRST: "b"})
    scores = ((1.0, 1.0, 0.5), (1.0, 1.0, 0.5))
    assert (Pool((a, b), scores).best(), Pool((a, b), scores, (1, 0)).best()) == (0, 1)
    assert Pool((a, b), scores).survivors() == {0: 3} and Pool((a, b), scores, (1, 0)).survivors() == {1: 3}


# -- the pool ----------------------------------------------------------------------------------------------------------


def kinds(example: Any, prediction: Any, trace: Any = None) -> Any:
    """Of three kinds of questions one looks at the topic, one at the answer, and one is right where both or none is good."""
    topic, answer = prediction.topic == "good", prediction.answer == "good"
    right = (topic, answer, topic == answer)[int(example.question[1:]) % 3]
    return lmnb.Score(right, feedback=f"the answer is {prediction.answer}")


def test_what_two_children_learned_apart_is_merged() -> None:
    """Two specialists with one ancestor are merged into the program that has both changes, where no single step leads to it."""

    def better(prompt: str) -> str:
        """Helps the second step only while the topics are bad, and the first only while the answers are."""
        if "current_instruction ## ]]\nSpeak." in prompt:
            return "Rubbish." if "topic: good" in prompt else ANSWER
        return NAME if "]]\nThink." in prompt and "the answer is good" not in prompt else "Rubbish."

    runs = [finished(kinds, World(better), budget=150, seed=seed) for seed in range(2)]
    merged = [(run, c) for run in runs for c in run.candidates if c.origin == "merged"]
    assert merged
    for run, child in merged:
        values = run.candidate(child).values
        assert (values[FIRST], values[SECOND], child.score, len(child.parents)) == (NAME, ANSWER, 100.0, 2)
    alone = finished(kinds, World(better), budget=150, use_merge=False)
    assert not any(c.origin == "merged" for c in alone.candidates) and alone.best.score < 50


def test_no_more_merges_are_taken_on_than_allowed() -> None:
    """However many are due since earlier ones had no pair to merge: `max_merge_invocations` is the most."""

    class Lucky(lmnb.GEPA):
        merges, tries = 0, 0

        def reflect(self, ascent: Any, pool: Any, b: int) -> Any:
            yield from ()
            return True

        def merge(self, ascent: Any, pool: Any) -> Any:
            yield from ()
            self.tries += 1
            self.merges += self.tries > 3
            return True if self.tries > 3 else None

    with lmnb.context(lm=World()):
        search = Lucky(halves, max_metric_calls=80, max_merge_invocations=1)
        search.start(Steps(), trainset=worlds.questions(0, 9), run_dir=None).wait(60)
    assert search.merges == 1


scores = st.sampled_from([0.0, 0.1, 0.2, 0.3, 1.0])
tables = st.integers(1, 4).flatmap(lambda size: st.lists(st.tuples(*[scores] * size), min_size=1, max_size=7))


@given(tables)
def test_survivors_cover_every_front(table: list[tuple[float, ...]]) -> None:
    """Dropped one by one, the worst first, is who is not needed to have a survivor in each front; counted is where the others stand."""
    pool = Pool(tuple(Candidate({FIRST: str(number)}) for number in range(len(table))), tuple(table))
    fronts = [{n for n, row in enumerate(table) if row[at] == max(column)} for at, column in enumerate(zip(*table))]
    left = set().union(*fronts)
    for number in sorted(left, key=lambda each: (math.fsum(table[each]), -each)):
        if all(front & left - {number} for front in fronts):
            left.remove(number)
    assert pool.survivors() == {n: sum(n in front for front in fronts) for n in sorted(left)}
    assert pool.best() == max(range(len(table)), key=lambda each: (math.fsum(table[each]), -each))


def test_equal_scores_in_another_order_are_equal() -> None:
    """Sums of floats differ with their order: the best of `detailed_results` is the run's, the earlier one of equals."""

    def shares(example: Any, prediction: Any, trace: Any = None) -> float:
        at, good = int(example.question[1:]) % 3, prediction.topic == "good"
        return 1.0 * good if int(example.question[1:]) < 100 else (0.3, 0.2, 0.1)[2 - at if good else at]

    run = finished(shares, valset=worlds.questions(102, 105))
    told = GEPAResult.of(run)
    assert len(told.candidates) == 2 and told.val_aggregate_scores[0] == told.val_aggregate_scores[1]
    assert told.best_idx == run.best.number == 0


def test_current_best_takes_the_best_mean() -> None:
    """Every child has the best candidate of its time as its parent."""
    lm = World(lambda prompt: f"Variant {len(prompt)} {prompt.count('Variant')}")
    run = finished(worlds_luck, lm, candidate_selection_strategy="current_best", budget=120, use_merge=False)
    best = run.candidates[0]
    for child in run.candidates[1:]:
        assert child.parents == (best.id,)
        best = child if child.status == "scored" and child.score > best.score else best


def worlds_luck(example: Any, prediction: Any, trace: Any = None) -> Any:
    """A score that depends on the instructions by chance."""
    texts = [span["messages"][0]["content"] for span in prediction.trace.to_dict()["spans"] if "messages" in span]
    return int(lmnb.canonical.content_hash([texts, example.question]), 16) % 10 / 10


def test_a_vetoed_candidate_leaves_the_front() -> None:
    """D11: what is rejected is no parent any more, wins nothing, and its text and reason are told to the proposer."""
    lm = World()
    run = started(lm=lm, paused=True)
    for _ in range(2):
        run.step()
        run.until("paused", 30)
    vetoed = run.candidates[1]
    assert vetoed.score == 50.0
    run.reject(vetoed, "sounds like a schoolbook")
    run.resume()
    run.wait(60)
    assert all(vetoed.id not in child.parents for child in run.candidates[2:])
    assert run.best.score == 50.0 and run.result().first.instructions == "Think.", "the same text does not come back"
    assert any(f"{NAME} - sounds like a schoolbook" in prompt for prompt in lm.asked)


def test_a_proposal_can_be_vetoed_before_a_cent_is_spent_on_it() -> None:
    """The gate between proposal and minibatch: what a watcher rejects as it appears is never run."""
    lm = World()
    run = started(lm=lm, paused=True)

    def watch() -> None:
        for row in run.candidates[1:]:
            if row.reason is None and run.candidate(row).values[FIRST] == NAME:
                run.reject(row, "no")

    run.subscribe(watch)
    run.resume()
    run.wait(60)
    assert any(row.reason == "rejected: no" for row in run.candidates)
    assert not any(NAME in call["messages"][0]["content"] for call in lm.calls)


def test_an_injected_candidate_joins_the_front() -> None:
    """A person's instruction is scored and becomes a parent like any other."""
    run = started(paused=True)
    child = run.inject(instructions={FIRST: NAME})
    run.resume()
    run.wait(60)
    assert run.best.score == 100.0 and child.id in run.candidate(run.best).parents


def test_a_pinned_slot_is_not_worked_on() -> None:
    """No proposal is asked for a text that may not change; with every slot pinned the search ends."""
    lm = World()
    run = started(lm=lm, paused=True)
    run.step()
    run.until("paused", 30)
    run.pin(FIRST, 0)
    run.resume()
    run.wait(60)
    assert lm.asked and not any("Think." in prompt for prompt in lm.asked)
    assert run.result().slots()[FIRST] == "Think." and run.best.score == 50.0


def test_resume_after_any_batch_is_the_same_run(tmp_path: Any) -> None:
    """D10: cut anywhere, the run goes on to the same candidates and buys only what it had not."""
    lm = World()
    run = finished(kinds, lm, run_dir=tmp_path / "run", num_threads=1, seed=3)
    whole = (tmp_path / "run" / "journal.jsonl").read_bytes().splitlines(keepends=True)
    calls = [at for at, line in enumerate(whole) if json.loads(line)["k"] == "call"]
    for done in (1, len(calls) // 3, len(calls) // 2, len(calls) - 2):
        (tmp_path / "run" / "journal.jsonl").write_bytes(b"".join(whole[: calls[done - 1] + 1]))
        rest = World()
        with lmnb.context(lm=rest):
            again = lmnb.reopen(tmp_path / "run", program=Steps(), metric=kinds)
            again.resume()
            again.wait(60)
        assert rows(again) == rows(run) and again.best.id == run.best.id
        assert len(rest.calls) == len(calls) - done
        assert GEPAResult.of(again).total_metric_calls == GEPAResult.of(run).total_metric_calls


# -- other slots -------------------------------------------------------------------------------------------------------


def look(number: str) -> str:
    """Looks."""
    return f"a{number}"


def test_the_description_of_a_tool_is_a_component() -> None:
    """An agent that never uses its tool learns to from a better description; the caller's function stays as it was."""

    def reply(messages: list[dict[str, Any]], **_: Any) -> Any:
        told, outputs = messages[-1]["content"], outputs_of(messages)
        if "proposed_instruction" in outputs:
            return {"proposed_instruction": f"Think about {len(told)}."}
        if "proposed_description" in outputs:
            assert "tools['look']" in told and "next_thought" in told
            return {"proposed_description": "Finds the answer to a question."}
        number = re.sub(r"\D", "", told.partition("[[ ## tools")[0])
        found = re.findall(r"gave: (a\d+)", told)
        if "Finds the answer" in told and not found:
            return {"next_thought": "t", "tool_calls": [{"name": "look", "args": {"number": number}}]}
        return {"next_thought": "t", "tool_calls": [{"name": "submit", "args": {"answer": (found or ["?"])[-1]}}]}

    agent = lmnb.ReAct("question -> answer", [look], max_iters=2)
    run = finished(worlds.exact, lmnb.FakeLM(reply), agent, budget=200)
    assert run.best.score == 100.0
    assert run.result().tools["look"].desc == "Finds the answer to a question." and agent.tools["look"].desc == "Looks."


def test_demos_evolve_and_are_never_judged_by_their_own_example() -> None:
    """With max_demos a mutation takes demos of a minibatch; parent and child are then compared where neither holds the answer."""
    shown: list[tuple[str, str]] = []

    def reply(messages: list[dict[str, Any]], **_: Any) -> Any:
        """Right where it sees two demos or more; nothing to propose in words."""
        if "proposed_instruction" in outputs_of(messages):
            return {"proposed_instruction": "Answer."}
        numbers = [re.findall(r"\bq(\d+)", m["content"])[0] for m in messages if m["role"] == "user"]
        shown.extend((each, numbers[-1]) for each in numbers[:-1])
        return {"answer": f"a{numbers[-1]}" if len(numbers) > 2 else "?"}

    program = lmnb.Predict(lmnb.Signature("question -> answer", "Answer."))
    run = finished(worlds.exact, lmnb.FakeLM(reply), program, max_demos=3)
    assert run.best.score == 100.0 and 2 <= len(run.result().demos) <= 3
    assert all(demo.provenance.source in range(9) for demo in run.result().demos), "demos are of training examples"
    assert shown and all(demo != asked for demo, asked in shown)


# -- results and arguments ---------------------------------------------------------------------------------------------


def test_the_compiled_program_tells_of_its_search() -> None:
    """detailed_results has the pool with scores, lineage and cost; it is no part of the program."""
    with lmnb.context(lm=World()):
        tuned = lmnb.GEPA(halves, max_metric_calls=80).compile(
            Steps(), trainset=worlds.questions(0, 9), valset=worlds.questions(100, 106), run_dir=None
        )
    told = tuned.detailed_results
    assert told.val_aggregate_scores == [0.0, 0.5, 1.0] and told.parents == [[None], [0], [1]]
    assert told.val_subscores[2] == [1.0] * 6 and told.per_val_instance_best_candidates == [{2}] * 6
    assert (told.best_idx, told.num_full_val_evals, told.highest_score_achieved_per_val_task) == (2, 3, [1.0] * 6)
    assert told.best_candidate.slots() == tuned.slots() and told.candidates[0].slots() == Steps().slots()
    assert told.best_outputs_valset[0] == [(2, {"topic": "good", "answer": "good"})]
    assert json.loads(json.dumps(told.to_dict()))["best_idx"] == 2
    assert len(tuned.named_predictors()) == 2 and tuned.deepcopy().slots() == tuned.slots()


def test_a_search_that_ends_before_anything_is_scored_gives_its_program() -> None:
    """A budget that is too small for the first candidate: the program as it came, and a pool with nothing in it."""
    with lmnb.context(lm=World()), pytest.warns(UserWarning, match="the search did not end"):
        tuned = lmnb.GEPA(halves, max_metric_calls=80).compile(
            Steps(),
            trainset=worlds.questions(0, 9),
            valset=worlds.questions(100, 106),
            run_dir=None,
            budget=lmnb.Budget(calls=1),
        )
    told = tuned.detailed_results
    assert tuned.slots() == Steps().slots() and told.candidates == []
    assert told.best_idx is None and told.best_candidate is None and told.to_dict()["best_idx"] is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "exactly one of auto, max_full_evals and max_metric_calls"),
        ({"auto": "light", "max_full_evals": 2}, "exactly one of"),
        ({"auto": "huge"}, "auto is 'huge'; write one of None, 'light', 'medium', 'heavy'"),
        ({"auto": "light", "candidate_selection_strategy": "best"}, "write one of 'pareto', 'current_best'"),
        ({"auto": "light", "component_selector": "some"}, "write 'round_robin', 'all' or a function"),
        ({"auto": "light", "instruction_proposer": 3}, "instruction_proposer is 3; give a program or a function"),
        ({"auto": "light", "reflection_lm": "gpt"}, "reflection_lm is 'gpt'; give an LM"),
        ({"auto": "light", "reflection_minibatch_size": 0}, "reflection_minibatch_size is 0"),
    ],
)
def test_arguments_that_do_not_fit_say_what_to_write(given: dict[str, Any], words: str) -> None:
    """Each wrong argument is named before anything runs."""
    with pytest.raises(lmnb.InputError, match=words):
        lmnb.GEPA(halves, **given)


def test_log_dir_is_the_runs_folder(tmp_path: Any) -> None:
    """The argument of other tools for a folder names the run's, and the result names it too."""
    with lmnb.context(lm=World()):
        search = lmnb.GEPA(halves, max_metric_calls=30, log_dir=tmp_path / "gepa")
        tuned = search.compile(Steps(), trainset=worlds.questions(0, 9))
    assert tuned.detailed_results.log_dir == str(tmp_path / "gepa")
    assert lmnb.reopen(tmp_path / "gepa").replay().slots() == tuned.slots()


def test_without_a_metric_or_with_a_teacher_it_says_so() -> None:
    """Both are refused in words."""
    with pytest.raises(lmnb.InputError, match=r"GEPA scores what it tries\. Write GEPA\(metric=\.\.\.\)"):
        started(None).wait(60)
    with lmnb.context(lm=World()), pytest.raises(lmnb.InputError, match="GEPA has no teacher"):
        lmnb.GEPA(halves, auto="light").compile(Steps(), trainset=worlds.questions(0, 9), teacher=Steps(), run_dir=None)
