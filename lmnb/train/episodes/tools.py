"""Tools: which tool serves a request, and with which argument; and the search query for the next hop."""

from __future__ import annotations

import random
from typing import Any, Literal

from lmnb.train.episodes.base import Episode, family, pick, signature, split_values
from lmnb.train.episodes.facts import drawn, people
from lmnb.train.episodes.labels import labels
from lmnb.train.episodes.relations import KIN, RELATIONS
from lmnb.train.episodes.wordings import ask, link
from lmnb.train.grammar import side

# usual name -> what it does, what its argument is, how it is asked for ({v} is the argument)
TOOLS: dict[str, tuple[str, str, dict[str, list[str]]]] = {
    "weather": (
        "the weather in a city",
        "city",
        {
            "train": ["How is the weather in {v}?", "Is it cold in {v} today?"],
            "held": ["What is the weather like in {v}?"],
        },
    ),
    "map": (
        "a map of a city",
        "city",
        {"train": ["Show me a map of {v}.", "I need a map of {v}."], "held": ["Can I see a map of {v}?"]},
    ),
    "phone": (
        "the phone number of a person",
        "name",
        {"train": ["What is the phone number of {v}?", "I want to call {v}."], "held": ["Give me the number of {v}."]},
    ),
    "email": (
        "write an email to a person",
        "name",
        {"train": ["Write an email to {v}.", "Send {v} an email."], "held": ["Please send an email to {v}."]},
    ),
    "timer": (
        "start a timer in minutes",
        "number",
        {
            "train": ["Start a timer for {v} minutes.", "Wake me up in {v} minutes."],
            "held": ["Set a timer of {v} minutes."],
        },
    ),
    "translate": (
        "translate into a language",
        "language",
        {"train": ["Translate this into {v}.", "How do I say it in {v}?"], "held": ["Say this in {v}."]},
    ),
    "shop": (
        "buy a thing",
        "thing",
        {"train": ["I want to buy a {v}.", "Order a {v} for me."], "held": ["Please get me a new {v}."]},
    ),
    "find": (
        "find a lost thing",
        "thing",
        {"train": ["I lost my {v}.", "Where is my {v}?"], "held": ["My {v} is gone, help me to find it."]},
    ),
    "time": (
        "the time in a city",
        "city",
        {"train": ["What time is it in {v}?", "Is it night in {v}?"], "held": ["Tell me the time in {v}."]},
    ),
}
INSTRUCTIONS = {
    "train": ["Choose the tool and its argument.", "Which tool serves the request?", "Choose a tool.", None],
    "held": ["Find the tool for the request and give its argument."],
}


def _argument(rng: random.Random, held: bool, kind: str) -> str:
    if kind == "number":
        return str(rng.randint(1, 60))
    return people(rng, held, 1)[0] if kind == "name" else drawn(rng, held, kind, 1)[0]


@family("tools")
def tools(rng: random.Random, held: bool = False, **fixed: Any) -> Episode:
    """`fixed`: tools (how many), demos, opaque (names that say nothing)."""
    chosen = rng.sample(list(TOOLS), fixed.get("tools") or rng.choice([2, 3, 4]))
    opaque = fixed.get("opaque", rng.random() < 0.3)
    names = labels(rng, held, len(chosen)) if opaque else chosen
    listed = [f"{name}({TOOLS[tool][1]}): {TOOLS[tool][0]}" for name, tool in zip(names, chosen, strict=True)]
    rows = []
    for _ in range(fixed.get("demos", pick(rng, {0: 4, 1: 1, 2: 1.5, 3: 1, 4: 1})) + 1):
        at = rng.randrange(len(chosen))
        value = _argument(rng, held, TOOLS[chosen[at]][1])
        asked = rng.choice(TOOLS[chosen[at]][2][side(held)]).format(v=value)
        rows.append({"request": asked, "tools": listed, "tool": names[at], "argument": value})
    literal = rng.random() < 0.3
    kind: Any = Literal[tuple(names)] if literal else str
    made = signature(
        {"request": str, "tools": list[str]}, {"tool": kind, "argument": str}, rng.choice(INSTRUCTIONS[side(held)])
    )
    inputs, right = split_values(rows[-1], ["request", "tools"])
    return Episode("tools", made, rows[:-1], inputs, right, "tool")


@family("search")
def search(rng: random.Random, held: bool = False, **fixed: Any) -> Episode:
    """A question of two hops and what was found so far; the query asks for what is missing. `fixed`: demos."""
    rows = []
    for _ in range(fixed.get("demos", pick(rng, {0: 4, 1: 2, 2: 2})) + 1):
        names = people(rng, held, 4)
        kin, relation = rng.choice(KIN), rng.choice(list(RELATIONS))
        known = fixed.get("known", rng.random() < 0.6)
        context = [link(rng, held, kin, names[0], names[1])] if known else []
        context += [link(rng, held, rng.choice(KIN), names[2], names[3])] if rng.random() < 0.4 else []
        rng.shuffle(context)
        state = rng.getstate()
        question = ask(rng, held, relation, f"the {kin} of {names[0]}")
        rng.setstate(state)  # the same wording, about the person found
        query = ask(rng, held, relation, names[1]) if known else f"Who is the {kin} of {names[0]}?"
        rows.append({"context": " ".join(context) or "Nothing yet.", "question": question, "query": query})
    said = {
        "train": ["Write a search query.", "Write a search query for what is missing.", None],
        "held": ["Give a query for the search."],
    }
    made = signature({"context": str, "question": str}, {"query": str}, rng.choice(said[side(held)]))
    inputs, right = split_values(rows[-1], ["context", "question"])
    return Episode("search", made, rows[:-1], inputs, right, "query", numbers=frozenset({"query"}))
