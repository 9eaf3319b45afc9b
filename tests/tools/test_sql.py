"""SQL: answers as tables, the schema in the description, wrong queries as texts with a hint."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

import lmnb
from lmnb.trace import Trace, span

sqlalchemy = pytest.importorskip("sqlalchemy", reason="the extra 'sql' is not installed")

SCHEMA = """
create table teams (id integer primary key, name text not null);
create table people (id integer primary key, name text, team integer references teams(id), born date);
create view names as select name from people;
create virtual table notes using fts5(body);
insert into teams values (1, 'north'), (2, 'south');
insert into people values (1, 'Ann', 1, '1990-01-02'), (2, 'Bob', 2, null), (3, 'Cid', 1, '1985-05-06');
insert into notes values ('hello world'), ('good night');
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with people, teams, a view and a full-text table."""
    made = tmp_path / "people.db"
    connection = sqlite3.connect(made)
    connection.executescript(SCHEMA)
    connection.close()
    return made


def test_the_description_holds_the_schema(path: Path) -> None:
    """A prompt shows every table with columns, keys and references, and not what SQLite keeps for itself."""
    tool = lmnb.SQL(f"sqlite:///{path}")
    assert tool.format() == (
        "sql(query: str): Runs one reading query on a sqlite database.\n"
        "Tables:\n"
        "notes(body)\n"
        "people(id INTEGER key, name TEXT, team INTEGER -> teams.id, born DATE)\n"
        "teams(id INTEGER key, name TEXT)\n"
        "names(name TEXT)\n"
        "  query: one SELECT statement"
    )
    said = tool.format_as_litellm_function_call()["function"]
    assert (said["name"], said["parameters"]["required"]) == ("sql", ["query"])


def test_an_answer_is_a_table_and_rows(path: Path) -> None:
    """The text is a table for the model, the rows are values for a program."""
    answer = lmnb.SQL(f"sqlite:///{path}")("select name, born from people order by id limit 2")
    assert str(answer) == "name | born\n-----+-----------\nAnn  | 1990-01-02\nBob  | NULL\n(2 rows)"
    assert answer.to_dicts() == [{"name": "Ann", "born": "1990-01-02"}, {"name": "Bob", "born": None}]
    assert "<table" in answer._repr_html_()


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("select count(*) from people", ((3,),)),
        ("with t as (select team, count(*) n from people group by team) select max(n) from t", ((2,),)),
        ("values (1), (2)", ((1,), (2,))),
        ("select name from people -- a remark; with a semicolon", (("Ann",), ("Bob",), ("Cid",))),
        ("select 1;", ((1,),)),
        ("select ';', '%s', ':x'", ((";", "%s", ":x"),)),
        ("select body from notes where notes match 'hello'", (("hello world",),)),
        ("select value from json_each('[4, 5]')", ((4,), (5,))),
        ("select name from names where name like 'A%'", (("Ann",),)),
        (
            "select t.name, count(*) from people p join teams t on p.team = t.id group by 1",
            (("north", 2), ("south", 1)),
        ),
        ("with recursive c(x) as (select 1 union all select x + 1 from c where x < 4) select sum(x) from c", ((10,),)),
        ("select row_number() over (order by name desc) from people", ((1,), (2,), (3,))),
    ],
)
def test_what_reads_is_allowed(path: Path, query: str, rows: tuple[tuple[object, ...], ...]) -> None:
    """Joins, windows, recursion, views, full-text search and JSON work."""
    assert lmnb.SQL(f"sqlite:///{path}")(query).rows == rows


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select * from poeple", "no such table: poeple. Did you mean 'people'?"),
        ("select * from zzz", "no such table: zzz. Tables: notes, people, teams, names."),
        ("select nmae from people", "no such column: nmae. Did you mean 'name' of 'names'?"),
        ("selec 1", 'near "selec": syntax error. The dialect is sqlite.'),
        ("select now()", "no such function: now. The dialect is sqlite."),
        ("  ;", "the query is empty. Write one SELECT."),
        ("select * from people where id = ?", "Incorrect number of bindings supplied"),
        ("select 'a\0b'", "the query holds a null character"),
    ],
)
def test_a_wrong_query_is_answered_with_a_hint(path: Path, query: str, said: str) -> None:
    """The model gets the database's complaint and what to write instead; nothing is raised."""
    answer = lmnb.SQL(f"sqlite:///{path}")(query)
    assert answer.error is not None
    assert said.rstrip(".") in str(answer)
    assert answer.rows == ()


def test_rows_and_cells_are_limited(path: Path) -> None:
    """Many rows end with a note, long cells are cut in the text, line breaks stay in one line."""
    sql = lmnb.SQL(f"sqlite:///{path}", max_rows=2)
    answer = sql("select id, 'a' || char(10) || 'b' from people")
    assert len(answer.rows) == 2 and answer.more
    assert str(answer).endswith("2  | a\\nb\n(the first 2 rows; there are more)")
    answer = sql("select replace(hex(zeroblob(500)), '0', 'a'), zeroblob(3)")
    assert len(str(answer)) < 500 and "<3 bytes>" in str(answer)


def test_an_engine_stays_as_it_was(path: Path) -> None:
    """A connection of the user's own engine can write before and after, not within."""
    engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.pool.StaticPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("create table dogs (name text)")
    sql = lmnb.SQL(engine)
    assert "not authorized" in str(sql("insert into dogs values ('Rex')"))
    with engine.begin() as connection:
        connection.exec_driver_sql("insert into dogs values ('Ada')")
        connection.exec_driver_sql("create table cats (name text)")
    assert sql("select name from dogs").rows == (("Ada",),)


def test_only_named_tables_are_seen_and_read(path: Path) -> None:
    """`tables=` hides the others from the prompt and from every way to read them."""
    sql = lmnb.SQL(f"sqlite:///{path}", tables=["teams", "notes"])
    assert "people" not in sql.format()
    assert sql("select count(*) from teams").rows == ((2,),)
    assert sql("select body from notes where notes match 'night'").rows == (("good night",),)
    with pytest.raises(lmnb.InputError, match=r"no table 'x'\. It has: notes"):
        lmnb.SQL(f"sqlite:///{path}", tables=["x"])


def test_what_cannot_be_opened_says_so(tmp_path: Path) -> None:
    """A missing file, a database in memory, an unknown dialect and a wrong thing each say what to write."""
    for url, said in (
        ("sqlite:///no.db", "there is no database file 'no.db'"),
        ("sqlite://", r"reached through its Engine: SQL\(engine\)"),
        ("nothing://x", "the database URL cannot be used"),
        ("not a url", "Write 'sqlite:///data.db'"),
        (7, "takes a database URL or an SQLAlchemy Engine, not 7"),
    ):
        with pytest.raises(lmnb.InputError, match=said):
            lmnb.SQL(url)
    (tmp_path / "text.db").write_text("not a database at all, but long enough to be taken for one" * 20)
    with pytest.raises(lmnb.InputError, match="not a database"):
        lmnb.SQL(f"sqlite:///{tmp_path / 'text.db'}")


def test_a_query_is_a_tool_call_in_the_trace(path: Path) -> None:
    """The trace shows the query and its answer."""
    with span("module", "outer") as opened:
        lmnb.SQL(f"sqlite:///{path}")(query="select 1 as one")
    row = Trace(opened).to_dict()["spans"][1]
    assert (row["kind"], row["name"], row["inputs"]) == ("tool", "sql", {"query": "select 1 as one"})
    assert '"one"' in row["outputs"]["result"]


def test_code_in_the_sandbox_queries_it(path: Path) -> None:
    """A program of the model may use the database as a tool, and still only reads."""
    pytest.importorskip("pydantic_monty", reason="the extra 'interpreter' is not installed")
    with lmnb.PythonInterpreter(tools=[lmnb.SQL(f"sqlite:///{path}")]) as python:
        assert python.execute("[name for (name,) in sql('select name from people')['rows']]") == ["Ann", "Bob", "Cid"]
        assert "not authorized" in python.execute("sql('drop table people')['error']")
