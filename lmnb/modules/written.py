"""A program as it is read and filed: its prompts, its card, and its files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from inspect import signature as parameters_of
from pathlib import Path
from typing import Any

from lmnb.errors import InputError
from lmnb.json_file import read_json, write_text
from lmnb.modules import dspy_file, program_file, prompts, python_file
from lmnb.modules.card import program_card
from lmnb.modules.card_text import card_text
from lmnb.modules.parts import Parts


class Written(Parts):
    """What `Module` stands on: a program that can be shown, saved and loaded."""

    _compiled = False  # whether an optimizer made it: programs that were ported ask
    forward: Callable[..., Any]
    aforward: Callable[..., Any]

    def __repr__(self) -> str:
        lines = [f"  {name}: {predictor.signature.signature}" for name, predictor in self.named_predictors()]
        return "\n".join([f"{type(self).__name__}(", *lines, ")"]) if lines else f"{type(self).__name__}()"

    def _repr_html_(self) -> str:
        return program_card(self)

    def messages(self, **inputs: Any) -> Any:
        """The exact prompt for `inputs`, without a call: a list of messages.

        Where there are several predictors, a dict with the messages of each by its name. What a predictor is given by
        another's reply is not known without that call: there stands the input's name in braces, unless `inputs` give it.

        >>> import lmnb
        >>> class Hop(lmnb.Module):
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
        return prompts.known_messages(self, inputs, forward_parameters(type(self)))

    def export_prompts(self, path: str | Path | None = None, format: str = "markdown") -> str:
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

    def dump_arguments(self) -> dict[str, Any] | None:
        """What `lmnb.load` gives the constructor, where a program's file is to make it anew, as JSON; None: nothing."""
        return None

    def dump_state(self, json_mode: bool = True) -> dict[str, Any]:
        """The state of every predictor, JSON-able whatever `json_mode` says."""
        return program_file.dump_state(self)

    def load_state(self, state: Mapping[str, Any], *, allow_unsafe_lm_state: bool = False) -> None:
        """Take over the state of `dump_state`; a state that does not fit raises SaveError and changes nothing. Of LMs only what decides
        the reply is taken, also with `allow_unsafe_lm_state`: where they are asked, this machine says (`LM.from_profile`).
        """
        program_file.load_state(self, state)

    def save(
        self,
        path: str | Path,
        format: str = "json",
        *,
        save_program: bool = False,
        modules_to_serialize: Any = None,
    ) -> None:
        """Write the program as JSON, to be read in a review: names and types, instructions, demos, provenance; no
        key, no code.

        `format="dspy"` writes the state file of DSPy 3.4 instead, which `program.load` of DSPy reads; a warning names what
        that form has no place for. With `save_program`, which pickles in DSPy, InputError says what to write instead.
        """
        if save_program or modules_to_serialize:
            raise InputError(
                "lmnb pickles no code. Write program.save('program.json') and lmnb.load('program.json', program=MyProgram()), or "
                "program.export('program.py', format='python') for a file that brings its code along."
            )
        if format not in ("json", "dspy"):
            raise InputError(f"save has no format {format!r}. Write format='json' or format='dspy', or use export.")
        _WRITERS[format](self, path)

    def load(self, path: str | Path, allow_pickle: bool = False, allow_unsafe_lm_state: bool = False) -> None:
        """Take over a saved program, of lmnb or of DSPy (a state file as its version 3.4 writes it).

        Names and types must fit; SaveError says what differs, and nothing is changed then. A state file of DSPy tells less
        of its fields: they go by their place, what has no place here is named in a warning, endpoints are left out.
        `allow_pickle` and `allow_unsafe_lm_state` are accepted and change nothing: nothing is unpickled, and no file says
        where a prompt is sent.
        """
        stored = read_json(path)
        reader = dspy_file if dspy_file.is_state(stored) else program_file
        reader.load_into(self, stored, path)

    def export(self, path: str | Path, format: str = "json") -> Path:
        """Write the program as `format` "json" or "dspy" (see `save`), or "python", a module that needs only lmnb."""
        if format not in _WRITERS:
            raise InputError(
                f"there is no format {format!r}. Write export({str(path)!r}, format='json'), 'dspy' or 'python'."
            )
        _WRITERS[format](self, path)
        return Path(path)


_WRITERS = {"json": program_file.save, "dspy": dspy_file.save, "python": python_file.export_python}


@cache
def forward_parameters(cls: type[Written]) -> tuple[str, ...]:
    """The names of what `forward` takes."""
    function = getattr(cls, "forward", None) or getattr(cls, "aforward", None)
    return tuple(parameters_of(function).parameters)[1:] if function is not None else ()
