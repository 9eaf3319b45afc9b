"""COPRO: texts written by a prompt model, round after round, each scored once, the best program kept."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest
import worlds

import lmnb
from lmnb.optimize.copro import HINTS

INSTRUCTION, DESC = "self.instructions", "self.outputs['answer'].desc"
Answer = dict[str, Any]


def told(messages: Any, name: str) -> str:
    """What stands under the last header of that name."""
    return re.findall(rf"\[\[ ## {name} ## \]\]\n(.*?)(?=\n\n\[\[|\n\nReply|\Z)", messages[-1]["content"], re.S)[-1]


def grader(messages: Any, **_: Any) -> Answer:
    """A model of the task that is right on the first `n` questions of ten, where `n` is the number in its instruction, and one more
    where the output is said to be "short".
    """
    system = messages[0]["content"]
    good = int((re.findall(r"quality (\d+)", system) or ["2"])[0]) + ("short" in system)
    number = int(re.sub(r"\D", "", told(messages, "question")))
    return {"answer": f"a{number}" if number % 10 < good else "?"}


class Writer:
    """A prompt model that gives pairs in order and keeps what it was asked."""

    def __init__(self, *pairs: tuple[str, str] | Exception) -> None:
        self.pairs = list(pairs)
        self.asked: list[Any] = []
        self.lm = lmnb.FakeLM(self.answer)

    def answer(self, messages: Any, **options: Any) -> Answer:
        self.asked.append((messages, options))
        given = self.pairs[(len(self.asked) - 1) % len(self.pairs)]
        if isinstance(given, Exception):
            raise given
        return {"proposed_instruction": given[0], "proposed_description": given[1]}


def quality(*numbers: int) -> list[tuple[str, str]]:
    return [(f"Answer with quality {number}.", "") for number in numbers]


def copro(writer: Writer | None, **options: Any) -> Any:
    return lmnb.COPRO(**{"prompt_model": writer and writer.lm, "metric": worlds.exact, **options})


def started(optimizer: Any, *, lm: Any = None, program: Any = None, **options: Any) -> Any:
    with lmnb.context(lm=lm or lmnb.FakeLM(grader)):
        return optimizer.start(
            program or lmnb.Predict("question -> answer"),
            **{"trainset": worlds.questions(0, 10), "num_threads": 1, "run_dir": None, **options},
        )


def test_it_tunes_the_instruction_and_the_description_of_the_last_output() -> None:
    """The best pair is the result; what the caller gave, its signature too, stays as it was."""
    program = lmnb.Predict("question -> answer")
    before, signature = program.slots(), program.signature
    writer = Writer(
        ("Answer with quality 4.", ""), ("Answer with quality 4.", "short"), ("Answer with quality 3.", "short")
    )
    tuned = started(copro(writer, breadth=4, depth=1), program=program).wait(60)
    assert (tuned.slots()[INSTRUCTION], tuned.slots()[DESC]) == ("Answer with quality 4.", "short")
    assert tuned.provenance["score"] == 50.0
    assert program.slots() == before and program.signature is signature


def test_each_text_is_asked_for_by_a_request_of_its_own() -> None:
    """A server that knows no `n` gives as many texts: none is asked for several, each with another hint, at the temperature given."""
    writer = Writer(*quality(*range(3, 10)))
    run = started(copro(writer, breadth=4, depth=2, init_temperature=1.1))
    run.wait(60)
    assert len(writer.asked) == 3 + 4
    assert all("n" not in options and options["temperature"] == 1.1 for _, options in writer.asked)
    hints = [told(messages, "hint") for messages, _ in writer.asked]
    assert len(set(hints[:3])) == 3 and len(set(hints[3:])) == 4 and set(hints) <= set(HINTS)
    assert len(run.candidates) == 8


def test_what_was_tried_is_not_scored_again() -> None:
    """A prompt model that repeats itself, in other capitals and quotes too, costs requests and no run of the program."""
    writer = Writer(("Answer with quality 4.", ""), ('"answer with  QUALITY 4."', ""), ("", "nothing"))
    lm = lmnb.FakeLM(grader)
    run = started(copro(writer, breadth=4, depth=3), lm=lm)
    run.wait(60)
    assert [row.score for row in run.candidates] == [20.0, 40.0]
    assert len(lm.calls) == 2 * 10 and len(writer.asked) == 3 + 4 + 4


def test_later_rounds_see_the_best_attempts_in_increasing_order() -> None:
    """The first round is told the program's own texts, the next ones the best `breadth` pairs with their scores, the best one last."""
    writer = Writer(*quality(5, 1), *quality(6, 7, 8))
    run = started(copro(writer, breadth=3, depth=2))
    run.wait(60)
    first, second = writer.asked[0][0], writer.asked[2][0]
    assert told(first, "current_instruction") == run.header.baseline.values[INSTRUCTION] and "attempts" not in str(
        first
    )
    attempts = re.findall(r'"instruction": "(.*?)", "description": "", "score": ([\d.]+)', told(second, "attempts"))
    assert [score for _, score in attempts] == ["10.0", "20.0", "50.0"] and attempts[-1][0] == "Answer with quality 5."
    assert run.best.score == 80.0


def test_each_predictor_is_tuned_in_the_best_program_so_far() -> None:
    """With two predictors no candidate is scored twice, and each changes one of them in what was best then."""
    calls: list[str] = []

    def both(messages: Any, **options: Any) -> Answer:
        if "proposed_instruction" in messages[0]["content"]:
            calls.append(told(messages, "task"))
            return {"proposed_instruction": f"Answer with quality {len(calls)}.", "proposed_description": ""}
        return grader(messages) | {"query": "x", "reasoning": "y"}

    lm = lmnb.FakeLM(both)
    run = started(lmnb.COPRO(metric=worlds.exact, breadth=2, depth=2), lm=lm, program=worlds.TwoCalls())
    run.wait(60)
    rows = run.candidates
    assert calls[:2] == ["question -> query", "question, query -> reasoning, answer"]
    assert len(rows) == 1 + 2 * 1 + 2 * 2 and len(lm.calls) == len(calls) + 2 * 10 * len(rows)
    best = rows[0]
    for row in rows[1:]:
        assert row.parents == (best.id,)
        here, before = run.candidate(row).values, run.candidate(best).values
        changed = {slot.partition(".")[0] for slot in here if here[slot] != before[slot]}
        assert changed == {row.label.partition(",")[0].partition(".")[0]}
        best = row if row.score > best.score else best
    assert "respond.predict.outputs['answer'].desc" in run.header.baseline.values


def test_without_a_valset_it_scores_on_the_whole_trainset() -> None:
    """It learns nothing else from it, and the header says so; what is scored never stands in a prompt for new texts."""
    writer = Writer(*quality(4))
    run = started(copro(writer, breadth=2, depth=1))
    run.wait(60)
    assert (run.header.evalset, run.candidates[0].total) == ("train", 10)
    assert run.header.note == (
        "no valset was given: candidates are scored on the whole trainset, from which this search learns nothing else"
    )
    assert not any(f"q{number}" in str(messages) for messages, _ in writer.asked for number in range(10))


def test_with_a_valset_it_scores_on_that() -> None:
    """The trainset is not run at all."""
    lm = lmnb.FakeLM(grader)
    run = started(copro(Writer(*quality(4)), breadth=2, depth=1), lm=lm, valset=worlds.questions(20, 24))
    run.wait(60)
    assert (run.header.evalset, len(lm.calls)) == ("val", 2 * 4)


def test_what_a_person_rejected_enters_the_next_proposals_with_the_reason() -> None:
    """And a text that says the same again is not tried."""
    writer = Writer(
        ("Answer with quality 9, at any price, and say so.", ""),
        ("Answer with quality 3.", ""),
        ("Answer with quality 9, at any price. And say so!", ""),
    )
    run = started(copro(writer, breadth=3, depth=2), paused=True)
    for _ in range(2):
        run.step()
        run.until("paused", 60)
    run.reject(1, "too loud")
    run.resume()
    run.wait(60)
    assert told(writer.asked[0][0], "rejected") == "[]"
    assert "too loud" in told(writer.asked[2][0], "rejected") and "at any price" in told(writer.asked[2][0], "rejected")
    assert "at any price" not in told(writer.asked[2][0], "attempts")
    assert [row.score for row in run.candidates] == [20.0, 90.0, 30.0] and run.best.number == 2


def test_what_is_rejected_while_new_texts_are_asked_for_is_not_tried_either() -> None:
    """The request was on its way before the person decided; its answer, which says the same again, is passed over."""
    writer = Writer(("Answer with quality 9, at any price.", ""), *[("Answer with quality 9: at any price!", "")] * 2)
    run = started(copro(writer, breadth=2, depth=2), paused=True)
    for _ in range(2):
        run.step()
        run.until("paused", 60)
    run.reject(1, "too loud")
    run.resume()
    run.wait(60)
    assert len(writer.asked) == 3 and len(run.candidates) == 2 and run.best.number == 0


def test_a_predictor_whose_texts_are_pinned_is_asked_nothing() -> None:
    """No request is paid for a text that could not be put in."""
    writer = Writer(*quality(4))
    run = started(copro(writer, breadth=2, depth=2), paused=True)
    run.until("paused", 60)
    run.pin(INSTRUCTION, 0)
    run.pin(DESC, 0)
    run.resume()
    run.wait(60)
    assert writer.asked == [] and [row.score for row in run.candidates] == [20.0]
    assert run.result().slots()[INSTRUCTION] == run.header.baseline.values[INSTRUCTION]


def test_a_proposal_that_fails_or_is_no_text_is_passed_over() -> None:
    """An error of the prompt model, an empty text and one that no prompt could hold cost their places."""
    long = "x" * 20_001
    writer = Writer(lmnb.ServerError("down"), ("  ", "d"), (long, ""), ("Answer with quality 5.", long), *quality(6))
    run = started(copro(writer, breadth=6, depth=1))
    run.wait(60)
    assert [row.score for row in run.candidates] == [20.0, 60.0]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: started(lmnb.COPRO()), r"COPRO scores what it tries\. Write COPRO\(metric=\.\.\.\)"),
        (lambda: lmnb.COPRO(metric=worlds.exact, breadth=1), "breadth is 1, and it is how many texts a round tries"),
        (lambda: started(copro(None), eval_kwargs={"devset": []}), "eval_kwargs has 'devset'"),
    ],
)
def test_what_cannot_be_is_said_at_once(make: Callable[[], Any], says: str) -> None:
    """Before anything runs, with what to write."""
    with pytest.raises(lmnb.InputError, match=says):
        make()


def test_the_call_of_the_reference_works() -> None:
    """`compile(student, trainset=..., eval_kwargs=...)`, whose number of threads the run takes over."""
    optimizer = copro(Writer(*quality(4)), breadth=2, depth=1)
    run = started(optimizer, num_threads=None, eval_kwargs={"num_threads": 3, "display_progress": True})
    run.wait(60)
    assert run.header.num_threads == 3
    with lmnb.context(lm=lmnb.FakeLM(grader)):
        tuned = optimizer.compile(
            lmnb.Predict("question -> answer"), trainset=worlds.questions(0, 10), eval_kwargs={}, run_dir=None
        )
    assert tuned.slots()[INSTRUCTION] == "Answer with quality 4."


def test_the_candidates_programs_are_at_hand(tmp_path: Any) -> None:
    """Best first, each a program that runs; they are no parts of the tuned program, neither of its file nor of its copy."""
    run = started(copro(Writer(*quality(4, 7, 1)), breadth=4, depth=1))
    tuned = run.wait(60)
    found = tuned.candidate_programs
    assert [each["score"] for each in found] == [70.0, 40.0, 20.0, 10.0] and len(found[:2]) == 2
    assert found[0]["program"].slots() == tuned.slots() and found[1]["program"].instructions == "Answer with quality 4."
    assert [name for name, _ in tuned.named_predictors()] == ["self"]
    assert copy.deepcopy(tuned).candidate_programs is found
    tuned.save(tmp_path / "tuned.json")
    assert lmnb.load(tmp_path / "tuned.json").slots() == tuned.slots()
    run.reject(run.best)
    assert [each["score"] for each in run.result().candidate_programs] == [40.0, 20.0, 10.0]


def test_track_stats_says_how_the_scores_grew(tmp_path: Any) -> None:
    """For each predictor and round, of the best so far and of the round's own; a reopened run says the same."""
    run = started(
        copro(Writer(*quality(4, 6), *quality(3, 7, 9)), breadth=3, depth=2, track_stats=True), run_dir=tmp_path / "r"
    )
    tuned = run.wait(60)
    best, latest = tuned.results_best["self"], tuned.results_latest["self"]
    assert (best["depth"], best["max"], best["min"]) == ([0, 1], [60.0, 90.0], [20.0, 20.0])
    assert (latest["max"], latest["min"]) == ([60.0, 90.0], [40.0, 30.0])
    assert latest["average"] == pytest.approx([50.0, 190 / 3]) and latest["std"][0] == pytest.approx(10.0)
    assert tuned.total_calls == 6
    again = lmnb.reopen(run.path, lmnb.Predict("question -> answer"), worlds.exact, prompt_model=Writer(*quality(1)).lm)
    assert again.result().results_best == tuned.results_best
    assert not hasattr(started(copro(Writer(*quality(4)), breadth=2)).wait(60), "results_best")
