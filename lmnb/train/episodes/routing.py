"""Routing: classes whose labels mean nothing until demos or the instruction say what they stand for."""

from __future__ import annotations

import random
from typing import Any, Literal

from lmnb.train.episodes.base import Episode, Values, family, pick, signature, split_values, words
from lmnb.train.episodes.labels import field_names, labels, noun_words
from lmnb.train.grammar import capital, message, side
from lmnb.train.lexicon import (
    ADVERBS,
    ALL_NOUNS,
    DESCRIPTIONS,
    NEGATIVE,
    NEUTRAL,
    POSITIVE,
    THINGS,
    TOPICS,
    VERB_FORMS,
    Noun,
    noun,
)

FIELDS = [
    ("ticket", "team"),
    ("text", "label"),
    ("message", "category"),
    ("sentence", "kind"),
    ("text", "topic"),
    ("email", "folder"),
    ("note", "group"),
    ("request", "queue"),
    ("input", "output"),
    ("headline", "section"),
    ("question", "department"),
    ("review", "rating"),
]
BAD = {
    "train": [
        "Classify the {i}.",
        "Route the {i} to the right {o}.",
        "Read the {i} and give the {o}.",
        "Choose the {o}.",
        "Decide on the {o} of the {i}.",
        "Give the {o}.",
        "Find the best {o} for this {i}.",
    ],
    "held": ["Say which {o} fits the {i}.", "Sort the {i} by {o}.", "Look at the {i} and write its {o}."],
}
GOOD = {  # per class, joined; what stands before all
    "train": [
        ("", "If it is about {d}, answer {l}.", " "),
        ("", "{l}: {d}.", " "),
        ("Send ", "{d} to {l}", ", "),
        ("Use ", "{l} for {d}", ", "),
        ("", "The {o} {l} is for {d}.", " "),
        ("Everything about {d0} goes to {l0}. ", "{d} goes to {l}.", " "),
        ("The {o} is ", "{l} when the {i} is about {d}", " and "),
        ("", "- {l}: {d}", "\n"),
        ("Rules: ", "{d} means {l}", "; "),
        ("", "Answer {l} if the {i} is about {d}.", " "),
        ("", "When you read about {d}, write {l}.", " "),
        ("", "{d} -> {l}", "\n"),
        ("Of the {o}s, ", "{l} handles {d}", ", "),
        ("", "Pick {l} for {d}.", " "),
        ("", "{d}: {l}.", " "),
        ("", "{l} is right for {d}.", " "),
        ("", "For {d} it is {l}.", " "),
        ("", "About {d}? Then {l}.", " "),
        ("", "{l} gets {d}.", " "),
        ("", "{d} belongs to {l}.", " "),
        ("", "Mark {d} as {l}.", " "),
        ("", "{l} stands for {d}.", " "),
        ("", "In case of {d}: {l}.", " "),
        ("", "Write {l} if you read about {d}.", " "),
        ("", "{l} is the {o} of {d}.", " "),
        ("", "With {d} you {v} {l}.", " "),
        ("", "If you see {d}, {v} {l}.", " "),
        ("", "{d} here: {v} {l}.", " "),
        ("", "{d}? {V} {l}.", " "),
        ("", "On {d} please {v} {l}.", " "),
        ("", "{d} - {v} {l}", "\n"),
        ("", "{V} {l} where you find {d}.", " "),
        ("", "{V} {l} if {d} come up.", " "),
        ("", "{V} {l} on {d}.", " "),
        ("", "{l} {s} {d}.", " "),
        ("", "{l} {s} all {d}.", " "),
    ],
    "held": [
        ("", "For {d}, choose {l}.", " "),
        ("", "{d}: use {l}.", " "),
        ("", "Say {l} when it is about {d}.", " "),
        ("", "{l} takes {d}.", " "),
    ],
}

# training composes most of what is said of a class: where it is, how the two are joined, what is bid
WHERE = (
    "{d}|if you see {d}|with {d}|when {d} come up|where you read {d}|about {d}|in case of {d}|as to {d}|on {d}|{d} here|"
    "concerning {d}|after {d}|once {d} are meant|for all {d}|for {d}"
).split("|")
BETWEEN = ", |: | - | -> |? |; | | = | / ".split("|")
BIDDEN = (
    "{v} {l}|{v} {l}|{v} {l}|please {v} {l}|you {v} {l}|{l}|it is {l}|we {v} {l}|the {o} is {l}|always {l}|{v} the {o} {l}|"
    "you have to {v} {l}|{v} {a} {l}"
).split("|")
KEPT = {("for {d}", ", "), ("{d}", ": ")}  # beginnings of the held wordings

# what an instruction bids to do with a label: so many words that none is taken for a label, but for what changes from
# class to class
BIDS = [form[0] for form in VERB_FORMS] + (
    "pick write name put set mark give select enter print state note file assign apply report type tag call say choose "
    "reply answer add show make read take go with it is into as to label that"
).split()
DOES = (
    "handles gets serves covers has owns means wants likes keeps reads answers fixes checks names holds carries".split()
)


@family("routing")
def routing(rng: random.Random, held: bool = False, **fixed: Any) -> Episode:
    """`fixed`: classes, demos, instruction ('bad', 'options', 'good'), kind, reasoning, literal, noise, fields."""
    kind = fixed.get("kind") or pick(rng, {"topic": 6, "pool": 2.5, "natural": 1, "mood": 0.8})
    count = fixed.get("classes") or pick(rng, {2: 3, 3: 5, 4: 2.5, 5: 1.5, 6: 0.8, 8: 0.6})
    classes = _classes(rng, kind, count)
    names = [name for name, _ in classes] if kind == "natural" else labels(rng, held, len(classes))
    i, o = fixed.get("fields") or field_names(rng, held, FIELDS)
    how = fixed.get("instruction") or pick(rng, {"bad": 4, "options": 1, "good": 4, "none": 0.5})
    if kind == "pool" and how == "good" and "instruction" not in fixed:
        how = "bad"
    instruction = instruct(rng, how, held, classes, names, i, o)
    reasoning = fixed.get("reasoning", rng.random() < 0.08)
    literal = fixed.get("literal", rng.random() < 0.15)
    noise = fixed.get("noise", pick(rng, {0.0: 5, 0.1: 2, 0.2: 1, 0.3: 0.5}))
    wanted = fixed.get("demos", pick(rng, {0: 2.5, 1: 0.7, 2: 1, 4: 1.5, 6: 1.5, 8: 2.5, 10: 1, 12: 1.5, 16: 0.6}))
    rows = [
        _row(rng, held, kind, classes, names, i, o, reasoning, noise if at < wanted else 0.0)
        for at in range(wanted + 1)
    ]
    shown: set[str] = set(names) if how in ("options", "good") or literal or kind == "natural" else set()
    unknown = set()
    for at, row in enumerate(rows):
        if row[o] not in shown:
            unknown.add(at)
        shown.add(row[o])
    if not held and unknown == {0} and not wanted and not reasoning:  # nobody can know the label: say what it is about
        rows[0][o], unknown = _about(classes[names.index(rows[0][o])], rows[0][i]), set()
    outputs: Values = {"reasoning": str} if reasoning else {}
    outputs[o] = Literal[tuple(names)] if literal else str
    inputs, right = split_values(rows[-1], [i])
    return Episode(
        *("routing", signature({i: str}, outputs, instruction), rows[:-1], inputs, right, o),
        unknown=frozenset(unknown),
        about={"classes": classes, "labels": names, "kind": kind},
    )


def _classes(rng: random.Random, kind: str, count: int) -> list[tuple[str, list[Noun]]]:
    if kind == "mood":
        moods = [("positive", POSITIVE), ("negative", NEGATIVE), ("neutral", NEUTRAL)]
        chosen = moods[:2] if count == 2 else moods
        return [(name, [Noun(word, word) for word in pool]) for name, pool in chosen]
    if kind == "pool":
        size = rng.choice([2, 3, 4])
        pool = rng.sample(ALL_NOUNS, size * count)
        return [("", pool[at * size : (at + 1) * size]) for at in range(count)]
    return [(topic, TOPICS[topic]) for topic in rng.sample(list(TOPICS), count)]


def _about(topic: tuple[str, list[Noun]], text: str) -> str:
    """The topic of a message; where it has no name, its noun."""
    name, pool = topic
    return name or next(
        (each.singular for each in pool if each.singular in text or each.plural in text), text.split()[0]
    )


def describe(rng: random.Random, name: str, pool: list[Noun]) -> str:
    """What an instruction says of a class: its topic in one of several words, or some of its nouns."""
    if name in ("positive", "negative", "neutral"):
        return rng.choice([f"{name} texts", f"a {name} opinion", name])
    kind = rng.random()
    if name and kind < 0.5:
        return name
    if kind < 0.75 and name in DESCRIPTIONS:
        return rng.choice(DESCRIPTIONS[name])
    return f"{' or '.join(noun_words(rng.sample(pool, 2)))}"


def instruct(
    rng: random.Random, how: str, held: bool, classes: list[tuple[str, list[Noun]]], names: list[str], i: str, o: str
) -> str | None:
    """An instruction that says nothing of the labels, names them, or says what each stands for. None: lmnb's own."""
    if how == "none":
        return None
    first = rng.choice(BAD[side(held)]).format(i=i, o=o)
    if how == "bad":
        return first
    order = rng.sample(range(len(names)), len(names))
    if how == "options":
        listed = ", ".join(names[k] for k in order)
        return f"{first} {rng.choice(['Options:', f'The {o} is one of:', 'Use only'])} {listed}."
    before, each, join = composed(rng) if not held and rng.random() < 0.5 else rng.choice(GOOD[side(held)])
    parts = [(describe(rng, *classes[k]), names[k]) for k in order]
    if "{d0}" in before:
        before, parts = before.format(d0=parts[0][0], l0=parts[0][1]), parts[1:]
    said = []
    bid = rng.choice(BIDS) if rng.random() < 0.7 else rng.choice(words(False).words)
    does, how_so = rng.choice(DOES), rng.choice(ADVERBS)
    for at, (topic, label) in enumerate(parts):
        text = each.format(d=topic, l=label, i=i, o=o, v=bid, V=bid.capitalize(), s=does, a=how_so)
        starts = not before.strip() or before.rstrip().endswith(".") or (at and join == " ")
        said.append(capital(text) if starts and join == " " and not each.startswith("{l}") else text)
    text = before.format(i=i, o=o) + join.join(said)
    text = text if text.endswith(".") or join == "\n" else f"{text}."
    return text if rng.random() < 0.12 else f"{first}{chr(10) if join == chr(10) else ' '}{text}"


def composed(rng: random.Random) -> tuple[str, str, str]:
    """What an instruction says per class, of parts of which each goes with each but for those that are held."""
    while True:
        where, between = rng.choice(WHERE), rng.choice(BETWEEN)
        if (where, between) not in KEPT:
            break
    end, join = rng.choice([(".", " "), (".", " "), (".", "\n"), ("", "\n"), ("", "; ")])
    return "", f"{where}{between}{rng.choice(BIDDEN)}{end}", join


def _row(
    rng: random.Random,
    held: bool,
    kind: str,
    classes: list[Any],
    names: list[str],
    i: str,
    o: str,
    reasoning: bool,
    noise: float,
) -> Values:
    k = rng.randrange(len(names))
    name, pool = classes[k]
    nouns = rng.sample(pool, min(len(pool), rng.choice([1, 2, 2, 3])) if kind == "pool" else rng.choice([2, 2, 2, 3]))
    other = rng.choice(rng.choice(classes)[1])
    text = _mood(rng, nouns[0].singular) if kind == "mood" else message(rng, nouns, words(held), held, other)
    row: Values = {i: text}
    if reasoning:
        seen = name if name and rng.random() < 0.7 else f"{nouns[0].singular}"
        row["reasoning"] = f"The {i} is about {seen}, so the {o} is {names[k]}."
    row[o] = names[k]
    if noise and rng.random() < noise:
        row[o] = rng.choice([label for label in names if label != names[k]])
        row.pop("reasoning", None)
        if reasoning:
            row["reasoning"] = f"The {i} is about {name or nouns[0].singular}, so the {o} is {row[o]}."
    return row


def example(rng: random.Random, task: Episode, held: bool) -> tuple[Values, Values]:
    """A new message of a routing task, with its right label."""
    (i,), o = task.inputs, task.answer
    row = _row(rng, held, task.about["kind"], task.about["classes"], task.about["labels"], i, o, False, 0.0)
    return split_values(row, [i])


def _mood(rng: random.Random, adjective: str) -> str:
    thing = noun(rng.choice(THINGS.split())).singular
    return rng.choice(
        [
            f"The {thing} is {adjective}.",
            f"I think that the {thing} was {adjective} {rng.choice(ADVERBS)}.",
            f"What {'an' if adjective[0] in 'aeiou' else 'a'} {adjective} {thing}!",
            f"My new {thing} is really {adjective}.",
            f"Thanks for the {thing}, it is {adjective}.",
        ]
    )
