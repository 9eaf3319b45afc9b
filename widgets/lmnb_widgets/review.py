"""The review: a queue of demos, outputs or pairs, one on the screen, judged by keyboard. Every key is a call of the review.

A saved notebook keeps the static form, which follows the answers; while the kernel lives the panel lies over it. Where panels come only
as outputs of their own, it is one.
"""

from __future__ import annotations

from typing import Any, ClassVar

import traitlets
from IPython.display import DisplayHandle, display

from lmnb import Review
from lmnb_widgets import frontend
from lmnb_widgets.cells import of_cell
from lmnb_widgets.following import Following
from lmnb_widgets.review_parts import seen
from lmnb_widgets.span_pane import looked_at
from lmnb_widgets.widget import Calls, Widget

Json = dict[str, Any]


def _answered(review: Review, verdict: str, a: Json) -> Json:
    review.answer(verdict, a["item"], reason=a.get("reason"), fields=a.get("fields"))
    return seen(review)


class ReviewWidget(Widget):
    """A panel of a review. The trait `changes` counts what happened, in any of its panels and by its methods; what there
    is to see is asked for.
    """

    questions: ClassVar[Calls] = {
        "snapshot": lambda review, a: seen(review),
        **looked_at(lambda review, a: review.trace(a["item"])),
    }
    commands: ClassVar[Calls] = {
        "accept": lambda review, a: _answered(review, "keep", a),
        "reject": lambda review, a: _answered(review, "reject", a),
        "edit": lambda review, a: _answered(review, "edit", a),
        "skip": lambda review, a: _answered(review, "skip", a),
        "answer": lambda review, a: _answered(review, a["verdict"], a),
        "undo": lambda review, a: (review.undo(), seen(review))[1],
        "go": lambda review, a: (review.go(a["item"]), seen(review))[1],
    }

    view = traitlets.Unicode("review").tag(sync=True)
    changes = traitlets.Int().tag(sync=True)

    def __init__(self, review: Review, *, mount: str = "") -> None:
        self._review = review
        self._follow: Following | None = None
        super().__init__(review, changes=review.changes, mount=mount)
        self._unsubscribe = review.subscribe(self._changed)

    def shown_in(self, handle: DisplayHandle | None) -> None:
        """The output whose static form follows the answers."""
        self._follow = Following(self, self._review, handle)

    def _changed(self) -> None:
        self.changes = self._review.changes
        if self._follow is not None:
            self._follow(at_once=self._review.current is None)

    def close(self) -> None:
        self._unsubscribe()
        super().close()

    def __repr__(self) -> str:
        return f"ReviewPanel({self._review!r})"


def show(review: Review) -> None:
    """Show a review."""
    html = review._repr_html_()
    if not review.items or not frontend.answers():
        frontend.say(review, html)
    elif frontend.mounts():
        mount = frontend.token()
        widget = of_cell(ReviewWidget(review, mount=mount))  # the kernel's registry of widgets holds it
        widget.shown_in(frontend.publish(review, html, mount))
    else:
        display(of_cell(ReviewWidget(review)))
