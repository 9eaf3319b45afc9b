"""The event stream: what is in it, and reading it while the program runs."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

import lmnb
from lmnb.data_uri import write_uri


class Program(lmnb.Module):
    """Two steps, one after the other."""

    def __init__(self) -> None:
        self.first = lmnb.Predict("question -> draft")
        self.second = lmnb.Predict("draft -> answer")

    def forward(self, question: str) -> lmnb.Prediction:
        return self.second(draft=self.first(question=question).draft)

    async def aforward(self, question: str) -> lmnb.Prediction:
        return await self.second.acall(draft=(await self.first.acall(question=question)).draft)


def lm(**options: Any) -> lmnb.FakeLM:
    return lmnb.FakeLM(lambda messages: {"draft": "a", "answer": "b"}, **options)


def test_events_are_the_calls_in_order() -> None:
    """After the block the stream gives every start and end, nested as the calls were."""
    with lmnb.events() as stream, lmnb.context(lm=lm()):
        Program()(question="?")
    depth, shown = {None: -1}, []
    for event in stream:
        depth.setdefault(event.call_id, depth[event.parent_id] + 1)
        shown.append((depth[event.call_id], event.phase, event.kind))
    step = [
        (1, "start", "predict"),
        (2, "start", "adapter_format"),
        (2, "end", "adapter_format"),
        (2, "start", "lm"),
        (2, "end", "lm"),
        (2, "start", "adapter_parse"),
        (2, "end", "adapter_parse"),
        (1, "end", "predict"),
    ]
    assert shown == [(0, "start", "module"), *step, *step, (0, "end", "module")]
    assert list(stream) == []


@pytest.mark.parametrize("given", ["lm", ["lm", "llm"]])
def test_an_unknown_kind_is_refused(given: Any) -> None:
    """A kind that there is not, or a text in the place of a list, is an error that lists the kinds."""
    with (
        pytest.raises(lmnb.InputError, match="write a list of some of these: module, predict, lm, "),
        lmnb.events(given),
    ):
        pass


def test_a_reader_in_a_thread_sees_the_program_at_work() -> None:
    """The first event is read while the program still waits, and the loop ends with the block."""
    seen: list[Any] = []
    begun, answer = threading.Event(), threading.Event()

    def slowly(messages: Any) -> dict[str, str]:
        assert answer.wait(10)
        return {"draft": "a", "answer": "b"}

    def read(stream: lmnb.EventStream) -> None:
        for event in stream:
            seen.append((event.phase, event.kind))
            begun.set()

    def press() -> None:
        assert begun.wait(10)
        answer.set()

    with lmnb.events(["lm"]) as stream:
        threads = [threading.Thread(target=read, args=(stream,)), threading.Thread(target=press)]
        for thread in threads:
            thread.start()
        with lmnb.context(lm=lmnb.FakeLM(slowly)):
            Program()(question="?")
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert seen == [("start", "lm"), ("end", "lm")] * 2


def test_a_reader_on_the_loop_sees_the_program_at_work() -> None:
    """`async for` waits for events without holding up the loop, also for those of other threads."""
    seen: list[str] = []

    async def read(stream: lmnb.EventStream) -> None:
        async for event in stream:
            seen.append(f"{event.phase} {event.kind}")

    async def work() -> None:
        with lmnb.events(["lm"]) as stream, lmnb.context(lm=lm(delay=0.02)):
            reader = asyncio.create_task(read(stream))
            await Program().acall(question="?")
            await asyncio.to_thread(Program(), question="?")
            before = len(seen)
        await asyncio.wait_for(reader, 10)
        assert before >= 6

    asyncio.run(work())
    assert seen == ["start lm", "end lm"] * 4


def test_two_readers_share_the_events() -> None:
    """Each event is given to one reader, and none is lost."""
    seen: list[str] = []

    async def work() -> None:
        with lmnb.events(["lm"]) as stream, lmnb.context(lm=lm(delay=0.001)):

            async def read() -> None:
                async for event in stream:
                    seen.append(event.call_id + event.phase)

            readers = [asyncio.create_task(read()) for _ in range(2)]
            await asyncio.gather(*(Program().acall(question="?") for _ in range(20)))
        await asyncio.wait_for(asyncio.gather(*readers), 10)

    asyncio.run(work())
    assert len(seen) == len(set(seen)) == 80


def test_a_cancelled_reader_loses_nothing() -> None:
    """What a reader that is called off has not been given is there for the next one."""

    async def work() -> list[str]:
        with lmnb.events(["lm"]) as stream, lmnb.context(lm=lm()):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(aiter(stream)), 0.02)
            Program()(question="?")
        return [event.phase async for event in stream]

    assert asyncio.run(work()) == ["start", "end"] * 2


def test_work_that_outlives_the_block_is_not_in_the_stream() -> None:
    """The stream is closed at the block's end, and a thread that goes on does not open it again."""
    go, done = threading.Event(), []

    async def later() -> None:
        await asyncio.to_thread(go.wait, 10)
        done.append(Program()(question="?"))

    async def work() -> lmnb.EventStream:
        with lmnb.events() as stream:
            task = asyncio.create_task(later())
            await asyncio.sleep(0)
        go.set()
        await task
        return stream

    with lmnb.context(lm=lm()):
        stream = asyncio.run(work())
    assert done and stream.closed and list(stream) == []


def test_other_callbacks_do_not_silence_a_stream() -> None:
    """A program that sets callbacks of its own is heard all the same."""
    with lmnb.events(["lm"]) as stream, lmnb.context(callbacks=[]), lmnb.context(lm=lm(), callbacks=None):
        Program()(question="?")
    assert len(list(stream)) == 4


def test_a_stream_for_the_whole_process() -> None:
    """An `EventStream` is a callback: as a setting it hears of every thread until it is closed."""
    stream = lmnb.EventStream(["predict"])
    lmnb.configure(callbacks=[stream], lm=lm())
    thread = threading.Thread(target=lambda: Program()(question="?"))
    thread.start()
    thread.join()
    stream.close()
    Program()(question="?")
    assert [event.outputs.keys() for event in stream if event.phase == "end"] == [["draft"], ["answer"]]


def test_tries_and_checks_are_events() -> None:
    """What has no hook of its own, a try of BestOfN or a check, is in the stream under its name."""

    class Checked(Program):
        def forward(self, question: str) -> lmnb.Prediction:
            made = super().forward(question)
            lmnb.Suggest(made.answer != "b", "Not b.", retries=0)
            return made

    best = lmnb.BestOfN(Checked(), 2, lambda inputs, made: 0.0, 1.0)
    with lmnb.events(["module", "check"]) as stream, lmnb.context(lm=lm()):
        best(question="?")
    ended = [(event.kind, event.name) for event in stream if event.phase == "end"]
    one = [("check", "Suggest"), ("module", "Checked")]
    assert ended == [*one, ("module", "try 1"), *one, ("module", "try 2"), ("module", "BestOfN")]


def test_an_event_is_a_line_of_a_log() -> None:
    """`to_dict` is JSON-able whatever was passed: objects, failures, and the usage of an LM."""

    class Odd:
        def __str__(self) -> str:
            return "an odd one"

    with lmnb.events() as stream:
        with lmnb.context(lm=lm()):
            Program()(question=Odd())
        with lmnb.context(lm=lmnb.FakeLM([lmnb.AuthError("no key")])), pytest.raises(lmnb.AuthError):
            Program()(question="?")
    rows = [json.loads(json.dumps(event.to_dict())) for event in stream]
    assert rows[0]["inputs"] == {"question": {"__text__": "an odd one"}}
    first = next(row for row in rows if row["kind"] == "lm" and row["phase"] == "end")
    assert first["usage"]["prompt_tokens"] > 0 and first["cache"] == "off" and first["error"] is None
    assert rows[-1]["error"] == "AuthError: no key" and rows[-1]["outputs"] is None


def test_a_log_names_media_and_holds_them_where_asked() -> None:
    """`to_dict` gives kind and size of a picture, in messages and replies too; with `media` its data."""
    uri = write_uri(bytes(3000), "image/png")
    with lmnb.events(["lm"]) as stream:
        lmnb.FakeLM([f"see {uri}"])(messages=[{"role": "user", "content": uri}])
    for event in stream:
        assert "data:image/png;base64,… (3.0 kB)" in str(event.to_dict()) and uri not in str(event.to_dict())
        assert uri in str(event.to_dict(media=True))


def test_an_event_is_of_its_moment() -> None:
    """What a caller does to a list afterwards does not change the event that told of it."""
    messages = [{"role": "user", "content": "first"}]
    with lmnb.events(["lm"]) as stream:
        lmnb.FakeLM(["x"])(messages=messages)
        messages[0]["content"] = "later"
    assert [event.inputs["messages"][0]["content"] for event in stream] == ["first", "first"]
