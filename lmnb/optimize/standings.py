"""How each candidate of a run stands: rows that are kept, and made anew only where something changed."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any

from lmnb.evaluate.statistics import mean_interval
from lmnb.optimize.archive import Archive, Entry
from lmnb.optimize.estimates import Estimates
from lmnb.optimize.leaks import leak_words


@dataclass(frozen=True)
class Standing:
    """A candidate as it stands: `score`, `low` and `high` in per cent, `status` "waiting", "evaluating", "partial" (some examples, and nothing
    more asked for now), "scored", "dropped" or "unscored". `expected` is what to expect of it on new examples, in per cent: its score, drawn
    towards those of the other candidates by as much of their spread as chance explains (empirical Bayes over the validation examples that all
    were scored on, see `lmnb.optimize.estimates`), since the best of many has its score partly by luck; None where it is not fully scored.
    `leaks` are the validation examples that stand in its prompt; the label says so.
    """

    id: str
    number: int
    label: str
    origin: str
    parents: tuple[str, ...]
    status: str
    score: float | None
    low: float | None
    high: float | None
    done: int
    total: int
    reason: str | None
    human: bool
    expected: float | None = None
    leaks: tuple[int, ...] = ()


class Standings:
    """The rows of all candidates; a row is made anew only when something about it changed."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._rows: dict[str, Standing] = {}
        self._dicts: list[dict[str, Any]] = []
        self._estimates = Estimates(archive)
        self._clock = -1
        self._at_work: frozenset[str] = frozenset()
        self._settled: tuple[Any, ...] = ()
        self._lock = threading.Lock()  # rows are also read where the driver's lock is not held

    def of(self, entry: Entry) -> Standing:
        return self._of([entry])[0]

    def settled(self, entry: Entry) -> float | None:
        """What to expect of a candidate as of the last time that one was fully scored, or decided about: with each score between it moves
        a little, and to say how much takes long where there are thousands.
        """
        key = entry.candidate.id, self._archive.turns
        if self._settled[:2] != key:
            self._settled = (*key, self.of(entry).expected)
        return self._settled[2]

    def all(self) -> list[Standing]:
        return self._of(list(self._archive.entries.values()))

    def _of(self, entries: list[Entry]) -> list[Standing]:
        """Their rows, all of one moment: a search goes on meanwhile, and each score that comes moves every estimate."""
        self._update()
        expected, rows = self._estimates.all(), self._rows
        for name in (entry.candidate.id for entry in entries):
            if rows[name].expected != expected.get(name):
                rows[name] = replace(rows[name], expected=expected.get(name))
        return [rows[entry.candidate.id] for entry in entries]

    def dicts(self) -> list[dict[str, Any]]:
        """The rows for the panels, in order of creation. One that stands as before is the same object as before: not to be written into."""
        self._update()
        return list(self._dicts)

    def _update(self) -> None:
        with self._lock:
            archive, clock, at_work = self._archive, self._archive.clock, self._archive.at_work
            new = len(archive.entries) > len(self._dicts)
            if new or (clock, at_work) != (self._clock, self._at_work):
                changed = {*archive.touched(self._clock), *(self._at_work ^ at_work)}
                # a new one may not be among those yet, and its place is behind those before it
                changed |= {*list(archive.entries)[len(self._dicts) :]} if new else set()
                self._make([archive.entries[name] for name in changed])
                self._clock, self._at_work = clock, at_work

    def _make(self, entries: list[Entry]) -> None:
        for entry in sorted(entries, key=lambda entry: entry.number):
            row = _standing(entry, self._archive, self._rows.get(entry.candidate.id))
            told = [row_dict(row)]
            if self._dicts[entry.number : entry.number + 1] != told:
                self._rows[row.id], self._dicts[entry.number : entry.number + 1] = row, told


def _standing(entry: Entry, archive: Archive, before: Standing | None) -> Standing:
    candidate, done = entry.candidate, len(entry.results)
    score = 100 * entry.total / done if done else None
    reason = archive.dropped(candidate)
    complete = archive.complete(candidate.id)
    low = high = None
    if complete and before is not None and before.low is not None and before.score == score:
        low, high = before.low, before.high  # resampled, it is dear
    elif complete:
        low, high = (100 * bound for bound in mean_interval([entry.results[i].value for i in sorted(entry.results)]))
    status = (
        "dropped"
        if reason
        else "unscored"
        if not archive.size
        else "scored"
        if complete
        else "evaluating"
        if candidate.id in archive.at_work
        else "partial"
        if done
        else "waiting"
    )
    leaks = archive.leaks.of(candidate)
    return Standing(
        id=candidate.id,
        number=entry.number,
        label=f"{candidate.label}, {leak_words(leaks)}" if leaks else candidate.label,
        origin=candidate.origin,
        parents=candidate.parents,
        status=status,
        score=score,
        low=low,
        high=high,
        done=done,
        total=archive.size,
        reason=reason,
        human=candidate.origin == "human",
        leaks=leaks,
    )


def row_dict(standing: Standing) -> dict[str, Any]:
    """A row for the panels. The estimate is not in it: each new score moves all of them, and what differs is sent again. Leaks are told by
    the label, and by `run.detail`.
    """
    row = {**vars(standing), "parents": list(standing.parents)}
    del row["expected"], row["leaks"]
    return row
