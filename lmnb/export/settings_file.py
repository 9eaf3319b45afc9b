"""`lmnb.load_settings`: settings from the file that `lmnb.settings.save` wrote."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from lmnb import settings
from lmnb.errors import SaveError
from lmnb.json_file import expect, expect_part, read_json, reading, shown
from lmnb.lm.client import LM

_KINDS = {name: type(value) for name, value in settings._DEFAULTS.items() if isinstance(value, bool | int | str)}


def load_settings(path: str | Path, allow_pickle: bool = False) -> dict[str, Any]:
    """The settings of the file, for `lmnb.configure(**lmnb.load_settings(path))`; nothing is set by reading them.

    The file is somebody's text: an LM is asked where this machine's profiles or the LM in force say, never where the file says.
    `allow_pickle` is accepted and changes nothing: nothing is unpickled. SaveError for a file that holds no settings.

    >>> import lmnb, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     lmnb.configure(num_threads=4)
    ...     lmnb.settings.save(folder + "/settings.json")
    ...     lmnb.configure(num_threads=8)
    ...     lmnb.load_settings(folder + "/settings.json")["num_threads"]
    4
    """
    stored = read_json(path)
    with reading(path):
        if not isinstance(stored, dict) or stored.get("lmnb") != "settings":
            raise SaveError('it holds no settings that lmnb saved (it has no "lmnb": "settings")')
        if stored.get("format") != 1:
            raise SaveError(f"it has the format {stored.get('format')!r}, and this lmnb reads 1")
        found: dict[str, Any] = {}
        for name, value in stored.items():
            if name in ("lmnb", "format"):
                continue
            if name == "lm":
                state = dict(expect(dict, value, name))
                if state.pop("class", None) != "LM":
                    warnings.warn(
                        "the LM of these settings is of a class of its own, which a file cannot bring back",
                        stacklevel=2,
                    )
                    continue
                expect_part(str, state, "model", name)
                found[name] = LM.load_state(state, place="lm", former=settings.current("lm"), folder=Path(path).parent)
            elif name not in _KINDS:
                raise SaveError(f"there is no setting {shown(name)} that a file can hold")
            elif type(value) is not _KINDS[name]:
                raise SaveError(f"{name} should be of type {_KINDS[name].__name__}, not {shown(value)}")
            else:
                found[name] = value
        try:
            settings.check(found)
        except TypeError as error:
            raise SaveError(str(error)) from None
    return found
