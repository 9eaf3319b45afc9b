"""Fakes of both ends of a widget: a run that is only data, a browser that only listens, and a notebook's front end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

pytest.importorskip("anywidget", reason="the widgets need the extra `lab`")

from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from lmnb_widgets.studio import StudioWidget
from traitlets.config import Config


def until(test: Callable[[], Any], seconds: float = 5.0) -> Any:
    """Wait until `test()` is true, and give what it gave."""
    end = time.monotonic() + seconds
    while not (value := test()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)
    return value


class Panel(StudioWidget):
    """A Studio whose messages to the browser are kept in `sent`, with the time of each."""

    def __init__(self, run: Any, **options: Any) -> None:
        self.sent: list[tuple[float, dict[str, Any]]] = []
        self.traits_sent: list[tuple[float, dict[str, Any]]] = []
        super().__init__(run, **options)
        self.observe(lambda change: self.traits_sent.append((time.monotonic(), change["new"])), "snapshot")

    def send(self, content: Any, buffers: Any = None) -> None:
        self.sent.append((time.monotonic(), content))

    def say(self, **message: Any) -> None:
        """A message from the browser."""
        self._handle_custom_msg(message, [])

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for _, message in list(self.sent) if message["type"] == kind]

    def reply(self, kind: str, name: str, ident: int = 1, **args: Any) -> dict[str, Any]:
        """Ask and wait for the answer."""
        key = "action" if kind == "command" else "what"
        self.say(type=kind, id=ident, args=args, **{key: name})
        answer = "done" if kind == "command" else "got"
        return until(lambda: next((one for one in self.of(answer) if one["id"] == ident), None))


@pytest.fixture
def panel() -> Iterator[Callable[..., Panel]]:
    """`panel(run)` opens a panel at which a browser looks."""
    opened: list[Panel] = []

    def make(run: Any, *, look: bool = True, **options: Any) -> Panel:
        opened.append(Panel(run, **options))
        if look:
            opened[-1].say(type="hello", view="a")
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def notebook() -> Iterator[Callable[..., Any]]:
    """`notebook().outputs` is what a front end was told; `notebook(False)` is a kernel as nbconvert has it."""

    def make(answers: bool = True) -> Any:
        shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
        shell.kernel = SimpleNamespace(_allow_stdin=answers)
        shell.display_pub = CapturingDisplayPublisher()
        return shell.display_pub

    yield make
    InteractiveShell.clear_instance()
