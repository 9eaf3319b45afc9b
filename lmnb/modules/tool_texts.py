"""The texts by which models know the tools of a program, as slots: `agent.tools['search'].desc` and, for each argument,
`agent.tools['search'].arg_desc['query']`. A tool is a value: one with other texts takes its place in a program, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lmnb.errors import InputError
from lmnb.json_file import expect, expect_keys
from lmnb.modules.tree import Node, walk
from lmnb.types.tool import Tool

LONGEST = 20_000  # characters of a new text, which stands in every prompt


def named_tools(program: Node) -> dict[str, Tool]:
    """The tools that the modules of a program hold, by name: `agent.tools['search']`."""
    return dict(walk(program, Tool))


def tool_texts(program: Node) -> dict[str, str]:
    """The texts of all tools by slot; "" for an argument without one."""
    return {slot: text for path, tool in named_tools(program).items() for slot, text in _texts(path, tool).items()}


def tuned_texts(program: Node) -> dict[str, str]:
    """Those texts that are not the ones that the tool was made with."""
    return {
        slot: text
        for path, tool in named_tools(program).items()
        for slot, text in _texts(path, tool).items()
        if text != _texts(path, tool.original or tool)[slot]
    }


def retold(program: Node, texts: Mapping[str, str]) -> list[tuple[Tool, Tool]]:
    """Those tools of `program` that have other texts than these, by slot, each with one that has them. InputError for what is no
    text, or too long a one.
    """
    found = []
    for path, tool in named_tools(program).items():
        new = {slot: texts[slot] for slot, text in _texts(path, tool).items() if texts.get(slot, text) != text}
        for slot, text in new.items():
            check_text(slot, text)
        arguments = {name: new[slot] for name in tool.args if (slot := _slot(path, name)) in new}
        if new:
            found.append((tool, tool.with_desc(new.get(_slot(path)), arguments)))
    return found


def check_text(slot: str, text: Any) -> None:
    """InputError for what is no text, or one that is too long for a prompt."""
    if not isinstance(text, str):
        raise InputError(f"{slot} is a text, not {text!r}. Write some text.")
    if len(text) > LONGEST:
        raise InputError(
            f"the text of {slot} has {len(text):,} characters, and {LONGEST:,} are the most. Write a shorter one."
        )


def _slot(path: str, argument: str | None = None) -> str:
    return f"{path}.desc" if argument is None else f"{path}.arg_desc[{argument!r}]"


def _texts(path: str, tool: Tool) -> dict[str, str]:
    return {_slot(path): tool.desc, **{_slot(path, name): tool.arg_desc.get(name, "") for name in tool.args}}


# -- in files: {"desc": ..., "args": {name: ...}}, null for a text that the code says ------------------------------------


def tool_states(program: Node) -> dict[str, dict[str, Any]]:
    """What a file keeps of each tool, by its name."""
    tuned = tuned_texts(program)
    return {
        path: {"desc": tuned.get(_slot(path)), "args": {name: tuned.get(_slot(path, name)) for name in tool.args}}
        for path, tool in named_tools(program).items()
    }


def is_tool_state(state: Any) -> bool:
    """Whether a part of a program's state is that of a tool."""
    return isinstance(state, dict) and "desc" in state


def check_tool_state(state: Any, place: str) -> None:
    """SaveError names the place of what has not the form of a tool's state."""
    expect_keys(expect(dict, state, place), ("desc", "args"), place)
    texts = {"desc": state["desc"]}
    texts |= {f"args[{name!r}]": text for name, text in expect(dict, state["args"], f"{place}.args").items()}
    for name, text in texts.items():
        if text is not None:
            expect(str, text, f"{place}.{name}")


def tool_differences(program: Node, states: Mapping[str, Any]) -> Iterator[str]:
    """In which tools and arguments the program and a file differ; a file without any tool says nothing of them."""
    mine = named_tools(program)
    if not states:
        return
    yield from (f"tool {path!r} is only in the file" for path in states if path not in mine)
    yield from (f"tool {path!r} is only in the program" for path in mine if path not in states)
    for path in (path for path in states if path in mine):
        here, there = mine[path].args, states[path]["args"]
        yield from (f"tool {path!r}: the argument {name!r} is only in the file" for name in there if name not in here)
        yield from (
            f"tool {path!r}: the argument {name!r} is only in the program" for name in here if name not in there
        )


def stored_texts(program: Node, states: Mapping[str, Any]) -> dict[str, str]:
    """The texts by slot that a file gives the tools of `program`."""
    found: dict[str, str] = {}
    for path, tool in named_tools(program).items():
        if path in states:
            found |= _texts(path, tool.original or tool)
            told = {_slot(path): states[path]["desc"]}
            told |= {_slot(path, name): text for name, text in states[path]["args"].items()}
            found |= {slot: text for slot, text in told.items() if text is not None}
    return found
