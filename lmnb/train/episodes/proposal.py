"""Proposing an instruction: from examples of a routing task, and perhaps the instruction so far, to a better one."""

from __future__ import annotations

import random
from typing import Any

from lmnb.train.episodes.base import Episode, family, signature
from lmnb.train.episodes.routing import routing
from lmnb.train.grammar import side

INSTRUCTIONS = {
    "train": [
        "Propose a better instruction for the task.",
        "Write an instruction for the task that the examples show.",
        "Propose an instruction from the examples.",
        "Improve the instruction, so that the answers come out as in the examples.",
    ],
    "held": ["Read the examples and propose an instruction.", "Write a better instruction for the examples."],
}


@family("proposal")
def proposal(rng: random.Random, held: bool = False, **fixed: Any) -> Episode:
    """`fixed`: classes, demos. The task behind it is in `about['task']`."""
    kind = fixed.get("kind", "topic")
    task = routing(
        rng,
        held,
        kind=kind,
        instruction="bad",
        reasoning=False,
        literal=False,
        noise=0.0,
        demos=fixed.get("demos", rng.choice([5, 6, 8])),
        classes=fixed.get("classes", rng.choice([2, 3, 3])),
    )
    (i,), o = task.inputs, task.answer
    style = rng.randrange(3)
    shown = [
        f"{d[i]} => {d[o]}" if style == 0 else f"{i}: {d[i]}\n{o}: {d[o]}" if style == 1 else f"{d[i]} -> {o}: {d[o]}"
        for d in task.demos
    ]
    order = list(dict.fromkeys(d[o] for d in task.demos))
    topic = dict(zip(task.about["labels"], (name for name, _ in task.about["classes"]), strict=True))
    text = f"Give the {o}. " + " ".join(f"If it is about {topic[label]}, answer {label}." for label in order)
    listed = rng.random() < 0.3
    examples: Any = shown if listed else "\n".join(shown)
    inputs: dict[str, Any] = {"examples": list[str] if listed else str}
    values: dict[str, Any] = {"examples": examples}
    if rng.random() < 0.5:
        inputs["current_instruction"] = str
        values["current_instruction"] = task.signature.instructions
    made = signature(inputs, {"proposed_instruction": str}, rng.choice(INSTRUCTIONS[side(held)]))
    return Episode(
        *("proposal", made, [], values, {"proposed_instruction": text}, "proposed_instruction"),
        numbers=frozenset({"proposed_instruction"}),
        about={"task": task, "labels": task.about["labels"]},
    )
