"""Checking a result on held-out examples: a run of its own in the run's folder, so journaled, budgeted and resumable like any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lmnb import settings
from lmnb.canonical import content_hash
from lmnb.errors import InputError, RunError
from lmnb.example import Example
from lmnb.lm.budget import Budget
from lmnb.optimize.branching import Branching
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.code import Code
from lmnb.optimize.header import Header
from lmnb.optimize.heldout import HeldOutCheck, checked
from lmnb.optimize.journal import Journal
from lmnb.optimize.new_header import header_for
from lmnb.optimize.record_check import stored_run
from lmnb.optimize.recording import Recording
from lmnb.optimize.search import Search, evaluate, gate, together
from lmnb.optimize.splits import asked, checked_examples, prepared
from lmnb.optimize.task import Task


class ScoreOnly:
    """A search that scores given candidates and looks for none. It is no optimizer that a user starts, so it has only what a header asks for."""

    needs_evalset = True
    needs_trainset = False
    learns_from_trainset = False
    learns_demos_only = False
    most_scored = None

    def __init__(self, candidates: Sequence[dict[str, Any]], max_errors: int) -> None:
        self.candidates = list(candidates)
        self.max_errors = max_errors

    def search(self, task: Task) -> Search:
        searches = []
        for stored in self.candidates:
            candidate = yield from gate(Candidate.from_dict(stored))
            searches.append(evaluate(candidate, task))
        yield from together(*searches)

    def get_params(self) -> dict[str, Any]:
        return {"candidates": self.candidates, "max_errors": self.max_errors}

    def libraries(self) -> dict[str, str]:
        return {}

    def planned(self) -> int:
        return len(self.candidates)

    def held_out(self) -> float:
        return 0.0

    def attributes(self, run: Any) -> dict[str, Any]:
        return {}


class Checking(Branching):
    """A worker whose result can be checked."""

    @property
    def checks(self) -> list[HeldOutCheck]:
        """The checks so far, in order."""
        return [HeldOutCheck.from_dict(stored) for stored in self._recording.checks]

    def check(
        self,
        heldout: Sequence[Example],
        *,
        candidate: Any = None,
        budget: Budget | None = None,
        num_threads: int | None = None,
    ) -> HeldOutCheck:
        """Score the program as it was and the best candidate (or another one) on examples that the run has not seen, and give the gain
        with its paired 95 % interval: the number to report, where the score on the validation set is partly luck.

        It stands in the report and in the provenance of the saved program. What a check has bought is not bought again: one that
        was stopped, by its `budget` or an interrupt, goes on where it ended when it is called again. InputError where an example is
        in the run's trainset or valset. Without a result, or while the run is at work, RunError.

        >>> import lmnb
        >>> rows = [lmnb.Example(q=f"{n} + 0?", a=str(n)).with_inputs("q") for n in range(60)]
        >>> lm = lmnb.FakeLM(lambda messages: {"a": messages[-1]["content"].split()[5] if len(messages) > 2 else "?"})
        >>> exact = lambda example, made, trace=None: example.a == made.a
        >>> with lmnb.context(lm=lm):
        ...     run = lmnb.LabeledFewShot(2, exact).start(lmnb.Predict("q -> a"), trainset=rows[:9], valset=rows[9:20], run_dir=None)
        ...     _ = run.wait()
        ...     run.check(rows[20:])
        HeldOutCheck(#1: 0.0 → 100.0 %, +100.0 points, 95 % +86.0 … +100.0 on 40 examples: better than before)
        """
        if self._working and self.state != "paused":
            raise RunError(
                "the run is at work: run.wait() for its end, or run.pause() it, before its result is checked"
            )
        self._need_code()
        examples = checked_examples(heldout, "heldout")
        self._check_unseen(examples)
        best = self._archive.best() if candidate is None else self._entry(candidate).candidate
        if best is None:
            raise RunError("no candidate is feasible, so there is nothing to check")
        pair = list(dict.fromkeys([self.header.baseline, best]))
        data = content_hash([example.provenance.id for example in examples])
        scorer = self._scored_apart(
            pair, examples, content_hash([*[one.id for one in pair], data]), budget, num_threads
        )
        return self._recorded(self._verdict(scorer, best, data))

    def _check_unseen(self, examples: Sequence[Example]) -> None:
        splits = self.header.splits
        known = {asked(example) for example in (*splits.train, *splits.val)}
        seen = [n for n, example in enumerate(examples) if asked(example) in known]
        if seen:
            raise InputError(
                f"heldout[{seen[0]}] is one of the run's own examples ({len(seen)} of {len(examples)} are), so it holds nothing out. "
                "Give examples that are in neither trainset nor valset."
            )

    def _scored_apart(
        self,
        candidates: Sequence[Candidate],
        examples: tuple[Example, ...],
        key: str,
        budget: Budget | None,
        num_threads: int | None,
    ) -> Checking:
        """A finished run that scores the candidates on these examples."""
        assert self._code is not None
        apart = {"teacher": None, "teacher_settings": {}, "proposers": {}, "proposer_lm": None}
        code = replace(self._code, **apart, budgets=(settings.current("budget"), budget), splits=None)
        if code.metric is None:
            raise InputError("this run has no metric to check with; start it with one")
        scoring = ScoreOnly([candidate.to_dict() for candidate in candidates], self.header.max_errors)
        folder = None if self.path is None else self.path / "checks" / key
        if folder is not None and (folder / "journal.jsonl").exists():
            splits = prepared(code.program, (), examples, scoring=True, needed=True, trains=False)
            run = self._stored_scorer(folder, scoring, replace(code, splits=splits))
            if run.state != "finished":
                run.resume(budget or Budget())
        else:
            threads = num_threads or self.header.num_threads
            header = header_for(
                scoring,
                code,
                (),
                examples,
                seed=self.header.seed,
                budget=budget,
                num_threads=threads,
                options={},
                hashes={name: known for name, known in self.header.code.items() if name != "teacher"},
            )
            journal = Journal(folder)
            journal.begin(header.to_record(journal))
            run = self._scorer(header, journal, [], code)
            run.begin(paused=False)
        try:
            run._join(None)
        except KeyboardInterrupt:
            run.stop()
            run._join(None)
        if run.error is not None:
            raise run.error
        if run.state != "finished":
            stop = run._archive.state.stopped
            raise RunError(
                f"the check ended after {run._archive.runs} of {len(candidates) * len(examples)} program runs "
                f"({stop.text if stop else run.state}). Check again to go on from there; budget=lmnb.Budget(...) gives it more."
            )
        return run

    def _stored_scorer(self, folder: Any, scoring: ScoreOnly, code: Code) -> Checking:
        journal = Journal(folder)
        header, records = stored_run(folder, journal)
        return self._scorer(replace(header, live_optimizer=scoring), journal, records, code)

    def _scorer(self, header: Header, journal: Journal, records: list[dict[str, Any]], code: Code) -> Checking:
        run = type(self)(header, journal, Recording(records, journal), code=None)
        run._trained = self._trained  # weights lie in the folder of the run that trained them
        return run.with_code(code, "")

    def _verdict(self, scorer: Checking, best: Candidate, data: str) -> HeldOutCheck:
        found = {name: entry.results for name, entry in scorer._archive.entries.items()}
        before, after = found[self.header.baseline.id], found[best.id]
        entry = self._archive.entries.get(best.id)
        used = [result.usage for results in found.values() for result in results.values()]
        others = {each.candidate for each in self.checks if each.data == data} - {best.id, self.header.baseline.id}
        return checked(
            [before[i].value for i in sorted(before)],
            [after[i].value for i in sorted(after)],
            candidate=best.id,
            number=entry.number if entry is not None else 0,
            errors=sum(result.error is not None for result in after.values()),
            expected=None if entry is None else self._standings.of(entry).expected,
            looks=len(others) + 1,
            data=data,
            usage={kind: sum(each.get(kind, 0) for each in used) for kind in ("calls", "tokens", "usd")},
        )

    def _recorded(self, check: HeldOutCheck) -> HeldOutCheck:
        """The check as it stands in the journal: once for each candidate and set of examples."""
        for known in self.checks:
            if (known.candidate, known.data) == (check.candidate, check.data):
                return known
        self._journal.open()
        self._journal.append({"k": "check", **check.to_dict()})
        self._journal.sync()
        self._recording.checks.append(check.to_dict())
        self._after_end()
        self._tell()
        return check
