"""The editor of a program: a saved notebook keeps its card with the exact prompts, which follows the edits; while the kernel lives,
the editor lies over it. Every gesture is one call of a method of `lmnb.Editor`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import traitlets
from IPython.display import DisplayHandle

from lmnb_widgets import frontend
from lmnb_widgets.cells import of_cell
from lmnb_widgets.editor_parts import prompts, seen
from lmnb_widgets.following import Following
from lmnb_widgets.widget import Calls, Widget


def put_demo(editor: Any, a: Mapping[str, Any]) -> None:
    """Add a demo, or change one: the browser sends the fields that were changed."""
    path, at = a["path"], a.get("at")
    known = [] if at is None else editor.slots().get(f"{path}.demos", ())[at : at + 1]
    editor.put_demo(path, {**dict(*known), **a["fields"]}, at)


def saved(path: Path) -> dict[str, str]:
    """Where a program was saved, and the words for it."""
    return {"path": str(path), "said": f"Saved as {path}."}


class EditorWidget(Widget):
    """A view of an editor. The trait `changed` counts its changes; what it shows is asked for."""

    questions: ClassVar[Calls] = {"editor": lambda editor, a: seen(editor), "prompts": prompts}
    commands: ClassVar[Calls] = {
        "edit": lambda editor, a: editor.set(a["slot"], a["text"]),
        "edit-demo": put_demo,
        "reject-demo": lambda editor, a: editor.drop_demo(a["path"], a["at"]),
        "undo": lambda editor, a: editor.undo(),
        "redo": lambda editor, a: editor.redo(),
        "rerun": lambda editor, a: editor.try_on(a["inputs"], edits={} if a.get("as_it_was") else None) and None,
        "accept": lambda editor, a: editor.apply() and None,
        "inject": lambda editor, a: editor.inject() and None,
        "export": lambda editor, a: saved(editor.program.export(a["path"])),
    }

    view = traitlets.Unicode("editor").tag(sync=True)
    changed = traitlets.Int(0).tag(sync=True)

    def __init__(self, editor: Any, *, mount: str = "") -> None:
        self._follow: Following | None = None
        super().__init__(editor, mount=mount)
        self._unsubscribe = editor.subscribe(self._count)

    def __repr__(self) -> str:
        return f"View({self._about!r})"

    def close(self) -> None:
        self._unsubscribe()
        super().close()

    def shown_in(self, handle: DisplayHandle | None) -> None:
        """The output whose static form follows the edits."""
        self._follow = Following(self, self._about, handle)

    def _count(self) -> None:
        self.changed += 1
        if self._follow is not None:
            self._follow()


def show(editor: Any) -> None:
    """Show an editor in this cell."""
    html = editor._repr_html_()
    if not frontend.answers():
        frontend.say(editor, html)
        return
    mount = frontend.token()
    widget = of_cell(EditorWidget(editor, mount=mount))  # the kernel's registry of widgets holds it
    widget.shown_in(frontend.publish(editor, html, mount))
