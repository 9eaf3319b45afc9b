"""The history of LM calls, who watches it, and tables of what models and files sent."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import lmnb


def asked(texts: int = 3) -> lmnb.FakeLM:
    lm = lmnb.FakeLM(lambda messages: "fine", cache=False)
    for number in range(texts):
        lm(f"{number}?")
    return lm


@pytest.mark.parametrize("n", ["x", 1.5, True, -1, [1]])
def test_how_many_calls_are_wanted_is_a_whole_number(n: Any) -> None:
    """Of the process, an LM and a program: in words, whatever else is given."""
    lm = asked(1)
    for ask in (lmnb.history, lmnb.inspect_history, lm.inspect_history, lmnb.Predict("a -> b").inspect_history):
        with pytest.raises(
            lmnb.InputError, match="how many calls of the history are wanted: write a whole number from 0"
        ):
            ask(n)


def test_the_last_calls_of_a_history() -> None:
    """At most as many as there are."""
    history = asked().history
    assert [entry.prompt for entry in history.last(2)] == ["1?", "2?"]
    assert (len(history.last(0)), len(history.last(9)), type(history.last(1))) == (0, 3, type(history))


def test_a_watcher_that_raises_breaks_no_call() -> None:
    """It is warned of once, others are told all the same, and it costs nobody an answer that is paid for, also where warnings are errors."""
    seen: list[str] = []

    def broken(entry: Any) -> None:
        raise KeyError("usage")

    ends = [lmnb.history().subscribe(watcher) for watcher in (broken, lambda entry: seen.append(entry.prompt))]
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            asked(2)
        assert [str(each.message) for each in told if "broken" in str(each.message)] == [
            f"{broken!r}, which watches the history, raised KeyError: 'usage'. It is told on, and not warned of again."
        ]
        assert seen == ["0?", "1?"]
        ends.append(lmnb.history().subscribe(lambda entry: 1 / 0))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert asked(1).history[-1].response == "fine"
    finally:
        for end in ends:
            end()
    with pytest.raises(lmnb.InputError, match="subscribe takes a function, not 3"):
        lmnb.history().subscribe(3)  # type: ignore[arg-type]


def test_a_watcher_that_raises_breaks_no_edit_and_no_answer() -> None:
    """An editor and a review tell those who watch them by the same rules."""
    editor = lmnb.edit(lmnb.Predict("question -> answer", lm=lmnb.FakeLM([{"answer": "yes"}])))
    review = lmnb.review([lmnb.Example(question="a", answer="b")])
    editor.subscribe(lambda: 1 / 0)
    review.subscribe(lambda: 1 / 0)
    with pytest.warns(RuntimeWarning, match="which watches an editor, raised ZeroDivisionError"):
        assert editor.try_on({"question": "?"}).outputs == {"answer": "yes"}
    with pytest.warns(RuntimeWarning, match="which watches a review, raised ZeroDivisionError"):
        assert review.answer("keep").verdict == "keep"


def test_half_a_character_stands_in_a_table_by_its_number() -> None:
    """Histories, traces, reports and reviews, with pyarrow as without; the values themselves stay as they are."""
    pytest.importorskip("pandas")
    lm = lmnb.FakeLM(lambda messages: {"answer": "P\ud800aris"})
    ask = lmnb.Predict("question -> answer", lm=lm)
    example = lmnb.Example(question="x\udfff", answer="P\ud800aris").with_inputs("question")
    report = lmnb.Evaluate([example], lmnb.evaluate.answer_exact_match, num_threads=1)(ask)
    table = report.to_pandas()
    assert (table["question"][0], table["pred_answer"][0]) == ("x\\udfff", "P\\ud800aris")
    assert report.rows[0].prediction.answer == "P\ud800aris" and report.score == 100.0
    assert lm.history.to_pandas()["response"][0].count("\\ud800") == 1
    trace = lm.history.traces()[0]
    trace.root.error = "half: \ud800"
    assert trace.to_pandas()["error"][0] == "half: \\ud800"
    assert lmnb.review(report).to_pandas()["question"].iloc[0] == "x\\udfff"
