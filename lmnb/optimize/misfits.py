"""Demos and training examples that no prompt could show as they are, said once, when a run begins or is given them."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from lmnb.adapters.misfits import lacked, level_outside, listed, misfit, misspelt, tell_all
from lmnb.counts import counted
from lmnb.errors import InputError
from lmnb.example import Example
from lmnb.optimize.code import Code
from lmnb.optimize.task import Predictor
from lmnb.optimize.view import demo_name


def warn_of_misfits(code: Code, predictors: Sequence[Predictor], labelled: Sequence[Example]) -> None:
    """Warn of demos that the programs come with, and of examples to be drawn as labelled demos, that are left out for a misspelt field."""
    for program in (code.program, code.teacher, *code.more_teachers):
        if program is not None:
            tell_all(program.named_predictors())
    kinds = {names: _meant(names, predictors) for names in dict.fromkeys(map(tuple, labelled))}
    found = [names for names in map(tuple, labelled) if kinds[names] is not None]
    if found:
        path, renames = kinds[found[0]] or ("", {})
        told = ", ".join(f"{given!r} to {field!r}" for field, given in renames.items())
        warnings.warn(
            f"{counted(len(found), 'training example')} of {len(labelled)} cannot be shown whole as a demo of {path!r}, such as one with the "
            f"fields {listed(found[0])}. Rename {told}.",
            stacklevel=level_outside(),
        )


def check_demos(path: str, demos: Iterable[Example], known: Sequence[Example], predictors: Sequence[Predictor]) -> None:
    """InputError for a demo, none of the `known` ones, that a prompt of the predictor at `path` leaves out, or that misspells a field."""
    for part in predictors:
        for number, demo in enumerate(demos if part.path == path else ()):
            what = None if demo in known else misfit(demo, part.inputs, part.outputs)
            if what is not None:
                raise InputError(f"demo {number} of {path} {what}")


def edited_demo(
    demo: Example, fields: Mapping[str, Any], slots: Collection[str | None], predictors: Sequence[Predictor]
) -> Example:
    """`demo`, which stands in these slots, with `fields` changed: those that it has, and those of the slots' predictors, each in the place of
    what it seems to be misspelt as. InputError for another field, and where a prompt would leave the demo out still.
    """
    holders = [part for part in predictors if f"{part.path}.demos" in slots]
    declared = [field for part in holders for field in (*part.inputs, *part.outputs)]
    known = dict.fromkeys([*demo, *declared])
    unknown = sorted(field for field in fields if field not in known)
    if unknown:
        raise InputError(f"{demo_name(demo)} has no field {unknown[0]!r}; its fields are {', '.join(known)}")
    wrong = (misspelt(demo, part.inputs, part.outputs).items() for part in holders)
    gone = {given for pairs in wrong for field, given in pairs if field in fields and given not in declared}
    changed = demo.copy(**fields).without(*gone)
    for part in holders:
        if lacked(changed, part.inputs, part.outputs):
            what = misfit(changed, part.inputs, part.outputs)
            raise InputError(
                f"{demo_name(demo)} with this edit {what} {part.path} has the fields {', '.join((*part.inputs, *part.outputs))}."
            )
    return changed.with_origin("human", source=demo.provenance.source)


def _meant(names: Sequence[str], predictors: Sequence[Predictor]) -> tuple[str, dict[str, str]] | None:
    """The predictor that an example with these fields would be a demo of, were some of them renamed, with these."""

    def fits(part: Predictor, held: Sequence[str]) -> bool:
        return any(name in held for name in part.inputs) and any(name in held for name in part.outputs)

    renames = {part.path: misspelt(names, part.inputs, part.outputs) for part in predictors}
    if any(fits(part, names) and not renames[part.path] for part in predictors):
        return None
    mended = (part.path for part in predictors if renames[part.path] and fits(part, (*names, *renames[part.path])))
    path = next(mended, None)
    return None if path is None else (path, renames[path])
