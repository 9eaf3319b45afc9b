"""What the panel of an editor shows: its texts and demos with their forms, the exact prompts, and the trials beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmnb_widgets.parts import Element, Part, act, beside, diff, duration, el, field, form, pairs, plural

PROMPT = 6_000
"""Longer messages of a prompt are drawn cut, and so are longer texts of a demo."""
DEMO = 300

Json = dict[str, Any]


def seen(editor: Any) -> Json:
    """An editor as parts: over all, of the program and of its trials."""
    known = editor.to_dict()
    program = [*map(_predictor, known["predictors"]), _slots(known["tools"])]
    name = f"{known['program']}.json"
    file = [field("path", name, label="file", as_="line")]
    save = form("export", file, args={"path": name}, save="Save", free=True)
    return {"head": _head(known), "save": save, "program": el("", *program), "tries": _tries(known)}


def prompts(editor: Any, a: Mapping[str, Any]) -> Part:
    """The exact prompt of each predictor with what is being typed, and how many tokens it had before all edits."""
    inputs = {**editor.inputs, **a["inputs"]}
    now = editor.prompts(inputs, edits={**editor.edits, **a["edits"]})
    was = editor.prompts(inputs, edits={})
    same = all(prompt.tokens == was[path].tokens for path, prompt in now.items())
    first, lone = next(iter(now)), len(now) == 1
    return el(
        "",
        *(
            _prompt(path, prompt, prompt.tokens - was[path].tokens, opened=same and path == first, lone=lone)
            for path, prompt in now.items()
        ),
    )


def _prompt(path: str, prompt: Any, more: int, *, opened: bool, lone: bool) -> Part:
    tokens = plural(prompt.tokens, "token")
    said = [
        tokens if prompt.counted else f"about {tokens}, estimated",
        f" ({more:+,})".replace("-", "−") if more else "",
    ]
    how = "by the LM's own tokenizer" if prompt.counted else "one for every four bytes"
    return el(
        "details",
        el("summary", el("b", "Exact prompt"), " ", "" if lone else f"{path} ", el(".muted.num", *said, title=how)),
        pairs(((one["role"], one["content"]) for one in prompt.messages), "m", PROMPT),
        open=opened or bool(more),
        data_kind="prompt",
        data_id=path,
    )


def _head(known: Json) -> Part:
    applied = ", not applied" if not known["applied"] else ", applied" if known["undo"] else ""
    inject = act("inject", "Save as candidate", title=f"in the run {known['run']}") if known["run"] else None
    what = "Changes your program itself; editor.program is a copy"
    return el(
        "",
        el("h3", known["program"]),
        el(".muted", f"{plural(len(known['edits']), 'edit')}{applied}", role="status"),
        el(
            ".buttons.row-end",
            act("undo", "Undo", shortcut="Backspace", disabled=not known["undo"]),
            act("redo", "Redo", disabled=not known["redo"]),
            inject,
            act("export", "Save as…", opens=True),
            act("accept", "Apply to program", look="primary", title=what),
        ),
    )


def _predictor(known: Json) -> Part:
    path = known["path"]
    return el(
        "div.predictor",
        el("b", path),
        " ",
        el(".muted", known["signature"]),
        _slots(known["slots"]),
        el("h4", plural(len(known["demos"]), "demo")),
        *(_demo(path, demo) for demo in known["demos"]),
        _demo_form(f"{path}:new", {"path": path}, dict.fromkeys([*known["inputs"], *known["outputs"]], "")),
        act("edit-demo", "Add a demo", id=f"{path}:new", opens=True, look="small"),
        role="group",
        aria_label=path,
        data_id=path,
    )


def _slots(rows: list[Json]) -> Part:
    return el("div.form.fields", *map(_slot, rows)) if rows else None


def _slot(row: Json) -> Part:
    """A text that the view draws itself: it is saved when one leaves it."""
    whole, out = row["kind"] == "instructions", row["kind"] == "output"
    given = {
        "slot": row["slot"],
        "label": f"→ {row['name']}" if out else row["name"],
        "text": row["text"],
        "title": row["type"],
        "lines": (4, 14) if whole else (1, 6),
        "placeholder": "" if whole else "no description",
    }
    return Element.of("slot", given, None if row["text"] == row["before"] else diff(row["before"], row["text"]))


def _demo(path: str, demo: Json) -> Part:
    at, fields = demo["number"], demo["fields"]
    ident, about = f"{path}:{at}", {"path": path, "at": at}
    return el(
        "div.one-demo",
        el(
            ".row",
            None if demo["origin"] == "unknown" else el(".tag", demo["origin"]),
            act("edit-demo", "Edit", id=ident, opens=True, look="small"),
            act("reject-demo", "Remove", id=ident, args=about, look="small"),
        ),
        _demo_form(ident, about, fields),
        pairs(fields.items(), cut=DEMO),
        role="group",
        aria_label=f"Demo {at + 1}",
        data_kind="demo",
        data_id=ident,
    )


def _demo_form(ident: str, about: Json, fields: Mapping[str, str]) -> Part:
    asked = [field(name, text, into="fields") for name, text in fields.items()]
    return form("edit-demo", asked, id=ident, args=about, save="Save demo")


def _tries(known: Json) -> Part:
    """Real calls on an input: the last reply beside the one before it on the same input."""
    asked = [field(one["name"], one["text"], into="inputs", placeholder=one["type"]) for one in known["inputs"]]
    hint = "A real call of your program."
    trials = known["trials"]
    return el(
        "",
        el("h4", "Try it"),
        form("rerun", asked, save="Try", hint=hint, free=True, always=True),
        act("rerun", "Try it as it was", id="as-it-was", args={"as_it_was": True}, look="link"),
        _trial(trials[-1], trials[:-1]) if trials else None,
    )


def _trial(last: Json, others: list[Json]) -> Part:
    former = next((one for one in reversed(others) if one["inputs"] == last["inputs"]), None)
    heads = ("no former reply" if former is None else _words(former), _words(last))
    return el(
        "div",
        el("div.notice.bad", last["error"], role="alert") if last["error"] else None,
        beside(heads, former and former["outputs"], last["outputs"]),
        data_kind="trial",
        data_id=last["number"],
        aria_live="polite",
    )


def _words(trial: Json) -> str:
    edits = plural(len(trial["edits"]), "edit") if trial["edits"] else "as it was"
    return f"#{trial['number']} · {edits} · {duration(trial['seconds'])} · {plural(trial['tokens'], 'token')}"
