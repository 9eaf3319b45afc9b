"""Trained weights on disk: named by a file without its folder, and used only where their content is what was trained."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from lmnb.errors import LMNotConfigured, SaveError
from lmnb.json_file import shown
from lmnb.lm.folders import cache_folder
from lmnb.settings import current

FOLDER = "weights"  # in the folder of a run, and beside a program file
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,149}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 20
_digests: dict[tuple[Any, ...], str] = {}


def digest(path: Path) -> str:
    """The SHA-256 of a file, or of all files of a folder and their names."""
    if path.is_file():
        return _digest(path)
    whole = sha256()
    for each in sorted(item for item in path.rglob("*") if item.is_file()):
        whole.update(f"{each.relative_to(path).as_posix()}\n{_digest(each)}\n".encode())
    return whole.hexdigest()


def kept_folder(name: str) -> Path:
    """Where weights are kept that belong to no run's folder."""
    return cache_folder() / FOLDER / name


def found(name: Any, wanted: Any, folder: Path | None, place: str = "the LM") -> Path:
    """The weights of that name and hash: in `folder` or its `weights`, or in those of this machine's runs.

    SaveError for what is no plain name or no hash; LMNotConfigured where they are not there, or only others of that name.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SaveError(f"{place} names the weights {shown(name)}, which is not the plain name of a file")
    if not isinstance(wanted, str) or not _HASH.fullmatch(wanted):
        raise SaveError(f"{place} names its weights' SHA-256 as {shown(wanted)}, which is none")
    others: list[Path] = []
    for path in (each / name for each in _folders(folder)):
        if path.exists():
            if digest(path) == wanted:
                return path
            others.append(path)
    where = f"{str(folder)!r}, its folder {FOLDER!r}" if folder is not None else "the working folder"
    seen = f" There is {str(others[0])!r}, but its content is another." if others else ""
    raise LMNotConfigured(
        f"the trained weights {name!r} (SHA-256 {wanted[:12]}…) were not found in {where} or the runs in {str(current('run_dir'))!r}.{seen} "
        f"Put the file that training wrote into the folder {FOLDER!r} beside the program's file, or train again."
    )


def located(name: Any, wanted: Any, folder: Path | None, place: str) -> tuple[Path, str]:
    """`found` for a file that is read: where the weights are missing, a warning, their bare name, and why its LM cannot be asked."""
    try:
        return found(name, wanted, folder, place), ""
    except LMNotConfigured as error:
        warnings.warn(f"{place} cannot be asked yet: {error}", stacklevel=4)
        return Path(name), str(error)


def _folders(folder: Path | None) -> Iterator[Path]:
    base = Path() if folder is None else folder
    yield base
    yield base / FOLDER
    yield from sorted(Path(current("run_dir")).glob(f"*/{FOLDER}"))
    yield from sorted((cache_folder() / FOLDER).glob("*"))


def _digest(path: Path) -> str:
    stat = path.stat()
    key = (str(path), stat.st_size, stat.st_mtime_ns)
    if key not in _digests:
        whole = sha256()
        with path.open("rb") as file:
            while part := file.read(_CHUNK):
                whole.update(part)
        _digests[key] = whole.hexdigest()
    return _digests[key]
