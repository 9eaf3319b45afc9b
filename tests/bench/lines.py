"""The size of the core: lines and functions of each package of `lmnb/`, and the longest functions.

    python tests/bench/lines.py                     # this checkout
    python tests/bench/lines.py OTHER/lmnb          # another one, to compare with
    python tests/bench/lines.py --longest 30

`lines` are all lines of a file; `code` leaves out what is blank, a comment or a docstring. A function's length is that from its
`def` to its last line, docstring included. `train` is counted apart: the aim is for the core without it.
"""

from __future__ import annotations

import argparse
import ast
import io
import statistics
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

CORE = Path(__file__).resolve().parents[2] / "lmnb"
APART = "train"
AIM = 8_000
BESIDE = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}
Function = tuple[int, str]  # its length and its place


@dataclass(frozen=True)
class File:
    """One file, measured."""

    package: str
    lines: int
    code: int
    functions: tuple[Function, ...]


def measured(place: str, text: str) -> File:
    """The measures of a file; its package is the first folder of its place.

    >>> file = measured("lm/one.py", 'def f():\\n    "Gives 1."\\n\\n    return 1  # as it says\\n')
    >>> file.package, file.lines, file.code, file.functions
    ('lm', 4, 2, ((4, 'lm/one.py:1 f'),))
    """
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    functions = tuple(
        ((node.end_lineno or node.lineno) - node.lineno + 1, f"{place}:{node.lineno} {node.name}")
        for node in nodes
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )
    told = {line for node in nodes for line in _docstring(node)}
    held = {
        line
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type not in BESIDE
        for line in range(token.start[0], token.end[0] + 1)
    }
    folder = place.rpartition("/")[0].partition("/")[0]
    return File(folder or "(top)", len(text.splitlines()), len(held - told), functions)


def _docstring(node: ast.AST) -> range:
    """The lines of a node's docstring."""
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(node):
        text = node.body[0]
        return range(text.lineno, (text.end_lineno or text.lineno) + 1)
    return range(0)


def files(core: Path) -> list[File]:
    """Every Python file below `core`."""
    return [measured(path.relative_to(core).as_posix(), path.read_text("utf-8")) for path in sorted(core.rglob("*.py"))]


def rows(found: list[File]) -> Iterator[tuple[str, ...]]:
    """The table: a row a package, then the core without `train`, then all."""
    yield "package", "files", "lines", "code", "functions", "mean length", "median", "longest"
    for name in sorted({file.package for file in found}):
        yield _row(name, [file for file in found if file.package == name])
    yield _row(f"without {APART}", [file for file in found if file.package != APART])
    yield _row("all", found)


def _row(name: str, found: Iterable[File]) -> tuple[str, ...]:
    found = list(found)
    lengths = [length for file in found for length, _ in file.functions] or [0]
    return (
        name,
        f"{len(found):,}",
        f"{sum(file.lines for file in found):,}",
        f"{sum(file.code for file in found):,}",
        f"{sum(len(file.functions) for file in found):,}",
        f"{statistics.mean(lengths):.1f}",
        f"{statistics.median(lengths):.0f}",
        f"{max(lengths)}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "core", nargs="?", type=Path, default=CORE, help="the package's folder (default: this checkout's)"
    )
    parser.add_argument("--longest", type=int, default=10, metavar="N", help="how many functions to list (default 10)")
    arguments = parser.parse_args()
    found = files(arguments.core)
    table = list(rows(found))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = [
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells))
    print(f"\nthe aim is about {AIM:,} lines without {APART}\n")
    everything = [function for file in found for function in file.functions]
    for length, place in sorted(everything, reverse=True)[: arguments.longest]:
        print(f"{length:4d}  {place}")


if __name__ == "__main__":
    main()
