"""The forecast of a run against the run itself."""

from __future__ import annotations

import hashlib
import random

import pytest
import worlds

import lmnb
from lmnb.optimize.counts import Counts
from lmnb.optimize.interval import Interval, exactly, up_to
from lmnb.optimize.search import evaluate, gate

NAMES = [*worlds.optimizers(worlds.exact), "HeadroomTest"]


def optimizer_of(name):
    return (worlds.optimizers(worlds.exact) | {"HeadroomTest": lmnb.HeadroomTest(worlds.exact, num_candidates=5)})[name]


class Checked(worlds.TwoCalls):
    """`TwoCalls` with checks that send it back, now and then to its first step."""

    def forward(self, question):
        query = self.rewrite(question=question).query
        lmnb.Suggest(len(query) % 3, "Write it longer.", at=self.rewrite, retries=1)
        made = self.respond(question=question, query=query)
        lmnb.Suggest(made.answer.startswith("a"), f"{made.answer} is no answer.", retries=1)
        return made


class Tried(worlds.TwoCalls):
    """`TwoCalls` whose answer is the best of up to three."""

    def __init__(self):
        super().__init__()
        self.best = lmnb.BestOfN(self.respond, 3, lambda inputs, made: made.answer.startswith("a"), 1)

    def forward(self, question):
        return self.best(question=question, query=self.rewrite(question=question).query)


class Walk(lmnb.Module):
    """Asks until it is told to stop: nobody knows before how often."""

    def __init__(self):
        self.step = lmnb.Predict("question -> answer")

    def forward(self, question):
        made = self.step(question=question)
        while len(question) % 3:
            made = self.step(question=(question := f"{question}{len(made.answer)}"))
        return made


TRAINED = ("BootstrapFinetune", "BetterTogether")


def awkward(seed, share):
    """A model of the world that cannot be read now and then, also when it is asked again."""

    def reply(messages, **options):
        text = "".join(message["content"] for message in messages) + str(seed) + str(options.get("seed"))
        unread = int(hashlib.sha256(text.encode()).hexdigest(), 16) % 100 < share
        return "I had rather not say." if unread else worlds.reply(messages)

    return lmnb.FakeLM(reply)


def begun(optimizer, program, **given):
    """A run that is not kept."""
    return optimizer.start(program, run_dir=None, num_threads=2, **given)


def spent(run):
    """Program runs, proposals, LM calls and tokens of a run."""
    archive, budget = run._archive, run._budget.spent
    proposals = sum(place["role"] == "proposer" for place, _ in archive.proposals)
    return archive.runs, proposals, budget["calls"], budget["tokens"]


def within(plan, run, calls_more=0.0):
    """Whether a run kept to the upper ends of its plan."""
    runs, proposals, calls, tokens = spent(run)
    kept = runs <= plan.runs.high and proposals <= plan.proposals.high and calls <= plan.calls.high
    if not calls_more:
        assert kept and tokens <= plan.tokens.high, (spent(run), plan)
    assert calls <= plan.calls.high + calls_more, (spent(run), plan)


@pytest.mark.parametrize("seeds", [range(3), pytest.param(range(3, 60), marks=pytest.mark.full)])
@pytest.mark.parametrize("name", NAMES)
def test_no_run_exceeds_its_forecast(name, seeds):
    """Over programs, models, data, teachers and seeds: what a run takes lies within its plan, which asks no model."""
    for seed in seeds:
        rng = random.Random(f"{name}/{seed}")
        program, teacher = (rng.choice([worlds.TwoCalls, Checked, Tried])() for _ in range(2))
        teacher = teacher if type(teacher) is type(program) and not name.startswith("GEPA") and seed % 2 else None
        data = worlds.questions(0, rng.randint(5, 11))
        val = None if seed % 3 == 2 else worlds.questions(100, 100 + rng.randint(1, 5))
        lm, taught = awkward(seed, rng.choice([0, 15, 30])), awkward(seed + 100, 10)
        optimizer = optimizer_of(name)
        if teacher is not None and hasattr(optimizer, "teacher_settings"):
            optimizer.teacher_settings = {"lm": taught}
        given = {"trainset": data, "valset": val, "teacher": teacher, "seed": seed}
        with lmnb.context(lm=lm, max_errors=1_000):
            plan = optimizer.plan(program, **given)
            assert not lm.calls and not taught.calls
            run = begun(optimizer, program, **given)
            run.wait(60)
        within(plan, run)
        assert plan.runs.low <= run._archive.runs
        asked = len(lm.calls) + len(taught.calls)
        # what was learned by heart is a call of the new LM
        assert asked == spent(run)[2] or (name in TRAINED and asked < spent(run)[2])


@pytest.mark.parametrize("name", NAMES)
def test_decisions_of_a_person_add_no_more_than_is_said(name):
    """A veto, a rejected demo and an edit each add at most `each_decision` to the forecast."""
    with lmnb.context(lm=awkward(1, 10), max_errors=1_000):
        given = {"trainset": worlds.questions(0, 9), "valset": worlds.questions(100, 104)}
        optimizer = optimizer_of(name)
        plan = optimizer.plan(worlds.TwoCalls(), **given)
        run = begun(optimizer, worlds.TwoCalls(), paused=True, **given)
        for decide in (
            lambda: run.reject_demo(worlds.questions(0, 9)[3], "wrong"),
            lambda: run.reject(len(run.candidates) - 1, "no"),
            lambda: run.edit(0, "rewrite.instructions", "Write a better query."),
        ):
            run.step()
            run.until("paused", 30)
            if run.state == "paused":
                decide()
        run.resume() if run.state == "paused" else None
        run.wait(60)
    within(plan, run, calls_more=plan.each_decision.high * len(run.decisions))


def test_a_fixed_search_has_an_exact_forecast():
    """Where the search and the calls are fixed, both ends are the same, and the run takes just that."""

    class Once(lmnb.ChatAdapter):
        repairs = False

    lm = lmnb.FakeLM(worlds.reply)
    data = {"trainset": worlds.questions(0, 12), "valset": worlds.questions(100, 108)}
    with lmnb.context(lm=lm, adapter=Once()):
        optimizer = lmnb.LabeledFewShot(k=3, metric=worlds.exact)
        plan = optimizer.plan(worlds.TwoCalls(), **data)
        optimizer.compile(worlds.TwoCalls(), run_dir=None, **data)
        assert plan.runs.exact and plan.calls == exactly(32) == exactly(len(lm.calls))
        lm.calls.clear()
        together = lmnb.Ensemble(metric=worlds.exact)
        members = [lmnb.Predict("question -> answer"), lmnb.Predict("question -> answer")]
        plan = together.plan(members, valset=data["valset"])
        together.compile(members, valset=data["valset"])
        assert plan.runs == exactly(8) and plan.calls == exactly(16) == exactly(len(lm.calls))
        silent = lmnb.LabeledFewShot(k=3).plan(worlds.TwoCalls(), trainset=data["trainset"])
        assert silent.calls == exactly(0) and str(silent.runs) == "0"


def test_a_loop_without_bound_is_said_and_measured_runs_bound_it():
    """A program that asks in a loop has no upper end; that of measured runs is held by the plan's budget, and nothing else is claimed."""
    lm = lmnb.FakeLM(worlds.reply)
    data = {"trainset": worlds.questions(0, 9), "valset": worlds.questions(100, 106)}
    optimizer = lmnb.BootstrapFewShot(metric=worlds.exact, max_labeled_demos=2)
    with lmnb.context(lm=lm):
        plan = optimizer.plan(Walk(), **data)
        assert plan.calls.high is None and "asks in a loop whose length is not known" in str(plan)
        with pytest.raises(lmnb.InputError, match=r"no upper end.*Measure it.*lmnb\.Budget\(calls="):
            _ = plan.budget
        report = lmnb.Evaluate(devset=data["valset"][:2], metric=worlds.exact)(Walk())
        measured = optimizer.plan(Walk(), measured=report, **data)
        most = max(sum(span.kind == "lm" for _, span in row.trace.spans()) for row in report)
        assert measured.measured and measured.calls_per_run.high == most
        assert measured.budget.limits["calls"] == measured.runs.high * most
        lm.calls.clear()
        run = begun(optimizer, Walk(), budget=measured.budget, **data)
        run.wait(60)
        assert len(lm.calls) <= measured.calls.high
    with pytest.raises(lmnb.InputError, match=r"Give a report of lmnb\.Evaluate, a run"):
        optimizer.plan(Walk(), measured=3, **data)


def test_a_metric_that_asks_counts():
    """A judge's calls are a part of every program run; of a function that may ask, nothing is guessed."""
    data = {"trainset": [lmnb.Example(question="q", response="r").with_inputs("question")] * 4}
    optimizer = lmnb.COPRO(metric=lmnb.SemanticF1(), breadth=2, depth=1)
    plan = optimizer.plan(lmnb.Predict("question -> response"), **data)
    assert plan.calls_per_run == Interval(2, 4) and plan.calls == Interval(4 * 2 + 1, 8 * 4 + 2)
    judged = lmnb.COPRO(metric=worlds.judged, breadth=2, depth=1).plan(
        worlds.TwoCalls(), trainset=worlds.questions(0, 4)
    )
    assert judged.calls.high is None and "judged may ask an LM" in judged.notes[0]


def test_an_outsiders_optimizer_tells_its_own_counts():
    """A search of one's own has a forecast once it says its counts, and a plan that says so without them."""

    class Own(lmnb.Optimizer):
        needs_evalset = True

        def search(self, task):
            candidate = yield from gate(task.baseline)
            yield from evaluate(candidate, task)

    class Counted(Own):
        def counts(self, task):
            return Counts(up_to(len(task.examples())))

    data = {"trainset": worlds.questions(0, 3), "valset": worlds.questions(3, 8)}
    bare = Own(metric=worlds.exact).plan(worlds.TwoCalls(), **data)
    assert bare.calls is None and "write counts(self, task, **options) beside its search" in str(bare)
    assert "LM calls: not known" in str(bare)
    assert Counted(metric=worlds.exact).plan(worlds.TwoCalls(), **data).calls == Interval(0, 20)


def test_the_price_is_that_of_the_table():
    """Money is tokens by litellm's prices; a model that it does not know has no price, and that is said."""
    data = {"trainset": worlds.questions(0, 4)}
    optimizer = lmnb.COPRO(metric=worlds.exact, breadth=2, depth=1)
    with lmnb.context(lm=lmnb.LM("openai/gpt-4o-mini", max_tokens=100)):
        plan = optimizer.plan(worlds.TwoCalls(), **data)
    assert 0 < plan.usd.low < plan.usd.high < 0.5 and plan.budget.limits["usd"] == plan.usd.high
    with lmnb.context(lm=lmnb.LM("nobody/knows-this-one")):
        plan = optimizer.plan(worlds.TwoCalls(), **data)
    assert plan.usd is None and "the price of 'nobody/knows-this-one' stands in no table" in str(plan)


def test_a_plan_refuses_what_a_run_refuses():
    """Arguments that do not fit are refused as they are by a run."""
    with pytest.raises(lmnb.InputError, match="the trainset is empty"):
        lmnb.COPRO(metric=worlds.exact).plan(worlds.TwoCalls(), trainset=[])
    with pytest.raises(lmnb.InputError, match="has no room for a proposal"):
        lmnb.GEPA(worlds.exact, max_metric_calls=5).plan(worlds.TwoCalls(), trainset=worlds.questions(0, 9))


def test_a_plan_shows_itself_as_a_table_without_script():
    """The notebook form has a row for each quantity and escapes names."""

    class Evil(lmnb.Module):
        def __init__(self):
            self.answer = lmnb.Predict("question -> answer")

        def forward(self, question):
            return self.answer(question=question)

    Evil.__qualname__ = "<script>alert(1)</script>"
    plan = lmnb.COPRO(metric=worlds.exact, breadth=2, depth=1).plan(Evil(), trainset=worlds.questions(0, 4))
    html = plan._repr_html_()
    assert "<script" not in html and "program runs" in html and "4 to 8" in html and "no run exceeds" in html
    assert plan.to_dict()["calls"] == {"low": 5, "high": 18} and repr(plan).startswith("Plan(COPRO on ")


@pytest.mark.parametrize("name", ["LabeledFewShot", "BootstrapFewShotWithRandomSearch", "MIPROv2", "GEPA"])
def test_the_expected_tokens_lie_between_the_ends_and_nearer_to_what_is_spent(name):
    """Between ends that are a hundred times apart stands a figure of the size of what a run takes, in tokens and in money."""
    data = {"trainset": worlds.questions(0, 12), "valset": worlds.questions(100, 108)}
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        plan = optimizer_of(name).plan(worlds.TwoCalls(), **data)
        run = begun(optimizer_of(name), worlds.TwoCalls(), **data)
        run.wait(60)
    tokens = spent(run)[3]
    assert plan.tokens.low < tokens < plan.expected["tokens"] < 10 * tokens < plan.tokens.high
    assert f"about {plan.expected['tokens']:,.0f} expected" in str(plan)
    with lmnb.context(lm=lmnb.LM("openai/gpt-4o-mini", max_tokens=100)):
        paid = optimizer_of(name).plan(worlds.TwoCalls(), **data)
    assert paid.usd.low < paid.expected["usd"] < paid.usd.high / 3 and paid.to_dict()["expected"] == paid.expected
