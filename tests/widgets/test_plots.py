"""Figures of a run: what they hold, that they show everywhere, and that no text in them is markup."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import lmnb

pytest.importorskip("plotly")

from lmnb_widgets.figure import MAX_HOVER, Figure, shown
from lmnb_widgets.plots import plot_flips, plot_scores


def row(number, score, label="6 demos", **changes):
    low, high = (None, None) if score is None else (score - 7, score + 7)
    return {
        "id": f"c{number}",
        "number": number,
        "label": label,
        "origin": "bootstrapped",
        "parents": [],
        "status": "scored",
        "score": score,
        "low": low,
        "high": high,
        "done": 100,
        "total": 100,
        "reason": None,
        "human": False,
    } | changes


class Told:
    """What plots ask of a run."""

    def __init__(self, rows, examples=(), text="router"):
        self.rows, self._examples, self.text, self.asked = rows, list(examples), text, []

    def snapshot(self) -> dict[str, Any]:
        best = max((r for r in self.rows if r["status"] == "scored"), key=lambda r: r["score"], default=None)
        return {
            "optimizer": self.text,
            "program": self.text,
            "evalset": {"name": "valset", "size": 100},
            "candidates": self.rows,
            "best": best and best["id"],
        }

    def detail(self, candidate, against=None):
        return {"number": 3, "gain": {"against": 0, "mean": 36.0}}

    def examples(self, candidate, against=None, *, offset=0, limit=200, only=None):
        self.asked.append((candidate, against, offset))
        return {"total": len(self._examples), "counts": {}, "rows": self._examples[offset : offset + limit]}


ROWS = [
    row(0, 41.0, "baseline"),
    row(1, 70.0),
    row(2, 74.0, status="dropped", reason="holds demo 31"),
    row(3, 77.0, human=True),
    row(4, 60.0, status="evaluating", done=33, low=None, high=None),
    row(5, None, status="waiting", done=0),
]


def example(index, change="same", score=1.0, error=None, text="a"):
    return {
        "index": index,
        "inputs": {text: text},
        "labels": {"team": text},
        "outputs": {"team": text},
        "score": score,
        "before": 1.0,
        "change": change,
        "error": error,
        "seconds": 0.1,
        "has_trace": True,
    }


EXAMPLES = [
    example(0, "fixed"),
    example(1, "broken", 0.0),
    example(2),
    example(3, score=0.0),
    example(4, "broken", None, "KeyError: 'x'"),
]


def traces(figure):
    return {trace.name: trace for trace in figure.data}


def test_scores_shows_every_kind_of_candidate():
    """Points by kind, the staircase of feasible finished ones, and the best by name."""
    figure = plot_scores(Told(ROWS))
    found = traces(figure)
    assert list(found) == ["95 % interval", "best so far", "partly scored", "new best", "dropped", "yours"]
    assert list(found["best so far"].y) == [41.0, 41.0, 70.0, 70.0, 77.0, 77.0]
    assert list(found["new best"].x) == [0, 1]
    assert list(found["yours"].x) == [3]
    assert found["dropped"].hovertext == ("<b>#2</b> · 74.0 % (67.0 … 81.0)<br>6 demos<br>dropped: holds demo 31",)
    assert found["partly scored"].hovertext == ("<b>#4</b> · 60.0 %<br>6 demos<br>33 of 100 examples",)
    assert figure.layout.annotations[0].text == "<b>#3 · 77.0 % ± 7.0</b>"
    assert repr(figure) == "Figure('router on router')"


def test_flips_shows_every_example():
    """A mark an example, by what changed, with its texts on hovering."""
    run = Told(ROWS, EXAMPLES)
    figure = plot_flips(run)
    assert list(traces(figure)) == ["1 fixed", "1 broken", "1 still right", "1 still wrong", "1 failed"]
    assert traces(figure)["1 fixed"].hovertext == (
        "<b>example 0</b> · fixed<br>a: a<br>team (label): a<br>team (answer): a",
    )
    assert traces(figure)["1 failed"].hovertext[0].endswith("KeyError: 'x'")
    assert figure.layout.title.text == "Candidate 3 against 0: +36.0 points"
    assert run.asked == [("c3", None, 0)]
    assert "▲ 1 fixed, ▼ 1 broken, ■ 1 still right, × 1 still wrong, ⊠ 1 failed" in str(figure._static)


def test_flips_lines_begin_with_a_numbered_example():
    """The ticks name the first example of each line, live and static, also where some were not scored."""
    figure = plot_flips(Told(ROWS, [example(n) for n in range(90) if n != 3]))
    assert list(figure.layout.yaxis.tickvals) == [0, 1, 2]
    assert list(figure.layout.yaxis.ticktext) == ["0", "41", "81"]
    assert all(f">{n}</text>" in str(figure._static) for n in (0, 41, 81))


def test_flips_without_another_candidate():
    """Where nothing is compared, an example is right or wrong, and not still so."""
    found = traces(plot_flips(Told(ROWS, [example(0, None), example(1, None, 0.0)])))
    assert list(found) == ["1 right", "1 wrong"]


def test_flips_of_two_named_candidates_and_many_examples():
    """The run is asked page by page until all examples are there."""
    run = Told(ROWS, [example(n) for n in range(1_200)])
    figure = plot_flips(run, "c1", "c0")
    assert run.asked == [("c1", "c0", 0), ("c1", "c0", 500), ("c1", "c0", 1000)]
    assert len(traces(figure)["1200 still right"].x) == 1_200


def test_a_partly_scored_candidate_is_a_cross():
    """It differs from a whole one by its mark, not its colour alone, and the legend and the caption say so."""
    figure = plot_scores(Told(ROWS))
    assert traces(figure)["partly scored"].marker.symbol == "cross-thin-open"
    static = str(figure._static)
    assert "+ partly scored" in static and static.count('class="lm-partly"') == 1
    assert "33 of 100 examples" in static
    assert "partly" not in plot_scores(Told(ROWS[:4])).to_json()


@pytest.mark.parametrize("plot", [plot_scores, plot_flips])
def test_nothing_to_plot_says_so(plot):
    """Before the first score there is an error with what to do."""
    with pytest.raises(lmnb.InputError, match=r"there is nothing to plot yet: .* Wait with run.until\('candidate'\)"):
        plot(Told([row(0, None, status="waiting", done=0)]))


def test_flips_without_examples_says_so():
    """A candidate may wait for its first example."""
    with pytest.raises(lmnb.InputError, match="candidate 3 has no scored examples yet"):
        plot_flips(Told(ROWS, []), "c5")


@pytest.mark.parametrize("figure", [plot_scores(Told(ROWS)), plot_flips(Told(ROWS, EXAMPLES))], ids=["scores", "flips"])
class TestEverywhere:
    """A figure shows in JupyterLab, in nbconvert and where plotly is not."""

    def test_a_cell_gets_plotly_data_and_a_static_form(self, figure: Figure):
        """IPython's own formatter: both forms, no script, small."""
        formatter = pytest.importorskip("IPython.core.formatters").DisplayFormatter()
        data, _ = formatter.format(figure)
        assert set(data) == {"application/vnd.plotly.v1+json", "text/html", "text/plain"}
        assert "<script" not in data["text/html"]
        assert "<svg" in data["text/html"]
        assert len(json.dumps(data)) < 40_000

    def test_it_survives_nbconvert(self, figure: Figure):
        """The exported page holds the drawing."""
        nbformat, nbconvert = pytest.importorskip("nbformat"), pytest.importorskip("nbconvert")
        output = nbformat.v4.new_output("display_data", data=figure._repr_mimebundle_())
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("figure", outputs=[output])])
        page, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
        assert 'data-lmnb="plot"' in page
        assert page.count('class="lm-curve"') + page.count('class="lm-xy lm-flips"') == 1


HOSTILE = [
    "<script>x</script>",
    "<a href='javascript:x'>y</a>",
    "$$\\href{javascript:x}{y}$$",
    "$x$",
    "a & b",
    "\x1b[31m\u202e",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_stays_text(hostile):
    """plotly reads some HTML, and LaTeX between dollars, in every label: none of it is left in any string."""
    rows = [
        row(0, 41.0, hostile),
        row(1, 50.0, hostile, status="dropped", reason=hostile),
        row(2, 60.0, hostile, human=True),
    ]
    examples = [example(0, "fixed", text=hostile), example(1, "broken", None, hostile, hostile)]
    for figure in (plot_scores(Told(rows, text=hostile)), plot_flips(Told(rows, examples, text=hostile))):
        texts = re.findall(
            r'"(?:\\.|[^"\\])*"', json.dumps(figure._repr_mimebundle_()["application/vnd.plotly.v1+json"])
        )
        for text in map(json.loads, texts):
            assert "$" not in text
            assert not set(re.findall(r"<[^>]*>?", text)) - {"<b>", "</b>", "<br>"}
            assert not re.search(r"&(?!amp;|lt;|gt;|#36;)", text)
            assert "\x1b" not in text and "\u202e" not in text
        static = str(figure._static)
        assert "<script" not in static and "<a " not in static


def test_long_texts_are_broken_and_cut():
    """A hover box stays on the screen."""
    text = shown("word " * 100)
    assert max(map(len, text.split("<br>"))) <= 70
    assert len(text.replace("<br>", " ")) <= MAX_HOVER
    assert text.endswith("…")


def test_a_real_run_can_be_plotted(routing_lm):
    """With the engine's own snapshot, detail and examples."""
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
    run = optimizer.start(program, trainset=train, valset=train, seed=1)
    run.wait()
    assert len(plot_scores(run).data) >= 3
    assert sum(len(trace.x) for trace in plot_flips(run).data) == 6
    assert run.plot_scores().layout.title.text.startswith("BootstrapFewShotWithRandomSearch on")
    assert 'data-state="finished"' in run.to_html()
