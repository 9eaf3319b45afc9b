"""Validation examples as demos: refused unless they are allowed, and told wherever they are shown."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import worlds

import lmnb

VAL = worlds.questions(100, 104)


def start(**options: Any) -> Any:
    given = {"trainset": worlds.questions(0, 6), "valset": VAL, "run_dir": None, **options}
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        made = lmnb.LabeledFewShot(k=3, metric=worlds.exact).start(worlds.TwoCalls(), **given)
    made.wait(30)
    return made


@pytest.fixture
def run() -> Any:
    return start()


@pytest.mark.parametrize(
    "demo", [VAL[2], {"question": " q102 ", "answer": "wrong"}, VAL[2].without("answer").copy(query="about q102")]
)
def test_a_validation_example_is_no_demo_unless_it_is_allowed(run: Any, demo: Any) -> None:
    """By what it asks, not by its label or object: the error names the example and says what to write, and nothing is recorded."""
    with pytest.raises(
        lmnb.InputError, match=r"'q102'} is validation example 2: the score would be of .* allow_leak=True"
    ):
        run.inject(demo=demo)
    assert run.decisions == [] and len(run.candidates) == 2


def test_what_is_allowed_is_told_wherever_it_is_shown(run: Any) -> None:
    """The decision, the row, the detail, the report and the provenance say so; a child of it may keep what was allowed."""
    run.inject(demo=VAL[2], allow_leak=True)
    run.until("ended", 30)
    row, told = run.candidates[-1], "holds validation example 2"
    assert row.label == f"your demo, {told}" and row.leaks == (2,)
    assert run.decisions[-1].text == "injected a demo (validation example 2) → #2" and run.decisions[-1].data[
        "leaks"
    ] == [2]
    assert run.detail(row)["leaks"] == [2] and told in run.snapshot()["candidates"][-1]["label"]
    run.accept(row)
    assert f"The prompt {told}" in run.to_html() and told in run.result().provenance["scored_on"]
    child = run.edit(row, "rewrite.instructions", "Another.")
    run.until("ended", 30)
    assert run.candidates[-1].id == child.id and run.candidates[-1].leaks == (2,)
    assert run.candidates[0].leaks == () and run.detail(0)["leaks"] == []


def test_no_other_way_brings_one_into_a_prompt_in_silence(run: Any) -> None:
    """Neither an edit of a demo, nor the values of a candidate, nor a demo that is kept for later candidates."""
    demo = run.demos[0]
    with pytest.raises(lmnb.InputError, match=r"validation example 0: .*edit_demo\(..., allow_leak=True\)"):
        run.edit_demo(demo, {"question": "q100"})
    with pytest.raises(lmnb.InputError, match=r"validation example 1 \(and 1 more\)"):
        run.inject(candidate={"respond.predict.demos": VAL[1:3]})
    with pytest.raises(lmnb.InputError, match=r"validation example 3: .*keep_demo\(..., allow_leak=True\)"):
        run.keep_demo(VAL[3])
    assert run.decisions == []
    run.keep_demo(VAL[3], allow_leak=True)
    run.edit_demo(demo, {"question": "q100"}, allow_leak=True)
    assert [decision.data["leaks"] for decision in run.decisions] == [[3], [0]]


def test_an_example_that_was_held_out_is_named_by_its_place_in_the_trainset() -> None:
    """Who gave no valset does not know which of the examples it is."""
    run = start(valset=None, trainset=worlds.questions(0, 24))
    assert run.header.evalset is None  # this optimizer scores only where there is a valset
    run.inject(demo=worlds.questions(2, 3)[0])
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        made = worlds.optimizers(worlds.exact)["BootstrapFewShotWithRandomSearch"].start(
            worlds.TwoCalls(), trainset=worlds.questions(0, 24), run_dir=None, paused=True
        )
    with pytest.raises(lmnb.InputError, match=r"validation example 0, trainset\[2\], which was held out for scoring: "):
        made.inject(demo=worlds.questions(2, 3)[0])
    made.stop()


def test_who_scores_on_the_trainset_goes_on_as_before() -> None:
    """What stands in both sets was meant, or warned of at the start; so it is no leak."""
    for valset in (worlds.questions(0, 6), worlds.questions(4, 8)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run = start(valset=valset)
        run.inject(demo=worlds.questions(5, 6)[0])
        run.until("ended", 30)
        assert run.candidates[-1].leaks == () and run.candidates[-1].label == "your demo"


def test_a_decision_of_another_run_leaks_nothing_in_silence(run: Any) -> None:
    """What was fine there and is a validation example here is left out with a warning; what was allowed there is taken and told."""
    run.inject(demo={"question": "q7", "answer": "a7"})
    run.until("ended", 30)
    run.inject(demo=VAL[0], allow_leak=True, parent=0)
    run.until("ended", 30)
    with pytest.warns(UserWarning, match="left out: injected a demo .* holds validation example 1 of this run"):
        other = start(valset=[VAL[0], *worlds.questions(7, 9)], decisions=run.decisions)
    assert [row.leaks for row in other.candidates if row.human] == [(0,)]
    assert [decision.data["leaks"] for decision in other.decisions] == [[0]]


def test_a_pin_of_another_run_brings_no_validation_example_into_every_prompt(run: Any) -> None:
    """It is left out with a warning where the pinned demos are scored on here; in a branch what was allowed stays pinned."""
    run.pin("rewrite.demos", run.inject(demo={"question": "q7", "answer": "a7", "query": "about q7"}))
    with pytest.warns(
        UserWarning, match=r"left out: pinned rewrite.demos of #2 .* holds validation example 0 of this run"
    ):
        other = start(valset=worlds.questions(7, 9), decisions=[run.decisions[-1]])
    assert other.decisions == [] and all(row.leaks == () for row in other.candidates)
    run.unpin("rewrite.demos")
    run.pin("rewrite.demos", run.inject(demo=VAL[2].copy(query="about q102"), allow_leak=True, parent=0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = start(decisions=run.decisions)
    assert [decision.kind for decision in again.decisions] == ["inject", "inject", "pin"]
