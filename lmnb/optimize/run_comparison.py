"""Two runs side by side: their results on the examples that both were scored on, what they cost, what was decided, how the prompts differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lmnb.counts import counted
from lmnb.evaluate.statistics import Paired, paired
from lmnb.html import Html, duration, el, heading, join, money, root, shorten, table_of
from lmnb.optimize.trained import is_trained, words
from lmnb.optional import frame
from lmnb.word_diff import word_diff

MAX_TEXT = 300
MAX_SLOTS = 20
MAX_PROMPT = 8_000
MAX_DECISIONS = 40


@dataclass(frozen=True)
class RunComparison:
    """This run (`runs[0]`) against another one (`runs[1]`), each a row as of `lmnb.runs()`.

    `gain` compares the two results on the `shared` examples that both were scored on, in shares of 1, this run minus the other; None where
    there are none. `common` are the candidates that both made, as pairs of numbers. `texts` are the slots that differ, the other's
    text and this one's; `demos` counts by slot those in both, only here, and only there. `decisions` are those that only one run has.
    """

    runs: tuple[Mapping[str, Any], Mapping[str, Any]]
    shared: int
    gain: Paired | None
    common: tuple[tuple[int, int], ...]
    texts: Mapping[str, tuple[str, str]]
    demos: Mapping[str, tuple[int, int, int]]
    decisions: tuple[tuple[str, ...], tuple[str, ...]]

    def to_pandas(self) -> Any:
        """Two rows, one a run."""
        return frame("RunComparison.to_pandas()", self.runs)

    def words(self) -> str:
        """What the scores say, in a sentence."""
        if self.gain is None:
            return "The two were scored on no example in common, so their scores cannot be compared."
        low, high = 100 * self.gain.low, 100 * self.gain.high
        verdict = "better" if low > 0 else "worse" if high < 0 else "no difference shown"
        return (
            f"{100 * self.gain.mean:+.1f} points, 95 % interval {low:+.1f} … {high:+.1f} on {counted(self.shared, 'shared example')}: {verdict}; "
            f"{len(self.gain.fixed)} fixed, {len(self.gain.broken)} broken"
        )

    def __repr__(self) -> str:
        mine, other = self.runs
        return f"{mine['name']} ({_score(mine)}) against {other['name']} ({_score(other)}): {self.words()}"

    def _repr_html_(self) -> str:
        note = (
            "Both results were picked by scores like these: run.check(...) on unseen examples says more."
            if self.gain is not None
            else None
        )
        return root(
            "report",
            el(
                "div",
                {"class": "lm-pane"},
                heading("Two runs"),
                table_of(["", *(row["name"] for row in self.runs)], self._rows(), "lm-table lm-num"),
                el("div", None, self.words()),
                el("div", {"class": "lm-muted"}, note) if note else None,
                el("div", {"class": "lm-muted"}, f"{counted(len(self.common), 'candidate')} in both"),
                *self._prompts(),
                *(_decided(row["name"], texts) for row, texts in zip(self.runs, self.decisions, strict=True)),
            ),
            css=_CSS,
        )

    def _facts(self) -> list[tuple[str, str, str]]:
        """What is known of each run, in words."""
        written = {"best": _percent, "expected": _percent, "check": _percent, "usd": money, "seconds": duration}
        titles = {"best": "score of the best", "expected": "expected on new data", "check": "held-out check"}
        names = [name for name in self.runs[0] if name not in ("name", "path")]
        cells = [[str(written.get(name, _plain)(row.get(name))) for name in names] for row in self.runs]
        return list(zip([titles.get(name, name) for name in names], *cells, strict=True))

    def _rows(self) -> list[Html]:
        return [
            el(
                "tr",
                {"class": "lm-muted"} if mine == other else None,
                el("td", {"class": "lm-tight"}, title),
                *(el("td", None, shorten(cell, MAX_TEXT)) for cell in (mine, other)),
            )
            for title, mine, other in self._facts()
        ]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, numbers and differences in words: what a panel shows."""
        return {
            "names": [row["name"] for row in self.runs],
            "words": self.words(),
            "facts": [list(fact) for fact in self._facts()],
            "common": len(self.common),
            "texts": [
                {"slot": slot, "before": before, "after": after}
                for slot, (before, after) in list(self.texts.items())[:MAX_SLOTS]
            ],
            "demos": [
                {"slot": slot, "both": both, "mine": mine, "theirs": theirs}
                for slot, (both, mine, theirs) in self.demos.items()
                if mine or theirs
            ],
            "decisions": [list(texts[:MAX_DECISIONS]) for texts in self.decisions],
        }

    def _prompts(self) -> list[Html]:
        if not self.texts and not any(mine or theirs for _, mine, theirs in self.demos.values()):
            return [el("div", {"class": "lm-muted"}, "The prompts of the two results are the same.")]
        parts = [heading(f"The prompt against that of {self.runs[1]['name']}", level=4)]
        for slot, (before, after) in list(self.texts.items())[:MAX_SLOTS]:
            long = max(len(before), len(after)) > MAX_PROMPT
            parts.append(el("div", {"class": "lm-code lm-muted"}, shorten(slot, 200)))
            parts.append(
                el("pre", {"class": "lm-diff"}, shorten(after, MAX_PROMPT) if long else word_diff(before, after))
            )
        for slot, (both, mine, theirs) in self.demos.items():
            if mine or theirs:
                parts.append(el("div", None, f"{slot}: {both} in both, {mine} only here, {theirs} only there"))
        return parts


def _decided(name: str, texts: Sequence[str]) -> Html | None:
    if not texts:
        return None
    items = [el("li", None, shorten(text, MAX_TEXT)) for text in texts[:MAX_DECISIONS]]
    return join([heading(f"Decided in {name} only {len(texts)}", level=4), el("ul", None, *items)])


def _percent(value: Any) -> str:
    return "–" if value is None else f"{value:.1f} %"


def _plain(value: Any) -> str:
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _score(row: Mapping[str, Any]) -> str:
    expected = "" if row["expected"] is None else f", {row['expected']:.1f} expected on new data"
    return f"{_percent(row['best'])}{expected}"


def compared(mine: Any, other: Any) -> RunComparison:
    """The comparison of two runs (see `Run.compare`)."""
    bests = [run.best for run in (mine, other)]
    gain, shared = None, 0
    values: Mapping[str, Any] = {}
    theirs: Mapping[str, Any] = {}
    if None not in bests:
        after, before = (run.scores_by_example(best) for run, best in zip((mine, other), bests, strict=True))
        both = [name for name in after if name in before]
        shared = len(both)
        gain = paired([before[name] for name in both], [after[name] for name in both]) if both else None
        values, theirs = mine.candidate(bests[0]).values, other.candidate(bests[1]).values
    places = {row.id: row.number for row in other.candidates}
    slots = [slot for slot in values if not slot.endswith(".demos") and values[slot] != theirs.get(slot)]
    slots += [slot for slot in theirs if not slot.endswith(".demos") and slot not in values]
    said = [{(d.kind, d.text): None for d in run.decisions if d.by == "person"} for run in (mine, other)]
    return RunComparison(
        runs=(mine.summary(), other.summary()),
        shared=shared,
        gain=gain,
        common=tuple((row.number, places[row.id]) for row in mine.candidates if row.id in places),
        texts={slot: (_text(slot, theirs), _text(slot, values)) for slot in slots},
        demos={slot: _overlap(values[slot], theirs.get(slot, ())) for slot in values if slot.endswith(".demos")},
        decisions=(
            tuple(text for kind, text in said[0] if (kind, text) not in said[1]),
            tuple(text for kind, text in said[1] if (kind, text) not in said[0]),
        ),
    )


def _text(slot: str, values: Mapping[str, Any]) -> str:
    """What stands in a slot, in words: of weights where they come from, "" where there are none."""
    value: Any = values.get(slot)
    if is_trained(slot, value):
        return words(value)
    return "" if value is None else str(value)


def _overlap(mine: Sequence[Any], theirs: Sequence[Any]) -> tuple[int, int, int]:
    a, b = ({demo.provenance.id for demo in demos} for demos in (mine, theirs))
    return len(a & b), len(a - b), len(b - a)


_CSS = """
.lmnb .lm-code{font:12.5px/1.6 var(--lm-mono)}
.lmnb pre.lm-diff{margin:0;padding:0 0 10px;border:0;background:none;color:var(--lm-ink);font:12.5px/1.6 var(--lm-mono);
white-space:pre-wrap;overflow-wrap:anywhere;word-break:normal}
"""
