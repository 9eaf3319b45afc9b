"""The texts of tools as slots: what a candidate changes of them, where that shows, and how it is saved."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lmnb
from lmnb import CodeAct, FakeLM, InputError, Module, ReAct, SaveError, Tool

DESC, TOWN, YEAR = (
    "tools['population'].desc",
    "tools['population'].arg_desc['town']",
    "tools['population'].arg_desc['year']",
)


def population(town: str, year: int = 2024) -> int:
    """How many people live in a town.

    Args:
        town: its name
    """
    return 134 + len(town) + year


def area(town: str) -> float:
    """How large a town is."""
    return 51.6


AGENTS: dict[str, Callable[..., Any]] = {
    "ReAct": lambda tools=(population,): ReAct("question -> answer", tools),
    "CodeAct": lambda tools=(population,): CodeAct("question -> answer", tools),
    "RLM": lambda tools=(population,): lmnb.RLM("question -> answer", tools=tools),
}
each_agent = pytest.mark.parametrize("make", AGENTS.values(), ids=AGENTS)


class Desk(Module):
    """Two agents that share a tool."""

    def __init__(self) -> None:
        self.shared = [Tool(population)]
        self.agents = {
            "first": ReAct("question -> answer", self.shared),
            "other": ReAct("question -> answer", [area, *self.shared]),
        }

    def forward(self, question: str) -> Any:
        return self.agents["first"](question=question)


def shown(agent: Any) -> str:
    """The prompt of the agent's turn."""
    prompts = agent.messages(question="Bern?")
    return next(iter(prompts.values()))[-1]["content"]


@each_agent
def test_an_agents_tools_are_slots(make: Any) -> None:
    """The description of each tool of its user and of each argument, "" where there is none; not those of its own tools."""
    slots = {slot: text for slot, text in make().slots().items() if "tools" in slot}
    assert slots == {DESC: "How many people live in a town.", TOWN: "its name", YEAR: ""}


@each_agent
def test_a_candidate_changes_what_the_prompt_says_of_a_tool(make: Any) -> None:
    """And nothing else: neither the tool that the caller gave nor the program that it was made of; the tool still works."""
    tool = Tool(population)
    agent = make([tool])
    before = shown(agent)
    made = agent.with_candidate({DESC: "Counts heads.", YEAR: "of the census"})
    assert "population(town: str, year: int = 2024): Counts heads.\n  town: its name\n  year: of the census" in shown(
        made
    )
    assert shown(agent) == before and agent.tools["population"] is tool and tool.desc.startswith("How many")
    assert made.tools["population"](town="Bern") == population("Bern")
    assert shown(made.with_candidate(agent.slots())) == before


@each_agent
def test_the_same_texts_are_the_same_tools(make: Any) -> None:
    """A candidate of the program's own values changes no prompt by a letter."""
    agent = make()
    made = agent.with_candidate(agent.slots())
    assert made.tools["population"] is agent.tools["population"] and shown(made) == shown(agent)


@pytest.mark.parametrize("native", [False, True])
def test_text_and_native_calls_say_the_same(native: bool) -> None:
    """What a candidate says of a tool stands in the text, or goes to the provider by its own interface."""
    lm = FakeLM(
        [{"next_thought": "t", "tool_calls": [{"name": "submit", "args": {"answer": "a"}}]}], function_calling=native
    )
    agent = AGENTS["ReAct"]().with_candidate({DESC: "Counts heads.", TOWN: "in German"})
    with lmnb.context(lm=lm, adapter=lmnb.ChatAdapter(use_native_function_calling=native)):
        agent(question="?")
    (call,) = lm.calls
    if native:
        told = call["tools"][0]["function"]
        assert (told["description"], told["parameters"]["properties"]["town"]["description"]) == (
            "Counts heads.",
            "in German",
        )
        assert "Counts heads." not in str(call["messages"])
    else:
        assert "Counts heads.\n  town: in German" in call["messages"][-1]["content"]


def test_a_tool_at_two_places_is_one_slot() -> None:
    """It has the name of the first, as a module has, and is changed at both; a function given twice is two tools."""
    program = Desk()
    texts = [slot for slot in program.slots() if slot.endswith(".desc") and ".outputs[" not in slot]
    assert texts == ["shared[0].desc", "agents['other'].tools['area'].desc"]
    made = program.with_candidate({"shared[0].desc": "Counts heads."})
    assert made.shared[0] is made.agents["first"].tools["population"] is made.agents["other"].tools["population"]
    assert made.shared[0].desc == "Counts heads." and program.shared[0].desc.startswith("How many")


class Looking(Module):
    """An agent whose tools are a method of the program and a part of it."""

    def __init__(self, holds: Callable[[Any], Any]) -> None:
        self.reader = lmnb.Predict("text -> summary")
        self.agent = ReAct("question -> answer", [holds(self.look), holds(Tool(self.reader, name="read", args=TEXT))])
        self.looked = 0

    def look(self, text: str) -> str:
        """Looks."""
        self.looked += 1
        return self.reader(text=text).summary

    def forward(self, question: str) -> Any:
        return self.agent(question=question)


TEXT = {"text": {"type": "string"}}
COPIES: dict[str, Callable[[Any], Any]] = {
    "candidate": lambda program: program.with_candidate({"reader.instructions": "New."}),
    "deep copy": lambda program: program.deepcopy(),
    "deep copy in a list": lambda program: copy.deepcopy([program])[0],
    "copy of a copy": lambda program: program.deepcopy().with_candidate({"reader.instructions": "New."}),
}


@pytest.mark.parametrize("holds", [lambda tool: tool, lambda tool: Tool.of(tool).with_desc("Other.")])
@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_method_of_a_program_is_a_tool_of_each_copy(copied: Any, holds: Any) -> None:
    """A copy's agent asks the copy's own predictors and changes the copy, never the program that it was made of."""
    program = Looking(holds)
    made = copied(program)
    made.reader.instructions = "New."
    turns = [{"name": "look", "args": {"text": "x"}}, {"name": "read", "args": {"text": "y"}}]
    handed = [{"name": "submit", "args": {"answer": "a"}}]
    lm = FakeLM(
        [
            {"next_thought": "t", "tool_calls": turns[:1]},
            {"summary": "s"},
            {"next_thought": "t", "tool_calls": turns[1:]},
            {"summary": "s"},
            {"next_thought": "t", "tool_calls": handed},
        ]
    )
    with lmnb.context(lm=lm):
        trace = made(question="q").trace
    assert [call["messages"][0]["content"].startswith("New.") for call in lm.calls] == [False, True, False, True, False]
    assert [step.path for step in trace.steps()][1::2] == ["reader", "reader"]
    assert (made.looked, program.looked, program.reader.instructions != "New.") == (1, 0, True)
    mine, theirs = program.agent.tools["look"], made.agent.tools["look"]
    assert (theirs.desc, theirs.args, theirs.original) == (mine.desc, mine.args, mine.original)


def test_a_method_of_another_program_is_shared() -> None:
    """A part that is copied by itself does not copy the program whose method it calls."""
    program = Looking(lambda tool: tool)
    assert program.agent.deepcopy().tools["look"] is program.agent.tools["look"]


@pytest.mark.parametrize(
    ("slot", "text", "says"),
    [
        (DESC, 3, r"tools\['population'\]\.desc is a text, not 3"),
        (DESC, "x" * 20_001, "has 20,001 characters, and 20,000 are the most"),
        ("tools['population'].arg_desc['land']", "x", r"no slot .*Did you mean .*arg_desc\['"),
        ("tools['populations'].desc", "x", r"no slot .*Did you mean \"tools\['population'\]\.desc\""),
        ("tools['population'].func", "print", "no slot"),
    ],
)
def test_what_is_no_text_of_a_tool_is_refused(slot: str, text: Any, says: str) -> None:
    """A wrong slot names the nearest; nothing but texts can be changed."""
    with pytest.raises(InputError, match=says):
        AGENTS["ReAct"]().with_candidate({slot: text})


@each_agent
def test_files_keep_what_was_tuned(make: Any, tmp_path: Path) -> None:
    """A file holds the texts that are not the code's, null for those that are, and gives them to another program of the kind."""
    tuned = make().with_candidate({DESC: "Counts \"heads\".\n''' {x} 漢", YEAR: "of the census"})
    tuned.save(tmp_path / "p.json")
    stored = json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))
    assert stored["tools"] == {
        "tools['population']": {
            "desc": "Counts \"heads\".\n''' {x} 漢",
            "args": {"town": None, "year": "of the census"},
        }
    }
    fresh = make()
    fresh.load(tmp_path / "p.json")
    assert fresh.slots() == tuned.slots() and shown(fresh) == shown(tuned)
    assert fresh.dump_state() == tuned.dump_state()
    make().save(tmp_path / "plain.json")
    fresh.load(tmp_path / "plain.json")
    assert shown(fresh) == shown(make())


def test_a_module_of_python_has_the_same_prompts(tmp_path: Path) -> None:
    """An exported agent says of its tools what the tuned one says; the texts stand there as data, and only those that were tuned."""
    plain = AGENTS["ReAct"]()
    assert "TOOLS" not in plain.export(tmp_path / "plain.py", format="python").read_text()
    tuned = plain.with_candidate({DESC: '\');import os;os.abort()#\n"""', YEAR: "of the census"})
    path = tuned.export(tmp_path / "p.py", format="python")
    code = "import runpy, sys; print(runpy.run_path(sys.argv[1])['program'].messages(question='Bern?')['react'][-1]['content'])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout.rstrip("\n") == shown(tuned)
    assert "tools['population'].arg_desc['year']" in path.read_text() and TOWN not in path.read_text()


def test_a_file_with_other_tools_says_how_they_differ(tmp_path: Path) -> None:
    """Tools and arguments that only one of both has; nothing is changed then."""

    def town(name: str) -> str:
        return name

    AGENTS["ReAct"]([population, area]).with_candidate({DESC: "Counts heads."}).save(tmp_path / "p.json")
    other = AGENTS["ReAct"]([Tool(town, name="population"), town])
    before = other.slots()
    with pytest.raises(SaveError) as raised:
        other.load(tmp_path / "p.json")
    for line in (
        "  - tool \"tools['area']\" is only in the file",
        "  - tool \"tools['town']\" is only in the program",
        "  - tool \"tools['population']\": the argument 'town' is only in the file",
        "  - tool \"tools['population']\": the argument 'name' is only in the program",
    ):
        assert line in str(raised.value).splitlines()
    assert other.slots() == before


def test_a_file_of_before_leaves_the_tools_as_they_are(tmp_path: Path) -> None:
    """Files that say nothing of tools still load, and so do states."""
    agent = AGENTS["ReAct"]().with_candidate({DESC: "Counts heads."})
    agent.save(tmp_path / "p.json")
    stored = json.loads((tmp_path / "p.json").read_text())
    del stored["tools"]
    (tmp_path / "p.json").write_text(json.dumps(stored))
    agent.load(tmp_path / "p.json")
    agent.load_state({path: state for path, state in agent.dump_state().items() if "tools" not in path})
    assert agent.tools["population"].desc == "Counts heads."


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda tool: {**tool, "desc": 3}, r"tools\[\"tools\['population'\]\"\].desc should be a text, not 3"),
        (lambda tool: {**tool, "desc": "x" * 1_000_000}, "has 1,000,000 characters"),
        (lambda tool: {**tool, "args": []}, "args should be an object"),
        (lambda tool: {**tool, "args": {"town": ["x"], "year": None}}, r"args\['town'\] should be a text"),
        (lambda tool: {**tool, "func": "os:system"}, "'func'"),
        (lambda tool: "x", "should be an object"),
        (lambda tool: {"desc": None}, "has no 'args'"),
    ],
)
def test_a_hostile_file_is_refused(change: Any, says: str, tmp_path: Path) -> None:
    """What is no text of a tool, or far too long a one, is an error with its place, and changes nothing."""
    agent = AGENTS["ReAct"]()
    agent.save(tmp_path / "p.json")
    stored = json.loads((tmp_path / "p.json").read_text())
    stored["tools"]["tools['population']"] = change(stored["tools"]["tools['population']"])
    stored["predictors"]["react"]["instructions"] = "Changed."
    (tmp_path / "p.json").write_text(json.dumps(stored))
    before = agent.slots()
    with pytest.raises(SaveError, match=says):
        agent.load(tmp_path / "p.json")
    assert agent.slots() == before


def test_the_form_of_dspy_has_no_place_for_them(tmp_path: Path) -> None:
    """A warning names the texts that are left out; without any there is no word of it."""
    agent = AGENTS["ReAct"]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        agent.save(tmp_path / "p.json", format="dspy")
    with pytest.warns(UserWarning, match=r"the descriptions of tools \(tools\['population'\]\.desc\)"):
        agent.with_candidate({DESC: "Counts heads."}).save(tmp_path / "p.json", format="dspy")


def test_a_text_of_an_argument_can_be_taken_away() -> None:
    """An empty one leaves no line in the prompt and no key in the schema."""
    made = AGENTS["ReAct"]().with_candidate({TOWN: ""}).tools["population"]
    assert made.format() == "population(town: str, year: int = 2024): How many people live in a town."
    assert "description" not in made.args["town"] and made.original.arg_desc == {"town": "its name"}
