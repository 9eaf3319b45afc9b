"""JSONAdapter: the reply is one JSON object. Inputs and demos stand as in the chat format.

Where the LM can be held to a JSON schema, it is; the reply is read with the same tolerance either way.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin
from weakref import WeakKeyDictionary

from pydantic import PydanticUserError, TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema

from lmnb.adapters.chat import ChatAdapter
from lmnb.adapters.codecs import codec_for
from lmnb.adapters.field_reader import FieldReader, is_text
from lmnb.adapters.form import Form, Forms, kept
from lmnb.adapters.headers import without_thought
from lmnb.adapters.json_reader import JsonReader
from lmnb.adapters.json_text import Unclear, dumps, objects
from lmnb.adapters.text_codec import Option
from lmnb.adapters.values import plain
from lmnb.canonical import jsonable
from lmnb.errors import ParseError
from lmnb.types.checked import adapter_for
from lmnb.types.wording import Wording


class JSONAdapter(ChatAdapter):
    """Replies as one JSON object, held to the signature's JSON schema where the LM can be.

    >>> import lmnb
    >>> messages = lmnb.JSONAdapter().format(lmnb.Signature("question -> answer, sure: bool"), [], {"question": "2 + 2?"})
    >>> print(messages[-1]["content"])
    [[ ## question ## ]]
    2 + 2?
    <BLANKLINE>
    Reply with a JSON object with the keys `answer`, `sure`.
    >>> lmnb.JSONAdapter().parse(lmnb.Signature("question -> answer, sure: bool"), 'Here it is: {"answer": "4", "sure": true}')
    {'answer': '4', 'sure': True}
    """

    stop = ()
    use_native_function_calling = True

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        form = self._form(signature)
        named = self._keys(signature, form, completion)
        found: dict[str, Any] = {}
        wrong: list[str] = []
        for name, codec in form.outputs.items():
            if name not in named:
                wrong.append(form.told("missing", name))
                continue
            try:
                found[name] = codec.load(named[name])
            except (ValueError, RecursionError) as error:
                shown = plain(named[name])
                wrong.append(form.misread(name, repr(f"{shown[:200]} …" if len(shown) > 200 else shown), error))
        if wrong:
            raise ParseError(" ".join(wrong), reply=completion, signature=signature)
        return found

    def _keys(self, signature: Any, form: JsonForm, completion: str) -> dict[str, Any]:
        """The values of the outputs; where a reply holds several objects with them, they must say the same."""
        said, expected = self.wording, self.wording.expected.format(form=form.expected)
        try:
            replied = objects(without_thought(completion))
        except Unclear as error:
            raise ParseError(said.unclear.format(reason=error), reply=completion, signature=signature) from None
        if not replied:
            what = said.no_object if completion.strip() else said.empty_reply
            raise ParseError(f"{what} {expected}", reply=completion, signature=signature)
        named: dict[str, Any] = {}
        for key, value in (item for made in replied for item in made.items()):
            name = form.known.get(key) or form.known.get(key.casefold())
            if name and named.setdefault(name, value) is not value and named[name] != value:
                raise ParseError(f"{form.told('twice', name)} {expected}", reply=completion, signature=signature)
        return named

    def written(self, fields: Mapping[str, Any]) -> str:
        made = {
            name: jsonable(value) if isinstance(value, list | tuple | dict) else value for name, value in fields.items()
        }
        return dumps(made, default=plain)

    def _form(self, signature: Any) -> JsonForm:
        return kept(_forms, JsonForm, signature, self.wording)

    def _decoding(self, lm: Any, config: Mapping[str, Any], signature: Any) -> dict[str, Any]:
        structured = getattr(lm, "structured_output", None)
        if structured is None or "response_format" in config:
            return dict(config)
        schema = self._form(signature).schema if structured == "schema" else None
        if schema is None:
            return {**config, "response_format": {"type": "json_object"}}
        named = {"name": "reply", "schema": schema, "strict": is_closed(schema)}
        return {**config, "response_format": {"type": "json_schema", "json_schema": named}}


class JsonForm(Form):
    """What a signature needs for every call in the JSON format."""

    def __init__(self, signature: Any, wording: Wording) -> None:
        super().__init__(signature, wording)
        self.what = wording.key
        self.schema = reply_schema(signature)
        self.texts = frozenset(name for name, field in signature.output_fields.items() if is_text(field.type))

    def start(self) -> str:
        return "{"  # without the first key: whether a model goes on or begins again can be told

    def shape(self) -> list[str]:
        keys = ", ".join(f'"{name}": {{{name}}}' for name in self.outputs)
        return [self.wording.json_form, f"{{{keys}}}"]

    def expectation(self) -> str:
        return self.wording.json_expected.format(keys=", ".join(map(repr, self.outputs)))

    def request(self) -> str:
        return self.wording.json_request.format(keys=", ".join(f"`{name}`" for name in self.outputs))

    def reply(self, values: Mapping[str, Any]) -> str:
        shown = {name: codec.dump(values[name]) for name, codec in self.outputs.items() if name in values}
        return dumps(shown)

    def reader(self) -> FieldReader:
        return JsonReader(self.known, self.texts)


_forms: Forms[JsonForm] = WeakKeyDictionary()


def reply_schema(signature: Any) -> dict[str, Any] | None:
    """The JSON schema of a reply; None where a type has none."""
    properties: dict[str, Any] = {}
    adapters: list[tuple[str, Any, TypeAdapter[Any]]] = []
    for field in signature.output_fields.values():
        listed = _listed(field.type)
        if listed is not None:
            properties[field.name] = {"enum": listed}
        else:
            adapters.append((field.name, "validation", adapter_for(field.type, field.limits)))
    try:
        made, shared = TypeAdapter.json_schemas(adapters)
    except (PydanticUserError, PydanticInvalidForJsonSchema):
        return None
    properties |= {name: schema for (name, _), schema in made.items()}
    names = list(signature.output_fields)
    return {
        "type": "object",
        "properties": {name: properties[name] for name in names},
        "required": names,
        "additionalProperties": False,
        **({"$defs": shared["$defs"]} if "$defs" in shared else {}),
    }


def _listed(kind: Any) -> list[Any] | None:
    """The options of a Literal or an Enum as they stand in a reply; None for other types."""
    optional = get_origin(kind) in (Union, types.UnionType) and type(None) in get_args(kind)
    inner = [arg for arg in get_args(kind) if arg is not type(None)] if optional else [kind]
    codec = codec_for(inner[0]) if len(inner) == 1 else None
    if not isinstance(codec, Option):
        return None
    return [*(codec.dump(option) for option, _ in codec.text_of), *([None] if optional else [])]


def is_closed(schema: Any) -> bool:
    """Whether every object in the schema lists all its keys and requires them, which strict decoding asks for."""
    if isinstance(schema, list):
        return all(map(is_closed, schema))
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object":
        names = schema.get("properties", {}).keys()
        if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != names:
            return False
    return all(is_closed(value) for value in schema.values())
