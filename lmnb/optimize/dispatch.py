"""Running the rollouts of a batch in worker threads, which report by mail."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from lmnb.errors import BudgetExceeded, Cancelled
from lmnb.lm.budget import Budget
from lmnb.optimize.archive import Archive
from lmnb.optimize.controls import Controls
from lmnb.optimize.effects import Bought, Dropped, Result, Rollout
from lmnb.optimize.journal import Journal
from lmnb.optimize.recording import Recording

Execute = Callable[[Bought, Recording], Result]


class Stopped(Exception):
    """The run ends before its search does."""


@dataclass(eq=False)
class Dispatcher:
    """`execute` runs one rollout; None makes this a replay, which buys nothing."""

    archive: Archive
    journal: Journal
    recording: Recording
    controls: Controls
    execute: Execute | None
    budget: Budget
    num_threads: int

    @contextmanager
    def working(self) -> Iterator[None]:
        """Inside, there are threads to run rollouts."""
        self._pool = ThreadPoolExecutor(max_workers=self.num_threads, thread_name_prefix="lmnb-rollout")
        cancelled = self.controls.cancelled
        try:
            yield
        except Stopped:
            raise
        except BaseException:
            cancelled.set()  # a failed run buys nothing more
            raise
        finally:
            # cancelled rollouts are left to find out by themselves: nobody waits for a reply that will not be used
            self._pool.shutdown(wait=not cancelled.is_set(), cancel_futures=True)

    def outcomes(
        self, number: int, rollouts: Mapping[str, Bought], landed: Callable[[Bought, Result], None]
    ) -> dict[str, Result | Dropped]:
        """What the rollouts of batch `number` give, by their keys; `landed` is called with each that was run, in this thread.

        Raises `Stopped` where a replay is at the journal's end.
        """
        controls, outcomes = self.controls, dict[str, Result | Dropped]()
        waiting, flying = deque(rollouts), set[str]()

        def land(key: str, outcome: Result | BaseException) -> None:
            if key in flying:  # else it was given up
                flying.remove(key)
                outcomes[key] = self._outcome(outcome)
                if isinstance(outcome, Result):
                    landed(rollouts[key], outcome)

        try:
            while waiting or flying:
                while waiting and not controls.paused and len(flying) < self._width():
                    controls.check_time()
                    key = waiting.popleft()
                    reason = "the run ends" if controls.stopping else self._veto(rollouts[key])
                    if reason is not None:
                        outcomes[key] = Dropped(reason)
                        continue
                    if self.execute is None:
                        raise Stopped
                    flying.add(key)
                    self._pool.submit(self._fly, number, rollouts[key], partial(land, key))
                if controls.stopping:
                    outcomes |= dict.fromkeys(waiting, Dropped("the run ends"))
                    waiting.clear()
                if controls.cancelled.is_set():
                    return outcomes | dict.fromkeys(flying, Dropped("the run was cancelled"))
                if waiting and controls.paused and not flying:
                    controls.enter("paused")
                if waiting or flying:
                    controls.read(wait=True)
            return outcomes
        finally:
            flying.clear()

    def _width(self) -> int:
        # near the end of a budget of calls one rollout at a time, so that which one meets the limit does not depend on timing
        left = self.budget.left()["calls"]
        scarce = left is not None and left < 2 * self.num_threads * self.archive.most_calls
        return 1 if scarce else self.num_threads

    def _veto(self, rollout: Bought) -> str | None:
        if not isinstance(rollout, Rollout) or rollout.role != "student":
            return None
        entry = self.archive.entries.get(rollout.candidate.id)
        return None if entry is None else self.archive.dropped(entry.candidate)

    def _fly(self, number: int, rollout: Bought, land: Callable[[Result | BaseException], None]) -> None:
        """In a worker thread: run one rollout, journal it, report."""
        try:
            assert self.execute is not None
            result = self.execute(rollout, self.recording)
            self.journal.append(rollout_record(number, rollout, result))
            self.controls.post(partial(land, result))
        except BaseException as error:  # noqa: BLE001 - a worker's fault ends the run, whatever it is
            self.controls.post(partial(land, error))

    def _outcome(self, outcome: Result | BaseException) -> Result | Dropped:
        """In the driver's thread: what came of a rollout. Raises what broke its worker."""
        if isinstance(outcome, Result):
            return outcome
        if not isinstance(outcome, (BudgetExceeded, Cancelled)):
            raise outcome
        if isinstance(outcome, BudgetExceeded) and not self.controls.stopping:
            self.controls.told("budget", outcome)
        return Dropped(str(outcome))


def rollout_record(number: int, rollout: Bought, result: Result) -> dict[str, Any]:
    """How a journal keeps what a rollout of batch `number` gave."""
    kept = {"k": "rollout", "n": number, "key": rollout.key(), "of": rollout.place(), "res": result.to_dict()}
    return {**kept, "t": round(result.seconds, 4)}
