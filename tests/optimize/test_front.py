"""Score against cost: the front, and the cheapest of those as good as the best."""

from __future__ import annotations

import re

import pytest
import worlds

import lmnb


def reply(messages, **_):
    """Right on 3 of 10 questions without demos, on 8 with one, on 9 with more."""
    number = re.findall(r"\nq(\d+)", messages[-1]["content"])[0]
    demos = sum(message["role"] == "assistant" for message in messages)
    return {"answer": f"a{number}" if int(number[-1]) < {0: 3, 1: 8}.get(demos, 9) else "?"}


def start(objective="mean"):
    """The zero-shot program, one with six demos, one with one demo, one with five that are no better."""
    data = worlds.questions(0, 40)
    with lmnb.context(lm=lmnb.FakeLM(reply)):
        run = lmnb.LabeledFewShot(k=6, metric=worlds.exact).start(
            lmnb.Predict("question -> answer"),
            trainset=data,
            valset=worlds.questions(100, 140),
            objective=objective,
            run_dir=None,
        )
        run.wait(60)
        demos = run.candidate(1).values["self.demos"]
        for count in (1, 5):
            run.inject(candidate={"self.demos": demos[:count]})
            run.until("ended", 30)
    return run


@pytest.fixture(scope="module")
def run():
    return start()


def test_the_front_holds_what_none_beats_at_no_more_cost(run):
    """By the length of the prompt the three trade-offs are on the front, and the long prompt that is no better is not."""
    found = run.front("characters")
    assert [(row.number, row.score, row.on_front) for row in found] == [
        (0, 30.0, True),
        (2, 80.0, True),
        (3, 90.0, True),
        (1, 90.0, False),
    ]
    assert [row.number for row in found.best] == [0, 2, 3] and "* #2 80.0 % at" in repr(found)


def test_costs_are_means_over_the_examples(run):
    """Calls and tokens of one example, as the results say; by default what is paid for decides."""
    assert run.front().by == "tokens"
    costs = {row.number: row.cost for row in run.front()}
    assert costs[2] == pytest.approx(run.detail(2)["tokens"]) and costs[0] < costs[2] < costs[3] < costs[1]
    assert {row.cost for row in run.front("calls")} == {1.0} and [row.number for row in run.front("calls").best] == [
        1,
        3,
    ]
    with pytest.raises(lmnb.InputError, match=r"front\(by='joules'\) is not known; write one of 'calls'"):
        run.front("joules")


def test_the_front_is_a_table_a_frame_and_part_of_the_report(run):
    """In a cell, as a frame, in the table of candidates and in the exported report."""
    assert "★ #2" in run.front("characters")._repr_html_().replace("</td>", "")
    assert list(run.front("characters").to_pandas()["on_front"]) == [True, True, True, False]
    frame = run.to_pandas()
    assert list(frame["on_front"]) == [True, False, True, True] and frame.loc[2, "calls"] == 1
    assert "Score against cost" in run.to_html()


def test_the_cheapest_of_those_as_good_as_the_best_is_the_result_where_that_is_asked_for(run):
    """Within a standard error of the best the shorter prompt wins; what is clearly worse does not, however cheap; the mean takes the first best."""
    cheapest = start("cheapest")
    assert cheapest.best.number == 3 and cheapest.header.objective == "cheapest"
    assert run.best.number == 1
    cheapest.reject(3)
    assert cheapest.best.number == 1


def test_equals_share_the_front(run):
    """Of two candidates with one score at one cost both are on the front: none is better, and none is cheaper."""
    twins = [row for row in run.front("calls") if row.score == 90.0]
    assert [(row.number, row.cost, row.on_front) for row in twins] == [(1, 1.0, True), (3, 1.0, True)]


@pytest.mark.parametrize("objective", ["mean", "cheapest"])
def test_the_programs_that_were_tried_stand_in_the_order_of_the_objective(run, objective):
    """The first of `candidate_programs` is the result, also where the result is the cheapest of those as good as the best."""
    found = run if objective == "mean" else start("cheapest")
    programs = found.candidate_programs
    assert programs[0]["candidate"] == found.best.id
    assert [row.number for row in programs.rows] == ([1, 3, 2, 0] if objective == "mean" else [3, 1, 2, 0])


def test_a_finished_search_is_all_done_where_it_came_to_a_candidate_twice():
    """Optuna's draws may repeat a choice that there is; what was planned is not what remains then."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = worlds.optimizers(worlds.exact)["BootstrapFewShotWithRandomSearch"].start(
            lmnb.Predict("question -> answer"),
            trainset=worlds.questions(0, 1),
            valset=worlds.questions(9, 11),
            run_dir=None,
        )
        run.wait(60)
    progress = run.snapshot()["progress"]
    assert len(run.candidates) < run.header.planned
    assert progress["done"] == progress["total"] == len(run.candidates)
