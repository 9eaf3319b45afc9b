"""Stored runs: `runs()` lists them, `reopen(path)` opens one."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from lmnb import settings
from lmnb.canonical import canonical
from lmnb.errors import Diverged, InputError, LmnbError, RunError
from lmnb.example import Example
from lmnb.html import el, money, root, table_of
from lmnb.modules.program_file import LM_KINDS
from lmnb.nearest import did_you_mean
from lmnb.optimize.code import Code, built, changed, code_hashes, import_function, in_words
from lmnb.optimize.header import Header
from lmnb.optimize.journal import Journal, all_kept, is_live
from lmnb.optimize.live import live_run
from lmnb.optimize.record_check import stored_run
from lmnb.optimize.recording import Recording
from lmnb.optimize.run import Run
from lmnb.optimize.run_comparison import RunComparison
from lmnb.optimize.splits import prepared
from lmnb.optional import frame, need
from lmnb.shown import Shown

LONG = 100_000  # records of a journal
LONGEST = 80  # characters of a cell


class StoredRun(dict[str, Any]):
    """A row of `lmnb.runs()`: what is known of a run, by column."""

    def open(self) -> Run:
        """The run itself: as it is at work in this process, else reopened."""
        path = self["path"]
        return live_run(path) or reopen(path)

    def compare(self, other: Any) -> RunComparison:
        """This run against another, as `run.compare(other)` does; the other one as a row, a run or the path of its folder."""
        if isinstance(other, (str, PathLike)):
            other = reopen(Path(other))
        return self.open().compare(other.open() if isinstance(other, StoredRun) else other)


class Runs(Shown, tuple[StoredRun, ...]):
    """Stored runs, newest first, as rows; shows itself as a table."""

    _view = "runs"

    columns = (
        *("name", "optimizer", "program", "state", "candidates", "best", "expected", "check", "decisions"),
        *("calls", "tokens", "usd", "seconds", "seed", "created", "path"),
    )

    def to_pandas(self) -> Any:
        """One row a run, `created` as a time: sort it by any column."""
        pandas = need("pandas", "pandas", "runs().to_pandas()")
        made = frame("runs().to_pandas()", self, self.columns)
        return made.assign(created=pandas.to_datetime(made["created"], errors="coerce"))

    def open(self, name: str | int | Mapping[str, Any]) -> Run:
        """The run of that name or place, or of a row: itself where it is at work in this process, else reopened. To go on with code that is
        not importable, use `lmnb.reopen(path, ...)`.
        """
        return self._row(name).open()

    def compare(self, one: Any, other: Any = None) -> RunComparison:
        """One stored run against another, as `run.compare(other)` does; each by its name or place, or as its row."""
        if other is None:
            raise InputError("two runs are compared, each by its name or place: runs().compare(0, 1)")
        return self.open(one).compare(self.open(other))

    def _row(self, name: Any) -> StoredRun:
        name = name.get("name") if isinstance(name, Mapping) else name
        found = [row for place, row in enumerate(self) if name in (row["name"], place)]
        if not found:
            known = [str(row["name"]) for row in self]
            raise InputError(
                f"there is no run {name!r} here. {did_you_mean(str(name), known, 'lmnb.runs(folder) looks elsewhere.')}"
            )
        return found[0]

    def __repr__(self) -> str:
        if not self:
            return "no stored runs"
        cells = [_SHOWN, *[[_cut(_cell(row[name], name)) for name in _SHOWN] for row in self]]
        widths = [max(len(row[i]) for row in cells) for i in range(len(_SHOWN))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
        )

    def _repr_html_(self) -> str:
        look = {name: None if name in ("name", "optimizer", "program") else {"class": "lm-tight"} for name in _SHOWN}
        rows = [el("tr", {}, *[el("td", look[name], _cell(row[name], name)) for name in _SHOWN]) for row in self]
        note = "expected: the score of the best, shrunken for having been picked; check: its score on held-out examples"
        pane = el("div", {"class": "lm-pane"}, table_of(_SHOWN, rows, "lm-table lm-num"))
        return root("report", pane, el("div", {"class": "lm-pane lm-muted"}, note))


_SHOWN = [name for name in Runs.columns if name not in ("tokens", "seconds", "seed", "path")]


def _cut(text: str) -> str:
    """As much as a line of a table takes: an error is long."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _cell(value: Any, name: str = "") -> str:
    if value is None:
        return ""
    if name == "created":
        return str(value)[:16].replace("T", " ")  # to the minute
    return money(value) if name == "usd" else f"{value:.1f}" if isinstance(value, float) else str(value)


def runs(folder: str | Path | None = None) -> Runs:
    """The stored runs below a folder (by default the one that new runs go to), newest first. InputError for a folder that is not there."""
    if folder is not None and not isinstance(folder, (str, PathLike)):
        raise InputError(
            f"{folder!r} is no folder. Write lmnb.runs() for all runs, lmnb.runs().open({folder!r}) for one of them."
        )
    base, usual = (
        Path(each) for each in (settings.current("run_dir") if folder is None else folder, settings.current("run_dir"))
    )
    if folder is not None and not base.is_dir():
        raise InputError(
            f"there is no folder {str(base)!r} (looked for at {str(base.absolute())!r}). New runs are stored in {str(usual)!r}, unless a "
            "run_dir says otherwise: lmnb.runs() lists those."
        )
    if (base / "journal.jsonl").is_file():
        raise InputError(f"{str(base)!r} is a run and no folder of runs. Write lmnb.reopen({str(base)!r}).")
    rows = [_row(path.parent) for path in base.glob("*/journal.jsonl")]
    return Runs(sorted(rows, key=lambda row: str(row["created"]), reverse=True))


def _row(folder: Path) -> StoredRun:
    return StoredRun(_known(folder))


def _known(folder: Path) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(Runs.columns) | {"name": folder.name, "path": str(folder)}
    running = live_run(folder)
    if running is not None:
        return row | running.summary() | {"name": folder.name}
    try:
        run = _opened(folder)
        known = run.summary()
    except Exception as error:  # noqa: BLE001 - a damaged folder, whatever is in it, hides none of the others
        told = str(error) if isinstance(error, LmnbError) else f"{type(error).__name__}: {error}"
        return row | {"state": f"unreadable: {told}"}
    state = "running" if is_live(folder) else known["state"] if known["state"] != "paused" else "interrupted"
    return row | known | {"name": folder.name, "state": state}


def reopen(
    path: str | Path,
    program: Any = None,
    metric: Callable[..., Any] | None = None,
    *,
    teacher: Any = None,
    teacher_settings: Mapping[str, Any] | None = None,
    trainset: Sequence[Example] | None = None,
    valset: Sequence[Example] | None = None,
    prompt_model: Any = None,
    review: Callable[..., Any] | None = None,
) -> Run:
    """A stored run as it was. Looking and replaying need only its folder; to go on or to decide something it needs its code.

    The program and metric are found by their import path when they are needed, or given here. Examples with values that
    JSON does not keep as they are (dates, tuples, ...) must be given again. `prompt_model` is the LM that the optimizer's
    proposers asked, where it had one of its own, `review` the function that answered at its gates. Raises
    Diverged where something is not what the run began with.
    """
    run = _opened(Path(path))
    given = Given(program, metric, teacher, teacher_settings, trainset, valset, prompt_model, review)
    if program is not None or metric is not None:
        run.with_code(*_code(run.header, given))
    else:
        run.find_code = lambda: _code(run.header, given)
    return run


def _opened(folder: Path) -> Run:
    with all_kept():
        journal = Journal(folder)
        header, records = stored_run(folder, journal)
        run = Run(header, journal, Recording(records, journal), code=None)
        if len(records) > LONG:
            del records
            gc.collect()  # once here: else three times in what is done next, which is to look
    return run


@dataclass(frozen=True)
class Given:
    """What a caller of `reopen` passed."""

    program: Any
    metric: Callable[..., Any] | None
    teacher: Any
    teacher_settings: Mapping[str, Any] | None
    trainset: Sequence[Example] | None
    valset: Sequence[Example] | None
    prompt_model: Any
    review: Callable[..., Any] | None


def _code(header: Header, given: Given) -> tuple[Code | None, str]:
    """The run's code, or None with what is missing."""
    program, metric = given.program, given.metric
    if program is None:
        try:
            program = built(header.program_path, header.program_state)
        except RunError as error:
            return None, str(error)
        if program is None:
            return None, f"its program {header.program_path} is not importable"
    if "metric" not in header.code:
        metric = None  # the run has none
    elif metric is None:
        metric = import_function(header.code["metric"]["import"])
        if metric is None:
            return None, f"its metric {header.code['metric']['import']} is not importable"
    teachers = list(given.teacher) if isinstance(given.teacher, (list, tuple)) else [given.teacher]
    if len([each for each in teachers if each is not None]) < len([name for name in header.code if "teacher" in name]):
        return None, "its teacher is not part of the folder: give teacher=..."
    if given.teacher_settings is None and header.teacher_settings:
        return None, f"its teacher_settings {header.teacher_settings!r} are not kept: give teacher_settings=..."
    if given.trainset is None and not header.exact_data:
        return None, "its examples hold values that JSON changes (dates, tuples, ...): give trainset=... and valset=..."
    review = given.review
    if isinstance(header.review, Mapping) and review is None:
        review = import_function(header.review["function"])
        if review is None:
            return None, f"its review function {header.review['function']} is not importable: give review=..."
    try:
        optimizer = header.optimizer()
        proposers = optimizer.proposers()
    except RunError as error:
        return None, str(error)
    splits = None
    if given.trainset is not None:
        needed = header.evalset is not None
        splits = prepared(
            program,
            given.trainset,
            given.valset,
            scoring=metric is not None,
            needed=needed,
            most=optimizer.most_scored,
            trains=optimizer.needs_trainset,
            learning=optimizer.learns_from_trainset,
            like=header.splits,
        )
    lm = settings.current("lm")
    if lm is None and header.lm is not None:
        lm = _loaded_lm(header.lm, "the LM of this run")
    proposer = given.prompt_model
    if proposer is None and header.proposer_lm is not None:
        proposer = _loaded_lm(header.proposer_lm, "the prompt_model of this run")
    fresh = program.deepcopy()
    fresh.load_state(header.program_state)
    in_force = {"lm": lm, "adapter": settings.current("adapter")}
    outer = (settings.current("budget"),)
    taught = (teachers[0], dict(given.teacher_settings or {}))
    code = Code(fresh, metric, *taught, in_force, proposers, proposer, tuple(teachers[1:]), outer, review, splits)
    _check_same(header, code)
    return code, ""


def _check_same(header: Header, code: Code) -> None:
    differs = changed(header.code, code_hashes(code))
    if code.splits is not None and code.splits.hash != header.data_hash:
        differs.append("data")
    if in_words(code.teacher_settings) != header.teacher_settings:
        differs.append("teacher_settings")
    if differs:
        raise Diverged(
            f"the {' and '.join(differs)} changed since this run began ({header.created}), so its results would not be "
            "those of one program. Put back what it was, or start a new run with decisions=run.decisions.",
            position=(0, 0),
        )
    _check_lm(code.settings["lm"], header.lm, "LM", "lmnb.configure(lm=...)")
    _check_lm(code.proposer_lm, header.proposer_lm, "prompt_model", "reopen(..., prompt_model=...)")


def _loaded_lm(state: Mapping[str, Any], place: str) -> Any:
    """The LM of a header; None for one of a class that no file brings back: never another one that its name happens to fit."""
    kind = LM_KINDS.get(str(state.get("class", "LM")))
    options = {name: value for name, value in state.items() if name != "class"}
    return None if kind is None else kind.load_state(options, place=place)


def _check_lm(lm: Any, recorded: Mapping[str, Any] | None, what: str, how: str) -> None:
    if lm is not None and recorded is not None and _decoding(lm.dump_state()) != _decoding(recorded):
        raise Diverged(
            f"the run began with the {what} {recorded.get('model')!r}, and {lm!r} is set now. Set the former one: {how}",
            position=(0, 0),
        )


def _decoding(profile: Mapping[str, Any]) -> str:
    return canonical({name: profile.get(name) for name in ("model", "temperature", "max_tokens")})
