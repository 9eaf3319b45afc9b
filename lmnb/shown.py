"""What shows itself where its name ends a cell: in the widget of its kind where there is one, else in its static form."""

from __future__ import annotations

from typing import Any, ClassVar

from lmnb import views


class Shown:
    """The base of what a notebook shows: `_view` names the widget, `_repr_html_` gives the static form."""

    _view: ClassVar[str]

    def _repr_html_(self) -> str:
        raise NotImplementedError

    def _ipython_display_(self) -> None:
        """What IPython calls."""
        show = views.find(self._view)
        if show is not None:
            show(self)
            return
        from IPython.display import display

        display({"text/plain": repr(self), "text/html": self._repr_html_()}, raw=True)

    def _display_(self) -> Any:
        """What marimo asks for: the widget over the static form."""
        show, displayed = views.find(self._view), views.find("marimo")
        if show is None or displayed is None:
            return self._repr_html_()  # markup that shows itself as such
        return displayed(show, self)
