"""What an editor shows: its state as JSON-able data, and its static, script-free form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmnb.adapters.values import plain
from lmnb.alike import alike
from lmnb.counts import counted
from lmnb.data_uri import without_data
from lmnb.html import Html, duration, el, heading, join, root, shorten, table_of
from lmnb.modules.card import origin_of
from lmnb.modules.editor_slots import input_fields, input_slot, slots_of
from lmnb.modules.module import Module
from lmnb.modules.texts import output_slot
from lmnb.types.parts import content_text
from lmnb.types.words import kind_text
from lmnb.word_diff import word_diff

MAX_TEXT = 4_000
SHOWN = 5  # trials in the static form


def editor_state(editor: Any, base: Module, before: Mapping[str, Any]) -> dict[str, Any]:
    """The data of `Editor.to_dict`; `base` is the program as it was, `before` its slots."""
    slots, edits = editor.slots(), editor.edits
    applied = slots_of(editor.original)

    def text(slot: str, kind: str, name: str, more: str = "") -> dict[str, Any]:
        return {"slot": slot, "kind": kind, "name": name, "type": more, "text": slots[slot], "before": before[slot]}

    predictors, told = [], set()
    for path, part in base.named_predictors():
        fields = part.signature.fields.values()
        rows = [text(f"{path}.instructions", "instructions", "instructions")]
        for each in fields:
            slot = (input_slot if each.is_input else output_slot)(path, each.name)
            rows.append(text(slot, "input" if each.is_input else "output", each.name, kind_text(each)))
        told |= {row["slot"] for row in rows} | {f"{path}.demos"}
        demos = [_demo(number, demo) for number, demo in enumerate(slots[f"{path}.demos"])]
        names = {"inputs": [*part.signature.input_fields], "outputs": [*part.signature.output_fields]}
        predictors.append({"path": path, "signature": part.signature.signature, "slots": rows, "demos": demos, **names})
    return {
        "program": type(base).__name__,
        "predictors": predictors,
        "tools": [text(slot, "tool", slot) for slot in slots if slot not in told],
        "inputs": [
            {"name": name, "type": "" if each is None else kind_text(each), "text": shown(editor.inputs[name])}
            for name, each in input_fields(base).items()
        ],
        "edits": list(edits),
        "applied": all(alike(applied[slot], slots[slot]) for slot in slots),
        "run": getattr(editor.run, "name", None),
        "trials": [_trial(trial) for trial in editor.trials],
    }


def shown(value: Any) -> str:
    """A value as text, without the data of pictures."""
    return without_data(plain(value))


def _demo(number: int, demo: Any) -> dict[str, Any]:
    fields = {name: shown(value) for name, value in demo.items()}
    return {"number": number, "fields": fields, "origin": origin_of(demo)}


def _trial(trial: Any) -> dict[str, Any]:
    usage = {} if trial.trace is None else trial.trace.usage
    return {
        "number": trial.number,
        "inputs": {name: shown(value) for name, value in trial.inputs.items()},
        "outputs": None if trial.outputs is None else {name: shown(value) for name, value in trial.outputs.items()},
        "error": trial.error,
        "edits": list(trial.edits),
        "seconds": None if trial.trace is None else trial.trace.root.seconds,
        "tokens": usage.get("prompt_tokens", 0) + usage.get("completion_tokens", 0),
        "prompt_tokens": usage.get("prompt_tokens"),
    }


def editor_html(state: Mapping[str, Any], prompts: Mapping[str, Any]) -> Html:
    """The exact prompts, what was edited, and the last trials."""
    slots = [row for part in (*state["predictors"], {"slots": state["tools"]}) for row in part["slots"]]
    edited = [row for row in slots if row["text"] != row["before"]]
    return root(
        "editor",
        el("div", {"class": "lm-top"}, heading("Exact prompt"), el("span", {"class": "lm-muted"}, _edits(state))),
        *(_prompt(path, prompt, opened=len(prompts) == 1) for path, prompt in prompts.items()),
        el("div", {"class": "lm-pane"}, *map(_edit, edited)) if edited else None,
        _trials(state["trials"][-SHOWN:]) if state["trials"] else None,
        css=_CSS,
    )


def _edits(state: Mapping[str, Any]) -> str:
    applied = ", not applied" if not state["applied"] else ", applied" if state["undo"] else ""
    return counted(len(state["edits"]), "edit") + applied


def _prompt(path: str, prompt: Any, *, opened: bool) -> Html:
    tokens = f"{prompt.tokens:,} tokens" if prompt.counted else f"about {prompt.tokens:,} tokens, estimated"
    parts = [
        join([el("div", {"class": "lm-muted"}, message["role"]), _box(content_text(message["content"]))])
        for message in prompt.messages
    ]
    return el(
        "details",
        {"open": opened, "data-kind": "prompt", "data-id": path},
        el("summary", {"class": "lm-top"}, el("code", None, path), el("span", {"class": "lm-muted lm-num"}, tokens)),
        el("div", {"class": "lm-pane"}, *parts),
    )


def _edit(row: Mapping[str, Any]) -> Html:
    words = el("div", {"class": "lm-words"}, word_diff(row["before"], row["text"]))
    return el("div", None, el("code", None, row["slot"]), words)


def _trials(trials: list[Mapping[str, Any]]) -> Html:
    rows = (
        el(
            "tr",
            {"data-kind": "trial", "data-id": trial["number"]},
            el("td", {"class": "lm-tight"}, trial["number"]),
            el("td", None, _fields(trial["inputs"])),
            el("td", None, el("span", {"class": "lm-bad"}, shorten(trial["error"], MAX_TEXT)))
            if trial["error"]
            else el("td", None, _fields(trial["outputs"] or {})),
            el("td", {"class": "lm-muted"}, counted(len(trial["edits"]), "edit") if trial["edits"] else "as it was"),
            el("td", {"class": "lm-right"}, duration(trial["seconds"])),
        )
        for trial in trials
    )
    table = table_of(["#", "inputs", "reply", "program", "time"], rows)
    return el("div", {"class": "lm-pane"}, heading("Trials", level=4), table)


def _fields(fields: Mapping[str, str]) -> Html:
    return join(
        el("div", None, el("span", {"class": "lm-muted"}, f"{name}: "), shorten(text, MAX_TEXT))
        for name, text in fields.items()
    )


def _box(text: str) -> Html:
    return el("pre", {"class": "lm-box"}, shorten(without_data(text), MAX_TEXT))


_CSS = """
.lmnb .lm-words{margin:2px 0 8px;white-space:pre-wrap;overflow-wrap:anywhere;font:12.5px/1.55 var(--lm-mono)}
"""
