"""Extraction: the answer to a question is a word of the context, one or two steps away."""

from __future__ import annotations

import random
from typing import Any

from lmnb.train.episodes.base import Episode, Values, family, pick, signature, split_values
from lmnb.train.episodes.facts import facts_about, people
from lmnb.train.episodes.wordings import KIN, RELATIONS, ask, link
from lmnb.train.grammar import side

INSTRUCTIONS = {
    "train": [
        "Answer the question.",
        "Answer the question using the context.",
        "Give a short answer.",
        "Find the answer in the context.",
        "Read the context and answer in one word.",
        None,
    ],
    "held": ["Use the context to answer the question.", "Say what the context tells about the question."],
}


def row(
    rng: random.Random, held: bool, hops: int, count: int, reasoning: bool, links: int = 0
) -> tuple[list[str], Values, str]:
    """The sentences of a context about so many people, the question with its answer, and the relation it asks for.

    `links` further sentences say who is what to whom, so that a question of two hops needs both of its facts.
    """
    names = people(rng, held, count)
    relation, second = rng.sample(list(RELATIONS), 2)
    facts = facts_about(rng, held, names, relation)
    target = rng.randrange(len(facts))
    sentences = [fact.text for fact in facts]
    distractors = facts_about(rng, held, rng.sample(names, rng.choice([0, 0, 1, 2])), second)
    sentences += [fact.text for fact in distractors]
    kin = rng.choice(KIN)
    fact = facts[target]
    asker = rng.choice([name for name in names if name != fact.name])
    linked = link(rng, held, kin, asker, fact.name)
    if hops == 2 or rng.random() < 0.3:
        sentences.append(linked)
    for _ in range(links):
        other, about = rng.sample([name for name in names if name != fact.name], 2)
        sentences.append(link(rng, held, rng.choice([each for each in KIN if each != kin]), other, about))
    rng.shuffle(sentences)
    who = f"the {kin} of {asker}" if hops == 2 else fact.name
    values: Values = {"question": ask(rng, held, relation, who)}
    if reasoning:
        values["reasoning"] = f"{linked} {fact.text}" if hops == 2 else fact.text
    values["answer"] = fact.value
    return sentences, values, relation


@family("extraction")
def extraction(rng: random.Random, held: bool = False, **fixed: Any) -> Episode:
    """`fixed`: hops, demos, reasoning, people, links, listed."""
    hops = fixed.get("hops") or pick(rng, {1: 4, 2: 6})
    reasoning = fixed.get("reasoning", rng.random() < (0.65 if hops == 2 else 0.25))
    count = fixed.get("demos", pick(rng, {0: 5, 1: 2, 2: 1.5, 3: 1}))
    listed = fixed.get("listed", rng.random() < 0.3)
    rows = []
    for _ in range(count + 1):
        size = fixed.get("people") or rng.choice([2, 3, 3, 4, 5])
        links = fixed.get("links", rng.choice([0, 0, 1, 2]) if size > 2 else 0)
        sentences, values, _ = row(rng, held, hops, size, reasoning, links)
        rows.append({"context": sentences if listed else " ".join(sentences), **values})
    outputs: Values = {**({"reasoning": str} if reasoning else {}), "answer": str}
    instruction = rng.choice(INSTRUCTIONS[side(held)])
    made = signature({"context": list[str] if listed else str, "question": str}, outputs, instruction)
    inputs, right = split_values(rows[-1], ["context", "question"])
    return Episode("extraction", made, rows[:-1], inputs, right, "answer", numbers=frozenset({"reasoning"}))


@family("hunt")
def hunt(rng: random.Random, held: bool = False, **fixed: Any) -> Episode:
    """One context, in the instruction, and many questions about it as demos: dense practice, not an acceptance row."""
    names = people(rng, held, rng.choice([3, 4, 5, 6]))
    chosen = rng.sample(list(RELATIONS), rng.choice([1, 2, 2, 3]))
    facts = [fact for relation in chosen for fact in facts_about(rng, held, names, relation) if rng.random() < 0.8]
    links: dict[str, tuple[str, str]] = {}
    for name in names:
        if rng.random() < 0.6:
            links[name] = (rng.choice(KIN), rng.choice([other for other in names if other != name]))
    sentences = [fact.text for fact in facts] + [
        link(rng, held, kin, name, other) for name, (kin, other) in links.items()
    ]
    rng.shuffle(sentences)
    if not facts:
        return hunt(rng, held, **fixed)
    rows = []
    for fact in rng.choices(facts, k=rng.choice([4, 6, 8, 10])):
        askers = [(name, kin) for name, (kin, other) in links.items() if other == fact.name]
        name, kin = rng.choice(askers) if askers and rng.random() < 0.6 else ("", "")
        who = f"the {kin} of {name}" if name else fact.name
        rows.append({"question": ask(rng, held, fact.relation, who), "answer": fact.value})
    instruction = f"{rng.choice(INSTRUCTIONS[side(held)]) or 'Answer.'}\n\n{' '.join(sentences)}"
    inputs, right = split_values(rows[-1], ["question"])
    return Episode(
        "hunt", signature({"question": str}, {"answer": str}, instruction), rows[:-1], inputs, right, "answer"
    )
