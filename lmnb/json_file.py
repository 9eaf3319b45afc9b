"""JSON files of programs: written whole or not at all, and read as what they are, somebody's text."""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lmnb.errors import SaveError
from lmnb.nearest import did_you_mean

PICKLES = (".pkl", ".pickle")
_SURROGATE = re.compile("[\ud800-\udfff]")


def write_json(path: str | Path, data: Any) -> None:
    """Write `data` to the file at `path`, to be read by people too."""
    write_text(path, json_text(data) + "\n")


def json_text(data: Any) -> str:
    """`data` as indented JSON in all of Unicode; lone surrogates, which no file can hold, as escapes."""
    text = json.dumps(finite(data), ensure_ascii=False, indent=2)
    return _SURROGATE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def write_text(path: str | Path, text: str) -> None:
    """Replace the file at `path` in one step, so that nobody reads half of it."""
    target = check_writable(path)
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
    except OSError as error:
        raise SaveError(f"{str(path)!r} cannot be written: {error.strerror or error}") from None


def check_writable(path: str | Path) -> Path:
    """`path`, whose folder is there now and can be written to; SaveError for what no text can be written to."""
    target = Path(path)
    if target.suffix in PICKLES:
        raise SaveError(
            f"{str(path)!r} is the name of a pickle, and lmnb writes text. Write {str(target.with_suffix('.json'))!r}."
        )
    if target.is_dir():
        raise SaveError(
            f"{str(path)!r} is a folder. Write the name of a file, such as {str(target / 'program.json')!r}."
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SaveError(f"{str(path)!r} cannot be written: {error.strerror or error}") from None
    if not os.access(target.parent, os.W_OK):
        raise SaveError(f"{str(path)!r} cannot be written: its folder may not be written to")
    return target


def finite(value: Any) -> Any:
    """JSON data with NaN and infinities as texts, which JSON does not have; pydantic reads them as floats."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Errors inside name the file at `path`."""
    try:
        yield
    except SaveError as error:
        raise SaveError(f"{str(path)!r} cannot be loaded: {error}") from None
    except RecursionError:
        raise SaveError(f"{str(path)!r} cannot be loaded: it is nested too deeply") from None


def read_json(path: str | Path) -> Any:
    """The data of the file at `path`. SaveError for what is no JSON, for pickles, and for a key that stands twice."""
    if Path(path).suffix in PICKLES or Path(path, "program.pkl").exists():
        raise SaveError(
            f"{str(path)!r} is a pickle, and nothing is ever unpickled. Save again under a name such as "
            f"{str(Path(path).with_suffix('.json'))!r}."
        )
    with reading(path):
        try:
            return json.loads(Path(path).read_text(encoding="utf-8"), object_pairs_hook=_without_doubles)
        except FileNotFoundError:
            raise SaveError("there is no such file") from None
        except OSError as error:
            raise SaveError(error.strerror or str(error)) from None
        except UnicodeDecodeError as error:
            raise SaveError(f"it is not a text in UTF-8 (byte {error.start})") from None
        except json.JSONDecodeError as error:
            raise SaveError(f"it is not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
        except ValueError as error:  # a number of too many digits
            raise SaveError(f"it is not JSON that can be read: {error}") from None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise SaveError(f"the key {double!r} stands twice in one object")
    return found


_KINDS = {str: "a text", dict: "an object", list: "a list", int: "a whole number"}


def expect(kind: type, value: Any, place: str) -> Any:
    """`value`, which is of that kind, or SaveError with the place."""
    if not isinstance(value, kind) or isinstance(value, bool):
        raise SaveError(f"{place} should be {_KINDS[kind]}, not {shown(value)}")
    return value


def expect_part(kind: type, value: Mapping[str, Any], key: str, place: str) -> Any:
    """What `value` has at `key`, which must be there and of that kind."""
    if key not in value:
        raise SaveError(f"{place} has no {key!r}")
    return expect(kind, value[key], f"{place}.{key}")


def expect_keys(value: Mapping[str, Any], known: tuple[str, ...], place: str, optional: tuple[str, ...] = ()) -> None:
    """SaveError for a key that nobody knows, and for one that is missing."""
    for key in value:
        if key not in known:
            hint = did_you_mean(key, known, f"Known: {', '.join(known)}.")
            raise SaveError(f"{place} has an unknown key {key!r}. {hint}")
    for key in known:
        if key not in value and key not in optional:
            raise SaveError(f"{place} has no {key!r}")


def shown(value: Any) -> str:
    """A value in a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 120 else text[:120] + "…"
