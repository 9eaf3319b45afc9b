"""Everything that modules say to a model in words of their own: their rules, what is told of the turns so far, and the texts of their
own tools. Errors of tools and code are told as they are raised, and the reasons of other libraries are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import lmnb
from lmnb import FakeLM


class Unbekannt(Exception):
    """An error of a tool, whose name is not English."""


def einwohner(stadt: str) -> int:
    """Zahl der Menschen in der Stadt."""
    if stadt != "Bern":
        raise Unbekannt(stadt)
    return 134


def lang(inputs: dict[str, Any], made: Any) -> int:
    """Je mehr Buchstaben, desto besser."""
    return len(made.antwort)


class Nameless:
    """A reward that says nothing of itself."""

    __doc__ = None

    def __call__(self, inputs: dict[str, Any], made: Any) -> int:
        return len(made.antwort)


class Kurz(lmnb.Module):
    """A program with a check."""

    def __init__(self) -> None:
        self.antworten = lmnb.Predict("frage -> antwort")

    def forward(self, frage: str) -> Any:
        made = self.antworten(frage=frage)
        lmnb.Assert(len(made.antwort) < 5, "Zu viele Buchstaben.")
        return made


class Inside(lmnb.PythonInterpreter):
    """A sandbox that says that it has the whole of Python."""

    language = "its whole standard library, and neither network nor files from outside"


_OTHERS = re.compile("Input should be .*")  # a reason of pydantic's
_ASKED = {"frage": "Wo?"}
_JUDGED = {
    "example": lmnb.Example(question="Wo?", response="In Bern."),
    "pred": lmnb.Prediction(response="In Basel.", context=["Es war in Basel."]),
}
_IDEAS = {
    "reasoning": "r",
    "ground_truth_key_ideas": ["a"],
    "system_response_key_ideas": ["a"],
    "discussion": "d",
}
_LAST = {"reasoning": "r", "antwort": "a"}
_ADD = {"reasoning": "r", "generated_code": "SUBMIT(antwort=sum(zahlen))"}


def _call(name: str, **args: Any) -> dict[str, Any]:
    return {"next_thought": "t", "tool_calls": [{"name": name, "args": args}]}


def _code(text: str) -> dict[str, Any]:
    return {"next_thought": "t", "generated_code": text}


def _history(signature: str) -> Any:
    return lmnb.Signature(f"history: History, {signature}", custom_types={"History": lmnb.History})


_PAST = {"history": [{"frage": "Und?", "antwort": "Ja"}], **_ASKED}


def _forgetful() -> Callable[..., Any]:
    """A model that can read of one turn at most."""
    replies = iter([_call("einwohner", stadt="Bern"), _call("einwohner", stadt="Bern"), _LAST])

    def reply(messages: list[dict[str, Any]], **_: Any) -> Any:
        if str(messages[-1]["content"]).count("stadt='Bern'") > 1:
            raise lmnb.ContextWindowError("zu lang", model="fake")
        return next(replies)

    return reply


# how a program is made, its inputs, and what is replied
CASES: dict[str, tuple[Callable[[], lmnb.Module], dict[str, Any], Any]] = {
    "ReAct": (
        lambda: lmnb.ReAct(_history("frage -> antwort"), [einwohner], max_iters=3),
        _PAST,
        [
            {"next_thought": "t", "tool_calls": []},
            _call("einwohner", stadt="Bern"),
            _call("einwohner", stadt="Rom"),
            _LAST,
        ],
    ),
    "ReAct at length": (lambda: lmnb.ReAct("frage -> antwort", [einwohner], max_iters=2), _ASKED, _forgetful),
    "ProgramOfThought": (
        lambda: lmnb.ProgramOfThought("zahlen: list[int] -> antwort: int"),
        {"zahlen": [1, 2]},
        [{"reasoning": "r", "generated_code": "sum(zahlen)"}, {"reasoning": "r", "antwort": 3}],
    ),
    "ProgramOfThought elsewhere": (
        lambda: lmnb.ProgramOfThought("zahlen: list[int] -> antwort: int", interpreter_factory=Inside),
        {"zahlen": [1, 2]},
        [_ADD],
    ),
    "CodeAct": (
        lambda: lmnb.CodeAct("zahlen: list[int] -> antwort: str", [einwohner], 3, max_output_chars=8),
        {"zahlen": [1, 2]},
        [_code("n = einwohner('Bern')"), _code("print('x' * 20)"), _code("SUBMIT(antwort=[])"), _LAST],
    ),
    "RLM": (
        lambda: lmnb.RLM("text: str | None, zahlen: list[int] -> antwort", 2),
        {"text": "x" * 300, "zahlen": [1]},
        [_code("print(len(text))"), _code("zahlen"), {"antwort": "a"}],
    ),
    "MultiChainComparison": (
        lambda: lmnb.MultiChainComparison("frage -> antwort", M=2),
        _ASKED,
        [_LAST, {"reasoning": "", "antwort": "b"}, {"rationale": "s", "antwort": "b"}],
    ),
    "Refine": (
        lambda: lmnb.Refine(lmnb.Predict("frage -> antwort"), 2, lang, 9),
        _ASKED,
        [{"antwort": "a"}, {"advice": {"self": "Mehr."}}, {"antwort": "bb"}],
    ),
    "Refine without words": (
        lambda: lmnb.Refine(lmnb.Predict("frage -> antwort"), 2, Nameless(), 9),
        _ASKED,
        [{"antwort": "a"}, {"advice": {}}, {"antwort": "bb"}],
    ),
    "checks": (Kurz, _ASKED, [{"antwort": "Niemals"}, {"antwort": "Nie"}]),
    "SemanticF1": (lmnb.SemanticF1, _JUDGED, [{"reasoning": "r", "recall": 1.0, "precision": 1.0}]),
    "SemanticF1 by ideas": (
        lambda: lmnb.SemanticF1(decompositional=True),
        _JUDGED,
        [{**_IDEAS, "recall": 1.0, "precision": 1.0}],
    ),
    "CompleteAndGrounded": (
        lmnb.CompleteAndGrounded,
        _JUDGED,
        [
            {**_IDEAS, "completeness": 1.0},
            {"reasoning": "r", "system_response_claims": ["c"], "discussion": "d", "groundedness": 0.5},
        ],
    ),
    "ChainOfThought": (lambda: lmnb.ChainOfThought("frage -> antwort"), _ASKED, [_LAST]),
}


def said_by_modules(adapter: Any, *, native: bool = False) -> dict[str, list[str]]:
    """What each module tells a model under an adapter, by the case; with `native` its tools go by the provider's interface."""
    found: dict[str, list[str]] = {}
    for name, (make, inputs, replies) in CASES.items():
        lm = FakeLM(replies() if callable(replies) else list(replies), function_calling=native)
        program = make()
        with lmnb.context(lm=lm, adapter=adapter):
            program(**inputs)
            shown = json.loads(program.export_prompts(format="json"))["predictors"].values()
        messages = [message for call in lm.calls for message in call["messages"]]
        messages += [message for part in shown for message in part["messages"]]
        tools = [tool["function"] for call in lm.calls for tool in call.get("tools") or ()]
        said = [
            *(_OTHERS.sub("", str(message["content"])) for message in messages),
            *(tool["description"] for tool in tools),
        ]
        found[name] = list(dict.fromkeys(said))
    return found
