"""A run: an optimizer at work in the background, steered by whoever watches. Here is its result, its replay and what takes it elsewhere.

Every button of the Studio is a method of the chain of classes that a run is made of: Run -> Looking -> Checking -> Branching -> Steering
-> Fixing -> Undoing -> AtGates -> Pacing -> Worker -> Parts.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, overload

from lmnb import views
from lmnb.errors import Diverged, LmnbError, MissingExtra, RunError
from lmnb.json_file import write_text
from lmnb.lm.budget import Budget
from lmnb.optimize import report
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.dispatch import Stopped
from lmnb.optimize.driver import Driver
from lmnb.optimize.effects import Report
from lmnb.optimize.front import costs
from lmnb.optimize.heldout import check_words
from lmnb.optimize.journal import all_kept, read_records
from lmnb.optimize.leaks import leak_words
from lmnb.optimize.looking import Looking
from lmnb.optimize.programs import CandidatePrograms
from lmnb.optimize.prompt_origins import PromptOrigins
from lmnb.optimize.recording import Recording
from lmnb.optimize.view import row_dict
from lmnb.optional import frame
from lmnb.shown import Shown


class Run(Looking, Shown):
    """Made by `optimizer.start(...)` and `lmnb.reopen(...)`.

    Methods may be called from any thread. What changes the run takes effect at the next effect boundary: between two rollouts. Candidates
    are named by id, by number, or by one of `run.candidates`; demos by id or by themselves.
    """

    _view = "studio"

    _retold: list[Report] | None = None

    def wait(self, timeout: float | None = None) -> Any:
        """Wait for the end and return the tuned program (see `result`). KeyboardInterrupt stops the run and returns the best so far. A
        warning says so where a spent budget has left a candidate that was ahead of the result scored in part.

        Raises what made the run fail, and TimeoutError.
        """
        program = self._waited(timeout)
        told, how = self._ahead()
        if told:
            warnings.warn(f"{self.ended}: {told}; {how}.", stacklevel=2)
        return program

    def _waited(self, timeout: float | None) -> Any:
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

    def result(self) -> Any:
        """The program of the best feasible candidate, with its provenance. Raises what made the run fail."""
        if self.error is not None:
            raise self.error
        with self._driver.lock:
            best = self._archive.best()
            provenance = None if best is None else self._provenance(best)
        if best is None:
            raise RunError(
                "no candidate is feasible: every one was rejected or dropped. Undo a decision, or inject a candidate."
            )
        program = self._program_of(best, provenance)
        with suppress(RunError), self._driver.lock:  # an optimizer that is not importable here cannot say
            told = self.header.optimizer().attributes(self)
            vars(program).update(told, _told=tuple(told))
        return program

    def program(self, candidate: Any) -> Any:
        """The program of any candidate (by id, number or standing), with its provenance."""
        with self._driver.lock:  # a run that is resumed meanwhile begins with none
            chosen = self.candidate(candidate)
            provenance = self._provenance(chosen)
        return self._program_of(chosen, provenance)

    @property
    def reports(self) -> list[Report]:
        """What the search has told. In a run that was only opened here it is told again, by a replay."""
        if not self._driver.reports and not self._working and self.path is not None and self._retold is None:
            with suppress(LmnbError):  # what cannot be replayed here tells nothing
                self._retold = self._replayed().reports
        return list(self._driver.reports or self._retold or ())

    @property
    def candidate_programs(self) -> CandidatePrograms:
        """The feasible candidates that are fully scored, the best by the objective first: dicts with `score`, `subscores`, `program`, `label` and
        `candidate`.
        """
        with self._driver.lock:
            rows = {row.id: row for row in self.candidates}
            ranked = tuple(rows[entry.candidate.id] for entry in self._archive.ranked())
        return CandidatePrograms(ranked, self.program, self._subscores)

    def _subscores(self, candidate: str) -> list[float]:
        results = self._entry(candidate).results
        return [results[index].value for index in sorted(results)]

    def _program_of(self, candidate: Candidate | None, provenance: dict[str, Any] | None = None) -> Any:
        if candidate is None:
            raise RunError("there is no candidate yet")
        program = self._code.program if self._code is not None else self.header.rebuilt_program()
        lm = None if self._code is None else self._code.settings.get("lm")
        tuned = self._trained.filled(program, candidate.values, lm)
        with self._driver.lock:
            tuned.provenance = self._provenance(candidate) if provenance is None else provenance
        return tuned

    def _provenance(self, candidate: Candidate) -> dict[str, Any]:
        entry, header = self._archive.entries[candidate.id], self.header
        standing = self._standings.of(entry)
        used = [result.bought for result in entry.results.values()]
        leaked = f"; the prompt {leak_words(standing.leaks)}" if standing.leaks else ""
        apart = ", cross-fitted" if header.splits.cross_fit else ""
        return {
            "optimizer": header.optimizer_name,
            "arguments": header.arguments,
            "seed": header.seed,
            "run": self.name,
            "candidate": candidate.id,
            "made_by": candidate.label,
            "score": self._archive.score(candidate.id),
            "interval": None if standing.low is None else [round(standing.low, 1), round(standing.high or 0.0, 1)],
            "expected": None if standing.expected is None else round(standing.expected, 1),
            "scored_on": f"{len(entry.results)} examples ({header.evalset}{apart}{leaked})" if header.evalset else None,
            "picked_from": sum(self._archive.complete(name) for name in self._archive.entries) or None,
            "check": next(
                (check_words(c) for c in reversed(self._recording.checks) if c["candidate"] == candidate.id), None
            ),
            "usage": {kind: sum(each.get(kind, 0) for each in used) for kind in ("calls", "tokens", "usd")},
            "lm": None if header.lm is None else header.lm.get("model"),
            "data": header.data_hash,
            "decisions": len([d for d in self._archive.state.standing if d.by == "person"]),
            "accepted": self._archive.state.accepted == candidate.id,
            "lmnb": header.version,
        }

    def replay(self) -> Any:
        """Search again from the journal alone: no LM call, no person. Returns the program; raises Diverged where it comes out differently."""
        return self._program_of(self.replay_candidate())

    def replay_candidate(self) -> Candidate:
        """`replay`, as far as the run's folder goes without the program's class: the candidate that the search ends with."""
        driver = self._replayed()
        again, now = driver.archive.best(), self._archive.best()
        if again is None:
            raise RunError("no candidate is feasible in this run, so there is nothing to replay")
        if now is not None and again.id != now.id:
            raise Diverged(
                f"the replay ends with candidate {again.id}, the run with {now.id}", position=(driver.batch, 0)
            )
        return again

    def _replayed(self) -> Driver:
        """A driver that has searched again from the journal alone."""
        if self.path is None:
            raise RunError("a run without a folder has no journal to replay; give it a run_dir")
        with all_kept():
            records = (record for record in read_records(self.path)[0][1:] if record["k"] not in ("call", "taken"))
            recording = Recording(
                records, self._journal
            )  # what was asked, and who paid for it, is no matter of a replay
            archive = self.header.archive(self._journal.blobs.get)
            driver = self._new_driver(archive, recording, Budget(), live=False)
            with suppress(Stopped):  # the journal of an unfinished run ends before its search
                driver.run()
            for decision in recording.rest():
                driver.decide(decision, replayed=True)
        return driver

    def _save(self) -> None:
        """`program.json` and `decisions.jsonl` beside the journal."""
        best = self._archive.best()
        if self.path is None or self._code is None or best is None:
            return
        self._program_of(best).save(self.path / "program.json")
        lines = [json.dumps(decision.to_dict(), ensure_ascii=False) + "\n" for decision in self.decisions]
        write_text(self.path / "decisions.jsonl", "".join(lines))

    def export(self, path: str | Path, format: str = "json", candidate: Any = None) -> Path:
        """Write the result (or another candidate) as a program file: "json", or a Python module: "python"."""
        with self._driver.lock:
            chosen = self._archive.best() if candidate is None else self.candidate(candidate)
        return Path(self._program_of(chosen).export(path, format=format))

    def to_pandas(self) -> Any:
        """One row a candidate; `expected` is the shrunken estimate of its score on new examples, `calls` to `characters` are what it costs
        for one example, and `on_front` says whether none is better and no dearer (see `front`).
        """
        best = {row.number for row in self.front().best}
        rows = [
            row_dict(row) | {"expected": row.expected, **costs(self._entry(row)), "on_front": row.number in best}
            for row in self.candidates
        ]
        made = frame("Run.to_pandas()", rows)
        return made.set_index("number") if len(made) else made

    @overload
    def to_html(self, path: None = None) -> str: ...

    @overload
    def to_html(self, path: str | Path) -> Path: ...

    def to_html(self, path: str | Path | None = None) -> str | Path:
        """The whole report as one script-free document to send by mail: candidates with their prompts and demos, the best one's examples,
        suspect labels, decisions, provenance, checks and costs. Long lists are cut, and say so, so that it stays below some megabytes.
        With a `path` it is written there, and the path is given.
        """
        snapshot, best, examples, found = self._report_parts(examples=report.MAX_WHOLE)
        ranked = sorted(self.candidates, key=lambda row: (row.score is None, -(row.score or 0.0), row.number))
        others = (self.detail(row) for row in ranked if best is None or row.id != best["id"])
        parts = {"origins": self._origins(), "front": self.front(), "others": others}
        page = report.run_page(snapshot, best, examples, found, **parts)
        if path is None:
            return page
        Path(path).write_text(page, encoding="utf-8")
        return Path(path)

    def plot_scores(self) -> Any:
        """A plotly figure of scores in order of creation, with the best so far."""
        return self._plot("plot_scores")()

    def plot_flips(self, a: Any = None, b: Any = None) -> Any:
        """A plotly figure of which examples each candidate fixed and broke."""
        return self._plot("plot_flips")(a, b)

    def plot_pareto(self, by: str | None = None) -> Any:
        """A plotly figure of score against cost, with the front on which none is better and no dearer; `by` as of `front`."""
        return self._plot("plot_pareto")(by)

    def plot_budget(self, by: str = "calls") -> Any:
        """A plotly figure of what was spent on each candidate, summed up, against the limit: "calls", "tokens", "usd" or "seconds"."""
        return self._plot("plot_budget")(by)

    def plot_lineage(self) -> Any:
        """A plotly figure of which candidate was made from which, and what it scored."""
        return self._plot("plot_lineage")()

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

    def _report_parts(self, examples: int = 200) -> tuple[Any, ...]:
        snapshot, best = self.snapshot(), self.best
        found = [suspect.to_dict() for suspect in self.suspects()]
        rows = self.examples(best, limit=examples) if best else None
        return snapshot, self.detail(best) if best else None, rows, found

    def _origins(self) -> PromptOrigins | None:
        return self.provenance() if self._archive.best() is not None else None

    def _repr_html_(self) -> str:
        return report.run_html(*self._report_parts())

    def __repr__(self) -> str:
        with self._driver.lock:
            return self._in_words()

    def _in_words(self) -> str:
        best, ended = self.best, self.ended
        accepted = best is not None and best.id == self._archive.state.accepted
        found = "no candidate yet" if best is None else f"{'accepted' if accepted else 'best'} #{best.number}"
        if best is not None and best.score is not None:
            found += f" {best.score:.1f}"
        if best is not None and best.expected is not None:
            found += f", {best.expected:.1f} expected on new data"
        leader = self._archive.leader()
        if accepted and best is not None and leader is not None and leader.candidate.id != best.id:
            found += f"; #{leader.number} scores {self._archive.score(leader.candidate.id):.1f}"
        found += f"; {ended}" if ended else ""
        return f"Run({self.name}: {self.state}, {len(self._archive.entries)} candidates, {found})"
