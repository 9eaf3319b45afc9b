"""The review: a queue of demos, outputs or pairs, one on the screen, judged by keyboard. Every key is a call of the review.

A saved notebook keeps the static form, as it was shown and again when all is judged; while the kernel lives the panel
lies over it. Where panels come only as outputs of their own, it is one.
"""

from __future__ import annotations

from typing import Any, ClassVar

import traitlets
from IPython.display import DisplayHandle, display

from lmnb import Review
from lmnb_widgets import frontend
from lmnb_widgets.span_pane import looked_at
from lmnb_widgets.widget import Calls, Widget

SAID = {
    "keep": "kept",
    "reject": "rejected",
    "edit": "edited",
    "skip": "skipped",
    "preferred": "preferred",
    "tie": "tie",
}
HELP = [
    ("A", "keep; of a pair: A is better"),
    ("B T", "of a pair: B is better, a tie"),
    ("X", "reject; then a number gives the reason, Enter none"),
    ("1 … 9", "reject at once, with that reason"),
    ("E", "edit"),
    ("Space", "skip"),
    ("⌫", "undo the last answer"),
    ("← →", "previous, next item"),
    ("Esc", "close what is open"),
]
SINGLE = [("accept", "Keep", "A", "good", ""), ("reject", "Reject", "X", "bad", ""), ("edit", "Edit", "E", "", "")]
PAIR = [
    ("answer", "A is better", "A", "", "A"),
    ("answer", "B is better", "B", "", "B"),
    ("answer", "Tie", "T", "", "tie"),
]
SKIP = ("skip", "Skip", "Space", "", "")
_LOOKS = {"keep": "kept", "reject": "rejected", "edit": "human"}

Json = dict[str, Any]


def seen(review: Review) -> Json:
    """What the panel shows of a review: its snapshot in words, and what can be answered."""
    known = review.snapshot()
    item = known["item"]
    counts = [f"{n:,} {SAID[verdict]}" for verdict, n in known["counts"].items()]
    problems = f"Lines of the file that count for nothing: {'; '.join(known['problems'])}" if known["problems"] else ""
    return known | {
        "progress": f"{known['done']:,} of {known['total']:,} reviewed",
        "facts": " · ".join([*counts, known["path"] or "the answers are not saved"]),
        "problem": problems,
        "help": HELP,
        "item": None if item is None else _said(item) | item,
    }


def _said(item: Json) -> Json:
    verdict, reason, pair = item["verdict"], item["reason"], item["kind"] == "pair"
    inputs, outputs = item.pop("inputs"), item.pop("outputs")
    parts = [(inputs, ""), (item.pop("labels"), " (expected)")]
    parts += [] if pair else [(outputs[0], " (output)" if item["kind"] == "output" else "")]
    fields = {**inputs, **outputs[0]}
    words = SAID.get(verdict, f"{verdict} is better") + (f": {reason}" if reason else "")
    return {
        "given": [(f"{name}{what}", text) for values, what in parts for name, text in values.items()],
        "sides": [list(side.items()) for side in outputs] if pair else [],
        "fields": {name: fields[name] for name in item.pop("editable")},
        "answers": [*(PAIR if pair else SINGLE), SKIP],
        "said": None if verdict is None else (words, _LOOKS.get(verdict, "")),
    }


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
        self._review, self._handle = review, None
        super().__init__(review, changes=review.changes, mount=mount)
        self._unsubscribe = review.subscribe(self._changed)

    def shown_in(self, handle: DisplayHandle | None) -> None:
        """The output whose static form is brought up to date when all is judged."""
        self._handle = handle

    def _changed(self) -> None:
        self.changes = self._review.changes
        if self._handle is not None and self._review.current is None:
            self._handle.update(frontend.static(self._review, self._review._repr_html_(), self.mount), raw=True)

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
        widget = ReviewWidget(review, mount=mount)  # the kernel's registry of widgets holds it
        widget.shown_in(frontend.publish(review, html, mount))
    else:
        display(ReviewWidget(review))
