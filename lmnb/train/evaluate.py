"""Measuring what a model can do on words, labels, templates and wordings that training never saw.

Greedy, through `lmnb.Evaluate` and llama.cpp. `python -m lmnb.train.evaluate` prints the acceptance table.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from lmnb.data.splits import ticket_key, tickets
from lmnb.evaluate.evaluate import Evaluate
from lmnb.lm.client import LM
from lmnb.modules.predict import Predict
from lmnb.settings import context
from lmnb.signature import Signature
from lmnb.train.curve import figure
from lmnb.train.scoring import counter, episodes, proposals, score
from lmnb.train.table import COUNT, DEMOS, PROPOSED, PROPOSING, ROWS, SAMPLE, SAMPLED, Row, Table, figures, written


def evaluate(
    model: str = "lmnb/tiny", count: int = COUNT, rows: Iterable[Row] | None = None, told: Any = None
) -> Table:
    """The table of a model's name. `told` is called with each line as it is done."""
    chosen = list(ROWS) if rows is None else list(rows)
    lm = LM(model, cache=False)
    tokens = counter(model)
    table = Table(model, count)
    start = perf_counter()

    def keep(name: str, value: float, parsed: float) -> None:
        table.scores[name], table.parses[name] = value, parsed
        if told is not None:
            told(f"{name:66} {value:5.1f}   parsed {parsed:5.1f}")

    for row in chosen:
        keep(row.name, *score(lm, episodes(row, count, tokens if row.short else None)))
    if rows is None:
        for name, values in zip((PROPOSING, *PROPOSED), proposals(lm, count, tokens), strict=True):
            keep(name, *values)
    table.seconds = perf_counter() - start
    return table


def ticket_scores(
    model: str = "lmnb/tiny", draws: int = 10, demos: Sequence[int] = DEMOS, told: Any = None
) -> dict[int, float]:
    """The first notebook's test tickets, in per cent by number of demos drawn at random, wrong labels put right first."""
    data, key = tickets(), ticket_key()
    train = [row.copy(team=key[at]) if at in key else row for at, row in enumerate(data.train)]
    lm = LM(model, cache=False)
    found: dict[int, float] = {}
    for count in demos:
        scores = []
        for draw in range(draws if count else 1):
            rng = random.Random(f"tickets {count} {draw}")
            program = Predict(Signature("ticket -> team", "Route the ticket to the right team."))
            program.demos = rng.sample(train, count)
            with context(lm=lm):
                scores.append(Evaluate(data.test, right_team)(program).score)
        found[count] = sum(scores) / len(scores)
        if told is not None:
            told(f"tickets, {count:2d} demos {found[count]:5.1f}")
    return found


def right_team(example: Any, prediction: Any, trace: Any = None) -> bool:
    return prediction.team == example.team


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m lmnb.train.evaluate", description="Prints the acceptance table of a model."
    )
    parser.add_argument("model", nargs="?", default="lmnb/tiny", help="as in lmnb.LM(...) (default: lmnb/tiny)")
    parser.add_argument("-n", type=int, default=COUNT, help=f"examples a row (default: {COUNT})")
    parser.add_argument(
        "--write", type=Path, metavar="FOLDER", help="write figures.json, and the tables of card.md, there"
    )
    parser.add_argument("--figure", type=Path, metavar="FILE", help="write the curve of accuracy by demos, as HTML")
    args = parser.parse_args(argv)
    told = partial(print, flush=True)
    table = evaluate(args.model, args.n, told=told)
    by_demos = ticket_scores(args.model, told=told)
    told(f"\n{table}")
    kept = figures(table, by_demos, evaluate(args.model, SAMPLE, [row for row in ROWS if row.name in SAMPLED]))
    if args.write:
        (args.write / "figures.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        card = args.write / "card.md"
        card.write_text(written(card.read_text("utf-8"), table, by_demos), encoding="utf-8")
    if args.figure:
        figure(
            {name: {int(at): score for at, score in points.items()} for name, points in kept["curves"].items()}
        ).write_html(args.figure)
    return 0


if __name__ == "__main__":
    sys.exit(main())
