"""KNNFewShot: a pool that is bootstrapped once, saved with the program, and searched at each call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import worlds

import lmnb

pytest.importorskip("numpy")


def optimizer(**options: Any) -> lmnb.KNNFewShot:
    return lmnb.KNNFewShot(**{"k": 3, "vectorizer": worlds.digits, "metric": worlds.exact, **options})


def compiled(lm: Any = None, **options: Any) -> Any:
    with lmnb.context(lm=lm or lmnb.FakeLM(worlds.reply)):
        return optimizer(**options).compile(worlds.TwoCalls(), trainset=worlds.questions(0, 12), run_dir=None)


def origins(demos: Any) -> dict[int, str]:
    """By training example, how its demo was made."""
    return {demo.provenance.source: demo.provenance.origin for demo in demos}


def test_a_call_bootstraps_nothing() -> None:
    """D13: a tuned program makes as many LM calls as before; the examples were run once each, when it was compiled."""
    lm = lmnb.FakeLM(worlds.reply)
    program = compiled(lm)
    assert len(lm.calls) == 2 * 12
    with lmnb.context(lm=lm):
        program(question="q3")
    assert len(lm.calls) == 2 * 12 + 2


def test_the_file_holds_the_pool_and_how_it_is_searched(tmp_path: Path) -> None:
    """D13: what was bootstrapped is saved; a fresh program that loads it sends the very same requests."""
    program = compiled()
    program.save(tmp_path / "program.json")
    fresh = lmnb.load(tmp_path / "program.json", program=worlds.TwoCalls())
    assert len(fresh.rewrite.demos) > 3 and fresh.rewrite.demo_policy.k == 3
    lms = lmnb.FakeLM(worlds.reply), lmnb.FakeLM(worlds.reply)
    for made, lm in zip((program, fresh), lms, strict=True):
        with lmnb.context(lm=lm):
            made(question="q37")
    assert lms[0].calls == lms[1].calls
    shown = [message["content"] for message in lms[1].calls[0]["messages"] if message["role"] == "assistant"]
    assert len(shown) == 3


def test_the_pool_has_one_demo_an_example() -> None:
    """The teacher's step where it passed, else the example where it has the predictor's fields; no answer was seen by who gave it."""
    lm = lmnb.FakeLM(worlds.reply)
    program = compiled(lm)
    made = origins(program.respond.predict.demos)
    assert sorted(made) == list(range(12)) and {"bootstrapped", "labelled"} == set(made.values())
    passed = {source for source, origin in made.items() if origin == "bootstrapped"}
    assert set(origins(program.rewrite.demos)) == passed  # examples have no query: nothing of theirs fits
    for call in lm.calls:
        asked = call["messages"][-1]["content"].split("]]\n")[1].split()[0]
        assert f"answer ## ]]\na{asked[1:]}\n" not in "".join(each["content"] for each in call["messages"][:-1])


def test_without_labelled_demos_only_what_passed_is_shown() -> None:
    """`max_labeled_demos=0` leaves examples that the teacher failed on out; `max_bootstrapped_demos` bounds the runs that are bought."""
    assert set(origins(compiled(max_labeled_demos=0).respond.predict.demos).values()) == {"bootstrapped"}
    lm = lmnb.FakeLM(worlds.reply)
    bounded = compiled(lm, max_bootstrapped_demos=2)
    assert list(origins(bounded.respond.predict.demos).values()).count("bootstrapped") == 2
    assert len(lm.calls) < 2 * 12


def test_the_training_set_may_be_the_constructors() -> None:
    """As in DSPy; the one that compile is given counts more, and without any it says what to give."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        own = lmnb.KNNFewShot(2, worlds.questions(0, 4), worlds.digits, metric=worlds.exact)
        for given, wanted in ({}, range(4)), ({"trainset": worlds.questions(50, 53)}, range(3)):
            made = own.compile(worlds.TwoCalls(), run_dir=None, **given)
            assert sorted(origins(made.respond.predict.demos)) == list(wanted)
        assert made.respond.predict.demos[0].question == "q50"
        with pytest.raises(lmnb.InputError, match=r"the trainset is empty\. Give"):
            optimizer().compile(worlds.TwoCalls())


def test_a_demo_that_is_rejected_while_the_pool_is_scored_leaves_it() -> None:
    """The search proposes the pool again without it, buys no bootstrap twice, and the journal alone gives the same."""
    runs: list[Any] = []
    rejected: list[Any] = []

    def reply(messages: Any, **options: Any) -> Any:
        if "q103" in messages[-1]["content"] and len(messages) > 4 and not rejected:
            rejected.append(runs[0].demos[-1])
            runs[0].reject_demo(rejected[0].provenance.id, "wrong")
        return worlds.reply(messages, **options)

    with lmnb.context(lm=lmnb.FakeLM(reply)):
        run = optimizer(max_labeled_demos=0, max_rounds=3).start(
            worlds.TwoCalls(), trainset=worlds.questions(0, 12), valset=worlds.questions(100, 108), paused=True
        )
        runs.append(run)
        run.resume()
        run.wait(60)
    pool, without = run.candidates[1:]
    wrong = rejected[0].provenance.source
    assert (pool.reason, without.status) == (f"holds demo {wrong}", "scored")
    demos = [run.candidate(each).values["respond.predict.demos"] for each in (pool, without)]
    assert origins(demos[0]).keys() - origins(demos[1]).keys() == {wrong}
    assert [each.id for each in lmnb.reopen(run.path).candidates] == [each.id for each in run.candidates]
    assert lmnb.reopen(run.path).replay_candidate().id == run.best.id


def test_the_policy_is_a_slot_of_the_run() -> None:
    """A person can inject another number of demos, which is scored like any candidate, and pin it."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = optimizer().start(
            worlds.TwoCalls(), trainset=worlds.questions(0, 12), valset=worlds.questions(100, 108), run_dir=None
        )
        run.wait(60)
        run.accept(1)
        slot = "respond.predict.demo_policy"
        child = run.inject(candidate={slot: lmnb.NearestDemos(5, worlds.digits)})
        with pytest.raises(lmnb.InputError, match="'five' is no policy of demos"):
            run.inject(candidate={slot: "five"})
        run.until("ended", 30)
        assert run.candidates[2].status == "scored"
        run.pin(slot, child.id)
        assert [each.status for each in run.candidates] == ["dropped", "dropped", "scored"]
        assert run.result().respond.predict.demo_policy.k == 5


def test_a_program_with_a_policy_is_tuned_and_teaches() -> None:
    """Another optimizer fills its pool, the policy stays; as a teacher it shows the nearest demos, never the one of the example itself."""
    program = compiled()
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        tuned = lmnb.LabeledFewShot(k=8).compile(program, trainset=worlds.questions(0, 12), run_dir=None)
    assert tuned.respond.predict.demo_policy.k == 3 and len(tuned.respond.predict.demos) == 8
    lm = lmnb.FakeLM(worlds.reply)
    with lmnb.context(lm=lm):
        lmnb.BootstrapFewShot(metric=worlds.exact, max_bootstrapped_demos=12).compile(
            worlds.TwoCalls(), teacher=program, trainset=worlds.questions(0, 12), run_dir=None
        )
    for call in lm.calls:
        demos = [each["content"] for each in call["messages"][1:-1] if each["role"] == "user"]
        asked = call["messages"][-1]["content"].split("]]\n")[1].split()[0]
        assert demos and not any(f"question ## ]]\n{asked}\n" in each for each in demos)
    assert max(len(call["messages"]) for call in lm.calls) == 2 + 2 * 3
