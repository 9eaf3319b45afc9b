"""Arrays, and numbers that are none, wherever values are compared."""

from __future__ import annotations

import numpy
import pytest

import lmnb
from lmnb.alike import alike

PROGRAM = lmnb.Predict("name, row -> answer", lm=lmnb.FakeLM(lambda messages, **_: {"answer": "yes"}))


def test_an_editor_takes_arrays():
    """Inputs and demos that hold arrays are tried, shown, changed and taken back like texts."""
    editor = lmnb.edit(PROGRAM, {"name": "a", "row": numpy.arange(3)})
    demo = {"name": "b", "row": numpy.arange(2), "answer": "no"}
    assert [editor.try_on({"row": row}).outputs for row in (numpy.arange(4), "")] == [{"answer": "yes"}] * 2
    editor.put_demo("self", demo)
    editor.put_demo("self", demo | {"row": numpy.arange(3)}, at=0)
    editor.set("self.demos", [])
    assert editor.edits == {}
    editor.undo()
    assert "[0 1 2]" in editor.prompts()["self"].messages[1]["content"]
    assert editor.to_dict()["applied"] is False and "[0 1 2]" in editor._repr_html_()


def test_a_review_edits_arrays():
    """An array is edited as JSON; one that stays the same is kept."""
    queue = lmnb.review([lmnb.Example(name=name, row=numpy.arange(3)).with_inputs("name") for name in "ab"])
    assert queue.answer("edit", fields={"row": numpy.arange(3)}).verdict == "keep"
    assert queue.answer("edit", fields={"row": "[1, 2]"}).fields == {"row": [1, 2]}


def test_a_reward_that_is_no_number_is_no_best_try():
    """A try whose reward cannot be compared counts as failed, and a threshold is a number."""
    rewards = iter([float("nan"), 0.5, 0.7])
    lm = lmnb.FakeLM([{"answer": "1"}, {"answer": "2"}, {"answer": "3"}])
    best = lmnb.BestOfN(lmnb.Predict("question -> answer", lm=lm), 3, lambda inputs, made: next(rewards), 1)
    assert best(question="?").answer == "3"
    for wrong in (None, float("nan")):
        with pytest.raises(lmnb.InputError, match="threshold is"):
            lmnb.BestOfN(PROGRAM, 3, lambda inputs, made: 1, wrong)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda rows: lmnb.Parallel(max_errors=-1)(PROGRAM, rows), "max_errors is -1"),
        (lambda rows: lmnb.Parallel(timeout="1 s")([(PROGRAM, rows[0])]), "timeout is '1 s': write the seconds"),
        (lambda rows: lmnb.Evaluate(rows, max, max_errors="many")(PROGRAM), "max_errors is 'many'"),
        (lambda rows: lmnb.Evaluate(rows, max, timeout=-1)(PROGRAM), "timeout is -1: write the seconds"),
        (lambda rows: lmnb.Evaluate(rows, max, timeout="1 s")(PROGRAM), "timeout is '1 s': write the seconds"),
        (lambda rows: lmnb.Evaluate(rows, max, num_threads=True)(PROGRAM), "num_threads is True"),
    ],
)
def test_counts_and_times_are_checked_before_anything_is_asked(call, words):
    """A limit that is none is an InputError which quotes it, before a call is made."""
    asked = len(PROGRAM.lm.calls)
    with pytest.raises(lmnb.InputError, match=words):
        call([lmnb.Example(name="a", row="1").with_inputs("name", "row")])
    assert len(PROGRAM.lm.calls) == asked


def test_what_holds_itself_is_like_nothing_else() -> None:
    """It cannot be compared to the end, and no error comes of it."""
    one: list[object] = [0]
    other: list[object] = [0]
    one.append(one)
    other.append(other)
    assert alike(one, one) and not alike(one, other)
