"""Sentences and questions about people, from the tables of `relations` and, in training, composed.

Training composes many more than stand in the tables: with a closed list of sentences, a model learns the sentences and not
to read them.
"""

from __future__ import annotations

import random

from lmnb.train.episodes.labels import invented_word
from lmnb.train.episodes.relations import BARE, LINKS, NOUNS, RELATIONS
from lmnb.train.grammar import capital, side
from lmnb.train.lexicon import ADJECTIVES, ADVERBS, COLORS, VERB_FORMS, article

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
