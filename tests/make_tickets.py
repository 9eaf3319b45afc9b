"""Makes ``datasets/tickets.jsonl``, the support tickets of the first notebook, from a seed.

``python tests/make_tickets.py`` writes the two files, ``--check`` verifies that they are what this file makes.

The words are those that the embedded model knows, the sentences are not: no template below was used in its training,
and train, val and test have templates of their own. The team names say nothing about the topics, so that a model can
only route a ticket after it was shown some, or told.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from made_files import run

SEED = 20
SIZES = {"train": 120, "val": 100, "test": 300}
WRONG = 0.10

TEAMS = {"otter": "billing", "falcon": "shipping", "maple": "login"}
NOUNS = {
    "billing": "invoice refund payment charge receipt fee card bill discount price subscription credit",
    "shipping": "parcel delivery courier package tracking shipment postage carton label depot driver",
    "login": "password username account pin lockout profile authentication reset email token code",
}
UNCOUNTABLE = {"tracking", "postage", "authentication"}
NAMES = "Anna Clara David Emma Frank Grace Hugo Irene Karen Laura Maria Nina Oscar Paula Simon Tina Victor Zoe"

# {a} and {b} are two nouns of one topic, {one_a} is the first with its article, {name} is a person
TEMPLATES = {
    "train": [
        "We still need the {a} and the {b} today.",
        "Where is the {a}? The {b} is here.",
        "The {a} is right, but the {b} is not.",
        "{name} likes the {a}, but not the {b}.",
        "Please help {name} with the {a} and then with the {b}.",
        "My {a} was okay yesterday. Now the {b} is useless.",
        "I have {one_a}, but I do not have the {b}.",
        "Is the {a} often so bad? The {b} is too.",
        "The {b} has {one_a} that we do not need.",
        "I often wonder about the {a}, and now about the {b}.",
    ],
    "val": [
        "Please answer soon: is the {a} for my {b} okay?",
        "This {a} is terrible, and so is the {b}.",
        "{name} still has no {b}, only {one_a}.",
        "Which {a} is the right one for this {b}?",
        "I like the {a}. The {b} is a problem.",
        "{name} came with the {b}, but the {a} was not good.",
        "The {a} came twice, but I need the {b} only once.",
        "The {a} is okay now, but the {b} is not good.",
        "Today the {a} is useless and the {b} is gone.",
        "We do not understand the {a} or the {b}.",
    ],
    "test": [
        "Does someone have the {a}? We need the {b} soon.",
        "The {a} was good, and then the {b} was awful.",
        "{name} needs {one_a} now, not the {b}.",
        "Why does my {b} need {one_a}?",
        "No {a} came with the {b} yesterday.",
        "I am really unhappy with the {a} and with the {b}.",
        "Thanks for the {b}, but where is the {a}?",
        "Please take the {a} and give {name} the {b}.",
        "{name} and I wait for {one_a} because of the {b}.",
        "Do we get the {a} before the {b}?",
    ],
}


@dataclass(frozen=True, slots=True)
class Ticket:
    """One row; in the training split ``team`` may be wrong, and then the key file has the right one."""

    id: str
    split: str
    ticket: str
    team: str


def with_article(noun: str) -> str:
    """``an invoice``, ``a fee``, ``a username``.

    >>> [with_article(noun) for noun in ("invoice", "fee", "username")]
    ['an invoice', 'a fee', 'a username']
    """
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"


def write_ticket(rng: random.Random, template: str, topic: str) -> str:
    """The template with two nouns of the topic; one that takes an article must be countable."""
    a, b = rng.sample(NOUNS[topic].split(), 2)
    while "{one_a}" in template and a in UNCOUNTABLE:
        a, b = rng.sample(NOUNS[topic].split(), 2)
    return template.format(a=a, b=b, one_a=with_article(a), name=rng.choice(NAMES.split()))


def make_split(rng: random.Random, split: str) -> list[Ticket]:
    """The rows of a split, all right: teams in equal number, templates in turn, no ticket twice."""
    teams = list(TEAMS)
    rows: list[tuple[str, str]] = []
    seen: set[str] = set()
    while len(rows) < SIZES[split]:
        team = teams[len(rows) % len(teams)]
        template = TEMPLATES[split][len(rows) // len(teams) % len(TEMPLATES[split])]
        text = write_ticket(rng, template, TEAMS[team])
        if text not in seen:
            seen.add(text)
            rows.append((text, team))
    rng.shuffle(rows)
    return [Ticket(f"{split}-{i:03d}", split, text, team) for i, (text, team) in enumerate(rows)]


def mislabel(rng: random.Random, rows: Sequence[Ticket]) -> tuple[list[Ticket], list[dict[str, str]]]:
    """The rows with a share ``WRONG`` of the teams exchanged, the same number from each team, and the key to them."""
    each = round(WRONG * len(rows) / len(TEAMS))
    chosen = {row.id for team in TEAMS for row in rng.sample([row for row in rows if row.team == team], each)}
    changed: list[Ticket] = []
    key: list[dict[str, str]] = []
    for row in rows:
        if row.id in chosen:
            key.append({"id": row.id, "team": row.team})
            other = rng.choice([team for team in TEAMS if team != row.team])
            row = Ticket(row.id, row.split, row.ticket, other)
        changed.append(row)
    return changed, key


def make(seed: int = SEED) -> tuple[list[Ticket], list[dict[str, str]]]:
    """All rows and the key, the same for the same seed.

    >>> rows, key = make()
    >>> len(rows), len(key)
    (520, 12)
    """
    rows: list[Ticket] = []
    key: list[dict[str, str]] = []
    for split in SIZES:
        rng = random.Random(f"{seed} {split}")
        part = make_split(rng, split)
        if split == "train":
            part, key = mislabel(rng, part)
        rows += part
    return rows, key


def files(seed: int = SEED) -> dict[str, str]:
    """File name to content."""
    rows, key = make(seed)
    return {
        "tickets.jsonl": "".join(f"{json.dumps(asdict(row))}\n" for row in rows),
        "tickets-key.jsonl": "".join(f"{json.dumps(row)}\n" for row in key),
    }


def main(argv: Sequence[str] | None = None) -> int:
    return run("make_tickets.py", "ticket data set", files(), argv)


if __name__ == "__main__":
    sys.exit(main())
