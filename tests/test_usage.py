"""What LM calls used: summed by model, for a block and for a program, bought calls and cache hits apart."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import lmnb

USED = {"prompt_tokens": 10, "completion_tokens": 3}


class Counted(lmnb.BaseLM):
    """Ten prompt tokens and three completion tokens a call."""

    def forward(self, prompt: Any = None, messages: Any = None, **options: Any) -> dict[str, Any]:
        text = "[[ ## answer ## ]]\nx\n\n[[ ## completed ## ]]"
        return {"choices": [{"message": {"content": text}}], "usage": {**USED, "total_tokens": 13}}


def counts(calls: int, hits: int = 0) -> dict[str, int]:
    bought = calls - hits
    return {
        "calls": calls,
        "cache_hits": hits,
        "prompt_tokens": 10 * bought,
        "completion_tokens": 3 * bought,
        "total_tokens": 13 * bought,
        "cache_hit_tokens": 13 * hits,
    }


class Twice(lmnb.Module):
    """Asks its predictor twice, the second time another model where one is given."""

    def __init__(self, other: Any = None) -> None:
        self.answer = lmnb.Predict("question -> answer")
        self.other = lmnb.Predict("question -> answer", lm=other)

    def forward(self, question: str) -> lmnb.Prediction:
        self.answer(question=question)
        return self.other(question=f"{question} again")

    async def aforward(self, question: str) -> lmnb.Prediction:
        await self.answer.acall(question=question)
        return await self.other.acall(question=f"{question} again")


def test_usage_is_summed_by_model() -> None:
    """A block and a prediction say the same: the calls and tokens of each model."""
    one, two = Counted("one", cache=False), Counted("two", cache=False)
    with lmnb.context(lm=one), lmnb.track_usage() as usage:
        made = Twice(two)(question="?")
    assert usage.get_total_tokens() == made.get_lm_usage() == {"one": counts(1), "two": counts(1)}
    assert list(made.get_lm_usage()) == ["one", "two"]


@pytest.mark.parametrize("on", [True, False])
def test_a_prediction_knows_its_usage_whatever_the_setting(on: bool) -> None:
    """`configure(track_usage=True)` of ported programs is accepted, and nothing is missing without it."""
    lmnb.configure(track_usage=on, lm=Counted("one", cache=False))
    assert Twice()(question="?").get_lm_usage() == {"one": counts(2)}


def test_cache_hits_are_counted_apart() -> None:
    """What the cache answered is a call and a hit; its tokens are not among those that were bought."""
    with lmnb.context(lm=Counted("one")), lmnb.track_usage() as usage:
        assert Twice()(question="?").get_lm_usage() == {"one": counts(2)}
        assert Twice()(question="?").get_lm_usage() == {"one": counts(2, hits=2)}
    assert usage.get_total_tokens() == {"one": counts(4, hits=2)}


@pytest.mark.parametrize("way", ["threads", "batch", "loop"])
def test_usage_is_right_side_by_side(way: str) -> None:
    """With 200 calls on threads or on a loop the block's sum is exact, and each prediction knows its own two."""
    program, questions = Twice(), [f"{n}?" for n in range(100)]
    devset = [lmnb.Example(question=text).with_inputs("question") for text in questions]

    async def together() -> list[Any]:
        return await asyncio.gather(*(program.acall(question=text) for text in questions))

    with lmnb.context(lm=Counted("one", cache=False)), lmnb.track_usage() as usage:
        if way == "threads":
            report = lmnb.Evaluate(devset, lambda example, made: True, num_threads=32)(program)
            made = [row.prediction for row in report.rows]
        else:
            made = program.batch(devset, num_threads=32) if way == "batch" else asyncio.run(together())
    assert usage.get_total_tokens() == {"one": counts(200)}
    assert [each.get_lm_usage() for each in made] == [{"one": counts(2)}] * 100


def test_blocks_nest() -> None:
    """An inner block counts its own calls, the outer one all, also where callbacks are overridden between them."""
    lm = Counted("one", cache=False)
    with lmnb.track_usage() as outer:
        lm("hi")
        with lmnb.context(callbacks=[]), lmnb.track_usage() as inner:
            lm("hi")
    lm("hi")
    assert (outer.get_total_tokens(), inner.get_total_tokens()) == ({"one": counts(2)}, {"one": counts(1)})


def test_what_was_not_answered_is_not_counted() -> None:
    """A call that failed, or that a budget refused, used nothing."""
    with lmnb.track_usage() as usage:
        with pytest.raises(lmnb.AuthError):
            lmnb.FakeLM([lmnb.AuthError("no key")])("hi")
        with lmnb.context(budget=lmnb.Budget(calls=0)), pytest.raises(lmnb.BudgetExceeded):
            lmnb.FakeLM(["hi"])("hi")
    assert usage.get_total_tokens() == {}


def test_a_judge_is_not_part_of_the_program() -> None:
    """What a metric asks is in the block's sum, and not in the usage of the prediction that it judged."""
    judge = lmnb.Predict("question -> answer", lm=Counted("judge", cache=False))
    devset = [lmnb.Example(question="?").with_inputs("question")]

    def metric(example: Any, prediction: Any, trace: Any = None) -> bool:
        return judge(question=prediction.answer).answer == "x"

    with lmnb.context(lm=Counted("one", cache=False)), lmnb.track_usage() as usage:
        (row,) = lmnb.Evaluate(devset, metric)(Twice()).rows
    assert row.prediction.get_lm_usage() == {"one": counts(2)}
    assert usage.get_total_tokens() == {"one": counts(2), "judge": counts(1)}


def test_repairs_and_repeated_steps_count() -> None:
    """A repair turn and a step that a check sent back were asked too."""

    class Checked(lmnb.Module):
        def __init__(self) -> None:
            self.answer = lmnb.Predict("question -> answer")

        def forward(self, question: str) -> lmnb.Prediction:
            made = self.answer(question=question)
            lmnb.Assert(made.answer == "b", "Say b.")
            return made

    lm = lmnb.FakeLM(["unreadable", {"answer": "a"}, {"answer": "b"}])
    with lmnb.context(lm=lm), lmnb.track_usage() as usage:
        made = Checked()(question="?")
    assert made.answer == "b"
    assert made.get_lm_usage()["fake"]["calls"] == usage.get_total_tokens()["fake"]["calls"] == 3
    assert made.get_lm_usage() == usage.get_total_tokens()


def test_what_else_a_provider_counts_is_summed() -> None:
    """Prompt tokens that the provider had cached stand beside the others."""

    class Cached(lmnb.BaseLM):
        def forward(self, prompt: Any = None, messages: Any = None, **options: Any) -> dict[str, Any]:
            told = {**USED, "prompt_tokens_details": {"cached_tokens": 8}}
            return {"choices": [{"message": {"content": "x"}}], "usage": told}

    lm = Cached("one", cache=False)
    with lmnb.track_usage() as usage:
        lm("hi"), lm("hi")
    assert usage.get_total_tokens() == {"one": {**counts(2), "cached_tokens": 16}}
    assert "UsageTracker({'one': " in repr(usage)
