"""A run's thread: how it starts, ends and starts again, and where in it a decision may be made."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import copy_context
from datetime import datetime
from typing import Any

from lmnb.canonical import jsonable
from lmnb.errors import BudgetExceeded, Diverged, InputError, LmnbError, RunError
from lmnb.optimize.code import Code
from lmnb.optimize.decisions import Decision
from lmnb.optimize.dispatch import Abandoned, Stopped
from lmnb.optimize.ending import Progress, far_words, progress, refused_words
from lmnb.optimize.header import Header
from lmnb.optimize.job import Job
from lmnb.optimize.journal import Journal
from lmnb.optimize.live import remember_live
from lmnb.optimize.parts import Parts
from lmnb.optimize.recording import Recording
from lmnb.watchers import Watchers


class Worker(Parts):
    """What `Run` stands on: its parts, and the thread in which the driver works."""

    _by = "person"  # who decides: also a policy, at the gates

    def __init__(self, header: Header, journal: Journal, recording: Recording, *, code: Code | None) -> None:
        self.events: list[dict[str, Any]] = []
        self.error: LmnbError | None = None
        self._thread: threading.Thread | None = None
        self._working = False
        self._changed = threading.Condition()
        self._seq = 0
        self._scored = 0
        self._training = ""  # how far one is that is at work
        self._watchers = Watchers("a run")
        self._state = recording.ended or "paused"
        self._why = recording.why  # the search ended where it did
        super().__init__(header, journal, recording, code=code)

    def begin(self, *, paused: bool) -> None:
        """Start a new run's thread."""
        self._restart(self._driver.run, paused=paused)

    def _launch(self, *, step: bool = False, paused: bool = False) -> None:
        """Go live: replay what the journal holds, then go on."""
        self._journal.open()
        self._build()
        self._why = None
        self._restart(self._driver.run, step=step, paused=paused)

    def _restart(self, job: Callable[[], None], *, paused: bool = False, step: bool = False) -> None:
        self._clock.start()
        remember_live(self)
        self.error = None
        self._controls.state, self._working = "running", True
        if paused:
            self._controls.pause()
        elif step:
            self._controls.step()
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._work, job), name=f"lmnb-run-{self.name}", daemon=True
        )
        self._thread.start()

    def _work(self, job: Callable[[], None]) -> None:
        state = "finished"
        try:
            job()
        except Stopped:
            state = "cancelled" if self._controls.cancelled.is_set() else "stopped"
        except Diverged as error:
            self._give_up(error)
            return
        except Abandoned:  # as if it had been killed
            self._journal.close()
            self._rest("paused")
            return
        except LmnbError as error:
            self.error, state = error, "failed"
        except Exception as error:  # noqa: BLE001 - the thread's boundary: whatever went wrong in a search is shown, not lost in a thread
            self.error, state = RunError(f"the run failed with {type(error).__name__}: {error}"), "failed"
            self.error.__cause__ = error
        try:
            self._end(state)
        except Exception as error:  # noqa: BLE001 - as above: a disk that is full, a program that cannot be saved
            self._unwritten(state, error)
        finally:
            self._rest(state)

    def _rest(self, state: str) -> None:
        """Nothing is at work any more."""
        self._archive.at_work = frozenset()
        with self._changed:
            self._state, self._working = state, False
            self._changed.notify_all()
        self._tell()

    def _give_up(self, error: Diverged) -> None:
        """The code asks for something else than the journal holds: nothing is written, the run stays as it was stored."""
        self._clock.stop()
        self._build()
        self._show_recorded()
        self._journal.close()
        self.error = error
        self._rest(self._recording.ended or "paused")

    def _end(self, state: str) -> None:
        self._clock.stop()
        for decision in self._recording.rest():
            self._driver.decide(decision, replayed=True)
        self._controls.read(wait=False)  # commands that came while the last rollouts ended
        if state == "finished" and self._why is None:
            far = self._progress()
            self._why = refused_words(self._driver.refusals, far.made, far.total)
        self._journal.append(
            {
                "k": "end",
                "state": state,
                "seconds": round(self._clock.seconds, 2),
                "error": str(self.error) if self.error else None,
                **({} if self._why is None else {"why": self._why}),
            }
        )
        self._save()
        self._journal.close()

    def _unwritten(self, state: str, error: Exception) -> None:
        """The end of the run is not on disk, or not its result."""
        if self.error is None:
            why, path = f"{type(error).__name__}: {error}".rstrip("."), str(self.path)
            self.error = RunError(
                f"the run is {state}, but that could not be written to {path!r}: {why}. What was written before is kept: mend the cause, then "
                f"lmnb.reopen({path!r}) shows it."
            )
            self.error.__cause__ = error
        with suppress(OSError):
            self._journal.close()

    def _progress(self) -> Progress:
        return progress(self._standings.dicts(), self.header.planned)

    def _told(self, kind: str, what: Any) -> None:
        """The driver's news, in its thread."""
        if kind == "budget" and isinstance(what, BudgetExceeded):
            reached = {"which": what.which, "limit": what.limit}
            self._decide("stop", reached, f"the budget of {what.limit:g} {what.which} is spent", by="budget")
            self._controls.halt()
        self._training = what if kind == "training" else self._training if kind == "state" else ""
        if kind == "scored":
            with self._changed:
                self._scored += 1
        if kind in ("scored", "candidate", "report", "decision", "budget", "refused", "training"):
            self.events.append(
                {
                    "time": datetime.now().isoformat(timespec="seconds"),
                    "kind": kind,
                    "what": str(getattr(what, "label", None) or getattr(what, "text", what)),
                }
            )
        self._tell(wake=kind != "rollout")  # nobody waits for a single rollout

    def _tell(self, *, wake: bool = True) -> None:
        with self._changed:
            self._seq += 1
            if wake:
                self._changed.notify_all()
        self._watchers.tell()

    def subscribe(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call `callback()` from the run's threads whenever something changed, the end included; gives a function that ends it. It must return
        quickly. What it raises is warned of once, and stops nothing.
        """
        return self._watchers.add(callback)

    @property
    def state(self) -> str:
        """running, pausing, paused, waiting (for your answer), stopping, stopped, cancelled, finished or failed."""
        return self._controls.state if self._working else self._state

    @property
    def ended(self) -> str | None:
        """Why the run ended before its search was through, in words: which budget is spent, or what refused everything that was still
        proposed. None while it is at work, where a person stopped it, and where its search came to its own end.
        """
        stop = self._archive.state.stopped
        if self.state == "stopped" and stop is not None and stop.by == "budget":
            far = self._progress()
            return f"{stop.text}, with {far_words(far.scored, far.total or far.made)} scored"
        return self._why if self.state == "finished" else None

    @property
    def live(self) -> bool:
        """Whether the run can go on: it has its code, or knows where to look for it."""
        return self._code is not None or self.find_code is not None

    def _need_code(self) -> None:
        if self._code is None and self.find_code is not None:
            self.with_code(*self.find_code())
        if self._code is None:
            raise RunError(
                f"this run can be looked at and replayed, but not go on or be decided about: {self.header.missing_code}. "
                "Pass it: lmnb.reopen(path, program=..., metric=...)"
            )

    def _join(self, timeout: float | None) -> None:
        # not Thread.join: an interrupt in it marks a running thread as ended (Python 3.11)
        with self._changed:
            self._changed.wait_for(lambda: not self._working, timeout)

    def until(self, what: str, timeout: float | None = None) -> None:
        """Wait for "candidate" (one more is fully scored), "pending" (something waits for your answer), "paused" or "ended"; returns also when
        the run ends.
        """
        scored = self._scored
        tests = {
            "candidate": lambda: self._scored > scored,
            "pending": lambda: self.state == "waiting",
            "paused": lambda: self.state == "paused",
            "ended": lambda: False,
        }
        if what not in tests:
            raise InputError(f"until({what!r}) is not known; write 'candidate', 'pending', 'paused' or 'ended'")
        with self._changed:
            if not self._changed.wait_for(lambda: tests[what]() or not self._working, timeout):
                raise TimeoutError(f"the run is still {self.state}, and there was no {what!r} in {timeout} s")

    # --- deciding

    def command(self, action: Callable[[], Any]) -> Any:
        """Run `action` where decisions may be made: in the run's thread at the next boundary, or here when the run has ended."""
        if threading.current_thread() is self._thread or not self._working:
            self._need_code()
            with self._driver.lock:
                value = action()
            self._after_end()
            return value
        job, controls = Job(action), self._controls
        controls.post(job.run)
        while not job.done.wait(0.05):
            ended = not self._working or self._controls is not controls
            if ended and job.claim():  # nobody reads that mail any more: it is done here
                return self.command(action)
        if job.error is not None:
            raise job.error
        return job.value

    def _next_id(self) -> int:
        return 1 + max((decision.id for decision in self._archive.state.decisions), default=-1)

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

    def _decide(
        self, kind: str, data: Mapping[str, Any], text: str, by: str | None = None, at: tuple[int, bool] | None = None
    ) -> Decision:
        """Record a decision and put it in force, here or at another position; called inside `command`."""
        self._journal.open()
        batch, during = self._driver.position() if at is None else at
        time = datetime.now().strftime("%H:%M")
        decision = Decision(self._next_id(), kind, jsonable(dict(data)), text, by or self._by, batch, during, time)
        self._driver.decide(decision)
        return decision

    @property
    def elapsed(self) -> float:
        """Working seconds, over all processes and without pauses."""
        return self._clock.seconds

    def _save(self) -> None:
        """Called at the end and after each later decision; a run writes its result here."""
