"""What a person fixes of a prompt: pinned slots and locked words; and what a decision would drop."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from lmnb.counts import counted
from lmnb.errors import InputError
from lmnb.optimize.archive import Entry
from lmnb.optimize.decided import decided
from lmnb.optimize.decisions import Decision, State
from lmnb.optimize.tabu import missing_spans
from lmnb.optimize.undoing import Undoing


class Fixing(Undoing):
    """A worker whose slots can be pinned and locked."""

    @decided
    def pin(self, slot: str, candidate: Any) -> None:
        """Fix a slot to a candidate's value: later candidates carry it, those with another value are out until it is unpinned."""
        entry = self._entry(candidate)
        if slot not in entry.candidate.values:
            raise InputError(f"there is no slot {slot!r}; the slots are {', '.join(entry.candidate.values)}")
        data = {"slot": slot, "content": entry.candidate.content(slot), "holder": entry.candidate.to_dict()}
        self._decide("pin", data, f"pinned {short(slot)} of #{entry.number}")

    @decided
    def unpin(self, slot: str) -> None:
        if slot not in self._archive.state.pins:
            raise InputError(f"{slot!r} is not pinned")
        self._decide("unpin", {"slot": slot}, f"unpinned {short(slot)}")

    def lock(self, slot: str, text: str) -> None:
        """Fix a span of a slot's text: who writes that slot is told to keep it word for word and asked once more where it is gone; a
        candidate without it is out until it is unlocked, and a warning says how many are. White space does not count.
        """
        lost = self._lock(slot, text)
        if lost:
            warnings.warn(lost, stacklevel=2)

    @decided
    def _lock(self, slot: str, text: str) -> str:
        """What to warn of."""
        texts = [each.candidate.values.get(slot) for each in self._archive.feasible()] or [
            self.header.baseline.values.get(slot)
        ]
        if not any(isinstance(each, str) for each in texts):
            slots = [name for name, value in self.header.baseline.values.items() if isinstance(value, str)]
            raise InputError(f"there is no text in a slot {slot!r}; this program has {', '.join(slots)}")
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"{text!r} is no text to lock; write words that stand in {slot}")
        if not any(isinstance(each, str) and not missing_spans(each, [text]) for each in texts):
            raise InputError(
                f"no candidate that is allowed holds {text!r} in {slot}, so a lock would leave none. Lock words that stand there, "
                "or edit them in first."
            )
        if any(span.split() == text.split() for span in self._archive.state.locks.get(slot, ())):
            raise InputError(f"{text!r} is locked in {slot!r} already")
        data = {"slot": slot, "text": text.strip()}
        allowed, state = self._archive.feasible(), self._under("lock", data)
        left = [entry for entry in allowed if self._archive.dropped_under(state, entry.candidate) is None]
        only = left != allowed and all(entry.candidate.origin == "human" for entry in left)
        told = self._would_drop("lock", data) + ("; only yours are left" if only else "")
        self._decide("lock", data, f"locked {shown(text)} in {short(slot)}{told}")
        if left == allowed:
            return ""
        why = (
            "; only yours have it, so a search that writes on from its own finds nothing that is allowed"
            if only
            else ""
        )
        lost = f"{len(allowed) - len(left)} of the {counted(len(allowed), 'candidate')} lack {text.strip()!r} in {slot} and are out{why}"
        return f"{lost}. run.unlock({slot!r}) gives it free."

    @decided
    def unlock(self, slot: str, text: str | None = None) -> None:
        """Give a locked span of a slot free; without `text` all of them."""
        spans = self._archive.state.locks.get(slot, ())
        if not spans or (text is not None and text.strip() not in spans):
            what = "no text" if not spans else f"not {text!r} but {', '.join(map(repr, spans))}"
            raise InputError(f"{what} is locked in {slot!r}")
        data = {"slot": slot, "text": None if text is None else text.strip()}
        self._decide("unlock", data, f"unlocked {'all' if text is None else shown(text)} in {short(slot)}")

    def _under(self, kind: str, data: Mapping[str, Any]) -> State:
        """The decisions in force with one more."""
        return self._archive.state.with_decision(Decision(self._next_id(), kind, data, ""))

    def _would_drop(self, kind: str, data: Mapping[str, Any], *, but: Entry | None = None) -> str:
        """In words, how many candidates such a decision drops."""
        state, archive = self._under(kind, data), self._archive
        left = [entry.candidate for entry in archive.feasible() if entry is not but]
        hit = sum(archive.dropped_under(state, candidate) is not None for candidate in left)
        also = "" if but is None else " more"
        return f", {counted(hit, 'candidate')}{also} dropped" if hit else ""


def short(slot: str) -> str:
    return slot.removeprefix("self.")


def shown(text: str) -> str:
    line = " ".join(text.split())
    return f"“{line if len(line) <= 60 else line[:57] + '...'}”"
