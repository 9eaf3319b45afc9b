"""Makes ``datasets/people.jsonl``, short facts about invented people, and questions over two of them, from a seed.

``python tests/make_people.py`` writes the two files, ``--check`` verifies that they are what this file makes.

The sentences have the forms that the embedded model was trained to read (``lmnb/train/episodes/facts.py``), and most names
and values were in its training; who is what is new. A question names a person and a relation, the first fact says who
that is, the second one holds the answer, and no fact holds both.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from made_files import run

SEED = 20
SIZES = {"train": 40, "val": 30, "test": 100}
ASKED = {"train": 15, "val": 12, "test": 37}  # how many people a split asks about; no two splits share one

KNOWN = 3  # relations of a person whose value is told

NAMES = (
    "Anna Ben Carla David Emma Frank Grace Henry Irene Jack Karen Leo Maria Nina Oscar Paula Quinn Rosa Sam Tina Umar Vera "
    "Walter Xenia Yusuf Zoe Alice Boris Clara Dmitri Elena Felix Greta Hugo Ivan Julia Kurt Laura Marco Nora Otto Pedro "
    "Ruth Simon Tara Ursula Victor Wendy Adam Bella Carlos Diana Eric Fiona George Hannah Isaac Jane Kevin Linda Martin Olga "
    "Peter Rachel"
)
KIN = ["friend", "boss", "neighbor", "cousin", "teacher"]
LINKS = ["The {kin} of {name} is {other}.", "{other} is the {kin} of {name}.", "{name} has a {kin}, {other}."]
# relation -> its values, the sentences that say it, the questions that ask for it; {who} is a name, or "the boss of Anna"
RELATIONS = {
    "city": (
        "Paris London Berlin Madrid Rome Vienna Oslo Lisbon Dublin Athens Cairo Tokyo Delhi Lima Boston Chicago",
        ["{who} lives in {value}.", "The home of {who} is in {value}."],
        ["Where does {who} live?", "In which city is the home of {who}?"],
    ),
    "job": (
        "baker pilot farmer painter plumber dentist tailor barber chef gardener librarian carpenter butcher nurse",
        ["{who} works as a {value}.", "{who} is a {value}."],
        ["What is the job of {who}?", "What does {who} work as?"],
    ),
    "pet": (
        "dog cat horse rabbit parrot hamster turtle goldfish pony goat canary lizard",
        ["{who} has a {value}.", "The pet of {who} is a {value}."],
        ["What pet does {who} have?", "Which animal does {who} have?"],
    ),
    "drink": (
        "tea coffee milk water juice lemonade cocoa cider",
        ["{who} drinks {value}.", "{who} always drinks {value}."],
        ["What does {who} drink?", "Which drink does {who} like?"],
    ),
    "instrument": (
        "guitar piano violin flute drum trumpet cello harp clarinet banjo",
        ["{who} plays the {value}.", "{who} plays the {value} every day."],
        ["What does {who} play?", "Which instrument does {who} play?"],
    ),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A sentence of the corpus; ``other`` is who it leads to, or the value that it holds."""

    id: str
    name: str
    relation: str
    other: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """One row; ``facts`` are the ids of the two facts that answer it, in the order in which they are needed."""

    id: str
    split: str
    question: str
    answer: str
    facts: tuple[str, str]


def make_facts(rng: random.Random) -> list[Fact]:
    """For each person another one, and ``KNOWN`` values of different kinds; in no order."""
    said: list[tuple[str, str, str, str]] = []
    for name in NAMES.split():
        kin, other = rng.choice(KIN), rng.choice([other for other in NAMES.split() if other != name])
        said.append((name, kin, other, rng.choice(LINKS).format(kin=kin, name=name, other=other)))
        for relation in rng.sample(list(RELATIONS), KNOWN):
            values, says, _ = RELATIONS[relation]
            value = rng.choice(values.split())
            said.append((name, relation, value, rng.choice(says).format(who=name, value=value)))
    rng.shuffle(said)
    return [Fact(f"fact-{at:03d}", *each) for at, each in enumerate(said)]


def make_questions(rng: random.Random, facts: Sequence[Fact]) -> list[Question]:
    """The questions of all splits, no two of the same person, relation and kind."""
    held = {(fact.name, fact.relation): fact for fact in facts if fact.relation in RELATIONS}
    names, made = NAMES.split(), []
    rng.shuffle(names)
    for split, size in SIZES.items():
        asked, names = names[: ASKED[split]], names[ASKED[split] :]
        links = [fact for fact in facts if fact.relation in KIN and fact.name in asked]
        pairs = [(link, relation) for link in links for relation in RELATIONS if (link.other, relation) in held]
        pairs = rng.sample(pairs, size)
        for at, (link, relation) in enumerate(pairs):
            text = rng.choice(RELATIONS[relation][2]).format(who=f"the {link.relation} of {link.name}")
            fact = held[link.other, relation]
            made.append(Question(f"{split}-{at:03d}", split, text, fact.other, (link.id, fact.id)))
    return made


def make(seed: int = SEED) -> tuple[list[Fact], list[Question]]:
    """All facts and questions, the same for the same seed.

    >>> facts, questions = make()
    >>> len(facts), len(questions)
    (256, 170)
    """
    facts = make_facts(random.Random(f"{seed} facts"))
    return facts, make_questions(random.Random(f"{seed} questions"), facts)


def files(seed: int = SEED) -> dict[str, str]:
    """File name to content."""
    facts, questions = make(seed)
    return {
        "people.jsonl": "".join(json.dumps({"id": fact.id, "text": fact.text}) + "\n" for fact in facts),
        "people-questions.jsonl": "".join(f"{json.dumps(asdict(question))}\n" for question in questions),
    }


def main(argv: Sequence[str] | None = None) -> int:
    return run("make_people.py", "people data set", files(), argv)


if __name__ == "__main__":
    sys.exit(main())
