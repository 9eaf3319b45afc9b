"""A program's parts: its predictors by name, the slots that optimizers fill, and copies of the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Self

from lmnb.errors import InputError
from lmnb.modules.texts import retell, texts
from lmnb.modules.tree import Node, copied, deep, replace, shared, walk

if TYPE_CHECKING:
    from lmnb.modules.predict import Predict


FILLED = ("instructions", "demos", "demo_policy", "lm")  # of a predictor


class Parts(Node):
    """What `Module` stands on: a tree of modules that can be named, tuned and copied."""

    def named_sub_modules(self, type_: type | None = None, skip_compiled: bool = False) -> Iterator[tuple[str, Any]]:
        """Every module of the tree by name, this one first as "self". `skip_compiled` is accepted: no part is ever hidden."""
        return ((name, node) for name, node in walk(self) if isinstance(node, type_ or Parts))

    def named_predictors(self) -> list[tuple[str, Predict]]:
        """The predictors by name: `a.b`, `steps[0]`, `by_kind['x']`; a predictor itself is "self"."""
        return [(name, node) for name, node in walk(self) if getattr(node, "is_predictor", False)]

    named_parameters = named_predictors

    def parameters(self) -> list[Predict]:
        """`predictors`: they are what is tuned."""
        return self.predictors()

    def predictors(self) -> list[Predict]:
        return [predictor for _, predictor in self.named_predictors()]

    def map_named_predictors(self, func: Callable[[Any], Any]) -> Self:
        """Replace every predictor by what `func` makes of it, in place."""
        for predictor in self.predictors():
            replace(self, predictor, func(predictor))
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
        """What optimizers may change: `route.predict.instructions`, `.demos` (a tuple), `.demo_policy` (its state) and `.lm`
        where a predictor has its own; the descriptions of its outputs (`route.predict.outputs['team'].desc`) and of the tools of
        agents (`agent.tools['search'].desc` and, for each argument, `.arg_desc['query']`).
        """
        found: dict[str, Any] = {}
        for name, predictor in self.named_predictors():
            found[f"{name}.instructions"] = predictor.instructions
            found[f"{name}.demos"] = tuple(predictor.demos)
            if predictor.demo_policy is not None:
                found[f"{name}.demo_policy"] = predictor.demo_policy.dump_state()
            if predictor.lm is not None:
                found[f"{name}.lm"] = predictor.lm
        return found | texts(self)

    def with_candidate(self, candidate: Any) -> Self:
        """A copy with the slots of `candidate` (a mapping, or an object whose `.values` is one) filled; this program
        stays as it is.

        Modules and containers are new in the copy, all other values are shared.
        """
        values = candidate if isinstance(candidate, Mapping) else candidate.values
        made = copied(self, {}, shared)
        predictors, told = dict(made.named_predictors()), texts(made)
        for slot, value in values.items():
            name, _, part = slot.rpartition(".")
            if slot in told:
                told[slot] = value
            elif name not in predictors or part not in FILLED:
                raise InputError(_no_slot(slot, predictors, told))
            else:
                setattr(predictors[name], part, value)
        retell(made, told)
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


def _no_slot(slot: str, predictors: Mapping[str, Any], told: Mapping[str, str]) -> str:
    known = [*(f"{name}.{part}" for name in predictors for part in FILLED), *told]
    near = get_close_matches(slot, known, n=1, cutoff=0.4)
    return f"the program has no slot {slot!r}. " + (
        f"Did you mean {near[0]!r}?" if near else f"It has: {', '.join(known) or 'none'}."
    )
