"""A run's thread: how it starts, pauses, ends and starts again, and where in it a decision may be made."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from lmnb.errors import BudgetExceeded, InputError, LmnbError, RunError
from lmnb.lm.budget import Budget
from lmnb.optimize.archive import Archive
from lmnb.optimize.code import Code
from lmnb.optimize.decisions import Decision
from lmnb.optimize.driver import Driver, Stopped
from lmnb.optimize.header import Header
from lmnb.optimize.journal import Journal, read_records
from lmnb.optimize.recording import Recording
from lmnb.optimize.rollout import Runner
from lmnb.optimize.task import Task
from lmnb.optimize.view import Standings


class Worker:
    """What `Run` stands on: the archive, its driver, and the thread in which the driver works."""

    def __init__(self, header: Header, journal: Journal, recording: Recording, *, code: Code | None) -> None:
        self.header = header
        self.id: str = header.id
        self.name: str = header.name
        self.path: Path | None = journal.folder
        self.events: list[dict[str, Any]] = []
        self.error: LmnbError | None = None
        self._journal = journal
        self._recording = recording
        self._code = code
        self._thread: threading.Thread | None = None
        self._working = False
        self._changed = threading.Condition()
        self._seq = 0
        self._scored = 0
        self._subscribers: list[Callable[[], None]] = []
        self._before = header.seconds  # active seconds of earlier processes
        self._started: float | None = None
        self._state = recording.ended or "paused"
        self._report: str | None = None
        self._build()
        self._show_recorded()

    # --- building

    def _build(self) -> None:
        """An empty archive and the driver that will fill it."""
        header = self.header
        self._archive = Archive(
            header.evalset,
            len(header.splits[header.evalset]) if header.evalset else 0,
            {f"{predictor.path}.demos": predictor.outputs for predictor in header.predictors},
            self._journal.blobs.get,
        )
        self._standings = Standings(self._archive)
        self._budget = Budget(**header.budget)
        self._budget.add(seconds=self._before)
        self._driver = self._new_driver(self._archive, self._recording, live=self._code is not None)

    def _new_driver(
        self, archive: Archive, recording: Recording, *, live: bool, budget: Budget | None = None
    ) -> Driver:
        header = self.header
        budget = budget or self._budget
        task = Task(
            baseline=header.baseline,
            predictors=header.predictors,
            trainset=header.splits["train"],
            valset=header.splits["val"],
            evalset=header.evalset,
            seed=header.seed,
            teacher=header.teacher,
            archive=archive,
        )
        driver = Driver(
            header.optimizer().search(task, **header.options),
            archive,
            self._journal if live else Journal(None),
            recording,
            execute=None,
            budget=budget,
            num_threads=header.num_threads,
            max_errors=header.max_errors,
            told=self._told if archive is self._archive else lambda kind, what: None,
        )
        if live and self._code is not None:
            driver.execute = Runner(
                student=self._code.program,
                teacher=self._code.teacher,
                metric=self._code.metric,
                splits=header.splits,
                teacher_settings=self._code.teacher_settings,
                blobs=self._journal.blobs,
                budget=budget,
                cancelled=driver.cancelled,
                settings=self._code.settings,
            )
        return driver

    def _show_recorded(self) -> None:
        """Fill the archive from the journal, without the search: enough to look at the run, and to decide where it stands."""
        self._driver.batch = max(self._recording.requests, default=0)
        self._driver.in_batch = self._driver.batch > 0 and self._driver.batch not in self._recording.done
        for candidate in self._recording.admitted:
            self._archive.admit(candidate)
        for name in self._recording.cut_short & self._archive.entries.keys():
            self._archive.entries[name].cut_short = True
        for decision in self._recording.all_decisions:
            self._archive.decide(decision)
        for place, result in self._recording.placed:
            entry = self._archive.entries.get(place["candidate"])
            scoring = (
                place["split"] == self._archive.evalset
                and place["role"] == "student"
                and not place["tracing"]
                and not place["rollout"]
            )
            if entry is not None and scoring:
                entry.add(place["index"], result)
            self._budget.add(**{name: result.usage.get(name, 0) for name in ("calls", "tokens", "usd")})

    def with_code(self, code: Code | None, missing: str) -> Self:
        """The same stored run, able to go on; `missing` says why it is not."""
        self._code = code
        self.header = replace(self.header, missing_code=missing)
        self._build()
        self._show_recorded()
        return self

    # --- the run's own thread

    def begin(self, *, paused: bool) -> None:
        """Start a new run's thread."""
        self._restart(self._driver.run, paused=paused)

    def _launch(self, *, step: bool = False) -> None:
        """Go live: replay what the journal holds, then go on."""
        self._journal.open()
        self._build()
        self._restart(self._driver.run, step=step)

    def _restart(self, job: Callable[[], None], *, paused: bool = False, step: bool = False) -> None:
        self._started = time.monotonic()
        self.error = None
        self._driver.state, self._working = "running", True
        if paused:
            self._driver.pause()
        elif step:
            self._driver.step()
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._work, job), name=f"lmnb-run-{self.name}", daemon=True
        )
        self._thread.start()

    def _work(self, job: Callable[[], None]) -> None:
        state = "finished"
        try:
            job()
        except Stopped:
            state = "cancelled" if self._driver.cancelled.is_set() else "stopped"
        except LmnbError as error:
            self.error, state = error, "failed"
        except Exception as error:  # noqa: BLE001 - the thread's boundary: whatever went wrong in a search is shown, not lost in a thread
            self.error, state = RunError(f"the run failed with {type(error).__name__}: {error}"), "failed"
            self.error.__cause__ = error
        try:
            self._end(state)
        finally:
            with self._changed:
                self._state, self._working = state, False
                self._changed.notify_all()
            self._tell()

    def _end(self, state: str) -> None:
        self._before, self._started = self.elapsed, None
        while late := self._driver.late():  # commands that came while the last rollouts ended
            late()
        for decision in self._recording.rest():
            self._driver.decide(decision, replayed=True)
        self._journal.append(
            {
                "k": "end",
                "state": state,
                "seconds": round(self._before, 2),
                "error": str(self.error) if self.error else None,
            }
        )
        self._save()
        self._journal.close()

    def _told(self, kind: str, what: Any) -> None:
        """The driver's news, in its thread."""
        if kind == "budget" and isinstance(what, BudgetExceeded):
            self._decide(
                "stop", {"which": what.which}, f"the budget of {what.limit:g} {what.which} is spent", by="budget"
            )
            self._driver.halt()
        if kind == "scored":
            with self._changed:
                self._scored += 1
        if kind in ("scored", "candidate", "report", "decision", "budget"):
            self.events.append(
                {
                    "time": datetime.now().isoformat(timespec="seconds"),
                    "kind": kind,
                    "what": str(getattr(what, "label", None) or getattr(what, "text", what)),
                }
            )
        self._tell()

    def _tell(self) -> None:
        with self._changed:
            self._seq += 1
            self._changed.notify_all()
        for callback in list(self._subscribers):
            callback()

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback()` from the run's threads whenever something changed; gives a function that ends it. It must return quickly."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback) if callback in self._subscribers else None

    # --- control

    @property
    def state(self) -> str:
        """running, pausing, paused, stopping, stopped, cancelled, finished or failed."""
        return self._driver.state if self._working else self._state

    @property
    def live(self) -> bool:
        """Whether the run can go on: it has its code."""
        return self._code is not None

    def pause(self) -> None:
        """Dispatch no further rollout; those in flight finish and are journaled."""
        if self.state in ("running", "pausing"):
            self._driver.pause()

    def resume(self, budget: Budget | None = None) -> None:
        """Go on: after a pause, after a stop, or where an interrupted run was reopened; a stopped run can be given a larger budget."""
        if budget is not None:
            if self._working:
                raise RunError("the budget of a run at work is not changed; stop it first")
            self.header = replace(self.header, budget=dict(budget.limits))
        self._go(step=False)

    def step(self) -> None:
        """Go on to the next fully scored candidate, then pause."""
        self._go(step=True)

    def _go(self, *, step: bool) -> None:
        if self._working:
            if self.state == "stopping":
                raise RunError("the run is stopping; resume it once it has stopped")
            self._driver.step() if step else self._driver.resume()
            return
        if self._code is None:
            raise RunError(
                f"this run can be looked at and replayed, but not go on: {self.header.missing_code}. "
                "Pass it: lmnb.reopen(path, program=..., metric=...)"
            )
        if self.state == "finished":
            raise RunError("the run is finished. An edit or inject is scored at once; a longer search is a new run.")
        if self.path is None:
            raise RunError("a run without a folder cannot be resumed; give it a run_dir")
        stop = self._archive.state.stopped
        if stop is not None:
            self._take_back(stop)
        self._journal.close()
        records, _ = read_records(self.path)
        self._recording = Recording(records[1:], self._journal)
        self._launch(step=step)

    def _take_back(self, stop: Decision) -> None:
        """A resumed run takes its stop back at the stop's own position, so that a replay passes it too."""
        self._journal.open()
        number = len(self._archive.state.decisions)
        taken = Decision(
            number,
            "undo",
            {"decision": stop.id},
            f"resumed after “{stop.text}”",
            "person",
            stop.batch,
            stop.during,
            _clock(),
        )
        self._driver.decide(taken)

    def stop(self) -> None:
        """End the run and keep the best feasible candidate; rollouts in flight finish."""
        self._stop("stop", "stopped")

    def cancel(self) -> None:
        """Stop, and give up the calls in flight."""
        self._driver.cancelled.set()
        self._stop("cancel", "cancelled")

    def _stop(self, kind: str, text: str) -> None:
        def command() -> None:
            if self._archive.state.stopped is None:
                self._decide(kind, {}, text)
            self._driver.halt(cancel=kind == "cancel")

        if self._working:
            self._driver.enter("stopping")
            self._driver.post(command)

    def _join(self, timeout: float | None) -> None:
        # not Thread.join: an interrupt in it marks a running thread as ended (Python 3.11)
        with self._changed:
            self._changed.wait_for(lambda: not self._working, timeout)

    def until(self, what: str, timeout: float | None = None) -> None:
        """Wait for "candidate" (one more is fully scored), "paused" or "ended"; returns also when the run ends."""
        scored = self._scored
        tests = {
            "candidate": lambda: self._scored > scored,
            "paused": lambda: self.state == "paused",
            "ended": lambda: False,
        }
        if what not in tests:
            raise InputError(f"until({what!r}) is not known; write 'candidate', 'paused' or 'ended'")
        with self._changed:
            if not self._changed.wait_for(lambda: tests[what]() or not self._working, timeout):
                raise TimeoutError(f"the run is still {self.state}, and there was no {what!r} in {timeout} s")

    # --- deciding

    def command(self, action: Callable[[], Any]) -> Any:
        """Run `action` where decisions may be made: in the run's thread at the next boundary, or here when the run has ended."""
        if threading.current_thread() is self._thread or not self._working:
            with self._driver.lock:
                value = action()
            self._after_end()
            return value
        done = threading.Event()
        outcome: list[Any] = []

        def job() -> None:
            try:
                outcome[:] = [action(), None]
            except LmnbError as error:
                outcome[:] = [None, error]
            done.set()

        self._driver.post(job)
        while not done.wait(0.05):
            if not self._working and not done.is_set():
                return self.command(action) if not outcome else None
        if outcome[1] is not None:
            raise outcome[1]
        return outcome[0]

    def _after_end(self) -> None:
        """A decision after the end: save it, and score what the person made."""
        if self._thread is None and self._recording.ended is None and not self._recording.requests:
            return  # a new run that has not begun
        if self._working or threading.current_thread() is self._thread or self._code is None:
            return
        if self._state == "finished" and self._driver.unscored() is not None:
            self._restart(self._driver.drain)
        else:
            self._save()
            self._journal.close()

    def _decide(self, kind: str, data: Mapping[str, Any], text: str, by: str = "person") -> Decision:
        """Record a decision and put it in force; called inside `command`."""
        if self._code is None:
            raise RunError("this run is only being looked at; give reopen the program and metric to decide something")
        self._journal.open()
        batch, during = self._driver.position()
        decision = Decision(len(self._archive.state.decisions), kind, dict(data), text, by, batch, during, _clock())
        self._driver.decide(decision)
        return decision

    @property
    def elapsed(self) -> float:
        """Active seconds, over all processes that worked on it."""
        return self._before + (0.0 if self._started is None else time.monotonic() - self._started)

    def _save(self) -> None:
        """Called at the end and after each later decision; a run writes its result here."""


def _clock() -> str:
    return datetime.now().strftime("%H:%M")
