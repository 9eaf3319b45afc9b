"""What a driver answers without a rollout: decisions come in force here, gates open or ask, and what a person made is handed on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from lmnb.optimize.candidate import Candidate
from lmnb.optimize.decisions import Decision
from lmnb.optimize.dispatch import Dispatcher, Stopped
from lmnb.optimize.effects import Effect, Gate, Inbox, Report, Rollout
from lmnb.optimize.review import Gates, Pending, Unanswered


class Deciding:
    """The part of a driver that knows what was decided; `review` names the gates that ask, `policy` answers there in the person's place
    after `patience` seconds.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        review: frozenset[str],
        policy: Callable[[Pending], None],
        patience: float | None,
    ) -> None:
        self.archive = dispatcher.archive
        self.recording = dispatcher.recording
        self.controls = dispatcher.controls
        self.batch = 0
        self.in_batch = False
        self.lock = threading.RLock()
        self.reports: list[Report] = []
        self.refusals: list[str] = []  # why each proposal was refused since the last that was not
        self._journal = dispatcher.journal
        self._inbox: list[Candidate] = []
        self.gates = Gates(
            review,
            self.archive,
            self.recording,
            self.controls,
            lambda decision: self.decide(decision, replayed=True),
            policy,
            patience,
            live=dispatcher.execute is not None,
        )

    # --- decisions

    def decide(self, decision: Decision, *, replayed: bool = False) -> None:
        """Put a decision in force; it is journaled before anything follows from it."""
        if not replayed:
            self._journal.append({"k": "decision", **decision.to_dict()})
            self._journal.sync()
        with self.lock:
            self.archive.decide(decision)
            if "made" in decision.data:
                candidate = Candidate.from_dict(decision.data["made"])
                self.archive.admit(candidate)
                if "gate" not in decision.data:  # else the gate hands it on
                    self._inbox.append(candidate)
        self.controls.told("decision", decision)

    def position(self) -> tuple[int, bool]:
        """Where a decision that is taken now takes effect."""
        return (self.batch, True) if self.in_batch else (self.batch + 1, False)

    def unscored(self) -> Candidate | None:
        """A candidate that is the driver's to score (see `Archive.owed`)."""
        return next((entry.candidate for entry in self.archive.owed()), None)

    def _replay_decisions(self, *, during: bool) -> None:
        position = self.batch if during else self.batch + 1
        for decision in self.recording.decisions(position, during=during):
            self.decide(decision, replayed=True)
        if self.archive.state.stopped is not None:
            self.controls.stopping = True

    # --- effects that need no rollout

    def _answer(self, effect: Effect) -> Any:
        if isinstance(effect, Gate):
            if isinstance(effect.value, Candidate):
                return self._admit(effect.value)
            return None if self.archive.demo_refused(effect.slot or "", effect.value) else effect.value
        if isinstance(effect, Inbox):
            # what is dropped now may come back: it is told then
            arrived = [candidate for candidate in self._inbox if self.archive.dropped(candidate) is None]
            self._inbox = [candidate for candidate in self._inbox if candidate not in arrived]
            return arrived
        if isinstance(effect, Report):
            self.reports.append(effect)
            self.controls.told("report", effect.message)
            return None
        raise TypeError(
            f"a search yielded {effect!r}, which is no effect; yield lists of Rollout, Propose, Train, Gate, Inbox or Report"
        )

    def _item(self, effect: Effect) -> Pending | None:
        """What is asked at a gate. A candidate has its row before, so that whoever is asked can look at it."""
        if isinstance(effect, Rollout):
            return None
        if self.gates.asks(effect) and isinstance(effect, Gate) and isinstance(effect.value, Candidate):
            admitted = self._admit(effect.value)
            return None if admitted is None else self.gates.item(Gate(admitted))
        return self.gates.item(effect)

    def _wait(self, items: list[Pending | None]) -> None:
        asked = [item for item in items if item is not None]
        if asked:
            self._wait_for(asked)

    def _wait_for(self, asked: list[Pending]) -> None:
        """Wait for the answers to these, and to what is asked about again."""
        batch, during = self.position()
        try:
            self.gates.wait(asked, batch, during=during)
        except Unanswered:
            raise Stopped from None

    def _through(self, item: Pending, outcome: Any = None) -> Any:
        """What comes of an item that was asked about."""
        if item.kind != "candidate":
            return self.gates.result(item, outcome)
        answer = self.archive.state.gates.get(item.id)
        chosen = item.value
        if answer is not None and answer.kind == "edit":
            chosen = Candidate.from_dict(answer.data["made"])
        return chosen if self.archive.dropped(chosen) is None else None

    def _admit(self, candidate: Candidate) -> Candidate | None:
        for slot, pin in self.archive.state.pins.items():
            if not candidate.holds(slot, pin.data["content"]):
                candidate = candidate.put(slot, Candidate.from_dict(pin.data["holder"]).values[slot])
        reason = self.archive.dropped(candidate)
        if reason is not None:
            self.controls.told("refused", f"{candidate.label}: {reason}")
            self.refusals.append(reason)
            return None
        self.refusals.clear()
        if candidate.id not in self.archive.entries:
            with self.lock:
                self.archive.admit(candidate)
            if candidate.id not in self.recording.candidates:
                self._journal.append({"k": "candidate", "n": self.batch + 1, "of": candidate.to_dict()})
            self.controls.told("candidate", candidate)
        return self.archive.entries[candidate.id].candidate
