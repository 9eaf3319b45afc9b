"""InferRules: rules that a prompt model reads off the training examples, in the best of the candidates that hold some."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
import worlds

import lmnb
from lmnb.optimize.infer_rules import rules_in, with_rules, without_repeats

INSTRUCTION = "self.instructions"
Answer = dict[str, Any]


def told(messages: Any, name: str) -> str:
    """What stands under the last header of that name."""
    return re.findall(rf"\[\[ ## {name} ## \]\]\n(.*?)(?=\n\n\[\[|\n\nReply|\Z)", messages[-1]["content"], re.S)[-1]


def grader(messages: Any, **_: Any) -> Answer:
    """A model of the task that is right on the first `n` questions of ten, where `n` is the number in a rule it is told."""
    good = max(map(int, re.findall(r"quality (\d+)", messages[0]["content"]) or ["2"]))
    number = int(re.sub(r"\D", "", told(messages, "question")))
    return {"answer": f"a{number}" if number % 10 < good else "?"}


class Writer:
    """A prompt model that gives rule lists in order and keeps what it was asked; more than `fits` examples are too many for it."""

    def __init__(self, *lists: str, fits: int = 1_000) -> None:
        self.lists = lists
        self.fits = fits
        self.asked: list[Any] = []
        self.refused = 0
        self.lm = lmnb.FakeLM(self.answer)

    def answer(self, messages: Any, **_: Any) -> Answer:
        if told(messages, "examples").count("question:") > self.fits:
            self.refused += 1
            raise lmnb.ContextWindowError("too long")
        self.asked.append(messages)
        return {"proposed_instruction": self.lists[(len(self.asked) - 1) % len(self.lists)]}


def quality(*numbers: int) -> list[str]:
    return [f"1. Answer with quality {number}." for number in numbers]


def started(writer: Writer, *, program: Any = None, lm: Any = None, train: int = 6, **options: Any) -> Any:
    arguments = {
        "num_candidates": len(writer.lists),
        "max_bootstrapped_demos": 2,
        "max_labeled_demos": 0,
        "metric": worlds.exact,
    }
    known = inspect.signature(lmnb.InferRules).parameters.keys() - {"num_threads"}
    given = {name: options.pop(name) for name in list(options) if name in known}
    with lmnb.context(lm=lm or lmnb.FakeLM(grader)):
        return lmnb.InferRules(**{"prompt_model": writer.lm, **arguments, **given}).start(
            program or lmnb.Predict("question -> answer"),
            **{
                "trainset": worlds.questions(0, train),
                "valset": worlds.questions(20, 30),
                "num_threads": 1,
                "run_dir": None,
                **options,
            },
        )


def test_the_best_rules_win_and_not_the_last() -> None:
    """D1: every list of rules is scored on its own; what the caller gave, the signature too, stays as it was."""

    class Ask(lmnb.Signature):
        """Answer the question."""

        question: str = lmnb.InputField()
        answer: str = lmnb.OutputField()

    program = lmnb.Predict(Ask)
    run = started(Writer(*quality(4, 9, 3)), program=program)
    tuned = run.wait(60)
    assert [row.score for row in run.candidates] == [20.0, 20.0, 40.0, 90.0, 30.0]
    assert tuned.instructions == "Answer the question.\n\nFollow these rules:\n- Answer with quality 9."
    assert program.signature is Ask and Ask.instructions == "Answer the question." and not program.demos
    assert (
        run.best.label == "rules 2: 1" and [row.parents for row in run.candidates[2:]] == [(run.candidates[1].id,)] * 3
    )


def test_rules_that_help_nobody_are_not_taken() -> None:
    """Where every list makes it worse, the result is the program without rules."""
    tuned = started(Writer(*quality(1, 0))).wait(60)
    assert "rules" not in tuned.instructions and tuned.provenance["score"] == 20.0


def test_examples_that_do_not_fit_are_dropped() -> None:
    """Half of them at a time, until the prompt model's context holds them; each list is read off others of them."""
    writer = Writer(*quality(4, 5, 6), fits=4)
    run = started(writer, train=12)
    run.wait(60)
    assert [told(messages, "examples").count("question:") for messages in writer.asked] == [3, 3, 3]
    assert writer.refused == 2 * 3 and len({told(messages, "examples") for messages in writer.asked}) == 3
    assert run.best.score == 60.0


def test_a_prompt_model_that_holds_no_example_is_said() -> None:
    """The run reports it, and ends with the program without rules."""
    run = started(Writer("Answer.", fits=0))
    run.wait(60)
    assert "not one training example fits the context of the LM that writes the rules" in [
        e["what"] for e in run.events
    ]
    assert run.state == "finished" and len(run.candidates) == 2


def test_repeated_rules_and_those_beyond_the_number_are_left_out() -> None:
    """Two rules of the same words are one, and of more than `num_rules` the first are kept; a list that was there is not scored twice."""
    text = "- Answer with quality 5.\n- answer with QUALITY 5\n2) Be kind.\n\n* Be brief.\n"
    writer = Writer(text, text)
    run = started(writer, num_rules=2)
    tuned = run.wait(60)
    assert tuned.instructions.partition("rules:\n")[2] == "- Answer with quality 5.\n- Be kind."
    assert len(run.candidates) == 3 and told(writer.asked[0], "number") == "2"


def test_rejected_rules_enter_the_next_request_with_the_reason() -> None:
    """And do not come back: a rule of the same words is left out of later lists."""
    writer = Writer(
        "Answer with quality 9.\nBe loud.",
        "Answer with quality 9.\nBe kind.",
        "be LOUD\nanswer with quality 9",
        "Be kind.",
    )
    run = started(writer, paused=True)
    run.until("paused", 60)
    for _ in range(3):
        run.step()
        run.until("paused", 60)
    assert run.candidates[-1].label == "rules 1: 2"
    run.reject(2, "shouting")
    run.resume()
    tuned = run.wait(60)
    assert "shouting" in told(writer.asked[-1], "rejected") and "Be loud." in told(writer.asked[-1], "rejected")
    assert "loud" not in tuned.instructions.casefold()
    assert not any("be loud" in run.candidate(row).values[INSTRUCTION].casefold() for row in run.candidates[3:])


def test_no_rule_is_read_off_an_example_that_was_rejected_as_a_demo() -> None:
    """What the person calls wrong is shown to no prompt model."""
    writer = Writer(*quality(4, 5))
    run = started(writer, paused=True)
    run.reject_demo(worlds.questions(0, 6)[3], "wrong")
    run.resume()
    run.wait(60)
    shown = [set(re.findall(r"question: (q\d)", told(messages, "examples"))) for messages in writer.asked]
    assert shown == [{"q0", "q1", "q2", "q4", "q5"}] * 2


def test_a_demo_that_was_rejected_is_in_no_later_candidate() -> None:
    """The rules go on with the other demos of the bootstrap."""
    run = started(Writer(*quality(4, 5, 6)), paused=True)
    run.until("paused", 60)
    for _ in range(3):
        run.step()
        run.until("paused", 60)
    demo = run.demos[0]
    run.reject_demo(demo, "wrong")
    run.resume()
    tuned = run.wait(60)
    assert run.best.score == 60.0 and demo not in tuned.demos and len(tuned.demos) == len(run.demos) - 1


def test_without_a_valset_rules_are_read_off_what_does_not_score() -> None:
    """A third is held out for scoring, and none of it stands in a request for rules."""
    writer = Writer(*quality(4))
    run = started(writer, valset=None, train=12)
    run.wait(60)
    assert run.header.evalset == "val" and "every third training example is held out" in run.header.note
    shown = set(re.findall(r"q\d+", told(writer.asked[0], "examples")))
    assert shown == {f"q{number}" for number in range(12) if number % 3 != 2}


def test_each_predictor_has_rules_of_its_own() -> None:
    """One candidate holds a list for each; the requests name the predictor's inputs and outputs."""
    asked: list[str] = []

    def all_of_it(messages: Any, **options: Any) -> Answer:
        if "proposed_instruction" in messages[0]["content"]:
            asked.append(told(messages, "task"))
            return {"proposed_instruction": f"Mind {asked[-1]}."}
        return worlds.reply(messages, **options)

    run = started(Writer(""), prompt_model=None, lm=lmnb.FakeLM(all_of_it), program=worlds.TwoCalls())
    run.wait(60)
    values = run.candidate(run.candidates[2]).values
    assert asked == ["question -> query", "question, query -> reasoning, answer"]
    assert values["rewrite.instructions"].endswith("- Mind question -> query.")
    assert values["respond.predict.instructions"].endswith("- Mind question, query -> reasoning, answer.")


def test_the_teachers_lm_writes_the_rules_where_there_is_no_prompt_model() -> None:
    """As it does the demos: what `teacher_settings` name is asked, not the LM of the task."""

    def both(messages: Any, **options: Any) -> Answer:
        return (
            writer.answer(messages) if "proposed_instruction" in messages[0]["content"] else grader(messages, **options)
        )

    writer, teacher = Writer(*quality(7)), lmnb.FakeLM(both)
    run = started(writer, prompt_model=None, teacher_settings={"lm": teacher})
    run.wait(60)
    assert len(writer.asked) == 1 and run.best.score == 70.0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"metric": None}, r"Write InferRules\(metric=\.\.\.\)"),
        ({"num_rules": 0}, "num_rules is 0, and it is the most rules of a list"),
        ({"max_examples": 0}, "max_examples is 0"),
    ],
)
def test_what_cannot_be_is_said_at_once(arguments: Any, says: str) -> None:
    """Without a metric there would be nothing to choose by, without rules nothing to try."""
    with pytest.raises(lmnb.InputError, match=says):
        started(Writer(""), **arguments)


def test_a_request_shows_as_many_examples_as_one_says() -> None:
    """Others for each list, and none at a temperature that was not asked for."""
    writer = Writer(*quality(4, 5))
    started(writer, train=12, max_examples=5).wait(60)
    shown = [told(messages, "examples") for messages in writer.asked]
    assert [text.count("question:") for text in shown] == [5, 5] and shown[0] != shown[1]


def test_the_embedded_model_reads_rules_off_tickets() -> None:
    """It knows none of the teams; with the best of three lists that it wrote it names most of those of other tickets."""
    data = lmnb.data.tickets()
    with lmnb.context(lm=lmnb.LM("lmnb/tiny")):
        tuned = lmnb.InferRules(
            num_candidates=3,
            metric=lambda example, prediction, trace=None: example.team == prediction.team,
            max_bootstrapped_demos=0,
            max_labeled_demos=0,
            max_examples=8,
            init_temperature=0.3,
        ).compile(lmnb.Predict("ticket -> team"), trainset=data.train[:30], valset=data.val[:20], run_dir=None)
    scores = {row["label"]: row["score"] for row in tuned.candidate_programs}
    assert scores["baseline"] == 0.0 and tuned.provenance["score"] >= 60.0 and "answer" in tuned.instructions


def test_rules_are_read_with_and_without_bullets() -> None:
    """Numbers that belong to a rule stay; an instruction without rules stays as it is."""
    assert rules_in("Rules 1 and 2.\n  (3) Add 2.5 to it.\n• 10. Stop.\n1984 is a year.") == [
        "Rules 1 and 2.",
        "Add 2.5 to it.",
        "10. Stop.",
        "1984 is a year.",
    ]
    assert without_repeats(["Be kind."], ["be kind"]) == []
    assert with_rules("Answer.", []) == "Answer."
