"""The prompts of a program without a call: for given inputs, or with placeholders, to be reviewed or used elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lmnb.adapters.chat import ChatAdapter
from lmnb.adapters.values import plain
from lmnb.errors import InputError
from lmnb.json_file import json_text, write_text
from lmnb.markdown import block, document, span
from lmnb.modules.card import policy_words
from lmnb.nearest import did_you_mean
from lmnb.settings import current
from lmnb.signature import NO_DEFAULT
from lmnb.types.parts import Placeholder

Messages = list[dict[str, Any]]


def known_messages(program: Any, inputs: Mapping[str, Any], parameters: tuple[str, ...]) -> dict[str, Messages]:
    """The messages of each predictor, as far as `inputs` say what it is given: an input of that name has that value,
    every other stands as its placeholder. `parameters` are the names that the program itself takes.

    InputError for an input that neither the program nor a predictor of it has.
    """
    named = program.named_predictors()
    if not named:
        raise InputError(f"{type(program).__name__} has no predictors, so it has no prompt.")
    known = dict.fromkeys([*parameters, *(name for _, part in named for name in part.signature.input_fields)])
    for name in inputs:
        if name not in known:
            hint = did_you_mean(name, known, f"Their inputs are: {', '.join(known)}.")
            raise InputError(f"no predictor of {type(program).__name__} has an input {name!r}. {hint}")
    return {path: _messages(part, {**_marks(part), **_own(part, inputs)}) for path, part in named}


def export_prompts(program: Any, path: str | Path | None, format: str) -> str:
    """The text of `Module.export_prompts`."""
    writers = {"markdown": _markdown, "json": _json}
    if format not in writers:
        raise InputError(f"prompts have no format {format!r}. Write format='markdown' or format='json'.")
    text = writers[format](program)
    if path is not None:
        write_text(path, text)
    return text


def _own(predictor: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What a predictor is given by `inputs` and by its defaults."""
    fields = predictor.signature.inputs_with_defaults
    given = {name: inputs.get(name, default) for name, default in fields.items()}
    return {name: value for name, value in given.items() if value is not NO_DEFAULT}


def _messages(predictor: Any, values: Mapping[str, Any]) -> Messages:
    # not predictor.messages: an input may have the name of an option of a call
    adapter = current("adapter") or ChatAdapter()
    ordered = {name: values[name] for name in predictor.signature.input_fields}
    lm = predictor.lm if predictor.lm is not None else current("lm")
    policy = predictor.demo_policy
    demos = predictor.demos if policy is None else policy.choose(predictor.demos, ordered)
    return adapter.messages(lm, predictor.signature, demos, ordered)


def _marks(predictor: Any) -> dict[str, Placeholder]:
    """A placeholder for each input: `{name}`, in more braces where the prompt holds that text already."""
    marks = {name: Placeholder(f"{{{name}}}") for name in predictor.signature.input_fields}
    for name in marks:
        without = "\n".join(map(_text, _messages(predictor, {**marks, name: Placeholder()})))
        while marks[name] in without:
            marks[name] = Placeholder(f"{{{marks[name]}}}")
    return marks


def _text(message: Mapping[str, Any]) -> str:
    """What a message says; a part that is no text is named by its type."""
    content = message["content"]
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return plain(content)
    parts = (part if isinstance(part, dict) else {"text": str(part)} for part in content)
    return "\n".join(str(part["text"]) if "text" in part else f"[{part.get('type', 'part')}]" for part in parts)


def _json(program: Any) -> str:
    predictors = {}
    for path, part in program.named_predictors():
        marks = _marks(part)
        predictors[path] = {
            "signature": part.signature.signature,
            "placeholders": marks,
            "messages": _messages(part, marks),
        }
    return json_text({"adapter": type(current("adapter") or ChatAdapter()).__name__, "predictors": predictors}) + "\n"


def _markdown(program: Any) -> str:
    parts = [f"# Prompts of {span(type(program).__name__)}"]
    for path, part in program.named_predictors():
        marks = _marks(part)
        inputs = ", ".join(map(span, marks.values())) or "none"
        parts += [f"## {span(path)}", f"{span(part.signature.signature)}, with the placeholders: {inputs}"]
        if part.demo_policy is not None:
            parts.append(f"Its demos are {policy_words(part)}; here stand the first of them.")
        for message in _messages(part, marks):
            parts += [f"**{message['role']}**", block(_text(message))]
    return document(*parts)
