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
from lmnb.optimize.lanes import OFTEN, Lanes
from lmnb.optimize.recording import Recording

Execute = Callable[[Bought, Recording], Result]

QUICK = 0.001  # seconds of a rollout that waits for nobody


class Stopped(Exception):
    """The run ends before its search does."""


class Abandoned(Exception):
    """The process ends while the run works: it stays as it is stored, for another process to go on."""


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
    _quick: bool = False  # the last rollout was: then threads would only get into each other's way

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
        lanes = Lanes(deque(rollouts))

        def land() -> bool:
            """Whether anything has."""
            any_landed = False
            for key, outcome in lanes.landed():
                any_landed = True
                outcomes[key] = self._outcome(outcome)
                if isinstance(outcome, Result):
                    self._quick = outcome.seconds < QUICK
                    landed(rollouts[key], outcome)
            return any_landed

        def fly(key: str | None) -> None:
            """In a worker thread: one rollout after the other, while nothing has to be thought over in between."""
            while key is not None:
                outcome = self._flown(number, rollouts[key])
                key = lanes.next(key, outcome, partial(may_follow, outcome))
                if key is None or lanes.overdue():
                    controls.post(land)

        def may_follow(outcome: Result | BaseException, key: str) -> bool:
            if not isinstance(outcome, Result) or outcome.error is not None:
                return False
            usual = outcome.usage.get("calls", 0) <= self.archive.most_calls
            held = controls.paused or controls.stopping or self._scarce() or lanes.busy > self._width()
            try:
                return usual and not held and self._veto(rollouts[key]) is None
            except Exception:  # noqa: BLE001 - the driver's thread asks again, and there it ends the run
                return False

        heard = True
        try:
            while lanes:
                while not controls.paused and (key := lanes.take(self._width())) is not None:
                    controls.check_time()
                    reason = "the run ends" if controls.stopping else self._veto(rollouts[key])
                    if reason is not None:
                        outcomes[key] = Dropped(reason)
                        lanes.give_up(key)
                        continue
                    if self.execute is None:
                        raise Stopped
                    self._send_off(fly, key)
                if controls.stopping:
                    outcomes |= dict.fromkeys(lanes.clear(), Dropped("the run ends"))
                if controls.cancelled.is_set():
                    return outcomes | dict.fromkeys(lanes.flying, Dropped("the run was cancelled"))
                if lanes.waiting and controls.paused and not lanes.flying:
                    controls.enter("paused")
                if lanes:
                    # once more after a while: a thread may have gone on, untold, to a rollout that takes its time
                    heard = controls.read(wait=True, timeout=OFTEN if heard else None)
                    heard = land() or heard
                    if not heard:
                        self._quick = False
                if lanes.waiting:
                    controls.check_time()
            return outcomes
        finally:
            lanes.close()

    def _send_off(self, fly: Callable[[str | None], None], key: str) -> None:
        try:
            self._pool.submit(fly, key)
        except RuntimeError as error:  # the pool is ours and open: it takes nothing more once Python itself leaves
            raise Abandoned from error

    def _width(self) -> int:
        return 1 if self._scarce() or self._quick else self.num_threads

    def _scarce(self) -> bool:
        # near the end of a budget of calls one rollout at a time, so that which one meets the limit does not depend on timing
        if self.budget.limits["calls"] is None:
            return False
        left = self.budget.left()["calls"]
        return left is not None and left < 2 * self.num_threads * self.archive.most_calls

    def _veto(self, rollout: Bought) -> str | None:
        if not isinstance(rollout, Rollout) or rollout.role != "student":
            return None
        entry = self.archive.entries.get(rollout.candidate.id)
        return None if entry is None else self.archive.dropped(entry.candidate)

    def _flown(self, number: int, rollout: Bought) -> Result | BaseException:
        """In a worker thread: run one rollout and journal it."""
        try:
            assert self.execute is not None
            result = self.execute(rollout, self.recording)
            self.journal.append(rollout_record(number, rollout, result))
            return result
        except BaseException as error:  # noqa: BLE001 - a worker's fault ends the run, whatever it is
            return error

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
