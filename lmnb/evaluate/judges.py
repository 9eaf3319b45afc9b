"""Metrics that ask a language model: programs like any other, so a judge can be traced, saved and tuned.

A judge asks the LM in force; `judge.set_lm(lmnb.LM(...))` gives it one of its own.
"""

from __future__ import annotations

from typing import Any

from lmnb.evaluate.metrics import field_of
from lmnb.evaluate.score import Score
from lmnb.modules.chain_of_thought import ChainOfThought
from lmnb.modules.module import Module
from lmnb.signature import InputField, OutputField, Signature
from lmnb.types.wording import ENGLISH


class Overlap(Signature):
    __doc__ = ENGLISH.judge_overlap

    question: str = InputField()
    ground_truth: str = InputField()
    system_response: str = InputField()
    recall: float = OutputField(desc=ENGLISH.truth_covered, ge=0, le=1)
    precision: float = OutputField(desc=ENGLISH.response_true, ge=0, le=1)


class OverlapOfIdeas(Signature):
    __doc__ = ENGLISH.judge_ideas

    question: str = InputField()
    ground_truth: str = InputField()
    system_response: str = InputField()
    ground_truth_key_ideas: list[str] = OutputField()
    system_response_key_ideas: list[str] = OutputField()
    discussion: str = OutputField(desc=ENGLISH.ideas_compared)
    recall: float = OutputField(desc=ENGLISH.ideas_covered, ge=0, le=1)
    precision: float = OutputField(desc=ENGLISH.ideas_true, ge=0, le=1)


class Completeness(Signature):
    __doc__ = ENGLISH.judge_completeness

    question: str = InputField()
    ground_truth: str = InputField()
    system_response: str = InputField()
    ground_truth_key_ideas: list[str] = OutputField()
    system_response_key_ideas: list[str] = OutputField()
    discussion: str = OutputField(desc=ENGLISH.ideas_of_truth)
    completeness: float = OutputField(desc=ENGLISH.ideas_covered, ge=0, le=1)


class Groundedness(Signature):
    __doc__ = ENGLISH.judge_groundedness

    question: str = InputField()
    retrieved_context: list[str] = InputField()
    system_response: str = InputField()
    system_response_claims: list[str] = OutputField(desc=ENGLISH.claims)
    discussion: str = OutputField(desc=ENGLISH.claims_discussed)
    groundedness: float = OutputField(desc=ENGLISH.claims_supported, ge=0, le=1)


class SemanticF1(Module):
    """A metric: recall and precision of `pred.response` against `example.response` as an LM judges them, as their F1.

    It gives a `Score` with the judge's words as feedback; while demonstrations are gathered (`trace` is given), whether
    the score reaches `threshold`. `decompositional` has the judge list the key ideas of both texts first. `field` names
    another field than `response`. A judgment out of 0 to 1 is asked again once, then raises ParseError.

    >>> import lmnb
    >>> example = lmnb.Example(question="When did it open?", response="In 1889, for the world's fair.")
    >>> judge = lmnb.FakeLM([{"reasoning": "The fair is missing.", "recall": 0.5, "precision": 1.0}])
    >>> with lmnb.context(lm=judge):
    ...     lmnb.SemanticF1()(example, lmnb.Prediction(response="In 1889."))
    Score(0.666667, feedback='The fair is missing.', objectives={'recall': 0.5, 'precision': 1.0})
    """

    def __init__(self, threshold: float = 0.66, decompositional: bool = False, *, field: str = "response") -> None:
        super().__init__()
        self.threshold = threshold
        self.field = field
        self.module = ChainOfThought(OverlapOfIdeas if decompositional else Overlap)

    def forward(self, example: Any, pred: Any, trace: Any = None) -> Score | bool:
        judged = self.module(
            question=field_of(example, "question", "example"),
            ground_truth=field_of(example, self.field, "example"),
            system_response=field_of(pred, self.field, "prediction"),
        )
        words = judged["discussion"] if "discussion" in judged else judged["reasoning"]
        score = Score(_f1(judged.recall, judged.precision), words, _parts(judged, "recall", "precision"))
        return score if trace is None else score.value >= self.threshold


class CompleteAndGrounded(Module):
    """A metric for answers from passages: how much of `example.response` the response covers, and how much of it
    `pred.context` supports, as an LM judges them in two calls; their F1.

    It gives a `Score`, or with a `trace` whether the score reaches `threshold`; `field` names another field than
    `response`. A judgment out of 0 to 1 is asked again once, then raises ParseError.

    >>> import lmnb
    >>> lmnb.CompleteAndGrounded().named_predictors()[1][0]
    'groundedness.predict'
    """

    def __init__(self, threshold: float = 0.66, *, field: str = "response") -> None:
        super().__init__()
        self.threshold = threshold
        self.field = field
        self.completeness = ChainOfThought(Completeness)
        self.groundedness = ChainOfThought(Groundedness)

    def forward(self, example: Any, pred: Any, trace: Any = None) -> Score | bool:
        asked = {
            "question": field_of(example, "question", "example"),
            "system_response": field_of(pred, self.field, "prediction"),
        }
        context = field_of(pred, "context", "prediction")
        complete = self.completeness(ground_truth=field_of(example, self.field, "example"), **asked)
        grounded = self.groundedness(retrieved_context=[context] if isinstance(context, str) else context, **asked)
        parts = _parts(complete, "completeness") | _parts(grounded, "groundedness")
        score = Score(_f1(*parts.values()), f"{complete.discussion}\n{grounded.discussion}", parts)
        return score if trace is None else score.value >= self.threshold


def _f1(first: float, second: float) -> float:
    return 2 * first * second / (first + second) if first + second else 0.0


def _parts(judged: Any, *names: str) -> dict[str, float]:
    return {name: judged[name] for name in names}
