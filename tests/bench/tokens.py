"""How many tokens of a prompt are form and not content: a table, on request beside the reference framework.

    python tests/bench/tokens.py
    python tests/bench/tokens.py --reference other-venv/bin/python

Form ("boilerplate") is what the default adapter writes around what the caller gave: all tokens of the messages less
those of the instruction and of the values. Counted with tiktoken's cl100k encoding, which litellm brings along; the
reference counts its own prompts for the same signatures, demos and inputs in its own interpreter.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from speed import REFERENCE, output

TARGET = 0.55
PASSAGES = ["Paris lies on the Seine.", "Lyon lies where the Rhône meets the Saône.", "Nice lies on the sea."]
# signature, instruction, the values of a demo or of the last turn
TASKS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "question -> answer": (
        "question -> answer",
        "Answer the question in one word.",
        {"question": "Which river flows through Paris?", "answer": "Seine"},
    ),
    "passages, reasoning": (
        "context: list[str], question -> reasoning, answer",
        "Answer from the passages.",
        {
            "context": PASSAGES,
            "question": "Which river flows through Paris?",
            "reasoning": "The first passage says so.",
            "answer": "Seine",
        },
    ),
    "labels": (
        "message -> label: Literal['billing', 'delivery', 'account']",
        "Say what the message is about.",
        {"message": "My parcel has not come.", "label": "delivery"},
    ),
    "typed record": (
        "text -> names: list[str], year: int, confident: bool",
        "Take the facts from the text.",
        {"text": "Ann and Bo met in 1998.", "names": ["Ann", "Bo"], "year": 1998, "confident": True},
    ),
}
DEMOS = (0, 4, 8)
ALL = "all of them"


def counted(name: str) -> dict[str, list[int]]:
    """Tokens of form by task, for each number of demos, of the library called `name` in this interpreter."""
    lib = importlib.import_module(name)
    return {task: [_form(lib, *given, demos) for demos in DEMOS] for task, given in TASKS.items()}


def _form(lib: Any, fields: str, instruction: str, values: dict[str, Any], demos: int) -> int:
    signature = lib.Signature(fields, instruction)
    inputs = {key: value for key, value in values.items() if key in signature.input_fields}
    messages = lib.ChatAdapter().format(signature, [dict(values) for _ in range(demos)], inputs)
    content = _tokens(instruction) + demos * _of(values) + _of(inputs)
    return sum(_tokens(message["content"]) for message in messages) - content


def _of(values: dict[str, Any]) -> int:
    return sum(
        _tokens(str(one)) for value in values.values() for one in (value if isinstance(value, list) else [value])
    )


def _tokens(text: str) -> int:
    from litellm import encode  # here: the tables are read without it

    return len(encode(model="gpt-4", text=text))


def counted_by(python: str) -> dict[str, list[int]]:
    """The reference's counts, by the interpreter it is installed in."""
    with tempfile.TemporaryDirectory() as folder:
        command = [python, str(Path(__file__).resolve()), "--count", REFERENCE]
        found = output(command, DSPY_CACHEDIR=folder, PYTHONPATH="", LITELLM_LOCAL_MODEL_COST_MAP="True")
    return json.loads(found.splitlines()[-1])


def table(own: dict[str, list[int]], reference: dict[str, list[int]]) -> str:
    """A line for each number of demos and task, and one for all tasks together."""
    lines = [f"{'tokens of form':32}lmnb" + ("   reference   share  within 55 %" if reference else "")]
    for at, demos in enumerate(DEMOS):
        for task in (*own, ALL):
            line = f"{task + f', {demos} demos':30}{_sum(own, task, at):6}"
            if reference:
                share = _sum(own, task, at) / _sum(reference, task, at)
                line += f"{_sum(reference, task, at):12}{share:8.0%}  {'yes' if share <= TARGET else 'NO'}"
            lines.append(line)
    return "\n".join(lines)


def _sum(counts: dict[str, list[int]], task: str, at: int) -> int:
    return sum(row[at] for name, row in counts.items() if task in (name, ALL))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--reference", metavar="PYTHON", help=f"an interpreter with {REFERENCE} installed")
    parser.add_argument(
        "--count", choices=("lmnb", REFERENCE), help="print that side's tokens as JSON and nothing else"
    )
    arguments = parser.parse_args()
    if arguments.count:
        print(json.dumps(counted(arguments.count)))
        return
    own = json.loads(output([sys.executable, str(Path(__file__).resolve()), "--count", "lmnb"]).splitlines()[-1])
    print(table(own, counted_by(arguments.reference) if arguments.reference else {}))


if __name__ == "__main__":
    main()
