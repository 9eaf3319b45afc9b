"""How fast lmnb is: a table of its own cost beside the targets and, on request, beside the reference framework.

    python tests/bench/speed.py
    python tests/bench/speed.py --repeat 9 --reference other-venv/bin/python

Nothing here asserts a time: a busy machine is no failure, and one line of the table says how busy it was. The minimum of
several repeats is what is compared (whatever else runs only ever adds), the median stands beside it. The reference is
measured by this file too, run by its own interpreter, on the same calls with only the import changed; both sides ask a
model that sleeps and then gives one fixed reply, uncached but for the lines that say otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

REPLY = "[[ ## answer ## ]]\nParis\n\n[[ ## completed ## ]]"
HEAVY = ("litellm", "pandas", "plotly", "ipywidgets")
CALLS, DELAY, ROWS, THREADS, DEMOS = 300, 0.05, 1_000, 64, 8
REFERENCE = "dspy"


class Line(NamedTuple):
    """One figure of the table: `target` is in seconds, None where there is none; `unit` scales what is shown."""

    key: str
    title: str
    target: float | None
    unit: str


LINES = (
    Line("import", "import, fresh process", 0.30, "s"),
    Line("names", "import and every public name", None, "s"),
    Line("predict", "Predict on an instant LM, a call", 80e-6, "µs"),
    Line("demo", "and a demo more", 8e-6, "µs"),
    Line("memory", "Predict on a reply in the cache's memory", 80e-6, "µs"),
    Line("disk", "Predict on a reply in the cache's file", 120e-6, "µs"),
    Line("acalls", f"{ROWS:,} acalls at once on a 50 ms LM", 0.20, "s"),
    Line("evaluate", f"Evaluate {ROWS:,} × 50 ms at {THREADS} threads", 0.85, "s"),
)


# -- measuring: the same calls for both sides -------------------------------------------------------------------------


def measured(name: str, repeat: int) -> dict[str, list[float]]:
    """Seconds of each repeat by line, of the library called `name` in this interpreter."""
    lib = importlib.import_module(name)
    lm = (_fake if name == "lmnb" else _subclass)(lib)
    found = {
        "import": _fresh(f"import {name}", repeat),
        "predict": _repeated(lambda: _predict(lib, lm(0.0)), repeat),
        "demo": _repeated(lambda: _demo(lib, lm(0.0)), repeat),
        "memory": _repeated(lambda: _hit(lib, memory=True), repeat),
        "disk": _repeated(lambda: _hit(lib, memory=False), repeat),
        "acalls": _repeated(lambda: asyncio.run(_acalls(lib, lm(DELAY))), repeat),
        "evaluate": _repeated(lambda: _evaluate(lib, lm(DELAY)), repeat),
    }
    if name == "lmnb":
        found["names"] = _fresh("import lmnb\nfor name in lmnb.__all__: getattr(lmnb, name)", repeat)
    return found


def _fake(lib: Any) -> Callable[[float], Any]:
    return lambda delay: lib.FakeLM(lambda messages: REPLY, delay=delay)


def _subclass(lib: Any) -> Callable[[float], Any]:
    """The way to script a model there that was measured to be fastest: its dummy and engines are a little slower."""

    class Sleeper(lib.BaseLM):
        def __init__(self, delay: float) -> None:
            super().__init__("sleeper", cache=False)
            self.delay = delay

        def forward(self, prompt: Any = None, messages: Any = None, **options: Any) -> Any:
            if self.delay:
                time.sleep(self.delay)
            return _answer()

        async def aforward(self, prompt: Any = None, messages: Any = None, **options: Any) -> Any:
            if self.delay:
                await asyncio.sleep(self.delay)
            return _answer()

    return Sleeper


def _answer() -> Any:
    choice = SimpleNamespace(message=SimpleNamespace(content=REPLY), finish_reason="stop")
    return SimpleNamespace(choices=[choice], usage={"prompt_tokens": 90, "completion_tokens": 12}, model="sleeper")


def _predict(lib: Any, lm: Any, demos: int = 0) -> float:
    program = lib.Predict("question -> answer")
    program.demos = [lib.Example(question=f"The capital of country {at}?", answer="Rome") for at in range(demos)]
    with lib.context(lm=lm):
        program(question="The capital of France?")
        started = time.perf_counter()
        for _ in range(CALLS):
            program(question="The capital of France?")
        return (time.perf_counter() - started) / CALLS


def _demo(lib: Any, lm: Any) -> float:
    """What each of eight demos adds to a call."""
    return (_predict(lib, lm, DEMOS) - _predict(lib, lm)) / DEMOS


def _hit(lib: Any, memory: bool) -> float:
    """A call whose reply is bought once, from litellm's own mock, and found ever after."""
    with tempfile.TemporaryDirectory() as folder:
        lib.configure_cache(enable_memory_cache=memory, disk_cache_dir=folder)
        seconds = _predict(lib, lib.LM("openai/gpt-4o-mini", api_key="none", mock_response=REPLY))
        lib.configure_cache(enable_disk_cache=False)  # closes the file
    return seconds


async def _acalls(lib: Any, lm: Any) -> float:
    program = lib.Predict("question -> answer")
    with lib.context(lm=lm):
        await program.acall(question="The capital of France?")
        started = time.perf_counter()
        await asyncio.gather(*(program.acall(question=f"The capital of country {at}?") for at in range(ROWS)))
        return time.perf_counter() - started


def _evaluate(lib: Any, lm: Any) -> float:
    program = lib.Predict("question -> answer")
    devset = [lib.Example(question=f"Country {at}?", answer="Paris").with_inputs("question") for at in range(ROWS)]
    evaluate = lib.Evaluate(devset=devset, metric=_metric, num_threads=THREADS)
    with lib.context(lm=lm):
        program(question="The capital of France?")
        started = time.perf_counter()
        report = evaluate(program)
        seconds = time.perf_counter() - started
    assert report.score == 100.0, "the benchmark itself is broken"
    return seconds


def _metric(example: Any, prediction: Any, trace: Any = None) -> bool:
    return example.answer == prediction.answer


def _repeated(once: Callable[[], float], repeat: int) -> list[float]:
    once()  # warm: bytecode, caches by signature, threads
    found = []
    for _ in range(repeat):
        gc.collect()
        found.append(once())
    return found


def _fresh(code: str, repeat: int) -> list[float]:
    """Seconds that `code` takes in a new interpreter, its start not counted; the first run only warms the disk."""
    timed = f"import time\nstarted = time.perf_counter()\n{code}\nprint(time.perf_counter() - started)"
    return [float(output([sys.executable, "-c", timed]).split()[-1]) for _ in range(repeat + 1)][1:]


# -- the table --------------------------------------------------------------------------------------------------------


def table(own: dict[str, list[float]], reference: dict[str, list[float]]) -> str:
    """The lines with lmnb's figures, the targets and, where there are any, the reference's figures as ratios."""
    head = ["", "lmnb: min", "median", "target", "within"] + (["reference: min", "ratio"] if reference else [])
    rows = [head]
    for line in LINES:
        if line.key not in own:
            continue
        best = min(own[line.key])
        within = "-" if line.target is None else "yes" if best <= line.target else "NO"
        row = [
            line.title,
            _shown(best, line),
            _shown(statistics.median(own[line.key]), line),
            _shown(line.target, line),
            within,
        ]
        if reference:
            theirs = min(reference[line.key]) if line.key in reference else None
            row += [_shown(theirs, line), "-" if theirs is None else f"{theirs / best:.1f} ×"]
        rows.append(row)
    widths = [max(len(row[at]) for row in rows) for at in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def _shown(seconds: float | None, line: Line) -> str:
    if seconds is None:
        return "-"
    return f"{seconds * 1e6:,.0f} µs" if line.unit == "µs" else f"{seconds:.3f} s"


def heavy(code: str) -> str:
    """Which of the heavy libraries `code` loads in a new interpreter."""
    return output(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*(set({HEAVY!r}) & set(sys.modules)) or ['none'])"]
    )


def output(command: list[str], **environment: str) -> str:
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stderr[-2000:]}")
    return done.stdout.strip()


def measured_by(python: str, repeat: int) -> dict[str, list[float]]:
    """The reference's figures, measured by the interpreter it is installed in."""
    with tempfile.TemporaryDirectory() as folder:
        command = [python, str(Path(__file__).resolve()), "--measure", REFERENCE, "--repeat", str(repeat)]
        found = output(command, DSPY_CACHEDIR=folder, PYTHONPATH="", LITELLM_LOCAL_MODEL_COST_MAP="True")
        return json.loads(found.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repeat", type=int, default=5, help="repeats of each figure (default 5)")
    parser.add_argument(
        "--reference", metavar="PYTHON", help=f"an interpreter with {REFERENCE} installed, to compare with"
    )
    parser.add_argument(
        "--measure", choices=("lmnb", REFERENCE), help="print that side's seconds as JSON and nothing else"
    )
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measured(arguments.measure, arguments.repeat)))
        return
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {load}; {arguments.repeat} repeats\n")
    own = measured("lmnb", arguments.repeat)
    reference = measured_by(arguments.reference, arguments.repeat) if arguments.reference else {}
    print(table(own, reference))
    print(f"\nof {', '.join(HEAVY)}: `import lmnb` loads {heavy('import lmnb')}")
    print(f"and with every public name: {heavy('import lmnb; [getattr(lmnb, name) for name in lmnb.__all__]')}")
    if arguments.reference:
        version = [arguments.reference, "-c", f"from importlib.metadata import version; print(version({REFERENCE!r}))"]
        print(f"reference: {REFERENCE} {output(version)}")


if __name__ == "__main__":
    main()
