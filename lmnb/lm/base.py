"""`BaseLM`: one request path for every language model: replay, budget, cache, retries, usage, trace."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import Any, Literal

from lmnb.calls import remembering
from lmnb.canonical import content_hash, plain_hash
from lmnb.errors import InputError, LMError, LMTimeoutError, RateLimitError, ServerError, TransportError
from lmnb.listening import Deltas
from lmnb.listening import deltas as listened
from lmnb.lm.batch import Batched
from lmnb.lm.cache import cache as lm_cache
from lmnb.lm.completion import OwnTurn, is_conversation, own_turn, prompt_text, with_stop
from lmnb.lm.decoding import check_decoding
from lmnb.lm.drive import drive
from lmnb.lm.failures import seconds
from lmnb.lm.options import Options, described
from lmnb.lm.private import Private, shown_url, split
from lmnb.lm.recorder import recorder
from lmnb.lm.response import Response, read_reply
from lmnb.lm.training import Trainable
from lmnb.lm.transport import Transport
from lmnb.settings import current
from lmnb.trace import span

__all__ = ["RETRYABLE", "BaseLM", "Response"]

RETRYABLE = (RateLimitError, ServerError, TransportError, LMTimeoutError)
_LONGEST_WAIT = 30.0
_log = logging.getLogger("lmnb.lm")


def is_retryable_lm_error(error: BaseException) -> bool:
    """Whether the same call may work a little later: too many requests, a failure of the server, no connection, no answer in time.

    >>> import lmnb
    >>> lmnb.is_retryable_lm_error(lmnb.RateLimitError("slow down", model="m"))
    True
    """
    return isinstance(error, RETRYABLE)


class BaseLM(Batched, Trainable, Transport, Options):
    """The base of all language models. A subclass implements `forward` (and `aforward`, where its transport has a real
    asynchronous form).

    Options that its signature does not name are sent with every request, as `temperature` is. What is None is not sent.

    >>> import lmnb
    >>> class Shout(lmnb.BaseLM):
    ...     def forward(self, prompt=None, messages=None, **options):
    ...         return messages[-1]["content"].upper()
    >>> Shout("shout", cache=False)("hello")
    ['HELLO']
    """

    supports_stop = True  # takes stop sequences
    supports_function_calling = False  # takes tools, and replies with calls of them
    structured_output: Literal["schema", "json"] | None = None  # replies can be held to a JSON schema, or to JSON
    derives_seed = False  # sampled requests get a seed made of their content: same request, same reply

    def __call__(
        self, prompt: str | None = None, messages: list[dict[str, Any]] | None = None, **kwargs: Any
    ) -> list[str]:
        """The texts for a prompt or for messages."""
        return drive(self.request(_messages(prompt, messages), sync=True, **kwargs)).texts

    async def acall(
        self, prompt: str | None = None, messages: list[dict[str, Any]] | None = None, **kwargs: Any
    ) -> list[str]:
        """`__call__` for asynchronous code."""
        return (await self.request(_messages(prompt, messages), sync=False, **kwargs)).texts

    def as_sent(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What a request sends of `messages`: with `model_type="text"` one user message, whose content is the whole prompt.
        InvalidRequestError where such a prompt would hold media.
        """
        if self.model_type != "text":
            return list(messages)  # the trace keeps what was sent, also when the caller goes on with their list
        return [{"role": "user", "content": prompt_text(messages, self.model)}]

    async def request(self, messages: list[dict[str, Any]], *, sync: bool, **options: Any) -> Response:
        """The one path of every call: recording, budget, cache, model with retries. With `sync=True` it never suspends
        (see `drive`).

        `cache=False` leaves the cache out for this call. `rollout_id` makes a request of its own, for recording, cache
        and seed, and is not sent. InputError for an option that cannot be meant, such as `temprature`, before anything is asked.
        """
        caching = options.pop("cache", self.cache)
        decoding, private = self.kwargs, self._private
        if options:
            changed, changed_private = split(options)
            decoding = {**decoding, **changed}
            for name in options.keys() - changed.keys():  # None takes a default away
                decoding.pop(name, None)
            private = Private({**private, **changed_private})
        check_decoding({**decoding, **private})
        conversation = self.model_type == "text" and is_conversation(messages)
        messages = self.as_sent(messages)
        if conversation and self.supports_stop:
            decoding = with_stop(decoding)
        told = listened.get()
        if conversation and told is not None:
            told = OwnTurn(told)
        data: dict[str, Any] = {"messages": messages, "request": decoding, "lm": self}
        with remembering(span("lm", self.model, data=data, instance=self)) as opened:
            response = await self._fulfil(messages, decoding, private, sync, caching, data, told)
            if conversation:
                response = own_turn(response)
            data["response"] = response.shown()
            data["texts"] = response.texts
            data["usage"] = response.usage
            data["cost"] = response.cost
            data["cache"] = response.cache
            data["attempts"] = response.attempts
            opened.result = response.texts
            if response.tool_calls:
                data["tool_calls"] = response.tool_calls
                opened.result = [response.shown(at) for at in range(len(response.texts))]
        return response

    async def _fulfil(
        self,
        messages: list[dict[str, Any]],
        decoding: dict[str, Any],
        private: Private,
        sync: bool,
        caching: bool,
        data: dict[str, Any],
        told: Deltas | None,
    ) -> Response:
        tape, budget = recorder.get(), current("budget")
        sampled = self.derives_seed and bool(decoding.get("temperature")) and "seed" not in decoding
        name = self.request_hash(messages, decoding) if caching or sampled or tape is not None else ""
        recorded = tape.replay(name) if tape is not None else None
        if recorded is not None:
            response = Response.from_dict(recorded)
            data["replayed"] = True
            if budget is not None and not recorded.get("shared"):
                bought = response.cache != "hit"
                budget.add(calls=1, tokens=bought * sum(_counts(response.usage)), usd=bought * (response.cost or 0.0))
            return response
        self.check_reachable()
        if budget is not None:
            budget.reserve()
        response: Response | None = None
        try:
            key = f"{name}:{self._scope(private)}" if caching else ""
            response = _read_cached(lm_cache.get(key) if sync else await lm_cache.aget(key)) if caching else None
            if response is None:
                sent = {option: value for option, value in decoding.items() if option != "rollout_id"}
                if sampled:
                    sent["seed"] = int(name[:8], 16) % 2**31
                request = {**sent, **private}
                response = await self._ask(messages, request, sync, "miss" if caching else "off", data, told)
                if tape is not None:
                    tape.record(name, response.to_dict())
                if caching and sync:
                    lm_cache.put(key, response.to_dict())
                elif caching:
                    await lm_cache.aput(key, response.to_dict())
            elif tape is not None:
                tape.record(name, response.to_dict())
            return response
        finally:
            if budget is not None:
                bought = response is not None and response.cache != "hit"
                budget.settle(*(response.usage, response.cost) if response else (None, None), bought=bought)

    async def _ask(
        self,
        messages: list[dict[str, Any]],
        sent: dict[str, Any],
        sync: bool,
        cache: str,
        data: dict[str, Any],
        told: Deltas | None,
    ) -> Response:
        attempt = 1
        asked: dict[str, Any] = {"prompt": None, "messages": messages}
        if self.model_type == "text":
            asked = {"prompt": messages[0]["content"], "messages": None}
        while True:
            data["attempts"] = attempt
            try:
                if told is not None:
                    reply = await self._streamed(asked, sent, told, sync)
                elif sync:
                    reply = self.forward(**asked, **sent)
                else:
                    reply = await self.aforward(**asked, **sent)
                return read_reply(reply, model=self.model, cache=cache, attempts=attempt)
            except RETRYABLE as error:
                if attempt > self.num_retries:
                    if self.num_retries:
                        error.add_note(f"given up after {attempt} attempts: num_retries={self.num_retries}")
                    raise
                if told is not None:
                    told.restart()
                wait = self._wait(attempt, error)
                says = "%s: %s: %s Attempt %d of %d follows in %.1f s."
                _log.info(says, self.model, type(error).__name__, error, attempt + 1, self.num_retries + 1, wait)
            if sync:
                time.sleep(wait)
            else:
                await asyncio.sleep(wait)
            attempt += 1

    async def _streamed(self, asked: dict[str, Any], sent: dict[str, Any], told: Deltas, sync: bool) -> Any:
        token = listened.set(None)  # what an LM asks another one is not its reply
        request = {**asked, **sent}
        try:
            if sent.get("n", 1) > 1 or sent.get("logprobs"):  # not every provider streams these
                return self.forward(**request) if sync else await self.aforward(**request)
            if sync:
                return self.forward_stream(**request, emit=told)
            return await self.aforward_stream(**request, emit=told)
        finally:
            listened.reset(token)

    def _wait(self, attempt: int, error: LMError) -> float:
        asked = seconds(getattr(error, "retry_after", None))
        if asked is not None:
            return min(asked, _LONGEST_WAIT)
        # spread, so that calls that failed together do not come back together
        return min(self.backoff * 2 ** (attempt - 1), _LONGEST_WAIT) * random.uniform(0.75, 1.25)

    def request_hash(self, messages: list[dict[str, Any]], decoding: dict[str, Any]) -> str:
        """32 hex digits of the request's content: model, messages, decoding and rollout id; no secret, no endpoint."""
        content = {"model": self.model, "type": self.model_type, "messages": messages, "decoding": described(decoding)}
        return plain_hash(content, 32)

    def count_tokens(self, messages: list[dict[str, Any]]) -> int | None:
        """How many tokens a prompt has, by the model's own tokenizer. None where that cannot be known at once on this machine."""
        return None

    def check_reachable(self) -> None:
        """Called before a request is looked up or sent; an LM that does not know where to send it raises `LMNotConfigured`."""

    def cache_scope(self) -> str:
        """What besides the request decides a reply; a part of the cache key.

        A subclass may say more than its own name.
        """
        return f"{type(self).__module__}.{type(self).__qualname__}"

    def _scope(self, private: Private) -> str:
        # two servers may serve different models under one name
        base = private.get("api_base") or private.get("base_url")
        return content_hash([self.cache_scope(), shown_url(str(base)) if base else None])


def _messages(prompt: str | None, messages: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    if messages is not None:
        return messages
    if not isinstance(prompt, str):
        raise InputError(
            f"an LM needs a prompt or messages, not {prompt!r}. "
            "Write lm('...') or lm(messages=[{'role': 'user', 'content': '...'}])."
        )
    return [{"role": "user", "content": prompt}]


def _read_cached(stored: dict[str, Any] | None) -> Response | None:
    try:
        return None if stored is None else Response.from_dict(stored, cache="hit", cost=0.0, attempts=0)
    except (KeyError, TypeError):
        return None  # written by something else: ask again


def _counts(usage: dict[str, Any]) -> tuple[int, int]:
    return usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
