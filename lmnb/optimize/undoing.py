"""Taking decisions back, and putting them in force again."""

from __future__ import annotations

from typing import Any

from lmnb.errors import InputError
from lmnb.optimize.at_gates import AtGates
from lmnb.optimize.decided import decided
from lmnb.optimize.decisions import Decision

ENDS = ("stop", "cancel")  # decisions that `resume` takes back, not undo
LASTING = (*ENDS, "raise-budget")
AT_GATES = ("pass", "edit-demo", "edit-proposal")  # by which something goes on: it is rejected later, not called back


class Undoing(AtGates):
    """A worker whose decisions can be undone."""

    @decided
    def undo(self, decision: Any = None) -> None:
        """Take back a decision, by default the last that stands; candidates that it dropped come back with their scores.

        An answer at a gate: what it was about waits again, as long as the search has not gone on, and a candidate that was rejected or
        edited there as long as the search has not ended. What the time had let pass (`review_timeout`) waits again too, a candidate until
        its scoring begins, and now without a limit of time: whoever took it back means to answer. InputError where the answer has had
        all of its effect, and for one of a review function, which would say the same again.
        """
        key = getattr(decision, "id", decision)
        standing = [each for each in self._archive.state.standing if each.kind not in LASTING]
        if key is None:  # what a person let pass is meant as much as any other; what a function or the time did is not
            standing = [each for each in standing if each.kind != "pass" or each.by == "person"][-1:]
        meant = next((each for each in standing if key is None or each.id == key), None)
        if meant is None:
            raise InputError(
                "there is no decision to undo" if key is None else f"there is no standing decision {decision!r} to undo"
            )
        if self._is_spent(meant):
            past = self._driver.gates.past.get(meant.data["gate"])
            what = "what it was about" if past is None else self._named(past)
            raise InputError(
                f"“{meant.text}” cannot be undone: {what} has gone on since. Reject it, or what holds it, instead; "
                "undo(decision) takes back another."
            )
        self._decide("undo", {"decision": meant.id}, f"undid “{meant.text}”{self._without(meant)}")

    def _is_spent(self, decision: Decision) -> bool:
        """Whether it is an answer at a gate that has had all of its effect: the search has gone on with what it let through."""
        if decision.kind not in AT_GATES or "gate" not in decision.data:
            return False
        gates, name = self._driver.gates, decision.data["gate"]
        if decision.by != "timeout" or name in gates.open:
            return decision.by == "policy" or name not in gates.open
        past = gates.past.get(name)
        return past is None or not gates.can_ask(past) or name in self._archive.at_work

    def _without(self, decision: Decision) -> str:
        """Whether the search has gone on without what a decision had rejected at a gate, in words."""
        gates = self._driver.gates
        name = decision.data.get("gate") or decision.data.get("demo", {}).get("id")
        past = None if decision.kind not in ("reject-demo", "reject-proposal") else gates.past.get(name)
        return "" if past is None or past.id in gates.open else "; the search has gone on without it"

    @decided
    def redo(self) -> None:
        """Put the decision that was undone last in force again."""
        state = self._archive.state
        by_id = {each.id: each for each in state.decisions}
        undone = [
            by_id[each.data["decision"]]
            for each in state.decisions
            if each.kind == "undo" and each.data["decision"] in state.undone
        ]
        undone = [each for each in undone if each.kind not in ENDS]
        if not undone:
            raise InputError("there is nothing to redo")
        self._decide("redo", {"decision": undone[-1].id}, f"redid “{undone[-1].text}”")
