"""RLM: long inputs stay outside the prompt, as variables that the model looks at by code. Zhang, Kraska and Khattab 2025,
arXiv 2512.24601.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lmnb.adapters.values import plain
from lmnb.counts import whole_number
from lmnb.data_uri import without_data
from lmnb.errors import InterpreterError, LMNotConfigured
from lmnb.modules.code_agent import CodeAgent, code_signature, shown_tools
from lmnb.modules.parallel import Parallel
from lmnb.modules.predict import Predict, filled
from lmnb.modules.program_of_thought import rules
from lmnb.settings import current
from lmnb.signature import InputField
from lmnb.tools.interpreter import CodeInterpreter
from lmnb.types.tool import Tool, tools_by_name
from lmnb.types.wording import ENGLISH, current_wording
from lmnb.types.words import type_text

PREVIEW = 200  # characters of a variable in the prompt


class RLM(CodeAgent):
    """A recursive language model: its prompt has the names, types, lengths and beginnings of the inputs, and the inputs themselves
    are variables of a sandbox. In each turn `generate_action` thinks and writes Python that searches and cuts them; the code may
    ask an LM about a part by `llm_query(prompt)`, about many parts side by side by `llm_query_batched(prompts)`, and call `tools`.
    It ends with `SUBMIT(field=..., ...)`, checked by the types of the outputs; after `max_iters` turns, or where the model can no
    longer go on, `extract` answers from the turns so far.

    `sub_lm` answers the queries (default: the LM of the call), at most `max_llm_calls` of them a call. Of each output at most
    `max_output_chars` are shown. The prediction has the outputs, `trajectory` and `termination_reason`, as `CodeAct`'s. `verbose` is
    accepted and not needed: the trace has every turn.

    >>> import lmnb
    >>> code = "SUBMIT(answer=llm_query('Who? ' + [line for line in text.splitlines() if 'cup' in line][0]))"
    >>> lm = lmnb.FakeLM([{"next_thought": "Find the line.", "generated_code": code}, "Ada"])
    >>> with lmnb.context(lm=lm):
    ...     lmnb.RLM("text, question -> answer")(text="Rain.\\n" * 9_000 + "Ada has the cup.", question="Who has the cup?").answer
    'Ada'
    >>> len(lm.calls[0]["messages"][-1]["content"]) < 2000
    True
    """

    def __init__(
        self,
        signature: Any,
        max_iters: int = 20,
        max_llm_calls: int = 50,
        max_output_chars: int = 10_000,
        verbose: bool = False,
        *,
        tools: Mapping[str, Any] | Iterable[Any] | None = None,
        sub_lm: Any = None,
        interpreter_factory: Callable[[], CodeInterpreter] | None = None,
    ) -> None:
        super().__init__(signature, tools or (), max_iters, max_output_chars, interpreter_factory)
        made = self.signature
        self.max_llm_calls = whole_number("max_llm_calls", max_llm_calls, "how many queries may be asked", 0)
        self.sub_lm = sub_lm
        answer = made
        for name in made.input_fields:
            answer = answer.delete(name)
        answer = answer.append("variables", InputField(), list[str])
        turns = rules(ENGLISH.session_turns, made, interpreter_factory)
        self.generate_action = Predict(code_signature(answer).append_instructions(turns))
        self.extract = Predict(answer.append("trajectory", InputField(), str))

    def messages(self, **inputs: Any) -> Any:
        """As `Module.messages`, where `inputs` are those of a call: what the prompt tells of them, and the tools."""
        own = {name: inputs.pop(name) for name in list(inputs) if name in self.signature.input_fields}
        tools = {**self.tools, **Queries(None, self.max_llm_calls).tools()}
        seen = {"variables": self._variables(filled(self.signature, own)), "tools": shown_tools(tools)}
        return super().messages(**{**seen, **inputs})

    async def _steps(self, inputs: dict[str, Any], *, sync: bool) -> Any:
        inputs = filled(self.signature, inputs)
        lm = next((each for each in (self.sub_lm, self.generate_action.lm, current("lm")) if each is not None), None)
        tools = {**self.tools, **Queries(lm, self.max_llm_calls).tools()}
        seen = {"variables": self._variables(inputs)}
        act = self.generate_action, {**seen, "tools": shown_tools(tools)}
        return await self._turns(act, (self.extract, seen), inputs, tools, sync=sync)

    def _variables(self, inputs: Mapping[str, Any]) -> list[str]:
        return [self._variable(name, value) for name, value in inputs.items()]

    def _variable(self, name: str, value: Any) -> str:
        field = self.signature.input_fields[name]
        text, wording = without_data(plain(value)), current_wording()
        kind = [type_text(field.type, wording)]
        if hasattr(value, "__len__"):
            counted = wording.characters if isinstance(value, str) else wording.items
            kind.append(counted.format(number=f"{len(value):,}"))
        said = f": {field.desc}" if field.desc else ""
        shown = wording.whole_value if len(text) <= PREVIEW else wording.long_value
        return shown.format(variable=f"{name} ({', '.join(kind)}){said}", value=repr(text[:PREVIEW]))


class Queries:
    """What the code of one call may ask an LM, and how often yet; safe for many threads."""

    def __init__(self, lm: Any, most: int) -> None:
        self.lm = lm
        self.most = most
        self.left = most
        self._lock = threading.Lock()

    def tools(self) -> dict[str, Tool]:
        """`llm_query` and `llm_query_batched`."""
        wording = current_wording()
        one, many = (
            Tool(self.llm_query, desc=wording.query_tool),
            Tool(self.llm_query_batched, desc=wording.queries_tool),
        )
        return tools_by_name([one, many])

    def llm_query(self, prompt: str) -> str:
        self._take(1)
        return self._asked(prompt)

    def llm_query_batched(self, prompts: list[str]) -> list[str]:
        self._take(len(prompts))
        asking = Parallel(max_errors=1, disable_progress_bar=True, timeout=None)
        return asking([(self._asked, (prompt,)) for prompt in prompts])

    def _asked(self, prompt: str) -> str:
        if self.lm is None:
            raise LMNotConfigured("no LM is set. Write lmnb.configure(lm=...), or RLM(..., sub_lm=...).")
        return self.lm(prompt)[0]

    def _take(self, number: int) -> None:
        with self._lock:
            if number > self.left:
                raise InterpreterError(
                    f"{number} queries are more than the {self.left} that are left of {self.most} (max_llm_calls). "
                    "Go on with what you know, or ask about larger parts."
                )
            self.left -= number
