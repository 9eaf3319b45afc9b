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
        if self.path is not None:
            self._read(self.path)

    def _read(self, path: Path) -> None:
        try:
            text = path.read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:
            return
        except OSError as error:
            raise SaveError(f"{str(path)!r} cannot be read: {error.strerror or error}") from None
        lines = text.split("\n")
        self._torn = lines[-1] != ""  # the next line must not be written behind it
        found = 0
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            problem = self._take(line)
            found += problem is None
            if problem is not None:
                half = " (it was not written to its end)" if self._torn and number == len(lines) else ""
                self.problems.append(f"line {number}: {problem}{half}")
        begun = len(lines) == 1 and text.startswith('{"answer"'[: len(text)])
        if self.problems and not found and not begun:
            raise SaveError(
                f"{str(path)!r} holds no answers of a review ({self.problems[0]}). Give the name of another file."
            )

    def _take(self, line: str) -> str | None:
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
            return self._take_answer(record)
        number, item = record["undo"], record.get("item")
        meant = next((each for each in reversed(self.answers) if (each.number, each.item) == (number, item)), None)
        if meant is None:
            return f"there is no answer {shown(number)} about its item"
        self.answers.remove(meant)
        return None

    def _take_answer(self, record: Mapping[str, Any]) -> str | None:
        number, item, verdict = record.get("answer", 0), record.get("item"), record.get("verdict")
        reason, fields, choice = (record.get(key) for key in ("reason", "fields", "choice"))
        if not _counts(number) or not isinstance(item, str) or not item:
            return "it is no answer: it needs 'answer', a number, and 'item', a text"
        if not isinstance(verdict, str) or verdict not in (*JUDGED, *PREFERRED):
            return f"its verdict is {shown(verdict)}"
        if not isinstance(reason, str | None) or not isinstance(fields, dict | None):
            return "its reason is no text, or its fields are no object"
        if choice not in (None, 0, 1) or isinstance(choice, bool) or (verdict in ("A", "B")) != (choice is not None):
            return f"its choice is {shown(choice)}"
        self.last = max(self.last, number)  # two who write at once may have given the same number
        time = str(record.get("time", ""))[:40]
        self.answers.append(Answer(number, item, verdict, reason, fields, choice, time))
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
        try:
            with self.path.open("ab") as file:
                file.write((("\n" if self._torn else "") + line).encode("ascii"))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise SaveError(
                f"the answer is not saved: {str(self.path)!r} cannot be written: {error.strerror or error}"
            ) from None
        self._torn = False


def _counts(number: Any) -> TypeGuard[int]:
    return isinstance(number, int) and not isinstance(number, bool) and 0 < number <= MOST_NUMBER
