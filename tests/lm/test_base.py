"""The one request path: what goes out, what comes back, retries, history, saving."""

from __future__ import annotations

import asyncio
import copy
import io
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

import lmnb
from lmnb import BaseLM, FakeLM
from lmnb.data_uri import write_uri
from lmnb.lm.drive import drive
from lmnb.trace import span


class Plain(BaseLM):
    """Answers with what it was made with, and notes the options that reached it."""

    def __init__(self, reply: Any, **options: Any) -> None:
        super().__init__("plain", **{"cache": False, **options})
        self.reply = reply
        self.seen: list[dict[str, Any]] = []

    def forward(self, prompt: str | None = None, messages: Any = None, **kwargs: Any) -> Any:
        self.seen.append(kwargs)
        return self.reply() if callable(self.reply) else self.reply


def flaky(*errors: Exception) -> FakeLM:
    return FakeLM([*errors, "ok"], backoff=0.0)


@pytest.mark.parametrize(
    "reply",
    [
        "hi",
        ["hi"],
        {"choices": [{"message": {"content": "hi"}}]},
        {"choices": [{"text": "hi"}]},
        {"choices": [{"message": {"content": [{"type": "text", "text": "hi"}]}}]},
        SimpleNamespace(
            choices=[SimpleNamespace(message=SimpleNamespace(content="hi"), finish_reason="stop")], usage=None
        ),
    ],
)
def test_every_shape_of_reply_gives_its_text(reply: Any) -> None:
    """A str, a list, chat and text completions, dicts and objects all read the same."""
    assert Plain(reply)("hello") == ["hi"]


@pytest.mark.parametrize("reply", [None, 3, {}, {"choices": []}, [1], []])
def test_a_reply_of_no_known_shape_says_what_forward_should_return(reply: Any) -> None:
    """What cannot be read is quoted, with the shapes that can."""
    with pytest.raises(lmnb.LMError, match="Let forward return a str, a list of str or an OpenAI-shaped") as caught:
        Plain(reply)("hello")
    assert repr(reply) in str(caught.value)
    assert caught.value.model == "plain"


def test_options_of_the_lm_and_of_the_call_are_joined() -> None:
    """The call's options win, and None takes a default away."""
    lm = Plain("hi", temperature=0.5, max_tokens=10, top_p=0.9)
    lm("hello", max_tokens=20, top_p=None)
    assert lm.seen == [{"temperature": 0.5, "max_tokens": 20}]
    assert lm.history[-1].kwargs == {"temperature": 0.5, "max_tokens": 20}


def test_a_rollout_id_is_part_of_the_request_and_is_not_sent() -> None:
    """Two rollouts of one prompt are two requests to cache and recorder, and one to the provider."""
    lm = Plain("hi", cache=True)
    lm("hello", rollout_id=1)
    lm("hello", rollout_id=2)
    lm("hello", rollout_id=1)
    assert lm.seen == [{}, {}]
    assert [entry.cache for entry in lm.history] == ["miss", "miss", "hit"]


def test_usage_cost_and_finish_are_read() -> None:
    """What the provider counted reaches the response and the span."""
    reply = {
        "choices": [{"message": {"content": "hi"}, "finish_reason": "length"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 3}},
        "cost": 0.25,
    }
    lm = Plain(reply)
    response = drive(lm.request([{"role": "user", "content": "x"}], sync=True))
    assert response.usage == {"prompt_tokens": 5, "completion_tokens": 2, "cached_tokens": 3}
    assert (response.cost, response.finish, response.cache, response.attempts) == (0.25, "length", "off", 1)
    assert lm.history[-1].usage == response.usage


def test_a_call_without_prompt_or_messages_says_how_to_write_it() -> None:
    """Calling an LM with nothing is an error before anything is sent."""
    lm = Plain("hi")
    with pytest.raises(lmnb.InputError, match=r"Write lm\('...'\) or lm\(messages="):
        lm()
    assert lm.seen == []


def test_a_retryable_failure_is_tried_again_and_counted() -> None:
    """The answer comes, and the span says how often the request was sent."""
    lm = flaky(lmnb.RateLimitError("slow down"), lmnb.ServerError("oops"))
    assert lm("hello") == ["ok"]
    assert len(lm.calls) == 3
    assert lm.history[-1].span.data["attempts"] == 3


def test_retries_end_and_the_last_error_says_how_many_there_were() -> None:
    """num_retries more attempts follow the first, then the error is raised."""
    lm = FakeLM([lmnb.TransportError("unreachable")] * 9, backoff=0.0, num_retries=2)
    with pytest.raises(lmnb.TransportError, match="unreachable") as caught:
        lm("hello")
    assert len(lm.calls) == 3
    assert caught.value.__notes__ == ["given up after 3 attempts: num_retries=2"]


def test_what_a_retry_cannot_help_is_raised_at_once() -> None:
    """A refused key is not tried again."""
    lm = flaky(lmnb.AuthError("no"))
    with pytest.raises(lmnb.AuthError):
        lm("hello")
    assert len(lm.calls) == 1


def test_a_wait_that_the_provider_asks_for_is_kept() -> None:
    """`retry_after` of an error takes the place of the backoff."""
    error = lmnb.RateLimitError("later")
    vars(error)["retry_after"] = 0.2
    lm = flaky(error)
    started = time.perf_counter()
    lm("hello")
    assert time.perf_counter() - started >= 0.2


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("asked", [-1, -0.5, float("nan"), float("-inf"), "soon", [1], 10**400])
def test_a_wait_that_is_no_time_is_not_kept(asked: Any, how: str) -> None:
    """What a provider or an error asks for may be anything: the call is tried again as if it had asked for nothing."""
    error = lmnb.RateLimitError("later")
    vars(error)["retry_after"] = asked
    lm = flaky(error)
    assert (asyncio.run(lm.acall("hello")) if how == "async" else lm("hello")) == ["ok"]
    assert len(lm.calls) == 2


def test_retries_work_in_asynchronous_calls() -> None:
    """The same core serves both forms."""
    lm = flaky(lmnb.ServerError("oops"))
    assert asyncio.run(lm.acall("hello")) == ["ok"]
    assert len(lm.calls) == 2


def test_an_lm_without_aforward_does_not_block_the_loop() -> None:
    """`forward` runs in a thread then, many side by side, and sees the context of its caller."""
    lm = Plain(lambda: (time.sleep(0.1), str(lmnb.settings.num_threads))[1])

    async def main() -> tuple[list[list[str]], float]:
        with lmnb.context(num_threads=3):
            started = time.perf_counter()
            replies = await asyncio.gather(*[lm.acall("hello") for _ in range(16)])
            return replies, time.perf_counter() - started

    replies, seconds = asyncio.run(main())
    assert replies == [["3"]] * 16
    assert seconds < 1.2


def test_a_synchronous_call_works_where_a_loop_runs() -> None:
    """A notebook runs a loop already; lm() must work there."""

    async def main() -> list[str]:
        return FakeLM(["hi"])("hello")

    assert asyncio.run(main()) == ["hi"]


def test_a_thousand_calls_side_by_side_take_about_as_long_as_one() -> None:
    """Asynchronous calls wait without a thread each."""
    lm = FakeLM(lambda messages: messages[-1]["content"], delay=0.05)

    async def main() -> list[list[str]]:
        return await asyncio.gather(*[lm.acall(str(number)) for number in range(1000)])

    started, before = time.perf_counter(), threading.active_count()
    assert asyncio.run(main()) == [[str(number)] for number in range(1000)]
    assert time.perf_counter() - started < 5
    assert threading.active_count() <= before + 1


def test_a_coroutine_that_waits_cannot_be_driven() -> None:
    """A synchronous call never hides an event loop; the error names the way out."""

    async def slow() -> None:
        await asyncio.sleep(0)

    with pytest.raises(lmnb.LmnbError, match=r"await program\.acall"):
        drive(slow())


def test_a_call_is_a_span_with_all_that_a_viewer_needs() -> None:
    """Messages, options, reply, usage, cost, cache and attempts hang in the tree that is open."""
    with span("module", "outer") as outer:
        FakeLM(["hi"], temperature=0.5)("hello")
    data = outer.children[0].data
    assert outer.children[0].kind == "lm"
    assert data["messages"] == [{"role": "user", "content": "hello"}]
    assert data["request"] == {"temperature": 0.5}
    assert (data["response"], data["cache"], data["attempts"], data["cost"]) == ("hi", "off", 1, 0.0)


def test_a_failed_call_stays_in_the_history() -> None:
    """What was sent can be looked at also where no reply came."""
    lm = FakeLM([lmnb.AuthError("no")])
    with pytest.raises(lmnb.AuthError):
        lm("hello")
    (entry,) = lm.history
    assert entry.messages == [{"role": "user", "content": "hello"}]
    assert entry.response is None
    assert entry.span.error == "AuthError: no"


def test_history_is_the_lms_own_and_keeps_what_was_sent() -> None:
    """Another LM's calls are not in it, and a list that the caller goes on with does not change it."""
    lm, other = FakeLM(["one", "two"]), FakeLM(["three"])
    messages = [{"role": "user", "content": "a"}]
    lm(messages=messages)
    messages.append({"role": "user", "content": "b"})
    other("c")
    lm(messages=messages)
    assert [entry.response for entry in lm.history] == ["one", "two"]
    assert [len(entry.messages) for entry in lm.history] == [1, 2]
    out = io.StringIO()
    lm.inspect_history(file=out)
    assert "two" in out.getvalue() and "one" not in out.getvalue()


def test_the_printed_history_names_the_media_of_a_reply() -> None:
    """A picture in a reply is printed by kind and size."""
    lm, out = Plain(f"see {write_uri(bytes(3000), 'image/png')}"), io.StringIO()
    lm("draw")
    lm.inspect_history(file=out)
    assert "see data:image/png;base64,… (3.0 kB)\n" in out.getvalue() and "AAAA" not in out.getvalue()


def test_a_copy_changes_options_and_leaves_the_lm_alone() -> None:
    """`copy` takes options, settings of the LM, and None to take an option away."""
    lm = Plain("hi", temperature=0.5, max_tokens=10)
    made = lm.copy(temperature=None, rollout_id=3, num_retries=0, model="other")
    assert (made.model, made.num_retries, made.kwargs) == ("other", 0, {"max_tokens": 10, "rollout_id": 3})
    assert (lm.model, lm.num_retries, lm.kwargs) == ("plain", 3, {"temperature": 0.5, "max_tokens": 10})


def test_a_deep_copy_of_a_program_shares_its_lm() -> None:
    """An LM holds connections and counters; two of it would be two LMs."""
    lm = FakeLM(["hi"])
    assert copy.deepcopy({"lm": lm})["lm"] is lm


def test_the_state_of_an_lm_comes_back() -> None:
    """Model, options and settings survive saving."""
    lm = lmnb.LM("openai/gpt-5-mini", temperature=0.5, max_tokens=10, num_retries=1, cache=False)
    made = lmnb.LM.load_state(lm.dump_state())
    assert made.dump_state() == lm.dump_state()
    assert made.dump_state()["temperature"] == 0.5


def test_a_subclass_without_forward_says_what_it_needs() -> None:
    """BaseLM alone cannot answer."""
    with pytest.raises(NotImplementedError, match="BaseLM needs a method forward"):
        BaseLM("x", cache=False)("hello")
