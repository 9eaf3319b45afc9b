"""A person's decisions under every optimizer: pins of any slot, undo of any decision, and decisions carried from one kind to another."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
import worlds

import lmnb

QUERY, ANSWER = "rewrite.instructions", "respond.predict.outputs['answer'].desc"
NAMES = list(worlds.optimizers(worlds.exact))
PAIRS = [(one, other) for one in NAMES for other in NAMES if one != other]
DRAWN = random.Random(5).sample(PAIRS, 2)  # in the short form
OFTEN = ("GEPA",)  # in the short form


def start(name: str, **options: Any) -> Any:
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        return worlds.optimizers(worlds.exact)[name].start(
            worlds.TwoCalls(),
            trainset=worlds.questions(0, 12),
            valset=worlds.questions(100, 106),
            **{"num_threads": 2, "run_dir": None, **options},
        )


def standing(run: Any) -> list[Any]:
    """How the candidates stand, which is what decisions change."""
    return [(row.id, row.status, row.score, row.reason) for row in run.candidates]


def decide(run: Any, rng: random.Random) -> None:
    """One decision of any kind that is possible."""
    rows = [row for row in run.candidates if row.status == "scored"]
    row = rng.choice(rows or run.candidates)
    text = f"Way number {rng.randrange(10**6)} to ask."
    demos = [demo for _, demo in run.candidate(row).demos()] or [worlds.questions(0, 12)[3]]
    choices = [
        lambda: run.reject(row, "not this") if row.number and len(rows) > 2 else run.accept(row),
        lambda: run.accept(row),
        lambda: run.edit(row, rng.choice([QUERY, ANSWER]), text),
        lambda: run.inject(instructions={QUERY: text}),
        lambda: run.inject(demo={"question": text, "answer": "a1"}),
        lambda: run.reject_demo(rng.choice(demos), "wrong"),
        lambda: run.keep_demo(rng.choice(demos)),
        lambda: run.pin(rng.choice([QUERY, ANSWER]), row),
        lambda: run.lock(QUERY, run.candidate(row).values[QUERY].split()[0]),
    ]
    try:
        rng.choice(choices)()
    except lmnb.InputError:
        return  # refused in words: see test_steering
    run.until("ended", 30)


@pytest.mark.sampled(*OFTEN)
@pytest.mark.parametrize("name", NAMES)
def test_any_decision_is_undone_in_any_order(name: str) -> None:
    """After a dozen decisions on a finished run, undone one by one in any order, its candidates stand as before; redone, as they did last."""
    run = start(name)
    run.wait(60)
    before, best = standing(run), run.best
    rng = random.Random(f"undo {name}")
    for _ in range(12):
        decide(run, rng)
    made, after = list(run.decisions), standing(run)
    last = run.best
    assert len(made) > 4
    for decision in rng.sample(made, len(made)):
        run.undo(decision)
        run.until("ended", 30)
    # what is expected of it on new data has learned from the candidates made since
    assert standing(run)[: len(before)] == before and replace(run.best, expected=best.expected) == best
    assert all(row.status == "dropped" for row in run.candidates[len(before) :])
    for _ in made:
        run.redo()
        run.until("ended", 30)
    assert standing(run) == after and run.best == last
    with pytest.raises(lmnb.InputError, match="nothing to redo"):
        run.redo()


@pytest.mark.sampled(*DRAWN)
@pytest.mark.parametrize("pair", PAIRS, ids=" to ".join)
def test_decisions_are_carried_to_another_optimizer(pair: tuple[str, str]) -> None:
    """What stands of one run's decisions holds in a run of another kind from its start: demos and texts that were rejected stay out, what
    was written is scored, what was pinned or locked is in every candidate that is allowed."""
    first = start(pair[0])
    first.wait(60)
    rng = random.Random(" ".join(pair))
    first.edit(0, QUERY, "Ask for the number alone, please.")
    first.until("ended", 30)
    mine = first.candidates[-1]
    for _ in range(6):
        decide(first, rng)
    other = start(pair[1], decisions=first.decisions)
    other.wait(60)
    state = other._archive.state
    assert [d.kind for d in other.decisions if "carried over" in d.text]
    allowed = [other.candidate(row) for row in other.candidates if row.reason is None]
    for candidate in [*allowed, other.candidate(other.best)]:
        for slot, pin in state.pins.items():
            assert slot not in candidate.values or candidate.content(slot) == pin.data["content"]
        for slot, spans in state.locks.items():
            assert all(" ".join(span.split()) in " ".join(candidate.values[slot].split()) for span in spans)
        for slot, demo in candidate.demos():
            assert state.refuses_demo(demo, other._archive.outputs[slot]) is None
        assert candidate.id not in state.rejected
        for slot, value in candidate.values.items():
            assert not isinstance(value, str) or state.refuses_text(slot, value) is None
    made = next(
        row for row in other.candidates if other.candidate(row).values[QUERY] == first.candidate(mine).values[QUERY]
    )
    assert made.human and (made.status == "scored" or made.reason is not None)


@pytest.mark.parametrize("slot", [QUERY, ANSWER])
@pytest.mark.sampled(*OFTEN)
@pytest.mark.parametrize("name", NAMES)
def test_an_edited_and_pinned_text_is_in_all_that_follows(name: str, slot: str) -> None:
    """In the middle of a run an instruction or a description is edited and pinned; all later candidates and the result carry it."""
    run = start(name, paused=True)
    run.step()
    run.until("paused", 30)
    mine = run.edit(0, slot, "Fixed by hand.")
    run.pin(slot, mine)
    known = len(run.candidates)
    run.resume()
    tuned = run.wait(60)
    assert tuned.slots()[slot] == "Fixed by hand."
    later = [run.candidate(row) for row in run.candidates[known:]]
    assert all(candidate.values[slot] == "Fixed by hand." for candidate in later)
    assert next(row for row in run.candidates if row.id == mine.id).status == "scored"


def test_a_pinned_demo_policy_holds() -> None:
    """KNNFewShot's policy is a slot: pinned to none, no candidate that chooses demos by input is the result; unpinned it may be."""
    run = start("KNNFewShot", paused=True)
    run.step()
    run.until("paused", 30)
    run.pin("respond.predict.demo_policy", 0)
    run.resume()
    tuned = run.wait(60)
    assert tuned.respond.predict.demo_policy is None and tuned.rewrite.demo_policy is not None
    child = run.inject(candidate={"rewrite.demo_policy": lmnb.NearestDemos(k=2)})
    run.until("ended", 30)
    assert next(row for row in run.candidates if row.id == child.id).status == "scored"
    run.reject_demo(run.demos[0])
    run.unpin("respond.predict.demo_policy")
    assert run.decisions[-1].kind == "unpin"
