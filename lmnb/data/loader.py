"""Examples from files. A line that cannot be read is an error with the file's name and the line's number."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, NoReturn

from lmnb.canonical import jsonable
from lmnb.errors import InputError, MissingExtra
from lmnb.example import Example
from lmnb.json_file import finite
from lmnb.optional import need

FilePath = str | PathLike[str]
_LONGEST_CELL = 2**31 - 1  # csv stops at 128 KiB by itself: less than one long document


def load_jsonl(path: FilePath, inputs: Sequence[str] = (), fields: Sequence[str] | None = None) -> list[Example]:
    """The examples of a file with one JSON object a line; `inputs` are marked as the program's, `fields` chooses some.

    >>> import lmnb
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "capitals.jsonl"
    >>> _ = path.write_text('{"question": "The capital of France?", "answer": "Paris"}')
    >>> lmnb.load_jsonl(path, inputs=["question"])
    [Example({'question': 'The capital of France?', 'answer': 'Paris'}) (input_keys={'question'})]
    """
    return _examples(_json_lines(path, _read(path)), fields, inputs)


def append_jsonl(path: FilePath, *examples: Mapping[str, Any] | Example) -> Path:
    """Add examples to the end of a file with one JSON object a line, which is made where there is none; `load_jsonl` reads it.

    Values go in as JSON has them. InputError where the file cannot be written, or is no such file.

    >>> import lmnb
    >>> import tempfile, pathlib
    >>> path = lmnb.append_jsonl(pathlib.Path(tempfile.mkdtemp()) / "more.jsonl", lmnb.Example(question="2 + 2?", answer="4"))
    >>> lmnb.load_jsonl(lmnb.append_jsonl(path, {"question": "3 + 3?", "answer": "6"}))[1].answer
    '6'
    """
    place = Path(path)
    rows = [json.dumps(finite(jsonable(dict(example.items()))), ensure_ascii=False) for example in examples]
    if place.suffix not in (".jsonl", ".ndjson"):
        raise InputError(f"examples are added to a file of JSON lines, not to {str(path)!r}. Write 'dataset.jsonl'.")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("a+b") as file:
            file.seek(0, os.SEEK_END)
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # a last line without an end must not swallow the next
                    rows.insert(0, "")
            file.write("".join(f"{row}\n" for row in rows).encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error
    return place


class DataLoader:
    """Examples from CSV, JSON, parquet, pandas and Hugging Face's `datasets`; `fields` chooses columns, `input_keys` marks inputs.

    >>> import lmnb, tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "qa.csv")
    ...     _ = file.write_text("question,answer\\nThe capital of France?,Paris\\n")
    ...     lmnb.DataLoader().from_csv(file, input_keys=("question",))
    [Example({'question': 'The capital of France?', 'answer': 'Paris'}) (input_keys={'question'})]
    """

    def from_json(
        self, file_path: FilePath, fields: Sequence[str] | None = None, input_keys: Sequence[str] = ()
    ) -> list[Example]:
        """From one JSON object a line, or one list of objects."""
        text = _read(file_path)
        whole = text.lstrip()[:1] == "["
        rows = _json_list(file_path, text) if whole else _json_lines(file_path, text)
        return _examples(rows, fields, input_keys)

    def from_csv(
        self, file_path: FilePath, fields: Sequence[str] | None = None, input_keys: Sequence[str] = ()
    ) -> list[Example]:
        """From a file whose first line names the columns; every value is a str."""
        return _examples(_csv_rows(file_path, _read(file_path)), fields, input_keys)

    def from_pandas(
        self, df: Any, fields: Sequence[str] | None = None, input_keys: Sequence[str] = ()
    ) -> list[Example]:
        """From a DataFrame, one example a row."""
        rows = ((f"row {index} of the DataFrame", row) for index, row in enumerate(df.to_dict("records")))
        return _examples(rows, fields, input_keys)

    def from_parquet(
        self, file_path: FilePath, fields: Sequence[str] | None = None, input_keys: Sequence[str] = ()
    ) -> list[Example]:
        """From a parquet file (read by pandas)."""
        pandas = need("pandas", "pandas", "DataLoader.from_parquet()")
        return self.from_pandas(pandas.read_parquet(file_path), fields, input_keys)

    def from_huggingface(
        self,
        dataset: Any,
        *args: Any,
        fields: Sequence[str] | None = None,
        input_keys: Sequence[str] = (),
        split: str | None = None,
        **options: Any,
    ) -> list[Example] | dict[str, list[Example]]:
        """From a data set of Hugging Face's library: a name with what `datasets.load_dataset` takes, or one that is
        loaded. The examples of one split, or of each by its name.
        """
        if isinstance(dataset, str):
            library = need("datasets", "datasets", "DataLoader.from_huggingface()")
            if not hasattr(library, "load_dataset"):  # an empty folder `datasets` on the path imports, too
                raise MissingExtra("datasets", "datasets", "DataLoader.from_huggingface()")
            dataset = library.load_dataset(dataset, *args, split=split, **options)
        elif split is not None:
            dataset = dataset[split]
        if isinstance(dataset, Mapping):
            return {
                str(name): _from_rows(part, f"split {name!r}", fields, input_keys) for name, part in dataset.items()
            }
        return _from_rows(dataset, f"split {split!r}" if split else "the data set", fields, input_keys)


def _from_rows(rows: Iterable[Any], place: str, fields: Sequence[str] | None, inputs: Sequence[str]) -> list[Example]:
    return _examples(((f"row {index} of {place}", row) for index, row in enumerate(rows)), fields, inputs)


Placed = tuple[str, Mapping[Any, Any]]  # where a row stands, for messages, and the row


def _examples(rows: Iterable[Placed], fields: Sequence[str] | None, inputs: Sequence[str]) -> list[Example]:
    if isinstance(inputs, str) or isinstance(fields, str):
        wrong = inputs if isinstance(inputs, str) else fields
        raise InputError(f"names of fields are given as a list, such as [{wrong!r}], not as {wrong!r}.")
    examples = []
    for place, row in rows:
        kept = _chosen(place, row, row.keys() if fields is None else fields)
        _chosen(place, kept, inputs)
        example = Example(kept)
        examples.append(example.with_inputs(*inputs) if inputs else example)
    return examples


def _chosen(place: str, row: Mapping[Any, Any], names: Iterable[Any]) -> dict[str, Any]:
    names = list(names)
    for name in names:
        if name not in row:
            raise InputError(f"{place}: there is no field {name!r}; it has: {', '.join(map(str, row)) or 'none'}.")
    return {str(name): row[name] for name in names}


def _read(path: FilePath) -> str:
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        raise InputError(f"{path}, line {line}: byte {byte:#04x} is no UTF-8. Save the file as UTF-8.") from error


def _json_lines(path: FilePath, text: str) -> Iterator[Placed]:
    # only "\n" ends a line here: str.splitlines would also cut at characters that may stand inside a JSON string
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            place = f"{path}, line {number}"
            yield place, _object(place, _parsed(place, line))


def _json_list(path: FilePath, text: str) -> Iterator[Placed]:
    for index, row in enumerate(_parsed(str(path), text)):
        place = f"{path}, item {index}"
        yield place, _object(place, row)


def _parsed(place: str, text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_json)
    except RecursionError as error:
        raise InputError(f"{place}: it is nested too deeply to be read.") from error
    except ValueError as error:
        raise InputError(f"{place} is no JSON ({error}): {_start(text)}") from error


def _no_json(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}")


def _object(place: str, row: Any) -> Mapping[str, Any]:
    if not isinstance(row, dict):
        raise InputError(f'{place}: an example is an object such as {{"question": "..."}}, not {_start(repr(row))}')
    return row


def _start(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


def _csv_rows(path: FilePath, text: str) -> Iterator[Placed]:
    before = csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)  # newline="": a quoted cell may hold line ends
    try:
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            raise InputError(f"{path}, line {line}: there is a NUL character. This is no CSV text.")
        header = next(reader, None)
        if header is None:
            raise InputError(f"{path} is empty. Its first line names the columns.")
        if len(set(header)) < len(header):
            twice = next(name for name in header if header.count(name) > 1)
            raise InputError(f"{path}, line 1: the column {twice!r} is there twice.")
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                place = f"{path}, line {reader.line_num}"
                raise InputError(f"{place}: {len(cells)} cells where the first line names {len(header)} columns.")
            yield f"{path}, line {reader.line_num}", dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}.") from error
    finally:
        csv.field_size_limit(before)
