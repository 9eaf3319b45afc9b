"""A small world for tests of optimizers: a two-call program, a metric that asks a judge, and a model whose replies depend on the whole prompt."""

from __future__ import annotations

import hashlib
import re

import pytest

import lmnb


def reply(messages, **options):
    """What the model of this world says: always the same for the same messages. More demos make a right answer likelier."""
    asked = re.findall(r"^- `(\w+)`", messages[0]["content"].partition("Output fields:")[2], re.M)
    last = dict(re.findall(r"\[\[ ## (\w+) ## \]\]\n(.*?)(?=\n\n|\Z)", messages[-1]["content"], re.S))
    text = "".join(message["content"] for message in messages)
    luck = int(hashlib.sha256(text.encode()).hexdigest(), 16) % 10
    demos = sum(message["role"] == "assistant" for message in messages)
    number = re.sub(r"\D", "", last.get("question", ""))
    right = luck < min(8, 3 + demos)
    values = {
        "reasoning": f"thinking about {number}",
        "query": f"find {number}",
        "answer": f"a{number}" if right else f"wrong {luck}",
        "verdict": "yes" if last.get("answer") == last.get("truth") else "no",
    }
    # what a proposer is asked for: a text of its own for each prompt
    return {name: values.get(name, f"Mind the {name} number {luck}.") for name in asked}


class TwoCalls(lmnb.Module):
    """Writes a query, then an answer."""

    def __init__(self):
        self.rewrite = lmnb.Predict("question -> query")
        self.respond = lmnb.ChainOfThought("question, query -> answer")

    def forward(self, question):
        query = self.rewrite(question=question).query
        return self.respond(question=question, query=query)


def judged(example, prediction, trace=None):
    """Asks the judge whether the answer is right."""
    judge = lmnb.Predict("question, answer, truth -> verdict")
    return judge(question=example.question, answer=prediction.answer, truth=example.answer).verdict == "yes"


def exact(example, prediction, trace=None):
    """Whether the answer is right."""
    return example.answer == prediction.answer


def questions(start, stop):
    """Examples number `start` to `stop`."""
    return [lmnb.Example(question=f"q{i}", answer=f"a{i}").with_inputs("question") for i in range(start, stop)]


class Minibatches(lmnb.MIPROv2):
    """MIPROv2 on minibatches of 3."""

    def start(self, student, **options):
        return super().start(student, **{"minibatch_size": 3, "minibatch_full_eval_steps": 4, **options})


def digits(texts):
    """A vector of digit counts for each text."""
    return [[text.count(digit) + 0.01 for digit in "0123456789"] for text in texts]


def sampled(names, short):
    """Parameters: all `names`, of which those not in `short` are left to the long form of the tests."""
    return [each if each in short else pytest.param(each, marks=pytest.mark.full) for each in names]


WITHOUT_DEMOS = ("COPRO", "GEPA")  # optimizers that leave demos as they are


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
    }
