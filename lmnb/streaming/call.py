"""One predictor's call as it is streamed: what is told of each field, and that it is the call's outcome in the end."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from lmnb import listening
from lmnb.adapters.field_reader import FieldReader
from lmnb.adapters.values import plain
from lmnb.errors import Cancelled
from lmnb.feed import Feed
from lmnb.streaming.listener import StreamResponse


class CallStream:
    """Tells the fields in `wanted` (by name, whether a field's value is a plain text) of one call.

    Whatever a reader finds in a reply, what holds in the end is what the parser found: `finish` tells what is missing, and again
    what was told wrongly.
    """

    def __init__(
        self,
        feed: Feed[Any],
        predict_name: str,
        call_id: str,
        wanted: Mapping[str, bool],
        failed: Callable[[CallStream], None] = lambda call: None,
    ) -> None:
        self._feed, self._failed = feed, failed
        self._name, self._id = predict_name, call_id
        self._wanted = wanted
        self._shown: dict[str, Shown] = {}
        self._dropped = False
        self._telling = threading.Lock()

    async def during(self, asked: Awaitable[list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """The outputs of `asked`, which is listened to."""
        token = listening.call.set(self)
        try:
            return await asked
        except BaseException:
            self.drop()  # an LM in a thread may go on speaking
            self._failed(self)
            raise
        finally:
            listening.call.reset(token)

    def deltas(self, reader: Callable[[], FieldReader | None]) -> Reply | None:
        """What hears one reply; `reader()` makes what reads the fields of one, or None."""
        made = reader()
        return None if made is None else Reply(self, made, reader)

    def hear(self, name: str, text: str, ended: bool) -> None:
        """The next piece of a field, as a reader finds it. Raises Cancelled where nobody reads the stream any more."""
        if self._feed.closed:
            raise Cancelled("nobody reads the stream any more, so the reply is not waited for")
        if name not in self._wanted:
            return
        shown = self._shown.setdefault(name, Shown())
        if shown.ended:
            return
        told, shown.ended = shown.add(text), ended
        if told or ended:
            self._tell(name, told, ended)

    def finish(self, outputs: Mapping[str, Any]) -> None:
        """The call is done, and these are its outputs."""
        for name, is_text in self._wanted.items():
            if name not in outputs:
                continue
            shown = self._shown.setdefault(name, Shown())
            whole = str(outputs[name]) if is_text else shown.text or plain(outputs[name])
            if shown.ended and shown.text == whole:
                continue
            if shown.ended or not whole.startswith(shown.text):
                self._withdraw(name)
                shown = self._shown[name] = Shown()
            shown.ended = True
            self._tell(name, whole[len(shown.text) :], True)

    def withdraw(self) -> None:
        """What was told is not the call's outcome."""
        for name in list(self._shown):
            self._withdraw(name)

    def drop(self) -> None:
        """The call is no part of the program's outcome: nothing more is told of it."""
        with self._telling:
            self._dropped, told = True, [name for name, each in list(self._shown.items()) if each.ended or each.pieces]
            for name in told:
                self._feed.put(StreamResponse(self._name, name, "", False, self._id, True))
            self._shown = {}

    def _withdraw(self, name: str) -> None:
        shown = self._shown.pop(name)
        if shown.ended or shown.pieces:
            self._tell(name, "", False, withdrawn=True)

    def _tell(self, name: str, text: str, ended: bool, *, withdrawn: bool = False) -> None:
        with self._telling:
            if not self._dropped:
                self._feed.put(StreamResponse(self._name, name, text, ended, self._id, withdrawn))


class Shown:
    """What was told of a field: its text without outer whitespace. Whitespace waits for what follows it."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.ended = False
        self._spaces: list[str] = []

    def add(self, text: str) -> str:
        """What of the next piece can be told."""
        text = text if self.pieces else text.lstrip()
        bare = text.rstrip()
        if not bare:
            self._spaces.append(text)
            return ""
        self.pieces.append("".join([*self._spaces, bare]))
        self._spaces = [text[len(bare) :]]
        return self.pieces[-1]

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class Reply:
    """Hears the text of one reply and tells the call what a reader finds in it."""

    def __init__(self, call: CallStream, reader: FieldReader, again: Callable[[], FieldReader | None]) -> None:
        self._call, self._reader, self._again = call, reader, again

    def __call__(self, text: str) -> None:
        for piece in self._reader.feed(text):
            self._call.hear(*piece)

    def restart(self) -> None:
        """The request is sent again."""
        self._call.withdraw()
        self._reader = self._again() or self._reader
