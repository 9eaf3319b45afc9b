"""`batch` and `abatch` of an LM: order, width, failures, budgets, and calls that are called off."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import warnings
from typing import Any

import pytest

import lmnb
from lmnb import BaseLM, FakeLM
from lmnb.trace import span


def echo(messages: list[dict[str, Any]], **options: Any) -> str:
    """What was asked; 'bad' fails."""
    text = messages[-1]["content"]
    if text.startswith("bad"):
        raise lmnb.AuthError(f"no {text}")
    return text + "".join(f" {name}={value}" for name, value in options.items())


class Plain(BaseLM):
    """Without an asynchronous transport."""

    def forward(self, prompt: Any = None, messages: Any = None, **options: Any) -> str:
        return echo(messages, **options)


LMS = {
    "fake": lambda: FakeLM(echo),
    "without aforward": lambda: Plain("plain", cache=False, num_retries=0),
    "cached": lambda: FakeLM(echo, cache=True),
}


async def inside(lm: Any, *args: Any, **options: Any) -> Any:
    """`batch` in a cell of a notebook, where a loop runs already."""
    return lm.batch(*args, **options)


WAYS = {
    "batch": lambda lm, *args, **options: lm.batch(*args, **options),
    "abatch": lambda lm, *args, **options: asyncio.run(lm.abatch(*args, **options)),
    "batch inside a loop": lambda lm, *args, **options: asyncio.run(inside(lm, *args, **options)),
}


@pytest.fixture(params=WAYS)
def ask(request: pytest.FixtureRequest) -> Any:
    return WAYS[request.param]


@pytest.mark.parametrize("kind", LMS)
def test_texts_come_in_the_order_of_the_prompts(ask: Any, kind: str) -> None:
    """Texts and lists of messages, from any iterable; options go with every call; no prompts, no texts."""
    lm = LMS[kind]()
    asked = [str(number) for number in range(50)]
    assert ask(lm, iter(asked), 7) == [[text] for text in asked]
    messages = [{"role": "system", "content": "S"}, {"role": "user", "content": "m"}]
    assert ask(lm, ["t", messages], top_p=0.5) == [["t top_p=0.5"], ["m top_p=0.5"]]
    assert ask(lm, []) == []


def test_as_many_run_side_by_side_as_asked(ask: Any) -> None:
    """Three calls meet, and never four."""
    running, most, meet = 0, 0, threading.Barrier(3)
    lock = threading.Lock()

    class Meeting(BaseLM):
        def forward(self, prompt: Any = None, messages: Any = None, **options: Any) -> str:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            meet.wait(20)
            with lock:
                running -= 1
            return "x"

    assert ask(Meeting("meeting", cache=False), ["?"] * 9, num_threads=3) == [["x"]] * 9
    assert most == 3


def test_the_width_is_the_setting_where_none_is_given(ask: Any) -> None:
    """As everywhere: `num_threads`."""
    most = running = 0

    class Counting(BaseLM):
        def forward(self, **options: Any) -> str:
            raise NotImplementedError

        async def aforward(self, prompt: Any = None, messages: Any = None, **options: Any) -> str:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1
            return "x"

    with lmnb.context(num_threads=2):
        ask(Counting("counting", cache=False), ["?"] * 10)
    assert most == 2


def test_failures_are_none_and_told(ask: Any) -> None:
    """The others are answered; a warning names the first failure, with its stack on request."""
    with pytest.warns(UserWarning, match="2 of 4 calls failed, the first at 1: AuthError: no bad 1") as caught:
        assert ask(FakeLM(echo), ["a", "bad 1", "b", "bad 2"]) == [["a"], None, ["b"], None]
    assert "Traceback" not in str(caught[0].message)
    with pytest.warns(UserWarning, match="Traceback"):
        ask(FakeLM(echo), ["bad"], provide_traceback=True)


def test_failed_prompts_come_back_with_their_errors(ask: Any) -> None:
    """In order, and without a warning."""
    messages = [{"role": "user", "content": "bad 2"}]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        texts, failed, errors = ask(FakeLM(echo), ["bad 1", "a", messages], return_failed_examples=True)
    assert (texts, failed) == ([None, ["a"], None], ["bad 1", messages])
    assert [str(error) for error in errors] == ["no bad 1", "no bad 2"]


def test_many_failures_end_it(ask: Any) -> None:
    """The first error is raised, says how many there were, and nothing more is asked; 0 lets all fail."""
    lm, prompts = FakeLM(echo), [f"bad {number}" for number in range(20)]
    with pytest.raises(lmnb.AuthError, match="no bad 0") as caught:
        ask(lm, prompts, num_threads=1, max_errors=3)
    assert len(lm.calls) == 3 and caught.value.__notes__ == ["3 of 20 calls failed: max_errors=3"]
    with pytest.warns(UserWarning, match="20 of 20 calls failed"):
        assert ask(lm, prompts, max_errors=0) == [None] * 20


def test_a_spent_budget_ends_it(ask: Any) -> None:
    """It is no failure of one prompt."""
    lm = FakeLM(echo)
    with lmnb.context(budget=lmnb.Budget(calls=3)), pytest.raises(lmnb.BudgetExceeded):
        ask(lm, ["a"] * 10, num_threads=2)
    assert len(lm.calls) == 3


@pytest.mark.parametrize(
    ("prompts", "options", "says"),
    [
        ("abc", {}, r"batch takes a list of prompts, not 'abc'"),
        (3, {}, r"batch takes a list of prompts, not 3"),
        (["a", 3], {}, r"prompt 1 is 3. Write a text, or a list of messages"),
        ([["a"]], {}, r"prompt 0 is \['a'\]"),
        (["a"], {"num_threads": -1}, "num_threads is -1: write a whole number from 1"),
        (["a"], {"num_threads": True}, "num_threads is True"),
    ],
)
def test_wrong_arguments_are_refused(ask: Any, prompts: Any, options: dict[str, Any], says: str) -> None:
    """Before anything is sent."""
    lm = FakeLM(echo)
    with pytest.raises(lmnb.InputError, match=says):
        ask(lm, prompts, **options)
    assert lm.calls == []


def test_the_trace_has_the_calls_in_their_order(ask: Any) -> None:
    """They hang below the span that is open, also from the loop of another thread."""
    with span("module", "outer") as outer:
        ask(FakeLM(echo), [str(number) for number in range(9)], num_threads=4)
    assert [child.data["texts"] for child in outer.children] == [[str(number)] for number in range(9)]


def test_usage_and_history_count_every_call(ask: Any) -> None:
    """As for single calls."""
    lm = FakeLM(echo)
    with lmnb.track_usage() as usage:
        ask(lm, ["a"] * 5)
    assert usage.get_total_tokens()["fake"]["calls"] == 5 == len(lm.history)


class Waiting(BaseLM):
    """Counts who asked, and answers nobody."""

    asked = 0

    async def aforward(self, prompt: Any = None, messages: Any = None, **options: Any) -> str:
        self.asked += 1
        await asyncio.Event().wait()
        return ""


def test_a_cancelled_batch_asks_no_more() -> None:
    """Cancelling `abatch` ends the calls that wait, starts no other, and leaves nothing running."""
    lm = Waiting("waiting", cache=False)

    async def main() -> None:
        task = asyncio.create_task(lm.abatch(["a"] * 10, num_threads=3))
        while lm.asked < 3:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert lm.asked == len(lm.history) == 3


def test_an_interrupted_batch_asks_no_more() -> None:
    """In a notebook the loop of a batch is that of another thread: an interrupt of the cell cuts its calls off."""
    started, go, ended = threading.Event(), threading.Event(), threading.Event()

    class Interrupted(BaseLM):
        asked = 0

        def forward(self, prompt: Any = None, messages: Any = None, **options: Any) -> str:
            self.asked += 1
            started.set()
            go.wait(20)
            return "x"

        async def abatch(self, *given: Any, **options: Any) -> Any:
            try:
                return await super().abatch(*given, **options)
            finally:
                ended.set()

    lm = Interrupted("interrupted", cache=False)

    async def cell() -> None:
        lm.batch(["a"] * 10, num_threads=1)

    def interrupt() -> None:
        started.wait(20)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    loop = asyncio.new_event_loop()  # as a kernel runs its own: no handler of signals
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
    try:
        with contextlib.closing(loop), pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(cell())
    finally:
        signal.signal(signal.SIGINT, before)
    assert lm.asked == 1 and not ended.is_set()
    go.set()
    assert ended.wait(20) and lm.asked == 1
