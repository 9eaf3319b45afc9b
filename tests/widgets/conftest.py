"""Fakes of both ends of a widget: a browser that only listens, and a notebook's front end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from browser_side import BrowserSide


@pytest.fixture
def widgets() -> None:
    """What a widget is made of is there, or the test is skipped and says why."""
    if os.environ.get("LMNB_REQUIRE_BROWSER") != "1":
        pytest.importorskip("anywidget", reason="the widgets need the extra `lab`")


@pytest.fixture
def panel(widgets: None) -> Iterator[Callable[..., Any]]:
    """`panel(run)` opens a panel at which a browser looks."""
    opened: list[Any] = []
    kind = type("Panel", (BrowserSide, import_module("lmnb_widgets.studio").StudioWidget), {})

    def make(run: Any, *, look: bool = True, **options: Any) -> Any:
        opened.append(kind(run, **options))
        if look:
            opened[-1].say(type="hello", view="a")
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def notebook(widgets: None) -> Iterator[Callable[..., Any]]:
    """`notebook().outputs` is what a front end was told; `notebook(False)` is a kernel as nbconvert has it."""
    shells = import_module("IPython.core.interactiveshell").InteractiveShell
    config = import_module("traitlets.config").Config({"HistoryManager": {"enabled": False}})

    def make(answers: bool = True) -> Any:
        shell = shells.instance(config=config)
        shell.kernel = SimpleNamespace(_allow_stdin=answers)
        shell.display_pub = import_module("IPython.core.displaypub").CapturingDisplayPublisher()
        return shell.display_pub

    yield make
    shells.clear_instance()
