"""A person's answers at the gates that ask: what is meant, and how each answer is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmnb.errors import InputError
from lmnb.example import Example
from lmnb.optimize.archive import Entry
from lmnb.optimize.candidate import demo_to_dict
from lmnb.optimize.decisions import Decision
from lmnb.optimize.pacing import Pacing
from lmnb.optimize.review import Pending


class AtGates(Pacing):
    """A worker whose gates can be answered."""

    @property
    def pending(self) -> list[Pending]:
        """What waits for your answer at a gate (see `review` of `Optimizer.start`); nothing where `state` is not "waiting"."""
        return self._driver.gates.pending

    def _pending(self, name: Any) -> Pending | None:
        """What waits at a gate under this name: an id, a demo, or the number of a candidate."""
        key = name.provenance.id if isinstance(name, Example) else getattr(name, "id", name)
        entries = self._archive.entries
        if isinstance(key, int) and not isinstance(key, bool) and 0 <= key < len(entries):
            key = list(entries)[key]
        return next((item for item in self._driver.gates.pending if item.id == key), None)

    def _past(self, name: Any) -> Pending | None:
        """The demo or proposal of this name that had waited at a gate, and does no more."""
        key = getattr(name, "id", name)
        item = self._driver.gates.past.get(key) if isinstance(key, str) else None
        return None if item is None or item.kind == "candidate" else item

    def _too_late(self, item: Pending) -> InputError:
        """Says what came before an answer to what waits no longer."""
        answer = self._answer_to(item)
        first = "something else settled it" if answer is None else f"“{answer.text}” came first"
        how = {
            "candidate": "run.reject(...) rules it out, run.accept(...) endorses it once it is scored",
            "demo": "run.reject_demo(...) rules it out",
        }
        then = how.get(item.kind, "run.inject(instructions=...) brings in another text")
        return InputError(f"{item.label} waits for no answer any more: {first}. {then}.")

    def _answer_to(self, item: Pending) -> Decision | None:
        state = self._archive.state
        about = (item.id in (d.data.get("demo", {}).get("id"), d.data.get("candidate")) for d in state.standing)
        named = [d for d, found in zip(state.standing, about, strict=True) if found]
        return state.gates.get(item.id) or (named[-1] if named else None)

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

    def _named(self, item: Pending) -> str:
        return f"#{self._archive.entries[item.id].number}" if item.kind == "candidate" else item.label

    def _reject_proposal(self, item: Pending, reason: str | None) -> None:
        baseline = self.header.baseline.values
        texts = {slot: item.value.get(name) for name, slot in (item.writes or {}).items()}
        tabu = {
            slot: {"text": text, "before": [baseline[slot]]}
            for slot, text in texts.items()
            if text and slot in baseline and text != baseline[slot]
        }
        data = {"gate": item.id, "reason": reason, **({"tabu": tabu} if tabu else {})}
        self._decide("reject-proposal", data, f"rejected {item.label}{quoted(reason)}")

    def _edit_proposal(self, item: Pending, values: Mapping[str, str]) -> None:
        wrote: dict[str, str] = {}
        for name, text in values.items():
            if name not in item.value:
                raise InputError(f"{item.label} has no {name!r}; its output fields are {', '.join(item.value)}")
            if not isinstance(text, str) or not text.strip():
                raise InputError(f"{text!r} is no text; write some, or reject the proposal")
            slot = (item.writes or {}).get(name)
            if slot is not None and self._archive.state.lost_spans(slot, text):
                raise InputError(f"{text!r} lacks what is locked in {slot}; keep it, or unlock it first")
            wrote |= {} if slot is None else {slot: text.strip()}
        data = {"gate": item.id, "values": {name: text.strip() for name, text in values.items()}, "wrote": wrote}
        self._decide("edit-proposal", data, f"edited {item.label}")

    def _edit_demo_at_gate(
        self, item: Pending, meant: Example, changed: Example, leaked: Mapping[str, Any], told: str
    ) -> None:
        fields = {name: changed[name] for name in changed if name not in meant or changed[name] != meant[name]}
        data = {"gate": item.id, "demo": content(meant), "fields": fields, "into": demo_to_dict(changed)}
        self._decide("edit-demo", {**data, **leaked}, f"edited {item.label}{told}")


def content(demo: Example) -> dict[str, Any]:
    return {"id": demo.provenance.id, **demo_to_dict(demo)}


def quoted(reason: str | None) -> str:
    if reason is not None and not isinstance(reason, str):
        raise InputError(f"the reason {reason!r} is no text")
    return f" “{reason}”" if reason else ""
