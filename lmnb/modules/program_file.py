"""Programs as JSON files: written to be read in a review, read back as what it is, somebody's file.

{"lmnb": "program", "format": 1, "version": ..., "class": "module:Name", "arguments" (of some classes), "code": {...}, "provenance": {...},
 "predictors": {path: {"instructions", "fields", "demos", "demo_policy" (where there is one), "config", "lm"}}, "tools": {path: {"desc", "args"}}}
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import PydanticUserError, ValidationError
from pydantic_core import PydanticSerializationError

from lmnb.adapters.misfits import tell_all
from lmnb.canonical import jsonable
from lmnb.errors import InputError, SaveError
from lmnb.example import Example
from lmnb.fingerprint import fingerprint, import_path
from lmnb.json_file import expect, finite, reading, shown, write_json
from lmnb.lm.client import LM
from lmnb.lm.private import from_file, public, split
from lmnb.lm.recall import RecallingLM
from lmnb.lm.seq2seq import Seq2SeqLM
from lmnb.modules.demo_policy import NearestDemos, policy_of
from lmnb.modules.program_form import FORMAT, check_predictor, checked
from lmnb.modules.tool_texts import (
    check_tool_state,
    is_tool_state,
    retold,
    stored_texts,
    tool_differences,
    tool_states,
)
from lmnb.modules.tree import replace
from lmnb.settings import current
from lmnb.types.checked import adapter_for, problems

LM_KINDS: dict[str, Any] = {
    kind.__name__: kind for kind in (LM, RecallingLM, Seq2SeqLM)
}  # of LM, that a file brings back

# -- writing ---------------------------------------------------------------------------------------------------------


def dump_state(program: Any) -> dict[str, Any]:
    """The state of every predictor by its path, and of every tool by its own."""
    return {**_predictor_states(program), **tool_states(program)}


def class_state(program: Any) -> dict[str, Any]:
    """What makes a program anew: its class, and the arguments of its constructor where the class writes them."""
    arguments = program.dump_arguments()
    return {"class": import_path(type(program)), **({} if arguments is None else {"arguments": arguments})}


def _predictor_states(program: Any) -> dict[str, Any]:
    return {path: _predictor_state(predictor) for path, predictor in program.named_predictors()}


def save(program: Any, path: str | Path) -> None:
    """Write `program` to `path`, whole or not at all."""
    if Path(path).suffix == ".py":
        raise SaveError(
            f"save writes JSON, and {str(path)!r} is Python. Write program.export({str(path)!r}, format='python')."
        )
    code = fingerprint(type(program))
    stored = {
        "lmnb": "program",
        "format": FORMAT,
        "version": _version(),
        **class_state(program),
        "code": {"hash": code["hash"], "of": code["of"]},
        "provenance": jsonable(dict(program.provenance)),
        "predictors": _predictor_states(program),
        **({"tools": tools} if (tools := tool_states(program)) else {}),
    }
    write_json(path, stored)


def _predictor_state(predictor: Any) -> dict[str, Any]:
    state = predictor.signature.dump_state()
    own = predictor.lm
    return {
        **state,
        "demos": [_demo_state(predictor.signature, demo) for demo in predictor.demos],
        **({} if predictor.demo_policy is None else {"demo_policy": predictor.demo_policy.dump_state()}),
        "config": jsonable(public(predictor.config)),
        "lm": None if own is None else {"class": type(own).__name__, **own.dump_state()},
    }


def _demo_state(signature: Any, demo: Example) -> dict[str, Any]:
    fields, untyped = {}, []
    for name, value in demo.items():
        field = signature.fields.get(name)
        fields[name], typed = (jsonable(value), False) if field is None else value_state(field, value)
        if field is not None and not typed:
            untyped.append(name)
    marked = {} if demo.input_keys is None else {"inputs": list(demo.input_keys)}
    origin, source, _ = demo.provenance
    return {"fields": fields, **marked, "origin": origin, "source": source, **({"untyped": untyped} if untyped else {})}


def value_state(field: Any, value: Any) -> tuple[Any, bool]:
    """`value` as JSON, and whether it is what the field's type says; a wrong label is kept as it is."""
    try:
        adapter = adapter_for(field.type)
        dumped = finite(adapter.dump_python(value, mode="json", warnings=False))
        if adapter.validate_json(json.dumps(dumped)) == value:
            return dumped, True
    except (PydanticUserError, PydanticSerializationError, ValidationError, ValueError, TypeError, AttributeError):
        pass
    return finite(jsonable(value)), False


def _version() -> str:
    try:
        return version("lmnb")
    except PackageNotFoundError:
        return "unknown"


# -- reading ---------------------------------------------------------------------------------------------------------


def load_into(program: Any, data: Any, path: str | Path) -> None:
    """Give `program` the state of the file at `path`, whose content is `data`, or raise SaveError and leave it as it is. Demos that no prompt
    would show as they are, for a misspelt field, are told by a warning.
    """
    stored = checked(data, path)
    with reading(path):
        _fill(program, stored.predictors, stored.tools, Path(path).parent)
    program.provenance = stored.provenance
    tell_all(program.named_predictors())


def load_state(program: Any, state: Mapping[str, Any]) -> None:
    """Give `program` a state of `dump_state`."""
    tools = {at: part for at, part in expect(dict, state, "the state").items() if is_tool_state(part)}
    predictors = {at: part for at, part in state.items() if at not in tools}
    for at, part in state.items():
        (check_tool_state if at in tools else check_predictor)(part, f"[{at!r}]")
    _fill(program, predictors, tools)


def _fill(program: Any, states: Mapping[str, Any], tools: Mapping[str, Any], folder: Path | None = None) -> None:
    predictors = dict(program.named_predictors())
    differences = [f"predictor {path!r} is only in the file" for path in states if path not in predictors]
    differences += [f"predictor {path!r} is only in the program" for path in predictors if path not in states]
    for path, predictor in predictors.items():
        if path in states:
            differences += [
                f"predictor {path!r}: {line}"
                for line in _field_differences(predictor.signature, states[path]["fields"])
            ]
    differences += tool_differences(program, tools)
    if differences:
        raise does_not_fit(differences)
    try:
        told = retold(program, stored_texts(program, tools))
    except InputError as error:
        raise SaveError(str(error)) from None
    made = {
        path: _read_predictor(predictor, states[path], f"predictors[{path!r}]", folder)
        for path, predictor in predictors.items()
    }
    for path, (signature, demos, policy, config, lm) in made.items():
        predictor = predictors[path]
        # keys and endpoints are never in a file: those that the program has stay
        config = {**split(predictor.config)[1], **config}
        predictor.signature, predictor.demos, predictor.config = signature, demos, config
        predictor.demo_policy = policy
        if lm is not None:
            predictor.lm = lm
    for old, new in told:
        replace(program, old, new)


def does_not_fit(differences: list[str]) -> SaveError:
    """The error for a file whose parts are not those of the program."""
    lines = "\n".join(f"  - {line}" for line in differences)
    return SaveError(f"it does not fit this program:\n{lines}\nLoad it into a program with the parts of the file.")


def _field_differences(signature: Any, stored: list[dict[str, Any]]) -> Iterator[str]:
    mine = {field["name"]: field for field in signature.dump_state()["fields"]}
    theirs = {field["name"]: field for field in stored}
    for name, field in theirs.items():
        if name not in mine:
            near = get_close_matches(name, [other for other in mine if other not in theirs], n=1)
            yield f"the {field['role']} {name!r} is only in the file" + (
                f" (the program has {near[0]!r})" if near else ""
            )
            continue
        for key, what in (("role", "role"), ("type", "type"), ("constraints", "bounds"), ("schema", "JSON schema")):
            if field.get(key) != mine[name].get(key):
                yield (
                    f"the {field['role']} {name!r} has the {what} {shown(field.get(key))} in the file and "
                    f"{shown(mine[name].get(key))} in the program"
                )
    yield from (
        f"the {field['role']} {name!r} is only in the program" for name, field in mine.items() if name not in theirs
    )
    if mine.keys() == theirs.keys() and list(mine) != list(theirs):
        yield f"the fields are in the order {', '.join(theirs)} in the file and {', '.join(mine)} in the program"


def _read_predictor(
    predictor: Any, state: Mapping[str, Any], place: str, folder: Path | None
) -> tuple[Any, list[Example], NearestDemos | None, dict[str, Any], Any]:
    signature = predictor.signature.load_state(state)
    demos = [_read_demo(signature, demo, f"{place}.demos[{at}]") for at, demo in enumerate(state["demos"])]
    policy = _read_policy(state.get("demo_policy"), predictor, place)
    return (
        signature,
        demos,
        policy,
        _trusted(state["config"], f"{place}.config"),
        _read_lm(state["lm"], predictor, place, folder),
    )


def _read_policy(state: Any, predictor: Any, place: str) -> NearestDemos | None:
    try:
        policy = policy_of(state)
    except (InputError, TypeError) as error:
        raise SaveError(f"{place}.demo_policy: {error}") from None
    if policy is None or policy.known:
        return policy
    own = predictor.demo_policy
    if own is not None and own.by == policy.by:  # its code changed since, or its key and endpoint are the program's own
        return NearestDemos(policy.k, own.vectorizer)
    warnings.warn(
        f"{place}.demo_policy has the vectors of {policy.by!r}, which a file cannot bring back. Set "
        f"predictor.demo_policy = lmnb.NearestDemos({policy.k}, vectorizer=...) before you call it.",
        stacklevel=2,
    )
    return policy


def _trusted(options: Mapping[str, Any], place: str) -> dict[str, Any]:
    """`options` as far as a file may set them."""
    kept, left = from_file(options, of_call=True)
    if left:
        warnings.warn(
            f"{place} names {', '.join(map(repr, left))}, which no file may set: it could lead your key elsewhere. Set what you "
            "trust by lm.copy(...), or in predictor.config.",
            stacklevel=2,
        )
    return kept


def _read_demo(signature: Any, stored: Mapping[str, Any], place: str) -> Example:
    untyped = stored.get("untyped", ())
    fields: dict[str, Any] = {}
    for name, value in stored["fields"].items():
        field = signature.fields.get(name)
        if field is None or name in untyped:
            fields[name] = value["__text__"] if isinstance(value, dict) and value.keys() == {"__text__"} else value
            continue
        try:
            fields[name] = adapter_for(field.type).validate_json(json.dumps(value))
        except ValidationError as error:
            raise SaveError(
                f"{place}.fields.{name} is {shown(value)}, which is no {field.name!r}: {problems(error)}"
            ) from None
    demo = Example(fields).with_origin(stored.get("origin"), stored.get("source"))
    marked = stored.get("inputs")
    if marked is None:
        return demo
    for name in marked:
        if name not in fields:
            raise SaveError(f"{place}.inputs names {name!r}, which the demo does not have")
    return demo.with_inputs(*marked)


def _read_lm(state: Mapping[str, Any] | None, predictor: Any, place: str, folder: Path | None) -> Any:
    if state is None:
        return None
    options = {key: value for key, value in state.items() if key not in ("class", "callbacks")}
    kind = LM_KINDS.get(str(state.get("class")))
    if kind is not None and isinstance(options.get("model"), str):
        former = current("lm") if predictor.lm is None else predictor.lm
        return kind.load_state(options, place=f"{place}.lm", former=former, folder=folder)
    if predictor.lm is None:
        warnings.warn(
            f"{place}.lm was a {state.get('class')!r}, which a file cannot bring back. Set predictor.lm, or "
            "lmnb.configure(lm=...).",
            stacklevel=2,
        )
    return None
