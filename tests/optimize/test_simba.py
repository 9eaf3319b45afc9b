"""SIMBA: what it learns from rollouts that differ, on any scale of scores, and what it asks for."""

from __future__ import annotations

import hashlib
import random
import re
from typing import Any

import pytest
import worlds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lmnb
from lmnb.optimize.buckets import ranked
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.effects import Result
from lmnb.optimize.pool import Pool
from lmnb.optimize.rules import HEADING, LONGEST, MOST, split_rules, with_rule

RULE = "Where a number is asked for, say it with the letter a before it."
Asked = list[dict[str, Any]]


def reply(messages: Asked, seed: int = 0, **_: Any) -> dict[str, Any]:
    """Right where the rule is in the instruction, else by the luck of the sample; greedy replies are right for one number in four."""
    system, last = messages[0]["content"], messages[-1]["content"]
    if "`rule` (str)" in system:
        return {"cause": "the letter", "rule": RULE}
    number = re.findall(r"\bq(\d+)", last)[-1]
    if "`query` (str)" in system.partition("Output fields")[2]:
        return {"query": f"find {number}"}
    luck = int(hashlib.sha256(f"{seed}/{number}".encode()).hexdigest(), 16) % 2 if seed else int(number) % 4
    return {"reasoning": "so", "answer": f"a{number}" if luck == 0 or RULE in system else "wrong"}


def optimizer(metric: Any = worlds.exact, **options: Any) -> lmnb.SIMBA:
    return lmnb.SIMBA(metric=metric, **{"bsize": 4, "num_candidates": 3, "max_steps": 3, **options})


def start(search: lmnb.SIMBA, *, lm: Any = None, program: Any = None, train: int = 12, **options: Any) -> Any:
    with lmnb.context(lm=lm or lmnb.FakeLM(reply)):
        return search.start(
            program or lmnb.Predict("question -> answer"),
            trainset=worlds.questions(0, train),
            valset=worlds.questions(101, 107),
            **options,
        )


def finished(*args: Any, **options: Any) -> Any:
    run = start(*args, **{"run_dir": None, **options})
    run.wait(60)
    return run


def asked_of(lm: lmnb.FakeLM) -> list[str]:
    """What the proposer was given, a request each."""
    return [call["messages"][-1]["content"] for call in lm.calls if "`rule` (str)" in call["messages"][0]["content"]]


def reports(run: Any) -> list[str]:
    return [event["what"] for event in run.events if event["kind"] == "report"]


def test_a_rule_from_two_unlike_runs_wins() -> None:
    """A rule written from a right and a wrong run of one question lifts the score on the validation set, and is the result."""
    run = finished(optimizer(max_demos=0))
    assert run.candidates[0].score < 50 < run.best.score == 100
    assert split_rules(run.result().instructions)[1] == [RULE]
    assert run.best.label.startswith("rule for self from example ")


@pytest.mark.parametrize("scale", [200.0, 0.001])
def test_a_metric_on_any_scale_works(scale: float) -> None:
    """D2: scores from 0 to 200 overflow no weight; a metric on a larger scale leads to the very candidates of the same one from 0 to 1."""

    def scaled(example: Any, prediction: Any, trace: Any = None) -> float:
        return scale * worlds.exact(example, prediction)

    runs = [finished(optimizer(metric)) for metric in (worlds.exact, scaled)]
    assert runs[1].state == "finished" and len(runs[1].candidates) > 3
    if scale > 1:
        assert [c.id for c in runs[1].candidates] == [c.id for c in runs[0].candidates]


def test_negative_scores_are_scores_too() -> None:
    """A metric of costs, where 0 is the best, finds the rule as well."""

    def cost(example: Any, prediction: Any, trace: Any = None) -> float:
        return -50.0 * (example.answer != prediction.answer)

    assert finished(optimizer(cost, max_demos=0)).best.score == 0.0


def test_the_draw_prefers_better_programs_and_never_overflows() -> None:
    """By the softmax of normalised means: near temperature 0 the best alone, at a high one all of them."""
    pool, programs = Pool(), [Candidate({"self.instructions": name}) for name in "abc"]
    for candidate, score in zip(programs, (-1e300, 0.0, 1e300), strict=True):
        pool.add(candidate, [score])
    assert [pool.mean(candidate) for candidate in programs] == [0.0, 0.5, 1.0]
    assert set(pool.draw(random.Random(0), programs, 0.0, 50)) == {programs[2]}
    drawn = pool.draw(random.Random(0), programs, 0.5, 600)
    counts = [drawn.count(candidate) for candidate in programs]
    assert 0 < counts[0] < counts[1] < counts[2]
    assert pool.best(programs, 2) == [programs[2], programs[0]], "the first is always with them"


def test_a_smaller_training_set_makes_smaller_batches_and_says_so() -> None:
    """Three examples and bsize 32: a report says that batches hold three, and the search learns from them."""
    run = finished(optimizer(bsize=32, max_steps=2), train=3)
    assert reports(run)[0] == "there are 3 training examples and bsize is 32: each batch holds all 3"
    assert re.match(r"step 1 of 2: (demo|rule) .* is the best of [1-3] on its batch, with [01][.\d]*$", reports(run)[1])
    assert run.state == "finished" and len(run.candidates) > 1


def test_no_example_is_judged_with_its_own_demo() -> None:
    """A question that is asked never stands among the demos above it."""
    lm = lmnb.FakeLM(reply)
    run = finished(optimizer(bsize=6, max_steps=4), lm=lm)
    assert run.demos
    for call in lm.calls:
        if "`rule` (str)" not in call["messages"][0]["content"]:
            number = re.findall(r"\bq(\d+)", call["messages"][-1]["content"])[-1]
            shown = "".join(message["content"] for message in call["messages"][1:-1])
            assert not re.search(rf"\bq{number}\b", shown)


def test_winners_are_scored_in_full_as_they_are_found() -> None:
    """The program and at most `num_candidates` winners, the last step's among them, are scored on the validation set alone; with six
    steps and three candidates that is every second step's.
    """
    run = finished(optimizer(max_steps=6, metric=worlds.exact), train=24)
    scored = [c for c in run.candidates if c.status == "scored"]
    assert scored[0].number == 0 and 2 <= len(scored) <= 4
    assert run.best.id in {c.id for c in scored}
    assert {c.done for c in run.candidates} == {0, 6}


def test_where_the_winner_is_vetoed_the_next_one_is_scored() -> None:
    """A person who rejects a step's best while it is scored on the validation set gets the second best of the step scored instead."""
    runs: list[Any] = []

    def watched(messages: Asked, **options: Any) -> Any:
        if runs and re.findall(r"\bq(\d+)", messages[-1]["content"])[-1] == "103":
            best = [c for c in runs[0].candidates[1:] if c.status == "evaluating"]
            if best and not runs[0].decisions:
                runs[0].reject(best[0], "no")
        return reply(messages, **options)

    run = start(optimizer(max_steps=1), lm=lmnb.FakeLM(watched), num_threads=1, run_dir=None, paused=True)
    runs.append(run)
    run.resume()
    run.wait(60)
    status = [c.status for c in run.candidates]
    assert len(run.decisions) == 1 and status.count("scored") == 2 and status.count("dropped") == 1


def test_a_longer_search_begins_as_the_shorter_one() -> None:
    """Four steps make the candidates of two, and more: what was bought serves again."""
    short, long = (finished(optimizer(max_steps=steps), train=16) for steps in (2, 4))
    first = [c.id for c in short.candidates]
    assert [c.id for c in long.candidates][: len(first)] == first and len(long.candidates) > len(first) > 3


def test_the_budget_in_program_runs_holds() -> None:
    """One call a run here: steps × bsize × (2C + 1) + (C + 1) × validation examples, and one call a rule."""
    lm, proposer = lmnb.FakeLM(reply), lmnb.FakeLM(reply)
    finished(optimizer(prompt_model=proposer, max_steps=4), lm=lm, train=16)
    assert 0 < len(lm.calls) <= 4 * 4 * 7 + 4 * 6
    assert 0 < len(proposer.calls) == len(asked_of(proposer)) <= 4 * 4


def test_no_lm_is_changed_and_the_teachers_is_asked() -> None:
    """The teacher's LM gives the first trajectory of each example at temperature 1 and stays as it was, as do the others."""
    lm, teacher, proposer = (
        lmnb.FakeLM(reply, model=name, temperature=0.3) for name in ("student", "teacher", "proposer")
    )
    before = [each.dump_state() for each in (lm, teacher, proposer)]
    search = optimizer(teacher_settings={"lm": teacher}, prompt_model=proposer)
    finished(search, lm=lm)
    assert [each.dump_state() for each in (lm, teacher, proposer)] == before
    assert search.teacher_settings == {"lm": teacher}
    assert len(teacher.calls) == 3 * 4 and {call["temperature"] for call in teacher.calls} == {1.0}


def test_rules_are_neither_repeated_nor_piled_up() -> None:
    """However many are written, an instruction holds the last few, each of bounded length; what says the same is refused."""
    text = "Answer."
    for number in range(50):
        text = with_rule(text, f"{number}. Mind case{number} " + "and so on " * 100) or text
        assert with_rule(text, f"mind CASE{number} " + "and so on, " * 100) is None
    head, rules = split_rules(text)
    assert head == "Answer." and len(rules) == MOST and rules[-1].startswith("Mind case49")
    assert len(text) <= len("Answer.") + len(HEADING) + MOST * (LONGEST + 3)
    assert with_rule("Answer.", "Be brief. " * 40) == "Answer." + HEADING + "- " + "Be brief. " * 29 + "Be brief."
    assert with_rule("Answer.", " N/A. ") is None
    assert split_rules("Rules:\nnone of these is a rule") == ("Rules:\nnone of these is a rule", [])


def test_the_proposer_sees_both_runs_and_what_was_said_of_them() -> None:
    """It gets the steps of the better and the worse run, their scores and feedback, the right answer, and the program's modules."""

    def spoken(example: Any, prediction: Any, trace: Any = None) -> Any:
        right = worlds.exact(example, prediction)
        return lmnb.Score(right, feedback="well done" if right else "the letter is missing")

    proposer = lmnb.FakeLM(reply)
    finished(optimizer(spoken, prompt_model=proposer, max_demos=0), program=worlds.TwoCalls())
    seen = asked_of(proposer)[0]
    better, worse = seen.partition("better_run ## ]]")[2].split("worse_run ## ]]")
    number = re.findall(r"\bq(\d+)", better)[0]
    assert f"respond.predict replied reasoning: so; answer: a{number}\nfeedback: well done" in better
    assert f"rewrite was given question: q{number}\nrewrite replied query: find {number}" in worse
    assert "answer: wrong\nfeedback: the letter is missing" in worse
    assert "rewrite: question -> query\nrespond.predict: question, query -> reasoning, answer" in seen
    assert f"question: q{number}\nanswer: a{number}" in seen


def test_a_rule_goes_to_a_module_whose_steps_differ() -> None:
    """The query is the same in every run, so each rule is for the answer."""
    run = finished(optimizer(max_demos=0), program=worlds.TwoCalls())
    made = [c.label for c in run.candidates if c.label.startswith("rule")]
    assert made and all(label.startswith("rule for respond.predict ") for label in made)


def test_a_rejected_rule_is_told_to_the_proposer_and_not_taken_again() -> None:
    """The reason enters later proposals, and a rule that says the same is refused."""
    proposer = lmnb.FakeLM(reply)
    run = start(optimizer(max_demos=0, prompt_model=proposer, max_steps=4), paused=True)
    run.step()
    run.until("paused", 30)
    run.step()
    run.until("paused", 30)
    first = next(c for c in run.candidates if c.label.startswith("rule"))
    before = len(proposer.calls)
    run.reject(first, "too narrow")
    run.resume()
    run.wait(60)
    later = asked_of(proposer)[before:]
    assert later and all(f"{RULE} (too narrow)" in text for text in later)
    assert all(RULE not in run.candidate(c).values["self.instructions"] for c in run.candidates if c.id != first.id)


def test_a_pinned_instruction_gets_no_rule() -> None:
    """No proposal is bought for a slot that the person has fixed; demos are still learned."""
    proposer = lmnb.FakeLM(reply)
    run = start(optimizer(prompt_model=proposer), paused=True)
    run.inject(instructions="Say it.")
    run.step()
    run.until("paused", 30)
    run.pin("self.instructions", 1)
    run.resume()
    tuned = run.wait(60)
    assert tuned.instructions == "Say it." and proposer.calls == [] and run.demos


def test_demos_are_capped_and_what_the_person_kept_stays() -> None:
    """No predictor has more than `max_demos`, the program's own included; a kept demo is not dropped to make room."""
    program = lmnb.Predict("question -> answer")
    program.demos = worlds.questions(50, 55)
    run = start(optimizer(max_demos=2, max_steps=6), program=program, train=24, paused=True)
    run.keep_demo(program.demos[0])
    run.resume()
    run.wait(60)
    made = [run.candidate(c) for c in run.candidates if c.label.startswith("demo")]
    assert made and all(len(candidate.values["self.demos"]) <= 2 for candidate in made)
    assert all(program.demos[0] in candidate.values["self.demos"] for candidate in made)


def test_long_inputs_of_demos_are_cut() -> None:
    """A demo's input of more than `demo_input_field_maxlen` characters is cut and says so; its outputs are whole."""

    def wordy(messages: Asked, **options: Any) -> Any:
        made = reply(messages, **options)
        return made | {"query": f"{made['query']} {'word ' * 40}".strip()} if "query" in made else made

    run = finished(optimizer(demo_input_field_maxlen=20), program=worlds.TwoCalls(), lm=lmnb.FakeLM(wordy))
    held = [(slot, demo) for c in run.candidates for slot, demo in run.candidate(c).demos()]
    cut = [demo.query for slot, demo in held if slot == "respond.predict.demos"]
    whole = [demo.query for slot, demo in held if slot == "rewrite.demos"]
    assert cut and all(re.fullmatch(r"find \d+[ word]+ \.\.\. \(cut\)", query) and len(query) == 30 for query in cut)
    assert whole and all(query.endswith("word") and len(query) > 200 for query in whole)


def test_what_a_person_injects_joins_the_pool() -> None:
    """It is drawn for trajectories and has children, as a candidate that the search made."""
    run = start(optimizer(max_steps=4), train=16, paused=True)
    child = run.inject(instructions="Say what is asked for.")
    run.resume()
    run.wait(60)
    assert any(child.id in c.parents for c in run.candidates)


def test_where_nothing_differs_the_search_ends_early() -> None:
    """A program that is always right teaches nothing: after one pass over the training set the search says so and buys no more."""

    def perfect(messages: Asked, **_: Any) -> dict[str, Any]:
        return {"answer": "a" + re.findall(r"\bq(\d+)", messages[-1]["content"])[-1]}

    lm = lmnb.FakeLM(perfect)
    run = finished(optimizer(max_steps=50), lm=lm)
    assert len(run.candidates) == 1 and len(lm.calls) == 6 + 12 * 3
    assert "nothing is to be learned where no two rollouts differ" in reports(run)[-1]


def test_rare_failures_and_rare_successes_teach() -> None:
    """Where nine in ten rollouts are right, the tenth still tells a rule; where one in ten is right, that one is shown."""

    def bucket(scores: list[float]) -> Any:
        rollouts = [(at // 2, Result(score)) for at, score in enumerate(scores)]
        return ranked(rollouts)[0]

    for scores in ([1.0] * 39 + [0.0], [0.0] * 39 + [1.0]):
        first = bucket(scores)
        assert (first.index, first.shows, first.tells) == (19, True, True)
    assert ranked([(at // 2, Result(1.0)) for at in range(8)]) == []
    assert ranked([(0, Result(None, error="ParseError: no")), (0, Result(-1.0))]) == []


def test_arguments_are_whole_numbers() -> None:
    """A wrong one is refused where it is written."""
    with pytest.raises(lmnb.InputError, match="num_candidates is 0, and it is how often a step runs each example"):
        optimizer(num_candidates=0)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    vetoed=st.lists(st.integers(0, 11), max_size=4),
    threads=st.sampled_from([1, 6]),
    edited=st.booleans(),
)
def test_a_replay_makes_the_same_candidates(seed: int, vetoed: list[int], threads: int, edited: bool) -> None:
    """Whatever the seed, the vetoes, an edit and the threads: a second run and the replay of the journal give the same candidates in order."""

    def steered() -> Any:
        run = start(optimizer(max_steps=2), seed=seed, num_threads=threads, paused=True)
        run.step()
        run.until("paused", 30)
        for index in vetoed:
            run.reject_demo(worlds.questions(0, 12)[index], "no")
        if edited:
            run.edit(0, "self.instructions", "Say the answer.")
        run.resume()
        run.wait(60)
        return run

    one, other = steered(), steered()
    rows = [(c.id, c.label, c.score, c.reason) for c in one.candidates]
    assert [(c.id, c.label, c.score, c.reason) for c in other.candidates] == rows
    assert one.replay_candidate().id == one.best.id
