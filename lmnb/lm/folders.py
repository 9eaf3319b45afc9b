"""The folders of this machine's user that lmnb keeps things in; an environment variable names another one."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """`$LMNB_CACHE_DIR`, or lmnb's folder in the user's cache folder of this system."""
    return _folder("LMNB_CACHE_DIR", ("LOCALAPPDATA", "AppData/Local"), "Caches", ("XDG_CACHE_HOME", ".cache"))


def settings_folder() -> Path:
    """`$LMNB_CONFIG_DIR`, or lmnb's folder in the user's settings folder of this system."""
    unix = ("XDG_CONFIG_HOME", ".config")
    return _folder("LMNB_CONFIG_DIR", ("APPDATA", "AppData/Roaming"), "Application Support", unix)


def _folder(named: str, windows: tuple[str, str], mac: str, unix: tuple[str, str]) -> Path:
    own = os.environ.get(named)
    if own:
        return Path(own).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / mac / "lmnb"
    variable, below_home = windows if sys.platform == "win32" else unix
    return Path(os.environ.get(variable) or Path.home() / below_home) / "lmnb"
