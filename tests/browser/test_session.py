"""A person's whole session: every control of the Studio once by mouse, once by keyboard alone, and what was decided replays without the person."""

from __future__ import annotations

from typing import Any

import pytest
from hands import Hands, Keyboard, Mouse

import lmnb

pytestmark = pytest.mark.browser

RUN = """
import time, lmnb
from lmnb.testing import exact, questions, reply

def answer(messages, **options):
    time.sleep(0.005)
    return reply(messages)

lmnb.configure(lm=lmnb.FakeLM(answer))
program = lmnb.Predict("question -> answer")
program.demos = questions(20, 22)
run = lmnb.COPRO(metric=exact, breadth=4, depth=2).start(
    program, trainset=questions(0, 8), valset=questions(100, 106), num_threads=2, paused=True,
    review="instructions", review_timeout=3600, budget=lmnb.Budget(calls=8000),
)
run
"""
SLOT = "self.instructions"
SCORED = "sum(c.status == 'scored' for c in run.candidates)"
DECIDED = (
    "reject-proposal edit-proposal pass raise-budget lock unlock pin unpin keep-demo undo reject-demo undo edit-demo inject inject inject edit "
    "accept reject undo redo undo stop undo cancel undo"
).split()  # until the proposals of the second round are let pass


@pytest.mark.parametrize("kind", [Mouse, Keyboard])
def test_every_control_once_and_the_decisions_replay(notebook: Any, kind: type[Hands]) -> None:
    """Gates, candidates, demos, slots, budget, branch, undo and redo, stop and cancel, export; at the end the folder alone tells the same."""
    one = notebook(RUN)
    hand = kind(one)
    one.state("paused")
    steer(one, hand)
    decide(one, hand)
    end(one, hand)
    kinds = one.ask("[d.kind for d in run.decisions]")
    assert kinds[: len(DECIDED)] == DECIDED and set(kinds[len(DECIDED) :]) == {"pass"}
    best, path = one.ask("[run.best.id, str(run.path)]")
    assert lmnb.reopen(one.desk.folder / path).replay_candidate().id == best


def steer(one: Any, hand: Hands) -> None:
    """Step, resume, and what waits at the gate: skip, reject, edit, accept; a pause holds the countdown."""
    hand.press("step")
    one.until(f"{SCORED} == 1 and run.state == 'paused'")
    one.state("paused")
    hand.press("resume")
    one.state("waiting")
    queue = hand.there("[data-kind=pending]")
    queue.get_by_text("goes on by itself").wait_for()
    hand.press("pause")
    queue.get_by_text("the countdown is held").wait_for()
    hand.press("resume")
    queue.get_by_text("goes on by itself").wait_for()
    first = queue.get_attribute("data-id")
    hand.press("skip", within=".queue")
    hand.there(f"[data-kind=pending]:not([data-id='{first}'])")
    hand.press("reject", within=".queue")
    hand.reason(4)
    one.until("len(run.pending) == 2")
    hand.there(".queue h3:has-text('of 2')")
    hand.press("edit", within=".queue")
    hand.fill(".queue [data-field=proposed_instruction]", "Answer in one word.")
    hand.save("edit")
    one.until("len(run.pending) == 1")
    hand.there(".queue h3:has-text('of 1')")
    hand.press("pause")
    hand.press("accept", within=".queue")
    one.state("paused")
    while one.ask(SCORED) < 3:
        before = one.ask(SCORED)
        hand.press("step")
        one.until(f"run.state == 'paused' and {SCORED} > {before}")
        one.state("paused")


def decide(one: Any, hand: Hands) -> None:
    """Everything about candidates, their texts and demos, one after the other, in a paused run."""
    first, mine = one.ask("[run.candidates[0].id, run.candidates[-1].id]")
    hand.press("raise-budget", within="header")
    hand.fill(".export [data-field=calls]", "9000")
    hand.save("raise-budget")
    one.until("run.limits['calls'] == 9000")
    hand.choose(mine)
    hand.option("against", one.ask("run.candidates[1].id"))
    hand.there(".diff-head:has-text('against #1'), .diff-head:has-text('as in #1')")
    hand.click(".slot-head [aria-pressed=false]:has-text('Where from')")
    hand.there("[data-kind=origin]")
    words = one.ask(f"run.candidate({mine!r}).values[{SLOT!r}].split()[0]")
    hand.lock(SLOT, words)
    hand.press("unlock", words)
    hand.gone("[data-kind=lock]")
    hand.press("pin", SLOT)
    hand.press("unpin", SLOT)
    hand.there(f"[data-action=pin][data-id='{SLOT}']")

    demo = hand.there("[data-kind=demo]").get_attribute("data-id")
    hand.press("keep-demo", demo)
    hand.press("undo", demo, within="[data-kind=demo]")
    hand.press("reject-demo", demo)
    hand.reason(1)
    hand.press("undo", demo, within="[data-kind=demo]")
    hand.press("edit-demo", demo)
    hand.fill("form [data-field=answer]", "41")
    hand.save("edit-demo")
    one.until("run.candidates[-1].human")
    hand.tab("demos")
    hand.click("[data-action=inject]")
    hand.fill("form [data-field=question]", "q77")
    hand.fill("form [data-field=answer]", "77")
    hand.save("inject")
    hand.click(".list-head button")
    hand.fill("form textarea", "Say the number.")
    hand.save("inject")
    hand.tab("traces")
    hand.press("keep-as-demo")  # of an example that candidates are scored on
    hand.there("[role=alert]:has-text('is validation example')")
    assert one.ask("len(run.decisions)") == 15
    hand.click("[data-action=keep-as-demo][aria-expanded]")
    hand.tick("[data-field=allow_leak]")
    hand.save("keep-as-demo")
    one.until("len(run.decisions) == 16")
    hand.press("edit", within=".actions")
    hand.fill(f"textarea[data-field='{SLOT}']", "Say the number only.")
    hand.save("edit")
    hand.tab("lineage")
    hand.click(f".kin [data-id='{first}']") if isinstance(hand, Mouse) else hand.choose(first)
    hand.there(f".cand[data-id='{first}'][aria-selected=true]")
    hand.press("accept", within=".actions")
    hand.there(".actions [data-action=accept][aria-pressed=true]")
    hand.press("reject", within=".actions")
    hand.reason(2)
    one.row(first, "dropped").wait_for()
    hand.press("undo", within="footer")
    one.row(first, "scored").wait_for()
    hand.press("redo", within="footer")
    one.row(first, "dropped").wait_for()
    hand.press("undo", within="footer")
    one.row(first, "scored").wait_for()
    hand.tab("examples")
    hand.there(".ex-table [data-kind=example]")

    hand.press("branch", within=".actions")
    hand.fill("form [data-field=calls]", "500")
    hand.save("branch")
    one.page.locator(".lmv.studio").nth(1).wait_for()
    assert one.ask("[len(run.branches), run.branches[0].limits['calls']]") == [1, 500]
    one.ask("run.branches[0].cancel()")
    one.page.locator(".lmv.studio[data-state=cancelled]").wait_for()
    hand.click("header [data-action=export]")
    hand.fill(".export [data-field=path]", "mine.json")
    hand.save("export")
    hand.there(".notice:has-text('mine.json')")
    assert (one.desk.folder / "mine.json").is_file()


def end(one: Any, hand: Hands) -> None:
    """Stop, go on, cancel, go on; then all that waits is accepted, and the report takes the panel's place."""
    hand.press("resume")
    one.state("waiting")
    for action, state in (("stop", "stopped"), ("cancel", "cancelled")):
        hand.press(action, within="header")
        one.until(f"run.state == {state!r}")
        one.state(state)
        hand.press("resume", within="header")
        one.state("waiting")
    while one.ask("run.state") == "waiting":
        left = one.ask("len(run.decisions)")
        hand.press("accept", within=".queue")
        one.until(f"len(run.decisions) > {left} and (len(run.pending) > 0 or run.state != 'waiting')")
    one.state("finished")
