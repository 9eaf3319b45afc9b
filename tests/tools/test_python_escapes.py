"""Attempts to get out of the sandbox, or to bring this process down: none succeeds, each says why, and it goes on."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import lmnb

pytest.importorskip("pydantic_monty", reason="the extra 'interpreter' is not installed")

SECRET = "lmnb-secret-7c1f"


@pytest.fixture(scope="module")
def python() -> Iterator[lmnb.PythonInterpreter]:
    def search(query: str) -> str:
        """A harmless tool."""
        return query

    limits = {"max_seconds": 0.2, "max_memory": 2**24, "max_output": 10_000, "max_tool_calls": 50}
    with lmnb.PythonInterpreter(tools=[search], **limits) as interpreter:
        yield interpreter


CLOSED = [  # files, environment, network, processes
    "open('{secret}').read()",
    "open('{made}', 'w').write('x')",
    "with open('{made}', 'a') as f: f.write('x')",
    "import pathlib\npathlib.Path('{secret}').read_text()",
    "import pathlib\npathlib.Path('{made}').write_text('x')",
    "import pathlib\nlist(pathlib.Path('/').iterdir())",
    "import os\nos.listdir('/')",
    "import os\nos.remove('{secret}')",
    "import os\nos.mkdir('{made}')",
    "import os\nos.environ['LMNB_SECRET']",
    "import os\nos.getenv('LMNB_SECRET')",
    "import os\nos.system('touch {made}')",
    "from os import popen\npopen('id').read()",
    "import os\nos.fork()",
    "import os\nos.kill({pid}, 9)",
    "import subprocess\nsubprocess.run(['touch', '{made}'])",
    "import socket\nsocket.create_connection(('127.0.0.1', 22))",
    "import urllib.request\nurllib.request.urlopen('http://127.0.0.1')",
    "import ctypes\nctypes.string_at(0)",
    "import threading\nthreading.Thread(target=print).start()",
    "import sqlite3\nsqlite3.connect('{made}')",
    "import tempfile\ntempfile.mkdtemp()",
    "import shutil\nshutil.rmtree('/')",
    "input()",
]
HIDDEN = [  # the interpreter's insides, and this process through a tool
    "__import__('os').system('touch {made}')",
    "import importlib",
    "import builtins",
    "import lmnb",
    "import sys\nsys.modules['os']",
    "().__class__.__bases__[0].__subclasses__()",
    "''.__class__.__mro__[1].__subclasses__()",
    "'{{0.__class__.__mro__}}'.format(1)",
    "getattr(1, '__cl' + 'ass__')",
    "(lambda: 0).__globals__",
    "(lambda: 0).__code__",
    "search.__globals__['os']",
    "search.__self__",
    "search.func",
    "search.__class__",
    "eval('__import__(\"os\")')",
    "exec('import subprocess')",
    "compile('1', '', 'eval')",
    "globals()['__builtins__']",
    "try:\n  search(1, 2, 3)\nexcept Exception as e:\n  e.__traceback__.tb_frame.f_back",
    "breakpoint()",
    "help()",
    "exit()",
    "raise SystemExit",
    "search(query={{'a': object}})",
]
BOMBS = {
    "while True: pass": "TimeLimit",
    "while True:\n  try:\n    while True: pass\n  except BaseException: pass": "TimeLimit",
    "sum(range(10 ** 12))": "TimeLimit",
    "import re\nre.match('(a+)+$', 'a' * 5000 + 'b' * 5000) and 1\nwhile 1: pass": "TimeLimit",
    "import hashlib\nhashlib.pbkdf2_hmac('sha256', b'', b'', 10 ** 9)": "TimeLimit",
    "[0] * 10 ** 10": "MemoryLimit",
    "'a' * 10 ** 11": "MemoryLimit",
    "10 ** 10 ** 10": "MemoryLimit",
    "x = 'a'\nfor _ in range(90): x += x": "MemoryLimit",
    "d = {}\nwhile True: d[len(d)] = 1": "MemoryLimit",
    "f'{1:>9000000000}'": "MemoryLimit",
    "bytes(10 ** 12)": "MemoryLimit",
    "list(range(10 ** 9))": "MemoryLimit",
    "while True: print('x' * 1000)": "OutputLimit",
    "def f(): return f()\nf()": "RecursionError",
    "while True: search('x')": "CallLimit",
    "while True:\n  try:\n    search('x')\n  except BaseException: pass": "CallLimit",
    "x = []\nfor _ in range(20000): x = [x]\nx": "ValueError",
    "x = []\nfor _ in range(20000): x = [x]\nsearch(x)": "nested deeper than 100",
    "eval('(' * 5000)": "SyntaxError",
}


@pytest.mark.parametrize("code", CLOSED + HIDDEN)
def test_no_way_out(python: lmnb.PythonInterpreter, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files, environment, network, processes and the insides of the interpreter stay out of reach."""
    secret, made = tmp_path / "secret.txt", tmp_path / "made"
    secret.write_text(SECRET)
    monkeypatch.setenv("LMNB_SECRET", SECRET)
    try:
        given = python.run(code.format(secret=secret, made=made, pid=os.getpid()))
    except lmnb.InterpreterError as error:
        assert error.kind
        said = str(error)
        assert len(said) < 1_500
    else:
        pytest.fail(f"the code ran and gave {given}")
    assert SECRET not in said
    assert secret.read_text() == SECRET
    assert not made.exists()
    assert python.execute("6 * 7") == 42


@pytest.mark.parametrize("code", CLOSED)
def test_what_is_closed_is_named(python: lmnb.PythonInterpreter, code: str, tmp_path: Path) -> None:
    """A model that reaches outside is told that there is no outside, and what to do."""
    with pytest.raises(lmnb.InterpreterError, match="no files, network, processes or environment: give a tool"):
        python.execute(code.format(secret=tmp_path / "s", made=tmp_path / "m", pid=os.getpid()))


@pytest.mark.parametrize(("code", "kind"), BOMBS.items())
def test_bombs_are_defused(python: lmnb.PythonInterpreter, code: str, kind: str) -> None:
    """Time, memory, output, recursion and calls are bounded; the next call works."""
    began = time.perf_counter()
    with pytest.raises(lmnb.InterpreterError) as error:
        python.execute(code)
    assert error.value.kind == kind or kind in str(error.value)
    assert time.perf_counter() - began < 5
    assert python.execute("6 * 7") == 42


def test_a_limit_says_its_name_and_what_is_lost() -> None:
    """The message names the parameter that raises the limit, and that the state is gone."""
    with lmnb.PythonInterpreter(max_seconds=0.05) as python:
        python.execute("x = 1")
        with pytest.raises(lmnb.InterpreterError, match=r"longer than 0.05 s \(max_seconds\). The state is lost"):
            python.execute("while True: pass")
        with pytest.raises(lmnb.InterpreterError, match="NameError: name 'x' is not defined"):
            python.execute("x")
