"""BestOfN and Refine: several tries of one program, and the best by a reward function."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from lmnb import listening
from lmnb.counts import whole_number
from lmnb.errors import BudgetExceeded, Cancelled, InputError
from lmnb.modules.module import Module
from lmnb.modules.one_core import OneCore
from lmnb.modules.predict import Predict
from lmnb.modules.sampling import sampled
from lmnb.signature import InputField, OutputField, Signature
from lmnb.sources import source_of
from lmnb.trace import Trace, span
from lmnb.types.wording import ENGLISH, current_wording

Reward = Callable[[dict[str, Any], Any], Any]
TEMPERATURE = 1.0


class BestOfN(OneCore):
    """Runs `module` up to `N` times and gives the prediction with the highest `reward_fn(inputs, prediction)`.

    The first try is the module as it is, the others are samples at temperature 1. A reward of at least `threshold` ends
    the search; without one that high the best is given all the same. Up to `fail_count` tries (default: all) may raise
    an error; the next one is raised. Each try is a span of the trace with its
    reward; the steps of the best one are the program's.

    >>> import lmnb
    >>> lm = lmnb.FakeLM([{"answer": "It is Paris."}, {"answer": "Paris"}])
    >>> short = lmnb.BestOfN(lmnb.Predict("question -> answer", lm=lm), 3, lambda inputs, made: " " not in made.answer, 1)
    >>> short(question="The capital of France?")
    Prediction(answer='Paris')
    """

    _advice: Any = None  # what is asked between two tries

    def __init__(
        self,
        module: Module,
        N: int,
        reward_fn: Reward,
        threshold: float,
        fail_count: int | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(module, Module):
            raise InputError(f"{type(self).__name__} takes a module, not {module!r}.")
        self.module = module
        self.N = whole_number("N", N, "how often the module may be tried")
        self.reward_fn = reward_fn
        _number(threshold, "threshold is")
        self.threshold = threshold
        self.fail_count = (
            N if fail_count is None else whole_number("fail_count", fail_count, "how many tries may fail", least=0)
        )
        if self._advice is not None:
            self.advise = Predict(self._advice)

    async def _steps(self, inputs: dict[str, Any], *, sync: bool) -> Any:
        best, highest, failures, chosen, hints = None, None, 0, None, {}
        for number in range(self.N):
            try:
                with span("module", f"try {number + 1}", inputs=inputs) as tried:
                    tried.data["aside"] = True  # until it is the best
                    with sampled(number, TEMPERATURE, hints):
                        made = self.module(**inputs) if sync else await self.module.acall(**inputs)
                    reward = _number(self.reward_fn(dict(inputs), made), "reward_fn gave")
                    tried.outputs = {"reward": reward}
            except (BudgetExceeded, Cancelled):
                raise
            except Exception:
                listening.withdraw(tried)
                failures += 1
                if failures > self.fail_count or (number == self.N - 1 and best is None):
                    raise
                continue
            if highest is None or reward > highest:
                if chosen is not None:
                    chosen.data["aside"] = True
                    listening.withdraw(chosen)
                best, highest, chosen = made, reward, tried
                del tried.data["aside"]
            else:
                listening.withdraw(tried)
            if reward >= self.threshold:
                break
            if number < self.N - 1:
                hints = await self._hints(inputs, made, reward, sync=sync)
        return best

    async def _hints(self, inputs: Mapping[str, Any], made: Any, reward: float, *, sync: bool) -> dict[int, str]:
        return {}


ADVICE = Signature(
    {
        "wanted": (str, InputField(desc=ENGLISH.wanted)),
        "reward": (str, InputField()),
        "steps": (str, InputField(desc=ENGLISH.steps_done)),
        "predictors": (list[str], InputField(desc=ENGLISH.advised)),
        "advice": (dict[str, str], OutputField(desc=ENGLISH.advice)),
    },
    ENGLISH.advise,
)


class Refine(BestOfN):
    """`BestOfN` whose tries learn from one another: after each that falls short, the LM says what each predictor should do
    otherwise, and the next try's predictors are given that as one more input, `hint`.

    `reward_fn`'s docstring tells the LM what is wanted; without one, its source does, or its name where that cannot be read.
    Madaan et al. 2023, arXiv 2303.17651.

    >>> import lmnb
    >>> lm = lmnb.FakeLM([{"answer": "It is Paris."}, {"advice": {"self": "One word."}}, {"answer": "Paris"}])
    >>> def one_word(inputs, made):
    ...     "1 for an answer of one word."
    ...     return " " not in made.answer
    >>> with lmnb.context(lm=lm):
    ...     lmnb.Refine(lmnb.Predict("question -> answer"), 3, one_word, 1)(question="The capital of France?")
    Prediction(answer='Paris')
    """

    _advice = ADVICE

    async def _hints(self, inputs: Mapping[str, Any], made: Any, reward: float, *, sync: bool) -> dict[int, str]:
        named = dict(self.module.named_predictors())
        trace = getattr(made, "trace", None)
        wording = current_wording()
        asked = {
            "wanted": (
                self.reward_fn.__doc__
                or source_of(self.reward_fn)
                or getattr(self.reward_fn, "__name__", wording.higher_reward)
            ).strip(),
            "reward": wording.reward.format(reward=f"{reward:g}", threshold=f"{self.threshold:g}"),
            "steps": "\n".join(_told(trace, named)) or repr(made),
            "predictors": [
                f"{name}: {each.signature.signature}. {wording.instructions(each.instructions)}"
                for name, each in named.items()
            ],
        }
        with span("module", "advice", inputs={"reward": reward}) as asking:
            asking.data["aside"] = True
            advice = (self.advise(**asked) if sync else await self.advise.acall(**asked)).advice
            asking.outputs = advice
        return {id(named[name]): text for name, text in advice.items() if name in named and text.strip()}


def _told(trace: Trace | None, named: Mapping[str, Any]) -> list[str]:
    names = {id(predictor): name for name, predictor in named.items()}
    steps = trace.steps() if trace is not None else []
    return [f"{names.get(id(step.predictor), step.path)}: {step.inputs} -> {step.outputs}" for step in steps]


def _number(value: Any, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(f"{what} {value!r}, and a reward is a number or a bool.") from None
    if math.isnan(number):  # it is neither above nor below any other
        raise InputError(f"{what} nan, which cannot be compared: decide what such a prediction is worth.")
    return number
