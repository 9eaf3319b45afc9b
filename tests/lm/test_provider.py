"""The local models behind litellm's own functions."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

import pytest

import lmnb
from lmnb.lm.provider import register

MESSAGES = [{"role": "user", "content": "hello"}]


@pytest.fixture(autouse=True)
def registered() -> None:
    register()
    register()


def test_completion_answers_like_our_lm() -> None:
    """The same model, by litellm's door."""
    litellm: Any = import_module("litellm")

    reply = litellm.completion(model="lmnb/tiny", messages=MESSAGES, temperature=0.0, max_tokens=20)
    assert [reply.choices[0].message.content] == lmnb.LM("lmnb/tiny", cache=False)("hello", max_tokens=20)
    assert reply.model == "lmnb/tiny"
    assert reply.usage.completion_tokens > 0


def test_acompletion_answers_too() -> None:
    """And asynchronously."""
    litellm: Any = import_module("litellm")

    async def main() -> list[str]:
        asked = [litellm.acompletion(model="lmnb/tiny", messages=MESSAGES, max_tokens=20) for _ in range(4)]
        return [reply.choices[0].message.content for reply in await asyncio.gather(*asked)]

    assert asyncio.run(main()) == lmnb.LM("lmnb/tiny", cache=False)("hello", max_tokens=20) * 4


def test_errors_are_litellms_own() -> None:
    """Code written for litellm catches what it knows."""
    litellm: Any = import_module("litellm")

    with pytest.raises(litellm.exceptions.ContextWindowExceededError, match="takes 2048"):
        litellm.completion(model="lmnb/tiny", messages=[{"role": "user", "content": "word " * 3000}])
    with pytest.raises(litellm.exceptions.NotFoundError, match="there is no embedded model 'huge'"):
        litellm.completion(model="lmnb/huge", messages=MESSAGES)


def test_registering_keeps_other_providers() -> None:
    """Somebody's own custom provider stays, and ours is there once."""
    litellm: Any = import_module("litellm")

    mine = {"provider": "mine", "custom_handler": litellm.custom_provider_map[0]["custom_handler"]}
    litellm.custom_provider_map = [mine, *litellm.custom_provider_map]
    register()
    names = [entry["provider"] for entry in litellm.custom_provider_map]
    assert names == ["mine", "lmnb", "gguf"]
    litellm.custom_provider_map = litellm.custom_provider_map[1:]
