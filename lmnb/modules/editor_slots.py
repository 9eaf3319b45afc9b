"""What an editor changes in a program: its slots, and beside those that a run has the descriptions of inputs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from inspect import Parameter
from inspect import signature as parameters_of
from typing import Any

from lmnb.modules.module import Module
from lmnb.signature import NO_DEFAULT

_BEFORE = "of the program before the edit"


def input_slot(path: str, name: str) -> str:
    """The slot of the description of an input of the predictor at `path`."""
    return f"{path}.inputs[{name!r}].desc"


def slots_of(program: Module) -> dict[str, Any]:
    """What can be edited in it."""
    own = {
        slot: value for slot, value in program.slots().items() if slot.rpartition(".")[2] not in ("lm", "demo_policy")
    }
    return own | {
        input_slot(path, name): part.signature.fields[name].desc
        for path, part in program.named_predictors()
        for name in part.signature.input_fields
    }


def with_edits(program: Module, edits: Mapping[str, Any]) -> Module:
    """A copy of `program` with these slots filled."""
    named = [(path, name) for path, part in program.named_predictors() for name in part.signature.input_fields]
    inputs = {input_slot(path, name): (path, name) for path, name in named}
    made = program.with_candidate({slot: value for slot, value in edits.items() if slot not in inputs})
    parts = dict(made.named_predictors())
    for slot, (path, name) in inputs.items():
        if slot in edits:
            parts[path].signature = parts[path].signature.with_updated_fields(name, desc=edits[slot])
    return made


def edited_provenance(provenance: Mapping[str, Any], slots: Collection[str]) -> dict[str, Any]:
    """`provenance` of a program in which these slots were edited since: it comes from there still, but its score is not of these texts.

    >>> edited_provenance({"score": 87.5, "scored_on": "40 examples (val)"}, ["self.instructions"])
    {'score': 87.5, 'scored_on': '40 examples (val), of the program before the edit', 'edited': ['self.instructions']}
    """
    made = dict(provenance)
    if not made or not slots:
        return made
    earlier, scored = made.get("edited") or (), made.get("scored_on")
    if made.get("score") is not None and not earlier:
        made["scored_on"] = f"{scored}, {_BEFORE}" if scored else _BEFORE.removeprefix("of ")
    return {**made, "edited": list(dict.fromkeys([*earlier, *slots]))}


def input_fields(program: Module) -> dict[str, Any]:
    """What a call of the program takes, by name: the field of a predictor that says its type, None where there is none of that name."""
    fields = {name: each for part in program.predictors() for name, each in part.signature.input_fields.items()}
    return {name: fields.get(name) for name in _taken(program)}


def given_inputs(program: Module, typed: Mapping[str, Any]) -> dict[str, Any]:
    """`typed` without what was left empty and has a default."""
    taken = _taken(program)
    return {name: value for name, value in typed.items() if not is_empty(value) or not taken.get(name)}


def is_empty(value: Any) -> bool:
    """Whether nothing was typed. An array is no text, and would be asked element by element."""
    return isinstance(value, str) and value == ""


def takes_any(program: Module) -> bool:
    """Whether its own code decides what it takes: it has `**inputs`, and no signature that names them."""
    free = any(each.kind is Parameter.VAR_KEYWORD for each in _parameters(program))
    return free and getattr(program, "signature", None) is None


def _parameters(program: Module) -> list[Parameter]:
    forward = getattr(program, "forward", None) or getattr(program, "aforward", None)
    return [] if forward is None else list(parameters_of(forward).parameters.values())


def _taken(program: Module) -> dict[str, bool]:
    """The names of what a call takes, and whether each has a default."""
    taken = _parameters(program)
    if taken and not any(each.kind is Parameter.VAR_KEYWORD for each in taken):
        return {
            each.name: each.default is not Parameter.empty
            for each in taken
            if each.kind is not Parameter.VAR_POSITIONAL
        }
    signature = getattr(program, "signature", None) or program.predictors()[0].signature
    return {name: default is not NO_DEFAULT for name, default in signature.inputs_with_defaults.items()}
