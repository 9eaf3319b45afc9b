"""A program as text that an LM can read: the code of its modules where that can be read, and what each predictor takes and gives."""

from __future__ import annotations

from typing import Any

from lmnb.sources import is_project, source_of


def program_text(program: Any) -> str:
    """The source of the program's own classes, outermost first, then one line a predictor. lmnb's modules are named, not shown.

    >>> import lmnb
    >>> program_text(lmnb.ChainOfThought("question -> answer"))
    'predict: question -> reasoning, answer'
    """
    kinds = dict.fromkeys(type(node) for _, node in program.named_sub_modules())
    sources = [source_of(kind) for kind in kinds if is_project(kind.__module__)]
    lines = [f"{path}: {predictor.signature.signature}" for path, predictor in program.named_predictors()]
    return "\n\n".join([*(source.strip() for source in sources if source), "\n".join(lines)])
