"""ProgramOfThought: the model writes code, and what the code gives is the answer. Chen et al. 2022, arXiv 2211.12588."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from lmnb.canonical import jsonable
from lmnb.counts import whole_number
from lmnb.errors import InputError, InterpreterError
from lmnb.leash import in_thread
from lmnb.modules.chain_of_thought import ChainOfThought
from lmnb.modules.handed import as_steps, checked, known, quoted
from lmnb.modules.one_core import OneCore
from lmnb.prediction import Prediction
from lmnb.signature import InputField, OutputField, ensure_signature
from lmnb.tools.bridge import SUBMIT
from lmnb.tools.interpreter import CodeInterpreter, Execution, FinalOutput
from lmnb.tools.python import PythonInterpreter, language_of
from lmnb.trace import span
from lmnb.types.wording import ENGLISH

_FENCE = re.compile(r"```[ \t]*(?:python|py)?[ \t]*\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL | re.IGNORECASE)


class ProgramOfThought(OneCore):
    """Asks for Python that computes the outputs (`code_generate`), runs it in a sandbox, and asks again with the error where
    it fails (`code_regenerate`), up to `max_iters` programs in all.

    The inputs are variables of the code. Code that calls `SUBMIT(field=..., ...)` hands its outputs over, checked by
    their types; else `generate_output` reads them from what it printed or from its last expression. When no program ran
    the last error is raised. `interpreter_factory` makes a sandbox a call (default: `PythonInterpreter`, the extra
    `lmnb[interpreter]`). The prediction also has `code`.

    >>> import lmnb
    >>> lm = lmnb.FakeLM([{"reasoning": "Add.", "generated_code": "SUBMIT(answer=sum(numbers))"}])
    >>> with lmnb.context(lm=lm):
    ...     lmnb.ProgramOfThought("numbers: list[int] -> answer: int")(numbers=[1, 2, 3]).answer
    6
    """

    def __init__(
        self, signature: Any, max_iters: int = 3, interpreter_factory: Callable[[], CodeInterpreter] | None = None
    ) -> None:
        super().__init__()
        self.signature = made = ensure_signature(signature)
        self.max_iters = whole_number("max_iters", max_iters, "how many programs may be tried")
        self.interpreter_factory = interpreter_factory
        asked = made
        for name in made.output_fields:
            asked = asked.delete(name)
        asked = asked.append_instructions(rules(ENGLISH.write_code, made, interpreter_factory))
        code = OutputField(desc=ENGLISH.only_code)
        self.code_generate = ChainOfThought(asked.append("generated_code", code, str))
        again = asked.append("previous_code", InputField(), str).append("error", InputField(), str)
        self.code_regenerate = ChainOfThought(again.append("generated_code", code, str))
        read = made.append("final_generated_code", InputField(), str)
        self.generate_output = ChainOfThought(read.append("code_output", InputField(), str))

    def messages(self, **inputs: Any) -> Any:
        """As `Module.messages`; of a history's answers the programs are shown that handed them over."""
        programs = super().messages(**as_steps(self.signature, inputs, _programming))
        shown = super().messages(**inputs)
        return {name: (shown if name.startswith("generate_output") else programs)[name] for name in shown}

    async def _steps(self, inputs: dict[str, Any], *, sync: bool) -> Any:
        sandbox = self.interpreter_factory() if self.interpreter_factory else PythonInterpreter()
        with contextlib.ExitStack() as opened:
            opened.callback(sandbox.shutdown)
            given = as_steps(self.signature, inputs, _programming)
            code, problem = "", InterpreterError("no program was written")
            for number in range(self.max_iters):
                part = self.code_regenerate if number else self.code_generate
                more = {"previous_code": code, "error": str(problem)} if number else {}
                said = part(**given, **more) if sync else await part.acall(**given, **more)
                code = only_code(said.generated_code)
                try:
                    run = partial(executed, sandbox, code, inputs)
                    result = run() if sync else await in_thread(run)
                except InterpreterError as error:
                    problem = error
                    continue
                if result.final is not None:
                    try:
                        return Prediction(**checked(self.signature, result.final.output), code=code)
                    except InputError as error:
                        problem = InterpreterError(f"SUBMIT: {error}")
                        continue
                shown = {"final_generated_code": code, "code_output": result.text}
                read = self.generate_output
                made = read(**inputs, **shown) if sync else await read.acall(**inputs, **shown)
                return Prediction(**dict(made.items()), code=code)
        raise problem


def executed(sandbox: CodeInterpreter, code: str, variables: Mapping[str, Any]) -> Execution:
    """What the code gives, as a span of the trace. InterpreterError where it fails."""
    with span("tool", "python", inputs={"code": code}) as opened:
        if isinstance(sandbox, PythonInterpreter):
            ran = sandbox.run(code, variables)
        else:
            result = sandbox.execute(code, variables)
            ran = Execution(final=result) if isinstance(result, FinalOutput) else Execution(result)
        opened.outputs = {"result": ran.text} if ran.final is None else ran.final.output
    return ran


def only_code(text: str) -> str:
    """The code of a reply that stands in a fence, or the reply itself.

    >>> only_code("```python\\nprint(1)\\n```")
    'print(1)'
    """
    found = _FENCE.search(text)
    return (found[1] if found else text).strip("\n")


def rules(phrase: str, signature: Any, factory: Any) -> str:
    """A phrase of English that says how code hands over the outputs of `signature` in the sandboxes of `factory`."""
    return phrase.format(
        inputs=quoted(signature.input_fields),
        outputs=quoted(signature.output_fields),
        submit=f"{SUBMIT}({', '.join(f'{name}=...' for name in signature.output_fields)})",
        library=language_of(factory),
    )


def submitted(handed: Mapping[str, Any]) -> str:
    """The code that hands outputs over.

    >>> submitted({"answer": 4, "towns": ("Bern",)})
    "SUBMIT(answer=4, towns=['Bern'])"
    """
    return f"{SUBMIT}({', '.join(f'{name}={value!r}' for name, value in jsonable(handed).items())})"


def _programming(handed: Mapping[str, Any]) -> dict[str, str]:
    """The program that handed outputs over."""
    return {"reasoning": known(handed), "generated_code": submitted(handed)}
