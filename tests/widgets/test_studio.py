"""What goes between a run and its panel."""

from __future__ import annotations

import json
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from browser_side import until
from fake_run import FakeRun, name, row
from parts_read import forms_in

COMMANDS: list[tuple[str, dict[str, Any], tuple[Any, ...]]] = [
    ("pause", {}, ("pause",)),
    ("resume", {}, ("resume",)),
    ("step", {}, ("step",)),
    ("stop", {}, ("stop",)),
    ("cancel", {}, ("cancel",)),
    ("accept", {"candidate": "c"}, ("accept", "c")),
    ("reject", {"candidate": "c", "reason": "too long"}, ("reject", "c", "too long")),
    ("reject", {"candidate": "c", "reason": None}, ("reject", "c", None)),
    ("edit", {"candidate": "c", "slot": "s", "text": "t"}, ("edit", "c", "s", "t")),
    ("keep-demo", {"demo": "d"}, ("keep_demo", "d")),
    ("reject-demo", {"demo": "d", "reason": "wrong label"}, ("reject_demo", "d", "wrong label")),
    (
        "edit-demo",
        {"demo": "d", "fields": {"team": "Billing"}, "candidate": "c"},
        ("edit_demo", "d", {"team": "Billing"}, "c"),
    ),
    ("inject", {"instructions": {"s": "t"}}, ("inject", {"s": "t"}, None, None)),
    ("inject", {"demo": {"team": "Billing"}}, ("inject", None, {"team": "Billing"}, None)),
    ("inject", {"demo": {"team": "Billing"}, "parent": "c"}, ("inject", None, {"team": "Billing"}, None, "c")),
    ("edit", {"candidate": "c", "slot": {"s": "t", "u": "v"}}, ("edit", "c", {"s": "t", "u": "v"}, None)),
    ("pin", {"slot": "s", "candidate": "c"}, ("pin", "s", "c")),
    ("unpin", {"slot": "s"}, ("unpin", "s")),
    ("lock", {"slot": "s", "text": "t"}, ("lock", "s", "t")),
    ("unlock", {"slot": "s", "text": "t"}, ("unlock", "s", "t")),
    ("raise-budget", {"calls": 9, "usd": 2.5}, ("raise_budget", {"calls": 9, "usd": 2.5})),
    ("branch", {}, ("branch", None, None, False)),
    (
        "branch",
        {"at": "c", "budget": {"calls": 9}, "paused": True},
        ("branch", "c", {"calls": 9, "tokens": None, "usd": 2.0, "seconds": None}, True),
    ),
    ("undo", {}, ("undo", None)),
    ("undo", {"decision": 3}, ("undo", 3)),
    ("redo", {}, ("redo",)),
    ("export", {"format": "python", "path": "router.py"}, ("export", "router.py", "python")),
]


@pytest.mark.parametrize(
    ("action", "args", "called"), COMMANDS, ids=[f"{n}-{one[0]}" for n, one in enumerate(COMMANDS)]
)
def test_every_command_is_one_call_of_the_run(
    panel: Any, action: str, args: dict[str, Any], called: tuple[Any, ...]
) -> None:
    """Whatever a button does, a method of the run does."""
    run = FakeRun()
    answer = panel(run).reply("command", action, **args)
    assert run.commands == [called]
    assert answer["ok"] is True
    assert answer["error"] is None


@pytest.mark.parametrize(("format", "ending"), [("json", ".json"), ("python", ".py")])
def test_export_says_what_was_saved_and_where(panel: Any, format: str, ending: str) -> None:
    """The whole path, also of a name without an ending, and which candidate it was."""
    run = FakeRun()
    answer = panel(run).reply("command", "export", format=format, path="router")
    assert run.commands == [("export", f"router{ending}", format)]
    assert answer["result"] == {"said": f"Saved as {Path(f'router{ending}').resolve()}: candidate 12, the best one."}


def test_a_command_that_fails_is_answered_with_the_reason(panel: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """The message goes to the panel, not to any cell."""
    run = FakeRun()
    run.fail = ValueError("the run has ended")
    answer = panel(run).reply("command", "pause")
    assert (answer["ok"], answer["error"]) == (False, "ValueError: the run has ended")
    assert capfd.readouterr() == ("", "")


def test_an_unknown_command_is_answered_with_those_that_there_are(panel: Any) -> None:
    """Somebody scripts the panel and misspells."""
    answer = panel(FakeRun()).reply("command", "explode")
    assert answer["ok"] is False
    assert answer["error"].startswith("ValueError: no such request: 'explode'; there are pause, resume")


def test_a_command_that_waits_for_the_run_does_not_hold_up_the_kernel(panel: Any) -> None:
    """A decision takes effect at the run's next boundary; meanwhile other questions are answered."""
    run, boundary = FakeRun(), threading.Event()
    run.accept = lambda candidate: boundary.wait(5)  # type: ignore[method-assign]
    view = panel(run)
    view.say(type="command", id=1, action="accept", args={"candidate": "c"})
    assert view.reply("get", "pane", 2, candidate=name(3))["value"]["id"] == name(3)
    assert not view.of("done")
    boundary.set()
    until(lambda: view.of("done"))


def test_a_command_that_is_said_again_is_done_once_and_answered_again(panel: Any) -> None:
    """The browser heard no answer and repeats the request with its id: one call of the run, the same answer."""
    run = FakeRun()
    view = panel(run)
    first = view.reply("command", "export", format="json", path="a.json")
    view.say(type="command", id=1, action="export", args={"format": "json", "path": "a.json"})
    assert until(lambda: view.of("done")[1:]) == [first]
    view.reply("command", "pause", 2)
    assert run.commands == [("export", "a.json", "json"), ("pause",)]


def test_a_command_at_work_says_so_when_it_is_said_again(panel: Any) -> None:
    """A decision may wait long for its boundary; whoever asks meanwhile learns that it was heard."""
    run, boundary = FakeRun(), threading.Event()
    called: list[str] = []
    run.accept = lambda candidate: (called.append(candidate), boundary.wait(5))  # type: ignore[method-assign,assignment]
    view = panel(run)
    for _ in range(2):
        view.say(type="command", id=1, action="accept", args={"candidate": "c"})
    assert view.of("working") == [{"type": "working", "id": 1}]
    boundary.set()
    until(lambda: view.of("done"))
    assert called == ["c"]


def test_commands_of_long_ago_are_forgotten(panel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept to know a repeat has a bound."""
    monkeypatch.setattr("lmnb_widgets.widget.REMEMBERED", 3)
    view = panel(FakeRun())
    for ident in range(1, 9):
        view.reply("command", "pause", ident)
    assert len(view._answers) == 3


def test_a_hello_is_answered(panel: Any) -> None:
    """Unheard, it would leave a view that is told nothing: so the browser repeats it until it is heard."""
    view = panel(FakeRun(), look=False)
    view.say(type="hello", view="a", id="a-1")
    assert view.of("got") == [{"type": "got", "id": "a-1", "error": None, "value": None}]


def test_details_examples_and_traces_are_sent_on_demand(panel: Any) -> None:
    """Only what is looked at crosses the wire."""
    view = panel(FakeRun())
    assert view.reply("get", "pane", 1, candidate=name(12), against=None, tab="prompt")["value"]["id"] == name(12)
    page = view.reply("get", "example-rows", 2, candidate=name(12), against=None, offset=10, only=None)["value"]
    assert [one["id"] for one in page["rows"]][:3] == [10, 11, 12]
    errors = view.reply("get", "example-rows", 3, candidate=name(12), against=None, offset=0, only="error")["value"]
    assert errors["total"] == 1
    assert view.reply("get", "trace", 4, candidate=name(12), example=3)["value"]["rows"][0]["name"] == "TicketRouter #3"


def test_a_question_about_no_candidate_is_answered_with_the_error(panel: Any) -> None:
    """The run's own words reach the browser."""
    answer = panel(FakeRun()).reply("get", "pane", candidate="nobody")
    assert answer["error"] == "ValueError: no candidate 'nobody' in this run"
    assert answer["value"] is None


def test_a_delta_holds_what_changed_and_nothing_else(panel: Any) -> None:
    """One row of fifteen, and the number that it follows."""
    run = FakeRun()
    view = panel(run)
    run.change_row(14, done=60)
    delta = until(lambda: view.of("delta"))[0]
    assert (delta["from"], delta["seq"]) == (1, 2)
    assert list(delta["changes"]) == ["candidates"]
    assert [(one["number"], one["done"]) for one in delta["changes"]["candidates"]] == [(14, 60)]
    run.change(state="paused")
    delta = until(lambda: view.of("delta")[1:])[0]
    assert (delta["from"], delta["seq"], delta["changes"]["state"]) == (2, 3, "paused")
    assert set(delta["changes"]) == {"state", "words", "header", "keys"}


def test_deltas_follow_on_each_other_until_the_last_change(panel: Any) -> None:
    """No gap in the numbers, and the end is never withheld, however fast the run changes."""
    run = FakeRun()
    view = panel(run)
    for done in range(34, 100):
        run.change_row(14, done=done)
        time.sleep(0.005)
    until(lambda: view.of("delta") and view.of("delta")[-1]["seq"] == run.seq)
    deltas = view.of("delta")
    assert [one["from"] for one in deltas] == [1, *(one["seq"] for one in deltas[:-1])]
    assert deltas[-1]["changes"]["candidates"][0]["done"] == 99


def test_a_fast_run_sends_ten_deltas_and_two_snapshots_a_second_at_most(panel: Any) -> None:
    """A thousand changes a second must not drown the browser."""
    run = FakeRun()
    view = panel(run)
    start = time.monotonic()
    while time.monotonic() - start < 1.6:
        run.change_row(14, done=int(1000 * (time.monotonic() - start)))
        time.sleep(0.001)
    deltas = [when for when, message in view.sent if message["type"] == "delta"]
    traits = [when for when, _ in view.traits_sent]
    assert 5 <= len(deltas) <= 17
    assert all(later - earlier >= 0.095 for earlier, later in pairwise(deltas))
    assert 1 <= len(traits) <= 4
    until(lambda: view.snapshot["seq"] == run.seq, 2)


def test_nothing_is_sent_while_nobody_looks(panel: Any) -> None:
    """A view that was taken away costs nothing; one that comes back is told where things stand."""
    run = FakeRun()
    view = panel(run)
    view.say(type="bye", view="a")
    run.change_row(14, done=60)
    time.sleep(0.3)
    assert not view.of("delta")
    view.say(type="hello", view="b")
    until(lambda: view.snapshot["candidates"][14]["done"] == 60)


def test_a_gap_is_answered_with_the_whole(panel: Any) -> None:
    """The browser missed a message and says so."""
    run = FakeRun()
    view = panel(run)
    run.change_row(14, done=60)
    until(lambda: view.of("delta"))
    view.say(type="resend", id="a-9")
    assert view.of("snapshot")[0]["id"] == "a-9"
    snapshot = view.of("snapshot")[0]["snapshot"]
    assert snapshot["seq"] == 2
    assert len(snapshot["candidates"]) == 15


def test_two_panels_of_one_run_stay_in_step(panel: Any) -> None:
    """What one does the other shows."""
    run = FakeRun()
    one, two = panel(run), panel(run)
    run.change(state="paused")
    for view in (one, two):
        assert until(lambda view=view: view.of("delta"))[0]["changes"]["state"] == "paused"


def test_a_long_run_is_sent_by_the_page(panel: Any) -> None:
    """Ten thousand candidates: no message holds more than a thousand, and together they are all there."""
    view = panel(FakeRun([row(number, 50.0) for number in range(10_000)]))
    assert len(view.snapshot["candidates"]) == 1_000
    assert view.snapshot["candidates_total"] == 10_000
    numbers = [one["number"] for one in view.snapshot["candidates"]]
    while len(numbers) < 10_000:
        page = view.reply("get", "candidates", len(numbers), offset=len(numbers))["value"]
        assert page["total"] == 10_000
        numbers += [one["number"] for one in page["rows"]]
    assert numbers == list(range(10_000))
    assert all(len(json.dumps(message)) < 1_000_000 for _, message in view.sent)


def test_a_huge_text_is_cut_before_it_is_sent(panel: Any) -> None:
    """A model's reply may have any length; a message holds less than 1 MB and says what is missing."""
    run = FakeRun()
    whole = run.detail(name(12))
    whole["predictors"][0]["instructions"] = "word " * 1_000_000
    run.detail = lambda candidate, against=None: whole  # type: ignore[method-assign]
    answer = panel(run).reply("get", "pane", candidate=name(12), tab="prompt")
    assert len(json.dumps(answer)) < 1_000_000
    assert "… (4,950,000 more characters)" in json.dumps(answer["value"]["body"], ensure_ascii=False)
    edit = next(one for one in forms_in(answer["value"]["forms"]) if one["action"] == "edit")
    assert edit["fields"][0]["text"].endswith("… (4,950,000 more characters)")  # by which the form knows it


def test_a_closed_panel_leaves_no_thread_and_no_subscription(panel: Any) -> None:
    """Re-running a cell a hundred times must not collect threads."""
    run, before = FakeRun(), threading.active_count()
    view = panel(run)
    assert run.subscribers == 1
    view.close()
    until(lambda: threading.active_count() <= before)  # others may end meanwhile
    assert run.subscribers == 0


def test_the_repr_has_no_address(panel: Any) -> None:
    """nbval compares outputs."""
    assert repr(panel(FakeRun())) == "Studio(Run(2025-01-31-tickets, running))"


def test_the_trait_holds_no_prompt_and_no_trace(panel: Any) -> None:
    """The snapshot, which is sent again and again, has scores and labels only."""
    view = panel(FakeRun())
    text = json.dumps(view.get_state(["snapshot", "view", "mount"]))
    assert "invoice" not in text
    assert "Read the ticket" not in text


def test_of_thousands_of_decisions_the_last_ones_travel(panel: Any) -> None:
    """A review function makes as many; a message holds the last, and says how many there are."""
    run = FakeRun()
    run.decided = [
        {"id": n, "kind": "reject", "time": "12:00", "text": "why " * 40, "undone": False} for n in range(9_000)
    ]
    view = panel(run)
    shown = view.snapshot
    assert (len(shown["decisions"]), shown["decisions"][-1]["id"], shown["decisions_total"]) == (1_000, 8_999, 9_000)
    run.decided.append({**run.decided[-1], "id": 9_000})
    run.change()
    told = until(lambda: next((one["changes"] for one in view.of("delta") if "decisions" in one["changes"]), None))
    assert (told["decisions"][-1]["id"], told["decisions_total"]) == (9_000, 9_001)
