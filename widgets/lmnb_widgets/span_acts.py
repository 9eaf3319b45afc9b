"""What can be done with a span, as buttons and forms: keep it as a demo, make the call again, add it to a data set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lmnb_widgets.parts import Field, Part, act, beside, duration, el, field, form, plural, several

Json = dict[str, Any]

FILE = "to the file"  # no field of a signature has such a name, nor those of OPTIONS
OPTIONS = {"other instructions": "instructions", "other LM": "lm", "other temperature": "temperature"}
SHORT = 60


def in_a_row(*parts: Part) -> Part:
    """Buttons and words, and below them what they open and what came of it."""
    beside_each_other = [part for part in parts if part and part[0].startswith(("act", "."))]
    below = [part for part in parts if part and part not in beside_each_other]
    return several(*beside_each_other, el("div.under", *below) if below else None)


def keeping(
    step: Mapping[str, Any],
    name: str,
    args: Json,
    *,
    words: str,
    title: str,
    expected: Mapping[str, str] | None = None,
    more: Iterable[Field] = (),
) -> Iterator[Part]:
    """Buttons for a call as a demo, as it is and after an edit; that shows what was `expected` beside what was said, and
    asks for `more`.
    """
    labels = {key: f"{key}, expected: {_short(text)}" for key, text in (expected or {}).items()}
    given, gave = step["inputs"], step["outputs"] or {}
    fields = [
        *(field(key, text, into="fields") for key, text in given.items()),
        *(field(key, text, into="fields", label=labels.get(key)) for key, text in gave.items()),
        *more,
    ]
    yield act("keep-as-demo", words, id=f"{name} as it is", args=args, title=title)
    yield act("keep-as-demo", "Edit it first…", id=name, opens=True, title=title)
    yield form("keep-as-demo", fields, id=name, args=args, save=words)


def again(span: Mapping[str, Any], name: str, args: Json) -> Iterator[Part]:
    """A call once more, with its messages or inputs changed; or another LM, temperature, or instructions."""
    if span["kind"] == "lm":
        told = enumerate(span.get("messages") or (), 1)
        texts = {f"{n} {one['role']}": one["content"] for n, one in told if isinstance(one["content"], str)}
        into, options = "messages", list(OPTIONS)[1:]
    else:
        texts, into, options = span["inputs"], "inputs", list(OPTIONS)
    fields = [field(key, text, into=into) for key, text in texts.items()]
    fields += [
        field(key, as_="number" if key == "other temperature" else "line" if key == "other LM" else None)
        for key in options
    ]
    hint = "A real call. What is empty is as it was."
    yield act("rerun", "Re-run with…", id=name, opens=True)
    yield form("rerun", fields, id=name, args=args, save="Re-run", hint=hint, free=True, stays=True)


def adding(step: Mapping[str, Any], name: str, args: Json, path: str) -> Iterator[Part]:
    """A call into a file of examples."""
    texts = {**step["inputs"], **(step["outputs"] or {})}
    fields = [*(field(key, text, into="fields") for key, text in texts.items()), field(FILE, path, as_="line")]
    yield act("export", "Add to dataset…", id=name, opens=True)
    yield form(
        "export", fields, id=name, args=args, save="Add to dataset", hint="An empty field is left out.", free=True
    )


def replied(span: Mapping[str, Any], made: Any) -> Iterator[Part]:
    """The reply of a call that was made again beside that of then."""
    whole = made.to_dict(media=False)
    now, then = whole["spans"][0], f"then · {duration(span['seconds'])}"
    model = next((one["name"] for one in whole["spans"] if one["kind"] == "lm"), "")
    head = f"now · {model} · {plural(whole['tokens'], 'token')} · {duration(now['seconds'])}"
    yield now["error"] and el("div.notice.bad", now["error"], role="alert")
    yield beside((then, head), _reply(span), _reply(now))


def _reply(span: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"reply": span.get("response") or ""} if span["kind"] == "lm" else span["outputs"] or {}


def _short(text: str) -> str:
    return text if len(text) <= SHORT else f"{text[:SHORT]}…"
