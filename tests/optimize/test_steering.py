"""What a person may decide about a run: what is refused, in which words, and what an injection becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import worlds

import lmnb
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.decisions import Decision, carried
from lmnb.optimize.effects import Inbox, Report
from lmnb.optimize.search import evaluate, gate

STRANGER = worlds.questions(50, 51)[0]


@pytest.fixture
def run() -> Any:
    """A finished run: candidate 0 is the program as it was, candidate 1 has three labelled demos."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        made = lmnb.LabeledFewShot(k=3, metric=worlds.exact).start(
            worlds.TwoCalls(), trainset=worlds.questions(0, 6), valset=worlds.questions(100, 103), run_dir=None
        )
    made.wait(30)
    return made


@pytest.mark.parametrize(
    ("decide", "words"),
    [
        (lambda run: run.inject(), "inject one thing"),
        (lambda run: run.inject("x", {"question": "q"}), "inject one thing"),
        (lambda run: run.inject(demo="text"), "'text' is no demo; give an Example or a dict"),
        (lambda run: run.inject(candidate={"colour": 1}), "no slot 'colour'; the slots are rewrite.instructions, "),
        (lambda run: run.inject(candidate={}), "candidate={} names no slot; write inject(candidate={'<slot>': ...})"),
        (lambda run: run.inject(candidate=3), "candidate=3 names no slot"),
        (lambda run: run.inject(candidate={"rewrite.demos": None}), "rewrite.demos is a list of demos, not None"),
        (lambda run: run.inject(candidate={"rewrite.demos": {"question": "q"}}), "is a list of demos, not {'question'"),
        (lambda run: run.inject(candidate={"rewrite.demos": "q"}), "is a list of demos, not 'q'"),
        (lambda run: run.inject(candidate={"rewrite.instructions": "  "}), "'  ' is no instruction; write some text"),
        (lambda run: run.inject(candidate={"rewrite.instructions": 3}), "3 is no instruction; write some text"),
        (lambda run: run.inject(instructions=5), "instructions=5 names no slot"),
        (lambda run: run.inject(instructions={}), "instructions={} names no slot"),
        (lambda run: run.inject(instructions={"rewrite.instructions": "  "}), "'  ' is no instruction"),
        (lambda run: run.edit(0, "rewrite.instructions", " "), "' ' is no instruction"),
        (lambda run: run.reject(0, 3), "the reason 3 is no text"),
        (lambda run: run.pin("colour", 0), "no slot 'colour'"),
        (lambda run: run.unpin("rewrite.demos"), "'rewrite.demos' is not pinned"),
        (lambda run: run.undo(99), "no standing decision 99 to undo"),
        (lambda run: run.redo(), "nothing to redo"),
        (lambda run: run.keep_demo("ffff"), "no demo 'ffff'; run.demos lists them"),
        (lambda run: run.edit_demo(run.demos[0], {"colour": "red"}), "no field 'colour'; its fields are question"),
        (lambda run: run.edit_demo(STRANGER, {"answer": "x"}), "no feasible candidate holds demo"),
    ],
)
def test_what_is_refused_is_said_and_leaves_no_trace(run: Any, decide: Callable[[Any], Any], words: str) -> None:
    """A decision that cannot be taken names what is wrong, and is not recorded."""
    with pytest.raises(lmnb.InputError) as refused:
        decide(run)
    assert words in str(refused.value)
    assert run.decisions == []


def test_what_would_make_no_new_candidate_is_refused(run: Any) -> None:
    """Neither one that is there already is made, nor one that a decision in force would drop."""
    slot = "rewrite.instructions"
    with pytest.raises(lmnb.InputError, match="candidate 0 is that already"):
        run.edit(0, slot, run.candidate(0).values[slot])
    run.pin(slot, 0)
    with pytest.raises(lmnb.InputError, match=r"would be dropped at once: another value than the pinned rewrite\."):
        run.edit(0, slot, "Another.")
    run.unpin(slot)
    assert run.edit(0, slot, "Another.").values[slot] == "Another."


def test_a_candidate_that_holds_a_rejected_demo_is_not_accepted(run: Any) -> None:
    """What dropped it has to be undone first."""
    run.reject_demo(run.demos[0])
    with pytest.raises(lmnb.InputError, match="candidate 1 cannot be accepted: holds demo"):
        run.accept(1)
    run.undo()
    run.accept(1)
    assert run.best.number == 1


def test_an_injected_demo_goes_to_the_predictors_that_it_fits(run: Any) -> None:
    """It is a person's, stands after the others, and a predictor without its outputs stays as it was."""
    run.accept(1)
    child = run.inject(demo={"question": "Which?", "answer": "This."})
    run.until("ended", 10)
    demos = child.values["respond.predict.demos"]
    assert (demos[-1].answer, demos[-1].provenance.origin, len(demos)) == ("This.", "human", 4)
    assert child.values["rewrite.demos"] == run.candidate(1).values["rewrite.demos"]
    assert run.candidates[-1].status == "scored"
    assert run.decisions[-1].text == "injected a demo → #2"


def test_injected_values_keep_where_their_demos_come_from(run: Any) -> None:
    """A demo that says its origin keeps it, any other is a person's."""
    labelled = worlds.questions(0, 1)[0].with_origin("labelled", source=0)
    child = run.inject(candidate={"respond.predict.demos": [labelled, {"question": "Which?", "answer": "This."}]})
    demos = child.values["respond.predict.demos"]
    assert [(each.provenance.origin, each.provenance.source) for each in demos] == [("labelled", 0), ("human", None)]


def test_values_of_a_candidate_may_be_injected_whole() -> None:
    """Also those that a person would not write: instructions that the program itself leaves empty."""
    program = lmnb.Predict(lmnb.Signature("question -> answer").with_instructions(""))
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = lmnb.LabeledFewShot(k=3, metric=worlds.exact).start(
            program, trainset=worlds.questions(0, 6), valset=worlds.questions(100, 103), run_dir=None
        )
        run.wait(30)
    values = run.candidate(1).values
    child = run.inject(candidate={**values, "self.demos": values["self.demos"][:1]})
    assert (child.values["self.instructions"], len(child.values["self.demos"])) == ("", 1)


def test_only_what_fits_is_carried_to_another_program() -> None:
    """Ends stay behind, and what is about slots that the other program lacks; an edit is made anew on its baseline."""
    base = Candidate({"a.instructions": "One.", "a.demos": ()})
    other = Candidate({"b.instructions": "x"}).to_dict()
    decisions = [
        Decision(0, "stop", {}, "stopped"),
        Decision(1, "edit", {"slot": "a.instructions", "text": "Two.", "made": other}, "edited"),
        Decision(2, "edit", {"slot": "b.instructions", "text": "Two.", "made": other}, "edited b"),
        Decision(3, "inject", {"made": other}, "injected"),
        Decision(4, "reject", {"candidate": "c"}, "rejected"),
        Decision(5, "reject", {"candidate": "d"}, "rejected d"),
        Decision(6, "undo", {"decision": 5}, "undid"),
    ]
    found = list(carried(decisions, base))
    assert [(kind, text) for kind, _, text in found] == [
        ("edit", "edited (carried over)"),
        ("reject", "rejected (carried over)"),
    ]
    made = Candidate.from_dict(found[0][1]["made"])
    assert dict(made.values) == {"a.instructions": "Two.", "a.demos": ()} and made.origin == "human"


class Listens(lmnb.Optimizer):
    """Scores the program with three instructions, and reports what it hears between them."""

    needs_evalset = True

    def search(self, task: Any) -> Any:
        for text in ("", " Be brief.", " Be kind."):
            slot = "self.instructions"
            candidate = yield from gate(task.baseline.put(slot, task.baseline.values[slot] + text))
            yield from evaluate(candidate, task)
            [arrived] = yield [Inbox()]
            yield [Report(f"heard {[each.label for each in arrived]}")]


def test_an_injection_that_was_dropped_is_told_when_it_comes_back() -> None:
    """A search that listened while the injection was rejected hears of it after the undo, and of each only once."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = Listens(worlds.exact).start(
            lmnb.Predict("question -> answer"),
            trainset=worlds.questions(0, 6),
            valset=worlds.questions(100, 103),
            run_dir=None,
            paused=True,
        )
    run.inject(instructions="Say it.")
    run.reject(next(row for row in run.candidates if row.human), "not now")
    reject = run.decisions[-1]
    run.step()
    run.until("paused", 30)
    assert [each.message for each in run.reports] == ["heard []"]
    run.undo(reject)
    run.resume()
    run.wait(30)
    assert [each.message for each in run.reports] == ["heard []", "heard ['your instruction']", "heard []"]
