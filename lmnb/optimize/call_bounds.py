"""How many LM calls one run of a program makes, read off its structure: parts, the adapter's repair turns, tries, turns, checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lmnb.adapters.base import Adapter
from lmnb.adapters.chat import ChatAdapter
from lmnb.adapters.two_step import TwoStepAdapter
from lmnb.lm.base import BaseLM
from lmnb.modules.best_of_n import BestOfN, Refine
from lmnb.modules.code_act import CodeAct
from lmnb.modules.module import Module
from lmnb.modules.multi_chain import MultiChainComparison
from lmnb.modules.predict import Predict
from lmnb.modules.program_of_thought import ProgramOfThought
from lmnb.modules.react import ReAct
from lmnb.modules.retrieve import Retrieve
from lmnb.modules.rlm import RLM
from lmnb.modules.trajectory import SHORTENED
from lmnb.optimize.ensembled_program import EnsembledProgram
from lmnb.optimize.interval import NONE, Interval, exactly, total, widest
from lmnb.optimize.known import Ask, Check, Unread
from lmnb.optimize.reach import may_ask
from lmnb.optimize.reading import asks
from lmnb.settings import current

_OWN = ("__call__", "acall", "forward", "aforward", "_call", "_run", "_steps", "_turns", "_hints")


def calls_of(program: Any, *, lm: Any = None, adapter: Any = None) -> Interval:
    """The LM calls of one run of a program, or of a function such as a metric: at least where every reply can be read at once, at most
    with every repair, try, turn and re-asking by a check. A retry after a failure of the server is no further call.

    `lm` and `adapter` are those in force for it. Raises `Unread` where the structure gives no bound, with the reason.

    >>> import lmnb
    >>> calls_of(lmnb.ChainOfThought("question -> answer"))
    Interval(low=1, high=2)
    """
    if not isinstance(program, Module):
        if program is not None and may_ask(program):
            raise Unread(f"{getattr(program, '__name__', type(program).__name__)} may ask an LM")
        return NONE
    return _Bounds(lm, adapter or ChatAdapter()).of(program)


class _Bounds:
    def __init__(self, lm: Any, adapter: Any) -> None:
        self.lm = lm
        self.adapter = adapter
        self._open: list[Any] = []  # the modules around

    def of(self, part: Any) -> Interval:
        """The calls of one run of a part by itself."""
        if isinstance(part, BaseLM):
            return exactly(1)
        if any(part is each for each in self._open):
            raise Unread(f"{type(part).__name__} calls itself")
        self._open.append(part)
        try:
            known = _known(part)
            return known(self, part) if known is not None else self._own(part)
        finally:
            self._open.pop()

    def _own(self, part: Module) -> Interval:
        """A module with a `forward` of its own."""
        return widest(self._sum(steps) for steps in self._flat(part))

    def _flat(self, part: Module) -> list[list[tuple[Ask, Interval] | Check]]:
        """Its steps, those of the modules inside in their place."""
        return [self._steps(part, steps) for steps in asks(part)]

    def _steps(self, part: Module, steps: Sequence[Ask | Check]) -> list[tuple[Ask, Interval] | Check]:
        found: list[tuple[Ask, Interval] | Check] = []
        for each in steps:
            if isinstance(each, Check):
                found.append(each)
                continue
            inner = [step for one in each.parts for step in self._inside(one)]
            if not any(isinstance(step, Check) for step in inner):
                found.append((each, widest(self.of(one) for one in each.parts) * each.times))
            elif len(each.parts) == 1 and each.times == 1:
                always = each.always
                found += [
                    step if isinstance(step, Check) else (Ask(step[0].parts, step[0].always and always), step[1])
                    for step in inner
                ]
            else:
                raise Unread(f"{type(part).__name__} has checks in a part that it calls several times")
        return found

    def _inside(self, part: Any) -> list[tuple[Ask, Interval] | Check]:
        """The steps of a part that has checks; none for any other."""
        if isinstance(part, BaseLM) or not isinstance(part, Module) or any(part is each for each in self._open):
            return []
        if _known(part) is not None:
            return []
        self._open.append(part)
        try:
            ways = self._flat(part)
        finally:
            self._open.pop()
        with_checks = [steps for steps in ways if any(isinstance(step, Check) for step in steps)]
        if len(with_checks) > 1 and len(ways) > 1:
            raise Unread(f"{type(part).__name__} has checks in forward and in aforward")
        return with_checks[0] if with_checks else []

    def _sum(self, steps: Sequence[tuple[Ask, Interval] | Check]) -> Interval:
        """All steps; a step counts once more for each time that a check may have it asked again."""
        again = [1] * len(steps)
        sure = 0  # the last step that every run comes to
        for at, step in enumerate(steps):
            if isinstance(step, Check):
                first = self._first(steps, step.at) if step.at is not None else sure
                for earlier, other in enumerate(steps):
                    direct = not isinstance(other, Check) and isinstance(other[0].parts[0], BaseLM)
                    if earlier >= first or direct:  # a call of an LM by itself is no step that is kept
                        again[earlier] *= step.retries + 1
            elif step[0].always:
                sure = at
        found = [(step, times) for step, times in zip(steps, again, strict=True) if not isinstance(step, Check)]
        low = sum(calls.low for (ask, calls), _ in found if ask.always)
        high = total(calls * times for (_, calls), times in found).high
        return Interval(low, high)

    def _first(self, steps: Sequence[tuple[Ask, Interval] | Check], at: Module) -> int:
        """The first step that may be one of `at`."""
        within = {id(node) for _, node in at.named_sub_modules()}
        mine = (
            number
            for number, step in enumerate(steps)
            if not isinstance(step, Check) and any(id(part) in within or _holds(part, at) for part in step[0].parts)
        )
        return next(mine, 0)

    def tried(self, part: Module, times: float) -> Interval:
        """A part that is run up to so often."""
        if _has_checks(part):
            raise Unread(f"{type(part).__name__} has checks, and is tried several times")
        one = self.of(part)
        return Interval(one.low, (one * times).high)

    def agent(self, turn: Predict, last: Module, turns: int, tools: Any) -> Interval:
        """Up to so many turns, then an answer; where a prompt is too long it is asked again without the oldest turns."""
        asking = [name for name, tool in tools.items() if may_ask(getattr(tool, "func", tool))]
        if asking:
            raise Unread(f"the tool {asking[0]!r} may ask an LM")
        step = self.of(turn)
        tries = sum(1 + min(SHORTENED, done) for done in range(turns))
        end = self.of(last) * (1 + min(SHORTENED, turns))
        return Interval(step.low, ((step * tries) + end).high)


def _predict(bounds: _Bounds, part: Predict) -> Interval:
    lm = part.lm or bounds.lm or current("lm")
    n = part.config.get("n") or getattr(lm, "kwargs", {}).get("n") or 1
    return adapter_calls(bounds.adapter, n)


def adapter_calls(adapter: Any, n: int = 1) -> Interval:
    """The LM calls of one predictor call with `n` completions. Raises `Unread` for an adapter that asks in a way of its own."""
    kind = type(adapter)
    asks_as_base = all(getattr(kind, name, None) is getattr(Adapter, name) for name in ("call", "_read", "_repaired"))
    if kind is TwoStepAdapter:
        return Interval(2, (exactly(1) + adapter_calls(adapter.extraction_adapter) * n).high)
    if not isinstance(adapter, Adapter) or not asks_as_base or kind._outputs is not Adapter._outputs:
        raise Unread(f"the adapter {kind.__name__} asks in a way of its own")
    return Interval(1, 1 + n if adapter.repairs else 1)


def _best_of_n(bounds: _Bounds, part: BestOfN) -> Interval:
    if may_ask(part.reward_fn):
        raise Unread(f"the reward_fn of {type(part).__name__} may ask an LM")
    tries = bounds.tried(part.module, part.N)
    return tries + bounds.of(part.advise) * Interval(0, part.N - 1) if isinstance(part, Refine) else tries


def _multi_chain(bounds: _Bounds, part: MultiChainComparison) -> Interval:
    return bounds.of(part.chain) * Interval(0, part.M) + bounds.of(part.compare)


def _program_of_thought(bounds: _Bounds, part: ProgramOfThought) -> Interval:
    first, more, last = map(bounds.of, (part.code_generate, part.code_regenerate, part.generate_output))
    return first + more * Interval(0, part.max_iters - 1) + last * Interval(0, 1)


def _react(bounds: _Bounds, part: ReAct) -> Interval:
    return bounds.agent(part.react, part.extract, part.max_iters, part.tools)


def _code_act(bounds: _Bounds, part: CodeAct) -> Interval:
    return bounds.agent(part.codeact, part.extractor, part.max_iters, part.tools)


def _rlm(bounds: _Bounds, part: RLM) -> Interval:
    own = bounds.agent(part.generate_action, part.extract, part.max_iters, part.tools)
    return own + Interval(0, part.max_llm_calls)


def _ensemble(bounds: _Bounds, part: EnsembledProgram) -> Interval:
    if any(map(_has_checks, part.programs)):
        raise Unread("a program of the ensemble has checks")
    each, size = [bounds.of(program) for program in part.programs], part.size or len(part.programs)
    last = calls_of(part.reduce_fn, lm=bounds.lm, adapter=bounds.adapter)
    highs = [one.high for one in each if one.high is not None]
    high = None if len(highs) < len(each) else sum(sorted(highs, reverse=True)[:size])
    return Interval(sum(sorted(one.low for one in each)[:size]), high) + last


def _retrieve(bounds: _Bounds, part: Retrieve) -> Interval:
    if may_ask(part.rm if part.rm is not None else current("rm")):
        raise Unread("the retriever may ask an LM")
    return NONE


_KNOWN: dict[type, Callable[[_Bounds, Any], Interval]] = {
    Predict: _predict,
    BestOfN: _best_of_n,
    Refine: _best_of_n,
    MultiChainComparison: _multi_chain,
    ProgramOfThought: _program_of_thought,
    ReAct: _react,
    CodeAct: _code_act,
    RLM: _rlm,
    EnsembledProgram: _ensemble,
    Retrieve: _retrieve,
}


def _known(part: Any) -> Callable[[_Bounds, Any], Interval] | None:
    """What knows the calls of a module of lmnb, or of one that calls as it does."""
    for kind in type(part).__mro__:
        if kind in _KNOWN:
            same = all(getattr(type(part), name, None) is getattr(kind, name, None) for name in _OWN)
            return _KNOWN[kind] if same else None
    return None


def _holds(part: Any, at: Module) -> bool:
    return isinstance(part, Module) and any(node is at for _, node in part.named_sub_modules())


def _has_checks(part: Module) -> bool:
    """Whether a check stands in the module or in one inside of it."""
    own = [node for _, node in part.named_sub_modules() if _known(node) is None]
    return any(isinstance(step, Check) for node in own for steps in asks(node) for step in steps)
