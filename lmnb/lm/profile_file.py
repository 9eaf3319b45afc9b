"""LM profiles as files: how this machine reaches a model, under a name that a program file may hold.

`<settings folder>/profiles/<name>.json`, made to be read and edited. It holds no key, only the name of the environment
variable that does:

{"lmnb": "lm profile", "format": 1, "model": "openai/llama-3", "options": {"temperature": 0.0, ...},
 "endpoint": {"api_base": "http://localhost:8000/v1"}, "environment": {"api_key": "LAB_API_KEY"}}
"""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from lmnb.errors import InputError, LMNotConfigured, SaveError
from lmnb.json_file import expect, expect_keys, read_json, reading, write_json
from lmnb.lm.bounds import check_bounds
from lmnb.lm.folders import settings_folder
from lmnb.lm.private import ENDPOINT, is_private, is_secret, public

FORMAT = 1
_KEYS = ("lmnb", "format", "model", "options", "endpoint", "environment")
_NO_OPTION = (
    "callbacks",
    "model",
    "self",
)  # arguments of an LM, but code, or said at another place, or no option at all
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}", re.ASCII)


class Profile(NamedTuple):
    """`options` are those of the LM, `endpoint` says where it is, `environment` has the variable for each secret option."""

    model: str
    options: dict[str, Any]
    endpoint: dict[str, Any]
    environment: dict[str, str]

    def arguments(self, name: str) -> dict[str, Any]:
        """What the LM is made with. LMNotConfigured names a variable that is not set."""
        for option, variable in self.environment.items():
            if not os.environ.get(variable):
                raise LMNotConfigured(
                    f"the LM profile {name!r} takes its {option} from the environment variable {variable!r}, which is not "
                    "set here. Set it before Python starts, or by os.environ.",
                    model=self.model,
                )
        secrets = {option: os.environ[variable] for option, variable in self.environment.items()}
        return {**self.options, **self.endpoint, **secrets, "model": self.model}


def profile_names() -> list[str]:
    """The names of the profiles of this machine, in order."""
    return sorted(path.stem for path in (settings_folder() / "profiles").glob("*.json") if _NAME.fullmatch(path.stem))


def read_profile(name: str) -> Profile:
    """The profile of that name. LMNotConfigured where there is none, SaveError where its file is not right."""
    path = _path(name)
    if not path.is_file():
        known = profile_names()
        near = get_close_matches(name, known, n=1)
        there = f" Did you mean {near[0]!r}?" if near else f" There are: {', '.join(known)}." if known else ""
        raise LMNotConfigured(
            f"there is no LM profile {name!r} on this machine.{there} Write one, once: "
            f"lmnb.LM('provider/model', api_base=..., api_key=...).save_profile({name!r})."
        )
    stored = read_json(path)
    with reading(path):
        return _checked(stored)


def write_profile(name: str, profile: Profile, *, overwrite: bool) -> Path:
    """Write the profile whole or not at all, and give its path.

    SaveError for what no profile may hold, such as a password in an address; InputError where another one has that name.
    """
    path, stored = _path(name), {"lmnb": "lm profile", "format": FORMAT, **profile._asdict()}
    try:
        _checked(stored)
    except SaveError as error:
        raise SaveError(f"the LM profile {name!r} cannot be written: {error}.") from None
    if path.exists() and not overwrite and read_profile(name) != profile:
        raise InputError(
            f"there is another LM profile {name!r} already: {str(path)!r}. Choose another name, or write "
            f"save_profile({name!r}, overwrite=True)."
        )
    write_json(path, stored)
    return path


def is_profile_name(name: Any) -> bool:
    """Whether a profile may be called so; its name is that of a file."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def _path(name: Any) -> Path:
    if not is_profile_name(name):
        raise InputError(
            f"{name!r} is no name of an LM profile. Use letters, digits, '-', '_' and '.', as in 'lab-gpu'."
        )
    return settings_folder() / "profiles" / f"{name}.json"


def _checked(stored: Any) -> Profile:
    if not isinstance(stored, dict) or stored.get("lmnb") != "lm profile":
        raise SaveError('it is not an LM profile (it has no "lmnb": "lm profile")')
    if stored.get("format") != FORMAT:
        raise SaveError(f"it has the format {stored.get('format')!r}, and this lmnb reads {FORMAT}")
    expect_keys(stored, _KEYS, "the profile", optional=("options", "endpoint", "environment"))
    model = expect(str, stored["model"], "model")
    options, endpoint, environment = (expect(dict, stored.get(key, {}), key) for key in _KEYS[3:])
    for option in options:
        if is_private(option):
            place = "endpoint" if option in ENDPOINT else "environment, as the name of the variable that holds it"
            raise SaveError(f"options.{option} does not belong there, but under {place}")
        if option in _NO_OPTION:
            raise SaveError(
                f"options.{option} is nothing that a profile sets. Take it out; lm.copy(...) sets callbacks"
            )
    expect(str, options.get("model_type", "chat"), "options.model_type")
    check_bounds(options, "options")
    if public(options) != options:
        raise SaveError("its options hold what looks like a secret. Take it out, and set it by lm.copy(...)")
    for option, value in endpoint.items():
        if option not in ENDPOINT:
            raise SaveError(f"endpoint has an unknown key {option!r}. Known: {', '.join(sorted(ENDPOINT))}")
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise SaveError(f"endpoint.{option} is no text and no number, and a profile holds nothing else there")
        if is_secret(option, value):
            raise SaveError(f"endpoint.{option} holds a password or a key. Write the address without it")
    check_bounds(endpoint, "endpoint")
    for option, variable in environment.items():
        if not is_private(option) or option in ENDPOINT:
            raise SaveError(f"environment.{option} is no secret. Only secrets, such as api_key, are read from there")
        expect(str, variable, f"environment.{option}")
    return Profile(model, options, endpoint, environment)
