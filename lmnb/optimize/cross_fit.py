"""Cross-fitting: with few labels every example both gives demos and scores candidates, but never one by the other.

While a candidate is scored on an example, its prompt lacks the demos that were made from that example, from its group, and those
that ask the same. So each score is that of a prompt which has not seen the answer, as in leave-one-out cross-validation
(Stone 1974), at no more program runs than examples. It is a little pessimistic: one demo less than the program will have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lmnb.canonical import canonical, jsonable
from lmnb.example import Example
from lmnb.optimize.candidate import Candidate

FEW = 20  # up to so many training examples are cross-fitted rather than split


def unseen(candidate: Candidate, index: int, examples: Sequence[Example], groups: Sequence[str] = ()) -> Candidate:
    """The candidate without the demos that give away example `index`: those made from it or its group, and those with its inputs.

    >>> examples = [Example(q=str(n), a=str(n)).with_inputs("q") for n in range(3)]
    >>> demos = tuple(example.with_origin("labelled", source=n) for n, example in enumerate(examples))
    >>> [demo.q for demo in unseen(Candidate({"self.demos": demos}), 1, examples).values["self.demos"]]
    ['0', '2']
    """
    example = examples[index]
    asked = dict(example.inputs().items())
    kin = {index} if not groups else {other for other, name in enumerate(groups) if name == groups[index]}
    values = {
        slot: tuple(demo for demo in value if demo.provenance.source not in kin and not _asks(demo, asked))
        if slot.endswith(".demos")
        else value
        for slot, value in candidate.values.items()
    }
    return replace(candidate, values=values)


def _asks(demo: Example, asked: dict[str, object]) -> bool:
    return all(name in demo and _text(demo[name]) == _text(value) for name, value in asked.items())


def _text(value: object) -> str:
    return canonical(jsonable(value))
