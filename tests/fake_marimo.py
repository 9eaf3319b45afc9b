"""What lmnb uses of marimo, without it: `FakeMarimo` in `sys.modules` is a cell at work, and `shown` what its output has."""

from __future__ import annotations

import threading
from types import ModuleType, SimpleNamespace
from typing import Any


class FakeMarimo(ModuleType):
    """`run_again()` is what happens to threads of a cell that is run again."""

    def __init__(self) -> None:
        super().__init__("marimo")
        self.shown: list[str] = []
        self.cell = threading.Event()
        fake = self

        class Thread(threading.Thread):
            """A thread of the cell that made it."""

            def __init__(self, **options: Any) -> None:
                super().__init__(**options)
                self._cell = fake.cell

            @property
            def should_exit(self) -> bool:
                return self._cell.is_set()

        self.Thread, self.current_thread = Thread, threading.current_thread
        self.ui = SimpleNamespace(anywidget=lambda widget: SimpleNamespace(text=f"<marimo-anywidget>{widget!r}"))
        self.output = SimpleNamespace(append=self._append, replace=self._replace)

    def running_in_notebook(self) -> bool:
        return True

    def run_again(self) -> None:
        """End the cell's execution, begin the next."""
        self.cell.set()
        self.cell = threading.Event()

    def _append(self, value: Any) -> None:
        self.shown.append(value._mime_()[1])

    def _replace(self, value: Any) -> None:
        self.shown = [value._mime_()[1]]
