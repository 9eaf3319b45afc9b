"""A run's folder on disk: `journal.jsonl`, one record a line and only ever appended, and beside it big values by their hash.

Every record reaches the file in one unbuffered write, so a killed process loses none that was written; `sync` makes them survive a power cut.
A torn last line is dropped on open. A lock on the folder keeps a second process from going live.
"""

from __future__ import annotations

import gc
import json
import os
import re
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from lmnb.canonical import compact
from lmnb.errors import JournalError, RunLocked
from lmnb.optimize.blobs import Blobs, disk_full

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None

FORMAT = 1
LAZILY = 0.25  # seconds of work that a power cut may take, where nothing is decided
LOOKED_AT = 5.0  # seconds for which a lock is asked for that nobody holds
_CALL = re.compile(rb'\{"k":"call","run":"(\w+)","req":"(\w+)","res":(\{.*\})\}')  # as `Journal.append_call` writes it


@contextmanager
def all_kept() -> Iterator[None]:
    """While many records are made, all of which stay, the garbage collector does not look again and again for what could be freed."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def read_records(folder: Path) -> tuple[list[dict[str, Any]], int]:
    """The records of a journal and the length in bytes of its sound part; a torn last line is left out.

    What an LM replied ("res" of a "call") stays the bytes that it is in the file: a replay needs none of it.
    """
    path = folder / "journal.jsonl"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise JournalError(
            f"no run at {str(folder)!r}: it has no readable journal.jsonl ({error.strerror}). lmnb.runs() lists the stored runs."
        ) from error
    with all_kept():
        records, sound = _sound(content.split(b"\n"), path)
    if not records or records[0]["k"] != "header":
        raise JournalError(f"{path}: the first record is not a header, so this is no run of lmnb")
    if records[0].get("format") != FORMAT:
        raise JournalError(
            f"{path}: journal format {records[0].get('format')!r} is not the {FORMAT} that this version of lmnb reads"
        )
    return records, sound


def _sound(lines: list[bytes], path: Path) -> tuple[list[dict[str, Any]], int]:
    """The records of a journal's lines, up to the torn one."""
    records: list[dict[str, Any]] = []
    sound = 0
    *lines, torn = lines  # even where it is complete by luck, it is asked again
    for number, line in enumerate(lines, 1):
        try:
            call = _CALL.fullmatch(line)
            record = (
                parsed(line)
                if call is None
                else {"k": "call", "run": call[1].decode(), "req": call[2].decode(), "res": call[3]}
            )
            if not isinstance(record, dict) or "k" not in record:
                raise ValueError("not a record")
        except ValueError as error:
            if not any([*lines[number:], torn]):
                break
            raise JournalError(
                f"{path}, line {number}: {line[:60].decode(errors='replace')!r} is not a record ({error}). "
                "The lines after it are sound: mend or remove this one, and open the run again."
            ) from error
        records.append(record)
        sound += len(line) + 1
    return records, sound


class Journal:
    """Appends records. `folder=None` keeps everything in memory only."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.blobs = Blobs(folder)
        self._lock = threading.Lock()
        self._file: int | None = None
        self._held: int | None = None
        self._synced = 0.0

    def begin(self, header: dict[str, Any]) -> None:
        """Go live on a new run: its journal appears with the header whole, or not at all. FileExistsError where one is."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "journal.jsonl"
        with self._taken(self.folder):
            if path.exists():
                raise FileExistsError(
                    f"{str(self.folder)!r} holds a run already. Go on with lmnb.reopen({str(self.folder)!r}), or choose another run_dir."
                )
            part = path.with_suffix(".part")
            with part.open("wb") as file:
                file.write(_line(header))
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            self._file = _appending(path)

    def open(self) -> None:
        """Go live on a stored run: take the folder's lock, drop a torn tail, append from there on."""
        if self.folder is None or self._file is not None:
            return
        path = self.folder / "journal.jsonl"
        if not path.is_file():
            read_records(self.folder)  # raises, and leaves no lock in a folder that is no run
        with self._taken(self.folder):
            sound = read_records(self.folder)[1]
            torn = path.stat().st_size - sound
            if torn:
                warnings.warn(
                    f"{path} ends inside a record: these {torn} bytes are dropped and asked again, all before them is kept.",
                    stacklevel=3,
                )
                os.truncate(path, sound)
            self._file = _appending(path)

    @contextmanager
    def _taken(self, folder: Path) -> Iterator[None]:
        """Hold the folder's lock from here on; given back where the block raises."""
        try:
            self._held = _take(folder / "lock")
            yield
        except BaseException:
            self.close()
            raise

    def append(self, record: dict[str, Any]) -> None:
        """One record, in one write."""
        if self._file is not None:
            self._write(_line(record))

    def append_call(self, run: str, request: str, reply: bytes) -> None:
        """The record of one LM call; `reply` is JSON already."""
        self._write(b'{"k":"call","run":"%b","req":"%b","res":%b}\n' % (run.encode(), request.encode(), reply))

    def _write(self, line: bytes) -> None:
        with self._lock:
            if self._file is None:
                return
            written = os.write(self._file, line)
            if written < len(line):  # the disk is full: what comes later must not stand behind half a record
                os.ftruncate(self._file, os.fstat(self._file).st_size - written)
                raise disk_full(self.folder)

    def sync(self, *, lazily: bool = False) -> None:
        """Force the records to the disk; `lazily`, unless that was done a moment ago."""
        now = time.monotonic()
        if lazily and now - self._synced < LAZILY:
            return
        self._synced = now
        self.blobs.sync()
        with self._lock:
            if self._file is not None:
                os.fsync(self._file)

    def close(self) -> None:
        """Give the folder back."""
        self.sync()
        self.blobs.close()
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None
            if self._held is not None and self.folder is not None:
                _give_back(self._held, self.folder / "lock")
                self._held = None


def whole(record: dict[str, Any]) -> dict[str, Any]:
    """A record as it was written, with what an LM replied."""
    reply = record.get("res")
    return {**record, "res": parsed(reply)} if isinstance(reply, bytes) else record


def parsed(line: bytes) -> Any:
    """The value of a text of JSON. ValueError where it has none."""
    try:
        return from_json(line)  # in a third of the time
    except ValueError:
        try:
            return json.loads(line)  # it also reads half a pair of surrogates, which a model's reply may hold
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def _line(record: dict[str, Any]) -> bytes:
    return compact(record) + b"\n"


def _appending(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))


def _take(path: Path) -> int:
    until = time.monotonic() + LOOKED_AT
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if _locks(handle, path):
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
            return handle
        held = _held(handle)
        os.close(handle)
        if held or time.monotonic() > until:
            raise RunLocked(_locked_words(path))
        time.sleep(0.001)  # who only looks is gone in a moment


def _locks(handle: int, path: Path) -> bool:
    """Whether the lock is taken: of the file that stands there, not of one that its holder has just taken away."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        return False


def _held(handle: int) -> bool:
    """Whether somebody has the lock; those who look share it, and are no holders."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def _locked_words(path: Path) -> str:
    try:
        ours = path.read_bytes() == str(os.getpid()).encode()
    except OSError:
        ours = False  # it was given back
    if ours:
        folder = f"lmnb.runs({str(path.parent.parent)!r}).open({path.parent.name!r})"
        return f"the run at {str(path.parent)!r} is at work in this process: {folder} gives it"
    return f"the run at {str(path.parent)!r} is live in another process; look at it with lmnb.reopen(...), or stop it there"


def _give_back(handle: int, path: Path) -> None:
    if fcntl is not None:
        path.unlink(missing_ok=True)  # while it is held: a moment later it may be another's
    os.close(handle)
    if fcntl is None:
        path.unlink(missing_ok=True)


def is_live(folder: Path) -> bool:
    """Whether some process holds the run."""
    path = folder / "lock"
    if fcntl is None:
        return path.exists()
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return _held(handle)
    finally:
        os.close(handle)
