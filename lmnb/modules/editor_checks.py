"""What an editor is given, before it is taken: the run that edits go into, the inputs of a trial, and demos."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lmnb.adapters.misfits import lacked, misfit
from lmnb.errors import InputError
from lmnb.example import Example
from lmnb.modules.editor_slots import input_fields, takes_any
from lmnb.modules.module import Module
from lmnb.nearest import did_you_mean


def check_run(run: Any, program: Module) -> None:
    """InputError where edits of `program` cannot go into `run`: it is no run, or one of a program with other predictors or fields."""
    header = getattr(run, "header", None)
    if header is None or not hasattr(run, "inject"):
        raise InputError(
            f"run={run!r} is no run. Pass what optimizer.start(...) gave, or lmnb.reopen(path); without run= an editor needs none."
        )
    theirs = {each.path: _fields(each.inputs, each.outputs) for each in header.predictors}
    mine = {
        path: _fields(part.signature.input_fields, part.signature.output_fields)
        for path, part in program.named_predictors()
    }
    if mine != theirs:
        raise InputError(
            f"the run {run.name!r} tunes another program, whose slots the edits do not fit: it has {_told(theirs)}, and this one has "
            f"{_told(mine)}. Open the editor of its program, lmnb.edit(run.result(), run=run), or leave run= out."
        )


def checked_inputs(inputs: Any, program: Module) -> dict[str, Any]:
    """`inputs` by name, of an example what the program takes of it. InputError for a name that the program does not take."""
    known = input_fields(program)
    if isinstance(inputs, Example):
        taken = known if inputs.input_keys is None else inputs.input_keys
        return {name: value for name, value in inputs.items() if name in taken}
    if not isinstance(inputs, Mapping):
        raise InputError(
            f"inputs are given by name, not as {inputs!r}. Write {{{next(iter(known), 'question')!r}: ...}}."
        )
    strange = [] if takes_any(program) else [name for name in inputs if name not in known]
    if strange:
        hint = did_you_mean(str(strange[0]), known, f"It takes: {', '.join(known) or 'nothing'}.")
        raise InputError(f"the program takes no input {strange[0]!r}. {hint}")
    return dict(inputs)


def checked_fields(path: str, fields: Any, known: Iterable[str]) -> dict[str, Any]:
    """The fields of a demo for the predictor at `path`. InputError for a field that it does not have, and for none."""
    names = list(known)
    if not isinstance(fields, (Mapping, Example)) or not len(fields):
        raise InputError(f"a demo is a dict of its fields, not {fields!r}. Write {{{names[0]!r}: ..., ...}}.")
    for name in fields:
        if name not in names:
            hint = did_you_mean(str(name), names, f"Its fields are: {', '.join(names)}.")
            raise InputError(f"{path} has no field {name!r}. {hint}")
    return dict(fields.items())


def check_demos(path: str, demos: Iterable[Example], known: Mapping[str, Any]) -> None:
    """InputError for a demo with a misspelt field, with none of the predictor's, or with others in the place of its inputs or outputs, which
    the prompt would leave out. One that is not whole yet may be, and what else an example holds is not shown.
    """
    names = list(known)
    inputs = [name for name, field in known.items() if field.is_input]
    outputs = [name for name in names if name not in inputs]
    for number, demo in enumerate(demos):
        lacking = [name for name in names if name not in demo]
        for name in (each for each in demo if each not in names):
            hint = did_you_mean(name, lacking)
            if hint:
                raise InputError(f"demo {number} of {path}: it has no field {name!r}. {hint}")
        if len(lacking) == len(names):
            raise InputError(f"demo {number} has no field of {path}: {', '.join(names)}. It is {demo!r}.")
        if lacked(demo, inputs, outputs) and any(name not in names for name in demo):
            raise InputError(
                f"demo {number} of {path} {misfit(demo, inputs, outputs)} Its fields are: {', '.join(names)}."
            )


def _fields(inputs: Iterable[str], outputs: Iterable[str]) -> str:
    return f"{', '.join(inputs)} -> {', '.join(outputs)}"


def _told(predictors: Mapping[str, str]) -> str:
    return "; ".join(f"{path!r} ({fields})" for path, fields in predictors.items())
