"""CodeAct: acting by code that calls the tools. Wang et al. 2024, arXiv 2402.01030."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lmnb.modules.chain_of_thought import ChainOfThought
from lmnb.modules.code_agent import CodeAgent, code_signature, shown_tools, submitting
from lmnb.modules.handed import as_steps
from lmnb.modules.predict import Predict, filled
from lmnb.modules.program_of_thought import rules
from lmnb.signature import InputField
from lmnb.tools.interpreter import CodeInterpreter
from lmnb.types.wording import ENGLISH


class CodeAct(CodeAgent):
    """An agent whose actions are code: in each turn the predictor `codeact` thinks and writes Python that calls the tools; what
    it gives or prints, or its error, is added to the trajectory. It ends with `SUBMIT(field=..., ...)` in the code, checked by the
    types of the outputs; after `max_iters` turns, or where the model can no longer go on, `extractor` answers from the trajectory.

    The inputs are variables of the code, and variables last from turn to turn. Of each output at most `max_output_chars` are shown.
    The prediction has the outputs, `trajectory` (a list of turns: thought, code, output) and `termination_reason`: "submit",
    "max_iters", "unreadable" or "context". `interpreter_factory` makes a sandbox a call, whose `tools` the tools are added to
    (default: `PythonInterpreter`, the extra `lmnb[interpreter]`).

    >>> import lmnb
    >>> def population(town: str) -> int:
    ...     "How many people live in a town."
    ...     return {"Bern": 134_000, "Basel": 178_000}[town]
    >>> code = "SUBMIT(answer=sum(population(town) for town in towns))"
    >>> with lmnb.context(lm=lmnb.FakeLM([{"next_thought": "Add them up.", "generated_code": code}])):
    ...     lmnb.CodeAct("towns: list[str] -> answer: int", [population])(towns=["Bern", "Basel"]).answer
    312000
    """

    def __init__(
        self,
        signature: Any,
        tools: Mapping[str, Any] | Iterable[Any],
        max_iters: int = 5,
        interpreter_factory: Callable[[], CodeInterpreter] | None = None,
        *,
        max_output_chars: int = 10_000,
    ) -> None:
        super().__init__(signature, tools, max_iters, max_output_chars, interpreter_factory)
        made = self.signature
        turns = rules(ENGLISH.code_turns, made, interpreter_factory)
        self.codeact = Predict(code_signature(made).append_instructions(turns))
        self.extractor = ChainOfThought(made.append("trajectory", InputField(), str))

    def messages(self, **inputs: Any) -> Any:
        """As `Module.messages`, with the tools of this agent."""
        given = {"tools": shown_tools(self.tools), **inputs}
        steps = super().messages(**as_steps(self.signature, given, submitting))
        return {**super().messages(**given), "codeact": steps["codeact"]}

    async def _steps(self, inputs: dict[str, Any], *, sync: bool) -> Any:
        inputs = filled(self.signature, inputs)
        act = self.codeact, {**as_steps(self.signature, inputs, submitting), "tools": shown_tools(self.tools)}
        return await self._turns(act, (self.extractor, inputs), inputs, self.tools, sync=sync)
