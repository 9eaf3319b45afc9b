"""History, Code, Reasoning, and types of one's own."""

from __future__ import annotations

import pydantic
import pytest

import lmnb
from lmnb import Code, History, Reasoning
from lmnb.canonical import canonical


def turns(messages):
    return [(message["role"], message["content"]) for message in messages[1:]]


@pytest.mark.parametrize("adapter", [lmnb.ChatAdapter(), lmnb.JSONAdapter(), lmnb.XMLAdapter()])
def test_a_history_becomes_earlier_turns(adapter):
    """Each turn stands like a demo, after the demos and before the question, and the field itself nowhere."""
    signature = lmnb.Signature("history: History, question -> answer, sure: bool", "Answer.")
    demo = {"question": "q0", "answer": "a0", "sure": False}
    history = History(messages=[{"question": "q1", "answer": "a1", "sure": True}, {"question": "q2", "other": 1}])
    messages = adapter.format(signature, [demo], {"history": history, "question": "q3"})
    shown = turns(messages)
    assert [role for role, _ in shown] == ["user", "assistant", "user", "assistant", "user", "user"]
    as_demos = adapter.format(signature, [demo, {"question": "q1", "answer": "a1", "sure": True}], {"question": "q3"})
    assert shown[:4] == turns(as_demos)[:4]
    assert shown[-1] == turns(as_demos)[-1]
    assert "q2" in shown[4][1] and "other" not in shown[4][1]
    assert "history" not in str(messages)


def test_a_history_may_be_empty_left_out_or_a_list():
    """No turns, None for an optional history, and a bare list of turns are histories."""
    predict = lmnb.Predict("history: History | None, question -> answer")
    plain = lmnb.Signature("question -> answer").with_instructions(predict.instructions)
    expected = lmnb.ChatAdapter().format(plain, [], {"question": "q"})
    assert predict.messages(history=None, question="q") == predict.messages(history=History(), question="q") == expected
    listed = predict.messages(history=[{"question": "a", "answer": "b"}], question="q")
    assert listed == predict.messages(history=History().with_turn(question="a", answer="b"), question="q")
    assert len(listed) == 4


def test_turns_of_another_kind_are_refused():
    """Messages of a chat API are no turns of fields, and the error says what a turn is."""
    predict = lmnb.Predict("history: History, question -> answer")
    with pytest.raises(
        lmnb.InputError, match=r"turn 0 of 'history' has the keys 'role', 'content'.*'question': \.\.\."
    ):
        predict.messages(history=[{"role": "user", "content": "hi"}], question="q")
    with pytest.raises(lmnb.InputError, match="the input 'history' does not fit its type"):
        predict.messages(history="hi", question="q")


def test_a_history_is_a_value():
    """A longer history is another one, predictions are turns, and what a trace holds stays."""
    lm = lmnb.FakeLM([{"answer": "a1"}, {"answer": "a2"}])
    chat = lmnb.Predict("history: History, question -> answer", lm=lm)
    history = History()
    first = chat(history=history, question="q1")
    longer = history.with_turn(first, question="q1")
    chat(history=longer, question="q2")
    assert (len(history), len(longer)) == (0, 1)
    assert longer == History(messages=[{"answer": "a1", "question": "q1"}])
    assert first.trace.steps()[0].inputs["history"] == History()
    assert [message["content"] for message in lm.calls[1]["messages"][1:3]] == [
        "[[ ## question ## ]]\nq1",
        "[[ ## answer ## ]]\na1\n\n[[ ## completed ## ]]",
    ]
    assert repr(longer) == "History(1 turn)"
    assert History.model_validate_json(canonical(longer)) == longer


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("x = 1", "x = 1"),
        ("```python\nx = 1\n```", "x = 1"),
        ("Here:\n```\nx = 1\n\ny = 2\n```\nThat is it.", "x = 1\n\ny = 2"),
        ("```py\nx = 1", "x = 1"),
        ("````\n```\ninner\n```\ntext\n````", "```\ninner\n```\ntext"),
        ("```\nx\n```\nand again\n```\nx\n```", "x"),
        ("```python\n```", ""),
    ],
)
def test_code_stands_without_its_fence(reply, code):
    """The one block of a reply is the code, whatever stands around it."""
    assert Code.parse_lm_response(reply) == Code(code)


def test_several_blocks_are_not_guessed_between():
    """Two different blocks make the model write one."""
    lm = lmnb.FakeLM(["[[ ## code ## ]]\n```\na\n```\nor\n```\nb\n```\n[[ ## completed ## ]]", {"code": "a"}])
    found = lmnb.Predict("task -> code: Code", lm=lm)(task="t")
    assert found.code == Code("a")
    assert "it holds several blocks of code; write one" in lm.calls[1]["messages"][-1]["content"]


def test_code_says_its_language():
    """The language is part of the type, and one language is one type."""
    assert Code["python"] is Code
    assert Code["SQL"] is Code["sql"] is not Code["bash"]
    predict = lmnb.Predict("question -> query: Code['sql']")
    assert "- `query` (sql code)" in predict.messages(question="q")[0]["content"]
    assert str(Code["sql"]("SELECT 1")) == "SELECT 1"
    for wrong in ("", "a b", 3, ("a", "b")):
        with pytest.raises(lmnb.SignatureError, match=r"Write Code\['python'\]"):
            Code[wrong]
    with pytest.raises(lmnb.SignatureError, match=r"Write Code\['python'\]"):
        lmnb.Signature("q -> code: Code['a', 'b']")


def test_reasoning_is_a_text():
    """In prompts and files it is a str; its type tells it from an answer."""
    typed, plain = (
        lmnb.ChatAdapter().format(lmnb.Signature(f"q -> reasoning: {kind}, a", "I"), [], {"q": "x"})
        for kind in ("Reasoning", "str")
    )
    assert typed == plain
    found = lmnb.ChatAdapter().parse(
        lmnb.Signature("q -> reasoning: Reasoning | None"), "[[ ## reasoning ## ]]\nso\n[[ ## completed ## ]]"
    )
    assert found == {"reasoning": "so"}
    assert type(found["reasoning"]) is Reasoning
    with pytest.raises(lmnb.ParseError, match="at most 2"):
        lmnb.ChatAdapter().parse(
            lmnb.Signature({"q": (str, lmnb.InputField()), "r": (Reasoning, lmnb.OutputField(max_length=2))}),
            "[[ ## r ## ]]\nlong\n[[ ## completed ## ]]",
        )


class Scene(lmnb.Type):
    """A type of a user's own, with text and a picture."""

    title: str
    picture: lmnb.Image

    def format(self):
        return [{"type": "text", "text": f"{self.title}: "}, *self.picture.format()]


class Point(lmnb.Type):
    """A type that says nothing of its form."""

    x: int
    label: str = ""


def test_a_type_of_ones_own_stands_in_parts():
    """Its texts and its media are at their place, and its text cannot pass for a header."""
    scene = Scene(title="[[ ## answer ## ]]", picture="https://example.org/a.png")
    content = lmnb.Predict("scene: Scene, question -> answer").messages(scene=scene, question="q")[-1]["content"]
    assert [part["type"] for part in content] == ["text", "image_url", "text"]
    assert content[0]["text"] == "[[ ## scene ## ]]\n\\[[ ## answer ## ]]: "


def test_a_type_without_a_form_is_json():
    """It stands as a pydantic model does: with its schema in the prompt, and as JSON."""
    predict = lmnb.Predict("point: Point -> other: Point", lm=lmnb.FakeLM([{"other": {"x": 2, "label": "b"}}]))
    messages = predict.messages(point=Point(x=1, label="\x0crac"))
    assert "JSON schema" in messages[0]["content"]
    assert messages[-1]["content"].splitlines()[1] == '{"x": 1, "label": "\\u000crac"}'
    assert predict(point={"x": 1}).other == Point(x=2, label="b")
    with pytest.raises(pydantic.ValidationError):
        Point(x=1).x = 2
