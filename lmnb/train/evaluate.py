"""The acceptance table: what the model can do on words, labels, templates and wordings that training never saw.

Greedy, through `lmnb.Evaluate` and llama.cpp, each example an episode of its own. `python -m lmnb.train.evaluate` prints it.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.request import Request, urlopen

from lmnb.data.splits import ticket_key, tickets
from lmnb.errors import ParseError, SystematicFailure
from lmnb.evaluate.evaluate import Evaluate
from lmnb.example import Example
from lmnb.lm import llama
from lmnb.lm.client import LM
from lmnb.lm.local import weights
from lmnb.modules.module import Module
from lmnb.modules.predict import Predict
from lmnb.settings import context
from lmnb.signature import Signature
from lmnb.train.curve import figure
from lmnb.train.episodes import FAMILIES, Episode
from lmnb.train.episodes.routing import example as routing_example
from lmnb.train.lexicon import VERSION
from lmnb.train.render import adapter

COUNT = 500
Count = Callable[[str], int]
SAMPLE = 120  # episodes of a sampled row
SAMPLED = (
    "routing, 3 labels, 8 demos",
    "routing, good instruction, 0 demos",
    "arithmetic, 1 step, reasoning",
    "formatting, 4 demos",
)
DEMOS = (0, 1, 2, 4, 8, 12)
_ROUTING = {"kind": "topic", "classes": 3, "reasoning": False, "literal": False, "noise": 0.0}
_BAD = {**_ROUTING, "instruction": "bad"}
_FACTS = {
    "people": 4,
    "links": 2,
    "demos": 0,
}  # any value of the asked kind is right in 25 %; a link more or less decides


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: a family with some of its choices fixed."""

    name: str
    family: str
    fixed: dict[str, Any] = field(default_factory=dict)
    barred: bool = True  # whether an acceptance bar speaks of it; the others are reported only
    short: bool = True  # labels of one or two tokens only


def _demos(count: int) -> str:
    return "1 demo" if count == 1 else f"{count} demos"


def _bar(value: float, bar: float | None) -> str:
    if bar is None:
        return "| reported"
    return f"{bar:.0f} | {'met' if value >= bar else '**missed**'}"


ROWS = [
    *(Row(f"routing, 3 labels, {_demos(k)}", "routing", {**_BAD, "demos": k}) for k in DEMOS),
    Row("routing, good instruction, 0 demos", "routing", {**_ROUTING, "instruction": "good", "demos": 0}),
    Row("routing, 3 labels of any length, 8 demos", "routing", {**_BAD, "demos": 8}, barred=False, short=False),
    Row("routing, 5 labels, 12 demos", "routing", {**_BAD, "classes": 5, "demos": 12}, barred=False),
    Row(
        "routing, Literal type with labels that name the topic, 0 demos",
        "routing",
        {**_BAD, "kind": "natural", "literal": True, "demos": 0},
        barred=False,
    ),
    Row("arithmetic, 3 steps, direct", "arithmetic", {"steps": 3, "reasoning": False, "demos": 0}),
    Row("arithmetic, 3 steps, reasoning", "arithmetic", {"steps": 3, "reasoning": True, "demos": 0}),
    Row("arithmetic, 1 step, direct", "arithmetic", {"steps": 1, "reasoning": False, "demos": 0}),
    Row("arithmetic, 1 step, reasoning", "arithmetic", {"steps": 1, "reasoning": True, "demos": 0}),
    Row("extraction, 1 hop", "extraction", {**_FACTS, "hops": 1, "reasoning": False}),
    Row("extraction, 2 hops", "extraction", {**_FACTS, "hops": 2, "reasoning": False}),
    Row("extraction, 2 hops, reasoning", "extraction", {**_FACTS, "hops": 2, "reasoning": True}),
    Row("formatting, 0 demos", "formatting", {"instruction": "vague", "demos": 0}),
    Row("formatting, 4 demos", "formatting", {"instruction": "vague", "demos": 4}),
    Row("formatting, told by the instruction, 0 demos", "formatting", {"instruction": "clear", "demos": 0}),
    Row("tool choice, 0 demos", "tools", {"demos": 0}, barred=False),
    Row("search query, 0 demos", "search", {"demos": 0}, barred=False),
    Row("judging, yes or no, 0 demos", "judging", {"demos": 0, "near": True}, barred=False),
    Row("records as JSON", "json", {"make": FAMILIES["record"]}, barred=False),
]
PROPOSING = "proposing an instruction"
PROPOSED = ("routing by the bad instruction", "routing by the proposed instruction")


def _lines(table: Table) -> list[str]:
    return [f"| {name} | {score:.1f} | {table.parses.get(name, 0):.1f} |" for name, score in table.scores.items()]


@dataclass(slots=True)
class Table:
    """By row, in per cent: what was right, and how many replies parsed at once."""

    model: str
    count: int
    scores: dict[str, float] = field(default_factory=dict)
    parses: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def parsed(self) -> float:
        """Over the rows that the acceptance bars speak of, zero-shot included."""
        barred = [*(row.name for row in ROWS if row.barred), *PROPOSED, PROPOSING]
        kept = [self.parses[name] for name in barred if name in self.parses]
        return sum(kept) / max(1, len(kept))

    def bars(self) -> list[tuple[str, float, float | None]]:
        """The acceptance bars: name, what was measured, what is asked for on a CPU (None: to be reported). Only
        what was measured.
        """
        s = self.scores

        def minus(one: str, other: str) -> float | None:
            return s[one] - s[other] if one in s and other in s else None

        found = [
            ("routing, 8 demos minus 0", minus("routing, 3 labels, 8 demos", "routing, 3 labels, 0 demos"), 40.0),
            (
                "routing, good minus bad instruction",
                minus("routing, good instruction, 0 demos", "routing, 3 labels, 0 demos"),
                25.0,
            ),
            (
                "arithmetic, reasoning minus direct",
                minus("arithmetic, 3 steps, reasoning", "arithmetic, 3 steps, direct"),
                15.0,
            ),
            ("extraction, 1 hop", s.get("extraction, 1 hop"), 60.0),
            ("extraction, 2 hops", s.get("extraction, 2 hops"), 30.0),
            ("extraction, 2 hops, with a reasoning field", s.get("extraction, 2 hops, reasoning"), None),
            ("formatting, 4 demos minus 0", minus("formatting, 4 demos", "formatting, 0 demos"), 20.0),
            ("proposed minus bad instruction", minus(PROPOSED[1], PROPOSED[0]), None),
            ("replies that parse at once", self.parsed if self.parses else None, 98.0),
        ]
        return [(name, value, bar) for name, value, bar in found if value is not None]

    def __str__(self) -> str:
        lines = [f"{self.model}, n = {self.count} a row, generator version {VERSION}, {self.seconds:.0f} s", ""]
        lines += _lines(self)
        lines += [
            "",
            *(f"| {name} | {value:.1f} | {_bar(value, bar)} |" for name, value, bar in self.bars()),
        ]
        return "\n".join(lines)


class Answering(Module):
    """A program whose input is an episode: the call that its signature, demos and form ask for."""

    def forward(self, episode: Episode) -> Any:
        call = Predict(episode.signature)
        call.demos = [Example(**demo) for demo in episode.demos]
        with context(adapter=adapter(episode.form)):
            return call(**episode.inputs)


def right(example: Any, prediction: Any, trace: Any = None) -> bool:
    """Whether the scored field is exactly right; for a tool call and a record, every field."""
    episode: Episode = example.episode
    names = list(episode.outputs) if episode.family in ("tools", "record", "json") else [episode.answer]
    return all(prediction[name] == episode.outputs[name] for name in names)


def counter(model: str) -> Count:
    """How many tokens a text has for a local model, as llama.cpp splits it."""
    server = llama.start(model, weights(model), n_ctx=512, n_threads=1, listens=True)

    @cache
    def count(text: str) -> int:
        body = json.dumps({"content": text, "add_special": False}).encode()
        asked = Request(f"{server.listening_address}/tokenize", body, {"Content-Type": "application/json"})
        with urlopen(asked) as reply:
            return len(json.load(reply)["tokens"])

    return count


def episodes(row: Row, number: int, count: Count | None = None, held: bool = True) -> list[Episode]:
    """The row's episodes, the same for the same name. With a `counter`, only those whose held labels have one or two tokens
    each, so another tokenizer gives others.
    """
    rng = random.Random(f"evaluate {row.name}")
    found: list[Episode] = []
    while len(found) < number:
        made = FAMILIES[row.family](rng, held, **row.fixed)
        names = made.about.get("labels", [])
        if count is not None and any(count(f" {name}") > 2 for name in names):
            continue
        found.append(made)
    return found


def score(model: Any, chosen: Sequence[Episode], threads: int = 2) -> tuple[float, float]:
    """How many of these episodes come out right, and how many replies parse at once, in per cent."""
    devset = [Example(episode=episode).with_inputs("episode") for episode in chosen]
    with context(lm=model):
        try:
            report = Evaluate(devset, right, num_threads=threads, max_errors=len(devset) + 1)(Answering())
        except SystematicFailure as error:
            if not error.cause.startswith("ParseError"):
                raise
            return 0.0, 0.0  # no reply parsed at all, which is a figure too
    return report.score, 100 * (1 - sum(map(stumbled, report)) / len(devset))


def stumbled(row: Any) -> bool:
    if row.error is not None:
        return True
    trace = row.prediction.trace
    return any("unparsed" in span.data for _, span in trace.spans())


def proposals(model: Any, number: int, count: Count) -> list[tuple[float, float]]:
    """Proposing an instruction from eight examples, letter for letter; then routing of a new message by the task's bad
    instruction, and by the proposed one.
    """
    tasks = episodes(Row("proposal", "proposal", {"classes": 3, "demos": 8}), number, count)
    rng = random.Random("evaluate proposals")
    bad, good = [], []
    exact = parsed = 0
    propose = Answering()
    for made in tasks:
        task: Episode = made.about["task"]
        with context(lm=model):
            try:
                made_now = propose(episode=made)
                proposed = made_now.proposed_instruction
                parsed += not any("unparsed" in span.data for _, span in made_now.trace.spans())
            except ParseError:
                proposed = task.signature.instructions
        exact += proposed == made.outputs["proposed_instruction"]
        inputs, outputs = routing_example(rng, task, True)
        for kept, instruction in ((bad, task.signature.instructions), (good, proposed)):
            signature = task.signature.with_instructions(instruction)
            kept.append(Episode("routing", signature, [], inputs, outputs, task.answer))
    proposing = 100 * exact / number, 100 * parsed / number
    return [proposing, score(model, bad), score(model, good)]


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


def curve(table: Table) -> dict[int, float]:
    """Accuracy by number of demos, from a table."""
    named = {count: f"routing, 3 labels, {_demos(count)}" for count in DEMOS}
    return {count: table.scores[name] for count, name in named.items() if name in table.scores}


def figures(table: Table, by_demos: dict[int, float], sample: Table) -> dict[str, Any]:
    """What is kept beside the weights, as JSON data; `sample` is what a test compares with."""
    curves = {"generated episodes, labels never seen": curve(table), "support tickets of the first notebook": by_demos}
    return {
        "generator": VERSION,
        "count": table.count,
        "scores": {name: round(score, 2) for name, score in table.scores.items()},
        "parses": {name: round(share, 2) for name, share in table.parses.items()},
        "parsed": round(table.parsed, 2),
        "sample": {name: round(score, 2) for name, score in sample.scores.items()},
        "curves": {name: {str(at): round(score, 2) for at, score in points.items()} for name, points in curves.items()},
    }


def written(card: str, table: Table, by_demos: dict[int, float]) -> str:
    """The card's text with its tables between `<!-- name -->` and `<!-- end -->` made anew."""
    bars = [f"| {name} | {value:.1f} | {_bar(value, bar)} |" for name, value, bar in table.bars()]
    counts, scores = " / ".join(map(str, by_demos)), " / ".join(f"{score:.0f}" for score in by_demos.values())
    parts = {
        "bars": ["| | measured | bar | |", "|---|---|---|---|", *bars],
        "scores": ["| row | right, % | parsed at once, % |", "|---|---|---|", *_lines(table)],
        "tickets": [f"| demos {counts} |", "|---|", f"| {scores} |"],
    }
    for name, lines in parts.items():
        before, mark, rest = card.partition(f"<!-- {name} -->\n")
        card = before + mark + "\n".join(lines) + "\n" + rest[rest.index("<!-- end -->") :]
    return card


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
