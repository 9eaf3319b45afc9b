"""Modules that ask more than once: BestOfN, Refine, MultiChainComparison, and what picks among answers: majority, KNN."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import lmnb
from lmnb import KNN, BestOfN, FakeLM, InputError, MultiChainComparison, Predict, Prediction, Refine, majority


def long(inputs: dict[str, Any], made: Any) -> int:
    """Longer is better."""
    return len(made.answer)


def called(program: lmnb.Module, how: str, **inputs: Any) -> Any:
    return asyncio.run(program.acall(**inputs)) if how == "async" else program(**inputs)


@pytest.mark.parametrize("how", ["sync", "async"])
def test_the_best_of_all_tries_is_given(how: str) -> None:
    """Without one at the threshold the highest reward wins; the first try is the program as it is, the others are samples."""
    lm = FakeLM([{"answer": "a"}, {"answer": "ccc"}, {"answer": "bb"}])
    with lmnb.context(lm=lm):
        assert called(BestOfN(Predict("question -> answer"), 3, long, 9), how, question="?").answer == "ccc"
    options = [{name: call.get(name) for name in ("rollout_id", "temperature")} for call in lm.calls]
    assert options[0]["temperature"] is None and [each["temperature"] for each in options[1:]] == [1.0, 1.0]


def test_a_good_try_ends_the_search() -> None:
    """At the threshold no further call is made."""
    lm = FakeLM([{"answer": "aaaa"}, {"answer": "never"}])
    with lmnb.context(lm=lm):
        BestOfN(Predict("question -> answer"), 3, long, 4)(question="?")
    assert len(lm.calls) == 1


def test_tries_that_fail_are_counted() -> None:
    """A try may fail; too many raise, and so does a last one when none succeeded."""
    replies: list[Any] = ["no", "no", {"answer": "a"}]
    with lmnb.context(lm=FakeLM(list(replies))):
        assert BestOfN(Predict("question -> answer: int"), 2, lambda inputs, made: 1, 1).N == 2
        assert BestOfN(Predict("question -> answer"), 2, long, 1)(question="?").answer == "a"
    with lmnb.context(lm=FakeLM(["no"] * 9)), pytest.raises(lmnb.ParseError):
        BestOfN(Predict("question -> answer"), 5, long, 1, fail_count=0)(question="?")


def test_the_trace_knows_the_program_s_own_predictors() -> None:
    """The steps are those of the best try and of the program's predictor, so that an optimizer can take them as demos."""
    with lmnb.context(lm=FakeLM([{"answer": "a"}, {"answer": "bb"}])):
        program = BestOfN(Predict("question -> answer"), 2, long, 9)
        made = program(question="?")
    assert [(step.path, step.outputs) for step in made.trace.steps()] == [("module", {"answer": "bb"})]
    again = lmnb.Trace.from_dict(made.trace.to_dict())
    assert [(step.path, step.outputs) for step in again.steps()] == [("module", {"answer": "bb"})]


@pytest.mark.parametrize("how", ["sync", "async"])
def test_refine_hands_the_advice_to_the_predictor(how: str) -> None:
    """The next try sees the hint as one more input, and the step that is recorded does not."""
    lm = FakeLM([{"answer": "a"}, {"advice": {"self": "Be longer.", "nobody": "x"}}, {"answer": "long enough"}])
    with lmnb.context(lm=lm):
        made = called(Refine(Predict("question -> answer"), 2, long, 5), how, question="?")
    assert made.answer == "long enough"
    assert "Longer is better." in lm.calls[1]["messages"][-1]["content"]
    assert "Be longer." in lm.calls[2]["messages"][-1]["content"]
    assert [step.inputs for step in made.trace.steps()] == [{"question": "?"}]


def test_a_reward_must_be_a_number() -> None:
    """What the reward function gives is checked, and said."""
    with lmnb.context(lm=FakeLM([{"answer": "a"}])), pytest.raises(InputError, match="reward_fn gave 'good'"):
        BestOfN(Predict("question -> answer"), 1, lambda inputs, made: "good", 1)(question="?")


@pytest.mark.parametrize("how", ["sync", "async"])
def test_chains_are_sampled_and_compared(how: str) -> None:
    """The comparison sees every chain's reasoning and answer."""
    chains = [{"reasoning": f"thought {at}", "answer": str(at)} for at in (1, 2, 3)]
    lm = FakeLM([*chains, {"rationale": "two agree", "answer": "2"}])
    with lmnb.context(lm=lm):
        made = called(MultiChainComparison("question -> answer"), how, question="?")
    assert (made.answer, made.rationale) == ("2", "two agree")
    said = lm.calls[3]["messages"][-1]["content"]
    assert all(f"thought {at} So answer: {at}" in said for at in (1, 2, 3))
    assert [call.get("temperature") for call in lm.calls] == [0.7, 0.7, 0.7, None]


def test_own_chains_are_compared() -> None:
    """Completions may be given, in the number that was declared."""
    chains = [Prediction(rationale="r", answer="1"), Prediction(reasoning="s", answer="2")]
    compare = MultiChainComparison("question -> answer", M=2)
    with lmnb.context(lm=FakeLM([{"rationale": "x", "answer": "1"}])):
        assert compare(chains, question="?").answer == "1"
        with pytest.raises(InputError, match="2 completions are compared, and there are 1"):
            compare(chains[:1], question="?")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [(["x", "y", "Y!"], "y"), (["x", "y"], "x"), (["", "x"], "x"), (["", " "], ""), (["The x", "y", "x"], "The x")],
)
def test_most_votes_win(answers: list[str], expected: str) -> None:
    """Values are compared normalized, ties go to the first, empty ones have no vote."""
    assert majority([Prediction(answer=answer) for answer in answers]).answer == expected


def test_a_majority_of_completions() -> None:
    """A prediction of several completions votes too, by any of its fields."""
    made = Prediction.from_completions([{"a": "x", "b": "1"}, {"a": "y", "b": "1"}, {"a": "y", "b": "2"}])
    assert majority(made).b == "1" and majority(made, field="a").a == "y"
    with pytest.raises(InputError, match="no prediction"):
        majority([])


def test_near_examples_are_found() -> None:
    """The nearest come first, equally near ones in their order."""
    pytest.importorskip("numpy", reason="numpy is not installed: pip install 'lmnb[embed]'")
    trainset = [lmnb.Example(text=text, label="x").with_inputs("text") for text in ("aa", "b", "ab", "ba")]
    near = KNN(3, trainset, lambda texts: [[text[6:].count("a"), text[6:].count("b")] for text in texts])
    assert [example.text for example in near(text="a")] == ["aa", "ab", "ba"]
    with pytest.raises(InputError, match="'text' is missing"):
        near(txt="a")
