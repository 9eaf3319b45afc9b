"""What holds of every module, and of programs of one's own: the same in both forms, a whole trace, counted usage, errors that say who asked,
files, copies, threads. Cancellation is in `test_cancellation.py`.
"""

from __future__ import annotations

import contextvars
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from modules.contract import CASES, Case, each_module, each_that_asks, outputs

import lmnb
from lmnb.spans import open_span
from lmnb.usage import used_below

each_way = pytest.mark.parametrize("how", ["sync", "async"])
ERRORS = [lmnb.AuthError, lmnb.ServerError, lmnb.ContextWindowError]


def test_every_exported_module_is_in_the_list() -> None:
    """A module class that lmnb exports is held to this contract; a new one has to be added to the list."""
    exported = [getattr(lmnb, name) for name in lmnb.__all__]
    modules = {each for each in exported if isinstance(each, type) and issubclass(each, lmnb.Module)}
    assert modules - {lmnb.Module} <= {type(case.make()) for case in CASES.values()}


@each_module
def test_both_forms_do_the_same(case: Case) -> None:
    """A call and an awaited call of it send the same requests and give the same."""
    lms = {how: case.lm() for how in ("sync", "async")}
    made = {how: outputs(case.run(case.make(), lm, how)) for how, lm in lms.items()}
    assert made["sync"] == made["async"]
    assert made["sync"].items() >= case.result.items()
    assert lms["sync"].calls == lms["async"].calls
    assert len(lms["sync"].calls) == len(case.replies)


@each_way
@each_module
def test_the_trace_has_all_that_happened(case: Case, how: str) -> None:
    """Every call is a span at its place, with its time; the steps are the program's own; a prediction carries the same trace."""
    result, trace = case.traced(case.make(), case.lm(), how)
    spans = [item for _, item in trace.spans()]
    assert [item.kind for item in spans] == case.spans.split()
    assert all(item.seconds is not None and item.started >= trace.root.started for item in spans)
    assert tuple(step.path for step in trace.steps()) == case.steps
    assert trace.root.error is None and trace.root.outputs is not None
    if isinstance(result, lmnb.Prediction):
        assert result.trace.root is trace.root
    again = lmnb.Trace.from_dict(trace.to_dict())
    assert [step.path for step in again.steps()] == list(case.steps)


@each_way
@each_module
def test_usage_is_counted(case: Case, how: str) -> None:
    """The tokens of the trace are those that a tracker sees and a budget counts, and a prediction knows them."""
    lm, budget = case.lm(), lmnb.Budget(calls=len(case.replies))
    with lmnb.track_usage() as tracked, lmnb.context(budget=budget):
        result, trace = case.traced(case.make(), lm, how)
    usage = used_below(trace.root)
    assert tracked.get_total_tokens() == usage
    assert sum(each["calls"] for each in usage.values()) == trace.usage["calls"] == len(lm.calls) == len(case.replies)
    assert all(each["prompt_tokens"] and each["completion_tokens"] for each in usage.values())
    assert budget.spent["calls"] == len(lm.calls)
    assert budget.spent["tokens"] == sum(each["total_tokens"] for each in usage.values())
    if isinstance(result, lmnb.Prediction):
        assert result.get_lm_usage() == usage


@each_way
@each_that_asks
def test_a_spent_budget_reaches_the_caller(case: Case, how: str) -> None:
    """No module takes the refusal for a failed try or a failed tool: the request that is too many is not sent, and said."""
    for calls in range(len(case.replies)):
        lm = case.lm()
        with lmnb.context(budget=lmnb.Budget(calls=calls)), pytest.raises(lmnb.BudgetExceeded):
            case.run(case.make(), lm, how)
        assert len(lm.calls) == calls


@pytest.mark.parametrize("kind", ERRORS)
@each_way
@each_that_asks
def test_an_error_of_the_lm_says_who_asked(case: Case, how: str, kind: type[lmnb.LMError]) -> None:
    """It comes as it was raised, with the predictor's name; the trace shows its way, and every span of it is ended."""

    def failing(messages: list[dict[str, Any]]) -> str:
        raise kind("it did not work", model="fake")

    program = case.make()
    error, trace = case.traced(program, lmnb.FakeLM(failing, num_retries=0), how)
    assert type(error) is kind and str(error) == "it did not work"
    assert error.predictor in dict(program.named_predictors())
    assert f"asked by the predictor {error.predictor!r}" in error.__notes__[0]
    spans = [item for _, item in trace.spans()]
    assert all(item.seconds is not None for item in spans)
    assert {item.error for item in spans if item.kind in ("lm", "predict")} == {f"{kind.__name__}: it did not work"}
    assert trace.root.error == f"{kind.__name__}: it did not work" and trace.root.outputs is None
    assert open_span() is None


@each_way
@each_that_asks
def test_a_reply_that_nobody_can_read_says_who_asked(case: Case, how: str) -> None:
    """After the repair turn the error has the reply, the signature and the predictor's name."""
    program = case.make()
    error, trace = case.traced(program, lmnb.FakeLM(lambda messages: "no"), how)
    assert isinstance(error, lmnb.ParseError) and error.reply == "no"
    named = dict(program.named_predictors())
    assert error.signature.output_fields.keys() == named[error.predictor].signature.output_fields.keys()
    assert all(item.seconds is not None for _, item in trace.spans())


@each_module
def test_a_saved_program_answers_the_same(case: Case, tmp_path: Path) -> None:
    """With instructions and with demos of its own runs, a fresh program that loads the file sends the very same requests."""
    program, fresh = _tuned(case), case.make()
    program.save(tmp_path / "program.json")
    fresh.load(tmp_path / "program.json")
    lms = case.lm(), case.lm()
    made = [outputs(case.run(each, lm, "sync")) for each, lm in zip((program, fresh), lms, strict=True)]
    assert made[0] == made[1]
    assert made[1].items() >= case.result.items()
    assert lms[0].calls == lms[1].calls
    if case.steps:
        roles = [message["role"] for message in lms[1].calls[0]["messages"]]
        assert roles.count("assistant") >= 1 and lms[1].calls[0]["messages"][0]["content"].startswith("Mind the gap.")
    fresh.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == (tmp_path / "program.json").read_text()


@each_module
def test_copies_share_no_state(case: Case) -> None:
    """A deep copy answers the same and may be changed alone; a reset one has no demos; the program stays as it was."""
    program = _tuned(case)
    lms = case.lm(), case.lm()
    copy = program.deepcopy()
    made = [outputs(case.run(each, lm, "sync")) for each, lm in zip((program, copy), lms, strict=True)]
    assert made[0] == made[1] and lms[0].calls == lms[1].calls
    state = program.dump_state()
    for predictor in copy.predictors():
        predictor.instructions = "Otherwise."
        predictor.demos = []
    bare = program.reset_copy()
    assert all(predictor.demos == [] and predictor.lm is None for predictor in bare.predictors())
    assert outputs(case.run(bare, case.lm(), "sync")).items() >= case.result.items()
    assert program.dump_state() == state
    assert not {id(each) for each in program.predictors()} & {
        id(each) for each in copy.predictors() + bare.predictors()
    }


@each_module
def test_one_program_serves_many_threads(case: Case) -> None:
    """Calls side by side on one program do not see each other: each gets what its own LM says."""
    program = case.make()

    def call(number: int) -> dict[str, Any]:
        return outputs(case.run(program, case.lm(), ("sync", "async")[number % 2]))

    with ThreadPoolExecutor(6) as pool:
        contexts = [contextvars.copy_context() for _ in range(12)]
        made = list(pool.map(lambda number: contexts[number].run(call, number), range(12)))
    assert all(each == made[0] for each in made)
    assert made[0].items() >= case.result.items()


def _tuned(case: Case) -> lmnb.Module:
    """The program with instructions and with demos of a run of its own."""
    program = case.make()
    _, trace = case.traced(program, case.lm(), "sync")
    steps = trace.steps()
    for predictor in program.predictors():
        predictor.instructions = f"Mind the gap. {predictor.instructions}"
    for _, predictor, inputs, made in steps:
        predictor.demos = [*predictor.demos, lmnb.Example(**inputs, **made).with_inputs(*inputs)]
    return program
