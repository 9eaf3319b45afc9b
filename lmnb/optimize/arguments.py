"""The arguments of an optimizer, as its constructor was given them: recorded, and refused with a word of what to write where another library
has them and lmnb does not.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from lmnb.errors import ArgumentError
from lmnb.lm.private import is_private, is_secret
from lmnb.nearest import did_you_mean

_LOGS = "A run keeps its own journal: log run.summary(), run.reports or run.to_pandas(), and give log_dir=... for its folder"
INSTEAD = {
    "target": "The LM that is trained or asked is the program's: student.set_lm(lmnb.LM(...)), or lmnb.configure(lm=...)",
    "eval_kwargs": "Write num_threads=...; a run shows its progress by itself",
    "use_wandb": _LOGS,
    "wandb_api_key": _LOGS,
    "wandb_init_kwargs": _LOGS,
    "use_mlflow": _LOGS,
    "gepa_kwargs": "All options of the search are arguments of GEPA itself",
    "code_proposer": "Texts are what is evolved; instruction_proposer=... writes them",
    "display_progress": "A run shows itself: in a notebook as the Studio, in a script by print(run)",
    "provide_traceback": "A failed example is a row of the run with its error and its trace",
}


class Arguments:
    """What was given to the constructor of a subclass."""

    _given: Mapping[str, Any] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            cls.__init__ = _recorded(cls.__init__)

    def get_params(self) -> dict[str, Any]:
        """The constructor's arguments as they are in force: from the attributes of their names, else as they were given."""
        names = [*dict.fromkeys((*inspect.signature(type(self).__init__).parameters, *self._given))]
        found = {name: getattr(self, name, self._given.get(name, _LOST)) for name in names if name != "self"}
        return {name: value for name, value in found.items() if value is not _LOST}

    def _lost(self) -> list[str]:
        """The arguments that `get_params` cannot tell: kept under another name, and no plain value that a journal could hold."""
        parameters = inspect.signature(type(self).__init__).parameters.values()
        plain = [each.name for each in parameters if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)]
        known = self.get_params()
        return [name for name in plain[1:] if name not in known and not hasattr(self, name) and not is_private(name)]


_LOST = object()


def instead(name: str) -> str | None:
    """What to write where another library takes this argument.

    >>> instead("target")
    "The LM that is trained or asked is the program's: student.set_lm(lmnb.LM(...)), or lmnb.configure(lm=...)."
    """
    return f"{INSTEAD[name]}." if name in INSTEAD else None


def _plain(name: str, value: Any) -> bool:
    """Whether a journal can hold the argument as it is: terms of JSON, and nothing secret."""
    if isinstance(value, (list, tuple, Mapping)):
        items = value.items() if isinstance(value, Mapping) else ((name, each) for each in value)
        return all(isinstance(key, str) and _plain(key, each) for key, each in items)
    return value is None or (isinstance(value, (str, int, float)) and not is_secret(name, value))


def _recorded(init: Callable[..., None]) -> Callable[..., None]:
    """The constructor, which notes the plain values that it is given; those of bases are called by it and note nothing."""
    signature = inspect.signature(init)
    open_ended = [each.name for each in signature.parameters.values() if each.kind is each.VAR_KEYWORD]
    rest = [each.name for each in signature.parameters.values() if each.kind is each.VAR_POSITIONAL]

    @wraps(init)
    def noted(self: Any, *args: Any, **kwargs: Any) -> None:
        if "_given" not in vars(self):
            self._given = {}
            for name in () if open_ended else kwargs:
                if name in INSTEAD and name not in signature.parameters:
                    raise ArgumentError(f"{type(self).__name__} has no argument {name!r}. {instead(name)}")
            bound = _bound(signature, self, args, kwargs)
            bound.apply_defaults()
            given = {name: value for name, value in bound.arguments.items() if name not in open_ended}
            given |= {key: value for name in open_ended for key, value in bound.arguments[name].items()}
            for name in rest:  # each has its place; None stands for what is code, as a metric is
                given[name] = [each if _plain(name, each) else None for each in given[name]]
            self._given = {name: value for name, value in [*given.items()][1:] if _plain(name, value)}
        else:
            _bound(signature, self, args, kwargs)  # of a base, which may not have what it is handed on
        init(self, *args, **kwargs)

    return noted


def _bound(signature: inspect.Signature, made: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The arguments by name. ArgumentError, which names the nearest argument and those that there are, where they do not fit."""
    try:
        return signature.bind(made, *args, **kwargs)
    except TypeError as error:
        name, parameters = type(made).__name__, [*signature.parameters.values()][1:]
        open_ended = any(each.kind is each.VAR_KEYWORD for each in parameters)
        known = [each.name for each in parameters if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)]
        unknown = [] if open_ended else [each for each in kwargs if each not in known]
        takes = f"It takes {', '.join(known)}."
        if unknown:
            raise ArgumentError(
                _words(f"{name} has no argument {unknown[0]!r}.", did_you_mean(unknown[0], known), takes)
            ) from None
        plain = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
        wanted = [
            each.name
            for each in parameters
            if each.name in known and each.default is each.empty and each.name not in kwargs
        ]
        wanted = [each for each in wanted if each not in [other.name for other in plain[: len(args)]]]
        if wanted:
            call = ", ".join(f"{each}=..." for each in wanted)
            raise ArgumentError(_words(f"{name} needs {wanted[0]!r}. Write {name}({call}).", takes)) from None
        raise ArgumentError(_words(f"{name}: {error}. Write its arguments by name, each once.", takes)) from None


def _words(*sentences: str) -> str:
    return " ".join(filter(None, sentences))
