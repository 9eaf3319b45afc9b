"""Data files and notebooks that ship with lmnb."""

from __future__ import annotations

from pathlib import Path

from lmnb.errors import LmnbError

HERE = Path(__file__).resolve().parent


def packaged(name: str) -> Path:
    """The path of a shipped file: in the checkout, else beside this module, where wheels have it.

    >>> packaged("tickets.jsonl").name
    'tickets.jsonl'
    """
    top = HERE.parent.parent
    for folder in (top / "datasets", top / "notebooks", HERE):
        if (folder / name).is_file():
            return folder / name
    raise LmnbError(f"{name!r} is not part of this installation of lmnb (looked into {HERE}). Install lmnb anew.")
