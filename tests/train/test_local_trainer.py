"""BootstrapFinetune on the embedded model: trained in this process, resumed, saved and loaded again."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import lmnb
from lmnb.data import tickets


class RouteTicket(lmnb.Signature):
    """Route the ticket to a team."""

    ticket: str = lmnb.InputField()
    team: str = lmnb.OutputField()


def right_team(example: Any, prediction: Any, trace: Any = None) -> bool:
    return prediction.team == example.team


@pytest.fixture
def teacher() -> lmnb.Predict:
    made = lmnb.Predict(RouteTicket)
    made.demos = [dict(row.items()) for row in tickets().train[:6]]
    return made


def start(teacher: lmnb.Predict, **options: Any) -> Any:
    data = tickets()
    optimizer = lmnb.BootstrapFinetune(right_team, train_kwargs=options.pop("train_kwargs", {"epochs": 4}))
    given = {"trainset": data.train[6:54], "valset": data.val[:30], "teacher": teacher, **options}
    return optimizer.start(lmnb.Predict(RouteTicket), **given)


def test_a_stopped_training_is_done_again_and_a_finished_one_never(teacher: lmnb.Predict, tmp_path: Path) -> None:
    """A run that ends inside a training trains again when it is resumed, to the same weights as without the stop; its file loads."""
    lmnb.configure(lm=lmnb.LM("lmnb/tiny"))
    whole = start(teacher, run_dir=tmp_path / "whole")
    tuned = whole.wait(300)
    before, after = (candidate.score for candidate in whole.candidates)
    assert after - before >= 30
    run, stopping = start(teacher, run_dir=tmp_path / "stopped"), threading.Event()

    def stop_it() -> None:
        if not stopping.is_set() and any("step" in event["what"] for event in run.events):
            stopping.set()
            run.stop()

    run.subscribe(stop_it)
    run.wait(300)
    assert run.state == "stopped" and not list((tmp_path / "stopped").glob("weights/*.gguf"))
    run.resume()
    assert run.wait(300).lm.weights == tuned.lm.weights and run.best.id == whole.best.id
    lmnb.configure(lm=None)
    loaded = lmnb.load(tmp_path / "stopped" / "program.json")
    ticket = tickets().test[0].ticket
    assert loaded(ticket=ticket).team == tuned(ticket=ticket).team and Path(loaded.lm.model).parent.name == "weights"
    program = tmp_path / "stopped" / "program.py"
    loaded.export(program, format="python")
    assert "weights=" not in program.read_text() and tuned.lm.weights in program.read_text()
    loaded.lm.kill()
    loaded.lm.launch()


def test_an_option_that_is_not_known_is_named(teacher: lmnb.Predict) -> None:
    """A misspelt train_kwargs fails with what there is."""
    lmnb.configure(lm=lmnb.LM("lmnb/tiny"))
    with pytest.raises(lmnb.RunError, match=r"train_kwargs has 'epoch'.*It takes: epochs"):
        start(teacher, train_kwargs={"epoch": 3}).wait(60)


def test_prompts_and_weights_by_turns_on_the_embedded_model(teacher: lmnb.Predict) -> None:
    """BetterTogether runs p -> w -> p with real weights, and the best of all steps is the result."""
    data = tickets()
    optimizer = lmnb.BetterTogether(
        right_team,
        p=lmnb.LabeledFewShot(k=3),
        w=lmnb.BootstrapFinetune(train_kwargs={"epochs": 2}),
    )
    with lmnb.context(lm=lmnb.LM("lmnb/tiny")):
        run = optimizer.start(lmnb.Predict(RouteTicket), trainset=data.train[:40], valset=data.val[:20])
        run.wait(300)
    assert [candidate.label.partition(" ")[0] for candidate in run.candidates] == ["baseline", "3", "fine-tuned", "3"]
    assert run.best.score == max(candidate.score for candidate in run.candidates) > run.candidates[0].score
