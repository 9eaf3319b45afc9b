"""What a run tells: its candidates and their examples, where its prompt comes from, how it stands against another run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from lmnb.canonical import canonical, jsonable
from lmnb.counts import counted
from lmnb.errors import InputError
from lmnb.example import Example
from lmnb.optimize.archive import Entry
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.checking import Checking
from lmnb.optimize.decisions import Decision
from lmnb.optimize.demos import held_demos
from lmnb.optimize.ending import ahead, ahead_words, progress
from lmnb.optimize.flips import Flips, flips
from lmnb.optimize.front import Front, front
from lmnb.optimize.groups import group_means
from lmnb.optimize.heldout import HeldOutCheck
from lmnb.optimize.prompt_origins import PromptOrigins, origins
from lmnb.optimize.run_comparison import RunComparison, compared
from lmnb.optimize.suspects import Suspect, suspects
from lmnb.optimize.view import Standing, decision_rows, detail, examples
from lmnb.trace import Trace

_OUTER = "the budget of lmnb.configure or lmnb.context"


class Looking(Checking):
    """A worker that tells of its search."""

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
            return held_demos(self._archive)

    def candidate(self, name: Any) -> Candidate:
        """The candidate of that id, number or standing."""
        return self._entry(name).candidate

    def _scored_on(self) -> str:
        name = {"val": "valset", "train": "trainset", None: "nothing"}[self.header.evalset]
        return f"{name}, cross-fitted" if self.header.splits.cross_fit else name

    def snapshot(self) -> dict[str, Any]:
        """The whole run in brief, as JSON-able data. The rows of candidates are shared with later snapshots: copy one before you change it."""
        seq = self._seq  # before anything is read: what changes meanwhile is told by a later one
        with self._driver.lock:
            rows = self._standings.dicts()
            best, first = self._archive.best(), self._archive.first(self.header.baseline)
            decisions = decision_rows(self._archive.state)
            accepted = self._archive.state.accepted
            entry = None if best is None else self._archive.entries[best.id]
            told = self._standings.settled if self._working else lambda entry: self._standings.of(entry).expected
            expected = None if entry is None else told(entry)
        checks = [stored for stored in self._recording.checks if best is not None and stored["candidate"] == best.id]
        check = HeldOutCheck.from_dict(checks[-1]).to_dict() if checks else None
        spent = self._budget.spent | {"seconds": self.elapsed}
        far = progress(rows, self.header.planned, finished=self.state == "finished")
        done, total = far.done, far.made if far.total is None else far.total
        working, pending = self.state in ("running", "pausing", "stopping"), [item.to_dict() for item in self.pending]
        doing = (working and self._training) or f"candidate {min(done + working, total)} of {total}"
        label = f"{doing}: {pending[0]['label']} waits for your answer" if pending else self.ended or doing
        eta = self.elapsed / done * (total - done) if working and self.header.planned and done else None
        return {
            "seq": seq,
            "run": {"id": self.id, "name": self.name, "path": None if self.path is None else str(self.path)},
            "optimizer": self.header.optimizer_name,
            "program": self.header.program_name,
            "state": self.state,
            "held": self.state == "waiting" and self._controls.paused,  # a pause at a gate
            "error": None if self.error is None else str(self.error),
            "ended": self.ended,
            "short_of": self._short_of(),  # the limit of its own that it would stop at again
            "live": self.live,
            "progress": {"label": label, "done": done, "total": total},
            "budget": {kind: {"spent": spent[kind], "limit": self.limits[kind]} for kind in spent},
            "elapsed": self.elapsed,
            "eta": eta,
            "evalset": {
                "name": self._scored_on(),
                "size": self._archive.size,
            },
            "note": self.header.note,
            "objective": self.header.objective,
            "best": None if best is None else best.id,
            "expected": expected,
            "check": check,
            "accepted": accepted,
            "baseline": None if first is None else first.candidate.id,
            "candidates": rows,
            "decisions": decisions,
            "pending": pending,
            "review": {
                "asks": bool(self.header.review)
                and not isinstance(self.header.review, Mapping),  # a person, no function
                "timeout": self.header.review_timeout,
                "left": self._driver.gates.seconds_left,
            },
        }

    def _ahead(self) -> tuple[str, str]:
        """What to say of a candidate that was ahead of the result when the budget was spent, and how to go on from there; "" of none."""
        stop = self._archive.state.stopped
        if self.state != "stopped" or stop is None or stop.by != "budget":
            return "", "" if self.path is None else "run.resume() goes on"
        with self._driver.lock:
            best = self._archive.best()
            found = ahead(self._archive, best)
            told = "" if best is None or found is None else ahead_words(found, self._archive, best)
        own = self._short_of()
        more = f"run.raise_budget({own}=...) goes on" if own else f"run.resume() goes on once {_OUTER} has more"
        ways = [] if self.path is None else [more]
        return told, ", ".join([*ways, *([] if found is None else [f"run.program({found.number}) takes it as it is"])])

    def _stopped_words(self) -> str:
        """What to say to whoever is given the result and not the run."""
        told, how = self._ahead()
        why = self.ended or next((d.text for d in reversed(self.decisions) if d.kind == "stop"), "it was stopped")
        result = told or f"this is the best of {counted(len(self.candidates), 'candidate')}"
        ways = f"; with run = lmnb.reopen({str(self.path)!r}), {how}" if self.path is not None else ""
        return f"the search did not end: {why}: {result}{ways}."

    def detail(self, candidate: Any, against: Any = None) -> dict[str, Any]:
        """One candidate: its gain over another (by default the first), prompt slots, demos and lineage."""
        with self._driver.lock:
            entry, other = self._pair(candidate, against)
            told = detail(self._archive, self._standings, self.header.predictors, self.header.baseline, entry, other)
        checks = [stored for stored in self._recording.checks if stored["candidate"] == entry.candidate.id]
        return told | {"check": HeldOutCheck.from_dict(checks[-1]).to_dict() if checks else None}

    def examples(
        self, candidate: Any, against: Any = None, *, offset: int = 0, limit: int = 200, only: str | None = None
    ) -> dict[str, Any]:
        """A page of a candidate's scored examples beside another candidate's; `only` is "fixed", "broken", "same" or "error"."""
        with self._driver.lock:
            entry, other = self._pair(candidate, against)
            dataset = self.header.splits[self.header.evalset] if self.header.evalset else ()
            return examples(dataset, entry, other, offset=offset, limit=limit, only=only)

    def suspects(self, margin: float = 5.0) -> list[Suspect]:
        """Rows whose label may be wrong: every good candidate answers alike there, and the metric calls it wrong.

        Good are the scored candidates within `margin` points (or one row) of the best, right on half of the rows or more; there
        must be two of them. `pandas.DataFrame(run.suspects())` is a table of it.
        """
        with self._driver.lock:
            dataset = self.header.splits[self.header.evalset] if self.header.evalset else ()
            return suspects(self._archive, dataset, margin)

    def _pair(self, candidate: Any, against: Any) -> tuple[Entry, Entry | None]:
        entry = self._entry(candidate)
        other = self._entry(against) if against is not None else self._archive.first(self.header.baseline)
        return entry, None if other is entry else other

    def trace(self, candidate: Any, example: int) -> Trace:
        """The trace of one scored example."""
        result = self._entry(candidate).results.get(example)
        if result is None or result.trace is None:
            raise InputError(f"candidate {candidate!r} has no stored trace for example {example!r}")
        trace = Trace.from_dict(self._journal.blobs.get(result.trace))
        trace.score = result.score
        return trace

    def provenance(self, candidate: Any = None) -> PromptOrigins:
        """Where each sentence and demo of the best candidate's prompt (or another's) comes from: the candidate that had it first, and whether
        it stood in the program, a person wrote it, a proposer, or which teacher and training example a demo was made with.
        """
        with self._driver.lock:
            best = self._archive.best()
            if candidate is None and best is None:
                raise InputError("no candidate is feasible; name the one whose prompt you mean")
            return origins(self._archive, self.header, self._entry(best if candidate is None else candidate))

    def flips(self, against: Any = None) -> Flips:
        """The fixed/broken matrix: examples × candidates, against the first candidate or another one."""
        with self._driver.lock:
            entry = self._archive.first(self.header.baseline) if against is None else self._entry(against)
            if entry is None:
                raise InputError("this run has no candidate yet")
            return flips(self._archive, self._examples(), entry)

    def front(self, by: str | None = None) -> Front:
        """Score against cost for one example: "calls", "tokens", "usd" or "seconds", or "characters" of the prompt; by default money or
        tokens where they are known, else characters. Tokens and money are those that were bought: what a cache answered cost nothing.
        Start with `objective="cheapest"` to have the cheapest of those as good as the best selected.
        """
        with self._driver.lock:
            return front(self._archive, self._standings, by)

    def spending(self) -> dict[str, Any]:
        """Where the budget went, by kind ("calls", "tokens", "usd", "seconds"): `spent` and `limits` of the whole, what `proposals` took, and for
        each of the `candidates`, in order of creation, what scoring it took; bootstraps and the like are the rest. Seconds of single
        rollouts overlap, so theirs are those of the work, not of the clock. What a run has of the one that it branched off took nothing.
        """
        with self._driver.lock:
            proposals = [result for _, result in self._archive.proposals]
            return {
                "spent": {**self._budget.spent, "seconds": self._clock.seconds},
                "limits": dict(self.limits),
                "proposals": _summed(proposals),
                "candidates": [
                    {
                        "number": row.number,
                        "label": row.label,
                        "status": row.status,
                        "score": row.score,
                        "human": row.human,
                    }
                    | _summed(list(self._entry(row.id).results.values()))
                    for row in self._standings.all()
                ],
            }

    def compare(self, other: Any) -> RunComparison:
        """This run against another one, say an earlier: the two results paired on the examples that both were scored on, what each cost, the
        decisions that only one has, and how the prompts differ. Reopen a stored run first: `run.compare(lmnb.reopen(path))`.
        """
        if not isinstance(other, Looking):
            raise InputError(f"a run is compared with a run, not with {other!r}. Write run.compare(lmnb.reopen(path)).")
        return compared(self, other)

    def group_scores(self, candidate: Any = None) -> dict[str, tuple[float, int]]:
        """The score of each group of examples in per cent and their number, for the best candidate or another. A run has groups by its
        `group=`, or the `WorstGroup` of its objective.
        """
        with self._driver.lock:
            return self._group_scores(self._entry(self._archive.best() if candidate is None else candidate))

    def _group_scores(self, entry: Entry) -> dict[str, tuple[float, int]]:
        scores = {index: 100 * result.value for index, result in entry.results.items()}
        return group_means(self.header.splits.groups, scores)

    def summary(self) -> dict[str, Any]:
        """The run as a row of `lmnb.runs()`: `best` is the score of the best candidate, `expected` its shrunken estimate, `check` its
        score on held-out examples, all in per cent; `usd` and `seconds` are what the search took.
        """
        with self._driver.lock:
            return self._summary()

    def _summary(self) -> dict[str, Any]:
        best = self._archive.best()
        entry = None if best is None else self._archive.entries[best.id]
        standing = None if entry is None else self._standings.of(entry)
        checks = [check.score for check in self.checks if best is not None and check.candidate == best.id]
        spent = self._budget.spent
        return {
            "name": self.name,
            "optimizer": self.header.optimizer_name,
            "program": self.header.program_name,
            "state": self.state,
            "held": self.state == "waiting" and self._controls.paused,  # a pause at a gate
            "candidates": len(self._archive.entries),
            "best": None if standing is None else standing.score,
            "expected": None if standing is None else standing.expected,
            "check": checks[-1] if checks else None,
            "decisions": len(self._archive.state.decisions),
            "calls": int(spent["calls"]),
            "tokens": int(spent["tokens"]),
            "usd": spent["usd"],
            "seconds": round(self._clock.seconds, 1),
            "seed": self.header.seed,
            "created": self.header.created,
        }

    def scores_by_example(self, candidate: Any) -> dict[str, float]:
        """A candidate's scores by the content of the examples, to compare it across runs."""
        examples, results = self._examples(), self._entry(candidate).results
        return {canonical(jsonable(dict(examples[index].items()))): results[index].value for index in sorted(results)}

    def _examples(self) -> Any:
        return self.header.splits[self.header.evalset] if self.header.evalset else ()


def _summed(results: Sequence[Any]) -> dict[str, float]:
    used = {
        kind: math.fsum(result.bought.get(kind, 0) or 0 for result in results) for kind in ("calls", "tokens", "usd")
    }
    return {**used, "seconds": math.fsum(0 if result.shared else result.seconds or 0 for result in results)}
