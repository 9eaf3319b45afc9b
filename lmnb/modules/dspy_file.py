"""Programs as state files of DSPy (the form of its version 3.4), read and written as data.

{path: {"traces": [], "train": [], "demos": [{...}], "signature": {"instructions", "fields": [{"prefix", "description"}]},
        "lm": None or {...}}, ..., "metadata": {"dependency_versions": {...}}}

A program that is one predictor has that predictor's parts at the top. The form names no field and no type: fields are
matched by their place, and refused where their number, descriptions or prefixes tell that they are others.
"""

from __future__ import annotations

import json
import platform
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import PydanticUserError

from lmnb.adapters.misfits import tell_all
from lmnb.canonical import jsonable
from lmnb.errors import SaveError
from lmnb.example import Example
from lmnb.json_file import expect, expect_part, finite, reading, shown, write_json
from lmnb.lm import local
from lmnb.lm.client import LM
from lmnb.lm.private import from_file, is_private, public
from lmnb.modules import dspy_media
from lmnb.modules.program_file import does_not_fit, value_state
from lmnb.modules.tool_texts import tuned_texts
from lmnb.types.checked import adapter_for

VERSIONS = {"dspy": "3.4.1", "cloudpickle": "3.1"}  # of the form that is written
_PARTS = ("traces", "train", "demos", "signature", "lm")
_LM = "dspy.clients.lm.LM"
_LM_ALONE = frozenset(  # what only that LM has; its defaults are nothing to warn of
    """_dspy_lm_class finetuning_model launch_kwargs train_kwargs provider callbacks use_developer_role engine
    async_engine prompt_cache""".split()
)
_PLACES = frozenset({"profile", "endpoint"})  # what a state of ours says of where its LM is asked
_LM_TYPES = {"model_type": str, "cache": bool, "num_retries": int, "temperature": (int, float), "max_tokens": int}
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\dA-Z_]+|\d+")


def infer_prefix(name: str) -> str:
    """The prefix that a state file of DSPy has for a field which was given none; prompts here have no prefixes.

    >>> import lmnb
    >>> lmnb.infer_prefix("HTMLParser2_text")
    'HTML Parser 2 Text:'
    """
    return " ".join(word if word.isupper() else word.capitalize() for word in _WORDS.findall(name)) + ":"


def default_description(name: str) -> str:
    """The description of a field that was given none.

    >>> default_description("question")
    '${question}'
    """
    return f"${{{name}}}"


# -- writing ---------------------------------------------------------------------------------------------------------


def save(program: Any, path: str | Path) -> None:
    """Write the state of `program` to `path` as DSPy reads it. One warning names what that form has no place for.

    Of where a demo comes from it keeps whether it was bootstrapped.
    """
    lost = [f"the provenance ({', '.join(program.provenance)})"] if program.provenance else []
    texts = tuned_texts(program)
    lost += [f"the descriptions of tools ({', '.join(texts)})"] if texts else []
    states = {name: _state(predictor, name, lost) for name, predictor in program.named_predictors()}
    if "metadata" in states:
        raise SaveError(
            "a predictor called 'metadata' has no place in a file of DSPy. Give that attribute another name."
        )
    python = ".".join(platform.python_version_tuple()[:2])
    metadata = {"dependency_versions": {"python": python, **VERSIONS}}
    write_json(path, {**(states["self"] if list(states) == ["self"] else states), "metadata": metadata})
    if lost:
        warnings.warn(f"{str(path)!r}, written for DSPy, leaves out: {'; '.join(lost)}.", stacklevel=3)


def _state(predictor: Any, name: str, lost: list[str]) -> dict[str, Any]:
    signature, options = predictor.signature, public(predictor.config)
    if options:
        lost.append(f"the options of {name!r} ({', '.join(options)})")
    if predictor.demo_policy is not None:
        lost.append(f"the policy of {name!r} that chooses among its demos ({predictor.demo_policy!r})")
    fields = [
        {
            "prefix": field.prefix or infer_prefix(field.name),
            "description": field.desc or default_description(field.name),
        }
        for field in signature.fields.values()
    ]
    return {
        "traces": [],
        "train": [],
        "demos": [_demo_state(signature, demo) for demo in predictor.demos],
        "signature": {"instructions": signature.instructions, "fields": fields},
        "lm": _lm_state(predictor.lm, name, lost),
    }


def _demo_state(signature: Any, demo: Example) -> dict[str, Any]:
    marked = demo.provenance.origin in ("bootstrapped", "rationalized") and "augmented" not in demo
    return {
        **({"augmented": True} if marked else {}),
        **{name: _json(signature.fields.get(name), value) for name, value in demo.items()},
    }


def _json(field: Any, value: Any) -> Any:
    with_media = dspy_media.written(None if field is None else field.type, value)
    if with_media is not None:
        return finite(with_media)
    dumped = finite(jsonable(value)) if field is None else value_state(field, value)[0]
    return dumped["__text__"] if isinstance(dumped, dict) and dumped.keys() == {"__text__"} else dumped


def _lm_state(lm: Any, name: str, lost: list[str]) -> dict[str, Any] | None:
    if lm is None:
        return None
    if type(lm) is not LM or local.is_local(lm.model):
        lost.append(f"the LM of {name!r} ({type(lm).__name__} {lm.model!r}), which only lmnb has")
        return None
    own, state = {"finetuning_model": None, "launch_kwargs": {}, "train_kwargs": {}}, lm.dump_state()
    for place in _PLACES & state.keys():
        lost.append(f"where the LM of {name!r} is asked (its {place})")
        del state[place]
    return {"_dspy_lm_class": _LM, "temperature": None, "max_tokens": None, **state, **own}


# -- reading ---------------------------------------------------------------------------------------------------------


def is_state(stored: Any) -> bool:
    """Whether the data of a file has DSPy's form."""
    if not isinstance(stored, dict) or "lmnb" in stored:
        return False
    metadata = stored.get("metadata")
    return (isinstance(metadata, dict) and "dependency_versions" in metadata) or any(
        isinstance(part, dict) and part.keys() >= {"demos", "signature"} for part in (stored, *stored.values())
    )


def load_into(program: Any, stored: dict[str, Any], path: str | Path) -> None:
    """Give `program` the state in `stored`, the data of the file at `path`, or raise SaveError and leave it as it is.

    One warning names what has no place in the program. Predictors that the file lacks stay as they are: DSPy leaves out
    those of a part that was compiled by itself.
    """
    with reading(path):
        lost = _fill(program, stored)
    metadata = stored.get("metadata")
    versions = metadata.get("dependency_versions") if isinstance(metadata, dict) else None
    program.provenance = {"saved_with": dict(versions)} if isinstance(versions, dict) else {}
    if lost:
        lines = "\n".join(f"  - {line}" for line in lost)
        warnings.warn(f"{str(path)!r} was saved by DSPy. What has no place here was left out:\n{lines}", stacklevel=3)
    tell_all(program.named_predictors())


def _fill(program: Any, stored: Mapping[str, Any]) -> list[str]:
    states, predictors = _states(stored), dict(program.named_predictors())
    both = [name for name in predictors if name in states]
    if not both:
        theirs, mine = (", ".join(map(repr, names)) or "none" for names in (states, predictors))
        raise SaveError(f"none of its predictors is in this program: the file has {theirs}, the program has {mine}")
    if any(field["prefix"] == "Next Tool Name:" for name in both for field in states[name]["signature"]["fields"]):
        raise SaveError(
            "it is a state of DSPy's ReAct, whose turns have a tool's name and arguments as fields of their own, where lmnb's have "
            "`tool_calls`: its demos fit no turn here. Take over its instructions, as in agent.react.instructions = ..., and compile again"
        )
    differences = [
        f"predictor {name!r}: {line}"
        for name in both
        for line in _differences(list(predictors[name].signature.fields), states[name]["signature"]["fields"])
    ]
    if differences:
        raise does_not_fit(differences)
    lost: list[str] = []
    made = {name: _read(predictors[name].signature, states[name], name, lost) for name in both}
    for name in states.keys() - predictors.keys():
        near = get_close_matches(name, sorted(predictors.keys() - states.keys()), n=1)
        hint = f" (the program has {near[0]!r})" if near else ""
        lost.append(f"predictor {name!r} is only in the file{hint}")
    lost += [
        f"predictor {name!r} is only in the program, and stays as it is" for name in predictors if name not in both
    ]
    for name, (signature, demos, lm) in made.items():
        predictors[name].signature, predictors[name].demos = signature, demos
        if lm is not None:
            predictors[name].lm = lm
    return sorted(lost)


def _states(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The state of each predictor by its name, which has the right form."""
    parts = {name: part for name, part in stored.items() if name != "metadata"}
    if isinstance(parts.get("demos"), list):
        parts = {"self": parts}
    for name, state in parts.items():
        place = f"[{name!r}]"
        signature = expect_part(dict, expect(dict, state, place), "signature", place)
        expect_part(str, signature, "instructions", f"{place}.signature")
        for at, field in enumerate(expect_part(list, signature, "fields", f"{place}.signature")):
            where = f"{place}.signature.fields[{at}]"
            expect_part(str, expect(dict, field, where), "prefix", where)
            expect_part(str, field, "description", where)
        for at, demo in enumerate(expect_part(list, state, "demos", place)):
            expect(dict, demo, f"{place}.demos[{at}]")
    return parts


def _differences(names: Sequence[str], stored: Sequence[Mapping[str, str]]) -> Iterator[str]:
    if len(names) != len(stored):
        theirs = ", ".join(_told_name(field, names) or field["prefix"].rstrip(":") for field in stored)
        yield f"it has {len(stored)} fields in the file ({theirs}) and {len(names)} in the program ({', '.join(names)})"
        return
    for at, (name, field) in enumerate(zip(names, stored, strict=True), 1):
        told = _told_name(field, [name, *names])
        if told is not None and told != name:
            yield f"field {at} is {told!r} in the file and {name!r} in the program"


def _told_name(field: Mapping[str, str], names: Sequence[str]) -> str | None:
    """The name of a field where its default description or prefix shows it."""
    placeholder = _PLACEHOLDER.fullmatch(field["description"])
    if placeholder:
        return placeholder[1]
    return next((name for name in names if infer_prefix(name) == field["prefix"]), None)


def _read(signature: Any, state: Mapping[str, Any], name: str, lost: list[str]) -> tuple[Any, list[Example], Any]:
    lost += [f"{part!r} of predictor {name!r}" for part in ("traces", "train") if state.get(part)]
    lost += [f"{part!r} of predictor {name!r}" for part in state if part not in _PARTS]
    stored = state["signature"]
    made = signature.with_instructions(stored["instructions"])
    for key, field in zip(signature.fields, stored["fields"], strict=True):
        desc, prefix = field["description"], field["prefix"]
        made = made.with_updated_fields(
            key,
            desc="" if desc == default_description(key) else desc,
            prefix="" if prefix == infer_prefix(key) else prefix,
        )
    return made, [_demo(made, demo) for demo in state["demos"]], _read_lm(state.get("lm"), name, lost)


def _demo(signature: Any, stored: Mapping[str, Any]) -> Example:
    marked = stored.get("augmented") is True and "augmented" not in signature.fields
    values = {name: value for name, value in stored.items() if not (marked and name == "augmented")}
    demo = Example({name: _value(signature.fields.get(name), value) for name, value in values.items()})
    return demo.with_origin("bootstrapped") if marked else demo


def _value(field: Any, value: Any) -> Any:
    """A demo's value in the field's type; media stand between marks, a model may stand as its JSON text. A wrong label stays."""
    if field is None:
        return value
    for text in (json.dumps(dspy_media.read(value)), json.dumps(value), *([value] if isinstance(value, str) else [])):
        try:
            return adapter_for(field.type).validate_json(text)
        except (ValueError, TypeError, PydanticUserError):
            continue
    return value


def _read_lm(state: Any, name: str, lost: list[str]) -> Any:
    if state is None:
        return None
    place = f"[{name!r}].lm"
    kind, model = expect(dict, state, place).get("_dspy_lm_class", _LM), expect_part(str, state, "model", place)
    if kind != _LM:
        lost.append(f"the LM of predictor {name!r} ({shown(kind)}): set predictor.lm, or lmnb.configure(lm=...)")
        return None
    options, left = {"model": model}, []
    for key, value in state.items():
        if key in _LM_ALONE or is_private(key):
            if key != "_dspy_lm_class" and value not in (None, False, "auto", {}, []):
                left.append(key)
        elif value is not None and not isinstance(value, _LM_TYPES.get(key, object)):
            raise SaveError(f"{place}.{key} is {shown(value)}")
        elif value is not None:
            options[key] = value
    options, more = from_file(public(options))
    left += more
    if left:  # an endpoint that a file names would be sent the reader's key
        lost.append(f"{', '.join(left)} of the LM of predictor {name!r}: set by lm.copy(...) what you trust")
    return LM.load_state(options)
