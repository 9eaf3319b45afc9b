"""Prompt caching on the provider's side: what is marked, for whom, and what it changes: the bill, and nothing of ours."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import lmnb
from lmnb import LM
from lmnb.lm.drive import drive
from lmnb.lm.prompt_cache import marked

MARK = {"type": "ephemeral"}
CLAUDE = "anthropic/claude-sonnet-4-5"


def turn(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def part(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, **more}


PROMPT = [turn("system", "S"), turn("user", "d1"), turn("assistant", "r1"), turn("user", "asked")]


def claude_reply(text: str = "hi", **usage: int) -> dict[str, Any]:
    """A message as Anthropic's API writes it."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 3, **usage},
    }


@pytest.fixture
def claude(scripted: Any) -> LM:
    return LM(CLAUDE, api_base=scripted.url.removesuffix("/v1"), api_key="sk-ant-0123456789", backoff=0.0)


MARKED = {
    "system and demos": (PROMPT, [0, 2]),
    "system alone": ([PROMPT[0], PROMPT[-1]], [0]),
    "demos alone": (PROMPT[1:], [1]),
    "nothing before the last turn": (PROMPT[-1:], []),
    "nothing": ([], []),
    "an empty text takes no mark": ([turn("system", " "), turn("user", "d1"), turn("assistant", ""), PROMPT[-1]], [1]),
    "nor do calls of tools": (
        [PROMPT[0], {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}, PROMPT[-1]],
        [0],
    ),
    "two system messages, the last one": ([turn("system", "A"), turn("developer", "B"), PROMPT[-1]], [1]),
}


@pytest.mark.parametrize("name", MARKED)
def test_the_end_of_what_stays_the_same_is_marked(name: str) -> None:
    """System message and demos, each at its end; texts are as they were, and the messages given are left alone."""
    messages, places = MARKED[name]
    before = copy.deepcopy(messages)
    made = marked(messages)
    for at, (given, message) in enumerate(zip(messages, made, strict=True)):
        expected = {**given, "content": [part(given["content"], cache_control=MARK)]} if at in places else given
        assert message == expected
    assert messages == before


def test_the_last_part_of_a_message_with_media_carries_the_mark() -> None:
    """The mark covers all parts before it."""
    picture = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    (made, _) = marked([turn("user", [part("look"), picture]), PROMPT[-1]])
    assert made["content"] == [part("look"), {**picture, "cache_control": MARK}]
    (made, _) = marked([turn("user", [picture, part(" ")]), PROMPT[-1]])
    assert made["content"] == [picture, part(" ")]


@pytest.mark.parametrize(
    "own", [turn("user", [part("mine", cache_control=MARK)]), {**turn("user", "mine"), "cache_control": MARK}]
)
def test_marks_of_the_callers_own_stay_alone(own: dict[str, Any]) -> None:
    """A provider takes four marks a request, so ours do not come on top."""
    messages = [PROMPT[0], own, PROMPT[-1]]
    assert marked(messages) == messages


@pytest.mark.parametrize("wanted", ["auto", True])
def test_claude_is_sent_the_marks(claude: LM, scripted: Any, wanted: Any) -> None:
    """Over HTTP, in Anthropic's own form: the system block and the last demo; the trace shows the prompt without them."""
    scripted.replies = [(200, claude_reply())]
    lm = claude.copy(prompt_cache=wanted)
    assert lm(messages=PROMPT) == ["hi"]
    (sent,) = scripted.requests
    assert sent["system"] == [part("S", cache_control=MARK)]
    assert [message["content"][-1].get("cache_control") for message in sent["messages"]] == [None, MARK, None]
    assert "prompt_cache" not in sent and lm.history[-1].messages == PROMPT


@pytest.mark.parametrize("wanted", [None, False])
def test_without_it_nothing_is_marked(claude: LM, scripted: Any, wanted: Any) -> None:
    """Writing to the provider's cache costs money, so it is asked for."""
    scripted.replies = [(200, claude_reply())]
    claude.copy(prompt_cache=wanted)(messages=PROMPT)
    assert "cache_control" not in str(scripted.requests) and "prompt_cache" not in scripted.requests[0]


@pytest.mark.parametrize(("wanted", "count"), [("auto", 0), (True, 2)])
def test_others_are_sent_marks_only_when_told_to(
    remote: Any, scripted: Any, said: Any, wanted: Any, count: int
) -> None:
    """OpenAI and most others cache by themselves; a server of one's own may want the marks."""
    scripted.replies = [(200, said())]
    remote(prompt_cache=wanted)(messages=PROMPT)
    (sent,) = scripted.requests
    assert str(sent).count("cache_control") == count and "prompt_cache" not in sent


def test_what_the_provider_cached_is_in_the_usage(claude: LM, scripted: Any) -> None:
    """Tokens that were read from its cache and tokens that were written to it, for a call, a program and a block."""
    told = claude_reply(
        "[[ ## answer ## ]]\nx\n\n[[ ## completed ## ]]", cache_read_input_tokens=2000, cache_creation_input_tokens=500
    )
    scripted.replies = [(200, told)] * 2
    lm = claude.copy(prompt_cache="auto", cache=False)
    predict = lmnb.Predict("question -> answer", lm=lm)
    with lmnb.track_usage() as usage:
        made = [predict(question="a"), predict(question="b")]
    assert lm.history[-1].usage == {
        "prompt_tokens": 2509,
        "completion_tokens": 3,
        "cached_tokens": 2000,
        "cache_creation_tokens": 500,
    }
    counts = usage.get_total_tokens()[CLAUDE]
    assert (counts["cached_tokens"], counts["cache_creation_tokens"], counts["cache_hits"]) == (4000, 1000, 0)
    assert made[0].get_lm_usage()[CLAUDE]["cached_tokens"] == 2000


def test_tokens_from_the_cache_cost_less(claude: LM, scripted: Any) -> None:
    """The price table knows; the budget counts what was paid."""
    scripted.replies = [(200, claude_reply(input_tokens=2009)), (200, claude_reply(cache_read_input_tokens=2000))]
    lm = claude.copy(cache=False)
    lm("a"), lm("b")
    full, cached = (entry.cost for entry in lm.history)
    assert 0 < cached < full / 2


def test_our_own_cache_is_not_concerned(claude: LM, scripted: Any) -> None:
    """The reply is the same with and without marks, so it is bought once."""
    scripted.replies = [(200, claude_reply())]
    for wanted in (None, "auto", True, False):
        assert claude.copy(prompt_cache=wanted)(messages=PROMPT) == ["hi"]
        assert claude(messages=PROMPT, prompt_cache=wanted) == ["hi"]
    assert len(scripted.requests) == 1


def test_a_local_models_prompt_cache_is_another_thing() -> None:
    """There it decides whether a server keeps the tokens of the last prompt, which may move a probability; 'auto' is its default."""
    lm = LM("gguf/model.gguf")
    messages = [turn("user", "x")]

    def name(**decoding: Any) -> str:
        return lm.request_hash(messages, decoding)

    assert name() == name(prompt_cache="auto") != name(prompt_cache=True) != name(prompt_cache=False)
    tiny = LM("lmnb/tiny", cache=False, max_tokens=3)
    assert tiny.copy(prompt_cache="auto")("hi") == tiny("hi")


def test_a_wrong_value_says_which_there_are(remote: Any, scripted: Any) -> None:
    """Before anything is sent."""
    with pytest.raises(lmnb.InvalidRequestError, match=r"has prompt_cache='yes'. Write 'auto', True, False or None"):
        remote(prompt_cache="yes")("hi")
    assert scripted.requests == []


def test_it_is_saved_with_the_lm() -> None:
    """A program file may set it: it leads nobody anywhere."""
    lm = LM(CLAUDE, prompt_cache="auto")
    assert LM.load_state(lm.dump_state()).kwargs == {"prompt_cache": "auto"}


def test_a_completion_model_has_no_message_to_mark(scripted: Any, secret: str) -> None:
    """Its prompt is one text, and the option is not sent."""
    reply = {"id": "1", "object": "text_completion", "created": 1, "model": "m", "choices": [{"index": 0, "text": "x"}]}
    scripted.replies = [(200, reply)]
    lm = LM(
        "openai/m",
        model_type="text",
        api_base=scripted.url,
        api_key=secret,
        cache=False,
        prompt_cache=True,
        backoff=0.0,
    )
    response = drive(lm.request(PROMPT, sync=True))
    assert response.texts == ["x"] and isinstance(scripted.requests[0]["prompt"], str)
    assert "prompt_cache" not in scripted.requests[0] and "cache_control" not in str(scripted.requests)
