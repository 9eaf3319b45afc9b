"""Demos whose fields are misspelt or missing: what the prompt leaves out is said, once, with what to write."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

import lmnb
from lmnb.errors import InputError

ROUTE = "ticket -> team"


def router(*demos: dict[str, str], signature: str = ROUTE) -> lmnb.Predict:
    predict = lmnb.Predict(signature, lm=lmnb.FakeLM(lambda messages: {"team": "web"}))
    predict.demos = demos
    return predict


def told(caught: list[warnings.WarningMessage]) -> list[str]:
    return [str(each.message) for each in caught]


def test_a_demo_that_the_prompt_leaves_out_is_told_once_with_its_place_and_the_nearest_names() -> None:
    """A misspelt input and a misspelt output are both named, at the caller's line, and the next call says nothing."""
    class_of = router({"ticket": "m1", "team": "web"}, {"tiket": "m1", "team": "web"}, {"ticket": "m1", "taem": "web"})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            class_of(ticket="new")
    assert told(caught) == [
        "demo 1 of 'self' is left out of the prompt, for it has no 'ticket'. Rename 'tiket' to 'ticket'.",
        "demo 2 of 'self' is left out of the prompt, for it has no 'team'. Rename 'taem' to 'team'.",
    ]
    assert {each.filename for each in caught} == {__file__}


def test_the_predictor_is_named_as_its_program_names_it_and_each_predictor_is_told_for_itself() -> None:
    """The same demo in two predictors of a program is two mistakes."""

    class Twice(lmnb.Module):
        def __init__(self) -> None:
            self.hops = [router({"tiket": "m2", "team": "web"}) for _ in range(2)]

        def forward(self, ticket: str) -> lmnb.Prediction:
            return [hop(ticket=ticket) for hop in self.hops][-1]

    with pytest.warns(UserWarning) as caught:
        Twice()(ticket="new")
    assert [text[:20] for text in told(list(caught))] == ["demo 0 of 'hops[0]' ", "demo 0 of 'hops[1]' "]


def test_a_demo_without_a_near_name_says_what_it_has() -> None:
    """Where nothing seems meant for a field, the names that are there are told."""
    with pytest.warns(UserWarning, match="it has no 'ticket'. It has: 'subject', 'team'.$"):
        router({"subject": "m3", "team": "web"})(ticket="new")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({0: "m4", 1: "web"}, "It has: 0, 1."),
        (dict.fromkeys(range(500), "m4"), "10, 11 and 488 more."),
        ({"x" * 500: "m4"}, f"It has: '{'x' * 59}…."),
    ],
)
def test_a_demo_with_strange_names_is_told_in_a_line(fields: dict[Any, str], words: str) -> None:
    """Columns without a heading are numbers, a wide table has many, and a broken file long ones."""
    with pytest.warns(UserWarning) as caught:
        router(fields)(ticket="new")
    [message] = told(list(caught))
    assert message.endswith(words)


def test_a_misspelt_field_of_a_demo_that_is_shown_is_told_and_one_that_is_only_missing_is_not() -> None:
    """A labelled demo has no reasoning, and that is no mistake; extra fields such as an id are none either."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lacking = router({"ticket": "m4", "team": "web", "id": "7"}, signature="context, ticket -> reasoning, team")
        assert "m4" in str(lacking.messages(context="c", ticket="new"))
    wrong = router({"contxt": "m4", "ticket": "m4", "team": "web"}, signature="context, ticket -> team")
    with pytest.warns(
        UserWarning, match="demo 0 of 'context, ticket -> team' is shown without 'context'. Rename 'contxt'"
    ):
        wrong.messages(context="c", ticket="new")


@pytest.mark.parametrize("adapter", [lmnb.ChatAdapter(), lmnb.JSONAdapter(), lmnb.XMLAdapter()])
def test_every_format_tells(adapter: lmnb.Adapter) -> None:
    """The formats share what decides on a demo."""
    name = type(adapter).__name__
    with lmnb.context(adapter=adapter), pytest.warns(UserWarning, match="Rename 'tiket' to 'ticket'"):
        router({"tiket": name, "team": "web"}).messages(ticket="new")


def test_an_editor_says_nothing_of_a_demo_that_is_being_written() -> None:
    """Its prompt is shown as one types, field by field; the call that is tried with it tells."""
    program = router()
    editor = lmnb.edit(program, {"ticket": "new"})
    editor.set("self.demos", [{"ticket": "m8"}])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "m8" not in str(editor.prompts()["self"].messages)
    with pytest.warns(UserWarning, match="demo 0 of 'self' is left out of the prompt, for it has no 'team'"):
        editor.try_on()


def test_demos_of_a_call_made_again_are_told() -> None:
    """`rerun(..., demos=...)` shows demos like any call."""
    prediction = router()(ticket="new")
    with pytest.warns(UserWarning, match="has no 'team'. Rename 'taem' to 'team'"):
        lmnb.rerun(prediction, demos=[{"ticket": "m5", "taem": "web"}])


def examples(field: str, count: int) -> list[lmnb.Example]:
    return [lmnb.Example({field: f"{field} {n}", "team": "web"}).with_inputs(field) for n in range(count)]


def test_training_examples_with_a_misspelt_field_are_told_when_a_search_would_show_them_as_demos() -> None:
    """LabeledFewShot leaves them out of its draw, and says so where it is begun."""
    mixed = [*examples("ticket", 2), *examples("tiket", 3)]
    with pytest.warns(
        UserWarning, match="3 training examples of 5 cannot be shown whole as a demo of 'self'"
    ) as caught:
        tuned = lmnb.LabeledFewShot(k=5).compile(router(), trainset=mixed, run_dir=None)
    assert "Rename 'tiket' to 'ticket'." in told(list(caught))[0] and caught[0].filename == __file__
    assert [demo.ticket for demo in tuned.demos] == ["ticket 1", "ticket 0"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lmnb.LabeledFewShot(k=2).compile(router(), trainset=examples("ticket", 3), run_dir=None)
        lmnb.LabeledFewShot(k=0).compile(router(), trainset=mixed, run_dir=None)


def test_a_run_tells_of_the_demos_that_its_program_comes_with_where_it_is_begun() -> None:
    """Not in the thread of the run, whose warnings nobody sees."""
    with pytest.warns(UserWarning, match="demo 0 of 'self' is left out") as caught:
        lmnb.LabeledFewShot(k=1).compile(
            router({"tiket": "m6", "team": "web"}), trainset=examples("ticket", 2), run_dir=None
        )
    assert len(caught) == 1 and caught[0].filename == __file__


def test_an_injected_candidate_with_a_demo_that_would_be_left_out_is_refused() -> None:
    """Nothing is spent on scoring a candidate that does not show what the person meant."""
    run = lmnb.LabeledFewShot(k=1).start(router(), trainset=examples("ticket", 2), run_dir=None)
    run.wait()
    good, bad = {"ticket": "m7", "team": "web"}, {"ticket": "m7", "taem": "web"}
    with pytest.raises(
        InputError, match=r"demo 1 of self is left out of the prompt, for it has no 'team'. Rename 'taem'"
    ):
        run.inject(candidate={"self.demos": [good, bad]})
    assert len(run.inject(candidate={"self.demos": [good]}).values["self.demos"]) == 1


def begun_with_misspelt(signature: str = ROUTE, **fields: str) -> Any:
    """A run, done with its search, of a program whose demo has these fields."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = lmnb.LabeledFewShot(k=0).start(
            router(fields, signature=signature), trainset=examples("ticket", 2), run_dir=None
        )
        run.wait()
    return run


def test_an_edit_gives_a_demo_the_field_that_it_has_misspelt() -> None:
    """The field that the predictor declares takes the place of the one that stands there; origin and other fields stay."""
    run = begun_with_misspelt(tiket="m8", team="web", note="n")
    child = run.edit_demo(run.candidate(0).values["self.demos"][0], {"ticket": "m8"}, candidate=0)
    [demo] = child.values["self.demos"]
    assert demo.toDict() == {"ticket": "m8", "team": "web", "note": "n"} and demo.provenance.origin == "human"


def test_an_edit_that_leaves_a_demo_out_of_the_prompt_is_refused() -> None:
    """It says what is lacking still; a name that neither the demo nor its predictor has is told with those that there are."""
    run = begun_with_misspelt(tiket="m9", taem="web")
    demo = run.candidate(0).values["self.demos"][0]
    with pytest.raises(InputError, match=r"is left out of the prompt, for it has no 'team'. Rename 'taem' to 'team'"):
        run.edit_demo(demo, {"ticket": "m9"}, candidate=0)
    with pytest.raises(InputError, match="is left out of the prompt, for it has no 'ticket'"):
        run.edit_demo(demo, {"tiket": "again"}, candidate=0)
    with pytest.raises(InputError, match="no field 'colour'; its fields are tiket, taem, ticket, team"):
        run.edit_demo(demo, {"colour": "red"}, candidate=0)
    child = run.edit_demo(demo, {"ticket": "m9", "team": "web"}, candidate=0)
    assert child.values["self.demos"][0].toDict() == {"ticket": "m9", "team": "web"}


def test_a_file_with_a_misspelt_demo_is_told_of_where_it_is_loaded(tmp_path: Path) -> None:
    """Of lmnb or of DSPy, at the caller's line; one whose demos fit says nothing."""
    program = router({"tiket": "m10", "team": "web"}, {"ticket": "m10", "team": "web"})
    program.lm = None
    program.save(tmp_path / "p.json")
    with pytest.warns(UserWarning, match="demo 0 of 'self' is left out of the prompt") as caught:
        lmnb.load(tmp_path / "p.json")
    assert caught[0].filename == __file__ and "Rename 'tiket' to 'ticket'." in str(caught[0].message)
    program.demos = [{"tiket": "m11", "team": "web"}]
    program.export(tmp_path / "d.json", format="dspy")
    with pytest.warns(UserWarning, match="demo 0 of 'self' is left out of the prompt"):
        router().load(tmp_path / "d.json")
    program.demos = [{"ticket": "m12", "team": "web"}]
    program.save(tmp_path / "p.json")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        router().load(tmp_path / "p.json")
