"""What a Studio is told of a run as a whole, and of what waits at its gates."""

from __future__ import annotations

import json
from typing import Any

import pytest
import worlds
from fake_run import AFTER, BEFORE, FakeRun, name
from lmnb_widgets.examples import example_page
from lmnb_widgets.frame import framed, goes_on
from lmnb_widgets.gestures import COMMANDS
from lmnb_widgets.pending import waiting
from lmnb_widgets.steer import over
from parts_read import forms_in, parts_in

import lmnb
from lmnb.testing import exact, questions, reply


def words(part: Any) -> str:
    """The texts of a part, as somebody reads them."""
    return "".join(map(words, part[2:])) if isinstance(part, list) else "" if part is None else str(part)


def acts(part: Any) -> list[tuple[str, bool]]:
    """The buttons in a part: their actions, and whether they can be pressed."""
    if not isinstance(part, list):
        return []
    own = [(part[1]["action"], not part[1].get("disabled"))] if part[0].split(".")[0] == "act" else []
    return own + [one for inner in part[2:] for one in acts(inner)]


def test_the_keys_do_what_the_buttons_do_as_the_run_stands() -> None:
    """P is pause or resume, S step; none where the button is not there or cannot be pressed."""
    keys = {
        state: framed(FakeRun(state=state).snapshot())["keys"]
        for state in ("running", "paused", "stopping", "failed", "finished")
    }
    assert keys == {
        "running": {"p": "pause", "s": "step"},
        "paused": {"p": "resume", "s": "step"},
        "stopping": {},
        "failed": {"p": "resume"},
        "finished": {},
    }
    assert framed(FakeRun(live=False).snapshot())["keys"] == {}


def test_a_pause_at_a_gate_says_that_it_is_held(tmp_path: Any) -> None:
    """With a countdown or without one: the state, the button and the words beside what waits."""
    with lmnb.context(lm=lmnb.FakeLM(lambda messages, **options: reply(messages))):
        program = lmnb.Predict("question -> answer")
        optimizer = lmnb.COPRO(metric=exact, breadth=2, depth=1)
        options = {"trainset": questions(0, 4), "valset": questions(10, 12), "run_dir": tmp_path / "run"}
        run = optimizer.start(program, review="instructions", **options)
        run.until("pending", 20)
        before = framed(run.snapshot())
        run.pause()
        after = framed(run.snapshot())
        run.cancel()
        run.until("ended", 20)
    assert (before["words"], before["keys"]["p"], before["countdown"]) == ("Waiting for you", "pause", None)
    assert (after["words"], after["keys"]["p"]) == ("Waiting for you · held", "resume")
    assert "the run is held: resume" in words(after["countdown"])
    counted = framed(FakeRun(state="waiting").snapshot() | {"review": {"timeout": 9.0, "left": 4.0}})["countdown"]
    assert counted[2:4] == ["goes on by itself in ", ["clock", {"from": 4.0, "by": -1}]]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": "failed", "error": "RunError: no luck"}, "RunError: no luck"),
        ({"state": "stopped", "ended": "the budget of 30 calls is spent"}, "The budget of 30 calls is spent."),
        ({}, ""),
    ],
)
def test_why_a_run_ended_is_said_above_its_candidates(changes: dict[str, Any], said: str) -> None:
    """An error, or what its snapshot gives as the reason."""
    assert words(framed(FakeRun().snapshot() | changes)["notices"]) == said


def test_a_run_without_a_candidate_says_what_it_waits_for() -> None:
    """Each state has its own words, and none where there is a candidate."""
    states = ("running", "paused", "waiting", "finished")
    said = [words(framed(FakeRun([], state=state).snapshot())["empty"]) for state in states]
    assert len(set(said)) == 4 and said[-1] == "The run ended before there was a candidate."
    assert framed(FakeRun().snapshot())["empty"] is None


def test_a_limit_can_be_raised_where_there_is_one() -> None:
    """Each meter with a limit is a button; money and time are written as elsewhere; without a limit nothing is promised."""
    header = framed(FakeRun(state="stopped").snapshot())["header"]
    assert [action for action, _ in acts(header)] == ["raise-budget", "raise-budget", "resume", "export"]
    assert "1,204 / 3,000 calls" in words(header) and "$0.42 / $2.00" in words(header) and "tokens" not in words(header)


def test_what_its_budget_stopped_offers_to_raise_that() -> None:
    """The button, the key and the form are there; the form proposes more than was spent of what is spent, and no more of the rest."""
    run = FakeRun(state="stopped")
    run.ended, run.calls = "the budget of 3,000 calls is spent", 3_007
    known = framed(run.snapshot())
    assert [action for action, _ in acts(known["header"])] == ["raise-budget"] * 3 + ["export"]
    assert "Raise the budget and resume…" in words(known["header"]) and known["keys"] == {"p": "raise-budget:"}
    form = next(one for one in forms_in(over(run.snapshot())) if one["action"] == "raise-budget")
    assert (form["save"], form["args"]) == ("Raise and resume", {"calls": 6_000})
    assert [(field["name"], field["text"]) for field in form["fields"]] == [("calls", "6000"), ("usd", "2")]


def test_what_is_proposed_for_a_limit_is_above_it_however_small_that_is() -> None:
    """Money is spent in tiny parts: a proposal that is rounded to nothing would raise nothing."""
    told = FakeRun(state="stopped").snapshot() | {"ended": "the budget is spent", "short_of": "usd"}
    told["budget"] = {**told["budget"], "usd": {"spent": 3e-7, "limit": 1e-7}}
    form = next(one for one in forms_in(over(told)) if one["action"] == "raise-budget")
    assert form["args"]["usd"] == 4e-7


def test_a_run_without_a_folder_offers_no_resume() -> None:
    """It cannot go on, however it ended."""
    told = FakeRun(state="stopped").snapshot()
    header = framed(told | {"run": {**told["run"], "path": None}})["header"]
    assert "resume" not in [action for action, _ in acts(header)]


def test_a_budget_raised_in_the_panel_takes_the_run_on(tmp_path: Any) -> None:
    """What the form sends as it stands brings a run that its budget stopped further than that."""
    with lmnb.context(lm=lmnb.FakeLM(lambda messages, **options: reply(messages))):
        optimizer = lmnb.COPRO(metric=exact, breadth=2, depth=1)
        options = {"trainset": questions(0, 4), "valset": questions(10, 12), "run_dir": tmp_path / "run"}
        run = optimizer.start(lmnb.Predict("question -> answer"), budget=lmnb.Budget(calls=3), **options)
        run.until("ended", 20)
        form = next(one for one in forms_in(over(run.snapshot())) if one["action"] == "raise-budget")
        before = run.snapshot()["budget"]["calls"]
        assert goes_on(run.snapshot()) and form["args"]["calls"] > max(before.values())
        COMMANDS["raise-budget"](run, form["args"])
        run.until("ended", 20)
    assert run.snapshot()["budget"]["calls"]["spent"] > before["spent"]


def test_a_run_that_a_budget_of_the_settings_stopped_offers_to_resume(tmp_path: Any) -> None:
    """It has no limit that a form could raise; what is said in Python, `compile` included, names what goes on."""
    outer = lmnb.Budget(calls=3)
    with lmnb.context(lm=lmnb.FakeLM(lambda messages, **options: reply(messages)), budget=outer):
        optimizer = lmnb.COPRO(metric=exact, breadth=2, depth=1)
        options = {"trainset": questions(0, 4), "valset": questions(10, 12), "run_dir": tmp_path / "run"}
        with pytest.warns(UserWarning, match=r"run\.resume\(\) goes on once the budget of lmnb\.configure") as told:
            optimizer.compile(lmnb.Predict("question -> answer"), **options)
    assert "raise_budget" not in str(told[0].message)
    run = lmnb.runs(tmp_path).open("run")
    known = framed(run.snapshot() | {"live": True})
    assert [action for action, _ in acts(known["header"])] == ["resume", "export"] and known["keys"] == {"p": "resume"}


def test_a_candidate_that_waits_shows_what_its_parent_has_not() -> None:
    """Texts that changed as a diff, new demos with their fields; nothing that is the same, nothing empty."""
    run = FakeRun(state="waiting")
    slots = {"route.predict.instructions": AFTER, "route.predict.team.desc": ""}
    run.pending = [{"kind": "candidate", "id": name(5), "label": "3 demos", "slot": None, "values": slots}]
    told = waiting(run, name(5))
    assert [action for action, _ in acts(told["actions"])] == ["accept", "reject", "edit"]
    said = words(told["body"])
    assert BEFORE in said and "choose the one team" in said and "against the baseline" in said
    assert "3 new demos" in said and "charged twice" in said and "show #5" in said
    assert "team.desc" not in said
    sends = next(one[1] for one in told["body"][2:] if one[0].startswith("form.fields"))
    assert sends["args"] == {"candidate": name(5)}
    assert {one["into"] for one in sends["fields"]} == {"slot"}
    child = FakeRun([*run.rows[:6], run.rows[6] | {"parents": [name(5)]}])
    child.pending = [run.pending[0] | {"id": name(6)}]
    said = words(waiting(child, name(6))["body"])
    assert "3 demos as in #5" in said and "new demo" not in said


def test_what_waits_no_longer_is_an_error_that_names_it() -> None:
    """It was answered in another panel."""
    with pytest.raises(LookupError, match="'gone' waits no longer"):
        waiting(FakeRun(), "gone")


def test_examples_come_as_lines_of_short_cells() -> None:
    """The labelled output is the answer; an error stands in its place; only a row that has a trace can be opened."""
    run = FakeRun()
    page = example_page(run, name(12), name(9), "", 0)
    assert json.loads(json.dumps(page))["columns"][4][1] == "against #9"
    assert [(key, number) for key, _, number in page["kinds"] if number is None] == [("", None), ("error", None)]
    first, failed = page["rows"][0], page["rows"][50]
    assert [text for text, _ in first["cells"]][2:4] == ["Billing", "Sales"] and "because" not in str(first["cells"])
    assert "reasoning: because" in first["title"] and first["opens"]
    assert failed["cells"][3] == ("ParseError: the reply has no field 'team'", "err")
    assert [one["id"] for one in example_page(run, name(12), None, "error", 0)["rows"]] == [50]


@pytest.mark.parametrize(
    ("state", "ended"), [("paused", None), ("stopped", "the budget of 3,000 calls is spent"), ("running", None)]
)
def test_one_button_of_the_header_is_the_primary_one(state: str, ended: str | None) -> None:
    """What takes the run on while it rests, else the export."""
    header = framed(FakeRun(state=state).snapshot() | {"ended": ended, "short_of": ended and "calls"})["header"]
    strong = [one[1]["action"] for one in parts_in(header) if one[0] in ("act.lead", "act.primary")]
    assert strong == [{"paused": "resume", "stopped": "raise-budget", "running": "export"}[state]]


def test_what_waits_is_called_by_its_part_of_the_program(tmp_path: Any) -> None:
    """Not by its slot: a demo of `self.demos` is one for the program."""
    with lmnb.context(lm=lmnb.FakeLM(lambda messages, **options: reply(messages))):
        optimizer = lmnb.BootstrapFewShotWithRandomSearch(metric=exact, num_candidate_programs=1)
        options = {"trainset": questions(0, 4), "valset": questions(10, 12), "run_dir": tmp_path / "run"}
        run = optimizer.start(lmnb.ChainOfThought("question -> answer"), review="demos", **options)
        run.until("pending", 20)
        item = run.snapshot()["pending"][0]
        said = words(waiting(run, item["id"])["body"])
        run.cancel()
        run.until("ended", 20)
    assert "for predict" in said and "predict.demos" not in said
    assert item["slot"] == "predict.demos"


def test_a_lock_that_drops_candidates_says_so_in_the_panel(recwarn: pytest.WarningsRecorder) -> None:
    """As every other answer; nothing is written to the kernel's own output, where no cell shows it."""
    run = worlds.search(num_threads=1, paused=True)
    run.step()
    run.until("paused", 30)
    run.edit(0, "rewrite.instructions", "Write a zebra of a query.")
    said = COMMANDS["lock"](run, {"slot": "rewrite.instructions", "text": "zebra"})
    assert said == {"said": "Locked “zebra” in rewrite.instructions, 2 candidates dropped; only yours are left."}
    assert COMMANDS["lock"](run, {"slot": "rewrite.instructions", "text": "query"}) is None
    assert [str(one.message) for one in recwarn if "lack" in str(one.message)] == []
    run.cancel()
    run.until("ended", 30)
