"""Cancellation: a call of any module that is cancelled leaves no task, thread or process behind, and asks nothing more."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from modules.contract import CASES, Case, each_that_asks, outputs, running

import lmnb
from lmnb.spans import open_span


class Waiting(lmnb.FakeLM):
    """Answers as written, but keeps one request waiting until it is cancelled, or in a thread until `go` is set."""

    def __init__(self, case: Case, at: int) -> None:
        super().__init__(list(case.replies))
        self.at = at
        self.asked = 0
        self.begun, self.go = threading.Event(), threading.Event()

    def forward(self, prompt: Any = None, messages: Any = None, **options: Any) -> Any:
        if self._waits():
            self.go.wait(20)
        return super().forward(prompt, messages, **options)

    async def aforward(self, prompt: Any = None, messages: Any = None, **options: Any) -> Any:
        if self._waits():
            await asyncio.sleep(20)
        return await super().aforward(prompt, messages, **options)

    def _waits(self) -> bool:
        self.asked += 1
        if self.asked == self.at:
            self.begun.set()
        return self.asked == self.at


@each_that_asks
def test_a_cancelled_call_leaves_nothing_behind(case: Case) -> None:
    """Whichever request it waits for: no task, thread or process is left, nothing more is asked, and the program goes on being one."""
    for at in range(1, len(case.replies) + 1):
        program, lm, before = case.make(), Waiting(case, at), running()

        async def main(program: lmnb.Module = program, lm: Waiting = lm) -> int:
            task = asyncio.create_task(program.acall(**case.inputs))
            assert await asyncio.to_thread(lm.begun.wait, 10)
            task.cancel()
            began = time.monotonic()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert time.monotonic() - began < 2
            assert asyncio.all_tasks() == {asyncio.current_task()}
            lm.go.set()
            return lm.asked

        with lmnb.context(lm=lm):
            asked = asyncio.run(main())
        trace = lmnb.Trace(lmnb.history(1)[0].span.root)
        assert all(item.seconds is not None for _, item in trace.spans())
        assert lm.asked == asked
        assert not running() - before
        assert open_span() is None
        assert outputs(case.run(program, case.lm(), "async")).items() >= case.result.items()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="processes are listed as on Linux")
@pytest.mark.parametrize("name", ["ProgramOfThought", "CodeAct", "RLM"])
def test_code_that_runs_is_ended_with_its_call(name: str) -> None:
    """A call that is cancelled while its code runs comes back at once, and the sandbox's process ends."""
    pytest.importorskip("pydantic_monty", reason="pydantic-monty is not installed: pip install 'lmnb[interpreter]'")
    program, before = CASES[name].make(), running()
    code = dict.fromkeys(("generated_code", "next_thought", "reasoning"), "while True: pass")
    lm = lmnb.FakeLM(lambda messages: code)

    async def main() -> None:
        task = asyncio.create_task(program.acall(**CASES[name].inputs))
        async with asyncio.timeout(10):
            while not any(isinstance(each, str) for each in running() - before):
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        task.cancel()
        began = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - began < 2

    with lmnb.context(lm=lm):
        asyncio.run(main())
    assert not running() - before
    assert len(lm.calls) == 1


def test_a_cancelled_agent_s_tool_asks_nothing_more() -> None:
    """A tool that is a program of its own runs in a thread, which nobody can stop: what it would ask next is refused."""
    begun, go, asked = threading.Event(), threading.Event(), []
    inner = lmnb.Predict("text -> summary", lm=lmnb.FakeLM(lambda messages: asked.append(1) or {"summary": "s"}))

    def summarize(text: str) -> str:
        """Says it in short."""
        begun.set()
        go.wait(20)
        return inner(text=text).summary

    turn = {"next_thought": "Ask.", "tool_calls": [{"name": "summarize", "args": {"text": "long"}}]}

    async def main() -> None:
        agent = lmnb.ReAct("question -> answer", [summarize])
        task = asyncio.create_task(agent.acall(question="?"))
        assert await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go.set()

    with lmnb.context(lm=lmnb.FakeLM([turn])):
        asyncio.run(main())
    assert asked == []
