"""Reflection: what a text slot did on some examples, and the programs that write a better text from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from lmnb.canonical import canonical
from lmnb.errors import InputError
from lmnb.modules.module import Module
from lmnb.modules.predict import Predict
from lmnb.optimize.effects import Result
from lmnb.optimize.task import Task
from lmnb.prediction import Prediction
from lmnb.signature import InputField, OutputField, Signature

SHOWN = 2_000  # characters of one value in a reflection
LONGEST = 20_000  # characters of a text that can stand in every prompt

_INSTRUCTION = """Propose a better instruction for one step of a program.
Read the examples: what the step was given, what it replied, and what was said about it. Find out what the step has to know and do.
Write an instruction with which the replies come right, also for other inputs of the kind. Keep facts and rules that later inputs need."""
_DESCRIPTION = """Propose a better description for a part of a program, such as a tool, by which a language model learns when and how to use it.
Read the examples: what the model was given, what it did, and what was said about it. Write a description with which it does right."""


def owner(task: Task, slot: str) -> Callable[[str], bool]:
    """Which predictors, by path, a slot speaks to: the one that it belongs to; of a tool, those of the module that holds the tool."""
    paths = [each.path for each in task.predictors if slot.startswith(f"{each.path}.")]
    if paths:
        return {max(paths, key=len)}.__contains__
    prefix = slot.partition("tools[")[0]
    return lambda path: path.startswith(prefix)


def records(
    task: Task, slot: str, indices: Sequence[int], results: Sequence[Result], *, perfect: float, format_failures: bool
) -> list[dict[str, Any]]:
    """For each training example what the last call that the slot speaks to was given (`Inputs`), what came of it
    (`Generated Outputs`: fields, or the raw reply where it could not be read), and the metric's words (`Feedback`).

    Where that call was never reached there is none. With `format_failures` the feedback says what a reply should have looked like.
    """
    made = []
    for index, result in zip(indices, results, strict=True):
        call = _last_call(task, owner(task, slot), result)
        if call is not None:
            inputs, outputs, unread = call
            told = _told(task, index, result, perfect)
            if unread is not None:
                told = (
                    f"The reply could not be read, so it is worth nothing. {unread if format_failures else ''}".strip()
                )
            made.append({"Inputs": inputs, "Generated Outputs": outputs, "Feedback": told})
    return made


def _last_call(task: Task, mine: Callable[[str], bool], result: Result) -> tuple[Any, Any, str | None] | None:
    spans = task.archive.spans(result)
    for span in reversed(spans):
        if "path" not in span or not mine(span["path"]) or "refused" in span:
            continue
        shown = span.get("values") or span
        if span["outputs"] is not None:
            return shown["inputs"], shown["outputs"], None
        unread = [each for each in spans if each["parent"] == span["id"] and each["status"] == "unparsed"]
        if unread:
            return shown["inputs"], str(unread[-1].get("response") or ""), str(unread[-1]["error"])
    return None


def _told(task: Task, index: int, result: Result, perfect: float) -> str:
    if result.error is not None:
        return f"The program failed here: {result.error}"
    if result.feedback:
        return result.feedback
    said = f"The score is {result.value:g}."
    example = task.trainset[index]
    labels = {name: value for name, value in example.items() if name not in (example.input_keys or ())}
    return said if result.value >= perfect or not labels else f"{said} Expected:\n{_fields(labels)}"


class Reflector(Module):
    """Writes a new text for a slot from what it did: `kind` is "instruction" or "description". What is empty is left out of the prompt.

    >>> import lmnb
    >>> lm = lmnb.FakeLM([{"proposed_instruction": "Answer with one word."}])
    >>> record = {"Inputs": {"question": "The capital of France?"}, "Generated Outputs": {"answer": "It is Paris."}, "Feedback": "One word."}
    >>> with lmnb.context(lm=lm):
    ...     Reflector()(kind="instruction", slot="self.instructions", current="Answer.", records=[record], tried=[], rejected=[]).text
    'Answer with one word.'
    >>> print(lm.calls[0]["messages"][-1]["content"].partition("Reply")[0].strip())
    [[ ## current_instruction ## ]]
    Answer.
    <BLANKLINE>
    [[ ## examples ## ]]
    question: The capital of France?
    replied answer: It is Paris.
    feedback: One word.
    """

    def __init__(self) -> None:
        self.instruction = Predict(_signature("instruction", _INSTRUCTION))
        self.description = Predict(_signature("description", _DESCRIPTION))

    def forward(
        self,
        kind: str,
        slot: str,
        current: str,
        records: list[dict[str, Any]],
        tried: list[str],
        rejected: list[str],
    ) -> Any:
        predictor = self.instruction if kind == "instruction" else self.description
        given = {
            f"current_{kind}": current,
            "part": "" if kind == "instruction" else slot,
            "examples": "\n\n".join(_shown(record) for record in records),
            "tried_in_vain": tried,
            "rejected": rejected,
        }
        signature = predictor.signature
        for name in [name for name, value in given.items() if not value]:
            signature = signature.delete(name)
        made = predictor(signature=signature, **{name: value for name, value in given.items() if value})
        return Prediction(text=made[f"proposed_{kind}"])


def _signature(kind: str, instructions: str) -> Any:
    fields: dict[str, Any] = {
        f"current_{kind}": (str, InputField()),
        "part": (str, InputField(desc=f"what the {kind} belongs to")),
        "examples": (str, InputField()),
        "tried_in_vain": (list[str], InputField(desc=f"{kind}s that did no better")),
        "rejected": (list[str], InputField(desc=f"{kind}s that the user turned down, and why: take it to heart")),
        f"proposed_{kind}": (str, OutputField()),
    }
    return Signature(fields, instructions)


def _shown(record: Mapping[str, Any]) -> str:
    outputs = record["Generated Outputs"]
    fields = isinstance(outputs, Mapping)
    reply = (
        _fields({f"replied {name}": value for name, value in outputs.items()})
        if fields
        else f"replied: {_cut(outputs)}"
    )
    return f"{_fields(record['Inputs'])}\n{reply}\nfeedback: {record['Feedback']}"


def _fields(values: Mapping[str, Any]) -> str:
    return "\n".join(f"{name}: {_cut(value)}" for name, value in values.items())


def _cut(value: Any) -> str:
    text = value if isinstance(value, str) else canonical(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."


class OwnProposer(Module):
    """A program or function of the user's as a proposer: `proposer(candidate, reflective_dataset, components_to_update)`, all by name,
    gives a dict of new texts by component; for one component a text will do, or a prediction whose last field is one of these.
    """

    def __init__(self, proposer: Callable[..., Any]) -> None:
        self.proposer = proposer

    def forward(
        self, candidate: dict[str, str], reflective_dataset: dict[str, Any], components_to_update: list[str]
    ) -> Any:
        made: Any = self.proposer(
            candidate=candidate, reflective_dataset=reflective_dataset, components_to_update=components_to_update
        )
        if isinstance(made, Prediction):
            made = list(made.toDict().values())[-1]
        if isinstance(made, str) and len(components_to_update) == 1:
            made = {components_to_update[0]: made}
        if not isinstance(made, Mapping) or not all(isinstance(text, str) for text in made.values()):
            raise InputError(
                f"the instruction_proposer gave {made!r}. It gives the new texts by component: {{{components_to_update[0]!r}: '...'}}"
            )
        return Prediction(texts=dict(_by_slot(made, components_to_update)))


def _by_slot(texts: Mapping[str, str], components: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name, text in texts.items():
        slot = slot_of(name, components)
        if slot is not None:
            yield slot, text


def slot_of(name: str, components: Sequence[str]) -> str | None:
    """The component of that name: a slot, or the predictor whose instructions are one."""
    return next((slot for slot in components if slot in (name, f"{name}.instructions")), None)
