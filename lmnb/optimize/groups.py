"""Groups of examples that belong together (a customer, a document, a day): kept on one side of a split, and scored apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from lmnb.canonical import content_hash
from lmnb.errors import InputError
from lmnb.example import Example

Group = str | Callable[[Example], object]


def group_names(examples: Sequence[Example], group: Group, where: str) -> tuple[str, ...]:
    """The group of each example: its field `group`, or what the function `group` says of it. InputError where an example has no such field."""
    if callable(group):
        return tuple(str(group(example)) for example in examples)
    for index, example in enumerate(examples):
        if group not in example:
            raise InputError(
                f"{where}[{index}] has no field {group!r} to be grouped by; its fields are {', '.join(example.keys())}. "
                "Give group=... one of them, or a function of an example."
            )
    return tuple(str(example[group]) for example in examples)


def held_out(names: Sequence[str], ratio: float = 1 / 3) -> list[int]:
    """The examples to hold out, by whole groups: about `ratio` of them, and no group on both sides. Largest groups are dealt first,
    those of one size in an arbitrary but fixed order. InputError where all are one group.

    >>> held_out(["a", "a", "b", "c", "c", "d", "a"])
    [3, 4]
    """
    sizes: dict[str, int] = {}
    for name in names:
        sizes[name] = sizes.get(name, 0) + 1
    if len(sizes) < 2:
        only = next(iter(sizes), None)
        raise InputError(f"all training examples are of the one group {only!r}: none can be held out. Give a valset.")
    order = sorted(sizes, key=lambda name: (-sizes[name], content_hash(name)))
    wanted, chosen, count = len(names) * ratio, set[str](), 0
    for name in order:
        if count + sizes[name] <= wanted:
            chosen.add(name)
            count += sizes[name]
    chosen = chosen or {min(order, key=lambda name: sizes[name])}
    return [index for index, name in enumerate(names) if name in chosen]


def check_apart(train: Sequence[str], val: Sequence[str]) -> None:
    """InputError where a group stands on both sides."""
    both = sorted(set(train) & set(val))
    if both:
        shown = ", ".join(map(repr, both[:3]))
        raise InputError(
            f"{len(both)} of the groups stand in both trainset and valset ({shown}): scores would reward knowing the group. "
            "Move each group to one side, or leave valset out and groups are split for you."
        )


def group_means(names: Sequence[str], scores: Mapping[int, float]) -> dict[str, tuple[float, int]]:
    """The mean score of each group over the examples that have one, with their number, in order of first appearance.

    >>> group_means(["a", "b", "a"], {0: 1.0, 1: 0.0, 2: 0.5})
    {'a': (0.75, 2), 'b': (0.0, 1)}
    """
    found: dict[str, list[float]] = {}
    for index, name in enumerate(names):
        if index in scores:
            found.setdefault(name, []).append(scores[index])
    return {name: (math.fsum(values) / len(values), len(values)) for name, values in found.items()}
