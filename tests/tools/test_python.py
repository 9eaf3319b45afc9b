"""PythonInterpreter and DenoInterpreter: ordinary programs run or say what is missing, state lasts, limits hold, nothing is left behind."""

from __future__ import annotations

import datetime
import gc
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from sandboxes import KINDS, NEEDS_DENO, NEEDS_MONTY, children, limits, made

import lmnb
from lmnb.trace import Trace, span


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Any:
    """Each sandbox that is there."""
    return request.param


@pytest.fixture(scope="module", params=KINDS)
def python(request: pytest.FixtureRequest) -> Iterator[Any]:
    """One of each kind, for many tests."""
    with made(request.param, **limits()) as interpreter:
        yield interpreter


PROGRAMS: list[tuple[str, Any]] = [
    ("1 + 1", 2),
    ("sum(n * n for n in range(10))", 285),
    ("[n for n in range(20) if n % 7 == 0]", [0, 7, 14]),
    ("{word: len(word) for word in 'a bb ccc'.split()}", {"a": 1, "bb": 2, "ccc": 3}),
    ("{n % 3 for n in range(9)}", {0, 1, 2}),
    ("import math\nmath.sqrt(2) ** 2 - 2 < 1e-9", True),
    ("from math import gcd, comb\n(gcd(84, 36), comb(10, 3))", (12, 120)),
    ("import re\nre.findall(r'\\d+', 'a1 b22')", ["1", "22"]),
    ("import re\nre.sub(r'(\\w)-(\\w)', r'\\2-\\1', 'a-b')", "b-a"),
    ("from datetime import date, timedelta\ndate(2024, 2, 28) + timedelta(days=2)", datetime.date(2024, 3, 1)),
    ("from datetime import datetime\n(datetime(2024, 5, 1) - datetime(2024, 1, 1)).days", 121),
    ("import json\njson.loads(json.dumps({'a': [1, None]}))", {"a": [1, None]}),
    ("from collections import Counter\nCounter('banana').most_common(1)", [("a", 3)]),
    ("import itertools\nlen(list(itertools.permutations([1, 2, 3])))", 6),
    ("from functools import reduce\nreduce(lambda a, b: a * b, [1, 2, 3, 4])", 24),
    ("from decimal import Decimal\nstr(Decimal('0.1') + Decimal('0.2'))", "0.3"),
    ("import random\nrandom.seed(7)\nlen({random.random() for _ in range(9)})", 9),
    (
        "class Dog:\n  def __init__(self, name):\n    self.name = name\n  def bark(self):\n    return self.name + '!'\nDog('Rex').bark()",
        "Rex!",
    ),
    ("from dataclasses import dataclass\n@dataclass\nclass P:\n  x: int\n  y: int = 2\nP(1)", {"x": 1, "y": 2}),
    ("def fib(n):\n  return n if n < 2 else fib(n - 1) + fib(n - 2)\nfib(12)", 144),
    ("a, *b = [1, 2, 3]\n(b, a)", ([2, 3], 1)),
    ("total = 0\nfor n in range(5):\n  if n == 3:\n    continue\n  total += n\ntotal", 7),
    ("n = 0\nwhile True:\n  n += 1\n  if n > 4: break\nn", 5),
    ("try:\n  1 / 0\nexcept ZeroDivisionError as e:\n  r = str(e)\nfinally:\n  d = 1\n(r, d)", ("division by zero", 1)),
    ("f'{3.14159:.2f} {\"x\":>3} {42:05d}'", "3.14   x 00042"),
    ("sorted(['bb', 'a', 'ccc'], key=len, reverse=True)", ["ccc", "bb", "a"]),
    ("def f(a, /, b, *c, d=4, **e): return (a, b, c, d, e)\nf(1, 2, 3, z=9)", (1, 2, (3,), 4, {"z": 9})),
    (
        "def outer():\n  n = 0\n  def inner():\n    nonlocal n\n    n += 1\n    return n\n  inner()\n  return inner()\nouter()",
        2,
    ),
    ("' '.join(w.title() for w in 'the  quick'.split())", "The Quick"),
    ("import asyncio\nasync def f(): return 5\nawait f()", 5),
    ("x = {'k': [1, 2]}\nx['k'][-1], x.get('no', 'none')", (2, "none")),
    ("list(zip('ab', map(str, range(2)))), any([0, 1]), max(3, 7)", ([("a", "0"), ("b", "1")], True, 7)),
    ("import hashlib\nhashlib.sha256(b'a').hexdigest()[:6]", "ca9781"),
    ("print('hello')\nprint(1, 2, sep='-')", "hello\n1-2\n"),
    ("import time\ntime.sleep(60)\n'slept'", "slept"),
]

OUTSIDE_THE_SUBSET = [
    ("class A(Exception): pass", "class inheritance"),
    ("def g():\n  yield 1\nlist(g())", "yield"),
    ("class A:\n  @property\n  def p(self): return 1", "method decorators"),
    ("x = 1\ndel x", "'del' statement"),
    ("from math import *", "import *"),
    ("import numpy as np", "module numpy"),
    ("import statistics", "module statistics"),
    ("from fractions import Fraction", "module fractions"),
    ("from enum import Enum", "module enum"),
    ("dir([])", "dir"),
    ("type(1).__mro__", "__mro__"),
]


@pytest.mark.parametrize(("code", "value"), PROGRAMS)
def test_ordinary_programs_run(python: Any, code: str, value: Any) -> None:
    """Everyday Python gives what Python gives."""
    assert python.execute(code) == value


@pytest.mark.parametrize(("code", "missing"), OUTSIDE_THE_SUBSET)
@NEEDS_MONTY
def test_what_the_subset_lacks_is_named_with_the_extra(code: str, missing: str) -> None:
    """Python that the sandbox does not have says what is missing and which extra has it."""
    with made(lmnb.PythonInterpreter, **limits()) as python:
        with pytest.raises(lmnb.InterpreterError, match=r"lmnb\[deno\]") as error:
            python.execute(code)
        assert missing in error.value.missing + str(error.value)
        assert error.value.missing
        assert python.execute("'alive'") == "alive"


def test_state_lasts_between_calls(python: Any) -> None:
    """Names, functions and imports of one call are there in the next, also after an error."""
    python.execute("import math\nseen = []\ndef note(x):\n  seen.append(x)")
    python.execute("note(math.floor(2.5))")
    with pytest.raises(lmnb.InterpreterError):
        python.execute("note(3)\n1 / 0")
    assert python("seen") == [2, 3]


def test_variables_are_set_first(python: Any) -> None:
    """Values of this side arrive as plain data, models and enums included."""

    class Row(BaseModel):
        name: str
        day: datetime.date

    rows = [Row(name="a", day=datetime.date(2026, 1, 2))]
    assert python.execute("rows[0]['day'] + k", {"rows": rows, "k": "!"}) == "2026-01-02!"
    with pytest.raises(lmnb.InputError, match="'not a name' is no name"):
        python.execute("1", {"not a name": 1})
    deep: list[Any] = []
    for _ in range(2_000):
        deep = [deep]
    with pytest.raises(lmnb.InterpreterError, match="the variable 'deep' is nested deeper than 100"):
        python.execute("1", {"deep": deep})


UNCOMPILED = [
    *(
        pytest.param(lmnb.PythonInterpreter, code, marks=NEEDS_MONTY)
        for code in ("x = (", "class A(dict): pass", "def f():\n  yield 1", "x = 1\ndel x")
    ),
    pytest.param(lmnb.DenoInterpreter, "x = 1\nreturn x", marks=NEEDS_DENO),
]


@pytest.mark.parametrize(("kind", "code"), UNCOMPILED)
def test_variables_outlast_code_that_does_not_compile(kind: Any, code: str) -> None:
    """What was set before a syntax error, or before what the sandbox lacks, is there in the next call."""
    with made(kind, **limits()) as python:
        with pytest.raises(lmnb.InterpreterError, match=r"line \d"):
            python.execute(code, {"numbers": [1, 2]})
        assert python.execute("len(numbers)") == 2


def test_variables_beyond_the_memory_are_a_limit(python: Any) -> None:
    """Input too large for the sandbox ends its process: that is said, and the next call starts afresh."""
    with pytest.raises(lmnb.InterpreterError, match="max_memory") as error:
        python.execute("1", {"text": "x" * 2**25})
    assert error.value.kind == "MemoryLimit"
    assert python.execute("2") == 2


def test_value_and_print_are_apart_in_run(python: Any) -> None:
    """`run` tells the value from the printed text."""
    done = python.run("print('note')\n7")
    assert (done.value, done.printed, done.result) == (7, "note\n", 7)
    assert "note" in done._repr_html_()


def test_an_error_names_kind_and_line(python: Any) -> None:
    """The message quotes the line of the given code, innermost first, and keeps what was printed."""
    with pytest.raises(lmnb.InterpreterError) as error:
        python.execute("print('before')\ndef half(x):\n  return x / 0\nhalf(1)")
    assert str(error.value) == "ZeroDivisionError: division by zero (line 3: return x / 0)"
    assert (error.value.kind, error.value.line, error.value.printed) == ("ZeroDivisionError", 3, "before\n")
    with pytest.raises(lmnb.InterpreterError, match=r"ZeroDivisionError: .* \(line 2: half\(2\)\)"):
        python.execute("x = 1\nhalf(2)")
    with pytest.raises(lmnb.InterpreterError, match=r"SyntaxError: .* \(line 2: y = = 2\)"):
        python.execute("x = 1\ny = = 2")


def test_tools_are_called_and_traced(kind: Any) -> None:
    """Code calls functions and Tools by name, with checked arguments; each call is a span below the open one."""

    def weather(city: str, days: int = 1) -> list[str]:
        return [f"{city}: rain"] * days

    async def later(x: int) -> int:
        return x + 1

    tool = lmnb.Tool(later, name="look-up")
    with made(kind, tools=[weather, tool]) as python, span("module", "outer") as opened:
        assert python.execute("weather('Oslo', days='2') + [look_up(x=1)]") == ["Oslo: rain", "Oslo: rain", 2]
        code = "try:\n  weather(town='Oslo')\nexcept Exception as e:\n  r = str(e)\nr"
        assert "has no argument 'town'" in python.execute(code)
    assert [(item.kind, item.name) for _, item in Trace(opened).spans()][1:] == [
        ("tool", "weather"),
        ("tool", "look-up"),
        ("tool", "weather"),
    ]
    assert Trace(opened).to_dict()["spans"][1]["inputs"] == {"city": "Oslo", "days": "2"}


def test_what_is_not_for_the_code_passes_through(kind: Any) -> None:
    """A spent budget and an interrupt reach the caller, whatever the code catches."""

    def spend() -> None:
        raise lmnb.BudgetExceeded("calls", 3, 3)

    def interrupt() -> None:
        raise KeyboardInterrupt

    with made(kind, tools=[spend, interrupt]) as python:
        for name, kind in (("spend", lmnb.BudgetExceeded), ("interrupt", KeyboardInterrupt)):
            with pytest.raises(kind):
                python.execute(f"try:\n  {name}()\nexcept:\n  pass\n'went on'")
        assert python.execute("1") == 1


def test_submit_ends_with_a_final_output(kind: Any) -> None:
    """`SUBMIT` ends the code with its fields, and says what it lacks."""
    with made(kind, output_fields=["answer", "score"]) as python:
        assert python.execute("SUBMIT('a', score=2)\n1 / 0") == lmnb.FinalOutput({"answer": "a", "score": 2})
        with pytest.raises(lmnb.InterpreterError, match=r"SUBMIT lacks score. Write SUBMIT\(answer=..., score=...\)"):
            python.execute("SUBMIT('a')")
        assert python.execute("'alive'") == "alive"


def test_one_interpreter_runs_one_code_at_a_time(kind: Any) -> None:
    """A tool that calls its own interpreter gets an error instead of waiting for itself."""
    python = made(kind)
    python.tools["again"] = lmnb.Tool(lambda: python.execute("1"), name="again")
    with python, pytest.raises(lmnb.InterpreterError, match="is running other code"):
        python.execute("again()")


def test_each_thread_has_its_own(kind: Any) -> None:
    """Interpreters of several threads do not see each other's state."""
    found: dict[int, Any] = {}

    def work(n: int) -> None:
        with made(kind) as python:
            python.execute(f"x = {n}")
            found[n] = python.execute("x * 2")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {0: 0, 1: 2, 2: 4}


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="processes are listed as on Linux")
def test_nothing_is_left_behind(kind: Any) -> None:
    """The sandbox's process ends on exit, on an error, and when the interpreter is let go of."""
    before = children()
    with pytest.raises(lmnb.InterpreterError), made(kind) as python:
        python.execute("1 / 0")
    with pytest.raises(RuntimeError), made(kind) as python:
        python.execute("1")
        raise RuntimeError
    python = made(kind)
    python.execute("1")
    assert children() != before
    del python
    gc.collect()
    assert children() == before
    python = made(kind)
    python.shutdown()
    python.shutdown()
    assert python.execute("2") == 2
    python.shutdown()
    assert children() == before


def test_it_is_a_code_interpreter(kind: Any) -> None:
    """Each sandbox fits the protocol that modules ask for."""
    assert isinstance(made(kind), lmnb.CodeInterpreter)


def test_what_deno_needs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Deno the extra, without Pyodide the command that fetches it and the two ways of naming its folder."""
    says = "none in .* Run: deno cache npm:pyodide. Or name .*pyodide=.*LMNB_PYODIDE"
    with pytest.raises(lmnb.MissingExtra, match=says):
        lmnb.DenoInterpreter(deno_command=["deno"], pyodide=tmp_path).start()
    monkeypatch.setenv("LMNB_PYODIDE", str(tmp_path))
    with pytest.raises(lmnb.MissingExtra, match=says):
        lmnb.DenoInterpreter(deno_command=["deno"]).start()
    for name in ("pyodide.asm.wasm", "pyodide.mjs"):
        (tmp_path / name).write_text("")
    with pytest.raises(lmnb.InputError, match="'no-such-deno' cannot be started"):
        lmnb.DenoInterpreter(deno_command=["no-such-deno"]).start()
    monkeypatch.setitem(sys.modules, "deno", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(lmnb.MissingExtra, match=r"pip install 'lmnb\[deno\]'"):
        lmnb.DenoInterpreter().start()
