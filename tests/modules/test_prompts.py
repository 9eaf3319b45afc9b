"""Prompts without a call: the messages of programs, and prompts exported with placeholders."""

import json

import pytest

import lmnb
from lmnb import ChainOfThought, FakeLM, InputError, InputField, JSONAdapter, Module, OutputField, Predict, Signature
from lmnb.adapters.chat import ChatAdapter
from lmnb.adapters.xml import XMLAdapter


class Hop(Module):
    """A query, then an answer."""

    def __init__(self):
        self.query = ChainOfThought("question -> query")
        self.answer = Predict("question, query, hits: list[str] -> answer")

    def forward(self, question, lang="en"):
        return self.answer(question=question, query=self.query(question=question).query, hits=[])


def test_one_predictor_gives_its_messages():
    """A program of one predictor has the prompt of that predictor."""
    cot = ChainOfThought("question -> answer")
    assert cot.messages(question="x") == cot.predict.messages(question="x")


def test_several_predictors_give_what_is_known():
    """Each predictor's prompt by its name: exact where the inputs say all, a placeholder where a reply is needed."""
    program = Hop()
    shown = program.messages(question="Who?", lang="de")
    assert list(shown) == ["query.predict", "answer"]
    assert shown["query.predict"] == program.query.predict.messages(question="Who?")
    assert shown["answer"] == program.answer.messages(question="Who?", query="{query}", hits="{hits}")
    exact = program.messages(question="Who?", query="x", hits=["a", "b"])
    assert exact["answer"] == program.answer.messages(question="Who?", query="x", hits=["a", "b"])


def test_the_prompt_is_the_one_that_is_sent():
    """What a run sends is what messages() said, once all inputs are known."""
    lm = FakeLM([{"reasoning": "r", "query": "k"}, {"answer": "a"}])
    program = Hop()
    with lmnb.context(lm=lm):
        program(question="Who?")
    shown = program.messages(question="Who?", query="k", hits=[])
    assert [call["messages"] for call in lm.calls] == list(shown.values())


def test_an_input_that_nobody_has_is_an_error():
    """A misspelt name is told with the nearest one; a program without predictors has no prompt."""
    with pytest.raises(InputError, match=r"no predictor of Hop has an input 'quesion'\. Did you mean 'question'\?"):
        Hop().messages(quesion="x")

    class Bare(Module):
        def forward(self, x):
            return x

    with pytest.raises(InputError, match="Bare has no predictors, so it has no prompt"):
        Bare().messages(x=1)


def test_a_default_stands_in_the_prompt():
    """An input that a call may leave out shows its default, not a placeholder."""

    class Styled(Module):
        def __init__(self):
            signature = Signature(
                {"q": (str, InputField()), "style": (str, InputField(default="brief")), "a": OutputField()}
            )
            self.parts = [Predict(signature), Predict(signature)]

    last = Styled().messages(q="x")["parts[1]"][-1]["content"]
    assert "brief" in last and "{style}" not in last


@pytest.mark.parametrize("adapter", [ChatAdapter(), JSONAdapter(), XMLAdapter()], ids=lambda a: type(a).__name__)
def test_exported_messages_are_templates(adapter):
    """Filling each placeholder in gives the messages of a call with that text, under every adapter."""
    program = Hop()
    program.answer.instructions = "Write {question} and {{question}}."
    program.answer.demos = [{"question": "{query}", "query": "k", "hits": "h", "answer": "a"}]
    with lmnb.context(adapter=adapter):
        stored = json.loads(program.export_prompts(format="json"))
        assert stored["adapter"] == type(adapter).__name__
        for path, part in stored["predictors"].items():
            predictor = dict(program.named_predictors())[path]
            assert part["placeholders"].keys() == predictor.signature.input_fields.keys()
            values = {name: f"value of {name}" for name in part["placeholders"]}
            for message in part["messages"]:
                for name, mark in part["placeholders"].items():
                    message["content"] = message["content"].replace(mark, values[name])
            assert part["messages"] == predictor.messages(**values)
    assert stored["predictors"]["answer"]["placeholders"]["question"] == "{{{question}}}"


def test_markdown_shows_every_prompt(tmp_path):
    """Each predictor has its heading, its placeholders and its messages, whole and in code; the file holds the same."""
    program = Hop()
    program.query.predict.demos = [{"question": "```\n# no heading", "reasoning": "r", "query": "k"}]
    text = program.export_prompts(tmp_path / "prompts.md")
    assert (tmp_path / "prompts.md").read_text() == text
    assert [line for line in text.splitlines() if line.startswith("# ")] == ["# Prompts of `Hop`", "# no heading"]
    assert "## `query.predict`" in text and "## `answer`" in text
    assert "`question, query, hits -> answer`, with the placeholders: `{question}`, `{query}`, `{hits}`" in text
    assert "**system**" in text and "**assistant**" in text
    assert "````text\n[[ ## question ## ]]\n```\n# no heading\n````" in text
    for path, messages in json.loads(program.export_prompts(format="json"))["predictors"].items():
        assert all(message["content"] in text for message in messages["messages"]), path


def test_parts_of_a_message_that_are_no_text_are_named():
    """A message made of parts shows its texts, and the type of every other part."""

    class Pictures(ChatAdapter):
        def format(self, signature, demos, inputs):
            parts = [{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {"url": "data:..."}}]
            return [{"role": "user", "content": parts}]

    with lmnb.context(adapter=Pictures()):
        assert "Look:\n[image_url]" in Predict("q -> a").export_prompts()


def test_an_unknown_format_says_which_there_are():
    """Prompts are written as Markdown or as JSON."""
    with pytest.raises(InputError, match=r"prompts have no format 'yaml'\. Write format='markdown' or format='json'"):
        Predict("q -> a").export_prompts(format="yaml")


@pytest.mark.parametrize(
    "adapter",
    [ChatAdapter(), JSONAdapter(), XMLAdapter(), lmnb.TwoStepAdapter(FakeLM([]))],
    ids=lambda one: type(one).__name__,
)
def test_inputs_that_are_no_text_have_placeholders_too(adapter):
    """A picture and a conversation that nobody gave stand in the prompt as placeholders, and the export is written."""
    with lmnb.context(adapter=adapter):
        text = Predict("picture: Image, history: History, question -> answer").export_prompts(format="json")
    (asked,) = json.loads(text)["predictors"].values()
    assert "{picture}" in asked["messages"][-1]["content"] and "{question}" in asked["messages"][-1]["content"]
    assert asked["messages"][-2] == {"role": "user", "content": "{history}"}
