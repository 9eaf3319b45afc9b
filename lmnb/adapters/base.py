"""Adapter: between signatures and messages.

It writes a call as messages, and reads the reply back into typed fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmnb import listening
from lmnb.adapters.field_reader import FieldReader
from lmnb.adapters.native import Message, NativeCall
from lmnb.callbacks import BaseCallback, as_callbacks
from lmnb.errors import ParseError
from lmnb.signature import InputField, OutputField, Signature
from lmnb.spans import watched
from lmnb.trace import Span, open_span, span


class Adapter:
    """The base of adapters: a subclass writes `format` and `parse`, and `call` does the rest.

    A reply that does not parse is shown to the model with what is wrong, once; the second failure raises ParseError.
    """

    stop: tuple[str, ...] = ()  # what ends a reply, sent where the LM takes stop sequences
    use_native_function_calling = False
    parallel_tool_calls: bool | None = None
    callbacks: Sequence[BaseCallback] = ()

    def __init__(
        self,
        callbacks: Sequence[BaseCallback] | None = None,
        *,
        use_native_function_calling: bool | None = None,
        parallel_tool_calls: bool | None = None,
    ) -> None:
        """`use_native_function_calling`: tools and ToolCalls go through the provider's own interface where the LM has one, and
        stand in the text elsewhere. `parallel_tool_calls` is sent with them: whether one reply may hold several calls.
        """
        if callbacks:
            self.callbacks = as_callbacks(callbacks)
        if use_native_function_calling is not None:
            self.use_native_function_calling = use_native_function_calling
        self.parallel_tool_calls = parallel_tool_calls

    def format(self, signature: Any, demos: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any]) -> list[Message]:
        """The messages of one call."""
        raise NotImplementedError(f"{type(self).__name__} needs a method format(self, signature, demos, inputs)")

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        """The output fields of one reply, typed. Raises ParseError."""
        raise NotImplementedError(f"{type(self).__name__} needs a method parse(self, signature, completion)")

    def repair(self, signature: Any, error: ParseError) -> str:
        """What the model is told of a reply that did not parse."""
        return f"That reply could not be read: {error}"

    def reader(self, signature: Any) -> FieldReader | None:
        """What reads the fields of one reply while it comes. None: they are told when the reply is parsed."""
        return None

    def written(self, fields: Mapping[str, Any]) -> str:
        """A reply that holds these fields, whatever their types; `FakeLM` answers with it."""
        # an adapter of one's own writes outputs in one place: the reply of a demo
        signature = Signature({"asked": (str, InputField()), **{name: (Any, OutputField()) for name in fields}}, "")
        messages = self.format(signature, [{"asked": "", **fields}], {"asked": ""})
        return next(message["content"] for message in messages if message["role"] == "assistant")

    async def call(
        self,
        lm: Any,
        config: Mapping[str, Any],
        signature: Any,
        demos: Sequence[Mapping[str, Any]],
        inputs: Mapping[str, Any],
        *,
        sync: bool,
    ) -> list[dict[str, Any]]:
        """Ask `lm` and give the outputs of each completion. With `sync` the coroutine never suspends."""
        if not sync and hasattr(lm, "prepare"):
            await lm.prepare()
        native = self._native(lm, signature, inputs)
        if native is None:
            messages = self.formatted(signature, demos, inputs)
            decoding = self._decoding(lm, config, signature)
        else:
            messages = native.messages(self, demos, inputs)
            decoding = self._decoding(lm, config, native.said) | native.options(config, self.parallel_tool_calls)
        listened = listening.call.get()
        response = await self._request(lm, messages, decoding, signature, native, listened, sync=sync)
        asked = _last_lm_span()
        found = []
        for at in range(len(response.texts)):
            try:
                found.append(self._read(signature, response, at, inputs, native))
            except ParseError as error:
                if asked is not None:
                    asked.data["unparsed"] = str(error)
                heard = listened if at == 0 else None  # of several replies the first is told
                if heard is not None:
                    heard.withdraw()
                found.append(
                    await self._repaired(lm, decoding, signature, messages, error, inputs, native, heard, sync=sync)
                )
        return found

    async def acall(
        self,
        lm: Any,
        lm_kwargs: Mapping[str, Any],
        signature: Any,
        demos: Sequence[Mapping[str, Any]],
        inputs: Mapping[str, Any],
    ) -> list[dict[str, Any]]:
        """`call` for asynchronous code."""
        return await self.call(lm, lm_kwargs, signature, demos, inputs, sync=False)

    def formatted(self, signature: Any, demos: Any, inputs: Mapping[str, Any]) -> list[Message]:
        """What `format` gives; callbacks are told."""
        if not (BaseCallback.exists and watched(self)):
            return self.format(signature, demos, inputs)
        given = {"signature": signature, "demos": demos, "inputs": inputs}
        with span("adapter_format", type(self).__name__, inputs=given, instance=self, apart=True) as opened:
            opened.result = messages = self.format(signature, demos, inputs)
        return messages

    def parsed(self, signature: Any, completion: str) -> dict[str, Any]:
        """What `parse` gives; callbacks are told."""
        if not (BaseCallback.exists and watched(self)):
            return self.parse(signature, completion)
        given = {"signature": signature, "completion": completion}
        with span("adapter_parse", type(self).__name__, inputs=given, instance=self, apart=True) as opened:
            opened.result = outputs = self.parse(signature, completion)
        return outputs

    def _decoding(self, lm: Any, config: Mapping[str, Any], signature: Any) -> dict[str, Any]:
        if not self.stop or not getattr(lm, "supports_stop", True):
            return dict(config)
        own = config.get("stop") or ()
        return {**config, "stop": [*([own] if isinstance(own, str) else own), *self.stop]}

    def _native(self, lm: Any, signature: Any, inputs: Mapping[str, Any]) -> NativeCall | None:
        asked = NativeCall.of(signature, inputs) if self.use_native_function_calling else None
        return asked if asked is not None and getattr(lm, "supports_function_calling", False) else None

    def _read(
        self, signature: Any, response: Any, at: int, inputs: Mapping[str, Any], native: NativeCall | None
    ) -> dict[str, Any]:
        text = response.texts[at]
        outputs = self.parsed(signature, text) if native is None else native.read(self, response, at)
        called = response.tool_calls is not None and bool(response.tool_calls[at])
        cut = at == 0 and response.finish == "length" and not called  # why it ended is known of the first text
        if cut and self.stop and not any(mark in text for mark in self.stop):  # else the reply's own form would show it
            raise ParseError(
                "The reply was cut off at the LM's limit of tokens before it ended. Write less, or raise max_tokens.",
                reply=text,
                signature=signature,
            )
        try:
            return signature.check(inputs, outputs)
        except ValueError as error:
            raise ParseError(str(error), reply=response.shown(at), signature=signature) from None

    async def _request(
        self,
        lm: Any,
        messages: list[Message],
        decoding: Mapping[str, Any],
        signature: Any,
        native: NativeCall | None,
        listened: listening.ListenedCall | None,
        *,
        sync: bool,
    ) -> Any:
        """What the LM answers; whoever listens to the call is told the fields as they come."""
        if listened is None:
            return await lm.request(messages, sync=sync, **decoding)
        with listening.replying(listened, lambda: self.reader(signature) if native is None else native.reader(self)):
            return await lm.request(messages, sync=sync, **decoding)

    async def _repaired(
        self,
        lm: Any,
        decoding: Mapping[str, Any],
        signature: Any,
        messages: list[Message],
        error: ParseError,
        inputs: Mapping[str, Any],
        native: NativeCall | None,
        listened: listening.ListenedCall | None,
        *,
        sync: bool,
    ) -> dict[str, Any]:
        turn = [
            {"role": "assistant", "content": error.reply},
            {"role": "user", "content": self.repair(signature if native is None else native.said, error)},
        ]
        alone = {key: value for key, value in decoding.items() if key != "n"}
        response = await self._request(lm, [*messages, *turn], alone, signature, native, listened, sync=sync)
        asked = _last_lm_span()
        if asked is not None:
            asked.data["repair"] = True
        try:
            return self._read(signature, response, 0, inputs, native)
        except ParseError as again:
            if asked is not None:
                asked.data["unparsed"] = str(again)
            second = (
                "The same after the repair turn."
                if str(again) == str(error)
                else f"The second, after the repair turn: {again}"
            )
            raise ParseError(
                f"two replies to {signature.signature!r} could not be read. The first: {error} {second} "
                f"The last reply: {again.reply[:200]!r}",
                reply=again.reply,
                signature=signature,
            ) from None


def _last_lm_span() -> Span | None:
    """The span of the request that was answered last, where a span is open around it."""
    opened = open_span()
    last = opened.children[-1] if opened is not None and opened.children else None
    return last if last is not None and last.kind == "lm" else None
