"""The driver: performs a search batch by batch, journals what it buys, and is the one place where a person's decisions take effect.

Everything that changes the archive happens in the thread that calls `run`; rollouts run in worker threads and report by mail.
A batch with rollouts has a number. A decision takes effect before a numbered batch or while it runs, and is recorded so; that
position is all that a replay needs. Below, a rollout is whatever is bought: a proposal too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from lmnb.canonical import plain_hash
from lmnb.errors import Diverged
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.decisions import Decision
from lmnb.optimize.dispatch import Dispatcher, Stopped
from lmnb.optimize.effects import Bought, Dropped, Effect, Gate, Inbox, Propose, Report, Result, Rollout
from lmnb.optimize.faults import Faults
from lmnb.optimize.search import Search


class Driver:
    """Performs a search with what its dispatcher has; the controls are told of every change."""

    def __init__(self, search: Callable[[], Search], dispatcher: Dispatcher, *, max_errors: int) -> None:
        self.archive = dispatcher.archive
        self.recording = dispatcher.recording
        self.controls = dispatcher.controls
        self.batch = 0
        self.in_batch = False
        self.lock = threading.RLock()
        self.reports: list[Report] = []
        self._search = search
        self._dispatcher = dispatcher
        self._journal = dispatcher.journal
        self._budget = dispatcher.budget
        self._inbox: list[Candidate] = []
        self._faults = Faults(max_errors)

    def run(self) -> None:
        """Perform the search to its end; raises `Stopped`, or what went wrong."""
        search = self._search()
        with self._dispatcher.working():
            results: list[Any] | None = None
            while True:
                try:
                    batch = next(search) if results is None else search.send(results)
                except StopIteration:
                    break
                results = self._answers(batch)
            self._boundary()  # what was decided while the last batch ran
        self._faults.end()

    def drain(self) -> None:
        """After the search: evaluate what the person made since. For a run that had ended."""
        with self._dispatcher.working():
            self._boundary()

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
                self._inbox.append(candidate)
        self.controls.told("decision", decision)

    def position(self) -> tuple[int, bool]:
        """Where a decision that is taken now takes effect."""
        return (self.batch, True) if self.in_batch else (self.batch + 1, False)

    def unscored(self) -> Candidate | None:
        """A candidate that is the driver's to score: the person made it, or it came back after it was dropped in flight."""
        archive = self.archive
        for entry in archive.entries.values() if archive.size else ():
            candidate = entry.candidate
            mine = candidate.id in archive.state.made or entry.cut_short
            if mine and not archive.complete(candidate.id) and archive.dropped(candidate) is None:
                return candidate
        return None

    def _boundary(self) -> None:
        """Between two batches: put in force what was decided, wait while paused, evaluate what the person made."""
        while True:
            self._replay_decisions(during=False)
            self.controls.read(wait=False)
            if self.controls.stopping:
                raise Stopped
            if self.controls.paused and not self.recording.holds(self.batch + 1):
                self.controls.enter("paused")
                self.controls.read(wait=True)
                continue
            waiting = self.unscored()
            if waiting is None:
                return
            self._perform(
                [Rollout(waiting, index, self.archive.evalset or "val") for index in range(self.archive.size)],
                by="driver",
            )

    def _replay_decisions(self, *, during: bool) -> None:
        position = self.batch if during else self.batch + 1
        for decision in self.recording.decisions(position, during=during):
            self.decide(decision, replayed=True)
        if self.archive.state.stopped is not None:
            self.controls.stopping = True

    # --- effects that need no rollout

    def _answers(self, batch: list[Effect]) -> list[Any]:
        if not any(isinstance(effect, Bought) for effect in batch):
            return [self._answer(effect) for effect in batch]
        self._boundary()
        return self._perform(batch, by="search")

    def _answer(self, effect: Effect) -> Any:
        if isinstance(effect, Gate):
            if isinstance(effect.value, Candidate):
                return self._admit(effect.value)
            return None if self.archive.demo_refused(effect.slot or "", effect.value) else effect.value
        if isinstance(effect, Inbox):
            arrived, self._inbox = self._inbox, []
            return [candidate for candidate in arrived if self.archive.dropped(candidate) is None]
        if isinstance(effect, Report):
            self.reports.append(effect)
            self.controls.told("report", effect.message)
            return None
        raise TypeError(
            f"a search yielded {effect!r}, which is no effect; yield lists of Rollout, Propose, Gate, Inbox or Report"
        )

    def _admit(self, candidate: Candidate) -> Candidate | None:
        for slot, pin in self.archive.state.pins.items():
            if slot in candidate.values and candidate.content(slot) != pin.data["content"]:
                candidate = candidate.put(slot, Candidate.from_dict(pin.data["holder"]).values[slot])
        if self.archive.dropped(candidate) is not None:
            return None
        if candidate.id not in self.archive.entries:
            with self.lock:
                self.archive.admit(candidate)
            if candidate.id not in self.recording.candidates:
                self._journal.append({"k": "candidate", "n": self.batch + 1, "of": candidate.to_dict()})
            self.controls.told("candidate", candidate)
        return self.archive.entries[candidate.id].candidate

    # --- rollouts

    def _perform(self, batch: list[Effect], by: str) -> list[Any]:
        self.batch += 1
        self.in_batch = True
        self._check_same(batch, by)
        places = (effect.place() for effect in batch if isinstance(effect, Bought))
        self.archive.at_work = frozenset(place["candidate"] for place in places if self.archive.counts(place))
        # what needs no rollout is answered before anything is decided during the batch, live and replayed alike
        answers = [None if isinstance(effect, Bought) else self._answer(effect) for effect in batch]
        self._replay_decisions(during=True)
        rollouts: dict[str, Bought] = {}
        for effect in batch:
            if isinstance(effect, Bought):
                rollouts.setdefault(effect.key(), effect)
        outcomes = self._known(rollouts)
        missing = {key: rollout for key, rollout in rollouts.items() if key not in outcomes}
        outcomes |= self._dispatcher.outcomes(self.batch, missing, self._landed)
        results = [
            outcomes[effect.key()] if isinstance(effect, Bought) else answer
            for effect, answer in zip(batch, answers, strict=True)
        ]
        self._close(rollouts, outcomes)
        self.in_batch = False
        self._tell_scored(rollouts, bought=bool(missing))
        if self.controls.stopping:
            raise Stopped
        return results

    def _check_same(self, batch: list[Effect], by: str) -> None:
        asked = plain_hash([by, *(effect.request() for effect in batch)], 16)
        recorded = self.recording.requests.get(self.batch)
        if recorded is None:
            self._journal.append({"k": "batch", "n": self.batch, "by": by, "req": asked, "size": len(batch)})
        elif recorded != asked:
            raise Diverged(
                f"batch {self.batch} asks for something else than the run's journal holds: the optimizer, its arguments, its libraries or the data "
                "changed. Start a new run with decisions=run.decisions to go on from here.",
                position=(self.batch, 0),
            )

    def _known(self, rollouts: Mapping[str, Bought]) -> dict[str, Result | Dropped]:
        """Those that are in the archive, or in the journal."""
        known: dict[str, Result | Dropped] = {}
        used: dict[str, float] = {"calls": 0, "tokens": 0, "usd": 0.0}  # of what is played back
        for key, rollout in rollouts.items():
            found = self.archive.rollouts.get(key)
            if found is None:
                found = self.recording.result(self.batch, key)
                if isinstance(found, Result):
                    for kind in used:
                        used[kind] += found.usage.get(kind, 0)
            if found is not None:
                known[key] = found
            if isinstance(found, Result):
                self._store(rollout, found)
        self._budget.add(**used)
        return known

    def _landed(self, rollout: Bought, result: Result) -> None:
        self._store(rollout, result)
        self._faults.watch(result)

    def _store(self, rollout: Bought, result: Result) -> None:
        with self.lock:
            self.archive.store(rollout, result)
        self.controls.told("rollout", rollout)

    def _close(self, rollouts: Mapping[str, Bought], outcomes: Mapping[str, Result | Dropped]) -> None:
        """Write down that a batch is done, unless the run ends in it."""
        dropped = {
            key: rollout.place()["candidate"] for key, rollout in rollouts.items() if isinstance(outcomes[key], Dropped)
        }
        for name in dropped.values():
            if name in self.archive.entries:
                self.archive.entries[name].cut_short = True
        if self.controls.stopping:
            return
        proposed = {key: isinstance(effect, Propose) for key, effect in rollouts.items()}
        runs, texts = ([outcomes[key] for key, its in proposed.items() if its is kind] for kind in (False, True))
        self._faults.close(runs, texts)  # before the batch counts as done: what fails here is tried again on resume
        if self.batch not in self.recording.done:
            seconds = round(self.controls.clock.seconds, 2)
            self._journal.append({"k": "done", "n": self.batch, "dropped": dropped, "seconds": seconds})
            self._journal.sync(lazily=True)

    def _tell_scored(self, rollouts: Mapping[str, Bought], *, bought: bool) -> None:
        places = (rollout.place() for rollout in rollouts.values())
        for name in dict.fromkeys(place["candidate"] for place in places if self.archive.counts(place)):
            if self.archive.complete(name):
                self.archive.entries[name].cut_short = False
                self.controls.told("scored", self.archive.entries[name].candidate)
                if bought:
                    self.controls.stepped()
