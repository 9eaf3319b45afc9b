"""The command line: `lmnb lab | demo | serve-lm | runs | resume | replay`. Each command is a few calls of the public API.

A wrong use or a failed run is one message on stderr and exit status 2, never a traceback.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import lmnb
from lmnb.data.packaged import packaged
from lmnb.errors import InputError, LmnbError, MissingExtra, RunError

if TYPE_CHECKING:
    from lmnb.optimize.run import Run

NOTEBOOK = "01_first_compile.ipynb"
ENDED = {"stopped", "cancelled", "finished", "failed"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit status."""
    args = parser().parse_args(argv)
    try:
        return args.command(args) or 0
    except LmnbError as error:
        print(f"lmnb: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("lmnb: interrupted", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(
        prog="lmnb", description="Programs made of language-model calls, compiled in the open.", allow_abbrev=False
    )
    top.add_argument("--version", action="version", version=f"lmnb {lmnb.__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    lab = commands.add_parser("lab", help="open the first notebook in JupyterLab")
    lab.add_argument("--no-browser", action="store_true", help="print the address instead of opening it")
    lab.add_argument(
        "--port", type=_positive, metavar="N", help="port of the server (default: the first free one from 8888)"
    )
    lab.set_defaults(command=lab_command)

    demo = commands.add_parser("demo", help="the first notebook's compile, in the terminal, on the embedded model")
    demo.add_argument("--budget", type=_positive, metavar="CALLS", help="stop after this many calls of the model")
    demo.add_argument("--seed", type=int, default=0, help="seed of the search (default: 0)")
    demo.add_argument("--candidates", type=_positive, default=10, metavar="N", help="shuffled candidates (default: 10)")
    demo.add_argument("--model", default=None, help="another LM, as in lmnb.LM(...) (default: lmnb/tiny)")
    demo.set_defaults(command=demo_command)

    serve = commands.add_parser(
        "serve-lm", help="serve a local model to other tools, by OpenAI's protocol, on loopback"
    )
    serve.add_argument("--model", default="lmnb/tiny", help="lmnb/tiny (default), or gguf/<path>")
    serve.add_argument("--port", type=_positive, default=8177, metavar="N", help="(default: 8177)")
    serve.add_argument("--api-key", metavar="KEY", help="refuse requests without this key (default: none is asked for)")
    serve.set_defaults(command=serve_command)

    runs = commands.add_parser("runs", help="list stored runs")
    runs.add_argument("folder", nargs="?", metavar="DIR", help="where they are (default: runs)")
    runs.set_defaults(command=runs_command)

    for name, command, text in (
        ("resume", resume_command, "go on with a run that was stopped or killed"),
        ("replay", replay_command, "run again from the journal, with no call of a model"),
    ):
        sub = commands.add_parser(name, help=text)
        sub.add_argument("run", metavar="RUN", help="the run's folder, or its name inside runs/")
        if name == "resume":
            sub.add_argument(
                "--model", default=None, help="the LM to go on with, as in lmnb.LM(...) (default: the run's)"
            )
        sub.set_defaults(command=command)
    train = commands.add_parser("train-tiny", help="train the embedded model from scratch (needs lmnb[train])")
    train.add_argument("--minutes", type=_positive, default=60, metavar="N", help="how long (default: 60)")
    train.add_argument(
        "--tokens", type=float, metavar="N", help="how long in tokens, which is the same on every machine"
    )
    train.add_argument("--out", type=Path, required=True, metavar="FILE", help="the GGUF file to write")
    train.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="where the run is kept (default: FILE with .ckpt)"
    )
    train.add_argument(
        "--start", default="", metavar="FILE", help="a GGUF file of ours to go on from (default: from scratch)"
    )
    train.add_argument(
        "--threads", type=int, default=1, metavar="N", help="cores that have nothing else to do (default: 1)"
    )
    train.add_argument("--seed", type=int, default=0)
    train.set_defaults(command=train_command)
    return top


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return number


# -- lab -----------------------------------------------------------------------------------------------------


def lab_command(args: argparse.Namespace) -> int:
    if find_spec("jupyterlab") is None:
        raise MissingExtra("jupyterlab", "lab", "lmnb lab")
    notebook = notebook_here()
    print(f"opening {notebook}")
    return subprocess.call(lab_line(notebook, browser=not args.no_browser, port=args.port))


def notebook_here() -> Path:
    """The first notebook: the checkout's own, else a copy in the working folder; one that is there is left as it is."""
    found = packaged(NOTEBOOK)
    if found.parent.name == "notebooks":
        return found
    copy = Path.cwd() / NOTEBOOK
    if not copy.exists():
        shutil.copyfile(found, copy)
    return copy


def lab_line(notebook: Path, *, browser: bool = True, port: int | None = None) -> list[str]:
    """The command that starts JupyterLab on the notebook, with the interpreter that lmnb runs in."""
    # as a default address, so that the one that the server prints leads to the notebook
    line = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={notebook.parent}"]
    line.append(f"--LabApp.default_url=/lab/tree/{quote(notebook.name)}")
    if not browser:
        line.append("--no-browser")
    if port is not None:
        line.append(f"--port={port}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        line.append("--allow-root")  # containers: without it the server refuses to start
    return line


# -- demo ----------------------------------------------------------------------------------------------------


def demo_command(args: argparse.Namespace) -> int:
    from lmnb import demo

    model = use_model(args.model)
    data = demo.tickets()
    program = demo.TicketRouter()
    score = lmnb.Evaluate(data["test"], demo.right_team)
    before = score(program)
    print(f"support tickets to one of three teams; {len(data['test'])} held-out tickets; {model}")
    print(f"zero-shot  {_percent(before.score)}")
    run = demo.optimizer(args.candidates).start(
        program,
        trainset=data["train"],
        valset=data["val"],
        seed=args.seed,
        budget=lmnb.Budget(calls=args.budget) if args.budget else None,
    )
    after = score(watch(run))
    change = after.compare(before)
    interval = f"95 % interval {change.low:+.1f} to {change.high:+.1f}"
    print(f"compiled   {_percent(after.score)}   {change.mean:+.1f} points, {interval}")
    print(f"           {len(change.fixed)} tickets fixed, {len(change.broken)} broken")
    _say_where(run)
    return 0


def use_model(name: str | None) -> Any:
    """Configure the LM of that name; without a name the embedded one, unless an LM is configured already."""
    if name is not None or lmnb.settings.current("lm") is None:
        lmnb.configure(lm=lmnb.LM(name or "lmnb/tiny"))
    return lmnb.settings.current("lm")


def _say_where(run: Run) -> None:
    if run.path is not None:
        print(f"program    {run.path / 'program.json'}")
        print(f"run        {run.path}   (lmnb replay {run.name})")


# -- serve-lm ------------------------------------------------------------------------------------------------


def serve_command(args: argparse.Namespace) -> int:
    from lmnb.lm import llama, local

    if not local.is_local(args.model):
        raise InputError(f"{args.model!r} is no local model. Write lmnb/tiny, or gguf/<path>.")
    server = llama.start(
        args.model,
        local.weights(args.model),
        n_ctx=local.context_size(args.model),
        port=args.port,
        api_key=args.api_key,
    )
    print(f"{args.model} at {server.listening_address}/v1   (Ctrl-C ends it)", flush=True)
    threading.Event().wait()
    return 0


# -- stored runs ---------------------------------------------------------------------------------------------


def runs_command(args: argparse.Namespace) -> int:
    folder = args.folder or lmnb.settings.current("run_dir")
    if args.folder and not Path(folder).is_dir():
        raise RunError(f"there is no folder {folder!r}")
    stored = lmnb.runs(folder)
    print(
        stored
        if len(stored)
        else f"there are no runs in {Path(folder).resolve()}; lmnb demo makes one, lmnb runs DIR looks elsewhere"
    )
    return 0


def resume_command(args: argparse.Namespace) -> int:
    if args.model:
        use_model(args.model)
    run = lmnb.reopen(find_run(args.run))
    run.resume()
    watch(run)
    print(f"best       {_best(run)}")
    _say_where(run)
    return 0


def replay_command(args: argparse.Namespace) -> int:
    run = lmnb.reopen(find_run(args.run))
    run.replay_candidate()  # has no program and nothing to call an LM with; Diverged says what came out differently
    print(f"replayed   {len(run.candidates)} candidates, {len(run.decisions)} decisions, 0 LM calls")
    print(f"the same   {_best(run)}")
    return 0


def _best(run: Run) -> str:
    best = run.best
    if best is None:
        return "nothing: no candidate is feasible"
    return f"{_percent(best.score)}   #{best.number} {best.label}"


def find_run(name: str) -> Path:
    """The folder of a run, given as a path or as a name among the stored ones. RunError names what there is."""
    stored = Path(lmnb.settings.current("run_dir"))
    for path in (Path(name), stored / name):
        if (path / "journal.jsonl").is_file():
            return path
    if Path(name).is_dir():
        raise RunError(f"{name!r} is no run: it has no journal.jsonl")
    known = sorted(path.parent.name for path in stored.glob("*/journal.jsonl"))
    raise RunError(f"there is no run {name!r}. In {stored} there is " + (f"{', '.join(known)}." if known else "none."))


# -- training ------------------------------------------------------------------------------------------------


def train_command(args: argparse.Namespace) -> int:
    """Trains, or goes on where the checkpoint left off; writes the GGUF file at the end."""
    from lmnb.train.command import train_tiny

    out = train_tiny(
        args.out,
        minutes=args.minutes,
        tokens=args.tokens,
        checkpoint=args.checkpoint or args.out.with_suffix(".ckpt"),
        threads=args.threads,
        start=args.start,
        seed=args.seed,
        told=print,
    )
    print(f"model      {out}   (lmnb.LM('gguf/{out}'); python -m lmnb.train.evaluate gguf/{out})")
    return 0


# -- progress ------------------------------------------------------------------------------------------------


def watch(run: Run) -> Any:
    """Show the run until it ends and give its program. Ctrl-C stops it, keeps what was bought, and ends the command."""
    try:
        show_live(run) if sys.stdout.isatty() else show_lines(run)
    except KeyboardInterrupt:
        run.stop()
        print(f"stopping; go on later with: lmnb resume {run.name}", file=sys.stderr)
        run.until("ended")
        raise
    return run.wait()  # it has ended


def show_lines(run: Run) -> None:
    """One line for each candidate that is done with, one for the end."""
    told: set[int] = set()
    ended = False
    while not ended:
        ended = _sleep(run)
        for row in run.candidates:
            if row.status in ("scored", "dropped") and row.number not in told:
                told.add(row.number)
                reason = f"  ({row.reason})" if row.reason else ""
                line = f"candidate {row.number:2d}  {_percent(row.score)}  {row.label}{reason}"
                print(line, flush=True)
    print(_summary(run.snapshot()))


def show_live(run: Run) -> None:
    """A table of the candidates under a line of progress, redrawn in place."""
    from rich.live import Live

    with Live(_table(run), refresh_per_second=4, transient=False) as live:
        ended = False
        while not ended:
            ended = _sleep(run)
            live.update(_table(run))


def _table(run: Run) -> Any:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    snapshot = run.snapshot()
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("#", "score", "95 %", "candidate", "state"):
        table.add_column(name, justify="right" if name in ("#", "score") else "left")
    for row in snapshot["candidates"]:
        best = row["id"] == snapshot["best"]
        score = "" if row["score"] is None else f"{row['score']:.1f}"
        interval = "" if row["low"] is None else f"{row['low']:.0f} to {row['high']:.0f}"
        state = f"{row['done']} of {row['total']}" if row["status"] == "evaluating" else row["reason"] or row["status"]
        cells = (str(row["number"]), score, interval, row["label"], "best" if best else state)
        table.add_row(*(Text(cell) for cell in cells), style="bold" if best else None)
    return Group(table, Text(_summary(snapshot)))


def _summary(snapshot: dict[str, Any]) -> str:
    calls = snapshot["budget"]["calls"]
    limit = f" of {calls['limit']}" if calls["limit"] else ""
    parts = [snapshot["state"], f"{calls['spent']}{limit} calls", f"{snapshot['elapsed']:.0f} s"]
    if snapshot["state"] == "stopped":
        parts += [row["text"] for row in snapshot["decisions"] if row["kind"] == "stop" and not row["undone"]][-1:]
    if snapshot["state"] not in ENDED:
        parts.insert(0, snapshot["progress"]["label"])
        if snapshot["eta"]:
            parts.append(f"about {snapshot['eta']:.0f} s left")
    return " · ".join(parts)


def _percent(score: float | None) -> str:
    return "unscored" if score is None else f"{score:5.1f} %"


def _sleep(run: Run, seconds: float = 0.25) -> bool:
    """Wait a little, or less if the run ends; gives whether it has."""
    end = time.monotonic() + seconds
    while run.state not in ENDED and time.monotonic() < end:
        time.sleep(0.02)
    return run.state in ENDED


if __name__ == "__main__":
    sys.exit(main())
