"""Branches: a second run from some point of a first one, or with other arguments, which buys nothing that the first one has bought."""

from __future__ import annotations

import inspect
import os
import secrets
import shutil
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from lmnb.canonical import jsonable
from lmnb.counts import counted
from lmnb.errors import InputError
from lmnb.lm.budget import Budget, checked_budget
from lmnb.optimize.candidate import Candidate, demo_from_dict
from lmnb.optimize.decisions import Decision, carried
from lmnb.optimize.header import Header
from lmnb.optimize.journal import Journal, read_records, whole
from lmnb.optimize.leaks import leak_words
from lmnb.optimize.new_folder import new_folder
from lmnb.optimize.recording import Recording
from lmnb.optimize.steering import Steering
from lmnb.optimize.stored_optimizer import HIDDEN
from lmnb.optimize.unstored import unstored

OWN = (
    "journal.jsonl",
    "blobs.jsonl",
    "decisions.jsonl",
    "program.json",
    "lock",
    ".*",  # with *.part: what is being written, and gone the next moment
    "*.part",
    "checks",
)  # what a branch has of its own


class Branching(Steering):
    """A worker from which others branch off."""

    @cached_property
    def branches(self) -> list[Self]:
        """The runs that were branched off from this one in this process, also from its panel, in order."""
        return []

    def branch(
        self,
        at: Any = None,
        *,
        run_dir: str | Path | None = None,
        budget: Budget | None = None,
        paused: bool = False,
        **arguments: Any,
    ) -> Self:
        """A new run that goes on from a point of this one, in a folder of its own; this run stays as it is.

        `at` is one of `run.decisions`, or a candidate by id, number or standing: the branch stands just before it came, and may go another
        way. Without it the branch stands where this run does. With `arguments` of the optimizer or of its search
        (`num_candidate_programs=15`, `num_trials`, `max_steps`, `depth`, ...) it searches from the beginning, with the decisions that
        stand: so a finished run is made longer.

        Rollouts and proposals that this run has paid for are taken from it wherever the branch asks for them, and cost the branch
        nothing, also after it was stopped, reopened and resumed: what it counts, in calls as in time, is what it does itself. Its budget
        is a fresh one, by default with the limits of this run. InputError where `at` is none of these, for
        arguments that the optimizer has not, and for those by which results would be others (a metric, an LM).
        """
        checked_budget(budget)
        self._need_code()
        if self.path is None or self._code is None:
            raise unstored("have branches")
        if at is not None and arguments:
            raise InputError(
                "other arguments make another search from its beginning on; leave at=... out, or the arguments"
            )
        records = read_records(self.path)[0][1:]
        cut = 0 if arguments else self._cut(records, at)
        limits = dict(self.limits) if budget is None else dict(budget.limits)
        created = datetime.now()
        header = _changed(self.header, arguments)
        folder = new_folder(self.path.with_name(f"{self.path.name}-branch")) if run_dir is None else Path(run_dir)
        header = replace(
            header,
            id=secrets.token_hex(6),
            name=folder.name,
            created=created.isoformat(timespec="seconds"),
            budget=limits,
            parent=self.name,
        )
        _copy_values(self.path, folder)
        journal = Journal(folder)
        journal.begin(header.to_record(journal))
        try:
            _link(self.path, folder)
            kept = [record for record in records[:cut] if not _own(record)]
            shared = [_shared(record) for record in records[cut:] if record["k"] in ("rollout", "shared", "call")]
            taken = [{"k": "taken", "count": len(shared) + len(kept)}, *shared, *kept]
            for record in taken:
                journal.append(whole(record))
            code = replace(self._code, budgets=(*self._code.budgets[:1], Budget(**{**limits, "seconds": None})))
            made = type(self)(header, journal, Recording(taken, journal), code=code)
            made._carry_over(self._archive.state.decisions if arguments else ())
        except BaseException:
            journal.close()
            raise
        made._go(step=False, paused=paused)
        self.branches.append(made)
        return made

    def _carry_over(self, decisions: Iterable[Decision]) -> None:
        """Take what stands of another run's decisions. One by which a validation example of this run would get into a prompt is left out
        with a warning, unless it was allowed there.
        """
        for kind, data, text in carried(decisions, self.header.baseline):
            leaks = self._carried_leaks(kind, data)
            if leaks and "leaks" not in data:
                warnings.warn(f"left out: {text}. Its prompt {leak_words(leaks)} of this run.", stacklevel=4)
                continue
            kept = {name: value for name, value in data.items() if name != "leaks"}
            self._decide(kind, {**kept, "leaks": leaks} if leaks else kept, text)

    def _carried_leaks(self, kind: str, data: Mapping[str, Any]) -> list[int]:
        """The validation examples that a decision of another run puts into a prompt of this one."""
        leaks = self._archive.leaks
        if "made" in data:
            return sorted({*leaks.of(Candidate.from_dict(data["made"]))} - {*leaks.of(self.header.baseline)})
        if kind == "pin":
            held = Candidate.from_dict(data["holder"]).values.get(data["slot"])
            pinned = {leaks.index(each) for each in held} if data["slot"].endswith(".demos") and held else set()
            allowed = {index for each in self._archive.state.standing for index in each.data.get("leaks", ())}
            return sorted(index for index in pinned - allowed - {*leaks.of(self.header.baseline)} if index is not None)
        demo = data.get("into", data["demo"] if kind == "keep-demo" else None)
        index = None if demo is None else leaks.index(demo_from_dict(demo))
        return [] if index is None else [index]

    def _cut(self, records: list[dict[str, Any]], at: Any) -> int:
        """How many of the records came before `at`."""
        if at is None:
            return len(records)
        if isinstance(at, Decision):
            found = [n for n, record in enumerate(records) if record["k"] == "decision" and record["id"] == at.id]
        else:
            if isinstance(at, int) and at >= len(self._archive.entries):
                raise InputError(
                    f"this run has no candidate {at}; it has {counted(len(self._archive.entries), 'candidate')}, and a number means one. For a "
                    "decision write branch(at=run.decisions[...])."
                )
            name = self._entry(at).candidate.id
            told = ((n, record) for n, record in enumerate(records) if record["k"] in ("candidate", "decision"))
            made = ((n, record["of"] if "of" in record else record["data"].get("made", {})) for n, record in told)
            found = [n for n, of in made if of.get("id") == name]
        if not found:
            raise InputError(
                f"{at!r} is no decision of this run, nor a candidate; run.decisions and run.candidates list them"
            )
        return found[0]


def _changed(header: Header, arguments: Mapping[str, Any]) -> Header:
    """The header with other arguments of the optimizer's constructor, or of its search."""
    if not arguments:
        return header
    before = header.optimizer()
    known = inspect.signature(type(before)).parameters
    searched = inspect.signature(before.search).parameters
    for name, value in arguments.items():
        if name not in known and name not in searched:
            raise InputError(
                f"{type(before).__name__} has no argument {name!r}; it takes {', '.join([*known, *searched])}"
            )
        if name in HIDDEN or jsonable(value) != value:
            raise InputError(
                f"a branch shares what this run has bought, so {name} stays. Start a new run with decisions=run.decisions."
            )
    given = {
        name: arguments.get(name, header.arguments.get(name, getattr(before, name, each.default)))
        for name, each in known.items()
    }
    optimizer = type(before)(**given)
    options = {**header.options, **{name: value for name, value in arguments.items() if name not in known}}
    return replace(
        header,
        arguments=jsonable({**header.arguments, **{n: value for n, value in arguments.items() if n in known}}),
        options=options,
        planned=optimizer.planned(**options),
        live_optimizer=optimizer,
    )


def _own(record: dict[str, Any]) -> bool:
    """Whether a record is about how far this run went, which is no matter of a branch."""
    return record["k"] in ("end", "budget", "taken") or record.get("kind") == "raise-budget"


def _shared(record: dict[str, Any]) -> dict[str, Any]:
    """A record of what was bought, as the branch has it: a call as it is, a result under its key."""
    return record if record["k"] == "call" else {**record, "k": "shared"}


def _copy_values(source: Path, folder: Path) -> None:
    """The big values of a run in another folder, unless that is a run's already. A copy, as both go on appending theirs."""
    values = source / "blobs.jsonl"
    if values.exists() and not (folder / "journal.jsonl").exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(values, folder / values.name)


def _link(source: Path, folder: Path) -> None:
    """What else lies in a run's folder in another one, without a copy where the disk can do that: it never changes."""
    shutil.copytree(source, folder, copy_function=_linked, ignore=shutil.ignore_patterns(*OWN), dirs_exist_ok=True)


def _linked(source: str, target: str) -> str:
    if not Path(target).exists():
        try:
            os.link(source, target)
        except OSError:
            shutil.copy2(source, target)
    return target
