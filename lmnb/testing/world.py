"""A small world to try optimizers in: a two-call program, a metric, examples, and a model that is always there and always the same."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lmnb.example import Example
from lmnb.modules.chain_of_thought import ChainOfThought
from lmnb.modules.module import Module
from lmnb.modules.predict import Predict


def reply(messages: Sequence[Mapping[str, Any]], **options: Any) -> dict[str, str]:
    """What the model of this world says, for `lmnb.FakeLM(reply)`: the same for the same messages, in whatever fields they ask for.

    Right answers depend on the whole prompt by chance, and are likelier with more demos; a proposer gets a short text for each field.

    >>> import lmnb
    >>> with lmnb.context(lm=lmnb.FakeLM(lmnb.testing.reply)):
    ...     lmnb.testing.TwoCalls()(question="q7").answer
    'a7'
    """
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


class TwoCalls(Module):
    """Writes a query, then an answer: the predictors are `rewrite` and `respond.predict`."""

    def __init__(self) -> None:
        self.rewrite = Predict("question -> query")
        self.respond = ChainOfThought("question, query -> answer")

    def forward(self, question: str) -> Any:
        query = self.rewrite(question=question).query
        return self.respond(question=question, query=query)


def exact(example: Any, prediction: Any, trace: Any = None) -> bool:
    """Whether the answer is right."""
    return example.answer == prediction.answer


def judged(example: Any, prediction: Any, trace: Any = None) -> bool:
    """Asks a judge, one LM call more, whether the answer is right."""
    judge = Predict("question, answer, truth -> verdict")
    return judge(question=example.question, answer=prediction.answer, truth=example.answer).verdict == "yes"


def questions(start: int, stop: int) -> list[Example]:
    """Examples number `start` to `stop`, of which the last is not there.

    >>> import lmnb
    >>> lmnb.testing.questions(3, 5)[0]
    Example({'question': 'q3', 'answer': 'a3'}) (input_keys={'question'})
    """
    return [Example(question=f"q{i}", answer=f"a{i}").with_inputs("question") for i in range(start, stop)]
