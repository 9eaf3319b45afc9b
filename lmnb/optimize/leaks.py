"""Leaks: demos that ask what a validation example asks. The score of a candidate that shows one is partly of what its prompt holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lmnb.canonical import canonical, content_hash
from lmnb.counts import counted
from lmnb.errors import InputError
from lmnb.example import Example
from lmnb.optimize.candidate import Candidate

SHOWN = 3  # examples that are named


class Leaks:
    """Tells by its inputs, white space aside, whether a demo is one of the examples that candidates are scored on. What stands in the
    training set too is no leak: whoever gave it there was warned at the start. `held` are the places of the validation examples in the
    given training set, where they were held out of it.

    >>> rows = [Example(q=str(n), a=str(n)).with_inputs("q") for n in range(5)]
    >>> leaks = Leaks(rows[:2], rows[2:])
    >>> leaks.index(Example(q=" 3", a="wrong")), leaks.index(rows[0]), leaks.index(Example(a="3"))
    (1, None, None)
    """

    def __init__(self, train: Sequence[Example], val: Sequence[Example], held: Sequence[int] | None = None) -> None:
        self._train = train
        self._val = val
        self._held = held
        self._inputs = list(dict.fromkeys(frozenset(example.input_keys or ()) for example in val))
        self._tables: dict[tuple[str, ...], Mapping[str, int]] = {}
        self._trained: dict[tuple[str, ...], set[str]] = {}
        self._known: dict[str, tuple[int, ...]] = {}

    def index(self, demo: Example) -> int | None:
        """The validation example that a demo gives away. Of a predictor that sees some of the inputs alone these count, where no training
        example has the same.
        """
        for inputs in self._inputs:
            names = tuple(sorted(inputs & set(demo.keys())))
            asked = _asked(demo, names) if names else ""
            found = self._scored(names).get(asked) if names else None
            if found is not None and asked not in self._learned(names):
                return found
        return None

    def of(self, candidate: Candidate) -> tuple[int, ...]:
        """The validation examples that the candidate's demos give away, in order."""
        if not self._val:
            return ()
        if candidate.id not in self._known:
            found = {self.index(demo) for _, demo in candidate.demos()}
            self._known[candidate.id] = tuple(sorted(index for index in found if index is not None))
        return self._known[candidate.id]

    def check(self, found: Iterable[int], allowed: bool, instead: str) -> list[int]:
        """Those of `found`, where they are allowed. InputError where they are not, with what to write `instead`."""
        leaked = sorted(found)
        if not leaked or allowed:
            return leaked
        place = "" if self._held is None else f", trainset[{self._held[leaked[0]]}], which was held out for scoring"
        more = f" (and {len(leaked) - 1} more)" if len(leaked) > 1 else ""
        asked = dict(self._val[leaked[0]].inputs().items())
        raise InputError(
            f"the demo with {asked!r} is validation example {leaked[0]}{place}{more}: the score would be of an example that the prompt holds. "
            f"Take one of the trainset, or allow it: {instead}(..., allow_leak=True)."
        )

    def _scored(self, names: tuple[str, ...]) -> Mapping[str, int]:
        """The validation examples by what they have under these names, the first of equals."""
        if names not in self._tables:
            table: dict[str, int] = {}
            for index, example in enumerate(self._val):
                if _has(example, names):
                    table.setdefault(_asked(example, names), index)
            self._tables[names] = table
        return self._tables[names]

    def _learned(self, names: tuple[str, ...]) -> set[str]:
        """What training examples have under these names."""
        if names not in self._trained:
            self._trained[names] = {_asked(each, names) for each in self._train if _has(each, names)}
        return self._trained[names]


def leak_words(leaked: Sequence[int]) -> str:
    """In words, that a prompt holds these validation examples; nothing where it holds none.

    >>> leak_words([2]), leak_words([0, 1, 2, 3, 4])
    ('holds validation example 2', 'holds 5 validation examples (0, 1, 2, …)')
    """
    if len(leaked) < 2:
        return "".join(f"holds validation example {index}" for index in leaked)
    named = ", ".join([*map(str, leaked[:SHOWN]), *["…"] * (len(leaked) > SHOWN)])
    return f"holds {counted(len(leaked), 'validation example')} ({named})"


def _has(example: Example, names: Sequence[str]) -> bool:
    return all(name in example for name in names)


def _asked(example: Example, names: Sequence[str]) -> str:
    return content_hash([_text(example[name]) for name in names], 24)


def _text(value: Any) -> str:
    """A value as whoever types it would write it: 5 is "5"."""
    return " ".join((value if isinstance(value, str) else canonical(value)).split())
