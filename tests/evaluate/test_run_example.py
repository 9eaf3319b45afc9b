"""One program on one example: the row that comes of it."""

from __future__ import annotations

import asyncio
import contextvars
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

import lmnb
from lmnb.evaluate import exact_match
from lmnb.evaluate.run_example import arun_example, run_example
from lmnb.lm.recorder import recorder
from lmnb.trace import open_span, span

EXAMPLE = lmnb.Example(ticket="no mail comes", team="Access").with_inputs("ticket")
same_team = exact_match("team")


def router(*answers):
    return lmnb.Predict("ticket -> team", lm=lmnb.FakeLM(list(answers) or [{"team": "Access"}]))


class Pipeline(lmnb.Module):
    """Two calls and a word on the way."""

    def __init__(self, lm):
        self.shorten = lmnb.Predict("ticket -> short", lm=lm)
        self.route = lmnb.Predict("short -> team", lm=lm)

    def forward(self, ticket):
        print("looking at", ticket)
        return self.route(short=self.shorten(ticket=ticket).short)


def test_a_row_has_score_prediction_and_trace():
    """The outcome of a good run."""
    row = run_example(router(), EXAMPLE, same_team, index=7)
    assert (row.index, row.score, row.error, row.error_kind) == (7, 1.0, None, None)
    assert row.prediction.team == "Access"
    assert row.trace.score == 1.0
    assert row.seconds > 0
    assert [step.outputs for step in row.trace.steps()] == [{"team": "Access"}]
    assert row.prediction.trace is row.trace


def test_feedback_and_objectives_come_along():
    """A Score's words reach the row."""
    metric = lambda example, prediction: lmnb.Score(0.5, feedback="half", objectives={"a": 1})  # noqa: E731
    row = run_example(router(), EXAMPLE, metric)
    assert (row.score, row.feedback, row.objectives) == (0.5, "half", {"a": 1.0})


def test_a_failing_program_is_a_row_with_its_error():
    """No score, not a zero; the trace shows how far it came."""
    row = run_example(router("no headers here", "nor here"), EXAMPLE, same_team)
    assert row.score is None
    assert row.prediction is None
    assert row.error_kind == "program"
    assert row.error.startswith("ParseError: ")
    assert isinstance(row.exception, lmnb.ParseError)
    assert "Traceback" in row.traceback
    assert [item.kind for _, item in row.trace.spans()].count("lm") == 2


def test_a_failing_metric_keeps_the_prediction():
    """The program's answer was paid for and is there."""

    def metric(example, prediction):
        return prediction.nothing

    row = run_example(router(), EXAMPLE, metric)
    assert (row.score, row.error_kind) == (None, "metric")
    assert row.prediction.team == "Access"
    assert "has no field 'nothing'" in row.error
    assert row.trace.root.children[-1].kind == "metric"
    assert "nothing" in row.trace.root.children[-1].error


def test_a_metric_without_a_score_is_an_error():
    """None, a forgotten return, is not taken for zero."""
    row = run_example(router(), EXAMPLE, lambda example, prediction: None)
    assert (row.score, row.error_kind) == (None, "metric")
    assert "the metric gave None" in row.error


def test_no_metric_means_no_score():
    """As when demonstrations are gathered without one."""
    row = run_example(router(), EXAMPLE, None)
    assert (row.score, row.error, row.prediction.team) == (None, None, "Access")


@pytest.mark.parametrize("error", [lmnb.BudgetExceeded("calls", 2, 2), lmnb.Cancelled("off"), KeyboardInterrupt()])
@pytest.mark.parametrize("where", ["program", "metric"])
def test_what_stops_everything_passes_through(error, where):
    """A spent budget, a cancellation and an interrupt are no row, wherever they strike."""

    def program(ticket):
        if where == "program":
            raise error
        return lmnb.Prediction(team="Access")

    def metric(example, prediction):
        raise error

    with pytest.raises(type(error)):
        run_example(program, EXAMPLE, metric)


def test_a_spent_budget_in_the_lm_passes_through():
    """The real path: the LM refuses the call inside the predictor."""
    with lmnb.context(budget=lmnb.Budget(calls=0)), pytest.raises(lmnb.BudgetExceeded):
        run_example(router(), EXAMPLE, same_team)


def fallback(call):
    """What `call` gives; a team of its own where that fails."""
    try:
        return call()
    except Exception:  # noqa: BLE001  what such programs do
        return lmnb.Prediction(team="Access")


class Careless(lmnb.Module):
    """Falls back on any error, called in one of several ways."""

    def __init__(self, way):
        self.way = way
        self.route = lmnb.Predict("ticket -> team", lm=lmnb.FakeLM(lambda messages, **_: {"team": "Access"}))

    def forward(self, ticket):
        if self.way == "batch":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.route.batch([lmnb.Example(ticket=ticket).with_inputs("ticket")] * 2)
            return lmnb.Prediction(team="Access")
        if self.way == "thread":
            context = contextvars.copy_context()
            with ThreadPoolExecutor(1) as pool:
                return pool.submit(context.run, fallback, lambda: self.route(ticket=ticket)).result()
        if self.way == "another error":
            try:
                return self.route(ticket=ticket)
            except lmnb.BudgetExceeded:
                raise ValueError("no answer") from None
        return fallback(lambda: self.route(ticket=ticket))


class CarelessAsync(lmnb.Module):
    """Gathers errors as if they were results."""

    def __init__(self):
        self.route = lmnb.Predict("ticket -> team", lm=lmnb.FakeLM(lambda messages, **_: {"team": "Access"}))

    async def aforward(self, ticket):
        await asyncio.gather(*(self.route.acall(ticket=ticket) for _ in range(2)), return_exceptions=True)
        return lmnb.Prediction(team="Access")


@pytest.mark.parametrize("way", ["direct", "batch", "thread", "another error"])
def test_a_refused_call_cannot_be_turned_into_a_score(way):
    """Whatever the program does with the error, in whatever thread, the row is none."""
    program = Careless(way)
    assert run_example(program, EXAMPLE, same_team).score == 1.0
    with lmnb.context(budget=lmnb.Budget(calls=0)), pytest.raises(lmnb.BudgetExceeded, match="the budget of 0 calls"):
        run_example(program, EXAMPLE, same_team)


def test_a_refused_call_of_a_coroutine_cannot_either():
    """Both ways to run an asynchronous program."""
    program = CarelessAsync()
    assert run_example(program, EXAMPLE, same_team).score == 1.0
    with lmnb.context(budget=lmnb.Budget(calls=1)):
        with pytest.raises(lmnb.BudgetExceeded):
            run_example(program, EXAMPLE, same_team)
        with pytest.raises(lmnb.BudgetExceeded):
            asyncio.run(arun_example(program, EXAMPLE, same_team))


def test_a_judge_that_was_refused_gives_no_score():
    """A metric that falls back is no better than a program that does."""
    judge = lmnb.Predict("team -> good: bool", lm=lmnb.FakeLM([{"good": "True"}]))

    def metric(example, prediction):
        return fallback(lambda: judge(team=prediction.team)).team == "Access"

    with lmnb.context(budget=lmnb.Budget(calls=1)), pytest.raises(lmnb.BudgetExceeded):
        run_example(router(), EXAMPLE, metric)


def test_a_cancelled_call_cannot_be_turned_into_a_score():
    """The recorder of a run says so; the program's fallback is thrown away."""

    class Off:
        def replay(self, request_hash):
            raise lmnb.Cancelled("the run was cancelled")

        def record(self, request_hash, response):
            raise AssertionError("nothing was sent")

    tape = Off()
    token = recorder.set(tape)
    try:
        with pytest.raises(lmnb.Cancelled, match="the run was cancelled"):
            run_example(Careless("direct"), EXAMPLE, same_team)
        assert recorder.get() is tape
    finally:
        recorder.reset(token)


def test_a_budget_of_the_program_itself_is_its_own_affair():
    """A program may try a part of its work under a small budget and go on without it."""

    class Thrifty(Careless):
        def forward(self, ticket):
            with lmnb.context(budget=lmnb.Budget(calls=0)):
                return fallback(lambda: self.route(ticket=ticket))

    with lmnb.context(budget=lmnb.Budget(calls=5)):
        assert run_example(Thrifty("own"), EXAMPLE, same_team).score == 1.0


def test_a_refusal_reaches_the_outermost_example():
    """Also through an evaluation inside the program, whose error the program catches."""

    class Nested(Careless):
        def forward(self, ticket):
            evaluate = lmnb.Evaluate([EXAMPLE], same_team, num_threads=1)
            return fallback(lambda: evaluate(self.route))

    with lmnb.context(budget=lmnb.Budget(calls=0)), pytest.raises(lmnb.BudgetExceeded):
        run_example(Nested("nested"), EXAMPLE, same_team)


def test_the_trace_is_given_to_the_metric_on_request():
    """None in Evaluate; while bootstrapping it iterates as (predictor, inputs, outputs) of the program alone."""
    seen = []

    def metric(example, prediction, trace=None):
        seen.append(trace if trace is None else [(inputs, outputs) for _, inputs, outputs in trace])
        return 1.0

    program = Pipeline(lmnb.FakeLM([{"short": "mail"}, {"team": "Access"}] * 2))
    run_example(program, EXAMPLE, metric)
    run_example(program, EXAMPLE, metric, trace_for_metric=True)
    assert seen == [None, [({"ticket": "no mail comes"}, {"short": "mail"}), ({"short": "mail"}, {"team": "Access"})]]


def test_paths_of_steps_are_those_of_the_program():
    """A row's trace names predictors as the program does, though it ran inside run_example."""
    row = run_example(Pipeline(lmnb.FakeLM([{"short": "mail"}, {"team": "Access"}])), EXAMPLE, same_team)
    assert [step.path for step in row.trace.steps()] == ["shorten", "route"]
    assert row.trace.root.name == "Pipeline"


def test_a_judge_is_apart_from_the_program():
    """The metric's own LM calls stand under a span of their own at the end of the trace."""
    judge = lmnb.Predict("question -> verdict: bool", lm=lmnb.FakeLM([{"verdict": "True"}], model="judge"))

    def metric(example, prediction, trace=None):
        return judge(question=f"Is {prediction.team} right?").verdict

    row = run_example(router(), EXAMPLE, metric)
    assert row.score == 1.0
    last = row.trace.root.children[-1]
    assert (last.kind, last.name, last.outputs) == ("metric", "metric", {"score": 1.0})
    below = [item.name for _, item in lmnb.Trace(last).spans() if item.kind == "lm"]
    before = [
        item.name
        for child in row.trace.root.children[:-1]
        for _, item in lmnb.Trace(child).spans()
        if item.kind == "lm"
    ]
    assert (before, below) == (["fake"], ["judge"])
    assert len(row.trace.to_dict()["spans"]) == len(list(row.trace.spans()))


def test_printing_is_kept_in_the_trace(capsys):
    """What the program and the metric print is shown with the example that it belongs to."""

    def metric(example, prediction):
        print("scored")
        return 1

    row = run_example(Pipeline(lmnb.FakeLM([{"short": "mail"}, {"team": "Access"}])), EXAMPLE, metric)
    assert row.trace.to_dict()["spans"][0]["printed"] == "looking at no mail comes\nscored\n"
    assert capsys.readouterr().out == ""


def test_a_plain_function_is_a_program_too():
    """Its predictors' calls are gathered under one root."""
    first, second = router(), router({"team": "Billing"})

    def program(ticket):
        first(ticket=ticket)
        return second(ticket=ticket)

    row = run_example(program, EXAMPLE, same_team)
    assert row.score == 0.0
    assert row.trace.root.name == "program"
    assert len(row.trace.steps()) == 2


def test_an_open_trace_does_not_grow():
    """An evaluation inside a traced call leaves that call's tree as it is."""
    with span("module", "outer") as outer:
        row = run_example(router(), EXAMPLE, same_team)
        assert open_span() is outer
    assert outer.children == []
    assert [step.path for step in row.trace.steps()] == ["self"]


class OnlyAsync(lmnb.Module):
    """Has no synchronous form."""

    def __init__(self, lm):
        self.route = lmnb.Predict("ticket -> team", lm=lm)

    async def aforward(self, ticket):
        await asyncio.sleep(0)
        print("awaited")
        return await self.route.acall(ticket=ticket)


def test_a_program_that_can_only_be_awaited_runs():
    """Also from synchronous code, with its trace and what it prints."""
    row = run_example(OnlyAsync(lmnb.FakeLM([{"team": "Access"}])), EXAMPLE, same_team)
    assert row.score == 1.0
    assert row.trace.to_dict()["spans"][0]["printed"] == "awaited\n"


def test_coroutine_functions_are_programs_and_metrics():
    """A plain `async def` for either."""

    async def program(ticket):
        await asyncio.sleep(0)
        return lmnb.Prediction(team="Access")

    async def metric(example, prediction):
        await asyncio.sleep(0)
        return example.team == prediction.team

    assert run_example(program, EXAMPLE, metric).score == 1.0
    assert run_example(lambda ticket: lmnb.Prediction(team="Access"), EXAMPLE, metric).score == 1.0


def test_the_asynchronous_form_gives_the_same_row():
    """arun_example awaits the program; a synchronous metric does not run on the loop."""
    loops = []

    def metric(example, prediction):
        with pytest.raises(RuntimeError):
            loops.append(asyncio.get_running_loop())
        return same_team(example, prediction)

    row = asyncio.run(arun_example(router(), EXAMPLE, metric, index=3))
    assert (row.index, row.score, loops) == (3, 1.0, [])
    assert row.trace.root.children[-1].kind == "metric"


def test_an_example_without_inputs_says_what_to_write():
    """The commonest slip is an error of the row, with words."""
    row = run_example(router(), lmnb.Example(ticket="x", team="y"), same_team)
    assert "with_inputs('ticket', ...)" in row.error


def test_an_odd_metric_is_refused_as_a_metric_error():
    """A metric that cannot be called is found at the first example."""
    row = run_example(router(), EXAMPLE, lambda example: 1.0)
    assert row.error_kind == "metric"
    assert "Write it as def metric(example, prediction, trace=None)" in row.error


@pytest.mark.parametrize("make", [lmnb.Predict, lmnb.ChainOfThought])
def test_a_data_set_cannot_give_the_call_its_options(make):
    """An input named `config` would be an option of the call, and could name another server: the row says so, and nobody is asked."""
    lm = lmnb.FakeLM([{"reasoning": "so", "answer": "Paris"}])
    example = lmnb.Example(question="The capital of France?", config={"api_base": "http://elsewhere"})
    row = run_example(make("question -> answer", lm=lm), example.with_inputs("question", "config"), None)
    assert "'config' is an option of the call" in row.error and lm.calls == []


def test_a_field_may_have_the_name_of_an_option():
    """A program that declares an input of that name gets it."""
    seen = []
    program = type("Own", (lmnb.Module,), {"forward": lambda self, config: seen.append(config)})()
    assert run_example(program, lmnb.Example(config="a").with_inputs("config"), None).error is None
    assert seen == ["a"]
