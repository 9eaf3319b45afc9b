"""The acceptance table, and that the committed weights are those of the card."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest

from lmnb.train.evaluate import DEMOS, ROWS, Table, curve, episodes, evaluate

STORED = resources.files("lmnb.lm").joinpath("tiny", "figures.json")
FIGURES = json.loads(STORED.read_text("utf-8")) if STORED.is_file() else None
measured = pytest.mark.skipif(
    FIGURES is None, reason="the committed weights come from an earlier generator and have no figures.json yet"
)
SAMPLED = [
    "routing, 3 labels, 8 demos",
    "routing, good instruction, 0 demos",
    "arithmetic, 1 step, reasoning",
    "formatting, 4 demos",
]


@measured
@pytest.mark.parametrize("name", SAMPLED)
def test_the_weights_score_what_the_card_says(name: str) -> None:
    """The first 120 episodes of a row score within three standard errors of the whole row's figure."""
    row = next(row for row in ROWS if row.name == name)
    table = evaluate(count=120, rows=[row])
    expected = FIGURES["scores"][name]
    spread = (expected * (100 - expected) / 120) ** 0.5
    assert abs(table.scores[name] - expected) <= 3 * spread + 1


@measured
def test_the_card_has_every_row_of_the_table() -> None:
    """The card's figures are those of the stored table, row by row."""
    card = resources.files("lmnb.lm").joinpath("tiny", "card.md").read_text("utf-8")
    for name, score in FIGURES["scores"].items():
        assert f"| {name} | {score:.1f} | {FIGURES['parses'][name]:.1f} |" in card


def test_held_labels_have_one_or_two_tokens(shipped: Any) -> None:
    """The labels of the acceptance rows are as long as the bar says."""
    for episode in episodes(ROWS[0], 50, shipped.tokenizer):
        assert all(len(shipped.tokenizer.encode(f" {name}").ids) <= 2 for name in episode.about["labels"])


def test_a_missed_bar_is_told() -> None:
    """A table says of every bar whether it was met."""
    table = Table("lmnb/tiny", 500, {"extraction, 1 hop": 59.9, "extraction, 2 hops": 30.0})
    assert "| 59.9 | 60 | **missed** |" in str(table) and "| 30.0 | 30 | met |" in str(table)


def test_the_curve_has_a_point_for_every_number_of_demos() -> None:
    """The figure of accuracy by demos is made of the table's rows."""
    go = pytest.importorskip("plotly.graph_objects", reason="plotly is not installed: pip install 'lmnb[plots]'")
    from lmnb.train.curve import figure

    table = Table("lmnb/tiny", 500, {row.name: float(row.fixed["demos"]) for row in ROWS[: len(DEMOS)]})
    made = figure({"episodes": curve(table)})
    assert isinstance(made, go.Figure) and tuple(made.data[0].x) == DEMOS
