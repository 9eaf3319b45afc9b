"""Facts about people, as sentences and as questions: what extraction, search queries and judging are made of."""

from __future__ import annotations

import random
from dataclasses import dataclass

from lmnb.train.episodes.base import words
from lmnb.train.grammar import capital, side
from lmnb.train.lexicon import COLORS, DRINKS, FOODS, INSTRUMENTS, LANGUAGES, PETS, PLACES, SPORTS, article

# relation -> what it says, what it asks; {n} a name, {v} the value, {an_v} the value with its article, {x} who is meant
RELATIONS = {
    "city": {
        "says": {"train": ["{n} lives in {v}.", "The home of {n} is in {v}."], "held": ["{n} has a house in {v}."]},
        "asks": {
            "train": ["Where does {x} live?", "In which city is the home of {x}?"],
            "held": ["What city does {x} live in?"],
        },
    },
    "job": {
        "says": {"train": ["{n} works as {an_v}.", "{n} is {an_v}."], "held": ["{n} makes money as {an_v}."]},
        "asks": {"train": ["What is the job of {x}?", "What does {x} work as?"], "held": ["Which job does {x} have?"]},
    },
    "pet": {
        "says": {"train": ["{n} has {an_v}.", "The pet of {n} is {an_v}."], "held": ["{n} keeps {an_v} as a pet."]},
        "asks": {
            "train": ["What pet does {x} have?", "Which animal does {x} have?"],
            "held": ["What is the pet of {x}?"],
        },
    },
    "color": {
        "says": {"train": ["{n} likes {v}.", "The color of {n} is {v}."], "held": ["The best color for {n} is {v}."]},
        "asks": {
            "train": ["What color does {x} like?", "Which color is the color of {x}?"],
            "held": ["Which color does {x} like?"],
        },
    },
    "food": {
        "says": {"train": ["{n} eats {v}.", "{n} often eats {v}."], "held": ["Every day {n} eats {v}."]},
        "asks": {
            "train": ["What does {x} eat?", "Which food does {x} eat?"],
            "held": ["What food does {x} often eat?"],
        },
    },
    "drink": {
        "says": {"train": ["{n} drinks {v}.", "{n} always drinks {v}."], "held": ["In the morning {n} drinks {v}."]},
        "asks": {
            "train": ["What does {x} drink?", "Which drink does {x} like?"],
            "held": ["What does {x} always drink?"],
        },
    },
    "sport": {
        "says": {"train": ["The sport of {n} is {v}.", "{n} loves {v}."], "held": ["The best sport for {n} is {v}."]},
        "asks": {
            "train": ["What is the sport of {x}?", "Which sport does {x} love?"],
            "held": ["What sport does {x} love?"],
        },
    },
    "instrument": {
        "says": {
            "train": ["{n} plays the {v}.", "{n} plays the {v} every day."],
            "held": ["At night {n} plays the {v}."],
        },
        "asks": {
            "train": ["What does {x} play?", "Which instrument does {x} play?"],
            "held": ["What instrument does {x} play?"],
        },
    },
    "language": {
        "says": {"train": ["{n} speaks {v}.", "{n} often speaks {v}."], "held": ["At home {n} speaks {v}."]},
        "asks": {
            "train": ["What does {x} speak?", "Which language does {x} speak?"],
            "held": ["What language does {x} speak?"],
        },
    },
    "place": {
        "says": {"train": ["{n} is in the {v}.", "{n} waits in the {v}."], "held": ["{n} stays in the {v}."]},
        "asks": {"train": ["Where is {x}?", "In which room is {x}?"], "held": ["Which room is {x} in?"]},
    },
    "thing": {
        "says": {"train": ["{n} lost {an_v}.", "{n} needs {an_v}."], "held": ["{n} is looking for {an_v}."]},
        "asks": {"train": ["What did {x} lose?", "What does {x} need?"], "held": ["What is {x} looking for?"]},
    },
}
LINKS = {
    "train": ["The {r} of {n} is {m}.", "{m} is the {r} of {n}.", "{n} has a {r}, {m}."],
    "held": ["The {r} of {n} is named {m}.", "{m} is also the {r} of {n}."],
}
KIN = ["friend", "boss", "neighbor", "brother", "sister", "cousin", "partner", "teacher"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One sentence about one person."""

    name: str
    relation: str
    value: str
    text: str


def values_of(relation: str, held: bool) -> list[str]:
    """What a relation may be: words of the side where they are many enough to be divided."""
    split = words(held)
    lists = {
        "city": split.cities,
        "job": split.jobs,
        "thing": [each.singular for each in split.things],
        "color": COLORS,
    }
    lists |= {"pet": PETS, "food": FOODS, "drink": DRINKS, "sport": SPORTS, "instrument": INSTRUMENTS, "place": PLACES}
    return lists.get(relation, LANGUAGES)


def say(rng: random.Random, held: bool, relation: str, name: str, value: str) -> Fact:
    template = rng.choice(RELATIONS[relation]["says"][side(held)])
    return Fact(name, relation, value, template.format(n=name, v=value, an_v=article(value)))


def ask(rng: random.Random, held: bool, relation: str, who: str) -> str:
    return capital(rng.choice(RELATIONS[relation]["asks"][side(held)]).format(x=who))


def link(rng: random.Random, held: bool, kin: str, name: str, other: str) -> str:
    return rng.choice(LINKS[side(held)]).format(r=kin, n=name, m=other)


def facts_about(rng: random.Random, held: bool, people: list[str], relation: str) -> list[Fact]:
    """One fact of the relation a person, no value twice."""
    values = values_of(relation, held)
    chosen = rng.sample(values, min(len(people), len(values)))
    return [say(rng, held, relation, name, value) for name, value in zip(people, chosen, strict=False)]
