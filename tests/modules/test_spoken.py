"""What modules tell a model: in English what it always was, in another language nothing of English."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from modules.spoken import CASES, said_by_modules

import lmnb

pytest.importorskip("pydantic_monty", reason="pydantic-monty is not installed: pip install 'lmnb[interpreter]'")
ENGLISH = Path(__file__).parent / "prompts" / "english.json"
# words of English that are neither German nor a name of ours
WORDS = r"the|and|you|your|which|with|of|from|is|are|it|its|what|be|by|more|that|to|should|earlier|no|not|for|one|Turn|tool|nothing"


def test_english_is_what_it_was_before_there_were_other_languages() -> None:
    """Byte for byte: models were trained on it, and caches are keyed by it."""
    assert said_by_modules(lmnb.ChatAdapter()) == json.loads(ENGLISH.read_text())


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("adapter", [lmnb.ChatAdapter, lmnb.JSONAdapter, lmnb.XMLAdapter])
@pytest.mark.parametrize("language", ["de", "zh"])
def test_no_english_is_said_by_a_module(language: str, adapter: Any, native: bool) -> None:
    """A program whose own words are German has no English word in any prompt, nor in what a provider is told of its tools."""
    told = said_by_modules(adapter(wording=language, use_native_function_calling=native), native=native)
    found = {(name, word) for name, texts in told.items() for word in re.findall(rf"\b(?:{WORDS})\b", "\n".join(texts))}
    assert found == set()


@pytest.mark.parametrize("case", CASES)
def test_no_english_is_said_where_the_answer_is_free(case: str) -> None:
    """The adapter of two steps names fields in a form of its own, and says what they mean in its language."""
    with lmnb.context(adapter=lmnb.TwoStepAdapter(lmnb.FakeLM([]), wording="de")):
        prompts = CASES[case][0]().export_prompts(format="json")
    told = [part["messages"] for part in json.loads(prompts)["predictors"].values()]
    assert re.findall(rf"\b(?:{WORDS})\b", str(told)) == []


def test_a_sentence_of_an_agent_may_be_ones_own() -> None:
    """A wording with another phrase says it to every agent, with its names filled in; it has to hold the same names."""
    brief = replace(lmnb.Wording(), tool_turns="Call {submit} with {outputs}.", no_turns="(start)")
    lm = lmnb.FakeLM([{"next_thought": "t", "tool_calls": [{"name": "submit", "args": {"a": "x", "b": "y"}}]}])
    with lmnb.context(lm=lm, adapter=lmnb.ChatAdapter(wording=brief)):
        lmnb.ReAct(lmnb.Signature("q -> a, b", "Answer."), [])(q="?")
    system, asked = (message["content"] for message in lm.calls[0]["messages"])
    assert system.startswith("Answer.\nCall submit with `a`, `b`.\n\n") and "(start)" in asked
    with pytest.raises(lmnb.InputError, match=r"'tool_turns' .* has to hold the names of the English one"):
        replace(lmnb.Wording(), tool_turns="Call {submit}.")


def test_words_of_ones_own_stay() -> None:
    """Only whole sentences of ours are said otherwise: one that an optimizer has changed is left as it is."""
    agent = lmnb.ReAct("frage -> antwort", [])
    agent.react.instructions += " Be quick."
    with lmnb.context(adapter=lmnb.ChatAdapter(wording="de")):
        system = agent.messages(frage="Wo?")["react"][0]["content"]
    assert "You work in turns." in system and "call submit. Be quick." in system


def test_the_sandbox_of_ones_own_says_its_language_itself() -> None:
    """What a factory says of its Python stands in the sentence of the prompt's language."""

    class Mine(lmnb.PythonInterpreter):
        language = "Turtles, (all) the way"

    program = lmnb.ProgramOfThought("a -> b", interpreter_factory=Mine)
    with lmnb.context(adapter=lmnb.ChatAdapter(wording="de")):
        system = program.messages(a="x")["code_generate.predict"][0]["content"]
    assert "Er endet mit SUBMIT(b=...). Er arbeitet mit Turtles, (all) the way." in system
