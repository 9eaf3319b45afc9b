"""What the kernel says that the pane of a candidate shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fake_run import FakeRun, name, row
from lmnb_widgets import gestures, wire
from lmnb_widgets.decided import foot
from lmnb_widgets.frame import framed
from lmnb_widgets.pane import pane
from lmnb_widgets.prompt import Shown, demo_table
from lmnb_widgets.wire import LIMIT
from parts_read import forms_in, parts_in, words_in

import lmnb
from lmnb.testing import questions, reply

TABS = ("prompt", "demos", "examples", "traces", "lineage")


class TwoSteps(lmnb.Module):
    """Two predictors with a field in common."""

    def __init__(self) -> None:
        super().__init__()
        self.ask = lmnb.Predict("question -> query")
        self.answer = lmnb.Predict("question, query -> answer")

    def forward(self, question: str) -> Any:
        return self.answer(question=question, query=self.ask(question=question).query)


@pytest.fixture(scope="module")
def run() -> Iterator[Any]:
    """A finished search over one predictor; its candidates hold demos."""
    with lmnb.context(lm=lmnb.FakeLM(lambda messages, **options: reply(messages))):
        made = lmnb.LabeledFewShot(k=3).start(
            lmnb.Predict("question -> answer"), trainset=questions(0, 8), run_dir=None
        )
        made.wait()
        yield made


def of(run: Any, candidate: int = -1, tab: str = "prompt", **more: Any) -> dict[str, Any]:
    return pane(run, {"candidate": run.snapshot()["candidates"][candidate]["id"], "tab": tab, **more})


def undos_in(part: Any) -> list[dict[str, Any]]:
    """What the Undo buttons of a part send, but for that of the last decision."""
    found = (each[1] for each in parts_in(part) if each[0].startswith("act"))
    return [each["args"] for each in found if each["action"] == "undo" and "args" in each]


def decisions_in(part: Any) -> list[int]:
    found = (each[1] or {} for each in parts_in(part))
    return [each["data-id"] for each in found if each.get("data-kind") == "decision"]


def test_every_button_and_form_is_a_command_of_the_studio(widgets: None) -> None:
    """Whatever is offered, in whichever tab and with whichever form open, the kernel carries out."""
    from lmnb_widgets.studio import StudioWidget

    offered = set()
    for tab in TABS:
        for opened in ("", "edit-demo:demo00000017", "reject-demo:demo00000017"):
            told = of(FakeRun(), 12, tab, open=opened, all=True, where=True)
            parts = [each for part in told.values() for each in parts_in(part)]
            offered |= {each[1]["action"] for each in parts if each[0].startswith(("act", "form"))}
    assert offered <= set(StudioWidget.commands)
    assert {
        "accept",
        "reject",
        "edit",
        "branch",
        "inject",
        "lock",
        "pin",
        "keep-demo",
        "edit-demo",
        "undo",
        "export",
        "raise-budget",
    } <= offered


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "waiting", "score": None}, "waiting to be evaluated"),
        ({"status": "partial", "done": 20}, "20 of 100 examples answered"),
        ({"status": "unscored", "score": None}, "no score: accept it or give a validation set"),
        ({"number": 0}, "41.0% (95% CI 33.8 … 48.2) of 100 examples, the program as it came"),
        ({}, "95% CI +0.6 … +13.4 · 9 fixed, 2 broken of 100"),
    ],
)
def test_the_facts_say_how_a_candidate_stands(changes: dict[str, Any], said: str) -> None:
    """In words, whatever its state."""
    run = FakeRun([row(0, 41.0), row(1, 60.0) | {key: one for key, one in changes.items() if key != "number"}])
    assert said in words_in(of(run, changes.get("number", 1))["facts"])


@pytest.mark.parametrize(
    ("label", "tag"),
    [("your edit of #7", "your edit"), ("your demo", "your demo"), ("your instruction", "your instruction")],
)
def test_a_candidate_of_a_person_says_what_they_made(label: str, tag: str) -> None:
    """An added demo is no edit."""
    run = FakeRun([row(0, 41.0), row(1, 60.0, human=True, label=label)])
    assert tag in [
        words_in(each)
        for each in parts_in(of(run, 1)["title"])
        if each[0] == "span.tag.human" or each[0] == ".tag.human"
    ]


def test_what_a_form_asks_for_makes_what_it_says(run: Any) -> None:
    """The edit, the instruction and the demo of the forms are taken by the run as the panel sends them."""
    forms = {(each["action"], each.get("id")): each for each in forms_in(of(run)["forms"])}
    best = run.snapshot()["candidates"][-1]["id"]
    edit = forms["edit", best]
    assert [(each["name"], each["into"]) for each in edit["fields"]] == [("self.instructions", "slot")]
    run.edit(**edit["args"], slot={"self.instructions": "Say it."})
    made = forms["inject", "instruction"]
    assert [(each["name"], each["into"]) for each in made["fields"]] == [("self.instructions", "instructions")]
    run.inject(**made["args"], instructions={"self.instructions": "Say less."})
    demo = forms["inject", "demo"]
    assert [(each["name"], each["into"]) for each in demo["fields"]] == [("question", "demo"), ("answer", "demo")]
    run.inject(**demo["args"], demo={"question": "q1", "answer": "a1"})
    labels = [each["label"] for each in run.snapshot()["candidates"][-3:]]
    assert labels == [f"your edit of #{run.candidates[-4].number}", "your instruction", "your demo"]


def test_a_demo_for_several_predictors_says_which_fields_belong_together() -> None:
    """One form with every field once; the hint names each predictor and its own."""
    with lmnb.context(lm=lmnb.FakeLM(lambda messages, **options: reply(messages))):
        run = lmnb.LabeledFewShot(k=1).start(TwoSteps(), trainset=questions(0, 2), run_dir=None)
        run.wait()
    forms = {(each["action"], each.get("id")): each for each in forms_in(of(run)["forms"])}
    demo, instruction = forms["inject", "demo"], forms["inject", "instruction"]
    assert [each["name"] for each in demo["fields"]] == ["question", "query", "answer"]
    assert demo["hint"] == "Fill in the fields of one predictor. ask: question, query; answer: question, query, answer"
    assert [each["name"] for each in instruction["fields"]] == ["ask.instructions", "answer.instructions"]


def test_undo_beside_a_demo_is_that_of_its_own_decision(run: Any) -> None:
    """Also where another demo was rejected that says the same, and beside the candidate that fell with it."""
    holder = next(each for each in run.candidates if len(list(run.candidate(each).demos())) > 1)
    (_, first), (_, other), *_ = run.candidate(holder).demos()
    run.reject_demo(first, reason="wrong label")
    rejected = {"decision": run.decisions[-1].id}
    run.keep_demo(other)
    told = of(run, holder.number)
    assert undos_in(told["body"]) == [rejected, {"decision": run.decisions[-1].id}]
    assert "Dropped: holds demo" in words_in(told["forms"])
    assert undos_in(told["forms"]) == [rejected]
    run.undo(**rejected)
    assert "Dropped" not in words_in(of(run, holder.number)["forms"])
    run.reject(holder, "too long")
    assert undos_in(of(run, holder.number)["forms"]) == [{"decision": run.decisions[-1].id}]
    run.undo()
    words = "one two three four five six seven eight nine ten"
    made = [run.inject(demo={"question": each, "answer": "x"}) for each in (words, f"{words} eleven")]
    demos = [list(each.demos())[-1][1] for each in made]
    run.reject_demo(demos[0])
    twin = of(run, -1)
    assert demos[1].provenance.id in json.dumps(twin["body"])
    assert {"decision": run.decisions[-1].id} in undos_in(twin["body"])
    assert undos_in(twin["forms"]) == [{"decision": run.decisions[-1].id}]


def test_a_run_to_look_at_says_all_and_offers_nothing() -> None:
    """Without its code there is nothing to decide; the program can be saved."""
    told = of(FakeRun(live=False, state="finished"), 12, all=True)
    actions = {
        each[1]["action"] for part in told.values() for each in parts_in(part) if each[0].startswith(("act", "form"))
    }
    assert actions == {"export", "undo"}
    assert not undos_in(told["foot"])


def test_many_long_demos_leave_room_for_the_form_of_one() -> None:
    """Two hundred demos of long texts: what is edited comes whole, so that it can be saved."""
    fake = FakeRun()
    whole = fake.detail(name(12))
    demo = whole["predictors"][0]["demos"][0]
    long = "word " * 400
    whole["predictors"][0]["demos"] = [
        demo | {"id": f"d{n}", "fields": {"ticket": long, "team": "A"}} for n in range(200)
    ]
    fake.detail = lambda candidate, against=None: whole  # type: ignore[method-assign]
    told = wire.fit(of(fake, 12, open="edit-demo:d7"))
    assert len(json.dumps(told)) < 1_000_000
    (form,) = [each for each in forms_in(told["body"]) if each["action"] == "edit-demo"]
    assert form["fields"][0]["text"] == long


def test_the_foot_tells_the_last_decisions_and_all_of_them_on_demand() -> None:
    """Three in a line; the list has the newest first, and an undo for each that can be undone."""
    fake = FakeRun()
    kinds = [("accept", False), ("stop", False), ("reject", True), ("keep-demo", False), ("raise-budget", False)]
    fake.decided = [
        {"id": n, "time": "10:42", "kind": kind, "text": f"did {kind} “why”", "undone": undone}
        for n, (kind, undone) in enumerate(kinds)
    ]
    assert decisions_in(foot(fake.snapshot(), False)) == [2, 3, 4]
    told = foot(fake.snapshot(), True)
    assert decisions_in(told) == [4, 3, 2, 1, 0]
    assert undos_in(told) == [{"decision": 3}, {"decision": 0}]
    assert "redo" in [each[1].get("action") for each in parts_in(told) if each[1]]


def test_what_was_let_pass_by_mistake_can_be_undone_by_mouse_while_others_wait() -> None:
    """`run.undo()` takes it back as long as the gate is open; after that there is nothing to undo."""
    fake = FakeRun()
    fake.decided = [{"id": 0, "time": "10:42", "kind": "pass", "text": "let demo 3 go on", "undone": False}]
    for waits, disabled in (([], True), ([{"id": "d2"}], False)):
        (undo,) = (
            each[1] for each in parts_in(foot({**fake.snapshot(), "pending": waits}, False)) if each[0] == "act.small"
        )
        assert (undo["action"], undo["disabled"]) == ("undo", disabled)


def test_a_prompt_of_thousands_of_demos_lists_the_first_in_one_message() -> None:
    """And says so; the rest of the pane comes all the same."""
    demo = {"number": 1, "origin": "labelled", "status": None, "decision": None, "fields": {"ticket": "x", "team": "y"}}
    demos = [{**demo, "id": f"d{n}"} for n in range(3_000)]
    part = {"path": "self", "inputs": ["ticket"], "outputs": ["team"], "demos": demos}
    table = demo_table(Shown({"id": "c", "predictors": [part]}, True), part)
    assert len(json.dumps(table)) < LIMIT / 4
    assert "the first 300 of 3,000 demos; run.demos has the others" in words_in(table)


def buttons_in(part: Any) -> list[tuple[str, str]]:
    """The buttons of a part: what they do, and their words."""
    return [(each[1]["action"], words_in(each)) for each in parts_in(part) if each[0].startswith("act")]


def test_while_something_waits_the_buttons_of_a_candidate_say_which_it_is() -> None:
    """Two rows of the same words would be about two things; a candidate that waits itself is answered where it waits."""
    run = FakeRun(state="waiting")
    run.pending = [{"kind": "candidate", "id": name(5), "label": "3 demos", "slot": None, "values": {}}]
    others, itself = of(run, 7)["title"], of(run, 5)["title"]
    assert [words for _, words in buttons_in(others)] == ["Accept #7", "Reject #7", "Edit #7", "Branch"]
    assert not any(
        "shortcut" in each[1]
        for each in parts_in(others)
        if each[0].startswith("act") and each[1]["action"] != "branch"
    )
    assert [action for action, _ in buttons_in(itself)] == ["branch"]
    assert [words for _, words in buttons_in(of(FakeRun(), 7)["title"])] == ["Accept", "Reject", "Edit", "Branch"]


@pytest.mark.parametrize("state", ["running", "pausing", "waiting"])
def test_between_two_items_the_buttons_of_a_candidate_have_no_key(state: str) -> None:
    """A run that asks has the keys for what will wait, until it is paused or has ended."""
    run = FakeRun(state=state)
    run.review = {"asks": True, "timeout": None, "left": None}
    assert framed(run.snapshot())["asks"]
    shown = of(run, 7)["title"]
    keys = {one[1]["action"]: one[1].get("shortcut") for one in parts_in(shown) if one[0].startswith("act")}
    assert keys == {"accept": None, "reject": None, "edit": None, "branch": "B"}
    assert [words for _, words in buttons_in(shown)] == ["Accept #7", "Reject #7", "Edit #7", "Branch"]
    for ended in ("paused", "stopped", "finished"):
        run.state = ended
        assert not framed(run.snapshot())["asks"]
        assert ("accept", "Accept") in buttons_in(of(run, 7)["title"])


@pytest.mark.parametrize(("review", "asked"), [("candidates", True), (None, False), (reply, False)])
def test_a_run_says_whether_it_asks_a_person(review: Any, asked: bool) -> None:
    """What asks a function leaves the keys to the candidates."""
    with lmnb.context(lm=lmnb.FakeLM(lambda messages, **options: reply(messages))):
        run = lmnb.LabeledFewShot(k=1).start(
            lmnb.Predict("question -> answer"), trainset=questions(0, 2), run_dir=None, review=review, paused=True
        )
    assert run.snapshot()["review"]["asks"] is asked
    run.cancel()


def test_what_is_accepted_already_is_not_decided_again(run: Any) -> None:
    """Its button is down, and it and its key say why."""
    name, number = run.best.id, run.best.number
    assert gestures.COMMANDS["accept"](run, {"candidate": name}) is None
    made = len(run.decisions)
    assert gestures.COMMANDS["accept"](run, {"candidate": name}) == {"said": "It is the accepted one already."}
    assert len(run.decisions) == made
    (button,) = (
        one[1]
        for one in parts_in(of(run, number)["title"])
        if one[0].startswith("act") and one[1]["action"] == "accept"
    )
    assert button["pressed"]
    run.undo()


def test_the_baseline_is_shown_against_nothing_until_another_is_chosen() -> None:
    """The choice has words; every other candidate stands against the baseline from the start."""
    run = FakeRun()
    assert of(run, 0)["choices"][0] == ("", "nothing")
    assert "" not in dict(of(run, 7)["choices"])


def test_what_is_expected_is_said_once_and_to_one_digit() -> None:
    """Of the candidate that is shown: in the list it would be of another moment."""
    run = FakeRun()
    assert "81.2 expected on new data" in words_in(of(run, 12)["facts"])
    assert "expected" not in framed(run.snapshot())["top"]
