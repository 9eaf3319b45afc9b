"""A program that gets nothing right begins all the same: by its answers' labels as a hint, by partial credit, by a demo made by hand."""

from __future__ import annotations

import re

import pytest
import worlds

import lmnb

SOLVE = lmnb.ChainOfThought("question -> answer")


def solver(messages, **_):
    """Knows no answer by itself: it needs a hint in the instructions, or a demo that reasons. Of some hints it speaks."""
    number = re.findall(r"\nq(\d+)", messages[-1]["content"])[0]
    hint = re.search(r"A hint for this input.*\nanswer: (\w+)", messages[0]["content"], re.S)
    if hint:
        if number == "2":
            return {"reasoning": "I cannot see why.", "answer": "no idea"}
        because = "The hint says so." if number == "1" else f"It ends in {number}, so I say a{number}."
        return {"reasoning": because, "answer": hint[1]}
    shown = any("It ends in" in message["content"] for message in messages if message["role"] == "assistant")
    return {
        "reasoning": f"It ends in {number}, so I say a{number}." if shown else "?",
        "answer": f"a{number}" if shown else "?",
    }


def start(optimizer=None, lm=None, **options):
    optimizer = optimizer or lmnb.BootstrapFewShot(
        worlds.exact, max_bootstrapped_demos=3, max_labeled_demos=0, rationalize=True
    )
    given = {"trainset": worlds.questions(0, 8), "valset": worlds.questions(100, 106), "run_dir": None, **options}
    with lmnb.context(lm=lm or lmnb.FakeLM(solver)):
        run = optimizer.start(SOLVE, **given)
        run.wait(60)
    return run


@pytest.fixture(scope="module")
def lm():
    return lmnb.FakeLM(solver)


@pytest.fixture(scope="module")
def run(lm):
    return start(lm=lm)


def test_a_program_that_gets_nothing_right_begins_by_rationalization(run):
    """From 0 to 100 %: reasoning towards known answers is kept where the answer came out right, one demo an example."""
    assert [(row.number, row.score) for row in run.candidates] == [(0, 0.0), (1, 100.0)]
    demos = run.candidate(1).values["predict.demos"]
    assert [(demo.question, demo.answer, demo.origin, demo.source) for demo in demos] == [
        (f"q{n}", f"a{n}", "rationalized", n) for n in (0, 3, 4)
    ]
    assert "3 of 8 examples that failed gave a demo with their labels as a hint" in run.reports[0].message


def test_the_hint_never_appears_in_a_demo_or_in_a_scored_prompt(run, lm):
    """Not as a field, not in what was written, not in the instructions of any candidate; what speaks of it is not kept."""
    texts = [str(value) for row in run.candidates for value in run.candidate(row).values.values()]
    assert not any("hint" in text.lower() for text in texts)
    assert {demo.source for demo in run.demos} == {0, 3, 4}  # 1 spoke of its hint, 2 was wrong all the same
    hinted = [call["messages"] for call in lm.calls if "A hint for this input" in call["messages"][0]["content"]]
    assert len(hinted) == 5 and all("answer: a" in messages[0]["content"] for messages in hinted)
    scored = [call["messages"] for call in lm.calls if re.search(r"\nq10\d", call["messages"][-1]["content"])]
    assert len(scored) == 12 and not any("hint" in message["content"].lower() for ms in scored for message in ms)


def test_what_the_teacher_can_do_is_not_told():
    """Successes come first; only as many failed examples are rationalized as demos are still wanted."""

    def knowing(messages, **options):
        number = int(re.findall(r"\nq(\d+)", messages[-1]["content"])[0])
        return {"reasoning": "I know.", "answer": f"a{number}"} if number in (5, 6) else solver(messages)

    run = start(lm=lmnb.FakeLM(knowing))
    origins = [demo.origin for demo in run.candidate(1).values["predict.demos"]]
    assert origins == ["bootstrapped", "bootstrapped", "rationalized"]
    assert {each.how for each in run.provenance(1) if each.kind == "demo"} >= {"rationalized, training example 0"}


def test_rationalization_is_part_of_random_search_and_replays(tmp_path):
    """The option is there in random search, stored with the run, and a replay makes no call."""
    optimizer = lmnb.BootstrapFewShotWithRandomSearch(
        worlds.exact, max_bootstrapped_demos=2, max_labeled_demos=2, num_candidate_programs=1, rationalize=True
    )
    lm = lmnb.FakeLM(solver)
    run = start(optimizer, lm, run_dir=tmp_path / "run")
    assert run.best.score == 100.0
    asked = len(lm.calls)
    again = lmnb.reopen(tmp_path / "run")
    assert again.header.arguments["rationalize"] is True
    assert again.replay_candidate().id == run.best.id and len(lm.calls) == asked


def test_partial_credit_selects_where_nothing_is_fully_right():
    """A metric between 0 and 1 counts as it is: in the mean, in the choice, as success from its threshold on, and in the estimate."""

    def reply(messages, **_):
        demos = sum(message["role"] == "assistant" for message in messages)
        number = re.findall(r"\nq(\d+)", messages[-1]["content"])[0]
        return {"reasoning": "…", "answer": f"a{number} and more" if demos else f"a{number} and much, much more"}

    def share(example, prediction, trace=None):
        return len(example.answer) / len(prediction.answer) if prediction.answer.startswith(example.answer) else 0.0

    optimizer = lmnb.BootstrapFewShot(share, metric_threshold=0.05, max_bootstrapped_demos=2, max_labeled_demos=0)
    run = start(optimizer, lmnb.FakeLM(reply))
    zero, best = run.candidates
    assert zero.score == pytest.approx(100 * 4 / len("a100 and much, much more"))
    assert best.score == pytest.approx(100 * 4 / len("a100 and more")) and run.best.number == 1
    assert best.expected == pytest.approx(best.score, abs=1) and run.detail(1)["gain"]["fixed"] == 6


def test_a_demo_made_by_hand_is_a_beginning():
    """Where nothing works and nothing is told, no demo is made; one demo of a person makes a candidate that does, and it wins."""
    run = start(lmnb.BootstrapFewShot(worlds.exact, max_labeled_demos=0))
    assert [row.score for row in run.candidates] == [0.0]
    run.inject(demo={"question": "q7", "reasoning": "It ends in 7, so I say a7.", "answer": "a7"})
    run.until("ended", 30)
    assert run.best.score == 100.0 and run.best.human


def without_reasoning(messages, **_):
    """Led astray by demos: with one in the prompt it answers at once, and wrong."""
    number = re.findall(r"\nq(\d+)", messages[-1]["content"])[0]
    demos = any(message["role"] == "assistant" for message in messages)
    return {"reasoning": "" if demos else f"It ends in {number}.", "answer": "?" if demos else f"a{number}"}


def test_where_a_teacher_with_labelled_demos_fails_the_next_round_asks_it_without():
    """Labelled demos lack the reasoning, and may lead a model to leave it out: with two rounds the bare teacher has its turn, within the plan."""
    lm = lmnb.FakeLM(without_reasoning)
    given = {"max_bootstrapped_demos": 3, "max_labeled_demos": 4}
    once = start(lmnb.BootstrapFewShot(worlds.exact, **given), lm)
    assert not any(demo.origin == "bootstrapped" for demo in once.demos)
    assert "no example succeeded with labelled demos: max_rounds=2" in once.reports[0].message
    twice = lmnb.BootstrapFewShot(worlds.exact, max_rounds=2, **given)
    run = start(twice, lm)
    made = [demo for demo in run.demos if demo.origin == "bootstrapped"]
    assert [demo.source for demo in made] == [0, 1, 2] and all(demo.reasoning.startswith("It ends") for demo in made)
    with lmnb.context(lm=lm):
        plan = twice.plan(SOLVE, trainset=worlds.questions(0, 8), valset=worlds.questions(100, 106))
    assert run._archive.runs <= plan.runs.high == 2 * 6 + 2 * 8
