"""A program's card as Markdown, for a review or a repository: every demo and every text in full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmnb.adapters.values import plain
from lmnb.counts import counted
from lmnb.data_uri import without_data
from lmnb.markdown import block, document, span
from lmnb.modules.card import origin_of, predictor_facts, provenance_facts
from lmnb.modules.tool_texts import named_tools
from lmnb.types.words import kind_text


def card_text(program: Any) -> str:
    """The text of `Module.card`."""
    named = program.named_predictors()
    return document(
        f"# {span(type(program).__name__)}",
        counted(len(named), "predictor"),
        _facts(provenance_facts(program.provenance)),
        *(part for name, predictor in named for part in _predictor(name, predictor)),
        *(part for name, tool in named_tools(program).items() for part in (f"## {span(name)}", block(tool.format()))),
    )


def _predictor(name: str, predictor: Any) -> list[str]:
    signature, demos = predictor.signature, predictor.demos
    parts = [
        f"## {span(name)}: {span(signature.signature)}",
        _facts(predictor_facts(predictor)),
        "Instructions",
        block(signature.instructions),
        "\n".join(map(_field, signature.fields.values())),
        f"### {counted(len(demos), 'demo')}" if demos else "No demos.",
    ]
    for number, demo in enumerate(demos, 1):
        shown = "\n".join(f"{key}: {without_data(plain(value))}" for key, value in demo.items())
        parts += [f"{number}. from {span(origin_of(demo))}", block(shown)]
    return parts


def _field(field: Any) -> str:
    described = f": {span(field.desc)}" if field.desc else ""
    return f"- {'input' if field.is_input else 'output'} {span(field.name)} ({span(kind_text(field))}){described}"


def _facts(facts: Mapping[str, str]) -> str:
    return "\n".join(f"- {span(name)}: {span(text)}" for name, text in facts.items())
