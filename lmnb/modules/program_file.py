"""Programs as JSON files: written to be read in a review, read back as what it is, somebody's file.

{"lmnb": "program", "format": 1, "version": ..., "class": "module:Name", "code": {...}, "provenance": {...},
 "predictors": {path: {"instructions", "fields", "demos", "config", "lm"}}}
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import PydanticUserError, ValidationError
from pydantic_core import PydanticSerializationError

from lmnb.canonical import jsonable
from lmnb.errors import SaveError
from lmnb.example import Example
from lmnb.fingerprint import fingerprint, import_path
from lmnb.json_file import expect, expect_keys, finite, reading, shown, write_json
from lmnb.lm.client import LM
from lmnb.lm.private import from_file, public, split
from lmnb.settings import current
from lmnb.types.checked import adapter_for, problems

FORMAT = 1
_TOP = ("lmnb", "format", "version", "class", "code", "provenance", "predictors")
_PREDICTOR = ("instructions", "fields", "demos", "config", "lm")
_FIELD = ("name", "role", "type", "desc", "prefix", "constraints", "schema")
_DEMO = ("fields", "inputs", "origin", "source", "untyped")
_CODE_NAME = re.compile(r"[\w.]+:[\w.<>]+")


# -- writing ---------------------------------------------------------------------------------------------------------


def dump_state(program: Any) -> dict[str, Any]:
    """The state of every predictor by its path."""
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
        "class": import_path(type(program)),
        "code": {"hash": code["hash"], "of": code["of"]},
        "provenance": jsonable(dict(program.provenance)),
        "predictors": dump_state(program),
    }
    write_json(path, stored)


def _predictor_state(predictor: Any) -> dict[str, Any]:
    state = predictor.signature.dump_state()
    own = predictor.lm
    return {
        **state,
        "demos": [_demo_state(predictor.signature, demo) for demo in predictor.demos],
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


class Stored(NamedTuple):
    """A program file that has the right form; whether it fits a program is another question."""

    class_path: str
    provenance: dict[str, Any]
    predictors: dict[str, dict[str, Any]]


def checked(stored: Any, path: str | Path) -> Stored:
    """The content of the program file at `path`. SaveError names the place of what is wrong."""
    with reading(path):
        if not isinstance(stored, dict) or stored.get("lmnb") != "program":
            raise SaveError('it is not a program that lmnb saved (it has no "lmnb": "program")')
        number = stored.get("format")
        if number != FORMAT:
            raise SaveError(
                f"it has the format {number!r}, and this lmnb reads {FORMAT}. Install the lmnb that wrote it: "
                f"{stored.get('version')!r}."
            )
        expect_keys(stored, _TOP, "the file", optional=("code", "version", "provenance"))
        name = expect(str, stored["class"], "class")
        if not _CODE_NAME.fullmatch(name):
            raise SaveError(f"class is {name!r}, not 'module:Name'")
        for at, state in expect(dict, stored["predictors"], "predictors").items():
            _check_predictor(state, f"predictors[{at!r}]")
        return Stored(name, expect(dict, stored.get("provenance", {}), "provenance"), stored["predictors"])


def load_into(program: Any, data: Any, path: str | Path) -> None:
    """Give `program` the state of the file at `path`, whose content is `data`, or raise SaveError and leave it as it is."""
    stored = checked(data, path)
    with reading(path):
        _fill(program, stored.predictors)
    program.provenance = stored.provenance


def load_state(program: Any, state: Mapping[str, Any]) -> None:
    """Give `program` a state of `dump_state`."""
    for at, part in expect(dict, state, "the state").items():
        _check_predictor(part, f"[{at!r}]")
    _fill(program, state)


def _fill(program: Any, states: Mapping[str, Any]) -> None:
    predictors = dict(program.named_predictors())
    differences = [f"predictor {path!r} is only in the file" for path in states if path not in predictors]
    differences += [f"predictor {path!r} is only in the program" for path in predictors if path not in states]
    for path, predictor in predictors.items():
        if path in states:
            differences += [
                f"predictor {path!r}: {line}"
                for line in _field_differences(predictor.signature, states[path]["fields"])
            ]
    if differences:
        raise does_not_fit(differences)
    made = {
        path: _read_predictor(predictor, states[path], f"predictors[{path!r}]")
        for path, predictor in predictors.items()
    }
    for path, (signature, demos, config, lm) in made.items():
        predictor = predictors[path]
        # keys and endpoints are never in a file: those that the program has stay
        config = {**split(predictor.config)[1], **config}
        predictor.signature, predictor.demos, predictor.config = signature, demos, config
        if lm is not None:
            predictor.lm = lm


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
    predictor: Any, state: Mapping[str, Any], place: str
) -> tuple[Any, list[Example], dict[str, Any], Any]:
    signature = predictor.signature.load_state(state)
    demos = [_read_demo(signature, demo, f"{place}.demos[{at}]") for at, demo in enumerate(state["demos"])]
    return signature, demos, _trusted(state["config"], f"{place}.config"), _read_lm(state["lm"], predictor, place)


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


def _read_lm(state: Mapping[str, Any] | None, predictor: Any, place: str) -> Any:
    if state is None:
        return None
    options = {key: value for key, value in state.items() if key not in ("class", "callbacks")}
    if state.get("class") == "LM" and isinstance(options.get("model"), str):
        former = current("lm") if predictor.lm is None else predictor.lm
        return LM.load_state(options, place=f"{place}.lm", former=former)
    if predictor.lm is None:
        warnings.warn(
            f"{place}.lm was a {state.get('class')!r}, which a file cannot bring back. Set predictor.lm, or "
            "lmnb.configure(lm=...).",
            stacklevel=2,
        )
    return None


def _check_predictor(state: Any, place: str) -> None:
    expect_keys(expect(dict, state, place), _PREDICTOR, place)
    expect(str, state["instructions"], f"{place}.instructions")
    for at, field in enumerate(expect(list, state["fields"], f"{place}.fields")):
        where = f"{place}.fields[{at}]"
        expect_keys(expect(dict, field, where), _FIELD, where, optional=("prefix", "constraints", "schema"))
        for key in ("name", "role", "type", "desc"):
            expect(str, field[key], f"{where}.{key}")
        expect(str, field.get("prefix", ""), f"{where}.prefix")
        expect(dict, field.get("constraints", {}), f"{where}.constraints")
    names = [field["name"] for field in state["fields"]]
    if len(set(names)) < len(names):
        raise SaveError(f"{place}.fields has a name twice: {', '.join(names)}")
    for at, demo in enumerate(expect(list, state["demos"], f"{place}.demos")):
        where = f"{place}.demos[{at}]"
        expect_keys(expect(dict, demo, where), _DEMO, where, optional=("inputs", "origin", "source", "untyped"))
        expect(dict, demo["fields"], f"{where}.fields")
        for key in ("inputs", "untyped"):
            for name in expect(list, demo.get(key, []), f"{where}.{key}"):
                expect(str, name, f"{where}.{key}")
        if demo.get("origin") is not None:
            expect(str, demo["origin"], f"{where}.origin")
        if demo.get("source") is not None:
            expect(int, demo["source"], f"{where}.source")
    expect(dict, state["config"], f"{place}.config")
    if state["lm"] is not None:
        expect(dict, state["lm"], f"{place}.lm")
