"""Promises about repetition: a run is what its seed and its journal say, however it is carried out."""

from __future__ import annotations

import json
import random
import warnings

from lmnb.lm.fake import FakeLM
from lmnb.settings import context
from lmnb.testing.trial import PATIENCE, Trial, hold, same

DRAW = "draw from task.rng(name, ...) alone, sort sets, and use no hash(), id() or clock"


class Repeating(Trial):
    """Seeds, steps, cuts, replays."""

    def test_a_seeded_run_repeats_exactly(self) -> None:
        """Two runs with one seed give the same candidates and result, whatever the number of threads and Python's own random numbers."""
        runs, before = [], random.getstate()
        try:
            for threads in (1, 8):
                random.seed(threads)
                runs.append(self.finished(threads=threads))
        finally:
            random.setstate(before)
        same(runs[0], runs[1], f"two runs with seed 0 came to different ends; {DRAW}")

    def test_another_seed_is_another_run(self) -> None:
        """The seed matters, and 0 is a seed like any other."""
        if not self.draws:
            return
        first, second = ([candidate.id for candidate in self.finished(seed=seed).candidates] for seed in (0, 9))
        hold(
            first != second,
            "seeds 0 and 9 gave the same candidates; draw from task.rng(name, ...), or say draws = False where nothing is drawn",
        )

    def test_a_longer_search_begins_as_the_shorter_one(self) -> None:
        """What a search buys, the same search with more candidates or rounds buys too, so that enlarging it costs only what is new."""
        longer = self.longer(self.metric)
        if longer is None:
            return
        short, long = self.finished(), self.finished(optimizer=longer)
        first = [candidate.id for candidate in short.candidates]
        begins = [candidate.id for candidate in long.candidates][: len(first)]
        hold(begins == first, f"the longer search proposed {begins} first, and the shorter one {first}; {DRAW}")
        wasted = short._archive.rollouts.keys() - long._archive.rollouts.keys()
        hold(
            not wasted,
            f"{len(wasted)} program runs and proposals of the shorter search are of no use to the longer one",
        )

    def test_stepped_equals_headless(self) -> None:
        """Stepping candidate by candidate gives what an uninterrupted run gives."""
        headless, stepped = self.finished(), self.started(paused=True)
        while stepped.state not in ("finished", "failed"):
            stepped.until("paused", PATIENCE)
            if stepped.state == "paused":
                stepped.step()
        same(
            headless,
            stepped,
            "a run that was paused after each candidate came to another end; keep no state outside of the search",
        )

    def test_a_run_that_was_cut_off_ends_as_it_would_have(self) -> None:
        """Resumed from a journal that breaks off anywhere, in the midst of a line too, it ends alike and asks only what is missing."""
        lm = self.lm()
        run = self.finished(lm=lm, kept=True, threads=1)
        assert run.path is not None
        journal = run.path / "journal.jsonl"
        lines = journal.read_bytes().splitlines(keepends=True)
        calls = [at for at, line in enumerate(lines) if json.loads(line)["k"] == "call"]
        for share in (0.1, 0.5, 0.9) if calls else ():
            done = int(share * len(calls))
            torn = lines[calls[done]][:-20]
            journal.write_bytes(b"".join(lines[: calls[done]]) + torn)
            rest = self.lm()
            again = self.reopened(run, rest)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the torn line is dropped, and said so
                again.resume()
            again.wait(PATIENCE)
            same(
                run,
                again,
                f"cut off before LM call {done + 1} of {len(calls)} and resumed, the run came to another end; {DRAW}",
            )
            hold(
                len(rest.calls) == len(calls) - done,
                f"cut off before LM call {done + 1} of {len(calls)}, the resumed run made {len(rest.calls)} calls instead of {len(calls) - done}",
            )

    def test_replay_asks_no_model_and_gives_the_same_program(self) -> None:
        """The journal alone gives the program again, decisions of a person included, with no LM call and no person."""
        run = self.started(kept=True, paused=True)
        run.step()
        run.until("paused", PATIENCE)
        run.reject_demo(self.trainset()[3], "wrong")
        run.edit(0, self.slot, "Write a better query.")
        run.resume()
        tuned = run.wait(PATIENCE)
        silent = FakeLM([])
        again = self.reopened(run, silent)
        same(run, again, "the run's folder holds something else than the run")
        with context(lm=silent):
            program = again.replay()
        hold(not silent.calls, "the search asked an LM during a replay; ask by Rollout and Propose alone")
        hold(program.slots() == tuned.slots(), "the replay of the journal gave another program than the run")

    def test_a_finished_run_reopens_as_it_was(self) -> None:
        """Reopening from the folder shows the same candidates, scores and result."""
        run = self.finished(kept=True)
        again = self.reopened(run, self.lm())
        hold(again.state == "finished", f"the run finished, and its folder says {again.state}")
        same(run, again, "the run's folder holds something else than the run")
        hold(again.result().slots() == run.result().slots(), "the reopened run gives another program")
