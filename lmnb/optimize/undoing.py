"""Taking decisions back, and putting them in force again."""

from __future__ import annotations

from typing import Any

from lmnb.errors import InputError
from lmnb.optimize.at_gates import AtGates
from lmnb.optimize.decided import decided

ENDS = ("stop", "cancel")  # decisions that `resume` takes back, not undo
LASTING = (*ENDS, "pass", "raise-budget")  # what has passed a gate is rejected, not called back


class Undoing(AtGates):
    """A worker whose decisions can be undone."""

    @decided
    def undo(self, decision: Any = None) -> None:
        """Take back a decision, by default the last that stands; candidates that it dropped come back with their scores."""
        key = getattr(decision, "id", decision)
        standing = [
            each
            for each in self._archive.state.standing
            if each.by != "budget" and each.kind not in LASTING and (key is None or each.id == key)
        ]
        if not standing:
            raise InputError(
                "there is no decision to undo" if key is None else f"there is no standing decision {decision!r} to undo"
            )
        self._decide("undo", {"decision": standing[-1].id}, f"undid “{standing[-1].text}”")

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
