"""Formatting: what to do with a short text is said by the instruction or shown by demos."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lmnb.train.episodes.base import Episode, family, pick, signature, split_values, words
from lmnb.train.episodes.facts import some_invented
from lmnb.train.episodes.labels import field_names
from lmnb.train.grammar import side

FIELDS = [("text", "result"), ("input", "output"), ("phrase", "answer"), ("words", "reply")]
VAGUE = {
    "train": [
        "Transform the {i}.",
        "Rewrite the {i}.",
        "Give the {o}.",
        "Make the {o}.",
        "Write the {o} for the {i}.",
        None,
    ],
    "held": ["Change the {i}.", "Do the task."],
}


@dataclass(frozen=True, slots=True)
class Change:
    """A rule with the wordings that ask for it; `share` is how often it is drawn."""

    do: Callable[[list[str]], str]
    train: tuple[str, ...]
    held: tuple[str, ...]
    share: float = 1.0


CHANGES = {
    "first": Change(
        lambda w: w[0], ("Give the first word.", "Write the first word only."), ("Reply with the first word.",)
    ),
    "last": Change(
        lambda w: w[-1], ("Give the last word.", "Write the last word only."), ("Reply with the last word.",)
    ),
    "second": Change(
        lambda w: w[1], ("Give the second word.", "Write the second word only."), ("Reply with the second word.",)
    ),
    "reverse": Change(
        lambda w: " ".join(w[::-1]),
        ("Write the words in reverse order.", "Reverse the words."),
        ("Put the words in reverse order.",),
    ),
    "bang": Change(
        lambda w: " ".join(w) + "!",
        ("Repeat the text and add ! at the end.", "Add ! to the text."),
        ("Write the text with ! at the end.",),
    ),
    "question": Change(
        lambda w: " ".join(w) + "?",
        ("Repeat the text and add ? at the end.", "Add ? to the text."),
        ("Write the text with ? at the end.",),
    ),
    "brackets": Change(
        lambda w: f"({' '.join(w)})",
        ("Write the text in brackets.", "Put brackets around the text."),
        ("Add brackets to the text.",),
    ),
    "quotes": Change(
        lambda w: f'"{" ".join(w)}"',
        ("Write the text in quotes.", "Put quotes around the text."),
        ("Add quotes to the text.",),
    ),
    "dashes": Change(
        lambda w: " - ".join(w), ("Join the words with -.", "Put - between the words."), ("Write - between the words.",)
    ),
    "commas": Change(
        lambda w: ", ".join(w),
        ("Join the words with commas.", "Put a comma between the words."),
        ("Write commas between the words.",),
    ),
    "twice": Change(
        lambda w: f"{w[0]} {w[0]}",
        ("Write the first word twice.", "Repeat the first word."),
        ("Give the first word twice.",),
    ),
    "echo": Change(lambda w: " ".join(w), ("Repeat the text.", "Copy the text."), ("Write the text again.",)),
    "bullets": Change(
        lambda w: "\n".join(f"- {x}" for x in w),
        ("Write a bullet list of the words.", "Make a list with a - for each word."),
        ("Give the words as a bullet list.",),
    ),
    "ends": Change(
        lambda w: f"{w[0]} {w[-1]}",
        ("Give the first and the last word.", "Write the first word and the last word."),
        ("Reply with the first and the last word.",),
    ),
    "count": Change(
        lambda w: str(len(w)), ("Count the words.", "Give the number of words."), ("How many words are there?",)
    ),
    "upper": Change(
        lambda w: " ".join(w).upper(),
        ("Write the text in upper case.", "Use upper case."),
        ("Give the text in upper case.",),
        0.3,
    ),
}


@family("formatting")
def formatting(rng: random.Random, held: bool = False, **fixed: Any) -> Episode:
    """`fixed`: change, instruction ('vague', 'clear'), demos."""
    change = CHANGES[fixed.get("change") or pick(rng, {name: each.share for name, each in CHANGES.items()})]
    i, o = field_names(rng, held, FIELDS)
    how = fixed.get("instruction") or rng.choice(["vague", "clear"])
    said = rng.choice(getattr(change, side(held)) if how == "clear" else VAGUE[side(held)])
    count = fixed.get("demos", pick(rng, {0: 2, 1: 1, 2: 2, 3: 2, 4: 3, 6: 2}))
    pool = words(held).words
    rows = []
    for _ in range(count + 1):
        chosen = rng.sample(pool, rng.choice([2, 3, 3, 4]))
        chosen = chosen if held else some_invented(rng, chosen)
        rows.append({i: " ".join(chosen), o: change.do(chosen)})
    inputs, right = split_values(rows[-1], [i])
    made = signature({i: str}, {o: str}, said and said.format(i=i, o=o))
    unknown = frozenset({0}) if how == "vague" else frozenset()
    return Episode("formatting", made, rows[:-1], inputs, right, o, unknown=unknown, numbers=frozenset({o}))
