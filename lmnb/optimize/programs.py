"""The programs that a search tried, as a sequence that a tuned program can hold without having them as parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self, overload

from lmnb.optimize.view import Standing


@dataclass(frozen=True)
class CandidatePrograms(Sequence[dict[str, Any]]):
    """Dicts with `score`, `program`, `label` and `candidate` (its id), best first; a program is made when its place is read."""

    rows: tuple[Standing, ...]
    make: Callable[[str], Any]

    @overload
    def __getitem__(self, place: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, place: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(place, slice):
            return [self[number] for number in range(len(self))[place]]
        row = self.rows[place]
        return {"score": row.score, "program": self.make(row.id), "label": row.label, "candidate": row.id}

    def __len__(self) -> int:
        return len(self.rows)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # a copy of a program is not a copy of the run that it comes from

    def __repr__(self) -> str:
        return "\n".join(f"{row.score:.1f} % {row.label}" for row in self.rows) or "no candidate is scored"
