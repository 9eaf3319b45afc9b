"""Writing and checking the files of a data set that a program makes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def run(script: str, what: str, files: Mapping[str, str], argv: Sequence[str] | None = None) -> int:
    """The command line of a generator: writes `files`, name to content, or with `--check` says which are others."""
    parser = argparse.ArgumentParser(prog=f"python tests/{script}", description=f"Makes the {what}.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is not what this makes")
    parser.add_argument("--folder", type=Path, default=Path("datasets"), help="where the files are (default: datasets)")
    args = parser.parse_args(argv)
    wrong = 0
    for name, content in files.items():
        path = args.folder / name
        if not args.check:
            path.write_text(content, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != content:
            print(f"{path} is not what the generator makes; run python tests/{script}", file=sys.stderr)
            wrong = 1
    return wrong
