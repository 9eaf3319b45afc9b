"""Rationalization: for what the teacher cannot do, ask it to reason towards the known answer (STaR: Zelikman et al. 2022, arXiv 2203.14465)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lmnb.adapters.values import plain
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.task import Task

_TOLD = re.compile(r"\bhint(s|ed)?\b", re.IGNORECASE)


def hinted(task: Task, teacher: Candidate, index: int) -> Candidate | None:
    """The teacher whose predictors are told what they should write for training example `index`; None where no label is an output of one.

    The hint stands in the instructions, so no field of a step holds it, and no demo made of one.
    """
    labels = dict(task.trainset[index].labels().items())
    candidate = teacher.without_source(index)
    for predictor in task.predictors:
        known = {name: labels[name] for name in predictor.outputs if name in labels}
        slot = f"{predictor.path}.instructions"
        if known and slot in candidate.values:
            told = "\n".join(f"{name}: {plain(value)}" for name, value in known.items())
            text = f"{candidate.values[slot]}\n\n{HINT}\n{told}"
            candidate = candidate.put(slot, text)
    return None if candidate == teacher.without_source(index) else candidate


HINT = (
    "A hint for this input alone is below: what the right outputs are. Find the way that leads there from the input, and write it as if you "
    "had found the outputs by yourself. Do not speak of the hint."
)


def gives_away(inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> bool:
    """Whether what was written speaks of a hint that was not part of the input.

    >>> gives_away({"question": "2 + 2?"}, {"reasoning": "As the hint says, it is 4."})
    True
    """
    spoken = any(_TOLD.search(plain(value)) for value in outputs.values())
    return spoken and not any(_TOLD.search(plain(value)) for value in inputs.values())
