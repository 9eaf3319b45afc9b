"""Evaluate: order, concurrency, failures, time limits, interrupts."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time

import pytest

import lmnb
from lmnb.evaluate import Evaluate, exact_match

TEAMS = ["Access", "Billing", "Shipping"]
DEVSET = [lmnb.Example(ticket=f"ticket {n}", team=TEAMS[n % 3]).with_inputs("ticket") for n in range(12)]
same_team = exact_match("team")


def always(team):
    return lmnb.Predict("ticket -> team", lm=lmnb.FakeLM(lambda messages, **options: {"team": team}))


def by_number(ticket):
    """Right for the first nine tickets; the later a ticket, the sooner it is answered."""
    number = int(ticket.split()[1])
    time.sleep(0.002 * (12 - number))
    return lmnb.Prediction(team=TEAMS[number % 3] if number < 9 else "nobody")


def test_rows_come_in_the_order_of_the_examples():
    """However the work finishes, row n is example n."""
    report = Evaluate(DEVSET, same_team, num_threads=12)(by_number)
    assert [row.index for row in report] == list(range(12))
    assert [row.example for row in report] == DEVSET
    assert [row.score for row in report] == [1.0] * 9 + [0.0] * 3
    assert report.score == 75.0


def test_the_score_is_100_times_the_mean():
    """Of two digits, as in the reference; also for scores between 0 and 1."""
    assert Evaluate(DEVSET, same_team)(always("Access")).score == 33.33
    assert Evaluate(DEVSET[:3], lambda example, prediction: 0.5)(always("x")).score == 50.0


def test_arguments_of_the_call_stand_in_for_those_of_the_constructor():
    """metric, devset and num_threads may be given later."""
    report = Evaluate()(always("Billing"), metric=same_team, devset=DEVSET[1:2], num_threads=1)
    assert (report.score, len(report)) == (100.0, 1)


def test_as_many_run_side_by_side_as_asked():
    """num_threads is the number of examples in flight, no more."""
    now, most, lock = 0, 0, threading.Lock()

    def program(ticket):
        nonlocal now, most
        with lock:
            now, most = now + 1, max(most, now + 1)
        time.sleep(0.01)
        with lock:
            now -= 1
        return lmnb.Prediction(team="x")

    Evaluate(DEVSET, same_team, num_threads=4)(program)
    assert most == 4


def test_one_failure_is_a_row_and_counts_as_nothing():
    """A failed example is shown as failed and counted as zero, never silently."""

    def metric(example, prediction):
        if example.ticket == "ticket 3":
            raise KeyError("team")
        return True

    report = Evaluate(DEVSET, metric)(always("Access"))
    failed = report.rows[3]
    assert (failed.score, failed.error, failed.error_kind) == (None, "KeyError: 'team'", "metric")
    assert report.errors == (failed,)
    assert report.score == 91.67
    assert "1 failed" in repr(report)


def test_failure_score_says_what_a_failure_counts():
    """The reference's option."""

    def metric(example, prediction):
        if example.ticket == "ticket 3":
            raise KeyError("team")
        return True

    assert Evaluate(DEVSET[:4], metric, failure_score=1.0)(always("x")).score == 100.0


def test_a_metric_that_always_fails_stops_early_with_the_cause():
    """After the first failures, not after the whole data set; the cause is in the message and chained."""
    calls = []

    def metric(example, prediction):
        calls.append(example)
        time.sleep(0.005)
        return prediction.tem

    many = DEVSET * 20
    with pytest.raises(lmnb.SystematicFailure) as failure:
        Evaluate(many, metric, max_errors=5, num_threads=2)(always("Access"))
    assert len(calls) < 40
    message = str(failure.value)
    assert message.startswith("the first ")
    assert "failed in the metric: AttributeError: this Prediction has no field 'tem'. Did you mean 'team'?" in message
    assert "Try it on one example" in message
    assert failure.value.cause.startswith("AttributeError: ")
    assert isinstance(failure.value.__cause__, AttributeError)


def test_a_program_that_always_fails_is_told_apart():
    """The message says whether it was the program or the metric."""

    def program(ticket):
        raise ValueError("no such index")

    with pytest.raises(
        lmnb.SystematicFailure, match=r"all 3 examples failed in the program: ValueError: no such index"
    ):
        Evaluate(DEVSET[:3], same_team)(program)
    with pytest.raises(lmnb.SystematicFailure, match="the only example failed in the program"):
        Evaluate(DEVSET[:1], same_team)(program)


def test_failures_after_a_success_do_not_stop():
    """One row that works shows that the setup does."""

    def metric(example, prediction):
        if example.ticket != "ticket 0":
            raise KeyError("team")
        return True

    report = Evaluate(DEVSET, metric, num_threads=1, max_errors=3)(always("x"))
    assert len(report.errors) == 11


def test_traceback_on_request():
    """provide_traceback adds the stack to the row's error."""

    def metric(example, prediction):
        return 1 / (example.ticket != "ticket 3")

    plain, full = (Evaluate(DEVSET, metric, provide_traceback=t)(always("x")).errors[0].error for t in (False, True))
    assert plain == "ZeroDivisionError: division by zero"
    assert full.startswith("ZeroDivisionError: division by zero\nTraceback")
    assert "return 1 / (example.ticket" in full


@pytest.mark.parametrize("awaited", [False, True])
def test_a_slow_example_is_a_row_of_its_own(awaited):
    """timeout is for each example: the slow one fails, the others are scored, nobody waits for it."""

    enough = threading.Event()

    def slow(ticket):
        if ticket == "ticket 1":
            enough.wait(3)
        return lmnb.Prediction(team="Access")

    async def slow_awaited(ticket):
        if ticket == "ticket 1":
            await asyncio.sleep(3)
        return lmnb.Prediction(team="Access")

    started = time.perf_counter()
    report = Evaluate(DEVSET, same_team, timeout=0.2, num_threads=2)(slow_awaited if awaited else slow)
    assert time.perf_counter() - started < 2
    enough.set()
    assert len(report) == 12
    assert [row.error_kind for row in report.errors] == ["timeout"]
    assert report.rows[1].error == "timed out after 0.2 s an example. Evaluate(timeout=...) sets the limit."
    assert report.rows[0].score == 1.0


def test_an_example_that_is_past_its_time_asks_no_more():
    """A thread cannot be killed, but its later LM calls are refused."""
    lm = lmnb.FakeLM(lambda messages, **options: {"team": "Access"})
    route = lmnb.Predict("ticket -> team", lm=lm)
    refused = threading.Event()

    def program(ticket):
        if ticket == "ticket 1":
            time.sleep(0.4)
            try:
                return route(ticket="too late")
            except lmnb.Cancelled:
                refused.set()
                raise
        return route(ticket=ticket)

    report = Evaluate(DEVSET[:4], same_team, timeout=0.1)(program)
    assert [row.index for row in report.errors] == [1]
    assert refused.wait(2)
    assert not [call for call in lm.calls if "too late" in str(call)]


def test_a_program_that_catches_everything_cannot_hide_a_spent_budget():
    """Its fallbacks would be scores of no model."""
    route = lmnb.Predict("question -> answer", lm=lmnb.FakeLM(lambda messages, **_: {"answer": "right"}))

    def program(question):
        try:
            return route(question=question)
        except Exception:  # noqa: BLE001  what such programs do
            return lmnb.Prediction(answer="none")

    rows = [lmnb.Example(question=str(i), answer="right").with_inputs("question") for i in range(8)]
    evaluate = lmnb.Evaluate(rows, lambda example, prediction: prediction.answer == example.answer, num_threads=2)
    with lmnb.context(budget=lmnb.Budget(calls=5)), pytest.raises(lmnb.BudgetExceeded, match="the budget of 5 calls"):
        evaluate(program)
    assert evaluate(program).score == 100.0


def test_the_budget_in_force_is_kept():
    """A spent budget ends the evaluation and says how far it came."""
    program = always("Access")
    budget = lmnb.Budget(calls=5)
    with lmnb.context(budget=budget), pytest.raises(lmnb.BudgetExceeded) as stopped:
        Evaluate(DEVSET, same_team, num_threads=1)(program)
    assert stopped.value.__notes__ == ["5 of 12 examples were evaluated before."]
    assert budget.spent["calls"] == 5


def test_each_example_has_a_context_of_its_own():
    """The caller's settings and context variables are seen, what an example sets is not seen by the next."""
    mark = contextvars.ContextVar("mark", default="unset")
    seen = []

    def program(ticket):
        seen.append((mark.get(), lmnb.settings.adapter))
        mark.set(ticket)
        return lmnb.Prediction(team="x")

    mark.set("outer")
    mine = lmnb.JSONAdapter()
    with lmnb.context(adapter=mine):
        Evaluate(DEVSET, same_team, num_threads=3)(program)
    assert seen == [("outer", mine)] * 12


class OnlyAsync(lmnb.Module):
    """Can only be awaited."""

    def __init__(self):
        self.route = always("Access")

    async def aforward(self, ticket):
        self.loops.add(asyncio.get_running_loop())
        await asyncio.sleep(0.01)
        return await self.route.acall(ticket=ticket)

    loops = set()  # noqa: RUF012


def test_an_asynchronous_program_runs_on_one_loop():
    """All examples share a loop, so that connections can be shared, and run side by side on it."""
    program = OnlyAsync()
    program.loops.clear()
    started = time.perf_counter()
    report = Evaluate(DEVSET * 10, same_team, num_threads=60)(program)
    assert report.score == 33.33
    assert len(program.loops) == 1
    assert time.perf_counter() - started < 1.0


def test_an_asynchronous_metric_is_awaited():
    """A judge may be a coroutine function."""

    async def metric(example, prediction):
        await asyncio.sleep(0)
        return prediction.team == example.team

    assert Evaluate(DEVSET, metric)(always("Access")).score == 33.33
    assert Evaluate(DEVSET, metric)(OnlyAsync()).score == 33.33


def test_evaluating_inside_a_running_loop():
    """A notebook cell runs in a loop: the call works there, and acall leaves the loop free."""

    async def cell():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.005)

        ticking = asyncio.create_task(tick())
        report = await Evaluate(DEVSET, same_team, num_threads=2).acall(by_number)
        ticking.cancel()
        return report.score, ticks, Evaluate(DEVSET, same_team)(OnlyAsync()).score

    score, ticks, inside = asyncio.run(cell())
    assert (score, inside) == (75.0, 33.33)
    assert ticks >= 3


def test_an_interrupt_gives_what_was_finished():
    """Stopping a cell keeps the rows that were paid for, and says that they are not all."""
    program_calls = []

    def program(ticket):
        program_calls.append(ticket)
        time.sleep(0.01)
        return lmnb.Prediction(team="Access")

    evaluate = Evaluate(DEVSET * 10, same_team, num_threads=2)
    workers = evaluate._workers(program, None, None, None)
    take = workers.finished

    def finished(wait):
        for row in take(wait):
            yield row
            if row.index == 6:
                raise KeyboardInterrupt

    workers.finished = finished
    report = evaluate._collect(workers, False)
    assert report.interrupted
    assert 6 <= len(report) < 20
    assert f"{len(report)} of 120 examples" in repr(report)
    assert repr(report).endswith("interrupted)")
    time.sleep(0.05)
    after = len(program_calls)
    time.sleep(0.05)
    assert len(program_calls) == after


def test_an_exit_in_a_program_is_not_swallowed():
    """SystemExit ends the evaluation instead of hanging it."""

    def program(ticket):
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        Evaluate(DEVSET, same_team)(program)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"devset": []}, "there is nothing to evaluate on: the devset is empty"),
        ({"metric": None}, "Evaluate has no metric. Write Evaluate(devset, metric)"),
        ({"devset": [{"ticket": "x"}]}, "example 0 of the devset is {'ticket': 'x'}, which is no Example"),
        ({"num_threads": -1}, "num_threads is -1; write 1 or more"),
    ],
)
def test_what_cannot_be_evaluated_says_so(arguments, message):
    """Wrong arguments are found before anything is called."""
    with pytest.raises(lmnb.InputError) as failure:
        Evaluate(**{"devset": DEVSET, "metric": same_team} | arguments)(always("x"))
    assert message in str(failure.value)


def test_a_program_must_be_callable():
    """Passing the class's result or a name by mistake is found."""
    with pytest.raises(lmnb.InputError, match="'router' cannot be called"):
        Evaluate(DEVSET, same_team)("router")


def test_a_class_given_for_its_program_says_what_to_write():
    """A module's or a signature's class is no program; the error has the call that makes one."""

    class Router(lmnb.Module):
        def forward(self, ticket):
            return ticket

    class Route(lmnb.Signature):
        ticket: str = lmnb.InputField()
        team: str = lmnb.OutputField()

    for given, written in ((Router, "evaluate(Router(...))"), (Route, "evaluate(lmnb.Predict(Route))")):
        with pytest.raises(lmnb.InputError) as failure:
            Evaluate(DEVSET, same_team)(given)
        assert f"is a class. Write {written}." in str(failure.value)


def test_progress_is_quiet_unless_asked(capfd):
    """Nothing is printed by default; a bar goes to stderr on request."""
    Evaluate(DEVSET, same_team)(always("x"))
    assert capfd.readouterr() == ("", "")
    Evaluate(DEVSET, same_team, display_progress=True)(always("Access"))
    out, err = capfd.readouterr()
    assert out == ""
    assert "12/12" in err
    assert "33.3 %" in err


def test_programs_are_left_as_they_were():
    """Evaluating changes nothing about the program."""
    program = always("Access")
    before = program.slots()
    Evaluate(DEVSET, same_team)(program)
    assert program.slots() == before
