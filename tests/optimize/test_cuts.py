"""Journals cut short at seeded places, torn lines among them: `pytest --full tests/optimize/test_cuts.py` cuts each optimizer's 25 times.

What a cut leaves is what a kill at that moment leaves; `test_killing.py` kills real processes. The LM has no cache, a metric asks a
judge, four rollouts run at once, and a person edits, injects, rejects a demo, a candidate and a text, and locks a span on the way.
"""

from __future__ import annotations

import json
import random
import shutil
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import worlds

import lmnb

QUERY = "rewrite.instructions"
SAMPLE = ("GEPA",)  # those that the short form cuts


def person(run: Any) -> None:
    """What a person who watches decides as a run comes along; each thing once."""
    scored = [row for row in run.candidates if row.status == "scored"]
    kinds = Counter(decision.kind for decision in run.decisions)
    if len(scored) >= 1 and not kinds["edit"]:
        run.edit(0, QUERY, "Write a short query for the question.")
    elif len(scored) >= 2 and not kinds["inject"]:
        run.inject(instructions={QUERY: "Write a query for the question, in your own words."})
    elif len(scored) >= 2 and not kinds["reject-demo"]:
        run.reject_demo(worlds.questions(0, 12)[3], "wrong")
    elif len(scored) >= 3 and not kinds["reject"]:
        run.reject(next(row for row in scored if row.origin == "human"), "not like this")
    elif len(scored) >= 3 and not kinds["lock"]:
        run.lock(QUERY, "the question")
    else:
        return
    person(run)


def steered(run: Any) -> Any:
    """The run at its end; the person looks at it whenever a candidate was scored."""
    while True:
        run.until("paused", 60)
        if run.state != "paused":
            run.wait(60)
            return run
        person(run)
        run.step()


def start(name: str, lm: Any) -> Any:
    with lmnb.context(lm=lm):
        return worlds.optimizers(worlds.judged)[name].start(
            worlds.TwoCalls(),
            trainset=worlds.questions(0, 12),
            valset=worlds.questions(100, 106),
            num_threads=4,
            run_dir="whole",
            paused=True,
        )


def resumed(folder: Path, lm: Any) -> Any:
    with lmnb.context(lm=lm), warnings.catch_warnings(action="ignore"):
        run = lmnb.reopen(folder, program=worlds.TwoCalls(), metric=worlds.judged)
        run._go(step=False, paused=True)
    return run


def outcome(run: Any) -> Any:
    rows = [(c.id, c.label, c.status, c.score, c.reason, c.parents) for c in run.candidates]
    results = [[(r["index"], r["score"], r["outputs"]) for r in run.examples(c)["rows"]] for c in run.candidates]
    return rows, results, [(d.kind, d.text, d.data) for d in run.decisions], run.best.id, run.state


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "journal.jsonl").read_bytes().split(b"\n")[:-1]]


@pytest.mark.sampled(*SAMPLE)
@pytest.mark.parametrize("name", worlds.optimizers(worlds.exact))
def test_cut_anywhere_a_run_ends_as_if_nothing_had_been(name: str, request: Any) -> None:
    """Resumed from any part of its journal a steered run has the same candidates, results, decisions and winner; no rollout is bought twice,
    and of the LM's calls exactly those that the journal lacks are made."""
    lm = lmnb.FakeLM(worlds.reply, cache=False)
    whole = steered(start(name, lm))
    assert whole.state == "finished", whole.error
    expected, calls = outcome(whole), len(lm.calls)
    journal = (whole.path / "journal.jsonl").read_bytes()
    first, last = (
        journal.index(b"\n") + 1,
        journal[:-1].rindex(b"\n") + 1,
    )  # the last record says that the run has ended
    rng = random.Random(name)
    for number in range(25 if request.config.getoption("--full") else 2):
        cut = rng.randrange(first, last)
        if number % 2:  # at the end of a line: nothing is torn
            cut = journal.index(b"\n", cut) + 1
        folder = Path(f"cut-{number}")
        shutil.copytree(whole.path, folder)
        (folder / "journal.jsonl").write_bytes(journal[:cut])
        (folder / "program.json").unlink()
        known = sum(record["k"] == "call" for record in records(folder))
        lm = lmnb.FakeLM(worlds.reply, cache=False)
        run = steered(resumed(folder, lm))
        assert outcome(run) == expected, f"cut at byte {cut}"
        assert known + len(lm.calls) == calls, f"cut at byte {cut}: {known} were known"
        bought = [record["key"] for record in records(folder) if record["k"] == "rollout"]
        assert len(bought) == len(set(bought))
        shutil.rmtree(folder)
