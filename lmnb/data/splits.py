"""Data in the three parts that tuning needs: any examples, and what ships with lmnb, support tickets and questions about people."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from typing import NamedTuple

from lmnb.data.loader import load_jsonl
from lmnb.data.packaged import packaged
from lmnb.errors import InputError, LmnbError
from lmnb.example import Example


class Splits(NamedTuple):
    """A data set for tuning: `train` for demonstrations, `val` to choose by, `test` to be looked at last."""

    train: list[Example]
    val: list[Example]
    test: list[Example]


def split(
    examples: Iterable[Example],
    *,
    train: float | None = None,
    val: float = 0.0,
    test: float = 0.0,
    seed: int | None = 0,
) -> Splits:
    """Examples in three parts without overlap, shuffled by `seed` (None: in their order).

    Each part is an int, a number of examples, or a float, a share of all; `train` is the rest where it is not given.
    Raises InputError where the parts are more than there is. Examples whose inputs are the same may still land in two
    parts: drop them first.

    >>> import lmnb
    >>> parts = lmnb.data.split([lmnb.Example(n=n) for n in range(10)], val=3, test=0.2)
    >>> [len(part) for part in parts], parts.val[0].keys()
    ([5, 3, 2], ['n'])
    """
    rows = list(examples)
    sizes = {name: _size(name, part, len(rows)) for name, part in (("val", val), ("test", test))}
    rest = len(rows) - sum(sizes.values())
    wanted = rest if train is None else _size("train", train, len(rows))
    if wanted > rest or rest < 0:
        raise InputError(
            f"there are {len(rows)} examples, fewer than train={wanted if train is not None else 0} + val={sizes['val']} "
            f"+ test={sizes['test']}. Ask for less."
        )
    if seed is not None:
        random.Random(seed).shuffle(rows)
    middle = sum(sizes.values())
    return Splits(rows[middle : middle + wanted], rows[: sizes["val"]], rows[sizes["val"] : middle])


def _size(name: str, part: float, count: int) -> int:
    if isinstance(part, bool) or part < 0 or (isinstance(part, float) and part > 1):
        raise InputError(f"{name}={part!r} is no part. Write a number of examples, {name}=50, or a share, {name}=0.2.")
    return round(part * count) if isinstance(part, float) else part


def tickets() -> Splits:
    """Examples with the input `ticket` and the label `team`; 10 % of the train labels are wrong on purpose.

    >>> import lmnb
    >>> splits = lmnb.data.tickets()
    >>> splits.train[0].inputs().keys(), splits.train[0].labels().keys(), len(splits.test) >= 200
    (['ticket'], ['team'], True)
    """
    return _shipped("tickets.jsonl", "ticket", "team")


def people() -> Splits:
    """Examples with the input `question` and the labels `answer` and `facts`: the ids of the two facts of `people_facts`
    that answer it, the first naming the person that the second is about.

    >>> import lmnb
    >>> row = lmnb.data.people().train[0]
    >>> row.inputs().keys(), row.labels().keys(), len(row.facts)
    (['question'], ['answer', 'facts'], 2)
    """
    return _shipped("people-questions.jsonl", "question", "answer", "facts")


def _shipped(name: str, given: str, *labels: str) -> Splits:
    splits = Splits([], [], [])
    for row in load_jsonl(packaged(name), fields=["split", given, *labels]):
        getattr(splits, row["split"]).append(row.without("split").with_inputs(given))
    return splits


def people_facts() -> list[dict[str, str]]:
    """The corpus that `people` asks about, as a retriever takes it: 256 records with an `id` and a `text`.

    >>> import lmnb
    >>> lmnb.data.people_facts()[0]["id"]
    'fact-000'
    """
    return [json.loads(line) for line in packaged("people.jsonl").read_text("utf-8").splitlines()]


def ticket_key() -> dict[int, str]:
    """The right team of each wrongly labelled train example, by its index. Only in a clone of the repository."""
    try:
        path = packaged("tickets-key.jsonl")
    except LmnbError as error:
        raise InputError("the key of the wrong labels is only in a clone of lmnb's repository.") from error
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]
    return {int(row["id"].removeprefix("train-")): row["team"] for row in rows}
