"""Which call of an attempt is which call of the one before: the same question to the same LM, or the same function at work."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import lmnb
from lmnb import Assert, FakeLM, Module, Predict, Retrieve, Tool


def mending(messages: list[dict[str, Any]]) -> dict[str, Any]:
    return {"answer": "good" if "`feedback`" in messages[0]["content"] else "bad"}


class Routed(Module):
    """A step that is asked by what another one, which is checked, gave."""

    def __init__(self, **asked: Any) -> None:
        self.route, self.ask = Predict("question -> kind"), Predict("text -> summary")
        self.asked = asked

    def forward(self, question: str) -> Any:
        kind = self.route(question=question).kind
        made = self.ask(text=question, **{name: by_kind[kind] for name, by_kind in self.asked.items()})
        Assert(kind == "hard", "It is hard.", at=self.route)
        return made


ROUTES = {
    "signature": {"easy": "text -> summary", "hard": "text -> title"},
    "instructions": {
        "easy": lmnb.Signature("text -> title", "Long."),
        "hard": lmnb.Signature("text -> title", "Short."),
    },
    "demos": {"easy": [], "hard": [{"text": "a", "summary": "b"}]},
    "config": {"easy": {"temperature": 0.0}, "hard": {"temperature": 1.0}},
}


@pytest.mark.parametrize("name", ROUTES)
def test_another_question_is_asked(name: str) -> None:
    """A call with another signature, other demos or options is not given the outcome of the one before."""
    last = {"title": "T"} if name in ("signature", "instructions") else {"summary": "new"}
    first = {"title": "old"} if name == "instructions" else {"summary": "old"}
    lm = FakeLM([{"kind": "easy"}, first, {"kind": "hard"}, last])
    routes = ROUTES[name]
    with lmnb.context(lm=lm):
        made = Routed(**{"signature" if name == "instructions" else name: routes})(question="what")
    assert made.toDict() == last and len(lm.calls) == 4


def test_another_lm_is_asked() -> None:
    """The answer of the small LM is none of the big one's."""
    small, big = FakeLM([{"summary": "small"}]), FakeLM([{"summary": "big"}])
    with lmnb.context(lm=FakeLM([{"kind": "easy"}, {"kind": "hard"}])):
        assert Routed(lm={"easy": small, "hard": big})(question="what").summary == "big"


def test_a_copy_of_an_lm_is_the_same_lm() -> None:
    """An LM that `forward` copies anew in each attempt does not ask again what was answered."""

    class Cooler(Module):
        def __init__(self) -> None:
            self.plan, self.answer = Predict("question -> plan"), Predict("plan -> answer")

        def forward(self, question: str) -> Any:
            cool = lm.copy(temperature=0.0)
            made = self.answer(plan=self.plan(question=question, lm=cool).plan, lm=cool)
            Assert(made.answer == "good", "Be good.")
            return made

    lm = FakeLM([{"plan": "a plan"}, {"answer": "bad"}, {"answer": "good"}])
    assert Cooler()(question="what").answer == "good" and len(lm.calls) == 3


def test_a_repaired_step_may_be_asked_by_another_signature() -> None:
    """What it gave before is told as far as the new signature has these fields."""

    class Changing(Module):
        def __init__(self) -> None:
            self.ask, self.signatures = Predict("text -> title"), ["text -> title", "text -> summary"]

        def forward(self, text: str) -> Any:
            self.ask.signature = self.signatures.pop(0) if len(self.signatures) > 1 else self.signatures[0]
            made = self.ask(text=text)
            Assert("summary" in made, "Give a summary.")
            return made

    lm = FakeLM([{"title": "T"}, {"summary": "S"}])
    with lmnb.context(lm=lm):
        assert Changing()(text="what").summary == "S"


class Hops(Module):
    """Two hops that fill one list, in place."""

    def __init__(self) -> None:
        self.query = Predict("context: list[str], question -> query")
        self.answer = Predict("context: list[str], question -> answer")

    def forward(self, question: str) -> Any:
        context: list[str] = []
        for _ in range(2):
            context += [f"on {self.query(context=context, question=question).query}"]
        made = self.answer(context=context, question=question)
        Assert(made.answer == "good", "Be good.")
        return made


def test_a_list_that_grows_hides_no_step() -> None:
    """Calls are known again by the inputs that they had, so `context += found` costs no more than `context = context + found`."""
    lm = FakeLM([{"query": "one"}, {"query": "two"}, {"answer": "bad"}, {"answer": "good"}])
    with lmnb.context(lm=lm):
        assert Hops()(question="what").answer == "good"
    assert len(lm.calls) == 4


def test_an_object_that_changes_hides_no_step() -> None:
    """Also what no copy is made of is known by what it was when the call began."""

    class Notes:
        def __init__(self) -> None:
            self.texts: list[str] = []

    class Noting(Hops):
        def forward(self, question: str) -> Any:
            notes = Notes()
            notes.texts.append(self.query(context=notes, question=question).query)
            notes.texts.append(self.query(context=notes, question=question).query)
            made = self.answer(context=notes, question=question)
            Assert(made.answer == "good", "Be good.")
            return made

    lm = FakeLM([{"query": "one"}, {"query": "two"}, {"answer": "bad"}, {"answer": "good"}])
    with lmnb.context(lm=lm):
        program = Noting()
        program.query.signature, program.answer.signature = (
            "context: Any, question -> query",
            "context: Any, question -> answer",
        )
        assert program(question="what").answer == "good"
    assert len(lm.calls) == 4


class Within(Module):
    """Everything is made inside of `forward`."""

    calls: list[str]

    def forward(self, question: str) -> Any:
        def search(query: str, k: int = 1) -> list[str]:
            self.calls.append(query)
            return [f"passage {len(self.calls)}"]

        def order(thing: str) -> str:
            self.calls.append(thing)
            return f"order {len(self.calls)}"

        with lmnb.context(rm=search):
            found = Retrieve(k=1)(question).passages[0]
        made = Predict("found, ordered -> answer")(found=found, ordered=Tool(order)(thing="apple"))
        Assert(made.answer == "good", "Be good.")
        return made


@pytest.mark.parametrize("how", ["sync", "async"])
def test_what_is_made_in_forward_is_known_again(how: str) -> None:
    """Predictors, tools and retrievers of each attempt's own take the place of those before."""
    program, lm = Within(), FakeLM(mending)
    program.calls = []
    with lmnb.context(lm=lm):
        made = program(question="what") if how == "sync" else asyncio.run(program.acall(question="what"))
    assert made.answer == "good" and program.calls == ["what", "apple"] and len(lm.calls) == 2


def test_a_predictor_of_the_program_stands_for_itself_alone() -> None:
    """Of two predictors that ask the same each is given its own answer, in whatever order an attempt comes to them."""

    class Twins(Module):
        def __init__(self) -> None:
            self.a, self.b, self.last = (
                Predict("question -> x"),
                Predict("question -> x"),
                Predict("question -> answer"),
            )
            self.orders = [(self.a, self.b), (self.b, self.a)]

        def forward(self, question: str) -> Any:
            order = self.orders.pop(0)
            said = {"a" if each is self.a else "b": each(question=question).x for each in order}
            Assert(self.last(question=question).answer == "good", "Be good.")
            return said

    lm = FakeLM([{"x": "of a"}, {"x": "of b"}, {"answer": "bad"}, {"answer": "good"}])
    with lmnb.context(lm=lm):
        assert Twins()(question="what") == {"a": "of a", "b": "of b"}
    assert len(lm.calls) == 4


class Doc:
    """An input without a text of its own."""

    def __init__(self, text: str) -> None:
        self.text = text


@pytest.mark.parametrize(
    "make", [lambda: Doc("a"), lambda: [Doc("a"), {"b": Doc("c")}], lambda: len], ids=["object", "nested", "function"]
)
def test_a_fresh_object_is_the_same_input(make: Any) -> None:
    """An object that each attempt makes anew is known by what it holds, not by where it lies."""

    class Reading(Module):
        def __init__(self) -> None:
            self.answer = Predict("doc: Any -> answer")

        def forward(self) -> Any:
            made = self.answer(doc=make())
            Assert(made.answer == "good", "Be good.")
            return made

    lm = FakeLM(mending)
    with lmnb.context(lm=lm):
        assert Reading()().answer == "good"
    assert len(lm.calls) == 2


def test_other_objects_are_other_inputs() -> None:
    """Two objects of one class that hold different values are two calls, each repaired by itself."""

    class Reading(Module):
        def __init__(self) -> None:
            self.answer = Predict("doc: Any -> answer")

        def forward(self) -> Any:
            for text in ("a", "b"):
                Assert(self.answer(doc=Doc(text)).answer == "good", "Be good.", retries=1)

    lm = FakeLM(mending)
    with lmnb.context(lm=lm):
        Reading()()
    assert len(lm.calls) == 4


def test_an_input_that_has_no_hash_ends_nothing() -> None:
    """An object whose text fails is known by its identity."""

    class Broken:
        def __str__(self) -> str:
            raise LookupError("no text")

    class Reading(Module):
        def __init__(self) -> None:
            self.answer = Predict("question -> answer")

        def forward(self) -> Any:
            made = self.answer(question=broken)
            Assert(made.answer == "good", "Be good.")
            return made

    broken, lm = Broken(), FakeLM(mending)
    with lmnb.context(lm=lm, adapter=Unread()):
        assert Reading()().answer == "good"
    assert len(lm.calls) == 2


class Unread(lmnb.ChatAdapter):
    """Does not look at the inputs."""

    def format_user_message_content(self, signature: Any, inputs: Any, *args: Any, **options: Any) -> str:
        return "Answer."


def test_checks_hash_each_call_once() -> None:
    """What a check costs in an attempt does not grow with the number of steps before it."""
    told: list[int] = []

    class Long:
        def __str__(self) -> str:
            told.append(1)
            return "a long text"

    class Many(Module):
        def __init__(self) -> None:
            self.answer = Predict("doc: Any, number: int -> answer")

        def forward(self, doc: Any) -> None:
            for number in range(40):
                made = self.answer(doc=doc, number=number)
                Assert(number > 0 or made.answer == "good", "Be good.")

    lm = FakeLM(mending)
    with lmnb.context(lm=lm):
        Many()(doc=Long())
    assert len(lm.calls) == 41 and len(told) < 5 * 41
