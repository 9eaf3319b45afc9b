"""SQL: a tool that answers questions of a database, and can only read it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from lmnb.errors import InputError
from lmnb.html import Html, el, root, table_of
from lmnb.nearest import did_you_mean
from lmnb.optional import need
from lmnb.tools import sqlite
from lmnb.types.tool import Tool

_MOST_BYTES = 10_000_000  # of one result, whatever its number of rows
_WIDEST = 100  # characters of one cell in the text
_READS = re.compile(r"\s*(select|with|values|table)\b", re.IGNORECASE)
_READ_ONLY = {  # what a transaction is begun with, by dialect
    "postgresql": ("SET TRANSACTION READ ONLY", "SET LOCAL statement_timeout = {ms}"),
    "mysql": ("SET TRANSACTION READ ONLY", "SET SESSION max_execution_time = {ms}"),
    "mariadb": ("SET TRANSACTION READ ONLY", "SET SESSION max_statement_time = {s}"),
}
_FILES = re.compile(r"outfile|dumpfile", re.IGNORECASE)  # how a SELECT of MySQL writes a file
_NO_TABLE = re.compile(
    r"""no such table: (?:\w+\.)?(.+)|relation "(?:\w+\.)?(.+?)" does not|table '(?:\w+\.)?(.+?)' doesn""", re.I
)
_NO_COLUMN = re.compile(
    r"""no such column: (?:\w+\.)?(.+)|column "?(?:\w+\.)?(.+?)"? does not|unknown column '(.+?)'""", re.I
)
_HINTS = {
    "not authorized": "Only reading is allowed: write one SELECT.",
    "authorization denied": "Only reading is allowed: write one SELECT.",
    "prohibited": "Only the tables that this tool names may be read.",
    "readonly": "Only reading is allowed: write one SELECT.",
    "read-only": "Only reading is allowed: write one SELECT.",
    "one statement at a time": "Write one statement, without a second one after ';'.",
    "interrupted": "It ran longer than {seconds:g} s. Add conditions or a LIMIT, or aggregate less.",
    "timeout": "It ran longer than {seconds:g} s. Add conditions or a LIMIT, or aggregate less.",
    "too big": "A value is too long. Use substr() or length().",
    "syntax error": "The dialect is {dialect}.",
    "no such function": "The dialect is {dialect}.",
}


@dataclass(frozen=True)
class SQLResult:
    """What a query gave: columns and rows, `more` where rows were left out, or `error`. `str()` of it is a text table
    or the error with a hint.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    more: bool = False
    error: str | None = None

    def __str__(self) -> str:
        if self.error is not None:
            return f"Error: {self.error}"
        cells = [[_cell(value) for value in row] for row in (self.columns, *self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [" | ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
        lines.insert(1, "-+-".join("-" * width for width in widths))
        end = f"(the first {len(self.rows)} rows; there are more)" if self.more else f"({len(self.rows)} rows)"
        return "\n".join([*lines, end.replace("1 rows)", "1 row)") if len(self.rows) == 1 else end])

    def to_dicts(self) -> list[dict[str, Any]]:
        """The rows by column; of columns with one name, the last."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def _repr_html_(self) -> Html:
        if self.error is not None:
            return root("sql", el("pre", {"class": "lm-box"}, str(self)))
        body = (el("tr", None, *(el("td", None, _cell(value)) for value in row)) for row in self.rows)
        return root(
            "sql",
            table_of(self.columns, body),
            el("p", {"class": "lm-muted"}, str(self).rpartition("\n")[2]),
        )


class SQL(Tool):
    """A tool that runs one reading query on a database and gives an SQLResult; its description holds the schema.

    `database` is a URL or an SQLAlchemy Engine. SQLite files are opened for reading, and every statement is held to
    reading by SQLite's own authorizer. PostgreSQL, MySQL and MariaDB are asked within a read-only transaction that is
    rolled back, one statement that starts with SELECT or WITH, on a connection that is closed afterwards; give them a
    user that may only read as well, since their functions may do more. Other databases are refused. A wrong query is no
    exception but a result with its error and a hint, for the model to write a better one.

    `tables`: only these may be seen and read (a view needs the tables that it reads, too). `max_rows` rows are given,
    and a query is stopped after `max_seconds`.

    >>> import lmnb
    >>> from sqlalchemy import create_engine, text
    >>> engine = create_engine("sqlite://")
    >>> with engine.begin() as connection:
    ...     _ = connection.execute(text("create table dogs (name text, age integer)"))
    ...     _ = connection.execute(text("insert into dogs values ('Rex', 3), ('Ada', 7)"))
    >>> sql = lmnb.SQL(engine)
    >>> print(sql("select name from dogs where age > 5"))
    name
    ----
    Ada
    (1 row)
    >>> print(sql("delete from dogs"))
    Error: not authorized. Only reading is allowed: write one SELECT.
    """

    __slots__ = ()

    def __init__(
        self,
        database: Any,
        *,
        name: str = "sql",
        desc: str | None = None,
        tables: Sequence[str] | None = None,
        max_rows: int = 100,
        max_seconds: float = 5.0,
    ) -> None:
        reader = _Reader(database, tables, max_rows, max_seconds)
        said = f"Runs one reading query on a {reader.dialect} database." if desc is None else desc
        super().__init__(reader.query, name, f"{said}\nTables:\n{reader.text()}")


class _Reader:
    """One database, read within bounds."""

    def __init__(self, database: Any, tables: Sequence[str] | None, max_rows: int, max_seconds: float) -> None:
        alchemy = need("sqlalchemy", "sql", "SQL()")
        if isinstance(database, str) or type(database).__name__ == "URL":
            self.engine = _opened(alchemy, database)
        elif isinstance(database, alchemy.Engine):
            self.engine = database
        else:
            raise InputError(f"SQL() takes a database URL or an SQLAlchemy Engine, not {database!r}")
        self.dialect: str = self.engine.dialect.name
        if self.dialect != "sqlite" and self.dialect not in _READ_ONLY:
            known = ", ".join(["sqlite", *_READ_ONLY])
            raise InputError(f"SQL() cannot hold {self.dialect!r} to reading. It knows: {known}.")
        self.errors = (alchemy.exc.SQLAlchemyError, *sqlite.ERRORS)
        self.max_rows, self.max_seconds = max_rows, max_seconds
        try:
            with self.engine.connect() as connection:
                found = _tables(alchemy.inspect(connection))
                sqlite_only = self.dialect == "sqlite"
                own = sqlite.shadows(connection.connection.dbapi_connection) if sqlite_only else set()
        except self.errors as error:
            raise InputError(f"the database {self.engine.url!r} cannot be read: {_reason(error)}") from None
        self.hidden: frozenset[str] = frozenset()
        if tables is not None:
            if missing := [table for table in tables if table not in found]:
                raise InputError(f"the database has no table {missing[0]!r}. It has: {', '.join(found) or 'none'}.")
            if not sqlite_only:
                raise InputError("tables= holds for SQLite only. Give the database user rights on these tables alone.")
            theirs = {name for name in own if name.startswith(tuple(f"{table}_" for table in tables))}
            self.hidden = frozenset(found) - frozenset(tables) - theirs
        shown = (table for table in found if table not in own) if tables is None else tables
        found = {table: found[table] for table in shown}
        self.tables: Mapping[str, Sequence[str]] = found

    def text(self) -> str:
        """The schema, a table each line."""
        lines = [f"{_quoted(table)}({', '.join(columns)})" for table, columns in self.tables.items()]
        return "\n".join(lines) or "none"

    def query(self, query: str) -> SQLResult:
        """One query.

        Args:
            query: one SELECT statement
        """
        try:
            statement = self._single(query)
            with self.engine.connect() as connection, self._held(connection):
                # without parameters, so that a '%' is a '%' for every driver
                options = {"no_parameters": True}
                return self._fetched(connection.exec_driver_sql(statement, execution_options=options))
        except (InputError, *self.errors) as error:
            return SQLResult(error=self._explained(_reason(error)))

    def _single(self, query: str) -> str:
        """One statement that reads. SQLite itself sees to both; elsewhere no ';' may be inside, not even in a text."""
        statement = query.strip().rstrip("; \t\n")
        if not statement:
            raise InputError("the query is empty. Write one SELECT.")
        if "\0" in statement:
            raise InputError("the query holds a null character")
        if self.dialect != "sqlite" and (";" in statement or not _READS.match(statement)):
            raise InputError("only one statement that starts with SELECT or WITH, and holds no ';', is run here")
        if self.dialect != "sqlite" and _FILES.search(statement):
            raise InputError("only reading is allowed: no query may name OUTFILE or DUMPFILE")
        return statement

    @contextmanager
    def _held(self, connection: Any) -> Iterator[None]:
        if self.dialect == "sqlite":
            with sqlite.reading(connection.connection.dbapi_connection, self.hidden, self.max_seconds):
                yield
            return
        connection.detach()  # settings and locks of its session end with it
        try:
            for line in _READ_ONLY[self.dialect]:
                connection.exec_driver_sql(line.format(ms=int(self.max_seconds * 1000), s=self.max_seconds))
            yield
        finally:
            connection.rollback()

    def _fetched(self, result: Any) -> SQLResult:
        if not result.returns_rows:
            return SQLResult(error="the statement gives no rows. Write one SELECT.")
        rows: list[tuple[Any, ...]] = []
        size, ends = 0, time.monotonic() + self.max_seconds
        for row in result:
            if len(rows) >= self.max_rows or size > _MOST_BYTES or time.monotonic() > ends:
                return SQLResult(tuple(result.keys()), tuple(rows), more=True)
            rows.append(tuple(row))
            size += sum(len(value) if isinstance(value, (str, bytes)) else 8 for value in row)
        return SQLResult(tuple(result.keys()), tuple(rows))

    def _explained(self, reason: str) -> str:
        """The database's complaint with what to write instead."""
        if match := _NO_TABLE.search(reason):
            known = f"Tables: {', '.join(self.tables)}."
            return f"{reason}. {did_you_mean(next(filter(None, match.groups())), self.tables, known)}"
        if match := _NO_COLUMN.search(reason):
            columns = {column.split()[0]: table for table, found in self.tables.items() for column in found}
            near = get_close_matches(next(filter(None, match.groups())), columns, n=1)
            return f"{reason}. " + (f"Did you mean {near[0]!r} of {columns[near[0]]!r}?" if near else "See the tables.")
        hint = next((hint for sign, hint in _HINTS.items() if sign in reason.lower()), "")
        return f"{reason}. {hint.format(seconds=self.max_seconds, dialect=self.dialect)}" if hint else reason


def _opened(alchemy: Any, url: Any) -> Any:
    """An engine that opens SQLite files for reading only, and keeps nothing open between queries."""
    try:
        url = alchemy.engine.make_url(url)
        if url.get_backend_name() != "sqlite":
            return alchemy.create_engine(url, poolclass=alchemy.pool.NullPool)
    except (alchemy.exc.SQLAlchemyError, ImportError) as error:
        raise InputError(f"the database URL cannot be used: {_reason(error)}. Write 'sqlite:///data.db'.") from None
    if url.get_driver_name() != "pysqlite":
        raise InputError(f"the driver of {url!r} cannot be held to reading. Write 'sqlite:///data.db'.")
    path = sqlite.file_of(url.database)
    return alchemy.create_engine("sqlite://", creator=lambda: sqlite.opened(path), poolclass=alchemy.pool.NullPool)


def _tables(inspector: Any) -> dict[str, list[str]]:
    """Tables and views with their columns in words: `team INTEGER -> teams.id`."""
    found: dict[str, list[str]] = {}
    for table in [*inspector.get_table_names(), *inspector.get_view_names()]:
        keys = inspector.get_pk_constraint(table).get("constrained_columns") or []
        links = {
            own: f" -> {_quoted(key['referred_table'])}.{_quoted(other)}"
            for key in inspector.get_foreign_keys(table)
            for own, other in zip(key["constrained_columns"], key["referred_columns"], strict=False)
        }
        found[table] = [
            " ".join(filter(None, [_quoted(name), kind, "key" if name in keys else ""])) + links.get(name, "")
            for name, kind in ((column["name"], _kind(column["type"])) for column in inspector.get_columns(table))
        ]
    return found


def _kind(kind: Any) -> str:
    return "" if str(kind) == "NULL" else str(kind)


def _quoted(name: str) -> str:
    return name if name.isidentifier() else '"' + name.replace('"', '""').replace("\n", "\\n") + '"'


def _cell(value: Any) -> str:
    text = "NULL" if value is None else f"<{len(value)} bytes>" if isinstance(value, bytes) else str(value)
    if "\n" in text or "\r" in text:
        text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _reason(error: BaseException) -> str:
    """The driver's own words, in one line, without the statement that SQLAlchemy repeats."""
    cause = getattr(error, "orig", None) or error
    # pg8000 gives the parts of a message
    said = cause.args[0] if cause.args and isinstance(cause.args[0], dict) else {}
    return " ".join(str(said.get("M") or cause).split()).rstrip(".")[:500]
