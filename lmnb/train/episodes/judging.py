"""Judging: whether an answer agrees with the context, yes or no, after a reason."""

from __future__ import annotations

import random
from typing import Any, Literal

from lmnb.train.episodes.base import Episode, family, pick, signature, split_values
from lmnb.train.episodes.extraction import row
from lmnb.train.episodes.facts import drawn, values_in
from lmnb.train.grammar import side

INSTRUCTIONS = {
    "train": ["Judge the answer.", "Is the answer correct?", "Decide whether the answer is right.", None],
    "held": ["Say whether the answer fits the context.", "Check the answer."],
}


@family("judging")
def judging(rng: random.Random, held: bool = False, **fixed: Any) -> Episode:
    """`fixed`: demos, fields, near (a wrong answer is another one of the context)."""
    rows, near = [], fixed.get("near", False)
    for _ in range(fixed.get("demos", pick(rng, {0: 4, 1: 2, 2: 2})) + 1):
        sentences, values, relation = row(rng, held, 1, rng.choice([2, 3, 4]), True)
        right = rng.random() < 0.5
        answer = values["answer"]
        if not right:
            wrong = [word for word in values_in(sentences, relation, held) if word != answer] if near else []
            answer = (
                rng.choice(wrong) if wrong else next(each for each in drawn(rng, held, relation, 2) if each != answer)
            )
        reason = f"The context says: {values['reasoning']}"
        rows.append(
            {
                "context": " ".join(sentences),
                "question": values["question"],
                "answer": answer,
                "reason": reason,
                "verdict": "yes" if right else "no",
            }
        )
    kind: Any = rng.choice([str, Literal["yes", "no"], bool])
    if kind is bool:
        rows = [{**each, "verdict": each["verdict"] == "yes"} for each in rows]
    named = fixed.get("fields") or rng.choice([("reason", "verdict"), ("reason", "correct"), ("reasoning", "verdict")])
    rows = [
        {named[0] if k == "reason" else named[1] if k == "verdict" else k: v for k, v in each.items()} for each in rows
    ]
    outputs = {named[0]: str, named[1]: kind}
    made = signature({"context": str, "question": str, "answer": str}, outputs, rng.choice(INSTRUCTIONS[side(held)]))
    inputs, right_values = split_values(rows[-1], ["context", "question", "answer"])
    return Episode("judging", made, rows[:-1], inputs, right_values, named[1], numbers=frozenset({named[0]}))
