"""A stored run's header and records, checked where they come in: what is damaged is named by file, line and field."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from pydantic_core import SchemaValidator, ValidationError

from lmnb.errors import JournalError
from lmnb.optimize import record_types as types
from lmnb.optimize.header import Header
from lmnb.optimize.journal import Journal, read_records

QUOTED = 60  # characters of a value in an error
_WORDS = {
    "Input should": "It should",
    "Dictionary should": "It should",
    " after validation": "",
    "an instance of str": "a text",
    "valid dictionary": "mapping",
}
_ASKING = ("proposer", "trainer")  # roles that are at no example
_TEXTS = (".instructions", ".desc")  # slots that hold text

Record: TypeAlias = Mapping[str, Any]


def stored_run(folder: Path, journal: Journal) -> tuple[Header, list[dict[str, Any]]]:
    """A run's header, and the records that follow it. JournalError for the first that lacks a field of its kind, or has it with a value of
    another type, and for one that does not fit the header.
    """
    (record, *records), _ = read_records(folder)
    path, line = folder / "journal.jsonl", 1
    try:
        types.RECORDS["header"].validate_python(record, strict=True)
        header = Header.from_record(record, journal)
        slots, sizes = header.baseline.values.keys(), {name: len(header.splits[name]) for name in ("train", "val")}
        for line, record in enumerate(records, 2):
            kind = record["k"]
            if kind == "call" and isinstance(record.get("res"), bytes):
                continue  # it was read as it was written
            if (validator := _validator(kind, record)) is not None:
                validator.validate_python(record, strict=True)
            if kind == "rollout":
                of = record["of"]
                if of["role"] not in _ASKING and of["index"] >= sizes[of["split"]]:
                    told = f"of.index is {of['index']!r}, and {of['split']!r} has {sizes[of['split']]} examples"
                    raise _damaged(Place(path, line, record), told)
            elif kind in ("candidate", "decision"):
                for field, candidate in _candidates(record):
                    _check_slots(candidate["values"], slots, Place(path, line, record), (*field, "values"))
    except ValidationError as error:
        raise _damaged(Place(path, line, record), _told(error)) from None
    return header, records


class Place(NamedTuple):
    """Where a record stands."""

    path: Path
    line: int
    record: Record


def _damaged(place: Place, what: str) -> JournalError:
    kind = place.record["k"]
    named = "header of this run" if kind == "header" else f"record of the kind {kind!r}"
    return JournalError(f"{place.path}, line {place.line}: the {named} cannot be read: {what}.")


def _check_slots(values: Mapping[str, Any], slots: Collection[str], place: Place, field: tuple[str, ...]) -> None:
    """The slots of a candidate: those that the program has, text and demos as what they are."""
    for slot in slots:
        if slot not in values:
            raise _damaged(place, f"{_named(*field, slot)} is missing")
    for slot, value in values.items():
        if slot.endswith(".demos") and slot not in slots:
            raise _damaged(place, f"{_named(*field, slot)} is of no predictor in the header's shape")
        kind = types.DEMOS if slot.endswith(".demos") else types.STRING if slot.endswith(_TEXTS) else None
        try:
            if kind is not None:
                kind.validate_python(value, strict=True)
        except ValidationError as error:
            raise _damaged(place, _told(error, *field, slot)) from None


def _told(error: ValidationError, *field: str) -> str:
    """The first thing that is wrong, with its place in the record: what it is, and what it should be."""
    first = error.errors(include_url=False)[0]
    what, said = _named(*field, *first["loc"]), first["msg"]
    for theirs, ours in _WORDS.items():
        said = said.replace(theirs, ours)
    return f"{what} is missing" if first["type"] == "missing" else f"{what} is {_cut(repr(first['input']))}. {said}"


def _validator(kind: Any, record: Record) -> SchemaValidator | None:
    """What the fields of a record must be; None for a kind that this version does not know."""
    if kind == "rollout":
        of = record.get("of")
        return types.ASKED if isinstance(of, dict) and of.get("role") in _ASKING else types.ROLLOUT
    if kind == "decision":
        if record.get("kind") == "stop" and record.get("by") == "budget":
            return types.SPENT
        return types.DECISIONS.get(str(record.get("kind")), types.DECISION)
    return types.RECORDS.get(kind) if isinstance(kind, str) else None


def _candidates(record: Record) -> Iterator[tuple[tuple[str, ...], Record]]:
    """The candidates in a record whose fields are checked, with the field that each stands in."""
    if record["k"] == "candidate":
        yield ("of",), record["of"]
    elif record["k"] == "decision":
        yield from ((("data", name), record["data"][name]) for name in ("made", "holder") if name in record["data"])


def _named(*place: str | int) -> str:
    """A field's place in its record: `of.values['self.demos'][0].fields`."""
    made = ""
    for part in place:
        made += f".{part}" if str(part).isidentifier() else f"[{part!r}]"
    return made.removeprefix(".")


def _cut(text: str) -> str:
    return text if len(text) <= QUOTED else f"{text[:QUOTED]}…"
