"""Rules that an instruction gathers: how they stand in its text, which are out, and the program that writes one from two runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lmnb.canonical import canonical
from lmnb.optimize.tabu import TWIN, jaccard
from lmnb.optimize.task import Task
from lmnb.signature import InputField, OutputField, Signature

MOST = 8  # rules in one instruction: a further one takes the place of the oldest
LONGEST = 300  # characters of a rule
SHOWN = 1_500  # characters of one value in a run that is shown to the proposer
HEADING = "\n\nRules:\n"
NOTHING = ("", "n/a", "na", "none", "nothing")


class WriteRule(Signature):
    """A program ran twice on one input, and one run went better. Find the cause, then write one rule for the named module that
    leads it to what the better run did and away from what the worse run did.
    The rule is added to the module's instruction and has to serve other inputs of the kind: say when it applies and what to do, in one or
    two sentences, without details of this one input. Say nothing that the instruction says already, and nothing that was rejected."""

    program: str = InputField(desc="the modules of the program with their fields")
    module: str = InputField(desc="the module that the rule is for")
    instruction: str = InputField(desc="the instruction of that module as it is")
    example: str = InputField(desc="what is known of the input and the right answer")
    better_run: str = InputField()
    better_score: float = InputField()
    worse_run: str = InputField()
    worse_score: float = InputField()
    rejected: list[str] = InputField(desc="rules that the user turned down, and why")
    cause: str = OutputField(desc="where the two runs part, and why one is better")
    rule: str = OutputField(desc="one or two sentences")


def split_rules(instruction: str) -> tuple[str, list[str]]:
    """An instruction without its rules, and the rules.

    >>> split_rules("Answer.\\n\\nRules:\\n- Be brief.\\n- Name the source.")
    ('Answer.', ['Be brief.', 'Name the source.'])
    """
    head, found, tail = instruction.rpartition(HEADING)
    lines = tail.splitlines()
    if not found or not all(line.startswith("- ") for line in lines):
        return instruction, []
    return head, [line.removeprefix("- ") for line in lines]


def with_rule(instruction: str, rule: str, tabu: Sequence[str] = ()) -> str | None:
    """The instruction with one more rule, in one line of `LONGEST` characters at most; of more than `MOST` the oldest goes. None where the rule
    says nothing, or what a rule there or one of `tabu` says.

    >>> with_rule("Answer.", "- Be brief.")
    'Answer.\\n\\nRules:\\n- Be brief.'
    >>> with_rule("Answer.\\n\\nRules:\\n- Be brief.", "be BRIEF!") is None
    True
    """
    head, rules = split_rules(instruction)
    line = _one_line(rule)
    if line.casefold().strip(".") in NOTHING or any(jaccard(line, other) >= TWIN for other in (*rules, *tabu)):
        return None
    return head + HEADING + "\n".join(f"- {each}" for each in [*rules, line][-MOST:])


def rejected_rules(task: Task, slot: str) -> dict[str, str]:
    """The rules that candidates which the person rejected brought into this slot, with the reason."""
    found: dict[str, str] = {}
    for tabu in task.archive.state.tabu.get(slot, ()):
        inherited = {rule for text in tabu.before for rule in split_rules(text)[1]}
        found |= {rule: tabu.reason for rule in split_rules(tabu.text)[1] if rule not in inherited}
    return found


def run_text(steps: Iterable[Mapping[str, Any]], feedback: str | None, error: str | None) -> str:
    """A rollout for the proposer to read: each step with its inputs and outputs, what was said of it, or how it failed."""
    lines = []
    for step in steps:
        lines.append(f"{step['path']} was given {_fields(step['inputs'])}")
        lines.append(f"{step['path']} replied {_fields(step['outputs'])}")
    lines += [f"{name}: {_cut(text, SHOWN)}" for name, text in (("feedback", feedback), ("error", error)) if text]
    return "\n".join(lines) or "no step was carried out"


def fields_text(values: Mapping[str, Any]) -> str:
    """Fields for the proposer to read, one a line."""
    return "\n".join(f"{name}: {_value(value)}" for name, value in values.items())


def _fields(values: Mapping[str, Any]) -> str:
    return "; ".join(f"{name}: {_value(value)}" for name, value in values.items()) or "nothing"


def _value(value: Any) -> str:
    return _cut(value if isinstance(value, str) else canonical(value), SHOWN)


def _one_line(rule: str) -> str:
    line = re.sub(r"^\s*(?:[-*•]|\d+[.)])\s+", "", rule)
    line = " ".join(line.split())
    if len(line) <= LONGEST:
        return line
    kept = line[:LONGEST]
    whole, stop, _ = kept.rpartition(". ")  # rather a sentence less than half a sentence
    return whole + stop.strip() if whole else kept.rpartition(" ")[0] or kept


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]} ... (cut)"
