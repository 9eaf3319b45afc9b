"""The driver: performs a search batch by batch, journals what it buys, and is the one place where a person's decisions take effect.

Everything that changes the archive happens in the thread that calls `run`; rollouts run in worker threads and report by mail.
A batch with rollouts has a number. A decision takes effect before a numbered batch or while it runs, and is recorded so; that
position is all that a replay needs. Below, a rollout is whatever is bought: a proposal too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from lmnb.canonical import plain_hash
from lmnb.counts import counted
from lmnb.errors import Diverged
from lmnb.optimize.deciding import Deciding
from lmnb.optimize.dispatch import Dispatcher, Stopped, rollout_record
from lmnb.optimize.effects import Bought, Dropped, Effect, Propose, Result, Rollout, Train
from lmnb.optimize.faults import Faults
from lmnb.optimize.locks import lost_words, with_locks
from lmnb.optimize.review import Pending
from lmnb.optimize.search import Search


class Driver(Deciding):
    """Performs a search with what its dispatcher has; the controls are told of every change."""

    def __init__(
        self,
        search: Callable[[], Search],
        dispatcher: Dispatcher,
        *,
        max_errors: int,
        review: frozenset[str] = frozenset(),
        policy: Callable[[Pending], None] = lambda item: None,
        patience: float | None = None,
    ) -> None:
        super().__init__(dispatcher, review, policy, patience)
        self._search = search
        self._dispatcher = dispatcher
        self._budget = dispatcher.budget
        self._faults = Faults(max_errors)

    def run(self) -> None:
        """Perform the search to its end; raises `Stopped`, or what went wrong."""
        search, self.gates.searching = self._search(), True
        with self._dispatcher.working():
            results: list[Any] | None = None
            while True:
                try:
                    batch = next(search) if results is None else search.send(results)
                except StopIteration:
                    break
                results = self._answers(batch)
            self._boundary()  # what was decided while the last batch ran
        self.gates.searching = False
        self._faults.end(result for entry in self.archive.entries.values() for result in entry.results.values())

    def drain(self) -> None:
        """After the search: evaluate what the person made since. For a run that had ended."""
        with self._dispatcher.working():
            self._boundary()

    def _boundary(self) -> None:
        """Between two batches: put in force what was decided, wait while paused, evaluate what the person made."""
        while True:
            self._replay_decisions(during=False)
            if not self.recording.holds(
                self.batch + 1
            ):  # else what comes now would stand before what was decided there
                self.controls.read(wait=False)
            if self.controls.stopping:
                raise Stopped
            if self.controls.paused and not self.recording.holds(self.batch + 1):
                self.controls.enter("paused")
                self.controls.read(wait=True)
                continue
            if self.gates.back() and not self.recording.holds(self.batch + 1):
                self._wait_for([])
                continue
            waiting = self.unscored()
            if waiting is None:
                return
            self._perform(
                [Rollout(waiting, index, self.archive.evalset or "val") for index in range(self.archive.size)],
                by="driver",
            )

    def _answers(self, batch: list[Effect]) -> list[Any]:
        if any(isinstance(effect, Bought) for effect in batch):
            self._boundary()
            return self._perform(batch, by="search")
        items = [self._item(effect) for effect in batch]
        self._wait(items)
        return [
            self._answer(effect) if item is None else self._through(item)
            for effect, item in zip(batch, items, strict=True)
        ]

    # --- rollouts

    def _perform(self, batch: list[Effect], by: str) -> list[Any]:
        self.batch += 1
        self.in_batch = True
        self._check_same(batch, by)
        if self.archive.state.locks:
            batch = [with_locks(effect, self.archive.state) for effect in batch]
        places = (effect.place() for effect in batch if isinstance(effect, Bought))
        scoring = dict.fromkeys(place["candidate"] for place in places if self.archive.counts(place))
        self.archive.at_work = frozenset(scoring)
        # what needs no rollout is answered before anything is decided during the batch, live and replayed alike
        # what somebody is asked about is answered at the end: the rollouts need not wait for it
        items = [self._item(effect) for effect in batch]
        answers = [
            None if isinstance(effect, Bought) or item is not None else self._answer(effect)
            for effect, item in zip(batch, items, strict=True)
        ]
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
        items = [
            self.gates.item(effect, result) if isinstance(effect, Propose) else item
            for effect, item, result in zip(batch, items, results, strict=True)
        ]
        if not self.controls.stopping:
            self._wait(items)
        results = [
            result if item is None else self._through(item, result) for item, result in zip(items, results, strict=True)
        ]
        self._close(rollouts, outcomes)
        self._tell_scored(scoring, bought=bool(missing))
        if self.controls.stopping:
            raise Stopped  # within the batch: what is decided now comes before what will be when it goes on
        self.in_batch = False
        return self._asked_again(batch, results)

    def _asked_again(self, batch: list[Effect], results: list[Any]) -> list[Any]:
        """The results, with a second proposal for each that has lost what is locked; dropped where that has lost it too."""
        state = self.archive.state
        lost = {n: words for n, effect in enumerate(batch) if (words := lost_words(effect, results[n], state))}
        first = [
            (n, replace(effect, again=True))
            for n in lost
            if isinstance(effect := batch[n], Propose) and not effect.again
        ]
        for n in lost:
            results[n] = Dropped("the proposal has lost the locked text twice")
        if first:
            self._boundary()
            second = self._perform([effect for _, effect in first], by="driver")
            for (n, _), result in zip(first, second, strict=True):
                results[n] = result
        elif lost:
            self.controls.told("refused", f"{counted(len(lost), 'proposal')} lost the locked text twice")
            self.refusals += lost.values()
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
        """Those that are in the archive, in the journal, or in that of the run that this one branched off."""
        known: dict[str, Result | Dropped] = {}
        bought: list[Mapping[str, float]] = []  # of what is played back
        bank, recorded, shared = self.archive.rollouts, self.recording.results(self.batch), self.recording.shared
        with self.lock:
            for key, rollout in rollouts.items():
                found = bank.get(key)
                if found is None and (found := recorded.get(key)) is not None and isinstance(found, Result):
                    bought.append(found.bought)
                if found is None and (found := shared.get(key)) is not None:
                    self._journal.append(rollout_record(self.batch, rollout, found))
                if found is not None:
                    known[key] = found
                if isinstance(found, Result):
                    self.archive.store(rollout, found)
        if known:
            self.controls.told("rollout", known)
        self._budget.add(**{kind: sum(each.get(kind, 0) for each in bought) for kind in ("calls", "tokens", "usd")})
        return known

    def _landed(self, rollout: Bought, result: Result) -> None:
        with self.lock:
            self.archive.store(rollout, result)
        self.controls.told("rollout", rollout)
        if not isinstance(rollout, Train):  # a search sees what a training gave, and decides what follows
            self._faults.watch(result)

    def _close(self, rollouts: Mapping[str, Bought], outcomes: Mapping[str, Result | Dropped]) -> None:
        """Write down that a batch is done, unless the run ends in it."""
        dropped = {
            key: rollout.place()["candidate"] for key, rollout in rollouts.items() if isinstance(outcomes[key], Dropped)
        }
        self.archive.cut_short.update(name for name in dropped.values() if name in self.archive.entries)
        if self.controls.stopping:
            return
        kinds = {key: type(effect) for key, effect in rollouts.items()}
        runs, texts = ([outcomes[key] for key, kind in kinds.items() if kind is its] for its in (Rollout, Propose))
        self._faults.close(runs, texts)  # before the batch counts as done: what fails here is tried again on resume
        if self.batch not in self.recording.done:
            seconds = round(self.controls.clock.seconds, 2)
            self._journal.append({"k": "done", "n": self.batch, "dropped": dropped, "seconds": seconds})
            self._journal.sync(lazily=True)

    def _tell_scored(self, names: Iterable[str], *, bought: bool) -> None:
        for name in names:
            if self.archive.complete(name):
                self.archive.cut_short.discard(name)
                self.controls.told("scored", self.archive.entries[name].candidate)
                if bought:
                    self.controls.stepped()
