"""The driver: performs a search batch by batch, journals what it buys, and is the one place where a person's decisions take effect.

Everything that changes the archive happens in the thread that calls `run`; rollouts run in worker threads and report by mail.
A batch with rollouts has a number. A decision takes effect before a numbered batch or while it runs, and is recorded so; that
position is all that a replay needs.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from lmnb.canonical import content_hash
from lmnb.errors import BudgetExceeded, Cancelled, Diverged
from lmnb.lm.budget import Budget
from lmnb.optimize.archive import Archive
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.clock import Clock
from lmnb.optimize.decisions import Decision
from lmnb.optimize.effects import Dropped, Effect, Gate, Inbox, Report, Result, Rollout
from lmnb.optimize.faults import Faults
from lmnb.optimize.journal import Journal
from lmnb.optimize.recording import Recording
from lmnb.optimize.search import Search

Execute = Callable[[Rollout, Recording], Result]


class Stopped(Exception):
    """The run ends before its search does."""


class Driver:
    """`execute` runs one rollout; None makes this a replay, which buys nothing. `told` is called after every change."""

    def __init__(
        self,
        search: Callable[[], Search],
        archive: Archive,
        journal: Journal,
        recording: Recording,
        *,
        execute: Execute | None,
        budget: Budget,
        num_threads: int,
        max_errors: int,
        told: Callable[[str, Any], None],
        clock: Clock,
        max_seconds: float | None = None,
    ) -> None:
        self.archive = archive
        self.recording = recording
        self.batch = 0
        self.in_batch = False
        self.state = "running"
        self.cancelled = threading.Event()
        self.lock = threading.RLock()
        self._search = search
        self._journal = journal
        self.execute = execute
        self._budget = budget
        self._num_threads = num_threads
        self._told = told
        self._mail: queue.SimpleQueue[tuple[str, Any, Any]] = queue.SimpleQueue()
        self._paused = self._stepping = self._stopping = False
        self._inbox: list[Candidate] = []
        self._faults = Faults(max_errors)
        self._clock = clock
        self._max_seconds = max_seconds
        self._calls_seen = 1

    # --- from any thread

    def pause(self) -> None:
        self._paused, self._stepping = True, False
        if self.state == "running":
            self.enter("pausing")
        self._mail.put(("wake", None, None))

    def resume(self) -> None:
        self._paused = self._stepping = False
        if self.state in ("pausing", "paused"):
            self.enter("running")
        self._mail.put(("wake", None, None))

    def step(self) -> None:
        """Run until the next candidate is fully scored, then pause."""
        self._paused, self._stepping = False, True
        if self.state in ("pausing", "paused"):
            self.enter("running")
        self._mail.put(("wake", None, None))

    def halt(self, *, cancel: bool = False) -> None:
        """In the driver's thread: dispatch nothing more; with `cancel`, refuse calls that are not sent yet and give up rollouts in flight."""
        if cancel:
            self.cancelled.set()
        if self.state != "stopping":
            self.enter("stopping")
        self._stopping = True

    def post(self, command: Callable[[], None]) -> None:
        """Run `command` in the driver's thread at the next effect boundary."""
        self._mail.put(("command", command, None))

    # --- in the driver's thread

    def run(self) -> None:
        """Perform the search to its end; raises `Stopped`, or what went wrong."""
        search = self._search()
        with self._workers():
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
        with self._workers():
            self._boundary()

    @contextmanager
    def _workers(self) -> Iterator[None]:
        self._pool = ThreadPoolExecutor(max_workers=self._num_threads, thread_name_prefix="lmnb-rollout")
        try:
            yield
        except Stopped:
            raise
        except BaseException:
            self.cancelled.set()  # a failed run buys nothing more
            raise
        finally:
            # cancelled rollouts are left to find out by themselves: nobody waits for a reply that will not be used
            self._pool.shutdown(wait=not self.cancelled.is_set(), cancel_futures=True)

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
        self._told("decision", decision)

    def late(self) -> Callable[[], None] | None:
        """A command that arrived after the last boundary."""
        while True:
            try:
                kind, command, _ = self._mail.get(block=False)
            except queue.Empty:
                return None
            if kind == "command":
                return command

    def position(self) -> tuple[int, bool]:
        """Where a decision that is taken now takes effect."""
        return (self.batch, True) if self.in_batch else (self.batch + 1, False)

    def _answers(self, batch: list[Effect]) -> list[Any]:
        if not any(isinstance(effect, Rollout) for effect in batch):
            return [self._answer(effect) for effect in batch]
        self._boundary()
        return self._perform(batch, by="search")

    def _answer(self, effect: Effect) -> Any:
        if isinstance(effect, Gate):
            return self._admit(effect.value) if isinstance(effect.value, Candidate) else self._pass_demo(effect)
        if isinstance(effect, Inbox):
            arrived, self._inbox = self._inbox, []
            return [candidate for candidate in arrived if self.archive.dropped(candidate) is None]
        if isinstance(effect, Report):
            self._told("report", effect.message)
            return None
        raise TypeError(
            f"a search yielded {effect!r}, which is no effect; yield lists of Rollout, Gate, Inbox or Report"
        )

    def _pass_demo(self, gate: Gate) -> Any:
        return None if self.archive.demo_refused(gate.slot or "", gate.value) else gate.value

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
            self._told("candidate", candidate)
        return self.archive.entries[candidate.id].candidate

    def _boundary(self) -> None:
        """Between two batches: put in force what was decided, wait while paused, evaluate what the person made."""
        while True:
            self._replay_decisions(during=False)
            self._read_mail(wait=False)
            if self._stopping:
                raise Stopped
            if self._paused and not self.recording.holds(self.batch + 1):
                self.enter("paused")
                self._read_mail(wait=True)
                continue
            waiting = self.unscored()
            if waiting is None:
                return
            self._perform(
                [Rollout(waiting, index, self.archive.evalset or "val") for index in range(self.archive.size)],
                by="driver",
            )

    def unscored(self) -> Candidate | None:
        """A candidate that is the driver's to score: the person made it, or it came back after it was dropped in flight."""
        for entry in self.archive.entries.values():
            mine = entry.candidate.id in self.archive.state.made or entry.cut_short
            if (
                mine
                and self.archive.size
                and not self.archive.complete(entry.candidate.id)
                and self.archive.dropped(entry.candidate) is None
            ):
                return entry.candidate
        return None

    def _perform(self, batch: list[Effect], by: str) -> list[Any]:
        self.batch += 1
        self.in_batch = True
        self._check_same(batch, by)
        # what needs no rollout is answered before anything is decided during the batch, live and replayed alike
        results: list[Any] = [None if isinstance(effect, Rollout) else self._answer(effect) for effect in batch]
        self._replay_decisions(during=True)
        twins: dict[str, list[int]] = {}
        todo: deque[int] = deque()
        for index, effect in enumerate(batch):
            if not isinstance(effect, Rollout):
                continue
            known = self.archive.rollouts.get(effect.key()) or self._recorded(effect)
            if known is None:
                if effect.key() not in twins:
                    todo.append(index)
                twins.setdefault(effect.key(), []).append(index)
            else:
                results[index] = known
                if isinstance(known, Result):
                    self._store(effect, known)
        bought = bool(todo)
        self._dispatch(batch, todo, results)
        for indices in twins.values():
            for index in indices[1:]:
                results[index] = results[indices[0]]
        dropped = {
            effect.key(): effect.candidate.id
            for effect, result in zip(batch, results, strict=True)
            if isinstance(effect, Rollout) and isinstance(result, Dropped)
        }
        for name in dropped.values():
            if name in self.archive.entries:
                self.archive.entries[name].cut_short = True
        if not self._stopping:
            self._faults.close(results)  # before the batch counts as done: what fails here is tried again on resume
        if not self._stopping and self.batch not in self.recording.done:
            seconds = round(self._clock.seconds, 2)
            self._journal.append({"k": "done", "n": self.batch, "dropped": dropped, "seconds": seconds})
            self._journal.sync()
        self.in_batch = False
        self._finished_candidates(batch, bought)
        if self._stopping:
            raise Stopped
        return results

    def _check_same(self, batch: list[Effect], by: str) -> None:
        asked = content_hash([by, *(effect.request() for effect in batch)], 16)
        recorded = self.recording.requests.get(self.batch)
        if recorded is None:
            self._journal.append({"k": "batch", "n": self.batch, "by": by, "req": asked, "size": len(batch)})
        elif recorded != asked:
            raise Diverged(
                f"batch {self.batch} asks for something else than the run's journal holds: the optimizer, its arguments or the data changed. "
                "Start a new run with decisions=run.decisions to go on from here.",
                position=(self.batch, 0),
            )

    def _recorded(self, rollout: Rollout) -> Result | Dropped | None:
        found = self.recording.result(self.batch, rollout.key())
        if isinstance(found, Result):
            self._budget.add(**{name: found.usage.get(name, 0) for name in ("calls", "tokens", "usd")}, seconds=0.0)
        return found

    def _dispatch(self, batch: list[Effect], todo: deque[int], results: list[Any]) -> None:
        flying: set[int] = set()
        while todo or flying:
            while todo and not self._paused and len(flying) < self._width():
                self._check_time()
                index = todo[0]
                rollout = batch[index]
                assert isinstance(rollout, Rollout)
                reason = "the run ends" if self._stopping else self._veto(rollout)
                if reason is None and self.execute is None:
                    raise Stopped  # a replay has come to the journal's end
                todo.popleft()
                if reason is not None:
                    results[index] = Dropped(reason)
                    continue
                flying.add(index)
                self._pool.submit(self._fly, index, rollout)
            if self._stopping and todo:
                for index in todo:
                    results[index] = Dropped("the run ends")
                todo.clear()
            if todo and self._paused and not flying:
                self.enter("paused")
            if self.cancelled.is_set():
                for index in flying:
                    results[index] = Dropped("the run was cancelled")
                return
            if todo or flying:
                for index, outcome in self._read_mail(wait=True):
                    flying.discard(index)
                    results[index] = outcome

    def _check_time(self) -> None:
        spent, limit = self._clock.seconds, self._max_seconds
        if limit is not None and spent >= limit and not self._stopping and self.execute is not None:
            self._told("budget", BudgetExceeded("seconds", round(spent, 1), limit))

    def _width(self) -> int:
        # near the end of a budget of calls one rollout at a time, so that which one meets the limit does not depend on timing
        left = self._budget.left()["calls"]
        return 1 if left is not None and left < 2 * self._num_threads * self._calls_seen else self._num_threads

    def _veto(self, rollout: Rollout) -> str | None:
        entry = self.archive.entries.get(rollout.candidate.id)
        if entry is None or rollout.role != "student":
            return None
        return self.archive.dropped(entry.candidate)

    def _fly(self, index: int, rollout: Rollout) -> None:
        """In a worker thread: run one rollout, journal it, report."""
        try:
            assert self.execute is not None
            result = self.execute(rollout, self.recording)
            record = {
                "k": "rollout",
                "n": self.batch,
                "key": rollout.key(),
                "of": _of(rollout),
                "res": result.to_dict(),
            }
            self._journal.append({**record, "t": round(result.seconds, 4)})
            self._mail.put(("done", index, (rollout, result)))
        except (BudgetExceeded, Cancelled) as error:
            self._mail.put(("refused", index, error))
        except BaseException as error:  # noqa: BLE001 - a worker's fault ends the run, whatever it is
            self._mail.put(("crash", index, error))

    def _read_mail(self, *, wait: bool) -> list[tuple[int, Any]]:
        """Handle what has arrived; gives finished rollouts as (index, outcome)."""
        finished: list[tuple[int, Any]] = []
        while True:
            try:
                kind, what, content = self._mail.get(block=wait)
            except queue.Empty:
                return finished
            wait = False
            if kind == "command":
                what()
            elif kind == "done":
                rollout, result = content
                self._store(rollout, result)
                self._faults.watch(result)
                finished.append((what, result))
            elif kind == "refused":
                if isinstance(content, BudgetExceeded) and not self._stopping:
                    self._told("budget", content)
                finished.append((what, Dropped(str(content))))
            elif kind == "crash":
                raise content

    def _store(self, rollout: Rollout, result: Result) -> None:
        with self.lock:
            self.archive.store(rollout, result)
            self._calls_seen = max(self._calls_seen, int(result.usage.get("calls", 0)))
        self._told("rollout", rollout)

    def _finished_candidates(self, batch: list[Effect], bought: bool) -> None:
        scored = {
            effect.candidate.id for effect in batch if isinstance(effect, Rollout) and self.archive.counts(effect)
        }
        for name in scored:
            if self.archive.complete(name):
                self.archive.entries[name].cut_short = False
                self._told("scored", self.archive.entries[name].candidate)
                if bought and self._stepping:
                    self._paused, self._stepping = True, False

    def _replay_decisions(self, *, during: bool) -> None:
        position = self.batch if during else self.batch + 1
        for decision in self.recording.decisions(position, during=during):
            self.decide(decision, replayed=True)
        stopped = self.archive.state.stopped
        if stopped is not None and not self._stopping:
            self._stopping = True

    def enter(self, state: str) -> None:
        if self.state != state:
            self.state = state
            self._clock.stop() if state == "paused" else self._clock.start()
            self._told("state", state)


def _of(rollout: Rollout) -> dict[str, Any]:
    """What a reader of the journal needs to place a rollout."""
    return {
        "candidate": rollout.candidate.id,
        "split": rollout.split,
        "index": rollout.index,
        "rollout": rollout.rollout_id,
        "role": rollout.role,
        "tracing": rollout.tracing,
    }
