"""Starting a run: its folder, its journal, its thread."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from weakref import WeakSet

from lmnb import settings
from lmnb.optimize.code import Code
from lmnb.optimize.decisions import Decision
from lmnb.optimize.header import Header
from lmnb.optimize.journal import Journal
from lmnb.optimize.misfits import warn_of_misfits
from lmnb.optimize.new_folder import new_folder
from lmnb.optimize.recording import Recording
from lmnb.optimize.run import Run
from lmnb.optimize.splits import warn_of_overlap


class _Auto:
    def __repr__(self) -> str:
        return "'runs/<date>-<name>'"


AUTO: Any = _Auto()


def begin(
    header: Header, code: Code, *, run_dir: str | Path | None, decisions: Iterable[Decision], paused: bool
) -> Run:
    """A new run at work in the background (see `Optimizer.start`)."""
    optimizer = header.optimizer()
    optimizer.ready(code, **header.options)
    if optimizer.learns_from_trainset:
        warn_of_overlap(header.splits)
    warn_of_misfits(code, header.predictors, header.splits["train"] if optimizer.draws_labelled else ())
    folder = _new_folder(header.name) if run_dir is AUTO else None if run_dir is None else Path(run_dir)
    if folder is not None:
        header = header.renamed(folder.name)
    journal = Journal(folder)
    journal.begin(header.to_record(journal))
    try:
        run = Run(header, journal, Recording([], journal), code=code)
        _stop_earlier(run)
        run._carry_over(decisions)
    except BaseException:
        journal.close()
        raise
    run.begin(paused=paused)
    return run


_of_cells: dict[str, tuple[str, WeakSet[Run]]] = {}


def _stop_earlier(run: Run) -> None:
    """A notebook cell that is run again ends what it had started before, so that it does not leave two runs at work."""
    marimo = sys.modules.get("marimo")
    if marimo is not None and marimo.running_in_notebook():
        marimo.Thread(target=_stop_with_cell, args=(run, marimo), daemon=True).start()
        return
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    parent = shell.get_parent() if shell is not None and hasattr(shell, "get_parent") else {}
    cell = parent.get("metadata", {}).get("cellId") or parent.get("content", {}).get("code")  # nbclassic names no cells
    if not cell:
        return
    execution = parent.get("header", {}).get("msg_id", "")
    known, runs = _of_cells.get(cell, ("", WeakSet()))
    if known != execution:
        for earlier in runs:
            earlier.stop()
        runs = WeakSet()
    runs.add(run)
    _of_cells[cell] = (execution, runs)


def _stop_with_cell(run: Run, marimo: Any) -> None:
    """marimo tells the threads of a cell, each when it asks, that the cell is run again or gone."""
    while run.state not in ("stopped", "cancelled", "finished", "failed"):
        if marimo.current_thread().should_exit:
            run.stop()
            return
        time.sleep(0.2)


def _new_folder(name: str) -> Path:
    return new_folder(Path(settings.current("run_dir")) / name)
