"""How something is shown, depending on who looks: a live panel where a front end answers, the static form everywhere
else.

A saved widget reopens as an error, whatever its bundle holds. So what a notebook file keeps is always static HTML, in
one of two ways:

- `publish` shows the static form at once, with a word of a class in it by which the widget's model, while it lives,
  finds the place and draws itself over it (`src/mount.ts`). Nothing has to be replaced before the notebook is saved, nor
  is lost when the page is loaded again. Where models are made only for outputs that are widgets, the static form stays.
- there, what runs is a live panel under a display id, replaced by the static form when its work ends.

marimo has outputs of its own kind (`marimo_output.py`): there `publish` gives the static form with its widget beside it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

from IPython.core.getipython import get_ipython
from IPython.display import display

from lmnb_widgets import marimo_output
from lmnb_widgets.marimo_output import in_marimo

BUNDLE = Path(__file__).parent / "static" / "lmnb.js"
PLACED: WeakValueDictionary[str, Any] = WeakValueDictionary()
"""The widgets that have a place, by its name."""


def answers() -> bool:
    """Whether a front end listens that can show a widget. Those that take no input either (nbconvert, papermill, nbval)
    do not.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    return in_marimo() or (kernel is not None and bool(getattr(kernel, "_allow_stdin", True)))


def mounts() -> bool:
    """Whether the front end makes a model that no output names, so that it can find its place. VS Code and Colab do
    not.
    """
    vscode = {"VSCODE_PID", "VSCODE_CWD"} & os.environ.keys()
    return in_marimo() or (
        not vscode
        and "__vsc_ipynb_file__" not in getattr(get_ipython(), "user_ns", {})
        and "google.colab" not in sys.modules
    )


def static(thing: Any, html: str, mount: str = "") -> dict[str, str]:
    """The mimebundle of the static form."""
    return {"text/html": placed(html, mount), "text/plain": repr(thing)}


def placed(html: str, mount: str) -> str:
    """The static form as the place of a model, if there is one."""
    return f'<div class="lmnb-mount-{mount}">{html}</div>' if mount else html


def say(thing: Any, html: str) -> Any:
    """Show the static form, and give a handle whose `update` replaces it; a terminal gets the one-line repr."""
    if in_marimo():
        return marimo_output.put(html)
    if get_ipython() is None:
        sys.stdout.write(f"{thing!r}\n")
        return None
    return display(static(thing, html), raw=True, display_id=True)


def publish(thing: Any, html: str, mount: str) -> Any:
    """Show the static form as the place of the model that has the trait `mount`, and give a handle as `say` does."""
    if in_marimo():
        return marimo_output.put(html, PLACED[mount])
    return display(static(thing, html, mount), raw=True, display_id=True)


def token() -> str:
    """A name for a place that no other output has."""
    return uuid4().hex
