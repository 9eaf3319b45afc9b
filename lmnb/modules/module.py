"""Module: a program, or a part of one. Subclasses write `forward`, `aforward` or both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from inspect import signature as parameters_of
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, TextIO

from lmnb.callbacks import as_callbacks
from lmnb.calls import CallHistory, history, write_history
from lmnb.errors import InputError, LmnbError
from lmnb.json_file import read_json, write_text
from lmnb.leash import in_thread
from lmnb.lm.drive import drive
from lmnb.loops import run_to_end
from lmnb.modules import checks, dspy_file, program_file, prompts, python_file
from lmnb.modules.card import program_card
from lmnb.modules.card_text import card_text
from lmnb.modules.parallel import STRAGGLERS, TIMEOUT, Parallel
from lmnb.modules.tool_texts import retold, tool_texts
from lmnb.modules.tree import Node, copied, deep, replace, shared, walk
from lmnb.prediction import Prediction
from lmnb.trace import Trace, span

if TYPE_CHECKING:
    from lmnb.modules.predict import Predict


class Module(Node):
    """The base of programs. Parts are attributes, also in lists and dicts; calling it runs `forward`.

    >>> import lmnb
    >>> class Shout(lmnb.Module):
    ...     def __init__(self):
    ...         self.answer = lmnb.Predict("question -> answer")
    ...     def forward(self, question):
    ...         return lmnb.Prediction(answer=self.answer(question=question).answer.upper())
    >>> with lmnb.context(lm=lmnb.FakeLM([{"answer": "paris"}])):
    ...     Shout()(question="The capital of France?")
    Prediction(answer='PARIS')
    """

    callbacks: Any = ()
    provenance: Mapping[str, Any] = MappingProxyType({})  # optimizer, seed, scores, ...: saved with the program

    forward: Callable[..., Any]
    aforward: Callable[..., Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        made = super().__new__(cls)
        made.__dict__["_made_with"] = (args, kwargs)  # for an export as Python
        return made

    def __init__(self, callbacks: Any = None) -> None:
        if callbacks:
            self.callbacks = as_callbacks(callbacks)

    # -- calling -----------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return drive(self._call(args, kwargs, sync=True))

    async def acall(self, *args: Any, **kwargs: Any) -> Any:
        """Call it in asynchronous code: awaits `aforward`, or runs `forward` in a thread where there is none."""
        return await self._call(args, kwargs, sync=False)

    async def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any], *, sync: bool) -> Any:
        """The one core of `__call__` and `acall`; with `sync` it never suspends."""
        inputs = {**dict(zip(_parameters(type(self)), args, strict=False)), **kwargs} if args else kwargs
        with span("module", type(self).__name__, inputs=inputs, module=self, instance=self) as opened:
            if checks.scope() is None:  # the outermost program: checks inside run it again
                result = await checks.checked(lambda: self._run(args, kwargs, sync=sync), opened)
            else:
                result = await self._run(args, kwargs, sync=sync)
            opened.outputs = (
                result.toDict()
                if isinstance(result, Prediction)
                else result
                if isinstance(result, dict)
                else {"result": result}
            )
            opened.result = result = result.with_trace(Trace(opened)) if isinstance(result, Prediction) else result
        return result

    async def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any], *, sync: bool) -> Any:
        forward, aforward = getattr(self, "forward", None), getattr(self, "aforward", None)
        if forward is None and aforward is None:
            raise LmnbError(f"{type(self).__name__} has no forward. Write def forward(self, ...): ... in the class.")
        if sync:
            return (
                forward(*args, **kwargs) if forward is not None else run_to_end(lambda: self.aforward(*args, **kwargs))
            )
        return (
            await aforward(*args, **kwargs) if aforward is not None else await in_thread(self.forward, *args, **kwargs)
        )

    def batch(
        self,
        examples: Iterable[Any],
        num_threads: int | None = None,
        max_errors: int | None = None,
        return_failed_examples: bool = False,
        provide_traceback: bool | None = None,
        disable_progress_bar: bool = False,
        timeout: float | None = TIMEOUT,
        straggler_limit: int = STRAGGLERS,
    ) -> Any:
        """The results for many examples, in order, asked side by side; None where one failed, with a warning.

        The arguments are those of `Parallel`.
        """
        parallel = Parallel(
            num_threads,
            max_errors,
            return_failed_examples=return_failed_examples,
            provide_traceback=provide_traceback,
            disable_progress_bar=disable_progress_bar,
            timeout=timeout,
            straggler_limit=straggler_limit,
        )
        return parallel.run(self, examples, None)

    async def abatch(self, examples: Iterable[Any], num_threads: int | None = None, **options: Any) -> Any:
        """`batch` for asynchronous code, with the same arguments: the work is done in threads, the caller's loop stays free."""
        return await Parallel(num_threads, **options).acall(self, examples)

    # -- its parts ---------------------------------------------------------------------------------------------------

    def named_sub_modules(self, type_: type | None = None) -> Iterator[tuple[str, Any]]:
        """Every module of the tree by name, this one first as "self"."""
        return ((name, node) for name, node in walk(self) if isinstance(node, type_ or Module))

    def named_predictors(self) -> list[tuple[str, Predict]]:
        """The predictors by name: `a.b`, `steps[0]`, `by_kind['x']`; a predictor itself is "self"."""
        return [(name, node) for name, node in walk(self) if getattr(node, "is_predictor", False)]  # type: ignore[misc]

    named_parameters = named_predictors

    def predictors(self) -> list[Predict]:
        return [predictor for _, predictor in self.named_predictors()]

    def map_named_predictors(self, function: Callable[[Any], Any]) -> Self:
        """Replace every predictor by what `function` makes of it, in place."""
        for predictor in self.predictors():
            replace(self, predictor, function(predictor))
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

    # -- as a value ---------------------------------------------------------------------------------------------------

    def slots(self) -> dict[str, Any]:
        """What optimizers may change: `route.predict.instructions`, `.demos` (a tuple), and `.lm` where a predictor
        has its own; of the tools of agents `agent.tools['search'].desc` and, for each argument, `.arg_desc['query']`.
        """
        found: dict[str, Any] = {}
        for name, predictor in self.named_predictors():
            found[f"{name}.instructions"] = predictor.instructions
            found[f"{name}.demos"] = tuple(predictor.demos)
            if predictor.lm is not None:
                found[f"{name}.lm"] = predictor.lm
        return found | tool_texts(self)

    def with_candidate(self, candidate: Any) -> Self:
        """A copy with the slots of `candidate` (a mapping, or an object whose `.values` is one) filled; this program
        stays as it is.

        Modules and containers are new in the copy, all other values are shared.
        """
        values = candidate if isinstance(candidate, Mapping) else candidate.values
        made = copied(self, {}, shared)
        predictors, texts = dict(made.named_predictors()), tool_texts(made)
        for slot, value in values.items():
            name, _, part = slot.rpartition(".")
            if slot in texts:
                texts[slot] = value
            elif name not in predictors or part not in ("instructions", "demos", "lm"):
                raise InputError(_no_slot(slot, predictors, texts))
            else:
                setattr(predictors[name], part, value)
        for old, new in retold(made, texts):
            replace(made, old, new)
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

    # -- looking at it ------------------------------------------------------------------------------------------------

    def messages(self, **inputs: Any) -> Any:
        """The exact prompt for `inputs`, without a call: a list of messages.

        Where there are several predictors, a dict with the messages of each by its name. What a predictor is given by
        another's reply is not known without that call: there stands the input's name in braces, unless `inputs` give it.

        >>> import lmnb
        >>> class Hop(Module):
        ...     def __init__(self):
        ...         self.query = lmnb.Predict("question -> query")
        ...         self.answer = lmnb.Predict("question, query -> answer")
        >>> print(Hop().messages(question="Who?")["answer"][-1]["content"].partition("Reply")[0].strip())
        [[ ## question ## ]]
        Who?
        <BLANKLINE>
        [[ ## query ## ]]
        {query}
        """
        named = self.named_predictors()
        if len(named) == 1:
            return named[0][1].messages(**inputs)
        return prompts.known_messages(self, inputs, _parameters(type(self)))

    def export_prompts(self, path: str | Path | None = None, format: str = "markdown") -> str:  # noqa: A002
        """The prompt of every predictor with placeholders for its inputs, also written to `path`.

        "markdown" is made to be reviewed, "json" has the messages and each input's placeholder, to be filled in elsewhere.

        >>> import lmnb
        >>> text = lmnb.Predict("question -> answer").export_prompts(format="json")
        >>> '"question": "{question}"' in text
        True
        """
        return prompts.export_prompts(self, path, format)

    def card(self, path: str | Path | None = None) -> str:
        """The program's card as Markdown, also written to `path`: what a reviewer asks of it on one page.

        Where it comes from, its score and what scoring it took, and for each predictor its fields, instructions, options,
        LM without secrets, and demos with their origin. In a notebook the program itself shows the same as HTML.

        >>> import lmnb
        >>> print(lmnb.Predict("question -> answer").card().splitlines()[0])
        # `Predict`
        """
        text = card_text(self)
        if path is not None:
            write_text(path, text)
        return text

    @property
    def history(self) -> CallHistory:
        """The LM calls of this program that the process still remembers, oldest first."""
        roots = {id(entry.span.root): entry.span.root or entry.span for entry in history()}
        mine: set[int] = set()
        for top in roots.values():
            for _, below in Trace(top).spans():
                if below.module is self:
                    mine |= {id(item) for _, item in Trace(below).spans() if item.kind == "lm"}
        return CallHistory(entry for entry in history() if id(entry.span) in mine)

    def inspect_history(self, n: int = 1, file: TextIO | None = None) -> None:
        """Print the last `n` LM calls of this program."""
        write_history(CallHistory(self.history[-n:] if n else ()), file)

    def __repr__(self) -> str:
        lines = [f"  {name}: {predictor.signature.signature}" for name, predictor in self.named_predictors()]
        return "\n".join([f"{type(self).__name__}(", *lines, ")"]) if lines else f"{type(self).__name__}()"

    def _repr_html_(self) -> str:
        return program_card(self)

    # -- files --------------------------------------------------------------------------------------------------------

    def dump_state(self) -> dict[str, Any]:
        """The state of every predictor, JSON-able."""
        return program_file.dump_state(self)

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over the state of `dump_state`; a state that does not fit raises SaveError and changes nothing."""
        program_file.load_state(self, state)

    def save(self, path: str | Path, format: str = "json") -> None:  # noqa: A002
        """Write the program as JSON, to be read in a review: names and types, instructions, demos, provenance; no
        key, no code.

        `format="dspy"` writes the state file of DSPy 3.4 instead, which `program.load` of DSPy reads; a warning names what
        that form has no place for.
        """
        if format not in ("json", "dspy"):
            raise InputError(f"save has no format {format!r}. Write format='json' or format='dspy', or use export.")
        _WRITERS[format](self, path)

    def load(self, path: str | Path) -> None:
        """Take over a saved program, of lmnb or of DSPy (a state file as its version 3.4 writes it).

        Names and types must fit; SaveError says what differs, and nothing is changed then. A state file of DSPy tells less
        of its fields: they go by their place, what has no place here is named in a warning, endpoints are left out.
        """
        stored = read_json(path)
        reader = dspy_file if dspy_file.is_state(stored) else program_file
        reader.load_into(self, stored, path)

    def export(self, path: str | Path, format: str = "json") -> Path:  # noqa: A002
        """Write the program as `format` "json" or "dspy" (see `save`), or "python", a module that needs only lmnb."""
        if format not in _WRITERS:
            raise InputError(
                f"there is no format {format!r}. Write export({str(path)!r}, format='json'), 'dspy' or 'python'."
            )
        _WRITERS[format](self, path)
        return Path(path)


_WRITERS = {"json": program_file.save, "dspy": dspy_file.save, "python": python_file.export_python}


@cache
def _parameters(cls: type[Module]) -> tuple[str, ...]:
    function = getattr(cls, "forward", None) or getattr(cls, "aforward", None)
    return tuple(parameters_of(function).parameters)[1:] if function is not None else ()


def _no_slot(slot: str, predictors: Mapping[str, Any], texts: Mapping[str, str]) -> str:
    known = [*(f"{name}.{part}" for name in predictors for part in ("instructions", "demos", "lm")), *texts]
    near = get_close_matches(slot, known, n=1, cutoff=0.4)
    return f"the program has no slot {slot!r}. " + (
        f"Did you mean {near[0]!r}?" if near else f"It has: {', '.join(known) or 'none'}."
    )
