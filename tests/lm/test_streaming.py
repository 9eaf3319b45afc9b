"""Replies that come piece by piece: over HTTP through litellm, from the embedded model, from a fake."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

import lmnb
from lmnb import LM, FakeLM, Predict, streamify
from lmnb.lm.local import weights
from lmnb.streaming import StreamResponse

Remote = Callable[..., LM]
ANSWER = ["[[ ## ans", "wer ## ]]\nPa", "ris, in", " France", "\n\n[[ ## comp", "leted ## ]]"]
HOW = pytest.mark.parametrize("on_loop", [False, True])


def asked(lm: Any, on_loop: bool = False, signature: str = "question -> answer", **options: Any) -> list[Any]:
    """The items of a streamed predictor."""
    with lmnb.context(lm=lm):
        stream = streamify(Predict(signature, **options), is_async_program=on_loop, async_streaming=False)
        return list(stream(question="The capital?"))


def chunks(items: list[Any]) -> list[str]:
    return [item.chunk for item in items if isinstance(item, StreamResponse)]


@HOW
def test_a_provider_s_pieces_are_told_as_they_come(
    remote: Remote, scripted: Any, streamed: Any, said: Any, on_loop: bool
) -> None:
    """Text, usage, finish and request are those of a reply that comes whole."""
    scripted.replies = [(200, streamed(*ANSWER, prompt_tokens=21)), (200, said("".join(ANSWER), prompt_tokens=21))]
    lm = remote(temperature=0.5)
    items = asked(lm, on_loop)
    assert chunks(items) == ["Pa", "ris, in", " France", ""]
    with lmnb.context(lm=lm):
        whole = Predict("question -> answer")(question="The capital?")
    assert items[-1].answer == whole.answer == "Paris, in France"
    first, second = (entry.span.data for entry in lm.history[-2:])
    assert first["usage"] == second["usage"] == {"prompt_tokens": 21, "completion_tokens": 3}
    assert first["response"] == second["response"] and first["request"] == second["request"]
    one, other = scripted.requests
    assert one.pop("stream") is True and one.pop("stream_options") == {"include_usage": True}
    assert one == other


def test_a_piece_is_told_before_the_next_one_is_sent(remote: Remote, scripted: Any, streamed: Any) -> None:
    """The server waits with the rest until the first was seen."""
    seen = threading.Event()
    events = streamed(*ANSWER)
    scripted.replies = [(200, [*events[:2], lambda: seen.wait(10), *events[2:]])]
    with lmnb.context(lm=remote()):
        stream = streamify(Predict("question -> answer"), async_streaming=False)(question="?")
    assert next(stream).chunk == "Pa"
    assert not seen.is_set()
    seen.set()
    assert next(iter(reversed(list(stream)))).answer == "Paris, in France"


@HOW
def test_the_price_is_that_of_a_whole_reply(scripted: Any, streamed: Any, said: Any, on_loop: bool) -> None:
    """From the same table, by the provider's count."""
    priced = [{**event, "model": "gpt-4o-mini"} if isinstance(event, dict) else event for event in streamed(*ANSWER)]
    scripted.replies = [(200, priced), (200, {**said("".join(ANSWER)), "model": "gpt-4o-mini"})]
    lm = LM("openai/gpt-4o-mini", api_base=scripted.url, api_key="sk-anything", cache=False)
    asked(lm, on_loop)
    with lmnb.context(lm=lm):
        Predict("question -> answer")(question="The capital?")
    first, second = (entry.cost for entry in lm.history[-2:])
    assert first == second > 0


@HOW
def test_calls_of_tools_are_put_together(scripted: Any, streamed: Any, on_loop: bool) -> None:
    """A call whose arguments come in pieces is one call; what was said beside it is told."""
    frame, *_, end, usage, done = streamed("I look.")
    parts = [
        {"index": 0, "id": "c1", "type": "function", "function": {"name": "submit", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"answer": '}},
        {"index": 0, "function": {"arguments": '"4"}'}},
    ]
    calls = [
        {**frame, "choices": [{"index": 0, "delta": {"tool_calls": [part]}, "finish_reason": None}]} for part in parts
    ]
    end = {**end, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    scripted.replies = [(200, [frame, *calls, end, usage, done])]

    class Calling(LM):
        supports_function_calling = True  # type: ignore[assignment]

    calling = Calling("openai/scripted", api_base=scripted.url, api_key="sk-x", cache=False)
    with lmnb.context(lm=calling, adapter=lmnb.ChatAdapter(use_native_function_calling=True)):
        stream = streamify(lmnb.ReAct("question -> answer", []), is_async_program=on_loop, async_streaming=False)
        items = list(stream(question="?"))
    assert chunks(items) == ["I look.", ""] and items[-1].answer == "4"


@HOW
def test_a_failure_before_the_stream_is_tried_again(
    remote: Remote, scripted: Any, streamed: Any, failed: Any, on_loop: bool
) -> None:
    """Our count of attempts is the number of requests, as without streaming."""
    scripted.replies = [(503, failed("busy")), (200, streamed(*ANSWER))]
    lm = remote()
    items = asked(lm, on_loop)
    assert items[-1].answer == "Paris, in France" and not any(item.withdrawn for item in items[:-1])
    assert len(scripted.requests) == lm.history[-1].span.data["attempts"] == 2


@HOW
def test_a_failure_inside_the_stream_is_tried_again(
    remote: Remote, scripted: Any, streamed: Any, on_loop: bool
) -> None:
    """What came before it is withdrawn, and the next attempt told from its beginning."""
    events = streamed(*ANSWER)
    error = {"error": {"message": "overloaded", "type": "server_error", "code": 500}}
    scripted.replies = [(200, [*events[:3], error]), (200, events)]
    lm = remote()
    items = asked(lm, on_loop)
    assert [item.withdrawn for item in items[:-1]].count(True) == 1
    assert chunks(items) == ["Pa", "ris, in", "", "Pa", "ris, in", " France", ""]
    assert items[-1].answer == "Paris, in France" and len(scripted.requests) == 2


def test_a_final_failure_holds_no_key(remote: Remote, scripted: Any, failed: Any, secret: str) -> None:
    """It is of our kinds, says what to do, and the key is not in it."""
    scripted.replies = [(401, failed(f"Incorrect API key provided: {secret}", "invalid_api_key"))]
    with pytest.raises(lmnb.AuthError, match="OPENAI_API_KEY") as caught:
        asked(remote())
    assert secret not in str(caught.value)


@pytest.mark.parametrize("events", [[], ["[DONE]"], ["{}", "[DONE]"], ["no json"]])
def test_garbage_is_an_error_of_ours(remote: Remote, scripted: Any, events: list[Any]) -> None:
    """Whatever a server streams, an error of ours comes out."""
    scripted.replies = [(200, events)] * 2
    with pytest.raises((lmnb.LMError, lmnb.ParseError)):
        asked(remote(num_retries=0))


@HOW
def test_a_stream_that_is_closed_ends_the_request(remote: Remote, scripted: Any, streamed: Any, on_loop: bool) -> None:
    """The connection is closed while the provider still writes, and no second request follows."""
    frame = streamed("more ")[0]
    go = threading.Event()
    scripted.replies = [(200, [*streamed(*ANSWER)[:2], lambda: go.wait(10), *[frame] * 100_000])]
    with lmnb.context(lm=remote()):
        stream = streamify(Predict("question -> answer"), is_async_program=on_loop, async_streaming=False)(question="?")
    assert next(stream).chunk == "Pa"
    stream.close()
    go.set()
    assert scripted.left.wait(20)
    assert len(scripted.requests) == 1


TEXT = ["Pa", "ris, in", " France", "\n\n### us", "er ###\nno"]


@HOW
def test_a_text_that_is_continued_comes_piece_by_piece(
    remote: Remote, scripted: Any, streamed_text: Any, continued: Any, on_loop: bool
) -> None:
    """At the endpoint of text completions: text, usage and request are those of a reply that comes whole, without the next turn."""
    whole = {**continued("".join(TEXT)), "usage": {"prompt_tokens": 21, "completion_tokens": 3, "total_tokens": 24}}
    scripted.replies = [(200, streamed_text(*TEXT)), (200, whole)]
    lm = remote(model_type="text", temperature=0.5)
    items = asked(lm, on_loop)
    assert chunks(items) == ["Pa", "ris, in", " France", ""]
    with lmnb.context(lm=lm):
        made = Predict("question -> answer")(question="The capital?")
    assert items[-1].answer == made.answer == "Paris, in France"
    first, second = (entry.span.data for entry in lm.history[-2:])
    assert first["usage"] == second["usage"] == {"prompt_tokens": 21, "completion_tokens": 3}
    assert first["response"] == second["response"] == "Paris, in France\n" and first["request"] == second["request"]
    assert scripted.paths == ["/v1/completions"] * 2
    one, other = scripted.requests
    assert one.pop("stream") is True and one.pop("stream_options") == {"include_usage": True}
    assert one == other and one["prompt"].endswith("### assistant ###\n[[ ## answer ## ]]\n")


@HOW
def test_a_continued_text_costs_what_it_costs_whole(
    scripted: Any, streamed_text: Any, continued: Any, on_loop: bool
) -> None:
    """From the same table, by the provider's count."""
    named = {"model": "gpt-3.5-turbo-instruct"}
    whole = {**continued("".join(TEXT)), "usage": {"prompt_tokens": 21, "completion_tokens": 3, "total_tokens": 24}}
    events = [{**event, **named} if isinstance(event, dict) else event for event in streamed_text(*TEXT)]
    scripted.replies = [(200, events), (200, {**whole, **named})]
    lm = LM(
        "openai/gpt-3.5-turbo-instruct", model_type="text", api_base=scripted.url, api_key="sk-anything", cache=False
    )
    asked(lm, on_loop)
    with lmnb.context(lm=lm):
        Predict("question -> answer")(question="The capital?")
    first, second = (entry.cost for entry in lm.history[-2:])
    assert first == second > 0


@HOW
def test_a_continued_text_that_fails_or_is_left(
    remote: Remote, scripted: Any, streamed_text: Any, on_loop: bool
) -> None:
    """A failure inside the stream is tried again; a stream that is closed ends its request."""
    events = streamed_text(*TEXT)
    error = {"error": {"message": "overloaded", "type": "server_error", "code": 500}}
    scripted.replies = [(200, [*events[:2], error]), (200, events)]
    items = asked(remote(model_type="text"), on_loop)
    assert chunks(items) == ["Pa", "ris, in", "", "Pa", "ris, in", " France", ""]
    assert [item.withdrawn for item in items[:-1]].count(True) == 1
    go = threading.Event()
    scripted.replies = [(200, [*events[:1], lambda: go.wait(10), *[events[0]] * 100_000])]
    with lmnb.context(lm=remote(model_type="text")):
        stream = streamify(Predict("question -> answer"), is_async_program=on_loop, async_streaming=False)(question="?")
    assert next(stream).chunk == "Pa"
    stream.close()
    go.set()
    assert scripted.left.wait(20)
    assert len(scripted.requests) == 3


@HOW
@pytest.mark.parametrize("form", ["lmnb/tiny", "gguf"])
def test_a_model_in_process_streams_what_it_continues(form: str, on_loop: bool) -> None:
    """The pieces are those of the very text that comes whole, usage and end with it."""
    name = form if form == "lmnb/tiny" else f"gguf/{weights('lmnb/tiny')}"
    lm = LM(name, model_type="text", max_tokens=40, cache=False)
    prompt = "<|user|> [[ ## ticket ## ]]\n the bill<|end|><|assistant|>[[ ## "
    expected, pieces = lm.forward(prompt=prompt), []
    if on_loop:
        made = asyncio.run(lm.aforward_stream(prompt=prompt, emit=pieces.append))
    else:
        made = lm.forward_stream(prompt=prompt, emit=pieces.append)
    assert made["choices"][0]["text"] == expected["choices"][0]["text"] == "".join(pieces)
    assert made["choices"][0]["finish_reason"] == expected["choices"][0]["finish_reason"]
    assert made["usage"] == expected["usage"] and len(pieces) > 2


def test_what_cannot_be_streamed_alike_comes_whole(remote: Remote, scripted: Any, said: Any) -> None:
    """Several completions, log-probabilities and models that only complete text are asked for as ever."""
    text = "".join(ANSWER)
    scripted.replies = [(200, said(text)), (200, said(text))]
    for options in ({"n": 2, "temperature": 1.0}, {"logprobs": True}):
        assert chunks(asked(remote(), **options)) == ["Paris, in France"]
    assert not any("stream" in request for request in scripted.requests)


def test_a_subclass_with_a_transport_of_its_own_is_asked_by_it() -> None:
    """An LM that overrides `forward` is not gone around."""

    class Own(LM):
        def forward(self, prompt: Any = None, messages: Any = None, **options: Any) -> str:
            return "".join(ANSWER)

    assert chunks(asked(Own("openai/own", cache=False))) == ["Paris, in France"]


@HOW
def test_the_embedded_model_streams_its_reply(on_loop: bool) -> None:
    """Letter for letter the reply, tokens and end of a call that is not streamed, for any budget of tokens."""
    lm = LM("lmnb/tiny", cache=False)
    said = "[[ ## note ## ]]\n The parcel is late,\n  and so is the label.\n \n I wait."  # every line with its space
    for limit in (256, 12):
        program = Predict("ticket -> note", max_tokens=limit, grammar=f"root ::= {json.dumps(said)}")
        begun, items = len(lm.history), []
        with lmnb.context(lm=lm):
            stream = streamify(program, is_async_program=on_loop, async_streaming=False)(ticket="the password")
            for ask in (lambda: program(ticket="the password"), lambda: items.extend(stream)):
                try:
                    ask()
                except lmnb.ParseError:
                    assert limit == 12  # cut off, and asked again
        calls = [entry.span.data for entry in lm.history[begun:]]
        told = [(each["response"], each["usage"], each["attempts"]) for each in calls]
        assert told[: len(told) // 2] == told[len(told) // 2 :]
        if limit == 256:
            assert items[-1].note == "The parcel is late,\n and so is the label.\n\nI wait."
            assert "".join(chunks(items)) == items[-1].note and len(chunks(items)) > 5


def test_the_embedded_model_stops_when_nobody_reads() -> None:
    """A reply that is left ends early, and the next one is as ever."""
    lm = LM("lmnb/tiny", cache=False, n_servers=1)
    pieces: list[str] = []

    def left(text: str) -> None:
        pieces.append(text)
        raise lmnb.Cancelled("left")

    messages = [{"role": "user", "content": "Say something."}]
    expected = lm.forward(messages=messages)["choices"]
    with pytest.raises(lmnb.Cancelled, match="left"):
        lm.forward_stream(messages=messages, emit=left)
    assert len(pieces) == 1
    assert lm.forward(messages=messages)["choices"] == expected


def test_a_prompt_that_is_too_long_says_so() -> None:
    """A refusal is the same error as without streaming."""
    with pytest.raises(lmnb.ContextWindowError, match="takes 2048"):
        LM("lmnb/tiny", cache=False).forward_stream(messages=[{"role": "user", "content": "word " * 3000}], emit=print)


def test_a_fake_cuts_its_reply() -> None:
    """Pieces of `chunk_size` characters, in both forms; the whole is what `forward` gives."""
    pieces: list[str] = []
    lm = FakeLM(["abcdefg"] * 2, chunk_size=3)
    reply = lm.forward_stream(messages=[], emit=pieces.append)
    assert asyncio.run(lm.aforward_stream(messages=[], emit=pieces.append)) == reply
    assert pieces == ["abc", "def", "g"] * 2
    with pytest.raises(lmnb.InputError, match="chunk_size is 0"):
        FakeLM([], chunk_size=0)


def test_an_lm_of_ones_own_streams_in_asynchronous_code() -> None:
    """`forward_stream` alone is enough: it runs in a thread there."""

    class Slow(lmnb.BaseLM):
        def forward_stream(self, prompt: Any = None, messages: Any = None, *, emit: Any, **options: Any) -> str:
            assert threading.current_thread() is not threading.main_thread()
            for piece in ANSWER:
                emit(piece)
            return "".join(ANSWER)

    assert chunks(asked(Slow("slow", cache=False), on_loop=True)) == ["Pa", "ris, in", " France", ""]
