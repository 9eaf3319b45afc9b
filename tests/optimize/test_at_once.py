"""What several threads do to one folder at once: whoever looks sees a whole run, and nobody who looks is in the way."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import worlds

import lmnb
from lmnb.optimize.journal import Journal, is_live
from lmnb.optimize.search import Search, evaluate, gate
from lmnb.optimize.task import Task


@pytest.fixture(autouse=True)
def hasty() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def at_once(turns: int, *actions: Callable[[], Any]) -> None:
    """Do each so many times, all side by side; what one of them raises is raised here."""
    errors: list[Exception] = []

    def act(action: Callable[[], Any]) -> None:
        try:
            for _ in range(turns):
                action()
        except Exception as error:  # noqa: BLE001 - the thread's boundary
            errors.append(error)

    threads = [threading.Thread(target=act, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def start(**options: Any) -> Any:
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        return lmnb.LabeledFewShot(k=3, metric=worlds.exact).start(
            worlds.TwoCalls(), trainset=worlds.questions(0, 6), valset=worlds.questions(100, 101), **options
        )


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """The folder of a run at its end."""
    run = start(run_dir=tmp_path / "runs" / "mine")
    run.wait(30)
    return run.path


def test_looking_at_a_folder_is_not_in_the_way_of_who_goes_live(stored: Path) -> None:
    """Whether a run is live is asked while it is opened and closed again: both always succeed."""

    def live() -> None:
        journal = Journal(stored)
        journal.open()
        assert is_live(stored)
        journal.close()

    at_once(120, live, lambda: is_live(stored))
    assert not is_live(stored)


def test_of_several_that_want_to_go_live_one_does(stored: Path) -> None:
    """The file of the lock goes with it, and nobody holds one that is gone: never are two live."""
    holders: list[int] = []

    def live() -> None:
        journal = Journal(stored)
        try:
            journal.open()
        except lmnb.RunLocked:
            return
        holders.append(1)
        time.sleep(0.0002)
        alone = len(holders) == 1
        holders.pop()
        journal.close()
        assert alone

    at_once(60, live, live, live)


def test_a_run_at_work_can_be_looked_at_from_other_threads() -> None:
    """Its row of `lmnb.runs()`, its repr, its result and its programs, while candidates come as fast as they can."""

    class Many(lmnb.Optimizer):
        needs_evalset = True

        def search(self, task: Task) -> Search:
            for number in range(3_000):
                candidate = yield from gate(task.baseline.put("self.instructions", f"Say {number}."))
                yield from evaluate(candidate, task)

    data: dict[str, Any] = {"trainset": worlds.questions(0, 1), "valset": worlds.questions(1, 2)}
    with lmnb.context(lm=lmnb.FakeLM(lambda messages: {"answer": "x"})):
        run = Many(worlds.exact).start(lmnb.Predict("question -> answer"), **data, run_dir="many", num_threads=1)
    while len(run.candidates) < 60:
        run.until("candidate", 30)
    at_once(5, lambda: lmnb.runs("."), lambda: repr(run))
    at_once(60, run.result, lambda: run.candidate_programs.rows)
    assert run.state == "running"
    run.cancel()
    run.until("ended", 30)


def test_the_decisions_of_a_run_are_always_whole(stored: Path) -> None:
    """Its `decisions.jsonl` is read while decisions are made: whole lines, and never fewer than before."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = lmnb.reopen(stored, program=worlds.TwoCalls(), metric=worlds.exact)
    demo, file, seen, over = run.demos[0], stored / "decisions.jsonl", [0], threading.Event()

    def look() -> None:
        while not over.is_set():
            rows = [json.loads(line) for line in file.read_text().splitlines()]
            seen.append(len(rows))

    def decide() -> None:
        for _ in range(25):
            run.keep_demo(demo)
        over.set()

    at_once(1, look, decide)
    assert seen == sorted(seen) and seen[-1] > 0


def test_runs_that_start_at_the_same_moment_have_folders_of_their_own() -> None:
    """So have branches; what an argument that is none leaves behind is no folder."""
    together = threading.Barrier(3)
    runs: list[Any] = []

    def begin() -> None:
        together.wait(30)
        runs.append(start())

    at_once(2, begin, begin, begin)
    for run in runs:
        run.wait(30)
    assert len({run.path for run in runs}) == 6

    def branch() -> None:
        together.wait(30)
        runs[0].branch(k=1).wait(30)

    at_once(2, branch, branch, branch)
    assert len({each.path for each in runs[0].branches}) == 6
    before = sorted(runs[0].path.parent.iterdir())
    with pytest.raises(lmnb.InputError):
        runs[0].branch(breadth=1)
    assert sorted(runs[0].path.parent.iterdir()) == before
