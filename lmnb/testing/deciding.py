"""Promises about decisions: what a person says of a run holds, whenever it is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lmnb.lm.fake import FakeLM
from lmnb.optimize.run import Run
from lmnb.testing.trial import PATIENCE, Trial, hold

GATE = "put every candidate through gate(candidate) before it is scored, and every demo through gate(demo, slot)"
ENDED = ("finished", "failed", "stopped")


class Deciding(Trial):
    """Vetoes, edits, injections, pins."""

    def stepped(self, steps: int = 1) -> Run:
        """A run that is paused after so many scored candidates, or has ended."""
        run = self.started(paused=True)
        for _ in range(steps):
            if run.state not in ENDED:
                run.step()
                run.until("paused", PATIENCE)
        return run

    def resumed(self, run: Run) -> Run:
        """The same run at its end."""
        if run.state not in ENDED:
            run.resume()
        run.wait(PATIENCE)
        return run

    def test_a_rejected_demo_never_reaches_the_result(self) -> None:
        """Rejecting a demo drops every candidate that holds it, also one that was scored before; undo brings it back."""
        run = self.finished()
        if not self.gives_demos:
            run.inject(demo=self.trainset()[3].with_origin("labelled", source=3))
            run.until("ended", PATIENCE)
        holders = [c for c in run.candidates if c.status in ("scored", "unscored") and list(run.candidate(c).demos())]
        hold(holders, "no candidate holds a demo; say gives_demos = False where the optimizer leaves them as they are")
        holder = holders[0]
        run.accept(holder)
        hold(run.best is not None and run.best.id == holder.id, "an accepted candidate is not the result")
        demo = next(demo for _, demo in run.candidate(holder).demos())
        run.reject_demo(demo, "wrong")
        reason = run.candidates[holder.number].reason
        hold(reason == f"holds demo {demo.source}", f"a candidate whose demo was rejected stands as {reason!r}")
        hold(demo not in [held for _, held in run.candidate(run.best).demos()], "the result holds a rejected demo")
        run.undo()
        hold(run.best is not None and run.best.id == holder.id, "undo did not bring the accepted candidate back")

    def test_a_demo_rejected_on_the_way_is_in_no_later_candidate(self) -> None:
        """What is ruled out while the search is on is in nothing that it proposes after that."""
        run = self.stepped()
        known = len(run.candidates)
        demos = self.trainset()[:6]
        for demo in demos:
            run.reject_demo(demo, "wrong")
        self.resumed(run)
        later = [run.candidate(row) for row in run.candidates[known:] if row.status != "dropped"]
        hold(
            later or len(self.finished().candidates) <= known,
            f"after {len(demos)} of {len(self.trainset())} demos were rejected nothing new was proposed; {GATE}",
        )
        held = [demo for candidate in later for _, demo in candidate.demos() if demo in demos]
        hold(not held, f"a candidate holds {held[:1]}, which was rejected before; {GATE}")

    def test_a_rejected_candidate_never_wins_and_undo_brings_it_back(self) -> None:
        """A reject after scoring takes the candidate out of the result; undo brings it back with its score."""
        run = self.finished()
        best = run.best
        assert best is not None
        run.reject(best, "no")
        hold(run.best is None or run.best.id != best.id, "a rejected candidate is the result")
        hold("rejected: no" in [c.reason for c in run.candidates], "a rejected candidate does not say so")
        run.undo()
        hold(run.best == best, "undo did not bring a rejected candidate back as it was")

    def test_a_candidate_rejected_on_the_way_is_lost_to_the_search(self) -> None:
        """The search goes on without a candidate that is rejected between two steps, and ends with another one."""
        run = self.stepped(2)  # the first one may be all that the search has to begin with
        gone = run.candidates[-1]
        run.reject(gone, "no")
        self.resumed(run)
        hold(run.best is not None and run.best.id != gone.id, "a candidate that was rejected on the way is the result")

    def test_a_candidate_rejected_while_it_is_scored_is_dropped(self) -> None:
        """Its rollouts come back as Dropped, the search goes on, and the journal replays to the same end."""
        runs: list[Run] = []

        def model(messages: Sequence[Any], **options: Any) -> Any:
            newest = (runs[0].candidates or [None])[-1]
            if newest is not None and newest.number > 0 and newest.status == "evaluating" and not runs[0].decisions:
                runs[0].reject(newest, "no")
            return self.reply(messages, **options)

        run = self.started(lm=FakeLM(model), kept=True, paused=True, threads=1)
        runs.append(run)
        self.resumed(run)
        gone = {row.id for row in run.candidates if row.status == "dropped"}
        hold(run.state == "finished", f"after a reject in flight the run is {run.state}")
        hold(run.best is not None and run.best.id not in gone, "a candidate that was rejected in flight is the result")
        hold(self.reopened(run, self.lm()).replay().slots() == run.result().slots(), "the replay came to another end")

    def test_an_edited_instruction_is_a_human_candidate_and_scored(self) -> None:
        """An edit makes a child tagged human, which the driver evaluates, also after the end."""
        run = self.finished()
        child = run.edit(run.best, self.slot, "Write a short query.")
        run.until("ended", PATIENCE)
        row = next(c for c in run.candidates if c.id == child.id)
        hold(row.human and row.status == "scored", f"an edit after the end is {row.status}, not scored as a person's")
        hold(row.done == len(self.valset()), f"an edit was scored on {row.done} of {len(self.valset())} examples")
        hold(run.state == "finished", f"after an edit was scored the run is {run.state}")

    def test_an_injected_candidate_is_evaluated(self) -> None:
        """What a person injects is scored like any other."""
        run = self.started(paused=True)
        child = run.inject(instructions={self.slot: "Say it in other words."})
        self.resumed(run)
        row = next(c for c in run.candidates if c.id == child.id)
        hold(row.status == "scored", f"an injected candidate is {row.status}, not scored")

    def test_a_pinned_slot_never_changes(self) -> None:
        """After a pin every later candidate carries the pinned value, and so does the result."""
        run = self.started(paused=True)
        run.inject(instructions={self.slot: "Pinned."})
        run.step()
        run.until("paused", PATIENCE)
        run.pin(self.slot, len(run.candidates) - 1)
        tuned = self.resumed(run).result()
        hold(tuned.slots()[self.slot] == "Pinned.", f"{self.slot} was pinned, and the result has another text; {GATE}")
        texts = {
            run.candidate(c).values[self.slot] for c in run.candidates if c.status == "scored" and c.reason is None
        }
        hold(texts == {"Pinned."}, f"{self.slot} was pinned, and candidates that stand hold {sorted(texts)}; {GATE}")
