"""The parameters of a tool: read from a function's hints or a JSON schema, and the arguments of a call held to them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema

from lmnb.errors import InputError
from lmnb.nearest import did_you_mean
from lmnb.types.checked import adapter_for, problems
from lmnb.types.code import type_code

_NONE: Any = inspect.Parameter.empty
_JSON_TYPES = {"string": str, "integer": int, "number": float, "boolean": bool, "array": list, "object": dict}
_SHOWN = 200  # characters of a wrong value in a message
_BROKEN = (PydanticUserError, NameError, TypeError, RecursionError)  # a hint that nothing can be checked against


@dataclass(frozen=True)
class Parameters:
    """What a tool takes. `kinds` holds the types, `args` a JSON schema of each argument, `defs` what these refer to.

    `schema` is the whole JSON schema where the tool came with one; `open` says that other names are taken too.
    """

    kinds: Mapping[str, Any]
    args: Mapping[str, Any]
    desc: Mapping[str, str]
    required: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    in_order: tuple[str, ...] = ()  # names that a call may give by position
    by_place: tuple[str, ...] = ()  # names that the function takes by position only
    open: bool = False
    defs: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] | None = None

    def json_schema(self) -> dict[str, Any]:
        """The JSON schema of all arguments together."""
        if self.schema is not None:
            return {**self.schema, "properties": dict(self.args)}
        made: dict[str, Any] = {"type": "object", "properties": dict(self.args), "required": list(self.required)}
        if not self.open:
            made["additionalProperties"] = False
        return made | ({"$defs": dict(self.defs)} if self.defs else {})

    def text(self) -> str:
        """The parameters as Python writes them: `query: str, k: int = 5`."""
        words = []
        for name in self.args:
            kind = self.kinds.get(name, Any)
            said = name if kind is Any else f"{name}: {type_code(kind)}"
            shown = f" = {_short(self.defaults[name])}" if name in self.defaults else ""
            words.append(said + (shown or ("" if name in self.required or self.schema is None else " = ...")))
        return ", ".join([*words, "**more"] if self.open else words)

    def bound(self, tool: str, given: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call by name."""
        if len(given) > len(self.in_order):
            raise InputError(
                f"tool {tool!r} takes {len(self.in_order)} arguments by position, not {len(given)}: {self.text()}"
            )
        values = dict(zip(self.in_order, given, strict=False))
        for name in named:
            if name in values:
                raise InputError(f"tool {tool!r}: the argument {name!r} is given twice")
        return values | dict(named)

    def checked(self, tool: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the parameters' types; InputError names the argument that is missing, extra or wrong."""
        for name in values:
            if name not in self.args and not self.open:
                hint = did_you_mean(name, self.args, f"It takes: {self.text() or 'none'}.")
                raise InputError(f"tool {tool!r} has no argument {_short(name)}. {hint}")
        for name in self.required:
            if name not in values:
                raise InputError(f"tool {tool!r}: the argument {name!r} is missing. It takes: {self.text()}.")
        made = {}
        for name, value in values.items():
            try:
                made[name] = _as(self.kinds.get(name, Any), value)
            except (ValueError, RecursionError) as error:
                if value is None and name not in self.required:
                    continue  # models write null for what they leave out
                raise InputError(
                    f"tool {tool!r}: the argument {name!r} cannot be {_short(value)}: {_said(error)}"
                ) from None
        if self.schema is not None:
            _fits(tool, self.json_schema(), made)
        return made


def of_function(
    function: Callable[..., Any],
    *,
    args: Mapping[str, Any] | None,
    arg_types: Mapping[str, Any] | None,
    arg_desc: Mapping[str, str],
) -> Parameters:
    """The parameters by the function's signature and hints; what is given in words wins."""
    called = getattr(function, "forward", function)  # a module says in `forward` what it takes
    try:
        found = inspect.signature(called).parameters.values()
    except (TypeError, ValueError):
        if args is None and arg_types is None:
            raise InputError(
                f"what {function!r} takes cannot be read. Write Tool(function, args={{'name': {{'type': 'string'}}}})."
            ) from None
        found = ()
    hints = _hints(called)
    plain = [p for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    names: list[str] = list(dict.fromkeys([*(p.name for p in plain), *(arg_types or {}), *(args or {})]))
    kinds = {name: hints.get(name, Any) for name in names}
    kinds |= {name: simple_type(schema) for name, schema in (args or {}).items()} | dict(arg_types or {})
    desc = {name: arg_desc[name] for name in names if arg_desc.get(name)}
    schemas, defs = _schemas(kinds)
    defaults = {p.name: p.default for p in plain if p.default is not _NONE}
    shown = {}
    for name in names:
        schema = {**schemas[name], **(args or {}).get(name, {})}
        if name in desc:
            schema["description"] = desc[name]
        if name in defaults and isinstance(defaults[name], (str, int, float, bool, type(None))):
            schema["default"] = defaults[name]
        shown[name] = schema
    return Parameters(
        kinds,
        shown,
        {name: schema["description"] for name, schema in shown.items() if isinstance(schema.get("description"), str)},
        required=tuple(p.name for p in plain if p.default is _NONE) if found else tuple(names),
        defaults=defaults,
        in_order=tuple(p.name for p in plain if p.kind is not p.KEYWORD_ONLY) if found else (),
        by_place=tuple(p.name for p in plain if p.kind is p.POSITIONAL_ONLY),
        open=any(p.kind is p.VAR_KEYWORD for p in found) and args is None and arg_types is None,
        defs=defs,
    )


def of_schema(tool: str, schema: Any) -> Parameters:
    """The parameters of a tool that says them as a JSON schema, such as one of a server."""
    properties = schema.get("properties", {}) if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping) or not all(isinstance(part, Mapping) for part in properties.values()):
        raise InputError(f"tool {tool!r}: its parameters are no JSON schema of an object: {_short(schema)}")
    required = schema.get("required", ())
    named = [name for name in required if isinstance(name, str)] if isinstance(required, (list, tuple)) else []
    texts = {name: part.get("description") for name, part in properties.items()}
    return Parameters(
        {name: simple_type(_followed(part, schema)) for name, part in properties.items()},
        {name: dict(part) for name, part in properties.items()},
        {name: text for name, text in texts.items() if isinstance(text, str)},
        required=tuple(named),
        defaults={name: part["default"] for name, part in properties.items() if "default" in part},
        in_order=tuple(properties),
        open=schema.get("additionalProperties", "properties" not in schema) is not False,
        schema={"type": "object", **schema},
    )


def _followed(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a property that only refers to a definition refers to."""
    head, _, name = str(part.get("$ref", "")).rpartition("/")
    defined = schema.get(head[2:]) if head in ("#/$defs", "#/definitions") else None
    found = defined.get(name) if isinstance(defined, Mapping) else None
    return found if isinstance(found, Mapping) else part


def simple_type(schema: Mapping[str, Any]) -> Any:
    """The Python type that a JSON schema names at its top: what values are coerced to before the schema is held."""
    kind = schema.get("type")
    return _JSON_TYPES.get(kind, Any) if isinstance(kind, str) and "enum" not in schema else Any


def is_async(function: Any) -> bool:
    """Whether calling it gives something to await."""
    while isinstance(function, functools.partial):
        function = function.func
    called = getattr(type(function), "__call__", None)  # noqa: B004
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)


def _said(error: ValueError | RecursionError) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else problems(error)


class _Untitled(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _schemas(kinds: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    adapters = {}
    for name, kind in kinds.items():
        try:
            adapters[name] = adapter_for(kind)
            adapters[name].json_schema()
        except _BROKEN:
            adapters[name] = adapter_for(Any)
    named: Any = [(name, "validation", adapter) for name, adapter in adapters.items()]
    found, rest = TypeAdapter.json_schemas(named, schema_generator=_Untitled)
    return {name: found[name, "validation"] for name in kinds}, rest.get("$defs", {})


def _hints(function: Any) -> dict[str, Any]:
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, type):
        function = function.__init__
    elif not inspect.isroutine(function):
        function = type(function).__call__
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError, SyntaxError):
        raw = getattr(function, "__annotations__", {})
        return {name: kind for name, kind in raw.items() if not isinstance(kind, str)}


def _as(kind: Any, value: Any) -> Any:
    try:
        adapter = adapter_for(kind)
    except _BROKEN:
        return value
    try:
        return adapter.validate_python(value)
    except ValidationError:
        if isinstance(value, (int, float)) and kind is str:
            return str(value)
        if isinstance(value, str) and kind is not str:
            try:
                return adapter.validate_json(value)
            except ValidationError:
                pass
        raise


def _fits(tool: str, schema: dict[str, Any], values: dict[str, Any]) -> None:
    # imported on the first call: it takes a tenth of a second. An empty registry: a `$ref` of a server fetches nothing.
    from jsonschema.exceptions import SchemaError, UnknownType, best_match
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    try:
        kind = validator_for(schema, default=Draft202012Validator)
        kind.check_schema(schema)
        error = best_match(kind(schema, registry=Registry()).iter_errors(values))
    except (SchemaError, UnknownType, Unresolvable, RecursionError) as wrong:
        raise InputError(f"tool {tool!r}: its JSON schema cannot be used: {_clipped(str(wrong))}") from None
    if error is not None:
        place = "".join(f"[{part!r}]" if at else str(part) for at, part in enumerate(error.absolute_path))
        raise InputError(
            f"tool {tool!r}: the argument {place!r} is wrong: {_clipped(error.message)}"
            if place
            else f"tool {tool!r}: {_clipped(error.message)}"
        )


def _short(value: Any) -> str:
    try:
        return _clipped(repr(value))
    except RecursionError:
        return f"a {type(value).__name__}"


def _clipped(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
