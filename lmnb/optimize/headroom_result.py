"""What a headroom test found: the gain of the best candidate, how sure it is, and what to do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from lmnb.errors import RunError
from lmnb.evaluate.selection import Gain, selection_gain
from lmnb.html import Html, el, root, shorten, table_of
from lmnb.optimize.run import Run
from lmnb.optimize.view import Standing

WORTH = 2.0  # points of gain under which optimizing is advised against
FEW = 20  # examples under which nothing is claimed
NEARLY = 98.0  # per cent right above which there is nothing to gain
SHOWN = 20  # candidates in the table
TAGS = {
    "headroom": "worth optimizing",
    "none": "do not optimize",
    "ceiling": "do not optimize",
    "floor": "nothing scores",
    "unclear": "not known yet",
    "stopped": "not finished",
}


@dataclass(frozen=True)
class Headroom:
    """The outcome of `lmnb.headroom`. `gain` is that of choosing the best candidate over the program as it is, in points, between `low` and `high`
    (95 %): judged on examples that had no part in the choice. `apparent` is the gain on the examples that chose it, `shrunken` an estimate
    of what is left of that on new data.

    `verdict` is "headroom", "none", "ceiling" (the program is right nearly everywhere), "floor" (no candidate scores), "unclear", or "stopped"
    where the test did not come to its end and what it has scored does not show headroom. `advice` says it in words. `run` is the run
    itself, with `run.best` and every candidate.
    """

    run: Run
    baseline: Standing
    best: Standing
    candidates: int
    examples: int
    gain: float
    low: float
    high: float
    apparent: float
    shrunken: float
    verdict: str
    advice: str

    @classmethod
    def of(cls, run: Run) -> Headroom:
        """What a run of `HeadroomTest` found, also one that was stopped or reopened. RunError where the program itself is not scored, and for a
        run of another optimizer: its candidates were made by the scores that would judge them.
        """
        if run.header.optimizer_name != "HeadroomTest":
            raise RunError(
                f"this is a run of {run.header.optimizer_name}, not of a HeadroomTest. Write lmnb.headroom(program, ...)."
            )
        if run.error is not None:
            raise run.error
        rows = [row for row in run.candidates if row.status == "scored"]
        if not rows or rows[0].number != 0:
            raise RunError(
                f"the headroom test is {run.state} and has not scored the program itself, so there is nothing to compare with. "
                "Go on with lmnb.reopen(path).resume(), or give it a larger budget."
            )
        entries = [run._entry(row) for row in rows]
        size = len(entries[0].results)
        scores = [[entry.results[index].value for index in range(size)] for entry in entries]
        gain = selection_gain(scores, seed=run.header.seed)
        verdict = _verdict(gain, rows[0].score or 0.0, len(rows), size)
        if run.state != "finished" and verdict != "headroom":
            verdict = "stopped"
        return cls(
            run=run,
            baseline=rows[0],
            best=rows[gain.chosen],
            candidates=len(rows),
            examples=size,
            gain=100 * gain.held_out.mean,
            low=100 * gain.held_out.low,
            high=100 * gain.held_out.high,
            apparent=100 * gain.apparent,
            shrunken=100 * gain.shrunken,
            verdict=verdict,
            advice=_stopped(run, rows)
            if verdict == "stopped"
            else _advice(verdict, gain, rows, gain.chosen, size, _causes(run, rows[0])),
        )

    @property
    def worthwhile(self) -> bool:
        """Whether optimizing is advised."""
        return self.verdict == "headroom"

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, without the run."""
        numbers = ("candidates", "examples", "gain", "low", "high", "apparent", "shrunken", "verdict", "advice")
        rows = {
            name: {"label": row.label, "score": row.score}
            for name, row in (("baseline", self.baseline), ("best", self.best))
        }
        return {"run": self.run.name, **rows, **{name: getattr(self, name) for name in numbers}}

    def __repr__(self) -> str:
        return f"Headroom({self.verdict}: {_points(self)}, {self.candidates} candidates on {self.examples} examples)\n{self.advice}"

    def _repr_html_(self) -> str:
        scored = [row for row in self.run.candidates if row.status == "scored"]
        rows = sorted(scored, key=lambda row: (-(row.score or 0.0), row.number))
        mood = {"headroom": "lm-good", "unclear": "lm-muted", "stopped": "lm-muted"}.get(self.verdict, "lm-warn")
        words = f"{self.candidates} candidates on {self.examples:,} examples · {_points(self)}"
        looks = f"{self.apparent:+.1f} on the examples that chose it, {self.shrunken:+.1f} after shrinkage"
        return root(
            "headroom",
            el(
                "div",
                {"class": "lm-top lm-num"},
                el("strong", None, "Headroom"),
                el("span", {"class": f"lm-tag {mood}"}, TAGS[self.verdict]),
                el("span", {"class": "lm-muted"}, words),
            ),
            el(
                "div",
                {"class": "lm-pane"},
                el("div", None, self.advice),
                el("div", {"class": "lm-muted lm-num"}, f"The best looks like {looks}."),
                table_of(("candidate", "score", "95 %"), [_row(row, self) for row in rows[:SHOWN]], "lm-table lm-num"),
            ),
        )


def _points(found: Headroom) -> str:
    return f"gain {found.gain:+.1f} points, 95 % {found.low:+.1f} … {found.high:+.1f}"


def _row(row: Standing, found: Headroom) -> Html:
    mark = " (as it is)" if row.id == found.baseline.id else " ★" if row.id == found.best.id else ""
    interval = "" if row.low is None else f"{row.low:.1f} … {row.high:.1f}"
    return el(
        "tr",
        None,
        el("td", None, shorten(row.label, 120), el("span", {"class": "lm-muted"}, mark)),
        el("td", {"class": "lm-tight"}, f"{row.score:.1f}"),
        el("td", {"class": "lm-tight lm-muted"}, interval),
    )


def _verdict(gain: Gain, score: float, count: int, size: int) -> str:
    held, best = gain.held_out, score + 100 * gain.apparent
    if best <= 0:
        return "floor"
    if size < FEW or count < 2:
        return "unclear"
    if score >= NEARLY:
        return "ceiling"
    if held.low > 0 and 100 * held.mean >= WORTH:
        return "headroom"
    small = 100 * held.mean < WORTH and 100 * gain.shrunken < WORTH
    return "none" if small or 100 * held.high < WORTH else "unclear"


def _causes(run: Run, baseline: Standing) -> list[str]:
    """Where to look in place of an optimizer."""
    failed = sum(result.error is not None for result in run._entry(baseline).results.values())
    suspects = len(run.suspects())
    return [
        *([f"{failed} examples on which the program fails (run.examples(0, only='error'))"] if failed else []),
        *([f"{suspects} labels that may be wrong (run.suspects())"] if suspects else []),
        "the examples that it gets wrong (run.examples(0))",
        "what the metric asks for",
        "a stronger LM",
    ]


def _advice(verdict: str, gain: Gain, rows: list[Standing], chosen: int, size: int, causes: list[str]) -> str:
    held, best = gain.held_out, rows[chosen]
    look = f"Look at {', '.join(causes[:-1])}, or {causes[-1]}."
    interval = f"{100 * held.mean:+.1f} points (95 % {100 * held.low:+.1f} … {100 * held.high:+.1f})"
    if verdict == "floor":
        return (
            "No candidate scores on any example: there is nothing for a search to climb. Give a metric with partial credit, a teacher that "
            f"succeeds (teacher_settings={{'lm': ...}}), or a demo of your own. {look}"
        )
    if verdict == "ceiling":
        return f"The program is right on {rows[0].score:.1f} % as it is: do not optimize. {look}"
    if verdict == "none":
        return f"Cheap candidates gain {interval}, under {WORTH:g}: do not optimize. {look}"
    if verdict == "headroom":
        return f"There is headroom: {interval} by “{best.label}”. Start with {_first(best)}."
    if size < FEW:
        return (
            f"{size} examples are too few to tell a gain from chance: score on {FEW} or more, better {5 * FEW}. {look}"
        )
    return (
        f"Cheap candidates gain {interval}: too few examples to say whether that is {WORTH:g} or more. Score on about "
        f"{_wanted(held.mean, held.high - held.low, size):,} examples. {look}"
    )


def _stopped(run: Run, rows: list[Standing]) -> str:
    """What a test says that did not come to its end."""
    stop = next((each.text for each in reversed(run.decisions) if each.kind in ("stop", "cancel")), None)
    why = f" ({stop})" if stop else ""
    last = "" if run.path is None else f"lmnb.reopen({str(run.path)!r}).resume(), or start again with "
    return (
        f"The test is {run.state}{why} after {len(rows)} of {run.header.planned} candidates, too early to tell what can be gained. "
        f"Go on with {last}a larger budget, and read it again with lmnb.Headroom.of(run)."
    )


def _first(best: Standing) -> str:
    if best.origin == "labelled":
        return "lmnb.BootstrapFewShotWithRandomSearch, or lmnb.KNNFewShot, which shows each input its nearest examples"
    if best.origin == "bootstrapped":
        return "lmnb.BootstrapFewShotWithRandomSearch, then lmnb.MIPROv2 for the instructions"
    return "lmnb.GEPA or lmnb.COPRO: instructions gain here, and demos do not"


def _wanted(mean: float, width: float, size: int) -> int:
    """How many examples make the interval as narrow as it is far from 0, or as the gain that is worth it."""
    aim = 2 * max(abs(mean), WORTH / 100)
    return max(size + 1, 10 * math.ceil(size * (width / aim) ** 2 / 10))
