"""A stored run as large as they come, written and not searched: thousands of candidates on a thousand examples.

    python tests/bench/long_search.py runs/long --candidates 10000 --examples 1000

Its records are those of a search with racing, written by the journal itself, so `lmnb.reopen` opens it: each candidate with
a text and two demos of its own and a parent among the best before it; one in a hundred answered all examples, the others as few as a
race or a minibatch lets them. The first candidate is a real search's, with a trace for each example; the others' answers name those
traces, for ten thousand times a thousand traces of their own would be 20 GB of which nobody reads more than a few.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lmnb
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.dispatch import rollout_record
from lmnb.optimize.effects import Result, Rollout
from lmnb.optimize.journal import Journal, read_records
from lmnb.optimize.search import Search, evaluate, gate
from lmnb.optimize.task import Task

TEAMS = ("otter", "falcon", "maple")
ASKED = (20, 30, 35, 40, 60)  # examples that a candidate is stopped after
WHOLE = 100  # one candidate in so many is scored on all examples
BEGINNINGS = (
    "Read the ticket.",
    "Think about who can act on it today.",
    "Name one team only.",
    "Look at the last line first.",
)


class Route(lmnb.Signature):
    """Route the ticket to the right team."""

    ticket: str = lmnb.InputField()
    team: str = lmnb.OutputField()


def right(example: Any, prediction: Any, trace: Any = None) -> bool:
    """The metric."""
    return example.team == prediction.team


def tickets(count: int, first: int = 0) -> list[Any]:
    """Examples of which a model that always says "otter" gets every third."""
    return [
        lmnb.Example(ticket=f"Ticket {n}: the door of room {n % 40} does not open.", team=TEAMS[n % 3]).with_inputs(
            "ticket"
        )
        for n in range(first, first + count)
    ]


class Begun(lmnb.Optimizer):
    """Scores the program as it is; what follows is written."""

    needs_evalset = True

    def search(self, task: Task) -> Search:
        candidate = yield from gate(task.baseline)
        yield from evaluate(candidate, task)


class Wide(lmnb.Optimizer):
    """Scores so many programs on all examples, a batch each."""

    needs_evalset = True

    def __init__(self, metric: Any = None, candidates: int = 40) -> None:
        super().__init__(metric)
        self.candidates = candidates

    def search(self, task: Task) -> Search:
        for number in range(self.candidates):
            text = f"Route the ticket, in way {number}."
            made = task.baseline.put("self.instructions", text, origin="proposed", label=f"instruction {number}")
            candidate = yield from gate(made)
            if candidate is not None:
                yield from evaluate(candidate, task)


def write(folder: Path, candidates: int = 10_000, examples: int = 1_000, seed: int = 0) -> int:
    """Write the run into `folder`; gives the number of its rollouts."""
    with lmnb.context(lm=lmnb.FakeLM(lambda messages, **options: {"team": "otter"})):
        data: dict[str, Any] = {"trainset": tickets(60, first=examples), "valset": tickets(examples)}
        Begun(right).start(lmnb.Predict(Route), **data, run_dir=folder, seed=seed).wait()
    records = read_records(folder)[0]
    first = Candidate.from_dict(next(record["of"] for record in records if record["k"] == "candidate"))
    given = {record["of"]["index"]: record["res"] for record in records if record["k"] == "rollout"}
    journal = Journal(folder)
    journal.open()
    try:
        rest = _candidates(journal, first, [given[index] for index in range(examples)], candidates - 1, seed)
        journal.append({"k": "end", "state": "finished", "seconds": 3600.0, "error": None})
    finally:
        journal.close()
    return examples + rest


def _candidates(journal: Journal, first: Candidate, given: Sequence[dict[str, Any]], count: int, seed: int) -> int:
    """Write so many more candidates; gives their rollouts."""
    rng, examples = random.Random(seed), len(given)
    demos = [demo.with_origin("labelled", source=n) for n, demo in enumerate(tickets(60, first=examples))]
    ease = [rng.uniform(-0.3, 0.3) for _ in given]
    order = rng.sample(range(examples), examples)
    best, height, rollouts = first, 0.4, 0
    for number in range(1, count + 1):
        skill = min(0.9, max(0.1, rng.gauss(height, 0.08)))
        child = _child(best, number, rng, demos)
        whole = number % WHOLE == 0
        asked = range(examples) if whole else order[: min(examples, rng.choice(ASKED))]
        journal.append({"k": "candidate", "n": number + 1, "of": child.to_dict()})
        journal.append({"k": "batch", "n": number + 1, "by": "search", "req": f"{number:016x}", "size": len(asked)})
        for index in asked:
            hit = rng.random() < skill + ease[index]
            team = TEAMS[index % 3] if hit else TEAMS[(index + 1) % 3]
            result = Result(
                float(hit),
                {"team": team},
                None,
                None,
                None,
                given[index]["trace"],
                {"calls": 1, "tokens": 240, "usd": 1e-5},
                0.4,
            )
            journal.append(rollout_record(number + 1, Rollout(child, index), result))
        journal.append({"k": "done", "n": number + 1, "dropped": {}, "seconds": round(0.36 * number, 2)})
        rollouts += len(asked)
        if whole and skill > height:
            best, height = child, skill
    return rollouts


def _child(parent: Candidate, number: int, rng: random.Random, demos: Sequence[Any]) -> Candidate:
    text = " ".join([*rng.sample(BEGINNINGS, 3), f"In way {number}: route the ticket to the team that owns the room."])
    values = {**parent.values, "self.instructions": text, "self.demos": tuple(rng.sample(demos, 2))}
    return Candidate(values, (parent.id,), "proposed", f"instruction {number} · demos {number % 26}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--candidates", type=int, default=10_000)
    parser.add_argument("--examples", type=int, default=1_000)
    given = parser.parse_args()
    start = time.perf_counter()
    rollouts = write(given.folder, given.candidates, given.examples)
    size = sum(path.stat().st_size for path in given.folder.glob("*.jsonl"))
    print(
        f"{given.candidates:,} candidates, {rollouts:,} rollouts, {size / 1e6:,.0f} MB in {time.perf_counter() - start:.0f} s"
    )


if __name__ == "__main__":
    main()
