"""What a person may decide about a run: each method checks it, says it in words and records it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from lmnb.counts import counted
from lmnb.errors import InputError
from lmnb.example import Example
from lmnb.optimize.archive import Entry
from lmnb.optimize.candidate import Candidate, demo_to_dict
from lmnb.optimize.decisions import Decision
from lmnb.optimize.demos import best_holder, named_demo
from lmnb.optimize.injection import checked_text, demo_fields, with_demo, with_instructions, with_values
from lmnb.optimize.pacing import Pacing
from lmnb.optimize.view import demo_name

ENDS = ("stop", "cancel")  # decisions that `resume` takes back, not undo
P = ParamSpec("P")
T = TypeVar("T")


def decided(method: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    """A method of a run that is carried out where decisions may be made (see `Worker.command`)."""

    @wraps(method)
    def commanded(run: Pacing, *args: P.args, **kwargs: P.kwargs) -> T:
        return run.command(lambda: method(run, *args, **kwargs))

    return commanded


class Steering(Pacing):
    """A worker that takes decisions."""

    # --- about candidates

    @decided
    def accept(self, candidate: Any) -> None:
        """Endorse a candidate as the result; a later accept or reject changes it."""
        entry = self._entry(candidate)
        reason = self._archive.dropped(entry.candidate)
        if reason is not None and entry.candidate.id not in self._archive.state.rejected:
            raise InputError(
                f"candidate {entry.number} cannot be accepted: {reason}. Undo the decision that dropped it first."
            )
        self._decide("accept", {"candidate": entry.candidate.id}, f"accepted #{entry.number}")

    @decided
    def reject(self, candidate: Any, reason: str | None = None) -> None:
        """Rule a candidate out; it keeps its scores and can come back by undo."""
        entry = self._entry(candidate)
        data = {"candidate": entry.candidate.id, "reason": reason}
        self._decide("reject", data, f"rejected #{entry.number}{_quoted(reason)}")

    @decided
    def edit(self, candidate: Any, slot: str, text: str) -> Candidate:
        """A child of the candidate with another text in a slot such as "self.instructions", "self.outputs['answer'].desc" or
        "tools['search'].desc"; it is evaluated next.
        """
        entry = self._entry(candidate)
        text = checked_text(slot, text, entry.candidate)
        child = entry.candidate.put(slot, text, origin="human", label=f"your edit of #{entry.number}")
        data = {"slot": slot, "text": text, "parent": entry.candidate.id}
        return self._make("edit", child, data, f"edited {_short(slot)} of #{entry.number}")

    @decided
    def inject(
        self,
        instructions: str | Mapping[str, str] | None = None,
        demo: Any = None,
        candidate: Mapping[str, Any] | None = None,
    ) -> Candidate:
        """A child of the best candidate with these instructions (or descriptions, by slot), or with this demo added, or with these
        slot values; it is evaluated next.
        """
        if sum(given is not None for given in (instructions, demo, candidate)) != 1:
            raise InputError("inject one thing: instructions=..., demo=... or candidate=...")
        base, predictors = self._archive.best() or self.header.baseline, self.header.predictors
        data: dict[str, Any]
        if instructions is not None:
            child, what = with_instructions(base, instructions, predictors), "an instruction"
            data = {"instructions": instructions}
        elif demo is not None:
            child, what = with_demo(base, demo, predictors), "a demo"
            data = {"demo_fields": demo_fields(demo)}
        else:
            child, what = with_values(base, candidate or {}), "a candidate"
            data = {}
        return self._make("inject", child, data, f"injected {what}")

    @decided
    def pin(self, slot: str, candidate: Any) -> None:
        """Fix a slot to a candidate's value: later candidates carry it, those with another value are out until it is unpinned."""
        entry = self._entry(candidate)
        if slot not in entry.candidate.values:
            raise InputError(f"there is no slot {slot!r}; the slots are {', '.join(entry.candidate.values)}")
        data = {"slot": slot, "content": entry.candidate.content(slot), "holder": entry.candidate.to_dict()}
        self._decide("pin", data, f"pinned {_short(slot)} of #{entry.number}")

    @decided
    def unpin(self, slot: str) -> None:
        if slot not in self._archive.state.pins:
            raise InputError(f"{slot!r} is not pinned")
        self._decide("unpin", {"slot": slot}, f"unpinned {_short(slot)}")

    # --- about demos

    @decided
    def keep_demo(self, demo: Any) -> None:
        """Endorse a demo: later candidates that draw labelled demos take it first."""
        meant = named_demo(demo, self._archive, self.header)
        self._decide("keep-demo", {"demo": _content(meant), "name": demo_name(meant)}, f"kept {demo_name(meant)}")

    @decided
    def reject_demo(self, demo: Any, reason: str | None = None) -> None:
        """Rule out a demo and every candidate that holds it, or one that says the same."""
        meant = named_demo(demo, self._archive, self.header)
        data = {"demo": _content(meant), "name": demo_name(meant), "reason": reason}
        trial = self._archive.state.with_decision(Decision(-1, "reject-demo", data, ""))
        outputs = self._archive.outputs
        hit = [
            entry
            for entry in self._archive.feasible()
            if any(trial.refuses_demo(held, outputs[slot]) is not None for slot, held in entry.candidate.demos())
        ]
        dropped = f", {counted(len(hit), 'candidate')} dropped" if hit else ""
        self._decide("reject-demo", data, f"rejected {demo_name(meant)}{_quoted(reason)}{dropped}")

    @decided
    def edit_demo(self, demo: Any, fields: Mapping[str, Any], candidate: Any = None) -> Candidate:
        """A child of the candidate (by default the best that holds the demo) with the demo's fields changed."""
        meant = named_demo(demo, self._archive, self.header)
        unknown = set(fields) - set(meant.keys())
        if unknown:
            raise InputError(
                f"{demo_name(meant)} has no field {sorted(unknown)[0]!r}; its fields are {', '.join(meant.keys())}"
            )
        changed = meant.copy(**fields).with_origin("human", source=meant.provenance.source)
        entry = best_holder(meant, self._archive) if candidate is None else self._entry(candidate)
        child, label = entry.candidate, f"your edit of {demo_name(meant)} in #{entry.number}"
        for slot in {slot for slot, held in child.demos() if held.provenance.id == meant.provenance.id}:
            demos = (changed if held.provenance.id == meant.provenance.id else held for held in child.values[slot])
            child = child.put(slot, tuple(demos))
        child = child.child_of(entry.candidate, origin="human", label=label)
        data = {"demo": _content(meant), "fields": dict(fields), "parent": entry.candidate.id}
        return self._make("edit-demo", child, data, f"edited {demo_name(meant)} of #{entry.number}")

    # --- about decisions

    @decided
    def undo(self, decision: Any = None) -> None:
        """Take back a decision, by default the last that stands; candidates that it dropped come back with their scores."""
        key = getattr(decision, "id", decision)
        standing = [
            each
            for each in self._archive.state.standing
            if each.by == "person" and each.kind not in ENDS and (key is None or each.id == key)
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

    def _make(self, kind: str, child: Candidate, data: dict[str, Any], text: str) -> Candidate:
        """Record a decision that makes a candidate."""
        known = self._archive.entries.get(child.id)
        if known is not None:
            raise InputError(f"candidate {known.number} is that already; change something else")
        reason = self._archive.dropped(child)
        if reason is not None:
            raise InputError(
                f"the new candidate would be dropped at once: {reason}. Undo that decision first, or change more."
            )
        self._decide(kind, {**data, "made": child.to_dict()}, f"{text} → #{len(self._archive.entries)}")
        return child

    def _entry(self, name: Any) -> Entry:
        key = getattr(name, "id", name)
        entries = self._archive.entries
        if isinstance(key, int) and not isinstance(key, bool) and 0 <= key < len(entries):
            return list(entries.values())[key]
        if isinstance(key, str) and key in entries:
            return entries[key]
        raise InputError(
            f"this run has no candidate {name!r}; its {len(entries)} candidates are listed by run.candidates"
        )


def _content(demo: Example) -> dict[str, Any]:
    return {"id": demo.provenance.id, **demo_to_dict(demo)}


def _short(slot: str) -> str:
    return slot.removeprefix("self.")


def _quoted(reason: str | None) -> str:
    if reason is not None and not isinstance(reason, str):
        raise InputError(f"the reason {reason!r} is no text")
    return f" “{reason}”" if reason else ""
