"""Instructions that an LM proposes, grounded in what is known: the data, the program, the module, examples, a tip
(Opsahl-Ong et al. 2024, arXiv 2406.11695, section 3).

Each part is asked for once; what cannot be had is left out of the prompt, whole fields and all.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lmnb.example import Example
from lmnb.modules.module import Module
from lmnb.modules.predict import Predict
from lmnb.optimize.effects import Effect
from lmnb.optimize.search import propose, together
from lmnb.optimize.task import Predictor, Task
from lmnb.optimize.view import text_of
from lmnb.signature import InputField, OutputField, Signature

BATCHES = 10  # of examples that are looked at, at most
TIPS = {
    "none": "",
    "creative": "Take an angle that nobody would think of first.",
    "simple": "Keep it short and plain.",
    "description": "Be thorough: say what to look at, what to decide, and what the output looks like.",
    "high_stakes": "Set a scene in which a wrong output does harm, so that care is taken.",
    "persona": "Say who the model is: someone whose work this is.",
}


class Observe(Signature):
    """Say what these examples of a data set have in common: subjects, form, length, how the outputs follow from the inputs."""

    examples: str = InputField()
    noted: str = InputField(desc="what was seen in other examples; do not say it again")
    observations: str = OutputField()
    complete: bool = OutputField(desc="whether these examples show nothing that is not noted")


class Summarize(Signature):
    """Sum up the observations about a data set in two or three sentences."""

    observations: str = InputField()
    summary: str = OutputField()


class DescribeProgram(Signature):
    """Say in a few sentences what task this program solves and how its steps work together."""

    program: str = InputField(desc="code, and what each step takes and gives")
    examples: str = InputField()
    description: str = OutputField()


class DescribeStep(Signature):
    """Say in one or two sentences what this step does for the program."""

    program: str = InputField(desc="code, and what each step takes and gives")
    program_description: str = InputField()
    step: str = InputField()
    description: str = OutputField()


class Instruct(Signature):
    """Propose a better instruction for the task."""

    data_summary: str = InputField()
    program: str = InputField(desc="code, and what each step takes and gives")
    program_description: str = InputField()
    step: str = InputField(desc="the step of the program that the instruction is for")
    step_description: str = InputField()
    refused: list[str] = InputField(desc="instructions that were turned down, with the reason: write none like them")
    tip: str = InputField()
    examples: str = InputField()
    current_instruction: str = InputField()
    proposed_instruction: str = OutputField()


class Asking(Module):
    """One predictor whose prompt shows the inputs that it is given, and no others."""

    def __init__(self, signature: Any) -> None:
        super().__init__()
        self.ask = Predict(signature)

    def forward(self, **known: Any) -> Any:
        signature = self.ask.signature
        for name in signature.input_fields:
            if name not in known:
                signature = signature.delete(name)
        return self.ask(signature=signature, **known)


def proposers() -> dict[str, Module]:
    """The programs that the sub-generators below ask."""
    asked = {
        "observe": Observe,
        "summarize": Summarize,
        "describe program": DescribeProgram,
        "describe step": DescribeStep,
        "instruct": Instruct,
    }
    return {name: Asking(signature) for name, signature in asked.items()}


@dataclass(frozen=True)
class Grounds:
    """What proposals know: texts about data and program for all of them, and of each predictor by its path."""

    shared: Mapping[str, str] = field(default_factory=dict)
    steps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def grounds(task: Task, *, data: bool, program: bool, batch_size: int) -> Generator[list[Effect], list[Any], Grounds]:
    """Look at the training data and the program, as far as is asked for. Up to 2 + BATCHES proposals, and one a predictor."""
    shared, steps = {}, {}
    if data:
        shared |= _known(data_summary=(yield from _data_summary(task, batch_size)))
    if program and task.source:
        source = {"program": task.source}
        told = yield from propose("describe program", source | {"examples": told_examples(task.shown()[:3])})
        shared |= source | _known(program_description=told and told["description"])
        known = {name: text for name, text in shared.items() if name != "data_summary"}
        lines = [f"{each.path}: {', '.join(each.inputs)} -> {', '.join(each.outputs)}" for each in task.predictors]
        replies = yield from together(*(propose("describe step", known | {"step": line}) for line in lines))
        for predictor, line, told in zip(task.predictors, lines, replies, strict=True):
            steps[predictor.path] = _known(step=line, step_description=told and told["description"])
    return Grounds(shared, steps)


def _data_summary(task: Task, size: int) -> Generator[list[Effect], list[Any], str | None]:
    noted: list[str] = []
    examples = task.shown()
    for start in range(0, min(len(examples), size * BATCHES), size):
        asked = {"examples": told_examples(examples[start : start + size])}
        told = yield from propose("observe", asked | _known(noted="\n".join(noted)))
        if told is None:
            continue
        noted.append(told["observations"].strip())
        if told["complete"] and start:
            break
    told = (yield from propose("summarize", {"observations": "\n".join(noted)})) if any(noted) else None
    return told["summary"].strip() if told is not None else None


def instruction(
    task: Task,
    predictor: Predictor,
    known: Grounds,
    number: int,
    *,
    examples: Sequence[Example] = (),
    tip: str = "",
    temperature: float,
) -> Generator[list[Effect], list[Any], str | None]:
    """Proposal `number` for a predictor; None where it failed."""
    slot = f"{predictor.path}.instructions"
    inputs: dict[str, Any] = {
        **known.shared,
        **known.steps.get(predictor.path, {}),
        **_known(examples=told_examples(examples), tip=tip, refused=refused(task, slot)),
        "current_instruction": task.baseline.values[slot],
    }
    writes = {"proposed_instruction": slot}
    told = yield from propose(
        "instruct", inputs, rollout_id=number + 1, temperature=temperature, slot=slot, writes=writes
    )
    text = _unquoted(told["proposed_instruction"]) if told is not None else ""
    return text or None


def refused(task: Task, slot: str) -> list[str]:
    """The instructions that the person rejected, each with the reason."""
    found = [(each["text"], each["reason"]) for each in task.rejected(slot)]
    return [f"{text} (turned down: {reason})" if reason else text for text, reason in found]


def told_examples(examples: Sequence[Example]) -> str:
    """Examples as lines of `field: value`."""
    return "\n".join(f"{name}: {text_of(example[name])}" for example in examples for name in example)


def _known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`" else text
