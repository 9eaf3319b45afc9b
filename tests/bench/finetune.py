"""What fine-tuning gains over prompting on the embedded model: a table on held-out notes.

    python tests/bench/finetune.py
    python tests/bench/finetune.py --strategy "p -> w -> p" --runs runs/finetune

The task: say which of eight groups takes a note. What a group takes is its topic, and no name tells it; the notes to test on have words
and sentences that the training notes do not have. "zero-shot" is the bare student. "prompted" is what random search over bootstrapped
demos makes of it, and what fine-tuning has to beat. "fine-tuned" is BootstrapFinetune with the four best programs of that search as
its teachers, asked without demos. "together" is BetterTogether on the bare student. Every row is asked the
same held-out notes; gains over "prompted" are paired, with
a 95 % interval. Needs the extra `train`; all in this process and offline. A second call goes on from the stored runs.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path
from typing import Any

import lmnb
from lmnb.train.grammar import message
from lmnb.train.lexicon import HELD, TOPICS, TRAIN

NAMES = ("otter", "falcon", "maple", "beacon", "walrus", "tibora", "quendle", "marvick")


class RouteNote(lmnb.Signature):
    """Say which group takes the note."""

    note: str = lmnb.InputField()
    group: str = lmnb.OutputField()


def right_group(example: Any, prediction: Any, trace: Any = None) -> bool:
    return prediction.group == example.group


def notes(seed: int, count: int, *, held: bool) -> list[lmnb.Example]:
    """Notes of all groups by turns; those that are `held` out have words and sentences of their own."""
    rng = random.Random(f"notes {seed} {held}")
    groups = dict(zip(list(TOPICS)[: len(NAMES)], NAMES, strict=True))
    made = []
    for at in range(count):
        topic = list(groups)[at % len(groups)]
        note = message(rng, rng.sample(TOPICS[topic], 2), HELD if held else TRAIN, held)
        made.append(lmnb.Example(note=note, group=groups[topic]).with_inputs("note"))
    return rng.sample(made, count)


def compiled(folder: Path, name: str, optimizer: Any, **given: Any) -> Any:
    """The tuned program of a run, from its folder where it is finished."""
    path = folder / name
    if path.exists():
        run = lmnb.reopen(path, lmnb.Predict(RouteNote), right_group, teacher=given.get("teacher"))
        if run.state == "finished":
            return run.result()
        run.resume()
    else:
        run = optimizer.start(lmnb.Predict(RouteNote), run_dir=path, **given)
    return run.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="draws the notes and is the seed of every run")
    parser.add_argument("--test", type=int, default=300, help="held-out notes (default 300)")
    parser.add_argument("--strategy", default="p -> w -> p", help="of BetterTogether; '' leaves it out")
    parser.add_argument("--runs", type=Path, default=Path("runs/finetune"), help="where the runs are kept")
    given = parser.parse_args()
    lmnb.configure(lm=lmnb.LM("lmnb/tiny", cache=False))
    test, rows = notes(given.seed, given.test, held=True), notes(given.seed, 360, held=False)
    split = {"trainset": rows[:280], "valset": rows[280:], "seed": given.seed}
    began, cpu = time.time(), time.process_time()
    prompts = lmnb.BootstrapRS(right_group, max_bootstrapped_demos=4, max_labeled_demos=8, num_candidate_programs=6)
    prompted = compiled(given.runs, "prompted", prompts, **split)
    teachers = [row["program"] for row in prompted.candidate_programs[:4]]
    weights = lmnb.BootstrapFinetune(right_group, train_kwargs={"epochs": 6})
    programs = {
        "zero-shot": lmnb.Predict(RouteNote),
        "prompted": prompted,
        "fine-tuned": compiled(given.runs, "finetuned", weights, teacher=teachers, **split),
    }
    if given.strategy:
        both = lmnb.BetterTogether(right_group, p=prompts, w=weights)
        programs["together"] = compiled(given.runs, "together", both, strategy=given.strategy, **split)
    spent = time.process_time() - cpu
    evaluate = lmnb.Evaluate(devset=test, metric=right_group, max_errors=len(test))
    reports = {name: evaluate(program) for name, program in programs.items()}
    print(f"{len(test)} held-out notes     accuracy    over prompted [95 % interval]   demos   LM")
    for name, report in reports.items():
        gain = "" if name == "prompted" else _gain(reports["prompted"], report)
        program = programs[name]
        model = Path(program.lm.model).name if program.lm is not None else "lmnb/tiny"
        print(f"{name:22}{report.score:11.1f}    {gain:30}{len(program.demos):6}   {model}")
    print(f"\ncompiled in {spent / 60:.1f} CPU minutes, {(time.time() - began) / 60:.1f} minutes with the tests")


def _gain(before: Any, after: Any) -> str:
    change = after.compare(before)
    return f"{change.mean:+.1f} [{change.low:+.1f}, {change.high:+.1f}]"


if __name__ == "__main__":
    main()
