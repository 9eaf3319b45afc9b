"""How many LM calls a run of a program makes, read off its structure and held against runs."""

from __future__ import annotations

import asyncio
import functools
import random

import pytest

import lmnb
from lmnb.optimize.call_bounds import calls_of
from lmnb.optimize.interval import Interval, exactly
from lmnb.optimize.known import Unread
from lmnb.optimize.reach import may_ask

CLIENT = lmnb.FakeLM(["hello"])


def lookup(word: str) -> str:
    """Looks a word up."""
    return word.upper()


def asks_inside(word: str) -> str:
    """Looks a word up at an LM."""
    return CLIENT(word)[0]


def insist(made):
    """A check outside of the program."""
    lmnb.Suggest(len(made.answer) < 9, "Be short.")


class Hops(lmnb.Module):
    """Three hops in a loop of known length, then an answer by one of two ways."""

    def __init__(self):
        self.hops = [lmnb.Predict("question -> query") for _ in range(3)]
        self.short, self.long = lmnb.Predict("question -> answer"), lmnb.ChainOfThought("question -> answer")

    def forward(self, question):
        for number, hop in enumerate(self.hops):
            question = f"{number} {hop(question=question).query}"
        way = self.short if len(question) < 20 else self.long
        return way(question=question)


class Checked(lmnb.Module):
    """Two steps, each of which a check may send back, the second with a text of its own each time."""

    def __init__(self):
        self.first, self.second = lmnb.Predict("question -> query"), lmnb.Predict("query -> answer")

    def forward(self, question):
        query = self.first(question=question).query
        lmnb.Suggest(len(query) % 3 == 0, "Write it otherwise.")
        made = self.second(query=query)
        lmnb.Suggest(len(made.answer) % 5 == 0, f"{made.answer} does not do.")
        lmnb.Suggest(len(made.answer) % 2 == 0, "Write an even one.", at=self.first, retries=1)
        return made


class Nested(lmnb.Module):
    """A program with checks inside of another, a comprehension, a method and a handler of errors."""

    def __init__(self):
        self.inner, self.last = Checked(), lmnb.Predict("query -> answer")
        self.rounds = 2

    def again(self, query):
        return self.last(query=query).answer

    def forward(self, question):
        try:
            made = self.inner(question=question).answer
        except lmnb.ParseError:
            made = self.again(question)
        return lmnb.Prediction(answer=" ".join([self.again(f"{made} {n}") for n in range(self.rounds)]))


class Side(lmnb.Module):
    """Two steps side by side."""

    def __init__(self):
        self.one, self.two = lmnb.Predict("question -> answer"), lmnb.Predict("question -> answer")

    async def aforward(self, question):
        made = await asyncio.gather(self.one.acall(question=question), self.two.acall(question=question))
        return made[0]


def reward(inputs, made):
    return len(made.answer) % 7 == 0


PROGRAMS = {
    "predict": lambda: lmnb.Predict("question -> answer"),
    "three completions": lambda: lmnb.Predict("question -> answer", n=3),
    "chain": lambda: lmnb.ChainOfThought("question -> answer"),
    "hops": Hops,
    "checked": Checked,
    "nested": Nested,
    "side by side": Side,
    "best of": lambda: lmnb.BestOfN(Hops(), 3, reward, 1),
    "refine": lambda: lmnb.Refine(lmnb.Predict("question -> answer"), 3, reward, 1),
    "chains compared": lambda: lmnb.MultiChainComparison("question -> answer", M=2),
    "agent": lambda: lmnb.ReAct("question -> answer", [lookup], max_iters=4),
    "ensemble": lambda: lmnb.EnsembledProgram([Hops(), lmnb.Predict("question -> answer"), Side()], size=2),
}
HIGH = {"predict": 2, "three completions": 4, "hops": 8, "refine": 10, "side by side": 4, "ensemble": 12, "chain": 2}


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_run_asks_more_often_than_the_structure_says(name):
    """Whatever the model replies, what cannot be read included, a run asks no more often than the upper end, and the worst come near it."""
    program, most = PROGRAMS[name](), 0
    bound = calls_of(program)
    for seed in range(30):
        rng = random.Random(seed)
        unread, fields = rng.choice([0, 0.3, 0.8, 1]), ("answer", "query", "reasoning", "rationale", "next_thought")

        def reply(messages, rng=rng, unread=unread, fields=fields):
            if rng.random() < unread:
                return "I had rather not say."
            said = {name: "x" * rng.randint(1, 30) for name in fields}
            call = rng.choice([{"name": "lookup", "args": {"word": "a"}}, {"name": "submit", "args": {"answer": "a"}}])
            said |= {"tool_calls": [call], "advice": {"self": "Think."}}
            return {name: value for name, value in said.items() if f"`{name}`" in messages[0]["content"]}

        lm = lmnb.FakeLM(reply)
        try:
            with lmnb.context(lm=lm):
                program(question="why")
        except lmnb.LmnbError:
            pass
        assert len(lm.calls) <= bound.high
        most = max(most, len(lm.calls))
    assert bound.high == HIGH.get(name, bound.high)
    assert (
        name in ("checked", "nested") or most >= bound.high / 4
    )  # every check failing at every turn is not met by chance


def test_the_adapter_decides_what_a_step_costs():
    """An adapter in two steps asks a second model; one that asks in its own way has no bound."""

    class Own(lmnb.ChatAdapter):
        async def call(self, *args, **kwargs):
            return await super().call(*args, **kwargs)

    step = lmnb.Predict("question -> answer")
    assert calls_of(step, adapter=lmnb.TwoStepAdapter(CLIENT)) == Interval(2, 3)
    with pytest.raises(Unread, match="the adapter Own asks in a way of its own"):
        calls_of(step, adapter=Own())


def test_what_cannot_be_read_is_named():
    """Loops that an output ends, parts that are passed on or made while it runs, tools and functions that ask: each is said."""

    class Program(lmnb.Module):
        def __init__(self):
            self.step, self.parts = lmnb.Predict("question -> answer"), {"a": lmnb.Predict("question -> answer")}

    def looping(self, question):
        while question:
            question = self.step(question=question).answer

    def passing(self, question):
        return map(self.step, [question])

    def making(self, question):
        return lmnb.Predict("question -> answer")(question=question)

    def calling(self, question):
        return asks_inside(question)

    def recursing(self, question):
        return self(question=question)

    def hiding(self, question):
        return [part(question=question) for part in self.parts.values()] + [lambda: self.step(question="a")]

    def checking(self, question):
        made = self.step(question=question)
        insist(made)
        return made

    def choosing(self, question):
        return self.step(question=question, config={"n": 9})

    def copying(self, question):
        return self.step.deepcopy()(question=question)

    def naming(self, question):
        way = self.other
        return way(question)

    Program.other = lambda self, question: self.step(question=question)
    said = {
        checking: "calls insist, which may ask an LM",
        copying: r"calls self\.step\.deepcopy, of which it is not known what it asks",
        naming: "calls itself",
        looping: "asks in a loop whose length is not known",
        passing: r"passes on self\.step",
        making: r"calls lmnb\.Predict, which may ask an LM",
        calling: "calls asks_inside, which may ask an LM",
        recursing: "calls itself",
        hiding: "asks in a function of its own",
        choosing: "chooses the config of a call",
    }
    for forward, words in said.items():
        kind = type("Program", (Program,), {"forward": forward})
        with pytest.raises(Unread, match=words):
            calls_of(kind())
    with pytest.raises(Unread, match="the tool 'asks_inside' may ask an LM"):
        calls_of(lmnb.ReAct("question -> answer", [asks_inside]))


def thrice(function):
    @functools.wraps(function)
    def run(*args, **kwargs):
        return [function(*args, **kwargs) for _ in range(3)][-1]

    return run


def test_a_run_asks_no_more_often_than_is_read_of_what_surrounds_and_changes_it():
    """Decorators, a `__call__` of one's own, cached properties, and counts and lists that a run changes have no bound: 1 to 2 calls was said."""

    class Program(lmnb.Module):
        def __init__(self):
            self.step, self.count, self.turns = lmnb.Predict("question -> answer"), 1, ["a"]

        @functools.cached_property
        def hint(self):
            return self.step(question="a hint").answer

        @thrice
        def helper(self, question):
            return self.step(question=question)

    @thrice
    def wrapped(self, question):
        return self.step(question=question)

    def helped(self, question):
        return self.helper(question)

    def cached(self, question):
        return self.step(question=f"{question} {self.hint}")

    def counting(self, question):
        self.count += 1
        return [self.step(question=question) for _ in range(self.count)][-1]

    def adding(self, question):
        turns = 1
        turns += len(question)
        return [self.step(question=question) for _ in range(turns)][-1]

    def growing(self, question):
        self.turns.append(question)
        return [self.step(question=turn) for turn in self.turns][-1]

    def setting(self, question):
        self.turns[0:] = ["a", question]
        return [self.step(question=turn) for turn in self.turns][-1]

    def later(self, question):
        turns = 1
        for _ in range(3):
            for _ in range(turns):
                made = self.step(question=question)
            turns = turns + 1
        return made

    said = {
        wrapped: "is wrapped by a decorator",
        helped: "helper is wrapped by a decorator",
        cached: r"passes on self\.hint",
        counting: r"changes self\.count",
        adding: "a loop whose length is not known",
        growing: r"changes self\.turns",
        setting: r"changes self\.turns",
        later: "a loop whose length is not known",
    }
    for forward, words in said.items():
        kind = type("Program", (Program,), {"forward": forward})
        with pytest.raises(Unread, match=words):
            calls_of(kind())

    class Again(Hops):
        def __call__(self, **inputs):
            super().__call__(**inputs)
            return super().__call__(**inputs)

    with pytest.raises(Unread, match="Again has a __call__ of its own"):
        calls_of(Again())


def test_what_an_early_return_leaves_out_is_not_counted_on():
    """The lower end is of a run that returns in a loop or a `try`; a long `range` takes no time or memory."""

    class Program(lmnb.Module):
        def __init__(self):
            self.step = lmnb.Predict("question -> answer")

        def forward(self, question):
            for _ in range(10**12):
                if question:
                    return lmnb.Prediction(answer=question)
            return self.step(question=question)

    assert calls_of(Program()) == Interval(0, 2)


def test_code_that_reaches_no_model_is_known():
    """A metric without a judge asks nothing; one that holds a judge anywhere may."""
    judge = lmnb.Predict("answer -> verdict")

    class Held:
        def __init__(self, part):
            self.part = part

        def __call__(self, example, prediction):
            return self.part

    assert calls_of(lambda example, prediction: example == prediction) == exactly(0)
    assert calls_of(lmnb.evaluate.answer_exact_match) == exactly(0)
    assert not may_ask(Held(3)) and not may_ask(lmnb.BM25(["a"]))
    assert may_ask(Held(judge)) and may_ask(lambda answer: judge(answer=answer)) and may_ask({"a": [judge]})
    assert calls_of(lmnb.SemanticF1()) == Interval(1, 2)
