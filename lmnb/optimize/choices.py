"""What a search may put into each slot: lists of values that grow while it runs. A combination is one number a slot."""

from __future__ import annotations

from typing import Any

from lmnb.optimize.candidate import Candidate, Value
from lmnb.optimize.task import Task
from lmnb.optimize.tpe import Choice


class Choices:
    """The values of every slot of the program, the program's own first: its own is one choice more, and nothing takes its place.

    Candidates that a person made bring their values along; what a person refused is not open while that stands.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self.slots = tuple(task.baseline.values)
        self.values: dict[str, list[Value]] = {slot: [] for slot in self.slots}
        self._numbers: dict[str, dict[str, int]] = {slot: {} for slot in self.slots}
        self._brought: dict[tuple[str, int], Candidate] = {}
        self.combination(task.baseline)

    def add(self, slot: str, value: Value) -> bool:
        """Whether the value is new; it is a choice from now on."""
        known, key = self._numbers[slot], _key(slot, value)
        if key in known:
            return False
        known[key] = len(known)
        self.values[slot].append(value)
        return True

    def combination(self, candidate: Candidate) -> Choice:
        """The numbers of a candidate's values, which become choices where they are new."""
        for slot in self.slots:
            self.add(slot, candidate.values[slot])
        return tuple(self._numbers[slot][_key(slot, candidate.values[slot])] for slot in self.slots)

    def brought(self, candidate: Candidate) -> tuple[Choice, list[int]]:
        """A person's candidate as a combination, and at which places its value is new. A new value is open until the person rejects the
        candidate or takes it back.
        """
        known = [len(self.values[slot]) for slot in self.slots]
        combination = self.combination(candidate)
        new = [j for j, number in enumerate(combination) if number >= known[j]]
        self._brought |= {(self.slots[j], combination[j]): candidate for j in new}
        return combination, new

    def candidate(self, combination: Choice, *parents: Candidate, label: str) -> Candidate:
        """The candidate that a combination stands for."""
        values = {slot: self.values[slot][number] for slot, number in zip(self.slots, combination, strict=True)}
        return Candidate(values).child_of(*parents, origin="proposed", label=label)

    def open(self) -> list[list[int]]:
        """The numbers that may be tried, by slot: the pinned one, or all whose demos are allowed. A set of demos of which some were
        refused makes room for the rest of it.
        """
        return [self._open(slot) for slot in self.slots]

    def _open(self, slot: str) -> list[int]:
        archive = self._task.archive
        pin = archive.state.pins.get(slot)
        if pin is not None:
            pinned = Candidate.from_dict(pin.data["holder"]).values[slot]
            self.add(slot, pinned)
            return [self._numbers[slot][_key(slot, pinned)]]
        standing = [number for number in range(len(self.values[slot])) if self._stands(slot, number)]
        if not slot.endswith(".demos"):
            return standing
        found: dict[int, None] = {}
        for number in standing:
            allowed = tuple(demo for demo in self.values[slot][number] if archive.demo_refused(slot, demo) is None)
            new, rest = self.add(slot, allowed), self._numbers[slot][_key(slot, allowed)]
            if new and (slot, number) in self._brought:
                self._brought[slot, rest] = self._brought[slot, number]
            found[rest] = None
        return list(found)

    def _stands(self, slot: str, number: int) -> bool:
        candidate, state = self._brought.get((slot, number)), self._task.archive.state
        value = self.values[slot][number]
        if isinstance(value, str) and self._task.refuses(slot, value):
            return False
        # a demo or a pin that rules the candidate out is not about its other values
        return candidate is None or not (candidate.id in state.rejected or state.made[candidate.id].id in state.undone)


def _key(slot: str, value: Any) -> str:
    return Candidate({slot: value}).id
