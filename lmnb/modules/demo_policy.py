"""Demos that are chosen for each input: a predictor keeps a pool of them, and its policy says which of them a prompt shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from lmnb.canonical import canonical
from lmnb.counts import whole_number
from lmnb.errors import InputError
from lmnb.fingerprint import fingerprint, import_path
from lmnb.lm.embedder import Embedder
from lmnb.modules.knn import input_text, nearest, unit_rows
from lmnb.types.parts import Placeholder

EMBEDDER = "lmnb/tiny"
KEPT = 8  # pools whose vectors a policy keeps
_made: dict[str, Callable[[list[str]], Any]] = {}  # the vectorizers of this process's policies, by their state


class NearestDemos:
    """The `k` demos of the pool whose inputs are nearest to those of the call, the nearest one last, next to the question.

    `vectorizer` is the name of an embedding model, an `Embedder`, or a function from a list of texts to as many vectors; by
    default the embedded model. Of equally near demos the earlier one in the pool counts as nearer. Needs numpy: the extra
    `lmnb[embed]`. Liu et al. 2021, arXiv 2101.06804.

    The policy is data of the predictor (`predict.demo_policy`, the slot `<path>.demo_policy`), saved and exported with it. A file
    holds a model by its name; a function by its name and hash, and who loads the file makes a policy of that function
    again, as for an Embedder with an endpoint of its own. An embedding is no LM call, so no budget of calls counts it.

    >>> import lmnb
    >>> predict = lmnb.Predict("ticket -> team")
    >>> tickets = {"My parcel is late.": "shipping", "The invoice is wrong.": "billing"}
    >>> predict.demos = [lmnb.Example(ticket=ticket, team=team) for ticket, team in tickets.items()]
    >>> predict.demo_policy = lmnb.NearestDemos(k=1)
    >>> [demo.team for demo in predict.demos_for(ticket="Where is my parcel?")]
    ['shipping']
    """

    def __init__(self, k: int = 3, vectorizer: Any = EMBEDDER) -> None:
        self.k = whole_number("k", k, "how many demos a prompt shows")
        self.vectorizer = _vectorizer(vectorizer)
        self._state = _state_of(self.vectorizer)
        self._rows: dict[tuple[str, ...], Any] = {}

    def choose(self, demos: Sequence[Any], inputs: Mapping[str, Any]) -> list[Any]:
        """Those of `demos` that a call with `inputs` is shown. Where an input is not known yet (a prompt with placeholders), the
        first `k`.
        """
        if len(demos) <= 1 or any(isinstance(value, Placeholder) for value in inputs.values()):
            return list(demos[: self.k])
        texts = tuple(input_text(demo, inputs) for demo in demos)
        rows = self._rows.get(texts)
        if rows is None:
            rows = unit_rows(self.vectorizer, list(texts), "NearestDemos")
            if len(self._rows) >= KEPT:
                self._rows.clear()
            self._rows[texts] = rows
        asked = unit_rows(self.vectorizer, [input_text(inputs, inputs)], "NearestDemos")[0]
        return [demos[at] for at in reversed(nearest(rows, asked, self.k))]

    @property
    def known(self) -> bool:
        """Whether its vectorizer is here: not where a file named a function that this process does not have."""
        return not isinstance(self.vectorizer, Lost)

    @property
    def by(self) -> str:
        """What makes the vectors, in words."""
        return self._state.get("model") or self._state["function"]

    def dump_state(self) -> dict[str, Any]:
        """JSON-able and without secrets; `NearestDemos.load_state` reads it back."""
        return {"nearest": self.k, "vectorizer": dict(self._state)}

    @classmethod
    def load_state(cls, state: Mapping[str, Any]) -> NearestDemos:
        """The policy of a state. InputError for what is none."""
        if not isinstance(state, Mapping) or set(state) != {"nearest", "vectorizer"} or not _named(state["vectorizer"]):
            raise InputError(
                f"{state!r} is no policy of demos. Write lmnb.NearestDemos(k=3), or None for all demos in every prompt."
            )
        named = state["vectorizer"]
        return cls(state["nearest"], {"model": named} if isinstance(named, str) else named)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NearestDemos) and other.dump_state() == self.dump_state()

    def __hash__(self) -> int:
        return hash((self.k, canonical(self._state)))

    def __deepcopy__(self, memo: dict[int, Any]) -> NearestDemos:
        return self  # a value

    def __repr__(self) -> str:
        return f"NearestDemos({self.k}, {self.by!r})"


@dataclass(frozen=True)
class Lost:
    """A vectorizer that a file names and this process does not have."""

    state: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What it was, in words."""
        return self.state.get("function") or f"{self.state['model']} at an endpoint of its own"

    def __call__(self, texts: list[str]) -> Any:
        raise InputError(
            f"the vectors of the demos were made by {self.name!r}, which is not known here. Write "
            "predictor.demo_policy = lmnb.NearestDemos(k, vectorizer=...) with it."
        )


def policy_of(value: Any) -> NearestDemos | None:
    """What a predictor's `demo_policy` may be: a policy, the state of one, or None."""
    return value if value is None or isinstance(value, NearestDemos) else NearestDemos.load_state(value)


def _vectorizer(given: Any) -> Callable[[list[str]], Any]:
    if given is None or isinstance(given, str):
        return Embedder(given or EMBEDDER)
    if isinstance(given, Mapping) and {"model", "function"} & given.keys():
        made = _made.get(canonical(given))
        # a name can hold an address too, and no file says where texts and keys are sent
        unreachable = "function" in given or "endpoint" in given or "://" in str(given.get("model"))
        return made or (Lost(dict(given)) if unreachable else Embedder.load_state(given))
    if not callable(given):
        raise InputError(
            f"{given!r} is no vectorizer. Write 'lmnb/tiny', an lmnb.Embedder, or a function of a list of texts."
        )
    return given


def _named(state: Any) -> bool:
    """Whether this can be the state of a vectorizer."""
    names = [state.get(name) for name in ("model", "function")] if isinstance(state, Mapping) else [state]
    return any(names) and all(name is None or isinstance(name, str) for name in names)


def _state_of(vectorizer: Any) -> dict[str, Any]:
    """What names a vectorizer in a file: an Embedder's model and options, a function's name and hash."""
    if isinstance(vectorizer, Lost):
        return dict(vectorizer.state)
    if isinstance(vectorizer, Embedder) and isinstance(vectorizer.model, str):
        state = vectorizer.dump_state()
    else:
        function: Any = vectorizer.model if isinstance(vectorizer, Embedder) else vectorizer
        state = _function_state(function)
    _made[canonical(state)] = vectorizer
    return state


def _function_state(function: Any) -> dict[str, Any]:
    if isinstance(function, (FunctionType, BuiltinFunctionType, MethodType, partial)):
        found = fingerprint(function)
        return {"function": found["import"], "hash": found["hash"]}
    kind: Any = type(function)  # an object: the values that it holds count
    return {"function": import_path(kind), "hash": fingerprint(partial(kind, vars(function)))["hash"]}
