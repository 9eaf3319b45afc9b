"""Label strings of every kind, so that copying a label is learned as copying and not label by label."""

from __future__ import annotations

import random
from keyword import iskeyword

from lmnb.train.episodes.base import words
from lmnb.train.lexicon import ALL_NOUNS, COLORS, LABEL_PREFIXES, OTHERS, SYLLABLES, TRAIN, Noun, held, vocabulary

_TAKEN = {"completed", "reasoning", "demos", "lm", "config", "signature"}  # not as the name of a field
_KNOWN = {word.lower() for word in vocabulary()}
_FIELD_WORDS = sorted(
    {word for word in [*(noun.singular for noun in ALL_NOUNS), *OTHERS] if word.isidentifier() and not iskeyword(word)}
    - _TAKEN
)
_SPLICED = sorted(word.lower() for word in [*TRAIN.labels, *TRAIN.names, *TRAIN.cities, *TRAIN.words] if len(word) > 4)
LETTERS = "ABCDEFGHKLMNPRSTWXZ"


def pseudo_word(rng: random.Random, of_held: bool, syllables: int = 2) -> str:
    """A word that means nothing, on the asked side of the split."""
    while True:
        word = "".join(rng.choice(SYLLABLES) for _ in range(syllables))
        if held(word) == of_held and not (of_held and word in _KNOWN):
            return word


def spliced_word(rng: random.Random) -> str:
    """For training: the head of one known word with the tail of another, in pieces like those of a real word."""
    while True:
        first, second = rng.choice(_SPLICED), rng.choice(_SPLICED)
        word = first[: rng.choice([2, 3, 3, 4])] + second[-rng.choice([2, 3, 3, 4]) :]
        if word not in _KNOWN and not held(word):
            return word


def invented_word(rng: random.Random) -> str:
    """For training: a word that means nothing, of syllables or spliced."""
    return spliced_word(rng) if rng.random() < 0.5 else pseudo_word(rng, False, rng.choice([1, 2, 2, 2, 3]))


def label(rng: random.Random, of_held: bool) -> str:
    """A label of one or two tokens mostly; held ones are words and pseudo-words that are never in a training text."""
    side = words(of_held)
    if of_held:
        return rng.choice(side.labels) if rng.random() < 0.5 else pseudo_word(rng, True)
    kind = rng.random()
    if kind < 0.32:
        text = rng.choice(side.labels)
    elif kind < 0.48:
        text = rng.choice(rng.choice([TRAIN.words, OTHERS, TRAIN.names, TRAIN.cities]))
    elif kind < 0.76:
        text = invented_word(rng)
    elif kind < 0.86:
        text = f"{rng.choice(LABEL_PREFIXES)} {rng.choice([*side.labels, *COLORS])}"
    elif kind < 0.91:
        text = f"{rng.choice([*COLORS, *side.labels])} {rng.choice(side.labels)}"
    elif kind < 0.95:
        text = f"{rng.choice([*LABEL_PREFIXES, *side.labels])} {rng.randint(0, 9)}"
    elif kind < 0.975:
        text = rng.choice(LETTERS) + rng.choice([*LETTERS, *"0123456789"])
    else:
        text = rng.choice(LETTERS)
    return text.capitalize() if rng.random() < 0.08 else text


def labels(rng: random.Random, of_held: bool, count: int) -> list[str]:
    """Different labels; sometimes all with one prefix, as teams and queues are named."""
    if not of_held and rng.random() < 0.05:
        prefix = rng.choice(LABEL_PREFIXES)
        return [f"{prefix} {text}" for text in rng.sample([*COLORS, *TRAIN.labels], count)]
    chosen: list[str] = []
    while len(chosen) < count:
        text = label(rng, of_held)
        if text.lower() not in {each.lower() for each in chosen}:
            chosen.append(text)
    return chosen


def _invented_name(rng: random.Random) -> str:
    while True:
        word = invented_word(rng)
        if not iskeyword(word) and word not in _TAKEN:
            return word


def field_names(rng: random.Random, of_held: bool, usual: list[tuple[str, str]]) -> tuple[str, str]:
    """Names of an input and an output field: usual ones, or any words, so that headers are learned as copying.

    Words of fields are not held out: a word that never stood in a header is hardly ever written into one.
    """
    if rng.random() < (0.5 if of_held else 0.35):
        return rng.choice(usual)
    if not of_held and rng.random() < 0.25:
        return _invented_name(rng), f"{_invented_name(rng)}{rng.choice(['', '', '', '_' + _invented_name(rng)])}"
    first, second = rng.sample(_FIELD_WORDS, 2)
    shape = rng.random()
    if shape < 0.1:
        first = f"{first}_{rng.choice(_FIELD_WORDS)}"
    elif shape < 0.2:
        second = f"{second}_{rng.choice(_FIELD_WORDS)}"
    return first, second


def noun_words(nouns: list[Noun]) -> list[str]:
    return [each.plural or each.singular for each in nouns]
