"""A call of a trace asked again with changes: other messages, inputs or instructions, another LM or temperature."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from lmnb.errors import InputError, LMError, LMNotConfigured, ParseError
from lmnb.lm.decoding import check_decoding
from lmnb.lm.private import OF_REPLIES, from_file
from lmnb.nearest import did_you_mean
from lmnb.prediction import Prediction
from lmnb.settings import current
from lmnb.spans import Span, below
from lmnb.trace import Trace, path_of
from lmnb.types.typed import typed

_OWN = (
    "messages",
    "inputs",
    "instructions",
    "demos",
    "predictor",
)  # what a rerun takes beside the options of a request


def rerun(
    trace: Trace | Prediction | Any,
    at: Span | int | str | None = None,
    *,
    lm: Any = None,
    messages: Sequence[Mapping[str, Any]] | None = None,
    inputs: Mapping[str, Any] | None = None,
    instructions: str | None = None,
    demos: Iterable[Any] | None = None,
    predictor: Any = None,
    **options: Any,
) -> Trace:
    """A call of a trace, or of that of a prediction or a report's row, made again, as a trace of its own; the old one stays as it is.

    `at` names the call as `Trace.find` does; a program of one predictor needs none. An LM's call is sent its messages, or `messages` in
    their place. A predictor's call is given its inputs with those in `inputs` changed (a text for a field of another type is read as
    that), and shows the `instructions` and `demos` that the predictor has now, or these. `options` go with the request:
    `temperature=0.7`; `cache=False` asks anew where nothing changed.

    Asked is `lm`; else the LM that answered then; else that of the predictor or of the settings, never one that a file names. A trace from a
    file has no predictor either: pass `predictor`. A reply that fails is in the new trace, with its error.

    >>> import lmnb
    >>> lm = lmnb.FakeLM(lambda messages: {"answer": "Lyon" if "Guess" in messages[0]["content"] else "Paris"})
    >>> made = lmnb.Predict("question -> answer", lm=lm)(question="The capital of France?")
    >>> lmnb.rerun(made, instructions="Guess.").root.outputs, made.trace.root.outputs
    ({'answer': 'Lyon'}, {'answer': 'Paris'})
    """
    trace = _traced_of(trace)
    _check_names(options)
    check_decoding(options)
    item = trace.find(at)
    if item.kind == "lm":
        _refuse("an LM's call", inputs=inputs, instructions=instructions, demos=demos, predictor=predictor)
        return _asked_again(item, lm, messages, options)
    if item.kind != "predict":
        calls = ", ".join(dict.fromkeys(repr(path_of(each)) for _, each in trace.spans() if each.kind == "predict"))
        raise InputError(f"{item!r} is no call of an LM or a predictor. Name one: {calls or 'there is none'}.")
    _refuse("a predictor's call", messages=messages)
    part = predictor if predictor is not None else item.module
    if part is None:
        raise InputError(
            "this trace was read from a file, and its program is not there. Pass predictor=program.answer."
        )
    if not getattr(part, "is_predictor", False):
        raise InputError(
            f"predictor={part!r} is no predictor. Pass one of program.named_predictors(), such as program.answer."
        )
    if inputs is not None and not isinstance(inputs, Mapping):
        raise InputError(f"inputs={inputs!r} is no dict. Write inputs={{'question': ...}}.")
    made = part.with_candidate({})
    if instructions is not None:
        made.instructions = instructions
    if demos is not None:
        made.demos, made.demo_policy = demos, None
    made.lm = lm if lm is not None else _answered(item) or made.lm
    made.update_config(**options)
    fields = made.signature.input_fields
    changed = {name: typed(fields.get(name), value) for name, value in (inputs or {}).items()}
    given = {**item.inputs, **changed}
    strange = [name for name in given if name not in fields]
    if strange:  # of a file's call it could be config={"api_base": ...}, which a predictor takes beside its inputs
        raise InputError(f"the predictor has no input {strange[0]!r}. {did_you_mean(strange[0], fields)}".rstrip())
    return _traced(lambda: made(**given), path_of(item))


def _check_names(options: Iterable[str]) -> None:
    """InputError for an option whose name is one of `_OWN` misspelt: a provider may take it in silence."""
    for name in options:
        near = [] if name in OF_REPLIES else get_close_matches(name, _OWN, n=1, cutoff=0.85)
        if near:
            raise InputError(f"rerun takes no option {name!r}. Did you mean {near[0]!r}?")


def _asked_again(
    item: Span, lm: Any, messages: Sequence[Mapping[str, Any]] | None, options: Mapping[str, Any]
) -> Trace:
    then, request = item.data.get("lm"), item.data.get("request") or {}
    asked = lm if lm is not None else then if then is not None else current("lm")
    if asked is None:
        raise LMNotConfigured("this trace was read from a file, which names no LM to ask. Pass lm=lmnb.LM(...).")
    if not hasattr(asked, "request"):
        raise InputError(f"an LM is needed, not {asked!r}. Write lm=lmnb.LM({str(asked)!r}).")
    if then is None:
        request, _ = from_file(request if isinstance(request, Mapping) else {}, of_call=True)
        request.pop("n", None)  # how many replies are paid for is the reader's to say
    else:  # what the call said; what the LM itself was set to is its own affair
        request = {name: value for name, value in request.items() if then.kwargs.get(name) != value}
    sent = item.data.get("messages") or () if messages is None else messages
    if (
        not isinstance(sent, Sequence)
        or not sent
        or not all(isinstance(each, Mapping) and {"role", "content"} <= each.keys() for each in sent)
    ):
        raise InputError("messages are a list of {'role': ..., 'content': ...}, and there is at least one.")
    return _traced(lambda: asked(messages=[dict(message) for message in sent], **{**request, **options}))


def _traced_of(given: Any) -> Trace:
    trace = given if isinstance(given, Trace) else getattr(given, "trace", None)
    if isinstance(trace, Trace):
        return trace
    if isinstance(given, Prediction) or hasattr(given, "trace"):
        raise InputError(
            f"{_cut(given)} has no trace: no program's call gave it. Pass the trace of a call, program(...).trace."
        )
    one = (
        "one of its rows, lmnb.rerun(report.rows[0])"
        if hasattr(given, "rows")
        else "lmnb.rerun(prediction, temperature=0.7)"
    )
    raise InputError(f"rerun takes a trace, a prediction or a report's row, not {_cut(given)}. Write {one}.")


def _cut(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:80] + "…"


def _traced(call: Any, path: str | None = None) -> Trace:
    """The trace of the call, also of one that fails."""
    holder = Span("module", "rerun")
    with below(holder):
        try:
            call()
        except (LMError, ParseError):
            if not holder.children:
                raise
    root = holder.children[-1]
    for _, item in Trace(root).spans():
        item.root = root
    if path is not None:
        root.data["path"] = path
    return Trace(root)


def _answered(item: Span) -> Any:
    """The LM that a predictor's call asked, where it is still there."""
    asked = [child.data.get("lm") for child in item.children if child.kind == "lm"]
    return asked[-1] if asked else None


def _refuse(kind: str, **given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            of = (
                "an LM's call; take the span below" if name == "messages" else "a predictor's call; take the span above"
            )
            raise InputError(f"{name}= is not for {kind} but for {of}.")
