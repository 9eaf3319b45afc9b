"""Structured outputs: fields of a text as JSON, as a list inside the chat format, or any other family in the JSON format."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from lmnb.train.episodes.base import Episode, family, pick, signature, split_values
from lmnb.train.episodes.extraction import extraction
from lmnb.train.episodes.facts import drawn, facts_about, people, say
from lmnb.train.episodes.routing import routing
from lmnb.train.episodes.tools import tools
from lmnb.train.episodes.wordings import RELATIONS
from lmnb.train.grammar import side

INSTRUCTIONS = {
    "train": ["Read the text and fill in the fields.", "Extract the fields.", "Find the fields in the text.", None],
    "held": ["Fill in what the text says."],
}


@family("json")
def in_json(rng: random.Random, held: bool = False, **fixed: Any) -> Episode:
    """A record, a routing, an extraction or a tool call, asked for and answered in the JSON format."""
    make = fixed.get("make") or pick(rng, {record: 4, routing: 3, extraction: 1.5, tools: 1})
    return replace(make(rng, held), family="json", form="json")


@family("record")
def record(rng: random.Random, held: bool = False, **fixed: Any) -> Episode:
    """What a text says of one person, a field each, or of several as a list."""
    chosen = rng.sample([name for name in RELATIONS if name != "thing"], rng.choice([1, 2, 2, 3]))
    listing = fixed.get("listing", rng.random() < 0.3)
    rows = []
    for _ in range(fixed.get("demos", pick(rng, {0: 4, 1: 2, 2: 2})) + 1):
        if listing:
            facts = facts_about(rng, held, people(rng, held, rng.choice([2, 3, 4])), chosen[0])
            rows.append({"text": " ".join(fact.text for fact in facts), "names": [fact.name for fact in facts]})
            continue
        (name,) = people(rng, held, 1)
        facts = [say(rng, held, relation, name, *drawn(rng, held, relation, 1)) for relation in chosen]
        told = rng.sample(facts, len(facts))
        values = {fact.relation: fact.value for fact in facts}
        rows.append({"text": " ".join(fact.text for fact in told), "name": name, **values})
    outputs = {"names": list[str]} if listing else {"name": str, **dict.fromkeys(chosen, str)}
    made = signature({"text": str}, outputs, rng.choice(INSTRUCTIONS[side(held)]))
    inputs, right = split_values(rows[-1], ["text"])
    last = list(outputs)[-1]
    return Episode("record", made, rows[:-1], inputs, right, last, numbers=frozenset(outputs))
