"""Every prompt optimizer on the embedded model at equal budget: a table of held-out gains, recomputed from the journals of the runs.

    python tests/bench/optimizers.py                      # begins, or goes on: each cell is a stored run
    python tests/bench/optimizers.py --table              # the table alone, from the folders, with no LM call
    python tests/bench/optimizers.py --only impossible --seeds 1

A cell is a task, a seed and an optimizer: a folder with the journal of its search and that of its result on 300 held-out examples. A killed
bench goes on where it was. Each search has a budget of 600 LM calls, proposals included, whatever a cache holds; the driver enforces it.

The table searches every journal again, which ends with `Diverged` where it comes to another program, and counts from it what is shown: "runs" and
"calls" of a search (the most of its seeds), the mean score in per cent on the validation set that selected, on the held-out set, and the mean gain
over the program as it was. Its 95 % interval is the wider of two: Student's t over the seeds, and the paired interval over the examples of all
seeds together. A *claim* is a run whose own paired interval excludes 0, "+" above and "-" below it. On the saturated and the impossible
task every claim is a false one, or of no use, and at most 5 % of runs may make one.

Measured on `lmnb/tiny`, gains in points with their intervals:

| | by demos (from 0.0 %) | by instruction (from 0.0 %) | impossible (from 35.6 %) |
|---|---|---|---|
| LabeledFewShot, RandomSearch, Optuna, IteratedBootstrap, Ensemble of 3 | +100.0 [+99.3, +100.0] | | -3.2 to -0.3 |
| MIPROv2 | +100.0 [+99.3, +100.0] | +72.7 [+43.2, +100.0] | -0.7 |
| COPRO, shown examples | +100.0 [+99.3, +100.0] | +100.0 [+99.3, +100.0] | +1.0 |
| SIMBA, taught | +100.0 [+99.3, +100.0] | +88.8 [+40.5, +100.0] | -0.8 |
| InferRules | +98.9 [+94.1, +100.0] | +88.8 [+40.5, +100.0] | -2.0 |
| KNNFewShot | +90.1 [+71.3, +100.0] | | -2.3 |
| GEPA, own form | +89.6 [+44.6, +100.0] | +76.3 [+26.0, +100.0] | +1.4 |
| BootstrapFewShot | +89.4 [+44.0, +100.0] | | +0.6 |
| COPRO, GEPA as they come | 0.0 | 0.0 | -0.7 to 0.0 |

On the saturated task (100.0 %) nobody gains or loses. Where there is nothing to gain, 3 of 84 runs claim: one a gain, two a loss, all
three on the impossible task, where the 40 examples that choose promise 2 to 11 points more than there are. COPRO as it comes gains nothing
because the model answers its prompt, which shows no examples, with one field of two; GEPA's reflection it reads as a list of examples, and takes
the wrong reply for the label. On arithmetic (91.0 %) and two hops (55.3 %) nobody gains: the model does these tasks as it was trained to, with
labelled demos it fails, and so does the teacher that bootstrapping makes of them: 0 of 40 training examples succeed where the program
without demos is right on most. The searches give back the program as it was.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lmnb
from lmnb.errors import LmnbError
from lmnb.evaluate.statistics import Paired, paired

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.contenders import CALLS, CONTENDERS, TRAIN, VAL, Contender, HeldOut
from bench.tasks import TASKS, Problem, Task, right

TEST = 300
ASIS = "as it was"
STUDENT = (
    12.706,
    4.303,
    3.182,
    2.776,
    2.571,
    2.447,
    2.365,
    2.306,
    2.262,
)  # 97.5 % points of t by degrees of freedom, from 1


@dataclass(frozen=True)
class Cell:
    """One run of the bench below `base`; `contender` is None for the program before any search."""

    base: Path
    task: Task
    seed: int
    contender: Contender | None

    @property
    def folder(self) -> Path:
        name = ASIS if self.contender is None else self.contender.name
        return self.base / "-".join(f"{self.task.name}/{self.seed}/{name}".replace(",", "").split())

    @property
    def held_out(self) -> Path:
        return self.folder / "held-out"

    def searches(self) -> list[Path]:
        """The folders of what was bought to come to the program."""
        if self.contender is None:
            return []
        return [self.folder / "search", *([self.folder / "ensemble"] if self.contender.members else [])]


def cells(base: Path, tasks: Sequence[str], contenders: Sequence[str], seeds: int | None) -> Iterator[Cell]:
    """The bench in order: seed by seed, so that a table of an unfinished bench compares the same seeds."""
    chosen = [task for name, task in TASKS.items() if name in tasks]
    for seed in range(max(task.seeds for task in chosen)):
        for task in chosen:
            if seed < min(task.seeds, seeds or task.seeds):
                yield Cell(base, task, seed, None)
                for name in contenders:
                    if task.demos or not CONTENDERS[name].needs_demos:
                        yield Cell(base, task, seed, CONTENDERS[name])


def finished(folder: Path, begin: Any, **code: Any) -> Any:
    """The run of a folder at its end: as it is stored, gone on with, or begun by `begin`."""
    if not (folder / "journal.jsonl").exists():
        run = begin()
    else:
        run = lmnb.reopen(folder, metric=right, **code)
        if run.state == "finished" or any(each.by == "budget" for each in run.decisions):
            return run
        run.resume()
    run.wait()
    return run


def carry_out(cell: Cell, problem: Problem, lm: Any) -> None:
    """Search, and score what was found on the held-out examples."""
    if measured(cell) is not None:
        return
    program = problem.program if cell.contender is None else searched(cell, problem, lm)
    finished(
        cell.held_out,
        lambda: HeldOut(right).start(program, trainset=(), valset=problem.test, run_dir=cell.held_out, seed=cell.seed),
        program=program,
    )


def searched(cell: Cell, problem: Problem, lm: Any) -> Any:
    """The program that the cell's optimizer comes to."""
    assert cell.contender is not None
    folder, *ensemble = cell.searches()
    made = cell.contender.make(problem, cell.task.demos, lm)
    given = {"trainset": problem.train, "valset": problem.val, "seed": cell.seed, **made.options}
    ensembling = cell.contender.members * len(problem.val)
    code = {"teacher": made.options.get("teacher"), "prompt_model": made.prompt_model}
    run = finished(
        folder,
        lambda: made.optimizer.start(
            problem.program, **given, budget=lmnb.Budget(calls=CALLS - ensembling), run_dir=folder
        ),
        program=problem.program,
        **code,
    )
    if not ensemble:
        return run.result()
    best = [each["program"] for each in run.candidate_programs][: cell.contender.members]
    together = lmnb.EnsembledProgram(best, seed=cell.seed, deterministic=False)
    return finished(
        ensemble[0],
        lambda: lmnb.Ensemble(metric=right).start(
            best, valset=problem.val, seed=cell.seed, budget=lmnb.Budget(calls=ensembling), run_dir=ensemble[0]
        ),
        program=together,
    ).result()


# -- the table --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What the journals of a cell say."""

    cell: Cell
    runs: int
    calls: int
    val: float | None
    scores: tuple[float, ...]


def measured(cell: Cell) -> Any:
    """The run of the held-out examples; None where it is not finished."""
    if not (cell.held_out / "journal.jsonl").exists():
        return None
    run = lmnb.reopen(cell.held_out)
    return run if run.state == "finished" else None


def outcome(cell: Cell) -> Outcome | None:
    """Recomputed from the journals; None where the cell is not finished."""
    check = measured(cell)
    if check is None:
        return None
    found = [lmnb.reopen(folder) for folder in cell.searches()]
    for run in (*found, check):
        run.replay_candidate()
    rows = check.examples(0, limit=10**6)["rows"]
    return Outcome(
        cell,
        sum(map(_runs, cell.searches())),
        sum(int(run.snapshot()["budget"]["calls"]["spent"]) for run in found),
        None if not found or found[-1].best is None else found[-1].best.score,
        tuple(row["score"] or 0.0 for row in rows),
    )


def _runs(folder: Path) -> int:
    """The program runs of a journal, each with one call of the metric."""
    records = map(json.loads, (folder / "journal.jsonl").read_bytes().splitlines())
    return sum(record["k"] == "rollout" and record["of"]["role"] != "proposer" for record in records)


@dataclass(frozen=True)
class Gain:
    """The gain of an optimizer on a task, in points, over `seeds` seeds."""

    mean: float
    low: float
    high: float
    seeds: tuple[Paired, ...]

    def claims(self, sign: int) -> int:
        """How many of the seeds have an interval above (1) or below (-1) zero."""
        return sum(each.low > 0 if sign > 0 else each.high < 0 for each in self.seeds)


def gain(before: Sequence[Sequence[float]], after: Sequence[Sequence[float]]) -> Gain:
    """Of the held-out scores of each seed, example by example.

    >>> made = gain([[0, 0, 1, 1]] * 3, [[1, 1, 1, 1]] * 3)
    >>> made.mean, round(made.low), round(made.high), made.claims(1)
    (50.0, 10, 75, 0)
    """
    seeds = tuple(paired(b, a) for b, a in zip(before, after, strict=True))
    pooled = paired([v for each in before for v in each], [v for each in after for v in each])
    means = [100 * each.mean for each in seeds]
    mean = statistics.fmean(means)
    spread = 0.0
    if len(means) > 2:  # of two seeds it says nothing
        spread = STUDENT[len(means) - 2] * statistics.stdev(means) / len(means) ** 0.5
    low, high = min(100 * pooled.low, mean - spread), max(100 * pooled.high, mean + spread)
    return Gain(mean, max(-100.0, low), min(100.0, high), seeds)


def table(base: Path, tasks: Sequence[str], contenders: Sequence[str], seeds: int | None) -> Iterator[str]:
    """The lines of the table: a block a task, then what was claimed where there is nothing to gain."""
    found = [made for cell in cells(base, tasks, contenders, seeds) if (made := outcome(cell)) is not None]
    false = runs = 0
    for name in (name for name in TASKS if name in tasks):
        mine = [each for each in found if each.cell.task.name == name]
        asis = {each.cell.seed: each.scores for each in mine if each.cell.contender is None}
        if not asis:
            continue
        zero = 100 * statistics.fmean(map(statistics.fmean, asis.values()))
        yield f"{name}: {TASKS[name].about}"
        yield f"  {ASIS} {zero:.1f} %, n = {len(next(iter(asis.values())))} held out, {len(asis)} seed{'s' * (len(asis) > 1)}"
        yield f"  {'':22}{'runs':>6}{'calls':>7}{'val':>8}{'held out':>10}{'gain':>8}  95 %               claims"
        for contender in contenders:
            rows = [
                each
                for each in mine
                if each.cell.contender is not None and each.cell.contender.name == contender and each.cell.seed in asis
            ]
            if not rows:
                continue
            made = gain([asis[each.cell.seed] for each in rows], [each.scores for each in rows])
            up, down = made.claims(1), made.claims(-1)
            if TASKS[name].null:
                false, runs = false + up + down, runs + len(rows)
            val = [each.val for each in rows if each.val is not None]
            shown = f"{statistics.fmean(val):8.1f}" if val else f"{'-':>8}"
            after = 100 * statistics.fmean(statistics.fmean(each.scores) for each in rows)
            yield (
                f"  {contender:22}{max(each.runs for each in rows):6}{max(each.calls for each in rows):7}{shown}{after:10.1f}"
                f"{made.mean:+8.1f}  [{made.low:+6.1f}, {made.high:+6.1f}]  +{up} -{down} of {len(rows)}"
            )
        yield ""
    if runs:
        kept = "kept" if false <= 0.05 * runs else "NOT KEPT"
        yield f"where there is nothing to gain, {false} of {runs} runs claim one: {false / runs:.1%}, at most 5 % ({kept})"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=Path, default=Path("runs/optimizers"), help="where the runs are kept")
    parser.add_argument(
        "--table", action="store_true", help="print the table of the runs that are there, and ask nothing"
    )
    parser.add_argument(
        "--only", nargs="+", choices=TASKS, default=list(TASKS), metavar="TASK", help="these tasks alone"
    )
    parser.add_argument("--optimizers", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), metavar="NAME")
    parser.add_argument("--seeds", type=int, help="at most so many seeds a task")
    parser.add_argument("--test", type=int, default=TEST, help=f"held-out examples a cell (default {TEST})")
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--model", default="lmnb/tiny")
    given = parser.parse_args()
    if not given.table:
        print(
            f"T = {TRAIN} training and V = {VAL} validation examples, {CALLS} LM calls at most; program runs at most:"
        )
        print("\n".join(f"  {name:22}{CONTENDERS[name].runs}" for name in given.optimizers), "\n", flush=True)
        lm = lmnb.LM(given.model, cache=False)
        lmnb.configure(lm=lm, num_threads=given.threads)
        for cell in cells(given.runs, given.only, given.optimizers, given.seeds):
            began = time.perf_counter()
            try:
                carry_out(cell, cell.task.problem(cell.seed, TRAIN, VAL, given.test), lm)
            except LmnbError as error:
                print(f"{cell.folder.relative_to(given.runs)}: {type(error).__name__}: {error}", flush=True)
            else:
                print(f"{cell.folder.relative_to(given.runs)}: {time.perf_counter() - began:.0f} s", flush=True)
    print(*table(given.runs, given.only, given.optimizers, given.seeds), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
