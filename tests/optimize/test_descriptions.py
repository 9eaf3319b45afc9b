"""A run over a program: how its outputs are described is tuned as its instructions are, by hand and from the journal alone."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import lmnb

DESC = "self.outputs['answer'].desc"


def reply(messages: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
    """Says the number of the question where the description asks for it."""
    number = re.sub(r"\D", "", messages[-1]["content"].partition("Reply")[0])
    return {"answer": f"a{number}" if "with an a before" in messages[0]["content"] else number}


def exact(example: Any, prediction: Any, trace: Any = None) -> bool:
    return example.answer == prediction.answer


def started(**options: Any) -> Any:
    data = [lmnb.Example(question=f"q{i}", answer=f"a{i}").with_inputs("question") for i in range(8)]
    with lmnb.context(lm=lmnb.FakeLM(reply)):
        run = lmnb.LabeledFewShot(k=1, metric=exact).start(
            lmnb.Predict("question -> answer"), trainset=data[:4], valset=data[4:], **options
        )
    run.wait(60)
    return run


def test_an_edited_description_is_a_candidate_that_is_scored() -> None:
    """It stands in every prompt of the candidate, in the run's detail and in its report; one that nobody gave does not."""
    run = started(run_dir=None)
    assert run.detail(0)["texts"] == []
    child = run.edit(0, DESC, " the number, with an a before it ")
    run.until("ended", 60)
    assert child.values[DESC] == "the number, with an a before it"
    assert [each.score for each in run.candidates] == [0.0, 0.0, 100.0]
    assert run.decisions[-1].text == "edited outputs['answer'].desc of #0 → #2"
    assert run.result().signature.fields["answer"].desc == child.values[DESC]
    free = {"locked": [], "pinned": False}
    assert run.detail(2)["texts"] == [{"slot": DESC, "text": child.values[DESC], "before": "", **free}]
    assert "with an a before it</ins>" in run.to_html() and "Descriptions" in run.to_html()


def test_descriptions_are_injected_pinned_and_undone() -> None:
    """As instructions are: a pin drops what says something else, and undo brings it back."""
    run = started(run_dir=None)
    made = run.inject(instructions={DESC: "the number, with an a before it"})
    run.until("ended", 60)
    run.pin(DESC, made.id)
    assert [each.status for each in run.candidates] == ["dropped", "dropped", "scored"]
    with pytest.raises(lmnb.InputError, match=r"another value than the pinned self\.outputs"):
        run.edit(made.id, DESC, "Other words.")
    run.undo()
    assert {each.status for each in run.candidates} == {"scored"}


def test_what_was_steered_is_replayed_and_carried_over() -> None:
    """From the journal alone, from the saved program, and by a new run that is given the decisions."""
    run = started()
    run.edit(0, DESC, "the number, with an a before it")
    run.until("ended", 60)
    again = lmnb.reopen(run.path)
    assert [each.id for each in again.candidates] == [each.id for each in run.candidates]
    assert again.replay().slots() == run.result().slots() == lmnb.load(run.path / "program.json").slots()
    other = started(decisions=run.decisions, run_dir=None)
    assert other.result().slots()[DESC] == "the number, with an a before it"


def test_a_journal_without_descriptions_opens() -> None:
    """Those of an earlier version have none, and their candidates leave the outputs as the code describes them."""
    run = started()
    path = run.path / "journal.jsonl"
    header = json.loads(path.read_text().splitlines()[0])
    assert header.pop("texts") == {DESC: ""}
    path.write_text(json.dumps(header) + "\n")
    again = lmnb.reopen(run.path)
    assert list(again.header.baseline.values) == ["self.instructions", "self.demos"]
