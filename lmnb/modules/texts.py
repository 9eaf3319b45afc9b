"""The texts of a program beside its instructions, as slots: how its outputs are described (`route.outputs['team'].desc`) and what the
tools of its agents say (`agent.tools['search'].desc`). Signatures and tools are values: one with other texts takes its place in a
program, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lmnb.modules.tool_texts import check_text, retold, tool_texts
from lmnb.modules.tree import Node, replace, walk


def output_slot(path: str, name: str) -> str:
    """The slot of the description of an output of the predictor at `path`."""
    return f"{path}.outputs[{name!r}].desc"


def texts(program: Node) -> dict[str, str]:
    """All of them by slot; "" for an output or an argument without a description."""
    outputs = {slot: predictor.signature.fields[name].desc for slot, name, predictor in _outputs(program)}
    return outputs | tool_texts(program)


def retell(program: Node, told: Mapping[str, str]) -> None:
    """Give the outputs and tools of `program` these texts, in place. InputError for what is no text, or too long a one."""
    for slot, name, predictor in _outputs(program):
        text = told.get(slot, predictor.signature.fields[name].desc)
        if text != predictor.signature.fields[name].desc:
            check_text(slot, text)
            predictor.signature = predictor.signature.with_updated_fields(name, desc=text)
    for old, new in retold(program, told):
        replace(program, old, new)


def _outputs(program: Node) -> Iterator[tuple[str, str, Any]]:
    """Each output's slot and name, and its predictor."""
    for path, node in walk(program):
        if getattr(node, "is_predictor", False):
            predictor: Any = node
            for name in predictor.signature.output_fields:
                yield output_slot(path, name), name, predictor
