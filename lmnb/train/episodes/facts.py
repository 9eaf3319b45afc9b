"""Facts about people: what extraction, search queries and judging are made of."""

from __future__ import annotations

import random
from dataclasses import dataclass

from lmnb.train.episodes.base import words
from lmnb.train.episodes.labels import invented_word
from lmnb.train.episodes.wordings import says
from lmnb.train.lexicon import COLORS, DRINKS, FOODS, INSTRUMENTS, LANGUAGES, PETS, PLACES, SPORTS

DIVIDED = ("city", "job", "thing")  # the relations whose values are held out in part


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


def people(rng: random.Random, held: bool, count: int) -> list[str]:
    """Different names; in training some are invented, so that a name of several tokens is read as well as a known one."""
    names = rng.sample(words(held).names, count)
    return names if held else [name.capitalize() for name in some_invented(rng, names)]


def some_invented(rng: random.Random, real: list[str], share: float = 0.5) -> list[str]:
    """Some of the words replaced by invented ones; none twice."""
    made: list[str] = []
    for word in real:
        while rng.random() < share:
            invented = invented_word(rng)
            if invented not in made and invented not in real:
                word = invented
                break
        made.append(word)
    return made


def drawn(rng: random.Random, held: bool, relation: str, count: int) -> list[str]:
    """Different values of a relation; in training some of the divided ones are invented."""
    values = values_of(relation, held)
    chosen = rng.sample(values, min(count, len(values)))
    if held or relation not in DIVIDED:
        return chosen
    made = some_invented(rng, chosen)
    return [word.capitalize() for word in made] if relation == "city" else made


def say(rng: random.Random, held: bool, relation: str, name: str, value: str) -> Fact:
    return Fact(name, relation, value, says(rng, held, relation, name, value))


def facts_about(rng: random.Random, held: bool, names: list[str], relation: str) -> list[Fact]:
    """One fact of the relation a person, no value twice."""
    values = drawn(rng, held, relation, len(names))
    return [say(rng, held, relation, name, value) for name, value in zip(names, values, strict=False)]


def values_in(sentences: list[str], relation: str, held: bool) -> list[str]:
    """The known values of a relation that stand in a context."""
    said = set(" ".join(sentences).replace(".", "").split())
    return [value for value in values_of(relation, held) if value in said]
