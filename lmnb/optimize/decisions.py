"""What the person decided: an append-only list of records, and the state that they add up to.

Decisions are keyed by content, not by position, so they can be carried to another run or optimizer. Nothing is rewritten: an undo is a record too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lmnb.example import Example
from lmnb.optimize.candidate import Candidate, demo_from_dict

TWIN = 0.9  # the Jaccard index of words from which two texts count as the same


@dataclass(frozen=True)
class Decision:
    """One record. `kind` is a control's name ("reject", "reject-demo", "edit", ...), `data` its content in terms of JSON.

    `batch` and `during` say when it took effect: before batch `batch`, or while that batch was running.
    """

    id: int
    kind: str
    data: Mapping[str, Any]
    text: str
    by: str = "person"
    batch: int = 0
    during: bool = False
    time: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("id", "kind", "data", "text", "by", "batch", "during", "time")}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Decision:
        return cls(**{name: stored[name] for name in ("id", "kind", "data", "text", "by", "batch", "during", "time")})


@dataclass(frozen=True)
class State:
    """What holds after a list of decisions: undone ones do not count."""

    decisions: tuple[Decision, ...] = ()

    @cached_property
    def undone(self) -> frozenset[int]:
        """Ids of decisions that are undone: an undo names one, a redo takes the undo back."""
        undone: set[int] = set()
        for decision in self.decisions:
            if decision.kind == "undo":
                undone.add(decision.data["decision"])
            elif decision.kind == "redo":
                undone.discard(decision.data["decision"])
        return frozenset(undone)

    @cached_property
    def standing(self) -> tuple[Decision, ...]:
        """The decisions in force, without undo and redo themselves."""
        return tuple(d for d in self.decisions if d.id not in self.undone and d.kind not in ("undo", "redo"))

    @cached_property
    def rejected(self) -> Mapping[str, Decision]:
        """Rejected candidates by id; a later accept of the same candidate lifts the reject."""
        found: dict[str, Decision] = {}
        for decision in self.standing:
            if decision.kind == "reject":
                found[decision.data["candidate"]] = decision
            elif decision.kind == "accept":
                found.pop(decision.data["candidate"], None)
        return found

    @cached_property
    def accepted(self) -> str | None:
        """The candidate that the person endorsed last, if it was not rejected since."""
        accepted = None
        for decision in self.standing:
            if decision.kind == "accept":
                accepted = decision.data["candidate"]
            elif decision.kind == "reject" and decision.data["candidate"] == accepted:
                accepted = None
        return accepted

    @cached_property
    def _demos(self) -> Mapping[str, Decision]:
        """The last standing keep or reject of each demo."""
        return {d.data["demo"]["id"]: d for d in self.standing if d.kind in ("keep-demo", "reject-demo")}

    @cached_property
    def kept(self) -> Mapping[str, Example]:
        return {key: demo_from_dict(d.data["demo"]) for key, d in self._demos.items() if d.kind == "keep-demo"}

    @cached_property
    def tabu(self) -> Sequence[tuple[Example, Decision]]:
        """Rejected demos."""
        return [(demo_from_dict(d.data["demo"]), d) for d in self._demos.values() if d.kind == "reject-demo"]

    @cached_property
    def made(self) -> Mapping[str, Decision]:
        """Candidates that a decision made (edit, edit-demo, inject) and their decisions, standing or not."""
        return {d.data["made"]["id"]: d for d in self.decisions if "made" in d.data}

    @cached_property
    def pins(self) -> Mapping[str, Decision]:
        """Pinned slots."""
        found: dict[str, Decision] = {}
        for decision in self.standing:
            if decision.kind == "pin":
                found[decision.data["slot"]] = decision
            elif decision.kind == "unpin":
                found.pop(decision.data["slot"], None)
        return found

    @cached_property
    def stopped(self) -> Decision | None:
        """The stop in force, if any."""
        stops = [d for d in self.standing if d.kind in ("stop", "cancel")]
        return stops[-1] if stops else None

    @staticmethod
    def demo_of(decision: Decision) -> Example:
        """The demo that a decision speaks of."""
        return demo_from_dict(decision.data["demo"])

    def with_decision(self, decision: Decision) -> State:
        return State((*self.decisions, decision))

    def refuses_demo(self, demo: Example, outputs: Iterable[str]) -> Decision | None:
        """The reject that this demo falls under: of itself, or of one that says the same (equal outputs, nearly equal inputs)."""
        if demo.provenance.id in self.kept:
            return None
        known = self._demos.get(demo.provenance.id)
        if known is not None:
            return known
        names = set(outputs)
        return next((decision for rejected, decision in self.tabu if _same_demo(demo, rejected, names)), None)


def carried(decisions: Iterable[Decision], baseline: Candidate) -> Iterator[tuple[str, dict[str, Any], str]]:
    """What stands of another run's decisions, as kind, data and text for a run with this `baseline`; what is bound to a candidate
    of that run is bound to the same content here.
    """
    for decision in State(tuple(decisions)).standing:
        data = dict(decision.data)
        if decision.kind in ("stop", "cancel", "unpin"):
            continue
        if decision.kind == "edit":
            if data["slot"] not in baseline.values:
                continue
            edited = baseline.put(data["slot"], data["text"], origin="human", label="your edit, carried over")
            data["made"] = edited.to_dict()
        elif decision.kind == "pin" and data["slot"].endswith(".lm"):
            continue  # the weights are that run's
        elif "made" in data and set(data["made"]["values"]) != set(baseline.values):
            continue
        yield decision.kind, data, f"{decision.text} (carried over)"


def _same_demo(demo: Example, rejected: Example, outputs: set[str]) -> bool:
    shared = set(demo.keys()) & set(rejected.keys())
    answers, questions = shared & outputs, shared - outputs
    if not answers or not questions or any(words(demo[name]) != words(rejected[name]) for name in answers):
        return False
    return jaccard(*(" ".join(str(item[name]) for name in sorted(questions)) for item in (demo, rejected))) >= TWIN


def words(text: Any) -> frozenset[str]:
    """The normalised words of a text."""
    return frozenset(re.findall(r"\w+", str(text).casefold()))


def jaccard(a: str, b: str) -> float:
    """Shared words over all words: 1.0 for the same words, 0.0 for none in common.

    >>> jaccard("Answer the question.", "answer THE question")
    1.0
    """
    left, right = words(a), words(b)
    return len(left & right) / len(left | right) if left | right else 1.0
