"""CodeAct and RLM: turns of code in a sandbox, and every way in which they end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from media import png

import lmnb
from lmnb import RLM, BudgetExceeded, CodeAct, FakeLM, InputError, PythonInterpreter

pytest.importorskip("pydantic_monty", reason="pydantic-monty is not installed: pip install 'lmnb[interpreter]'")
KINDS = [CodeAct, RLM]


def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


async def triple(number: int) -> int:
    """Three times the number, asynchronously."""
    await asyncio.sleep(0)
    return 3 * number


def code(text: str, thought: str = "So.") -> dict[str, Any]:
    return {"next_thought": thought, "generated_code": text}


def made_of(
    kind: Any, signature: Any = "numbers: list[int] -> answer: int", tools: Any = (double, triple), **more: Any
) -> Any:
    return kind(signature, tools=list(tools), **more)


def run(kind: Any, replies: Any, how: str = "sync", **options: Any) -> tuple[Any, FakeLM]:
    program, lm = made_of(kind, **options), FakeLM(replies)
    with lmnb.context(lm=lm):
        made = asyncio.run(program.acall(numbers=[1, 2])) if how == "async" else program(numbers=[1, 2])
    return made, lm


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("kind", KINDS)
def test_code_calls_tools_and_hands_over(kind: Any, how: str) -> None:
    """Inputs are variables, variables last, values and prints are shown, and the outputs are coerced by their types."""
    replies = [
        code("```python\ntwice = [double(n) for n in numbers]\nprint('seen', twice)\ntriple(1)\n```", "Look."),
        code("SUBMIT(answer=str(sum(twice)))", "Done."),
    ]
    made, lm = run(kind, replies, how)
    assert made.answer == 6 and made.termination_reason == "submit"
    first, last = made.trajectory
    assert (first["thought"], first["output"]) == ("Look.", "seen [2, 4]\n3") and last["thought"] == "Done."
    told = lm.calls[1]["messages"][-1]["content"]
    assert "Turn 1: Look." in told and "twice = [double(n)" in told and "seen [2, 4]\n3" in told
    assert "double(number: int): Twice the number." in lm.calls[0]["messages"][-1]["content"]
    names = [item.name for _, item in made.trace.spans() if item.kind == "tool"]
    assert names == ["python", "double", "double", "triple", "python"]


@pytest.mark.parametrize("kind", KINDS)
def test_code_may_change_its_inputs(kind: Any) -> None:
    """A variable of the code keeps what a turn made of it, also where it began as an input."""
    made, _ = run(kind, [code("numbers = [5]"), code("SUBMIT(answer=numbers[0])")])
    assert made.answer == 5


@pytest.mark.parametrize("kind", KINDS)
def test_errors_are_told_and_do_not_end_it(kind: Any) -> None:
    """Of the code, of a tool, of a wrong or incomplete answer; what was printed before stays."""
    replies = [
        code("print('before')\n1 / 0"),
        code("double('many')"),
        code("SUBMIT(answer='many')"),
        code("SUBMIT()"),
        code("SUBMIT(3)"),
    ]
    made, lm = run(kind, replies, max_iters=5)
    outputs = [turn["output"] for turn in made.trajectory]
    assert made.answer == 3
    for output, says in zip(
        outputs, ["ZeroDivisionError", "valid integer", "valid integer", "lacks answer"], strict=False
    ):
        assert "Error: " in output and says in output
    assert outputs[0].startswith("before\nError: ")
    assert outputs[2] in lm.calls[3]["messages"][-1]["content"]


@pytest.mark.parametrize(("kind", "last"), [(CodeAct, {"reasoning": "It says 2.", "answer": 2}), (RLM, {"answer": 2})])
def test_turns_are_limited(kind: Any, last: dict[str, Any]) -> None:
    """After `max_iters` turns, and after one that stays unreadable, the answer is extracted from the turns."""
    made, lm = run(kind, [code("double(1)"), last], max_iters=1)
    assert made.answer == 2 and made.termination_reason == "max_iters" and len(made.trajectory) == 1
    assert "double(1)\n```\nOutput: 2" in lm.calls[1]["messages"][-1]["content"]
    made, _ = run(kind, [code("double(1)"), "no", "no", last])
    assert made.answer == 2 and made.termination_reason == "unreadable"


@pytest.mark.parametrize("kind", KINDS)
def test_long_output_is_clipped(kind: Any) -> None:
    """With a note of how much is missing; an error after it is still told."""
    made, _ = run(kind, [code("print('x' * 500)\nfail"), code("SUBMIT(answer=1)")], max_output_chars=100)
    first = made.trajectory[0]["output"]
    assert first.startswith("x" * 100 + "… (401 more characters") and "NameError" in first


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_trajectory_loses_its_oldest_turns(kind: Any) -> None:
    """Where the prompt is too long for the model, as in ReAct."""

    def reply(messages: list[dict[str, Any]], **_: Any) -> Any:
        told = messages[-1]["content"]
        if told.count("Turn ") > 1:
            raise lmnb.ContextWindowError("too long", model="fake")
        return code("SUBMIT(answer=seen)" if "Turn 2" in told else "seen = 7")

    made, lm = run(kind, reply)
    assert made.answer == 7 and "(1 earlier turns are left out)\nTurn 2" in lm.calls[-1]["messages"][-1]["content"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_sandbox_that_starts_afresh_has_the_inputs_again(kind: Any) -> None:
    """After a limit was reached its variables are gone; the inputs are set once more."""

    def factory() -> PythonInterpreter:
        return PythonInterpreter(max_seconds=0.2)

    replies = [code("own = 1\nwhile True: pass"), code("SUBMIT(answer=len(numbers))")]
    made, _ = run(kind, replies, interpreter_factory=factory)
    assert "max_seconds" in made.trajectory[0]["output"] and made.answer == 2


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_outlast_code_that_does_not_compile(kind: Any) -> None:
    """A syntax error in the first turn does not cost the later turns their variables."""
    made, _ = run(kind, [code("x = ("), code("SUBMIT(answer=len(numbers))")])
    assert "SyntaxError" in made.trajectory[0]["output"] and made.answer == 2


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_sandbox_is_ended_whatever_happens(kind: Any, how: str) -> None:
    """One's own sandbox gets the tools, and is shut down also after an error that ends the call."""
    seen: list[str] = []

    class Sandbox:
        def __init__(self) -> None:
            self.tools: dict[str, Any] = {}

        def start(self) -> None: ...

        def execute(self, code: str, variables: Any = None) -> Any:
            seen.extend([*sorted(self.tools)[:1], code])
            raise BudgetExceeded("calls", 1, 1)

        def shutdown(self) -> None:
            seen.append("end")

    with pytest.raises(BudgetExceeded):
        run(kind, [code("x")], how, interpreter_factory=Sandbox)
    assert seen == ["double", "x", "end"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"max_iters": 0}, "max_iters is 0"),
        ({"max_output_chars": True}, "max_output_chars is True"),
        ({"tools": [lmnb.Tool(double, name="SUBMIT")]}, "'SUBMIT'"),
        ({"tools": [lmnb.Tool(double, name="numbers")]}, "'numbers'"),
        ({"tools": [lmnb.Tool(double, name="a-b"), lmnb.Tool(double, name="a_b")]}, "'a_b'"),
        ({"tools": [lmnb.Tool(double, name="llm_query")]}, "'llm_query'"),
    ],
)
def test_a_wrong_agent_is_refused(kind: Any, options: dict[str, Any], says: str) -> None:
    """What cannot work is said when the agent is made."""
    with pytest.raises(InputError, match=says):
        made_of(kind, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_are_held_to_the_signature(kind: Any) -> None:
    """A missing one is named before anything is asked."""
    lm = FakeLM([])
    with lmnb.context(lm=lm), pytest.raises(InputError, match="'numbers' is missing"):
        made_of(kind)()
    assert lm.calls == []


def test_the_steps_have_the_reference_s_names() -> None:
    """And a state that another agent takes over; tools are shown by the names that code can write."""
    act, long = made_of(CodeAct, tools=[lmnb.Tool(double, name="times-two")]), made_of(RLM)
    assert [name for name, _ in act.named_predictors()] == ["codeact", "extractor.predict"]
    assert [name for name, _ in long.named_predictors()] == ["generate_action", "extract"]
    long.generate_action.instructions = "Be quick."
    other = made_of(RLM)
    other.load_state(long.dump_state())
    assert other.generate_action.instructions == "Be quick."
    lm = FakeLM([code("SUBMIT(answer=times_two(number=4))")])
    with lmnb.context(lm=lm):
        assert act(numbers=[]).answer == 8
    assert "times_two(number: int)" in lm.calls[0]["messages"][-1]["content"]


# -- what an RLM does besides ------------------------------------------------------------------------------------------


def test_a_long_input_stays_outside_the_prompt() -> None:
    """The prompt names it with its type, its length and its beginning; the code has all of it."""
    signature = lmnb.Signature({"text": (str, lmnb.InputField(desc="a log")), "last": (str, lmnb.OutputField())})
    lm = FakeLM([code("print(text[:3])"), code("SUBMIT(last=text[-4:])")])
    with lmnb.context(lm=lm):
        assert RLM(signature)(text="long " * 20_000 + "word").last == "word"
    prompts = [sum(len(message["content"]) for message in call["messages"]) for call in lm.calls]
    assert max(prompts) < 4000
    told = lm.calls[0]["messages"][-1]["content"]
    assert "text (str, 100,004 characters): a log. It begins: 'long long" in told


def test_media_stand_by_type_and_size_in_the_prompt() -> None:
    """The beginning of a variable is not the base64 of an image."""
    lm = FakeLM([code("SUBMIT(answer=1)")])
    with lmnb.context(lm=lm):
        RLM("pictures: list[Image] -> answer: int")(pictures=[lmnb.Image(png(40, 40) + bytes(3000))])
    told = lm.calls[0]["messages"][-1]["content"]
    assert "data:image/png;base64,… (3." in told and "iVBOR" not in told


@pytest.mark.parametrize("how", ["sync", "async"])
def test_parts_are_asked_of_a_model(how: str) -> None:
    """One by one or side by side, in order, of the LM of the call or of `sub_lm`, all in one trace."""

    def answer(messages: list[dict[str, Any]], **_: Any) -> Any:
        return messages[-1]["content"].upper()

    text = "SUBMIT(answer=len(llm_query('a') + ''.join(llm_query_batched([str(n) + 'b' for n in numbers]))))"
    sub = FakeLM(answer, model="sub")
    made, _ = run(RLM, [code("llm_query_batched(['a', 'b', 'c'])"), code(text)], how, sub_lm=sub)
    assert made.answer == 5 and made.trajectory[0]["output"] == "['A', 'B', 'C']"
    assert sorted(call["messages"][-1]["content"] for call in sub.calls) == ["1b", "2b", "a", "a", "b", "c"]
    asked = [item.name for _, item in made.trace.spans() if item.kind == "lm"]
    assert asked == ["fake", *["sub"] * 3, "fake", *["sub"] * 3]
    made, lm = run(RLM, [code("SUBMIT(answer=llm_query('How many?'))"), "4"], how)
    assert made.answer == 4 and lm.calls[1]["messages"] == [{"role": "user", "content": "How many?"}]


def test_queries_are_limited() -> None:
    """`max_llm_calls` holds for one call of the program; the code is told, and may go on."""
    lm = FakeLM(lambda messages, **_: "x", model="sub")
    replies = [
        code("llm_query('a')"),
        code("llm_query_batched(['b', 'c'])"),
        code("SUBMIT(answer=len(llm_query('d')))"),
    ]
    program = made_of(RLM, max_llm_calls=2, sub_lm=lm)
    for _ in range(2):
        with lmnb.context(lm=FakeLM(replies)):
            made = program(numbers=[])
        assert made.answer == 1 and "2 queries are more than the 1 that are left of 2" in made.trajectory[1]["output"]
    assert len(lm.calls) == 4


def test_a_spent_budget_ends_an_rlm() -> None:
    """Code cannot catch it."""
    program = made_of(RLM, sub_lm=FakeLM(lambda messages, **_: "x"))
    text = "try:\n    llm_query_batched(['a', 'b', 'c'])\nexcept Exception:\n    SUBMIT(answer=1)"
    with lmnb.context(lm=FakeLM([code(text)]), budget=lmnb.Budget(calls=2)), pytest.raises(BudgetExceeded):
        program(numbers=[])


def test_an_rlm_may_be_the_tool_of_another() -> None:
    """A program with a long input of its own is called on a part."""
    inner = RLM("part -> count: int", sub_lm=FakeLM([]))
    inner.generate_action.lm = FakeLM([code("SUBMIT(count=part.count('a'))")])
    counted = lmnb.Tool(lambda part: inner(part=part).count, name="count_a", args={"part": {"type": "string"}})
    made, _ = run(RLM, [code("SUBMIT(answer=count_a('banana'))")], tools=[counted])
    assert made.answer == 3


def test_max_llm_calls_is_a_number() -> None:
    """A wrong one is refused when the program is made."""
    with pytest.raises(InputError, match="max_llm_calls is -1"):
        RLM("text -> answer", max_llm_calls=-1)


def test_earlier_answers_stay_in_a_conversation() -> None:
    """What was answered stands in a step as the code that handed it over; turns without an answer stay as they are."""
    agent = CodeAct("history: History, question -> answer: str", [double])
    lm = FakeLM([code("SUBMIT(answer='yes')")])
    asked = {"history": [{"question": "a?", "answer": "it's"}, {"question": "b?"}], "question": "c?"}
    with lmnb.context(lm=lm):
        agent(**asked)
    sent = lm.calls[0]["messages"]
    assert agent.messages(**asked, trajectory="Nothing yet.")["codeact"] == sent
    assert [each["role"] for each in sent] == ["system", "user", "assistant", "user", "user"]
    assert 'SUBMIT(answer="it\'s")' in sent[2]["content"] and "I know `answer`." in sent[2]["content"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_prompt_can_be_seen_without_a_call(kind: Any) -> None:
    """`messages` gives what the first turn sends: the tools, and what is told of the inputs."""
    _, lm = run(kind, [code("SUBMIT(answer=6)")])
    shown = made_of(kind).messages(numbers=[1, 2], trajectory="Nothing yet.")
    assert next(iter(shown.values())) == lm.calls[0]["messages"]
