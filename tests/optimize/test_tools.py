"""A run over an agent: what its tools say is tuned as its instructions are, by hand and from the journal alone."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import lmnb

DESC, ARGUMENT = "tools['look'].desc", "tools['look'].arg_desc['number']"


def look(number: str) -> str:
    """Looks."""
    return f"a{number}"


def agent() -> Any:
    return lmnb.ReAct("question -> answer", [look], max_iters=2)


def reply(messages: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
    """Uses the tool only where its description says what it finds, and answers with what that gave."""
    told = messages[-1]["content"]
    found = re.findall(r"gave: (a\d+)", told)
    number = re.sub(r"\D", "", told.partition("[[ ## tools")[0])
    if "Finds the answer" in told and not found:
        return {"next_thought": "t", "tool_calls": [{"name": "look", "args": {"number": number}}]}
    return {"next_thought": "t", "tool_calls": [{"name": "submit", "args": {"answer": (found or ["?"])[-1]}}]}


def exact(example: Any, prediction: Any, trace: Any = None) -> bool:
    return example.answer == prediction.answer


def started(**options: Any) -> Any:
    data = [lmnb.Example(question=f"q{i}", answer=f"a{i}").with_inputs("question") for i in range(8)]
    with lmnb.context(lm=lmnb.FakeLM(reply)):
        run = lmnb.LabeledFewShot(k=1, metric=exact).start(agent(), trainset=data[:4], valset=data[4:], **options)
    run.wait(30)
    return run


def scores(run: Any) -> list[float]:
    return [standing.score for standing in run.candidates]


def test_an_edited_description_is_a_candidate_that_is_scored() -> None:
    """The edit of one tool is asked of the model in every prompt, and what the caller made stays as it was."""
    run = started(run_dir=None)
    assert scores(run) == [0.0, 0.0]
    child = run.edit(0, DESC, " Finds the answer to a question. ")
    run.until("ended", 30)
    assert child.values[DESC] == "Finds the answer to a question." and scores(run) == [0.0, 0.0, 100.0]
    assert run.decisions[-1].text == "edited tools['look'].desc of #0 → #2"
    assert run.result().tools["look"].desc == child.values[DESC] and look.__doc__ == "Looks."
    free = {"locked": [], "pinned": False}
    assert run.detail(2)["texts"][-1] == {"slot": DESC, "text": child.values[DESC], "before": "Looks.", **free}
    assert "Finds the answer to a question." in run.to_html().replace("<ins>", "").replace("</ins>", "")


def test_descriptions_are_injected_pinned_and_undone() -> None:
    """As instructions are: by slot, of one argument too; a pin drops what says something else, and undo brings it back."""
    run = started(run_dir=None)
    made = run.inject(instructions={DESC: "Finds the answer.", ARGUMENT: "the number of the question"})
    run.until("ended", 30)
    assert (made.values[DESC], made.values[ARGUMENT]) == ("Finds the answer.", "the number of the question")
    other = run.inject(candidate={DESC: "Finds the answers."})
    run.until("ended", 30)
    run.pin(DESC, made.id)
    assert [each.status for each in run.candidates] == ["dropped", "dropped", "scored", "dropped"]
    with pytest.raises(lmnb.InputError, match="another value than the pinned tools"):
        run.edit(made.id, DESC, "Other words.")
    run.undo()
    assert {each.status for each in run.candidates} == {"scored"} and other.id in {each.id for each in run.candidates}


def test_what_was_steered_is_replayed_from_the_journal() -> None:
    """Without the LM and without a person; the saved program, a reopened run and other runs take the texts over."""
    run = started()
    run.edit(0, DESC, "Finds the answer to a question.")
    run.until("ended", 30)
    again = lmnb.reopen(run.path, program=agent(), metric=exact)
    assert [each.id for each in again.candidates] == [each.id for each in run.candidates]
    assert again.replay().slots() == run.result().slots()
    loaded = lmnb.load(run.path / "program.json", program=agent())
    assert loaded.slots() == run.result().slots()
    other = started(decisions=run.decisions, run_dir=None)
    assert max(scores(other)) == 100.0 and other.result().tools["look"].desc == "Finds the answer to a question."


def test_a_journal_of_before_knows_no_descriptions() -> None:
    """It opens, and its candidates leave what it does not know as the code has it; one that holds no texts is said to be damaged."""
    run = started()
    path = run.path / "journal.jsonl"
    header, *rest = path.read_text().splitlines()
    stored = json.loads(header)
    texts = stored.pop("texts")
    assert {slot: text for slot, text in texts.items() if "tools[" in slot} == {DESC: "Looks.", ARGUMENT: ""}
    path.write_text("\n".join([json.dumps(stored)]) + "\n")
    again = lmnb.reopen(run.path, program=agent(), metric=exact)
    assert not any(slot.endswith(".desc") for slot in again.header.baseline.values)
    path.write_text("\n".join([json.dumps(stored | {"tools": {DESC: "Looks."}})]) + "\n")
    again = lmnb.reopen(run.path, program=agent(), metric=exact)
    assert [slot for slot in again.header.baseline.values if slot.endswith(".desc")] == [DESC]
    stored["texts"] = {DESC: 3}
    path.write_text("\n".join([json.dumps(stored), *rest]) + "\n")
    with pytest.raises(lmnb.JournalError, match=r"\.desc\"\] is 3\. It should be a text"):
        lmnb.reopen(run.path, program=agent(), metric=exact)


@pytest.mark.parametrize(
    ("slot", "text", "words"),
    [
        (DESC, "  ", "'  ' is no description; write some text"),
        (DESC, "x" * 20_001, "has 20,001 characters"),
        (
            "tools['luck'].desc",
            "x",
            r"no instruction slot \"tools\['luck'\]\.desc\"; this program has react\.instructions",
        ),
    ],
)
def test_what_is_no_description_is_refused(slot: str, text: str, words: str) -> None:
    """An edit that cannot be is said at once, and leaves no trace."""
    run = started(run_dir=None)
    with pytest.raises(lmnb.InputError, match=words):
        run.edit(0, slot, text)
    with pytest.raises(lmnb.InputError, match="is a text, not 3"):
        run.inject(candidate={DESC: 3})
    assert run.decisions == []
