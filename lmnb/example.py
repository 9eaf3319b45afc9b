"""Example: an ordered record of named values."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from lmnb.canonical import content_hash
from lmnb.errors import InputError
from lmnb.nearest import did_you_mean


class Provenance(NamedTuple):
    """Where an example comes from: `origin` (None, "labelled", "bootstrapped", "rationalized", "human"), `source` (index in the train
    set) and its content's `id`.
    """

    origin: str | None
    source: int | None
    id: str


class Example:
    """A frozen, ordered record; fields are read as attributes or items, and every change gives a new record.

    `origin`, `source` and `id` say where the example comes from, unless a field has that name; `provenance` says so
    always. A field with the name of a method, such as `items`, is read as `example["items"]`.

    >>> import lmnb
    >>> example = lmnb.Example(question="2 + 2?", answer="4").with_inputs("question")
    >>> example.answer, example["question"]
    ('4', '2 + 2?')
    >>> dict(example.inputs()), dict(example.labels())
    ({'question': '2 + 2?'}, {'answer': '4'})
    """

    _fields: dict[str, Any]
    _input_keys: tuple[str, ...] | None
    _origin: str | None
    _source: int | None

    def __init__(self, base: Example | Mapping[str, Any] | None = None, **fields: Any) -> None:
        state = self.__dict__
        state["_fields"] = {**base, **fields} if base is not None else fields
        kept = base if isinstance(base, Example) else None
        state["_input_keys"] = kept._input_keys if kept else None
        state["_origin"] = kept._origin if kept else None
        state["_source"] = kept._source if kept else None

    # -- reading ---------------------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_fields":
            raise AttributeError(name)
        try:
            return self._fields[name]
        except KeyError:
            raise AttributeError(_unknown(self, name)) from None

    def __getitem__(self, key: str) -> Any:
        try:
            return self._fields[key]
        except KeyError:
            raise KeyError(_unknown(self, key)) from None

    def __contains__(self, key: object) -> bool:
        return key in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def keys(self) -> list[str]:
        return list(self._fields)

    def values(self) -> list[Any]:
        return list(self._fields.values())

    def items(self) -> list[tuple[str, Any]]:
        return list(self._fields.items())

    def get(self, key: str, default: Any = None) -> Any:
        return self._fields.get(key, default)

    def toDict(self) -> dict[str, Any]:
        """The fields as a plain dict, records inside them included."""
        return {key: _plain(value) for key, value in self._fields.items()}

    # -- inputs and labels -----------------------------------------------------------------------------------------

    @property
    def input_keys(self) -> tuple[str, ...] | None:
        """The names given to `with_inputs`, or None."""
        return self._input_keys

    def with_inputs(self, *keys: str) -> Example:
        """The same example with `keys` marked as what a program is given."""
        for key in keys:
            if key not in self._fields:
                raise InputError(_unknown(self, key))
        return self._changed(_input_keys=keys)

    def inputs(self) -> Example:
        """Only the inputs. Raises InputError where `with_inputs` was not called."""
        keys = self._marked()
        return self._changed(_fields={key: value for key, value in self._fields.items() if key in keys})

    def labels(self) -> Example:
        """Everything but the inputs. Raises InputError where `with_inputs` was not called."""
        keys = self._marked()
        return self._changed(
            _fields={key: value for key, value in self._fields.items() if key not in keys}, _input_keys=()
        )

    def _marked(self) -> tuple[str, ...]:
        if self._input_keys is None:
            first = self.keys()[0] if self._fields else "question"
            raise InputError(
                f"this example does not say which fields are inputs. Write example.with_inputs({first!r}, ...)."
            )
        return self._input_keys

    # -- changes give copies ---------------------------------------------------------------------------------------

    def copy(self, **fields: Any) -> Example:
        """The same example with some fields replaced or added; origin and inputs stay."""
        return self._changed(_fields={**self._fields, **fields})

    def without(self, *keys: str) -> Example:
        """The same example without some fields."""
        kept = {key: value for key, value in self._fields.items() if key not in keys}
        marked = None if self._input_keys is None else tuple(key for key in self._input_keys if key not in keys)
        return self._changed(_fields=kept, _input_keys=marked)

    def _changed(self, **state: Any) -> Any:
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        made.__dict__.update(state)
        return made

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(self._fixed(f"copy({name}=...)"))

    def __delattr__(self, name: str) -> None:
        raise AttributeError(self._fixed(f"without({name!r})"))

    def __setitem__(self, key: str, value: object) -> None:
        raise TypeError(self._fixed(f"copy({key}=...)"))

    def _fixed(self, how: str) -> str:
        kind = type(self).__name__
        article, name = "an" if kind[0] in "AEIOU" else "a", kind.lower()
        return f"{article} {kind} is not changed in place; write {name} = {name}.{how}"

    def __copy__(self) -> Any:
        return self._changed()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self._changed(_fields=copy.deepcopy(self._fields, memo))

    # -- where it comes from ---------------------------------------------------------------------------------------

    @property
    def origin(self) -> Any:
        """None, "labelled", "bootstrapped", "rationalized" or "human"."""
        return self._fields.get("origin", self._origin)

    @property
    def source(self) -> Any:
        """The index in the train set that it was made from, or None."""
        return self._fields.get("source", self._source)

    @property
    def id(self) -> Any:
        """12 hex digits of the hash of the fields."""
        return self._fields["id"] if "id" in self._fields else content_hash(self._fields)

    @property
    def provenance(self) -> Provenance:
        """Origin, source and content id, whatever the fields are called."""
        return Provenance(self._origin, self._source, content_hash(self._fields))

    def with_origin(self, origin: str | None, source: int | None = None) -> Example:
        """The same example, marked with where it comes from."""
        return self._changed(_origin=origin, _source=source)

    # -- comparing and showing -------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        return self._fields == other._fields if isinstance(other, Example) else NotImplemented

    def __hash__(self) -> int:
        return _hash(self._fields)

    def __repr__(self) -> str:
        keys = None if self._input_keys is None else "{" + ", ".join(map(repr, self._input_keys)) + "}"
        return f"Example({self._fields!r}) (input_keys={keys})"


def _unknown(example: Example, name: str) -> str:
    hint = did_you_mean(name, example, f"It has: {', '.join(example) or 'no fields'}.")
    return f"this {type(example).__name__} has no field {name!r}. {hint}"


def _plain(value: Any) -> Any:
    if isinstance(value, Example):
        return value.toDict()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(_plain(item) for item in value)
    return value


def _hash(value: Any) -> int:
    """A hash that agrees with equality also for lists and dicts; values that cannot be hashed count alike."""
    if isinstance(value, dict):
        return hash(frozenset((key, _hash(item)) for key, item in value.items()))
    if isinstance(value, (list, tuple)):
        return hash(tuple(map(_hash, value)))
    try:
        return hash(value)
    except TypeError:
        return 0
