"""A program of the reference ports by changing its import: its names are here, take its arguments and give its results."""

from __future__ import annotations

import asyncio
import csv
import functools
import inspect
import json
import re
import warnings
from importlib import import_module
from typing import Any

import pytest

import lmnb

NAMES = """
Signature InputField OutputField make_signature ensure_signature infer_prefix Example Prediction Completions Image Audio File Code History Reasoning
Tool ToolCalls ToolCallResults Type Adapter ChatAdapter JSONAdapter XMLAdapter TwoStepAdapter LM BaseLM configure_cache cache Embedder
Embeddings EmbeddingsWithScores ColBERTv2 Retrieve Module Predict ChainOfThought ReAct RLM ProgramOfThought CodeAct BestOfN Refine
MultiChainComparison majority KNN Parallel PythonInterpreter CodeInterpreter Evaluate SemanticF1 CompleteAndGrounded LabeledFewShot
BootstrapFewShot BootstrapFewShotWithRandomSearch BootstrapRS BootstrapFinetune BetterTogether COPRO InferRules MIPROv2 streamify asyncify
syncify configure context
settings load_settings
inspect_history track_usage BaseCallback load AdapterParseError CodeInterpreterError ContextWindowExceededError LMError LMAuthError
LMBillingError LMInvalidRequestError LMNotConfiguredError LMRateLimitError LMServerError LMTimeoutError LMTransportError
LMUnsupportedModelError is_retryable_lm_error DSPyError GEPA SIMBA Ensemble KNNFewShot BootstrapFewShotWithOptuna DummyLM
"""

PLACES = {
    "teleprompt": "Teleprompter LabeledFewShot BootstrapFewShot BootstrapFewShotWithRandomSearch COPRO InferRules MIPROv2 "
    "BootstrapFinetune BetterTogether",
    "evaluate": "Evaluate SemanticF1 CompleteAndGrounded answer_exact_match answer_passage_match EM F1 HotPotF1 normalize_text",
    "streaming": "StreamListener StreamResponse StatusMessage StatusMessageProvider apply_sync_streaming streamify",
    "retrievers": "Embeddings EmbeddingsWithScores ColBERTv2",
    "datasets": "DataLoader",
    "utils": "DummyLM BaseCallback track_usage",
    "adapters": "Adapter ChatAdapter JSONAdapter XMLAdapter TwoStepAdapter",
}

# name -> the reference's arguments by position, then those by keyword
CALLS: dict[str, tuple[str, str]] = {
    "ChatAdapter": ("callbacks use_native_function_calling", "parallel_tool_calls use_json_adapter_fallback"),
    "Embedder": ("model batch_size caching", ""),
    "Embeddings": ("corpus embedder k", "brute_force_threshold normalize"),
    "Predict": ("signature callbacks", ""),
    "ChainOfThought": ("signature rationale_field rationale_field_type", ""),
    "ReAct": ("signature tools max_iters", ""),
    "RLM": ("signature max_iters max_llm_calls max_output_chars", "tools sub_lm interpreter_factory"),
    "ProgramOfThought": ("signature max_iters interpreter_factory", ""),
    "CodeAct": ("signature tools max_iters", "interpreter_factory"),
    "BestOfN": ("module N reward_fn threshold fail_count", ""),
    "Refine": ("module N reward_fn threshold fail_count", ""),
    "MultiChainComparison": ("signature M temperature", ""),
    "KNN": ("k trainset vectorizer", ""),
    "Parallel": (
        "num_threads max_errors access_examples return_failed_examples provide_traceback disable_progress_bar timeout straggler_limit",
        "",
    ),
    "Evaluate": (
        "",
        "devset metric num_threads display_progress display_table max_errors provide_traceback failure_score save_as_csv save_as_json",
    ),
    "LabeledFewShot": ("k", ""),
    "BootstrapFewShot": (
        "metric metric_threshold teacher_settings max_bootstrapped_demos max_labeled_demos max_rounds max_errors",
        "",
    ),
    "BootstrapFewShotWithRandomSearch": (
        "metric teacher_settings max_bootstrapped_demos max_labeled_demos max_rounds num_candidate_programs num_threads "
        "max_errors stop_at_score metric_threshold",
        "",
    ),
    "MIPROv2": (
        "metric prompt_model task_model teacher_settings max_bootstrapped_demos max_labeled_demos auto num_candidates num_threads max_errors "
        "seed init_temperature verbose track_stats log_dir metric_threshold",
        "",
    ),
    "COPRO": ("prompt_model metric breadth depth init_temperature track_stats", ""),
    "InferRules": (
        "num_candidates num_rules num_threads teacher_settings",
        "metric metric_threshold max_bootstrapped_demos max_labeled_demos max_rounds max_errors",
    ),
    "BootstrapFinetune": ("metric multitask train_kwargs adapter exclude_demos num_threads", ""),
    "BetterTogether": ("metric", ""),
    "streamify": (
        "program status_message_provider stream_listeners include_final_prediction_in_output_stream is_async_program async_streaming",
        "",
    ),
    "syncify": ("program in_place", ""),
    "inspect_history": ("n file", ""),
}


@pytest.mark.parametrize("name", NAMES.split())
def test_a_name_is_here(name: str) -> None:
    """`lmnb.<name>` for every mainstream and secondary name of the reference but the optimizers that are to come."""
    assert getattr(lmnb, name) is not None


@pytest.mark.parametrize("place", PLACES)
def test_a_place_is_here(place: str) -> None:
    """`from lmnb.<place> import ...`, and `lmnb.<place>` without an import of its own."""
    module = import_module(f"lmnb.{place}")
    assert getattr(lmnb, place) is module
    for name in PLACES[place].split():
        assert hasattr(module, name), name


@pytest.mark.parametrize("name", CALLS)
def test_a_call_has_the_same_shape(name: str) -> None:
    """Every argument of the reference is taken, by its name and at its place."""
    positional, named = (names.split() for names in CALLS[name])
    shape = inspect.signature(getattr(lmnb, name))
    bound = shape.bind(*range(len(positional)), **dict.fromkeys(named, None))
    assert list(bound.arguments)[: len(positional)] == positional


def test_except_clauses_catch_what_they_caught() -> None:
    """The reference's error names are ours, so a clause catches what lmnb raises; a reply is found under both names."""
    program = lmnb.Predict("question -> answer: int", lm=lmnb.FakeLM(["none", "none"]))
    with pytest.raises(lmnb.AdapterParseError) as caught:
        program(question="2 + 2?")
    assert caught.value.lm_response == caught.value.reply == "none"
    made = lmnb.AdapterParseError(adapter_name="Mine", signature=None, lm_response="raw", parsed_result={"a": 1})
    assert (made.reply, made.parsed_result, "Mine" in str(made)) == ("raw", {"a": 1}, True)
    with pytest.raises(lmnb.LMNotConfiguredError), lmnb.context(lm=None):
        lmnb.Predict("question -> answer")(question="?")


def test_asyncify_leaves_the_loop_free_and_keeps_the_context() -> None:
    """A blocking function is awaited while another task runs, under the caller's settings; a module is awaited as it is."""
    ticks = []

    async def tick() -> None:
        while True:
            ticks.append(1)
            await asyncio.sleep(0.01)

    def slow(question: str) -> Any:
        return lmnb.Predict("question -> answer")(question=question)

    async def main() -> Any:
        ticking = asyncio.create_task(tick())
        with lmnb.context(lm=lmnb.FakeLM([{"answer": "a"}, {"answer": "b"}], delay=0.1)):
            made = await lmnb.asyncify(slow)("?"), await lmnb.asyncify(lmnb.Predict("question -> answer"))(question="?")
        ticking.cancel()
        return made

    first, second = asyncio.run(main())
    assert (first.answer, second.answer) == ("a", "b")
    assert len(ticks) > 5


def test_syncify_calls_what_is_asynchronous_also_inside_a_loop() -> None:
    """A module with `aforward` alone and a coroutine function are called without `await`, as in a notebook's cell."""

    class Later(lmnb.Module):
        async def aforward(self, number: int) -> lmnb.Prediction:
            await asyncio.sleep(0)
            return lmnb.Prediction(twice=2 * number)

    async def add(number: int) -> int:
        await asyncio.sleep(0)
        return number + 1

    async def cell() -> tuple[Any, Any, Any]:
        program = Later()
        assert lmnb.syncify(program) is program
        return (
            lmnb.syncify(program)(number=2).twice,
            lmnb.syncify(program, in_place=False)(number=3).twice,
            lmnb.syncify(add)(4),
        )

    assert asyncio.run(cell()) == (4, 6, 5)
    assert lmnb.syncify(len) is len


async def doubled(number: int) -> int:
    """Twice the number, in asynchronous code."""
    await asyncio.sleep(0)
    return 2 * number


class Doubler:
    """An object that is called as an asynchronous function is."""

    async def __call__(self, number: int) -> int:
        return await doubled(number)


@pytest.mark.parametrize(
    "program",
    [doubled, Doubler(), Doubler().__call__, functools.partial(doubled, 2), functools.partial(Doubler(), number=2)],
    ids=["function", "object", "method", "partial", "partial of an object"],
)
def test_the_bridges_know_what_is_asynchronous(program: Any) -> None:
    """In whatever form it comes, both give its value, and no coroutine that nobody awaits."""
    given = () if isinstance(program, functools.partial) else (2,)
    assert asyncio.run(lmnb.asyncify(program)(*given)) == 4
    assert lmnb.syncify(program)(*given) == 4


def test_a_function_that_gives_a_coroutine_is_awaited() -> None:
    """Also where nothing tells before the call that it is asynchronous."""
    assert asyncio.run(lmnb.asyncify(lambda number: doubled(number))(2)) == 4


@pytest.mark.parametrize("when", ["constructor", "call", "acall"])
def test_evaluate_writes_its_rows_to_files(when: str, tmp_path: Any) -> None:
    """CSV and JSON hold a row for each example with its fields, what was predicted, the score, and the error of a failed one."""
    devset = [
        lmnb.Example(question=f'{n}, "{n}"', tags=["a", "b"], answer="4").with_inputs("question") for n in range(3)
    ]
    lm = lmnb.FakeLM(lambda messages, **_: "none" if "1, " in messages[1]["content"] else {"answer": "4"})
    program = lmnb.Predict("question -> answer", lm=lm)
    files = {"save_as_csv": tmp_path / "rows.csv", "save_as_json": tmp_path / "rows.json"}
    evaluate = lmnb.Evaluate(
        devset=devset,
        metric=lambda example, prediction, trace=None: example.answer == prediction.answer,
        **(files if when == "constructor" else {}),
    )
    given = {} if when == "constructor" else files
    report = asyncio.run(evaluate.acall(program, **given)) if when == "acall" else evaluate(program, **given)
    assert round(report.score, 1) == 66.7
    rows = json.loads(files["save_as_json"].read_text(encoding="utf-8"))
    assert [row["score"] for row in rows] == [1.0, None, 1.0]
    assert rows[0]["tags"] == ["a", "b"]
    assert "ParseError" in rows[1]["error"]
    with files["save_as_csv"].open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["question"] for row in table] == [example.question for example in devset]
    assert [row["pred_answer"] for row in table] == ["4", "", "4"]


def test_settings_come_back_from_a_file(tmp_path: Any) -> None:
    """What `settings.save` wrote, `load_settings` reads: plain values and the LM, without its key; what has no form is named."""
    path = tmp_path / "settings.json"
    before = {name: lmnb.settings.current(name) for name in ("lm", "num_threads", "rm", "provide_traceback")}
    try:
        lm = lmnb.LM("openai/gpt-4o-mini", temperature=0.5, api_key="sk-secret")
        lmnb.configure(lm=lm, num_threads=3, provide_traceback=True, rm=print)
        with pytest.warns(UserWarning, match="rm have no form"):
            lmnb.settings.save(path)
        assert "secret" not in path.read_text(encoding="utf-8")
        found = lmnb.load_settings(path)
    finally:
        lmnb.configure(**before)
    assert {name: found[name] for name in ("num_threads", "provide_traceback")} == {
        "num_threads": 3,
        "provide_traceback": True,
    }
    assert found["lm"].dump_state() == lm.dump_state()
    lmnb.configure(**{**found, **before})


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ('{"num_threads": 3}', "no settings that lmnb saved"),
        ('{"lmnb": "settings", "format": 1, "num_threads": "many"}', "should be of type int"),
        ('{"lmnb": "settings", "format": 1, "num_threads": true}', "should be of type int"),
        ('{"lmnb": "settings", "format": 1, "callbacks": ["os.system"]}', "no setting 'callbacks'"),
        ("[]", "no settings that lmnb saved"),
        ('{"lmnb": "settings", "format": 1, "lm": 3}', "should be an object"),
        ('{"lmnb": "settings", "format": 1, "lm": {"class": "LM"}}', "lm has no .model"),
        ('{"lmnb": "settings", "format": 1, "lm": {"class": "LM", "model": 5}}', "should be a text"),
        ('{"lmnb": "settings", "format": 99}', "the format 99"),
        ('{"lmnb": "settings", "format": 1, "num_threads": -5}', "no whole number of 1 or more"),
    ],
)
def test_settings_of_a_strange_file_are_refused(stored: str, told: str, tmp_path: Any) -> None:
    """A file that lmnb did not write, or that was changed by hand, gives a clear error and sets nothing."""
    path = tmp_path / "settings.json"
    path.write_text(stored, encoding="utf-8")
    with pytest.raises(lmnb.SaveError, match=told):
        lmnb.load_settings(path)


def test_a_settings_file_sends_no_prompt_elsewhere(tmp_path: Any) -> None:
    """An address in the file is not taken over: the reader's prompt and key would go there."""
    path = tmp_path / "settings.json"
    state = {"class": "LM", "model": "openai/gpt-4o-mini", "api_base": "http://evil.example/v1"}
    path.write_text(json.dumps({"lmnb": "settings", "format": 1, "lm": state}), encoding="utf-8")
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        found = lmnb.load_settings(path)
    assert "evil" not in repr(found["lm"])


@pytest.mark.parametrize("name", ["trace", "stream_listeners", "async_max_workers", "max_trace_size"])
def test_a_setting_that_is_not_needed_says_what_is_there_instead(name: str) -> None:
    """A setting of the reference without one here is refused with what takes its place."""
    with pytest.raises(TypeError, match=f"no setting '{name}', and it needs none: "):
        lmnb.configure(**{name: None})


def test_the_history_is_as_long_as_the_settings_say() -> None:
    """`max_history_size` bounds what is remembered, `disable_history` remembers nothing."""
    program = lmnb.Predict("question -> answer", lm=lmnb.FakeLM(lambda messages, **_: {"answer": "a"}, cache=False))
    with lmnb.context(max_history_size=3):
        for at in range(5):
            program(question=f"{at}")
        assert len(lmnb.history()) == 3
    with lmnb.context(disable_history=True):
        program(question="unseen")
    assert "unseen" not in lmnb.history()[-1].messages[-1]["content"]


def test_an_input_that_does_not_fit_its_type_is_warned_of() -> None:
    """The call is made as it is, and a warning names input, type and what is wrong; a setting turns it off; what fits is silent."""
    program = lmnb.Predict(
        "n: int, xs: list[str], kind: Literal['a', 'b'] -> answer", lm=lmnb.FakeLM(lambda messages: {"answer": "a"})
    )
    with pytest.warns(UserWarning) as told:
        program(n="abc", xs=5, kind="z")
    assert [re.search("input '(\\w+)'", str(each.message))[1] for each in told] == ["n", "xs", "kind"]
    assert "list[str]" in str(told[1].message)
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        program(n=3, xs=["a"], kind="a")
        with lmnb.context(warn_on_type_mismatch=False):
            program(n="abc", xs=5, kind="z")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"adapter": "json"}, r"Write adapter=lmnb.JSONAdapter\(\)"),
        ({"adapter": lmnb.JSONAdapter}, r"Write adapter=JSONAdapter\(\.\.\.\)"),
        ({"lm": lmnb.LM}, r"Write lm=LM\(\.\.\.\)"),
        ({"lm": "lmnb/tiny"}, "is a name, not a model"),
        ({"num_threads": 0}, "num_threads=0 is no whole number of 1 or more"),
        ({"num_threads": True}, "num_threads=True is no whole number"),
        ({"max_history_size": None}, "max_history_size=None is no whole number"),
    ],
)
def test_a_setting_of_the_wrong_kind_is_refused_where_it_is_set(values: dict[str, Any], told: str) -> None:
    """A class in the place of an object, a name, a number below one: the error says what to write, and nothing is set."""
    before = {name: lmnb.settings.current(name) for name in values}
    with pytest.raises(TypeError, match=told):
        lmnb.configure(**values)
    with pytest.raises(TypeError, match=told), lmnb.context(**values):
        pass
    assert {name: lmnb.settings.current(name) for name in values} == before


def test_a_setting_can_be_assigned() -> None:
    """`lmnb.settings.lm = lm` sets it as `configure` does."""
    before = lmnb.settings.lm
    lm = lmnb.FakeLM([{"answer": "a"}])
    try:
        lmnb.settings.lm = lm
        assert lmnb.Predict("question -> answer")(question="?").answer == "a"
        with pytest.raises(TypeError, match="needs none"):
            lmnb.settings.max_trace_size = 3
    finally:
        lmnb.configure(lm=before)


def test_what_is_saved_is_what_is_in_force_here(tmp_path: Any) -> None:
    """Inside a `context` its settings are saved."""
    with lmnb.context(num_threads=3, callbacks=[]), warnings.catch_warnings():
        warnings.simplefilter("error")
        lmnb.settings.save(tmp_path / "settings.json", exclude_keys=["run_dir", "lm"])
    assert lmnb.load_settings(tmp_path / "settings.json") == {"num_threads": 3}


@pytest.mark.parametrize("name", ["x.pkl", "x.pickle"])
def test_no_file_is_written_under_the_name_of_a_pickle(name: str, tmp_path: Any) -> None:
    """What would be refused when it is read is refused when it is written, with a name that works."""
    for save in (lmnb.settings.save, lmnb.Predict("question -> answer").save):
        with pytest.raises(lmnb.SaveError, match=re.escape("x.json")):
            save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_report_that_cannot_be_written_is_not_lost(tmp_path: Any) -> None:
    """A place that cannot be written to is refused before a call is paid for; where writing fails later, the report is given all the same."""
    lm = lmnb.FakeLM(lambda messages: {"answer": "4"})
    devset = [lmnb.Example(question="2 + 2?", answer="4").with_inputs("question")]
    program = lmnb.Predict("question -> answer", lm=lm)
    evaluate = lmnb.Evaluate(devset=devset, metric=lambda example, prediction, trace=None: True)
    (tmp_path / "file").write_text("")
    with pytest.raises(lmnb.SaveError, match="cannot be written"):
        evaluate(program, save_as_json=tmp_path / "file" / "x.json")
    assert not lm.calls

    def metric(example: Any, prediction: Any, trace: Any = None) -> bool:
        (tmp_path / "rows.json").mkdir(exist_ok=True)
        return True

    with pytest.warns(UserWarning, match="the report is not saved"):
        assert evaluate(program, metric=metric, save_as_json=tmp_path / "rows.json").score == 100.0


def test_fields_say_what_they_are_where_adapters_of_the_reference_look() -> None:
    """`json_schema_extra` of a field has its description and its role."""
    signature = lmnb.Signature("question -> answer").with_updated_fields("answer", desc="one word")
    assert signature.output_fields["answer"].json_schema_extra == {
        "desc": "one word",
        "prefix": signature.output_fields["answer"].prefix,
        "__dspy_field_type": "output",
    }
    assert signature.input_fields["question"].json_schema_extra["desc"] == "${question}"


def test_a_hook_on_one_adapter_object_is_used() -> None:
    """A method that is put on an instance counts as one of its class does."""
    adapter = lmnb.ChatAdapter()
    adapter.format_field_structure = lambda signature: "HERE"  # type: ignore[method-assign]
    assert adapter.format(lmnb.Signature("question -> answer"), [], {"question": "?"})[0]["content"].endswith("HERE")


@pytest.mark.parametrize(
    ("model", "takes"), [("openai/o3", False), ("azure/o4-mini", False), ("o1", False), ("openai/gpt-4o", True)]
)
def test_no_stop_sequence_goes_to_a_model_that_refuses_it(model: str, takes: bool) -> None:
    """OpenAI's o-series takes none, whatever litellm says; and nobody is sent one with `stop=None`."""
    assert lmnb.LM(model, api_key="none").supports_stop is takes
    lm = lmnb.FakeLM([{"answer": "a"}] * 2)
    lmnb.Predict("question -> answer", lm=lm, stop=None)(question="?")
    assert "stop" not in lm.history[-1].kwargs


def test_a_parse_error_names_its_adapter() -> None:
    """Each adapter's own name is on the error, as ported clauses read it."""
    for adapter in (lmnb.ChatAdapter(), lmnb.JSONAdapter(), lmnb.XMLAdapter()):
        with pytest.raises(lmnb.AdapterParseError) as caught, lmnb.context(adapter=adapter):
            lmnb.Predict("question -> answer: int", lm=lmnb.FakeLM(["none", "none"]))(question="?")
        assert caught.value.adapter_name == type(adapter).__name__


def test_a_state_of_the_reference_s_react_says_why_it_does_not_load(tmp_path: Any) -> None:
    """Its turns have other fields: the error says which, and what to do instead."""
    fields = ["Question", "Trajectory", "Next Thought", "Next Tool Name", "Next Tool Args"]
    part = {
        "demos": [],
        "lm": None,
        "signature": {
            "instructions": "Act.",
            "fields": [{"prefix": f"{name}:", "description": "x"} for name in fields],
        },
    }
    state = {"react": part, "metadata": {"dependency_versions": {"dspy": "3.4.1"}}}
    path = tmp_path / "react.json"
    path.write_text(json.dumps(state), encoding="utf-8")
    with pytest.raises(lmnb.SaveError, match=r"DSPy's ReAct.*agent.react.instructions"):
        lmnb.ReAct("question -> answer", []).load(path)


@pytest.mark.parametrize("student", ["question -> answer", None, lmnb.Predict])
def test_a_compile_of_what_is_no_program_says_what_to_write(student: Any) -> None:
    """A signature, nothing, or a class: an InputError before anything is made."""
    trainset = [lmnb.Example(question="?", answer="a").with_inputs("question")]
    with pytest.raises(lmnb.InputError, match=r"which is no program. Write a module, such as lmnb.Predict"):
        lmnb.LabeledFewShot(k=1).compile(student, trainset=trainset, run_dir=None)


def test_the_setting_adds_the_stack_wherever_failures_are_told() -> None:
    """`provide_traceback` is heeded by Evaluate, Parallel and batches of an LM alike; what a call says for itself wins."""

    def failing(*args: Any, **kwargs: Any) -> Any:
        raise ValueError("no")

    devset = [lmnb.Example(question=f"{at}", answer="a").with_inputs("question") for at in range(2)]
    lm = lmnb.FakeLM(lambda messages: "a" if messages[-1]["content"] == "1" else failing())

    def told(provide: bool | None) -> list[str]:
        program = lmnb.Predict("question -> answer", lm=lmnb.FakeLM(lambda messages: {"answer": "a"}))
        half = lambda example, prediction, trace=None: example.question == "1" or failing()  # noqa: E731
        evaluated = lmnb.Evaluate(devset=devset, metric=half, provide_traceback=provide)(program).errors[0].error
        with pytest.warns(UserWarning) as warned:
            lmnb.Parallel(provide_traceback=provide, disable_progress_bar=True)(
                [(failing, devset[0]), (program, devset[1])]
            )
            lm.batch(["0", "1"], provide_traceback=provide)
        return [str(evaluated), *(str(each.message) for each in warned)]

    with lmnb.context(provide_traceback=True):
        assert all("Traceback" in each for each in told(None))
        assert not any("Traceback" in each for each in told(False))
    assert not any("Traceback" in each for each in told(None))
