"""Process-wide defaults (`configure`) and their overrides for one block of code (`context`).

`configure` is seen from every thread and every notebook cell. `context` is carried by a context variable, so it follows the code that it wraps into
coroutines and into the threads that lmnb starts, and nothing else sees it. A setting is read as an attribute of this module:

    >>> import lmnb
    >>> with lmnb.context(num_threads=2):
    ...     lmnb.settings.num_threads
    2
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from lmnb.callbacks import as_callbacks
from lmnb.json_file import write_json
from lmnb.nearest import did_you_mean

_DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "lm": None,  # the LM of every predictor that has none of its own
        "rm": None,  # the retriever of every Retrieve that has none of its own
        "adapter": None,  # None: ChatAdapter
        "num_threads": 8,  # how many examples run side by side
        "max_errors": 10,  # failed examples in a row from the start before Evaluate and optimizers give up
        "track_usage": False,  # accepted: a prediction knows its usage either way, see `get_lm_usage`
        "budget": None,  # a Budget that every LM call is held to
        "callbacks": (),  # BaseCallbacks that are told of every call
        "run_dir": "runs",  # where optimizers keep their runs
        "provide_traceback": False,  # whether the errors of Evaluate, Parallel and batches hold their stack
        "warn_on_type_mismatch": True,  # whether an input that does not fit its type is warned of
        "disable_history": False,  # whether `lmnb.history()` forgets every LM call
        "max_history_size": 2_000,  # how many LM calls it remembers
    }
)
# settings of the reference that need no setting here, and what is there instead
_ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "trace": "a prediction holds its trace: prediction.trace",
        "max_trace_size": "a trace belongs to its prediction and goes with it",
        "usage_tracker": "with lmnb.track_usage() as usage: ...",
        "send_stream": "lmnb.streamify(program)",
        "stream_listeners": "lmnb.streamify(program, stream_listeners=[...])",
        "async_max_workers": "asynchronous calls share the threads of the event loop",
        "allow_tool_async_sync_conversion": "tools of both kinds work in programs of both kinds",
        "load": "lmnb.configure(**lmnb.load_settings(path)) reads what settings.save wrote",
    }
)
_OBJECTS = frozenset({"lm", "adapter", "rm"})
_COUNTS = frozenset({"num_threads", "max_errors", "max_history_size"})
_PLAIN = (bool, int, float, str, Path)
_process: dict[str, Any] = dict(_DEFAULTS)
_overrides: ContextVar[Mapping[str, Any]] = ContextVar("lmnb_settings", default=MappingProxyType({}))


def current(name: str) -> Any:
    """The value of one setting here and now."""
    overrides = _overrides.get()
    return overrides[name] if name in overrides else _process[name]


def chosen(name: str, value: Any) -> Any:
    """`value`, or the setting of that name where a caller gave None."""
    return current(name) if value is None else value


def configure(**values: Any) -> None:
    """Set process-wide defaults, seen from every thread and cell. TypeError for a name that is no setting and for a value that none can have.

    >>> import lmnb
    >>> lmnb.configure(num_threads=8)
    >>> lmnb.settings.num_threads
    8
    """
    check(values)
    _process.update(values)


@contextmanager
def context(**values: Any) -> Iterator[None]:
    """Override settings inside a `with` block, in this thread or task alone. TypeError as of `configure`.

    >>> import lmnb
    >>> with lmnb.context(lm=lmnb.FakeLM([{"answer": "Paris"}])):
    ...     lmnb.Predict("question -> answer")(question="The capital of France?").answer
    'Paris'
    """
    check(values)
    token = _overrides.set(MappingProxyType({**_overrides.get(), **values}))
    try:
        yield
    finally:
        _overrides.reset(token)


def check(values: Mapping[str, Any]) -> None:
    """TypeError for a name that is no setting, and for a value that none can have."""
    for name, value in values.items():
        if name not in _DEFAULTS:
            if name in _ELSEWHERE:
                raise TypeError(f"there is no setting {name!r}, and it needs none: {_ELSEWHERE[name]}.")
            hint = did_you_mean(name, _DEFAULTS, f"The settings are: {', '.join(_DEFAULTS)}.")
            raise TypeError(f"there is no setting {name!r}. {hint}")
        if name == "callbacks":
            as_callbacks(value)
        elif name in _OBJECTS:
            _check_object(name, value)
        elif name in _COUNTS and (type(value) is not int or value < 1):
            raise TypeError(f"{name}={value!r} is no whole number of 1 or more")


def _check_object(name: str, value: Any) -> None:
    if name == "lm" and isinstance(value, str):
        raise TypeError(f"lm={value!r} is a name, not a model. Write lm=lmnb.LM({value!r})")
    if isinstance(value, (type, str)):
        made = f"{value.__name__}(...)" if isinstance(value, type) else "lmnb.JSONAdapter()"
        kind = "class" if isinstance(value, type) else "str"
        raise TypeError(f"{name}={value!r} is a {kind}. Write {name}={made}")


def save(path: str | Path, exclude_keys: Sequence[str] = ()) -> None:
    """Write the settings in force here that differ from lmnb's own as JSON, to be brought back by
    `lmnb.configure(**lmnb.load_settings(path))`: an LM without its key, and what is plain data. A warning names what is left out.
    """
    here = {name: current(name) for name in _DEFAULTS if name not in exclude_keys}
    changed = {name: value for name, value in here.items() if value != _DEFAULTS[name] and value != []}
    states = {
        name: {"class": type(value).__name__, **value.dump_state()} for name, value in changed.items() if name == "lm"
    }
    plain = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in changed.items()
        if isinstance(value, _PLAIN)
    }
    left = sorted(changed.keys() - states.keys() - plain.keys())
    if left:
        warnings.warn(f"the settings {', '.join(left)} have no form in a file and are left out", stacklevel=2)
    write_json(path, {"lmnb": "settings", "format": 1, **plain, **states})


class _Settings(ModuleType):
    """So that `lmnb.settings.lm = lm` sets what it seems to set."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _DEFAULTS or name in _ELSEWHERE:
            configure(**{name: value})
        else:
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Settings


def __getattr__(name: str) -> Any:
    if name in _DEFAULTS:
        return current(name)
    if name in _ELSEWHERE:
        raise AttributeError(f"there is no setting {name!r}, and it needs none: {_ELSEWHERE[name]}")
    raise AttributeError(f"there is no setting {name!r}; the settings are: {', '.join(_DEFAULTS)}")
