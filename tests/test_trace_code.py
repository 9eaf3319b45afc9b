"""A call of a trace as Python: it makes the same call, and nothing in it is hidden."""

from __future__ import annotations

import pytest

import lmnb


def test_copied_code_makes_the_call_again() -> None:
    """That of a predictor with its inputs, that of an LM with its messages and options."""
    seen: list[object] = []
    lm = lmnb.FakeLM(lambda messages, **options: seen.append((messages, options)) or {"answer": "me"})
    trace = lmnb.Predict("question -> answer", lm=lm)(question='who\'s "it"?\n', config={"temperature": 0.5}).trace
    for at in (0, 1):
        code = trace.to_code(at).replace("lmnb.LM('fake')", "lm")
        with lmnb.context(lm=lm):
            exec(code, {"lm": lm})  # noqa: S102
    assert seen[0][0] == seen[1][0] == seen[2][0] and seen[0][1] == seen[2][1]
    assert ", temperature=0.5" in trace.to_code(1)


def test_copied_code_hides_nothing() -> None:
    """Direction and control characters are escapes, and no text becomes code."""
    trace = lmnb.Predict("question -> answer", lm=lmnb.FakeLM([{"answer": "a"}]))(
        question="a\u202eb\u200bc\x1b').f("
    ).trace
    assert r"""question="a\u202eb\u200bc\x1b').f(",""" in trace.to_code()


def test_what_is_no_call_has_no_code() -> None:
    """Nor a call without outputs."""

    class Two(lmnb.Module):
        def __init__(self) -> None:
            self.one, self.two = lmnb.Predict("a -> b"), lmnb.Predict("b -> c")

        def forward(self, a: str) -> lmnb.Prediction:
            return self.two(b=self.one(a=a).b)

    with lmnb.context(lm=lmnb.FakeLM([{"b": "1"}, {"c": "2"}])):
        trace = Two()(a="0").trace
    with pytest.raises(lmnb.InputError, match="is no call that Python could make again"):
        trace.to_code()
    assert "Predict('b -> c')" in trace.to_code("two")
