"""The runs that are live in this process, by their folder: whoever opens one here gets the run itself, not a second one of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from lmnb.optimize.worker import Worker

_RUNS: WeakValueDictionary[Path, Worker] = WeakValueDictionary()


def remember_live(run: Worker) -> None:
    """From now on its folder stands for this run."""
    if run.path is not None:
        _RUNS[run.path.resolve()] = run


def live_run(folder: str | Path) -> Any:
    """The `Run` at work in this process, in that folder; None where there is none."""
    run = _RUNS.get(Path(folder).resolve())
    return run if run is not None and run._working else None
