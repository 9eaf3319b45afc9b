"""What a failed check does not repeat: the searches and tool calls before the step that is asked again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import lmnb
from lmnb import Assert, FakeLM, Module, Predict, ReAct, Retrieve, Suggest, Tool
from lmnb.retrieve.base import BaseRetriever
from lmnb.retrieve.passage import Passage


class Counted(BaseRetriever):
    """A retriever that counts its searches."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def search(self, queries: list[str], k: int) -> list[list[Passage]]:
        self.calls += queries
        return [[Passage(f"passage {len(self.calls)} on {query}", id="0")] for query in queries]


class Shop:
    """A tool with an effect: each call is one more order."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def order(self, thing: str) -> list[str]:
        self.calls.append(thing)
        return [f"order {len(self.calls)} of {thing}"]

    async def aorder(self, thing: str) -> list[str]:
        await asyncio.sleep(0)
        return self.order(thing)

    def broken(self, thing: str) -> list[str]:
        raise ValueError(f"{self.order(thing)} failed")


def searched_by_step(counted: Counted) -> Any:
    step = Retrieve(k=1, rm=counted)
    return lambda text: step(text).passages, lambda text: step.acall(text)


def searched_by_function(counted: Counted) -> Any:
    step = Retrieve(k=1, rm=lambda query, k: counted(query, k).passages)
    return lambda text: step(text).passages, lambda text: step.acall(text)


def searched_directly(counted: Counted) -> Any:
    return lambda text: counted(text).passages, counted.acall


def searched_in_batches(counted: Counted) -> Any:
    return lambda text: counted.batch([text])[0].passages, lambda text: counted.abatch([text])


def called(function: str) -> Callable[[Shop], Any]:
    def make(shop: Shop) -> Any:
        tool = Tool(getattr(shop, function), name="order")
        return lambda text: tool(thing=text), lambda text: tool.acall(text)

    return make


DOERS = {
    "Retrieve": (Counted, searched_by_step),
    "Retrieve with a function": (Counted, searched_by_function),
    "a retriever": (Counted, searched_directly),
    "a retriever's batch": (Counted, searched_in_batches),
    "a tool": (Shop, called("order")),
    "an asynchronous tool": (Shop, called("aorder")),
}


class Program(Module):
    """Does something, asks about it, and checks the answer."""

    def __init__(self, do: Any, ado: Any, kind: Any) -> None:
        self.do, self.ado, self.kind = do, ado, kind
        self.answer = Predict("found, question -> answer")

    def forward(self, question: str) -> Any:
        found = str(self.do(question))
        return self.checked(self.answer(found=found, question=question))

    async def aforward(self, question: str) -> Any:
        found = await self.ado(question)
        return self.checked(await self.answer.acall(found=str(found), question=question))

    def checked(self, made: Any) -> Any:
        self.kind(made.answer == "right", "Be right.", at=self.answer)
        return made


def mending(messages: list[dict[str, Any]]) -> dict[str, Any]:
    return {"answer": "right" if "`feedback`" in messages[0]["content"] else "wrong"}


def run(program: Module, how: str) -> Any:
    return program(question="what") if how == "sync" else asyncio.run(program.acall(question="what"))


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("name", DOERS)
def test_a_repair_repeats_no_search_and_no_tool_call(name: str, how: str) -> None:
    """The step is asked again with what was found before, which is searched or ordered once."""
    make, doing = DOERS[name]
    counted, lm = make(), FakeLM(mending)
    with lmnb.context(lm=lm):
        made = run(Program(*doing(counted), Assert), how)
    assert made.answer == "right" and counted.calls == ["what"] and len(lm.calls) == 2
    kinds = {span.kind: span.data.get("label") for _, span in made.trace.spans() if span.kind in ("retrieval", "tool")}
    assert set(kinds.values()) == {"replayed"}


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("name", DOERS)
def test_exhausted_retries_repeat_nothing_either(name: str, how: str) -> None:
    """However often the step is asked, what came before it is done once."""
    make, doing = DOERS[name]
    counted = make()
    with lmnb.context(lm=FakeLM(lambda messages: {"answer": "wrong"})):
        made = run(Program(*doing(counted), Suggest), how)
    assert made.answer == "wrong" and counted.calls == ["what"]


@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_failed_tool_call_fails_again_without_a_call(how: str) -> None:
    """A program that goes on without a tool goes on without it in the next attempt, and nothing is ordered twice."""
    shop = Shop()
    tool = Tool(shop.broken)

    def tried(thing: str) -> str:
        try:
            return str(tool(thing=thing))
        except ValueError as error:
            return str(error)

    async def atried(thing: str) -> str:
        try:
            return str(await tool.acall(thing=thing))
        except ValueError as error:
            return str(error)

    lm = FakeLM(mending)
    with lmnb.context(lm=lm):
        assert run(Program(tried, atried, Assert), how).answer == "right"
    assert shop.calls == ["what"]
    assert all("order 1 of what" in str(call["messages"][-1]) for call in lm.calls)


@pytest.mark.parametrize("how", ["sync", "async"])
def test_an_agent_calls_its_tools_once(how: str) -> None:
    """The turns before an agent's last one are replayed with what their tools gave, also a tool that failed."""
    shop, seen = Shop(), []

    def count(thing: str) -> int:
        "How many there are."
        seen.append(thing)
        raise RuntimeError(f"out of order for the time number {len(seen)}")

    def reply(messages: list[dict[str, Any]]) -> dict[str, Any]:
        asked = messages[-1]["content"]
        if "order 1 of" not in asked:
            call = {"name": "order", "args": {"thing": "apples"}}
        elif "out of order" not in asked:
            call = {"name": "count", "args": {"thing": "apples"}}
        else:
            answer = "right" if "`feedback`" in messages[0]["content"] else "wrong"
            call = {"name": "submit", "args": {"answer": answer}}
        return {"next_thought": "So.", "tool_calls": [call]}

    class Agent(Module):
        def __init__(self) -> None:
            self.agent = ReAct("question -> answer", [shop.order, count])

        def forward(self, question: str) -> Any:
            return self.checked(self.agent(question=question))

        async def aforward(self, question: str) -> Any:
            return self.checked(await self.agent.acall(question=question))

        def checked(self, made: Any) -> Any:
            Assert(made.answer == "right", "Be right.", at=self.agent)
            return made

    lm = FakeLM(reply)
    with lmnb.context(lm=lm):
        assert run(Agent(), how).answer == "right"
    assert (shop.calls, seen, len(lm.calls)) == (["apples"], ["apples"], 4)


def test_a_reply_that_could_not_be_read_is_not_asked_for_again() -> None:
    """A predictor that failed before the step, and whose failure the program bore, fails again without a call."""

    class Bearing(Module):
        def __init__(self) -> None:
            self.guess, self.answer = Predict("question -> number: int"), Predict("question, guess -> answer")

        def forward(self, question: str) -> Any:
            try:
                guess = str(self.guess(question=question).number)
            except lmnb.ParseError:
                guess = "none"
            made = self.answer(question=question, guess=guess)
            Assert(made.answer == "right", "Be right.", at=self.answer)
            return made

    lm = FakeLM(["no number", "still none", {"answer": "wrong"}, {"answer": "right"}])
    with lmnb.context(lm=lm):
        assert Bearing()(question="what").answer == "right"
    assert len(lm.calls) == 4


def test_what_comes_after_the_step_is_done_anew() -> None:
    """A tool that stands between the step and its check meets another world, and is called again."""
    state = {"draft": ""}

    def read() -> str:
        return state["draft"]

    class Drafting(Module):
        def __init__(self) -> None:
            self.draft, self.read = Predict("question -> draft"), Tool(read)

        def forward(self, question: str) -> Any:
            state["draft"] = self.draft(question=question).draft
            Assert(self.read() == "good", "Write a good one.", at=self.draft)
            return self.read()

    with lmnb.context(lm=FakeLM([{"draft": "bad"}, {"draft": "good"}])):
        assert Drafting()(question="what") == "good"


def test_a_tool_that_holds_the_step_is_called_again() -> None:
    """A predictor inside a tool is asked again where the check names it, so the tool's result of before is not taken."""

    class Asking(Module):
        def __init__(self) -> None:
            self.answer = Predict("question -> answer")

        def forward(self, question: str) -> Any:
            ask = Tool(lambda text: self.answer(question=text).answer, name="ask")
            self.asked = self.asked if hasattr(self, "asked") else ask
            given = self.asked(text=question)
            Assert(given == "right", "Be right.", at=self.answer)
            return given

    with lmnb.context(lm=FakeLM(mending)):
        assert Asking()(question="what") == "right"


@pytest.mark.parametrize("slow", [False, True])
def test_what_ran_beside_the_step_is_not_repeated(slow: bool) -> None:
    """A tool that began before the step was done cannot depend on it, whichever of the two ends first."""
    calls: list[str] = []

    async def order(thing: str) -> str:
        calls.append(thing)
        await asyncio.sleep(0.05 if slow else 0)
        return thing

    class Beside(Module):
        def __init__(self) -> None:
            self.answer, self.order = Predict("question -> answer"), Tool(order)

        async def aforward(self, question: str) -> Any:
            made, _ = await asyncio.gather(self.answer.acall(question=question), self.order.acall(thing=question))
            Assert(made.answer == "right", "Be right.", at=self.answer)
            return made

    with lmnb.context(lm=FakeLM(mending, delay=0.02)):
        assert asyncio.run(Beside().acall(question="what")).answer == "right"
    assert calls == ["what"]


@pytest.mark.parametrize("kind", [Assert, Suggest])
def test_a_program_that_is_another_each_time_comes_to_an_end(kind: Any) -> None:
    """A step whose inputs change with every attempt cannot be asked again; the check gives up, and says why."""
    attempts: list[int] = []

    def other(thing: str) -> str:
        attempts.append(len(attempts))
        return f"{thing} {len(attempts)}"

    program = Program(other, None, kind)
    with lmnb.context(lm=FakeLM(lambda messages: {"answer": "wrong"})):
        if kind is Suggest:
            assert run(program, "sync").answer == "wrong"
        else:
            with pytest.raises(lmnb.CheckFailed, match="other inputs each time"):
                run(program, "sync")
    assert len(attempts) == 6


class Consulting(Module):
    """A tool that asks, then an answer; both are checked, and there is one more call of what the tool asks."""

    def __init__(self) -> None:
        self.guess, self.answer = Predict("question -> guess"), Predict("question, hint -> answer")
        self.consult = Tool(lambda text: self.guess(question=text).guess, name="consult")

    def forward(self, question: str) -> Any:
        hint = self.consult(text=question)
        again = self.guess(question=question).guess
        made = self.answer(question=question, hint=hint)
        Assert(made.answer == "right", "Be right.", at=self.answer)
        Suggest(hint != "bad", "A better guess.", at=self.guess)
        return f"{hint} {again}"


def test_what_a_replayed_tool_asked_stays_a_part_of_the_program() -> None:
    """Its predictor calls are steps of the trace, keep their number among equal calls, and cost nothing."""
    lm = FakeLM([{"guess": "one"}, {"guess": "two"}, {"answer": "wrong"}, {"answer": "right"}])

    class Program(Consulting):
        def forward(self, question: str) -> Any:
            return lmnb.Prediction(text=super().forward(question))

    with lmnb.context(lm=lm):
        made = Program()(question="what")
    assert made.text == "one two" and made.trace.usage["calls"] == len(lm.calls) == 4
    assert [(step.path, step.outputs) for step in made.trace.steps()] == [
        ("guess", {"guess": "one"}),
        ("guess", {"guess": "two"}),
        ("answer", {"answer": "right"}),
    ]


def test_a_check_names_what_a_replayed_tool_asked() -> None:
    """A later check can go back into a tool that an earlier repair had replayed: the tool is called again then."""

    class Once(Consulting):
        def forward(self, question: str) -> Any:
            hint = self.consult(text=question)
            made = self.answer(question=question, hint="none")
            Assert(made.answer == "right", "Be right.", at=self.answer)
            Assert(hint != "bad", "A better guess.", at=self.guess)
            return hint

    lm = FakeLM([{"guess": "bad"}, {"answer": "wrong"}, {"answer": "right"}, {"guess": "good"}])
    with lmnb.context(lm=lm):
        assert Once()(question="what") == "good"
    assert len(lm.calls) == 4


def test_a_changed_result_does_not_change_what_is_replayed() -> None:
    """A program that changes a tool's list in place gets it as it was."""
    shop = Shop()
    tool = Tool(shop.order)

    def do(thing: str) -> list[str]:
        orders = tool(thing=thing)
        orders.append("mine")
        return orders

    lm = FakeLM(mending)
    with lmnb.context(lm=lm):
        run(Program(do, None, Assert), "sync")
    assert all("['order 1 of what', 'mine']" in str(call["messages"][-1]) for call in lm.calls)


def test_what_can_be_read_only_once_is_made_again() -> None:
    """A generator that a tool gave is used up by the first attempt, so the tool is called for another one."""
    calls: list[str] = []

    def lines(thing: str) -> Any:
        calls.append(thing)
        return (f"{thing} {number}" for number in range(2))

    tool = Tool(lines)
    lm = FakeLM(mending)
    with lmnb.context(lm=lm):
        run(Program(lambda thing: list(tool(thing=thing)), None, Assert), "sync")
    assert calls == ["what", "what"]
    assert all("what 0" in str(call["messages"][-1]) for call in lm.calls)


def test_other_inputs_are_another_call() -> None:
    """Where the step before a search is asked again, its new query is searched for, and the other search is replayed."""
    counted = Counted()

    class Hops(Module):
        def __init__(self) -> None:
            self.query, self.search = Predict("context -> query"), Retrieve(k=1, rm=counted)

        def forward(self, question: str) -> Any:
            first = self.search(question).passages
            query = self.query(context=first[0]).query
            second = self.search(query).passages
            Assert("good" in second[0], "Nothing was found.", at=self.query)
            return second

    with lmnb.context(lm=FakeLM([{"query": "bad"}, {"query": "good"}])):
        assert Hops()(question="what") == ["passage 3 on good"]
    assert counted.calls == ["what", "bad", "good"]


def test_equal_calls_keep_their_order() -> None:
    """Of several calls with the same inputs each is given its own result again."""
    shop = Shop()
    tool = Tool(shop.order)
    lm = FakeLM(mending)
    with lmnb.context(lm=lm):
        run(Program(lambda thing: tool(thing=thing) + tool(thing=thing), None, Assert), "sync")
    assert shop.calls == ["what", "what"]
    assert all("['order 1 of what', 'order 2 of what']" in str(call["messages"][-1]) for call in lm.calls)


def test_outside_of_a_program_nothing_is_kept() -> None:
    """A tool and a retriever that are called by themselves are called each time."""
    shop, counted = Shop(), Counted()
    tool = Tool(shop.order)
    assert tool(thing="a") != tool(thing="a") and counted("a") != counted("a")
