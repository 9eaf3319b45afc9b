"""A signature as the source of a class."""

from __future__ import annotations

import enum
import inspect
import re
from typing import TYPE_CHECKING, Any, get_args, get_origin

from lmnb.modules.literals import text_literal
from lmnb.signature import NO_DEFAULT, Field, type_code
from lmnb.sources import scope_of, source_of

if TYPE_CHECKING:
    from lmnb.modules.python_names import Names


def signature_source(name: str, signature: Any, names: Names) -> str:
    """A class of that name with the signature's instructions, fields and validators; `names` gets what they need."""
    instructions = signature.instructions
    lines = [f"class {name}(lmnb.Signature):"]
    if _is_docstring(instructions):
        lines.append(f"    {text_literal(instructions, '    ')}")
    lines += [f"    {field_source(field, names)}" for field in signature.fields.values()] or ["    pass"]
    lines += [_check_source(signature, check, value, names) for check, value in signature._checks.items()]
    if not _is_docstring(instructions):
        lines += ["", "", f"{name} = {name}.with_instructions({text_literal(instructions, '')})"]
    return "\n".join(lines)


def field_source(field: Field, names: Names) -> str:
    """A field as it stands in the body of a class."""
    for kind in classes_in(field.type):
        if names.name(kind).startswith("lmnb."):  # the annotation names it without the package
            names.imports[f"from lmnb import {kind.__qualname__.partition('[')[0]}"] = None
    names.imports |= typing_imports(field.type)
    options = [f"desc={field.desc!r}"] if field.desc else []
    options += [f"{name}={names.value(value)}" for name, value in field.limits]
    if field.prefix:
        options.append(f"prefix={field.prefix!r}")
    if field.default is not NO_DEFAULT:
        options.append(f"default={names.value(field.default)}")
    kind = "InputField" if field.is_input else "OutputField"
    return f"{field.name}: {type_code(field.type)} = lmnb.{kind}({', '.join(options)})"


def _check_source(signature: Any, name: str, value: Any, names: Names) -> str:
    function = getattr(value, "wrapped", value)
    function = getattr(function, "__func__", function)
    source = source_of(function)
    if source is None:
        return f"    # the validator {name!r} could not be read, and is not here"
    names.needed(source, scope_of(function), signature.__name__)
    lines = source.rstrip().splitlines(keepends=True)
    return "\n" + "".join(f"    {line}" if line.strip() else line for line in lines)


def _is_docstring(text: str) -> bool:
    """Whether `text` comes back unchanged when it is a class's docstring."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return bool(text) and inspect.cleandoc(text) == text


def typing_imports(kind: Any) -> dict[str, None]:
    """The imports from `typing` that a type's source needs."""
    words = ("Literal", "Any", "Annotated")
    return {f"from typing import {word}": None for word in words if re.search(rf"\b{word}\b", type_code(kind))}


def classes_in(kind: Any) -> list[type]:
    """The classes that a type's source names, but for builtin ones."""
    if isinstance(kind, enum.Enum):
        return [type(kind)]
    if get_origin(kind) is not None:
        return [found for arg in (get_origin(kind), *get_args(kind)) for found in classes_in(arg)]
    return [kind] if isinstance(kind, type) and kind.__module__ not in ("builtins", "types", "typing") else []
