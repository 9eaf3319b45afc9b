"""What a program remembers of its calls while checks send it back: which call is which, what it gave, what it is to be told.

A call is known again by its content: for a predictor its inputs, signature, demos, config and LM, for a tool or a retriever its
inputs. Of several with the same content each is the one of the same predictor or function; what is made anew in every attempt,
a predictor or a function inside of `forward`, takes the place of its like.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from types import FunctionType, MethodType
from typing import Any

from lmnb.alike import alike
from lmnb.canonical import content_hash
from lmnb.signature import InputField
from lmnb.snapshots import snapshot
from lmnb.steps import step


@dataclass(slots=True)
class Retry:
    """What a step is told when it is asked again."""

    past: Mapping[str, Any]
    messages: list[str]

    def applied(self, signature: Any, inputs: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The signature and the inputs with the earlier outputs and the feedback as further inputs."""
        values, outputs = dict(inputs), signature.output_fields
        for name in (name for name in self.past if name in outputs):
            added = _free(f"past_{name}", signature)
            told = InputField(desc=f"your earlier {name}, which must be changed")
            signature = signature.append(added, told, outputs[name].type)
            values[added] = self.past[name]
        added = _free("feedback", signature)
        told = InputField(desc="what was wrong; the new outputs must heed it")
        return signature.append(added, told, str), {**values, added: "\n".join(self.messages)}


@dataclass(slots=True, eq=False)
class Entry:
    """One call of a program, the same one in every attempt."""

    doer: Any
    asked: tuple[Any, ...]
    kept: step | None = None  # whose outcome it is given again
    retry: Retry | None = None
    failures: defaultdict[Any, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def told(self, message: str, past: Mapping[str, Any]) -> None:
        """It is to be asked again."""
        before = self.retry.messages if self.retry is not None else []
        self.kept, self.retry = None, Retry(past, before if message in before else [*before, message])


class Memory:
    """The calls of a program by their content."""

    def __init__(self, lives: Callable[[Any], bool]) -> None:
        self._lives = lives  # whether a predictor is a part of the program
        self._entries: defaultdict[str, list[Entry]] = defaultdict(list)
        self._lock = Lock()

    def entry(self, made: step, taken: set[Entry]) -> Entry:
        """Which call it is, of those that the attempt has not made yet: one that is known, or a new one."""
        content = made.content or content_of(made)
        with self._lock:
            same = self._entries[content]
            free = [each for each in same if each not in taken and _same_lm(each.asked, made.asked)]
            found = next((each for each in free if _same(each.doer, made.doer)), None)
            found = found or next((each for each in free if self._stands_for(each.doer, made.doer)), None)
            if found is None:
                same.append(found := Entry(made.doer, made.asked))
            taken.add(found)
        return found

    def _stands_for(self, old: Any, new: Any) -> bool:
        """Whether the two are made at the same place of the program's code, anew in each attempt."""
        if hasattr(old, "is_predictor") and hasattr(new, "is_predictor"):
            return not self._lives(old)
        code = _code(old)
        return (
            code is not None and code is _code(new) and (isinstance(old, MethodType) or "<locals>" in old.__qualname__)
        )


def content_of(made: step) -> str:
    """The hash of what decides the outcome of a call, but for its doer and its LM."""
    try:
        asked: list[Any] = []
        if made.asked:
            signature, demos, config, hint, _ = made.asked
            fields = [repr(each) for each in signature.fields.values()]
            asked = [signature.instructions, fields, [dict(demo.items()) for demo in demos], config, hint]
        return content_hash([made.span.kind, *snapshot([made.span.inputs, asked], _named)], 32)
    except Exception:  # noqa: BLE001  a value that has no text, or that holds itself: then it is the object that counts
        held = {name: id(value) for name, value in made.span.inputs.items()}
        return content_hash([made.span.kind, held, [id(each) for each in made.asked[:1]]], 32)


def _named(value: Any) -> Any:
    """An object whose text is its address by what it holds, a function by its name."""
    if isinstance(value, (FunctionType, MethodType)):
        return f"{value.__module__}.{value.__qualname__}"
    kind = type(value)
    if kind.__repr__ is object.__repr__ and kind.__str__ is object.__str__ and hasattr(value, "__dict__"):
        return {"__type__": f"{kind.__module__}.{kind.__qualname__}", **snapshot(vars(value), _named)}
    return value


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, MethodType) and isinstance(other, MethodType):
        return one.__self__ is other.__self__ and one.__func__ is other.__func__
    return one is other


def _same_lm(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether two predictor calls ask the same LM: one and the same, or two that were set up alike."""
    if not one or not other or one[-1] is other[-1]:
        return True
    return type(one[-1]) is type(other[-1]) and alike(*(getattr(lm, "__dict__", lm) for lm in (one[-1], other[-1])))


def _code(function: Any) -> Any:
    return getattr(getattr(function, "__func__", function), "__code__", None)


def _free(name: str, signature: Any) -> str:
    while name in signature.fields:
        name = f"previous_{name}"
    return name
