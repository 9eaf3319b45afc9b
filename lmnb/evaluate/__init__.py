"""Evaluating programs: `Evaluate` gives a `Report`; metrics and judges give numbers, bools or a `Score`."""

from lmnb.evaluate.agreement import Agreement, Preference
from lmnb.evaluate.evaluate import Evaluate
from lmnb.evaluate.judges import CompleteAndGrounded, SemanticF1
from lmnb.evaluate.metrics import (
    EM,
    F1,
    HotPotF1,
    answer_exact_match,
    answer_hotpot_f1,
    answer_passage_match,
    exact_match,
    normalize_text,
)
from lmnb.evaluate.report import Comparison, Report
from lmnb.evaluate.review import Review
from lmnb.evaluate.review_file import Answer
from lmnb.evaluate.review_items import ReviewItem
from lmnb.evaluate.run_example import Row
from lmnb.evaluate.score import Score

__all__ = [
    "EM",
    "F1",
    "Agreement",
    "Answer",
    "Comparison",
    "CompleteAndGrounded",
    "Evaluate",
    "HotPotF1",
    "Preference",
    "Report",
    "Review",
    "ReviewItem",
    "Row",
    "Score",
    "SemanticF1",
    "answer_exact_match",
    "answer_hotpot_f1",
    "answer_passage_match",
    "exact_match",
    "normalize_text",
]
