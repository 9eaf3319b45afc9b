"""Callbacks: objects that are told when a module, an LM, an adapter, a tool, ... starts and ends.

`lmnb.spans` tells them, so whatever is a span of the trace reaches them, in synchronous and asynchronous code and in the threads
that lmnb starts. Until the first callback of a process is made, a span asks for none.
"""

from __future__ import annotations

import copy
import inspect
import logging
import warnings
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Self
from uuid import uuid4

NOTHING: Any = object()  # the result of a call that has none yet
HOOKS = {
    "module": "module",
    "predict": "module",
    "lm": "lm",
    "adapter_format": "adapter_format",
    "adapter_parse": "adapter_parse",
    "tool": "tool",
    "retrieval": "retrieval",
    "interpreter": "interpreter",
    "evaluate": "evaluate",
    "compile": "compile",
}  # by kind of span

_log = logging.getLogger("lmnb.callbacks")
_listeners: ContextVar[tuple[BaseCallback, ...]] = ContextVar("lmnb_listeners", default=())
_call: ContextVar[Any] = ContextVar("lmnb_call", default=None)
_telling: ContextVar[bool] = ContextVar("lmnb_telling", default=False)


class BaseCallback:
    """The base of callbacks: a subclass writes the hooks that it needs. Give it to `lmnb.configure(callbacks=[...])` or
    `lmnb.context(callbacks=[...])` for every call, or to one module, LM or adapter for the calls of that one.

    `call_id` is the same at a call's start and end; `lmnb.current_call()` is its span, with `.parent_id`, the id of the call
    around it. `inputs` is a dict, `outputs` what the call gives: a prediction, the texts of an LM with the tool calls that came
    with them, messages, a tool's result; None where `exception` is set. Hooks are called in the thread of the call, one after
    the other, and cannot change it: containers, records and pydantic values are copies for each hook. Other objects (programs,
    reports, `instance`, the span) are the call's own, to be read. What a hook raises is logged and shown as a warning, never
    raised; the calls that a hook makes itself are not told of.

    >>> import lmnb
    >>> class Watch(lmnb.BaseCallback):
    ...     def on_lm_start(self, call_id, instance, inputs):
    ...         print("asks", instance.model)
    ...     def on_module_end(self, call_id, outputs, exception):
    ...         print("gives", outputs)
    >>> with lmnb.context(callbacks=[Watch()], lm=lmnb.FakeLM([{"answer": "Paris"}])):
    ...     made = lmnb.Predict("question -> answer")(question="The capital of France?")
    asks fake
    gives Prediction(answer='Paris')
    """

    exists = False  # whether this process has made a callback

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        BaseCallback.exists = True
        return super().__new__(cls)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, hook in vars(cls).items():
            if name.startswith("on_") and inspect.iscoroutinefunction(hook):
                raise TypeError(
                    f"{cls.__name__}.{name} is asynchronous, and hooks are not awaited. Write def {name}(...)."
                )

    def on_module_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None: ...
    def on_module_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None: ...
    def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None: ...
    def on_lm_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None: ...
    def on_adapter_format_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None: ...
    def on_adapter_format_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None: ...
    def on_adapter_parse_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None: ...
    def on_adapter_parse_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None: ...
    def on_tool_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None: ...
    def on_tool_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None: ...
    def on_retrieval_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None: ...
    def on_retrieval_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None: ...
    def on_interpreter_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None: ...
    def on_interpreter_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None: ...
    def on_evaluate_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None: ...
    def on_evaluate_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None: ...
    def on_compile_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None: ...
    def on_compile_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None: ...

    def _started(self, call: Any, instance: Any) -> None:
        hook = self._hook(call, instance, "start")
        if hook is not None:
            hook(call_id=call.id, instance=instance, inputs=inputs_of(call))

    def _ended(self, call: Any, instance: Any, exception: BaseException | None) -> None:
        hook = self._hook(call, instance, "end")
        if hook is not None:
            hook(call_id=call.id, outputs=None if exception is not None else outputs_of(call), exception=exception)

    def _hook(self, call: Any, instance: Any, phase: str) -> Callable[..., None] | None:
        """The hook of this call where somebody wrote one: nothing is copied for the others."""
        if instance is None or call.kind not in HOOKS:
            return None
        name = f"on_{HOOKS[call.kind]}_{phase}"
        hook = getattr(self, name)
        return None if getattr(hook, "__func__", None) is getattr(BaseCallback, name) else hook

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # copies of a program tell the same callbacks


def current_call() -> Any:
    """The span of the call that a hook is being told of; elsewhere the innermost call that somebody is told of, or None.

    Its `.id` and `.parent_id` are the ids of that call and of the one around it; an LM's `.data["usage"]` is there at its end.
    """
    return _call.get()


def as_callbacks(given: Iterable[Any] | None) -> tuple[BaseCallback, ...]:
    """`given` as a tuple; TypeError where it is no list of callbacks."""
    if given is not None and not isinstance(given, (list, tuple)):
        raise TypeError(f"callbacks are a list, not {given!r}. Write callbacks=[...].")
    for each in given or ():
        if not isinstance(each, BaseCallback):
            raise TypeError(f"{each!r} is no callback. Derive its class from lmnb.BaseCallback, and give an instance.")
    return tuple(given or ())


@contextmanager
def listen(callback: BaseCallback) -> Iterator[None]:
    """Tell `callback` of every call inside, also where the setting `callbacks` is overridden there."""
    token = _listeners.set((*_listeners.get(), callback))
    try:
        yield
    finally:
        _listeners.reset(token)


class Told:
    """The callbacks that are told of one call: they were told of its start when this was made, and are told of its end by `end`."""

    __slots__ = ("_call", "_callbacks", "_instance", "_token")

    def __init__(self, callbacks: list[BaseCallback], call: Any, instance: Any) -> None:
        around = _call.get()
        call.id, call.parent_id = uuid4().hex, None if around is None else around.id
        self._callbacks, self._call, self._instance = callbacks, call, instance
        self._token = _call.set(call)
        try:
            self._tell("start", lambda callback: callback._started(call, instance))
        except BaseException:  # an interrupt: no `end` will follow
            _call.reset(self._token)
            raise

    def end(self, exception: BaseException | None) -> None:
        try:
            self._tell("end", lambda callback: callback._ended(self._call, self._instance, exception))
        finally:
            _call.reset(self._token)

    def _tell(self, phase: str, told: Callable[[BaseCallback], None]) -> None:
        token = _telling.set(True)
        try:
            for callback in self._callbacks:
                try:
                    told(callback)
                except Exception as error:  # noqa: BLE001  the boundary: a faulty callback must not change what a program does
                    _failed(callback, f"the {phase} of {self._call.kind} {self._call.name!r}", error)
        finally:
            _telling.reset(token)


def heard(instance: Any, configured: Collection[BaseCallback] | None) -> list[BaseCallback]:
    """Who is told of a call of `instance`: the callbacks that are configured, its own, and the listeners of this block."""
    listeners, own = _listeners.get(), getattr(instance, "callbacks", None)
    own = own if isinstance(own, (list, tuple)) else ()  # a program may have an attribute of that name for itself
    if not (configured or own or listeners) or _telling.get():
        return []
    found = (*(configured or ()), *own, *listeners)
    return list({id(each): each for each in found if isinstance(each, BaseCallback)}.values())


def inputs_of(call: Any) -> dict[str, Any]:
    """What a call was given: a dict of the caller's own, also in depth, without what is private to an LM."""
    if call.kind == "lm":
        given = {"messages": call.data.get("messages"), **call.data.get("request", {})}
    else:
        given = call.inputs
    return {name: _own(value) for name, value in given.items()}


def outputs_of(call: Any) -> Any:
    """What a call gives, as its caller gets it: a copy."""
    return _own(call.outputs if call.result is NOTHING else call.result)


def _own(value: Any) -> Any:
    """A copy of containers, records and pydantic values, in depth; any other object is shared."""
    try:
        return _copied(value)
    except RecursionError:  # it holds itself
        return value


def _copied(value: Any) -> Any:
    if value is None or isinstance(value, (str, bytes, bool, int, float, type)):
        return value
    if type(value) is dict:
        return {key: _copied(item) for key, item in value.items()}
    if type(value) in (list, tuple, set):
        return type(value)(map(_copied, value))
    if hasattr(type(value), "_changed"):  # a record: known by its method, as its class is in a layer above
        held = {name: _copied(item) for name, item in vars(value).items() if name in ("_fields", "_completions")}
        return value._changed(**held)
    if isinstance(value, (dict, list, set, bytearray, deque)) or hasattr(type(value), "model_copy"):
        with suppress(Exception):  # one that cannot be copied is shared
            return copy.deepcopy(value)
    return value


def _failed(callback: BaseCallback, what: str, error: Exception) -> None:
    name = type(callback).__qualname__
    _log.error("the callback %s failed at %s", name, what, exc_info=error)
    with suppress(Warning):  # where warnings are errors
        warnings.warn(
            f"the callback {name} failed at {what}: {type(error).__name__}: {error}. The program goes on; the logger "
            f"'{_log.name}' has the traceback.",
            RuntimeWarning,
            stacklevel=2,
        )
