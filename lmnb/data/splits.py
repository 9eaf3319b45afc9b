"""The support tickets of the first notebook, in the three parts that tuning needs."""

from __future__ import annotations

import json
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


def tickets() -> Splits:
    """Examples with the input `ticket` and the label `team`; 10 % of the train labels are wrong on purpose.

    >>> splits = tickets()
    >>> splits.train[0].inputs().keys(), splits.train[0].labels().keys(), len(splits.test) >= 200
    (['ticket'], ['team'], True)
    """
    splits: dict[str, list[Example]] = {"train": [], "val": [], "test": []}
    for row in load_jsonl(packaged("tickets.jsonl"), fields=["split", "ticket", "team"]):
        splits[row["split"]].append(row.without("split").with_inputs("ticket"))
    return Splits(**splits)


def ticket_key() -> dict[int, str]:
    """The right team of each wrongly labelled train example, by its index. Only in a clone of the repository."""
    try:
        path = packaged("tickets-key.jsonl")
    except LmnbError as error:
        raise InputError("the key of the wrong labels is only in a clone of lmnb's repository.") from error
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]
    return {int(row["id"].removeprefix("train-")): row["team"] for row in rows}
