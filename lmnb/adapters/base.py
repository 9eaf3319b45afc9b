"""Adapter: between signatures and messages.

It writes a call as messages, and reads the reply back into typed fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lmnb import listening
from lmnb.adapters.field_reader import BegunReader, FieldReader, continued
from lmnb.adapters.native import Message, NativeCall
from lmnb.callbacks import BaseCallback, as_callbacks
from lmnb.errors import ParseError
from lmnb.fingerprint import import_path
from lmnb.signature import InputField, OutputField, Signature
from lmnb.spans import watched
from lmnb.trace import Span, open_span, span
from lmnb.types.wording import ENGLISH, Wording, as_wording


class Adapter:
    """The base of adapters: a subclass writes `format` and `parse`, and `call` does the rest.

    A reply that does not parse is shown to the model with what is wrong, once; the second failure raises ParseError.
    """

    stop: tuple[str, ...] = ()  # what ends a reply, sent where the LM takes stop sequences
    repairs = True  # whether a reply that does not parse is asked again
    use_native_function_calling = False
    parallel_tool_calls: bool | None = None
    callbacks: Sequence[BaseCallback] = ()
    wording: Wording = ENGLISH

    def __init__(
        self,
        callbacks: Sequence[BaseCallback] | None = None,
        use_native_function_calling: bool | None = None,
        *,
        parallel_tool_calls: bool | None = None,
        wording: Wording | str | Path | None = None,
        use_json_adapter_fallback: bool | None = None,
    ) -> None:
        """`use_native_function_calling`: tools and ToolCalls go through the provider's own interface where the LM has one, and
        stand in the text elsewhere. `parallel_tool_calls` is sent with them: whether one reply may hold several calls. `wording`
        is the language of the prompts, a `Wording` or its code ("de"); English where there is none. `use_json_adapter_fallback`
        is accepted and not needed: a reply that does not parse is asked again once, in the same format.
        """
        if callbacks:
            self.callbacks = as_callbacks(callbacks)
        if use_native_function_calling is not None:
            self.use_native_function_calling = use_native_function_calling
        self.parallel_tool_calls = parallel_tool_calls
        self.wording = as_wording(wording)

    def format(self, signature: Any, demos: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any]) -> list[Message]:
        """The messages of one call."""
        raise NotImplementedError(f"{type(self).__name__} needs a method format(self, signature, demos, inputs)")

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        """The output fields of one reply, typed. Raises ParseError."""
        raise NotImplementedError(f"{type(self).__name__} needs a method parse(self, signature, completion)")

    def repair(self, signature: Any, error: ParseError) -> str:
        """What the model is told of a reply that did not parse."""
        return self.wording.unread.format(error=error)

    def reply_start(self, signature: Any) -> str:
        """What every reply begins with: where the LM only continues a text, its prompt ends with it."""
        return ""

    def reader(self, signature: Any) -> FieldReader | None:
        """What reads the fields of one reply while it comes. None: they are told when the reply is parsed."""
        return None

    def written(self, fields: Mapping[str, Any]) -> str:
        """A reply that holds these fields, whatever their types; `FakeLM` answers with it."""
        # an adapter of one's own writes outputs in one place: the reply of a demo
        signature = Signature({"asked": (str, InputField()), **{name: (Any, OutputField()) for name in fields}}, "")
        messages = self.format(signature, [{"asked": "", **fields}], {"asked": ""})
        return next(message["content"] for message in messages if message["role"] == "assistant")

    def messages(
        self, lm: Any, signature: Any, demos: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any]
    ) -> list[Message]:
        """The messages that `lm` is sent first for a call, without a call."""
        native = self._native(lm, signature, inputs)
        messages = [*self._formatted(signature, demos, inputs, native), *self._begun(lm, signature)]
        as_sent = getattr(lm, "as_sent", None)
        return messages if as_sent is None else as_sent(messages)

    def dump_state(self) -> dict[str, Any]:
        """What decides its prompts and how it reads replies: all that it holds but its callbacks."""
        return {name: _state(value) for name, value in sorted(vars(self).items()) if name != "callbacks"}

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
        messages = self.formatted(signature, demos, inputs, native)
        decoding = self._decoding(lm, config, signature if native is None else native.said)
        if native is not None:
            decoding |= native.options(config, self.parallel_tool_calls)
        listened = listening.call.get()
        response = await self._request(lm, messages, signature, decoding, native, listened, sync=sync)
        asked = _last_lm_span()
        found = []
        for at in range(len(response.texts)):
            try:
                found.append(await self._read(signature, response, at, inputs, native, sync=sync))
            except ParseError as error:
                error.adapter_name = type(self).__name__
                if asked is not None:
                    asked.data["unparsed"] = str(error)
                if not self.repairs:
                    raise
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

    def formatted(
        self, signature: Any, demos: Any, inputs: Mapping[str, Any], native: NativeCall | None = None
    ) -> list[Message]:
        """The messages of one call, of a native one where it is; callbacks are told."""
        if not self._is_watched():
            return self._formatted(signature, demos, inputs, native)
        with self._told("adapter_format", signature=signature, demos=demos, inputs=inputs) as opened:
            opened.result = messages = self._formatted(signature, demos, inputs, native)
        return messages

    def parsed(self, signature: Any, completion: str) -> dict[str, Any]:
        """What `parse` gives; callbacks are told."""
        if not self._is_watched():
            return self.parse(signature, completion)
        with self._told("adapter_parse", signature=signature, completion=completion) as opened:
            opened.result = outputs = self.parse(signature, completion)
        return outputs

    def _formatted(
        self, signature: Any, demos: Any, inputs: Mapping[str, Any], native: NativeCall | None
    ) -> list[Message]:
        return self.format(signature, demos, inputs) if native is None else native.messages(self, demos, inputs)

    def _is_watched(self) -> bool:
        return BaseCallback.exists and watched(self)

    def _told(self, kind: str, **given: Any) -> span:
        """A span that callbacks alone are told of."""
        return span(kind, type(self).__name__, inputs=given, instance=self, apart=True)

    def _decoding(self, lm: Any, config: Mapping[str, Any], signature: Any) -> dict[str, Any]:
        own = config.get("stop", ())
        if not self.stop or own is None or not getattr(lm, "supports_stop", True):
            return dict(config)
        return {**config, "stop": [*([own] if isinstance(own, str) else own), *self.stop]}

    def _native(self, lm: Any, signature: Any, inputs: Mapping[str, Any]) -> NativeCall | None:
        asked = NativeCall.of(signature, inputs, self.wording) if self.use_native_function_calling else None
        able = asked is not None and not _continues(lm) and getattr(lm, "supports_function_calling", False)
        return asked if able else None

    def _begun(self, lm: Any, signature: Any) -> list[Message]:
        """The reply as far as an LM that only continues a text is given it."""
        start = self.reply_start(signature) if _continues(lm) else ""
        return [{"role": "assistant", "content": start}] if start else []

    async def _request(
        self,
        lm: Any,
        messages: list[Message],
        signature: Any,
        decoding: Mapping[str, Any],
        native: NativeCall | None,
        listened: listening.ListenedCall | None,
        *,
        sync: bool,
    ) -> Any:
        """What the LM answers; whoever listens to the call is told the fields as they come."""
        begun = self._begun(lm, signature)
        asked = [*messages, *begun]
        if listened is None:
            response = await lm.request(asked, sync=sync, **decoding)
        else:
            with listening.replying(listened, lambda: self._reader(lm, signature, native)):
                response = await lm.request(asked, sync=sync, **decoding)
        if not begun:
            return response
        return replace(response, texts=[continued(begun[0]["content"], text) for text in response.texts])

    def _reader(self, lm: Any, signature: Any, native: NativeCall | None) -> FieldReader | None:
        if native is not None:
            return native.reader(self)
        reader, begun = self.reader(signature), self._begun(lm, signature)
        return BegunReader(reader, begun[0]["content"]) if reader is not None and begun else reader

    async def _outputs(self, signature: Any, response: Any, at: int, *, sync: bool) -> dict[str, Any]:
        """The output fields of one text of the response. Raises ParseError."""
        return self.parsed(signature, response.texts[at])

    async def _read(
        self,
        signature: Any,
        response: Any,
        at: int,
        inputs: Mapping[str, Any],
        native: NativeCall | None,
        *,
        sync: bool,
    ) -> dict[str, Any]:
        text = response.texts[at]
        if native is None:
            outputs = await self._outputs(signature, response, at, sync=sync)
        else:
            outputs = native.read(self, response, at)
        called = response.tool_calls is not None and bool(response.tool_calls[at])
        cut = at == 0 and response.finish == "length" and not called  # why it ended is known of the first text
        if cut and self.stop and not any(mark in text for mark in self.stop):  # else the reply's own form would show it
            raise ParseError(self.wording.cut_off, reply=text, signature=signature)
        try:
            return signature.check(inputs, outputs)
        except ValueError as error:
            raise ParseError(str(error), reply=response.shown(at), signature=signature) from None

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
        response = await self._request(lm, [*messages, *turn], signature, alone, native, listened, sync=sync)
        asked = _last_lm_span()
        if asked is not None:
            asked.data["repair"] = True
        try:
            return await self._read(signature, response, 0, inputs, native, sync=sync)
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
                adapter_name=type(self).__name__,
            ) from None


def _continues(lm: Any) -> bool:
    return getattr(lm, "model_type", "chat") == "text"


def _state(value: Any) -> Any:
    dump = getattr(value, "dump_state", None)
    return [import_path(type(value)), dump()] if callable(dump) else value


def _last_lm_span() -> Span | None:
    """The span of the request that was answered last, where a span is open around it."""
    opened = open_span()
    last = opened.children[-1] if opened is not None and opened.children else None
    return last if last is not None and last.kind == "lm" else None
