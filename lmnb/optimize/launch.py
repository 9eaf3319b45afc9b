"""Starting a run: its folder, its header, its thread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lmnb import settings
from lmnb.example import Example
from lmnb.lm.budget import Budget
from lmnb.optimize import steering
from lmnb.optimize.code import Code
from lmnb.optimize.decisions import Decision
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
        if (folder / "journal.jsonl").exists():
            raise FileExistsError(
                f"{str(folder)!r} holds a run already. Go on with lmnb.reopen({str(folder)!r}), or choose another run_dir."
            )
    journal = Journal(folder)
    journal.open()
    journal.append(header.to_record(journal))
    journal.sync()
    run = Run(header, journal, Recording([], journal), code=code)
    steering.carry(run, decisions)
    run.begin(paused=paused)
    return run


def _new_folder(name: str) -> Path:
    base = Path(settings.current("run_dir"))
    path, number = base / name, 1
    while path.exists():
        number += 1
        path = base / f"{name}-{number}"
    return path
