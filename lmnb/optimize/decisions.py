"""What the person decided: an append-only list of records, and the state that they add up to.

Decisions are keyed by content, not by position, so they can be carried to another run or optimizer. Nothing is rewritten: an undo is a record too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lmnb.example import Example
from lmnb.optimize.candidate import Candidate, demo_from_dict
from lmnb.optimize.tabu import TWIN, Tabu, jaccard, missing_spans, tabus, words


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
    def refused_demos(self) -> Sequence[tuple[Example, Decision]]:
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
    def gates(self) -> Mapping[str, Decision]:
        """What was answered at the gates that asked: the last answer by the id of the candidate, demo or proposal."""
        return {d.data["gate"]: d for d in self.standing if "gate" in d.data}

    @cached_property
    def reviewed(self) -> frozenset[str]:
        """Candidates that a decision, standing or not, was about before they were scored."""
        named = ((d.kind, d.data.get("gate"), d.data.get("candidate")) for d in self.decisions)
        return frozenset(name for kind, *names in named if kind in ("reject", "edit") for name in names if name)

    @cached_property
    def called_back(self) -> frozenset[str]:
        """What the time had let pass at a gate, and a person took back: it waits for that person, however long."""
        passed = (d for d in self.decisions if d.kind == "pass" and d.by == "timeout")
        return frozenset(d.data["gate"] for d in passed if d.id in self.undone)

    @cached_property
    def locks(self) -> Mapping[str, Sequence[str]]:
        """Locked spans of text by slot, in order of the decisions."""
        found: dict[str, list[str]] = {}
        for decision in self.standing:
            spans = found.setdefault(decision.data["slot"], []) if decision.kind in ("lock", "unlock") else []
            if decision.kind == "lock":
                spans.append(decision.data["text"])
            elif decision.kind == "unlock":
                spans[:] = [span for span in spans if decision.data["text"] not in (None, span)]
        return {slot: spans for slot, spans in found.items() if spans}

    @cached_property
    def tabu(self) -> Mapping[str, Sequence[Tabu]]:
        """Rejected texts by slot, in order of the decisions."""
        found: dict[str, list[Tabu]] = {}
        for decision in self.standing:
            lifted = decision.kind == "reject" and self.rejected.get(decision.data["candidate"]) is not decision
            for each in () if lifted else tabus(decision.data, decision.id):
                found.setdefault(each.slot, []).append(each)
        return found

    @cached_property
    def _written(self) -> Mapping[tuple[str, str], int]:
        """Texts that the person wrote, by slot: the last decision that did."""
        return {(slot, text): d.id for d in self.standing for slot, text in d.data.get("wrote", {}).items()}

    @cached_property
    def stopped(self) -> Decision | None:
        """The stop in force, if any."""
        stops = [d for d in self.standing if d.kind in ("stop", "cancel")]
        return stops[-1] if stops else None

    @staticmethod
    def edited(decision: Decision) -> Example:
        """The demo that an edit at a gate put in the place of another."""
        return demo_from_dict(decision.data["into"])

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
        return next((decision for rejected, decision in self.refused_demos if _same_demo(demo, rejected, names)), None)

    def on_demo(self, demo: Example, outputs: Iterable[str]) -> Decision | None:
        """The decision that stands on a demo: that it is kept, or the reject that it falls under."""
        known = self._demos.get(demo.provenance.id)
        return known if known is not None else self.refuses_demo(demo, outputs)

    def refuses_text(self, slot: str, text: str) -> Tabu | None:
        """The rejected text that this one repeats. What the person wrote after the reject, or pinned, is theirs to say again."""
        pin = self.pins.get(slot)
        if pin is not None and pin.data["content"] == text:
            return None
        since = self._written.get((slot, text), -1)
        return next((each for each in self.tabu.get(slot, ()) if each.decision > since and each.covers(text)), None)

    def locked_by(self, slot: str, span: str) -> int:
        """The decision that locked a span of a slot."""
        locks = (d for d in reversed(self.standing) if d.kind == "lock" and d.data["slot"] == slot)
        return next((d.id for d in locks if d.data["text"] == span), -1)

    def lost_spans(self, slot: str, text: str) -> list[str]:
        """The locked spans that a text of this slot does not hold."""
        return missing_spans(text, self.locks.get(slot, ()))


def carried(decisions: Iterable[Decision], baseline: Candidate) -> Iterator[tuple[str, dict[str, Any], str]]:
    """What stands of another run's decisions, as kind, data and text for a run with this `baseline`; what is bound to a candidate
    of that run is bound to the same content here.
    """
    made, state = [baseline], State(tuple(decisions))
    for decision in state.standing:
        data = dict(decision.data)
        if decision.kind in ("stop", "cancel", "raise-budget", "unpin", "unlock"):
            continue
        if decision.kind == "pin" and (state.pins.get(data["slot"]) is not decision or data["slot"].endswith(".lm")):
            continue  # it was lifted; or the weights are that run's
        if decision.kind == "lock" and data["text"] not in state.locks.get(data["slot"], ()):
            continue  # it was lifted
        if "made" in data:
            candidate = _made_again(decision, baseline)
            if candidate is None:
                continue
            data["made"] = candidate.to_dict()
            made.append(candidate)
        if decision.kind == "lock":
            texts = [each.values.get(data["slot"]) for each in made]
            if all(not isinstance(text, str) or missing_spans(text, [data["text"]]) for text in texts):
                continue  # nothing here holds it, so it would leave nothing feasible
        if "tabu" in data:  # the program's own text is what one begins with, not what was rejected
            data["tabu"] = {
                slot: {**each, "before": [*each["before"], baseline.values[slot]]}
                for slot, each in data["tabu"].items()
                if slot in baseline.values
            }
        yield decision.kind, data, f"{decision.text} (carried over)"


def _made_again(decision: Decision, baseline: Candidate) -> Candidate | None:
    """The candidate that a decision made, for a program with this baseline; None where it does not fit."""
    data, made = decision.data, Candidate.from_dict(decision.data["made"])
    edited = decision.kind == "edit" and ("slot" in data or "texts" in data)
    texts = data["texts"] if "texts" in data else {data["slot"]: data["text"]} if edited else {}
    written = texts if edited else data.get("wrote", {})
    if not edited and set(made.values) == set(baseline.values):
        return made
    if not written or not written.keys() <= baseline.values.keys():
        return None
    child = baseline
    for slot, text in written.items():
        child = child.put(slot, text)
    what = "edit" if decision.kind == "edit" else "instruction"
    return child.child_of(baseline, origin="human", label=f"your {what}, carried over")


def _same_demo(demo: Example, rejected: Example, outputs: set[str]) -> bool:
    shared = set(demo.keys()) & set(rejected.keys())
    answers, questions = shared & outputs, shared - outputs
    if not answers or not questions or any(words(demo[name]) != words(rejected[name]) for name in answers):
        return False
    return jaccard(*(" ".join(str(item[name]) for name in sorted(questions)) for item in (demo, rejected))) >= TWIN
