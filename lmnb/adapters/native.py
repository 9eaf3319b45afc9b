"""Native function calling: tools reach the provider by its own interface, and come back as calls beside the text.

A call is asked this way where its signature has an output of the type ToolCalls and an input that holds tools. What is left of
the signature is asked and read in text, as the adapter does it.
"""

from __future__ import annotations

import contextlib
import json
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Union, get_args, get_origin

from pydantic import ValidationError

from lmnb.adapters.codecs import codec_for
from lmnb.adapters.field_reader import FieldReader, PlainReader, is_text
from lmnb.canonical import canonical
from lmnb.errors import ParseError
from lmnb.signature import OutputField
from lmnb.types.checked import adapter_for
from lmnb.types.history import History
from lmnb.types.tool import Tool, ToolText
from lmnb.types.tool_calls import ToolCall, ToolCalls
from lmnb.types.wording import Wording

Message = dict[str, Any]

_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST_NAME = 64
_SHOWN = 200  # characters of wrong arguments in a message


@dataclass(frozen=True)
class NativeCall:
    """One call as it is asked: `said` is the signature of the text, `output` the field that the calls are, `tools` those that may
    be called, by the name that the provider knows. `added` is a text field that stands only where nothing else is asked in text.
    """

    signature: Any
    said: Any
    output: str
    tools: Mapping[str, Tool]
    added: str | None
    wording: Wording

    @classmethod
    def of(cls, signature: Any, inputs: Mapping[str, Any], wording: Wording) -> NativeCall | None:
        """None where the signature asks for no calls, or the inputs hold no tool."""
        outputs = [name for name, field in signature.output_fields.items() if field.type is ToolCalls]
        if len(outputs) != 1:
            return None
        held = {name: found for name in signature.input_fields if (found := _held(inputs.get(name)))}
        if not held:
            return None
        said, added = _said(signature, (outputs[0], *held), wording)
        tools = _named(tool for found in held.values() for tool in found)
        return cls(signature, said, outputs[0], tools, added, wording)

    def options(self, config: Mapping[str, Any], parallel: bool | None) -> dict[str, Any]:
        """What the request needs besides the messages."""
        told = []
        for name, tool in self.tools.items():
            shown = tool.format_as_litellm_function_call()
            told.append({**shown, "function": {**shown["function"], "name": name}})
        options: dict[str, Any] = {"tools": [*(config.get("tools") or ()), *told]}
        return options if parallel is None else {**options, "parallel_tool_calls": parallel}

    def messages(self, adapter: Any, demos: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any]) -> list[Message]:
        """The messages; demos are turns whose calls stand as a provider's calls do, and so are the turns of a history."""
        added = {} if self.added is None else {self.added: ""}
        name, past = self._past(inputs)
        rest = inputs if past is None else {**inputs, name: past.model_copy(update={"messages": ()})}
        asked = adapter.format(self.said, [], rest)
        start = int(asked[0]["role"] == "system")  # demos stand before the turns of a history
        turns: list[Message] = []
        for number, demo in enumerate(demos):
            values = {**added, **demo}
            whole = adapter.format(self.said, [values], rest)
            shown = whole[start : start + len(whole) - len(asked)]
            calls = _calls(values.get(self.output)) if shown else None
            turns += self._with_calls(shown, calls, f"demo_{number}", self.wording.example_result)
        if past is None:
            return [*asked[:start], *turns, *asked[start:]]
        for number, turn in enumerate(past.messages):
            calls = _calls(turn.get(self.output))
            values = turn if calls is None else {**added, **turn}
            shown = []
            # a turn of calls alone says nothing beside them
            if calls is None or any(field in self.said.fields for field in values):
                alone = {**inputs, name: past.model_copy(update={"messages": (values,)})}
                shown = adapter.format(self.said, [], alone)[start:-1]
            turns += self._with_calls(shown, calls, f"turn_{number}", self.wording.lost_result)
        return [*asked[:start], *turns, asked[-1]]

    def read(self, adapter: Any, response: Any, at: int) -> dict[str, Any]:
        """The outputs of one text of the response and the calls that came with it. Raises ParseError."""
        text = response.texts[at]
        written = response.tool_calls[at] if response.tool_calls else []
        if not written:
            try:  # some models write their calls as text all the same
                return adapter.parsed(self.signature, text)
            except ParseError:
                return self._all({**adapter.parsed(self.said, text), self.output: ToolCalls()})
        calls = ToolCalls(tool_calls=tuple(self._call(call, response.shown(at)) for call in written))
        return self._all({**self._text(adapter, text, response.shown(at)), self.output: calls})

    def reader(self, adapter: Any) -> FieldReader | None:
        """What reads the text of one reply while it comes."""
        (name, field), *others = self.said.output_fields.items()
        inner = adapter.reader(self.said)
        return inner if others or not is_text(field.type) else PlainReader(inner, name)

    def _text(self, adapter: Any, text: str, reply: str) -> dict[str, Any]:
        """What was said beside the calls. Models often say little there, and not in the form that was asked for."""
        try:
            return adapter.parsed(self.said, text)
        except ParseError as error:
            (name, field), *others = self.said.output_fields.items()
            if not others and field.type is str and name not in text:  # nothing stands in any form
                with contextlib.suppress(ValueError):
                    return {name: codec_for(str, field.limits).parse(text)}
            raise ParseError(str(error), reply=reply, signature=self.said) from None

    def _call(self, call: Mapping[str, Any], reply: str) -> ToolCall:
        tool = self.tools.get(call["name"])
        name = call["name"] if tool is None else tool.name
        try:
            args = json.loads(call["arguments"] or "{}", object_pairs_hook=_without_doubles)
            if not isinstance(args, dict):
                raise ValueError("they are no object")
        except (ValueError, RecursionError) as error:
            reason = "they are nested too deeply" if isinstance(error, RecursionError) else str(error)
            shown = call["arguments"]
            shown = repr(shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…")
            raise ParseError(
                self.wording.wrong_arguments.format(name=repr(name), value=shown, reason=reason),
                reply=reply,
                signature=self.said,
            ) from None
        return ToolCall(name=name, args=args, id=call["id"])

    def _all(self, found: Mapping[str, Any]) -> dict[str, Any]:
        return {name: found[name] for name in self.signature.output_fields}

    def _past(self, inputs: Mapping[str, Any]) -> tuple[str, History | None]:
        """The history among `inputs` and its name, where a turn of it has calls."""
        for name, field in self.said.input_fields.items():
            if name in inputs and is_history(field.type):
                with contextlib.suppress(ValidationError):  # it is told where it is formatted
                    past = adapter_for(field.type).validate_python(inputs[name])
                    if isinstance(past, History) and any(self.output in turn for turn in past.messages):
                        return name, past
        return "", None

    def _with_calls(self, turns: list[Message], calls: ToolCalls | None, number: str, result: str) -> list[Message]:
        if not calls:
            return turns
        names = {tool.name: name for name, tool in self.tools.items()}
        made = [
            {
                "id": f"{number}_{at}",
                "type": "function",
                "function": {"name": names.get(call.name, _safe(call.name)), "arguments": canonical(call.args)},
            }
            for at, call in enumerate(calls)
        ]
        # providers want a result for every call
        results = [{"role": "tool", "tool_call_id": call["id"], "content": result} for call in made]
        said = turns[-1:] if turns and turns[-1]["role"] == "assistant" else []
        beside = said[0] if said else {"role": "assistant", "content": ""}
        return [*turns[: len(turns) - len(said)], {**beside, "tool_calls": made}, *results]


def is_history(kind: Any) -> bool:
    """Whether an input of the type is a conversation, which may be left out."""
    kinds = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    return any(isinstance(kind, type) and issubclass(kind, History) for kind in kinds)


def _calls(value: Any) -> ToolCalls | None:
    """The calls that a demo or a turn has, also those that were saved as data; None for anything else."""
    try:
        return ToolCalls.model_validate(value)
    except ValidationError:
        return None


def _held(value: Any) -> list[Tool]:
    """The tools that an input is; none where it holds anything else."""
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else [value]
    found = [item.tool if isinstance(item, ToolText) else item for item in items]
    return found if all(isinstance(item, Tool) for item in found) else []


def _named(tools: Any) -> dict[str, Tool]:
    """The tools by names that providers take."""
    found: dict[str, Tool] = {}
    for tool in tools:
        name, number = _safe(tool.name), 2
        while name in found:
            name = f"{_safe(tool.name)[: _LONGEST_NAME - 3]}_{number}"
            number += 1
        found[name] = tool
    return found


def _safe(name: str) -> str:
    return _NOT_IN_NAMES.sub("_", name)[:_LONGEST_NAME] or "_"


@lru_cache(maxsize=256)
def _said(signature: Any, without: tuple[str, ...], wording: Wording) -> tuple[Any, str | None]:
    """The signature of the text, and the field that was added to it."""
    said = signature
    for name in without:
        said = said.delete(name)
    added = None
    if not said.output_fields:
        added = "remark"
        while added in signature.fields:
            added = f"{added}_"
        said = said.append(added, OutputField(desc=wording.remark), str)
    return said.append_instructions(wording.call_tools), added


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found
