"""A data set cannot set the options of a predictor's call, whatever the program does with its fields."""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import lmnb

EVIL = lmnb.FakeLM(lambda messages: {"answer": "sent to another server"})
OPTIONS = {
    "config": {"api_base": "http://evil"},
    "lm": EVIL,
    "demos": [{"question": "Who?", "answer": "Mallory"}],
    "signature": "question -> secret",
}


class Steps(lmnb.Module):
    """Two predictors; what the second is given is each test's own."""

    def __init__(self, hand_on: Callable[..., Any]) -> None:
        self.lm = lmnb.FakeLM(lambda messages: {"topic": "towns", "answer": "Paris"})
        self.topic = lmnb.Predict("question -> topic", lm=self.lm)
        self.answer = lmnb.Predict("question -> answer", lm=self.lm)
        self.hand_on = hand_on

    def forward(self, **kwargs: Any) -> Any:
        return self.hand_on(self, **kwargs)


def in_thread(self: Steps, **kwargs: Any) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: self.answer(**kwargs)).result()


WAYS = {
    "handed on": lambda self, **kwargs: self.answer(**kwargs),
    "by name": lambda self, question, **kwargs: self.answer(question=question, **kwargs),
    "copied": lambda self, **kwargs: self.answer(**copy.deepcopy(kwargs)),
    "in a thread": in_thread,
    "nested": lambda self, record: self.answer(**record),
    "wrapped": lambda self, **kwargs: lmnb.BestOfN(self.answer, 1, lambda inputs, made: 1.0, 1.0)(**kwargs),
    "side by side": lambda self, **kwargs: lmnb.Parallel(1)([(self.answer, kwargs)])[0],
    "looked at": lambda self, **kwargs: self.answer.messages(**kwargs),
}


def row(way: str, **option: Any) -> lmnb.Example:
    fields = {"question": "The capital of France?", **option}
    made = lmnb.Example(record=fields) if way == "nested" else lmnb.Example(fields)
    return made.with_inputs(*made.keys())


CASES = [
    (way, option) for way in WAYS for option in OPTIONS if (way, option) != ("copied", "lm")
]  # a copied LM is another


@pytest.mark.parametrize(("way", "option"), CASES)
def test_evaluate_gives_no_predictor_options_from_data(way: str, option: str) -> None:
    """However a module hands its fields on: the row fails with words, and nobody is asked for it; a row without such a field passes."""
    program, data = Steps(WAYS[way]), [row(way), row(way, **{option: OPTIONS[option]})]
    good, bad = lmnb.Evaluate(data, lambda example, made: 1.0, num_threads=1)(program)
    assert good.error is None and len(program.lm.calls) == (way != "looked at")
    assert EVIL.calls == [] and getattr(bad.prediction, "answer", None) is None
    assert way == "side by side" or f"{option!r} is an option of the call, and its value" in str(bad.error)


@pytest.mark.filterwarnings("ignore:.*failed")
def test_a_run_and_a_batch_give_no_predictor_options_from_data() -> None:
    """The searches and `batch`, of examples and of dicts, come through the same door."""
    program, data = Steps(WAYS["handed on"]), [row("", config=OPTIONS["config"])] * 6
    with pytest.raises(lmnb.LmnbError, match="'config' is an option of the call"):
        lmnb.BootstrapFewShot(metric=lambda example, made: 1.0).compile(program, trainset=data, valset=data)
    _, _, errors = program.batch([*data[:1], dict(data[1])], return_failed_examples=True, disable_progress_bar=True)
    assert [type(error) for error in errors] == [lmnb.InputError] * 2
    for parallel, example in ((lmnb.Parallel(access_examples=False), data[0]), (lmnb.Parallel(), (dict(data[0]),))):
        assert parallel([(lambda row: program.answer(**row), example)]) == [None]
    assert program.lm.calls == []


def test_a_metric_hands_no_options_on_from_the_labels() -> None:
    """A judge that is called with the fields of the example is a predictor too."""
    judge = lmnb.Predict("question -> answer", lm=lmnb.FakeLM([{"answer": "yes"}]))
    example = lmnb.Example(question="Who?", config=OPTIONS["config"]).with_inputs("question")
    metric = lambda example, made: bool(judge(**example))  # noqa: E731
    report = lmnb.Evaluate([row(""), example], metric, num_threads=1)(Steps(WAYS["handed on"]))
    assert report.rows[1].error_kind == "metric" and "'config' is an option" in str(report.rows[1].error)


def test_fields_with_the_name_of_an_option_are_fields_where_they_are_declared() -> None:
    """A program's own parameters and a signature's outputs may have these names, and the program keeps its own options."""

    class Reader(lmnb.Module):
        def __init__(self) -> None:
            self.read = lmnb.Predict("text -> config: dict[str, int]", lm=lmnb.FakeLM([{"config": {"n": 2}}] * 2))

        def forward(self, text: str, demos: list[str]) -> Any:
            return self.read(text=f"{text} {demos}", config={"temperature": 0.5}, demos=[])

    example = lmnb.Example(text="n is 2", demos=[], config={"n": 2}).with_inputs("text", "demos")
    report = lmnb.Evaluate([example], lambda example, made: example.config == made.config, num_threads=1)(Reader())
    assert report.score == 100.0
    trace = report.rows[0].trace
    assert trace is not None and trace.find(2).data["request"]["temperature"] == 0.5


def test_a_programmer_gives_options_by_the_call_as_before() -> None:
    """Only what comes from data is refused: a call in a script takes its options."""
    lm = lmnb.FakeLM(lambda messages: {"answer": "Paris"})
    made = lmnb.Predict("question -> answer")(question="Who?", config={"temperature": 0.3}, lm=lm, demos=[])
    assert made.answer == "Paris" and lm.calls[0]["temperature"] == 0.3


def test_an_option_that_only_equals_one_in_the_data_says_how_to_write_it() -> None:
    """It cannot be told from a copy of the data's, so it is refused; set on the predictor it is the program's beyond doubt."""

    class Own(lmnb.Module):
        def __init__(self) -> None:
            self.lm = lmnb.FakeLM(lambda messages: {"answer": "Paris"})
            self.called = lmnb.Predict("question -> answer", lm=self.lm)
            self.made = lmnb.Predict("question -> answer", lm=self.lm, temperature=0.5)

        def forward(self, question: str, how: str) -> Any:
            return (
                self.made(question=question)
                if how == "made"
                else self.called(question=question, config={"temperature": 0.5})
            )

    data = [lmnb.Example(question="Who?", how=how, config={"temperature": 0.5}) for how in ("called", "made")]
    data = [example.with_inputs("question", "how") for example in data]
    report = lmnb.Evaluate(data, lambda example, made: True, num_threads=1, max_errors=9)(Own())
    told, made = report.rows[0].error or "", report.rows[1]
    assert "If it is the program's own and the data only holds the same, set it once and not in the call" in told
    assert "lmnb.Predict('question -> answer', temperature=...)" in told
    assert made.score == 1.0 and made.trace is not None and made.trace.find(2).data["request"]["temperature"] == 0.5
