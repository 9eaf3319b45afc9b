"""`Store`: the SQLite file behind the cache. It never raises for the state of the disk: at worst it is empty."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_TABLE = """
CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, value TEXT NOT NULL, size INTEGER NOT NULL, used REAL NOT
NULL) WITHOUT ROWID; CREATE INDEX IF NOT EXISTS by_use ON replies (used); CREATE TABLE IF NOT EXISTS total (one INTEGER
PRIMARY KEY CHECK (one = 1), bytes INTEGER NOT NULL, entries INTEGER NOT NULL); INSERT OR IGNORE INTO total VALUES (1,
0, 0); CREATE TRIGGER IF NOT EXISTS added AFTER INSERT ON replies BEGIN UPDATE total SET bytes = bytes + new.size,
entries = entries + 1; END; CREATE TRIGGER IF NOT EXISTS dropped AFTER DELETE ON replies BEGIN UPDATE total SET bytes =
bytes - old.size, entries = entries - 1; END;
"""
_ROW_BYTES = 100  # what a row costs beside its text
_TOUCHES = 64  # reads that are noted before their times of use are written
_PATIENCE = 5.0  # seconds to wait for another process that writes


class Store:
    """Texts by key in one SQLite file (WAL), bounded by `limit` bytes; the least recently used go first."""

    def __init__(self, path: Path, limit: int) -> None:
        self.path = path
        self.limit = limit
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode: int | None = None
        self._usable = True
        self._touched: dict[str, float] = {}

    def read(self, key: str) -> str | None:
        def one(db: sqlite3.Connection) -> str | None:
            row = db.execute("SELECT value FROM replies WHERE key = ?", (key,)).fetchone()
            if row is not None:
                self._touched[key] = time.time()
                if len(self._touched) >= _TOUCHES:
                    with _transaction(db):
                        self._note_use(db)
            return None if row is None or not isinstance(row[0], str) else row[0]

        return self._with(one, None)

    def write(self, key: str, text: str) -> None:
        size = len(key) + len(text) + _ROW_BYTES

        def one(db: sqlite3.Connection) -> None:
            with _transaction(db):
                self._note_use(db)
                # DELETE and INSERT, not REPLACE: a replaced row fires no delete trigger
                db.execute("DELETE FROM replies WHERE key = ?", (key,))
                if size <= self.limit:
                    db.execute("INSERT INTO replies VALUES (?, ?, ?, ?)", (key, text, size, time.time()))
                self._evict(db)

        self._with(one, None)

    def size(self) -> tuple[int, int]:
        """Entries and bytes."""
        return self._with(lambda db: db.execute("SELECT entries, bytes FROM total").fetchone() or (0, 0), (0, 0))

    def clear(self) -> None:
        def one(db: sqlite3.Connection) -> None:
            with _transaction(db):
                db.execute("DELETE FROM replies")

        self._with(one, None)

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _evict(self, db: sqlite3.Connection) -> None:
        (total,) = db.execute("SELECT bytes FROM total").fetchone()
        if total <= self.limit:
            return
        excess, gone = total - int(self.limit * 0.9), []  # make room for a while
        for key, size in db.execute("SELECT key, size FROM replies ORDER BY used"):
            if excess <= 0:
                break
            gone.append((key,))
            excess -= size
        db.executemany("DELETE FROM replies WHERE key = ?", gone)

    def _note_use(self, db: sqlite3.Connection) -> None:
        if self._touched:
            db.executemany(
                "UPDATE replies SET used = ? WHERE key = ?", [(used, key) for key, used in self._touched.items()]
            )
            self._touched.clear()

    def _with(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """`work` on the connection; a damaged file is replaced once, and `otherwise` is given where nothing helps."""
        with self._lock:
            for _ in range(2):
                if not self._usable:
                    return otherwise
                try:
                    return work(self._open())
                except sqlite3.OperationalError as error:
                    if _is_busy(error):
                        return otherwise  # another process writes for long: this reply is not kept, nothing else
                    self._give_up(error)
                except sqlite3.DatabaseError as error:
                    self._set_aside(error)
                except OSError as error:
                    self._give_up(error)
            return otherwise

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._inode = _inode(self.path)
            db = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
            self._connection = db
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("PRAGMA journal_size_limit = 4000000")
            if db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'dropped'").fetchone() == (0,):
                db.executescript(f"BEGIN IMMEDIATE; {_TABLE} COMMIT;")
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None

    def _set_aside(self, error: sqlite3.Error) -> None:
        seen = self._inode
        self._drop()
        # another process may have replaced the file already: then only open the new one
        if seen is not None and _inode(self.path) == seen:
            aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
            try:
                self.path.replace(aside)
            except OSError as failure:
                self._give_up(failure)
                return
            for ending in ("-wal", "-shm"):
                with contextlib.suppress(OSError):
                    self.path.with_name(self.path.name + ending).unlink()
            warnings.warn(
                f"the LM cache {str(self.path)!r} was damaged ({error}); it is kept as {aside.name!r} and begun anew"
            )

    def _give_up(self, error: Exception) -> None:
        self._drop()
        self._usable = False
        warnings.warn(
            f"the LM cache {str(self.path)!r} cannot be used ({error}); replies are kept in memory only. "
            "Set LMNB_CACHE_DIR to a writable folder."
        )


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection):
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
