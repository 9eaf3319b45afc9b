"""A program as a Python module that needs only lmnb: its classes, what was tuned as literals, and `program =
build()`.
"""

from __future__ import annotations

import keyword
import pprint
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lmnb.canonical import jsonable
from lmnb.errors import SaveError
from lmnb.example import Example
from lmnb.json_file import finite, write_text
from lmnb.lm.embedder import Embedder
from lmnb.lm.private import public
from lmnb.modules.demo_policy import NearestDemos
from lmnb.modules.python_names import Names
from lmnb.modules.tool_texts import tuned_texts
from lmnb.syntax import parse


def export_python(program: Any, path: str | Path, provenance: Mapping[str, Any] | None = None) -> None:
    """Write `program` to `path` as a readable module: `from <module> import program` gives a program with the same
    prompts.

    `provenance` (default: the program's) is written as a dict. Raises SaveError for what cannot be written: an argument
    or a global that is neither plain data nor a class or function whose source can be read.
    """
    text = _source(program, dict(program.provenance if provenance is None else provenance))
    try:
        parse(text)
    except SyntaxError as error:
        raise SaveError(
            f"the source of {type(program).__name__} cannot stand in a module of its own: {error.msg} (line "
            f"{error.lineno})"
        ) from None
    write_text(path, text)


def _source(program: Any, provenance: dict[str, Any]) -> str:
    names = Names(program)
    lines = [f"program = {names.expression(program, 'the program')}"]
    for path, predictor in program.named_predictors():
        lines += _tuned(path, predictor, names)
    texts = tuned_texts(program)
    if texts:
        told = names.free("TOOLS")
        rows = "".join(f"    {slot!r}: {text!r},\n" for slot, text in texts.items())
        names.parts.append(f"{told} = {{\n{rows}}}")
        lines.append(f"program = program.with_candidate({told})")
    lines += ["program.provenance = PROVENANCE", "return program"]
    blocks = [
        repr(f"{type(program).__name__}, exported by lmnb. Use it with: from <this module> import program"),
        *(["from __future__ import annotations"] if names.lazy_annotations else []),
        "\n".join(sorted(names.imports)),
        *names.parts,
        f"PROVENANCE = {pprint.pformat(finite(jsonable(provenance)), width=100, sort_dicts=False)}",
        "\n    ".join(["def build():", *lines]),
        "program = build()",
    ]
    return "\n\n\n".join(blocks) + "\n"


def _tuned(path: str, predictor: Any, names: Names) -> list[str]:
    """The lines that put the state of a predictor in place; its signature and demos become parts of the module."""
    whole = path == "self"
    target = "program" if whole else f"program.{path}"
    words = [predictor.signature.__name__] if whole else re.findall(r"\w+", path)
    title = "".join(word[:1].upper() + word[1:] for word in words)
    name = names.free(title + ("Tuned" if whole else "Signature"))
    names.signature(name, predictor.signature)
    lines = [f"{target}.signature = {name}"]
    if predictor.demos:
        demos = names.free("_".join(words).upper() + "_DEMOS")
        rows = "".join(f"    {_demo(demo, names)},\n" for demo in predictor.demos)
        names.parts.append(f"{demos} = [\n{rows}]")
        lines.append(f"{target}.demos = {demos}")
    if predictor.demo_policy is not None:
        lines.append(f"{target}.demo_policy = {_policy(predictor.demo_policy, names)}")
    lines += _config(target, predictor.config, names)
    if predictor.lm is not None:
        written = names.lm(predictor.lm)
        kind = type(predictor.lm).__name__
        lines.append(
            f"{target}.lm = {written}" if written else f"# {target}.lm was a {kind}: set an LM, or configure one"
        )
    return lines


def _policy(policy: NearestDemos, names: Names) -> str:
    state = policy.dump_state()["vectorizer"]
    if "model" in state:
        given = names.value(state if len(state) > 1 else state["model"])
    else:
        own: Any = policy.vectorizer
        given = names.expression(own.model if isinstance(own, Embedder) else own, "the vectorizer of the demos")
    return f"lmnb.NearestDemos({policy.k}, {given})"


def _config(target: str, config: Mapping[str, Any], names: Names) -> list[str]:
    shared = public(config)
    private = [name for name in config if name not in shared]
    lines = [f"# {target}.config also had {', '.join(private)}, which is private"] if private else []
    if shared:
        written = names.expression(shared, f"the config of {target}")
        # the constructor may have put a key of the environment there
        lines.append(f"{target}." + (f"update_config(**{written})" if private else f"config = {written}"))
    return lines


def _demo(demo: Example, names: Names) -> str:
    values = {name: names.value(value) for name, value in demo.items()}
    if all(name.isidentifier() and not keyword.iskeyword(name) and name != "base" for name in values):
        inner = ", ".join(f"{name}={value}" for name, value in values.items())
    else:
        inner = "{" + ", ".join(f"{name!r}: {value}" for name, value in values.items()) + "}"
    marked = "" if demo.input_keys is None else f".with_inputs({', '.join(map(repr, demo.input_keys))})"
    origin, source, _ = demo.provenance
    known = "" if origin is None and source is None else f".with_origin({origin!r}, {source!r})"
    return f"lmnb.Example({inner}){marked}{known}"
