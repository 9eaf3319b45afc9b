"""Holding SQLite to reading: the file is opened read-only, and its authorizer lets only reading statements be prepared."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lmnb.errors import InputError

ERRORS = (sqlite3.Error, sqlite3.Warning)  # Warning: how Python 3.11 and before refuse a second statement
_STEPS = 1_000  # instructions of SQLite's machine between two looks at the clock
_LIMITS = {  # a single function runs to its end whatever the clock says: these keep it short
    sqlite3.SQLITE_LIMIT_LENGTH: 300_000,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_COLUMN: 200,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 50,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
# `regexp` is SQLAlchemy's, in Python: a pattern may run for ever, and nothing can interrupt it
_FUNCTIONS = {"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit", "regexp"}
_SCHEMA = frozenset({"sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema"})
_INSIDES = ("sqlite_dbpage", "sqlite_dbdata", "sqlite_dbptr", "dbstat", "pragma_")


def file_of(database: str | None) -> Path:
    """The file that a URL names; InputError where there is none."""
    name = (database or "").removeprefix("file:").partition("?")[0]
    if name in ("", ":memory:"):
        raise InputError("a database in memory is reached through its Engine: SQL(engine)")
    path = Path(name).absolute()
    if not path.is_file():
        raise InputError(
            f"there is no database file {name!r}. Write the path as 'sqlite:///relative.db' or 'sqlite:////absolute.db'."
        )
    return path


def opened(path: Path) -> sqlite3.Connection:
    """A connection that can only read."""
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, check_same_thread=False)
    connection.execute("PRAGMA trusted_schema = 0")  # a view of the file calls no function with effects
    return connection


def shadows(connection: Any) -> set[str]:
    """The tables that virtual tables keep their own data in."""
    return {row[1] for row in connection.execute("PRAGMA table_list") if row[2] == "shadow"}


@contextmanager
def reading(connection: Any, hidden: frozenset[str], seconds: float) -> Iterator[None]:
    """Within the block, `connection` prepares only statements that read, none of the tables `hidden`, and stops after
    `seconds`; afterwards it is as before.
    """
    if not isinstance(connection, sqlite3.Connection):
        raise InputError(f"{type(connection).__name__} cannot be held to reading; use the driver pysqlite")
    # no exception for what a view reads: a `WITH` clause can take the name of a view
    closed = frozenset(name.lower() for name in hidden) | (_SCHEMA if hidden else frozenset())

    def allow(action: int, first: str | None, second: str | None, base: str | None, source: str | None) -> int:
        if (action, first, second) == (sqlite3.SQLITE_PRAGMA, "data_version", None):
            return sqlite3.SQLITE_OK  # full-text search asks it of itself
        if action not in _READING:
            return sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _FUNCTIONS:
            return sqlite3.SQLITE_DENY
        table = (first or "").lower()
        if action == sqlite3.SQLITE_READ and (table in closed or table.startswith(_INSIDES)):
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK

    _connect_virtual_tables(connection)
    ends = time.monotonic() + seconds
    before = connection.execute("PRAGMA query_only").fetchone()[0]
    connection.execute("PRAGMA query_only = 1")
    limits = {name: connection.setlimit(name, value) for name, value in _LIMITS.items()}
    connection.set_progress_handler(lambda: time.monotonic() > ends, _STEPS)
    connection.set_authorizer(allow)
    try:
        yield
    finally:
        connection.set_authorizer(None)
        connection.set_progress_handler(None, 0)
        for name, value in limits.items():
            connection.setlimit(name, value)
        connection.execute(f"PRAGMA query_only = {before}")


def _connect_virtual_tables(connection: sqlite3.Connection) -> None:
    """Let virtual tables declare their columns, which the authorizer would take for a CREATE TABLE."""
    made = connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE 'create virtual table%'").fetchall()
    for name in ("json_each('[]')", "json_tree('[]')", *('"' + name.replace('"', '""') + '"' for (name,) in made)):
        with suppress(*ERRORS):  # a module that is not there; the query will say so
            connection.execute(f"SELECT * FROM {name} LIMIT 0")
