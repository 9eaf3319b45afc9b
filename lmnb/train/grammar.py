"""Sentences about a topic: templates with slots, filled so that articles, plurals and verbs agree.

`{a}` and `{b}` are nouns, `{an_a}` one with its article, `{as}` and `{bs}` plurals, `{name}` a person, `{adv}` an adverb,
`{adj}` an adjective, `{verb}`, `{verbs}` and `{past}` one verb in its forms. The templates of the two sides differ, and none
is one of the first notebook's tickets.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from lmnb.train.lexicon import ADJECTIVES, ADVERBS, VERB_FORMS, Noun, Split, article

MESSAGES = {
    "train": [
        "I {verb} the {a} and the {b}.",
        "I need help with the {a} and the {b}.",
        "My {a} is late and the {b} too.",
        "There is {an_a} near the {b} {adv}.",
        "We talked about the {a} and the {b}.",
        "Someone asked about {an_a} and {an_b}.",
        "{name} wrote about the {a} and the {b}.",
        "{name} {past} the {a} {adv}.",
        "This is a note about the {a}.",
        "Hello, the {a} and the {b} are {adj}.",
        "The {b}? We {verb} the {a} {adv}.",
        "{name} {verbs} the {adj} {a}.",
        "Could you tell me more about the {a} and the {b}?",
        "The {as} were {adj}, and the {bs} were too.",
        "How many {as} do we have?",
        "I think that the {a} is more {adj} than the {b}.",
        "{name} said that the {a} was {adj}.",
        "It was about {an_a} with {an_b}.",
        "We have no {as} here, only {bs}.",
        "What happened to the {a} and the {b}?",
        "The {a} {adv}, then the {b}.",
        "Here is the story of {an_a} and {an_b}.",
        "There are {adj} {as} and {adj} {bs}.",
        "{name} and {name2} {past} the {a}.",
        "If the {a} is {adj}, the {b} will be too.",
        "I {past} the {a} because of the {b}.",
        "First the {a}, then the {b}, now the {c}.",
        "The {a}, the {b} and the {c} are all {adj}.",
        "Nobody {past} the {a} or the {b}.",
        "Our {a} has {an_b}.",
        "Can {name} {verb} the {b} without the {a}?",
        "The {adj} {a} is for {name}.",
        "News: {an_a} and {an_b} for everyone.",
        "Who {past} the {b} of the {a}?",
        "My question is about the {a}.",
        "I saw {an_a}.",
        "{a} and {b}",
        "the {b} and {an_a}",
        "It is the {a} again, not the {d}.",
        "They {verb} {as} every day.",
        "After the {a} came the {b}.",
        "You should {verb} the {a} before you {verb2} the {b}.",
        "In the end the {a} was as {adj} as the {b}.",
        "{name} is happy with the {a} and the {b}.",
        "The {a} did not help, and the {b} did not come.",
        "Sorry, the {a} is {adj} {adv}.",
        "We {past} {an_a} last week and {an_b} this week.",
        "I wonder if the {b} goes with the {a}.",
        "I really {verb} the {a} and the {b}.",
        "Please {verb} the {a} for {name}.",
        "We still {verb} the {a}, maybe with the {b}.",
        "{name} just {past} the {a} and never the {b}.",
        "Do you have {an_a} for my {b}?",
        "I am not happy with the {a}, it is {adj}.",
        "Thank you for the {a}.",
        "Which {a} did {name} {verb}?",
        "{name} has no {a} because the {b} is {adj}.",
    ],
    "held": [
        "Can you look at my {a}? The {b} is gone {adv}.",
        "{name} has a question: is the {a} with the {b}?",
        "I would like to {verb} {an_a} or {an_b}.",
        "The {adj} {b} was next to the {a}.",
        "Is there something new about the {a} or the {b}?",
        "{name} {adv} {verbs} the {a} and the {b}.",
        "Only the {a} and {an_b} are left.",
        "Tell {name} that the {a} and the {b} are here.",
        "Without {an_a}, what is the {b} for?",
        "All the {as} and {bs} have come.",
        "{name} told me about the {a}.",
        "What do you say about the {a}?",
    ],
}
_SLOT = re.compile(r"{(\w+)}")


def side(held: bool) -> str:
    return "held" if held else "train"


def capital(text: str) -> str:
    """The text with its first letter as a capital."""
    return text[:1].upper() + text[1:]


def fill(rng: random.Random, template: str, nouns: Sequence[Noun], words: Split, other: Noun | None = None) -> str:
    """The template as a sentence; `nouns` go to a, b and c, `other` to d, which is of another topic."""
    verb, verb2 = rng.choice(VERB_FORMS), rng.choice(VERB_FORMS)
    name, name2 = rng.sample(words.names, 2)
    slots = {"name": name, "name2": name2, "adv": rng.choice(ADVERBS), "adj": rng.choice(ADJECTIVES), "verb2": verb2[0]}
    slots |= {"verb": verb[0], "verbs": verb[1], "past": verb[2]}
    for letter, each in zip("abcd", [*[*nouns, *nouns, *nouns][:3], other or nouns[0]], strict=True):
        slots[letter] = each.singular
        slots[f"an_{letter}"] = article(each.singular) if each.countable else each.singular
        slots[f"{letter}s"] = each.plural or each.singular
    return template.format(**slots)


def fits(template: str, nouns: Sequence[Noun]) -> bool:
    """Whether there is a noun for every slot, in the form that it asks for: no plural of an uncountable one."""
    asked = set(_SLOT.findall(template))
    for index, letter in enumerate("abc"):
        strict = {f"an_{letter}", f"{letter}s"} & asked
        if (strict or letter in asked) and (index >= len(nouns) or (strict and not nouns[index].countable)):
            return False
    return True


def message(rng: random.Random, nouns: Sequence[Noun], words: Split, held: bool, other: Noun | None = None) -> str:
    """A sentence that holds these nouns (one to three), by a template of the side."""
    while True:
        template = rng.choice(MESSAGES[side(held)])
        if fits(template, nouns):
            return capital(fill(rng, template, nouns, words, other))
