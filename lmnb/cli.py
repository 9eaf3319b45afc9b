"""`lmnb lab | demo | serve-lm | runs | resume | replay | train-tiny`: the command line and its options.

A wrong use or a failed run is one message on stderr and exit status 2, never a traceback.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lmnb
from lmnb import commands
from lmnb.errors import LmnbError

RUN = "the run's folder, or its name inside runs/"


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
    to = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_add_lab, _add_demo, _add_serve_lm, _add_runs, _add_resume, _add_replay, _add_train_tiny):
        add(to)
    return top


def _add_lab(to: Any) -> None:
    lab = to.add_parser("lab", help="open the first notebook in JupyterLab")
    lab.add_argument("--no-browser", action="store_true", help="print the address instead of opening it")
    lab.add_argument(
        "--port", type=_positive, metavar="N", help="port of the server (default: the first free one from 8888)"
    )
    lab.set_defaults(command=commands.lab)


def _add_demo(to: Any) -> None:
    demo = to.add_parser("demo", help="the first notebook's compile, in the terminal, on the embedded model")
    demo.add_argument("--budget", type=_positive, metavar="CALLS", help="stop after this many calls of the model")
    demo.add_argument("--seed", type=int, default=0, help="seed of the search (default: 0)")
    demo.add_argument("--candidates", type=_positive, default=10, metavar="N", help="shuffled candidates (default: 10)")
    demo.add_argument("--model", default=None, help="another LM, as in lmnb.LM(...) (default: lmnb/tiny)")
    demo.set_defaults(command=commands.demo)


def _add_serve_lm(to: Any) -> None:
    serve = to.add_parser("serve-lm", help="serve a local model to other tools, by OpenAI's protocol, on loopback")
    serve.add_argument("--model", default="lmnb/tiny", help="lmnb/tiny (default), or gguf/<path>")
    serve.add_argument("--port", type=_positive, default=8177, metavar="N", help="(default: 8177)")
    serve.add_argument("--api-key", metavar="KEY", help="refuse requests without this key (default: none is asked for)")
    origin = (
        "let the pages of this origin ask, such as http://localhost:5173; may be given again (default: no page may)"
    )
    serve.add_argument("--origin", action="append", default=[], metavar="URL", help=origin)
    serve.set_defaults(command=commands.serve_lm)


def _add_runs(to: Any) -> None:
    runs = to.add_parser("runs", help="list stored runs")
    runs.add_argument("folder", nargs="?", metavar="DIR", help="where they are (default: runs)")
    runs.set_defaults(command=commands.runs)


def _add_resume(to: Any) -> None:
    resume = to.add_parser(
        "resume", help="go on with a run that was stopped or killed; its code is looked for in this folder too"
    )
    resume.add_argument("run", metavar="RUN", help=RUN)
    resume.add_argument("--model", default=None, help="the LM to go on with, as in lmnb.LM(...) (default: the run's)")
    resume.set_defaults(command=commands.resume)


def _add_replay(to: Any) -> None:
    replay = to.add_parser("replay", help="run again from the journal, with no call of a model")
    replay.add_argument("run", metavar="RUN", help=RUN)
    replay.set_defaults(command=commands.replay)


def _add_train_tiny(to: Any) -> None:
    train = to.add_parser("train-tiny", help="train the embedded model from scratch (needs lmnb[train])")
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
    train.set_defaults(command=commands.train_tiny)


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return number


if __name__ == "__main__":
    sys.exit(main())
