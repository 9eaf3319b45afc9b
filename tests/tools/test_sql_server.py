"""SQL on a database server: reading is held there, too. LMNB_TEST_DATABASE is the URL of an empty one to test with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

import lmnb

sqlalchemy = pytest.importorskip("sqlalchemy", reason="the extra 'sql' is not installed")

URL = os.environ.get("LMNB_TEST_DATABASE", "")
pytestmark = pytest.mark.skipif(not URL, reason="LMNB_TEST_DATABASE names no database")


@pytest.fixture
def engine() -> Iterator[Any]:
    """A server with two people, whose user may write."""
    made = sqlalchemy.create_engine(URL)
    with made.begin() as connection:
        connection.exec_driver_sql("drop table if exists people")
        connection.exec_driver_sql("create table people (id integer primary key, name varchar(20))")
        connection.exec_driver_sql("insert into people values (1, 'Ann'), (2, 'Bob')")
    yield made
    with made.begin() as connection:
        connection.exec_driver_sql("drop table people")
    made.dispose()


def test_a_server_is_read(engine: Any) -> None:
    """Answers, wildcards, closing semicolons and hints work as they do for files."""
    for sql in (lmnb.SQL(URL), lmnb.SQL(engine)):
        assert "people(id INTEGER key, name VARCHAR(20))" in sql.format()
        assert sql("select name from people where name like '%n%';").rows == (("Ann",),)
        assert "Did you mean 'people'?" in str(sql("select * from poeple"))
        assert "Did you mean 'name' of 'people'?" in str(sql("select nmae from people"))


@pytest.mark.parametrize(
    "query",
    [
        "delete from people",
        "select 1; delete from people",
        "select 1; commit; delete from people",
        "select 1 /* ; */; delete from people",
        "-- x\ndelete from people",
        "with d as (delete from people returning *) select * from d",
        "with d as (insert into people values (9, 'x') returning id) select * from d",
        "select * into copied from people",
        "select name from people for update",
        "select set_config('transaction_read_only', 'off', false)",
        "select 1 into outfile '/tmp/x'",
        "copy people to '/tmp/x'",
        "set transaction read write",
        "create table x (a integer)",
        "do $$begin delete from people; end$$",
        "begin",
        "commit",
        "select pg_sleep(20), sleep(20)",
        "select count(*) from people a, people b, (select pg_sleep(20)) c",
    ],
)
def test_a_server_is_not_written(engine: Any, query: str) -> None:
    """Neither stacked statements nor writing clauses nor settings get through, and time is limited."""
    for sql in (lmnb.SQL(URL, max_seconds=0.3), lmnb.SQL(engine, max_seconds=0.3)):
        assert sql(query).error
        assert sql("select count(*) from people").rows == ((2,),)


def test_nothing_of_a_query_stays_in_the_engine(engine: Any) -> None:
    """A connection of the user's engine keeps neither settings nor read-only mode."""
    assert lmnb.SQL(engine)("select 1").rows == ((1,),)
    with engine.begin() as connection:
        connection.exec_driver_sql("insert into people values (3, 'Cid')")
    assert lmnb.SQL(engine)("select count(*) from people").rows == ((3,),)
