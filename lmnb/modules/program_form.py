"""The form of a program file, as far as it can be told without a program."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from lmnb.errors import SaveError
from lmnb.json_file import expect, expect_keys, reading
from lmnb.modules.tool_texts import check_tool_state

FORMAT = 1
_TOP = ("lmnb", "format", "version", "class", "arguments", "code", "provenance", "predictors", "tools")
_PREDICTOR = ("instructions", "fields", "demos", "demo_policy", "config", "lm")
_FIELD = ("name", "role", "type", "desc", "prefix", "constraints", "schema")
_DEMO = ("fields", "inputs", "origin", "source", "untyped")
_CODE_NAME = re.compile(r"\w+(?:\.\w+)*:[\w.<>]+")


class Stored(NamedTuple):
    """A program file that has the right form; whether it fits a program is another question."""

    class_path: str
    provenance: dict[str, Any]
    predictors: dict[str, dict[str, Any]]
    tools: dict[str, dict[str, Any]]
    arguments: dict[str, Any] | None  # of the program's constructor, where its class writes them


def checked(stored: Any, path: str | Path) -> Stored:
    """The content of the program file at `path`. SaveError names the place of what is wrong."""
    with reading(path):
        if not isinstance(stored, dict) or stored.get("lmnb") != "program":
            raise SaveError('it is not a program that lmnb saved (it has no "lmnb": "program")')
        number = stored.get("format")
        if number != FORMAT:
            raise SaveError(
                f"it has the format {number!r}, and this lmnb reads {FORMAT}. Install the lmnb that wrote it: "
                f"{stored.get('version')!r}."
            )
        expect_keys(stored, _TOP, "the file", optional=("arguments", "code", "version", "provenance", "tools"))
        name = code_name(stored["class"], "class")
        for at, state in expect(dict, stored["predictors"], "predictors").items():
            check_predictor(state, f"predictors[{at!r}]")
        tools = expect(dict, stored.get("tools", {}), "tools")
        for at, state in tools.items():
            check_tool_state(state, f"tools[{at!r}]")
        arguments = expect(dict, stored["arguments"], "arguments") if "arguments" in stored else None
        return Stored(
            name, expect(dict, stored.get("provenance", {}), "provenance"), stored["predictors"], tools, arguments
        )


def code_name(value: Any, place: str) -> str:
    """The `module:Name` that stands at this place of a file."""
    if not _CODE_NAME.fullmatch(expect(str, value, place)):
        raise SaveError(f"{place} is {value!r}, not 'module:Name'")
    return value


def check_predictor(state: Any, place: str) -> None:
    """SaveError names the place of what has not the form of a predictor's state."""
    expect_keys(expect(dict, state, place), _PREDICTOR, place, optional=("demo_policy",))
    expect(str, state["instructions"], f"{place}.instructions")
    for at, field in enumerate(expect(list, state["fields"], f"{place}.fields")):
        where = f"{place}.fields[{at}]"
        expect_keys(expect(dict, field, where), _FIELD, where, optional=("prefix", "constraints", "schema"))
        for key in ("name", "role", "type", "desc"):
            expect(str, field[key], f"{where}.{key}")
        expect(str, field.get("prefix", ""), f"{where}.prefix")
        expect(dict, field.get("constraints", {}), f"{where}.constraints")
    names = [field["name"] for field in state["fields"]]
    if len(set(names)) < len(names):
        raise SaveError(f"{place}.fields has a name twice: {', '.join(names)}")
    for at, demo in enumerate(expect(list, state["demos"], f"{place}.demos")):
        where = f"{place}.demos[{at}]"
        expect_keys(expect(dict, demo, where), _DEMO, where, optional=("inputs", "origin", "source", "untyped"))
        expect(dict, demo["fields"], f"{where}.fields")
        for key in ("inputs", "untyped"):
            for name in expect(list, demo.get(key, []), f"{where}.{key}"):
                expect(str, name, f"{where}.{key}")
        if demo.get("origin") is not None:
            expect(str, demo["origin"], f"{where}.origin")
        if demo.get("source") is not None:
            expect(int, demo["source"], f"{where}.source")
    expect(dict, state["config"], f"{place}.config")
    if state["lm"] is not None:
        lm = expect(dict, state["lm"], f"{place}.lm")
        expect(str, lm.get("model_type", "chat"), f"{place}.lm.model_type")
