"""A run put together from its header, its journal and its code: the archive, the budget and the driver, nothing of which is at work yet."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from lmnb.lm.budget import Budget, Purse
from lmnb.lm.weights import FOLDER, kept_folder
from lmnb.optimize.archive import Archive
from lmnb.optimize.clock import Clock
from lmnb.optimize.code import Code
from lmnb.optimize.controls import Controls
from lmnb.optimize.dispatch import Dispatcher
from lmnb.optimize.driver import Driver
from lmnb.optimize.header import Header
from lmnb.optimize.journal import Journal
from lmnb.optimize.recording import Recording
from lmnb.optimize.review import Pending, reviewed_kinds
from lmnb.optimize.rollout import Runner
from lmnb.optimize.standings import Standings
from lmnb.optimize.trained import TrainedLMs
from lmnb.optimize.trainings import Trainings


class Parts:
    """What a `Worker` works with."""

    def __init__(self, header: Header, journal: Journal, recording: Recording, *, code: Code | None) -> None:
        self.header = header
        self.id: str = header.id
        self.name: str = header.name
        self.path: Path | None = journal.folder
        self._journal = journal
        self._recording = recording
        self._code = code
        self.find_code: Callable[[], tuple[Code | None, str]] | None = None  # looks for it when it is needed
        self._clock = Clock(recording.seconds)
        self._whole = (
            threading.RLock()
        )  # one for all drivers that it will have: who looks sees the parts of one of them
        weights = kept_folder(header.id) if self.path is None else self.path / FOLDER
        self._trained = TrainedLMs(weights, header.lm)
        self._build()
        self._show_recorded()

    def _told(self, kind: str, what: Any) -> None:
        """The driver's news, in its thread."""
        raise NotImplementedError

    def _ask_policy(self, item: Pending) -> None:
        """Answer at a gate in the person's place."""
        raise NotImplementedError

    def _build(self) -> None:
        """An empty archive and the driver that will fill it."""
        header = self.header
        limits = {**header.budget, **(self._recording.budget or {}), "seconds": None}  # time is the clock's matter
        with self._whole:
            self._archive = header.archive(self._journal.blobs.get)
            self._standings = Standings(self._archive)
            self._budget = Budget(**limits)
            self._driver = self._new_driver(self._archive, self._recording, self._budget, live=self._code is not None)
            self._driver.lock = self._whole
            self._controls = self._driver.controls

    @property
    def limits(self) -> dict[str, float | None]:
        """The run's limits of calls, tokens, usd and seconds."""
        unlimited = dict.fromkeys(("calls", "tokens", "usd", "seconds"))
        return unlimited | self.header.budget | (self._recording.budget or {})

    def _new_driver(self, archive: Archive, recording: Recording, budget: Budget, *, live: bool) -> Driver:
        header = self.header
        task = header.task(archive)
        told = self._told if archive is self._archive else lambda kind, what: None
        controls = Controls(told, self._clock if live else Clock(), self.limits["seconds"] if live else None)
        execute = None
        if live and self._code is not None:
            purse = Purse(budget, *self._code.budgets)
            trainings = Trainings(self._code, self._trained, self._journal, purse, controls)
            runs_with = (self._journal.blobs, purse, controls.cancelled, self._trained, trainings)
            execute = Runner(self._code, header.splits, *runs_with)
        journal = self._journal if live else Journal(None)
        dispatcher = Dispatcher(archive, journal, recording, controls, execute, budget, header.num_threads)
        return Driver(
            lambda: header.optimizer().search(task, **header.options),
            dispatcher,
            max_errors=header.max_errors,
            review=reviewed_kinds(header.review),
            policy=self._ask_policy,
            patience=0 if isinstance(header.review, Mapping) else header.review_timeout,
        )

    def _show_recorded(self) -> None:
        """Fill the archive from the journal, without the search: enough to look at the run, and to decide where it stands."""
        self._driver.batch = max(self._recording.requests, default=0)
        self._driver.in_batch = self._driver.batch > 0 and self._driver.batch not in self._recording.done
        for candidate in self._recording.admitted:
            self._archive.admit(candidate)
        self._archive.cut_short |= self._recording.cut_short & self._archive.entries.keys()
        for decision in sorted(self._recording.all_decisions, key=lambda each: (each.batch, each.during)):
            self._archive.decide(decision)  # in the order in which a replay puts them in force
        used: dict[str, float] = {"calls": 0, "tokens": 0, "usd": 0.0}
        for place, result in self._recording.placed:
            self._archive.add(place, result)
            self._archive.runs += place["role"] not in ("proposer", "trainer")
            bought = result.bought
            for kind in used:
                used[kind] += bought.get(kind, 0)
        self._budget.add(**used)

    def with_code(self, code: Code | None, missing: str) -> Self:
        """The same stored run, able to go on; `missing` says why it is not."""
        self._code, self.find_code = code, None
        self.header = replace(self.header, missing_code=missing)
        if code is not None and code.splits is not None:
            self.header = replace(self.header, splits=code.splits)
        with self._whole:
            self._build()
            self._show_recorded()
        return self
