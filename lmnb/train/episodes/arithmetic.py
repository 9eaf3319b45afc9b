"""Arithmetic in one to four steps, told as a story, with the steps in a reasoning field or without."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from typing import Any

from lmnb.train.episodes.base import Episode, Values, family, pick, signature, split_values, words
from lmnb.train.episodes.facts import people
from lmnb.train.grammar import capital, side
from lmnb.train.lexicon import ADVERBS, TRAIN, VERB_FORMS, Noun

MOST = 24  # the largest total
START = {
    "train": [
        "{n} has {c} {its}.",
        "{n} starts with {c} {its}.",
        "In the box of {n} are {c} {its}.",
        "At first {n} has {c} {its}.",
        "{c} {its} belong to {n}.",
        "On the table of {n} are {c} {its}.",
        "Here are {c} {its} from {n}.",
    ],
    "held": ["There are {c} {its} in the bag of {n}."],
}
MORE = {
    "train": [
        "{n} buys {b} more.",
        "{n} finds {b} {its}.",
        "{m} gives {b} to {n}.",
        "{n} gets {b}.",
        "{n} adds {b} {its}.",
        "After that {n} wins {b}.",
        "Now {n} picks up {b} {its}.",
        "Later {n} receives {b} more.",
        "{m} brings {b} {its}.",
        "Here come {b} more {its}.",
        "{n} finds {b} more {its}.",
        "Then {n} makes {b} more.",
        "Soon {n} has {b} more {its}.",
        "{n} takes {b} more {its} home.",
    ],
    "held": ["Then {n} takes {b} more.", "{n} gets {b} more {its}."],
}
LESS = {
    "train": [
        "{n} loses {b}.",
        "{n} gives {b} to {m}.",
        "{n} sells {b} {its}.",
        "{n} drops {b}.",
        "{m} takes {b} from {n}.",
        "After that {n} hands {b} to {m}.",
        "Now {n} throws {b} {its} out.",
        "Later {b} {its} break.",
        "{n} lends {b} {its} to {m}.",
        "Today {n} uses {b} {its} up.",
        "{n} throws {b} away.",
        "Then {b} {its} go away.",
        "Soon {n} sells {b} of the {its}.",
        "{n} sends {b} {its} away.",
    ],
    "held": ["Then {n} sells {b}.", "{n} gives {b} {its} away."],
}
ASK = {
    "train": [
        "How many {its} does {n} have?",
        "How many {its} are left?",
        "How many {its} does {n} have now?",
        "How many {its} is that?",
        "What is left?",
        "Count the {its}.",
        "And how many {its} now?",
    ],
    "held": ["What is the number of {its} now?", "How many {its} are there now?"],
}
INSTRUCTIONS = {
    "train": ["Solve the problem.", "Answer the question.", "Compute the result.", "Give the number.", None],
    "held": ["Work out the number.", "Find the number that answers the question."],
}


def _step(rng: random.Random, total: int, said: Collection[int] = ()) -> tuple[bool, int, int]:
    """Whether something is added, how much, and the new total. No number that was `said` before: each step of a story
    can be found by its number.
    """
    more = total < 3 or (total < MOST and rng.random() < 0.5)
    most = min(9, MOST - total if more else total - 1)
    free = [b for b in range(1, most + 1) if b not in said]
    if not free:
        more, free = True, [b for b in range(1, 10) if b not in said]
    b = rng.choice(free)
    return more, b, total + b if more else total - b


def _told(rng: random.Random, held: bool, table: dict[str, list[str]], composed: Callable[[random.Random], str]) -> str:
    """A sentence of the table; in training as often one of many more, which are composed."""
    return composed(rng) if not held and rng.random() < 0.5 else rng.choice(table[side(held)])


def _start(rng: random.Random) -> str:
    third = rng.choice(VERB_FORMS)[1]
    thing = rng.choice(TRAIN.things).singular
    place = rng.choice(["in the", "on the", "near the", "under the", "behind the", "with the"]) + f" {thing} of {{n}}"
    here = "" if thing == "bag" else f"There are {{c}} {{its}} {place}."
    return rng.choice([f"{{n}} {third} {{c}} {{its}}.", f"{capital(place)} are {{c}} {{its}}.", here or "{n} has {c}."])


def _more(rng: random.Random) -> str:
    third = rng.choice([form[1] for form in VERB_FORMS if form[1] != "gets"])
    gain = rng.choice(["wins", "gets", "buys", "finds", "earns", "adds", "borrows", "receives", "collects", "catches"])
    begun = rng.choice(["", "", f"{capital(rng.choice(ADVERBS))} "])
    return begun + rng.choice(
        [
            f"{{n}} {third} {{b}} more.",
            f"{{n}} {third} {{b}} more {{its}}.",
            f"{{n}} {gain} {{b}}.",
            f"{{n}} {gain} {{b}} {{its}} {rng.choice(ADVERBS)}.",
            f"{{m}} {third} {{b}} more {{its}} for {{n}}.",
            f"{{b}} more {{its}} {rng.choice(['come', 'follow', 'arrive', 'are there'])}.",
        ]
    )


def _less(rng: random.Random) -> str:
    third = rng.choice(VERB_FORMS)[1]
    loss = rng.choice(["loses", "drops", "sells", "lends", "breaks", "eats", "misses", "forgets", "returns", "burns"])
    begun = rng.choice(["", "", f"{capital(rng.choice(ADVERBS))} "])
    away = rng.choice(["away", "out", "off", "up", "to {m}", "back to {m}"])
    return begun + rng.choice(
        [
            f"{{n}} {third} {{b}} {away}.",
            f"{{n}} {third} {{b}} {{its}} {away}.",
            f"{{n}} {loss} {{b}} {{its}}.",
            f"{{n}} {loss} {{b}} of them.",
            f"{{m}} {loss} {{b}} of the {{its}}.",
            f"{{b}} {{its}} {rng.choice(['fall', 'break', 'go', 'burn', 'get lost', 'are gone'])}.",
        ]
    )


def _ask(rng: random.Random) -> str:
    when = rng.choice(["", "", f" {rng.choice(ADVERBS)}", " in the end", " after all", " then"])
    return rng.choice(
        [
            f"How many {{its}} {rng.choice(['remain', 'are here', 'are left', 'are in sight', 'can {n} see'])}{when}?",
            f"What is the {rng.choice(['count', 'sum', 'total'])} of the {{its}}{when}?",
            f"Tell me the number of {{its}}{when}.",
            f"Of {{its}}, how many does {{n}} {rng.choice(VERB_FORMS)[0]}{when}?",
            f"The {{its}} of {{n}} are how many{when}?",
        ]
    )


def story(rng: random.Random, held: bool, steps: int) -> tuple[str, str, int]:
    """The problem, its steps and its result; operands of one digit, each another, totals from 1 to about `MOST`."""
    n, m = people(rng, held, 2)
    each: Noun = rng.choice(words(held).items)
    total = rng.randint(2, 12)
    numbers = {total}
    slots = {"n": n, "m": m, "its": each.plural}
    said = [_told(rng, held, START, _start).format(c=total, **slots)]
    worked = []
    for _ in range(steps):
        more, b, after = _step(rng, total, numbers)
        numbers.add(b)
        worked.append(f"{total} {'+' if more else '-'} {b} = {after}.")
        said.append(_told(rng, held, MORE if more else LESS, _more if more else _less).format(b=b, **slots))
        total = after
    said.append(_told(rng, held, ASK, _ask).format(**slots))
    return " ".join(said), " ".join(worked), total


@family("arithmetic")
def arithmetic(rng: random.Random, held: bool = False, **fixed: Any) -> Episode:
    """`fixed`: steps, reasoning, demos."""
    reasoning = fixed.get("reasoning", rng.random() < 0.75)
    count = fixed.get("demos", pick(rng, {0: 5, 1: 2, 2: 1.5, 3: 1}))
    rows = []
    for _ in range(count + 1):
        question, worked, total = story(rng, held, fixed.get("steps") or rng.choice([1, 2, 2, 3, 3, 4]))
        values: Values = {"question": question}
        if reasoning:
            values["reasoning"] = worked
        rows.append({**values, "answer": total})
    kind = fixed.get("type") or rng.choice([int, str])
    rows = [{**row, "answer": kind(row["answer"])} for row in rows]
    outputs: Values = {**({"reasoning": str} if reasoning else {}), "answer": kind}
    inputs, right = split_values(rows[-1], ["question"])
    made = signature({"question": str}, outputs, rng.choice(INSTRUCTIONS[side(held)]))
    return Episode("arithmetic", made, rows[:-1], inputs, right, "answer", numbers=frozenset({"reasoning"}))


def sums(rng: random.Random) -> str:
    """A chain of sums as one line, for dense practice: `7 + 5 = 12. 12 - 4 = 8.`"""
    total, said = rng.randint(1, MOST), []
    for _ in range(rng.randint(2, 6)):
        more, b, after = _step(rng, total)
        said.append(f"{total} {'+' if more else '-'} {b} = {after}.")
        total = after
    return " ".join(said)
