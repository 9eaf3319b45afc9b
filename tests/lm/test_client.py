"""LM over HTTP through litellm: replies, every kind of failure, retries, cost."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import lmnb
from lmnb import LM

Remote = Callable[..., LM]


def test_a_reply_with_usage(remote: Remote, scripted: Any, said: Any, secret: str) -> None:
    """Text, tokens and finish arrive; options and key go out."""
    scripted.replies = [(200, said("hi"))]
    lm = remote(temperature=0.5, max_tokens=10)
    assert lm("hello", stop=["END"], rollout_id=4) == ["hi"]
    (sent,) = scripted.requests
    assert sent["messages"] == [{"role": "user", "content": "hello"}]
    assert (sent["temperature"], sent["max_tokens"], sent["stop"], sent["model"]) == (0.5, 10, ["END"], "scripted")
    assert "rollout_id" not in sent
    assert lm.history[-1].usage == {"prompt_tokens": 7, "completion_tokens": 3}


def test_the_price_comes_from_the_table(scripted: Any, said: Any) -> None:
    """A known model has a cost, an unknown one has none."""
    scripted.replies = [(200, {**said(), "model": "gpt-4o-mini"}), (200, said())]
    options = {"api_base": scripted.url, "api_key": "sk-anything", "cache": False}
    known, unknown = LM("openai/gpt-4o-mini", **options), LM("openai/own-model", **options)
    known("hello")
    unknown("hello")
    assert 0 < known.history[-1].cost < 0.001
    assert not unknown.history[-1].cost


def test_asynchronous_calls_in_one_loop_after_another(remote: Remote, scripted: Any, said: Any) -> None:
    """Clients that were opened in a closed loop are not used again."""
    lm = remote()
    for _ in range(2):
        scripted.replies = [(200, said(str(number))) for number in range(5)]

        async def main() -> list[list[str]]:
            return await asyncio.gather(*[lm.acall("hello") for _ in range(5)])

        assert sorted(text for (text,) in asyncio.run(main())) == ["0", "1", "2", "3", "4"]


FAILURES = [
    (401, "Incorrect API key provided", "invalid_api_key", lmnb.AuthError, "Set OPENAI_API_KEY in the environment"),
    (403, "You may not", None, lmnb.AuthError, "is missing or refused"),
    (404, "The model does not exist", "model_not_found", lmnb.ModelNotFound, "Check the name after 'openai/'"),
    (400, "Unsupported value: temperature", None, lmnb.InvalidRequestError, "Unsupported value: temperature"),
    (422, "Unprocessable", None, lmnb.InvalidRequestError, "refused the request"),
    (
        400,
        "This model's maximum context length is 8192 tokens",
        "context_length_exceeded",
        lmnb.ContextWindowError,
        "Use fewer or shorter demos",
    ),
    (429, "You exceeded your current quota", "insufficient_quota", lmnb.AuthError, "has no credit left"),
]


@pytest.mark.parametrize(("status", "text", "code", "kind", "hint"), FAILURES)
def test_a_final_failure_is_raised_at_once(
    remote: Remote, scripted: Any, failed: Any, status: int, text: str, code: str | None, kind: type, hint: str
) -> None:
    """The kind, the model and what to do, after one request."""
    scripted.replies = [(status, failed(text, code))]
    with pytest.raises(lmnb.LMError) as caught:
        remote()("hello")
    assert type(caught.value) is kind
    assert hint in str(caught.value)
    assert "'openai/scripted'" in str(caught.value)
    assert caught.value.model == "openai/scripted"
    assert len(scripted.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_passing_failure_is_tried_again(remote: Remote, scripted: Any, failed: Any, said: Any, status: int) -> None:
    """Our count of attempts is the number of requests that the server saw: nobody below retries too."""
    scripted.replies = [(status, failed("busy")), (status, failed("busy")), (200, said("hi"))]
    lm = remote()
    assert lm("hello") == ["hi"]
    assert len(scripted.requests) == lm.history[-1].span.data["attempts"] == 3


def test_a_passing_failure_is_tried_again_in_async_calls(remote: Remote, scripted: Any, failed: Any, said: Any) -> None:
    """The asynchronous transport counts the same."""
    scripted.replies = [(500, failed("busy")), (429, failed("busy")), (200, said("hi"))]
    lm = remote()
    assert asyncio.run(lm.acall("hello")) == ["hi"]
    assert len(scripted.requests) == lm.history[-1].span.data["attempts"] == 3


def test_retries_end(remote: Remote, scripted: Any, failed: Any) -> None:
    """After num_retries more attempts the error is raised."""
    scripted.replies = [(500, failed("down"))] * 9
    with pytest.raises(lmnb.ServerError, match="failed on the provider's side"):
        remote(num_retries=2)("hello")
    assert len(scripted.requests) == 3


def test_the_wait_that_a_provider_asks_for_is_read(remote: Remote, scripted: Any, failed: Any) -> None:
    """Retry-After reaches the error."""
    scripted.replies = [(429, failed("slow"), {"retry-after": "7"})]
    with pytest.raises(lmnb.RateLimitError) as caught:
        remote(num_retries=0)("hello")
    assert vars(caught.value)["retry_after"] == 7.0


@pytest.mark.parametrize("body", ["<html>not json</html>", "{}", '{"choices": []}'])
def test_garbage_is_an_error_of_ours(remote: Remote, scripted: Any, body: str) -> None:
    """Whatever a server sends, an LMError comes out."""
    scripted.replies = [(200, body)]
    with pytest.raises(lmnb.LMError, match="openai/scripted"):
        remote(num_retries=0)("hello")


def test_nobody_listens(remote: Remote) -> None:
    """A refused connection says to check network and api_base, after the retries."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    lm = remote(api_base=f"http://127.0.0.1:{port}/v1", num_retries=1)
    with pytest.raises(lmnb.TransportError, match=r"could not be reached. Check the network, and api_base"):
        lm("hello")
    assert lm.history[-1].span.data["attempts"] == 2


def test_no_key_at_all(scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable to set, and nothing is retried."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    lm = LM("openai/scripted", api_base=scripted.url, cache=False)
    with pytest.raises(lmnb.AuthError, match="OPENAI_API_KEY"):
        lm("hello")
    assert lm.history[-1].span.data["attempts"] == 1


def test_an_unknown_provider_says_how_names_are_written() -> None:
    """A model without a known prefix cannot be sent anywhere."""
    with pytest.raises(
        lmnb.ModelNotFound, match=r"no provider is known for the model 'nowhere/model'. Write provider/model"
    ):
        LM("nowhere/model", cache=False)("hello")


def test_an_unknown_model_type_says_which_there_are() -> None:
    """Only chat and text are spoken."""
    with pytest.raises(lmnb.InvalidRequestError, match="Write model_type='chat' or 'text'"):
        LM("openai/x", model_type="answers", api_key="k", cache=False)("hello")


def test_stop_is_not_sent_to_models_that_refuse_it() -> None:
    """Adapters ask the LM; the table of litellm knows."""
    assert LM("openai/gpt-4o-mini").supports_stop
    assert not LM("openai/gpt-5-mini").supports_stop
    assert LM("lmnb/tiny").supports_stop


def test_nothing_heavy_is_loaded_before_the_first_call() -> None:
    """Making an LM imports neither litellm nor the local runtime."""
    code = (
        "import sys, lmnb; lmnb.LM('openai/x'); lmnb.LM('lmnb/tiny'); "
        "print([name for name in ('litellm', 'xllamacpp', 'pandas', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


def test_a_real_server_answers_as_the_model_in_process(llama_server: str, secret: str) -> None:
    """llama.cpp's own OpenAI-compatible server on the embedded model: same text, usage, stop and length."""
    remote = LM("openai/tiny", api_base=llama_server, api_key=secret, temperature=0.0, cache=False)
    local = LM("lmnb/tiny", cache=False)
    messages = [
        {"role": "system", "content": "Route the ticket to the right team. If it is about billing, answer otter."},
        {"role": "user", "content": "[[ ## ticket ## ]]\nPlease check the refund.\n\nReply with `[[ ## team ## ]]`."},
    ]
    said = remote(messages=messages, max_tokens=40)[0].replace("\n ", "\n").strip()
    assert said == local(messages=messages, max_tokens=40)[0]
    assert remote.history[-1].usage == {**local.history[-1].usage, **_cached(remote)}
    assert remote(messages=messages, max_tokens=2) != [said]


def _cached(lm: LM) -> dict[str, int]:
    return {key: value for key, value in lm.history[-1].usage.items() if key == "cached_tokens"}


def test_a_real_server_serves_async_and_streams_of_calls(llama_server: str, secret: str) -> None:
    """Twenty calls side by side over HTTP give what one after another gives."""
    lm = LM("openai/tiny", api_base=llama_server, api_key=secret, temperature=0.0, max_tokens=8, cache=False)

    async def main() -> list[list[str]]:
        return await asyncio.gather(*[lm.acall(f"ticket {number}") for number in range(20)])

    assert asyncio.run(main()) == [lm(f"ticket {number}") for number in range(20)]


def test_a_real_server_refuses(llama_server: str, secret: str) -> None:
    """A wrong key and a prompt that is too long give the errors that they should."""
    with pytest.raises(lmnb.AuthError):
        LM("openai/tiny", api_base=llama_server, api_key="sk-wrong-key-123", cache=False)("hello")
    with pytest.raises(lmnb.ContextWindowError, match="Use fewer or shorter demos"):
        LM("openai/tiny", api_base=llama_server, api_key=secret, cache=False)("word " * 5000)


def test_calls_of_tools_go_over_the_wire(scripted: Any, said: Any, secret: str) -> None:
    """litellm sends our tools and gives the provider's calls; what it knows of the model says whether they are sent."""
    call = {"id": "c1", "type": "function", "function": {"name": "double", "arguments": '{"x": 4}'}}
    body = said("")
    body["choices"][0] = {
        "index": 0,
        "message": {"role": "assistant", "content": None, "tool_calls": [call]},
        "finish_reason": "tool_calls",
    }
    scripted.replies = [(200, body)]
    lm = LM("openai/gpt-4o-mini", api_base=scripted.url, api_key=secret, cache=False)
    assert lm.supports_function_calling and not LM("lmnb/tiny").supports_function_calling
    assert not LM("openai/gpt-4o-mini", model_type="text").supports_function_calling
    assert not LM("openai/scripted").supports_function_calling
    double = lmnb.Tool(lambda x: 2 * x, name="double", args={"x": {"type": "integer"}})
    predict = lmnb.Predict(
        lmnb.Signature({"tools": (list[lmnb.Tool], lmnb.InputField()), "calls": (lmnb.ToolCalls, lmnb.OutputField())})
    )
    with lmnb.context(lm=lm, adapter=lmnb.ChatAdapter(use_native_function_calling=True, parallel_tool_calls=False)):
        made = predict(tools=[double]).calls
    assert [result.value for result in made.execute([double])] == [8] and made.tool_calls[0].id == "c1"
    (sent,) = scripted.requests
    assert sent["tools"][0]["function"]["name"] == "double" and sent["parallel_tool_calls"] is False


def test_a_call_cannot_name_another_model(scripted: Any) -> None:
    """The key of an LM goes to its own model's provider: another model in a call is refused, and nothing is sent."""
    lm = lmnb.LM("openai/scripted", api_key="k", api_base=scripted.url, cache=False)
    with pytest.raises(lmnb.InvalidRequestError, match=r"lm\.copy\(model=\.\.\.\)"):
        lm("hello", model="openrouter/some/model")
    assert scripted.requests == []


def test_the_system_message_goes_to_the_developer_where_it_is_asked_for(
    remote: Remote, scripted: Any, said: Any
) -> None:
    """`use_developer_role` changes the role that is sent and nothing else: the trace and the saved LM keep it as it was said."""
    scripted.replies = [(200, said("hi"))]
    lm = remote(use_developer_role=True).copy(
        model="openai/o3-mini"
    )  # litellm takes the role back for models that do not know it
    messages = [{"role": "system", "content": "S"}, {"role": "user", "content": "hi"}]
    lm(messages=messages)
    sent = scripted.requests[-1]
    assert [message["role"] for message in sent["messages"]] == ["developer", "user"]
    assert "use_developer_role" not in sent
    assert lm.history[-1].messages == messages
    assert lm.dump_state()["use_developer_role"] is True


def test_what_may_work_later_can_be_told() -> None:
    """`is_retryable_lm_error` is true of the failures that are retried, and of no other."""
    later = [lmnb.RateLimitError, lmnb.ServerError, lmnb.TransportError, lmnb.LMTimeoutError]
    never = [lmnb.AuthError, lmnb.ContextWindowError, lmnb.InvalidRequestError, lmnb.ModelNotFound]
    assert all(lmnb.is_retryable_lm_error(kind("no")) for kind in later)
    assert not any(lmnb.is_retryable_lm_error(error) for error in [*(kind("no") for kind in never), ValueError()])
