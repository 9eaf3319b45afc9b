"""Attempts to get out of the sandbox, or to bring this process down: none succeeds, each says why, and it goes on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sandboxes import DENO, KINDS, MONTY, limits

import lmnb

SECRET = "lmnb-secret-7c1f"


def search(query: str) -> str:
    """A harmless tool."""
    return query


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Callable[[Any], Any]]:
    """`sandbox(kind)` is the one of that kind which all attempts share."""
    made: dict[Any, Any] = {}

    def of(kind: Any) -> Any:
        if kind not in made:
            seconds = 3.0 if kind is lmnb.DenoInterpreter else 1.0
            made[kind] = kind(tools=[search], **limits(max_seconds=seconds, max_tool_calls=50))
        return made[kind]

    yield of
    for interpreter in made.values():
        interpreter.shutdown()


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
    "y = []\nfor _ in range(20000): y = [y]\nsearch(y)": "nested deeper than 100",
    "eval('(' * 5000)": "SyntaxError",
}
IN_FULL_PYTHON = {  # where it ends in another way there: Python of 32 bits, without OpenSSL
    "import hashlib\nhashlib.pbkdf2_hmac('sha256', b'', b'', 10 ** 9)": "AttributeError",
    "[0] * 10 ** 10": "OverflowError",
    "'a' * 10 ** 11": "OverflowError",
    "10 ** 10 ** 10": "TimeLimit",
    "f'{1:>9000000000}'": "ValueError",
    "bytes(10 ** 12)": "OverflowError",
}


# In full Python these reach nothing but what is the sandbox's own: files in memory, and bytes of it.
OWN = {
    "import pathlib\nlist(pathlib.Path('/').iterdir())",
    "import os\nos.listdir('/')",
    "import os\nos.getenv('LMNB_SECRET')",
    "import ctypes\nctypes.string_at(0)",
    "import tempfile\ntempfile.mkdtemp()",
    "import shutil\nshutil.rmtree('/')",
}
_REACH = "reach = next(x for c in SUBMIT.__closure__ if (x := getattr(c.cell_contents, 'ask', None))).constructor\n"
JAVASCRIPT = [  # of Pyodide's own ways out, and of what code finds behind them
    "import js\njs.Deno.readTextFileSync('{secret}')",
    "import pyodide_js\npyodide_js.mountNodeFS('/host', '/')",
    "import sys\ndel sys.modules['js']\nimport js\njs.Deno.env.get('LMNB_SECRET')",
    "import micropip\nmicropip.install('numpy')",
    "from pyodide.http import open_url\nopen_url('http://127.0.0.1').read()",
    "from pyodide.code import run_js\nrun_js(\"Deno.readTextFileSync('{secret}')\")",
    "from pyodide.code import run_js\nrun_js(\"require('fs').readFileSync('{secret}', 'utf8')\")",
    *(
        _REACH + f'reach("{code}")()'
        for code in (
            "return Deno.readTextFileSync('{secret}')",
            "return Deno.writeTextFileSync('{made}', 'x')",
            "return Deno.mkdirSync('{made}')",
            "return Deno.removeSync('{secret}')",
            "return Deno.renameSync('{secret}', '{made}')",
            "return Deno.symlinkSync('{secret}', '{made}')",
            "return Deno.linkSync('{secret}', '{made}')",
            "return Deno.env.get('LMNB_SECRET')",
            "return Deno.env.toObject()",
            "return new Deno.Command('/usr/bin/touch', {{args: ['{made}']}}).outputSync()",
            "return Deno.kill({pid}, 'SIGKILL')",
            "return Deno.dlopen('libc.so.6', {{}})",
            "return Deno.listen({{port: 0}})",
            "return Deno.hostname()",
            "return Deno.makeTempFileSync()",
            "return process.getBuiltinModule('child_process').execSync('/usr/bin/touch {made}')",
            "return process.getBuiltinModule('fs').readFileSync('{secret}', 'utf8')",
            "return process.kill({pid}, 'SIGKILL')",
            "Deno.exit(0)",
            "Deno.stdout.writeSync(new Uint8Array([61, 123, 125, 10]))",
            "console.log('=' + JSON.stringify({{value: 1, printed: ''}}))",
        )
    ),
]
ATTEMPTS = [
    *(pytest.param(lmnb.PythonInterpreter, code, marks=MONTY.marks) for code in CLOSED + HIDDEN),
    *(pytest.param(lmnb.DenoInterpreter, code, marks=DENO.marks) for code in CLOSED + JAVASCRIPT),
]
OWN_ATTEMPTS = {(lmnb.DenoInterpreter, code) for code in OWN}


@pytest.mark.parametrize(("kind", "code"), ATTEMPTS)
def test_no_way_out(sandbox: Any, kind: Any, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files, environment, network, processes and the insides of the interpreter stay out of reach."""
    secret, made = tmp_path / "secret.txt", tmp_path / "made"
    secret.write_text(SECRET)
    monkeypatch.setenv("LMNB_SECRET", SECRET)
    python = sandbox(kind)
    try:
        given = python.run(code.format(secret=secret, made=made, pid=os.getpid()))
    except lmnb.InterpreterError as error:
        assert error.kind
        said = str(error)
        assert len(said) < 1_500
    else:
        said = str(given)
        assert (kind, code) in OWN_ATTEMPTS, f"the code ran and gave {given}"
        assert str(tmp_path) not in said
        if "rmtree" in code:
            python.shutdown()  # it has removed its own library
    assert SECRET not in said
    assert secret.read_text() == SECRET
    assert not made.exists()
    assert python.execute("6 * 7") == 42


@pytest.mark.parametrize(
    ("kind", "code"),
    [attempt for attempt in ATTEMPTS if attempt.values[1] in CLOSED and attempt.values not in OWN_ATTEMPTS],
)
def test_what_is_closed_is_named(sandbox: Any, kind: Any, code: str, tmp_path: Path) -> None:
    """A model that reaches outside is told that there is no outside, and what to do."""
    with pytest.raises(
        lmnb.InterpreterError, match=r"The sandbox has no .* or environment.*: give a tool that does it"
    ):
        sandbox(kind).execute(code.format(secret=tmp_path / "s", made=tmp_path / "m", pid=os.getpid()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("code", "expected"), BOMBS.items())
def test_bombs_are_defused(sandbox: Any, kind: Any, code: str, expected: str) -> None:
    """Time, memory, output, recursion and calls are bounded; the next call works."""
    python = sandbox(kind)
    python.start()
    expected = IN_FULL_PYTHON.get(code, expected) if kind is lmnb.DenoInterpreter else expected
    began = time.perf_counter()
    with pytest.raises(lmnb.InterpreterError) as error:
        python.execute(code)
    assert error.value.kind == expected or expected in str(error.value)
    assert time.perf_counter() - began < 5
    assert python.execute("6 * 7") == 42


@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_says_its_name_and_what_is_lost(kind: Any) -> None:
    """The message names the parameter that raises the limit, and that the state is gone."""
    with kind(max_seconds=2) as python:
        python.execute("x = 1")
        with pytest.raises(lmnb.InterpreterError, match=r"longer than 2 s \(max_seconds\). The state is lost"):
            python.execute("while True: pass")
        with pytest.raises(lmnb.InterpreterError, match="NameError: name 'x' is not defined"):
            python.execute("x")
