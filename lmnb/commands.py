"""The commands of `lmnb`: each is a few calls of the public API, and gives the exit status."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from argparse import Namespace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import lmnb
from lmnb.data.packaged import packaged
from lmnb.errors import InputError, MissingExtra, RunError
from lmnb.terminal import percent, watch

if TYPE_CHECKING:
    from lmnb.optimize.run import Run

NOTEBOOK = "01_first_compile.ipynb"
PICTURE = "images/studio-light.png"  # that it shows


# -- lab -----------------------------------------------------------------------------------------------------


def lab(args: Namespace) -> int:
    if find_spec("jupyterlab") is None:
        raise MissingExtra("jupyterlab", "lab", "lmnb lab")
    notebook = notebook_here()
    print(f"opening {notebook}")
    return subprocess.call(lab_line(notebook, browser=not args.no_browser, port=args.port))


def notebook_here() -> Path:
    """The first notebook: the checkout's own, else a copy with its picture in the working folder; what is there is left as it is."""
    found = packaged(NOTEBOOK)
    if found.parent.name == "notebooks":
        return found
    for name in (NOTEBOOK, PICTURE):
        copy = Path.cwd() / name
        if not copy.exists():
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(packaged(name), copy)
    return Path.cwd() / NOTEBOOK


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


def demo(args: Namespace) -> int:
    from lmnb.data import tickets
    from lmnb.demo import TicketRouter, optimizer, right_team

    model = use_model(args.model)
    data = tickets()
    program = TicketRouter()
    score = lmnb.Evaluate(data.test, right_team)
    before = score(program)
    print(f"support tickets to one of three teams; {len(data.test)} held-out tickets; {model}")
    print(f"zero-shot  {percent(before.score)}")
    run = optimizer(args.candidates).start(
        program,
        trainset=data.train,
        valset=data.val,
        seed=args.seed,
        budget=lmnb.Budget(calls=args.budget) if args.budget else None,
    )
    after = score(watch(run))
    change = after.compare(before)
    interval = f"95 % interval {change.low:+.1f} to {change.high:+.1f}"
    print(f"compiled   {percent(after.score)}   {change.mean:+.1f} points, {interval}")
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


def serve_lm(args: Namespace) -> int:
    from lmnb.lm import local
    from lmnb.lm.serving import ModelServer

    if not local.is_local(args.model):
        raise InputError(f"{args.model!r} is no local model. Write lmnb/tiny, or gguf/<path>.")
    with ModelServer(args.model, port=args.port, api_key=args.api_key, origins=args.origin) as server:
        print(f"{args.model} at {server.url}   (Ctrl-C ends it)", flush=True)
        server.serve_forever()
    return 0


# -- stored runs ---------------------------------------------------------------------------------------------


def runs(args: Namespace) -> int:
    folder = args.folder or lmnb.settings.current("run_dir")
    if args.folder and not Path(folder).is_dir():
        raise RunError(f"there is no folder {folder!r}")
    stored = lmnb.runs(args.folder or None)
    print(
        stored
        if len(stored)
        else f"there are no runs in {Path(folder).resolve()}; lmnb demo makes one, lmnb runs DIR looks elsewhere"
    )
    return 0


def resume(args: Namespace) -> int:
    if args.model:
        use_model(args.model)
    # as `python` does with a script's folder: the run's program and metric are found again
    sys.path.insert(0, str(Path.cwd()))
    run = lmnb.reopen(find_run(args.run))
    run.resume()
    watch(run)
    print(f"best       {_best(run)}")
    _say_where(run)
    return 0


def replay(args: Namespace) -> int:
    run = lmnb.reopen(find_run(args.run))
    run.replay_candidate()  # has no program and nothing to call an LM with; Diverged says what came out differently
    print(f"replayed   {len(run.candidates)} candidates, {len(run.decisions)} decisions, 0 LM calls")
    print(f"the same   {_best(run)}")
    return 0


def _best(run: Run) -> str:
    best = run.best
    if best is None:
        return "nothing: no candidate is feasible"
    expected = "" if best.expected is None else f" ({best.expected:.1f} % expected on new data)"
    return f"{percent(best.score)}   #{best.number} {best.label}{expected}"


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


def train_tiny(args: Namespace) -> int:
    """Trains, or goes on where the checkpoint left off; writes the GGUF file at the end."""
    from lmnb.train import command

    out = command.train_tiny(
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
