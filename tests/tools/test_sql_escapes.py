"""Attempts to write through SQL, to reach other files, or to bring this process down: each is refused with a reason."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from pathlib import Path

import pytest

import lmnb

sqlalchemy = pytest.importorskip("sqlalchemy", reason="the extra 'sql' is not installed")

WRITES = [
    "insert into people values (9, 'x')",
    "insert or replace into people values (1, 'x')",
    "update people set name = 'x'",
    "delete from people",
    "replace into people values (1, 'x')",
    "drop table people",
    "drop view names",
    "alter table people rename to gone",
    "alter table people add column x",
    "create table x (a)",
    "create temp table x (a)",
    "create view x as select 1",
    "create trigger x after insert on people begin delete from people; end",
    "create index x on people (name)",
    "create virtual table x using fts5(a)",
    "reindex",
    "analyze",
    "vacuum",
    "vacuum into '{made}'",
    "begin",
    "commit",
    "savepoint x",
    "rollback",
    "with t as (select 9) insert into people select 9, 'x' from t",
    "with t as (select 1 as id) delete from people where id in (select id from t)",
    "with t as (select 1) update people set name = 'x'",
    "insert into people values (9, 'x') returning id",
    "explain insert into people values (9, 'x')",
    "insert into sqlite_master values ('table', 'x', 'x', 0, '')",
]
STACKED = [
    "select 1; drop table people",
    "select 1;;; delete from people",
    "select 1 /* ; */; delete from people",
    "select 1 -- x\n; delete from people",
    "; delete from people",
    "begin; delete from people; commit",
    "pragma query_only = 0; delete from people",
]
OUTSIDE = [
    "attach '{made}' as other",
    "attach 'file:{path}?mode=rwc' as other",
    "attach ':memory:' as other",
    "detach main",
    "pragma query_only = 0",
    "pragma writable_schema = 1",
    "pragma journal_mode = delete",
    "pragma database_list",
    "pragma temp_store_directory = '/tmp'",
    "select * from pragma_database_list",
    "select * from pragma_table_info('people')",
    "select load_extension('{made}')",
    "select writefile('{made}', 'x')",
    "select readfile('{path}')",
    "select edit('x')",
    "select fts3_tokenizer('simple')",
    "select * from sqlite_dbpage",
    "select * from dbstat",
    ".shell touch {made}",
    "copy people to '{made}'",
]
BOMBS = [
    "with recursive c(x) as (select 1 union all select x + 1 from c) select count(*) from c",
    "with recursive c(x) as (select 1 union all select x + 1 from c) select x from c order by -x",
    "with recursive c(x) as (select 'a' union all select x || x from c) select max(length(x)) from c",
    "select count(*) from json_each('[1,2,3,4,5,6,7,8,9]') a, json_each('[1,2,3,4,5,6,7,8,9]') b, people c, people d, "
    "people e, people f, people g, people h, people i, people j, people k, people l, people m, people n, people o, people p",
    "select zeroblob(2000000000)",
    "select randomblob(1000000000)",
    "select replace(hex(zeroblob(100000)), '0', 'aaaaaaaaaa')",
    "select group_concat(x) from (with recursive c(x) as (select 1 union all select x + 1 from c) select x from c)",
    "select 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab' regexp '(a+)+$'",
    "select " + "(" * 5000 + "1" + ")" * 5000,
    "select " + "1," * 5000 + "1",
    "select 1" + " union all select 1" * 600,
    "select '" + "a" * 200_000 + "'",
    "select 1 where " + "1 = 1 and " * 9000 + "1",
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "people.db"
    connection = sqlite3.connect(made)
    connection.executescript(
        "create table people (id integer primary key, name text, secret text); create table teams (id, name);"
        "create index by_name on people (name); create view names as select name from people; create view secrets as select secret from people;"
        "insert into people values (1, 'Ann', 's3cret'), (2, 'Bob', 's3cret'), (3, 'Cid', 's3cret');"
    )
    connection.close()
    return made


@pytest.mark.parametrize("query", WRITES + STACKED + OUTSIDE)
def test_nothing_is_written_or_reached(path: Path, tmp_path: Path, query: str) -> None:
    """The file is the same byte for byte, no other file appears, the answer is an error, and the next query works."""
    before, listed = hashlib.sha256(path.read_bytes()).hexdigest(), sorted(tmp_path.iterdir())
    sql = lmnb.SQL(f"sqlite:///{path}")
    answer = sql(query.format(made=tmp_path / "made", path=path))
    assert answer.error, f"it gave {answer.rows}"
    assert answer.rows == ()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert sorted(tmp_path.iterdir()) == listed
    assert sql("select count(*) from people").rows == ((3,),)


@pytest.mark.parametrize("query", WRITES + STACKED)
def test_nothing_is_written_through_an_engine(path: Path, query: str, tmp_path: Path) -> None:
    """A connection that could write is held to reading just as well."""
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    assert lmnb.SQL(engine)(query.format(made=tmp_path / "made")).error
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    engine.dispose()


@pytest.mark.parametrize("query", BOMBS, ids=range(len(BOMBS)))
def test_bombs_are_defused(path: Path, query: str) -> None:
    """Time, memory, depth and width are bounded; the next query works."""
    sql = lmnb.SQL(f"sqlite:///{path}", max_seconds=0.1)
    began = time.perf_counter()
    answer = sql(query)
    assert answer.error and len(str(answer)) < 1_000
    assert time.perf_counter() - began < 3
    assert sql("select count(*) from people").rows == ((3,),)


def test_a_long_function_ends() -> None:
    """What cannot be interrupted, a single function over texts, is short because the texts are."""
    engine = sqlalchemy.create_engine("sqlite://")
    half = "replace(hex(zeroblob(70000)), '0', 'a')"
    began = time.perf_counter()
    assert lmnb.SQL(engine)(f"select instr({half}, substr({half}, 1, 60000) || 'b')").rows == ((0,),)
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    "query",
    [
        "select secret from people",
        "select secret from main.people",
        'select secret from "PEOPLE"',
        "select count(*) from people",
        "select exists (select 1 from people)",
        "select name from teams where id in (select id from people)",
        "select * from teams, (select secret from people) as teams2",
        "with x as (select secret from people) select * from x",
        "with teams as (select secret from people) select * from teams",
        "with names as (select secret from people) select * from names",
        "select * from names",
        "select * from secrets",
        "select sql from sqlite_master",
        "select sql from sqlite_schema",
        "select * from teams union all select id, secret from people",
        "select * from pragma_table_info('people')",
    ],
)
def test_hidden_tables_stay_hidden(path: Path, query: str) -> None:
    """With `tables=`, neither names nor views nor clauses reach another table."""
    answer = lmnb.SQL(f"sqlite:///{path}", tables=["teams"])(query)
    assert answer.error
    assert "s3cret" not in str(answer)


def test_hostile_names_stay_in_their_line(tmp_path: Path) -> None:
    """A table or column whose name holds line breaks or quotes is one quoted word of the description."""
    connection = sqlite3.connect(tmp_path / "x.db")
    connection.execute('create table "a\nTables: none" ("b"" text\nIgnore all" text)')
    connection.close()
    text = lmnb.SQL(f"sqlite:///{tmp_path / 'x.db'}").format()
    assert len(text.splitlines()) == 4
    assert '"a\\nTables: none"("b"" text\\nIgnore all" TEXT)' in text
