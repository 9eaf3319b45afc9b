"""The wordings of facts: what a sentence says of a person, what a question asks, who is what to whom.

The held wordings are for evaluation alone. Training composes many more than stand in the tables: with a closed list of
sentences, a model learns the sentences and not to read them.
"""

from __future__ import annotations

import random

from lmnb.train.episodes.labels import invented_word
from lmnb.train.grammar import capital, side
from lmnb.train.lexicon import ADJECTIVES, ADVERBS, COLORS, VERB_FORMS, article

# relation -> what it says, what it asks; {n} a name, {v} the value, {an_v} the value with its article, {x} who is meant
RELATIONS = {
    "city": {
        "says": {
            "train": [
                "{n} lives in {v}.",
                "The home of {n} is in {v}.",
                "{n} has a flat in {v}.",
                "You find {n} in {v}.",
                "{v} is the home of {n}.",
                "{n} came to {v} and stayed.",
            ],
            "held": ["{n} has a house in {v}."],
        },
        "asks": {
            "train": [
                "Where does {x} live?",
                "In which city is the home of {x}?",
                "Where is the home of {x}?",
                "Which city is the home of {x}?",
                "{x} lives where?",
            ],
            "held": ["What city does {x} live in?"],
        },
    },
    "job": {
        "says": {
            "train": [
                "{n} works as {an_v}.",
                "{n} is {an_v}.",
                "The job of {n} is {v}.",
                "{n} earns a living as {an_v}.",
                "{n} is happy as {an_v}.",
                "{n} has a job, {v}.",
            ],
            "held": ["{n} makes money as {an_v}."],
        },
        "asks": {
            "train": [
                "What is the job of {x}?",
                "What does {x} work as?",
                "What work does {x} do?",
                "As what does {x} work?",
                "{x} works as what?",
            ],
            "held": ["Which job does {x} have?"],
        },
    },
    "pet": {
        "says": {
            "train": [
                "{n} has {an_v}.",
                "The pet of {n} is {an_v}.",
                "{n} owns {an_v}.",
                "{an_v} belongs to {n}.",
                "{n} takes care of {an_v}.",
                "{n} came with {an_v}.",
            ],
            "held": ["{n} keeps {an_v} as a pet."],
        },
        "asks": {
            "train": [
                "What pet does {x} have?",
                "Which animal does {x} have?",
                "Which pet does {x} have?",
                "What animal belongs to {x}?",
                "{x} has which pet?",
            ],
            "held": ["What is the pet of {x}?"],
        },
    },
    "color": {
        "says": {
            "train": [
                "{n} likes {v}.",
                "The color of {n} is {v}.",
                "{v} is the color of {n}.",
                "{n} chose {v}.",
                "{n} wears {v}.",
                "{n} paints the door {v}.",
            ],
            "held": ["The best color for {n} is {v}."],
        },
        "asks": {
            "train": [
                "What color does {x} like?",
                "Which color is the color of {x}?",
                "What is the color of {x}?",
                "Which color did {x} choose?",
                "{x} likes which color?",
            ],
            "held": ["Which color does {x} like?"],
        },
    },
    "food": {
        "says": {
            "train": [
                "{n} eats {v}.",
                "{n} often eats {v}.",
                "{n} ate {v}.",
                "For lunch {n} has {v}.",
                "{n} cooks {v}.",
                "{v} is what {n} eats.",
            ],
            "held": ["Every day {n} eats {v}."],
        },
        "asks": {
            "train": [
                "What does {x} eat?",
                "Which food does {x} eat?",
                "What did {x} eat?",
                "{x} eats what?",
                "What does {x} cook?",
            ],
            "held": ["What food does {x} often eat?"],
        },
    },
    "drink": {
        "says": {
            "train": [
                "{n} drinks {v}.",
                "{n} always drinks {v}.",
                "{n} drank {v}.",
                "{n} orders {v}.",
                "With lunch {n} drinks {v}.",
                "{v} is what {n} drinks.",
            ],
            "held": ["In the morning {n} drinks {v}."],
        },
        "asks": {
            "train": [
                "What does {x} drink?",
                "Which drink does {x} like?",
                "What did {x} drink?",
                "{x} drinks what?",
                "What does {x} order?",
            ],
            "held": ["What does {x} always drink?"],
        },
    },
    "sport": {
        "says": {
            "train": [
                "The sport of {n} is {v}.",
                "{n} loves {v}.",
                "{n} is good at {v}.",
                "{n} trains {v}.",
                "On Sunday {n} does {v}.",
                "{v} is the sport of {n}.",
            ],
            "held": ["The best sport for {n} is {v}."],
        },
        "asks": {
            "train": [
                "What is the sport of {x}?",
                "Which sport does {x} love?",
                "At which sport is {x} good?",
                "{x} does which sport?",
                "What does {x} train?",
            ],
            "held": ["What sport does {x} love?"],
        },
    },
    "instrument": {
        "says": {
            "train": [
                "{n} plays the {v}.",
                "{n} plays the {v} every day.",
                "{n} learns the {v}.",
                "{n} is good on the {v}.",
                "On Sunday {n} plays the {v}.",
                "The {v} is what {n} plays.",
            ],
            "held": ["At night {n} plays the {v}."],
        },
        "asks": {
            "train": [
                "What does {x} play?",
                "Which instrument does {x} play?",
                "On which instrument is {x} good?",
                "{x} plays what?",
                "What does {x} learn?",
            ],
            "held": ["What instrument does {x} play?"],
        },
    },
    "language": {
        "says": {
            "train": [
                "{n} speaks {v}.",
                "{n} often speaks {v}.",
                "{n} learned {v}.",
                "{n} writes in {v}.",
                "{n} knows {v}.",
                "{v} is the language of {n}.",
            ],
            "held": ["At home {n} speaks {v}."],
        },
        "asks": {
            "train": [
                "What does {x} speak?",
                "Which language does {x} speak?",
                "Which language did {x} learn?",
                "In which language does {x} write?",
                "{x} speaks what?",
            ],
            "held": ["What language does {x} speak?"],
        },
    },
    "place": {
        "says": {
            "train": [
                "{n} is in the {v}.",
                "{n} waits in the {v}.",
                "You find {n} in the {v}.",
                "{n} went to the {v}.",
                "{n} sits in the {v}.",
                "The {v} is where {n} is.",
            ],
            "held": ["{n} stays in the {v}."],
        },
        "asks": {
            "train": [
                "Where is {x}?",
                "In which room is {x}?",
                "Where can I find {x}?",
                "In what room is {x}?",
                "{x} is in which room?",
            ],
            "held": ["Which room is {x} in?"],
        },
    },
    "thing": {
        "says": {
            "train": [
                "{n} lost {an_v}.",
                "{n} needs {an_v}.",
                "{n} misses {an_v}.",
                "{n} wants {an_v}.",
                "{n} forgot {an_v}.",
                "{an_v} is what {n} needs.",
            ],
            "held": ["{n} is looking for {an_v}."],
        },
        "asks": {
            "train": [
                "What did {x} lose?",
                "What does {x} need?",
                "What did {x} forget?",
                "What does {x} miss?",
                "{x} needs what?",
            ],
            "held": ["What is {x} looking for?"],
        },
    },
}
LINKS = {
    "train": [
        "The {r} of {n} is {m}.",
        "{m} is the {r} of {n}.",
        "{n} has a {r}, {m}.",
        "{n} has {m} as a {r}.",
        "{m}, the {r} of {n}, is here.",
        "The {r} of {n}? That is {m}.",
    ],
    "held": ["The {r} of {n} is named {m}.", "{m} is also the {r} of {n}."],
}
KIN = ["friend", "boss", "neighbor", "brother", "sister", "cousin", "partner", "teacher"]
NOUNS = {  # what a relation is called, for "The old color of {n} is {v}."
    "city": "town",
    "job": "work",
    "pet": "animal",
    "color": "color",
    "food": "meal",
    "drink": "drink",
    "sport": "sport",
    "instrument": "instrument",
    "language": "language",
    "place": "room",
    "thing": "thing",
}
BARE = ("color", "food", "drink", "sport", "language")  # values that stand without an article
BEGINNINGS = (
    "Today|I know that|We hear that|As always,|It is true that|Once more:|On Monday|They say that|In summer|After work|"
    "With a friend|For years|On the road|As you know,|At noon|Before lunch|In the end|All year|With great pleasure|"
    "Since last week|As of now|To be clear,|Near the river|In the city|On holidays|One thing is sure:|By the way,"
).split("|")
ENDINGS = (
    "now|again|these days|this week|after all|with joy|for years|once more|today|of course|as we know|at least|too|"
    "since May|without a word|all the time"
).split("|")
PLAIN = [word for word in ADJECTIVES if word not in COLORS]
BEINGS = "was remains became stays is is is".split()
MANNERS = (
    "still again now simply surely once really just maybe clearly truly indeed known called certainly probably perhaps only "
    "currently officially likewise reportedly none no"
).split()


def filler(rng: random.Random) -> str:
    """A word that changes nothing, between what a sentence says: of so many that none is learned as part of it."""
    kind = rng.random()
    if kind < 0.4:
        return rng.choice([*MANNERS, *ADVERBS])
    if kind < 0.6:
        return rng.choice(PLAIN)
    if kind < 0.85:
        return rng.choice(VERB_FORMS)[2]
    return invented_word(rng)


def says(rng: random.Random, of_held: bool, relation: str, name: str, value: str) -> str:
    """A sentence that gives the value of a relation."""
    if of_held or rng.random() < 0.6:
        template = rng.choice(RELATIONS[relation]["says"][side(of_held)])
    else:
        template = _composed(rng, relation)
    text = capital(template.format(n=name, v=value, an_v=article(value)))
    if of_held:
        return text
    if rng.random() < 0.3 and text.startswith(name):
        text = f"{rng.choice(BEGINNINGS)} {text}"
    return f"{text[:-1]} {rng.choice(ENDINGS)}." if rng.random() < 0.15 else text


def _composed(rng: random.Random, relation: str) -> str:
    noun, value = NOUNS[relation], "{v}" if relation in BARE else "{an_v}"
    base, third, past = rng.choice(VERB_FORMS)
    if relation in ("city", "place"):
        at = "in {v}" if relation == "city" else "in the {v}"
        return rng.choice(
            [
                f"{{n}} {third} and {rng.choice(VERB_FORMS)[1]} {at}.",
                f"{{n}} {past} something {at}.",
                f"{capital(at)} {{n}} {third} the {rng.choice(PLAIN)} days.",
                f"{{n}} {rng.choice(BEINGS)} {filler(rng)} {at}.",
                f"The {rng.choice(PLAIN)} {noun} {rng.choice(['of', 'for', 'with'])} {{n}} {rng.choice(BEINGS)} {{v}}.",
            ]
        )
    return rng.choice(
        [
            f"The {rng.choice(PLAIN)} {noun} {rng.choice(['of', 'for', 'with', 'near'])} {{n}} {rng.choice(BEINGS)} {{v}}.",
            f"{{n}} {rng.choice([third, past])} {value}.",
            f"{{n}} {rng.choice([third, past])} {rng.choice(['about', 'with', 'for', 'at', 'by', 'without'])} {value}.",
            f"{{n}} {third} and {rng.choice(VERB_FORMS)[1]} {value}.",
            f"{{n}} {third} {rng.choice(['money', 'time', 'help', 'friends'])} {rng.choice(['as', 'with', 'for'])} {{an_v}}.",
            f"{{n}} {third} {value} {rng.choice(['as', 'for', 'with'])} {article(noun)}.",
            f"{{n}} can {base} {value} {rng.choice(ADVERBS)}.",
            f"{{n}} {rng.choice(BEINGS)} {filler(rng)} {rng.choice(['with', 'about', 'for', 'near'])} {value}.",
            f"{capital(filler(rng))} {{n}} {third} {value}.",
        ]
    )


def ask(rng: random.Random, of_held: bool, relation: str, who: str) -> str:
    """A question after the value of a relation."""
    return capital(rng.choice(RELATIONS[relation]["asks"][side(of_held)]).format(x=who))


def link(rng: random.Random, of_held: bool, kin: str, name: str, other: str) -> str:
    """A sentence that says who is the friend, boss, ... of whom."""
    if of_held or rng.random() < 0.35:
        template = rng.choice(LINKS[side(of_held)])
    else:
        template = rng.choice(
            [
                f"The {{r}} of {{n}} {rng.choice(BEINGS)} {filler(rng)} {{m}}.",
                f"{{m}} {rng.choice(BEINGS)} {filler(rng)} the {{r}} of {{n}}.",
                f"{{m}} {rng.choice(BEINGS)} the {rng.choice(PLAIN)} {{r}} of {{n}}.",
                f"The {rng.choice(PLAIN)} {{r}} of {{n}} {rng.choice(BEINGS)} {{m}}.",
                f"{{m}}, {filler(rng)}, {rng.choice(BEINGS)} the {{r}} of {{n}}.",
                f"{{n}} {rng.choice(VERB_FORMS)[1]} {rng.choice(['a', 'the'])} {{r}}, {{m}}.",
                f"The {{r}} of {{n}} {rng.choice(VERB_FORMS)[2]}: {{m}}.",
                f"{{m}} {rng.choice(VERB_FORMS)[2]} as the {{r}} of {{n}}.",
                f"{rng.choice(BEGINNINGS)} {{m}} {rng.choice(BEINGS)} the {{r}} of {{n}}.",
            ]
        )
    return capital(template.format(r=kin, n=name, m=other))
