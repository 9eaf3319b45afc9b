"""The descriptions of outputs as slots: changed in a copy, kept in files, refused where they are no text."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, Literal

import pytest

import lmnb
from lmnb.modules.texts import output_slot

TEAM, WHY = "route.outputs['team'].desc", "route.outputs['why'].desc"


class Route(lmnb.Signature):
    """Route the ticket."""

    ticket: str = lmnb.InputField(desc="as it came in")
    team: Literal["billing", "tech"] = lmnb.OutputField(desc="who answers")
    why: str = lmnb.OutputField(max_length=40)


class Desk(lmnb.Module):
    """Routes a ticket, then answers it."""

    def __init__(self) -> None:
        self.route = lmnb.Predict(Route)
        self.reply = lmnb.ChainOfThought("ticket, team -> reply")

    def forward(self, ticket: str) -> Any:
        return self.reply(ticket=ticket, team=self.route(ticket=ticket).team)


def prompt(program: Any) -> str:
    return program.route.messages(ticket="t")[0]["content"]


def test_descriptions_of_outputs_are_slots() -> None:
    """Of every output of every predictor, "" where there is none; of inputs none; a predictor alone is "self"."""
    found = {slot: text for slot, text in Desk().slots().items() if slot.endswith(".desc")}
    assert found == {
        TEAM: "who answers",
        WHY: "",
        "reply.predict.outputs['reasoning'].desc": "",
        "reply.predict.outputs['reply'].desc": "",
    }
    assert "self.outputs['answer'].desc" in lmnb.Predict("question -> answer").slots()


def test_a_candidate_changes_what_the_prompt_says_of_an_output() -> None:
    """And nothing else: the type and the bounds stay, and so do the program that it was made of and its signature."""
    desk = Desk()
    before = prompt(desk)
    made = desk.with_candidate({WHY: "in five words", "route.instructions": "Choose the team."})
    assert "in five words" in prompt(made) and "Choose the team." in prompt(made)
    assert made.route.signature.fields["why"].constraints == {"max_length": 40}
    assert prompt(desk) == before and desk.route.signature is Route and Route.fields["why"].desc == ""
    assert made.with_candidate(desk.slots()).route.signature.equals(Route)


def test_the_same_descriptions_are_the_same_signature() -> None:
    """A candidate of a program's own texts makes no new signature."""
    desk = Desk()
    texts = {slot: text for slot, text in desk.slots().items() if slot.endswith(".desc")}
    assert desk.with_candidate(texts).route.signature is Route


@pytest.mark.parametrize("form", ["json", "dspy", "python"])
def test_files_keep_the_descriptions(form: str, tmp_path: Path) -> None:
    """A program file, a state file of DSPy and an exported module give the same prompt again."""
    made = Desk().with_candidate({TEAM: "who has to answer", WHY: "in five words"})
    path = made.export(tmp_path / f"desk.{'py' if form == 'python' else 'json'}", format=form)
    if form == "python":
        spec = importlib.util.spec_from_file_location("desk", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        again = module.program
    else:
        again = Desk()
        again.load(path)
    assert again.slots() == made.slots() and prompt(again) == prompt(made)


@pytest.mark.parametrize(
    ("slot", "text", "says"),
    [
        (TEAM, 3, r"route\.outputs\['team'\]\.desc is a text, not 3"),
        (TEAM, "x" * 20_001, "has 20,001 characters"),
        ("route.outputs['teem'].desc", "x", r"Did you mean \"route\.outputs\['team'\]\.desc\""),
        ("route.outputs['ticket'].desc", "x", "the program has no slot"),
    ],
)
def test_what_is_no_description_is_refused(slot: str, text: Any, says: str) -> None:
    """The error names the slot, and the nearest one where there is none of that name."""
    with pytest.raises(lmnb.InputError, match=says):
        Desk().with_candidate({slot: text})


def test_a_slot_is_named_by_its_predictor_and_its_output() -> None:
    """`output_slot` gives the name that `slots` uses."""
    assert output_slot("route", "team") == TEAM
