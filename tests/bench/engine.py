"""What the engine itself costs: its own time for each LM call of a search, and how long a journal of 100,000 rollouts takes to replay.

    python tests/bench/engine.py
    python tests/bench/engine.py --repeat 7 --rollouts 20000

A search asks a model that replies at once, so that all of its time is lmnb's: prompt, trace, metric, hashes, journal, archive and threads, on disk,
without the LM cache. Nothing here asserts a time: a busy machine is no failure. The minimum of several repeats is what is
compared, in wall time and in the time of the processor that the process took, which what else runs disturbs less.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import lmnb
from lmnb.optimize.search import Search, evaluate, gate
from lmnb.optimize.task import Task

OWN, REPLAY = 0.3e-3, 2.0  # the aims, in seconds
BATCH = 1_000  # rollouts in a batch of the long journal
VALUES = {"proposed_instruction": "Name the number.", "answer": "7"}
REPLIES = {name: f"[[ ## {name} ## ]]\n{value}\n\n[[ ## completed ## ]]" for name, value in VALUES.items()}


class Instant(lmnb.BaseLM):
    """Replies at once."""

    def forward(self, prompt: str | None = None, messages: Any = None, **options: Any) -> str:
        return REPLIES["proposed_instruction" if "proposed_instruction" in messages[0]["content"] else "answer"]


class Measured(NamedTuple):
    """Seconds of one repeat, and of what there were how many."""

    wall: float
    cpu: float
    count: int


def exact(example: Any, prediction: Any, trace: Any = None) -> bool:
    """Whether the answer is right; one in ten is."""
    return prediction.answer == example.answer


def questions(count: int, first: int = 0) -> list[Any]:
    """Examples of which every tenth has the answer that the model gives."""
    return [
        lmnb.Example(question=f"question {n}", answer=str(n % 10)).with_inputs("question")
        for n in range(first, first + count)
    ]


def random_search(folder: Path, threads: int) -> Any:
    """A run of random search: 19 candidates on 100 examples."""
    search = lmnb.BootstrapFewShotWithRandomSearch(exact, max_bootstrapped_demos=4, max_labeled_demos=4)
    return _started(search, folder, threads)


def mipro(folder: Path, threads: int) -> Any:
    """A run of MIPROv2: 40 trials on minibatches of 35, as many in full as it likes."""
    search = lmnb.MIPROv2(exact, auto=None, num_candidates=8)
    return _started(search, folder, threads, num_trials=40, data_aware_proposer=False)


def _started(optimizer: Any, folder: Path, threads: int, **options: Any) -> Any:
    data = {"trainset": questions(60), "valset": questions(100, first=60)}
    return optimizer.start(lmnb.Predict("question -> answer"), **data, num_threads=threads, run_dir=folder, **options)


class Rolled(lmnb.Optimizer):
    """Scores as many programs as make so many rollouts, a batch each."""

    needs_evalset = True

    def __init__(self, metric: Any = None, rollouts: int = 100_000) -> None:
        super().__init__(metric)
        self.rollouts = rollouts

    def search(self, task: Task) -> Search:
        for number in range(self.rollouts // len(task.valset)):
            candidate = yield from gate(task.baseline.put("self.instructions", f"Answer, in way {number}."))
            if candidate is not None:
                yield from evaluate(candidate, task)


def searching(start: Callable[[Path, int], Any], threads: int) -> Measured:
    """One whole search, from its start to its result."""
    with tempfile.TemporaryDirectory() as folder, lmnb.context(lm=Instant("instant", cache=False)):
        wall, cpu = time.perf_counter(), time.process_time()
        run = start(Path(folder) / "run", threads)
        run.wait()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return Measured(wall, cpu, int(run.snapshot()["budget"]["calls"]["spent"]))


def replaying(run: Any) -> Measured:
    """One replay of a stored run."""
    wall, cpu = time.perf_counter(), time.process_time()
    run.replay_candidate()
    return Measured(time.perf_counter() - wall, time.process_time() - cpu, len(run.candidates) * BATCH)


def long_run(folder: Path, rollouts: int) -> Any:
    """A stored run with so many rollouts, reopened."""
    with lmnb.context(lm=Instant("instant", cache=False)):
        program, val = lmnb.Predict("question -> answer"), questions(BATCH)
        Rolled(exact, rollouts).start(program, trainset=val[:1], valset=val, run_dir=folder, num_threads=1).wait()
    return lmnb.reopen(folder)


def line(title: str, repeats: Sequence[Measured], aim: float, unit: float, name: str) -> str:
    """The least of the repeats, a piece where the aim is a piece's."""
    best = [min(each[at] / (each.count if unit < 1 else 1) for each in repeats) for at in (0, 1)]
    within = "yes" if best[0] <= aim else "by the processor" if best[1] <= aim else "NO"
    shown = [f"{value / unit:7.3f} {name}" for value in (*best, aim)]
    return f"{title:42}{repeats[0].count:9,}{shown[0]:>13}{shown[1]:>13}{shown[2]:>13}   {within}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=5, help="repeats of each figure (default 5)")
    parser.add_argument("--rollouts", type=int, default=100_000, help="rollouts of the replayed journal")
    parser.add_argument("--keep", type=Path, help="keep that journal here, and use it where it is there")
    given = parser.parse_args()
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {load}; the least of {given.repeat} repeats\n")
    print(f"{'':42}{'count':>9}{'wall':>13}{'processor':>13}{'aim':>13}   within")
    for title, start in (("random search", random_search), ("MIPROv2", mipro)):
        for threads in (1, 4):
            found = [searching(start, threads) for _ in range(given.repeat)]
            named = f"{title}, {threads} thread{'s' * (threads > 1)}, a call"
            print(line(named, found, OWN, 1e-3, "ms"), flush=True)
    folder = given.keep or Path(tempfile.mkdtemp()) / "run"
    try:
        run = lmnb.reopen(folder) if (folder / "journal.jsonl").exists() else long_run(folder, given.rollouts)
        found = [replaying(run) for _ in range(given.repeat)]
        print(line("replay of a journal of rollouts, all", found, REPLAY * given.rollouts / 100_000, 1.0, "s"))
    finally:
        if given.keep is None:
            shutil.rmtree(folder.parent)
    return 0


if __name__ == "__main__":
    sys.exit(main())
