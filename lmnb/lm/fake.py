"""`FakeLM` and `DummyLM`: language models whose replies are written down, for tests and for trying a program out."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from lmnb.adapters.base import Adapter
from lmnb.adapters.chat import ChatAdapter
from lmnb.errors import InputError, LMError
from lmnb.lm.base import BaseLM
from lmnb.lm.completion import escaped
from lmnb.lm.recall import RecallTrainer
from lmnb.lm.response import read_reply
from lmnb.lm.transport import Emit
from lmnb.settings import current
from lmnb.types.parts import begins_with, content_text
from lmnb.types.tool_calls import ToolCalls

Answer = str | Mapping[str, Any] | ToolCalls | Exception

_MESSAGE = frozenset({"role", "content", "tool_calls"})


class FakeLM(BaseLM):
    """Gives `answers` in order, or what a handler `(messages, **options)` returns; no model, no network.

    An answer is the reply's text, or a dict of output fields, which is written as the adapter in force reads it; an exception is
    raised instead of a reply. `calls` lists the requests that reached it. `delay` is in seconds a call. Where a
    program is streamed, a reply comes in pieces of `chunk_size` characters. A handler gets a `seed` with sampled requests
    (temperature above 0), different for each rollout id and the same for the same request.

    With `function_calling=True` it is an LM that takes tools: where a request brings some, an answer that is a ToolCalls, and
    those among an answer's fields, are sent as a provider sends calls. An answer may also be the whole message in the shape of
    OpenAI, `{"role": "assistant", "content": ..., "tool_calls": [...]}`, to try out what no parser should accept.

    With `model_type="text"` it is an LM that only continues a text: `calls` and a handler have the prompt as one user message, and
    an answer of fields goes on where the prompt ends.

    Fine-tuned, it is a `RecallingLM`: what it was trained on it says by heart, for the rest it is asked as before.

    >>> import lmnb
    >>> lm = lmnb.FakeLM(["hello", {"answer": "Paris", "sure": True}])
    >>> lm("hi")
    ['hello']
    >>> print(lm("The capital of France?")[0])
    [[ ## answer ## ]]
    Paris
    <BLANKLINE>
    [[ ## sure ## ]]
    true
    <BLANKLINE>
    [[ ## completed ## ]]
    >>> lmnb.FakeLM(lambda messages: messages[-1]["content"].upper())("hi")
    ['HI']
    """

    derives_seed = True
    trainer = RecallTrainer()

    def __init__(
        self,
        answers: Sequence[Answer] | Callable[..., str | Mapping[str, Any]] = (),
        *,
        model: str = "fake",
        cache: bool = False,
        delay: float = 0.0,
        function_calling: bool = False,
        chunk_size: int = 8,
        **options: Any,
    ) -> None:
        if isinstance(answers, (str, Mapping)):
            raise InputError(
                f"FakeLM takes a list of answers or a handler, not {answers!r}. Write FakeLM([{answers!r}])."
            )
        if isinstance(chunk_size, bool) or not isinstance(chunk_size, int) or chunk_size < 1:
            raise InputError(
                f"chunk_size is {chunk_size!r}: write how many characters a piece has, a whole number from 1."
            )
        super().__init__(model, cache=cache, **options)
        self.calls: list[dict[str, Any]] = []
        self.delay = delay
        self.chunk_size = chunk_size
        self.supports_function_calling = function_calling
        self._handler = answers if callable(answers) else None
        self._takes_options = self._handler is not None and _takes_options(self._handler)
        self._answers: list[Answer] = [] if callable(answers) else list(answers)
        self._cursor = [0]  # in a list, so that copies of this LM go on where it is
        self._lock = threading.Lock()

    def forward(
        self, prompt: str | None = None, messages: list[dict[str, Any]] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        if self.delay:
            time.sleep(self.delay)
        return self._reply(_given(prompt, messages), kwargs)

    def count_tokens(self, messages: list[dict[str, Any]]) -> int:
        """One for every four characters: about what a tokenizer gives."""
        return sum(len(content_text(message["content"])) for message in messages) // 4

    async def aforward(
        self, prompt: str | None = None, messages: list[dict[str, Any]] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        if self.delay:
            await asyncio.sleep(self.delay)
        return self._reply(_given(prompt, messages), kwargs)

    def _stream(self, asked: dict[str, Any], emit: Emit) -> Any:
        reply = self.forward(**asked)
        for piece in self._pieces(reply):
            emit(piece)
        return reply

    async def _astream(self, asked: dict[str, Any], emit: Emit) -> Any:
        reply = await self.aforward(**asked)
        for piece in self._pieces(reply):
            emit(piece)
            await asyncio.sleep(0)  # a piece of a real reply is waited for
        return reply

    def _pieces(self, reply: Any) -> list[str]:
        text, *_ = read_reply(reply, model=self.model, cache="off", attempts=1).texts
        return [text[at : at + self.chunk_size] for at in range(0, len(text), self.chunk_size)]

    def _reply(self, messages: list[dict[str, Any]], options: dict[str, Any]) -> dict[str, Any]:
        self.calls.append({"messages": messages, **options})
        made = [self._message(messages, options) for _ in range(options.get("n", 1))]
        texts = [message.get("content") or "" for message in made]
        asked = self.count_tokens(messages)
        return {
            "choices": [
                {"message": message, "finish_reason": "tool_calls" if message.get("tool_calls") else "stop"}
                for message in made
            ],
            "usage": {"prompt_tokens": asked, "completion_tokens": sum(map(len, texts)) // 4},
            "cost": 0.0,
        }

    def _message(self, messages: list[dict[str, Any]], options: dict[str, Any]) -> dict[str, Any]:
        answer = self._answer(messages, options)
        if isinstance(answer, Mapping) and answer.get("role") == "assistant" and answer.keys() <= _MESSAGE:
            return dict(answer)
        if options.get("tools") and isinstance(answer, (ToolCalls, Mapping)):
            fields = {"": answer} if isinstance(answer, ToolCalls) else answer
            called = [call for value in fields.values() if isinstance(value, ToolCalls) for call in value.format()]
            if called:
                said = {name: value for name, value in fields.items() if not isinstance(value, ToolCalls)}
                calls = [{**call, "id": call["id"] or f"call_{at}"} for at, call in enumerate(called, 1)]
                return {"content": self._written(said) if said else "", "tool_calls": calls}
        text = self._text(answer)
        if self.model_type == "text" and isinstance(answer, Mapping):
            text = _going_on(content_text(messages[-1]["content"]), escaped(text))
        return {"content": text}

    def _text(self, answer: Any) -> str:
        if isinstance(answer, str):
            return answer
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Mapping):
            return self._written(answer)
        raise LMError(
            f"{type(self).__name__} cannot answer {answer!r}. Give it a str, or a dict of output fields.",
            model=self.model,
        )

    def _answer(self, messages: list[dict[str, Any]], options: dict[str, Any]) -> Any:
        if self._handler is not None:
            return self._handler(messages, **options) if self._takes_options else self._handler(messages)
        with self._lock:
            index = self._cursor[0]
            self._cursor[0] += 1
        count = len(self._answers)
        if index < count:
            return self._answers[index]
        raise LMError(
            f"{type(self).__name__} had {count} answer{'s' * (count != 1)} and was asked for number {index + 1}. "
            "Give it more, or a handler: FakeLM(lambda messages: ...).",
            model=self.model,
        )

    def _written(self, fields: Mapping[str, Any]) -> str:
        return (current("adapter") or ChatAdapter()).written(fields)


class DummyLM(FakeLM):
    """The scripted LM under the name and with the arguments that ported tests use.

    `answers`: dicts of output fields in order, or `{text: dict}`, where the first text that the last message holds
    chooses the answer. With `follow_examples` a request whose inputs are those of a demo in its own messages gets that
    demo's answer.

    >>> import lmnb
    >>> lm = lmnb.DummyLM({"France": {"answer": "Paris"}, "Italy": {"answer": "Rome"}})
    >>> lm("The capital of Italy?")[0].splitlines()[1]
    'Rome'
    """

    def __init__(
        self,
        answers: Sequence[Answer] | Mapping[str, Mapping[str, Any]],
        follow_examples: bool = False,
        reasoning: bool = False,
        adapter: Any = None,
    ) -> None:
        super().__init__([] if isinstance(answers, Mapping) else answers, model="dummy")
        self._by_text = dict(answers) if isinstance(answers, Mapping) else None
        self._follow_examples = follow_examples
        self._reasoning = reasoning
        self._adapter = adapter

    def _answer(self, messages: list[dict[str, Any]], options: dict[str, Any]) -> Any:
        if self._follow_examples:
            shown = _followed(messages)
            if shown is not None:
                return shown
        if self._by_text is None:
            return super()._answer(messages, options)
        asked = content_text(messages[-1]["content"])
        for text, answer in self._by_text.items():
            if text in asked:
                return answer
        raise LMError(
            f"DummyLM has no answer for {asked!r}: it holds none of {', '.join(map(repr, self._by_text))}.",
            model=self.model,
        )

    def _reply(self, messages: list[dict[str, Any]], options: dict[str, Any]) -> dict[str, Any]:
        reply = super()._reply(messages, options)
        if self._reasoning:
            for choice in reply["choices"]:
                choice["message"]["reasoning_content"] = "Some reasoning"
        return reply

    def _written(self, fields: Mapping[str, Any]) -> str:
        # as the adapter's own `format` writes a demo, whatever it overrides
        return super()._written(fields) if self._adapter is None else Adapter.written(self._adapter, fields)


def _given(prompt: str | None, messages: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    return messages or ([] if prompt is None else [{"role": "user", "content": prompt}])


def _going_on(prompt: str, text: str) -> str:
    """What a model that continues a prompt writes of a text whose beginning the prompt ends with."""
    given = (end for end in range(min(len(text), len(prompt)), 0, -1) if prompt.endswith(text[:end]))
    return text[next(given, 0) :]


def _followed(messages: list[dict[str, Any]]) -> str | None:
    """The reply of the last demo whose user turn begins the request."""
    asked = messages[-1]["content"]
    for turn, reply in reversed(list(pairwise(messages))):
        if turn["role"] == "user" and reply["role"] == "assistant" and begins_with(asked, turn["content"]):
            return reply["content"]
    return None


def _takes_options(handler: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(handler).parameters.values()
    except ValueError:
        return True
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
