"""Fakes of both ends of a widget: a browser that only listens, and a notebook's front end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

pytest.importorskip("anywidget", reason="the widgets need the extra `lab`")

from browser_side import Panel
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config


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
