"""What the browser draws, said here: texts, elements, buttons that are one command each, and forms for their arguments.

A part is a text, a number, None (nothing is drawn), or an element as a list `[look, given, *parts]`. Texts stay texts
there, so whatever a model, a data set or a file says is only read. `src/kit/parts.tsx` draws them.

    >>> el("p.muted", "by ", el("b", "you"))
    ['p.muted', None, 'by ', ['b', None, 'you']]
    >>> act("pin", "Pin", id="self.demos", args={"slot": "self.demos"}, look="small")
    ['act.small', {'action': 'pin', 'id': 'self.demos', 'args': {'slot': 'self.demos'}}, 'Pin']
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from lmnb.html import duration as duration  # seconds and dollars as the static reports write them
from lmnb.html import money as money
from lmnb.word_diff import changes

Part = Any
Field = dict[str, Any]

REASONS = ("wrong label", "wrong answer", "not typical", "too long", "leaks the answer", "badly written")
CUT = 1_500
"""Longer texts are drawn cut, with a button that shows the rest."""


class Element(list[Any]):
    """What the functions here make; `of` also makes a look of a view's own. Any other list or mapping among parts is data, and its text is
    read: a file that says `["act", ...]` where a word is meant puts no button into a panel.
    """

    @classmethod
    def of(cls, look: str, given: object, *parts: Part) -> Element:
        known = (str, int, float, Element)
        return cls([look, given, *(one if one is None or isinstance(one, known) else as_text(one) for one in parts)])


def el(look: str, *parts: Part, **given: Any) -> Part:
    """An element: `look` is its tag and classes (`p.muted`; `.muted` is a span). Of what is given, `title`, `role`,
    `colspan`, `scope`, `open` and `aria_…` and `data_…` are its attributes, `w` is its width in a style of the view.
    """
    attributes = {name.replace("_", "-"): value for name, value in given.items() if value is not None}
    return Element.of(look, attributes or None, *parts)


def several(*parts: Part) -> Part:
    """Parts one after the other, as one without an element around them."""
    return Element.of("", None, *parts)


def act(
    action: str,
    words: Part,
    *,
    id: object = None,
    args: Mapping[str, Any] | None = None,
    look: str = "",
    opens: bool = False,
    **more: Any,
) -> Part:
    """A button that is the command `action` with `args`; with `opens` it opens the form of the same action and id instead.
    `more`: `title`, `shortcut`, `disabled`, `pressed`.
    """
    given = {"action": action, "id": id, "args": args, "opens": opens or None, **more}
    return Element.of(
        f"act.{look}" if look else "act", {name: one for name, one in given.items() if one is not None}, words
    )


def go(words: object, look: str = "", *, more: Mapping[str, Any] | None = None, **to: Any) -> Part:
    """A link to something else in the panel: the view knows what is meant by `to`. `more`: `title`, `pressed`, `expanded`."""
    return Element.of(f"go.{look}" if look else "go", {**to, "more": more} if more else to, words)


def field(name: str, text: object = "", **more: Any) -> Field:
    """One field of a form and what stands in it. `more`: `label`, `placeholder`, `lines` (at least, at most), `into` (the
    argument that holds it by its name), `as_`: "line", "number", "check" or the options as (value, words); else it has
    several lines.
    """
    given = {key.rstrip("_"): value for key, value in more.items() if value is not None}
    return {"name": name, "text": as_text(text), **given}


def form(
    action: str,
    fields: Iterable[Field],
    *,
    id: object = None,
    args: Mapping[str, Any] | None = None,
    save: str,
    look: str = "fields",
    head: Part = None,
    **more: Any,
) -> Part:
    """The form that the button of the same action and id opens: sent are `args` and the fields that were changed. `head`
    stands over the fields. `more`: `label`, `hint`, `bad`, `free` (it can be sent as it is), `stays` (open, when it was
    sent), `always` (there without a button), `reasons` (texts by number for its first field).
    """
    given = {"action": action, "id": id, "args": args, "save": save, "fields": list(fields), **more}
    return Element.of(f"form.{look}", {name: one for name, one in given.items() if one is not None}, head)


def reason(
    action: str,
    what: str,
    *,
    id: object = None,
    args: Mapping[str, Any] | None = None,
    reasons: Iterable[str] = REASONS,
) -> Part:
    """The form that asks why, without insisting."""
    asked = [field("reason", label="Why? (optional)", as_="line", placeholder="another reason")]
    more = {"label": f"Reject {what}", "bad": True, "free": True, "reasons": list(reasons)}
    return form(action, asked, id=id, args=args, save=f"Reject {what}", look="reason", **more)


def long(text: object, cut: int = CUT) -> Part:
    """A text that may be long."""
    said = as_text(text)
    return Element.of("long", {"cut": cut}, said) if len(said) > cut else said


def pairs(rows: Iterable[tuple[object, object]], look: str = "", cut: int = CUT) -> Part:
    """Names and what belongs to each: fields, messages, settings."""
    found = [part for name, text in rows for part in (el("dt", as_part(name)), el(f"dd.{look}", long(text, cut)))]
    return el("dl", *found)


def clock(seconds: float, by: int = 0) -> Part:
    """Seconds in words, which the browser counts on: up with `by` 1, down with -1."""
    return Element.of("clock", {"from": seconds, "by": by})


def diff(before: str, after: str) -> Part:
    """`after`, with what it lost against `before` struck out and what it gained marked."""
    if not before and not after:
        return el("div.diff.muted", "(no instruction)")
    pieces = [
        part
        for gone, came, kept in changes(before, after)
        for part in (el("del", gone) if gone else None, el("ins", came) if came else None, kept or None)
        if part is not None
    ]
    return el("div.diff", *pieces)


def beside(
    heads: tuple[str, str],
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
    label: str = "Two replies",
) -> Part:
    """Two replies, a field a row; the words that differ are marked in the second."""
    before, after = before or {}, after or {}
    words = el("div.muted.num", *(el("span", head, role="columnheader") for head in ("field", *heads)), role="row")
    rows = [
        el(
            "div",
            el(".muted", name, role="rowheader"),
            el("div.m", long(before.get(name, "—")), role="cell"),
            el("div.m", _changed(before.get(name), after.get(name)), role="cell"),
            role="row",
        )
        for name in {**before, **after}
    ]
    return el("div.beside", words, *rows, role="table", aria_label=label)


def _changed(before: object, after: object) -> Part:
    if before is None or after is None or before == after:
        return long("—" if after is None else after)
    return diff(as_text(before), as_text(after))


def as_part(value: object) -> Part:
    """An element as it is, anything else as its text."""
    return value if isinstance(value, Element) else as_text(value)


def as_text(value: object) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)


def plural(number: int, word: str) -> str:
    """A number and its word.

    >>> plural(1, "call"), plural(2_000, "call")
    ('1 call', '2,000 calls')
    """
    return f"{number:,} {word}{'' if number == 1 else 's'}"
