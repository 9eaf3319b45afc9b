"""Figures of what a run costs and of who comes from whom: what they hold, and that they show everywhere."""

from __future__ import annotations

import doctest
import json
import math
import re
from types import SimpleNamespace

import pytest

import lmnb

pytest.importorskip("plotly")

import test_plots
from lmnb_widgets import plots, plots_cost, plots_lineage, thinning
from lmnb_widgets.chart import Axis, spread
from lmnb_widgets.plots_cost import plot_budget, plot_pareto
from lmnb_widgets.plots_lineage import plot_lineage
from test_plots import HOSTILE, ROWS, row, traces

FRONT = [(0, 41.0, 10.0), (3, 70.0, 20.0), (1, 60.0, 25.0), (4, 84.0, 300.0)]


class Told:
    """What these plots ask of a run."""

    def __init__(self, rows=(), front=FRONT, label="6 demos", limits=None):
        self.rows, self._front, self.label = rows, front, label
        self.limits = {"calls": 900} if limits is None else limits

    def front(self, by=None):
        made, best = [], 0.0
        for number, score, cost in self._front:
            made.append(SimpleNamespace(number=number, score=score, cost=cost, label=self.label, on_front=score > best))
            best = max(best, score)

        class Front(list):
            pass

        found = Front(made)
        found.by, found.best = by or "tokens", [each for each in made if each.on_front]
        return found

    def snapshot(self):
        best = max((r for r in self.rows if r["status"] == "scored"), key=lambda r: r["score"], default=None)
        return {"candidates": self.rows, "best": best and best["id"]}

    def spending(self):
        spent = dict.fromkeys(("tokens", "usd", "seconds"), 0.0)
        candidates = [
            {
                **spent,
                "number": n,
                "label": self.label,
                "status": "scored",
                "score": 50.0,
                "human": n == 2,
                "calls": calls,
            }
            for n, calls in enumerate([100, 100, 0, 40] if self.rows else [])
        ]
        return {
            "spent": {**spent, "calls": 300, "seconds": 9.0},
            "limits": self.limits,
            "proposals": {**spent, "calls": 12},
            "candidates": candidates,
        }


LINEAGE = [
    row(0, 41.0, "baseline"),
    row(1, 70.0, parents=["c0"]),
    row(2, 60.0, parents=["c0"], status="dropped", reason="vetoed"),
    row(3, 80.0, parents=["c1", "c9"]),
    row(4, 75.0, parents=["c3"], human=True),
    row(5, None, status="waiting", parents=["c3"]),
]


def figures(label="6 demos"):
    rows = [{**each, "label": label, "reason": each["reason"] and label} for each in LINEAGE]
    return {
        "pareto": plot_pareto(Told(label=label)),
        "budget": plot_budget(Told(ROWS, label=label)),
        "lineage": plot_lineage(Told(rows)),
    }


def test_the_front_stands_out():
    """A diamond on the front, stairs along it, and the rest as dots."""
    figure = plot_pareto(Told())
    found = traces(figure)
    assert list(found["on the front"].x) == [10.0, 20.0, 300.0]
    assert list(found["better and no dearer exists"].hovertext) == ["<b>#1</b> · 60.0 % at 25 tokens<br>6 demos"]
    assert list(zip(found["front"].x, found["front"].y, strict=True)) == [
        (10.0, 41.0),
        (20.0, 41.0),
        (20.0, 70.0),
        (300.0, 70.0),
        (300.0, 84.0),
    ]
    assert figure.layout.title.text == "Score against tokens an example: 3 of 4 on the front"
    assert "&#36;0.0100" in plot_pareto(Told(front=[(0, 41.0, 0.01)]), "usd").data[1].hovertext[0]


def test_the_budget_is_summed_up_against_its_limit():
    """What scoring took, candidate after candidate; the title says where the rest went."""
    figure = plot_budget(Told(ROWS))
    found = traces(figure)
    assert list(found["candidate"].x) == [0, 1, 3]
    assert list(found["candidate"].y) == [100, 200, 240]
    assert list(found["limit"].y) == [900, 900]
    assert list(found["spent in all"].y) == [300]
    assert figure.layout.title.text == "300 of 900 calls: 240 scoring, 12 proposing, 48 bootstraps etc."
    assert "limit" not in traces(plot_budget(Told(ROWS, limits={"calls": None})))


def test_lineage_joins_each_candidate_with_what_it_was_made_from():
    """The way to the best is one line; what is not scored yet, or not known, is left out."""
    found = traces(plot_lineage(Told(LINEAGE)))
    assert list(found["way to the best"].x) == [0, 1, None, 1, 3, None]
    assert list(found["made from"].y) == [41.0, 60.0, None, 80.0, 75.0, None]
    assert {name: list(found[name].x) for name in ("best", "yours", "dropped", "led to the best")} == {
        "best": [3],
        "yours": [4],
        "dropped": [2],
        "led to the best": [0, 1],
    }
    assert found["dropped"].hovertext == ("<b>#2</b> · 60.0 %<br>6 demos<br>from #0<br>dropped: vetoed",)


@pytest.mark.parametrize(
    ("plot", "run"),
    [(plot_pareto, Told(front=[])), (plot_budget, Told()), (plot_lineage, Told([row(0, None, status="waiting")]))],
)
def test_nothing_to_plot_says_so(plot, run):
    """Before the first score there is an error with what to do."""
    with pytest.raises(lmnb.InputError, match=r"there is nothing to plot yet: .* Wait with run.until\('candidate'\)"):
        plot(run)


def test_a_partly_scored_candidate_is_a_cross():
    """One of a few examples is marked otherwise than a whole one, live and static; one candidate is one candidate."""
    figure = plot_lineage(Told(ROWS))
    assert traces(figure)["partly scored"].hovertext == ("<b>#4</b> · 60.0 %<br>6 demos<br>33 of 100 examples",)
    assert "+ partly scored" in str(figure._static) and "33 of 100 examples" in str(figure._static)
    alone = plot_lineage(Told(ROWS[:1]))
    assert alone.layout.title.text == "Lineage of 1 candidate"
    assert alone.layout.xaxis.dtick == 1


def many(count):
    """Candidates, each made of one a little older: some dropped, partly scored or a person's."""
    rows = [row(n, round(40 + n / 400 + 9 * math.sin(n * n), 1), f"instruction {n}") for n in range(count)]
    for n, each in enumerate(rows[1:], 1):
        each["parents"] = [f"c{max(0, n - 1 - n % 7)}"]
        each |= {0: {"status": "partial", "done": 9}, 1: {"status": "dropped", "reason": "vetoed"}}.get(n % 5, {})
        each |= {"human": n % 500 == 2}
    return rows


def test_ten_thousand_candidates_are_thinned_to_what_can_be_seen():
    """The figures stay small and say how many they leave out; the best and its way stay joined, edges lead to drawn candidates."""
    rows = many(10_000)
    figure = plot_lineage(Told(rows))
    bundle = figure._repr_mimebundle_()
    assert len(json.dumps(bundle)) < 500_000
    found = traces(figure)
    drawn = {x: y for trace in figure.data if trace.mode == "markers" for x, y in zip(trace.x, trace.y, strict=True)}
    assert 600 < len(drawn) <= 1_000
    note = figure.layout.xaxis.title.text
    assert note == f"candidate · {10_000 - len(drawn):,} of 10,000 left out where marks lie close"
    assert bundle["text/html"].count("<title>") == len(drawn)
    assert len(found["yours"].x) == 20 and found["best"].y[0] == max(
        r["score"] for r in rows if r["status"] == "scored"
    )
    for trace in figure.data[:2]:
        assert {x for x in trace.x if x is not None} <= set(drawn)
    assert found["way to the best"].x[-2] == found["best"].x[0]
    scores = plots.plot_scores(test_plots.Told(rows))._repr_mimebundle_()
    assert len(json.dumps(scores)) < 500_000
    assert "of 10,000 left out" in json.dumps(scores)
    assert "small dots: dropped or partly scored" in scores["text/html"] and "○" not in scores["text/html"]
    assert note.removeprefix("candidate") in bundle["text/html"]


def test_each_public_example_runs():
    """The examples in the docstrings of the figures say what comes out."""
    found = [doctest.testmod(module) for module in (plots, plots_cost, plots_lineage, thinning)]
    assert [done.failed for done in found] == [0, 0, 0, 0]
    assert [done.attempted > 0 for done in found] == [True] * 4


def test_an_unknown_cost_is_named():
    """The message lists what can be asked for."""
    with pytest.raises(lmnb.InputError, match=r"plot_budget\(by='euro'\) is not known; write one of 'calls'"):
        plot_budget(Told(ROWS), "euro")


@pytest.mark.parametrize("name", ["pareto", "budget", "lineage"])
def test_it_shows_everywhere(name):
    """Plotly's data and a static drawing of shapes that differ without their colours, which nbconvert keeps."""
    nbformat, nbconvert = pytest.importorskip("nbformat"), pytest.importorskip("nbconvert")
    figure = figures()[name]
    bundle = figure._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.plotly.v1+json", "text/html", "text/plain"}
    assert len(json.dumps(bundle)) < 40_000
    assert "<script" not in bundle["text/html"]
    symbols = [trace.marker.symbol or "circle" for trace in figure.data if trace.mode == "markers"]
    assert len(set(symbols)) >= len(symbols) - 1
    output = nbformat.v4.new_output("display_data", data=bundle)
    cell = nbformat.v4.new_code_cell("figure", outputs=[output])
    page, _ = nbconvert.HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    assert page.count('class="lm-xy"') == 1


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_stays_text(hostile):
    """Labels and reasons are neither markup nor formulas, live and static."""
    for figure in figures(hostile).values():
        data = json.dumps(figure._repr_mimebundle_()["application/vnd.plotly.v1+json"])
        for text in map(json.loads, re.findall(r'"(?:\\.|[^"\\])*"', data)):
            assert "$" not in text
            assert not set(re.findall(r"<[^>]*>?", text)) - {"<b>", "</b>", "<br>"}
            assert "\x1b" not in text and "\u202e" not in text
        assert "<script" not in str(figure._static) and "<a " not in str(figure._static)


def test_lines_of_the_grid_are_at_round_values():
    """At most six, also for one value, tiny and huge ones."""
    assert Axis(0, 84, 0, 100).ticks() == [0, 20, 40, 60, 80]
    for values in ([0.0], [41.0], [1e-6, 3e-6], [0, 3_000_000], [-5, 5]):
        low, high = spread(values)
        ticks = Axis(low, high, 0, 100).ticks()
        assert low < min(values) and max(values) < high
        assert 1 <= len(ticks) <= 6
    assert Axis(-0.5, 1.5, 0, 100, whole=True).ticks() == [0, 1]


def test_a_real_run_can_be_plotted(routing_lm):
    """With the engine's own front, spending and snapshot: what is spent on the parts is what the budget says."""
    train = [
        lmnb.Example(ticket=f"the {word} is lost", team=team).with_inputs("ticket")
        for word, team in zip("abcdef", "xyxyxy", strict=True)
    ]
    program = lmnb.Predict("ticket -> team", lm=routing_lm)
    optimizer = lmnb.BootstrapFewShotWithRandomSearch(
        metric=lmnb.evaluate.exact_match("team"),
        num_candidate_programs=2,
        max_bootstrapped_demos=2,
        max_labeled_demos=2,
    )
    run = optimizer.start(program, trainset=train, valset=train, seed=1, budget=lmnb.Budget(calls=200))
    run.wait()
    spending = run.spending()
    scoring = sum(each["calls"] for each in spending["candidates"])
    assert scoring == 6 * len(run.candidates)
    assert scoring <= spending["spent"]["calls"] <= spending["limits"]["calls"] == 200
    assert "of 200 calls" in run.plot_budget().layout.title.text
    assert len(plot_budget(run, "seconds").data) >= 2
    assert len(run.plot_pareto("calls").data) >= 2
    assert len(run.plot_lineage().data) >= 1
