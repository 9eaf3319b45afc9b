"""Module: the tree of a program, copies, slots, synchronous and asynchronous calls."""

import asyncio
import contextvars
import threading
import warnings

import pytest

import lmnb
from lmnb import ChainOfThought, Example, FakeLM, InputError, LmnbError, Module, Predict, Prediction


class Hop(Module):
    """Two calls: a query, then an answer."""

    def __init__(self):
        self.query = ChainOfThought("question -> query")
        self.answer = Predict("question, query -> answer")

    def forward(self, question):
        return self.answer(question=question, query=self.query(question=question).query)


def echo(messages, **_):
    """Every output field holds its own name."""
    names = [part.split(" ## ")[0] for part in messages[-1]["content"].rpartition("Reply with")[2].split("[[ ## ")[1:]]
    return {name: name for name in names if name != "completed"}


class Nested(Module):
    """Parts in every kind of container."""

    def __init__(self):
        self.first = Hop()
        self.steps = [Predict("a -> b"), (Predict("c -> d"), {"x": Predict("e -> f"), 3: "not a part"})]
        self.again = self.steps[0]


def test_names_of_parts():
    """Attributes, list items and dict keys make the names; a part that stands twice has its first name."""
    program = Nested()
    assert [name for name, _ in program.named_predictors()] == [
        "first.query.predict",
        "first.answer",
        "steps[0]",
        "steps[1][0]",
        "steps[1][1]['x']",
    ]
    assert [name for name, _ in program.named_sub_modules(Hop)] == ["first"]
    assert next(program.named_sub_modules()) == ("self", program)
    assert [name for name, _ in Predict("q -> a").named_predictors()] == ["self"]
    for name, predictor in program.named_predictors():
        assert eval(f"program.{name}") is predictor  # noqa: S307 - the names of this test


def test_the_trace_is_that_of_the_outermost_call():
    """A result that is handed through carries the tree of the whole program."""
    program = Hop()
    with lmnb.context(lm=FakeLM(echo)):
        prediction = program("where?")
    assert prediction == Prediction(answer="answer")
    assert [step.path for step in prediction.trace.steps()] == ["query.predict", "answer"]
    assert prediction.trace.root.inputs == {"question": "where?"}
    assert prediction.trace.root.outputs == {"answer": "answer"}
    assert [predictor for predictor, _, _ in prediction.trace] == program.predictors()


def test_an_error_keeps_its_type():
    """An error of user code goes through unchanged."""

    class Broken(Module):
        def forward(self):
            raise ZeroDivisionError("inside")

    with pytest.raises(ZeroDivisionError, match="inside"):
        Broken()()


def test_a_module_without_forward_says_so():
    """Calling it names what to write."""
    with pytest.raises(LmnbError, match=r"Nested has no forward. Write def forward"):
        Nested()(question="x")


def test_slots_and_candidates():
    """A candidate fills slots of a copy; the program keeps its own."""
    program = Hop()
    program.answer.lm = own = FakeLM(echo)
    assert program.slots() == {
        "query.predict.instructions": "Given the fields `question`, produce the fields `query`.",
        "query.predict.demos": (),
        "answer.instructions": "Given the fields `question`, `query`, produce the fields `answer`.",
        "answer.demos": (),
        "answer.lm": own,
        "query.predict.outputs['reasoning'].desc": "",
        "query.predict.outputs['query'].desc": "",
        "answer.outputs['answer'].desc": "",
    }
    demos = (Example(question="q", query="x"),)
    made = program.with_candidate(
        {"query.predict.demos": demos, "answer.instructions": "Answer.", "query.predict.lm": own}
    )
    assert made.slots()["query.predict.demos"] == demos
    assert made.answer.instructions == "Answer."
    assert program.slots()["query.predict.demos"] == ()
    assert program.answer.instructions.startswith("Given")
    assert made.answer.lm is own
    assert type(made) is Hop
    assert program.with_candidate(lmnb.Candidate({"answer.instructions": "By hand."})).answer.instructions == "By hand."
    with pytest.raises(InputError, match=r"no slot 'anser.instructions'. Did you mean 'answer.instructions'"):
        program.with_candidate({"anser.instructions": "x"})


def test_candidates_of_containers_and_bound_methods():
    """Containers are new in the copy, and a method of the program that it keeps is the copy's."""

    class Agent(Module):
        def __init__(self):
            self.name = "first"
            self.parts = {"a": [Predict("q -> a")]}
            self.tools = [self.look, len]
            self.corpus = {"x": object()}

        def look(self):
            return self.name

    program = Agent()
    made = program.with_candidate({"parts['a'][0].instructions": "New."})
    made.name = "second"
    assert made.tools[0]() == "second"
    assert program.tools[0]() == "first"
    assert program.parts["a"][0].instructions != "New."
    assert made.corpus["x"] is program.corpus["x"]


def test_deepcopy_shares_lms_and_what_cannot_be_copied():
    """A deep copy has values of its own, but for LMs and locks."""

    class Holder(Module):
        def __init__(self):
            self.predict = Predict("q -> a", lm=FakeLM([]))
            self.memory = [[1]]
            self.things = [threading.Lock(), Predict("q -> b")]

    program = Holder()
    made = program.deepcopy()
    assert made.predict is not program.predict
    assert made.predict.lm is program.predict.lm
    made.memory[0].append(2)
    assert program.memory == [[1]]
    assert made.things[0] is program.things[0]
    assert made.things[1] is not program.things[1]


def test_reset_copy_and_lms():
    """LMs are set for all predictors at once; a reset copy has none, and no demos."""
    program, lm = Hop(), FakeLM([])
    program.set_lm(lm)
    program.answer.demos = [{"question": "q", "query": "x", "answer": "a"}]
    assert program.get_lm() is lm
    fresh = program.reset_copy()
    assert fresh.get_lm() is None
    assert fresh.answer.demos == []
    program.answer.lm = FakeLM([])
    with pytest.raises(InputError, match="the predictors have different LMs"):
        program.get_lm()


def test_map_named_predictors():
    """Every predictor is replaced where it stands."""

    class Wrapped(Module):
        def __init__(self, inner):
            self.inner = inner

    program = Nested().map_named_predictors(Wrapped)
    assert [name for name, _ in program.named_predictors()][:3] == [
        "first.query.predict.inner",
        "first.answer.inner",
        "steps[0].inner",
    ]
    assert program.again is program.steps[0]


def test_aforward_is_awaited():
    """A module may be asynchronous alone; a plain call runs it in a loop of its own, also inside a running loop."""
    colour = contextvars.ContextVar("colour", default="none")

    class Both(Module):
        def __init__(self):
            self.predict = Predict("q -> a")

        async def aforward(self, q):
            one, two = await asyncio.gather(self.predict.acall(q=q), self.predict.acall(q=q))
            return Prediction(a=one.a + two.a, colour=colour.get())

    async def cell():
        return Both()(q="x"), await Both().acall(q="x")

    colour.set("blue")
    with lmnb.context(lm=FakeLM(echo)):
        assert Both()(q="x") == Prediction(a="aa", colour="blue")
        plain, awaited = asyncio.run(cell())
    assert plain == awaited == Prediction(a="aa", colour="blue")
    assert len(plain.trace.steps()) == 2


def test_acall_runs_a_synchronous_forward_in_a_thread():
    """User code that blocks does not stop the loop, and sees the caller's context."""

    class Plain(Module):
        def __init__(self):
            self.predict = Predict("q -> a")

        def forward(self, q):
            return Prediction(a=self.predict(q=q).a, thread=threading.get_ident())

    async def main():
        with lmnb.context(lm=FakeLM(echo)):
            return await Plain().acall(q="x")

    prediction = asyncio.run(main())
    assert prediction.a == "a"
    assert prediction.thread != threading.get_ident()
    assert len(prediction.trace.steps()) == 1


def test_errors_of_an_own_loop_come_back():
    """An error inside a loop in another thread is raised where the call was made."""

    class Broken(Module):
        async def aforward(self):
            raise ZeroDivisionError("inside")

    async def cell():
        Broken()()

    with pytest.raises(ZeroDivisionError, match="inside"):
        Broken()()
    with pytest.raises(ZeroDivisionError, match="inside"):
        asyncio.run(cell())


def test_many_acalls_do_not_take_a_thread_each():
    """Hundreds of slow calls run side by side on one thread."""

    async def main():
        predict = Predict("q -> a", lm=FakeLM(echo, delay=0.05))
        before = threading.active_count()
        found = await asyncio.gather(*(predict.acall(q=str(i)) for i in range(300)))
        return len(found), threading.active_count() - before

    assert asyncio.run(main()) == (300, 0)


def test_batch_keeps_order_and_reports_failures():
    """Results are in order, None where an example failed, with the first error in a warning."""

    def handler(messages):
        text = messages[-1]["content"].splitlines()[1]
        if text == "bad":
            raise ValueError("cannot")
        return {"a": text}

    predict = Predict("q -> a", lm=FakeLM(handler))
    examples = [Example(q=str(i), other=1).with_inputs("q") for i in range(5)]
    assert [row.a for row in predict.batch(examples, num_threads=3)] == ["0", "1", "2", "3", "4"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = predict.batch([*examples[:2], {"q": "bad"}])
    assert [row and row.a for row in found] == ["0", "1", None]
    assert "1 of 3 examples failed, the first at 2: ValueError: cannot" in str(caught[0].message)
    results, failed, errors = predict.batch([{"q": "bad"}, {"q": "1"}], return_failed_examples=True)
    assert (results[1].a, failed, str(errors[0])) == ("1", [{"q": "bad"}], "cannot")
    with pytest.raises(ValueError, match="cannot"):
        predict.batch([{"q": "bad"}] * 3, max_errors=2)


def test_history_of_a_program(capsys):
    """A program knows the calls made through it, and no others."""
    program, other, lm = Hop(), Predict("q -> a"), FakeLM(echo)
    with lmnb.context(lm=lm):
        program(question="x")
        other(q="y")
    assert len(program.history) == 2
    assert len(program.answer.history) == 1
    program.inspect_history()
    assert "[[ ## query ## ]]" in capsys.readouterr().out


def test_the_card_of_a_program_escapes():
    """Hostile text in demos and instructions is shown as text."""
    program = Hop()
    program.answer.instructions = "<script>alert(1)</script>"
    program.answer.demos = [{"question": "<img src=x onerror=alert(1)>", "answer": "\x1b[31m\u202e"}] * 20
    shown = program._repr_html_()
    assert "<script" not in shown.replace("&lt;script", "")
    assert "<img" not in shown
    assert "⟨U+202E⟩" in shown
    assert "… 4 more demos" in shown
    assert repr(program).splitlines()[1] == "  query.predict: question -> reasoning, query"
