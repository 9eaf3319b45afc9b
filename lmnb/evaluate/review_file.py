"""Answers of a review in a file: one JSON object a line, only ever added to, and read as what it is, somebody's text."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeGuard

from lmnb.errors import SaveError
from lmnb.json_file import check_writable, finite, shown

JUDGED, PREFERRED = ("keep", "reject", "edit", "skip"), ("A", "B", "tie", "skip")
MOST_NUMBER = 10**9
MOST_DEEP = 100  # what is nested deeper than that cannot be shown


@dataclass(frozen=True)
class Answer:
    """What a reviewer said of the item of that id: `verdict` is "keep", "reject", "edit" or "skip", of a pair "A", "B", "tie" or "skip".

    `fields` are the values of an edit. `choice` is which output of a pair was preferred, 0 or 1 in the order in which they were given,
    whichever side it was shown on. `time` is local, in ISO 8601.
    """

    number: int
    item: str
    verdict: str
    reason: str | None = None
    fields: Mapping[str, Any] | None = None
    choice: int | None = None
    time: str = ""


class AnswersFile:
    """The file at `path`. `answers` are those that stand, in the order of the lines; `problems` says which lines count for nothing, and why.

    Without a path they are only kept here. SaveError for a file that holds something else than answers: nothing is added to that.
    """

    def __init__(self, path: str | Path | None) -> None:
        self.path = None if path is None else check_writable(path)
        self.answers: list[Answer] = []
        self.problems: list[str] = []
        self.last = 0
        self._torn = False
        if self.path is not None and self.path.exists():
            self._read(self.path)

    def _read(self, path: Path) -> None:
        if not path.is_file():  # to read a pipe or a device may take for ever
            raise SaveError(f"{str(path)!r} is no file that answers can be added to")
        try:
            text = path.read_bytes().decode("utf-8", "replace")
        except OSError as error:
            raise SaveError(f"{str(path)!r} cannot be read: {error.strerror or error}") from None
        lines = text.split("\n")
        self._torn = lines[-1] != ""  # the next line must not be written behind it
        found, taken = 0, _Taken()
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            problem = self._take(line, taken)
            found += problem is None
            if problem is not None:
                half = " (it was not written to its end)" if self._torn and number == len(lines) else ""
                self.problems.append(f"line {number}: {problem}{half}")
        self.answers = list(taken.standing.values())
        begun = len(lines) == 1 and text.startswith('{"answer"'[: len(text)])
        if self.problems and not found and not begun:
            raise SaveError(
                f"{str(path)!r} holds no answers of a review ({self.problems[0]}). Give the name of another file."
            )

    def _take(self, line: str, taken: _Taken) -> str | None:
        """Takes a line in; says what is wrong with it, if anything is."""
        try:
            record = json.loads(line)
        except RecursionError:
            return "it is nested too deeply"
        except ValueError:
            return "it is not JSON"
        if not isinstance(record, dict):
            return f"it should be an object, not {shown(record)}"
        if "undo" not in record:
            return self._take_answer(record, taken)
        number, item = record["undo"], record.get("item")
        if not _counts(number) or not isinstance(item, str) or not taken.undo(number, item):
            return f"there is no answer {shown(number)} about its item"
        return None

    def _take_answer(self, record: Mapping[str, Any], taken: _Taken) -> str | None:
        number, item, verdict = record.get("answer", 0), record.get("item"), record.get("verdict")
        reason, fields, choice = (record.get(key) for key in ("reason", "fields", "choice"))
        if not _counts(number) or not isinstance(item, str) or not item:
            return "it is no answer: it needs 'answer', a number, and 'item', a text"
        if not isinstance(verdict, str) or verdict not in (*JUDGED, *PREFERRED):
            return f"its verdict is {shown(verdict)}"
        if not isinstance(reason, str | None) or not isinstance(fields, dict | None):
            return "its reason is no text, or its fields are no object"
        if _depth(fields) > MOST_DEEP:
            return "it is nested too deeply"
        if not isinstance(choice, int | None) or choice not in (None, 0, 1) or isinstance(choice, bool):
            return f"its choice is {shown(choice)}"
        if (verdict in ("A", "B")) != (choice is not None) or (fields and verdict != "edit"):
            return f"a verdict {verdict!r} does not go with its choice, or with its fields"
        self.last = max(self.last, number)  # two who write at once may have given the same number
        time = str(record.get("time", ""))[:40]
        taken.add(Answer(number, item, verdict, reason, fields, choice, time))
        return None

    def add(self, answer: Answer, about: Mapping[str, Any]) -> None:
        """Write an answer down, with what it is about, and keep it."""
        fields = asdict(answer)
        self._append({"answer": fields.pop("number"), **fields, **about})
        self.last = answer.number
        self.answers.append(answer)

    def undo(self, answer: Answer, time: str) -> None:
        """Write down that an answer no longer stands."""
        self._append({"undo": answer.number, "item": answer.item, "time": time})
        self.answers.remove(answer)

    def _append(self, record: Mapping[str, Any]) -> None:
        if self.path is None:
            return
        line = json.dumps(finite(record), ensure_ascii=True, default=str) + "\n"
        before = "\n" if self._torn else ""
        self._torn = True  # until it is written to its end: a full disk may take half of it
        try:
            with self.path.open("ab") as file:
                file.write((before + line).encode("ascii"))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise SaveError(
                f"the answer is not saved: {str(self.path)!r} cannot be written: {error.strerror or error}"
            ) from None
        self._torn = False


class _Taken:
    """The answers of a file that stand so far, found at once by number and item: a file may take back very many."""

    def __init__(self) -> None:
        self.standing: dict[int, Answer] = {}  # by place
        self._places: dict[tuple[int, str], list[int]] = {}  # two who write at once may have given the same number
        self._next = 0

    def add(self, answer: Answer) -> None:
        self.standing[self._next] = answer
        self._places.setdefault((answer.number, answer.item), []).append(self._next)
        self._next += 1

    def undo(self, number: int, item: str) -> bool:
        """Takes the last such answer out; whether there is one."""
        places = self._places.get((number, item))
        if not places:
            return False
        del self.standing[places.pop()]
        return True


def _depth(value: Any) -> int:
    """How deeply JSON data is nested, without a call for each step."""
    deep, level = 0, [value] if isinstance(value, dict | list) else []
    while level:
        level = [part for each in level for part in (each.values() if isinstance(each, dict) else each)]
        level = [part for part in level if isinstance(part, dict | list)]
        deep += 1
    return deep


def _counts(number: Any) -> TypeGuard[int]:
    return isinstance(number, int) and not isinstance(number, bool) and 0 < number <= MOST_NUMBER
