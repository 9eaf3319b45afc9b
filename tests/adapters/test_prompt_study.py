"""The study of the default prompt: that it measures what it says, and that its guide has every line of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.prompt import LINES, Without

import lmnb

GUIDE = Path(__file__).resolve().parents[2] / "notebooks" / "02_look_inside.ipynb"
SIGNATURE = lmnb.Signature("context: list[str], question -> reasoning, answer: int", "Answer the question.")
DEMOS = [{"context": ["One."], "question": "1?", "reasoning": "It says so.", "answer": 1}]
INPUTS = {"context": ["Two."], "question": "2?"}
TAKEN = {name: cut for name, (cut, _) in LINES.items() if name.startswith("no ")}


def text(cut: object) -> str:
    """The prompt as one text, written without a line."""
    messages = Without(cut).format(SIGNATURE, DEMOS, INPUTS)  # pyright: ignore[reportArgumentType]
    return "\n===\n".join(message["content"] for message in messages)


@pytest.mark.parametrize("name", TAKEN)
def test_a_cut_takes_one_part_away_and_nothing_else(name: str) -> None:
    """What a cut leaves is the prompt in one piece less: a form that changed would else be measured whole."""
    whole, left = text(LINES["the whole prompt"][0]), text(TAKEN[name])
    before = next((at for at, (a, b) in enumerate(zip(whole, left, strict=False)) if a != b), len(left))
    rest = left[before:]
    assert len(left) < len(whole) and whole.endswith(rest)
    assert all(text(other) != left for key, other in TAKEN.items() if key != name)


def test_the_cuts_together_are_the_system_message_and_the_last_line() -> None:
    """No part of the system message is left out of the study."""
    messages = Without(LINES["the whole prompt"][0]).format(SIGNATURE, DEMOS, INPUTS)
    for cut in TAKEN.values():
        messages = cut(messages)
    assert not messages[0]["content"].strip() and "Reply with" not in messages[-1]["content"]


def test_the_guide_has_the_table_and_the_reason_of_every_line() -> None:
    """The notebook that explains the prompt says of each line what it is for, in the study's own words."""
    cells = json.loads(GUIDE.read_text("utf-8"))["cells"]
    told = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    for name, (_, use) in LINES.items():
        assert f"| {name} |" in told and use in told
