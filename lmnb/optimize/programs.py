"""The programs that a search tried, as a sequence that a tuned program can hold without having them as parts."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, overload

from lmnb.optimize.view import Standing


@dataclass(frozen=True)
class CandidatePrograms(Sequence[dict[str, Any]]):
    """Dicts with `score`, `expected` (shrunken), `subscores` (those of the examples, from 0 to 1), `program`, `label` and `candidate` (its
    id), best first; a program is made when read.
    """

    rows: tuple[Standing, ...]
    make: Callable[[str], Any]
    scores: Callable[[str], list[float]]

    @overload
    def __getitem__(self, place: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, place: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(place, slice):
            return [self[number] for number in range(len(self))[place]]
        row = self.rows[place]
        known = {"score": row.score, "expected": row.expected, "label": row.label, "candidate": row.id}
        return known | {"subscores": self.scores(row.id), "program": self.make(row.id)}

    def __len__(self) -> int:
        return len(self.rows)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # a copy of a program is not a copy of the run that it comes from

    def __repr__(self) -> str:
        return "\n".join(map(_line, self.rows)) or "no candidate is scored"


class WithProgram(UserDict[str, Any]):
    """What is told of a candidate, with its `program`, which is made when it is read."""

    def __init__(self, told: Mapping[str, Any], make: Callable[[], Any]) -> None:
        super().__init__({**told, "program": None})
        self._make = make

    def __getitem__(self, name: str) -> Any:
        if name == "program" and self.data[name] is None:
            self.data[name] = self._make()
        return super().__getitem__(name)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


def _line(row: Standing) -> str:
    expected = "" if row.expected is None else f" ({row.expected:.1f} expected on new data)"
    return f"{row.score:.1f} %{expected} {row.label}"
