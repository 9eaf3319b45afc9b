"""Agents that work by code: turns of code in one sandbox, until the outputs are handed over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from lmnb.counts import whole_number
from lmnb.errors import ContextWindowError, InputError, InterpreterError, ParseError
from lmnb.leash import in_thread
from lmnb.modules.handed import checked, known
from lmnb.modules.one_core import OneCore
from lmnb.modules.program_of_thought import executed, only_code, submitted
from lmnb.modules.trajectory import asked, turn_signature
from lmnb.prediction import Prediction
from lmnb.signature import OutputField, ensure_signature
from lmnb.tools.bridge import SUBMIT, identifier
from lmnb.tools.complaints import LIMITS
from lmnb.tools.interpreter import CodeInterpreter
from lmnb.tools.python import PythonInterpreter
from lmnb.types.tool import Tool, tools_by_name
from lmnb.types.wording import ENGLISH, current_wording

OWN = ("llm_query", "llm_query_batched")  # what an RLM's code may call besides its tools

Step = tuple[Any, Mapping[str, Any]]  # a predictor and what it is given besides the trajectory


class CodeAgent(OneCore):
    """The base of agents whose steps are code. A subclass makes its predictors, which give `next_thought` and `generated_code`,
    and calls `_turns`.
    """

    def __init__(
        self,
        signature: Any,
        tools: Mapping[str, Any] | Iterable[Any],
        max_iters: int,
        max_output_chars: int,
        interpreter_factory: Callable[[], CodeInterpreter] | None,
    ) -> None:
        super().__init__()
        self.max_iters = whole_number("max_iters", max_iters, "the number of turns")
        shown = "how much of a turn's output is shown"
        self.max_output_chars = whole_number("max_output_chars", max_output_chars, shown)
        self.interpreter_factory = interpreter_factory
        self.signature = ensure_signature(signature)
        self.tools = in_code(tools_by_name(tools), (*self.signature.input_fields, *OWN))

    async def _turns(
        self,
        act: Step,
        extract: Step,
        variables: Mapping[str, Any],
        tools: Mapping[str, Tool],
        *,
        sync: bool,
    ) -> Prediction:
        """The outputs: by `SUBMIT` in the code of `act`, which has `variables` and `tools`, else by `extract`."""
        turns: list[dict[str, Any]] = []
        told: list[str] = []
        reason, fresh, wording = "max_iters", True, current_wording()
        made = self.interpreter_factory
        sandbox = made() if made else PythonInterpreter(output_fields=tuple(self.signature.output_fields))
        sandbox.tools.update(tools)
        try:
            for _ in range(self.max_iters):
                try:
                    step = await asked(*act, told, sync=sync)
                except (ParseError, ContextWindowError) as error:
                    reason = "unreadable" if isinstance(error, ParseError) else "context"
                    break
                code = only_code(step.generated_code)
                output, handed, fresh = await self._ran(sandbox, code, variables if fresh else {}, sync=sync)
                turns.append({"thought": step.next_thought, "code": code, "output": output})
                gave = wording.code_gave.format(result=output or wording.nothing)
                told.append(f"{step.next_thought}\n```python\n{code}\n```\n{gave}")
                if handed is not None:
                    return Prediction(**handed, trajectory=turns, termination_reason="submit")
        finally:
            sandbox.shutdown()
        last = await asked(*extract, told, sync=sync)
        return Prediction(**dict(last.items()), trajectory=turns, termination_reason=reason)

    async def _ran(
        self, sandbox: CodeInterpreter, code: str, variables: Mapping[str, Any], *, sync: bool
    ) -> tuple[str, dict[str, Any] | None, bool]:
        """What the model is shown of it, the outputs where they were handed over, and whether the sandbox lost its state."""
        run, wording = partial(executed, sandbox, code, variables), current_wording()
        try:
            ran = run() if sync else await in_thread(run)
        except InterpreterError as error:
            return self._clipped(error.printed, wording.code_failed.format(error=error)), None, error.kind in LIMITS
        if ran.final is None:
            return self._clipped(ran.text), None, False
        try:
            return "The answer was handed over.", checked(self.signature, ran.final.output), False
        except InputError as error:
            return wording.code_failed.format(error=f"{SUBMIT}: {error}"), None, False

    def _clipped(self, printed: str, error: str = "") -> str:
        over = len(printed) - self.max_output_chars
        more = current_wording().clipped.format(number=f"{over:,}")
        shown = printed if over <= 0 else printed[: self.max_output_chars] + more
        return "\n".join(filter(None, [shown.rstrip("\n"), error]))


def code_signature(signature: Any) -> Any:
    """The task of one turn whose action is code."""
    return turn_signature(signature, "generated_code", OutputField(desc=ENGLISH.only_code), str)


def in_code(tools: Mapping[str, Tool], taken: Iterable[str] = ()) -> dict[str, Tool]:
    """The tools by the names that code calls them by; InputError where a name is `taken`, or that of two tools."""
    names = {SUBMIT, *taken}
    found: dict[str, Tool] = {}
    for name, tool in tools.items():
        known = identifier(name)
        if known in names:
            raise InputError(
                f"a tool cannot be {known!r} in the code: that is something else there. Write Tool(function, name=...)."
            )
        names.add(known)
        found[known] = tool
    return found


def shown_tools(tools: Mapping[str, Tool]) -> list[str]:
    """The tools as a prompt shows them, by the names in code."""
    return [name + tool.format().removeprefix(tool.name) for name, tool in tools.items()]


def submitting(handed: Mapping[str, Any]) -> dict[str, str]:
    """The step that handed outputs over."""
    return {"next_thought": known(handed), "generated_code": submitted(handed)}
