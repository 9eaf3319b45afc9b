"""Index folders: `index.json`, `passages.jsonl`, further lists, and arrays of numbers in numpy's format; never a pickle.

The head names every file with its SHA-256 and is written last, so half an index is no index. A folder may come from
anybody: sizes and types are checked before a file is read into memory.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from lmnb.canonical import jsonable
from lmnb.errors import InputError, SaveError
from lmnb.optional import need
from lmnb.retrieve.passage import Passage, read_corpus

FORMAT = 1
HEAD = "index.json"
_MAKERS = {"bm25": "BM25", "embeddings": "Embeddings"}
_LONGEST_HEAD = 1_000_000


class Stored(NamedTuple):
    """What a folder holds, checked for its form."""

    header: dict[str, Any]
    passages: tuple[Passage, ...]
    arrays: dict[str, Any]
    lists: dict[str, list[str]]


def write(
    path: str | os.PathLike[str],
    kind: str,
    header: Mapping[str, Any],
    passages: Sequence[Passage],
    arrays: Mapping[str, Any],
    **lists: Sequence[str],
) -> None:
    """Write an index of a `kind`. SaveError where the folder cannot be written."""
    numpy, place = need("numpy", "retrieve", "an index folder"), Path(path)
    rows = ({"id": each.id, "text": each.text, "metadata": jsonable(each.metadata)} for each in passages)
    try:
        place.mkdir(parents=True, exist_ok=True)
        (place / HEAD).unlink(missing_ok=True)
        _write_lines(place / "passages.jsonl", rows)
        for name, values in lists.items():
            _write_lines(place / f"{name}.jsonl", values)
        for name, array in arrays.items():
            numpy.save(place / f"{name}.npy", array, allow_pickle=False)
        names = ["passages.jsonl", *(f"{name}.jsonl" for name in lists), *(f"{name}.npy" for name in arrays)]
        head = {"lmnb": "index", "format": FORMAT, "kind": kind, **header, "passages": len(passages)}
        head["files"] = {name: _digest(place / name) for name in names}
        half = place / f".{HEAD}.{os.getpid()}"
        half.write_text(json.dumps(head, indent=2) + "\n", encoding="utf-8")
        half.replace(place / HEAD)
    except OSError as error:
        raise SaveError(f"the index {str(path)!r} cannot be written: {error.strerror or error}") from None


def read(
    path: str | os.PathLike[str], kind: str, arrays: Mapping[str, tuple[str, int]], lists: Iterable[str] = ()
) -> Stored:
    """The index of that kind in the folder; `arrays` says the type ("f", "i") and the dimensions of each array.

    SaveError says what is wrong with the folder.
    """
    place = Path(path)
    with reading(path):
        header = _head(place, kind)
        names = ["passages.jsonl", *(f"{name}.jsonl" for name in lists), *(f"{name}.npy" for name in arrays)]
        _check_files(place, header, names)
        passages = _passages(place / "passages.jsonl")
        if len(passages) != header.get("passages"):
            raise SaveError(f"it has {len(passages)} passages, and {HEAD} says {header.get('passages')!r}")
        numbers = {name: _array(place / f"{name}.npy", *form) for name, form in arrays.items()}
        return Stored(header, passages, numbers, {name: _texts(place / f"{name}.jsonl") for name in lists})


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[None]:
    """Names the folder in whatever is wrong with it."""
    try:
        yield
    except (SaveError, InputError) as error:
        raise SaveError(f"the index {str(path)!r} cannot be loaded: {error}") from None
    except OSError as error:
        raise SaveError(f"the index {str(path)!r} cannot be loaded: {error.strerror or error}") from None
    except (RecursionError, MemoryError):
        raise SaveError(f"the index {str(path)!r} cannot be loaded: it is nested too deeply, or too large") from None


def _head(place: Path, kind: str) -> dict[str, Any]:
    head = place / HEAD
    if not head.is_file():
        raise SaveError(f"there is no file {HEAD!r}; give the folder that save() wrote")
    if head.stat().st_size > _LONGEST_HEAD:
        raise SaveError(f"{HEAD} is too long")
    header = _json(head.read_bytes(), HEAD)
    if not isinstance(header, dict) or header.get("lmnb") != "index":
        raise SaveError(f"{HEAD} is not of an index that lmnb saved")
    if header.get("format") != FORMAT:
        raise SaveError(f"it has the format {header.get('format')!r}, and this lmnb reads {FORMAT}")
    found = header.get("kind")
    if found != kind:
        maker = _MAKERS.get(found) if isinstance(found, str) else None
        raise SaveError(f"it is of the kind {found!r}, not {kind!r}" + (f". Write {maker}.load(...)" if maker else ""))
    return header


def _check_files(place: Path, header: dict[str, Any], names: list[str]) -> None:
    files = header.get("files")
    for name in names:
        if not isinstance(files, dict) or name not in files or not (place / name).is_file():
            raise SaveError(f"its file {name!r} is missing")
        if _digest(place / name) != files[name]:
            raise SaveError(f"its file {name!r} was changed or is damaged. Make the index anew, and save it")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _array(path: Path, kind: str, dimensions: int) -> Any:
    numpy = need("numpy", "retrieve", "an index folder")
    try:  # mapped first: a head that claims more numbers than the file has is found without reserving memory
        mapped = numpy.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, TypeError, EOFError, SyntaxError, OverflowError, RecursionError) as error:
        raise SaveError(f"{path.name} is not an array of numbers: {error}") from None
    if not isinstance(mapped, numpy.ndarray) or mapped.dtype.kind != kind or mapped.ndim != dimensions:
        raise SaveError(f"{path.name} is not an array of {dimensions} dimension(s) and the type {kind!r}")
    return numpy.array(mapped)


def _passages(path: Path) -> tuple[Passage, ...]:
    rows = _lines(path)
    for at, row in enumerate(rows):
        form = isinstance(row, dict) and row.keys() == {"id", "text", "metadata"}
        if not form or not isinstance(row["id"], str) or not isinstance(row["metadata"], dict):
            raise SaveError(f"line {at + 1} of {path.name} is no passage")
    return read_corpus(Passage(row["text"], row["id"], 0.0, row["metadata"]) for row in rows)


def _texts(path: Path) -> list[str]:
    found = _lines(path)
    for at, text in enumerate(found):
        if not isinstance(text, str):
            raise SaveError(f"line {at + 1} of {path.name} is no text")
    return found


def _lines(path: Path) -> list[Any]:
    return [_json(line, f"line {at + 1} of {path.name}") for at, line in enumerate(path.read_bytes().splitlines())]


def _json(data: bytes, place: str) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        raise SaveError(f"{place} is not JSON") from None


def _write_lines(path: Path, rows: Iterable[Any]) -> None:
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
