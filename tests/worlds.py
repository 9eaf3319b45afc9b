"""A small world for tests of optimizers (that of `lmnb.testing`), and every optimizer in it."""

from __future__ import annotations

import lmnb
from lmnb.testing import TwoCalls, exact, judged, questions, reply

__all__ = [
    "LONGER",
    "WITHOUT_DEMOS",
    "TwoCalls",
    "digits",
    "exact",
    "judged",
    "optimizers",
    "questions",
    "reply",
    "search",
]


class Minibatches(lmnb.MIPROv2):
    """MIPROv2 on minibatches of 3."""

    def start(self, student, **options):
        return super().start(student, **{"minibatch_size": 3, "minibatch_full_eval_steps": 4, **options})


def search(**options):
    """A run of the random search on `TwoCalls`, with six validation questions."""
    given = {"trainset": questions(0, 12), "valset": questions(100, 106), **options}
    with lmnb.context(lm=lmnb.FakeLM(reply)):
        return optimizers(exact)["BootstrapFewShotWithRandomSearch"].start(TwoCalls(), **given)


def digits(texts):
    """A vector of digit counts for each text."""
    return [[text.count(digit) + 0.01 for digit in "0123456789"] for text in texts]


# what makes their searches longer
LONGER = {
    "BootstrapFewShotWithRandomSearch": {"num_candidate_programs": 5},
    "BootstrapFewShotWithOptuna": {"num_candidate_programs": 8},
    "SIMBA": {"max_steps": 3},
    "IteratedBootstrapFewShot": {"rounds": 3},
    "GEPA": {"max_metric_calls": 110},
    "GEPA with demos": {"max_metric_calls": 120},
    "COPRO": {"depth": 3},
    "InferRules": {"num_candidates": 4},
}
WITHOUT_DEMOS = ("COPRO", "GEPA", "BootstrapFinetune")  # optimizers that leave demos as they are


def optimizers(metric):
    """Every optimizer, small."""
    return {
        "LabeledFewShot": lmnb.LabeledFewShot(k=3, metric=metric),
        "BootstrapFewShot": lmnb.BootstrapFewShot(
            metric=metric, max_bootstrapped_demos=3, max_labeled_demos=5, max_rounds=2
        ),
        "BootstrapFewShotWithRandomSearch": lmnb.BootstrapFewShotWithRandomSearch(
            metric=metric, max_bootstrapped_demos=3, max_labeled_demos=4, num_candidate_programs=3, max_rounds=2
        ),
        "MIPROv2": lmnb.MIPROv2(metric, auto=None, num_candidates=3, max_bootstrapped_demos=3, max_labeled_demos=3),
        "MIPROv2 with minibatches": Minibatches(
            metric, auto=None, num_candidates=4, max_bootstrapped_demos=3, max_labeled_demos=3
        ),
        "BootstrapFewShotWithOptuna": lmnb.BootstrapFewShotWithOptuna(
            metric=metric, max_bootstrapped_demos=3, max_labeled_demos=4, num_candidate_programs=5, max_rounds=2
        ),
        "SIMBA": lmnb.SIMBA(metric=metric, bsize=6, num_candidates=3, max_steps=2, max_demos=3),
        "KNNFewShot": lmnb.KNNFewShot(k=3, vectorizer=digits, metric=metric, max_labeled_demos=5),
        "IteratedBootstrapFewShot": lmnb.IteratedBootstrapFewShot(
            metric=metric, max_bootstrapped_demos=3, max_labeled_demos=5, rounds=2
        ),
        "GEPA": lmnb.GEPA(metric, max_metric_calls=70),
        "GEPA with demos": lmnb.GEPA(metric, max_metric_calls=80, max_demos=3),
        "COPRO": lmnb.COPRO(metric=metric, breadth=3, depth=2),
        "InferRules": lmnb.InferRules(num_candidates=3, num_rules=2, metric=metric, max_labeled_demos=4),
        "BootstrapFinetune": lmnb.BootstrapFinetune(metric),
        "BetterTogether": lmnb.BetterTogether(
            metric,
            p=lmnb.BootstrapFewShot(metric=metric, max_bootstrapped_demos=3, max_labeled_demos=5),
            w=lmnb.BootstrapFinetune(metric),
        ),
    }
