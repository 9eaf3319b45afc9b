"""What a review says to an answer that it does not take: what was meant, and how it is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import lmnb

DEMO = lmnb.Example(ticket="paid twice", team="billing").with_inputs("ticket")


def pair() -> lmnb.Review:
    return lmnb.review([(lmnb.Prediction(team="billing"), lmnb.Prediction(team="web"))])


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda queue: queue.answer("reject", "too long"), r"""answer\("reject", reason='too long'\)"""),
        (lambda queue: queue.answer("edit", {"team": "web"}), r"""answer\("edit", fields=\{'team': 'web'\}\)"""),
        (
            lambda queue: queue.answer("edit", DEMO.copy(team="web")),
            r"""answer\("edit", fields=\{'ticket': .*'team': 'web'\}\)""",
        ),
        (lambda queue: queue.answer("keep", reason="good"), r"what you keep needs no reason, and 'good' would be lost"),
        (
            lambda queue: queue.answer("edit", fields={"team": "billing"}, reason="typo"),
            r"what you keep needs no reason",
        ),
        (lambda queue: queue.answer("skip", reason=1), r"what you skip needs no reason"),
        (lambda queue: queue.answer("Accept"), r"Did you mean 'keep'\?"),
        (lambda queue: queue.agreement(), r"holds demos, and a judge scores outputs\. .*lmnb\.review\(report\)"),
    ],
)
def test_an_answer_that_cannot_be_says_how_it_is_written(answer: Callable[[Any], Any], told: str) -> None:
    """Reasons and new values go by name, and nothing is taken that would be lost; the queue stays where it was."""
    queue = lmnb.review([DEMO])
    with pytest.raises(lmnb.InputError, match=told):
        answer(queue)
    assert queue.answers == [] and queue.current is queue.items[0]


@pytest.mark.parametrize(("said", "meant"), [("a", "A"), ("right", "B"), ("TIE", "tie"), ("ski", "skip")])
def test_an_answer_about_a_pair_is_found_in_other_letters(said: str, meant: str) -> None:
    """The sides are named as they are shown."""
    with pytest.raises(lmnb.InputError, match=rf"no answer about this pair; .* Did you mean '{meant}'\?"):
        pair().answer(said)


def test_a_reason_stays_with_what_it_explains() -> None:
    """Rejects, edits and preferences have one."""
    queue = lmnb.review([DEMO, DEMO.copy(team="web")])
    assert queue.answer("reject", reason=1).reason == "wrong label"
    assert queue.answer("edit", fields={"team": "shop"}, reason="wrong").reason == "wrong"
    assert pair().answer("A", reason="clearer").reason == "clearer"
