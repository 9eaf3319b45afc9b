"""The archive: every candidate, every rollout, and what they add up to under the decisions in force."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from lmnb.example import Example
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.decisions import Decision, State
from lmnb.optimize.effects import Bought, Result, Rollout
from lmnb.optimize.ensembled_program import of_one_member
from lmnb.optimize.leaks import Leaks
from lmnb.optimize.objective import ranked
from lmnb.optimize.trained import is_trained


@dataclass
class Entry:
    """A candidate's row: its number in order of creation and its results on the evaluation set by example."""

    candidate: Candidate
    number: int
    results: dict[int, Result] = field(default_factory=dict)
    _total: float | None = None

    def add(self, index: int, result: Result) -> None:
        self.results[index] = result
        self._total = None

    @property
    def total(self) -> float:
        """The sum of all scores: the same whatever the order in which they came."""
        if self._total is None:
            self._total = math.fsum(result.value for result in list(self.results.values()))
        return self._total


class Archive:
    """Filled by the driver alone; searches read it through their task, views through the run.

    `outputs` gives the output names of each demos slot; `load` reads a stored trace; `leaks` knows demos that are validation examples.
    """

    def __init__(
        self,
        evalset: str | None,
        size: int,
        outputs: Mapping[str, tuple[str, ...]],
        load: Callable[[str], Any],
        objective: str = "mean",
        groups: Sequence[str] = (),
        leaks: Leaks | None = None,
    ) -> None:
        self.leaks = Leaks((), ()) if leaks is None else leaks
        self.evalset = evalset
        self.size = size if evalset is not None else 0
        self.state = State()
        self.entries: dict[str, Entry] = {}
        self.rollouts: dict[str, Result] = {}
        self.proposals: list[tuple[Mapping[str, Any], Result]] = []
        self.cut_short: set[str] = (
            set()
        )  # candidates whose rollouts were dropped in flight: completed if they come back
        self.at_work: frozenset[str] = frozenset()  # candidates that are being scored
        self.most_calls = 1  # of an LM, in one rollout
        self.changes = 0  # results that counted for a candidate so far
        self.clock = 0  # counts what may change how a candidate stands
        self._touched: dict[str, int] = {}  # candidates by when they changed last, the latest at the end
        self._swept = 0  # when all of them may have changed
        self.turns = 0  # counts what may change which of them leads
        self.runs = 0  # of a program on an example, each with one call of the metric
        self.outputs = outputs
        self.objective = objective  # what makes a candidate the result
        self.groups = groups  # of the examples that are scored, where they have any
        self._load = load
        self._reasons: dict[str, str | None] = {}
        self._learned: dict[str, list[tuple[str, Example]]] = {}

    # --- filling it

    def admit(self, candidate: Candidate) -> Entry:
        """The candidate's entry, made where it is new."""
        entry = self.entries.get(candidate.id)
        if entry is None:
            entry = self.entries[candidate.id] = Entry(candidate, len(self.entries))
            self._touch(entry)
        return entry

    def store(self, rollout: Bought, result: Result) -> None:
        """Keep a rollout or proposal; a rollout on the evaluation set counts for its candidate."""
        key, calls = rollout.key(), int(result.usage.get("calls", 0))
        self.runs += isinstance(rollout, Rollout) and key not in self.rollouts
        self.rollouts[key] = result
        if calls > self.most_calls:
            self.most_calls = calls
        self.add(rollout.place(), result)

    def add(self, place: Mapping[str, Any], result: Result) -> None:
        """Put the result of the rollout at `place` (see `Rollout.place`) to its candidate, if it counts."""
        if place["role"] == "proposer":
            self.proposals.append((place, result))
        if self.counts(place):
            self.changes += 1
            entry = self.entries[place["candidate"]]
            entry.add(place["index"], result)
            self._touch(entry)

    def counts(self, place: Mapping[str, Any]) -> bool:
        """Whether the rollout at `place` is one of those that a candidate is scored by."""
        student = place["role"] == "student" and not place["tracing"] and not place["rollout"]
        return (
            student and "focus" not in place and place["split"] == self.evalset and place["candidate"] in self.entries
        )

    def decide(self, decision: Decision) -> None:
        self.state = self.state.with_decision(decision)
        self._reasons = {}  # another one: a thread may just be writing down what held before
        self._swept = self.clock + 1  # before the clock says so: who reads it meanwhile looks again
        self.clock += 1
        self.turns += 1

    def _touch(self, entry: Entry) -> None:
        name = entry.candidate.id
        self._touched.pop(name, None)
        self._touched[name] = self.clock + 1  # as in `decide`
        self.clock += 1
        self.turns += len(entry.results) == self.size

    # --- reading it

    def touched(self, since: int) -> list[str]:
        """The candidates that may stand otherwise than when the clock was `since`."""
        if since < self._swept:
            return list(self.entries)
        when, latest = self._touched, reversed(list(self._touched))  # a copy: the driver goes on
        return list(takewhile(lambda name: when.get(name, self.clock) > since, latest))

    def first(self, baseline: Candidate) -> Entry | None:
        """What one began with: the program as it was given, where it is a candidate, else the first one that is."""
        return self.entries.get(baseline.id) or next(iter(self.entries.values()), None)

    def feasible(self) -> list[Entry]:
        """The candidates that are not dropped, in order of creation."""
        return [entry for entry in self.entries.values() if self.dropped(entry.candidate) is None]

    def owed(self) -> list[Entry]:
        """The candidates that are the driver's to score: the person made them, or they came back after they were dropped in flight or at a
        gate.
        """
        if not self.size:
            return []
        named = {
            *self.state.made,
            *self.cut_short,
            *self.state.reviewed,
        }  # a few of many: they are asked for at every batch
        entries = self.entries
        known = sorted((entries[name] for name in named if name in entries), key=lambda entry: entry.number)
        return [entry for entry in known if self._owes(entry)]

    def _owes(self, entry: Entry) -> bool:
        name = entry.candidate.id
        only_reviewed = name not in self.state.made and name not in self.cut_short
        begun = only_reviewed and entry.results
        return not begun and not self.complete(name) and self.dropped(entry.candidate) is None

    def steps(self, result: Result) -> list[dict[str, Any]]:
        """The predictor calls of a rollout in order: path, inputs and outputs in terms of JSON. One whose outputs a check
        refused to the end is not among them: nothing is to be learned from it. Of a teacher that is an ensemble they are those of
        one program that agreed, by the student's paths.
        """
        steps = [
            {"path": span["path"], **(span.get("values") or {"inputs": span["inputs"], "outputs": span["outputs"]})}
            for span in self.spans(result)
            if "path" in span and span["outputs"] is not None and "refused" not in span
        ]
        ours = all(f"{step['path']}.demos" in self.outputs for step in steps)
        return steps if ours else of_one_member(steps)

    def spans(self, result: Result) -> list[dict[str, Any]]:
        """All spans of a rollout's trace, parents first (see `Trace.to_dict`)."""
        return [] if result.trace is None else self._load(result.trace)["spans"]

    def demo_refused(self, slot: str, demo: Any) -> Decision | None:
        # without a rejected demo there is nothing to compare with: a demo's name is the hash of all that it holds
        return self.state.refuses_demo(demo, self.outputs[slot]) if self.state.refused_demos else None

    def dropped(self, candidate: Candidate) -> str | None:
        """Why a candidate may not go on; None where it may."""
        reasons = self._reasons  # before the state is read
        try:
            return reasons[candidate.id]
        except KeyError:
            reason = reasons[candidate.id] = self.dropped_under(self.state, candidate)
            return reason

    def dropped_under(self, state: State, candidate: Candidate) -> str | None:
        """`dropped`, were these decisions in force: of several reasons the one that there was first."""
        return min(self._drops(state, candidate), key=lambda drop: drop[0], default=(0, None))[1]

    def _drops(self, state: State, candidate: Candidate) -> Iterator[tuple[int, str]]:
        """All the reasons, each with the number of the decision that it is of."""
        if candidate.id in state.rejected:
            reject = state.rejected[candidate.id]
            reason = reject.data.get("reason")
            yield reject.id, f"rejected: {reason}" if reason else "rejected"
        made = state.made.get(candidate.id)
        if made is not None and made.id in state.undone:
            undos = (d.id for d in reversed(state.decisions) if d.kind == "undo" and d.data["decision"] == made.id)
            yield next(undos), "undone"
        answer = state.gates.get(candidate.id)
        if answer is not None and answer.kind == "edit":
            yield answer.id, "edited before it was tried"
        for slot, pin in state.pins.items():
            if not candidate.holds(slot, pin.data["content"]):
                yield pin.id, f"another value than the pinned {slot}"
        for slot, demo in candidate.demos() if state.refused_demos else ():
            refused = state.refuses_demo(demo, self.outputs[slot])
            if refused is not None:
                yield refused.id, f"holds {refused.data['name']}"
        learned = self._refused_row(state, candidate) if state.refused_demos else None
        if learned is not None:
            yield learned.id, f"was trained on {learned.data['name']}"
        for slot, text in candidate.values.items():
            if isinstance(text, str):
                for span in state.lost_spans(slot, text):
                    yield state.locked_by(slot, span), f"{slot} has lost the locked text {span!r}"
                tabu = state.refuses_text(slot, text)
                if tabu is not None:
                    yield tabu.decision, f"holds rejected {slot}" + (f": {tabu.reason}" if tabu.reason else "")

    def text_refused(self, slot: str, text: str) -> bool:
        """Whether a text may not stand in a slot: it was rejected, or lacks what is locked."""
        return bool(self.state.lost_spans(slot, text)) or self.state.refuses_text(slot, text) is not None

    def _refused_row(self, state: State, candidate: Candidate) -> Decision | None:
        """The reject that something falls under which the candidate's weights were trained on."""
        for slot, value in candidate.values.items():
            for path, row in self.learned(value) if is_trained(slot, value) else ():
                refused = state.refuses_demo(row, self.outputs[f"{path}.demos"])
                if refused is not None:
                    return refused
        return None

    def learned(self, reference: Mapping[str, Any]) -> list[tuple[str, Example]]:
        """What trained weights have learned from: calls of predictors by path, as demos."""
        rows = self._learned.get(reference["data"])
        if rows is None:
            stored = self._load(reference["data"])
            rows = self._learned[reference["data"]] = [
                (row["path"], Example({**row["inputs"], **row["outputs"]})) for row in stored
            ]
        before = reference.get("before")  # weights that were trained on further
        return rows if before is None else [*self.learned(before), *rows]

    def complete(self, candidate_id: str) -> bool:
        """Whether it is scored on the whole evaluation set."""
        entry = self.entries.get(candidate_id)
        return entry is not None and self.size > 0 and len(entry.results) == self.size

    def score(self, candidate_id: str) -> float | None:
        """The mean in per cent over the whole evaluation set, else None."""
        return 100 * self.entries[candidate_id].total / self.size if self.complete(candidate_id) else None

    def leader(self) -> Entry | None:
        """The best of the feasible entries that are fully scored, by the objective; the earliest on a tie."""
        known = vars(self).get("_led")  # a part of the archive, as of a step, has a leader of its own
        if known is None or known[0] != self.turns:
            turns = self.turns  # as they are before one looks
            known = self._led = turns, next(iter(self.ranked()), None)
        return known[1]

    def ranked(self) -> list[Entry]:
        """The feasible entries that are fully scored, the best by the objective first."""
        return ranked(self.scored(), self.objective, self.groups)

    def scored(self) -> list[Entry]:
        """The feasible entries that are fully scored, in order of creation."""
        whole = [entry for entry in self.entries.values() if 0 < self.size == len(entry.results)]
        return [entry for entry in whole if self.dropped(entry.candidate) is None]

    def best(self) -> Candidate | None:
        """The result as things stand: what the person accepted, else the best score (the earlier one on a tie), else the newest unscored proposal."""
        accepted = None if self.state.accepted is None else self.entries.get(self.state.accepted)
        if accepted is not None and self.dropped(accepted.candidate) is None:
            return accepted.candidate
        leader = self.leader()
        if leader is not None:
            return leader.candidate
        feasible = self.feasible()
        # nothing is scored: a search's own proposal, or what it was edited into, is its result; what a person added waits to be accepted
        made, gates = self.state.made, self.state.gates.values()
        own = [
            entry for entry in feasible if entry.candidate.origin != "human" or made.get(entry.candidate.id) in gates
        ]
        proposed = own if self.size == 0 else feasible[:1]
        return proposed[-1].candidate if proposed else None
