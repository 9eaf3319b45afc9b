"""What a viewer of traces can do with a call: keep it as a demo of the program, make it again, add it to a data set."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import lmnb
from lmnb_widgets.held import Held
from lmnb_widgets.parts import Part, act, plural
from lmnb_widgets.span_acts import OPTIONS, adding, again, in_a_row, keeping, replied
from lmnb_widgets.span_pane import around, pane

MADE = 100
"""So many replies of calls that were made again are held."""


class CallActs:
    """The calls of the traces in `held`, by the number of the trace and that of the span; and what came of what was done."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._kept: list[tuple[tuple[int, int], Any, Any]] = []
        self.made: dict[tuple[int, int], Any] = {}  # the last trace of each call that was made again
        self._file = "dataset.jsonl"

    def span(self, index: int, number: int) -> dict[str, Any]:
        """What there is to see of a span, and to do with it."""
        trace = self._held.at(index)
        return pane(trace, number, in_a_row(*self._acts(trace, index, number)), f"{index}.{number}")

    def _acts(self, trace: Any, index: int, number: int) -> Iterator[Part]:
        span, step, _ = around(trace, number)
        live = any(item.module is not None for _, item in trace.spans())
        name, args = f"{index}.{number}", {"index": index, "span": number}
        of_step = args if step is None else {**args, "span": step["id"]}
        if live and step and step["outputs"]:
            title = "Adds it to the demos of the predictor that was called, in your program"
            yield from keeping(step, name, of_step, words="Keep as demo of the program", title=title)
            if any(key == (index, step["id"]) for key, *_ in self._kept):
                yield act("undo", "Undo keeping", args=of_step)
        if span["kind"] == "lm" or (live and step):
            yield from again(span, name, args)
        if step:
            yield from adding(step, name, of_step, self._file)
        if (index, number) in self.made:
            yield from replied(span, self.made[index, number])

    def keep(self, index: int, span: int, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Add the call to the demos of the predictor that made it."""
        trace = self._held.at(index)
        predictor = trace.find(span).module
        if not hasattr(predictor, "demos"):
            raise lmnb.InputError("the predictor that made this call is not there; add the call to a data set instead")
        demo = trace.to_example(span, **fields).with_origin("human")
        predictor.demos = [*predictor.demos, demo]
        self._kept.append(((index, span), predictor, demo))
        return {"said": f"Kept: the predictor has {plural(len(predictor.demos), 'demo')} now."}

    def unkeep(self, index: int | None = None, span: int | None = None) -> dict[str, Any]:
        """Take the demo that was kept last away again, of all or of this call."""
        found = [one for one in self._kept if index is None or one[0] == (index, span)]
        if not found:
            raise lmnb.InputError("no demo was kept here")
        self._kept.remove(found[-1])
        _, predictor, kept = found[-1]
        predictor.demos = [demo for demo in predictor.demos if demo is not kept]
        return {"said": f"Taken back: the predictor has {plural(len(predictor.demos), 'demo')} now."}

    def rerun(self, index: int, span: int, changes: Mapping[str, Any]) -> None:
        """Make the call again; its reply stands beside the old one. A model that a person typed is asked, a model that the
        trace names is not. Messages that were edited come by number and role, such as "1 system"; the others are sent as
        they were.
        """
        trace = self._held.at(index)
        told = {option: changes[name] for name, option in OPTIONS.items() if str(changes.get(name, "")).strip()}
        if "lm" in told:
            told["lm"] = lmnb.LM(told["lm"].strip())
        if inputs := changes.get("inputs"):
            told["inputs"] = inputs
        if texts := {int(name.partition(" ")[0]) - 1: text for name, text in (changes.get("messages") or {}).items()}:
            then = enumerate(trace.find(span).data["messages"])
            told["messages"] = [{**message, "content": texts.get(n, message["content"])} for n, message in then]
        # the same again: its kept reply would be the old one
        self.made[index, span] = lmnb.rerun(trace, span, **(told or {"cache": False}))
        if len(self.made) > MADE:
            del self.made[next(iter(self.made))]

    def add(self, index: int, span: int, fields: Mapping[str, Any], path: str | None = None) -> dict[str, Any]:
        """Add the call as an example to a file, the last one or another; a field that was emptied is left out."""
        example = self._held.at(index).to_example(span, **fields)
        gone = [name for name, value in example.items() if value == ""]
        added = str(lmnb.append_jsonl(path or self._file, example.without(*gone)))
        self._file = path or self._file
        inputs = json.dumps(list(self._held.at(index).find(span).inputs))
        return {"said": f'Added. lmnb.load_jsonl("{added}", inputs={inputs}) reads the file.'}
