"""DenoInterpreter beyond what the sandboxes share: full Python, what is granted, its process, its prompts."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sandboxes import NEEDS_DENO, made

import lmnb
from lmnb import CodeAct, DenoInterpreter, FakeLM, InterpreterError, ProgramOfThought

pytestmark = NEEDS_DENO
PATIENT = partial(DenoInterpreter, max_seconds=60)
REACH = "reach = next(x for c in SUBMIT.__closure__ if (x := getattr(c.cell_contents, 'ask', None))).constructor\n"


@pytest.fixture(scope="module")
def python() -> Iterator[DenoInterpreter]:
    with made(DenoInterpreter) as interpreter:
        yield interpreter


FULL = [
    ("class A(Exception): pass\ntry: raise A('x')\nexcept A as e: r = str(e)\nr", "x"),
    ("def g():\n  yield 1\n  yield from (2, 3)\nlist(g())", [1, 2, 3]),
    ("class A:\n  @property\n  def p(self): return 1\nA().p", 1),
    ("x = 1\ndel x\n'x' in globals()", False),
    ("from math import *\nsqrt(9.0)", 3.0),
    ("import statistics\nstatistics.median([3, 1, 2])", 2),
    ("from fractions import Fraction\nFraction(1, 3) + Fraction(1, 6)", "1/2"),
    ("from enum import Enum\nclass C(Enum):\n  RED = 'r'\n[C.RED, C]", ["r", "C"]),
    ("import csv, io\nlist(csv.reader(io.StringIO('a,b\\n1,2')))", [["a", "b"], ["1", "2"]]),
    (
        "from collections import deque, namedtuple\nP = namedtuple('P', 'x y')\n[deque([1], 2), P(1, 2), {1: 2}.keys()]",
        [[1], (1, 2), [1]],
    ),
    ("import contextlib\n@contextlib.contextmanager\ndef c():\n  yield 5\nwith c() as x: pass\nx", 5),
    ("match {'k': [1, 2]}:\n  case {'k': [a, *b]}: r = (a, b)\nr", (1, [2])),
    (
        "import tempfile, pathlib\np = pathlib.Path(tempfile.mkdtemp(), 'f')\np.write_text('own')\np.read_text()",
        "own",
    ),
    (
        "import asyncio\nasync def f(n):\n  await asyncio.sleep(9 - n)\n  seen.append(n)\nseen = []\nawait asyncio.gather(f(1), f(2)), seen",
        ([None, None], [2, 1]),
    ),
    (
        "import asyncio\nf = asyncio.wait_for(asyncio.sleep(5), 1)\ntry: asyncio.run(f)\nexcept TimeoutError: r = 'late'\nr",
        "late",
    ),
    ("def f(): 'text'\nf.__doc__, f, int, ZeroDivisionError('no')", ("text", "f", "int", "no")),
    ("class P:\n  def __init__(self): self.x, self.next = 1, [P] and None\nP()", {"x": 1, "next": None}),
    ("2 ** 200, 1e308 * 10, 3 + 4j, b'\\xff', '\\ud800'", (2**200, float("inf"), 3 + 4j, b"\xff", "\ud800")),
    ("import sys\nprint('to stderr', file=sys.stderr)", "to stderr\n"),
]


@pytest.mark.parametrize(("code", "value"), FULL)
def test_full_python_runs(python: DenoInterpreter, code: str, value: Any) -> None:
    """Classes with bases, generators, the whole library, asyncio whose sleeps take no time; values cross as plain data."""
    assert python.execute(code) == value


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import numpy as np", "No module named 'numpy'.*Python's standard library and no packages"),
        ("import asyncio\nawait asyncio.get_running_loop().create_future()", "waits for what never comes"),
        ("import asyncio\nawait asyncio.to_thread(print)", "start new thread.*give a tool"),
        ("class Own(Exception): pass\nraise Own('mine')", r"^Own: mine \(line 2: raise Own"),
        ("class Odd(Exception):\n  def __str__(self): 1 / 0\nraise Odd", r"^Odd \(line 3"),
    ],
)
def test_errors_say_what_to_do(python: DenoInterpreter, code: str, says: str) -> None:
    """What is missing even in full Python, and errors of the code's own making."""
    with pytest.raises(InterpreterError, match=says):
        python.execute(code)


def test_the_code_may_catch_a_tool_s_error_by_its_type() -> None:
    """Python's own exceptions keep their type and message, others are a RuntimeError that names them."""

    def fail(kind: str) -> None:
        raise {"key": KeyError("k"), "encode": UnicodeEncodeError("a", "b", 0, 1, "c"), "own": lmnb.ToolError("down")}[
            kind
        ]

    code = "r = []\nfor kind in ('key', 'encode', 'own'):\n  try: fail(kind)\n  except Exception as e: r.append(repr(e))\nr"
    with made(DenoInterpreter, tools=[fail]) as python:
        key, encode, own = python.execute(code)
    assert key == "KeyError('k')" and own == "RuntimeError('ToolError: down')"
    assert encode.startswith('RuntimeError("UnicodeEncodeError: ')


def test_a_name_of_the_code_wins_over_a_tool() -> None:
    """As in any Python; and a tool that is taken away is gone."""

    def size(items: list[int]) -> int:
        return len(items)

    def most(items: list[int]) -> int:
        return max(items)

    with made(DenoInterpreter, tools=[size, most]) as python:
        assert python.execute("size = 3\nmost([1, size])") == 3
        assert python.execute("size") == 3
        del python.tools["most"]
        with pytest.raises(InterpreterError, match="NameError: name 'most' is not defined"):
            python.execute("most([1])")


# -- what is granted ---------------------------------------------------------------------------------------------------


def test_folders_and_variables_are_granted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read folder can be read, a write folder both, a variable is there; nothing beside them."""
    given, out, other = tmp_path / "in put", tmp_path / "out", tmp_path / "other"
    for folder in (given, out, other):
        folder.mkdir()
        (folder / "text").write_text("kept")
    monkeypatch.setenv("LMNB_GRANTED", "yes")
    monkeypatch.setenv("LMNB_OTHER", "no")
    grants = {
        "enable_read_paths": [given],
        "enable_write_paths": [str(out)],
        "enable_env_vars": ["LMNB_GRANTED", "LMNB_NONE"],
    }
    with made(DenoInterpreter, **grants) as python:
        assert python.execute(f"open({str(given / 'text')!r}).read()") == "kept"
        python.execute(f"with open({str(out / 'new')!r}, 'w') as f: print(f.write('made'))")
        assert (out / "new").read_text() == "made"
        assert python.execute(f"open({str(out / 'new')!r}).read()") == "made"
        assert python.execute("import os\n[os.environ.get('LMNB_' + n) for n in ('GRANTED', 'OTHER', 'NONE')]") == [
            "yes",
            None,
            None,
        ]
        for code in (
            f"open({str(given / 'text')!r}, 'w').write('x')",
            f"open({str(given / 'new')!r}, 'w').write('x')",
            f"import os\nos.remove({str(given / 'text')!r})",
            f"open({str(other / 'text')!r}).read()",
            f"open({str(out / '..' / 'other' / 'text')!r}).read()",
            f"import os\nos.symlink({str(other / 'text')!r}, {str(out / 'link')!r})\nopen({str(out / 'link')!r}).read()",
            f"import os\nos.rename({str(given / 'text')!r}, {str(out / 'text')!r})",
        ):
            with pytest.raises(InterpreterError):
                python.execute(code)
    assert [(folder / "text").read_text() for folder in (given, out, other)] == ["kept"] * 3
    assert sorted(path.name for path in out.iterdir()) == ["new", "text"]
    assert [path.name for path in given.iterdir()] == ["text"]


def test_only_folders_are_granted(tmp_path: Path) -> None:
    """A file, a folder that is not there, or one that Deno cannot be told of is named before anything is started."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "a,b").mkdir()
    with pytest.raises(lmnb.InputError, match="a,b' has a comma"):
        DenoInterpreter(enable_write_paths=[tmp_path / "a,b"]).execute("1")
    for path in ("file", "none"):
        with pytest.raises(lmnb.InputError, match=f"{path}' is no folder"):
            DenoInterpreter(enable_read_paths=[tmp_path / path]).execute("1")


# -- the process -------------------------------------------------------------------------------------------------------


def test_a_pyodide_that_does_not_start_says_why(tmp_path: Path) -> None:
    """What Deno wrote is in the message."""
    (tmp_path / "pyodide.asm.wasm").write_bytes(b"")
    (tmp_path / "pyodide.mjs").write_text("throw new Error('of another kind')")
    with pytest.raises(InterpreterError, match=r"could not start Pyodide in .*of another kind") as error:
        DenoInterpreter(pyodide=tmp_path).start()
    assert error.value.kind == "Crash"


def test_what_the_code_writes_to_the_pipe_is_no_answer() -> None:
    """A line without the key of the process ends it, and the next call starts afresh."""
    with made(DenoInterpreter) as python:
        python.execute("x = 1")
        with pytest.raises(InterpreterError, match=r"wrote what is no message. The state is lost") as error:
            python.execute(REACH + "reach(\"console.log('={}')\")()")
        assert error.value.kind == "Crash"
        with pytest.raises(InterpreterError, match="name 'x' is not defined"):
            python.execute("x")


def test_code_cannot_learn_the_key_of_a_line() -> None:
    """Functions that the code puts in the place of JavaScript's own see what it says, and not what makes a line count."""
    code = (
        REACH
        + 'reach("const seen = []; const proto = Object.getPrototypeOf(Uint8Array.prototype);'
        + "const old = Object.getOwnPropertyDescriptor(proto, 'length').get;"
        + "Object.defineProperty(proto, 'length', {configurable: true, get() {"
        + " const n = Reflect.apply(old, this, []); let t = ''; for (let i = 0; i < n && i < 99; i++) t += String.fromCharCode(this[i]);"
        + ' seen.push(t); return n; }}); globalThis.seen = seen; return 1")()'
    )
    with made(DenoInterpreter) as python:
        python.execute(code)
        key = python._session._key
        said = python.execute(REACH + "reach('return globalThis.seen.join(String.fromCharCode(10))')()")
        assert said and key not in said


def test_no_worker_runs_on() -> None:
    """JavaScript's threads are not there: one would run on between the calls, past every limit of time."""
    with made(DenoInterpreter) as python:
        assert python.execute(REACH + "reach('return typeof Worker')()") == "undefined"


def test_code_ends_with_a_shutdown_from_elsewhere() -> None:
    """A shutdown while the code runs in another thread ends it at once."""
    python, called = made(DenoInterpreter, tools={"tick": lambda: "t"}), threading.Event()
    python.start()
    python.tools["tick"] = lambda: called.set() or "t"
    found: list[Any] = []

    def run() -> None:
        try:
            python.execute("while True: tick()")
        except InterpreterError as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert called.wait(30)
    began = time.monotonic()
    python.shutdown()
    thread.join(10)
    assert not thread.is_alive() and found and time.monotonic() - began < 5


@pytest.mark.skipif(os.name != "posix", reason="a shell script stands for the command")
def test_limits_hold_for_a_command_that_starts_deno(tmp_path: Path) -> None:
    """Where the command is a script that runs Deno, both end when the time is over."""
    from lmnb.tools.deno_process import find_deno

    script = tmp_path / "deno.sh"
    script.write_text(f'#!/bin/sh\n"{find_deno()[0]}" "$@"\nexit $?\n')
    script.chmod(0o755)
    with DenoInterpreter(max_seconds=20, deno_command=[str(script)]) as python:
        python.execute("1")
        python.max_seconds = 1.0
        began = time.monotonic()
        with pytest.raises(InterpreterError, match="max_seconds"):
            python.execute("while True: pass")
        assert time.monotonic() - began < 10


def test_one_sandbox_leaves_nothing_for_the_next() -> None:
    """What JavaScript may keep on disk goes with the process."""
    code = (
        REACH
        + "reach(\"const seen = localStorage.getItem('seen'); localStorage.setItem('seen', 'yes'); return String(seen)\")()"
    )
    with made(DenoInterpreter) as python:
        assert python.execute(code) == "null"
        assert python.execute(code) == "yes"
        python.shutdown()
        assert python.execute(code) == "null"


def test_nothing_is_left_at_exit(tmp_path: Path) -> None:
    """A program that ends without a shutdown leaves neither a process nor a folder."""
    code = "import lmnb\np = lmnb.DenoInterpreter(max_seconds=60)\np.execute('1')\nprint(p._session._process.pid)"
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True, timeout=120
    )
    with pytest.raises(ProcessLookupError):
        os.kill(int(done.stdout), 0)
    assert list(tmp_path.glob("lmnb-deno-*")) == []


# -- in programs -------------------------------------------------------------------------------------------------------


def test_a_program_of_thought_writes_full_python() -> None:
    """The prompt tells of the whole library, and the code uses it."""
    code = "from fractions import Fraction\nclass Sum(Fraction): pass\nSUBMIT(answer=str(sum(map(Sum, parts))))"
    lm = FakeLM([{"reasoning": "So.", "generated_code": code}])
    with lmnb.context(lm=lm):
        made = ProgramOfThought("parts: list[str] -> answer", interpreter_factory=PATIENT)(parts=["1/3", "1/6"])
    assert made.answer == "1/2"
    told = lm.calls[0]["messages"][0]["content"]
    assert "its whole standard library" in told and "inheritance" not in told


def test_an_agent_acts_in_it() -> None:
    """Tools, state from turn to turn, and an error that is told."""

    async def price(item: str) -> float:
        """What it costs."""
        return {"apple": 0.5, "pear": 0.75}[item]

    steps = ["def costs():\n  for item in items: yield price(item)", "costs().nothing", "SUBMIT(answer=sum(costs()))"]
    lm = FakeLM([{"next_thought": "So.", "generated_code": step} for step in steps])
    with lmnb.context(lm=lm):
        agent = CodeAct("items: list[str] -> answer: float", [price], interpreter_factory=PATIENT)
        made = agent(items=["apple", "pear"])
    assert "its whole standard library" in lm.calls[0]["messages"][0]["content"]
    assert made.answer == 1.25 and "AttributeError" in made.trajectory[1]["output"]
