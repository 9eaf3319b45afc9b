"""A call of a trace asked again with changes: other messages, inputs or instructions, another LM or temperature."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lmnb.errors import InputError, LMError, LMNotConfigured, ParseError
from lmnb.lm.private import from_file
from lmnb.nearest import did_you_mean
from lmnb.settings import current
from lmnb.spans import Span, below
from lmnb.trace import Trace, path_of
from lmnb.types.typed import typed


def rerun(
    trace: Trace,
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
    """A call of `trace` made again, as a trace of its own; the old one stays as it is.

    `at` names the call as `Trace.find` does. An LM's call is sent its messages, or `messages` in their place. A predictor's call is given
    its inputs with those in `inputs` changed (a text for a field of another type is read as that), and shows the `instructions` and `demos`
    that the predictor has now, or these. `options` go with the request: `temperature=0.7`; `cache=False` asks anew where nothing changed.

    Asked is `lm`; else the LM that answered then; else that of the predictor or of the settings, never one that a file names. A trace from a
    file has no predictor either: pass `predictor`. A reply that fails is in the new trace, with its error.

    >>> import lmnb
    >>> lm = lmnb.FakeLM(lambda messages: {"answer": "Lyon" if "Guess" in messages[0]["content"] else "Paris"})
    >>> trace = lmnb.Predict("question -> answer", lm=lm)(question="The capital of France?").trace
    >>> rerun(trace, instructions="Guess.").root.outputs, trace.root.outputs
    ({'answer': 'Lyon'}, {'answer': 'Paris'})
    """
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


def _asked_again(
    item: Span, lm: Any, messages: Sequence[Mapping[str, Any]] | None, options: Mapping[str, Any]
) -> Trace:
    then, request = item.data.get("lm"), item.data.get("request") or {}
    asked = lm if lm is not None else then if then is not None else current("lm")
    if asked is None:
        raise LMNotConfigured("this trace was read from a file, which names no LM to ask. Pass lm=lmnb.LM(...).")
    if then is None:
        request, _ = from_file(request if isinstance(request, Mapping) else {}, of_call=True)
    else:  # what the call said; what the LM itself was set to is its own affair
        request = {name: value for name, value in request.items() if then.kwargs.get(name) != value}
    sent = list(item.data.get("messages") or () if messages is None else messages)
    if not sent or not all(isinstance(each, Mapping) and {"role", "content"} <= each.keys() for each in sent):
        raise InputError("messages are a list of {'role': ..., 'content': ...}, and there is at least one.")
    return _traced(lambda: asked(messages=[dict(message) for message in sent], **{**request, **options}))


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
