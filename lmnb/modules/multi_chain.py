"""MultiChainComparison: several chains of thought, then one that compares them. Yoran et al. 2023, arXiv 2304.13007."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lmnb.counts import whole_number
from lmnb.errors import InputError
from lmnb.modules.chain_of_thought import ChainOfThought
from lmnb.modules.module import Module
from lmnb.modules.predict import Predict
from lmnb.modules.sampling import sampled
from lmnb.signature import InputField, OutputField, ensure_signature
from lmnb.types.wording import ENGLISH, current_wording


class MultiChainComparison(Module):
    """Samples `M` chains of thought at `temperature`, shows them to a predictor, and gives its `rationale` and outputs.

    Chains of one's own may be given in their place: `compare(completions, **inputs)`, `M` predictions with a `reasoning`
    (or `rationale`) and the outputs.

    >>> import lmnb
    >>> lm = lmnb.FakeLM([{"reasoning": "I guess.", "answer": "4"}, {"reasoning": "2 + 2.", "answer": "4"},
    ...                   {"rationale": "Both say so.", "answer": "4"}])
    >>> with lmnb.context(lm=lm):
    ...     lmnb.MultiChainComparison("question -> answer", M=2)(question="2 + 2?").answer
    '4'
    """

    def __init__(self, signature: Any, M: int = 3, temperature: float = 0.7, **config: Any) -> None:
        super().__init__()
        made = ensure_signature(signature)
        self.M = whole_number("M", M, "how many chains are compared")
        self.temperature = temperature
        self.chain = ChainOfThought(made, **config)
        for number in range(1, M + 1):
            made = made.append(f"reasoning_attempt_{number}", InputField(desc=ENGLISH.attempt), str)
        told = OutputField(desc=ENGLISH.compared)
        self.compare = Predict(made.prepend("rationale", told, str), **config)

    def forward(self, completions: Sequence[Any] | None = None, **inputs: Any) -> Any:
        """The same as calling it."""
        return self(**inputs) if completions is None else self(completions, **inputs)

    async def aforward(self, completions: Sequence[Any] | None = None, **inputs: Any) -> Any:
        """The same as `acall`."""
        return await (self.acall(**inputs) if completions is None else self.acall(completions, **inputs))

    async def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any], *, sync: bool) -> Any:
        inputs = dict(kwargs)
        chains = list(args[0]) if args else inputs.pop("completions", None)
        if chains is None:
            chains = []
            for number in range(1, self.M + 1):
                with sampled(number, self.temperature):
                    chains.append(self.chain(**inputs) if sync else await self.chain.acall(**inputs))
        if len(chains) != self.M:
            raise InputError(f"{self.M} completions are compared, and there are {len(chains)}.")
        for number, chain in enumerate(chains, 1):
            inputs[f"reasoning_attempt_{number}"] = self._told(chain)
        return self.compare(**inputs) if sync else await self.compare.acall(**inputs)

    def _told(self, chain: Any) -> str:
        outputs = [name for name in self.compare.signature.output_fields if name != "rationale"]
        reasoning = chain.get("reasoning", chain.get("rationale", ""))
        answers = ", ".join(f"{name}: {chain[name]}" for name in outputs)
        return current_wording().concluded.format(reasoning=" ".join(str(reasoning).split()), answers=answers).strip()
