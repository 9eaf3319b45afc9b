"""`ProfiledLM`: an LM that files name without its endpoint and its key, and that profiles of the user's bring back."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, Self

from lmnb.errors import InputError, LMNotConfigured, SaveError
from lmnb.json_file import shown
from lmnb.lm.base import BaseLM
from lmnb.lm.bounds import bounded
from lmnb.lm.private import ENDPOINT, Private, from_file, is_private, public, variable_of
from lmnb.lm.profile_file import Profile, is_profile_name, read_profile, write_profile

_ADDRESSES = ("api_base", "base_url", "azure_endpoint")
_PLACES = ("profile", "endpoint", "weights")  # what a state says of where it was asked, and of what


class ProfiledLM(BaseLM):
    """The base of LMs that reach their model by an endpoint and a key."""

    profile: str | None = None  # the name of the profile that says how it is reached
    _lacks = ""  # what a file left open, and nobody has said since: why it is not asked

    @classmethod
    def from_profile(cls, name: str, **changes: Any) -> Self:
        """The LM of a profile of this machine, with some options changed.

        LMNotConfigured where there is no profile `name`, or where the environment variable of its key is not set; SaveError
        for a file that is damaged.

        >>> import os, tempfile, lmnb
        >>> with tempfile.TemporaryDirectory() as os.environ["LMNB_CONFIG_DIR"]:  # in the place of the user's settings
        ...     _ = lmnb.LM("openai/llama-3", api_base="http://localhost:8000/v1").save_profile("lab")
        ...     lmnb.LM.from_profile("lab", temperature=0.5)
        LM('openai/llama-3', temperature=0.5, api_base='http://localhost:8000/v1')
        """
        made = cls(**read_profile(name).arguments(name))
        made.profile = name
        return made.copy(**changes) if changes else made

    def save_profile(self, name: str, *, api_key_env: str | None = None, overwrite: bool = False) -> Path:
        """Keep model, endpoint and options under `name` in the user's settings folder, and give the path of the file.

        Programs that are saved with this LM name the profile from then on; where they are loaded, the profile of that name
        on that machine says endpoint and key. No key is written, but which environment variable has it: `api_key_env`, or
        the one whose value it is. InputError for a secret that is in none, and for a name that another profile has.
        """
        for option, value in self.kwargs.items():
            if public({option: value}) != {option: value}:
                raise InputError(
                    f"no profile holds a secret, and the option {option!r} looks like one. Leave it out: "
                    f"lm.copy({option}=None).save_profile({name!r})."
                )
        endpoint, environment = {}, {}
        if api_key_env is not None:
            if not isinstance(api_key_env, str) or not os.environ.get(api_key_env):
                raise InputError(
                    "api_key_env is the name of the environment variable that holds the key, and no variable of that name is "
                    "set here. Set it first, as in api_key_env='LAB_API_KEY'."
                )
            environment["api_key"] = api_key_env
        for option, value in self._private.items():
            if option in ENDPOINT:
                endpoint[option] = value
            elif option not in environment:
                environment[option] = _variable(option, value, name)
        options = {key: value for key, value in BaseLM.dump_state(self).items() if key != "model"}
        path = write_profile(name, Profile(self.model, options, endpoint, environment), overwrite=overwrite)
        self.profile = name
        return path

    def copy(self, **changes: Any) -> Self:
        """This LM with some options changed, as in `lm.copy(temperature=1.0, rollout_id=3)`; None takes an option away.

        With another model, endpoint or key it is no longer the LM of its profile.
        """
        made = super().copy(**changes)
        if "model" in changes or any(is_private(name) and name != "timeout" for name in changes):
            made.profile = None
            if any(changes.get(name) for name in ("model", "api_key", *_ADDRESSES)):
                made._lacks = ""
        return made

    def dump_state(self) -> dict[str, Any]:
        """What a saved program keeps of its LM: model, options, and the name of its profile or that it had an endpoint of
        its own; no key, no header, no endpoint.
        """
        state = super().dump_state()
        if self.profile is not None:
            return {**state, "profile": self.profile}
        own = self._lacks or any(name in self._private for name in _ADDRESSES)
        return {**state, "endpoint": "own"} if own else state

    @classmethod
    def load_state(cls, state: dict[str, Any], *, place: str = "the saved LM", former: Any = None) -> Self:
        """The LM of a `dump_state`, which may be somebody else's: of it only what decides the reply is taken.

        Endpoint and key are those of the profile that it names, else those of `former`, an LM for the same model. Where
        nobody says them, a warning tells so, and the LM raises LMNotConfigured instead of asking somewhere else, until
        `lm.copy(api_base=..., api_key=...)`. `place` is where the state stands, for errors and warnings.
        """
        options, left = from_file({name: value for name, value in state.items() if name not in _PLACES})
        made, lacks = cls(**bounded(options, place)), ""
        try:
            reached = cls._reached(state, place, former)
        except LMNotConfigured as error:
            reached, lacks = None, str(error)
        if reached is not None:
            if reached.model != made.model:
                warnings.warn(
                    f"{place} was saved with {made.model!r}, and the profile {reached.profile!r} of this machine is for "
                    f"{reached.model!r}, which is asked from now on. Set another LM, or change the profile, if that is wrong.",
                    stacklevel=2,
                )
            _, others = from_file(reached.kwargs)
            made.model, made.profile, made._private = reached.model, reached.profile, Private(reached._private)
            made.kwargs = {**{name: reached.kwargs[name] for name in others}, **made.kwargs}
            left = [name for name in left if name not in others]
        if left:
            warnings.warn(
                f"{place} names {', '.join(map(repr, left))}, which no file may set: it could lead your key elsewhere. Set "
                "what you trust by lm.copy(...), and keep it by lm.save_profile(...).",
                stacklevel=2,
            )
        if lacks:
            made.profile, made._lacks = state.get("profile"), lacks
            warnings.warn(f"{place} cannot be asked yet: {lacks}", stacklevel=2)
        return made

    @classmethod
    def _reached(cls, state: dict[str, Any], place: str, former: Any) -> Any:
        """The LM that says how the one of `state` is reached, or None where the provider's own way will do.

        LMNotConfigured where that is not known.
        """
        name, model = state.get("profile"), state.get("model")
        same = isinstance(former, ProfiledLM) and former.model == model and not former._lacks
        if name is not None:
            if not is_profile_name(name):
                raise SaveError(f"{place}.profile is {shown(name)}, which is no name of an LM profile")
            try:
                return cls.from_profile(name)
            except LMNotConfigured:
                if same and former._private:
                    return former
                raise
        if state.get("endpoint") is not None and not (same and former._private):
            raise LMNotConfigured(
                f"{model!r} was asked at an endpoint of its own, which no file holds. Say where it is: "
                "predictor.lm = predictor.lm.copy(api_base=..., api_key=...)."
            )
        if "://" in str(model) and not same:
            raise LMNotConfigured(
                f"{shown(model)} names an address, which no file may choose. Say where to ask: predictor.lm = lmnb.LM(...)."
            )
        return former if same else None

    def check_reachable(self) -> None:
        if self._lacks:
            raise LMNotConfigured(self._lacks, model=self.model)


def _variable(option: str, value: Any, profile: str) -> str:
    found = variable_of(value)
    if found is None:
        raise InputError(
            f"no profile holds a secret, and the {option} of this LM is the value of no environment variable. Put it in one"
            + (f", and write save_profile({profile!r}, api_key_env=...)" if option == "api_key" else "")
            + f"; or leave it out: lm.copy({option}=None).save_profile({profile!r})."
        )
    return found
