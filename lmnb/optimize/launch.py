"""Starting a run: its folder, its header, its thread."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakSet

from lmnb import settings
from lmnb.example import Example
from lmnb.lm.budget import Budget
from lmnb.optimize.code import Code
from lmnb.optimize.decisions import Decision, carried
from lmnb.optimize.header import header_for
from lmnb.optimize.journal import Journal
from lmnb.optimize.recording import Recording
from lmnb.optimize.run import Run


class _Auto:
    def __repr__(self) -> str:
        return "'runs/<date>-<name>'"


AUTO: Any = _Auto()


def begin(
    optimizer: Any,
    student: Any,
    *,
    trainset: Sequence[Example],
    teacher: Any,
    valset: Sequence[Example] | None,
    seed: int,
    budget: Budget | None,
    run_dir: str | Path | None,
    decisions: Iterable[Decision],
    num_threads: int | None,
    paused: bool,
    options: dict[str, Any],
) -> Run:
    """A new run at work in the background (see `Optimizer.start`)."""
    code = Code(
        program=student.deepcopy(),
        metric=optimizer.metric,
        teacher=None if teacher is None else teacher.deepcopy(),
        teacher_settings=optimizer.teacher_settings,
        settings={name: settings.current(name) for name in ("lm", "adapter")},
        budgets=(settings.current("budget"), budget),
    )
    header = header_for(
        optimizer,
        code,
        trainset=trainset,
        valset=valset,
        seed=seed,
        budget=budget,
        num_threads=num_threads or getattr(optimizer, "num_threads", None) or settings.current("num_threads"),
        max_errors=optimizer.max_errors or settings.current("max_errors"),
        options=options,
    )
    folder = _new_folder(header.name) if run_dir is AUTO else None if run_dir is None else Path(run_dir)
    if folder is not None:
        header = header.renamed(folder.name)
    journal = Journal(folder)
    journal.begin(header.to_record(journal))
    try:
        run = Run(header, journal, Recording([], journal), code=code)
        _stop_earlier(run)
        for kind, data, text in carried(decisions, header.baseline):
            run._decide(kind, data, text)
    except BaseException:
        journal.close()
        raise
    run.begin(paused=paused)
    return run


_of_cells: dict[str, tuple[str, WeakSet[Run]]] = {}


def _stop_earlier(run: Run) -> None:
    """A notebook cell that is run again ends what it had started before, so that it does not leave two runs at work."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    parent = shell.get_parent() if shell is not None and hasattr(shell, "get_parent") else {}
    cell = parent.get("metadata", {}).get("cellId")
    if cell is None:
        return
    execution = parent.get("header", {}).get("msg_id", "")
    known, runs = _of_cells.get(cell, ("", WeakSet()))
    if known != execution:
        for earlier in runs:
            earlier.stop()
        runs = WeakSet()
    runs.add(run)
    _of_cells[cell] = (execution, runs)


def _new_folder(name: str) -> Path:
    base = Path(settings.current("run_dir"))
    path, number = base / name, 1
    while path.exists():
        number += 1
        path = base / f"{name}-{number}"
    return path
