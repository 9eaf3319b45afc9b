"""ReAct: thinking and acting in turns, until the answer is handed over. Yao et al. 2022, arXiv 2210.03629."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from lmnb.canonical import jsonable
from lmnb.counts import whole_number
from lmnb.errors import ContextWindowError, InputError, ParseError
from lmnb.modules.chain_of_thought import ChainOfThought
from lmnb.modules.handed import as_steps, checked, known, outputs_model, quoted
from lmnb.modules.one_core import OneCore
from lmnb.modules.predict import Predict
from lmnb.modules.trajectory import asked, turn_signature
from lmnb.prediction import Prediction
from lmnb.signature import InputField, OutputField, ensure_signature
from lmnb.types.tool import Tool, tools_by_name
from lmnb.types.tool_calls import ToolCall, ToolCallResults, ToolCalls
from lmnb.types.wording import ENGLISH, current_wording

SUBMIT = "submit"


class ReAct(OneCore):
    """An agent: in each turn the predictor `react` thinks and calls tools, side by side where there are several; what they
    give is added to the trajectory. It ends with a call of `submit`, whose arguments are the signature's outputs and are
    checked by their types; after `max_iters` turns, or where the model can no longer go on, `extract` answers from the
    trajectory.

    The prediction has the outputs, `trajectory` (a list of turns: thought, calls, results) and `termination_reason`:
    "submit", "max_iters", "unreadable" or "context". `tools` are functions or `Tool`s. A tool that fails is told to the
    model, and does not end the run.

    Where adapter and LM can (`use_native_function_calling`), tools and calls go through the provider's own interface; else they
    stand in the text.

    >>> import lmnb
    >>> def population(town: str) -> int:
    ...     "How many people live in a town."
    ...     return {"Bern": 134_000}[town]
    >>> lm = lmnb.FakeLM([
    ...     {"next_thought": "Look it up.", "tool_calls": [{"name": "population", "args": {"town": "Bern"}}]},
    ...     {"next_thought": "Done.", "tool_calls": [{"name": "submit", "args": {"answer": 134_000}}]},
    ... ])
    >>> with lmnb.context(lm=lm):
    ...     made = lmnb.ReAct("question -> answer: int", [population])(question="How many people live in Bern?")
    >>> made.answer, made.termination_reason, str(made.trajectory[0]["results"])
    (134000, 'submit', 'population: 134000')

    What its tools say are slots as its instructions are, for candidates and for the person who steers a run:

    >>> agent = lmnb.ReAct("question -> answer: int", [population])
    >>> agent.with_candidate({"tools['population'].desc": "Counts heads."}).tools["population"].desc
    'Counts heads.'
    """

    def __init__(self, signature: Any, tools: Iterable[Any] | Mapping[str, Any], max_iters: int = 20) -> None:
        super().__init__()
        self.signature = made = ensure_signature(signature)
        self.max_iters = whole_number("max_iters", max_iters, "the number of turns")
        self.tools = tools_by_name(tools)
        if SUBMIT in self.tools:
            raise InputError(f"a tool of an agent cannot be named {SUBMIT!r}: that is how it hands over its answer.")
        step = turn_signature(made, "tool_calls", OutputField(desc=ENGLISH.some_calls), ToolCalls)
        rules = ENGLISH.tool_turns.format(outputs=quoted(made.output_fields), submit=SUBMIT)
        self.react = Predict(step.append_instructions(rules))
        self.extract = ChainOfThought(made.append("trajectory", InputField(), str))

    def messages(self, **inputs: Any) -> Any:
        """As `Module.messages`, with the tools of this agent."""
        given = {"tools": _shown(self._tools()), **inputs}
        steps = super().messages(**as_steps(self.signature, given, _submitting))
        return {**super().messages(**given), "react": steps["react"]}

    def _tools(self) -> dict[str, Tool]:
        """What the model may call, `submit` last."""
        return {**self.tools, SUBMIT: _submit(self.signature, current_wording().submit_tool)}

    async def _steps(self, inputs: dict[str, Any], *, sync: bool) -> Any:
        tools = self._tools()
        given = {**as_steps(self.signature, inputs, _submitting), "tools": _shown(tools)}
        turns: list[dict[str, Any]] = []
        told: list[str] = []
        reason = "max_iters"
        for _ in range(self.max_iters):
            try:
                step = await asked(self.react, given, told, sync=sync)
            except (ParseError, ContextWindowError) as error:
                reason = "unreadable" if isinstance(error, ParseError) else "context"
                break
            calls: ToolCalls = step.tool_calls
            results = calls.execute(tools) if sync else await calls.aexecute(tools)
            turns.append({"thought": step.next_thought, "calls": calls, "results": results})
            told.append(_told(step.next_thought, calls, results))
            handed = _handed_over(results)
            if handed is not None:
                return Prediction(**handed, trajectory=turns, termination_reason=SUBMIT)
        made = await asked(self.extract, inputs, told, sync=sync)
        return Prediction(**dict(made.items()), trajectory=turns, termination_reason=reason)


def _shown(tools: Mapping[str, Tool]) -> list[str]:
    return [tool.format() for tool in tools.values()]


@lru_cache(maxsize=256)
def _submit(signature: Any, desc: str) -> Tool:
    schema = outputs_model(signature).model_json_schema()
    return Tool.from_schema(lambda **values: checked(signature, values), SUBMIT, desc, schema)


def _submitting(handed: Mapping[str, Any]) -> dict[str, Any]:
    """The step that handed outputs over."""
    call = ToolCall(name=SUBMIT, args=jsonable(handed))
    return {"next_thought": known(handed), "tool_calls": ToolCalls(tool_calls=(call,))}


def _handed_over(results: ToolCallResults) -> dict[str, Any] | None:
    return next((each.value for each in results if each.name == SUBMIT and each.error is None), None)


def _told(thought: str, calls: ToolCalls, results: ToolCallResults) -> str:
    wording, lines = current_wording(), [thought]
    for call, result in zip(calls, results, strict=True):
        said = ", ".join(f"{name}={value!r}" for name, value in call.args.items())
        gave = str(result) if result.error is None else wording.call_failed.format(error=result.error)
        lines.append(wording.call_gave.format(call=f"{call.name}({said})", result=gave))
    return "\n".join(lines if len(lines) > 1 else [thought, wording.no_call])
