"""Callbacks: what they are told, by whom they are given, and what they cannot break."""

from __future__ import annotations

import asyncio
import copy
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

import lmnb
from lmnb.callbacks import HOOKS, current_call
from lmnb.retrieve.base import as_retriever
from lmnb.spans import open_span, span

HOOK_NAMES = sorted(set(HOOKS.values()))


class Record(lmnb.BaseCallback):
    """Writes down what it is told: (hook, phase, call id, parent's id, instance, inputs or outputs, exception)."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def of(self, hook: str) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["hook"] == hook]


def _hook(hook: str, phase: str) -> Callable[..., None]:
    def note(self: Record, call_id: str, **told: Any) -> None:
        call = current_call()
        assert call.id == call_id
        self.rows.append({"hook": hook, "phase": phase, "id": call_id, "parent": call.parent_id, **told})

    return note


for _name in HOOK_NAMES:
    for _phase in ("start", "end"):
        setattr(Record, f"on_{_name}_{_phase}", _hook(_name, _phase))


def paris(**options: Any) -> lmnb.FakeLM:
    return lmnb.FakeLM(lambda messages: {"answer": "Paris"}, **options)


class Outer(lmnb.Module):
    """A module around a predictor."""

    def __init__(self, callbacks: Any = None) -> None:
        super().__init__(callbacks)
        self.answer = lmnb.Predict("question -> answer")

    def forward(self, question: str) -> lmnb.Prediction:
        return self.answer(question=question)

    async def aforward(self, question: str) -> lmnb.Prediction:
        return await self.answer.acall(question=question)


def capital(country: str) -> str:
    """The capital of a country."""
    return {"France": "Paris"}[country]


def rows(count: int) -> list[lmnb.Example]:
    return [lmnb.Example(question=f"{n}?", answer="Paris").with_inputs("question") for n in range(count)]


def same(example: Any, prediction: Any, trace: Any = None) -> bool:
    return example.answer == prediction.answer


# -- what is told -----------------------------------------------------------------------------------------------------


def _interpreted() -> Any:
    pytest.importorskip("pydantic_monty")
    with lmnb.PythonInterpreter() as python:
        return python.execute("n + 1", {"n": 1})


CALLS: dict[str, tuple[Callable[[], Any], set[str], Callable[[Any], bool]]] = {
    "module": (lambda: Outer()(question="?"), {"question"}, lambda made: made.answer == "Paris"),
    "lm": (lambda: paris(temperature=0.5)("hi"), {"messages", "temperature"}, lambda texts: "Paris" in texts[0]),
    "adapter_format": (
        lambda: Outer()(question="?"),
        {"signature", "demos", "inputs"},
        lambda messages: messages[-1]["role"] == "user",
    ),
    "adapter_parse": (
        lambda: Outer()(question="?"),
        {"signature", "completion"},
        lambda outputs: outputs == {"answer": "Paris"},
    ),
    "tool": (lambda: lmnb.Tool(capital)("France"), {"country"}, lambda result: result == "Paris"),
    "retrieval": (
        lambda: as_retriever(lambda query, k: ["Bern", "Biel"][:k])("a town", k=1),
        {"query", "k"},
        lambda found: found.passages == ["Bern"],
    ),
    "interpreter": (_interpreted, {"code", "variables"}, lambda result: result == 2),
    "evaluate": (
        lambda: lmnb.Evaluate(rows(3), same)(Outer(), callback_metadata={"of": "a test"}),
        {"program", "callback_metadata"},
        lambda report: report.score == 100.0,
    ),
    "compile": (
        lambda: lmnb.LabeledFewShot(k=1).compile(Outer(), trainset=rows(2), run_dir=None),
        {"student", "trainset", "teacher", "valset", "run_dir"},
        lambda program: len(program.answer.demos) == 1,
    ),
}


def test_every_hook_is_tried() -> None:
    """The table of calls covers each hook that the base class has."""
    named = {name.removeprefix("on_").rpartition("_")[0] for name in vars(lmnb.BaseCallback) if name.startswith("on_")}
    assert named == set(HOOK_NAMES) == set(CALLS)


@pytest.mark.parametrize("hook", CALLS)
def test_a_call_is_told_at_its_start_and_its_end(hook: str) -> None:
    """Each hook gets the instance, the inputs by name and the outputs as the caller gets them, under one id."""
    call, inputs, right = CALLS[hook]
    record = Record()
    with lmnb.context(callbacks=[record], lm=paris()):
        call()
    start = record.of(hook)[0]
    end = next(row for row in record.of(hook) if row["id"] == start["id"] and row["phase"] == "end")
    assert start["phase"] == "start" and start["instance"] is not None
    assert set(start["inputs"]) == inputs
    assert end["exception"] is None and right(end["outputs"])


def _chain(record: Record) -> list[str]:
    """The kinds of the calls around the LM call, innermost first."""
    by_id = {row["id"]: row for row in record.rows if row["phase"] == "start"}
    found, row = [], next(row for row in record.of("lm"))
    while row is not None:
        found.append(type(row["instance"]).__name__)
        row = by_id.get(row["parent"])
    return found


@pytest.mark.parametrize("way", ["sync", "async", "thread"])
def test_parents_are_found_by_their_ids(way: str) -> None:
    """The id of the call around a call links module, predictor and LM, however the program is called."""
    record, program = Record(), Outer()
    with lmnb.context(callbacks=[record], lm=paris()):
        if way == "sync":
            program(question="?")
        elif way == "async":
            asyncio.run(program.acall(question="?"))
        else:
            program.batch([{"question": "?"}])
    assert _chain(record) == ["FakeLM", "Predict", "Outer"]
    assert [row["phase"] for row in record.of("lm")] == ["start", "end"]


@pytest.mark.parametrize("on_a_loop", [False, True])
def test_many_calls_side_by_side_keep_their_ids(on_a_loop: bool) -> None:
    """On threads and on an event loop every start has its end, and every LM call its own predictor as parent."""
    record, program = Record(), Outer()
    lm = lmnb.FakeLM(lambda messages: {"answer": messages[-1]["content"].split("\n")[1]}, delay=0.002)

    async def together() -> None:
        await asyncio.gather(*(program.acall(question=f"{n}?") for n in range(60)))

    with lmnb.context(callbacks=[record], lm=lm):
        if on_a_loop:
            asyncio.run(together())
        else:
            lmnb.Evaluate(rows(60), same, num_threads=16)(program)
    starts = {row["id"]: row for row in record.rows if row["phase"] == "start"}
    ends = {row["id"]: row for row in record.rows if row["phase"] == "end"}
    assert len(starts) == len(record.rows) / 2 and starts.keys() == ends.keys()
    asked = [row for row in starts.values() if row["hook"] == "lm"]
    assert len(asked) == 60
    for row in asked:
        around = starts[row["parent"]]
        assert around["inputs"]["question"] in row["inputs"]["messages"][-1]["content"]
        assert ends[around["id"]]["outputs"].answer == around["inputs"]["question"]


@pytest.mark.parametrize("way", ["sync", "async"])
def test_the_rows_of_an_evaluation_are_below_it(way: str) -> None:
    """The program's calls of an evaluation lead up to its id through their parents."""
    record, evaluate = Record(), lmnb.Evaluate(rows(3), same)
    with lmnb.context(callbacks=[record], lm=paris()), lmnb.events(["evaluate", "module"]) as stream:
        report = evaluate(Outer()) if way == "sync" else asyncio.run(evaluate.acall(Outer()))
    assert report.score == 100.0
    (top,) = [row["id"] for row in record.of("evaluate") if row["phase"] == "start"]
    parents = {event.call_id: event.parent_id for event in stream}
    programs = [row["id"] for row in record.of("module") if isinstance(row.get("instance"), Outer)]
    assert len(programs) == 3
    assert {parents[parents[call]] for call in programs} == {top}  # a row stands between


def test_the_calls_of_a_compile_are_below_it() -> None:
    """Rollouts run in the threads of a run, and their parents lead up to the compile."""
    record = Record()
    with lmnb.context(callbacks=[record], lm=paris()), lmnb.events() as stream:
        lmnb.BootstrapFewShot(same, max_bootstrapped_demos=1).compile(Outer(), trainset=rows(4), run_dir=None)
    (top,) = [row["id"] for row in record.of("compile") if row["phase"] == "start"]
    parents = {event.call_id: event.parent_id for event in stream}
    for row in record.of("lm"):
        around = row["id"]
        while parents.get(around) is not None:
            around = parents[around]
        assert around == top
    assert record.of("lm")


def test_a_failure_is_told_with_its_exception() -> None:
    """At the end of a failed call there are no outputs, and the very exception that the caller gets."""
    record, wrong = Record(), lmnb.AuthError("no key")
    with lmnb.context(callbacks=[record], lm=lmnb.FakeLM([wrong])), pytest.raises(lmnb.AuthError):
        Outer()(question="?")
    ends = [row for row in record.rows if row["phase"] == "end" and row["hook"] in ("lm", "module")]
    assert [(row["outputs"], row["exception"]) for row in ends] == [(None, wrong)] * 3


def test_what_is_private_is_not_told() -> None:
    """Keys and endpoints of an LM reach no callback."""
    record = Record()
    with lmnb.context(callbacks=[record]):
        paris(api_key="sk-of-the-lm-1234")("hi", api_base="https://host-of-the-call.example", temperature=0.1)
    assert set(record.of("lm")[0]["inputs"]) == {"messages", "temperature"}
    assert "sk-of-the-lm" not in str(record.rows) and "host-of-the-call" not in str(record.rows)


# -- by whom they are given --------------------------------------------------------------------------------------------


def test_configured_callbacks_hear_every_thread() -> None:
    """What `configure` sets is told of calls in any thread; what `context` sets ends with the block."""
    everywhere, here = Record(), Record()
    lmnb.configure(callbacks=[everywhere], lm=paris())
    thread = threading.Thread(target=lambda: Outer()(question="?"))
    thread.start()
    thread.join()
    assert _chain(everywhere) == ["FakeLM", "Predict", "Outer"]
    with lmnb.context(callbacks=[here]):
        Outer()(question="?")
    told = len(here.rows)
    Outer()(question="?")
    assert told == len(here.rows) == len(everywhere.rows) / 2


def test_an_instance_tells_its_own_callbacks_of_its_own_calls() -> None:
    """Callbacks of a module, an LM or an adapter hear of that one alone."""
    of_module, of_lm, of_adapter = Record(), Record(), Record()
    lm = paris(callbacks=[of_lm])
    with lmnb.context(lm=lm, adapter=lmnb.ChatAdapter(callbacks=[of_adapter])):
        program = Outer(callbacks=[of_module])
        program(question="?")
        paris()("hi")
    assert [(row["hook"], row["phase"]) for row in of_module.rows] == [("module", "start"), ("module", "end")]
    assert of_module.rows[0]["instance"] is program
    assert [row["hook"] for row in of_lm.rows] == ["lm", "lm"] and of_lm.rows[0]["instance"] is lm
    assert [row["hook"] for row in of_adapter.rows] == ["adapter_format"] * 2 + ["adapter_parse"] * 2


def test_a_callback_that_is_given_twice_is_told_once() -> None:
    """The same object as a setting and on an instance hears of a call once."""
    record = Record()
    with lmnb.context(callbacks=[record, record]):
        lmnb.Predict("question -> answer", callbacks=[record], lm=paris())(question="?")
    assert len(record.of("module")) == 2


@pytest.mark.parametrize("own", [{"a": 1}, "text", [print, 3], object()])
def test_a_program_may_use_the_name_callbacks_for_itself(own: Any) -> None:
    """An attribute that holds no callbacks of ours is left alone."""
    record, program = Record(), Outer()
    program.callbacks = own
    with lmnb.context(callbacks=[record], lm=paris()):
        assert program(question="?").answer == "Paris"
    assert len(record.of("module")) == 4


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda p: p.with_candidate({}), lambda p: p.reset_copy()])
def test_copies_of_a_program_tell_the_same_callbacks(copied: Callable[[Any], Any]) -> None:
    """An optimizer works on copies, and the caller's callback hears of them."""
    record = Record()
    with lmnb.context(lm=paris()):
        copied(Outer(callbacks=[record]))(question="?")
    assert len(record.rows) == 2


def test_a_program_is_saved_and_exported_without_its_callbacks(tmp_path: Any) -> None:
    """Files hold the program; who listened to it is no part of it."""
    program = lmnb.Predict("question -> answer", callbacks=[Record()], lm=None)
    program.save(tmp_path / "program.json")
    text = program.export(tmp_path / "program.py", format="python").read_text(encoding="utf-8")
    assert "callbacks" not in text + (tmp_path / "program.json").read_text(encoding="utf-8")
    assert "callbacks" not in str(paris(callbacks=[Record()]).dump_state())


@pytest.mark.parametrize(
    "give",
    [
        lambda callbacks: lmnb.configure(callbacks=callbacks),
        lambda callbacks: lmnb.context(callbacks=callbacks).__enter__(),
        lambda callbacks: lmnb.Predict("q -> a", callbacks=callbacks),
        lambda callbacks: lmnb.FakeLM(callbacks=callbacks),
        lambda callbacks: lmnb.JSONAdapter(callbacks=callbacks),
    ],
)
def test_what_is_no_callback_is_refused(give: Callable[[Any], Any]) -> None:
    """A class in the place of an instance, or one callback in the place of a list, fails at once and says what to write."""
    with pytest.raises(
        TypeError, match=r"Record'> is no callback. Derive its class from lmnb.BaseCallback, and give an"
    ):
        give([Record])
    with pytest.raises(TypeError, match=r"callbacks are a list, not .* Write callbacks=\[\.\.\.\]"):
        give(Record())


def test_an_asynchronous_hook_is_refused() -> None:
    """A hook that would have to be awaited fails where its class is defined."""
    with pytest.raises(
        TypeError, match=r"Wrong.on_lm_end is asynchronous, and hooks are not awaited. Write def on_lm_end"
    ):

        class Wrong(lmnb.BaseCallback):
            async def on_lm_end(self, call_id: str, outputs: Any, exception: Any = None) -> None: ...


# -- what they cannot break --------------------------------------------------------------------------------------------


class Faulty(Record):
    """Fails at every hook of LMs."""

    def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        inputs["messages"] = None
        raise RuntimeError("out of order")

    def on_lm_end(self, call_id: str, outputs: Any, exception: Any = None) -> None:
        raise KeyError("out of order")


def test_a_faulty_callback_is_logged_by_name_and_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Its errors are log records with the traceback, and warnings; the program and the other callbacks go on."""
    record = Record()
    with lmnb.context(callbacks=[Faulty(), record], lm=paris()), pytest.warns(RuntimeWarning, match="Faulty failed at"):
        made = Outer()(question="?")
    assert made.answer == "Paris" and len(record.of("lm")) == 2
    failed = [row for row in caplog.records if row.name == "lmnb.callbacks"]
    assert [row.getMessage() for row in failed] == [
        "the callback Faulty failed at the start of lm 'fake'",
        "the callback Faulty failed at the end of lm 'fake'",
    ]
    assert all(row.levelno == logging.ERROR and row.exc_info for row in failed)


def test_a_faulty_callback_raises_nothing_where_warnings_are_errors() -> None:
    """Also a warning about it is no reason for a call to fail."""
    with warnings.catch_warnings(), lmnb.context(callbacks=[Faulty()], lm=paris()):
        warnings.simplefilter("error")
        assert Outer()(question="?").answer == "Paris"


def test_a_callback_cannot_change_the_call() -> None:
    """What a hook is given is its own, inputs and outputs."""

    class Greedy(lmnb.BaseCallback):
        def on_module_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
            inputs.clear()

        def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
            inputs["messages"].append({"role": "user", "content": "HACK"})

        def on_adapter_parse_end(self, call_id: str, outputs: Any, exception: Any = None) -> None:
            outputs["answer"] = "HACK"

    lm = paris()
    with lmnb.context(callbacks=[Greedy()], lm=lm):
        assert Outer()(question="which?").answer == "Paris"
    assert "which?" in lm.calls[0]["messages"][-1]["content"] and "HACK" not in str(lm.calls)


def _hacking(name: str, change: Callable[[Any], Any]) -> lmnb.BaseCallback:
    """A callback with one hook, which changes what it is told."""

    def hook(self: Any, **told: Any) -> None:
        change(told["inputs"] if name.endswith("_start") else told["outputs"])

    return type("Hacking", (lmnb.BaseCallback,), {f"on_{name}": hook})()


class Facts(BaseModel):
    """A pydantic value that can be changed."""

    towns: list[str]


class Loud(dict[str, Any]):
    """A dict of one's own."""


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("lm_start", lambda inputs: inputs["messages"].append({"role": "user", "content": "HACK"})),
        ("lm_start", lambda inputs: inputs["messages"][0].update(content="HACK")),
        ("lm_start", lambda inputs: inputs["stop"].append("HACK")),
        ("lm_end", lambda texts: texts.__setitem__(0, "HACK")),
        ("adapter_format_start", lambda inputs: inputs["inputs"].update(context=["HACK"])),
        ("adapter_format_start", lambda inputs: inputs["demos"][0].context.append("HACK")),
        ("adapter_format_end", lambda messages: messages[-1].update(content="HACK")),
        ("adapter_parse_end", lambda outputs: outputs.update(answer="HACK")),
        ("adapter_parse_end", lambda outputs: outputs["facts"].towns.append("HACK")),
        ("module_start", lambda inputs: inputs["context"].append("HACK")),
        ("module_start", lambda inputs: inputs["more"]["a"].append("HACK")),
        ("module_end", lambda made: made.facts.towns.append("HACK")),
        ("module_end", lambda made: made.tags.append("HACK")),
    ],
)
def test_no_hook_changes_the_call(name: str, change: Callable[[Any], Any]) -> None:
    """What a hook does to what it is told, in any depth, reaches neither the LM, nor the caller, nor the next callback."""
    signature = lmnb.Signature(
        "context: list[str], more: dict -> answer, tags: list[str], facts: Facts", custom_types={"Facts": Facts}
    )
    reply = {"answer": "Paris", "tags": ["a"], "facts": {"towns": ["Paris"]}}
    lm, record = lmnb.FakeLM([reply], stop=["END"]), Record()
    given = {"context": ["France"], "more": Loud(a=["b"])}
    predict = lmnb.Predict(signature, lm=lm)
    predict.demos = [{**reply, **copy.deepcopy(given)}]
    with lmnb.context(callbacks=[_hacking(name, change), record]), warnings.catch_warnings():
        warnings.simplefilter("error")
        made = predict(**given)
    assert "HACK" not in str([made, given, lm.calls, predict.demos, record.rows])
    assert "HACK" not in str(made.trace.to_dict())


def test_what_holds_itself_is_told_as_it_is() -> None:
    """An input without an end, or one that cannot be copied, is no reason for a callback to fail."""
    endless: list[Any] = []
    endless.append(endless)
    given = {"endless": endless, "held": Loud(lock=threading.Lock()), "plain": ["a"]}
    record = Record()
    with lmnb.context(callbacks=[record]), span("tool", "x", inputs=given, instance=record):
        pass
    told = record.of("tool")[0]["inputs"]
    assert told["endless"][0] is told["endless"] and told["held"] is given["held"]
    assert told["plain"] == ["a"] and told["plain"] is not given["plain"]


def test_the_calls_of_a_native_reply_are_told() -> None:
    """Where a provider's calls come beside the text, `outputs` shows them, and the span has them as they came."""
    held: list[Any] = []

    class Watch(lmnb.BaseCallback):
        def on_lm_end(self, call_id: str, outputs: Any, exception: Any = None) -> None:
            held.extend([outputs, current_call().data["tool_calls"]])

    calls = lmnb.ToolCalls(tool_calls=(lmnb.ToolCall(name="capital", args={"country": "France"}),))
    lm = lmnb.FakeLM([{"calls": calls}], function_calling=True)
    signature = lmnb.Signature(
        "question, tools: list[Tool] -> calls: ToolCalls", custom_types={"Tool": lmnb.Tool, "ToolCalls": lmnb.ToolCalls}
    )
    adapter = lmnb.ChatAdapter(use_native_function_calling=True)
    with lmnb.context(callbacks=[Watch()], lm=lm, adapter=adapter), lmnb.events(["lm"]) as stream:
        lmnb.Predict(signature)(question="?", tools=[lmnb.Tool(capital)])
    (shown,), ((call,),) = held
    assert call["name"] == "capital" and shown == f"capital({call['arguments']})" and "France" in shown
    assert [event.to_dict()["outputs"] for event in stream if event.phase == "end"] == [[shown]]


def test_a_callback_that_asks_an_lm_is_not_told_of_that_call() -> None:
    """A hook may call programs: there is no endless loop, and the trace of the watched program does not hold them."""
    other = paris()

    class Curious(lmnb.BaseCallback):
        def on_lm_end(self, call_id: str, outputs: Any, exception: Any = None) -> None:
            other("What was that?")

    with lmnb.context(callbacks=[Curious()], lm=lmnb.FakeLM(["unreadable", {"answer": "Paris"}])):
        made = Outer()(question="?")
    assert len(other.calls) == 2
    assert made.trace.usage["calls"] == 2 and made.trace.to_dict()["repaired"] == 1


@pytest.mark.parametrize("phase", ["start", "end"])
def test_an_interrupt_in_a_hook_leaves_nothing_open(phase: str) -> None:
    """Ctrl-C while a callback works ends the program, and the next call is at the top again."""

    def interrupt(self: Any, **told: Any) -> None:
        raise KeyboardInterrupt

    kind = type("Interrupted", (lmnb.BaseCallback,), {f"on_lm_{phase}": interrupt})
    with lmnb.context(callbacks=[kind()], lm=paris()), pytest.raises(KeyboardInterrupt):
        Outer()(question="?")
    assert open_span() is None and current_call() is None
    record = Record()
    with lmnb.context(callbacks=[record], lm=paris()):
        Outer()(question="?")
    assert record.rows[0]["parent"] is None


def test_without_a_callback_nothing_is_asked_for() -> None:
    """A process that has made no callback pays one truth test a call: no ids, no look at the settings."""
    code = (
        "import lmnb; from lmnb.callbacks import BaseCallback\n"
        "made = lmnb.Predict('q -> a', lm=lmnb.FakeLM([{'a': 'x'}]))(q='y')\n"
        "print(BaseCallback.exists, [span.id for _, span in made.trace.spans()])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False [None, None]"


def test_a_trace_does_not_hold_its_prediction() -> None:
    """What callbacks are given at the end of a call is let go of afterwards."""
    with lmnb.context(callbacks=[Record()], lm=paris()):
        made = Outer()(question="?")
    with span("tool", "x") as opened:
        opened.result = "big"
    assert {item.result for _, item in made.trace.spans()} == {opened.result}
    assert opened.result != "big"


# -- logging -----------------------------------------------------------------------------------------------------------


def test_lmnb_is_quiet_by_default() -> None:
    """A program whose first attempt fails prints nothing to the terminal."""
    code = (
        "import lmnb\nlm = lmnb.FakeLM([lmnb.RateLimitError('slow down'), 'hi'], backoff=0.0)\n"
        "assert lm('hello') == ['hi']"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout + done.stderr == ""


def test_retries_are_logged_for_those_who_ask(caplog: pytest.LogCaptureFixture) -> None:
    """With the logger "lmnb" at INFO each further attempt is a record that says why and when."""
    with caplog.at_level(logging.INFO, logger="lmnb"):
        lmnb.FakeLM([lmnb.RateLimitError("slow down"), "hi"], backoff=0.0)("hello")
    assert [row.getMessage() for row in caplog.records if row.name == "lmnb.lm"] == [
        "fake: RateLimitError: slow down Attempt 2 of 4 follows in 0.0 s."
    ]
