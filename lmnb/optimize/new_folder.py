"""A folder for a run that is nobody else's."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def new_folder(path: Path) -> Path:
    """The path, with a number where something is there. It is made at once: whoever asks at the same moment gets another one."""
    names: Iterable[Path] = (path.with_name(f"{path.name}-{n}") for n in range(2, 10_000))
    for each in (path, *names):
        try:
            each.mkdir(parents=True)
        except FileExistsError:
            continue
        return each
    raise FileExistsError(f"{str(path)!r} and {path!s}-2 to -9999 are there already; choose another run_dir")
