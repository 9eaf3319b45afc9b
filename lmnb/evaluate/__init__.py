"""Evaluating programs: `Evaluate` gives a `Report`; metrics give numbers, bools or a `Score`."""

from lmnb.evaluate.evaluate import Evaluate
from lmnb.evaluate.metrics import EM, F1, answer_exact_match, exact_match, normalize_text
from lmnb.evaluate.report import Comparison, Report
from lmnb.evaluate.run_example import Row
from lmnb.evaluate.score import Score

__all__ = [
    "EM",
    "F1",
    "Comparison",
    "Evaluate",
    "Report",
    "Row",
    "Score",
    "answer_exact_match",
    "exact_match",
    "normalize_text",
]
