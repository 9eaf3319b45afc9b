"""Streaming programs: which fields are told, by which path, and that what is told is what the program gives."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

import lmnb
from lmnb import FakeLM, JSONAdapter, Parallel, Predict, TwoStepAdapter, XMLAdapter, streamify
from lmnb.streaming import StatusMessage, StatusMessageProvider, StreamListener, StreamResponse, apply_sync_streaming

FORMS = [(False, True), (False, False), (True, True), (True, False)]  # is_async_program, async_streaming
ANSWERS = {"query": "who was it", "reasoning": "It is\nknown.", "answer": "Ada Lovelace", "twice": "a b"}


class Program(lmnb.Module):
    """Two predictors by name and two in a list."""

    def __init__(self) -> None:
        self.rewrite = Predict("question -> query")
        self.respond = lmnb.ChainOfThought("question, query -> answer, sure: bool")
        self.steps = [Predict("text -> twice"), Predict("text -> twice")]

    def forward(self, question: str) -> Any:
        query = self.rewrite(question=question).query
        for step in self.steps:
            step(text=query)
        return self.respond(question=question, query=query)

    async def aforward(self, question: str) -> Any:
        query = (await self.rewrite.acall(question=question)).query
        for step in self.steps:
            await step.acall(text=query)
        return await self.respond.acall(question=question, query=query)


class Again(lmnb.Module):
    """One predictor, called twice."""

    def __init__(self) -> None:
        self.write = Predict("n: int -> text")

    def forward(self, n: int) -> Any:
        self.write(n=n)
        return self.write(n=n + 1)


def answering(**options: Any) -> FakeLM:
    """Answers every output that is asked for."""

    def answer(messages: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
        asked = messages[0]["content"].partition("Output fields:")[2]
        return {**{name: text for name, text in ANSWERS.items() if f"`{name}`" in asked}, "sure": True}

    return FakeLM(answer, **options)


def read(stream: Any, seen: list[Any]) -> list[Any]:
    """Adds all items of a stream of either kind to `seen`."""

    async def main() -> None:
        async for item in stream:
            seen.append(item)

    if hasattr(stream, "__aiter__"):
        asyncio.run(main())
    else:
        for item in stream:
            seen.append(item)
    return seen


def texts(items: list[Any]) -> dict[str, str]:
    """The text of each field by its path, as a reader of the stream has it in the end."""
    found: dict[tuple[str, str], str] = {}
    for item in items:
        if isinstance(item, StreamResponse):
            key = (item.call_id, f"{item.predict_name}.{item.signature_field_name}")
            found[key] = "" if item.withdrawn else found.get(key, "") + item.chunk
            if item.withdrawn:
                del found[key]
    return {path: text for (_, path), text in found.items()}


def heard(program: Any, *listeners: StreamListener, lm: Any = None, **inputs: Any) -> list[Any]:
    """What a stream of the program tells listeners."""
    with lmnb.context(lm=lm or answering()):
        return list(streamify(program, stream_listeners=list(listeners), async_streaming=False)(**inputs))


@pytest.mark.parametrize(("on_loop", "asynchronous"), FORMS)
def test_without_listeners_every_text_is_told_by_its_path(on_loop: bool, asynchronous: bool) -> None:
    """Of predictors in attributes, lists and modules inside, in either form; the prediction comes last."""
    stream = streamify(Program(), is_async_program=on_loop, async_streaming=asynchronous)
    with lmnb.context(lm=answering(chunk_size=3)):
        items = read(stream(question="?"), [])
    *pieces, made = items
    assert texts(pieces) == {
        "rewrite.query": "who was it",
        "steps[0].twice": "a b",
        "steps[1].twice": "a b",
        "respond.predict.reasoning": "It is\nknown.",
        "respond.predict.answer": "Ada Lovelace",
    }
    assert len(pieces) > 15 and not any(item.withdrawn for item in pieces)
    assert made.answer == "Ada Lovelace" and made.sure is True
    for path in texts(pieces):
        ends = [each.is_last_chunk for each in pieces if f"{each.predict_name}.{each.signature_field_name}" == path]
        assert ends == [False] * (len(ends) - 1) + [True]


@pytest.mark.parametrize(("on_loop", "asynchronous"), FORMS)
def test_a_streamed_run_is_an_ordinary_run(on_loop: bool, asynchronous: bool) -> None:
    """Messages, trace, usage and history are those of a call that nobody listens to."""
    plain, streaming = answering(), answering()
    with lmnb.context(lm=plain):
        expected = Program()(question="?")
    with lmnb.context(lm=streaming):
        made = read(streamify(Program(), None, None, True, on_loop, asynchronous)(question="?"), [])[-1]
    assert streaming.calls == plain.calls
    shown = [
        [(depth, each.kind, each.name, each.outputs) for depth, each in one.trace.spans()] for one in (made, expected)
    ]
    assert shown[0] == shown[1]
    assert made.trace.usage == expected.trace.usage and made.get_lm_usage() == expected.get_lm_usage()
    assert streaming.history[-1].response == plain.history[-1].response


PATHS: list[tuple[Callable[[Program], StreamListener], list[str]]] = [
    (lambda program: StreamListener("answer"), ["respond.predict.answer"]),
    (lambda program: StreamListener("rewrite.query"), ["rewrite.query"]),
    (lambda program: StreamListener("steps[1].twice"), ["steps[1].twice"]),
    (lambda program: StreamListener("respond.reasoning"), ["respond.predict.reasoning"]),
    (lambda program: StreamListener("twice", predict=program.steps[0]), ["steps[0].twice"]),
    (lambda program: StreamListener("answer", predict=program.respond), ["respond.predict.answer"]),
    (lambda program: StreamListener("twice", predict_name="steps[1]"), ["steps[1].twice"]),
    (lambda program: StreamListener("sure"), ["respond.predict.sure"]),
]


@pytest.mark.parametrize(("listener", "paths"), PATHS)
def test_a_field_is_named_by_its_path(listener: Callable[[Program], StreamListener], paths: list[str]) -> None:
    """Alone, by path, by a module around it, by the predictor; only that field is told."""
    program = Program()
    items = heard(program, listener(program), question="?")
    assert list(texts(items)) == paths
    assert texts(items)[paths[0]] == {"sure": "true", **ANSWERS}[paths[0].rpartition(".")[2]]
    assert items[-1].answer == "Ada Lovelace"


@pytest.mark.parametrize(
    ("listener", "says"),
    [
        (
            StreamListener("anwser"),
            r"StreamListener\('anwser'\): no predictor has that output. There are: rewrite.query, respond",
        ),
        (
            StreamListener("twice"),
            r"several predictors have that field. Write one of 'steps\[0\].twice', 'steps\[1\].twice'",
        ),
        (StreamListener("respnd.answer"), "the program has no 'respnd'. Did you mean 'respond'?"),
        (StreamListener("rewrite.answer"), "no predictor has that output. There are: rewrite.query"),
        (StreamListener("query", predict=Predict("q -> query")), "its predict is no part of the program"),
        ("answer", r"'answer' is no listener. Write lmnb.streaming.StreamListener\('answer'\)"),
    ],
)
def test_a_listener_of_nothing_is_refused(listener: Any, says: str) -> None:
    """Before anything runs, with the names that there are."""
    with pytest.raises(lmnb.InputError, match=says):
        streamify(Program(), stream_listeners=[listener])
    with pytest.raises(lmnb.InputError, match="streamify takes a module, not 'x'"):
        streamify("x")


def test_a_predictor_that_is_called_twice() -> None:
    """A listener is told of the first call, with `allow_reuse` of each, and calls have ids of their own; a new run begins anew."""
    lm = FakeLM(["[[ ## text ## ]]\none", "[[ ## text ## ]]\ntwo"] * 3)
    assert [texts(heard(Again(), StreamListener("text"), lm=lm, n=1)) for _ in range(2)] == [{"write.text": "one"}] * 2
    items = heard(Again(), StreamListener("text", allow_reuse=True), lm=lm, n=1)
    calls = list(dict.fromkeys(item.call_id for item in items[:-1]))
    said = ["".join(item.chunk for item in items[:-1] if item.call_id == call) for call in calls]
    assert said == ["one", "two"]


def test_a_call_that_fails_does_not_use_up_its_listener() -> None:
    """A program that calls again after an error is heard: the second call is told where the first came to nothing."""

    class Stubborn(lmnb.Module):
        def __init__(self) -> None:
            self.count = Predict("n: int -> text, total: int")

        def forward(self, n: int) -> Any:
            try:
                return self.count(n=n)
            except lmnb.ParseError:
                return self.count(n=n)

    broken = "[[ ## text ## ]]\nnone\n\n[[ ## total ## ]]\nmany"
    lm = FakeLM([broken, broken, {"text": "two", "total": 2}])
    assert texts(heard(Stubborn(), StreamListener("text"), lm=lm, n=1)) == {"count.text": "two"}


def test_after_a_call_was_given_up_nothing_is_told_of_it() -> None:
    """An LM that goes on speaking in its thread after the program stopped waiting for it is not heard."""
    go, spoken = threading.Event(), threading.Event()

    class Slow(lmnb.BaseLM):
        def forward_stream(self, prompt: Any = None, messages: Any = None, *, emit: Any, **options: Any) -> str:
            emit("[[ ## answer ## ]]\none two ")
            go.wait(20)
            try:
                emit("three four ")
            finally:
                spoken.set()
            return "[[ ## answer ## ]]\none two three four"

    class Impatient(lmnb.Module):
        def __init__(self) -> None:
            self.p = Predict("question -> answer")

        async def aforward(self, question: str) -> Any:
            try:
                return await asyncio.wait_for(self.p.acall(question=question), 0.3)
            except TimeoutError:
                go.set()
                await asyncio.to_thread(spoken.wait, 20)
                return lmnb.Prediction(answer="gave up")

    with lmnb.context(lm=Slow("slow", cache=False)):
        items = list(streamify(Impatient(), is_async_program=True, async_streaming=False)(question="?"))
    assert [item.withdrawn for item in items[:-1]].count(True) == 1 and items[-2].withdrawn
    assert items[-1].answer == "gave up"


def test_calls_in_threads_are_told_apart() -> None:
    """Parallel asks side by side; the pieces come mixed, and each call's are whole."""

    class Many(lmnb.Module):
        def __init__(self) -> None:
            self.write = Predict("n: int -> text")

        def forward(self, count: int) -> Any:
            return Parallel(num_threads=4)([(self.write, {"n": n}) for n in range(count)])

    meeting = threading.Barrier(4)

    class Mixed(lmnb.BaseLM):
        def forward_stream(self, prompt: Any = None, messages: Any = None, *, emit: Any, **options: Any) -> str:
            number = messages[-1]["content"].splitlines()[1]
            pieces = ["[[ ## text ## ]]\n", *[f"{number} " for _ in range(5)]]
            for piece in pieces:
                meeting.wait(10)
                emit(piece)
            return "".join(pieces)

    *pieces, made = heard(Many(), lm=Mixed("mixed", cache=False), count=4)
    by_call: dict[str, str] = {}
    for piece in pieces:
        by_call[piece.call_id] = by_call.get(piece.call_id, "") + piece.chunk
    assert sorted(by_call.values()) == sorted(each.text for each in made) == [" ".join([str(n)] * 5) for n in range(4)]
    assert [piece.call_id for piece in pieces] != sorted(piece.call_id for piece in pieces)


def population(town: str) -> int:
    """How many people live in a town."""
    return 134_000


REACT: list[Any] = [
    {"next_thought": "Look it up.", "tool_calls": [{"name": "population", "args": {"town": "Bern"}}]},
    {"next_thought": "Done.", "tool_calls": [{"name": "submit", "args": {"answer": "134000"}}]},
]


def test_an_agent_tells_its_thoughts_and_its_tools() -> None:
    """The thoughts of every turn, a message for each tool, and the answer in the end."""
    *items, made = heard(lmnb.ReAct("question -> answer", [population]), lm=FakeLM(REACT), question="Bern?")
    assert list(texts(items).values()) == ["Done."]  # by path: the last turn
    thoughts = "".join(item.chunk for item in items if isinstance(item, StreamResponse))
    assert thoughts == "Look it up.Done."
    messages = [item.message for item in items if isinstance(item, StatusMessage)]
    assert messages == ["Calling tool population...", "Tool calling finished."] * 1 + [
        "Calling tool submit...",
        "Tool calling finished.",
    ]
    assert made.answer == "134000"


@pytest.mark.parametrize("said", ["I look it up.", "[[ ## next_thought ## ]]\nI look it up."])
def test_what_is_said_beside_native_calls_is_told(said: str) -> None:
    """In the form of the adapter, or as models mostly do: without any; it comes in pieces."""
    call = {"id": "1", "function": {"name": "submit", "arguments": '{"answer": "4"}'}}
    lm = FakeLM([{"role": "assistant", "content": said, "tool_calls": [call]}], function_calling=True, chunk_size=4)
    with lmnb.context(adapter=lmnb.ChatAdapter(use_native_function_calling=True)):
        *items, made = heard(lmnb.ReAct("question -> answer", [population]), lm=lm, question="?")
    pieces = [item for item in items if isinstance(item, StreamResponse)]
    assert texts(items) == {"react.next_thought": "I look it up."} and len(pieces) > 3
    assert not any(piece.withdrawn for piece in pieces) and made.answer == "4"


def test_calls_are_told_whole_where_somebody_asks_for_them() -> None:
    """A field that stands in no text is one piece."""
    call = {"id": "1", "function": {"name": "submit", "arguments": '{"answer": "4"}'}}
    lm = FakeLM([{"role": "assistant", "content": "So.", "tool_calls": [call]}], function_calling=True)
    with lmnb.context(adapter=JSONAdapter()):
        listener = StreamListener("react.tool_calls")
        items = heard(lmnb.ReAct("question -> answer", [population]), listener, lm=lm, question="?")
    assert '"submit"' in texts(items)["react.tool_calls"]


@pytest.mark.parametrize("adapter", [JSONAdapter(), XMLAdapter()])
def test_every_format_streams(adapter: Any) -> None:
    """The same program in another format tells the same."""
    with lmnb.context(adapter=adapter):
        items = heard(Program(), StreamListener("reasoning"), lm=answering(chunk_size=2), question="?")
    assert texts(items) == {"respond.predict.reasoning": "It is\nknown."} and len(items) > 5


def test_two_steps_tell_the_second() -> None:
    """The free answer has no fields; they are told as the second model writes them."""
    small = FakeLM([{"answer": "It is four."}], chunk_size=4)
    with lmnb.context(adapter=TwoStepAdapter(small)):
        items = heard(Predict("question -> answer"), lm=FakeLM(["Well, four."]), question="2 + 2?")
    assert texts(items) == {"self.answer": "It is four."} and len(items) > 3


@pytest.mark.parametrize(("on_loop", "asynchronous"), FORMS)
def test_two_steps_of_several_answers_tell_the_first(on_loop: bool, asynchronous: bool) -> None:
    """Each answer is extracted by a request of its own; only the first one's is what the call is told of, whatever the others say."""
    broken = "[[ ## answer ## ]]\nno\n\n[[ ## count ## ]]\nmany\n"
    small = FakeLM([{"answer": "It is four.", "count": 4}, broken, {"answer": "It is five.", "count": 5}], chunk_size=4)
    large = FakeLM(["Well, four.", "Well, five."])
    program = Predict("question -> answer, count: int", n=2)
    with lmnb.context(lm=large, adapter=TwoStepAdapter(small)):
        items = read(streamify(program, None, None, True, on_loop, asynchronous)(question="2 + 2?"), [])
    *pieces, made = items
    assert "".join(piece.chunk for piece in pieces) == "It is four." and len(pieces) > 2
    assert not any(piece.withdrawn for piece in pieces) and [piece.is_last_chunk for piece in pieces].count(True) == 1
    assert made.completions.answer == ["It is four.", "It is five."] and len(small.calls) == 3


def test_prompts_in_another_language_are_streamed_alike() -> None:
    """Headers stay, so the pieces are those of the English prompt."""
    for adapter in (lmnb.ChatAdapter(wording="de"), JSONAdapter(wording="zh"), XMLAdapter(wording="de")):
        with lmnb.context(adapter=adapter):
            lm = FakeLM([{"answer": "Ada Lovelace"}], chunk_size=3)
            items = heard(Predict("question -> answer"), lm=lm, question="Who?")
        assert texts(items) == {"self.answer": "Ada Lovelace"} and len(items) > 4


@pytest.mark.parametrize("size", [1, 3, 7, 500])
@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("adapter", [lmnb.ChatAdapter(), JSONAdapter(), XMLAdapter()])
def test_an_lm_that_only_continues_a_text_is_told_in_pieces(adapter: Any, again: bool, size: int) -> None:
    """Its reply lacks the beginning that it was given, or has it once more, and goes on through the next turns: of those nothing is told."""
    signature = lmnb.Signature("question -> answer, sure: bool")
    said = "Ada\n### user ###\nLovelace, \\\\### tool ### I think"
    with lmnb.context(adapter=adapter):
        whole = FakeLM([{"answer": said, "sure": True}], model_type="text")("")[0]
        written = whole if again else whole.removeprefix(adapter.reply_start(signature))
        assert again or written != whole
        lm = FakeLM([f"{written}\n\n### user ###\n{whole}"], model_type="text", chunk_size=size)
        items = heard(Predict(signature), lm=lm, question="Who?")
    pieces = items[:-1]
    assert items[-1].answer == said and texts(pieces) == {"self.answer": said}
    assert not any(piece.withdrawn for piece in pieces)
    assert len(pieces) > {1: 15, 3: 8, 7: 3, 500: 0}[size]


def test_a_text_that_is_asked_for_again_is_told_from_its_beginning() -> None:
    """What a failed attempt had told of a continued text is taken back, and what it held back is forgotten."""
    attempts: list[int] = []

    class Flaky(lmnb.BaseLM):
        def forward_stream(self, prompt: Any = None, messages: Any = None, *, emit: Any, **options: Any) -> str:
            attempts.append(1)
            emit("Par\n### us")
            if len(attempts) == 1:
                raise lmnb.ServerError("down")
            emit("ual\n")
            return "Par\n### usual\n"

    lm = Flaky("flaky", model_type="text", backoff=0.0, cache=False)
    *pieces, made = heard(Predict("question -> answer"), lm=lm, question="?")
    assert [(piece.chunk, piece.withdrawn) for piece in pieces] == [
        ("Par", False),
        ("", True),
        ("Par", False),
        ("\n### usual", False),
        ("", False),
    ]
    assert made.answer == "Par\n### usual"


def test_an_adapter_without_a_reader_tells_fields_whole() -> None:
    """One of one's own needs `format` and `parse` alone."""

    class Bare(lmnb.Adapter):
        def format(self, signature: Any, demos: Any, inputs: Any) -> list[dict[str, Any]]:
            return [{"role": "user", "content": str(dict(inputs))}]

        def parse(self, signature: Any, completion: str) -> dict[str, Any]:
            return dict.fromkeys(signature.output_fields, completion)

    with lmnb.context(adapter=Bare()):
        items = heard(Predict("question -> answer"), lm=FakeLM(["four, I think"]), question="?")
    assert [item.chunk for item in items[:-1]] == ["four, I think"]


class Whole(lmnb.BaseLM):
    """An LM that does not stream."""

    def forward(self, prompt: Any = None, messages: Any = None, **options: Any) -> Any:
        said = "[[ ## answer ## ]]\nParis, I think\n\n[[ ## completed ## ]]"
        return [said] * options.get("n", 1)


def test_an_lm_that_does_not_stream_gives_one_piece() -> None:
    """And so does a cache, and a request of several completions, of which the first is told."""
    lm = Whole("whole")
    for _ in range(2):
        *pieces, made = heard(Predict("question -> answer"), lm=lm, question="?")
        assert [(piece.chunk, piece.is_last_chunk) for piece in pieces] == [("Paris, I think", True)]
    assert made.trace.root.children[0].data["cache"] == "hit"
    cached = answering(cache=True, chunk_size=3, model="cached")
    counts = [len(heard(Predict("question -> answer"), lm=cached, question="?")) for _ in range(2)]
    assert counts[0] > 3 and counts[1] == 2
    several = heard(Predict("question -> answer", n=2), lm=answering(chunk_size=3), question="?")
    assert [item.chunk for item in several[:-1]] == ["Ada Lovelace"] and len(several[-1].completions) == 2


def test_a_reply_that_is_repaired_is_withdrawn() -> None:
    """What was told of a reply that could not be read is taken back, and the repaired one told, in the same call."""
    broken = "[[ ## answer ## ]]\nwrong\n\n[[ ## count ## ]]\nmany\n\n[[ ## completed ## ]]"
    lm = FakeLM([broken, {"answer": "right", "count": 2}], chunk_size=5)
    *pieces, made = heard(Predict("question -> answer, count: int"), lm=lm, question="?")
    at = next(at for at, piece in enumerate(pieces) if piece.withdrawn)
    assert "".join(piece.chunk for piece in pieces[:at]) == "wrong"
    assert "".join(piece.chunk for piece in pieces[at:]) == "right"
    assert pieces[-1].is_last_chunk and len({piece.call_id for piece in pieces}) == 1
    assert made.answer == "right" and len(lm.calls) == 2


def test_a_request_that_fails_midway_is_withdrawn() -> None:
    """The next attempt tells its reply from the beginning."""
    attempts: list[int] = []

    class Flaky(lmnb.BaseLM):
        def forward_stream(self, prompt: Any = None, messages: Any = None, *, emit: Any, **options: Any) -> str:
            attempts.append(1)
            emit("[[ ## answer ## ]]\nPar")
            if len(attempts) == 1:
                raise lmnb.ServerError("down")
            emit("is\n")
            return "[[ ## answer ## ]]\nParis\n"

    *pieces, made = heard(Predict("question -> answer"), lm=Flaky("flaky", backoff=0.0, cache=False), question="?")
    assert [(piece.chunk, piece.withdrawn) for piece in pieces] == [
        ("Par", False),
        ("", True),
        ("Par", False),
        ("is", False),
        ("", False),
    ]
    assert made.answer == "Paris"


def test_what_a_check_sends_back_is_withdrawn() -> None:
    """The whole attempt is taken back; its steps that are kept are told again, from the trace."""

    class Checked(Program):
        def forward(self, question: str) -> Any:
            query = self.rewrite(question=question).query
            made = self.respond(question=question, query=query)
            lmnb.Assert(made.answer == "good", "Be good.")
            return made

    rows: list[Any] = [{"query": "q"}, {"reasoning": "r", "answer": "bad", "sure": True}]
    lm = FakeLM([*rows, {"reasoning": "s", "answer": "good", "sure": True}])
    *pieces, made = heard(Checked(), StreamListener("query"), StreamListener("answer"), lm=lm, question="?")
    assert texts(pieces) == {"rewrite.query": "q", "respond.predict.answer": "good"}
    assert sorted(piece.signature_field_name for piece in pieces if piece.withdrawn) == ["answer", "query"]
    assert len(lm.calls) == 3 and made.answer == "good"


def test_a_try_that_loses_is_withdrawn() -> None:
    """Of several tries the best one's text stands."""
    lm = FakeLM([{"answer": text} for text in ("too long", "b", "longer still")])
    best = lmnb.BestOfN(Predict("question -> answer"), 3, lambda inputs, made: -len(made.answer), 1)
    *pieces, made = heard(best, lm=lm, question="?")
    assert texts(pieces) == {"module.answer": "b"} and made.answer == "b"
    assert sum(piece.withdrawn for piece in pieces) == 2


def test_a_late_try_is_withdrawn() -> None:
    """A straggler that was asked twice is told once in the end."""
    first = threading.Event()

    class Slow(lmnb.BaseLM):
        def forward_stream(self, prompt: Any = None, messages: Any = None, *, emit: Any, **options: Any) -> str:
            late = not first.is_set()
            first.set()
            emit("[[ ## answer ## ]]\n")
            emit("late " if late else "soon ")
            if late:
                ended.wait(10)
            return "[[ ## answer ## ]]\n" + ("late " if late else "soon ")

    class Two(lmnb.Module):
        def __init__(self) -> None:
            self.write = Predict("question -> answer")

        def forward(self, question: str) -> Any:
            return Parallel(num_threads=1, timeout=1, disable_progress_bar=True)(self.write, [{"question": question}])[
                0
            ]

    ended = threading.Event()
    try:
        *pieces, made = heard(Two(), lm=Slow("slow", cache=False), question="?")
    finally:
        ended.set()
    assert texts(pieces) == {"write.answer": "soon"} and made.answer == "soon"


class Gated(lmnb.BaseLM):
    """Streams one letter after the other, and the second only when it is let."""

    def __init__(self) -> None:
        super().__init__("gated", cache=False)
        self.gate, self.stopped, self.asked = threading.Event(), threading.Event(), 0

    def forward_stream(self, prompt: Any = None, messages: Any = None, *, emit: Any, **options: Any) -> str:
        self.asked += 1
        try:
            emit("[[ ## text ## ]]\na")
            assert self.gate.wait(10)
            emit("b")
            emit("c")
        except lmnb.Cancelled:
            self.stopped.set()
            raise
        return "[[ ## text ## ]]\nabc"


def test_closing_a_stream_ends_the_request_and_asks_no_further() -> None:
    """A generator that is left is a call that is called off: the LM stops at its next piece, the second call is never sent."""
    lm = Gated()
    with lmnb.context(lm=lm):
        stream = streamify(Again(), async_streaming=False)(n=1)
    assert next(stream).chunk == "a"
    stream.close()
    lm.gate.set()
    assert lm.stopped.wait(10)
    assert lm.asked == 1


def test_leaving_the_loop_ends_the_request_too() -> None:
    """The asynchronous generator, closed, of a program in a thread."""
    lm = Gated()

    async def main() -> None:
        with lmnb.context(lm=lm):
            stream = streamify(Again())(n=1)
        assert (await anext(stream)).chunk == "a"
        await stream.aclose()
        lm.gate.set()
        assert await asyncio.to_thread(lm.stopped.wait, 10)

    asyncio.run(main())
    assert lm.asked == 1


@pytest.mark.parametrize("asynchronous", [True, False])
def test_closing_cancels_a_program_on_the_loop(asynchronous: bool) -> None:
    """Its task is cancelled where it waits."""
    ended = threading.Event()

    class Waiting(FakeLM):
        async def aforward_stream(self, prompt: Any = None, messages: Any = None, *, emit: Any, **options: Any) -> str:
            emit("[[ ## query ## ]]\na")
            try:
                await asyncio.sleep(60)
            finally:
                ended.set()
            return ""

    with lmnb.context(lm=Waiting()):
        stream = streamify(Program(), is_async_program=True, async_streaming=asynchronous)(question="?")

    async def main() -> None:
        assert (await anext(stream)).chunk == "a"
        await stream.aclose()
        assert ended.is_set()

    if asynchronous:
        asyncio.run(main())
    else:
        assert next(stream).chunk == "a"
        stream.close()
        assert ended.wait(10)


@pytest.mark.parametrize(("on_loop", "asynchronous"), FORMS)
def test_an_error_comes_after_what_was_told(on_loop: bool, asynchronous: bool) -> None:
    """The pieces of the steps before it, and then the program's own error."""
    lm = FakeLM([{"query": "who"}, {"twice": "t"}, lmnb.AuthError("no key")])
    with lmnb.context(lm=lm):
        stream = streamify(Program(), is_async_program=on_loop, async_streaming=asynchronous)(question="?")
    seen: list[Any] = []
    with pytest.raises(lmnb.AuthError, match="no key"):
        read(stream, seen)
    assert texts(seen) == {"rewrite.query": "who", "steps[0].twice": "t"}


def test_a_reply_that_cannot_be_read_at_all_is_withdrawn() -> None:
    """After the second failure nothing that was told stands, and the error says why."""
    broken = "[[ ## answer ## ]]\nwrong\n\n[[ ## count ## ]]\nmany\n"
    seen: list[Any] = []
    with lmnb.context(lm=FakeLM([broken, broken])):
        stream = streamify(Predict("question -> answer, count: int"), async_streaming=False)(question="?")
    with pytest.raises(lmnb.ParseError, match="two replies"):
        read(stream, seen)
    assert texts(seen) == {} and sum(item.withdrawn for item in seen) == 2


def test_the_result_can_be_left_out() -> None:
    """Without it the stream has the pieces alone; where there were none, the result comes all the same."""
    with lmnb.context(lm=FakeLM([{"answer": "a"}, {"count": 4}])):
        without = {"include_final_prediction_in_output_stream": False, "async_streaming": False}
        assert all(isinstance(item, StreamResponse) for item in streamify(Predict("q -> answer"), **without)(q="?"))
        assert [item.count for item in streamify(Predict("q -> count: int"), **without)(q="?")] == [4]


def test_messages_of_ones_own() -> None:
    """A provider words the starts and ends that it wants; one that fails is told as a warning and stops nothing."""

    class Provider(StatusMessageProvider):
        def module_start_status_message(self, instance: Any, inputs: dict[str, Any]) -> str | None:
            return f"{type(instance).__name__} {inputs}" if isinstance(instance, Predict) else None

        def module_end_status_message(self, outputs: Any) -> str | None:
            return f"gave {outputs.answer}"

        def lm_start_status_message(self, instance: Any, inputs: dict[str, Any]) -> str | None:
            return f"asks {instance.model}"

        def lm_end_status_message(self, outputs: Any) -> str | None:
            raise ValueError("a mistake")

    with lmnb.context(lm=FakeLM([{"answer": "a"}])), pytest.warns(RuntimeWarning, match="a mistake"):
        items = list(streamify(Predict("q -> answer"), Provider(), async_streaming=False)(q="?"))
    assert [item.message for item in items if isinstance(item, StatusMessage)] == [
        "Predict {'q': '?'}",
        "asks fake",
        "gave a",
    ]
    assert items[-1].answer == "a"


def test_where_a_loop_runs_a_plain_stream_does_too() -> None:
    """In a notebook's cell there is a loop already."""

    async def main() -> list[Any]:
        return heard(Predict("question -> answer"), question="?")

    assert texts(asyncio.run(main())) == {"self.answer": "Ada Lovelace"}


def test_a_budget_holds_for_a_streamed_run() -> None:
    """It is the caller's: spent calls are counted, and one too many is refused."""
    budget = lmnb.Budget(calls=2)
    with lmnb.context(budget=budget), pytest.raises(lmnb.BudgetExceeded):
        heard(Program(), question="?")
    assert budget.spent["calls"] == 2


def test_who_does_not_listen_pays_nothing() -> None:
    """An ordinary call goes by `forward`, also after another one was streamed."""

    class Streams(Whole):
        def forward_stream(self, prompt: Any = None, messages: Any = None, *, emit: Any, **options: Any) -> Any:
            raise AssertionError("nobody listens")

    lm = Streams("streams", cache=False)
    with pytest.raises(AssertionError):
        heard(Predict("question -> answer"), lm=lm, question="?")
    assert Predict("question -> answer", lm=lm)(question="?").answer == "Paris, I think"


def test_an_lm_that_asks_another_one_is_one_piece() -> None:
    """What the inner one says is not the outer one's reply."""

    class Outer(lmnb.BaseLM):
        def forward(self, prompt: Any = None, messages: Any = None, **options: Any) -> str:
            judged = Predict("text -> answer", lm=FakeLM([{"answer": "inner"}]))(text="x").answer
            return f"[[ ## answer ## ]]\nouter of {judged}"

    items = heard(Predict("question -> answer"), StreamListener("answer"), lm=Outer("outer", cache=False), question="?")
    assert [item.chunk for item in items[:-1]] == ["outer of inner"]


def test_a_generator_for_synchronous_code() -> None:
    """Items in order, then the error; closing it closes the asynchronous one."""
    closed = threading.Event()

    async def numbers(last: int) -> Any:
        try:
            for number in range(last):
                await asyncio.sleep(0)
                yield number
            raise ValueError("no more")
        finally:
            closed.set()

    seen: list[int] = []

    with pytest.raises(ValueError, match="no more"):
        read(apply_sync_streaming(numbers(3)), seen)
    assert seen == [0, 1, 2]
    closed.clear()
    endless = apply_sync_streaming(numbers(10**9))
    next(endless)
    endless.close()
    assert closed.wait(10)
