"""Big values of a run, each stored once by its hash: `blobs.jsonl`, a line a value, only ever appended.

One file and not a file a value: to make a file takes forty times as long as to append what it would hold.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any

from lmnb.canonical import compact
from lmnb.errors import JournalError

DIGITS = 24  # of a value's name
_BEFORE, _AFTER = b'["', b"]\n"  # a line is ["name",value]
_HEAD = len(_BEFORE) + DIGITS + 2


class Blobs:
    """Values in terms of JSON. `folder=None` keeps them in memory only.

    >>> blobs = Blobs(None)
    >>> blobs.get(blobs.put({"a": 1}))
    {'a': 1}
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._memory: dict[str, bytes] = {}
        self._places: dict[str, tuple[int, int]] = {}  # where in the file a value begins, and its length
        self._known = 0  # bytes of the file that are known
        self._file: int | None = None
        self._lock = threading.Lock()

    def put(self, value: Any) -> str:
        """The name of the value, which is on disk from here on."""
        text = compact(value)
        name = hashlib.sha256(text).hexdigest()[:DIGITS]
        if self._folder is None:
            self._memory[name] = text
            return name
        with self._lock:
            file = self._appending(self._folder)
            if name not in self._places:
                line = b'["%b",%b]\n' % (name.encode(), text)
                if os.write(file, line) < len(line):  # one write: a killed process leaves it whole, or nothing of it
                    os.close(file)  # the disk is full; whoever opens it again goes on behind the half line
                    self._file = None
                    raise disk_full(self._folder)
                end = os.lseek(file, 0, os.SEEK_CUR)  # where this write ended, whoever else writes there
                self._places[name] = (end - len(line) + _HEAD, len(text))
                if self._known == end - len(line):
                    self._known = end
        return name

    def get(self, name: str) -> Any:
        """The value of that name. JournalError where there is none."""
        if not (name.isalnum() and name.isascii()):
            raise JournalError(f"{name!r} is not the name of a stored value")
        try:
            if self._folder is None:
                return json.loads(self._memory[name])
            with self._lock:
                if name not in self._places:
                    self._read(self._folder)
            if name not in self._places:  # a folder of before has a file for each value
                alone = self._folder / "blobs" / name[:2] / f"{name}.json"
                if not alone.exists():
                    raise ValueError("no whole line of its blobs.jsonl holds it")
                return json.loads(alone.read_bytes())
            start, length = self._places[name]
            with _file(self._folder).open("rb") as file:
                file.seek(start)
                return json.loads(file.read(length))
        except (KeyError, OSError, ValueError) as error:
            raise JournalError(f"the stored value {name} of {str(self._folder)!r} cannot be read: {error}") from error

    def sync(self) -> None:
        """Force what was put to the disk."""
        with self._lock:
            if self._file is not None:
                os.fsync(self._file)

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _appending(self, folder: Path) -> int:
        if self._file is None:
            folder.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
            self._file = os.open(_file(folder), flags, 0o644)
            if self._read(folder):
                os.write(self._file, b"\n")  # it ends inside a line, of which nothing is missed: it would be put again
                self._known = os.lseek(self._file, 0, os.SEEK_END)
        return self._file

    def _read(self, folder: Path) -> bool:
        """Learn of the lines that are new; whether the file ends inside one."""
        path = _file(folder)
        if not path.exists():
            return False
        with path.open("rb") as file:
            file.seek(self._known)
            for line in file:
                if not line.endswith(b"\n"):
                    return True
                if line.startswith(_BEFORE) and line.endswith(_AFTER):
                    name = line[len(_BEFORE) : len(_BEFORE) + DIGITS].decode("ascii", "replace")
                    self._places[name] = (self._known + _HEAD, len(line) - _HEAD - len(_AFTER))
                self._known += len(line)
        return False


def disk_full(folder: Path | None) -> OSError:
    """What a write raises that was cut short."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _file(folder: Path) -> Path:
    return folder / "blobs.jsonl"
