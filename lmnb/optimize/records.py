"""Calls of predictors as chat records to train on: the prompt that the predictor would send, and the reply that it should give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import PydanticUserError

from lmnb import settings
from lmnb.adapters.base import Adapter
from lmnb.adapters.chat import ChatAdapter
from lmnb.lm.completion import escaped
from lmnb.signature import InputField
from lmnb.types.checked import adapter_for

ASKED = "asked"  # the one input of a demo that is written for its reply


def records(program: Any, rows: Sequence[Mapping[str, Any]], *, exclude_demos: bool) -> list[dict[str, Any]]:
    """A record for each row of a `Train` effect, as the adapter in force writes it; `from` says where it comes from. Of a
    predictor's demos those are left out that are the row itself, which would show the answer.
    """
    predictors = dict(program.named_predictors())
    adapter = settings.current("adapter") or ChatAdapter()
    made = []
    for row in rows:
        predictor = predictors[row["path"]]
        demos = [] if exclude_demos else [demo for demo in predictor.demos_for(**row["inputs"]) if not _same(demo, row)]
        lm = predictor.lm or settings.current("lm")
        prompt, reply = _turns(adapter, lm, predictor.signature, demos, row)
        turns = [*prompt, {"role": "assistant", "content": reply}]
        made.append({"messages": turns, "from": {"predictor": row["path"], "examples": list(row["sources"])}})
    return made


def _turns(
    adapter: Adapter, lm: Any, signature: Any, demos: Sequence[Any], row: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], str]:
    prompt = adapter.messages(lm, signature, demos, row["inputs"])
    reply = _reply(adapter, signature, row["outputs"])
    if getattr(lm, "model_type", "chat") != "text":
        return prompt, reply
    # the prompt of a model that continues a text ends with the beginning of the reply, and the text with what would stop it
    reply = reply.removeprefix(adapter.reply_start(signature))
    for mark in adapter.stop:
        reply = reply.partition(mark)[0].rstrip()
    return prompt, escaped(reply)


def _reply(adapter: Adapter, signature: Any, outputs: Mapping[str, Any]) -> str:
    """The reply as a demo shows it, which does not depend on the inputs."""
    outputs = {name: _typed(signature.output_fields.get(name), value) for name, value in outputs.items()}
    for name in signature.input_fields:
        signature = signature.delete(name)
    alone = signature.prepend(ASKED, InputField(), str) if ASKED not in signature.output_fields else signature
    asked = {ASKED: ""} if ASKED not in signature.output_fields else {}
    turns = adapter.format(alone, [{**asked, **outputs}], asked)
    return next(turn["content"] for turn in turns if turn["role"] == "assistant")


def _typed(field: Any, value: Any) -> Any:
    """A value in terms of JSON as what the field declares, which has a form of its own in a reply."""
    try:
        return value if field is None else adapter_for(field.type).validate_python(value)
    except (PydanticUserError, ValueError):
        return value


def _same(demo: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    shared = [name for name in row["inputs"] if name in demo]
    return bool(shared) and all(demo[name] == row["inputs"][name] for name in shared)
