"""What the widgets share: the bundle, by whom a message counts as sent, and questions and commands of the browser.

A widget is about one thing: a run, a list of traces. A subclass names what the browser may ask of it and do with it,
each a function of that thing and of the arguments:

    class Shelf(Widget):
        view = traitlets.Unicode("shelf").tag(sync=True)
        questions = {"book": lambda shelf, a: shelf.book(a["id"])}
        commands = {"lend": lambda shelf, a: shelf.lend(a["id"], to=a["to"])}

Messages from the browser, and what comes back (`id` is that of the message):

- `{"type": "hello", "view", "id"}` and `{"type": "bye", "view"}`: a view looks, from now on or no longer -> `got`
- `{"type": "get", "what", "id", "args"}` -> `{"type": "got", "id", "value", "error"}`, at once
- `{"type": "command", "action", "id", "args"}` -> `{"type": "done", "id", "ok", "result", "error"}` when it is done;
  said again meanwhile, with the same id, it is answered with `{"type": "working", "id"}`
- `{"type": "gone"}`: the place is gone, and the widget closes
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any, ClassVar

import anywidget
import traitlets

from lmnb_widgets import frontend, wire

REMEMBERED = 1_000
"""So many commands are known by their id, lest one is carried out twice."""

Calls = Mapping[str, Callable[[Any, dict[str, Any]], Any]]


class Widget(anywidget.AnyWidget):
    """A model with a view of the bundle. `about` is what `questions` and `commands` are asked of; `mount` names the
    place in static HTML over which it draws itself, if any; `report` is the static form that was published last for that place, whole as
    in the output: a front end that forgot the output's display id still gets it.

    Whatever it sends, from whichever thread, counts as sent by the cell that made it. ipykernel routes what the browser
    says on a comm to where the comm's last message came from; from a thread or a handler that may be a subshell that is
    gone with the page before, and then the panel is deaf.

    A command may wait long (for the next effect boundary of a run, for a model), so one thread of the widget carries
    them out in order and the kernel is free. What a command gives is sent back where it is a mapping. Errors go to the
    browser, which shows them beside the button.
    """

    questions: ClassVar[Calls] = {}
    commands: ClassVar[Calls] = {}

    _esm = frontend.BUNDLE
    view = traitlets.Unicode().tag(sync=True)
    mount = traitlets.Unicode("").tag(sync=True)
    report = traitlets.Dict().tag(sync=True)

    def __init__(self, about: Any, **traits: Any) -> None:
        self._cell = copy_context()
        self._about = about
        self._viewers: set[str] = set()
        self._closed = threading.Event()
        self._orders: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._obeying: threading.Thread | None = None
        self._answers: dict[Any, dict[str, Any] | None] = {}  # by the id of the command; None while it is carried out
        super().__init__(**traits)
        if self.mount:
            frontend.PLACED[self.mount] = self
        self.on_msg(self._receive)

    def send(self, content: Any, buffers: Any = None) -> None:
        self._cell.copy().run(super().send, content, buffers)

    def send_state(self, key: Any = None) -> None:
        self._cell.copy().run(super().send_state, key)

    def close(self) -> None:
        if not self._closed.is_set():
            self._closed.set()
            self._orders.put(None)
            super().close()

    @property
    def closed(self) -> bool:
        """Whether it is gone for good."""
        return self._closed.is_set()

    def inside(self, call: Callable[[], Any]) -> Any:
        """What `call()` gives, called as by the cell that made the widget."""
        return self._cell.copy().run(call)

    @property
    def viewers(self) -> int:
        """How many views look at it."""
        return len(self._viewers)

    def _looked_at(self) -> None:
        """A view has come: a subclass that sends what changes starts to."""

    def _receive(self, widget: Any, message: Any, buffers: Any) -> None:
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "hello":
            self._viewers.add(str(message.get("view")))
            self._looked_at()
            self.send({"type": "got", "id": message.get("id"), "error": None, "value": None})
        elif kind == "bye":
            self._viewers.discard(str(message.get("view")))
        elif kind == "gone":
            self.close()
        elif kind == "command":
            self._order(message)
        elif kind == "get":
            self.send(self._answer(message, "got", message.get("what"), self.questions))

    def _order(self, command: dict[str, Any]) -> None:
        ident = command.get("id")
        if ident is not None and ident in self._answers:
            self.send(self._answers[ident] or {"type": "working", "id": ident})
            return
        self._answers[ident] = None
        if len(self._answers) > REMEMBERED:
            del self._answers[next(iter(self._answers))]
        self._orders.put(command)
        if self._obeying is None:
            inside = self._cell.copy().run  # what a command shows belongs to the cell, too
            self._obeying = threading.Thread(target=inside, args=(self._obey,), name=f"lmnb-{self.view}", daemon=True)
            self._obeying.start()

    def _obey(self) -> None:
        while (message := self._orders.get()) is not None:
            answer = self._answer(message, "done", message.get("action"), self.commands)
            self._answers[message.get("id")] = answer  # before it is sent: it may be asked for again at once
            self.send(answer)

    def _answer(self, message: dict[str, Any], reply: str, name: Any, known: Calls) -> dict[str, Any]:
        value, problem = None, None
        try:
            if name not in known:
                raise ValueError(f"no such request: {name!r}; there are {', '.join(known)}")
            args = message.get("args") or {}
            if reply == "done":
                wire.refuse_cut(args)
            value = known[name](self._about, args)
            value = wire.fit(value) if reply == "got" or isinstance(value, dict) else None
        except Exception as error:  # noqa: BLE001 - the boundary to the browser: it is shown there, beside the button
            problem = wire.fit(f"{type(error).__name__}: {error}")
        answer = {"type": reply, "id": message.get("id"), "error": problem}
        return answer | ({"ok": problem is None, "result": value} if reply == "done" else {"value": value})
