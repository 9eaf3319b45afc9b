"""A program's parts: its predictors by name, the slots that optimizers fill, and copies of the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Self

from lmnb.errors import InputError
from lmnb.modules.tree import Node, copied, deep, shared, walk

if TYPE_CHECKING:
    from lmnb.modules.predict import Predict


class Parts(Node):
    """What `Module` stands on: a tree of modules that can be named, tuned and copied."""

    def named_sub_modules(self, type_: type | None = None) -> Iterator[tuple[str, Any]]:
        """Every module of the tree by name, this one first as "self"."""
        return ((name, node) for name, node in walk(self) if isinstance(node, type_ or Parts))

    def named_predictors(self) -> list[tuple[str, Predict]]:
        """The predictors by name: `a.b`, `steps[0]`, `by_kind['x']`; a predictor itself is "self"."""
        return [(name, node) for name, node in walk(self) if getattr(node, "is_predictor", False)]  # type: ignore[misc]

    named_parameters = named_predictors

    def predictors(self) -> list[Predict]:
        return [predictor for _, predictor in self.named_predictors()]

    def map_named_predictors(self, function: Callable[[Any], Any]) -> Self:
        """Replace every predictor by what `function` makes of it, in place."""
        for name, predictor in self.named_predictors():
            _replace(self, name, predictor, function(predictor))
        return self

    def set_lm(self, lm: Any) -> None:
        """Give every predictor this LM."""
        for predictor in self.predictors():
            predictor.lm = lm

    def get_lm(self) -> Any:
        """The LM of all predictors; an error where they differ."""
        lms = {id(predictor.lm): predictor.lm for predictor in self.predictors()}
        if len(lms) > 1:
            raise InputError(
                f"the predictors have different LMs: {', '.join(repr(lm) for lm in lms.values())}. Read "
                "predictor.lm of each."
            )
        return next(iter(lms.values()), None)

    def slots(self) -> dict[str, Any]:
        """What optimizers may change: `route.predict.instructions`, `.demos` (a tuple), and `.lm` where a predictor
        has its own.
        """
        found: dict[str, Any] = {}
        for name, predictor in self.named_predictors():
            found[f"{name}.instructions"] = predictor.instructions
            found[f"{name}.demos"] = tuple(predictor.demos)
            if predictor.lm is not None:
                found[f"{name}.lm"] = predictor.lm
        return found

    def with_candidate(self, candidate: Any) -> Self:
        """A copy with the slots of `candidate` (a mapping, or an object whose `.values` is one) filled; this program
        stays as it is.

        Modules and containers are new in the copy, all other values are shared.
        """
        values = candidate if isinstance(candidate, Mapping) else candidate.values
        made = copied(self, {}, shared)
        predictors = dict(made.named_predictors())
        for slot, value in values.items():
            name, _, part = slot.rpartition(".")
            if name not in predictors or part not in ("instructions", "demos", "lm"):
                raise InputError(_no_slot(slot, predictors))
            setattr(predictors[name], part, value)
        return made

    def deepcopy(self) -> Self:
        """A copy that shares nothing but LMs, and what cannot be copied."""
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return copied(self, memo, deep(memo))

    def reset_copy(self) -> Self:
        """A copy without demos, LMs and call options."""
        made = self.deepcopy()
        for predictor in made.predictors():
            predictor.reset()
        return made


def _no_slot(slot: str, predictors: Mapping[str, Any]) -> str:
    known = [f"{name}.{part}" for name in predictors for part in ("instructions", "demos", "lm")]
    near = get_close_matches(slot, known, n=1, cutoff=0.4)
    return f"the program has no slot {slot!r}. " + (
        f"Did you mean {near[0]!r}?" if near else f"It has: {', '.join(known) or 'none'}."
    )


def _replace(root: Any, name: str, old: Any, new: Any) -> None:
    """Put `new` wherever the tree below `root` holds `old`."""
    for _, node in list(walk(root)):  # before: what is put in may hold the old one
        for attribute, value in list(vars(node).items()):
            if attribute != "_made_with":
                vars(node)[attribute] = _replaced(value, old, new)


def _replaced(value: Any, old: Any, new: Any) -> Any:
    if value is old:
        return new
    if type(value) is list:
        value[:] = [_replaced(item, old, new) for item in value]
    elif type(value) is dict:
        value.update({key: _replaced(item, old, new) for key, item in value.items()})
    elif type(value) is tuple:
        return tuple(_replaced(item, old, new) for item in value)
    return value
