"""What racing saves in random search, and what it costs: a table of the same searches with and without it.

    python tests/bench/racing.py
    python tests/bench/racing.py --seeds 5 --val 60 --runs runs/racing

On the embedded model's routing task; each seed has its own training and validation tickets. "saved" is the share of program
runs that racing did not need, "loss" how much the program that it chose scores below the full search's choice on the whole
validation set, in points. The searches are stored runs: a second call of this script replays what it finds there.
"""

from __future__ import annotations

import argparse
import random
import statistics
from pathlib import Path
from typing import Any

import lmnb
from lmnb.data import tickets


class RouteTicket(lmnb.Signature):
    """Route the ticket to a team."""

    ticket: str = lmnb.InputField()
    team: str = lmnb.OutputField(desc="otter, falcon or maple")


def right_team(example: Any, prediction: Any, trace: Any = None) -> bool:
    return prediction.team == example.team


def searched(folder: Path, seed: int, train: int, val: int, *, racing: bool) -> Any:
    """The finished run of one seed, from its folder where it is there."""
    path = folder / f"{seed}-{'raced' if racing else 'whole'}"
    if path.exists():
        run = lmnb.reopen(path, lmnb.Predict(RouteTicket), right_team)
        if run.state == "finished":
            return run
        run.resume()
    else:
        every = tickets()
        rows = random.Random(seed).sample([*every.train, *every.val, *every.test], train + val)
        run = lmnb.BootstrapFewShotWithRandomSearch(
            right_team, max_bootstrapped_demos=3, max_labeled_demos=3, racing=racing
        ).start(lmnb.Predict(RouteTicket), trainset=rows[:train], valset=rows[train:], seed=seed, run_dir=path)
    run.wait()
    return run


def runs_of(run: Any) -> int:
    """How many program runs the search asked for."""
    return int(run.snapshot()["budget"]["calls"]["spent"])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=20, help="how many searches (default 20)")
    parser.add_argument("--train", type=int, default=60, help="training tickets a search (default 60)")
    parser.add_argument("--val", type=int, default=100, help="validation tickets a search (default 100)")
    parser.add_argument("--runs", type=Path, default=Path("runs/racing"), help="where the runs are kept")
    parser.add_argument("--model", default="lmnb/tiny")
    given = parser.parse_args()
    lmnb.configure(lm=lmnb.LM(given.model))
    saved, losses = [], []
    print("seed   runs whole   raced    saved   best whole   chosen    loss")
    for seed in range(given.seeds):
        whole, raced = (searched(given.runs, seed, given.train, given.val, racing=racing) for racing in (False, True))
        known = {one.id: one.score for one in whole.candidates}
        best, chosen = known[whole.best.id], known[raced.best.id]
        saved.append(1 - runs_of(raced) / runs_of(whole))
        losses.append(best - chosen)
        print(
            f"{seed:4}{runs_of(whole):13,}{runs_of(raced):8,}{saved[-1]:9.0%}{best:13.1f}{chosen:9.1f}{losses[-1]:8.1f}",
            flush=True,
        )
    near = sum(loss <= 1 for loss in losses)
    print(f"\nsaved {statistics.fmean(saved):.0%} of the program runs on average (at least 40 % is the aim);")
    print(f"within 1 point in {near} of {len(losses)}, mean loss {statistics.fmean(losses):.2f} points (at most 0.5)")


if __name__ == "__main__":
    main()
