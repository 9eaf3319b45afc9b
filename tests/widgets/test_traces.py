"""What the trace viewer and the editor do when the browser asks: calls of public methods, and what comes of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from browser_side import BrowserSide, until
from parts_said import actions, fields, parts, texts

import lmnb


def reply(messages: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
    return {"team": "tech" if "Guess" in messages[0]["content"] else "billing"}


@pytest.fixture
def opened(widgets: None) -> Iterator[Callable[..., Any]]:
    """`opened("traces", "TracesWidget", ...)` is that widget with a browser that only listens."""
    made: list[Any] = []

    def make(module: str, name: str, *args: Any, **options: Any) -> Any:
        side = type("Side", (Listening, getattr(import_module(f"lmnb_widgets.{module}"), name)), {})
        made.append(side(*args, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


class Listening(BrowserSide):
    """A browser without a snapshot to watch."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.sent: list[tuple[float, dict[str, Any]]] = []
        super(BrowserSide, self).__init__(*args, **options)


@pytest.fixture
def program() -> lmnb.Predict:
    return lmnb.Predict("ticket -> team", lm=lmnb.FakeLM(reply))


def test_a_call_is_made_again_kept_taken_back_and_added_to_a_file(opened: Any, program: Any, tmp_path: Any) -> None:
    """Each is a public method of a trace, a predictor or lmnb; the old trace stays."""
    trace = program(ticket="Help!").trace
    viewer = opened("traces", "TracesWidget", [trace])
    viewer.reply("command", "rerun", 2, index=0, span=0, **{"other instructions": "Guess."})
    pane = viewer.reply("get", "span", 3, index=0, span=0)["value"]["acts"]
    assert [texts(one) for one in parts(pane, "ins")] == [["tech"]] and trace.root.outputs["team"] == "billing"
    typed = {"messages": {"1 system": "Guess."}, "other temperature": 0.5}
    viewer.reply("command", "rerun", 4, index=0, span=1, **typed)
    asked = viewer.acts.made[0, 1].to_dict()["spans"][0]
    assert asked["messages"][0]["content"] == "Guess." and asked["messages"][1:] == trace.find(1).data["messages"][1:]
    assert asked["request"]["temperature"] == 0.5
    viewer.reply("command", "rerun", 12, index=0, span=1, **{"other temperature": 0, "other LM": " "})
    assert viewer.acts.made[0, 1].to_dict()["spans"][0]["request"]["temperature"] == 0
    cut = {"1 system": "Gue… (1,000 more characters)"}
    assert "shown cut" in viewer.reply("command", "rerun", 5, index=0, span=1, messages=cut)["error"]
    kept = viewer.reply("command", "keep-as-demo", 6, index=0, span=0, fields={"team": "tech"})
    assert kept["result"] == {"said": "Kept: the predictor has 1 demo now."}
    assert program.demos[0].toDict() == {"ticket": "Help!", "team": "tech"}
    pane = viewer.reply("get", "span", 7, index=0, span=1)["value"]["acts"]
    (undo,) = (given for words, given in actions(pane) if words == "Undo keeping")
    viewer.reply("command", undo["action"], 8, **undo["args"])
    assert program.demos == []
    path = tmp_path / "more.jsonl"
    viewer.reply("command", "export", 9, index=0, span=0, fields={"team": "tech"}, **{"to the file": str(path)})
    assert lmnb.load_jsonl(path)[0].toDict() == {"ticket": "Help!", "team": "tech"}
    assert fields(viewer.reply("get", "span", 10, index=0, span=0)["value"]["acts"], "export")["to the file"] == str(
        path
    )
    wrong = viewer.reply("command", "export", 11, index=0, span=0, **{"to the file": "program.py"})
    assert wrong["error"].startswith("InputError: examples are added to a file of JSON lines")


def test_the_viewer_offers_what_can_be_done_with_a_span(opened: Any, program: Any) -> None:
    """A demo only where the program is there; a form holds what the call had, and what was typed is sent by field."""
    trace = program(ticket="Help!").trace
    read = lmnb.Trace.from_dict(trace.to_dict())
    viewer = opened("traces", "TracesWidget", [trace, read])
    said = [viewer.reply("get", "span", n, index=n // 2, span=n % 2)["value"] for n in range(4)]
    words = [[words for words, _ in actions(one["acts"])] for one in said]
    live = ["Keep as demo of the program", "Edit it first…", "Re-run with…", "Add to dataset…"]
    assert words == [live, live, ["Add to dataset…"], ["Re-run with…", "Add to dataset…"]]
    assert list(fields(said[0]["acts"], "rerun")) == ["ticket", "other instructions", "other LM", "other temperature"]
    assert list(fields(said[1]["acts"], "rerun")) == ["1 system", "2 user", "other LM", "other temperature"]
    assert fields(said[1]["acts"], "keep-as-demo") == {"ticket": "Help!", "team": "billing"}
    assert said[3]["name"] == "1.1" and said[3]["code"].startswith("import lmnb")


def test_a_trace_from_a_file_is_asked_of_nobody_it_names(opened: Any, program: Any) -> None:
    """Without a word of the person's the answer is an error, and no demo is kept where no program is."""
    lmnb.configure(lm=None)
    viewer = opened("traces", "TracesWidget", [lmnb.Trace.from_dict(program(ticket="Help!").trace.to_dict())])
    assert "Pass lm=" in viewer.reply("command", "rerun", 2, index=0, span=1)["error"]
    assert "not there" in viewer.reply("command", "keep-as-demo", 3, index=0, span=0)["error"]


def test_new_calls_appear_in_the_history_of_all_calls_while_it_is_looked_at(opened: Any) -> None:
    """A call is told once it is done; where nobody looks nothing is sent, and what was missed comes with the next look."""
    lm = lmnb.FakeLM([f"reply {n}" for n in range(203)])
    lm("before")
    viewer = opened("traces", "TracesWidget", lmnb.history().traces(), history=lmnb.history())
    first = viewer.traces[-1]["id"]
    viewer.say(type="hello", view="a", id=1)
    lm("while it is looked at")
    until(lambda: any(head["preview"] == "reply 1" for told in viewer.of("calls") for head in told["heads"]))
    assert "reply 1" in str(viewer.reply("get", "span", 2, index=first + 1, span=0)["value"]["tabs"])
    for _ in range(200):
        lm("fast")
    until(lambda: any(head["id"] == first + 201 for told in viewer.of("calls") for head in told["heads"]))
    viewer.say(type="bye", view="a")
    when = [moment for moment, message in viewer.sent if message["type"] == "calls"]
    assert all(later - sooner >= 0.09 for sooner, later in pairwise(when)) and len(when) < 20
    lm("while nobody looks")
    missed = viewer.reply("get", "heads", 3, after=first + 201)["value"]["heads"]
    assert [(head["id"], head["preview"]) for head in missed] == [(first + 202, "reply 202")]


def test_a_viewer_of_new_calls_holds_so_many(widgets: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its memory is bounded: the oldest go, and their number says what was asked for."""
    held = import_module("lmnb_widgets.held")
    monkeypatch.setattr(held, "KEPT", 3)
    lm = lmnb.FakeLM([f"reply {n}" for n in range(9)])
    calls = held.Held([], lmnb.history())
    for _ in range(2):
        lm("?")
    calls.heads()
    for _ in range(4):
        lm("?")
    found = calls.heads()
    assert [head["preview"] for head in found["heads"]] == ["reply 3", "reply 4", "reply 5"]
    assert found["first"] == found["heads"][0]["id"] and len(calls) == 3
    with pytest.raises(IndexError, match="is not held"):
        calls.at(found["first"] - 1)


def test_the_editor_does_what_the_browser_says_and_tells_that_it_changed(
    opened: Any, program: Any, tmp_path: Any
) -> None:
    """Edits, demos, trials, undo and the program itself; two views of one editor stay in step."""
    editor = lmnb.edit(program, {"ticket": "Help!"})
    panel, other = (opened("editor", "EditorWidget", editor) for _ in range(2))
    panel.reply("command", "edit", 1, slot="self.instructions", text="Guess.")
    panel.reply("command", "edit-demo", 2, path="self", fields={"ticket": "a", "team": "b"})
    assert panel.changed == other.changed == 2 and len(editor.program.demos) == 1
    panel.reply("command", "reject-demo", 3, path="self", at=0)
    panel.reply("command", "undo", 4)
    panel.reply("command", "redo", 5)
    panel.reply("command", "rerun", 6, inputs={"ticket": "Help!"})
    panel.reply("command", "rerun", 7, inputs={"ticket": "Help!"}, as_it_was=True)
    state = panel.reply("get", "editor", 8)["value"]
    assert [trial.outputs["team"] for trial in editor.trials] == ["tech", "billing"]
    assert not dict(actions(state["head"]))["Undo"]["disabled"] and "1 edit, not applied" in texts(state["head"])
    (changed,) = list(parts(state["program"], "ins"))
    assert "Guess." in changed[2]
    assert [texts(one) for one in parts(state["tries"], "ins")] == [["billing"]]
    assert program.instructions != "Guess."
    panel.reply("command", "accept", 9)
    assert program.instructions == "Guess."
    saved = panel.reply("command", "export", 10, path=str(tmp_path / "program.json"))
    assert '"Guess."' in Path(saved["result"]["path"]).read_text()
    assert "has no slot" in panel.reply("command", "edit", 11, slot="x", text="y")["error"]
    assert "Open it as" in panel.reply("command", "inject", 12)["error"]


def test_the_editor_shows_the_prompt_of_what_is_being_typed(opened: Any, program: Any) -> None:
    """With its tokens and those before; nothing is edited by it."""
    editor = lmnb.edit(program)
    panel = opened("editor", "EditorWidget", editor)
    asked = {"inputs": {"ticket": "Help!"}, "edits": {"self.instructions": "Guess, and say which team it is."}}
    shown = panel.reply("get", "prompts", 1, **asked)["value"]
    words = " ".join(texts(shown))
    assert "Guess, and" in words and re.search(r"Exact prompt.* \d+ tokens {1,2}\([+−]\d+\) system", words)
    assert not editor.edits
    assert "is a text" in panel.reply("get", "prompts", 2, inputs={}, edits={"self.instructions": " "})["error"]
    assert "Help" not in str(panel.get_state())


def test_a_demo_that_is_edited_keeps_its_other_fields(opened: Any, program: Any) -> None:
    """The browser sends the fields that were changed."""
    editor = lmnb.edit(program)
    panel = opened("editor", "EditorWidget", editor)
    panel.reply("command", "edit-demo", 1, path="self", fields={"ticket": "a", "team": "b"})
    panel.reply("command", "edit-demo", 2, path="self", fields={"team": "c"}, at=0)
    assert dict(editor.program.demos[0]) == {"ticket": "a", "team": "c"}
    assert (
        "no demo number 7" in panel.reply("command", "edit-demo", 3, path="self", fields={"team": "c"}, at=7)["error"]
    )


def test_the_editor_says_where_a_demo_is_from_where_that_is_known(opened: Any, program: Any) -> None:
    """A demo that a script gave has no tag instead of one that says "unknown"."""
    example = lmnb.Example(ticket="a", team="b").with_inputs("ticket")
    program.demos = [example, example.with_origin("labelled")]
    panel = opened("editor", "EditorWidget", lmnb.edit(program))
    said = texts(panel.reply("get", "editor", 1)["value"]["program"])
    assert "labelled" in said and "unknown" not in said


def test_the_editor_tries_an_input_whole_that_is_too_long_to_be_shown(opened: Any, program: Any) -> None:
    """What was not typed is not sent back: the kernel has it."""
    ticket = "Help! " * 200_000
    panel = opened("editor", "EditorWidget", editor := lmnb.edit(program, {"ticket": ticket}))
    shown = fields(panel.reply("get", "editor", 1)["value"]["tries"], "rerun")
    assert shown["ticket"].endswith(" more characters)")
    assert "Help! Help!" in str(panel.reply("get", "prompts", 2, inputs={}, edits={})["value"])
    panel.reply("command", "rerun", 3, inputs={})
    assert editor.trials[0].inputs == {"ticket": ticket}


def test_thousands_of_calls_fit_one_message_whatever_they_say(opened: Any) -> None:
    """Pictographs and control characters take many bytes each."""
    lm = lmnb.FakeLM(["\U0001f600" * 300, "\x01" * 300])
    calls = [trace for _ in range(2) if lm("?") for trace in lmnb.history(1).traces()]
    assert len(opened("traces", "TracesWidget", calls * 1_000).traces) == 2_000
