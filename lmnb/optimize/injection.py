"""What a person injects, as a child of a candidate: an instruction, a demo, or values of slots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lmnb.errors import InputError
from lmnb.example import Example
from lmnb.modules.demo_policy import policy_of
from lmnb.modules.tool_texts import check_text
from lmnb.nearest import did_you_mean
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.misfits import check_demos
from lmnb.optimize.task import Predictor
from lmnb.optimize.trained import SLOT


def with_instructions(
    base: Candidate, instructions: str | Mapping[str, str], predictors: Sequence[Predictor]
) -> Candidate:
    """`base` with other instructions or descriptions, by slot; a text alone is for the only predictor there is."""
    if isinstance(instructions, str):
        slot = f"{predictors[0].path}.instructions"
        if len(predictors) != 1:
            raise InputError(
                f"this program has {len(predictors)} predictors; say which: inject(instructions={{{slot!r}: ...}})"
            )
        instructions = {slot: instructions}
    child = base
    _need_slots("instructions", instructions)
    for slot, text in instructions.items():
        child = child.put(slot, checked_text(slot, text, base))
    return child.child_of(base, origin="human", label="your instruction")


def checked_text(slot: str, text: Any, base: Candidate) -> str:
    """`text` as it goes into a slot of instructions or of a description. InputError where it is none, or there is no such slot."""
    slots = [name for name, value in base.values.items() if isinstance(value, str)]
    if slot not in slots:
        raise InputError(f"there is no instruction slot {slot!r}; this program has {', '.join(slots)}")
    what = "instruction" if slot.endswith(".instructions") else "description"
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{text!r} is no {what}; write some text")
    if what == "description":
        check_text(slot, text.strip())
    return text.strip()


def with_demo(
    base: Candidate, demo: Any, predictors: Sequence[Predictor], training: Sequence[Example] = ()
) -> Candidate:
    """`base` with the demo added to every predictor that it fits. InputError for a field that neither a predictor nor a `training` example
    has, and for a missing output that every training example has.
    """
    given = _demo(demo, "human")
    _check_fields(given, predictors, training)
    child = base
    for predictor in predictors:
        fitting = predictor.labelled(given)
        if fitting is not None:
            slot = f"{predictor.path}.demos"
            child = child.put(slot, (*child.values[slot], fitting.with_origin("human", source=given.provenance.source)))
    if child is base:
        missing = "an input" if any(name in given for each in predictors for name in each.outputs) else "an output"
        raise InputError(
            f"the demo {demo_fields(demo)!r} fits no predictor: it lacks {missing}. Their fields are {fields_of(predictors)}."
        )
    return child.child_of(base, origin="human", label="your demo")


def fields_of(predictors: Sequence[Predictor]) -> str:
    """The fields of the predictors in words."""
    return "; ".join(f"{each.path}: {', '.join(each.inputs)} -> {', '.join(each.outputs)}" for each in predictors)


def _check_fields(demo: Example, predictors: Sequence[Predictor], training: Sequence[Example]) -> None:
    known = dict.fromkeys(name for each in predictors for name in (*each.inputs, *each.outputs))
    unknown = [name for name in demo if name not in known and not any(name in example for example in training)]
    if unknown:
        hint = did_you_mean(unknown[0], known)
        raise InputError(
            f"no predictor has a field {unknown[0]!r}. {hint}{' ' * bool(hint)}Their fields are {fields_of(predictors)}."
        )
    for predictor in predictors:
        labels = [name for name in predictor.outputs if training and all(name in example for example in training)]
        missing = [name for name in labels if name not in demo]
        if missing and predictor.labelled(demo) is not None:
            raise InputError(
                f"the demo {dict(demo.items())!r} lacks {missing[0]!r}, an output of {predictor.path} that every training example has"
            )


def with_values(base: Candidate, values: Mapping[str, Any], predictors: Sequence[Predictor] = ()) -> Candidate:
    """`base` with these values in its slots. InputError for a new demo that would be left out of a prompt of these predictors."""
    child = base
    _need_slots("candidate", values)
    for slot, value in values.items():
        if slot not in base.values:
            raise InputError(f"there is no slot {slot!r}; the slots are {', '.join(base.values)}")
        if slot.endswith(".demos"):
            value = tuple(_demo(demo) for demo in _demos(slot, value))
            check_demos(slot.removesuffix(".demos"), value, base.values[slot], predictors)
        elif slot.endswith(".demo_policy"):
            policy = policy_of(value)
            value = None if policy is None else policy.dump_state()
        elif slot.endswith(".instructions") and value != base.values[slot]:
            value = checked_text(slot, value, base)
        elif slot.endswith(SLOT) and value != base.values[slot]:
            raise InputError(f"{slot} holds trained weights, which only a training makes; leave it out to keep them")
        elif isinstance(base.values[slot], str):
            check_text(slot, value)
        child = child.put(slot, value)
    return child.child_of(base, origin="human", label="your candidate")


def _need_slots(argument: str, given: Any) -> None:
    if not isinstance(given, Mapping) or not given:
        other = ", or a candidate of a run: inject(candidate=run.candidate(1))" if argument == "candidate" else ""
        raise InputError(f"{argument}={given!r} names no slot; write inject({argument}={{'<slot>': ...}}){other}")


def _demos(slot: str, given: Any) -> Iterable[Any]:
    if not isinstance(given, Iterable) or isinstance(given, (str, Mapping, Example)):
        raise InputError(f"{slot} is a list of demos, not {given!r}; [] takes them away")
    return given


def demo_fields(demo: Any) -> dict[str, Any]:
    """The fields of a demo that a person gives."""
    if not isinstance(demo, (Example, Mapping)):
        raise InputError(f"{demo!r} is no demo; give an Example or a dict of its fields")
    return dict(demo.items())


def _demo(given: Any, origin: str | None = None) -> Example:
    """A demo with `origin`, else with its own, else a person's."""
    known = given.provenance if isinstance(given, Example) else Example().provenance
    return Example(demo_fields(given)).with_origin(origin or known.origin or "human", source=known.source)
