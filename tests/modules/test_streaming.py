"""Streaming of every module, and of programs of one's own: in each form of a stream the fields by their path, then the result."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from modules.contract import Beside, Case, each_module, each_that_asks, outputs, running

import lmnb
from lmnb.spans import open_span
from lmnb.streaming import StatusMessage, StatusMessageProvider, StreamListener, StreamResponse

each_form = pytest.mark.parametrize(
    ("on_loop", "asynchronous"),
    [(False, True), (False, False), (True, True), (True, False)],
    ids=["thread-async", "thread-sync", "loop-async", "loop-sync"],
)


def stream(case: Case, lm: Any, on_loop: bool, asynchronous: bool, program: Any = None, **options: Any) -> Any:
    """A stream of the case's call."""
    made = lmnb.streamify(program or case.make(), is_async_program=on_loop, async_streaming=asynchronous, **options)
    with lmnb.context(lm=lm):
        return made(**case.inputs)


def read(items: Any, seen: list[Any]) -> list[Any]:
    """Adds all items of a stream of either kind to `seen`."""

    async def main() -> None:
        async for item in items:
            seen.append(item)

    if hasattr(items, "__aiter__"):
        asyncio.run(main())
    else:
        seen.extend(items)
    return seen


def told(items: list[Any]) -> list[tuple[str, str]]:
    """Path and text of every field that stands in the end, in the order of the paths."""
    found: dict[tuple[str, str], list[str]] = {}
    for item in items:
        if isinstance(item, StreamResponse):
            key = (item.call_id, f"{item.predict_name}.{item.signature_field_name}")
            if item.withdrawn:
                del found[key]
            else:
                found.setdefault(key, []).append(item.chunk)
    return sorted((path, "".join(pieces)) for (_, path), pieces in found.items())


def expected(case: Case, model_type: str = "chat") -> tuple[Any, list[tuple[str, str]], list[dict[str, Any]]]:
    """Of a call that is not streamed: the result, the texts of its steps by their path, and the requests."""
    lm = case.lm(model_type=model_type)
    made, trace = case.traced(case.make(), lm, "sync")
    texts = [
        (f"{step.path}.{name}", value)
        for step in trace.steps()
        for name, value in step.outputs.items()
        if step.predictor.signature.output_fields[name].type is str
    ]
    return made, sorted(texts), lm.calls


@pytest.mark.parametrize("model_type", ["chat", "text"])
@each_form
@each_module
def test_the_pieces_join_to_the_fields_and_the_result_comes_last(
    case: Case, on_loop: bool, asynchronous: bool, model_type: str
) -> None:
    """Without listeners every text of every step is told by its path; requests and result are those of an ordinary call."""
    result, texts, calls = expected(case, model_type)
    lm = case.lm(chunk_size=2, model_type=model_type)
    *pieces, made = read(stream(case, lm, on_loop, asynchronous), [])
    assert told(pieces) == texts
    assert outputs(made) == outputs(result) and type(made) is type(result)
    assert lm.calls == calls
    assert not any(isinstance(piece, lmnb.Prediction) for piece in pieces)
    ends = [item.is_last_chunk for item in pieces if isinstance(item, StreamResponse) and not item.withdrawn]
    assert ends.count(True) >= len(texts)


@each_form
@each_that_asks
def test_a_field_alone_is_told_by_its_path(case: Case, on_loop: bool, asynchronous: bool) -> None:
    """Of each step's fields one is listened to: its texts, call by call, and nothing else."""
    _, texts, _ = expected(case)
    for path in {path for path, _ in texts}:
        listener = StreamListener(path, allow_reuse=True)
        items = read(stream(case, case.lm(chunk_size=2), on_loop, asynchronous, stream_listeners=[listener]), [])
        assert told(items) == [each for each in texts if each[0] == path]


@each_form
@each_that_asks
def test_an_error_of_the_lm_reaches_the_reader(case: Case, on_loop: bool, asynchronous: bool) -> None:
    """Whichever request is the first to fail: the error of an ordinary call comes after the pieces before it, or where the module
    gets along with what it has, its result.
    """
    for at in range(len(case.replies)):
        replies = [*case.replies[:at], *[lmnb.AuthError("no key", model="fake")] * len(case.replies)]
        ordinary, _ = case.traced(case.make(), lmnb.FakeLM(replies), "sync")
        seen: list[Any] = []
        if not isinstance(ordinary, lmnb.LmnbError):
            assert at > 0
            assert outputs(read(stream(case, lmnb.FakeLM(replies), on_loop, asynchronous), seen)[-1]) == outputs(
                ordinary
            )
            continue
        with pytest.raises(lmnb.AuthError, match="no key") as caught:
            read(stream(case, lmnb.FakeLM(replies), on_loop, asynchronous), seen)
        assert isinstance(ordinary, lmnb.AuthError) and caught.value.predictor == ordinary.predictor
        assert not any(isinstance(item, lmnb.Prediction) for item in seen)
        assert open_span() is None


def leave(items: Any, lm: Held) -> int:
    """Reads a stream of either kind until `lm` holds a reply back, and closes it; gives the number of requests until then.

    Then the reply goes on: in a thread, where nothing can be cancelled, a request ends with its next piece.
    """

    async def main() -> int:
        seen = 0
        async for item in items:
            seen += item == ASKED
            if seen == lm.at:
                break
        assert await asyncio.to_thread(lm.begun.wait, 10)
        asked = await asyncio.to_thread(lm.all_begun)
        await items.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        lm.go.set()
        return asked

    if hasattr(items, "__aiter__"):
        return asyncio.run(main())
    seen = 0
    for item in items:
        seen += item == ASKED
        if seen == lm.at:
            break
    assert lm.begun.wait(10)
    asked = lm.all_begun()
    items.close()
    lm.go.set()
    return asked


class Held(lmnb.FakeLM):
    """Keeps the reply number `at` waiting before its last piece, until `go` is set or it is cancelled."""

    def __init__(self, case: Case, at: int) -> None:
        super().__init__(list(case.replies))
        self.at, self.asked = at, 0
        side_by_side = isinstance(case.make(), Beside | lmnb.EnsembledProgram)
        self.least = len(case.replies) if side_by_side else at  # requests that begin
        self.begun, self.go = threading.Event(), threading.Event()

    def forward_stream(self, prompt: Any = None, messages: Any = None, *, emit: Any, **options: Any) -> Any:
        reply = super().forward(prompt, messages, **options)
        text = reply["choices"][0]["message"]["content"]
        emit(text[:-1])
        self._wait()
        emit(text[-1:])
        return reply

    async def aforward_stream(self, prompt: Any = None, messages: Any = None, *, emit: Any, **options: Any) -> Any:
        reply = await super().aforward(prompt, messages, **options)
        text = reply["choices"][0]["message"]["content"]
        emit(text[:-1])
        await self._await()
        emit(text[-1:])
        return reply

    def forward(self, prompt: Any = None, messages: Any = None, **options: Any) -> Any:
        reply = super().forward(prompt, messages, **options)
        self._wait()
        return reply

    async def aforward(self, prompt: Any = None, messages: Any = None, **options: Any) -> Any:
        reply = await super().aforward(prompt, messages, **options)
        await self._await()
        return reply

    def all_begun(self) -> int:
        """How many were asked, once those beside the one that waits have begun too."""
        deadline = time.monotonic() + 10
        while self.asked < self.least and time.monotonic() < deadline:
            time.sleep(0.005)
        return self.asked

    def _wait(self) -> None:
        if self._is_held():
            self.go.wait(20)

    async def _await(self) -> None:
        if self._is_held():
            while not self.go.is_set():
                await asyncio.sleep(0.005)

    def _is_held(self) -> bool:
        self.asked += 1
        if self.asked == self.at:
            self.begun.set()
        return self.asked == self.at


ASKED = StatusMessage("asked")


class Requests(StatusMessageProvider):
    """A message for each request."""

    def lm_start_status_message(self, instance: Any, inputs: dict[str, Any]) -> str:
        return ASKED.message

    def tool_start_status_message(self, instance: Any, inputs: dict[str, Any]) -> None:
        return None

    tool_end_status_message = lm_end_status_message = lambda self, outputs: None


@each_form
@each_that_asks
def test_a_stream_that_is_left_leaves_nothing_behind(case: Case, on_loop: bool, asynchronous: bool) -> None:
    """In the midst of whichever reply: nothing more is asked, no task, thread or process goes on, and the program goes on being one."""
    for at in range(1, len(case.replies) + 1):
        program, lm, before = case.make(), Held(case, at), running()
        items = stream(case, lm, on_loop, asynchronous, program, status_message_provider=Requests())
        asked = leave(items, lm)
        deadline = time.monotonic() + 10
        while running() - before and time.monotonic() < deadline:
            time.sleep(0.005)
        assert not running() - before
        assert lm.asked == asked
        assert open_span() is None
        assert outputs(case.run(program, case.lm(), "async")).items() >= case.result.items()
