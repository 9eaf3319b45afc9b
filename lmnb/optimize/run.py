"""A run: an optimizer at work in the background, steered by whoever watches. Every button of the Studio is a method here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from lmnb import views
from lmnb.errors import BudgetExceeded, Diverged, InputError, LmnbError, MissingExtra, RunError
from lmnb.example import Example
from lmnb.lm.budget import Budget
from lmnb.optimize import report, steering
from lmnb.optimize.archive import Archive, Entry
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.code import Code
from lmnb.optimize.decisions import Decision
from lmnb.optimize.driver import Driver, Stopped
from lmnb.optimize.header import Header
from lmnb.optimize.journal import Journal, read_records
from lmnb.optimize.recording import Recording
from lmnb.optimize.rollout import Runner
from lmnb.optimize.task import Task
from lmnb.optimize.view import Standing, Standings, detail, examples, row_dict
from lmnb.trace import Trace

ENDED = ("stopped", "cancelled", "finished", "failed")


class Run:
    """Made by `optimizer.start(...)` and `lmnb.reopen(...)`.

    Methods may be called from any thread. What changes the run takes effect at the next effect boundary: between two rollouts. Candidates
    are named by id, by number, or by one of `run.candidates`; demos by id or by themselves.
    """

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

    def _new_driver(self, archive: Archive, recording: Recording, *, live: bool, budget: Budget | None = None) -> Driver:
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
            scoring = place["split"] == self._archive.evalset and place["role"] == "student" and not place["tracing"] and not place["rollout"]
            if entry is not None and scoring:
                entry.add(place["index"], result)
            self._budget.add(**{name: result.usage.get(name, 0) for name in ("calls", "tokens", "usd")})

    def with_code(self, code: Code | None, missing: str) -> Run:
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
        self._thread = threading.Thread(target=copy_context().run, args=(self._work, job), name=f"lmnb-run-{self.name}", daemon=True)
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
        self._journal.append({"k": "end", "state": state, "seconds": round(self._before, 2), "error": str(self.error) if self.error else None})
        self._save()
        self._journal.close()

    def _save(self) -> None:
        """`program.json` and `decisions.jsonl` beside the journal."""
        if self.path is None or self._code is None or self.best is None:
            return
        self._program_of(self._archive.best()).save(self.path / "program.json")
        steering.write_decisions(self.path / "decisions.jsonl", self.decisions)

    def _told(self, kind: str, what: Any) -> None:
        """The driver's news, in its thread."""
        if kind == "budget" and isinstance(what, BudgetExceeded):
            self._decide("stop", {"which": what.which}, f"the budget of {what.limit:g} {what.which} is spent", by="budget")
            self._driver.halt()
        if kind == "scored":
            with self._changed:
                self._scored += 1
        if kind in ("scored", "candidate", "report", "decision", "budget"):
            self.events.append({"time": datetime.now().isoformat(timespec="seconds"), "kind": kind, "what": str(getattr(what, "label", None) or getattr(what, "text", what))})
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
        taken = Decision(number, "undo", {"decision": stop.id}, f"resumed after “{stop.text}”", "person", stop.batch, stop.during, _clock())
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

    def wait(self, timeout: float | None = None) -> Any:
        """Wait for the end and return the tuned program (see `result`). KeyboardInterrupt stops the run and returns the best so far.

        Raises what made the run fail, and TimeoutError.
        """
        try:
            self._join(timeout)
        except KeyboardInterrupt:
            self.stop()
            self._join(None)
        if self._working:
            raise TimeoutError(f"the run is still {self.state} after {timeout} s")
        freeze = views.find("freeze")
        if freeze is not None:
            freeze(self)
        return self.result()

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

    # --- decisions

    def accept(self, candidate: Any) -> None:
        """Endorse a candidate as the result; a later accept or reject changes it."""
        steering.accept(self, candidate)

    def reject(self, candidate: Any, reason: str | None = None) -> None:
        """Rule a candidate out; it keeps its scores and can come back by undo."""
        steering.reject(self, candidate, reason)

    def edit(self, candidate: Any, slot: str, text: str) -> Candidate:
        """A child of the candidate with another text in a slot such as "self.instructions"; it is evaluated next."""
        return steering.edit(self, candidate, slot, text)

    def inject(self, instructions: str | Mapping[str, str] | None = None, demo: Any = None, candidate: Mapping[str, Any] | None = None) -> Candidate:
        """A child of the best candidate with these instructions, or with this demo added, or with these slot values; it is evaluated next."""
        return steering.inject(self, instructions, demo, candidate)

    def keep_demo(self, demo: Any) -> None:
        """Endorse a demo: later candidates that draw labelled demos take it first."""
        steering.keep_demo(self, demo)

    def reject_demo(self, demo: Any, reason: str | None = None) -> None:
        """Rule out a demo and every candidate that holds it, or one that says the same."""
        steering.reject_demo(self, demo, reason)

    def edit_demo(self, demo: Any, fields: Mapping[str, Any], candidate: Any = None) -> Candidate:
        """A child of the candidate (by default the best that holds the demo) with the demo's fields changed."""
        return steering.edit_demo(self, demo, fields, candidate)

    def pin(self, slot: str, candidate: Any) -> None:
        """Fix a slot to a candidate's value: later candidates carry it, those with another value are out until it is unpinned."""
        steering.pin(self, slot, candidate)

    def unpin(self, slot: str) -> None:
        steering.unpin(self, slot)

    def undo(self, decision: Any = None) -> None:
        """Take back a decision, by default the last that stands; candidates that it dropped come back with their scores."""
        steering.undo(self, decision)

    def redo(self) -> None:
        """Put the decision that was undone last in force again."""
        steering.redo(self)

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

    # --- looking

    @property
    def elapsed(self) -> float:
        """Active seconds, over all processes that worked on it."""
        return self._before + (0.0 if self._started is None else time.monotonic() - self._started)

    @property
    def candidates(self) -> list[Standing]:
        """All candidates in order of creation, as they stand."""
        with self._driver.lock:
            return self._standings.all()

    @property
    def best(self) -> Standing | None:
        """The candidate that is the result as things stand: accepted, else the best scored feasible one."""
        with self._driver.lock:
            best = self._archive.best()
            return None if best is None else self._standings.of(self._archive.entries[best.id])

    @property
    def decisions(self) -> list[Decision]:
        """All decisions, undone ones and undos included."""
        return list(self._archive.state.decisions)

    @property
    def demos(self) -> list[Example]:
        """Every different demo that some candidate holds, in order of first use, with its origin and training index."""
        with self._driver.lock:
            return list({demo.provenance.id: demo for entry in self._archive.entries.values() for _, demo in entry.candidate.demos()}.values())

    def candidate(self, name: Any) -> Candidate:
        """The candidate of that id, number or standing."""
        return self._entry(name).candidate

    def _entry(self, name: Any) -> Entry:
        key = getattr(name, "id", name)
        entries = self._archive.entries
        if isinstance(key, int) and not isinstance(key, bool) and 0 <= key < len(entries):
            return list(entries.values())[key]
        if isinstance(key, str) and key in entries:
            return entries[key]
        raise InputError(f"this run has no candidate {name!r}; its {len(entries)} candidates are listed by run.candidates")

    def result(self) -> Any:
        """The program of the best feasible candidate, with its provenance. Raises what made the run fail."""
        if self.error is not None:
            raise self.error
        best = self._archive.best()
        if best is None:
            raise RunError("no candidate is feasible: every one was rejected or dropped. Undo a decision, or inject a candidate.")
        return self._program_of(best)

    def _program_of(self, candidate: Candidate | None) -> Any:
        if candidate is None:
            raise RunError("there is no candidate yet")
        program = self._code.program if self._code is not None else self.header.rebuilt_program()
        tuned = program.with_candidate(candidate.values)
        tuned.provenance = self._provenance(candidate)
        return tuned

    def _provenance(self, candidate: Candidate) -> dict[str, Any]:
        entry, header = self._archive.entries[candidate.id], self.header
        return {
            "optimizer": header.optimizer_name,
            "arguments": header.arguments,
            "seed": header.seed,
            "run": self.name,
            "candidate": candidate.id,
            "made_by": candidate.label,
            "score": self._archive.score(candidate.id),
            "scored_on": f"{len(entry.results)} examples ({header.evalset})" if header.evalset else None,
            "data": header.data_hash,
            "decisions": len([d for d in self._archive.state.standing if d.by == "person"]),
            "accepted": self._archive.state.accepted == candidate.id,
            "lmnb": header.version,
        }

    def snapshot(self) -> dict[str, Any]:
        """The whole run in brief, as JSON-able data."""
        with self._driver.lock:
            rows = [row_dict(standing) for standing in self._standings.all()]
            best, baseline = self._archive.best(), next(iter(self._archive.entries), None)
            decisions = steering.shown(self._archive.state)
            accepted = self._archive.state.accepted
        spent, done = self._budget.spent | {"seconds": self.elapsed}, sum(row["status"] in ("scored", "unscored", "dropped") for row in rows)
        planned = self.header.planned
        total = max(len(rows), (planned or 0) + sum(row["human"] for row in rows))
        working = self.state in ("running", "pausing", "stopping")
        eta = self.elapsed / done * (total - done) if working and planned and done else None
        return {
            "seq": self._seq,
            "run": {"id": self.id, "name": self.name, "path": None if self.path is None else str(self.path)},
            "optimizer": self.header.optimizer_name,
            "program": self.header.program_name,
            "state": self.state,
            "error": None if self.error is None else str(self.error),
            "live": self.live,
            "progress": {"label": f"candidate {min(done + working, total)} of {total}", "done": done, "total": total},
            "budget": {kind: {"spent": spent[kind], "limit": self._budget.limits[kind]} for kind in spent},
            "elapsed": self.elapsed,
            "eta": eta,
            "evalset": {"name": {"val": "valset", "train": "trainset", None: "nothing"}[self.header.evalset], "size": self._archive.size},
            "best": None if best is None else best.id,
            "accepted": accepted,
            "baseline": baseline,
            "candidates": rows,
            "decisions": decisions,
        }

    def detail(self, candidate: Any, against: Any = None) -> dict[str, Any]:
        """One candidate: its gain over another (by default the first), prompt slots, demos and lineage."""
        with self._driver.lock:
            entry, other = self._pair(candidate, against)
            return detail(self._archive, self._standings, self.header.predictors, self.header.baseline, entry, other)

    def examples(self, candidate: Any, against: Any = None, *, offset: int = 0, limit: int = 200, only: str | None = None) -> dict[str, Any]:
        """A page of a candidate's scored examples beside another candidate's; `only` is "fixed", "broken", "same" or "error"."""
        with self._driver.lock:
            entry, other = self._pair(candidate, against)
            dataset = self.header.splits[self.header.evalset] if self.header.evalset else ()
            return examples(dataset, entry, other, offset=offset, limit=limit, only=only)

    def _pair(self, candidate: Any, against: Any) -> tuple[Entry, Entry | None]:
        entry = self._entry(candidate)
        other = self._entry(against) if against is not None else next(iter(self._archive.entries.values()))
        return entry, None if other is entry else other

    def trace(self, candidate: Any, example: int) -> Trace:
        """The trace of one scored example."""
        result = self._entry(candidate).results.get(example)
        if result is None or result.trace is None:
            raise InputError(f"candidate {candidate!r} has no stored trace for example {example!r}")
        trace = Trace.from_dict(self._journal.blobs.get(result.trace))
        trace.score = result.score
        return trace

    def replay(self) -> Any:
        """Search again from the journal alone: no LM call, no person. Returns the program; raises Diverged where it comes out differently."""
        records = read_records(self.path)[0][1:] if self.path is not None else []
        recording = Recording(records, self._journal)
        archive = Archive(self._archive.evalset, self._archive.size, self._archive.outputs, self._journal.blobs.get)
        driver = self._new_driver(archive, recording, live=False, budget=Budget())
        try:
            driver.run()
        except Stopped:
            pass
        for decision in recording.rest():
            driver.decide(decision, replayed=True)
        again, now = archive.best(), self._archive.best()
        if now is not None and (again is None or again.id != now.id):
            raise Diverged(f"the replay ends with candidate {again.id if again else None}, the run with {now.id}", position=(driver.batch, 0))
        return self._program_of(again)

    # --- taking it elsewhere

    def export(self, path: str | Path, format: str = "json", candidate: Any = None) -> Path:  # noqa: A002 - the field's word
        """Write the result (or another candidate) as a program file: "json", or a Python module: "python"."""
        chosen = self._archive.best() if candidate is None else self.candidate(candidate)
        return Path(self._program_of(chosen).export(path, format=format))

    def to_pandas(self) -> Any:
        """One row a candidate."""
        try:
            import pandas
        except ImportError as error:
            raise MissingExtra("pandas", "pandas", "Run.to_pandas()") from error
        return pandas.DataFrame([row_dict(standing) for standing in self.candidates]).set_index("number")

    def to_html(self) -> str:
        """The whole report as one script-free document."""
        return report.run_page(*self._report_parts())

    def plot_scores(self) -> Any:
        """A plotly figure of scores in order of creation, with the best so far."""
        return self._plot("plot_scores")()

    def plot_flips(self, a: Any = None, b: Any = None) -> Any:
        """A plotly figure of which examples each candidate fixed and broke."""
        return self._plot("plot_flips")(a, b)

    def _plot(self, name: str) -> Callable[..., Any]:
        plot = views.find(name)
        if plot is None:
            raise MissingExtra("plotly", "plots", f"Run.{name}()")
        return lambda *args: plot(self, *args)

    def studio(self) -> Any:
        """Show the live panel (needs the extra `lab`)."""
        show = views.find("studio")
        if show is None:
            raise MissingExtra("anywidget", "lab", "the live Studio")
        return show(self)

    def _report_parts(self) -> tuple[Any, ...]:
        snapshot, best = self.snapshot(), self.best
        return snapshot, self.detail(best) if best else None, self.examples(best) if best else None

    def _repr_html_(self) -> str:
        return report.run_html(*self._report_parts())

    def _ipython_display_(self) -> None:
        show = views.find("studio")
        if show is not None:
            show(self)
            return
        from IPython.display import display

        display({"text/plain": repr(self), "text/html": self._repr_html_()}, raw=True)

    def __repr__(self) -> str:
        best = self.best
        found = "no candidate yet" if best is None else f"best #{best.number}" + (f" {best.score:.1f}" if best.score is not None else "")
        return f"Run({self.name}: {self.state}, {len(self._archive.entries)} candidates, {found})"


def _clock() -> str:
    return datetime.now().strftime("%H:%M")

