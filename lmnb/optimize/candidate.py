"""A candidate: one frozen choice of values for a program's slots, named by the hash of what it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from lmnb.canonical import content_hash, jsonable
from lmnb.example import Example

Value = Any  # an instruction (str), demos (tuple of Example), or any JSON value


@dataclass(frozen=True, eq=False)
class Candidate:
    """Values for slots such as `"route.instructions"` (a str), `"route.demos"` (a tuple of Example), `"route.outputs['team'].desc"` and
    `"tools['search'].desc"` (each a str).

    Two candidates with the same values are the same candidate, whatever made them.

    >>> import lmnb
    >>> a = lmnb.Candidate({"self.instructions": "Answer.", "self.demos": ()})
    >>> a.put("self.instructions", "Answer briefly.").id == a.id
    False
    """

    values: Mapping[str, Value]
    parents: tuple[str, ...] = ()
    origin: str = "baseline"
    label: str = field(default="baseline")

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))

    @cached_property
    def id(self) -> str:
        """12 hex digits over the values; where a demo came from does not count."""
        return content_hash({slot: self.content(slot) for slot in self.values})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Candidate) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def content(self, slot: str) -> Any:
        """A slot's value in terms of JSON, without where its demos came from."""
        value = self.values[slot]
        return [jsonable(dict(demo.items())) for demo in value] if slot.endswith(".demos") else jsonable(value)

    def holds(self, slot: str, content: Any) -> bool:
        """Whether a slot's value is this `content`; a slot that it does not have can only be that of trained weights."""
        return self.content(slot) == content if slot in self.values else not slot.endswith(".lm")

    def put(self, slot: str, value: Value, *, origin: str | None = None, label: str | None = None) -> Candidate:
        """A copy with one slot changed; with an `origin` it becomes this candidate's child."""
        changed = replace(self, values={**self.values, slot: value})
        return changed if origin is None else changed.child_of(self, origin=origin, label=label or origin)

    def child_of(self, *parents: Candidate, origin: str, label: str) -> Candidate:
        """A copy with other parents, origin and label."""
        return replace(self, parents=tuple(parent.id for parent in parents), origin=origin, label=label)

    def demos(self) -> Iterator[tuple[str, Example]]:
        """Every demo with its slot."""
        for slot, value in self.values.items():
            if slot.endswith(".demos"):
                for demo in value:
                    yield slot, demo

    def without_source(self, source: int) -> Candidate:
        """A copy without the demos made from one training example: a teacher must not see the answer that it is asked for."""
        kept = {
            slot: tuple(demo for demo in value if demo.provenance.source != source)
            if slot.endswith(".demos")
            else value
            for slot, value in self.values.items()
        }
        return replace(self, values=kept)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; `Candidate.from_dict` reads it back."""
        values = {
            slot: [demo_to_dict(demo) for demo in value] if slot.endswith(".demos") else jsonable(value)
            for slot, value in self.values.items()
        }
        return {
            "id": self.id,
            "origin": self.origin,
            "label": self.label,
            "parents": list(self.parents),
            "values": values,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Candidate:
        values = {
            slot: tuple(demo_from_dict(demo) for demo in value) if slot.endswith(".demos") else value
            for slot, value in stored["values"].items()
        }
        return cls(values, tuple(stored["parents"]), stored["origin"], stored["label"])


def demo_to_dict(demo: Example) -> dict[str, Any]:
    """A demo with where it came from."""
    return {"fields": jsonable(dict(demo.items())), "origin": demo.provenance.origin, "source": demo.provenance.source}


def demo_from_dict(stored: Mapping[str, Any]) -> Example:
    return Example(stored["fields"]).with_origin(stored.get("origin"), source=stored.get("source"))
