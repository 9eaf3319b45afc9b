"""Review: a queue of demos, outputs or pairs, judged by a person one at a time; the answers are data."""

from __future__ import annotations

import random
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from lmnb.errors import InputError
from lmnb.evaluate.agreement import Agreement, Preference, agreement, preference
from lmnb.evaluate.report_view import texts
from lmnb.evaluate.review_data import about, changed_fields, flat_row, kept, rejected
from lmnb.evaluate.review_file import JUDGED, PREFERRED, Answer, AnswersFile
from lmnb.evaluate.review_html import SAID, review_html
from lmnb.evaluate.review_items import ReviewItem, items_of
from lmnb.example import Example
from lmnb.nearest import did_you_mean
from lmnb.optional import frame
from lmnb.shown import Shown
from lmnb.trace import Trace
from lmnb.watchers import Watchers

REASONS = ("wrong label", "wrong answer", "not typical", "too long", "leaks the answer", "badly written")


# answers under other names: those of an item in other letters, and of a run's methods
_MEANT = {
    "accept": "keep",
    "yes": "keep",
    "no": "reject",
    "a": "A",
    "b": "B",
    "left": "A",
    "right": "B",
    "equal": "tie",
}


class Review(Shown):
    """Made by `lmnb.review(...)`. Shows itself as a panel in a notebook; whatever that does, the methods here do.

    `items` are those of the queue, `answers` those that stand, in the order of their giving; `changes` counts what happened. Methods may be
    called from any thread.
    """

    _view = "review"

    def __init__(
        self,
        items: Iterable[Any],
        path: str | Path | None = None,
        *,
        seed: int = 0,
        reasons: Sequence[str] = REASONS,
        name: str = "",
    ) -> None:
        self.items: tuple[ReviewItem, ...] = items_of(items)
        if isinstance(reasons, str) or not isinstance(reasons, Iterable):
            raise InputError(f'reasons are a list of texts, not {reasons!r}. Write reasons=["wrong label", ...].')
        self.seed, self.reasons = seed, tuple(reasons)
        self._file = AnswersFile(path)
        self.path = self._file.path
        self.name = name or ("Review" if self.path is None else self.path.stem)
        self._places = {item.id: place for place, item in enumerate(self.items)}
        self._lock = threading.RLock()
        self._watchers = Watchers("a review")
        self.changes = 0
        self._check()
        if self._file.problems:
            many, first = len(self._file.problems), self._file.problems[0]
            warnings.warn(
                f"{many} line{'s' * (many > 1)} of {str(path)!r} {'count' if many > 1 else 'counts'} for nothing: {first}",
                stacklevel=3,
            )
        self._at = self._next(0)

    # -- judging

    def answer(
        self,
        verdict: str,
        item: Any = None,
        *,
        reason: str | int | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Judge the current item, or another one (an item, its id or its place from 0), and go on to the next without an answer.

        "keep", "reject", "edit" or "skip"; of a pair "A" or "B", as shown, "tie" or "skip". An edit names the new values in `fields`: a text given
        for what was no text is read as JSON. `reason` is a text, or its number in `reasons`, from 1; what is kept or skipped has none. An item
        that has an answer gets this one in its place. InputError for what is no answer about the item.
        """
        with self._lock:
            meant = self._meant(item)
            answer = self._answer(meant, verdict, self._reason(reason), fields)
            self._file.add(answer, about(meant))
            self._at = self._next(self._places[meant.id] + 1)
        self._tell()
        return answer

    def undo(self) -> Answer | None:
        """Take the last answer back that stands, and go to its item; None where none stands. The file keeps both."""
        with self._lock:
            answers = self.answers
            if not answers:
                return None
            self._file.undo(answers[-1], _now())
            self._at = self._places[answers[-1].item]
        self._tell()
        return answers[-1]

    def go(self, item: Any) -> ReviewItem:
        """Make an item the current one: an item, its id, or its place from 0."""
        with self._lock:
            meant = self._meant(item)
            self._at = self._places[meant.id]
        self._tell()
        return meant

    @property
    def current(self) -> ReviewItem | None:
        """The item that is asked about; None when all have an answer."""
        return None if self._at is None else self.items[self._at]

    def sides(self, item: ReviewItem) -> tuple[int, ...]:
        """Which output of an item is shown on which side: of a pair, drawn by the seed, so that the order says nothing."""
        order = list(range(len(item.outputs)))
        random.Random(f"{self.seed}:{item.id}").shuffle(order)
        return tuple(order)

    # -- the answers as data

    @property
    def answers(self) -> list[Answer]:
        """The answers that stand about items of this queue, in the order of their giving; all others stay in the file."""
        return [answer for answer in self._file.answers if answer.item in self._places]

    def answer_of(self, item: Any) -> Answer | None:
        """The last answer about an item that stands."""
        name = self._meant(item).id
        return next((answer for answer in reversed(self.answers) if answer.item == name), None)

    def kept(self) -> list[Example]:
        """What was kept or edited, as examples: demos as they are or were edited, outputs as labelled examples with the program's inputs, of pairs
        what was preferred. Good as demos, and as a trainset.
        """
        return kept(self._judged())

    def rejected(self) -> list[tuple[Example, str | None]]:
        """What was rejected, with the reason: a demo can be handed on, `run.reject_demo(demo, reason)`."""
        return rejected(self._judged())

    def agreement(self, judge: Callable[..., Any] | None = None) -> Agreement:
        """How often a judge says what the person said: a metric `judge(example, prediction)`, or the scores that the items came with.

        An output counts as right for the person where it was kept, for the judge from a score of 0.5; of a pair the judge prefers
        the higher score. Skipped items are left out. InputError where there is nothing to compare.
        """
        if self.items and all(item.kind == "demo" for item in self.items):
            raise InputError(
                "this queue holds demos, and a judge scores outputs. Review what a program answered, lmnb.review(report), or pairs; what was "
                "said of demos is review.kept() and review.rejected()."
            )
        return agreement(self._judged(), judge)

    def preference(self) -> Preference:
        """How often the first output of the pairs was preferred, a tie counting half. InputError where no pair has an answer."""
        return preference(self._judged())

    def to_pandas(self) -> Any:
        """One row an item, in the order of the queue: inputs, outputs (of pairs two columns each), verdict, reason, edited values, time."""
        last = {answer.item: answer for answer in self.answers}
        rows = [flat_row(item, last.get(item.id)) for item in self.items]
        made = frame("Review.to_pandas()", rows)
        return made.set_index("item") if len(made) else made

    # -- what its faces see

    def snapshot(self, item: Any = None) -> dict[str, Any]:
        """The review as JSON-able data: progress, and the current item or another one, values as texts; pairs as they are shown, without names."""
        with self._lock:
            last = {answer.item: answer for answer in self.answers}
            counts = Counter("preferred" if answer.choice is not None else answer.verdict for answer in last.values())
            place = self._at if item is None else self._places[self._meant(item).id]
            return {
                "name": self.name,
                "path": None if self.path is None else str(self.path),
                "changes": self.changes,
                "state": "waiting" if len(last) < len(self.items) else "finished",
                "total": len(self.items),
                "done": len(last),
                "counts": {verdict: counts[verdict] for verdict in SAID if counts[verdict]},
                "reasons": list(self.reasons),
                "problems": self._file.problems[:5],
                "item": None if place is None else self._shown(place, last.get(self.items[place].id)),
            }

    def subscribe(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Have `callback()` called after each change; gives the function that ends it. What it raises is a warning."""
        return self._watchers.add(callback)

    def trace(self, item: Any) -> Trace:
        """The trace of an output. InputError where there is none, and for pairs, which are judged blind."""
        meant = self._meant(item)
        if meant.kind == "pair" or meant.traces[0] is None:
            raise InputError("this item has no trace to show")
        return meant.traces[0]

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        known = self.snapshot()
        said = ", ".join(f"{n} {SAID[verdict]}" for verdict, n in known["counts"].items())
        place = f"; {known['path']}" if self.path is not None else "; not saved"
        return f"Review({known['done']} of {known['total']} reviewed{': ' + said if said else ''}{place})"

    def _repr_html_(self) -> str:
        last = {answer.item: answer for answer in self.answers}
        rows = [self._shown(place, last.get(item.id)) for place, item in enumerate(self.items)]
        return review_html(self.snapshot(), rows)

    # -- inside

    def _shown(self, place: int, answer: Answer | None) -> dict[str, Any]:
        item = self.items[place]
        edited = {} if answer is None else answer.fields or {}
        sides = self.sides(item)
        verdict = None if answer is None else answer.verdict
        if answer is not None and answer.choice is not None:
            verdict = "AB"[sides.index(answer.choice)]  # as shown now: under another seed it stood on the other side
        return {
            "id": item.id,
            "place": place,
            "kind": item.kind,
            "inputs": texts({**item.inputs, **{name: edited[name] for name in item.inputs if name in edited}}),
            "labels": texts(item.labels),
            "outputs": [
                texts({**item.outputs[side], **{n: v for n, v in edited.items() if n not in item.inputs}})
                for side in sides
            ],
            "editable": list(item.editable),
            "has_trace": item.kind == "output" and item.traces[0] is not None,
            "verdict": verdict,
            "reason": None if answer is None else answer.reason,
        }

    def _meant(self, item: Any) -> ReviewItem:
        if item is None:
            if self._at is None:
                raise InputError("every item has an answer. Name the one that you mean, or take one back with undo().")
            return self.items[self._at]
        if isinstance(item, int) and not isinstance(item, bool) and 0 <= item < len(self.items):
            return self.items[item]
        name = getattr(item, "id", item)
        if not isinstance(name, str) or name not in self._places:
            raise InputError(f"there is no item {name!r} in this queue of {len(self.items)}. {_instead(item)}".rstrip())
        return self.items[self._places[name]]

    def _reason(self, reason: str | int | None) -> str | None:
        if reason is not None and (isinstance(reason, bool) or not isinstance(reason, (str, int))):
            raise InputError(f"a reason is a text, or its number from 1 to {len(self.reasons)}, not {reason!r}")
        if isinstance(reason, int):
            if not 1 <= reason <= len(self.reasons):
                raise InputError(f"there is no reason {reason}; they are numbered from 1 to {len(self.reasons)}")
            return self.reasons[reason - 1]
        return (reason or "").strip() or None

    def _answer(self, item: ReviewItem, verdict: str, reason: str | None, fields: Mapping[str, Any] | None) -> Answer:
        known = PREFERRED if item.kind == "pair" else JUDGED
        if verdict not in known:
            said = str(verdict).casefold()
            meant = _MEANT.get(said, said)
            hint = f"Did you mean {meant!r}?" if meant in known else did_you_mean(meant, known)
            raise InputError(
                f"{verdict!r} is no answer about this {item.kind}; write one of {', '.join(map(repr, known))}. {hint}".rstrip()
            )
        if (fields is None) == (verdict == "edit") or not isinstance(fields, (Mapping, Example, type(None))):
            raise InputError("an edit needs its new values, fields={...}, and only an edit has them")
        changed = changed_fields(item, fields or {})
        if verdict == "edit" and not changed:
            verdict = "keep"  # nothing was changed: it is good as it is
        if reason is not None and verdict in ("keep", "skip"):
            raise InputError(
                f"what you {verdict} needs no reason, and {reason!r} would be lost: a reason says why something was rejected, edited or "
                'preferred. Write answer("reject", reason=...), or leave it out.'
            )
        choice = self.sides(item)["AB".index(verdict)] if verdict in ("A", "B") else None
        return Answer(self._file.last + 1, item.id, verdict, reason, changed or None, choice, _now())

    def _check(self) -> None:
        """Take out what the file says of an item that cannot be said of it."""
        fitting: list[Answer] = []
        for answer in self._file.answers:
            item = self.items[self._places[answer.item]] if answer.item in self._places else None
            known = PREFERRED if item is not None and item.kind == "pair" else JUDGED
            if item is None or (answer.verdict in known and set(answer.fields or ()) <= set(item.editable)):
                fitting.append(answer)
                continue
            self._file.problems.append(
                f"answer {answer.number}: it does not fit its item, which is of the kind {item.kind!r}"
            )
        self._file.answers = fitting

    def _judged(self) -> list[tuple[ReviewItem, Answer]]:
        """The items with an answer, in the order of the queue."""
        last = {answer.item: answer for answer in self.answers}
        return [(item, last[item.id]) for item in self.items if item.id in last]

    def _next(self, place: int) -> int | None:
        """The first item without an answer from `place` on, around the end."""
        done = {answer.item for answer in self._file.answers}
        order = (*range(place, len(self.items)), *range(place))
        return next((n for n in order if self.items[n].id not in done), None)

    def _tell(self) -> None:
        self.changes += 1
        self._watchers.tell()


def _instead(item: Any) -> str:
    """What to write where something else was given for the item of an answer."""
    if isinstance(item, (Mapping, Example)) and not hasattr(item, "kind"):
        return f'New values go by name: answer("edit", fields={dict(item.items())!r}).'
    return f'A reason goes by name: answer("reject", reason={item!r}).' if isinstance(item, str) else ""


def review(
    items: Iterable[Any],
    path: str | Path | None = None,
    *,
    seed: int = 0,
    reasons: Sequence[str] = REASONS,
    name: str = "",
) -> Review:
    """A queue of `items` for a person to judge, one at a time, by keyboard in a notebook or by `review.answer(...)` anywhere.

    Items are demos (`lmnb.Example`, so `run.demos` too), outputs (predictions, traces, rows of a report, `(example, prediction)`, or a whole
    report, whose failed rows are left out) and pairs of outputs for the same inputs (two of these, or `report.compare(other)`). A pair is judged
    blind: which one stands left is drawn by `seed`. Scores of a metric are not shown.

    Each answer is added to the JSONL file at `path` at once, and opening it again goes on where it was, also with more items or in another order;
    without a path nothing is saved. Lines of the file that cannot be read count for nothing, with a warning. Of two reviews that write to one
    file, each sees the other's answers when it is opened again.

    >>> import lmnb
    >>> queue = lmnb.review([lmnb.Example(ticket="No refund yet", team="Acess").with_inputs("ticket"), lmnb.Example(ticket="?", team="x")])
    >>> queue.answer("edit", fields={"team": "Billing"}).verdict
    'edit'
    >>> queue.answer("reject", reason=3).reason
    'not typical'
    >>> queue
    Review(2 of 2 reviewed: 1 rejected, 1 edited; not saved)
    >>> queue.kept()
    [Example({'ticket': 'No refund yet', 'team': 'Billing'}) (input_keys={'ticket'})]
    """
    return Review(items, path, seed=seed, reasons=reasons, name=name)


def _now() -> str:
    return datetime.now().isoformat(timespec="seconds")
