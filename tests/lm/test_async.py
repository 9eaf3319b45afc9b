"""Asynchronous LM calls and what they wait for: a server, the file of the cache, the import of litellm."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import textwrap
from typing import Any

import pytest
from gate import PATIENCE, Gate

import lmnb
from lmnb import FakeLM


def echo(messages: list[dict[str, Any]], **_: Any) -> str:
    return messages[-1]["content"]


class Held(list[Any]):
    """Replies that a server sends only after the gate was opened."""

    def __init__(self, gate: Gate, *replies: Any) -> None:
        super().__init__(replies)
        self.gate = gate

    def pop(self, at: Any = -1) -> Any:
        self.gate()
        return super().pop(at)


def test_a_server_that_takes_its_time(remote: Any, scripted: Any, said: Any) -> None:
    """The loop is free while a provider's model thinks."""
    gate = Gate()
    scripted.replies = Held(gate, (200, said("hi")))
    assert asyncio.run(gate.passed(remote().acall("hello"))) == ["hi"]


def test_another_process_that_holds_the_cache() -> None:
    """A reply waits in a thread until it can be written, and is written then."""
    lm = FakeLM(echo, cache=True)
    lm("first")
    other = sqlite3.connect(lmnb.cache.stats()["path"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def main() -> list[str]:
        task = asyncio.create_task(lm.acall("second"))
        while len(lm.calls) < 2:
            await asyncio.sleep(0)
        for _ in range(50):
            await asyncio.sleep(0)
        assert not task.done(), "the loop was blocked until the other process was given up"
        other.execute("COMMIT")
        return await task

    assert asyncio.run(asyncio.wait_for(main(), PATIENCE)) == ["second"]
    other.close()
    lmnb.cache.reset_memory_cache()
    assert lm("second") == ["second"] and lm.history[-1].cache == "hit"


def test_a_thousand_calls_at_once_through_the_cache() -> None:
    """All are kept, in memory and in the file, and none is bought twice."""
    lm = FakeLM(echo, cache=True)

    async def main() -> list[list[str]]:
        return await asyncio.gather(*(lm.acall(str(number)) for number in range(1_000)))

    first = asyncio.run(main())
    assert first == [[str(number)] for number in range(1_000)]
    again = asyncio.run(main())
    lmnb.cache.reset_memory_cache()
    assert first == again == asyncio.run(main()) and len(lm.calls) == 1_000
    assert lmnb.cache.stats()["disk_entries"] == 1_000


@pytest.mark.parametrize("call", ["lm.acall('?')", "lmnb.Predict('q -> a', lm=lm).acall(q='?')"])
def test_litellm_is_imported_beside_the_loop(call: str) -> None:
    """It takes seconds, so the first asynchronous call does it in a thread."""
    code = f"""
        import asyncio, sys, threading, lmnb

        class Watching:
            def find_spec(self, name, path=None, target=None):
                if name == "litellm":
                    print("in the loop" if threading.current_thread() is threading.main_thread() else "beside it")

        sys.meta_path.insert(0, Watching())
        lm = lmnb.LM("openai/x", api_base="http://127.0.0.1:9/v1", api_key="k", num_retries=0, cache=False)
        try:
            asyncio.run({call})
        except lmnb.TransportError:
            pass
    """
    run = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stdout) == (0, "beside it\n"), done.stderr
