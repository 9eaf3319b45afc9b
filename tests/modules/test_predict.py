"""Predict: its inputs, its state, its options, and that calls are checked before they are paid for."""

import asyncio

import pytest

import lmnb
from lmnb import (
    ChainOfThought,
    Example,
    FakeLM,
    InputError,
    InputField,
    LMNotConfigured,
    OutputField,
    Predict,
    Prediction,
    Signature,
)


def test_a_call_gives_typed_outputs():
    """Outputs come typed, as attributes."""
    predict = Predict("question -> answer: int, sure: bool", lm=FakeLM([{"answer": "42", "sure": "yes"}]))
    prediction = predict(question="6 * 7?")
    assert prediction == Prediction(answer=42, sure=True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {},
            "The input 'context' is missing. The input 'question' is missing. Write predict(context=..., question=...)",
        ),
        ({"context": "c"}, "The input 'question' is missing."),
        (
            {"context": "c", "questoin": "q"},
            "There is no input 'questoin'. Did you mean 'question'? The input 'question' is missing.",
        ),
        (
            {"context": "c", "question": "q", "hint": "h"},
            "There is no input 'hint'. The inputs are: context, question.",
        ),
        ({"context": "c", "question": "q", "answer": "a"}, "'answer' is an output, not an input."),
    ],
)
def test_wrong_inputs_are_refused_before_a_call(given, message):
    """Nothing is sent for inputs that do not fit, and the message names the nearest field."""
    lm = FakeLM([])
    with pytest.raises(InputError) as raised:
        Predict("context, question -> answer", lm=lm)(**given)
    assert message in str(raised.value)
    assert lm.calls == []


def test_positional_inputs_say_how_to_write_them():
    """Inputs go by name."""
    with pytest.raises(InputError, match=r"by name: write predict\(question='hi'\)"):
        Predict("question -> answer", lm=FakeLM([]))("hi")


def test_defaults_of_inputs_are_used():
    """An input with a default may be left out, and stands in its place in the prompt."""
    signature = Signature(
        {"style": (str, InputField(default="short")), "q": (str, InputField()), "a": (str, OutputField())}
    )
    last = Predict(signature).messages(q="x")[-1]["content"]
    assert last.startswith("[[ ## style ## ]]\nshort\n\n[[ ## q ## ]]\nx")


def test_without_an_lm_the_message_says_what_to_write():
    """No LM is set anywhere."""
    with pytest.raises(LMNotConfigured, match=r"Write lmnb.configure\(lm=lmnb.LM\('lmnb/tiny'\)\)"):
        Predict("q -> a")(q="x")
    with pytest.raises(InputError, match=r"an LM is needed, not 'gpt-5'. Write lmnb.LM\('gpt-5'\)"):
        Predict("q -> a")(q="x", lm="gpt-5")


def test_the_lm_of_the_call_wins_then_the_predictors_then_the_setting():
    """Three places to set an LM."""
    call, own, setting = (FakeLM(lambda messages, name=name: {"a": name}) for name in ("call", "own", "setting"))
    predict = Predict("q -> a")
    with lmnb.context(lm=setting):
        assert predict(q="x").a == "setting"
        predict.lm = own
        assert predict(q="x").a == "own"
        assert predict(q="x", lm=call).a == "call"


def test_options_of_a_call():
    """config, demos and signature hold for one call; config is merged."""
    lm = FakeLM(lambda messages: {"a": "x"})
    predict = Predict("q -> a", lm=lm, temperature=0.5, max_tokens=9)
    predict(q="x", config={"temperature": 1.0}, demos=[{"q": "1", "a": "2"}], signature=Signature("q -> a", "Other."))
    call = lm.calls[0]
    assert (call["temperature"], call["max_tokens"]) == (1.0, 9)
    assert call["messages"][0]["content"].startswith("Other.")
    assert len(call["messages"]) == 4
    assert predict.demos == []
    assert predict.config == {"temperature": 0.5, "max_tokens": 9}


def test_several_completions_are_sampled():
    """n > 1 raises a greedy temperature, since all completions would be the same."""
    numbers = iter(range(9))
    lm = FakeLM(lambda messages: {"a": str(next(numbers))}, temperature=0.0)
    prediction = Predict("q -> a", lm=lm)(q="x", config={"n": 3})
    assert prediction.a == "0"
    assert prediction.completions.a == ["0", "1", "2"]
    assert lm.calls[0]["temperature"] == 0.7
    Predict("q -> a", lm=lm)(q="x", config={"n": 2, "temperature": 1.2})
    assert lm.calls[1]["temperature"] == 1.2


def test_state_is_replaced_on_one_predictor_alone():
    """Instructions and demos of one predictor leave the signature that others share."""
    shared = Signature("q -> a", "Shared.")
    one, two = Predict(shared), Predict(shared)
    one.instructions = "Mine."
    one.demos = [{"q": "1", "a": "2"}]
    assert (one.instructions, two.instructions, shared.instructions) == ("Mine.", "Shared.", "Shared.")
    assert one.demos == [Example(q="1", a="2")]
    assert two.demos == []
    one.reset()
    assert one.demos == []


def test_wrong_state_is_refused():
    """Demos and signatures that are none."""
    predict = Predict("q -> a")
    with pytest.raises(InputError, match=r"demos are a list of examples, not 'x'"):
        predict.demos = "x"
    with pytest.raises(InputError, match=r"demo 1 is 3. Write lmnb.Example"):
        predict.demos = [{"q": "x"}, 3]
    with pytest.raises(InputError, match="has no output field"):
        Predict({"q": (str, InputField())})


def test_messages_are_what_is_sent():
    """The prompt can be read without a call, and is the one that goes out."""
    lm = FakeLM([{"answer": "x"}])
    predict = Predict("question -> answer", lm=lm)
    shown = predict.messages(question="hi")
    assert lm.calls == []
    predict(question="hi")
    assert lm.calls[0]["messages"] == shown


def test_the_trace_of_a_prediction():
    """A prediction knows what happened and what it used."""
    predict = Predict("q -> a", lm=FakeLM([{"a": "x"}], model="fake/one"))
    prediction = predict(q="hi")
    assert [(step.path, step.inputs, step.outputs) for step in prediction.trace.steps()] == [
        ("self", {"q": "hi"}, {"a": "x"})
    ]
    assert next(iter(prediction.trace))[0] is predict
    assert prediction.get_lm_usage()["fake/one"]["calls"] == 1


def test_acall_is_the_same_call():
    """The asynchronous form gives the same result and sends the same request."""
    lm = FakeLM(lambda messages: {"a": "x"})
    predict = Predict("q -> a", lm=lm)
    assert asyncio.run(predict.acall(q="hi")) == predict(q="hi")
    assert lm.calls[0] == lm.calls[1]


def test_a_synchronous_call_inside_a_running_loop():
    """Notebooks run a loop already; a plain call works there."""

    async def cell():
        return Predict("q -> a", lm=FakeLM([{"a": "x"}]))(q="hi")

    assert asyncio.run(cell()).a == "x"


def test_chain_of_thought_reasons_first():
    """The reasoning is an output of its own, before the others."""
    cot = ChainOfThought("question -> answer", lm=FakeLM([{"reasoning": "because", "answer": "x"}] * 2))
    assert cot.predict.signature.signature == "question -> reasoning, answer"
    assert cot(question="?") == Prediction(reasoning="because", answer="x")
    assert asyncio.run(cot.acall(question="?")).reasoning == "because"
    assert [name for name, _ in cot.named_predictors()] == ["predict"]


def test_an_adapter_from_the_settings_is_used():
    """A custom adapter needs format and parse only."""

    class Plain(lmnb.Adapter):
        """The question alone, the reply alone."""

        def format(self, signature, demos, inputs):
            return [{"role": "user", "content": inputs["q"]}]

        def parse(self, signature, completion):
            return {"a": completion}

    with lmnb.context(adapter=Plain()):
        assert Predict("q -> a", lm=FakeLM(lambda messages: messages[0]["content"].upper()))(q="hi").a == "HI"
