"""What counts as a score."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

import lmnb
from lmnb.evaluate.score import Score, as_score


@pytest.mark.parametrize(
    ("result", "value"), [(True, 1.0), (False, 0.0), (3, 3.0), (0.25, 0.25), (Fraction(1, 4), 0.25), (-1, -1.0)]
)
def test_numbers_and_bools_are_scores(result, value):
    """Any real number is taken as it is."""
    assert as_score(result) == Score(value)


def test_numpy_scalars_are_scores():
    """Also numpy's own numbers and its bool, which is no Python number."""
    numpy = pytest.importorskip("numpy")
    assert as_score(numpy.float32(0.5)).value == 0.5
    assert as_score(numpy.bool_(True)).value == 1.0
    assert as_score(numpy.int64(2)).value == 2.0


def test_a_score_keeps_feedback_and_objectives():
    """Words and single objectives go along."""
    score = as_score(Score(True, feedback="the date is missing", objectives={"team": 1, "date": False}))
    assert score == Score(1.0, "the date is missing", {"team": 1.0, "date": 0.0})
    assert repr(score) == "Score(1, feedback='the date is missing', objectives={'team': 1.0, 'date': 0.0})"


def test_a_prediction_with_a_score_is_a_score():
    """GEPA's metrics return a prediction with the fields score and feedback."""
    assert as_score(lmnb.Prediction(score=0.5, feedback="half")) == Score(0.5, "half")


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "the metric gave None: a return is missing on some path. Return a number, a bool, or Score"),
        ("good", "the metric gave 'good' (str), which is no score. Return a number, a bool, or Score"),
        ([1.0], "the metric gave [1.0] (list), which is no score."),
        (1j, "which is no score"),
        (math.nan, "the metric gave nan. A score must be finite"),
        (math.inf, "the metric gave inf. A score must be finite"),
        (Score(math.nan), "the metric gave nan"),
        (Score(1.0, objectives={"a": "high"}), "the metric gave 'high' (str)"),
        (lmnb.Prediction(answer="x"), "which has no field 'score'. Return a number"),
    ],
)
def test_everything_else_is_refused_with_words(result, message):
    """What is no score is an error that says what to return."""
    with pytest.raises(lmnb.InputError) as failure:
        as_score(result)
    assert message in str(failure.value)
